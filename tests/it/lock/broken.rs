//! Locks that somebody, or something, has spoilt.

use crate::desk::{Desk, assert_refused, assert_unusable};

const LOCK: &str = "lock/debian13.lock";

/// A good lock, then changed.
fn edited(from: &str, to: &str) -> Desk {
    let desk = Desk::new().locked();
    desk.edit(LOCK, from, to);
    desk
}

/// The block of libc6, once more.
fn with_second(change: impl Fn(&str) -> String) -> Desk {
    let desk = Desk::new().locked();
    let lock = desk.world.read(LOCK);
    let start = lock.find("[[package]]\nname = \"libc6\"").unwrap();
    let end = start + lock[start..].find("[[source]]").unwrap();
    desk.world.write(LOCK, &format!("{}{}{}", &lock[..end], change(&lock[start..end]), &lock[end..]));
    desk
}

#[test]
fn a_lock_that_is_not_there_is_missed() {
    assert_refused(
        &Desk::new().build(),
        r#"
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_package_that_is_pinned_twice_is_named() {
    assert_unusable(&with_second(str::to_owned).build(), "it pins `libc6` twice for amd64");
}

#[test]
fn a_suite_that_the_lock_does_not_know_is_named() {
    assert_unusable(
        &edited("suite = \"trixie\"", "suite = \"forky\"").build(),
        "`busybox-static` is pinned in the suite `forky`, which the lock does not have",
    );
}

#[test]
fn a_dependency_that_is_not_pinned_is_named() {
    let desk = edited("_{arch}.deb\"\n", "_{arch}.deb\"\ndepends = [\"libfoo\"]\n");
    assert_unusable(
        &desk.build(),
        "`busybox-static` holds `libfoo` on amd64, but the lock does not pin it there",
    );
}

#[test]
fn a_package_of_an_image_that_is_not_pinned_is_named() {
    let desk = edited("packages = [\n", "packages = [\n  \"adduser\",\n");
    assert_unusable(
        &desk.build(),
        "the image `base` holds `adduser` on amd64, but the lock does not pin it there",
    );
}

#[test]
fn versions_that_are_not_the_same_everywhere_are_to_be_named() {
    let desk = edited("release = \"debian13\"\n", "release = \"debian13\"\nversion-skew = [\"libc6\"]\n");
    assert_unusable(
        &desk.build(),
        "`libc6` is named in `version-skew`, or is missing there: its pins say otherwise",
    );
}

#[test]
fn a_digest_has_all_its_digits() {
    let desk = Desk::new().locked();
    let lock = desk.world.read("lock/debian13.lock");
    let (_, digest) = lock.split_once("in-release = \"").unwrap();
    let digest = &digest[..64];
    desk.edit("lock/debian13.lock", digest, &format!("0{digest}"));
    assert_unusable(
        &desk.build(),
        &format!("`0{digest}` is not a SHA-256 digest: 64 hexadecimal digits are expected"),
    );
}

#[test]
fn a_path_of_the_lock_stays_in_the_archive() {
    assert_unusable(
        &edited("path = \"pool/", "path = \"../pool/").build(),
        "`../pool/main/b/busybox-static/busybox-static_1.37-1_amd64.deb` is not a path inside an archive: it has an empty, `.` or `..` component",
    );
}

#[test]
fn a_key_that_the_lock_does_not_have_is_shown() {
    assert_refused(
        &edited("suite = \"trixie\"\n", "suit = \"trixie\"\n").build(),
        r#"
error: unknown key `suit`
  --> lock/debian13.lock:43:1
   |
43 | suit = "trixie"
   | ^^^^ unknown key
   |
   = hint: did you mean `suite`?
hint: a lock is written by `distro lock` only; bring it back with `git checkout lock/debian13.lock`, or remove it and run `distro lock`
"#,
    );
}

#[test]
fn a_lock_of_a_newer_distro_is_not_guessed_at() {
    assert_refused(
        &edited("version = 1\n", "version = 2\n").build(),
        r#"
error: the lock `lock/debian13.lock` cannot be used
  it is of format 2, and this program reads formats up to 1: it was written by a newer `distro`
hint: use the `distro` that wrote it, or a newer one; `distro lock --release debian13` makes a new one of this format
"#,
    );
    let desk = edited("version = 1\n", "version = 2\nsomething-new = true\n");
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` cannot be used
  it is of format 2, and this program reads formats up to 1: it was written by a newer `distro`
hint: use the `distro` that wrote it, or a newer one; `distro lock --release debian13` makes a new one of this format
"#,
    );
}

#[test]
fn half_a_lock_is_none() {
    let desk = Desk::new().locked();
    let lock = desk.world.read(LOCK);
    let half = lock.find("size = ").unwrap();
    desk.world.write(LOCK, &lock[..half]);
    assert_refused(
        &desk.build(),
        r#"
error: unclosed inline table, expected `}`
  --> lock/debian13.lock:45:14
   |
45 | deb.amd64 = { 
   |              ^
hint: a lock is written by `distro lock` only; bring it back with `git checkout lock/debian13.lock`, or remove it and run `distro lock`
"#,
    );
}

#[test]
fn half_a_lock_that_is_toml_still_is_none() {
    let desk = Desk::new().locked();
    let lock = desk.world.read(LOCK);
    desk.world.write(LOCK, &lock[..lock.find("\n[[image]]").unwrap()]);
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it does not know the image base-debian13:debug
hint: `distro lock --release debian13` makes a new one
"#,
    );
    desk.world.write(LOCK, "");
    assert_refused(
        &desk.build(),
        r#"
error: the key `version` is missing
 --> lock/debian13.lock:1:1
  |
1 |
  | ^
hint: a lock is written by `distro lock` only; bring it back with `git checkout lock/debian13.lock`, or remove it and run `distro lock`
"#,
    );
}

#[test]
fn a_lock_of_another_release_is_told() {
    assert_refused(
        &edited("release = \"debian13\"", "release = \"debian12\"").build(),
        r#"
error: the lock `lock/debian13.lock` is of the release `debian12`
hint: a lock is written by `distro lock` only; bring it back with `git checkout lock/debian13.lock`, or remove it and run `distro lock`
"#,
    );
}

#[test]
fn a_broken_lock_is_replaced_by_a_good_one() {
    let desk = Desk::new().locked();
    let good = desk.world.read(LOCK);
    for broken in ["", "<<<<<<< ours\n", "version = 7\nrelease = \"debian13\"\n", &good[..good.len() / 2]] {
        desk.world.write(LOCK, broken);
        desk.lock(&[]).success();
        assert_eq!(desk.world.read(LOCK), good, "{broken}");
    }
    desk.world.write(LOCK, "");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: the lock `lock/debian13.lock` cannot be read, and is made anew
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_lock_that_cannot_be_written_is_told() {
    let desk = Desk::new();
    std::fs::remove_dir(desk.world.path("lock")).unwrap();
    desk.world.write("lock", "a file in the place of the directory");
    assert_refused(
        &desk.lock(&[]),
        r#"
warning: the lock `lock/debian13.lock` cannot be read, and is made anew
error: could not make the directory `lock`: a file of that name is there
"#,
    );
}
