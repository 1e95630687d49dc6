use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Access, Store, StoreError};
use crate::digest::Sha256;
use crate::effects::files::FileError;

/// The right to work on a key, until it is dropped. The kernel takes it back from a killed process.
#[derive(Debug)]
#[must_use = "the right ends when it is dropped"]
pub struct Exclusive {
    /// `None` in a store that is read-only: nothing can be added, so nothing is done twice.
    held: Option<(PathBuf, File)>,
}

impl Store {
    /// Waits until no other thread or process works on a key. Look again afterwards whether the work is
    /// done. A lock that saves double work only: nothing breaks without it.
    pub fn exclusive(&self, key: Sha256) -> Result<Exclusive, StoreError> {
        if self.access() == Access::ReadOnly {
            return Ok(Exclusive { held: None });
        }
        let path = self.root().join("locks").join(key.to_string());
        match acquire(&path) {
            Ok(file) => Ok(Exclusive { held: Some((path, file)) }),
            Err(cause) => Err(FileError::new("lock", &path, cause).into()),
        }
    }
}

/// Locks a file of that name. Whoever held it before has removed it, so once the lock is there it has to
/// be seen whether the name still leads to the same file.
fn acquire(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        file.lock()?;
        if is_named(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether a path leads to this file.
pub(super) fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if let Some((path, file)) = self.held.take() {
            // Removed while still locked. Left behind, it does no harm and is swept away later.
            let _ = fs::remove_file(path);
            drop(file);
        }
    }
}
