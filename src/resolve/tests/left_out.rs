use super::*;

const ARCHIVE: [&str; 6] = [
    "app 1; Depends: debconf (>= 0.5) | debconf-2.0, awk, libc",
    "debconf 1; Provides: debconf-2.0; Depends: perl",
    "cdebconf 1; Provides: debconf-2.0",
    "mawk 1; Provides: awk; Priority: required",
    "gawk 1; Provides: awk",
    "libc 1",
];

/// What is installed, what `app` goes without and by which name, and which names met nothing.
fn without(requests: &[&str], left_out: &[&str]) -> (String, Vec<String>, Vec<String>) {
    let archive = [&ARCHIVE[..], &["perl 1"]].concat();
    let resolution = resolve_in(&archive, &request(requests, left_out)).unwrap();
    let missing = resolution.packages["app"].left_out.iter();
    let missing = missing.map(|left| format!("{}: {}", left.name, left.relation)).collect();
    (names(&resolution), missing, resolution.unused.iter().map(ToString::to_string).collect())
}

#[test]
fn a_name_left_out_brings_in_neither_itself_nor_a_substitute() {
    let (installed, missing, unused) = without(&["app"], &["debconf", "awk"]);
    assert_eq!(installed, "app libc");
    assert_eq!(missing, ["debconf: debconf (>= 0.5) | debconf-2.0", "awk: awk"]);
    assert!(unused.is_empty());
}

#[test]
fn the_name_of_the_preferred_provider_leaves_a_virtual_package_out() {
    let (installed, missing, _) = without(&["app"], &["debconf", "mawk"]);
    assert_eq!(installed, "app libc");
    assert_eq!(missing[1], "mawk: awk");
}

#[test]
fn a_name_that_is_no_first_choice_changes_nothing() {
    let (installed, missing, unused) = without(&["app"], &["cdebconf", "debconf-2.0", "gawk", "zz"]);
    assert_eq!(installed, "app debconf libc mawk perl");
    assert!(missing.is_empty());
    assert_eq!(unused, ["cdebconf", "debconf-2.0", "gawk", "zz"]);
}

#[test]
fn a_relation_that_another_package_satisfies_anyway_is_kept() {
    let (installed, missing, unused) = without(&["app", "cdebconf", "gawk"], &["debconf", "awk"]);
    assert_eq!(installed, "app cdebconf gawk libc");
    assert!(missing.is_empty() && unused.is_empty());
}

#[test]
fn a_request_is_stronger_than_leaving_out() {
    let (installed, missing, unused) = without(&["app", "debconf"], &["debconf", "awk"]);
    assert_eq!(installed, "app debconf libc perl");
    assert_eq!(missing, ["awk: awk"]);
    assert_eq!(unused, ["debconf"]);
}

#[test]
fn a_dependency_that_does_not_exist_can_be_left_out() {
    let archive = ["app 1; Depends: gone | gone2"];
    assert!(resolve_in(&archive, &request(&["app"], &[])).is_err());
    let resolution = resolve_in(&archive, &request(&["app"], &["gone2"])).unwrap();
    assert_eq!(names(&resolution), "app");
}

#[test]
fn a_substitute_that_is_left_out_does_not_stand_in() {
    let archive = ["app 1; Depends: aa | bb, cc", "aa 1", "bb 1", "cc 1; Conflicts: aa"];
    assert_eq!(installed(&archive, &["app"]), "app bb cc");
    assert!(resolve_in(&archive, &request(&["app"], &["bb"])).is_err());
}

#[test]
fn one_of_several_alternatives_requested_is_still_left_out() {
    let archive = ["app 1; Depends: bb", "aa 1", "bb 1"];
    let resolution = resolve_in(&archive, &request(&["app", "aa | bb"], &["bb"])).unwrap();
    assert_eq!(names(&resolution), "aa app");
}
