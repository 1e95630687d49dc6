//! The store: bytes by their SHA-256, and small records of what was derived from them.
//!
//! ```text
//! blobs/sha256/ab/abcd…     a blob, named by its digest
//! records/<kind>/ab/abcd…   a record, named by its key: the digest of its value, a newline, the value
//! locks/abcd…               a lock on a key, while someone works on it
//! tmp/                      what is being written
//! in-use                    a lock that all who use the store share, and that who prunes it has alone
//! ```
//!
//! A blob or record comes into being by a rename, so that half of one is never seen, whoever else works
//! on the store. Nothing is synced to disk: after a power cut a file may be empty or torn, which its
//! digest tells, and then it counts as absent and is made again. That is cheaper than waiting for the
//! disk some thousand times in each build.
//!
//! The modification time of a file tells when it was last used, to a day: access times are not kept on many
//! file systems, and are set by backups too.

#![expect(clippy::disallowed_methods, reason = "this is where the store is read and written")]

mod blob;
mod entry;
mod exclusive;
mod record;
mod shared;
mod sweep;
mod usage;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::files::FileError;
use super::remote::Remote;
use crate::digest::{Hashing, Sha256};

pub use blob::{Blob, BlobWriter, Expected};
pub use entry::{Entry, EntryName};
pub use exclusive::Exclusive;
pub use record::RecordKind;
pub use shared::{News, ShareError};

/// What is left in `tmp` and `locks` by a run that was killed is removed after this time.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// Tells backup tools to leave the store out, see <https://bford.info/cachedir/>.
const CACHEDIR_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n";

/// Whether a store may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
}

/// A content-addressed store in a directory. Any number of threads and processes may share one.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    access: Access,
    /// The open `in-use`, which bears the lock; `None` where a store that is read-only has no such file.
    in_use: Option<File>,
    damaged: Mutex<Vec<Damaged>>,
    /// The store that it shares with other machines.
    remote: Option<Remote>,
    /// What that may lack.
    news: Mutex<BTreeSet<News>>,
}

/// A file of the store that did not match its digest, and so counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub path: PathBuf,
    pub removed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("there is no store at `{}`: name one with `--store`, or leave out what makes it read-only", .0.display())]
    Missing(PathBuf),
    #[error(
        "the store `{}` is read-only, so nothing can be added: fill it by a run that may write to it, or name another with `--store`",
        .0.display()
    )]
    ReadOnly(PathBuf),
    #[error("its SHA-256 is {got}, but {expected} was expected")]
    WrongDigest { expected: Sha256, got: Sha256 },
    #[error("it has {}{got} bytes, but {expected} were expected", if *more { "at least " } else { "" })]
    WrongSize {
        expected: u64,
        got: u64,
        /// Whether reading stopped here, with more to come.
        more: bool,
    },
    /// What was to be stored could not be read to its end. No blob came of it.
    #[error("what was to be stored could not be read")]
    Source(#[source] io::Error),
}

impl Store {
    /// Opens a store, and makes it where there is none. One that may not be written to is opened for
    /// reading, which is enough as long as everything is there.
    pub fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        let access = match access {
            Access::ReadWrite => match prepare(root) {
                Ok(()) => access,
                Err(error) if is_unwritable(error.kind()) && root.is_dir() => Access::ReadOnly,
                Err(cause) => return Err(FileError::new("make the store", root, cause).into()),
            },
            Access::ReadOnly if root.is_dir() => access,
            Access::ReadOnly => return Err(StoreError::Missing(root.to_owned())),
        };
        let in_use = usage::share(root, access)?;
        let store = Self {
            root: root.to_owned(),
            access,
            in_use,
            damaged: Mutex::default(),
            remote: None,
            news: Mutex::default(),
        };
        if access == Access::ReadWrite {
            store.sweep(LEFT_BEHIND);
        }
        Ok(store)
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Where a blob is, or would be. Whoever reads it from there checks its digest.
    #[must_use]
    pub fn path(&self, digest: Sha256) -> PathBuf {
        self.entry(&["blobs", "sha256"], digest)
    }

    /// Whether there is a blob of that name. [`Store::read`] may still find it damaged.
    #[must_use]
    pub fn has(&self, digest: Sha256) -> bool {
        let path = self.path(digest);
        let found = path.metadata().is_ok_and(|metadata| metadata.is_file());
        if found {
            self.mark_used(&path);
        }
        found
    }

    /// The content of a blob; `None` where there is none, or a damaged one, which is then removed.
    pub fn read(&self, digest: Sha256) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(digest);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(FileError::new("read the blob", &path, cause).into()),
        };
        if Sha256::of(&content) != digest {
            self.discard(path);
            return Ok(None);
        }
        self.mark_used(&path);
        Ok(Some(content.into()))
    }

    /// Whether a blob is there with all its bytes. Reads it, in constant memory; removes a damaged one.
    pub fn is_intact(&self, digest: Sha256) -> Result<bool, StoreError> {
        self.blob(digest).map(|blob| blob.is_some())
    }

    /// A blob that is there with all its bytes, and how many these are, as [`Store::is_intact`] finds it.
    pub fn blob(&self, digest: Sha256) -> Result<Option<Blob>, StoreError> {
        let blob = self.look_at_blob(digest)?;
        if blob.is_some() {
            self.mark_used(&self.path(digest));
        }
        Ok(blob)
    }

    /// The same, which does not count as a use.
    fn look_at_blob(&self, digest: Sha256) -> Result<Option<Blob>, StoreError> {
        let path = self.path(digest);
        let failed = |cause| FileError::new("read the blob", &path, cause);
        let mut file = match File::open(&path) {
            Ok(file) => Hashing::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed(cause).into()),
        };
        let mut buffer = vec![0; blob::PIECE];
        while file.read(&mut buffer).map_err(failed)? > 0 {}
        let (_, found, size) = file.finish();
        if found != digest {
            self.discard(path);
            return Ok(None);
        }
        Ok(Some(Blob { digest, size }))
    }

    /// The files found damaged since this was last asked, to be told to people.
    #[must_use]
    pub fn take_damaged(&self) -> Vec<Damaged> {
        std::mem::take(&mut self.damaged.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn discard(&self, path: PathBuf) {
        let removed = self.access == Access::ReadWrite && fs::remove_file(&path).is_ok();
        let damaged = Damaged { path, removed };
        let mut known = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&damaged) {
            known.push(damaged);
        }
    }

    fn entry(&self, below: &[&str], key: Sha256) -> PathBuf {
        let name = key.to_string();
        let mut path = self.root.clone();
        path.extend(below);
        path.extend([&name[..2], &name]);
        path
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(StoreError::ReadOnly(self.root.clone())),
        }
    }
}

/// Makes the directories, and tries whether a file can be written.
fn prepare(root: &Path) -> io::Result<()> {
    for directory in ["blobs", "records", "locks", "tmp"] {
        fs::create_dir_all(root.join(directory))?;
    }
    let tag = root.join("CACHEDIR.TAG");
    if !tag.exists() {
        fs::write(tag, CACHEDIR_TAG)?;
    }
    super::files::temporary(&root.join("tmp")).map(drop)
}

fn is_unwritable(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.removed {
            true => write!(f, "`{path}` was damaged, and is made anew"),
            false => write!(f, "`{path}` is damaged, and cannot be replaced: the store is read-only"),
        }
    }
}

#[cfg(test)]
mod tests;
