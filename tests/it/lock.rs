//! `distro lock`: what the archive offers, pinned.

mod broken;
mod conflicts;
mod servers;
mod source_packages;
mod sources;
mod stale;
mod trust;

use std::fs;

use crate::archive::{Archive, DATE, Package};
use crate::desk::{BOTH, Desk, assert_refused, assert_same, busybox, libc6, without_digests};

/// Two families whose packages come from three suites, and are not the same on both architectures.
fn rich() -> Desk {
    let mut archive = Archive::new();
    let trixie = [
        Package::new("base-files", "13.8").archs(BOTH).pre_depends("awk"),
        Package::new("mawk", "1.3.4-1").archs(BOTH).provides("awk"),
        libc6("2.41-1"),
        Package::new("libstdc++6", "14.2.0-1")
            .archs(BOTH)
            .source("gcc-14 (14.2.0-1+b1)")
            .depends("libc6 (>= 2.40), libzstd1"),
        Package::new("libzstd1", "1.5.7-1").arch("amd64").source("libzstd"),
        Package::new("libzstd1", "1.5.6-1").arch("arm64").source("libzstd").depends("libatomic1"),
        Package::new("libatomic1", "14.2.0-1").archs(BOTH),
    ];
    trixie.into_iter().for_each(|package| drop(package.publish(&mut archive)));
    busybox().publish_to(&mut archive, "trixie-updates");
    tzdata("2025b-1").publish_to(&mut archive, "trixie-updates");
    libc6("2.41-1+deb13u1").publish_to(&mut archive, "trixie-security");
    let desk = Desk::of(archive);
    desk.world.catalog(
        "base.toml",
        r#"
[image.base]
description = "For programs linked against glibc"
packages = ["base-files", "libc6", "tzdata"]

[image.base.leave-out]
debconf = "nothing is configured"
libgcc-s1 = "glibc loads it only to unwind"

[image.cc]
description = "For C++"
parent = "base"
packages = ["libstdc++6"]
"#,
    );
    desk
}

fn tzdata(version: &str) -> Package {
    Package::new("tzdata", version).arch("all").depends("debconf (>= 0.5) | debconf-2.0")
}

/// A second release, of one suite.
fn with_bookworm(mut desk: Desk) -> Desk {
    desk.archive.add_suite("debian", "bookworm", "main", &["amd64"]);
    for package in [libc6("2.36-9"), busybox()] {
        package.arch("amd64").publish_to(&mut desk.archive, "bookworm");
    }
    desk.edit(
        "images/catalog.toml",
        "[release.debian13]",
        "[release.debian12]
codename = \"bookworm\"
version = \"12\"
architectures = [\"amd64\"]
sources = [{ archive = \"debian\", suites = [\"bookworm\"] }]
keys = []

[release.debian13]",
    );
    let keys = format!("keys = [\"{}\"]", crate::archive::Signer::Valid.fingerprint());
    desk.edit("images/catalog.toml", "keys = []", &keys);
    desk
}

/// The lines that differ between two locks, with `…` for digests.
fn difference(old: &str, new: &str) -> String {
    let only = |sign: char, here: &str, there: &str| -> Vec<String> {
        let gone = here.lines().filter(|line| !there.lines().any(|other| other == *line));
        gone.map(|line| without_digests(&format!("{sign} {line}\n"))).collect()
    };
    [only('-', old, new), only('+', new, old)].concat().concat()
}

#[test]
fn a_lock_holds_the_pinned_world_of_a_release() {
    let desk = rich();
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian13: 8 packages for 4 images in lock/debian13.lock
warning: libzstd1 has not one version: 1.5.6-1 on arm64; 1.5.7-1 on amd64
"#,
    );
    assert_same(
        &desk.shown_lock(),
        r#"
#:schema ../schemas/lock.json
# Written by `distro lock`, for `distro build`. Review it and commit it; to change it, change the definitions.
version = 1
release = "debian13"
version-skew = [
  "libzstd1",
]

[[suite]]
name = "trixie"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "[OF debian/dists/trixie/InRelease]"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "[OF debian/dists/trixie/main/binary-amd64/Packages.xz]"
index."main/binary-arm64/Packages.xz" = "[OF debian/dists/trixie/main/binary-arm64/Packages.xz]"
index."main/source/Sources.xz" = "[OF debian/dists/trixie/main/source/Sources.xz]"

[[suite]]
name = "trixie-updates"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "[OF debian/dists/trixie-updates/InRelease]"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-amd64/Packages.xz]"
index."main/binary-arm64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-arm64/Packages.xz]"
index."main/source/Sources.xz" = "[OF debian/dists/trixie-updates/main/source/Sources.xz]"

[[suite]]
name = "trixie-security"
archive = "debian-security"
date = "2025-06-15T15:06:40Z"
in-release = "[OF debian-security/dists/trixie-security/InRelease]"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "[OF debian-security/dists/trixie-security/main/binary-amd64/Packages.xz]"
index."main/binary-arm64/Packages.xz" = "[OF debian-security/dists/trixie-security/main/binary-arm64/Packages.xz]"
index."main/source/Sources.xz" = "[OF debian-security/dists/trixie-security/main/source/Sources.xz]"

[[package]]
name = "base-files"
version = "13.8"
suite = "trixie"
path = "pool/main/b/base-files/base-files_13.8_{arch}.deb"
depends = [
  "mawk",
]
deb.amd64 = { [OF debian/pool/main/b/base-files/base-files_13.8_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/b/base-files/base-files_13.8_arm64.deb] }

[[package]]
name = "busybox-static"
version = "1:1.37-1"
suite = "trixie-updates"
path = "pool/main/b/busybox-static/busybox-static_1.37-1_{arch}.deb"
deb.amd64 = { [OF debian/pool/main/b/busybox-static/busybox-static_1.37-1_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/b/busybox-static/busybox-static_1.37-1_arm64.deb] }

[[package]]
name = "libatomic1"
version = "14.2.0-1"
suite = "trixie"
path = "pool/main/liba/libatomic1/libatomic1_14.2.0-1_{arch}.deb"
deb.arm64 = { [OF debian/pool/main/liba/libatomic1/libatomic1_14.2.0-1_arm64.deb] }

[[package]]
name = "libc6"
version = "2.41-1+deb13u1"
source = "glibc"
suite = "trixie-security"
path = "pool/main/libc/libc6/libc6_2.41-1+deb13u1_{arch}.deb"
deb.amd64 = { [OF debian-security/pool/main/libc/libc6/libc6_2.41-1+deb13u1_amd64.deb] }
deb.arm64 = { [OF debian-security/pool/main/libc/libc6/libc6_2.41-1+deb13u1_arm64.deb] }

[[package]]
name = "libstdc++6"
version = "14.2.0-1"
source = "gcc-14"
source-version = "14.2.0-1+b1"
suite = "trixie"
path = "pool/main/libs/libstdc++6/libstdc++6_14.2.0-1_{arch}.deb"
depends = [
  "libc6",
  "libzstd1",
]
deb.amd64 = { [OF debian/pool/main/libs/libstdc++6/libstdc++6_14.2.0-1_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/libs/libstdc++6/libstdc++6_14.2.0-1_arm64.deb] }

[[package]]
name = "libzstd1"
version = "1.5.6-1"
source = "libzstd"
suite = "trixie"
path = "pool/main/libz/libzstd1/libzstd1_1.5.6-1_{arch}.deb"
depends = [
  "libatomic1",
]
deb.arm64 = { [OF debian/pool/main/libz/libzstd1/libzstd1_1.5.6-1_arm64.deb] }

[[package]]
name = "libzstd1"
version = "1.5.7-1"
source = "libzstd"
suite = "trixie"
path = "pool/main/libz/libzstd1/libzstd1_1.5.7-1_{arch}.deb"
deb.amd64 = { [OF debian/pool/main/libz/libzstd1/libzstd1_1.5.7-1_amd64.deb] }

[[package]]
name = "mawk"
version = "1.3.4-1"
suite = "trixie"
path = "pool/main/m/mawk/mawk_1.3.4-1_{arch}.deb"
deb.amd64 = { [OF debian/pool/main/m/mawk/mawk_1.3.4-1_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/m/mawk/mawk_1.3.4-1_arm64.deb] }

[[package]]
name = "tzdata"
version = "2025b-1"
suite = "trixie-updates"
path = "pool/main/t/tzdata/tzdata_2025b-1_{arch}.deb"
deb.all = { [OF debian/pool/main/t/tzdata/tzdata_2025b-1_all.deb] }

[[source]]
name = "base-files"
version = "13.8"
suite = "trixie"
path = "pool/main/b/base-files/base-files_13.8.dsc"
size = 167
sha256 = "[OF debian/pool/main/b/base-files/base-files_13.8.dsc]"

[[source]]
name = "busybox-static"
version = "1:1.37-1"
suite = "trixie-updates"
path = "pool/main/b/busybox-static/busybox-static_1.37-1.dsc"
size = 179
sha256 = "[OF debian/pool/main/b/busybox-static/busybox-static_1.37-1.dsc]"

[[source]]
name = "gcc-14"
version = "14.2.0-1+b1"
suite = "trixie"
path = "pool/main/g/gcc-14/gcc-14_14.2.0-1+b1.dsc"
size = 168
sha256 = "[OF debian/pool/main/g/gcc-14/gcc-14_14.2.0-1+b1.dsc]"

[[source]]
name = "glibc"
version = "2.41-1+deb13u1"
suite = "trixie-security"
path = "pool/main/g/glibc/glibc_2.41-1+deb13u1.dsc"
size = 167
sha256 = "[OF debian-security/pool/main/g/glibc/glibc_2.41-1+deb13u1.dsc]"

[[source]]
name = "libatomic1"
version = "14.2.0-1"
suite = "trixie"
path = "pool/main/liba/libatomic1/libatomic1_14.2.0-1.dsc"
size = 173
sha256 = "[OF debian/pool/main/liba/libatomic1/libatomic1_14.2.0-1.dsc]"

[[source]]
name = "libzstd"
version = "1.5.6-1"
suite = "trixie"
path = "pool/main/libz/libzstd/libzstd_1.5.6-1.dsc"
size = 165
sha256 = "[OF debian/pool/main/libz/libzstd/libzstd_1.5.6-1.dsc]"

[[source]]
name = "libzstd"
version = "1.5.7-1"
suite = "trixie"
path = "pool/main/libz/libzstd/libzstd_1.5.7-1.dsc"
size = 165
sha256 = "[OF debian/pool/main/libz/libzstd/libzstd_1.5.7-1.dsc]"

[[source]]
name = "mawk"
version = "1.3.4-1"
suite = "trixie"
path = "pool/main/m/mawk/mawk_1.3.4-1.dsc"
size = 159
sha256 = "[OF debian/pool/main/m/mawk/mawk_1.3.4-1.dsc]"

[[source]]
name = "tzdata"
version = "2025b-1"
suite = "trixie-updates"
path = "pool/main/t/tzdata/tzdata_2025b-1.dsc"
size = 163
sha256 = "[OF debian/pool/main/t/tzdata/tzdata_2025b-1.dsc]"

[[image]]
name = "base"
tags = ["debug"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "libc6",
  "tzdata",
  "busybox-static",
]
left-out.debconf = ["tzdata"]
left-out.libgcc-s1 = ["libc6"]
packages = [
  "base-files",
  "busybox-static",
  "libc6",
  "mawk",
  "tzdata",
]

[[image]]
name = "base"
tags = ["latest"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "libc6",
  "tzdata",
]
left-out.debconf = ["tzdata"]
left-out.libgcc-s1 = ["libc6"]
packages = [
  "base-files",
  "libc6",
  "mawk",
  "tzdata",
]

[[image]]
name = "cc"
tags = ["debug"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "libc6",
  "tzdata",
  "libstdc++6",
  "busybox-static",
]
left-out.debconf = ["tzdata"]
left-out.libgcc-s1 = ["libc6"]
packages = [
  "base-files",
  "busybox-static",
  "libatomic1 [arm64]",
  "libc6",
  "libstdc++6",
  "libzstd1",
  "mawk",
  "tzdata",
]

[[image]]
name = "cc"
tags = ["latest"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "libc6",
  "tzdata",
  "libstdc++6",
]
left-out.debconf = ["tzdata"]
left-out.libgcc-s1 = ["libc6"]
packages = [
  "base-files",
  "libatomic1 [arm64]",
  "libc6",
  "libstdc++6",
  "libzstd1",
  "mawk",
  "tzdata",
]
"#,
    );
}

#[test]
fn a_renewal_that_brings_nothing_leaves_the_lock_as_it_is() {
    let desk = rich().locked();
    let modified = || fs::metadata(desk.world.path("lock/debian13.lock")).unwrap().modified().unwrap();
    let before = modified();
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 8 packages for 4 images in lock/debian13.lock
warning: libzstd1 has not one version: 1.5.6-1 on arm64; 1.5.7-1 on amd64
"#,
    );
    assert_eq!(modified(), before);
}

#[test]
fn packages_whose_versions_differ_alike_are_told_together() {
    let mut desk = rich();
    for name in ["libatomic1", "mawk"] {
        let newer = Package::new(name, "15").arch("amd64");
        let newer = if name == "mawk" { newer.provides("awk") } else { newer };
        newer.publish_to(&mut desk.archive, "trixie-updates");
    }
    desk.edit(
        "images/base.toml",
        "packages = [\"libstdc++6\"]",
        "packages = [\"libstdc++6\", \"libatomic1\"]",
    );
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian13: 8 packages for 4 images in lock/debian13.lock
warning: 3 packages have not one version, but one on arm64; one on amd64: libatomic1, libzstd1, mawk
"#,
    );
}

#[test]
fn a_suite_that_only_got_a_new_date_leaves_the_lock_as_it_is() {
    let mut desk = rich().locked();
    let before = desk.world.read("lock/debian13.lock");
    desk.archive.set_date("trixie", DATE + 86_400);
    libc6("2.41-2").archs(&["amd64"]).publish_to(&mut desk.archive, "trixie-updates");
    desk.archive.withdraw("trixie-updates", "libc6");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 8 packages for 4 images in lock/debian13.lock
warning: libzstd1 has not one version: 1.5.6-1 on arm64; 1.5.7-1 on amd64
"#,
    );
    assert_eq!(desk.world.read("lock/debian13.lock"), before);
}

#[test]
fn an_upgrade_changes_a_handful_of_lines() {
    let mut desk = rich().locked();
    let before = desk.world.read("lock/debian13.lock");
    libc6("2.41-1+deb13u2").publish_to(&mut desk.archive, "trixie-security");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 4 images affected

PACKAGE  OLD             NEW
libc6    2.41-1+deb13u1  2.41-1+deb13u2

SOURCE                FIXES
glibc 2.41-1+deb13u2  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all       ±0 B       ±0 B
cc-debian13    all       ±0 B       ±0 B
----- stderr -----
     Locked debian13: 8 packages for 4 images in lock/debian13.lock
warning: libzstd1 has not one version: 1.5.6-1 on arm64; 1.5.7-1 on amd64
"#,
    );
    let changed = difference(&before, &desk.world.read("lock/debian13.lock"));
    assert_same(
        &changed,
        r#"
- in-release = "…"
- index."main/binary-amd64/Packages.xz" = "…"
- index."main/binary-arm64/Packages.xz" = "…"
- index."main/source/Sources.xz" = "…"
- version = "2.41-1+deb13u1"
- path = "pool/main/libc/libc6/libc6_2.41-1+deb13u1_{arch}.deb"
- deb.amd64 = { size = 948, installed = 1, sha256 = "…" }
- deb.arm64 = { size = 948, installed = 1, sha256 = "…" }
- version = "2.41-1+deb13u1"
- path = "pool/main/g/glibc/glibc_2.41-1+deb13u1.dsc"
- sha256 = "…"
+ in-release = "…"
+ index."main/binary-amd64/Packages.xz" = "…"
+ index."main/binary-arm64/Packages.xz" = "…"
+ index."main/source/Sources.xz" = "…"
+ version = "2.41-1+deb13u2"
+ path = "pool/main/libc/libc6/libc6_2.41-1+deb13u2_{arch}.deb"
+ deb.amd64 = { size = 948, installed = 1, sha256 = "…" }
+ deb.arm64 = { size = 948, installed = 1, sha256 = "…" }
+ version = "2.41-1+deb13u2"
+ path = "pool/main/g/glibc/glibc_2.41-1+deb13u2.dsc"
+ sha256 = "…"
"#,
    );
}

#[test]
fn packages_that_come_and_go_are_told() {
    let mut desk = Desk::new().locked();
    libc6("2.42-1").depends("libfoo").publish(&mut desk.archive);
    Package::new("libfoo", "1-1").archs(BOTH).publish(&mut desk.archive);
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded, 1 added; 1 changelog not at hand; 2 images affected

PACKAGE  OLD     NEW
libc6    2.41-1  2.42-1
libfoo   -       1-1

SOURCE        FIXES
glibc 2.42-1  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all     +916 B   +1.0 KiB
----- stderr -----
warning: nothing in debian13 wants `libgcc-s1`, which base leaves out
     Locked debian13: 3 packages for 2 images in lock/debian13.lock
"#,
    );
    libc6("2.43-1").publish(&mut desk.archive);
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded, 1 removed; 1 changelog not at hand; 2 images affected

PACKAGE  OLD     NEW
libc6    2.42-1  2.43-1
libfoo   1-1     -

SOURCE        FIXES
glibc 2.43-1  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all     -916 B   -1.0 KiB
----- stderr -----
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_lock_is_the_same_on_every_machine() {
    let desk = rich().locked();
    let first = desk.world.read("lock/debian13.lock");
    fs::remove_file(desk.world.path("lock/debian13.lock")).unwrap();
    fs::remove_dir_all(desk.world.path("store")).unwrap();
    let mut command = desk.world.command(&["lock"]);
    command.env("TZ", "Pacific/Auckland").env("LC_ALL", "tr_TR.UTF-8");
    desk.world.finish(&mut command).success();
    assert_eq!(desk.world.read("lock/debian13.lock"), first);
}

#[test]
fn a_second_run_asks_for_nothing_that_it_has() {
    let desk = rich().locked();
    desk.lock(&[]).success();
    let mut asked: Vec<_> = desk
        .server
        .take_requests()
        .iter()
        .map(|request| format!("{} {}", request.path, request.header("if-none-match").is_some()))
        .collect();
    asked.sort();
    let suites =
        ["debian-security/dists/trixie-security", "debian/dists/trixie", "debian/dists/trixie-updates"];
    let mut expected = suites.map(|suite| format!("/{suite}/InRelease true"));
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn indexes_are_asked_for_by_their_hash() {
    let desk = rich();
    desk.lock(&[]).success();
    let mut asked = desk.server.take_paths();
    asked.retain(|path| !path.ends_with("/InRelease"));
    asked.sort();
    let suites = ["trixie", "trixie-updates", "trixie-security"];
    let lists = || BOTH.iter().chain(&["source"]);
    let indices = suites.iter().flat_map(|suite| lists().map(|list| desk.archive.indices(suite, list)));
    let mut expected: Vec<_> = indices.map(|paths| format!("GET /{}", paths[0])).collect();
    expected.sort();
    assert!(expected.iter().all(|path| path.contains("/by-hash/SHA256/")), "{expected:?}");
    assert_eq!(asked, expected);
}

#[test]
fn an_archive_without_hashes_in_its_paths_will_do() {
    let desk = rich();
    desk.server.fail("/**/by-hash/**", crate::server::Fault::Status(404));
    desk.lock(&[]).success();
}

#[test]
fn one_release_of_two_can_be_locked() {
    let desk = with_bookworm(Desk::new());
    desk.lock(&["--release", "debian12"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian12: 2 packages for 2 images in lock/debian12.lock
"#,
    );
    assert!(!desk.world.path("lock/debian13.lock").exists());
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian12: 2 packages for 2 images in lock/debian12.lock
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_release_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    let desk = Desk::new();
    assert_refused(
        &desk.lock(&["--release", "debain13"]),
        r#"
error: the catalog has no release `debain13`
hint: did you mean `debian13`?
"#,
    );
    assert_refused(
        &desk.lock(&["--release", "sid"]),
        r#"
error: the catalog has no release `sid`
hint: known: debian13
"#,
    );
}

#[test]
fn nothing_is_written_where_one_release_cannot_be_locked() {
    let mut desk = with_bookworm(Desk::new()).locked();
    let before = desk.world.read("lock/debian13.lock");
    libc6("2.41-2").publish(&mut desk.archive);
    desk.archive.leave_unsigned("bookworm");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian12
  could not read the suite `bookworm`
  could not get `dists/bookworm/InRelease` from any source:
    [URL]/debian/ (host apt sources): not found
hint: packages come from the `mirrors` in catalog.toml, then from this machine's apt sources (--apt-dir), or with --snapshot from the snapshot service
"#,
    );
    assert_eq!(desk.world.read("lock/debian13.lock"), before);
}

#[test]
fn a_name_left_out_in_vain_is_told() {
    let desk = Desk::new();
    desk.edit("images/base.toml", "libgcc-s1 =", "perl-base = \"no Perl\"\nlibgcc-s1 =");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: nothing in debian13 wants `perl-base`, which base leaves out
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}
