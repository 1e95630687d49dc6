use super::*;

/// The message and the hint.
fn conflict(lines: &[&str], requests: &[&str], left_out: &[&str]) -> String {
    match resolve_in(lines, &request(requests, left_out)).unwrap_err() {
        ResolveError::Conflict(conflict) => match conflict.hint() {
            Some(hint) => format!("{conflict}\nhint: {hint}"),
            None => conflict.to_string(),
        },
        error @ ResolveError::Index(_) => panic!("{error}"),
    }
}

#[test]
fn an_unknown_name_is_compared_with_those_known() {
    assert_eq!(
        conflict(&["libssl3t64 1", "libssl-dev 1", "zlib1g 1"], &["libssl3"], &[]),
        "`libssl3` cannot be installed
  `libssl3` is requested
    no package has that name, and none provides it
hint: is one of these meant? `libssl3t64`"
    );
}

#[test]
fn the_way_to_a_missing_dependency_is_told() {
    let archive = [
        "app 1; Depends: libaa",
        "libaa 2; Depends: libbb (>= 3) | api (>= 1)",
        "libbb 2",
        "cc 1; Provides: api",
    ];
    assert_eq!(
        conflict(&archive, &["app"], &[]),
        "`app` cannot be installed
  `app` is requested
  app 1 depends on `libaa`
  libaa 2 depends on `libbb (>= 3) | api (>= 1)`
    libbb 2 (stable) is not of such a version
    cc 1 (stable) provides api, but in no version
hint: to do without it, add to the image's `leave-out`: `libbb = \"the reason\"`"
    );
}

#[test]
fn each_alternative_tells_why_it_fell_out() {
    let archive = ["app 1; Depends: aa | bb", "aa 1; Depends: gone", "bb 1; Depends: aa (>> 1), gone"];
    assert_eq!(
        conflict(&archive, &["app"], &[]),
        "`app` cannot be installed
  `app` is requested
  app 1 depends on `aa | bb`
    aa 1 (stable) cannot be installed
      aa 1 depends on `gone`
        no package has that name, and none provides it
    bb 1 (stable) cannot be installed
      bb 1 depends on `aa (>> 1)`
        aa 1 (stable) is not of such a version
hint: to do without it, add to the image's `leave-out`: `aa = \"the reason\"`"
    );
}

#[test]
fn a_conflict_tells_who_wants_the_other() {
    let archive =
        ["app 1; Depends: aa | bb", "aa 1; Conflicts: cc", "bb 1; Breaks: cc", "tool 1; Depends: cc", "cc 2"];
    assert_eq!(
        conflict(&archive, &["app", "tool"], &[]),
        "`app` cannot be installed
  `app` is requested
  app 1 depends on `aa | bb`
    aa 1 (stable) cannot be installed with cc: aa 1 has `Conflicts: cc`
      `tool` is requested
      tool 1 depends on `cc`
    bb 1 (stable) cannot be installed with cc: bb 1 has `Breaks: cc`
      `tool` is requested
      tool 1 depends on `cc`
hint: to do without it, add to the image's `leave-out`: `aa = \"the reason\"`"
    );
}

#[test]
fn requests_that_exclude_one_another_by_their_alternatives_are_named() {
    let archive = [
        "one 1; Depends: aa | bb",
        "two 1; Depends: cc | dd",
        "three 1",
        "aa 1; Conflicts: cc, dd",
        "bb 1; Conflicts: cc, dd",
        "cc 1",
        "dd 1",
    ];
    assert_eq!(
        conflict(&archive, &["three", "one", "two"], &[]),
        "`one`, `two` cannot be installed together: no choice among their alternatives fits all"
    );
}

#[test]
fn a_substitute_that_is_left_out_says_so() {
    let archive = ["app 1; Depends: aa | bb, cc", "aa 1", "bb 1", "cc 1; Conflicts: aa"];
    assert_eq!(
        conflict(&archive, &["app"], &["bb"]),
        "`app` cannot be installed
  `app` is requested
  app 1 depends on `aa | bb`
    aa 1 (stable) cannot be installed with cc: cc 1 has `Conflicts: aa`
      `app` is requested
      app 1 depends on `cc`
    bb 1 (stable) is left out by the definition
hint: to do without it, add to the image's `leave-out`: `aa = \"the reason\"`"
    );
}
