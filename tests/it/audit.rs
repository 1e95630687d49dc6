//! `distro audit`: SBOMs, layers and locks against a policy.

mod forged;
mod told;

use std::fs;

use crate::archive::{Member, Package};
use crate::desk::assert_refused;
use crate::run::Said;
use crate::workshop::Workshop;

/// The licences of fake packages are nobody's business here.
pub const QUIET: &str = "[severity]\nlicense-unknown = \"off\"\n";

pub fn app() -> Package {
    Package::new("app", "1.0")
        .file("/usr/bin/app", "elf")
        .file("/usr/share/app/data", "data")
        .conffile("/etc/app", "x")
}

/// A locked and built image of packages, and a policy.
pub fn built(packages: impl IntoIterator<Item = Package>, policy: &str) -> Workshop {
    let shop = Workshop::of_one_image(packages);
    shop.lock().build(&[]).success();
    shop.world.catalog("policy.toml", policy);
    shop
}

pub fn audit(shop: &Workshop, arguments: &[&str]) -> Said {
    shop.world.distro(&[&["audit"], arguments].concat())
}

#[test]
fn a_clean_catalog_is_told_in_one_line() {
    let shop = Workshop::new();
    shop.lock().build(&[]).success();
    shop.world.catalog("policy.toml", QUIET);
    audit(&shop, &[]).assert_is("");
}

#[test]
fn what_an_sbom_says_is_held_against_the_policy() {
    let policy = r#"
[licenses]
deny = ["AGPL-*"]

[[forbidden]]
packages = ["app*"]
except = ["*:debug"]
reason = "it is out of date"

[sbom]
require = ["author", "tool", "timestamp", "context", "version", "purl", "checksum", "supplier"]

[lock]
max-age-days = 4000000

[[end-of-life]]
system = "debian 12"
date = "2999-01-01"
source = "who knows"

[[end-of-life]]
packages = ["app"]
date = "2020-02-03"
source = "its authors"
"#;
    audit(&built([app()], policy), &[]).assert_is("");
}

#[test]
fn what_a_layer_holds_is_held_against_the_policy() {
    let rise = |path: &str| Member { mode: 0o4755, ..Member::file(path, "elf") };
    let login = Package::new("login", "1").member(rise("/usr/bin/su")).executable("/usr/bin/dash", "elf");
    let shop = Workshop::of_one_image([login]);
    shop.append(
        "one.toml",
        "[[image.one.privileged]]\npath = \"/usr/bin/su\"\nreason = \"people ask for it\"\n",
    );
    shop.lock().build(&[]).success();
    shop.world.catalog("policy.toml", &format!("{QUIET}[users]\nnonroot = [\"*\"]\n"));
    audit(&shop, &["one"]).assert_is("");
}

#[test]
fn a_file_that_gives_rights_is_named_by_a_definition_or_by_the_policy() {
    let rise = |path: &str| Member { mode: 0o4755, ..Member::file(path, "elf") };
    let shop = Workshop::of_one_image([Package::new("login", "1")
        .member(rise("/usr/bin/su"))
        .member(rise("/usr/bin/rise"))]);
    for path in ["/usr/bin/su", "/usr/bin/rise"] {
        shop.append(
            "one.toml",
            &format!("[[image.one.privileged]]\npath = \"{path}\"\nreason = \"asked for\"\n"),
        );
    }
    shop.lock().build(&[]).success();
    shop.world.catalog("policy.toml", &format!("{QUIET}[files]\nprivileged = [\"/usr/bin/rise\"]\n"));
    // Of somebody else's layout the definitions are not known.
    audit(&shop, &["--layout", "out"]).assert_is("");
}

#[test]
fn a_waiver_counts_until_it_expires() {
    let waiver = |subject: &str, expires: &str| {
        format!(
            "[[waiver]]\nrule = \"forbidden-package\"\nsubject = \"{subject}\"\nreason = \"it is wanted\"\n\
             owner = \"me@example.org\"\nexpires = \"{expires}\"\n"
        )
    };
    let forbidden = "[[forbidden]]\npackages = [\"*\"]\nreason = \"none may be here\"\n";
    let waivers =
        [waiver("app", "2999-12-31"), waiver("old*", "2020-01-01"), waiver("gone", "2999-12-31")].concat();
    let shop = built([app(), Package::new("older", "2")], &format!("{QUIET}{forbidden}{waivers}"));
    audit(&shop, &[]).assert_is("");
}

#[test]
fn an_image_without_an_sbom_is_a_finding() {
    let shop = built([app()], QUIET);
    fs::remove_file(shop.world.path("out/sbom/one-debian13_latest-amd64.spdx.json")).unwrap();
    audit(&shop, &[]).assert_is("");
}

#[test]
fn an_sbom_that_cannot_be_understood_is_a_finding() {
    let shop = built([app()], QUIET);
    shop.world.write("out/sbom/one-debian13_latest-amd64.spdx.json", "{\"spdxVersion\": \"SPDX-2.3\"}");
    audit(&shop, &[]).assert_is("");
}

#[test]
fn an_image_that_was_not_built_is_a_finding() {
    let shop = built([app()], QUIET);
    shop.append("one.toml", "[image.two]\ndescription = \"Two\"\nparent = \"one\"\n");
    shop.lock();
    audit(&shop, &[]).assert_is("");
}

#[test]
fn documents_alone_can_be_audited() {
    let shop = built([app()], QUIET);
    audit(&shop, &["--sbom", "out/sbom/one-debian13_latest-amd64.spdx.json"]).assert_is("");
}

#[test]
fn an_image_that_is_not_of_the_lock_is_told() {
    let mut shop = built([app()], QUIET);
    Package::new("app", "1.1").file("/usr/bin/app", "elf").publish(&mut shop.archive);
    shop.lock();
    audit(&shop, &[]).assert_is("");
}

#[test]
fn without_a_layout_there_is_nothing_to_audit() {
    let shop = Workshop::of_one_image([app()]);
    shop.lock();
    assert_refused(&audit(&shop, &[]), "");
}

#[track_caller]
fn refused(policy: &str, stderr: &str) {
    let shop = Workshop::of_one_image([app()]);
    shop.world.catalog("policy.toml", policy);
    assert_refused(&audit(&shop, &[]), stderr);
}

#[test]
fn a_rule_that_is_none_is_refused() {
    refused(
        "[severity]\nshel = \"off\"\n",
        r#"
error: unknown value `shel`
 --> images/policy.toml:2:1
  |
2 | shel = "off"
  | ^^^^ unknown value
  |
  = hint: did you mean `shell`?
"#,
    );
}

#[test]
fn a_licence_that_is_none_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    shop.world.catalog("policy.toml", "[licenses]\nallow = [\"MIT\", \"GPL\"]\n");
    assert_refused(&audit(&shop, &[]), "");
}

#[test]
fn a_date_that_is_none_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    let waiver =
        "[[waiver]]\nrule = \"shell\"\nsubject = \"*\"\nreason = \"a\"\nowner = \"b\"\nexpires = \"soon\"\n";
    shop.world.catalog("policy.toml", waiver);
    assert_refused(&audit(&shop, &[]), "");
}

#[test]
fn a_waiver_without_a_reason_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    let waiver = "[[waiver]]\nrule = \"shell\"\nsubject = \"*\"\nreason = \" \"\nowner = \"b\"\nexpires = \"2999-01-01\"\n";
    shop.world.catalog("policy.toml", waiver);
    assert_refused(&audit(&shop, &[]), "");
}

#[test]
fn an_end_of_life_of_nothing_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    shop.world.catalog("policy.toml", "[[end-of-life]]\ndate = \"2030-01-01\"\nsource = \"me\"\n");
    assert_refused(&audit(&shop, &[]), "");
}

#[test]
fn a_policy_that_is_not_there_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    assert_refused(&audit(&shop, &["--policy", "gone.toml"]), "");
}
