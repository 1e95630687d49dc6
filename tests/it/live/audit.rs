//! The whole catalog against its own policy, every layer read.

use serde_json::Value;

use super::{Live, live};
use crate::find::TRACKER;
use crate::run::Said;

fn report(live: &Live, arguments: &[&str]) -> (Said, Value) {
    let said = live.world.distro(&[&["audit", "--format", "json"], arguments].concat());
    let report = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error} in\n{said}"));
    (said, report)
}

#[test]
fn the_catalog_is_clean_under_its_own_policy() {
    let live = live();
    let (said, report) = report(live, &[]);
    assert_eq!(said.status, Some(0), "{said}");
    assert_eq!(report["images"].as_array().unwrap().len(), live.built.len());
    let told = report["findings"].as_array().unwrap().iter().map(|finding| {
        let waived = if finding["waived"].is_object() { ", waived" } else { "" };
        format!("{} {}{waived}", finding["rule"].as_str().unwrap(), finding["subject"].as_str().unwrap())
    });
    let expected =
        ["not-checked vulnerabilities", "end-of-life libnode108, waived", "end-of-life libnode115, waived"];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

/// The data are no copy of the tracker's: what is looked at is that each package is judged by its source's version.
#[test]
fn vulnerabilities_are_told_with_the_row_of_the_tracker() {
    let live = live();
    live.world.write("tracker.json", TRACKER);
    let (said, report) = report(live, &["--no-layers", "--tracker", "tracker.json"]);
    assert_eq!(said.status, Some(3), "{said}");
    let findings = report["findings"].as_array().unwrap().iter();
    let vulnerabilities: Vec<_> = findings.filter(|finding| finding["rule"] == "vulnerability").collect();
    // What was fixed long ago, or never in the release, is in no image.
    for id in ["CVE-2022-37434", "CVE-2024-3094"] {
        assert!(vulnerabilities.iter().all(|finding| finding["subject"] != id), "{id}");
    }
    let of_openssl = |row: &str| {
        let is_it = |finding: &&&Value| {
            finding["subject"] == "TEMP-0000000-00000D"
                && finding["evidence"]["place"].as_str().unwrap().contains(row)
        };
        vulnerabilities.iter().find(is_it).unwrap()["images"].as_array().unwrap().len()
    };
    assert!(of_openssl("trixie: open, urgency high") > 16);
    assert!(of_openssl("bookworm: open, urgency high") > 16);
}
