use super::*;

#[test]
fn the_closure_holds_what_is_needed_and_nothing_more() {
    let archive = ["app 1; Depends: libb", "libb 1; Pre-Depends: libc", "libc 1; Depends: app", "other 1"];
    let resolution = resolve_in(&archive, &request(&["app"], &[])).unwrap();
    assert_eq!(names(&resolution), "app libb libc");
    let libb = &resolution.packages["libb"];
    assert_eq!((libb.requested, libb.version.as_str()), (false, "1"));
    assert_eq!(libb.depends.iter().map(ToString::to_string).collect::<Vec<_>>(), ["libc"]);
    assert!(resolution.packages["app"].requested);
}

#[test]
fn the_first_alternative_is_preferred() {
    assert_eq!(installed(&["app 1; Depends: bb | aa", "aa 1", "bb 1"], &["app"]), "app bb");
    assert_eq!(installed(&["app 1; Depends: bb | aa", "aa 1"], &["app"]), "aa app");
    assert_eq!(installed(&["app 1; Depends: bb (>= 2) | aa", "aa 1", "bb 1"], &["app"]), "aa app");
}

/// What `apt-get --simulate` 2.6 answers to the same archive.
#[test]
fn an_alternative_suffices_that_was_chosen_before() {
    let archive =
        ["app 1; Depends: bb | aa, cc", "app2 1; Depends: cc, bb | aa", "aa 1", "bb 1", "cc 1; Depends: aa"];
    assert_eq!(installed(&archive, &["app"]), "aa app bb cc");
    assert_eq!(installed(&archive, &["app2"]), "aa app2 cc");
    assert_eq!(installed(&archive, &["app", "aa"]), "aa app cc");
    assert_eq!(installed(&archive, &["cc", "app"]), "aa app cc");
}

#[test]
fn a_real_package_is_preferred_to_one_that_provides_its_name() {
    let archive = ["app 1; Depends: editor", "aa 1; Provides: editor", "editor 1"];
    assert_eq!(installed(&archive, &["app"]), "app editor");
}

#[test]
fn providers_go_by_priority_and_then_the_other_way_round_than_their_names_were_met() {
    let archive = ["app 1; Depends: awk", "aawk 1; Provides: awk", "gawk 1; Provides: awk"];
    assert_eq!(installed(&archive, &["app"]), "app gawk");
    let mentioned = ["app 1; Depends: awk; Suggests: gawk", archive[1], archive[2]];
    assert_eq!(installed(&mentioned, &["app"]), "aawk app");
    let mawk = ["mawk 1; Provides: awk; Priority: required"];
    assert_eq!(installed(&[&mawk, &archive[..]].concat(), &["app"]), "app mawk");
}

#[test]
fn any_means_packages_that_allow_it() {
    let archive = [
        "app 1; Depends: python:any (>= 3)",
        "python 3; Multi-Arch: foreign",
        "pypy 1; Provides: python (= 3); Multi-Arch: allowed",
    ];
    assert_eq!(installed(&archive, &["app"]), "app pypy");
    assert!(resolve_in(&archive[..2], &request(&["app"], &[])).is_err());
    let native = ["app 1; Depends: python:native", archive[1]];
    assert_eq!(installed(&native, &["app"]), "app python");
}

#[test]
fn what_is_provided_for_an_architecture_counts_there() {
    let provides = |name: &str| format!("aa 1; Provides: {name}");
    for (name, counts) in [("api:amd64 (= 2)", true), ("api:arm64 (= 2)", false), ("api (>= 2)", false)] {
        let resolution = resolve_in(&["app 1; Depends: api", &provides(name)], &request(&["app"], &[]));
        assert_eq!(resolution.is_ok(), counts, "{name}");
    }
}

#[test]
fn what_a_needed_package_excludes_is_avoided_before_it_is_chosen() {
    let archive = ["app 1; Depends: cc, aa | bb", "aa 1", "bb 1", "cc 1; Conflicts: aa"];
    assert_eq!(installed(&archive, &["app"]), "app bb cc");
    let archive = ["app 1; Depends: aa | bb", "aa 1; Depends: dd | gone", "bb 1", "dd 1; Conflicts: app"];
    assert_eq!(installed(&archive, &["app"]), "app bb");
}

#[test]
fn recommends_are_taken_where_they_can_be() {
    let archive = [
        "app 1; Depends: aa; Recommends: bb, gone, cc | dd",
        "aa 1; Recommends: ee",
        "bb 1; Conflicts: aa",
        "cc 1; Depends: gone",
        "dd 1",
        "ee 1",
    ];
    assert_eq!(installed(&archive, &["app"]), "aa app");
    let taken = Request { recommends: Recommends::Taken, ..request(&["app"], &[]) };
    assert_eq!(names(&resolve_in(&archive, &taken).unwrap()), "aa app dd ee");
    let without = Request { recommends: Recommends::Taken, ..request(&["app"], &["ee"]) };
    assert_eq!(names(&resolve_in(&archive, &without).unwrap()), "aa app dd");
}

#[test]
fn a_bound_is_met_only_by_a_provided_version() {
    let archive = ["app 1; Depends: api (>= 2)", "aa 3; Provides: api", "bb 1; Provides: api (= 1)"];
    assert!(resolve_in(&archive, &request(&["app"], &[])).is_err());
    let versioned = ["cc 1; Provides: api (= 2)"];
    assert_eq!(installed(&[&archive[..], &versioned].concat(), &["app"]), "app cc");
}

#[test]
fn what_conflicts_or_breaks_is_avoided() {
    let archive = ["app 1; Depends: aa | bb, cc", "aa 1", "bb 1", "cc 1; Breaks: aa (<< 2)"];
    assert_eq!(installed(&archive, &["app"]), "app bb cc");
    let archive = ["app 1; Depends: aa | bb, cc", "aa 1; Conflicts: mta", "bb 1", "cc 1; Provides: mta"];
    assert_eq!(installed(&archive, &["app"]), "app bb cc");
}

#[test]
fn a_package_does_not_conflict_with_what_it_provides_itself() {
    assert_eq!(installed(&["exim 1; Provides: mta; Conflicts: mta"], &["exim"]), "exim");
    assert_eq!(installed(&["exim 1; Provides: mta; Depends: mta"], &["exim"]), "exim");
}

#[test]
fn the_highest_version_of_all_suites_is_the_candidate_and_the_earlier_suite_breaks_a_tie() {
    let (stable, security) =
        (index(&["aa 1:1", "bb 2", "cc 3"]), index(&["aa 2", "bb 2", "cc 3+deb13u1; Provides: xx"]));
    let suites = [Suite { label: "stable", index: &stable }, Suite { label: "security", index: &security }];
    let universe = Universe::new(&"amd64".parse().unwrap(), &suites).unwrap();
    let from = |name| universe.suite_of(universe.get(name).unwrap());
    assert_eq!(["aa", "bb", "cc"].map(from), ["stable", "stable", "security"]);
    assert!(universe.get("xx").is_none());
}

#[test]
fn only_the_candidate_provides() {
    let (stable, security) = (index(&["aa 1; Provides: xx", "bb 1; Provides: xx"]), index(&["aa 2"]));
    let suites = [Suite { label: "stable", index: &stable }, Suite { label: "security", index: &security }];
    let universe = Universe::new(&"amd64".parse().unwrap(), &suites).unwrap();
    assert_eq!(names(&resolve(&universe, &request(&["xx"], &[])).unwrap()), "bb");
}

#[test]
fn packages_and_requests_of_other_architectures_do_not_count() {
    let archive = [
        "aa 1; Architecture: amd64; Multi-Arch: allowed",
        "aa 2; Architecture: arm64",
        "bb 1; Architecture: arm64",
    ];
    let resolution = resolve_in(&archive, &request(&["aa:any", "bb [arm64]"], &[])).unwrap();
    assert_eq!(names(&resolution), "aa");
    assert_eq!(resolution.packages["aa"].version.as_str(), "1");
    assert_eq!(installed(&archive, &["aa:amd64"]), "aa");
    assert!(resolve_in(&archive, &request(&["aa:arm64"], &[])).is_err());
}

#[test]
fn a_relation_that_cannot_be_read_names_its_package() {
    let error = resolve_in(&["app 1; Depends: aa (>> )", "aa 1"], &request(&["app"], &[])).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the field `Depends` of `app 1` cannot be read");
}

#[test]
fn any_architecture_of_a_name_is_provided_by_its_package_as_by_others() {
    let allowed = "Multi-Arch: allowed";
    let archive = [
        "app 1; Depends: make:any",
        &format!("make 4; {allowed}; Conflicts: make-guile"),
        &format!("make-guile 4; {allowed}; Provides: make (= 4); Conflicts: make"),
    ];
    assert_eq!(installed(&archive, &["app"]), "app make-guile");
    assert_eq!(installed(&archive, &["make", "app"]), "app make");
}
