use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The smallest document that names an image, with a package built from another source too.
fn document() -> Value {
    let manifest = Sha256::of(b"manifest").oci();
    let purl = |text: &str| json!([{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": text }]);
    json!({
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "cc-debian13:debug (linux/arm64/v8)",
        "documentNamespace": "https://example.org/spdx/cc-debian13/debug-nonroot-arm64/0123",
        "creationInfo": { "created": "2026-11-21T00:00:00Z", "creators": ["Tool: distro-0.1.0"] },
        "packages": [
            { "SPDXID": "SPDXRef-Image", "name": "cc-debian13", "versionInfo": manifest,
              "primaryPackagePurpose": "CONTAINER",
              "externalRefs": purl("pkg:oci/cc-debian13@sha256%3A0?arch=arm64&tag=debug-nonroot") },
            { "SPDXID": "SPDXRef-OperatingSystem-debian", "name": "debian", "versionInfo": "13",
              "primaryPackagePurpose": "OPERATING_SYSTEM" },
            { "SPDXID": "SPDXRef-Binary-busybox-static", "name": "busybox-static", "versionInfo": "1:1.37-1+b2",
              "sourceInfo": "built package from: busybox 1:1.37-1", "licenseDeclared": "NOASSERTION",
              "licenseConcluded": "GPL-2.0-only", "unknown": 7,
              "checksums": [{ "algorithm": "SHA256", "checksumValue": "ab" }],
              "externalRefs": purl("pkg:deb/debian/busybox-static@1%3A1.37-1%2Bb2?arch=arm64") },
            { "SPDXID": "SPDXRef-Upstream-node", "name": "node", "versionInfo": "22.1.0" },
            { "SPDXID": "SPDXRef-Generator-accounts", "name": "accounts", "versionInfo": "0.1.0" },
            { "SPDXID": "SPDXRef-Source-glibc", "name": "glibc", "versionInfo": "2.41-12",
              "primaryPackagePurpose": "SOURCE" },
        ],
        "files": [
            { "SPDXID": "SPDXRef-1", "fileName": "./usr/bin/busybox",
              "checksums": [{ "algorithm": "SHA1", "checksumValue": "cd" }] },
        ],
        "relationships": [
            { "spdxElementId": "SPDXRef-Binary-busybox-static", "relationshipType": "STATIC_LINK",
              "relatedSpdxElement": "SPDXRef-Source-glibc" },
            { "spdxElementId": "SPDXRef-Binary-busybox-static", "relationshipType": "CONTAINS",
              "relatedSpdxElement": "SPDXRef-1" },
        ],
    })
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut document = document();
    change(&mut document);
    Inventory::parse(&document.to_string()).unwrap_err().to_string()
}

#[test]
fn a_document_tells_what_is_in_an_image() {
    let inventory = Inventory::parse(&document().to_string()).unwrap();
    assert_eq!(inventory.reference(), "cc-debian13:debug-nonroot-arm64");
    assert_eq!(inventory.manifest, Sha256::of(b"manifest"));
    assert_eq!(inventory.system.version.as_deref(), Some("13"));
    let [busybox] = &inventory.packages[..] else { panic!("{inventory:?}") };
    assert_eq!((busybox.version.as_str(), busybox.source.version.as_str()), ("1:1.37-1+b2", "1:1.37-1"));
    assert_eq!(busybox.built_using.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["glibc"]);
    assert_eq!(busybox.element.license_declared, None);
    assert_eq!(busybox.element.license_concluded.as_deref(), Some("GPL-2.0-only"));
    let names: Vec<_> = inventory.contents().map(|element| element.name.as_str()).collect();
    assert_eq!(names, ["busybox-static", "node", "accounts"]);
    let [file] = &inventory.files[..] else { panic!("{inventory:?}") };
    assert_eq!(
        (file.path.as_str(), file.owner.as_str()),
        ("/usr/bin/busybox", "SPDXRef-Binary-busybox-static")
    );
}

#[test]
fn what_makes_no_sense_is_named() {
    assert_eq!(
        refused(|it| it["spdxVersion"] = "SPDX-2.2".into()),
        "it is of `SPDX-2.2`, and SPDX-2.3 can be read"
    );
    assert_eq!(
        refused(|it| it["packages"][2]["sourceInfo"] = Value::Null),
        "`sourceInfo` of `SPDXRef-Binary-busybox-static` does not say `built package from: SOURCE VERSION`"
    );
    assert_eq!(
        refused(|it| it["packages"][0]["versionInfo"] = "latest".into()),
        "`versionInfo` of `SPDXRef-Image` is wrong: `latest` is not a SHA-256 digest: 64 hexadecimal digits are expected"
    );
    assert_eq!(
        refused(|it| it["documentNamespace"] = "https://example.org/1".into()),
        "`documentNamespace` of `SPDXRef-DOCUMENT` does not end in `/debug-nonroot-ARCHITECTURE/DIGEST`"
    );
    assert_eq!(
        refused(|it| it["packages"] = json!([])),
        "it describes no image: no package of it has the purpose CONTAINER"
    );
    assert_eq!(
        refused(|it| it["relationships"] = json!([])),
        "`relationships` of `SPDXRef-1` is contained in no package"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = Inventory::parse(&text);
    }

    /// Every value of a sound document, replaced by another.
    #[test]
    fn no_document_panics(place in 0_usize..80, value in prop_oneof![Just(Value::Null), ".*".prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(json!([])), Just(json!({}))]) {
        fn replace(document: &mut Value, place: &mut usize, value: &Value) {
            if *place == 0 {
                *document = value.clone();
            }
            *place = place.wrapping_sub(1);
            match document {
                Value::Array(items) => items.iter_mut().for_each(|item| replace(item, place, value)),
                Value::Object(map) => map.values_mut().for_each(|item| replace(item, place, value)),
                _ => {}
            }
        }
        let (mut document, mut place) = (document(), place);
        replace(&mut document, &mut place, &value);
        let _ = Inventory::parse(&document.to_string());
    }
}
