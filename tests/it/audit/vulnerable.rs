//! Vulnerabilities, by the security tracker's data and by what the organization says.

use super::{QUIET, audit};
use crate::archive::Package;
use crate::desk::assert_refused;
use crate::find::{dated, locked};
use crate::run::Said;
use crate::workshop::Workshop;

const SBOM: &str = "out/sbom/one-debian13_latest-amd64.spdx.json";

/// A newer image has the fix.
const ZLIB: &str =
    "CVE-2026-27171 in zlib 1:1.3.dfsg+really1.3.1-1: fixed by renewing to 1:1.3.dfsg+really1.3.1-1+deb13u1,
    urgency not yet assigned (Negative lengths in the crc32_combine functions)
      in one-debian13:latest
      see tracker.json: zlib, CVE-2026-27171, trixie: resolved in 1:1.3.dfsg+really1.3.1-1+deb13u1, urgency
        not yet assigned
      hint: `distro lock src:zlib` renews it; see https://security-tracker.debian.org/tracker/CVE-2026-27171";

/// A rebuild of busybox-static would have the fix.
const GLIBC_0861: &str = "CVE-2026-0861 in glibc 2.41-12, built into busybox-static: fixed in 2.41-12+deb13u2, to be built with it,
    urgency not yet assigned
      in one-debian13:latest
      see tracker.json: glibc, CVE-2026-0861, trixie: resolved in 2.41-12+deb13u2, urgency not yet assigned
      hint: it takes a new version of the package; see
        https://security-tracker.debian.org/tracker/CVE-2026-0861";

/// Another of these.
const GLIBC_4046: &str = "CVE-2026-4046 in glibc 2.41-12, built into busybox-static: fixed in 2.41-12+deb13u3, to be built with it,
    urgency not yet assigned
      in one-debian13:latest
      see tracker.json: glibc, CVE-2026-4046, trixie: resolved in 2.41-12+deb13u3, urgency not yet assigned
      hint: it takes a new version of the package; see
        https://security-tracker.debian.org/tracker/CVE-2026-4046";

/// No version has a fix.
const OPENSSL: &str = "TEMP-0000000-00000D in openssl 3.5.6-1~deb13u2: no fix yet, urgency high, remote (made up: no version has a
    fix)
      in one-debian13:latest
      see tracker.json: openssl, TEMP-0000000-00000D, trixie: open, urgency high
      hint: see https://security-tracker.debian.org/tracker/TEMP-0000000-00000D";

/// Nobody has looked yet.
const BUSYBOX: &str =
    "TEMP-0000000-00000A in busybox 1:1.37.0-6: undetermined, urgency not yet assigned (made up: nobody has
    looked yet) (unknown)
      in one-debian13:latest
      see tracker.json: busybox, TEMP-0000000-00000A, trixie: undetermined, urgency not yet assigned
      hint: see https://security-tracker.debian.org/tracker/TEMP-0000000-00000A";

/// It waits for the next advisory.
const NCURSES: &str = "TEMP-0000000-00000B in ncurses 6.5+20250216-2: postponed, urgency low (made up: waits for the next advisory)
      in one-debian13:latest
      see tracker.json: ncurses, TEMP-0000000-00000B, trixie: open, urgency low, DSA postponed: Wait until
        more issues are there
      hint: see https://security-tracker.debian.org/tracker/TEMP-0000000-00000B";

fn built(policy: &str) -> Workshop {
    let shop = locked();
    shop.build(&[]).success();
    shop.world.catalog("policy.toml", &format!("{QUIET}shell = \"off\"\n{policy}"));
    shop
}

fn tracked(shop: &Workshop, more: &[&str]) -> Said {
    audit(shop, &[&["--tracker", "tracker.json"], more].concat())
}

#[test]
fn what_is_open_is_told_by_what_can_be_done_about_it() {
    let shop = built("");
    tracked(&shop, &[]).assert_is(&format!(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  {ZLIB}
  CVE-2026-35189 in openssl 3.5.6-1~deb13u2: fixed by renewing to 3.5.7-1~deb13u3, urgency not yet assigned
    (Memory Allocation in Relative CRLDP Processing)
      in one-debian13:latest
      see tracker.json: openssl, CVE-2026-35189, trixie: resolved in 3.5.7-1~deb13u3, urgency not yet assigned
      hint: `distro lock src:openssl` renews it; see
        https://security-tracker.debian.org/tracker/CVE-2026-35189

warning[vulnerability]: no known vulnerability is open
  {GLIBC_0861}
  {GLIBC_4046}
  {BUSYBOX}
  {OPENSSL}

note[vulnerability]: no known vulnerability is open
  {NCURSES}
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 2 errors, 4 warnings, 1 note, 0 waived
"#,
    ));
}

#[test]
fn the_policy_says_how_grave_each_is_and_waives_some() {
    let policy = r#"
[[vulnerabilities.severity]]
states = ["undetermined", "postponed", "fixed-by-rebuilding"]
level = "off"

[[vulnerabilities.severity]]
urgencies = ["high"]
level = "note"

[[vulnerabilities.severity]]
states = ["unimportant"]
level = "warning"

[[waiver]]
rule = "vulnerability"
subject = "CVE-2026-35189"
reason = "no program here follows distribution points"
owner = "me@example.org"
expires = "2999-12-31"

[[waiver]]
rule = "vulnerability"
subject = "zlib"
reason = "the next renewal is tomorrow"
owner = "me@example.org"
expires = "2999-12-31"
"#;
    tracked(&built(policy), &[]).assert_is(&format!(
        r#"
status: 3
----- stdout -----
warning[vulnerability]: no known vulnerability is open
  CVE-2010-4756 in glibc 2.41-12+deb13u4: unimportant, urgency unimportant (The glob implementation in the GNU
    C Library (aka glibc or libc6) allows remote authenticated users…)
      in one-debian13:latest
      see tracker.json: glibc, CVE-2010-4756, trixie: open, urgency unimportant
      hint: see https://security-tracker.debian.org/tracker/CVE-2010-4756
  CVE-2010-4756 in glibc 2.41-12, built into busybox-static: unimportant, urgency unimportant (The glob
    implementation in the GNU C Library (aka glibc or libc6) allows remote authenticated users…)
      in one-debian13:latest
      see tracker.json: glibc, CVE-2010-4756, trixie: open, urgency unimportant
      hint: see https://security-tracker.debian.org/tracker/CVE-2010-4756

note[vulnerability]: no known vulnerability is open
  {OPENSSL}

waived
  CVE-2026-27171 in zlib 1:1.3.dfsg+really1.3.1-1: fixed by renewing to 1:1.3.dfsg+really1.3.1-1+deb13u1,
    urgency not yet assigned (Negative lengths in the crc32_combine functions)
      in one-debian13:latest
      see tracker.json: zlib, CVE-2026-27171, trixie: resolved in 1:1.3.dfsg+really1.3.1-1+deb13u1, urgency
        not yet assigned
      vulnerability waived: the next renewal is tomorrow (me@example.org, until 2999-12-31)
  CVE-2026-35189 in openssl 3.5.6-1~deb13u2: fixed by renewing to 3.5.7-1~deb13u3, urgency not yet assigned
    (Memory Allocation in Relative CRLDP Processing)
      in one-debian13:latest
      see tracker.json: openssl, CVE-2026-35189, trixie: resolved in 3.5.7-1~deb13u3, urgency not yet assigned
      vulnerability waived: no program here follows distribution points (me@example.org, until 2999-12-31)
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 0 errors, 2 warnings, 1 note, 2 waived
"#,
    ));
}

#[test]
fn what_the_organization_says_of_its_images_counts_before_the_tracker() {
    let shop =
        built("[[vulnerabilities.severity]]\nstates = [\"undetermined\", \"postponed\"]\nlevel = \"off\"\n");
    let statement = |id: &str, packages: &str, rest: &str| {
        format!("[[vex]]\nvulnerability = \"{id}\"\npackages = [\"{packages}\"]\ndate = 2020-01-01\n{rest}\n")
    };
    let not_affected = "status = \"not_affected\"\njustification = \"vulnerable_code_not_in_execute_path\"";
    let statements = [
        statement("CVE-2026-27171", "zlib1g", not_affected),
        statement("CVE-2026-35189", "src:openssl", "status = \"affected\"\naction = \"trust no one\""),
        statement("CVE-2010-4756", "src:glibc", "status = \"under_investigation\"\nauthor = \"Ada\""),
        statement("TEMP-0000000-00000D", "libssl3t64", "status = \"fixed\"\nexpires = 2020-02-01"),
    ];
    shop.append("catalog.toml", &statements.concat());
    tracked(&shop, &[]).assert_is(&format!(
        r#"
status: 3
----- stdout -----
error[waiver]: waivers are in force
  the statement on TEMP-0000000-00000D in libssl3t64 expired on 2020-02-01
      see images/catalog.toml: line 83
      hint: say it again with a new date, or remove it

warning[vulnerability]: no known vulnerability is open
  {GLIBC_0861}
  CVE-2026-35189 in libssl3t64 3.5.6-1~deb13u2: affected, the catalog says
      in one-debian13:latest
      see images/catalog.toml: line 71
      hint: trust no one
  {GLIBC_4046}
  {OPENSSL}
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 1 error, 4 warnings, 0 notes, 0 waived
"#,
    ));

    // The same image under another's name: they have said nothing of it.
    let sbom = shop.world.read(SBOM).replace("https://example.org/spdx/", "https://elsewhere.example/spdx/");
    shop.world.write("theirs.spdx.json", &sbom);
    let told = |path: &str| {
        let said = tracked(&shop, &["--sbom", path]);
        said.stdout.contains("CVE-2026-27171 in zlib")
    };
    assert!(!told(SBOM));
    assert!(told("theirs.spdx.json"));
}

#[test]
fn a_document_needs_no_catalog_and_packages_that_are_not_debians_are_passed_over() {
    let shop = built("");
    let sbom = shop.world.read(SBOM).replace("pkg:deb/debian/libssl3t64@", "pkg:deb/example/libssl3t64@");
    shop.world.write("there/one.spdx.json", &sbom);
    shop.world.write("there/policy.toml", QUIET);
    let arguments =
        ["--catalog", "nowhere", "--policy", "there/policy.toml", "--sbom", "there/one.spdx.json"];
    tracked(&shop, &arguments).assert_is(&format!(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  {ZLIB}

warning[vulnerability]: no known vulnerability is open
  {GLIBC_0861}
  {GLIBC_4046}
  {BUSYBOX}

note[vulnerability]: no known vulnerability is open
  {NCURSES}

note[not-checked]: checks that were not made
  layers were not read: nothing is known of files, users and the completeness of SBOMs
  libssl3t64 is not Debian's: its vulnerabilities are not in the security tracker
      in one-debian13:latest
      see there/one.spdx.json: SPDXRef-Binary-libssl3t64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by there/policy.toml: 1 error, 3 warnings, 3 notes, 0 waived
"#,
    ));
}

#[test]
fn a_release_that_nobody_knows_is_a_finding() {
    let shop = built("");
    let sbom = shop.world.read(SBOM);
    let system = "\"name\": \"debian\",\n      \"versionInfo\": \"13\"";
    assert!(sbom.contains(system), "{sbom}");
    shop.world.write("one.spdx.json", &sbom.replace(system, &system.replace("13", "99")));
    // The tracker's data are asked for no release, and so are not refused for want of one.
    tracked(&shop, &["--sbom", "one.spdx.json"]).assert_is(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  debian 99 is no release of which the security tracker could be asked (unknown)
      in one-debian13:latest
      see one.spdx.json: SPDXRef-OperatingSystem-debian

note[not-checked]: checks that were not made
  layers were not read: nothing is known of files, users and the completeness of SBOMs
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 1 note, 0 waived
"#,
    );
}

#[test]
fn a_policy_may_demand_the_trackers_data_and_new_ones() {
    let shop = built("[vulnerabilities]\nrequire-tracker = true\n");
    audit(&shop, &[]).assert_is(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  vulnerabilities were not looked for, and the policy demands the data of a security tracker (unknown)
      see images/policy.toml: vulnerabilities
      hint: name the data by --tracker
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 0 notes, 0 waived
"#,
    );
    let levels = "[[vulnerabilities.severity]]\nlevel = \"off\"\n";
    let days = "[vulnerabilities]\nmax-age-days = 7\n";
    shop.world.catalog("policy.toml", &format!("{QUIET}shell = \"off\"\n{days}{levels}"));
    audit(&shop, &[]).assert_is(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  vulnerabilities were not looked for, and the policy demands the data of a security tracker (unknown)
      see images/policy.toml: vulnerabilities
      hint: name the data by --tracker
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 0 notes, 0 waived
"#,
    );
    dated(&shop, "tracker.json", "2020-02-02T00:00:00Z");
    let said = tracked(&shop, &[]);
    let age = said.stdout.split("tracker.json is ").nth(1).unwrap().split(" days").next().unwrap().to_owned();
    assert!(age.parse::<u32>().unwrap() > 2000, "{said}");
    Said { stdout: said.stdout.replace(&age, "[AGE]"), ..said }.assert_is(
        r#"
status: 3
----- stdout -----
error[vulnerability]: no known vulnerability is open
  tracker.json is [AGE] days old: it is of 2020-02-02, and 7 days are allowed
      see images/policy.toml: vulnerabilities: max-age-days
      hint: fetch the tracker's data anew
----- stderr -----
    Tracker of 2020-02-02T00:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 0 notes, 0 waived
"#,
    );
}

#[test]
fn a_tracker_that_says_nothing_of_the_release_is_refused() {
    let shop = built("");
    shop.world.write("tracker.json", "{\"zlib\": {\"CVE-2026-27171\": {\"releases\": {}}}}");
    assert_refused(
        &tracked(&shop, &[]),
        r#"
error: the tracker's data of `tracker.json` cannot be read
  it says nothing of the release `trixie`
hint: --tracker takes what https://security-tracker.debian.org/tracker/data/json serves
"#,
    );
}

#[test]
fn a_state_that_is_none_is_refused() {
    let shop = built("[[vulnerabilities.severity]]\nstates = [\"no-fix\"]\nlevel = \"off\"\n");
    assert_refused(
        &audit(&shop, &[]),
        r#"
error: unknown value `no-fix`
 --> images/policy.toml:5:11
  |
5 | states = ["no-fix"]
  |           ^^^^^^^^ unknown value
  |
  = hint: known here: fixed-by-renewing, fixed-by-rebuilding, no-fix-yet, no-dsa, postponed, ignored, undetermined, unimportant, unsupported
"#,
    );
}

#[test]
fn the_trackers_row_is_in_the_json() {
    let shop = built("");
    let said = tracked(&shop, &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["tracker"]["place"], "tracker.json");
    assert_eq!(report["tracker"]["date"], "2026-11-20T06:00:00Z");
    let of = |id: &str| report["findings"].as_array().unwrap().iter().find(|it| it["subject"] == id).unwrap();
    assert_eq!(of("CVE-2026-35189")["evidence"]["file"], "tracker.json");
    assert_eq!(of("TEMP-0000000-00000A")["unknown"], true);
}

/// What is built in is judged by the version that was built in.
#[test]
fn code_that_was_built_into_a_package_is_looked_at_too() {
    let shop = Workshop::of_one_image([Package::new("busybox-static", "1:1.37.0-6+b9")
        .source("busybox (1:1.37.0-6)")
        .field("Built-Using", "glibc (= 2.41-12)")
        .executable("/usr/bin/app", "box")]);
    shop.world.write("tracker.json", crate::find::TRACKER);
    dated(&shop, "tracker.json", "2026-11-20T06:00:00Z");
    let off = "[[vulnerabilities.severity]]\nstates = [\"undetermined\"]\nlevel = \"off\"\n";
    shop.world.catalog("policy.toml", &format!("{QUIET}{off}"));
    shop.lock().build(&[]).success();
    tracked(&shop, &[]).assert_is(&format!(
        r#"
status: 3
----- stdout -----
warning[vulnerability]: no known vulnerability is open
  {GLIBC_0861}
  {GLIBC_4046}
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z, in tracker.json
    Audited 1 image by images/policy.toml: 0 errors, 2 warnings, 0 notes, 0 waived
"#,
    ));
}
