use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;

const KIND: RecordKind = RecordKind::new("test-1");

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store"), Access::ReadWrite).unwrap();
    (dir, store)
}

fn left_in(store: &Store, directory: &str) -> usize {
    fs::read_dir(store.root().join(directory)).unwrap().count()
}

#[test]
fn a_blob_is_found_by_its_digest() {
    let (_dir, store) = store();
    let digest = Sha256::of(b"hello");
    assert_eq!(store.read(digest).unwrap(), None);
    let blob = store.insert(&b"hello"[..], Expected { digest: Some(digest), size: Some(5) }).unwrap();
    assert_eq!(blob, Blob { digest, size: 5 });
    assert!(store.has(digest) && store.is_intact(digest).unwrap());
    assert_eq!(store.read(digest).unwrap().unwrap(), "hello");
    let name = digest.to_string();
    assert_eq!(store.path(digest), store.root().join("blobs/sha256").join(&name[..2]).join(&name));
    assert_eq!(left_in(&store, "tmp"), 0);
}

#[test]
fn what_is_not_expected_leaves_nothing() {
    let (_dir, store) = store();
    let (hello, other) = (Sha256::of(b"hello"), Sha256::of(b"other"));
    let cases = [
        (Some(other), None, format!("its SHA-256 is {hello}, but {other} was expected")),
        (None, Some(9), "it has 5 bytes, but 9 were expected".into()),
        (None, Some(3), "it has at least 5 bytes, but 3 were expected".into()),
    ];
    for (digest, size, error) in cases {
        let inserted = store.insert(&b"hello"[..], Expected { digest, size });
        assert_eq!(inserted.unwrap_err().to_string(), error);
    }
    assert!(!store.has(hello));
    assert_eq!((left_in(&store, "tmp"), left_in(&store, "blobs")), (0, 0));
}

#[test]
fn a_source_that_fails_leaves_nothing_and_its_error_is_kept() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line went dead"))
        }
    }
    let (_dir, store) = store();
    let Err(StoreError::Source(error)) = store.insert(Failing, Expected::default()) else { panic!() };
    assert_eq!(error.to_string(), "the line went dead");
    assert_eq!(left_in(&store, "tmp"), 0);
}

#[test]
fn a_rotten_blob_is_removed_told_of_and_made_again() {
    let (_dir, store) = store();
    let digest = store.insert(&b"hello"[..], Expected::default()).unwrap().digest;
    for check in [
        |store: &Store, digest| store.read(digest).unwrap().is_some(),
        |store: &Store, digest| store.is_intact(digest).unwrap(),
    ] {
        fs::write(store.path(digest), b"hellO").unwrap();
        assert!(!check(&store, digest));
        assert!(!store.has(digest));
        let damaged = store.take_damaged();
        assert_eq!(damaged, [Damaged { path: store.path(digest), removed: true }]);
        let told = format!("`{}` was damaged, and is made anew", damaged[0].path.display());
        assert_eq!(damaged[0].to_string(), told);
        store.insert(&b"hello"[..], Expected::default()).unwrap();
        assert!(check(&store, digest));
    }
}

#[test]
fn a_blob_can_be_written_in_pieces() {
    let (_dir, store) = store();
    let mut writer = store.blob_writer().unwrap();
    writer.write_all(b"hel").unwrap();
    writer.write_all(b"lo").unwrap();
    assert_eq!(writer.finish(Expected::default()).unwrap().digest, Sha256::of(b"hello"));
    drop(store.blob_writer().unwrap());
    assert_eq!(left_in(&store, "tmp"), 0);
}

#[test]
fn records_are_kept_and_half_of_one_counts_as_absent() {
    let (_dir, store) = store();
    let key = Sha256::of(b"key");
    assert_eq!(store.record(KIND, key).unwrap(), None);
    store.keep_record(KIND, key, b"{\"a\": 1}").unwrap();
    store.keep_record(KIND, key, b"{\"a\": 2}").unwrap();
    assert_eq!(store.record(KIND, key).unwrap().unwrap(), "{\"a\": 2}");
    assert_eq!(store.record(RecordKind::new("other"), key).unwrap(), None);

    let path = store.entry(&["records", "test-1"], key);
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        assert_eq!(store.record(KIND, key).unwrap(), None, "{len}");
        assert!(!path.exists());
    }
}

#[test]
fn a_read_only_store_serves_what_it_has_and_says_what_it_lacks() {
    let (dir, store) = store();
    let digest = store.insert(&b"hello"[..], Expected::default()).unwrap().digest;
    let store = Store::open(store.root(), Access::ReadOnly).unwrap();
    assert_eq!(store.read(digest).unwrap().unwrap(), "hello");
    let _free = store.exclusive(digest).unwrap();
    let shown = store.root().display();
    assert_eq!(
        store.insert(&b"more"[..], Expected::default()).unwrap_err().to_string(),
        format!(
            "the store `{shown}` is read-only, so nothing can be added: fill it by a run that may write to it, \
             or name another with `--store`"
        )
    );
    fs::write(store.path(digest), b"rotten").unwrap();
    assert_eq!(store.read(digest).unwrap(), None);
    assert!(store.has(digest) && !store.take_damaged()[0].removed);

    let nowhere = dir.path().join("nowhere");
    assert_eq!(
        Store::open(&nowhere, Access::ReadOnly).unwrap_err().to_string(),
        format!(
            "there is no store at `{}`: name one with `--store`, or leave out what makes it read-only",
            nowhere.display()
        )
    );
}

#[test]
fn work_on_one_key_is_done_by_one_at_a_time() {
    let (_dir, store) = store();
    let (at_work, key) = (AtomicUsize::new(0), Sha256::of(b"key"));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Another store on the same directory, as another process has it.
                let store = Store::open(store.root(), Access::ReadWrite).unwrap();
                for _ in 0..50 {
                    let _alone = store.exclusive(key).unwrap();
                    assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(left_in(&store, "locks"), 0);
}

#[test]
fn what_a_killed_run_left_is_swept_away_and_what_is_in_use_is_not() {
    let (_dir, store) = store();
    fs::write(store.root().join("tmp/.distro-killed"), b"half").unwrap();
    fs::write(store.root().join("locks/killed"), b"").unwrap();
    let mut writer = store.blob_writer().unwrap();
    let _held = store.exclusive(Sha256::of(b"held")).unwrap();
    writer.write_all(b"hello").unwrap();
    store.sweep(LEFT_BEHIND);
    assert_eq!((left_in(&store, "tmp"), left_in(&store, "locks")), (2, 2), "they are too young");
    store.sweep(Duration::ZERO);
    assert_eq!((left_in(&store, "tmp"), left_in(&store, "locks")), (1, 1));
    writer.finish(Expected::default()).unwrap();
    assert!(store.has(Sha256::of(b"hello")));
}

/// A file system of its own, unmounted at the end.
struct Mount(TempDir);

impl Mount {
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("SKIPPED: this user may not mount a tmpfs, so a full or read-only disk is not tried");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing() {
    let Some(mount) = Mount::tmpfs("size=1m") else { return };
    let store = Store::open(mount.0.path(), Access::ReadWrite).unwrap();
    let large = vec![7; 4 << 20];
    let error = format!(
        "could not add a blob to the store `{}`: no space is left on its file system; free some there, or choose \
         another place",
        store.root().display()
    );
    assert_eq!(store.insert(&large[..], Expected::default()).unwrap_err().to_string(), error);
    let mut writer = store.blob_writer().unwrap();
    assert_eq!(writer.write_all(&large).unwrap_err().to_string(), error);
    drop(writer);
    assert_eq!(left_in(&store, "tmp"), 0);
    store.insert(&b"small"[..], Expected::default()).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_is_opened_for_reading() {
    let Some(mount) = Mount::tmpfs("size=1m") else { return };
    let digest = Store::open(mount.0.path(), Access::ReadWrite)
        .and_then(|store| store.insert(&b"hello"[..], Expected::default()))
        .unwrap()
        .digest;
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(mount.0.path()).status();
    assert!(remount.unwrap().success());
    let store = Store::open(mount.0.path(), Access::ReadWrite).unwrap();
    assert_eq!(store.access(), Access::ReadOnly);
    assert_eq!(store.read(digest).unwrap().unwrap(), "hello");
}

#[test]
fn blobs_can_be_read_by_others_as_far_as_the_umask_allows() {
    let (_dir, store) = store();
    let digest = store.insert(&b"hello"[..], Expected::default()).unwrap().digest;
    let plain = store.root().join("plain");
    fs::write(&plain, b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&store.path(digest)), mode(&plain));
}
