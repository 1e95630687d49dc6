//! The structure tests that the catalog ships, on all of its images; foreign ones are emulated.

use std::fs;

use serde_json::Value;

use super::{ARCHITECTURES, distro, live, need};
use crate::run::World;

#[test]
fn all_structure_tests_of_the_catalog_pass_on_both_architectures() {
    need("crun", "crun");
    need("qemu-user-static", "qemu-aarch64-static");
    let live = live();
    let world = World::new();
    let (out, catalog) = (live.out().display().to_string(), live.world.path("images").display().to_string());
    let arguments = ["--catalog", &catalog, "--out", &out, "--format", "json", "--junit", "tests.xml"];
    let said = distro(&world, &[&["test", "--arch", "all"], arguments.as_slice()].concat()).success();
    let rows: Value = serde_json::from_str(&said.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), live.built.len());
    for row in rows {
        assert_eq!((&row["failed"], &row["skipped"]), (&0.into(), &0.into()), "{row}");
        let is_debug = row["image"].as_str().unwrap().contains(":debug");
        let least = if is_debug { 35 } else { 25 };
        assert!(row["passed"].as_u64().unwrap() >= least, "{row}");
    }
    for architecture in ARCHITECTURES {
        assert!(rows.iter().any(|row| row["architecture"] == architecture), "{architecture}");
    }
    let xml = fs::read_to_string(world.path("tests.xml")).unwrap();
    assert_eq!(xml.matches("<testsuite ").count(), rows.len());
}
