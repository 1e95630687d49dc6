//! `distro audit`: SBOMs, layers and locks against a policy.

mod forged;
mod published;
mod schemas;
mod told;
mod vulnerable;

use std::fs;

use crate::archive::{Member, Package};
use crate::desk::assert_refused;
use crate::run::Said;
use crate::workshop::Workshop;

/// The licences of fake packages are nobody's business here.
pub const QUIET: &str = "[severity]\nlicense-unknown = \"off\"\n";

/// What is told of one image in which nothing was found, and whose layers were not read.
pub const CLEAN_BUT_FOR_LAYERS: &str = r#"
status: 0
----- stdout -----
note[not-checked]: checks that were not made
  layers were not read: nothing is known of files, users and the completeness of SBOMs
  vulnerabilities were not looked for: no data of a security tracker were given
----- stderr -----
    Audited 1 image by images/policy.toml: 0 errors, 0 warnings, 2 notes, 0 waived
"#;

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

/// Compares an audit of one image, without a tracker, that found something: how many findings, and which.
#[track_caller]
pub fn assert_found(said: &Said, counts: &str, findings: &str) {
    said.assert_is(&format!(
        "status: 3\n----- stdout -----\n{}\n\
         note[not-checked]: checks that were not made\n  \
         vulnerabilities were not looked for: no data of a security tracker were given\n\
         ----- stderr -----\n    Audited 1 image by images/policy.toml: {counts}\n",
        findings.trim_start_matches('\n')
    ));
}

#[test]
fn a_clean_catalog_is_told_in_one_line() {
    let shop = Workshop::new();
    shop.lock().build(&[]).success();
    shop.world.catalog("policy.toml", QUIET);
    audit(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
note[not-checked]: checks that were not made
  vulnerabilities were not looked for: no data of a security tracker were given
----- stderr -----
    Audited 9 images by images/policy.toml: 0 errors, 0 warnings, 1 note, 0 waived
"#,
    );
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
    assert_found(
        &audit(&built([app()], policy), &[]),
        "3 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[forbidden-package]: no package is there that the policy forbids
  app must not be there: it is out of date
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-app
      hint: `distro why` tells which definition asks for it

error[end-of-life]: the operating system and the packages are supported
  app has not been supported since 2020-02-03 (its authors)
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-app
  debian 13 has no end of life in the policy (unknown)
      in one-debian13:latest
      see images/policy.toml: end-of-life
      hint: add `[[end-of-life]]` with `system = "debian 13"`
"#,
    );
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
    assert_found(
        &audit(&shop, &["one"]),
        "2 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[shell]: no shell is in an image that is not meant to have one
  /usr/bin/dash is a shell, of login 1 (amd64)
      in one-debian13:latest
      see out/blobs/sha256/88b088e858d973d7f8d2bf087721285bf84e0fd4ace5b8e0a6de5145c5e995fa: /usr/bin/dash

error[root-user]: images that are not to run as root do not
  one-debian13:latest runs as root: its configuration names the user `0`
      in one-debian13:latest
      see out/blobs/sha256/3741accee03b8b39edab8af923762c426cb2a15086f768f0d8568da537a1dfd9: config.User
"#,
    );
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
    assert_found(
        &audit(&shop, &["--layout", "out"]),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[privileged-file]: no file gives rights that no definition names
  /usr/bin/su is setuid (mode 4755), of login 1 (amd64)
      in one-debian13:latest
      see out/blobs/sha256/3948f3729bec619e1f9f2f3f626815a5c64fc25d4ba7e79bef3382a7fc3b44b1: /usr/bin/su
      hint: name it under `privileged` in the definition, or drop it with a filter
"#,
    );
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
    audit(&shop, &[]).assert_is(
        r#"
status: 3
----- stdout -----
error[forbidden-package]: no package is there that the policy forbids
  older must not be there: none may be here
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-older
      hint: `distro why` tells which definition asks for it

error[waiver]: waivers are in force
  forbidden-package old* expired on 2020-01-01: me@example.org answers for it
      see images/policy.toml: line 14
      hint: renew it with its reason, or remove it

note[waiver]: waivers are in force
  forbidden-package gone waives nothing that was found
      see images/policy.toml: line 20
      hint: remove it

note[not-checked]: checks that were not made
  vulnerabilities were not looked for: no data of a security tracker were given

waived
  app must not be there: none may be here
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-app
      forbidden-package waived: it is wanted (me@example.org, until 2999-12-31)
----- stderr -----
    Audited 1 image by images/policy.toml: 2 errors, 0 warnings, 2 notes, 1 waived
"#,
    );
}

#[test]
fn an_image_without_an_sbom_is_a_finding() {
    let shop = built([app()], QUIET);
    fs::remove_file(shop.world.path("out/sbom/one-debian13_latest-amd64.spdx.json")).unwrap();
    assert_found(
        &audit(&shop, &[]),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[sbom]: every image has an SBOM, which can be read and is of this image
  one-debian13:latest has no SBOM (unknown)
      in one-debian13:latest
"#,
    );
}

#[test]
fn an_sbom_that_cannot_be_understood_is_a_finding() {
    let shop = built([app()], QUIET);
    shop.world.write("out/sbom/one-debian13_latest-amd64.spdx.json", "{\"spdxVersion\": \"SPDX-2.3\"}");
    assert_found(
        &audit(&shop, &[]),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[sbom]: every image has an SBOM, which can be read and is of this image
  one-debian13:latest has an SBOM that cannot be understood: it is not SPDX 2.3 in JSON: missing field
    `creationInfo` at line 1 column 27 (unknown)
      in one-debian13:latest
"#,
    );
}

#[test]
fn an_image_that_was_not_built_is_a_finding() {
    let shop = built([app()], QUIET);
    shop.append("one.toml", "[image.two]\ndescription = \"Two\"\nparent = \"one\"\n");
    shop.lock();
    audit(&shop, &[]).assert_is(
        r#"
status: 3
----- stdout -----
error[sbom]: every image has an SBOM, which can be read and is of this image
  two-debian13:latest has no SBOM (unknown)
      in two-debian13:latest

error[blob]: every blob is what its digest says
  two-debian13:latest was not built: nobody can tell what it holds (unknown)
      in two-debian13:latest

note[not-checked]: checks that were not made
  vulnerabilities were not looked for: no data of a security tracker were given
----- stderr -----
    Audited 2 images by images/policy.toml: 2 errors, 0 warnings, 1 note, 0 waived
"#,
    );
}

#[test]
fn documents_alone_can_be_audited() {
    let shop = built([app()], QUIET);
    audit(&shop, &["--sbom", "out/sbom/one-debian13_latest-amd64.spdx.json"]).assert_is(CLEAN_BUT_FOR_LAYERS);
}

#[test]
fn an_image_that_is_not_of_the_lock_is_told() {
    let mut shop = built([app()], QUIET);
    Package::new("app", "1.1").file("/usr/bin/app", "elf").publish(&mut shop.archive);
    shop.lock();
    assert_found(
        &audit(&shop, &[]),
        "0 errors, 1 warning, 1 note, 0 waived",
        r#"
warning[stale-image]: every image was built from the lock as it is
  one-debian13:latest was not built from the lock: it holds app 1.0, the lock has 1.1
      in one-debian13:latest
      hint: `distro build` builds it anew
"#,
    );
}

#[test]
fn without_a_layout_there_is_nothing_to_audit() {
    let shop = Workshop::of_one_image([app()]);
    shop.lock();
    assert_refused(
        &audit(&shop, &[]),
        r#"
error: there are no images in `out`
hint: `distro build` builds them; --layout names another place
"#,
    );
}

/// What is said of a policy.
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
    refused(
        "[licenses]\nallow = [\"MIT\", \"GPL\"]\n",
        r#"
error: `GPL` is no SPDX licence
 --> images/policy.toml:2:17
  |
2 | allow = ["MIT", "GPL"]
  |                 ^^^^^ unknown term
  |
  = hint: licences are named as in https://spdx.org/licenses, or by patterns: `LicenseRef-*`
"#,
    );
}

#[test]
fn a_date_that_is_none_is_refused() {
    let waiver =
        "[[waiver]]\nrule = \"shell\"\nsubject = \"*\"\nreason = \"a\"\nowner = \"b\"\nexpires = \"soon\"\n";
    refused(
        waiver,
        r#"
error: `soon` is no date
 --> images/policy.toml:6:11
  |
6 | expires = "soon"
  |           ^^^^^^
  |
  = hint: a date is written as in `2028-08-09`
"#,
    );
}

#[test]
fn a_waiver_without_a_reason_is_refused() {
    let waiver = "[[waiver]]\nrule = \"shell\"\nsubject = \"*\"\nreason = \" \"\nowner = \"b\"\nexpires = \"2999-01-01\"\n";
    refused(
        waiver,
        r#"
error: the reason is missing
 --> images/policy.toml:4:10
  |
4 | reason = " "
  |          ^^^ says nothing
"#,
    );
}

#[test]
fn an_end_of_life_of_nothing_is_refused() {
    refused(
        "[[end-of-life]]\ndate = \"2030-01-01\"\nsource = \"me\"\n",
        r#"
error: an end of life is of a system or of packages
 --> images/policy.toml:2:8
  |
2 | date = "2030-01-01"
  |        ^^^^^^^^^^^^ of one of them
  |
  = hint: write `system = "debian 13"` or `packages = ["openjdk-21-*"]`
"#,
    );
}

#[test]
fn a_policy_that_is_not_there_is_refused() {
    let shop = Workshop::of_one_image([app()]);
    assert_refused(
        &audit(&shop, &["--policy", "gone.toml"]),
        r#"
error: could not read `gone.toml`: there is no such file or directory
"#,
    );
}
