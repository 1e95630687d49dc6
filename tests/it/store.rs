//! `distro store` and `distro gc`: what is kept, what is damaged, what goes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::workshop::{Workshop, libc6};

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// The entries of a store: blobs and records.
fn entries(workshop: &Workshop) -> Vec<PathBuf> {
    ["store/blobs", "store/records"].iter().flat_map(|below| files(&workshop.world.path(below))).collect()
}

/// Makes an entry one that was not used for some days.
fn age(path: &Path, days: u32) {
    let then = SystemTime::now() - Duration::from_hours(24) * days;
    File::open(path).unwrap().set_modified(then).unwrap();
}

#[track_caller]
fn built() -> Workshop {
    let workshop = Workshop::new();
    workshop.lock().build(&[]).success();
    workshop
}

#[test]
fn the_store_is_shown_by_what_its_files_are_and_what_locks_name() {
    let workshop = built();
    workshop.world.write("store/records/layer-3/ab/README", "not of the store");
    let old = format!("store/records/layer-3/00/{}", "0".repeat(64));
    workshop.world.write(&old, "a record of before");
    workshop.world.distro(&["store"]).assert_is("");
    for path in entries(&workshop) {
        age(&path, 40);
    }
    // A build with nothing to do uses the layers, and not the packages that they were made from.
    workshop.build(&["--offline"]).success();
    workshop.world.distro(&["store"]).assert_is("");
}

#[test]
fn what_no_lock_names_goes_and_a_build_has_nothing_to_do_after_it() {
    let mut workshop = built();
    libc6("2.41-2").publish(&mut workshop.archive);
    workshop.lock().build(&[]).success();
    let before = workshop.out().blobs();
    workshop.world.distro(&["gc", "--keep-locked", "--dry-run"]).assert_is("");
    workshop.world.distro(&["gc", "--keep-locked"]).assert_is("");
    let kept = entries(&workshop);
    workshop.server.take_requests();
    workshop.build(&["--offline", "--out", "again"]).success();
    assert_eq!(crate::layout::Layout::read(&workshop.world.path("again")).blobs(), before);
    assert_eq!(entries(&workshop), kept, "a build after it makes nothing anew");
}

#[test]
fn old_entries_go_and_those_in_use_stay() {
    let workshop = built();
    let all = entries(&workshop);
    for path in &all {
        age(path, 40);
    }
    workshop.build(&["--offline", "cc:debug"]).success();
    let old =
        |path: &&PathBuf| path.metadata().unwrap().modified().unwrap().elapsed().unwrap().as_secs() > 86400;
    let (old, new): (Vec<_>, Vec<_>) = all.iter().partition(old);
    assert!(!old.is_empty() && !new.is_empty());
    workshop.world.distro(&["gc", "--older-than", "30d"]).success();
    assert_eq!(entries(&workshop).iter().collect::<Vec<_>>(), new);
    workshop.build(&["--out", "again"]).success();
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let workshop = built();
    for (days, path) in entries(&workshop).iter().enumerate() {
        age(path, u32::try_from(days).unwrap() + 2);
    }
    let size = |files: &[PathBuf]| files.iter().map(|path| path.metadata().unwrap().len()).sum::<u64>();
    let all = entries(&workshop);
    let half = size(&all) / 2;
    workshop.world.distro(&["gc", "--max-size", &half.to_string()]).success();
    let left = entries(&workshop);
    assert!(size(&left) <= half);
    assert_eq!(left, all[..left.len()], "the longest unused went first");
    assert!(size(&all[..=left.len()]) > half, "no more went than had to");
    workshop.build(&["--out", "again"]).success();
}

#[test]
fn a_catalog_without_a_lock_is_not_taken_for_one_that_needs_nothing() {
    let workshop = built();
    let all = entries(&workshop);
    fs::remove_file(workshop.world.path("lock/debian13.lock")).unwrap();
    workshop.world.distro(&["gc", "--keep-locked"]).assert_is("");
    workshop.world.write("lock/debian13.lock", "version = 1\n");
    workshop.world.distro(&["gc", "--keep-locked"]).assert_is("");
    assert_eq!(entries(&workshop), all);
    workshop.world.distro(&["gc", "--older-than", "soon"]).assert_is("");
}

#[test]
fn locks_of_another_catalog_count_where_it_is_named() {
    let mut workshop = built();
    for folder in ["images", "lock"] {
        let to = workshop.world.path("other");
        fs::create_dir_all(&to).unwrap();
        let copied = Command::new("cp").arg("-r").arg(workshop.world.path(folder)).arg(to).status();
        assert!(copied.unwrap().success());
    }
    libc6("2.41-2").publish(&mut workshop.archive);
    workshop.lock().build(&[]).success();
    let all = entries(&workshop);
    workshop.world.distro(&["gc", "--keep-locked", "--keep-catalog", "other/images"]).success();
    workshop
        .world
        .distro(&["build", "--arch", "amd64", "--offline", "--out", "a", "--catalog", "other/images"])
        .success();
    workshop.build(&["--offline", "--out", "b"]).success();
    assert!(entries(&workshop).len() < all.len(), "what speeds up locking is not needed to build");
    workshop.world.distro(&["gc", "--keep-locked"]).success();
    let said = workshop.world.distro(&[
        "build",
        "--offline",
        "--out",
        "c",
        "--arch",
        "amd64",
        "--catalog",
        "other/images",
    ]);
    assert!(said.status == Some(1) && said.stderr.contains("libc6 2.41-1"), "{said}");
}

#[test]
fn damaged_files_are_removed_and_made_anew() {
    let workshop = built();
    workshop.world.distro(&["store", "verify"]).success();
    let of = |directory: &str| files(&workshop.world.path(directory)).into_iter().next().unwrap();
    let (blob, record) = (of("store/blobs/sha256"), of("store/records/layer-4"));
    fs::write(&blob, "rotten").unwrap();
    fs::write(&record, "").unwrap();
    let said = workshop.world.distro(&["store", "verify"]);
    assert_eq!(said.status, Some(3));
    for path in [&blob, &record] {
        let relative = path.strip_prefix(workshop.world.path("")).unwrap();
        assert!(
            said.stderr.contains(&format!("warning: `[DIR]/{}` was damaged", relative.display())),
            "{said}"
        );
        assert!(!path.exists());
    }
    workshop.build(&["--out", "again"]).success();
    assert_eq!(workshop.world.distro(&["store", "verify"]).status, Some(0));
}

/// Runs gc again and again while another process builds, and loses nothing that the build needs.
#[test]
fn a_store_is_pruned_beside_builds() {
    let workshop = built();
    let expected = workshop.out().blobs();
    for round in 0..3 {
        let out = format!("out-{round}");
        let mut build = workshop.world.command(&["build", "--arch", "amd64", "--out", &out]);
        let mut build = build.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while build.try_wait().unwrap().is_none() {
            workshop.world.distro(&["gc", "--older-than", "0s"]).success();
        }
        assert!(build.wait().unwrap().success());
        assert_eq!(crate::layout::Layout::read(&workshop.world.path(&out)).blobs(), expected);
    }
}

#[test]
fn a_prune_waits_for_who_uses_the_store_and_can_be_broken_off() {
    let workshop = built();
    let all = entries(&workshop);
    let in_use = File::open(workshop.world.path("store/in-use")).unwrap();
    in_use.lock_shared().unwrap();
    let mut gc = workshop.world.command(&["gc", "--older-than", "0s"]);
    let mut gc = gc.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(gc.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "    Waiting for the runs that use the store\n");
    gc.kill().unwrap();
    gc.wait().unwrap();
    assert_eq!(entries(&workshop), all);
    drop(in_use);
    workshop.world.distro(&["gc", "--older-than", "0s"]).success();
    assert_eq!(entries(&workshop), Vec::<PathBuf>::new());
}
