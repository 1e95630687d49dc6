//! The source packages that a lock pins.

use std::fs;

use super::rich;
use crate::archive::{Archive, Package};
use crate::desk::{
    BOTH, Desk, LOCKED, assert_broken, assert_refused, assert_same, assert_unseen, assert_unusable, busybox,
    libc6, without_digests,
};
use crate::run::Said;
use crate::server::Fault;

const LOCK: &str = "lock/debian13.lock";

/// The blocks of a kind, with the names of files for their digests.
fn blocks(desk: &Desk, kind: &str) -> String {
    let lock = desk.shown_lock();
    let blocks = lock.split("\n\n").filter(|block| block.starts_with(&format!("[[{kind}]]")));
    blocks.map(|block| format!("{}\n", block.trim_end())).collect::<Vec<_>>().join("\n")
}

/// `glibc 2.41-1 trixie`: the sources that are pinned, and their suites.
fn sources(desk: &Desk) -> Vec<String> {
    let lock = desk.world.read(LOCK);
    let value = |line: &str| line.split_once(" = ").unwrap().1.trim_matches('"').to_owned();
    let shown = |block: &str| block.lines().skip(1).take(3).map(value).collect::<Vec<_>>().join(" ");
    lock.split("\n\n").filter(|block| block.starts_with("[[source]]")).map(shown).collect()
}

/// glibc, and a busybox that has it built in: on one architecture an older one, which the index still has.
fn with_built_in() -> Desk {
    let mut archive = Archive::new();
    libc6("2.41-1").publish(&mut archive);
    busybox().arch("amd64").field("Built-Using", "glibc (= 2.41-1)").publish(&mut archive);
    busybox()
        .arch("arm64")
        .field("Built-Using", "glibc (= 2.40-7)")
        .field("Static-Built-Using", "musl (= 1.2-1), glibc (= 2.41-1)")
        .publish(&mut archive);
    Desk::with_base(archive)
}

#[test]
fn what_was_built_in_is_pinned_too_in_each_version() {
    let desk = with_built_in();
    desk.lock(&[]).success();
    assert_same(
        &blocks(&desk, "package"),
        r#"
[[package]]
name = "busybox-static"
version = "1:1.37-1"
suite = "trixie"
path = "pool/main/b/busybox-static/busybox-static_1.37-1_{arch}.deb"
built-using = [
  "glibc 2.40-7 [arm64]",
  "glibc 2.41-1",
  "musl 1.2-1 [arm64]",
]
deb.amd64 = { [OF debian/pool/main/b/busybox-static/busybox-static_1.37-1_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/b/busybox-static/busybox-static_1.37-1_arm64.deb] }

[[package]]
name = "libc6"
version = "2.41-1"
source = "glibc"
suite = "trixie"
path = "pool/main/libc/libc6/libc6_2.41-1_{arch}.deb"
deb.amd64 = { [OF debian/pool/main/libc/libc6/libc6_2.41-1_amd64.deb] }
deb.arm64 = { [OF debian/pool/main/libc/libc6/libc6_2.41-1_arm64.deb] }
"#,
    );
    assert_same(
        &blocks(&desk, "source"),
        r#"
[[source]]
name = "busybox-static"
version = "1:1.37-1"
suite = "trixie"
path = "pool/main/b/busybox-static/busybox-static_1.37-1.dsc"
size = 179
sha256 = "[OF debian/pool/main/b/busybox-static/busybox-static_1.37-1.dsc]"

[[source]]
name = "glibc"
version = "2.40-7"
suite = "trixie"
path = "pool/main/g/glibc/glibc_2.40-7.dsc"
size = 159
sha256 = "[OF debian/pool/main/g/glibc/glibc_2.40-7.dsc]"

[[source]]
name = "glibc"
version = "2.41-1"
suite = "trixie"
path = "pool/main/g/glibc/glibc_2.41-1.dsc"
size = 159
sha256 = "[OF debian/pool/main/g/glibc/glibc_2.41-1.dsc]"

[[source]]
name = "musl"
version = "1.2-1"
suite = "trixie"
path = "pool/main/m/musl/musl_1.2-1.dsc"
size = 155
sha256 = "[OF debian/pool/main/m/musl/musl_1.2-1.dsc]"
"#,
    );
    // The lock is read as it was written, and holds.
    assert!(desk.lock(&[]).success().stderr.contains("Unchanged"));
    desk.lock(&["--verify"]).assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 4 packages in 6 package lists of 3 signed suites, 4 sources in 1 source list; 0 .debs at hand and whole
"#);
}

#[test]
fn an_index_of_sources_is_fetched_once_for_all_architectures_and_only_where_packages_are_from() {
    let desk = Desk::new();
    desk.lock(&[]).success();
    let of_sources = |paths: Vec<String>| paths.into_iter().filter(|path| path.contains("/source/")).count();
    assert_eq!(of_sources(desk.server.take_paths()), 1);
    desk.lock(&[]).success();
    assert_eq!(of_sources(desk.server.take_paths()), 0);
}

#[test]
fn a_field_that_names_no_version_is_shown() {
    let mut desk = Desk::new();
    busybox().field("Version", "1:1.37-2").field("Built-Using", "glibc (>= 2.41)").publish(&mut desk.archive);
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  an index for amd64 cannot be used
  the field `Built-Using` of `busybox-static 1:1.37-2` cannot be read
  `glibc (>= 2.41)` does not name one version, as `name (= version)` does
"#,
    );
}

#[test]
fn a_source_that_no_index_has_is_named_and_left_out() {
    let mut desk = Desk::new();
    desk.archive.withdraw_source("trixie", "glibc");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: debian13 is locked without 1 source package (glibc 2.41-1): no index of sources has it
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
    assert_eq!(sources(&desk), ["busybox-static 1:1.37-1 trixie"]);
    desk.lock(&["--verify"]).success();
}

#[test]
fn an_index_that_cannot_be_had_is_no_reason_not_to_lock() {
    let mut desk = Desk::new().locked();
    let before = sources(&desk);
    // A package is new, and the mirror has no index of sources yet.
    Package::new("busybox-static", "1:1.37-2").archs(BOTH).publish(&mut desk.archive);
    desk.server.fail("/debian/**/source/**", Fault::Status(404));
    desk.lock(&[]).assert_is(r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 1 image affected

PACKAGE         OLD       NEW
busybox-static  1:1.37-1  1:1.37-2

SOURCE                   FIXES
busybox-static 1:1.37-2  changelog not at hand

IMAGE          TAGS   DOWNLOAD  INSTALLED
base-debian13  debug      ±0 B       ±0 B
----- stderr -----
warning: debian13 is locked without 1 source package (busybox-static 1:1.37-2): could not get `dists/trixie/main/source/Sources.xz` from any source:
  [URL]/debian/ (host apt sources): not found
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#);
    assert_eq!(before, ["busybox-static 1:1.37-1 trixie", "glibc 2.41-1 trixie"]);
    assert_eq!(sources(&desk), ["glibc 2.41-1 trixie"]);
    // What the older lock knows has the older state to vouch for it.
    assert_same(
        &without_digests(&blocks(&desk, "source")),
        r#"
[[source]]
name = "glibc"
version = "2.41-1"
suite = "trixie"
path = "pool/main/g/glibc/glibc_2.41-1.dsc"
size = 159
sha256 = "[OF debian/pool/main/g/glibc/glibc_2.41-1.dsc]"
"#,
    );
    assert_same(
        &without_digests(&blocks(&desk, "suite")),
        r#"
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

[[suite]]
name = "trixie"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[VALID KEY]",
]
index."main/source/Sources.xz" = "…"

[[suite]]
name = "trixie-updates"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "[OF debian/dists/trixie-updates/InRelease]"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-amd64/Packages.xz]"
index."main/binary-arm64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-amd64/Packages.xz]"

[[suite]]
name = "trixie-security"
archive = "debian-security"
date = "2025-06-15T15:06:40Z"
in-release = "[OF debian-security/dists/trixie-security/InRelease]"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-amd64/Packages.xz]"
index."main/binary-arm64/Packages.xz" = "[OF debian/dists/trixie-updates/main/binary-amd64/Packages.xz]"
"#,
    );
    desk.lock(&["--verify"]).assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 4 packages in 6 package lists of 4 signed suites, 1 source in 1 source list; 1 .deb at hand and whole
"#);
}

#[test]
fn other_bytes_than_the_signed_ones_are_not_taken_for_an_index() {
    let mut desk = Desk::new();
    for path in desk.archive.indices("trixie", "source") {
        desk.archive.tamper(&path, |bytes| bytes.push(b'\n'));
    }
    desk.lock(&[]).assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
warning: debian13 is locked without 2 source packages (busybox-static 1:1.37-1, glibc 2.41-1): could not get `dists/trixie/main/source/Sources.xz` from any source:
  [URL]/debian/ (host apt sources): it has more than the 444 bytes expected at most
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#);
    assert_eq!(sources(&desk), [""; 0]);
}

#[test]
fn an_archive_that_publishes_no_sources_is_locked_in_silence() {
    let mut desk = Desk::new();
    desk.archive.leave_without_sources("trixie");
    desk.archive.leave_without_sources("trixie-updates");
    desk.lock(&[]).assert_is(LOCKED);
    assert_eq!(sources(&desk), [""; 0]);
    desk.lock(&["--verify"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 4 packages in 6 package lists of 3 signed suites; 0 .debs at hand and whole
"#,
    );
}

#[test]
fn a_lock_from_before_sources_were_pinned_is_good_and_the_next_renewal_adds_them() {
    let desk = with_built_in();
    desk.lock(&[]).success();
    let lock = desk.world.read(LOCK);
    let kept = lock.split("\n\n").filter(|block| !block.starts_with("[[source]]")).map(|block| {
        let lines: Vec<_> = block.lines().filter(|line| !line.contains("/source/")).collect();
        let text = lines.join("\n");
        match text.split_once("built-using = [") {
            Some((before, rest)) => format!("{before}{}", rest.split_once("]\n").unwrap().1),
            None => text,
        }
    });
    let older = kept.collect::<Vec<_>>().join("\n\n");
    desk.world.write(LOCK, &older);
    desk.world.distro(&["build", "--arch", "amd64"]).success();
    desk.lock(&["--verify"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 4 packages in 6 package lists of 3 signed suites; 2 .debs at hand and whole
"#,
    );
    desk.lock(&["--check"]).assert_is(
        r#"
status: 4
----- stdout -----
----- stderr -----
 Would lock debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
    desk.lock(&[]).success();
    assert_same(desk.world.read(LOCK).trim_end(), lock.trim_end());
}

#[test]
fn what_is_held_keeps_its_source_and_the_state_that_vouches_for_it() {
    let mut desk = Desk::new().locked();
    desk.archive.withdraw("trixie", "libc6");
    libc6("2.41-2").publish(&mut desk.archive);
    Package::new("busybox-static", "1:1.37-2").archs(BOTH).publish(&mut desk.archive);
    desk.lock(&["busybox-static"]).success();
    assert_eq!(sources(&desk), ["busybox-static 1:1.37-2 trixie", "glibc 2.41-1 trixie"]);
    assert_same(
        &without_digests(&blocks(&desk, "source")),
        r#"
[[source]]
name = "busybox-static"
version = "1:1.37-2"
suite = "trixie"
path = "pool/main/b/busybox-static/busybox-static_1.37-2.dsc"
size = 179
sha256 = "[OF debian/pool/main/b/busybox-static/busybox-static_1.37-2.dsc]"

[[source]]
name = "glibc"
version = "2.41-1"
suite = "trixie"
in-release = "…"
path = "pool/main/g/glibc/glibc_2.41-1.dsc"
size = 159
sha256 = "[OF debian/pool/main/g/glibc/glibc_2.41-1.dsc]"
"#,
    );
    desk.lock(&["--verify"]).success();
    let lock = desk.world.read(LOCK);
    desk.lock(&["busybox-static"]).success();
    assert_eq!(desk.world.read(LOCK), lock, "the older state stays as long as it is needed");
    desk.lock(&[]).success();
    assert_eq!(sources(&desk), ["busybox-static 1:1.37-2 trixie", "glibc 2.41-2 trixie"]);
    assert_eq!(desk.world.read(LOCK).matches("name = \"trixie\"\n").count(), 1);
}

#[test]
fn sources_of_architectures_that_stay_are_those_of_the_older_lock() {
    let mut desk = rich();
    desk.lock(&[]).success();
    let before = sources(&desk);
    desk.archive.withdraw("trixie", "libzstd1");
    Package::new("libzstd1", "1.5.8-1").archs(BOTH).source("libzstd").publish(&mut desk.archive);
    for path in desk.archive.indices("trixie", "arm64") {
        desk.server.fail(&format!("/{path}"), Fault::Status(404));
    }
    desk.lock(&["--keep-going"]).success();
    let libzstd = |sources: Vec<String>| {
        sources.into_iter().filter(|source| source.contains("zstd")).collect::<Vec<_>>()
    };
    assert_eq!(libzstd(before), ["libzstd 1.5.6-1 trixie", "libzstd 1.5.7-1 trixie"]);
    assert_eq!(libzstd(sources(&desk)), ["libzstd 1.5.6-1 trixie", "libzstd 1.5.8-1 trixie"]);
    desk.lock(&["--verify"]).success();
}

/// What is said of a lock in which a text is put in place of another.
#[track_caller]
fn edited(from: &str, to: &str) -> Said {
    let desk = with_built_in().locked();
    let lock = desk.world.read(LOCK);
    let start = lock.find("[[source]]").unwrap();
    let end = lock.find("[[image]]").unwrap();
    assert!(lock[start..end].contains(from), "{from} in\n{lock}");
    desk.world.write(
        LOCK,
        &format!("{}{}{}", &lock[..start], lock[start..end].replacen(from, to, 1), &lock[end..]),
    );
    desk.build()
}

#[test]
fn spoilt_sources_are_refused() {
    let head = "[[source]]\n";
    let glibc = "name = \"glibc\"\nversion = \"2.41-1\"\nsuite = \"trixie\"\npath = \"a\"\nsize = 1\n";
    let block = format!("{head}{glibc}sha256 = \"{}\"\n\n{head}", "0".repeat(64));
    assert_unusable(&edited(head, &block), "it pins the source package `glibc 2.41-1` twice");
    assert_unusable(
        &edited("name = \"glibc", "name = \"zlib"),
        "it pins the source package `zlib 2.40-7`, which no package was built from",
    );
    assert_unusable(
        &edited("suite = \"trixie", "suite = \"trixie-updates"),
        "the source package `busybox-static 1:1.37-1` is pinned in the suite `trixie-updates`, of which the lock has no index of sources",
    );
    assert_unusable(
        &edited("suite = \"trixie", "suite = \"forky"),
        "the source package `busybox-static 1:1.37-1` is pinned in the suite `forky`, of which the lock has no index of sources",
    );
    assert_unusable(
        &edited("path = \"pool", "path = \"../pool"),
        "`../pool/main/b/busybox-static/busybox-static_1.37-1.dsc` is not a path inside an archive: it has an empty, `.` or `..` component",
    );
    assert_unusable(
        &edited("version = \"2.4", "version = \"a 2.4"),
        "`a 2.40-7` is not a version: its upstream part has a character other than a-z, A-Z, 0-9 and `.+-~:`",
    );
}

#[test]
fn what_was_built_in_is_written_as_a_name_and_a_version() {
    let desk = with_built_in().locked();
    desk.edit(LOCK, "musl 1.2-1 [arm64]", "musl [arm64]");
    assert_unusable(
        &desk.build(),
        "source package `musl`: a name and a version are expected, with a space between them",
    );
}

#[test]
fn an_edited_source_is_found() {
    let desk = with_built_in().locked();
    let lock = desk.world.read(LOCK);
    let start = lock.find("[[source]]").unwrap();
    let refused = |spoilt: &str, why: &str| {
        desk.world.write(LOCK, spoilt);
        let said = desk.lock(&["--verify"]);
        let said = Said { stderr: without_digests(&said.stderr), ..said };
        assert_broken(&said, &format!("debian13: {why}"));
    };
    let edited = |from: &str, to: &str, why: &str| {
        assert!(lock[start..].contains(from), "{from} in\n{lock}");
        refused(&format!("{}{}", &lock[..start], lock[start..].replacen(from, to, 1)), why);
    };
    let digest = &lock[start..].split_once("sha256 = \"").unwrap().1[..64];
    edited(
        digest,
        &"0".repeat(64),
        "busybox-static 1:1.37-1 (source): its SHA-256 is … in the lock, and … in the index of `trixie`",
    );
    edited(
        "size = 1",
        "size = 9",
        "busybox-static 1:1.37-1 (source): its size is 979 in the lock, and 179 in the index of `trixie`",
    );
    edited(
        "busybox-static_1.37-1.dsc",
        "busybox.dsc",
        "busybox-static 1:1.37-1 (source): its path is pool/main/b/busybox-static/busybox.dsc in the lock, and pool/main/b/busybox-static/busybox-static_1.37-1.dsc in the index of `trixie`",
    );
    refused(
        &lock.replace("musl 1.2-1 [arm64]", "musl 1.2-1"),
        "busybox-static 1:1.37-1 (amd64): its Built-Using is glibc 2.41-1, musl 1.2-1 in the lock, and glibc 2.41-1 in the index of `trixie`",
    );

    // The index is another than that which is signed, in the lock and in the store; or it is gone.
    let index = "index.\"main/source/Sources.xz\" = \"";
    let of_sources = lock.split_once(index).unwrap().1[..64].to_owned();
    refused(
        &lock.replace(&of_sources, &"0".repeat(64)),
        "trixie: the SHA-256 of its index `main/source/Sources.xz` is … in the lock, and … in its InRelease file",
    );
    desk.world.write(LOCK, &lock);
    let blob = desk.world.path("store/blobs/sha256").join(&of_sources[..2]).join(&of_sources);
    fs::remove_file(blob).unwrap();
    assert_unseen(
        &desk.lock(&["--verify"]),
        "debian13: trixie: its index `main/source/Sources.xz` is not at hand",
    );
}
