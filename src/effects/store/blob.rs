use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::{Store, StoreError};
use crate::digest::{Hashing, Sha256};
use crate::effects::files::{self, FileError};

/// How much is read or written at a time, in bytes.
pub(super) const PIECE: usize = 128 * 1024;

const ADD: &str = "add a blob to the store";

/// What is known of a blob before its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    pub digest: Option<Sha256>,
    /// In bytes. Reading stops as soon as there are more.
    pub size: Option<u64>,
}

/// A blob of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    pub digest: Sha256,
    /// In bytes.
    pub size: u64,
}

/// A blob that is being written. It comes into being by [`BlobWriter::finish`]; dropped, it leaves
/// nothing. Best written to in large pieces, as nothing is buffered.
#[must_use = "a blob comes into being only when it is finished"]
pub struct BlobWriter<'a> {
    store: &'a Store,
    file: Hashing<NamedTempFile>,
}

impl Store {
    /// Begins a blob.
    pub fn blob_writer(&self) -> Result<BlobWriter<'_>, StoreError> {
        self.check_writable()?;
        let file = self.temporary().map_err(|cause| FileError::new(ADD, self.root(), cause))?;
        Ok(BlobWriter { store: self, file: Hashing::new(file) })
    }

    /// Stores what a reader yields, if it is what is expected. A blob of that digest is replaced, which
    /// mends it where it was damaged.
    ///
    /// # Errors
    ///
    /// [`StoreError::Source`] where the reader fails; its own error is in there.
    pub fn insert(&self, mut content: impl Read, expected: Expected) -> Result<Blob, StoreError> {
        let mut writer = self.blob_writer()?;
        let mut buffer = vec![0; PIECE];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => return writer.finish(expected),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(StoreError::Source(error)),
            };
            let got = writer.file.len() + read as u64;
            if let Some(expected) = expected.size.filter(|size| got > *size) {
                return Err(StoreError::WrongSize { expected, got, more: true });
            }
            writer.file.write_all(&buffer[..read]).map_err(|cause| writer.failed(cause))?;
        }
    }

    /// A temporary file, locked for as long as it is open so that nobody sweeps it away.
    pub(super) fn temporary(&self) -> io::Result<NamedTempFile> {
        let file = files::temporary(&self.root().join("tmp"))?;
        file.as_file().lock()?;
        Ok(file)
    }
}

impl BlobWriter<'_> {
    /// Gives the blob its name.
    pub fn finish(self, expected: Expected) -> Result<Blob, StoreError> {
        let (file, digest, size) = self.file.finish();
        if let Some(expected) = expected.size.filter(|expected| *expected != size) {
            return Err(StoreError::WrongSize { expected, got: size, more: false });
        }
        if let Some(expected) = expected.digest.filter(|expected| *expected != digest) {
            return Err(StoreError::WrongDigest { expected, got: digest });
        }
        persist(file, &self.store.path(digest))
            .map_err(|cause| FileError::new(ADD, self.store.root(), cause))?;
        Ok(Blob { digest, size })
    }

    fn failed(&self, cause: io::Error) -> FileError {
        FileError::new(ADD, self.store.root(), cause)
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|cause| io::Error::new(cause.kind(), self.failed(cause)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Renames a temporary file to its name in the store.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}
