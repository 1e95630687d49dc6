//! Renewals of a part of a lock, pins, and what a renewal would bring.

mod pins;

use crate::archive::{Archive, Package};
use crate::desk::{BOTH, Desk, assert_refused, busybox, libc6};
use crate::server::Fault;

pub fn ssl(version: &str) -> Package {
    Package::new("libssl3t64", version).archs(BOTH).source("openssl").depends("libc6")
}

/// Built from the same source as [`ssl`], and bound to it.
pub fn provider(version: &str) -> Package {
    let sibling = format!("libssl3t64 (= {version})");
    Package::new("openssl-provider", version).archs(BOTH).source("openssl").depends(&sibling)
}

pub fn zlib(version: &str) -> Package {
    Package::new("zlib1g", version).archs(BOTH).source("zlib")
}

/// Locked at the first version of everything.
pub fn locked() -> Desk {
    let mut archive = Archive::new();
    for package in [libc6("2.41-1"), busybox(), ssl("3.5-1"), provider("3.5-1"), zlib("1.3-1")] {
        package.publish(&mut archive);
    }
    let desk = Desk::of(archive);
    desk.world.catalog(
        "base.toml",
        r#"
[image.base]
description = "For programs linked against glibc"
packages = ["libc6", "libssl3t64", "openssl-provider"]

[image.base.leave-out]
libgcc-s1 = "cc has it"

[image.zip]
description = "For programs that compress"
packages = ["libc6", "zlib1g"]

[image.zip.leave-out]
libgcc-s1 = "cc has it"
"#,
    );
    desk.locked()
}

/// The archive has a second version of everything, that of openssl in the security suite.
fn outdated() -> Desk {
    let mut desk = locked();
    libc6("2.41-2").publish(&mut desk.archive);
    zlib("1.3-2").publish(&mut desk.archive);
    ssl("3.5-2").publish_to(&mut desk.archive, "trixie-security");
    provider("3.5-2").publish_to(&mut desk.archive, "trixie-security");
    desk
}

/// `libc6 2.41-1, zlib1g 1.3-1`: what is locked.
#[track_caller]
pub fn assert_locked(desk: &Desk, expected: &str) {
    let lock = desk.world.read("lock/debian13.lock");
    let value = |line: &str| line.split_once(" = ").unwrap().1.trim_matches('"').to_owned();
    let mut packages = Vec::new();
    for block in lock.split("[[package]]\n").skip(1) {
        let mut lines = block.lines();
        packages.push(format!("{} {}", value(lines.next().unwrap()), value(lines.next().unwrap())));
    }
    packages.retain(|package| !package.starts_with("busybox"));
    assert_eq!(packages.join(", "), expected);
}

pub const FIRST: &str = "libc6 2.41-1, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.3-1";

#[test]
fn only_what_is_asked_for_moves_and_its_siblings() {
    let desk = outdated();
    desk.lock(&["libssl3t64"]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 2 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE           OLD    NEW
libssl3t64        3.5-1  3.5-2
openssl-provider  3.5-1  3.5-2

SOURCE         FIXES
openssl 3.5-2  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all       ±0 B       ±0 B
----- stderr -----
     Locked debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-2, openssl-provider 3.5-2, zlib1g 1.3-1");
    desk.lock(&[]).success();
    assert_locked(&desk, "libc6 2.41-2, libssl3t64 3.5-2, openssl-provider 3.5-2, zlib1g 1.3-2");
}

#[test]
fn a_source_stands_for_all_its_packages() {
    let desk = outdated();
    desk.lock(&["src:openssl"]).success();
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-2, openssl-provider 3.5-2, zlib1g 1.3-1");
}

#[test]
fn a_dependency_that_is_too_old_moves_along() {
    let mut desk = outdated();
    zlib("1.3-3").depends("libc6 (>= 2.41-2)").publish(&mut desk.archive);
    desk.lock(&["zlib1g"]).success();
    assert_locked(&desk, "libc6 2.41-2, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.3-3");
}

#[test]
fn a_package_that_the_new_one_breaks_moves_along() {
    let mut desk = outdated();
    ssl("3.5-3").breaks("libc6 (<< 2.41-2)").publish_to(&mut desk.archive, "trixie-security");
    provider("3.5-3").publish_to(&mut desk.archive, "trixie-security");
    desk.lock(&["openssl-provider"]).success();
    assert_locked(&desk, "libc6 2.41-2, libssl3t64 3.5-3, openssl-provider 3.5-3, zlib1g 1.3-1");
}

#[test]
fn only_packages_of_an_image_move() {
    let desk = outdated();
    desk.lock(&["--image", "zip"]).success();
    assert_locked(&desk, "libc6 2.41-2, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.3-2");
    let desk = outdated();
    desk.lock(&["--image", "zip", "libssl3t64"]).success();
    assert_locked(&desk, FIRST);
}

#[test]
fn only_what_security_suites_have_moves() {
    let desk = outdated();
    desk.lock(&["--security"]).success();
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-2, openssl-provider 3.5-2, zlib1g 1.3-1");
    desk.lock(&["--security"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_package_that_suites_no_longer_have_is_held_by_the_index_it_was_locked_from() {
    let mut desk = outdated();
    desk.world.distro(&["build", "--arch", "amd64"]).success();
    desk.archive.withdraw("trixie", "libc6");
    libc6("2.41-3").publish(&mut desk.archive);
    desk.lock(&["zlib1g"]).success();
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.3-2");
    let lock = desk.world.read("lock/debian13.lock");
    let in_release = lock.split("name = \"libc6\"").nth(1).unwrap().lines().nth(4).unwrap();
    assert!(in_release.starts_with("in-release = "), "{in_release}");
    let named = lock.matches(in_release).count();
    assert_eq!(named, 3, "the older state is in the lock, for libc6 and its source\n{lock}");
    assert_eq!(lock.matches("name = \"trixie\"\n").count(), 2);

    // Again, with nothing new, nothing changes; the index is had from the mirror where the store lost it.
    std::fs::remove_dir_all(desk.world.path("store")).unwrap();
    desk.lock(&["zlib1g"]).success();
    assert_eq!(desk.world.read("lock/debian13.lock"), lock);

    desk.lock(&[]).success();
    let lock = desk.world.read("lock/debian13.lock");
    assert_locked(&desk, "libc6 2.41-3, libssl3t64 3.5-2, openssl-provider 3.5-2, zlib1g 1.3-2");
    assert_eq!(lock.matches("name = \"trixie\"\n").count(), 1);
}

#[test]
fn a_lock_with_held_packages_is_built_like_any_other() {
    let mut desk = outdated();
    desk.world.distro(&["build", "--arch", "amd64"]).success();
    desk.archive.withdraw("trixie", "libc6");
    libc6("2.41-3").publish(&mut desk.archive);
    desk.lock(&["zlib1g"]).success();
    desk.world.distro(&["build", "--arch", "amd64"]).success();
}

#[test]
fn where_the_older_index_is_gone_too_the_package_is_named() {
    let mut desk = outdated();
    desk.archive.withdraw("trixie", "libc6");
    libc6("2.41-3").publish(&mut desk.archive);
    let before = desk.world.read("lock/debian13.lock");
    let digests: Vec<_> = before.lines().filter(|line| line.starts_with("index.")).collect();
    std::fs::remove_dir_all(desk.world.path("store")).unwrap();
    for line in digests {
        let digest = line.rsplit('"').nth(1).unwrap();
        desk.server.fail(&format!("/debian/dists/trixie/**/{digest}"), Fault::Status(404));
    }
    assert_refused(
        &desk.lock(&["zlib1g", "--release", "debian13"]),
        r#"
error: could not lock debian13
  `libc6` 2.41-1 is locked on amd64, no suite has it any more, and the index that it was locked from cannot be had
  could not get `dists/trixie/main/binary-amd64/Packages.xz` from any source:
    [URL]/debian/ (host apt sources): not found
hint: ask for them too: `distro lock libc6 …`; or renew all: `distro lock`
"#,
    );
    assert_eq!(desk.world.read("lock/debian13.lock"), before);
    desk.lock(&["zlib1g", "libc6"]).success();
}

#[test]
fn a_package_that_no_lock_has_is_refused() {
    let desk = outdated();
    assert_refused(
        &desk.lock(&["libssl3"]),
        r#"
error: no lock pins `libssl3`
hint: did you mean `libssl3t64`?
"#,
    );
    assert_refused(
        &desk.lock(&["zlib1g", "systemd"]),
        r#"
error: no lock pins `systemd`
hint: `distro tree IMAGE` shows the packages of an image
"#,
    );
    assert_refused(
        &desk.lock(&["--image", "zap"]),
        r#"
error: the catalog has no image `zap`
hint: did you mean `zip`?
"#,
    );
    desk.lock(&["Zlib"]).assert_is(r#"
status: 2
----- stdout -----
----- stderr -----
error: invalid value 'Zlib' for '[PACKAGE]...': `Zlib` is not a package name: two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit

For more information, try '--help'.
"#);
    std::fs::remove_file(desk.world.path("lock/debian13.lock")).unwrap();
    assert_refused(
        &desk.lock(&["zlib1g"]),
        r#"
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_dry_run_says_all_and_writes_nothing() {
    let desk = outdated();
    desk.lock(&["--dry-run", "zlib1g"]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE  OLD    NEW
zlib1g   1.3-1  1.3-2

SOURCE      FIXES
zlib 1.3-2  changelog not at hand

IMAGE         TAGS  DOWNLOAD  INSTALLED
zip-debian13  all       ±0 B       ±0 B
----- stderr -----
 Would lock debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    assert_locked(&desk, FIRST);
}

#[test]
fn a_check_says_by_its_exit_code_what_is_to_be_done() {
    let desk = locked();
    desk.lock(&["--check"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    let mut desk = desk;
    zlib("1.3-2").publish(&mut desk.archive);
    desk.lock(&["--check"]).assert_is(
        r#"
status: 4
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE  OLD    NEW
zlib1g   1.3-1  1.3-2

SOURCE      FIXES
zlib 1.3-2  changelog not at hand

IMAGE         TAGS  DOWNLOAD  INSTALLED
zip-debian13  all       ±0 B       ±0 B
----- stderr -----
 Would lock debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    desk.lock(&["--check", "libc6"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    assert_locked(&desk, FIRST);
    desk.edit("images/base.toml", "\"zlib1g\"", "\"zlib1g\", \"libssl3t64\"");
    desk.lock(&["--check"]).assert_is(r#"
status: 3
----- stdout -----
----- stderr -----
warning: the lock `lock/debian13.lock` does not fit the definitions: zip-debian13:debug asks for `libssl3t64`, which the lock has not resolved
"#);
    std::fs::remove_file(desk.world.path("lock/debian13.lock")).unwrap();
    desk.lock(&["--check"]).assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
warning: the lock `lock/debian13.lock` does not fit the definitions: there is none
"#,
    );
    desk.lock(&["--check", "--dry-run"]).assert_is(
        r#"
status: 2
----- stdout -----
----- stderr -----
error: the argument '--check' cannot be used with '--dry-run'

Usage: distro lock --timeout <SECONDS> --retries <COUNT> --check [PACKAGE]...

For more information, try '--help'.
"#,
    );
}

#[test]
fn what_is_outdated_is_listed() {
    let desk = outdated();
    let outdated = |arguments: &[&str]| desk.world.distro(&[&["outdated"], arguments].concat());
    outdated(&[]).assert_is(
        r#"
status: 0
----- stdout -----
RELEASE   PACKAGE           LOCKED  NEWEST  SUITE
debian13  libc6             2.41-1  2.41-2  trixie
debian13  libssl3t64        3.5-1   3.5-2   trixie-security
debian13  openssl-provider  3.5-1   3.5-2   trixie-security
debian13  zlib1g            1.3-1   1.3-2   trixie
----- stderr -----
"#,
    );
    outdated(&["zip"]).assert_is(
        r#"
status: 0
----- stdout -----
RELEASE   PACKAGE  LOCKED  NEWEST  SUITE
debian13  libc6    2.41-1  2.41-2  trixie
debian13  zlib1g   1.3-1   1.3-2   trixie
----- stderr -----
"#,
    );
    outdated(&["zip", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "release": "debian13",
    "package": "libc6",
    "locked": "2.41-1",
    "newest": "2.41-2",
    "suite": "trixie",
    "security": false,
    "architectures": [
      "amd64",
      "arm64"
    ]
  },
  {
    "release": "debian13",
    "package": "zlib1g",
    "locked": "1.3-1",
    "newest": "1.3-2",
    "suite": "trixie",
    "security": false,
    "architectures": [
      "amd64",
      "arm64"
    ]
  }
]
----- stderr -----
"#,
    );
    assert_refused(
        &outdated(&["zap"]),
        r#"
error: the catalog has no image `zap`
hint: did you mean `zip`?
"#,
    );
    assert_locked(&desk, FIRST);
    desk.lock(&[]).success();
    outdated(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged a renewal would bring nothing
"#,
    );
    outdated(&["--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[]
----- stderr -----
"#,
    );
}

#[test]
fn an_architecture_that_a_mirror_does_not_have_is_told_beside_what_is_outdated() {
    let desk = outdated();
    desk.server.fail("/debian/dists/trixie/main/binary-arm64/**", Fault::Status(404));
    desk.world.distro(&["outdated", "zip", "--retries", "0"]).assert_is(r#"
status: 0
----- stdout -----
RELEASE   PACKAGE  LOCKED  NEWEST  SUITE
debian13  libc6    2.41-1  2.41-2  trixie
debian13  zlib1g   1.3-1   1.3-2   trixie
----- stderr -----
warning: debian13 stays as it was locked on arm64, where it cannot be renewed: could not read the suite `trixie`: could not get `dists/trixie/main/binary-arm64/Packages.xz` from any source:
  [URL]/debian/ (host apt sources): not found
"#);
}
