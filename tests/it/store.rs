//! `distro store` and `distro gc`: what is kept, what is damaged, what goes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

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
    let rows = shown(&workshop);
    let whole = |row: &Value| row["named_bytes"] == row["bytes"];
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row["what"].as_str().unwrap(), row["files"].as_u64().unwrap(), whole(row)))
        .collect();
    assert_eq!(
        rows,
        [
            ("packages", 6, true),
            ("layers", 10, true),
            ("licence texts", 5, true),
            ("indexes", 4, true),
            ("signed files", 3, true),
            ("records in-release-1", 3, false),
            ("records layer-4", 10, true),
            ("records packages-zstd-4", 3, true),
            ("records sources-zstd-1", 1, true),
            ("records layer-3, of an older version", 1, false),
        ]
    );
    for path in entries(&workshop) {
        age(&path, 40);
    }
    let table = workshop.world.distro(&["store"]).success();
    assert_eq!(table.stdout.matches("  40 d\n").count(), 10, "{table}");
    // A build with nothing to do uses the layers, and not the packages that they were made from.
    workshop.build(&["--offline"]).success();
    let table = workshop.world.distro(&["store"]).success();
    let lines = table.stdout.lines();
    let used: Vec<_> =
        lines.filter(|line| line.ends_with("  0 h")).map(|line| line[..16].trim_end()).collect();
    assert_eq!(used, ["layers", "licence texts", "records layer-4"], "{table}");
}

/// What `distro store` says.
fn shown(workshop: &Workshop) -> Vec<Value> {
    let said = workshop.world.distro(&["store", "--format", "json"]).success();
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn what_no_lock_names_goes_and_a_build_has_nothing_to_do_after_it() {
    let mut workshop = built();
    libc6("2.41-2").publish(&mut workshop.archive);
    workshop.lock().build(&[]).success();
    let before = workshop.out().named_blobs();
    let all = entries(&workshop);
    let arguments = ["gc", "--keep-locked", "--format", "json"];
    let told = workshop.world.distro(&[&arguments[..], &["--dry-run"]].concat()).success();
    assert_eq!(entries(&workshop), all);
    let done = workshop.world.distro(&arguments).success();
    assert_eq!(done.stdout, told.stdout);
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    let files = |row: &Value, of: &str| row[of]["files"].as_u64().unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row["what"].as_str().unwrap(), files(row, "removed"), files(row, "kept")))
        .collect();
    assert_eq!(
        rows,
        [
            ("packages", 1, 6),
            ("layers", 1, 10),
            ("licence texts", 0, 5),
            ("indexes", 3, 4),
            ("signed files", 1, 3),
            ("records in-release-1", 3, 0),
            ("records layer-4", 1, 10),
            ("records packages-zstd-4", 2, 3),
            ("records sources-zstd-1", 1, 1),
        ]
    );
    let kept = entries(&workshop);
    assert_eq!(all.len() - kept.len(), 13);
    workshop.server.take_requests();
    workshop.build(&["--offline", "--out", "again"]).success();
    assert_eq!(crate::layout::Layout::read(&workshop.world.path("again")).named_blobs(), before);
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
    let all = entries(&workshop);
    let sizes: Vec<_> = all.iter().map(|path| path.metadata().unwrap().len()).collect();
    let half = sizes.iter().sum::<u64>() / 2;
    workshop.world.distro(&["gc", "--max-size", &half.to_string()]).success();
    let left = entries(&workshop);
    assert_eq!(left, all[..left.len()], "the longest unused went first");
    assert!(sizes[..left.len()].iter().sum::<u64>() <= half);
    assert!(sizes[..=left.len()].iter().sum::<u64>() > half, "no more went than had to");
    workshop.build(&["--out", "again"]).success();
}

#[test]
fn a_catalog_without_a_lock_is_not_taken_for_one_that_needs_nothing() {
    let workshop = built();
    let all = entries(&workshop);
    fs::remove_file(workshop.world.path("lock/debian13.lock")).unwrap();
    workshop.world.distro(&["gc", "--keep-locked"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: there is no lock in `lock`
hint: `distro lock` makes one, `--lock-dir` names another directory
"#,
    );
    workshop.world.write("lock/debian13.lock", "version = 1\n");
    let broken = workshop.world.distro(&["gc", "--keep-locked"]);
    assert!(broken.status == Some(1) && broken.stderr.contains("lock/debian13.lock"), "{broken}");
    assert_eq!(entries(&workshop), all);
    workshop.world.distro(&["gc", "--older-than", "soon"]).assert_is(
        r#"
status: 2
----- stdout -----
----- stderr -----
error: invalid value 'soon' for '--older-than <AGE>': write numbers and units: `30d`, `2w`, `12h`

For more information, try '--help'.
"#,
    );
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
