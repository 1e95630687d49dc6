//! Pins of the catalog, and suites that are not automatic.

use super::{assert_locked, locked, ssl, zlib};
use crate::desk::{Desk, assert_refused};

/// The catalog of a release with a pin.
fn pinned(desk: Desk, pin: &str) -> Desk {
    desk.edit(
        "images/catalog.toml",
        "[tag.latest]",
        &format!("[release.debian13.pin]\n{pin}\n\n[tag.latest]"),
    );
    desk
}

/// The release has backports too, with newer versions of everything but the libc.
fn with_backports() -> Desk {
    let mut desk = locked();
    desk.archive.add_suite("debian", "trixie-backports", "main", crate::desk::BOTH);
    desk.archive.set_not_automatic("trixie-backports");
    zlib("1.4-1~bpo13+1").publish_to(&mut desk.archive, "trixie-backports");
    desk.world.write("apt/sources.list.d/fake.sources", &desk.archive.sources(desk.server.url()));
    desk.edit("images/catalog.toml", "\"trixie-updates\"]", "\"trixie-updates\", \"trixie-backports\"]");
    desk
}

#[test]
fn backports_are_taken_only_where_they_are_pinned() {
    let desk = with_backports();
    desk.lock(&[]).success();
    assert_locked(&desk, super::FIRST);
    let desk = pinned(desk, "zlib1g = { suite = \"trixie-backports\", reason = \"zip needs it\" }");
    desk.lock(&["--check"]).assert_is(r#"
status: 3
----- stdout -----
----- stderr -----
warning: the lock `lock/debian13.lock` does not fit the definitions: the catalog pins `zlib1g` to suite trixie-backports, the lock to nothing
"#);
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE  OLD    NEW
zlib1g   1.3-1  1.4-1~bpo13+1

SOURCE              FIXES
zlib 1.4-1~bpo13+1  changelog not at hand

IMAGE         TAGS      DOWNLOAD  INSTALLED
zip-debian13  all   +4 B to +8 B       ±0 B
----- stderr -----
     Locked debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.4-1~bpo13+1");
    let lock = desk.world.read("lock/debian13.lock");
    assert_eq!(lock.lines().nth(4).unwrap(), "pin.zlib1g = { suite = \"trixie-backports\" }");
    desk.lock(&["--check"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_version_stays_as_long_as_it_is_pinned() {
    let mut desk = locked();
    ssl("3.5-1.1").publish(&mut desk.archive);
    zlib("1.4-1").publish(&mut desk.archive);
    let desk = pinned(
        desk,
        "\"src:zlib\" = { version = \"1.3-*\", reason = \"a\" }\nlibssl3t64 = { version = \"3.5-1\", reason = \"b\" }",
    );
    desk.lock(&[]).success();
    assert_locked(&desk, super::FIRST);
    desk.edit("images/catalog.toml", "version = \"1.3-*\"", "version = \"1.4-*\"");
    desk.lock(&["libc6"]).success();
    assert_locked(&desk, "libc6 2.41-1, libssl3t64 3.5-1, openssl-provider 3.5-1, zlib1g 1.4-1");
}

#[test]
fn a_pin_that_fits_nothing_is_refused_with_what_there_is() {
    let mut desk = locked();
    zlib("1.3-2").publish_to(&mut desk.archive, "trixie-security");
    let desk = pinned(desk, "zlib1g = { version = \"1.2-*\", reason = \"1.3 is slow\" }");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  a pin of the catalog fits nothing on amd64 (its reason: 1.3 is slow)
  the catalog pins `zlib1g` to version 1.2-*, and there is only 1.3-2 (trixie-security), 1.3-1 (trixie)
"#,
    );
    desk.edit("images/catalog.toml", "zlib1g = {", "zlib1 = {");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  the catalog pins `zlib1` in debian13, and its suites have no such package on any architecture
"#,
    );
}

#[test]
fn a_pin_that_says_nothing_or_something_wrong_is_shown_where_it_stands() {
    let refused = |pin: &str, expected: &str| assert_refused(&pinned(Desk::new(), pin).lock(&[]), expected);
    refused(
        "zlib1g = { reason = \"why\" }",
        r#"
error: this pin says neither a version nor a suite
  --> images/catalog.toml:27:1
   |
27 | zlib1g = { reason = "why" }
   | ^^^^^^ pins a package to nothing
"#,
    );
    refused(
        "zlib1g = { version = \"1.3\" }",
        r#"
error: the key `reason` is missing
  --> images/catalog.toml:27:10
   |
27 | zlib1g = { version = "1.3" }
   |          ^^^^^^^^^^^^^^^^^^^
"#,
    );
    refused(
        "zlib1g = { suite = \"trixie-backport\", reason = \"why\" }",
        r#"
error: unknown suite `trixie-backport`
  --> images/catalog.toml:27:20
   |
27 | zlib1g = { suite = "trixie-backport", reason = "why" }
   |                    ^^^^^^^^^^^^^^^^^ there is no such suite
   |
   = hint: known: trixie, trixie-security, trixie-updates
"#,
    );
    refused(
        "zlib1g = { version = \">= 1.3\", reason = \"why\" }",
        r#"
error: `>= 1.3` is no version: besides what versions have, only `*` may be in it, for any text
  --> images/catalog.toml:27:22
   |
27 | zlib1g = { version = ">= 1.3", reason = "why" }
   |                      ^^^^^^^^
"#,
    );
    refused(
        "Zlib = { version = \"1.3\", reason = \"why\" }",
        r#"
error: `Zlib` is not a package name: two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit
  --> images/catalog.toml:27:1
   |
27 | Zlib = { version = "1.3", reason = "why" }
   | ^^^^
"#,
    );
}

#[test]
fn a_pin_that_changed_makes_the_lock_stale() {
    let desk = pinned(locked(), "zlib1g = { version = \"1.3-1\", reason = \"why\" }");
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  the catalog pins `zlib1g` to version 1.3-1, the lock to nothing
hint: `distro lock --release debian13` makes a new one
"#,
    );
    desk.lock(&[]).success();
    desk.edit("images/catalog.toml", "reason = \"why\"", "reason = \"another\"");
    desk.lock(&["--check"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 5 packages for 4 images in lock/debian13.lock
"#,
    );
    desk.edit("images/catalog.toml", "version = \"1.3-1\"", "version = \"1.3*\", suite = \"trixie\"");
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  the catalog pins `zlib1g` to version 1.3* in suite trixie, the lock to version 1.3-1
hint: `distro lock --release debian13` makes a new one
"#,
    );
}
