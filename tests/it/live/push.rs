//! Real images in Debian's docker-registry: pushed and signed by us, pulled, verified and run by others.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::container::Container;
use super::{Live, distro, live, tool};
use crate::layout::{Layout, sha256};
use crate::registry::DockerRegistry;
use crate::sign::{make_keys, openssl};

/// Small ones, an interpreter that runs a program, and one that shares nearly all with it.
const IMAGES: [&str; 3] = ["static-debian13", "cc-debian13:debug", "python3-debian13"];

/// A registry with some of the catalog, for both architectures, signed.
struct Published<'a> {
    live: &'a Live,
    registry: DockerRegistry,
    directory: tempfile::TempDir,
}

impl Published<'_> {
    fn new() -> Self {
        let live = live();
        let directory = tempfile::Builder::new().prefix("push-").tempdir().unwrap();
        let registry = DockerRegistry::start(directory.path(), "");
        let published = Self { live, registry, directory };
        let out = published.path("out");
        let build = ["build", "--offline", "--arch", "all", "--out", out.to_str().unwrap()];
        distro(&live.world, &[&build[..], &IMAGES].concat()).success();
        make_keys(&live.world);
        let sign = ["sign", "--out", out.to_str().unwrap(), "--key", "a", "--form", "both"];
        distro(&live.world, &sign).success();
        published.push().success();
        published
    }

    fn push(&self) -> crate::run::Said {
        let (out, destination) = (self.path("out"), self.destination());
        let push = ["push", "--out", out.to_str().unwrap()];
        distro(&self.live.world, &[&push[..], &IMAGES, &[&destination]].concat())
    }

    fn destination(&self) -> String {
        format!("{}/base", self.registry.host())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Has skopeo copy what a tag points to.
    fn pull(&self, from: &str, to: &str) {
        let from = format!("docker://{}/{from}", self.destination());
        let options = ["--insecure-policy", "copy", "--quiet", "--all", "--src-tls-verify=false"];
        tool("skopeo", "skopeo", &[&options[..], &[&from, to]].concat());
    }
}

#[test]
fn published_images_are_pulled_verified_and_run_by_other_programs() {
    let published = Published::new();
    let said = published.push().success();
    assert!(said.stderr.contains("Pushed nothing"), "{said}");
    let out = Layout::read(&published.path("out"));

    // Every index, with the images of both architectures, comes back byte for byte.
    let back = published.path("back");
    let indexes: Vec<_> = out
        .names()
        .into_iter()
        .filter(|name| out.references[*name]["mediaType"].as_str().unwrap().contains("index"))
        .collect();
    assert_eq!(indexes.len(), 4 + 1 + 4, "{indexes:?}");
    for name in &indexes {
        published.pull(name, &format!("oci:{}:{name}", back.display()));
        assert_eq!(out.document(name)["manifests"].as_array().unwrap().len(), 2, "{name}");
    }
    let pulled = |digest: &str| fs::read(back.join("blobs/sha256").join(&digest[7..])).unwrap();
    for name in &indexes {
        let index = pulled(&out.digest(name));
        assert_eq!(format!("sha256:{}", sha256(&index)), out.digest(name), "{name}");
        let index: Value = serde_json::from_slice(&index).unwrap();
        for platform in index["manifests"].as_array().unwrap() {
            let manifest: Value =
                serde_json::from_slice(&pulled(platform["digest"].as_str().unwrap())).unwrap();
            for layer in manifest["layers"].as_array().unwrap() {
                assert_eq!(pulled(layer["digest"].as_str().unwrap()), out.blob(layer), "{name}");
            }
        }
    }

    // One of them runs.
    let name = "python3-debian13:latest";
    published
        .pull(&format!("{name}-amd64"), &format!("oci:{}:{name}-amd64", published.path("run").display()));
    let said =
        Container::of(&published.path("run"), name).enter(&["-c", "import ssl, sys; print(sys.platform)"]);
    assert_eq!((said.stdout.as_str(), said.status), ("linux\n", Some(0)), "{said}");

    // The signature that the registry has is by the key, and of this image.
    let digest = out.digest(name);
    let sig = published.path("sig");
    published.pull(
        &format!("python3-debian13:{}.sig", digest.replace(':', "-")),
        &format!("dir:{}", sig.display()),
    );
    let manifest: Value = serde_json::from_slice(&fs::read(sig.join("manifest.json")).unwrap()).unwrap();
    let layer = &manifest["layers"][0];
    let payload = sig.join(&layer["digest"].as_str().unwrap()[7..]);
    let signed: Value = serde_json::from_slice(&fs::read(&payload).unwrap()).unwrap();
    assert_eq!(signed["critical"]["image"]["docker-manifest-digest"], digest);
    assert_eq!(verify(&published, &payload, layer), "Verified OK\n");

    // SBOMs are listed under the tag of the image that they describe, and come whole.
    let platform = out.digest(&format!("{name}-amd64"));
    let raw = |at: &str| {
        let from = format!("docker://{}/python3-debian13{at}", published.destination());
        tool("skopeo", "skopeo", &["inspect", "--raw", "--tls-verify=false", &from])
    };
    let listed: Value = serde_json::from_str(&raw(&format!(":{}", platform.replace(':', "-")))).unwrap();
    let listed = listed["manifests"].as_array().unwrap();
    let of_type = |kind: &str| listed.iter().filter(|one| one["artifactType"] == kind).count();
    let kinds = ["application/spdx+json", "application/spdx3+json", "application/vnd.in-toto+json"];
    assert_eq!(kinds.map(of_type), [1, 1, 1]);
    assert_eq!(of_type("application/vnd.dev.sigstore.bundle.v0.3+json"), 4, "of each, and of the image");
    for one in listed {
        let digest = one["digest"].as_str().unwrap();
        assert_eq!(format!("sha256:{}", sha256(raw(&format!("@{digest}")).as_bytes())), digest);
    }
}

/// What openssl says of a classic signature.
fn verify(published: &Published<'_>, payload: &Path, layer: &Value) -> String {
    let world = &published.live.world;
    world.write("base64", layer["annotations"]["dev.cosignproject.cosign/signature"].as_str().unwrap());
    openssl(world, &["base64", "-d", "-A", "-in", "base64", "-out", "signature"]);
    let payload = payload.to_str().unwrap();
    openssl(world, &["dgst", "-sha256", "-verify", "a.pub", "-signature", "signature", payload])
}
