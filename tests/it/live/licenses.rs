//! What packages may be used under: as somebody who read their copyright files has written it down.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{json, live};

/// A line for each binary package of a release: what its source declares → what the package itself is under.
const REVIEWED: &str = include_str!("licenses.txt");

#[test]
fn every_package_is_under_the_licenses_that_were_reviewed() {
    let reviewed: BTreeSet<_> = REVIEWED.lines().map(str::to_owned).collect();
    let found = found();
    let lines = |sign: char, of: &BTreeSet<String>, but: &BTreeSet<String>| -> String {
        of.difference(but).map(|line| format!("\n{sign} {line}")).collect()
    };
    let differences = lines('-', &reviewed, &found) + &lines('+', &found, &reviewed);
    assert!(
        differences.is_empty(),
        "read the copyright file of each, and write what is true into tests/it/live/licenses.txt:{differences}"
    );
}

#[test]
fn no_package_is_without_a_license() {
    let without: Vec<_> = found().into_iter().filter(|line| line.contains("NOASSERTION")).collect();
    assert!(without.is_empty(), "nobody has reviewed their licenses:\n{}", without.join("\n"));
}

/// The licenses of all Debian packages, as the SBOMs of all images tell them.
fn found() -> BTreeSet<String> {
    let images = live().built.iter().flat_map(|row| {
        let (image, tag) = row.image.split_once(':').expect("an image has a tag");
        let (_, release) = image.rsplit_once('-').expect("an image is of a release");
        let sbom = live().out().join(format!("sbom/{image}_{tag}-{}.spdx.json", row.architecture));
        let packages = json(&sbom)["packages"].as_array().unwrap().clone();
        packages.into_iter().filter_map(|package| line(release, &package))
    });
    images.collect()
}

fn line(release: &str, package: &Value) -> Option<String> {
    let text = |key: &str| package[key].as_str();
    let is_deb = text("packageFileName").is_some_and(|file| file.ends_with(".deb"));
    let [name, declared, concluded] =
        ["name", "licenseDeclared", "licenseConcluded"].map(|key| text(key).unwrap_or_default());
    is_deb.then(|| format!("{release} {name}: {declared} → {concluded}"))
}
