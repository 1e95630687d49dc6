//! Packages that cannot be had.

use crate::archive::Package;
use crate::desk::{BOTH, Desk, assert_refused, libc6};

#[test]
fn a_dependency_that_nothing_satisfies_is_shown_with_the_way_to_it() {
    let mut desk = Desk::new();
    libc6("2.42-1").depends("libcrypt1 (>= 4)").publish(&mut desk.archive);
    Package::new("libcrypt1", "4.4-1").archs(BOTH).depends("libxcrypt-data").publish(&mut desk.archive);
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64, arm64: `libc6` cannot be installed
    `libc6` is requested
    libc6 2.42-1 depends on `libcrypt1 (>= 4)`
    libcrypt1 4.4-1 depends on `libxcrypt-data`
      no package has that name, and none provides it
    hint: to do without it, add to the image's `leave-out`: `libxcrypt-data = "the reason"`
"#,
    );
}

#[test]
fn a_dependency_can_be_missing_on_one_architecture() {
    let mut desk = Desk::new();
    libc6("2.42-1").depends("libatomic1").publish(&mut desk.archive);
    Package::new("libatomic1", "14-1").arch("arm64").publish(&mut desk.archive);
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64: `libc6` cannot be installed
    `libc6` is requested
    libc6 2.42-1 depends on `libatomic1`
      no package has that name, and none provides it
    hint: to do without it, add to the image's `leave-out`: `libatomic1 = "the reason"`
"#,
    );
}

#[test]
fn what_the_hint_says_is_what_helps() {
    let mut desk = Desk::new();
    libc6("2.42-1").depends("libcrypt1").publish(&mut desk.archive);
    desk.edit("images/base.toml", "libgcc-s1 =", "libcrypt1 = \"no passwords\"\nlibgcc-s1 =");
    desk.lock(&[]).success();
}

#[test]
fn a_package_that_does_not_exist_is_shown_with_those_of_like_names() {
    let desk = Desk::new();
    desk.edit("images/base.toml", "\"libc6\"", "\"libc\"");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64, arm64: `libc` cannot be installed
    `libc` is requested
      no package has that name, and none provides it
    hint: is one of these meant? `libc6`
"#,
    );
}

#[test]
fn a_version_that_is_not_there_is_shown_with_the_one_that_is() {
    let desk = Desk::new();
    desk.edit("images/base.toml", "\"libc6\"", "\"libc6 (>= 3)\"");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64, arm64: `libc6 (>= 3)` cannot be installed
    `libc6 (>= 3)` is requested
      libc6 2.41-1 (trixie) is not of such a version
"#,
    );
}

#[test]
fn packages_that_exclude_each_other_are_both_named() {
    let mut desk = Desk::new();
    Package::new("musl", "1.2-1").archs(BOTH).conflicts("libc6").publish(&mut desk.archive);
    desk.edit("images/base.toml", "\"libc6\"", "\"libc6\", \"musl\"");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64, arm64: `libc6` cannot be installed
    `libc6` is requested
      libc6 2.41-1 (trixie) cannot be installed with musl: musl 1.2-1 has `Conflicts: libc6`
        `musl` is requested
"#,
    );
}

#[test]
fn a_reason_that_keeps_several_images_is_told_once() {
    let mut desk = Desk::new();
    libc6("2.42-1").depends("libcrypt1").publish(&mut desk.archive);
    desk.world.catalog("cc.toml", "[image.cc]\ndescription = \"For C++\"\nparent = \"base\"\n");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13, cc-debian13 cannot be resolved on amd64, arm64: `libc6` cannot be installed
    `libc6` is requested
    libc6 2.42-1 depends on `libcrypt1`
      no package has that name, and none provides it
    hint: to do without it, add to the image's `leave-out`: `libcrypt1 = "the reason"`
"#,
    );
}

#[test]
fn every_image_that_cannot_be_resolved_is_named() {
    let desk = Desk::new();
    desk.edit("images/catalog.toml", "busybox-static", "busybox-statik");
    desk.world.catalog("one.toml", "[image.one]\ndescription = \"One\"\npackages = [\"nothing-like-it\"]\n");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  base-debian13 cannot be resolved on amd64, arm64: `busybox-statik` cannot be installed
    `busybox-statik` is requested
      no package has that name, and none provides it
    hint: is one of these meant? `busybox-static`
  one-debian13 cannot be resolved on amd64, arm64: `nothing-like-it` cannot be installed
    `nothing-like-it` is requested
      no package has that name, and none provides it
"#,
    );
}
