//! Locks that do not fit the definitions any more: why, and what to do.

use crate::archive::Signer;
use crate::desk::{Desk, assert_refused};

/// A lock, and definitions that were changed since.
fn changed(file: &str, from: &str, to: &str) -> Desk {
    let desk = Desk::new().locked();
    desk.edit(file, from, to);
    desk
}

/// Builds to no avail; and well after a renewal.
#[track_caller]
fn refuse_until_renewed(desk: &Desk, stderr: &str) {
    assert_refused(&desk.build(), stderr);
    desk.lock(&[]).success();
    let said = desk.build();
    assert!(!said.stderr.contains("does not fit the definitions"), "{said}");
}

#[test]
fn an_image_that_the_lock_does_not_know() {
    let desk = Desk::new().locked();
    desk.world.catalog("one.toml", "[image.one]\ndescription = \"One\"\n");
    refuse_until_renewed(
        &desk,
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it does not know the image one-debian13:debug
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn an_image_that_the_catalog_no_longer_has() {
    let desk = changed("images/catalog.toml", "[tag.debug]\n", "[tag.shell]\n");
    refuse_until_renewed(
        &desk,
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it does not know the image base-debian13:shell
hint: `distro lock --release debian13` makes a new one
"#,
    );
    let desk = Desk::new();
    desk.world.catalog("one.toml", "[image.one]\ndescription = \"One\"\n");
    let desk = desk.locked();
    std::fs::remove_file(desk.world.path("images/one.toml")).unwrap();
    refuse_until_renewed(
        &desk,
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it holds the image one-debian13:debug, which the catalog no longer has
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_package_that_the_lock_has_not_resolved() {
    refuse_until_renewed(
        &changed("images/base.toml", "\"libc6\"", "\"libc6\", \"busybox-static\""),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:latest asks for `busybox-static`, which the lock has not resolved
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_package_that_is_no_longer_asked_for() {
    refuse_until_renewed(
        &changed("images/catalog.toml", "packages = [\"busybox-static\"]\n", ""),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:debug no longer asks for `busybox-static`
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_dependency_that_the_lock_was_resolved_with() {
    refuse_until_renewed(
        &changed("images/base.toml", "libgcc-s1 =", "perl-base = \"why\"\nlibgcc-s1 ="),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:debug leaves out `perl-base`, and the lock was resolved with it
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_dependency_that_is_no_longer_left_out() {
    let desk = changed("images/base.toml", "libgcc-s1 = \"cc has it\"\n", "");
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:debug no longer leaves out `libgcc-s1`
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn an_architecture_that_the_lock_does_not_have() {
    refuse_until_renewed(
        &changed("images/catalog.toml", "[\"amd64\", \"arm64\"]", "[\"amd64\"]"),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  base-debian13:debug is for amd64, the lock has it for amd64, arm64
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_suite_that_the_lock_does_not_have() {
    refuse_until_renewed(
        &changed("images/catalog.toml", "\"trixie\", \"trixie-updates\"", "\"trixie\""),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  the release takes packages from debian trixie, debian-security trixie-security, the lock from debian trixie, debian trixie-updates, debian-security trixie-security
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_key_that_is_no_longer_trusted() {
    let desk = Desk::new().locked();
    desk.trust(&[Signer::Expired]);
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  its suite `trixie` is signed by none of the keys that the catalog trusts
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_reason_to_leave_something_out_may_change() {
    let desk = changed("images/base.toml", "cc has it", "another image has it");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}
