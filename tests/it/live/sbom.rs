//! SBOMs before the validators of other people.
//!
//! They come from PyPI into a virtual environment, which tests/run makes. The project's `sbom-gates/check`
//! runs them all where it is found, by `SBOM_GATES` or in `../shared`; else they are run one by one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{json, live};

/// One image of each family, both releases, both architectures.
const IMAGES: [&str; 4] = [
    "static-debian12_debug-amd64",
    "base-nossl-debian13_nonroot-arm64",
    "base-debian12_latest-arm64",
    "cc-debian13_debug-nonroot-amd64",
];

fn environment() -> PathBuf {
    let default = || env::temp_dir().join("sbom-gates-venv");
    env::var_os("SBOM_GATES_VENV").map_or_else(default, PathBuf::from)
}

fn validator(name: &str) -> PathBuf {
    let path = environment().join("bin").join(name);
    assert!(
        path.is_file(),
        "this test needs {}: python3 -m venv {1} && {1}/bin/pip install spdx-tools ntia-conformance-checker \
         openchain-telco-sbom-validator spdx3-validate check-jsonschema (tests/run does it)",
        path.display(),
        environment().display()
    );
    path
}

fn sboms() -> Vec<PathBuf> {
    IMAGES.iter().map(|image| live().out().join(format!("sbom/{image}.spdx.json"))).collect()
}

/// Runs a command, and gives whether it succeeded and all that it said.
fn said(command: &mut Command) -> (bool, String) {
    let output = command.env("SBOM_GATES_VENV", environment()).env("COLUMNS", "200").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

/// The OpenChain Telco gate has a test of its own.
#[test]
fn sboms_pass_schema_spdx_tools_and_ntia() {
    validator("pyspdxtools");
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sbom-gates/check");
    let check = env::var_os("SBOM_GATES").map_or(beside, PathBuf::from);
    if check.is_file() {
        let (_, text) = said(Command::new(&check).args(sboms()));
        let passed =
            |gate: &str| text.lines().filter(|line| line.starts_with(&format!("ok    {gate} "))).count();
        for gate in ["schema-2.3", "pyspdxtools", "ntia"] {
            assert_eq!(passed(gate), IMAGES.len(), "{text}");
        }
        return;
    }
    for sbom in sboms() {
        let (passed, text) = said(Command::new(validator("pyspdxtools")).arg("-i").arg(&sbom));
        assert!(passed, "{}: {text}", sbom.display());
        let (passed, text) = said(Command::new(validator("sbomcheck")).args(["-q", "-c", "ntia"]).arg(&sbom));
        assert!(passed, "{}: {text}", sbom.display());
    }
}

/// A source package has no hash until the lock pins the Sources index, and the operating system none until
/// the SBOM lists files: then this gate can pass, and this test become the plain one.
#[test]
fn the_telco_guide_misses_nothing_but_hashes_of_sources() {
    for sbom in sboms() {
        let (_, text) = said(Command::new(validator("openchain-telco-sbom-validator")).arg(&sbom));
        let packages = json(&sbom)["packages"].as_array().unwrap().clone();
        let without_hash = packages.iter().filter(|package| package.get("checksums").is_none());
        let purposes: Vec<_> =
            without_hash.map(|package| package["primaryPackagePurpose"].as_str().unwrap()).collect();
        assert!(
            purposes.iter().all(|purpose| ["SOURCE", "OPERATING_SYSTEM"].contains(purpose)),
            "{purposes:?}"
        );
        let complaints = text.lines().filter(|line| {
            let number = line.split('|').nth(1).map_or("", str::trim);
            number.parse::<u32>().is_ok()
        });
        assert_eq!(complaints.count(), purposes.len(), "{text}");
        assert_eq!(text.matches("Both PackageChecksum").count(), purposes.len(), "{text}");
    }
}

#[test]
fn the_sbom_command_prints_what_lies_beside_the_layout() {
    let said = live().world.distro(&["sbom", "cc-debian13:debug-nonroot", "--arch", "amd64"]).success();
    assert_eq!(said.stdout, std::fs::read_to_string(&sboms()[3]).unwrap());
}
