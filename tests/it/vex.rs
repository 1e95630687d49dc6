//! What is known of the vulnerabilities of images, as OpenVEX.

use serde_json::Value;

use crate::desk::{assert_refused, assert_same, without_digests};
use crate::find::{locked, workshop};
use crate::run::Said;
use crate::sign::make_keys;
use crate::workshop::Workshop;

const STATEMENTS: &str = r#"
[[vex]]
vulnerability = "CVE-2026-27171"
packages = ["zlib1g"]
status = "not_affected"
justification = "vulnerable_code_not_in_execute_path"
impact = "nothing in the image combines checksums"
author = "Ada <ada@example.org>"
date = 2026-11-10

[[vex]]
vulnerability = "CVE-2026-35189"
packages = ["src:openssl"]
images = ["one-debian13:latest"]
status = "affected"
action = "do not follow distribution points"
date = 2026-11-21
"#;

fn built() -> Workshop {
    let workshop = locked();
    workshop.build(&[]).success();
    workshop
}

fn vex(workshop: &Workshop, more: &[&str]) -> Said {
    workshop.world.distro(&[&["vex", "one", "--arch", "amd64"], more].concat())
}

/// Each statement in a line: what, how, why, of which packages.
fn summary(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let statements = document["statements"].as_array().unwrap().iter().map(|statement| {
        let because = ["justification", "impact_statement", "action_statement"];
        let because = because.map(|key| text(&statement[key])).concat();
        let packages = statement["products"][0]["subcomponents"].as_array().unwrap();
        let packages: Vec<_> = packages.iter().map(|package| text(&package["identifiers"]["purl"])).collect();
        format!(
            "{} {} ({because}) {}\n",
            text(&statement["vulnerability"]["name"]),
            text(&statement["status"]),
            packages.join(" ")
        )
    });
    statements.collect()
}

#[test]
fn a_document_says_what_the_tracker_knows_of_an_image() {
    let workshop = built();
    let said = vex(&workshop, &["--tracker", "tracker.json"]);
    let summary = Said { stdout: summary(&said.stdout), ..said.clone() };
    summary.assert_is(r#"
status: 0
----- stdout -----
CVE-2010-4756 not_affected (Debian takes it for no danger to its packages.) pkg:deb/debian/busybox-static
CVE-2010-4756 not_affected (Debian takes it for no danger to its packages.) pkg:deb/debian/libc6
CVE-2022-37434 fixed () pkg:deb/debian/zlib1g
CVE-2023-29491 fixed () pkg:deb/debian/libtinfo6
CVE-2023-42363 fixed () pkg:deb/debian/busybox-static
CVE-2023-45853 fixed () pkg:deb/debian/zlib1g
CVE-2023-50495 fixed () pkg:deb/debian/libtinfo6
CVE-2024-3094 fixed () pkg:deb/debian/liblzma5
CVE-2025-4802 fixed () pkg:deb/debian/busybox-static
CVE-2025-4802 fixed () pkg:deb/debian/libc6
CVE-2025-8058 fixed () pkg:deb/debian/busybox-static
CVE-2025-8058 fixed () pkg:deb/debian/libc6
CVE-2025-31115 fixed () pkg:deb/debian/liblzma5
CVE-2026-0861 fixed () pkg:deb/debian/libc6
CVE-2026-0861 affected (Wait for a busybox-static that is built with glibc 2.41-12+deb13u2, or do without the package.) pkg:deb/debian/busybox-static
CVE-2026-4046 fixed () pkg:deb/debian/libc6
CVE-2026-4046 affected (Wait for a busybox-static that is built with glibc 2.41-12+deb13u3, or do without the package.) pkg:deb/debian/busybox-static
CVE-2026-27171 affected (Use a newer image: zlib 1:1.3.dfsg+really1.3.1-1+deb13u1 in trixie fixes it.) pkg:deb/debian/zlib1g
CVE-2026-34180 fixed () pkg:deb/debian/libssl3t64
CVE-2026-35189 affected (Use a newer image: openssl 3.5.7-1~deb13u3 in trixie fixes it.) pkg:deb/debian/libssl3t64
TEMP-0000000-00000A under_investigation () pkg:deb/debian/busybox-static
TEMP-0000000-00000B affected (Debian fixes it with the next advisory for ncurses in trixie.) pkg:deb/debian/libtinfo6
TEMP-0000000-00000D affected (No version in trixie fixes it yet.) pkg:deb/debian/libssl3t64
TEMP-0000000-00000E not_affected (vulnerable_code_not_present) pkg:deb/debian/zlib1g
----- stderr -----
     Stated 1 document of 1 image: 6 affected, 1 under investigation, 14 fixed, 3 not affected
"#);
    assert_eq!(vex(&workshop, &["--tracker", "tracker.json"]), said);
}

#[test]
fn what_the_organization_says_counts_before_the_tracker() {
    let workshop = built();
    workshop.append("catalog.toml", STATEMENTS);
    let said = vex(&workshop, &["--tracker", "tracker.json"]).success();
    let summary: String = summary(&said.stdout)
        .lines()
        .filter(|line| STATEMENTS.contains(&line[..14]))
        .map(|line| format!("{line}\n"))
        .collect();
    Said { stdout: summary, ..said }.assert_is(
        r#"
status: 0
----- stdout -----
CVE-2026-27171 not_affected (vulnerable_code_not_in_execute_path) pkg:deb/debian/zlib1g
CVE-2026-35189 affected (do not follow distribution points) pkg:deb/debian/libssl3t64
----- stderr -----
     Stated 1 document of 1 image: 5 affected, 1 under investigation, 14 fixed, 4 not affected
"#,
    );
}

#[test]
fn statements_alone_make_a_document() {
    let workshop = built();
    workshop.append("catalog.toml", STATEMENTS);
    let said = vex(&workshop, &[]);
    Said { stdout: without_digests(&said.stdout).replace(&manifest(&said.stdout), "[MANIFEST]"), ..said }
        .assert_is(r#"
status: 0
----- stdout -----
{
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "https://example.org/spdx/vex/one-debian13/latest-amd64/…",
  "author": "Fake Platform Team <platform@example.org>",
  "timestamp": "2026-11-21T00:00:00Z",
  "version": 1,
  "tooling": "distro 0.1.0",
  "statements": [
    {
      "vulnerability": {
        "name": "CVE-2026-27171"
      },
      "timestamp": "2026-11-10T00:00:00Z",
      "products": [
        {
          "@id": "pkg:oci/one-debian13@sha256%3A[MANIFEST]",
          "identifiers": {
            "purl": "pkg:oci/one-debian13@sha256%3A[MANIFEST]"
          },
          "hashes": {
            "sha-256": "…"
          },
          "subcomponents": [
            {
              "@id": "pkg:deb/debian/zlib1g@1%3A1.3.dfsg%2Breally1.3.1-1%2Bb1?arch=amd64&distro=debian-13&upstream=zlib%401%3A1.3.dfsg%2Breally1.3.1-1",
              "identifiers": {
                "purl": "pkg:deb/debian/zlib1g"
              }
            }
          ]
        }
      ],
      "status": "not_affected",
      "status_notes": "according to Ada <ada@example.org>: nothing in the image combines checksums",
      "justification": "vulnerable_code_not_in_execute_path"
    },
    {
      "vulnerability": {
        "name": "CVE-2026-35189"
      },
      "timestamp": "2026-11-21T00:00:00Z",
      "products": [
        {
          "@id": "pkg:oci/one-debian13@sha256%3A[MANIFEST]",
          "identifiers": {
            "purl": "pkg:oci/one-debian13@sha256%3A[MANIFEST]"
          },
          "hashes": {
            "sha-256": "…"
          },
          "subcomponents": [
            {
              "@id": "pkg:deb/debian/libssl3t64@3.5.6-1~deb13u2?arch=amd64&distro=debian-13&upstream=openssl",
              "identifiers": {
                "purl": "pkg:deb/debian/libssl3t64"
              }
            }
          ]
        }
      ],
      "status": "affected",
      "status_notes": "according to Fake Platform Team",
      "action_statement": "do not follow distribution points"
    }
  ]
}
----- stderr -----
     Stated 1 document of 1 image: 1 affected, 0 under investigation, 0 fixed, 1 not affected
"#);
}

/// The digest of the manifest, which stands after `sha256%3A` too.
fn manifest(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    document["statements"][0]["products"][0]["hashes"]["sha-256"].as_str().unwrap().to_owned()
}

#[test]
fn documents_of_many_images_are_files() {
    let workshop = built();
    let all = || workshop.world.distro(&["vex", "--all", "--tracker", "tracker.json", "--to", "vex"]);
    all().assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Stated 1 document of 1 image: 6 affected, 1 under investigation, 14 fixed, 3 not affected
"#,
    );
    let file = "vex/one-debian13_latest-amd64.openvex.json";
    let written = workshop.world.read(file);
    assert_eq!(written, vex(&workshop, &["--tracker", "tracker.json"]).stdout);
    let identity = |text: &str| serde_json::from_str::<Value>(text).unwrap()["@id"].clone();
    workshop.append("catalog.toml", STATEMENTS);
    all().success();
    assert_ne!(identity(&workshop.world.read(file)), identity(&written));
}

#[test]
fn statements_that_do_not_count_are_told() {
    let workshop = built();
    workshop.append("catalog.toml", STATEMENTS);
    workshop.append(
        "catalog.toml",
        r#"
[[vex]]
vulnerability = "CVE-2025-0001"
packages = ["libgone1", "src:gone"]
status = "fixed"
date = 2025-01-01

[[vex]]
vulnerability = "CVE-2010-4756"
packages = ["libc6"]
status = "under_investigation"
date = 2025-01-01
expires = 2025-12-31
"#,
    );
    let said = vex(&workshop, &[]);
    Said { stdout: summary(&said.stdout), ..said }.assert_is(
        r#"
status: 0
----- stdout -----
CVE-2026-27171 not_affected (vulnerable_code_not_in_execute_path) pkg:deb/debian/zlib1g
CVE-2026-35189 affected (do not follow distribution points) pkg:deb/debian/libssl3t64
----- stderr -----
warning: the statement on CVE-2010-4756 in libc6 has expired, and does not count
warning: the statement on CVE-2025-0001 in libgone1, src:gone is about none of the packages of these images
     Stated 1 document of 1 image: 1 affected, 0 under investigation, 0 fixed, 1 not affected
"#,
    );
}

#[test]
fn a_statement_that_says_too_little_is_shown_where_it_stands() {
    let workshop = workshop();
    let catalog = workshop.world.read("images/catalog.toml");
    let refused = |statement: &str, expected: &str| {
        let table = format!("{catalog}\n[[vex]]\n{statement}");
        workshop.world.catalog("catalog.toml", &table);
        assert_refused(&workshop.world.distro(&["list"]), expected);
    };
    let about = "vulnerability = \"CVE-2026-1\"\npackages = [\"libc6\"]\ndate = 2026-01-01\n";
    refused(
        &format!("{about}status = \"not_affected\"\n"),
        r#"
error: the key `justification` is missing
  --> images/catalog.toml:68:10
   |
68 | status = "not_affected"
   |          ^^^^^^^^^^^^^^ asks for it
   |
   = hint: say why the images are not affected, as `justification`, or as `impact` in words
"#,
    );
    refused(
        &format!("{about}status = \"affected\"\n"),
        r#"
error: the key `action` is missing
  --> images/catalog.toml:68:10
   |
68 | status = "affected"
   |          ^^^^^^^^^^ asks for it
   |
   = hint: say what users of the images should do
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\njustification = \"component_not_present\"\n"),
        r#"
error: `justification` stands with the status `not_affected` only
  --> images/catalog.toml:69:17
   |
69 | justification = "component_not_present"
   |                 ^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
    refused(
        &format!("{about}status = \"harmless\"\n"),
        r#"
error: unknown value `harmless`
  --> images/catalog.toml:68:10
   |
68 | status = "harmless"
   |          ^^^^^^^^^^ unknown value
   |
   = hint: known here: not_affected, fixed, under_investigation, affected
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\nimages = [\"on\"]\n"),
        r#"
error: unknown image `on`
  --> images/catalog.toml:69:11
   |
69 | images = ["on"]
   |           ^^^^ there is no such image
   |
   = hint: known: one-debian13
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\nexpires = 2025-01-01\n"),
        r#"
error: the statement expires before its date
  --> images/catalog.toml:69:11
   |
69 | expires = 2025-01-01
   |           ^^^^^^^^^^
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\n").replace("2026-01-01", "2026-01-01T00:00:00Z"),
        r#"
error: this is no day
  --> images/catalog.toml:67:8
   |
67 | date = 2026-01-01T00:00:00Z
   |        ^^^^^^^^^^^^^^^^^^^^
   |
   = hint: as in 2026-11-01
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\n").replace("[\"libc6\"]", "[]"),
        r#"
error: the packages are missing
  --> images/catalog.toml:66:12
   |
66 | packages = []
   |            ^^ says nothing
"#,
    );
    refused(
        &format!("{about}status = \"fixed\"\n").replace("CVE-2026-1", "the one with the logo"),
        r#"
error: `the one with the logo` is no vulnerability
  --> images/catalog.toml:65:17
   |
65 | vulnerability = "the one with the logo"
   |                 ^^^^^^^^^^^^^^^^^^^^^^^
   |
   = hint: as in CVE-2025-9230
"#,
    );
}

#[test]
fn a_document_needs_an_image_and_something_that_is_known() {
    let workshop = locked();
    assert_refused(
        &vex(&workshop, &["--tracker", "tracker.json"]),
        r#"
error: `out` has no image `one-debian13:latest-amd64`
hint: `distro build one-debian13:latest --arch amd64` builds it
"#,
    );
    workshop.build(&[]).success();
    assert_refused(
        &vex(&workshop, &[]),
        r#"
error: nothing is known of vulnerabilities
hint: name the tracker's data by --tracker, or say something in catalog.toml, as `[[vex]]`
"#,
    );
    workshop.append("catalog.toml", "[tag.other]\nuser = \"nonroot\"\n");
    assert_refused(
        &vex(&workshop, &["--tracker", "tracker.json"]),
        r#"
error: there is more than one image, and one document for each
hint: write them into a directory by --to, or name one image
"#,
    );
    assert_refused(
        &workshop.world.distro(&["vex", "two", "--tracker", "tracker.json"]),
        r#"
error: the catalog has no image `two`
hint: known: one
"#,
    );
}

#[test]
fn documents_that_are_attached_go_with_their_images_and_are_signed() {
    let workshop = built();
    workshop.append("catalog.toml", STATEMENTS);
    let attach = |more: &[&str]| workshop.world.distro(&[&["vex", "--all", "--attach"], more].concat());
    let said = attach(&[]);
    said.assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Attached to 1 image; 0 had the same
     Stated 1 document of 1 image: 1 affected, 0 under investigation, 0 fixed, 1 not affected
"#,
    );
    let kinds = || {
        let out = workshop.out();
        let mut kinds: Vec<_> = out
            .referrers(&out.digest("one-debian13:latest-amd64"))
            .into_iter()
            .map(|(descriptor, _)| {
                let annotation = |name: &str| descriptor["annotations"][name].as_str();
                let of = annotation("in-toto.io/predicate-type")
                    .or(annotation("dev.sigstore.bundle.predicateType"));
                format!("{} {}", descriptor["artifactType"].as_str().unwrap(), of.unwrap_or("-"))
            })
            .collect();
        kinds.sort();
        kinds.join("\n") + "\n"
    };
    assert_same(
        &kinds(),
        r#"
application/spdx+json -
application/spdx3+json -
application/vnd.in-toto+json https://openvex.dev/ns
application/vnd.in-toto+json https://slsa.dev/provenance/v1
application/vnd.openvex+json -
"#,
    );
    let index = workshop.world.read("out/index.json");
    attach(&[]).success();
    workshop.build(&[]).success();
    assert_eq!(workshop.world.read("out/index.json"), index);

    make_keys(&workshop.world);
    workshop.world.distro(&["sign", "--key", "a"]).success();
    assert_same(
        &kinds(),
        r#"
application/spdx+json -
application/spdx3+json -
application/vnd.dev.sigstore.bundle.v0.3+json https://openvex.dev/ns
application/vnd.dev.sigstore.bundle.v0.3+json https://sigstore.dev/cosign/sign/v1
application/vnd.dev.sigstore.bundle.v0.3+json https://slsa.dev/provenance/v1
application/vnd.dev.sigstore.bundle.v0.3+json https://spdx.dev/Document
application/vnd.dev.sigstore.bundle.v0.3+json https://spdx.dev/Document/v3.0
application/vnd.in-toto+json https://openvex.dev/ns
application/vnd.in-toto+json https://slsa.dev/provenance/v1
application/vnd.openvex+json -
"#,
    );

    // What is known changes, and then nothing is known any more.
    workshop.edit("catalog.toml", "do not follow distribution points", "follow none");
    attach(&[]).success();
    assert_eq!(kinds().matches("application/vnd.openvex+json").count(), 1);
    workshop.edit("catalog.toml", "packages = [\"zlib1g\"]", "packages = [\"none\"]");
    workshop.edit("catalog.toml", "packages = [\"src:openssl\"]", "packages = [\"none\"]");
    attach(&[]).success();
    assert!(!kinds().contains("vnd.openvex+json"), "{}", kinds());
}
