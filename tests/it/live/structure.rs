//! The structure tests that the catalog ships, on all of its images; of the emulated ones, which are slow, on those
//! with a shell.

use std::fs;

use serde_json::Value;

use super::{distro, live, need};
use crate::run::World;

#[test]
fn all_structure_tests_of_the_catalog_pass() {
    let images = live().built.iter().filter(|row| row.architecture == "amd64").count();
    assert_eq!(passed("amd64", &[]), images);
}

#[test]
fn structure_tests_pass_on_an_architecture_that_is_emulated() {
    need("qemu-user-static", "qemu-aarch64-static");
    let images =
        live().built.iter().filter(|row| row.architecture == "arm64" && row.image.ends_with(":debug"));
    let images: Vec<_> = images.map(|row| row.image.as_str()).collect();
    assert_eq!(passed("arm64", &images), images.len());
}

/// How many images pass, which is all of them.
fn passed(architecture: &str, images: &[&str]) -> usize {
    need("crun", "crun");
    let live = live();
    let world = World::new();
    let (out, catalog) = (live.out().display().to_string(), live.world.path("images").display().to_string());
    let places = ["--catalog", &catalog, "--out", &out, "--arch", architecture];
    let options = ["--format", "json", "--junit", "tests.xml", "--timeout", "600"];
    let said = distro(&world, &[&["test"], images, &places, &options].concat()).success();
    let rows: Value = serde_json::from_str(&said.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    for row in rows {
        assert_eq!((&row["failed"], &row["skipped"]), (&0.into(), &0.into()), "{row}");
        let is_debug = row["image"].as_str().unwrap().contains(":debug");
        let least = if is_debug { 25 } else { 15 };
        assert!(row["passed"].as_u64().unwrap() >= least, "{row}");
    }
    let xml = fs::read_to_string(world.path("tests.xml")).unwrap();
    assert_eq!(xml.matches("<testsuite ").count(), rows.len());
    rows.len()
}
