//! The source packages that a lock pins.

use std::fs;

use super::rich;
use crate::archive::{Archive, Package};
use crate::desk::{BASE, BOTH, Desk, assert_refused, assert_same, busybox, libc6};
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
    let desk = Desk::of(archive);
    desk.world.catalog("base.toml", BASE);
    desk
}

#[test]
fn what_was_built_in_is_pinned_too_in_each_version() {
    let desk = with_built_in();
    desk.lock(&[]).success();
    assert_same(&blocks(&desk, "package"), "");
    assert_same(&blocks(&desk, "source"), "");
    // The lock is read as it was written, and holds.
    assert!(desk.lock(&[]).success().stderr.contains("Unchanged"));
    desk.lock(&["--verify"]).assert_is("");
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
    assert_refused(&desk.lock(&[]), "");
}

#[test]
fn a_source_that_no_index_has_is_named_and_left_out() {
    let mut desk = Desk::new();
    desk.archive.withdraw_source("trixie", "glibc");
    desk.lock(&[]).assert_is("");
    assert_eq!(sources(&desk), ["busybox-static 1:1.37-1 trixie"]);
    desk.lock(&["--verify"]).success();
}

#[test]
fn an_index_that_cannot_be_had_is_no_reason_not_to_lock() {
    let mut desk = Desk::new().locked();
    let before = sources(&desk);
    // A package is new, and the mirror has no index of sources yet.
    busybox().field("Version", "1:1.37-2").publish(&mut desk.archive);
    desk.server.fail("/debian/**/source/**", Fault::Status(404));
    desk.lock(&[]).assert_is("");
    assert_eq!(before, ["busybox-static 1:1.37-1 trixie", "glibc 2.41-1 trixie"]);
    assert_eq!(sources(&desk), ["glibc 2.41-1 trixie"]);
    // What the older lock knows has the older state to vouch for it.
    assert_same(&blocks(&desk, "source"), "");
    desk.lock(&["--verify"]).assert_is("");
}

#[test]
fn other_bytes_than_the_signed_ones_are_not_taken_for_an_index() {
    let mut desk = Desk::new();
    for path in desk.archive.indices("trixie", "source") {
        desk.archive.tamper(&path, |bytes| bytes.push(b'\n'));
    }
    desk.lock(&[]).assert_is("");
    assert_eq!(sources(&desk), [""; 0]);
}

#[test]
fn an_archive_that_publishes_no_sources_is_locked_in_silence() {
    let mut desk = Desk::new();
    desk.archive.leave_without_sources("trixie");
    desk.lock(&[]).assert_is("");
    assert_eq!(sources(&desk), [""; 0]);
    desk.lock(&["--verify"]).assert_is("");
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
    desk.build().success();
    desk.lock(&["--verify"]).assert_is("");
    desk.lock(&["--check"]).assert_is("");
    desk.lock(&[]).success();
    assert_same(desk.world.read(LOCK).trim_end(), lock.trim_end());
}

#[test]
fn what_is_held_keeps_its_source_and_the_state_that_vouches_for_it() {
    let mut archive = Archive::new();
    libc6("2.41-1").publish(&mut archive);
    busybox().publish(&mut archive);
    let desk = Desk::of(archive);
    desk.world.catalog("base.toml", BASE);
    let mut desk = desk.locked();
    desk.archive.withdraw("trixie", "libc6");
    libc6("2.41-2").publish(&mut desk.archive);
    Package::new("busybox-static", "1:1.37-2").archs(BOTH).publish(&mut desk.archive);
    desk.lock(&["busybox-static"]).success();
    assert_eq!(sources(&desk), ["busybox-static 1:1.37-2 trixie", "glibc 2.41-1 trixie"]);
    assert_same(&blocks(&desk, "suite"), "");
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
fn edited(from: &str, to: &str) -> crate::run::Said {
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
    let block = "[[source]]\nname = \"glibc\"\nversion = \"2.41-1\"\nsuite = \"trixie\"\npath = \"a\"\nsize = 1\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n\n[[source]]\n";
    assert_refused(&edited("[[source]]\n", block), "");
    assert_refused(&edited("name = \"glibc\"", "name = \"zlib\""), "");
    assert_refused(&edited("suite = \"trixie\"", "suite = \"trixie-updates\""), "");
    assert_refused(&edited("suite = \"trixie\"", "suite = \"forky\""), "");
    assert_refused(&edited("path = \"pool", "path = \"../pool"), "");
    assert_refused(&edited("version = \"2.4", "version = \"a 2.4"), "");
}

#[test]
fn what_was_built_in_is_written_as_a_name_and_a_version() {
    let desk = with_built_in().locked();
    desk.edit(LOCK, "\"musl 1.2-1 [arm64]\"", "\"musl [arm64]\"");
    assert_refused(&desk.build(), "");
}

#[test]
fn an_edited_source_is_found() {
    let desk = with_built_in().locked();
    let lock = desk.world.read(LOCK);
    let start = lock.find("[[source]]").unwrap();
    let verify = |from: &str, to: &str| {
        assert!(lock[start..].contains(from), "{from} in\n{lock}");
        desk.world.write(LOCK, &format!("{}{}", &lock[..start], lock[start..].replacen(from, to, 1)));
        let said = desk.lock(&["--verify"]);
        crate::run::Said { stderr: crate::desk::without_digests(&said.stderr), ..said }
    };
    let digest = lock[start..].split_once("sha256 = \"").unwrap().1[..64].to_owned();
    assert_refused(&verify(&digest, &"0".repeat(64)), "");
    assert_refused(&verify("size = 1", "size = 9"), "");
    assert_refused(&verify("busybox-static_1.37-1.dsc", "busybox.dsc"), "");
    desk.world.write(LOCK, &lock.replace("\"musl 1.2-1 [arm64]\"", "\"musl 1.2-1\""));
    assert_refused(&desk.lock(&["--verify"]), "");
    desk.world.write(LOCK, &lock);

    // The index is another than that which is signed, in the lock and in the store; or it is gone.
    let index = "index.\"main/source/Sources.xz\" = \"";
    let of_sources = lock.split_once(index).unwrap().1[..64].to_owned();
    let other = lock.replace(&of_sources, &"0".repeat(64));
    desk.world.write(LOCK, &other);
    let said = desk.lock(&["--verify"]);
    assert_refused(&crate::run::Said { stderr: crate::desk::without_digests(&said.stderr), ..said }, "");
    desk.world.write(LOCK, &lock);
    let blob = desk.world.path("store/blobs/sha256").join(&of_sources[..2]).join(&of_sources);
    fs::remove_file(blob).unwrap();
    assert_refused(&desk.lock(&["--verify"]), "");
}
