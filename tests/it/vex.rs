//! What is known of the vulnerabilities of images, as OpenVEX.

use serde_json::Value;

use crate::desk::{assert_refused, without_digests};
use crate::find::workshop;
use crate::run::Said;
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
    let workshop = workshop();
    workshop.lock().build(&[]).success();
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
    summary.assert_is("");
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
    Said { stdout: summary, ..said }.assert_is("");
}

#[test]
fn statements_alone_make_a_document() {
    let workshop = built();
    workshop.append("catalog.toml", STATEMENTS);
    let said = vex(&workshop, &[]);
    Said { stdout: without_digests(&said.stdout).replace(&manifest(&said.stdout), "[MANIFEST]"), ..said }
        .assert_is("");
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
    all().assert_is("");
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
    Said { stdout: summary(&said.stdout), ..said }.assert_is("");
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
    refused(&format!("{about}status = \"not_affected\"\n"), "");
    refused(&format!("{about}status = \"affected\"\n"), "");
    refused(&format!("{about}status = \"fixed\"\njustification = \"component_not_present\"\n"), "");
    refused(&format!("{about}status = \"harmless\"\n"), "");
    refused(&format!("{about}status = \"fixed\"\nimages = [\"on\"]\n"), "");
    refused(&format!("{about}status = \"fixed\"\nexpires = 2025-01-01\n"), "");
    refused(&format!("{about}status = \"fixed\"\n").replace("2026-01-01", "2026-01-01T00:00:00Z"), "");
    refused(&format!("{about}status = \"fixed\"\n").replace("[\"libc6\"]", "[]"), "");
    refused(&format!("{about}status = \"fixed\"\n").replace("CVE-2026-1", "the one with the logo"), "");
}

#[test]
fn a_document_needs_an_image_and_something_that_is_known() {
    let workshop = workshop();
    workshop.lock();
    assert_refused(&vex(&workshop, &["--tracker", "tracker.json"]), "");
    workshop.build(&[]).success();
    assert_refused(&vex(&workshop, &[]), "");
    workshop.append("catalog.toml", "[tag.other]\nuser = \"nonroot\"\n");
    assert_refused(&vex(&workshop, &["--tracker", "tracker.json"]), "");
    assert_refused(&workshop.world.distro(&["vex", "two", "--tracker", "tracker.json"]), "");
}
