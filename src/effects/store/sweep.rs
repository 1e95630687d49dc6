use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Store;
use super::exclusive::is_named;

impl Store {
    /// Removes what runs that were killed left behind: files of `tmp` and `locks` that are older than
    /// `age` and that nobody holds a lock on. What cannot be removed stays: the next run will try again.
    pub(super) fn sweep(&self, age: Duration) {
        let now = SystemTime::now();
        for directory in ["tmp", "locks"] {
            let Ok(entries) = fs::read_dir(self.root().join(directory)) else { continue };
            for entry in entries.flatten() {
                let _ = remove_if_abandoned(&entry.path(), now, age);
            }
        }
    }
}

/// The age keeps a file safe that was made, but not locked yet.
fn remove_if_abandoned(path: &Path, now: SystemTime, age: Duration) -> io::Result<()> {
    let file = File::open(path)?;
    let modified = file.metadata()?.modified()?;
    let old = now.duration_since(modified).is_ok_and(|since| since >= age);
    if old && file.try_lock().is_ok() && is_named(&file, path)? {
        fs::remove_file(path)?;
    }
    Ok(())
}
