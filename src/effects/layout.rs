//! An OCI image layout on disk: blobs by their digest, and an `index.json` that is replaced as a whole.

#![expect(clippy::disallowed_methods, reason = "this is where a layout is read and written")]

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use oci_spec::OciSpecError;

use super::files::{self, FileError};
use super::store::{Store, StoreError};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::layout::{Layout, MARKER};

/// Where the SBOMs are, beside the blobs.
const SBOMS: &str = "sbom";

#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{}` is not an OCI image layout, and is not empty: name another directory", .0.display())]
    Foreign(PathBuf),
    #[error("`{}` has no image `{name}`", root.display())]
    NoImage { root: PathBuf, name: String },
    #[error("`{}` is not the index of an OCI image layout: {reason}; name another directory, or remove this one", path.display())]
    Index { path: PathBuf, reason: String },
    #[error("a document of the layout cannot be read")]
    Format(#[from] OciSpecError),
    #[error("the layer {0} is missing from the store or damaged there")]
    Lost(Sha256),
}

/// A layout that this process alone writes to.
#[derive(Debug)]
pub struct LayoutDirectory {
    root: PathBuf,
    /// The open `oci-layout`, which bears the lock.
    _marker: File,
}

impl LayoutDirectory {
    /// Opens a layout, or makes one in an empty directory; waits until no other process writes to it.
    pub fn open(root: &Path) -> Result<Self, LayoutError> {
        let path = root.join("oci-layout");
        let failed = |cause| FileError::new("write the layout", root, cause);
        fs::create_dir_all(root).map_err(failed)?;
        let empty = fs::read_dir(root).map_err(failed)?.next().is_none();
        if !empty && !path.exists() {
            return Err(LayoutError::Foreign(root.to_owned()));
        }
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut marker = options.map_err(failed)?;
        marker.lock().map_err(failed)?;
        if marker.metadata().map_err(failed)?.len() != MARKER.len() as u64 {
            marker.set_len(0).and_then(|()| marker.write_all(MARKER.as_bytes())).map_err(failed)?;
        }
        fs::create_dir_all(root.join("blobs/sha256")).map_err(failed)?;
        Ok(Self { root: root.to_owned(), _marker: marker })
    }

    /// What the layout refers to; nothing where it is new.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        let path = self.root.join("index.json");
        let Some(text) = files::read_text_if_there(&path)? else { return Ok(Layout::default()) };
        Layout::parse(text.as_bytes()).map_err(|error| {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            LayoutError::Index { path, reason }
        })
    }

    /// Writes a document as a blob.
    pub fn add(&self, blob: &Blob) -> Result<(), LayoutError> {
        let path = self.blob(blob.digest);
        if !is_there(&path, blob.bytes.len() as u64) {
            files::write_atomically(&path, &blob.bytes)?;
        }
        Ok(())
    }

    /// Copies a blob of so many bytes from the store, its digest checked on the way.
    pub fn add_from(&self, store: &Store, digest: Sha256, size: u64) -> Result<(), LayoutError> {
        let path = self.blob(digest);
        if !is_there(&path, size) {
            let bytes = store.read(digest)?.ok_or(LayoutError::Lost(digest))?;
            files::write_atomically(&path, &bytes)?;
        }
        Ok(())
    }

    /// Makes the layout refer to what it is to refer to, and then removes what nothing refers to.
    pub fn finish(&self, layout: &Layout) -> Result<(), LayoutError> {
        files::write_atomically(&self.root.join("index.json"), &layout.to_bytes()?)?;
        let read = |digest| Ok::<_, LayoutError>(files::read(&self.blob(digest))?);
        let keep = layout.reachable(read)?;
        let keep: BTreeSet<_> = keep.iter().map(ToString::to_string).collect();
        self.sweep(&self.root.join("blobs/sha256"), |name| keep.contains(name))?;
        let named: BTreeSet<_> = layout.names().map(sbom_name).collect();
        self.sweep(&self.root.join(SBOMS), |name| named.contains(name))
    }

    /// Writes the SBOM of an image of one architecture.
    pub fn write_sbom(&self, reference: &str, text: &str) -> Result<(), LayoutError> {
        files::write_atomically(&self.root.join(SBOMS).join(sbom_name(reference)), text.as_bytes())?;
        Ok(())
    }

    fn blob(&self, digest: Sha256) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.to_string())
    }

    /// Removes the files of a directory whose names are not kept.
    fn sweep(&self, directory: &Path, keep: impl Fn(&str) -> bool) -> Result<(), LayoutError> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(FileError::new("read the directory", directory, cause).into()),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !name.to_str().is_some_and(&keep) {
                let path = entry.path();
                fs::remove_file(&path).map_err(|cause| FileError::new("remove", &path, cause))?;
            }
        }
        Ok(())
    }
}

/// The SBOM of an image of one architecture: `cc-debian13:debug-amd64`.
pub fn read_sbom(root: &Path, reference: &str) -> Result<String, LayoutError> {
    let text = files::read_text_if_there(&root.join(SBOMS).join(sbom_name(reference)))?;
    text.ok_or_else(|| LayoutError::NoImage { root: root.to_owned(), name: reference.to_owned() })
}

/// `cc-debian13_debug-amd64.spdx.json`: a colon is no part of file names everywhere.
fn sbom_name(reference: &str) -> String {
    format!("{}.spdx.json", reference.replace(':', "_"))
}

fn is_there(path: &Path, size: u64) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
}
