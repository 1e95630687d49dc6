use super::desk;
use crate::archive::Package;
use crate::desk::{BOTH, Desk, assert_refused};

#[test]
fn every_way_to_a_package_is_told_and_who_asked() {
    let desk = desk().locked();
    desk.world.distro(&["why", "cc-debian13:debug", "libc6", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
cc-debian13:debug (amd64)
libc6 2.41-1  requested: `libc6` (base)
├── libgomp1 14.2-1  requested: `libgomp1` (cc)
└── libstdc++6 14.2-1  requested: `libstdc++6` (cc)
----- stderr -----
"#,
    );
    desk.world.distro(&["why", "cc:debug", "busybox-static", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
cc-debian13:debug (amd64)
busybox-static 1:1.37-1  requested: `busybox-static` (debug)
----- stderr -----
"#,
    );
}

#[test]
fn a_way_is_told_once_even_if_it_goes_round() {
    let mut desk = Desk::new();
    for (name, depends) in
        [("perl", "perl-modules, libc6"), ("perl-modules", "perl"), ("git", "perl-modules, perl")]
    {
        Package::new(name, "5-1").archs(BOTH).depends(depends).publish(&mut desk.archive);
    }
    desk.edit("images/base.toml", "\"libc6\"", "\"git\", \"libc6\"");
    desk.locked().world.distro(&["why", "base", "perl", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64)
perl 5-1
├── git 5-1  requested: `git` (base)
└── perl-modules 5-1
    ├── git 5-1  requested: `git` (base)
    └── perl 5-1 (*)
----- stderr -----
"#,
    );
}

#[test]
fn a_request_for_a_name_that_is_provided_is_told_too() {
    let mut desk = Desk::new();
    Package::new("mawk", "1-1").archs(BOTH).provides("awk").publish(&mut desk.archive);
    desk.edit("images/base.toml", "\"libc6\"", "\"awk\", \"libc6\"");
    desk.locked().world.distro(&["why", "base", "mawk", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64)
mawk 1-1  requested: `awk` (base)
----- stderr -----
"#,
    );
}

#[test]
fn why_is_told_to_programs() {
    let desk = desk().locked();
    desk.world.distro(&["why", "cc", "libc6", "--arch", "amd64", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
{
  "image": "cc-debian13:latest",
  "architecture": "amd64",
  "package": "libc6",
  "packages": {
    "libc6": {
      "version": "2.41-1",
      "requested": [
        {
          "request": "libc6",
          "by": "base"
        }
      ],
      "wanted-by": [
        "libgomp1",
        "libstdc++6"
      ]
    },
    "libgomp1": {
      "version": "14.2-1",
      "requested": [
        {
          "request": "libgomp1",
          "by": "cc"
        }
      ],
      "wanted-by": []
    },
    "libstdc++6": {
      "version": "14.2-1",
      "requested": [
        {
          "request": "libstdc++6",
          "by": "cc"
        }
      ],
      "wanted-by": []
    }
  }
}
----- stderr -----
"#,
    );
    desk.world.distro(&["why-not", "cc", "libgcc-s1", "--arch", "amd64", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
{
  "image": "cc-debian13:latest",
  "architecture": "amd64",
  "package": "libgcc-s1",
  "because": "left-out",
  "reason": "cc has it",
  "wanted-by": [
    "libc6",
    "libgomp1",
    "libstdc++6"
  ]
}
----- stderr -----
"#,
    );
}

#[test]
fn why_not_tells_whatever_keeps_a_package_out() {
    let desk = desk();
    desk.edit("images/base.toml", "\"libc6\"", "\"libc6 | musl\", \"zlib1g [arm64]\"");
    let mut desk = desk;
    Package::new("zlib1g", "1-1").archs(BOTH).publish(&mut desk.archive);
    let desk = desk.locked();
    desk.world.distro(&["why-not", "base", "libgcc-s1", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64) does not hold libgcc-s1
the definition leaves it out: cc has it
it is wanted by libc6
----- stderr -----
"#,
    );
    desk.world.distro(&["why-not", "base", "musl", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64) does not hold musl
`libc6 | musl` (base) is satisfied by libc6
----- stderr -----
"#,
    );
    desk.world.distro(&["why-not", "base", "zlib1g", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64) does not hold zlib1g
`zlib1g [arm64]` (base) is for other architectures
----- stderr -----
"#,
    );
    desk.world.distro(&["why-not", "base", "libgomp1", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64) does not hold libgomp1
nothing in it wants it; it is held by
  cc-debian13:debug (amd64)
  cc-debian13:latest (amd64)
----- stderr -----
"#,
    );
    desk.world.distro(&["why-not", "base", "systemd", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64) does not hold systemd
nothing in it wants it, nor in any image of debian13: the lock does not have it
----- stderr -----
"#,
    );
}

#[test]
fn the_other_question_is_pointed_at() {
    let desk = desk().locked();
    assert_refused(
        &desk.world.distro(&["why", "base", "systemd", "--arch", "amd64"]),
        r#"
error: `base-debian13:latest` does not hold `systemd` on amd64
hint: `distro why-not base-debian13:latest systemd --arch amd64` tells why not
"#,
    );
    assert_refused(
        &desk.world.distro(&["why-not", "base", "libc6", "--arch", "amd64"]),
        r#"
error: `base-debian13:latest` holds `libc6` on amd64
hint: `distro why base-debian13:latest libc6 --arch amd64` tells why
"#,
    );
}

#[test]
fn an_image_that_asks_for_recommends_holds_them_and_says_so_in_the_lock() {
    let mut desk = Desk::new();
    Package::new("git", "1-1")
        .archs(BOTH)
        .depends("libc6")
        .field("Recommends", "less, patch")
        .publish(&mut desk.archive);
    Package::new("less", "1-1").archs(BOTH).publish(&mut desk.archive);
    desk.edit("images/base.toml", "\"libc6\"", "\"git\", \"libc6\"");
    let mut desk = desk.locked();
    desk.edit("images/base.toml", "[image.base]", "[image.base]\nrecommends = true");
    assert_refused(
        &desk.world.distro(&["why", "base", "less", "--arch", "amd64"]),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:debug takes what packages recommend, and the lock was resolved without
hint: `distro lock --release debian13` makes a new one
"#,
    );
    desk = desk.locked();
    assert!(desk.world.read("lock/debian13.lock").contains("recommends = true\n"));
    desk.world.distro(&["why", "base", "less", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (amd64)
less 1-1
└── git 1-1  requested: `git` (base)
----- stderr -----
"#,
    );
}
