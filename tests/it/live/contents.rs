//! What an image holds is what dpkg unpacks from its packages, less the filters, and what is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::container::unpack;
use super::{KEPT, json, live, need};
use crate::ldconfig::assert_ldconfig_agrees;

/// What there is at a path: its kind, mode and owner, and what it holds.
type Entries = BTreeMap<String, String>;

#[test]
fn images_hold_what_dpkg_unpacks_and_nothing_unnamed() {
    for (release, architecture) in [("debian12", "amd64"), ("debian13", "amd64"), ("debian13", "arm64")] {
        let image = format!("cc-{release}:latest-{architecture}");
        let dir = tempfile::tempdir().unwrap();
        unpack(&live().out(), &image, &dir.path().join("bundle"));
        let mut held = Entries::new();
        walk(&dir.path().join("bundle/rootfs"), "", &mut held);

        let packages = packages(&image);
        let mut expected = Entries::new();
        for (name, deb) in &packages {
            expected.extend(entries(name, deb));
        }
        let generated = generated(&packages, architecture);
        let differences: Vec<_> = held
            .keys()
            .chain(expected.keys())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|path| !generated.contains(*path) && held.get(*path) != expected.get(*path))
            .map(|path| format!("{path}: image {:?}, packages {:?}", held.get(path), expected.get(path)))
            .collect();
        assert!(differences.is_empty(), "{image}\n{}", differences.join("\n"));
        let missing: Vec<_> = generated.iter().filter(|path| !held.contains_key(*path)).collect();
        assert!(missing.is_empty(), "{image} is without {missing:?}");
        let root = dir.path().join("bundle/rootfs");
        trusts_all_of_mozilla(&root, &packages["ca-certificates"]);
        if architecture == "amd64" {
            assert_ldconfig_agrees(&root);
        }
    }
}

/// The image's packages as its SBOM has them, with the .deb of each in the store.
fn packages(image: &str) -> BTreeMap<String, PathBuf> {
    let sbom = json(&live().out().join(format!("sbom/{}.spdx.json", image.replace(':', "_"))));
    let packages = sbom["packages"].as_array().unwrap();
    let is_deb = |file: &Value| file.as_str().is_some_and(|name| name.ends_with(".deb"));
    let binary = packages.iter().filter(|package| is_deb(&package["packageFileName"]));
    binary
        .map(|package| {
            let digest = package["checksums"][0]["checksumValue"].as_str().unwrap();
            let blob = Path::new(KEPT).join("store/blobs/sha256").join(&digest[..2]).join(digest);
            (package["name"].as_str().unwrap().to_owned(), blob)
        })
        .collect()
}

/// Paths that no package has, or that a declared step makes in place of a package's.
fn generated(packages: &BTreeMap<String, PathBuf>, architecture: &str) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = [
        "bin lib sbin",
        "etc/group etc/nsswitch.conf etc/passwd usr/lib/os-release",
        "etc/ld.so.cache etc/ssl/certs/ca-certificates.crt home/nonroot tmp root",
        "var/lib/dpkg/status.d",
    ]
    .iter()
    .flat_map(|line| line.split(' '))
    .map(str::to_owned)
    .collect();
    if architecture == "amd64" {
        paths.insert("lib64".to_owned());
    }
    for name in packages.keys() {
        let status = format!("var/lib/dpkg/status.d/{name}");
        paths.extend([format!("{status}.md5sums"), status]);
    }
    paths
}

/// The filters of the catalog, in words of this test's own.
fn left_out(package: &str, path: &str) -> bool {
    let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let documentation = path.strip_prefix("usr/share/doc/").and_then(|rest| rest.split_once('/'));
    documentation.is_some_and(|(_, file)| file != "copyright")
        || ["doc-base", "info", "man", "bug", "lintian", "locale"]
            .iter()
            .any(|folder| below(&format!("usr/share/{folder}")))
        || ["etc/ca-certificates", "usr/share/ca-certificates"].iter().any(|folder| below(folder))
        || path == "usr/sbin/update-ca-certificates"
        || below("usr/share/zoneinfo/right")
        || (package == "libc-bin"
            && ["etc", "usr/bin", "usr/sbin", "usr/share/libc-bin"].iter().any(|folder| below(folder)))
}

/// What dpkg would unpack, less what filters leave out and the directories that this empties.
fn entries(package: &str, deb: &Path) -> Entries {
    let mut entries = Entries::new();
    let mut emptied = BTreeSet::new();
    let archive = data(deb);
    let mut archive = tar::Archive::new(&archive[..]);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path =
            entry.path().unwrap().to_str().unwrap().trim_start_matches("./").trim_end_matches('/').to_owned();
        // `/bin` itself is a link in base-files, as it is in the image.
        let is_alias = entry.header().entry_type().is_symlink() && !path.contains('/');
        let path = if is_alias { path } else { merged(&path) };
        if let Some(folder) = left_out(package, &path).then(|| path.rsplit_once('/')).flatten() {
            emptied.insert(folder.0.to_owned());
        }
        if path.is_empty() || left_out(package, &path) {
            continue;
        }
        let header = entry.header().clone();
        let owner = format!("{}:{}", header.uid().unwrap(), header.gid().unwrap());
        let kind = header.entry_type();
        let said = if kind.is_dir() {
            format!("dir {:o} {owner}", header.mode().unwrap())
        } else if kind.is_symlink() {
            format!("link {}", entry.link_name().unwrap().unwrap().display())
        } else if kind.is_hard_link() {
            let target = entry.link_name().unwrap().unwrap().to_str().unwrap().to_owned();
            entries[&merged(target.trim_start_matches("./"))].clone()
        } else {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            file(header.mode().unwrap(), &owner, &content)
        };
        entries.insert(path, said);
    }
    let paths: Vec<_> = entries.keys().cloned().collect();
    let holds_something = |folder: &String| paths.iter().any(|path| path.starts_with(&format!("{folder}/")));
    entries.retain(|path, _| !emptied.contains(path) || holds_something(path));
    entries
}

fn data(deb: &Path) -> Vec<u8> {
    need("dpkg", "dpkg-deb");
    let output = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).output().unwrap();
    assert!(output.status.success(), "{}: {}", deb.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The usr-merge.
fn merged(path: &str) -> String {
    let first = path.split('/').next().unwrap();
    if ["bin", "lib", "lib64", "sbin"].contains(&first) { format!("usr/{path}") } else { path.to_owned() }
}

fn file(mode: u32, owner: &str, content: &[u8]) -> String {
    format!("file {mode:o} {owner} {:?}", Sha256::digest(content))
}

fn walk(root: &Path, below: &str, entries: &mut Entries) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        let mode = metadata.mode() & 0o7777;
        let said = if metadata.is_dir() {
            walk(root, &name, entries);
            format!("dir {mode:o} {owner}")
        } else if metadata.is_symlink() {
            format!("link {}", fs::read_link(&path).unwrap().display())
        } else {
            file(mode, &owner, &fs::read(&path).unwrap())
        };
        entries.insert(name, said);
    }
}

/// The bundle has every certificate of the package, as it is there.
fn trusts_all_of_mozilla(root: &Path, deb: &Path) {
    let bundle = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let mut certificates = 0;
    for entry in tar::Archive::new(&data(deb)[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().starts_with("./usr/share/ca-certificates/mozilla") && entry.size() > 0 {
            let mut certificate = String::new();
            entry.read_to_string(&mut certificate).unwrap();
            assert!(
                bundle.contains(certificate.trim()),
                "{} is not in the bundle",
                entry.path().unwrap().display()
            );
            certificates += 1;
        }
    }
    assert!(certificates > 100, "{certificates}");
    assert_eq!(bundle.matches("-----BEGIN CERTIFICATE-----").count(), certificates);
}

#[test]
fn no_image_gives_rights_and_every_script_that_is_not_run_has_a_reason() {
    for row in &live().built {
        assert_eq!(row.privileged, [Value::Null; 0], "{}", row.image);
        for script in &row.scripts {
            assert!(script.reason.len() > 20, "{}: {script:?}", row.image);
        }
    }
    let cc = live().built.iter().find(|row| row.image == "cc-debian13:latest").unwrap();
    let packages: BTreeSet<_> = cc.scripts.iter().map(|script| script.package.as_str()).collect();
    let expected = ["base-files", "ca-certificates", "libc-bin", "libc6", "netbase", "tzdata"];
    assert_eq!(Vec::from_iter(packages), expected);
}
