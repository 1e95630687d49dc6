//! Layouts that a disk damaged: right sizes, wrong bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::layout::sha256;
use crate::sign::make_keys;
use crate::workshop::Workshop;

fn built() -> Workshop {
    let workshop = Workshop::new();
    workshop.lock().build(&["static:latest"]).success();
    workshop
}

/// The blobs of a layout and their bytes, by their digests.
fn blobs(workshop: &Workshop) -> BTreeMap<String, (PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(workshop.world.path("out/blobs/sha256")).unwrap().map(|entry| entry.unwrap());
    let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), read(entry.path()))).collect()
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn damage(path: &PathBuf) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_document_that_is_damaged_is_written_anew() {
    let workshop = built();
    let index = workshop.world.read("out/index.json");
    let whole = blobs(&workshop);
    // The empty configuration of artifacts, the sealed lock and the documents.
    let sealed = workshop.out().referrers(&workshop.out().digest("static-debian13:latest"))[0].1["layers"][1]
        ["digest"]
        .as_str()
        .unwrap()[7..]
        .to_owned();
    for (digest, (path, bytes)) in &whole {
        if is_gzip(bytes) && *digest != sealed {
            continue;
        }
        damage(path);
        workshop.build(&["static:latest"]).success();
        assert_eq!(sha256(&fs::read(path).unwrap()), *digest, "{}", String::from_utf8_lossy(bytes));
        assert_eq!(workshop.world.read("out/index.json"), index);
    }
    for sbom in workshop.out().sboms() {
        let path = workshop.world.path(format!("out/sbom/{sbom}"));
        let text = fs::read(&path).unwrap();
        damage(&path);
        workshop.build(&["static:latest"]).success();
        assert!(fs::read(&path).unwrap() == text, "{sbom}");
    }
}

#[test]
fn a_layer_that_is_damaged_is_written_anew_where_that_is_asked_for() {
    let workshop = built();
    let layer = workshop.out().image("static-debian13:latest-amd64").layer_digests()[0][7..].to_owned();
    let path = workshop.world.path(format!("out/blobs/sha256/{layer}"));
    damage(&path);
    workshop.build(&["static:latest"]).success();
    assert_ne!(sha256(&fs::read(&path).unwrap()), layer, "its size is enough");
    workshop.build(&["static:latest", "--check"]).success();
    workshop.out();
}

#[test]
fn a_signature_that_is_damaged_is_made_anew_by_the_next() {
    let workshop = built();
    make_keys(&workshop.world);
    let sign = || workshop.world.distro(&["sign", "--key", "a"]).success();
    sign();
    let (index, whole) = (workshop.world.read("out/index.json"), blobs(&workshop));
    let bundle = whole.values().find(|(_, bytes)| bytes.windows(12).any(|window| window == b"dsseEnvelope"));
    damage(&bundle.unwrap().0);
    let said = sign();
    assert!(said.stderr.contains("Signed 1 manifest; 1 were signed by the key"), "{said}");
    assert_eq!(workshop.world.read("out/index.json"), index);
    workshop.out();
}
