//! SBOMs before the validators and scanners of other people.
//!
//! They come from PyPI, as tests/run installs them. The project's `sbom-gates/check`
//! is found by `SBOM_GATES` or in `../shared`; without it, they are run one by one.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{json, live, tool};
use crate::validators::{environment, validator};

/// One image of each kind, both releases, both architectures.
const IMAGES: [&str; 5] = [
    "java21-debian13_latest-amd64",
    "nodejs20-debian13_debug-amd64",
    "python3-debian12_nonroot-arm64",
    "busybox-debian13_latest-amd64",
    SMALLEST,
];

/// SHACL takes its time.
const SMALLEST: &str = "certs-debian13_latest-amd64";

const VALIDATORS: [&str; 6] = [
    "check-jsonschema",
    "openchain-telco-sbom-validator",
    "pyspdxtools",
    "sbomcheck",
    "spdx3-validate",
    "syft",
];

#[track_caller]
fn program(name: &str) -> Command {
    let mut command = Command::new(validator(&format!("bin/{name}")));
    command.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
    command
}

/// Both documents of an image.
fn documents(image: &str) -> [PathBuf; 2] {
    ["spdx", "spdx3"].map(|format| live().out().join(format!("sbom/{image}.{format}.json")))
}

/// Those that the gates are shown: a choice, or all where `DISTRO_ALL_GATES` is set.
fn shown() -> Vec<String> {
    if env::var_os("DISTRO_ALL_GATES").is_none() {
        return IMAGES.map(str::to_owned).to_vec();
    }
    let built = live().built.iter();
    built.map(|row| format!("{}-{}", row.image.replace(':', "_"), row.architecture)).collect()
}

/// Runs a command, and gives whether it succeeded and all that it said.
fn said(command: &mut Command) -> (bool, String) {
    let output = command.env("SBOM_GATES_VENV", environment()).env("COLUMNS", "200").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

#[track_caller]
fn passes(command: &mut Command) {
    let (passed, text) = said(command);
    assert!(passed, "{command:?}\n{text}");
}

fn gates() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sbom-gates/check");
    Some(env::var_os("SBOM_GATES").map_or(beside, PathBuf::from)).filter(|check| check.is_file())
}

#[test]
fn both_sboms_of_an_image_pass_every_gate() {
    VALIDATORS.into_iter().for_each(|name| drop(program(name)));
    let documents: Vec<_> = shown().iter().flat_map(|image| documents(image)).collect();
    if let Some(check) = gates() {
        passes(Command::new(check).args(documents));
        return;
    }
    for [spdx23, spdx30] in documents.as_chunks::<2>().0 {
        passes(program("pyspdxtools").arg("-i").arg(spdx23));
        passes(program("sbomcheck").args(["-q", "-c", "ntia"]).arg(spdx23));
        passes(program("openchain-telco-sbom-validator").arg(spdx23));
        for standard in ["ntia", "fsct3-min", "bsi"] {
            passes(program("sbomcheck").args(["-q", "-s", "spdx3", "-c", standard]).arg(spdx30));
        }
    }
}

#[test]
fn one_document_of_several_images_passes_the_gates_of_one() {
    let images = ["cc-debian12", "cc-debian13", "java21-debian13:latest"];
    let arguments = [&["sbom", "--merge", "--arch", "amd64", "--offline"], &images[..]].concat();
    let path = live().world.path("tmp/merged.spdx.json");
    std::fs::write(&path, live().world.distro(&arguments).success().stdout).unwrap();
    passes(program("pyspdxtools").arg("-i").arg(&path));
    passes(program("sbomcheck").args(["-q", "-c", "ntia"]).arg(&path));
}

/// The bindings of SPDX 3 are made from its SHACL model, and refuse what that does. SHACL itself is run on the smallest
/// image, where `sbom-gates/check` is found: it has what that needs without a network.
#[test]
fn graphs_have_the_shapes_of_the_model_of_spdx_3() {
    const READ: &str = "\
import io, sys
from spdx_python_model import v3_0_1 as spdx
objects = spdx.SHACLObjectSet()
with open(sys.argv[1], 'rb') as file:
    spdx.JSONLDDeserializer().read(file, objects)
spdx.JSONLDSerializer().write(objects, io.BytesIO())
sys.exit(f'nothing has these ids: {objects.missing_ids}' if objects.missing_ids else 0)
";
    for [_, spdx30] in shown().iter().map(|image| documents(image)) {
        passes(program("python3").args(["-c", READ]).arg(spdx30));
    }
    if let Some(check) = gates() {
        let [_, spdx30] = documents(SMALLEST);
        passes(Command::new(check).env("SHACL", "1").arg(spdx30));
    }
}

#[test]
fn a_cyclonedx_document_fits_its_schema() {
    const VALIDATE: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(str(fault) if fault else 0)
";
    for image in ["java21-debian13", "busybox-debian13:debug"] {
        let arguments = ["sbom", image, "--arch", "amd64", "--offline", "--format", "cyclonedx-1.6"];
        let document = live().world.distro(&arguments).success().stdout;
        let path = live().world.path("tmp/document.cdx.json");
        std::fs::write(&path, document).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        passes(program("python3").args(["-c", VALIDATE]).stdin(file));
    }
}

#[test]
fn syft_finds_in_an_image_what_its_sbom_says() {
    for image in ["java21-debian13:latest", "python3-debian13:debug", "static-debian13:nonroot"] {
        let alone = live().world.path("tmp/alone");
        let _ = std::fs::remove_dir_all(&alone);
        let from = format!("oci:{}:{image}-amd64", live().out().display());
        tool("skopeo", "skopeo", &["copy", "--quiet", &from, &format!("oci:{}", alone.display())]);
        let [spdx23, _] = documents(&format!("{}-amd64", image.replace(':', "_")));
        let found = syft(program("syft").arg(format!("oci-dir:{}", alone.display())));
        let told = syft(program("syft").arg("convert").arg(spdx23));
        assert_eq!(debian_packages(&found), debian_packages(&told), "{image}");
        let with_purl = |document: &Value| {
            let artifacts = document["artifacts"].as_array().unwrap().iter();
            artifacts.filter(|artifact| artifact["purl"] != "" && artifact["type"] == "deb").count()
        };
        assert_eq!(
            with_purl(&told),
            debian_packages(&told).len(),
            "{image}: a source package counts as installed"
        );
        for key in ["id", "versionID"] {
            assert_eq!(found["distro"][key], told["distro"][key], "{image}: {key}");
        }
    }
}

fn syft(command: &mut Command) -> Value {
    let output = command.args(["--quiet", "--output", "syft-json"]).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Names, versions and purls, which hold the distribution and the source package.
fn debian_packages(document: &Value) -> BTreeSet<[String; 3]> {
    let artifacts = document["artifacts"].as_array().unwrap().iter();
    let debian = artifacts.filter(|artifact| artifact["type"] == "deb");
    debian
        .map(|artifact| ["name", "version", "purl"].map(|key| artifact[key].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn the_sbom_command_prints_what_lies_beside_the_layout() {
    for (format, document) in
        ["spdx-2.3", "spdx-3.0"].into_iter().zip(documents("cc-debian13_debug-nonroot-amd64"))
    {
        let arguments =
            ["sbom", "cc-debian13:debug-nonroot", "--arch", "amd64", "--offline", "--format", format];
        let said = live().world.distro(&arguments).success();
        assert_eq!(serde_json::from_str::<Value>(&said.stdout).unwrap(), json(&document));
    }
}
