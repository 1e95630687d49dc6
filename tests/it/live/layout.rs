//! The layout is what OCI says, and what skopeo and umoci read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::container::{Container, unpack};
use super::{json, live, tool};

fn sha256(mut from: impl Read) -> String {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer).unwrap() {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn strings(values: &Value) -> Vec<&str> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

/// Follows descriptors from the index down to layers, and gives the digests of all that is reached.
fn reached(out: &Path) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<Value> = json(&out.join("index.json"))["manifests"].as_array().unwrap().clone();
    while let Some(descriptor) = open.pop() {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let blob = out.join("blobs/sha256").join(digest);
        assert_eq!(fs::metadata(&blob).unwrap().len(), descriptor["size"].as_u64().unwrap(), "{descriptor}");
        if !reached.insert(digest.to_owned()) {
            continue;
        }
        match descriptor["mediaType"].as_str().unwrap() {
            "application/vnd.oci.image.index.v1+json" => {
                open.extend(json(&blob)["manifests"].as_array().unwrap().clone());
            }
            "application/vnd.oci.image.manifest.v1+json" => {
                let manifest = json(&blob);
                open.push(manifest["config"].clone());
                open.extend(manifest["layers"].as_array().unwrap().clone());
            }
            "application/vnd.oci.image.config.v1+json"
            | "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.empty.v1+json"
            | "application/spdx+json"
            | "application/spdx3+json"
            | "application/vnd.in-toto+json"
            | "application/vnd.distro.sealed.v1.tar+gzip" => {}
            other => panic!("{other} in {descriptor}"),
        }
    }
    reached
}

#[test]
fn every_blob_hashes_to_its_name_and_is_referred_to() {
    let out = live().out();
    let mut blobs = BTreeSet::new();
    for entry in fs::read_dir(out.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(sha256(File::open(&path).unwrap()), name);
        blobs.insert(name);
    }
    assert_eq!(blobs, reached(&out));
    assert_eq!(json(&out.join("oci-layout"))["imageLayoutVersion"], "1.0.0");
}

#[test]
fn configs_name_the_unpacked_layers_and_what_is_in_them() {
    let out = live().out();
    let blob = |digest: &str| out.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    for row in live().built.iter().filter(|row| row.image.starts_with("cc-") && row.image.ends_with(":debug"))
    {
        let manifest = json(&blob(&row.digest));
        let config = json(&blob(manifest["config"]["digest"].as_str().unwrap()));
        let layers = manifest["layers"].as_array().unwrap();
        let unpacked: Vec<_> = layers
            .iter()
            .map(|layer| {
                let file = File::open(blob(layer["digest"].as_str().unwrap())).unwrap();
                format!("sha256:{}", sha256(MultiGzDecoder::new(io::BufReader::new(file))))
            })
            .collect();
        assert_eq!(strings(&config["rootfs"]["diff_ids"]), unpacked, "{row:?}");
        assert_eq!(config["architecture"], row.architecture.as_str());
        let history = config["history"].as_array().unwrap();
        assert_eq!(history.len(), layers.len());
        assert!(history.iter().any(|step| step["created_by"].as_str().unwrap().contains("libstdc++6")));
    }
}

#[test]
fn skopeo_copies_an_image_to_every_transport() {
    let out = live().out();
    let dir = tempfile::tempdir().unwrap();
    let to = |transport: &str, name: &str| format!("{transport}:{}", dir.path().join(name).display());
    for image in ["cc-debian13:debug", "static-debian12:nonroot"] {
        let from = format!("oci:{}:{image}", out.display());
        let name = image.replace(':', "-");
        for to in [
            to("oci-archive", &format!("{name}.oci.tar")),
            to("docker-archive", &format!("{name}.docker.tar:example/{image}")),
            to("dir", &name),
        ] {
            let policy = ["--insecure-policy", "--override-arch", "amd64", "--override-os", "linux"];
            tool("skopeo", "skopeo", &[&policy[..], &["copy", "--quiet", &from, &to]].concat());
        }
        let all = to("dir", &format!("{name}-all"));
        tool("skopeo", "skopeo", &["--insecure-policy", "copy", "--quiet", "--all", &from, &all]);
        let index = fs::read(dir.path().join(format!("{name}-all/manifest.json"))).unwrap();
        let refers = json(&out.join("index.json"))["manifests"].as_array().unwrap().clone();
        let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == image;
        let digest = refers.iter().find(named).unwrap()["digest"].clone();
        assert_eq!(format!("sha256:{}", sha256(&index[..])), digest, "skopeo changed {image}");
    }
}

#[test]
fn skopeo_sees_platforms_environment_and_layers() {
    let from = format!("oci:{}:base-debian13:debug", live().out().display());
    for (architecture, variant) in [("amd64", None), ("arm64", Some("v8"))] {
        let mut arguments = vec!["--override-os", "linux", "--override-arch", architecture];
        arguments.extend(variant.iter().flat_map(|variant| ["--override-variant", variant]));
        arguments.extend(["inspect", &from]);
        let seen: Value = serde_json::from_str(&tool("skopeo", "skopeo", &arguments)).unwrap();
        assert_eq!((seen["Os"].as_str(), seen["Architecture"].as_str()), (Some("linux"), Some(architecture)));
        assert!(seen["Layers"].as_array().unwrap().len() > 10, "{seen}");
        assert_eq!(
            strings(&seen["Env"]),
            [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/busybox",
                "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
            ]
        );
    }
}

#[test]
fn umoci_makes_a_bundle_of_each_architecture() {
    for image in ["cc-debian12", "cc-debian13"] {
        let process = Container::new(&format!("{image}:nonroot")).process();
        assert_eq!((&process["user"]["uid"], &process["user"]["gid"]), (&65532.into(), &65532.into()));
        assert_eq!(process["cwd"], "/home/nonroot");
        let dir = tempfile::tempdir().unwrap();
        unpack(&live().out(), &format!("{image}:debug-arm64"), &dir.path().join("arm64"));
        let loader =
            fs::read(dir.path().join("arm64/rootfs/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"));
        assert_eq!(&loader.unwrap()[..4], b"\x7fELF");
    }
}
