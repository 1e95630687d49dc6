//! What is printed of definitions, locks and images.

mod schemas;
mod why;

use crate::archive::Package;
use crate::desk::{BOTH, Desk, assert_refused};

/// Two families, with a dependency that is met twice, a step and a file.
fn desk() -> Desk {
    let mut desk = Desk::new();
    for (name, depends) in [("libstdc++6", "libc6, libgcc-s1"), ("libgomp1", "libc6 | libc, libgcc-s1")] {
        Package::new(name, "14.2-1").archs(BOTH).depends(depends).publish(&mut desk.archive);
    }
    desk.world.catalog(
        "cc.toml",
        r#"
[image.cc]
description = "For C and C++"
parent = "base"
architectures = ["amd64"]
packages = ["libgomp1", "libstdc++6"]
generate = ["accounts"]

[[image.cc.file]]
path = "/etc/nsswitch.conf"
content = "hosts: files dns\n"
"#,
    );
    desk
}

#[test]
fn the_images_of_the_catalog_are_listed() {
    desk().world.distro(&["list"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                 PARENT  ARCHITECTURES  DESCRIPTION
base-debian13:debug   -       amd64 arm64    For programs linked against glibc
base-debian13:latest  -       amd64 arm64    For programs linked against glibc
cc-debian13:debug     base    amd64          For C and C++
cc-debian13:latest    base    amd64          For C and C++
----- stderr -----
"#,
    );
}

#[test]
fn the_images_of_the_catalog_are_listed_for_programs() {
    desk().world.distro(&["list", "cc:latest", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "image": "cc-debian13:latest",
    "family": "cc",
    "release": "debian13",
    "tag": "latest",
    "parent": "base",
    "architectures": [
      "amd64"
    ],
    "description": "For C and C++"
  }
]
----- stderr -----
"#,
    );
}

#[test]
fn images_are_chosen_by_family_repository_and_tag() {
    let desk = desk();
    for (name, count) in [("cc", 2), ("cc-debian13", 2), ("cc-debian13:debug", 1), ("cc:debug", 1)] {
        let said = desk.world.distro(&["list", name]).success();
        assert_eq!(said.stdout.lines().count(), 1 + count, "{name}: {said}");
    }
}

#[test]
fn an_image_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    let desk = desk();
    assert_refused(
        &desk.world.distro(&["list", "base-debain13"]),
        r#"
error: the catalog has no image `base-debain13`
hint: did you mean `base-debian13`?
"#,
    );
    assert_refused(
        &desk.world.distro(&["list", "java"]),
        r#"
error: the catalog has no image `java`
hint: known: base, cc
"#,
    );
    assert_refused(
        &desk.world.distro(&["tree", "cc-debian13:debg", "--arch", "amd64"]),
        r#"
error: the catalog has no image `cc-debian13:debg`
hint: did you mean `cc-debian13:debug`?
"#,
    );
}

#[test]
fn a_tree_shows_what_an_image_holds_and_why() {
    let desk = desk().locked();
    desk.world.distro(&["tree", "cc-debian13:debug", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
cc-debian13:debug (amd64)
├── libc6 2.41-1  1.0 KiB
├── libgomp1 14.2-1  1.0 KiB
│   └── libc6 2.41-1  1.0 KiB
├── libstdc++6 14.2-1  1.0 KiB
│   └── libc6 2.41-1  1.0 KiB
└── busybox-static 1:1.37-1  1.0 KiB
step accounts (cc)
file /etc/nsswitch.conf (cc)
left out libgcc-s1, wanted by libc6, libgomp1, libstdc++6: cc has it
----- stderr -----
"#,
    );
}

#[test]
fn the_latest_is_meant_where_no_tag_is_named() {
    let desk = desk().locked();
    desk.world.distro(&["tree", "base", "--arch", "arm64"]).assert_is(
        r#"
status: 0
----- stdout -----
base-debian13:latest (arm64)
└── libc6 2.41-1  1.0 KiB
left out libgcc-s1, wanted by libc6: cc has it
----- stderr -----
"#,
    );
}

#[test]
fn an_architecture_that_an_image_is_not_for_is_refused() {
    let desk = desk().locked();
    assert_refused(
        &desk.world.distro(&["tree", "cc", "--arch", "arm64"]),
        r#"
error: `cc-debian13:latest` does not exist for arm64
hint: it exists for amd64
"#,
    );
    assert_refused(
        &desk.world.distro(&["tree", "cc", "--arch", "s390x"]),
        r#"
error: the catalog has no architecture `s390x`
hint: known: amd64, arm64
"#,
    );
}

#[test]
fn a_tree_needs_a_lock_that_fits() {
    let desk = desk();
    assert_refused(
        &desk.world.distro(&["tree", "cc", "--arch", "amd64"]),
        r#"
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
"#,
    );
    let desk = desk.locked();
    desk.edit("images/base.toml", "\"libc6\"", "\"libc6\", \"busybox-static\"");
    assert_refused(
        &desk.world.distro(&["tree", "cc", "--arch", "amd64"]),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:latest asks for `busybox-static`, which the lock has not resolved
hint: `distro lock --release debian13` makes a new one
"#,
    );
}
