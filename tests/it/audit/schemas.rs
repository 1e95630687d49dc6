//! What programs read of an audit, held against the schemas of those who wrote these formats.

use std::process::Command;

use super::{QUIET, audit};
use crate::find::workshop;
use crate::validators::validator;

#[test]
fn sarif_and_openvex_are_as_their_schemas_have_them() {
    let shop = workshop();
    shop.lock().build(&[]).success();
    let waiver = "[[waiver]]\nrule = \"vulnerability\"\nsubject = \"zlib\"\nreason = \"it is known\"\n\
                  owner = \"me@example.org\"\nexpires = \"2999-12-31\"\n";
    shop.world.catalog("policy.toml", &format!("{QUIET}{waiver}"));
    let sarif = audit(&shop, &["--tracker", "tracker.json", "--format", "sarif"]).stdout;
    assert!(sarif.contains("\"suppressions\"") && sarif.contains("CVE-2026-35189"), "{sarif}");
    shop.world.write("audit.sarif", &sarif);
    let mut check = Command::new(validator("bin/check-jsonschema"));
    shop.world.isolate(&mut check);
    // A pattern of the schema is none where Unicode is on.
    check.args(["--regex-variant", "nonunicode", "--schemafile"]).arg(validator("sarif-2.1.0.json"));
    shop.world.finish(check.arg("audit.sarif")).success();

    let vex = shop.world.distro(&["vex", "one", "--arch", "amd64", "--tracker", "tracker.json"]).success();
    shop.world.write("one.openvex.json", &vex.stdout);
    let mut read = Command::new(validator("bin/python"));
    shop.world.isolate(&mut read);
    let script =
        "import sys, vexipy; print(len(vexipy.Document.from_json(open(sys.argv[1]).read()).statements))";
    let said = shop.world.finish(read.args(["-W", "ignore", "-c", script, "one.openvex.json"])).success();
    let stated = vex.stdout.matches("\"vulnerability\"").count();
    assert_eq!(said.stdout.trim(), stated.to_string());
}
