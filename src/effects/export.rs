//! Images of a layout written into one file each, piece by piece: nothing of a layer is kept in memory.

#![expect(clippy::disallowed_methods, reason = "this is where blobs are read from")]

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use super::files::{FileError, NewFile};
use super::layout::LayoutReader;
use super::progress::Progress;
use crate::digest::{Hashing, Sha256};
use crate::image::archive::{Archive, Content};

/// How much is copied at a time, in bytes.
const PIECE: usize = 128 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Blob(FileError),
    #[error("`{}` is damaged: its digest is {found}", path.display())]
    Damaged { path: PathBuf, found: Sha256 },
    #[error("the archive could not be written: {0}")]
    Write(io::Error),
}

/// An archive, and the layout that its blobs are in.
#[derive(Clone, Copy)]
pub struct Export<'a> {
    pub archive: &'a Archive,
    pub layout: &'a LayoutReader,
    pub progress: &'a dyn Progress,
}

impl Export<'_> {
    /// Writes the archive into a file, which is there when it is whole. Returns its size in bytes.
    pub fn to_file(&self, path: &Path) -> Result<u64, ExportError> {
        let mut file = NewFile::create(path)?;
        let size = self.write(&mut file).map_err(|error| match error {
            ExportError::Write(cause) => FileError::new("write", path, cause).into(),
            error => error,
        })?;
        file.finish()?;
        Ok(size)
    }

    /// Writes the archive somewhere. What was written counts only where this succeeds. Returns its size in bytes.
    pub fn write(&self, sink: impl Write) -> Result<u64, ExportError> {
        let mut sink = io::BufWriter::with_capacity(PIECE, sink);
        let mut written = 0;
        let mut put = |bytes: &[u8]| {
            written += bytes.len() as u64;
            sink.write_all(bytes).map_err(ExportError::Write)
        };
        for (name, content) in self.archive.members() {
            let size = match content {
                Content::Document(text) => {
                    put(&Archive::header(&name, text.len() as u64))?;
                    put(text)?;
                    text.len() as u64
                }
                Content::Blob(digest) => self.copy(&name, digest, &mut put)?,
            };
            put(Archive::padding(size))?;
        }
        put(Archive::END)?;
        sink.flush().map_err(ExportError::Write)?;
        Ok(written)
    }

    /// Puts a blob with its header, and returns its size.
    fn copy(
        &self,
        name: &str,
        digest: Sha256,
        put: &mut impl FnMut(&[u8]) -> Result<(), ExportError>,
    ) -> Result<u64, ExportError> {
        let path = self.layout.blob(digest);
        let unread = |cause| ExportError::Blob(FileError::new("read the blob", &path, cause));
        let file = File::open(&path).map_err(unread)?;
        let size = file.metadata().map_err(unread)?.len();
        put(&Archive::header(name, size))?;
        let mut task = self.progress.begin(name, Some(size));
        let mut blob = Hashing::new(file.take(size));
        let mut piece = vec![0; PIECE];
        loop {
            let read = blob.read(&mut piece).map_err(unread)?;
            if read == 0 {
                break;
            }
            put(&piece[..read])?;
            task.advance(read as u64);
        }
        let (_, found, read) = blob.finish();
        if found != digest || read != size {
            return Err(ExportError::Damaged { path, found });
        }
        Ok(size)
    }
}
