//! What a store has, file by file.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::digest::Sha256;
use crate::effects::files::FileError;

/// The name of a blob, or of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryName {
    Blob(Sha256),
    Record { kind: String, key: Sha256 },
}

/// A blob or a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: EntryName,
    /// Of the file, in bytes.
    pub size: u64,
    /// When it was last used, to a day.
    pub used: Timestamp,
}

impl Store {
    /// All blobs and records, in the order of their names. Files of other names are not of the store.
    pub fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let list = || {
            let mut entries = files(&self.root().join("blobs/sha256"), EntryName::Blob)?;
            for directory in children(&self.root().join("records"))? {
                let kind = directory.file_name().to_string_lossy().into_owned();
                let name = |key| EntryName::Record { kind: kind.clone(), key };
                entries.extend(files(&directory.path(), name)?);
            }
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        };
        list().map_err(|cause| FileError::new("list what is in the store", self.root(), cause).into())
    }

    /// Whether an entry is what its name says; one that is not is removed, for [`Store::take_damaged`] to tell.
    pub fn is_whole(&self, name: &EntryName) -> Result<bool, StoreError> {
        match name {
            EntryName::Blob(digest) => Ok(self.look_at_blob(*digest)?.is_some()),
            EntryName::Record { .. } => Ok(self.record_at(&self.place(name))?.is_some()),
        }
    }

    /// Removes an entry, if it is still there.
    pub fn remove(&self, name: &EntryName) -> Result<(), StoreError> {
        self.check_writable()?;
        let path = self.place(name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                Err(FileError::new("remove", &path, cause).into())
            }
            _ => Ok(()),
        }
    }

    /// The first bytes of a blob, up to so many; none where it is not there.
    #[must_use]
    pub fn beginning(&self, digest: Sha256, length: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read =
            fs::File::open(self.path(digest)).and_then(|file| file.take(length).read_to_end(&mut bytes));
        if read.is_ok() { bytes } else { Vec::new() }
    }

    fn place(&self, name: &EntryName) -> PathBuf {
        match name {
            EntryName::Blob(digest) => self.path(*digest),
            EntryName::Record { kind, key } => self.entry(&["records", kind], *key),
        }
    }
}

/// The files of a directory of directories that are named by a digest.
fn files(directory: &Path, name: impl Fn(Sha256) -> EntryName) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for below in children(directory)? {
        for file in children(&below.path())? {
            let digest = file.file_name().to_str().and_then(|name| name.parse().ok());
            // Another run may remove it meanwhile.
            let Some((digest, metadata)) = digest.zip(file.metadata().ok()) else { continue };
            let used = Timestamp::try_from(metadata.modified()?).unwrap_or_default();
            entries.push(Entry { name: name(digest), size: metadata.len(), used });
        }
    }
    Ok(entries)
}

fn children(directory: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
