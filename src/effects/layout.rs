//! An OCI image layout on disk: blobs by their digest, and an `index.json` that is replaced as a whole.
//!
//! What is there already is written anew where it is damaged. Documents are told by their bytes at each build; layers,
//! which are a hundred times as much, by their sizes, unless they are to be [checked](LayoutDirectory::check_layers):
//! a disk that loses what was synced to it mostly loses the length too, and `distro push` and `distro verify` find the
//! rest.

#![expect(clippy::disallowed_methods, reason = "this is where a layout is read and written")]

mod read;
mod union;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oci_spec::OciSpecError;
use oci_spec::image::ImageManifest;
use rayon::prelude::*;

use super::files::{self, FileError};
use super::store::{Store, StoreError};
use crate::cause::innermost;
use crate::digest::{Hashing, Sha256};
use crate::image::Blob;
use crate::image::choice::{NotForArchitecture, Unchosen};
use crate::image::layout::{Layout, MARKER, sha256};
use crate::sbom::{Format, LAYOUT_FORMATS};

pub use read::{LayoutReader, StoredImage};

/// Where the SBOMs are, beside the blobs.
const SBOMS: &str = "sbom";

/// How much is copied at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// Files that are written at a time: each is synced to disk, and a disk syncs many at once sooner than one
/// after the other.
const WRITERS: usize = 8;

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
    #[error("{why} in `{}`", root.display())]
    Unchosen { root: PathBuf, why: Unchosen },
    #[error(transparent)]
    Architecture(#[from] NotForArchitecture),
    #[error("`{}` is not the index of an OCI image layout: {reason}; name another directory, or remove this one", path.display())]
    Index { path: PathBuf, reason: String },
    #[error("the document `{}` is damaged: `distro build` makes those of the images that it builds anew", .0.display())]
    Damaged(PathBuf),
    #[error("a document of the layout cannot be read")]
    Format(#[from] OciSpecError),
    #[error("the layer {digest} cannot be read")]
    Layer { digest: Sha256, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(
        "the layer {0} is damaged in the store or gone from it, and could not be made anew there: remove the store, or name another with `--store`"
    )]
    Lost(Sha256),
    #[error("`{}` and `{}` have different images of the name `{name}`: build both from the same locks", first.display(), second.display())]
    Clash { name: String, first: PathBuf, second: PathBuf },
    #[error("the blob {0} is damaged in each layout that has it, or was removed: build that layout again")]
    DamagedBlob(Sha256),
}

/// A layout that this process alone writes to.
#[derive(Debug)]
pub struct LayoutDirectory {
    root: PathBuf,
    /// The open `oci-layout`, which bears the lock.
    _marker: File,
    /// What is to be written, by its path.
    pending: BTreeMap<PathBuf, Pending>,
    /// The layers that were read and found whole; `None` where their sizes are enough.
    checked: Option<BTreeSet<Sha256>>,
}

#[derive(Debug)]
enum Pending {
    Bytes(Vec<u8>),
    /// The blob of the store with this digest.
    Stored(Sha256),
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
        Ok(Self { root: root.to_owned(), _marker: marker, pending: BTreeMap::new(), checked: None })
    }

    /// Has layers that are there read, and written anew where they are damaged.
    pub fn check_layers(&mut self) {
        self.checked.get_or_insert_default();
    }

    /// What the layout refers to; nothing where it is new. Of what is attached to images, what is damaged is left
    /// behind, for whoever attached it to do so anew.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        let mut layout = read_index(&self.root)?;
        let mut documents: BTreeMap<Sha256, Vec<(Sha256, Sha256)>> = BTreeMap::new();
        for (subject, referrer) in layout.all_referrers() {
            let referrer = sha256(referrer)?;
            let manifest: ImageManifest =
                serde_json::from_slice(&self.read(referrer)?).map_err(OciSpecError::from)?;
            for document in manifest.layers().iter().chain([manifest.config()]) {
                documents.entry(sha256(document)?).or_default().push((subject, referrer));
            }
        }
        // Many images share the same sealed lock.
        let damaged = documents.into_par_iter().filter(|(digest, _)| self.read(*digest).is_err());
        for (subject, referrer) in damaged.flat_map_iter(|(_, referrers)| referrers).collect::<Vec<_>>() {
            layout.detach(subject, referrer);
        }
        Ok(layout)
    }

    /// What to say of an image that is not there.
    #[must_use]
    pub fn lacks(&self, reference: &str) -> LayoutError {
        LayoutError::NoImage { root: self.root.clone(), name: reference.to_owned() }
    }

    /// Adds a document as a blob.
    pub fn add(&mut self, blob: &Blob) {
        let path = self.blob(blob.digest);
        if !has_bytes(&path, &blob.bytes) {
            self.pending.insert(path, Pending::Bytes(blob.bytes.clone()));
        }
    }

    /// Adds a blob of so many bytes that the store has.
    pub fn add_stored(&mut self, digest: Sha256, size: u64) {
        let path = self.blob(digest);
        let is_whole = is_there(&path, size)
            && self.checked.as_mut().is_none_or(|checked| {
                checked.contains(&digest) || (is_intact(&path, digest) && checked.insert(digest))
            });
        if !is_whole {
            self.pending.insert(path, Pending::Stored(digest));
        }
    }

    /// Adds a blob whose bytes come from elsewhere; `copy` writes bytes of this digest, or fails.
    pub fn receive<E: From<LayoutError>>(
        &self,
        digest: Sha256,
        copy: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.blob(digest);
        let unwritten = |cause| LayoutError::from(FileError::new("write", &path, cause));
        let mut file = files::temporary(path.parent().unwrap_or(Path::new("."))).map_err(unwritten)?;
        copy(file.as_file_mut())?;
        file.persist(&path).map_err(|error| unwritten(error.error))?;
        Ok(())
    }

    /// Adds a blob that another place has; false where what is there is damaged, or is not there.
    pub fn receive_file(&self, digest: Sha256, from: &Path) -> Result<bool, LayoutError> {
        copy(from, digest, &self.blob(digest))
    }

    /// Whether the SBOM of an image of one architecture is there as it is to be.
    #[must_use]
    pub fn has_sbom(&self, reference: &str, format: Format, text: &str) -> bool {
        has_bytes(&self.sbom(reference, format), text.as_bytes())
    }

    fn sbom(&self, reference: &str, format: Format) -> PathBuf {
        self.root.join(SBOMS).join(format.file_name(reference))
    }

    /// Adds the SBOM of an image of one architecture.
    pub fn add_sbom(&mut self, reference: &str, format: Format, text: String) {
        let path = self.sbom(reference, format);
        self.pending.insert(path, Pending::Bytes(text.into_bytes()));
    }

    /// The bytes of a blob that the layout has.
    pub fn read(&self, digest: Sha256) -> Result<Vec<u8>, LayoutError> {
        read_blob(&self.root, digest)
    }

    /// The SBOMs of an image of one architecture, as far as they are there.
    pub fn sboms(&self, reference: &str) -> Result<Vec<String>, FileError> {
        let texts = LAYOUT_FORMATS.map(|format| files::read_text_if_there(&self.sbom(reference, format)));
        texts.into_iter().filter_map(Result::transpose).collect()
    }

    /// Writes what was added, but for those blobs of the store that turn out to be damaged or gone.
    ///
    /// Returns these. They stay added, for when they have been made anew.
    pub fn write(&mut self, store: &Store) -> Result<BTreeSet<Sha256>, LayoutError> {
        self.write_from(|digest, path| {
            let whole = copy(&store.path(digest), digest, path)?;
            if !whole {
                // Removes it, so that it is made anew.
                store.is_intact(digest)?;
            }
            Ok(whole)
        })
    }

    /// Writes a document as a blob at once.
    pub fn write_document(&self, blob: &Blob) -> Result<(), LayoutError> {
        files::write_atomically(&self.blob(blob.digest), &blob.bytes)?;
        Ok(())
    }

    /// Writes the documents that were added.
    fn write_documents(&mut self) -> Result<(), LayoutError> {
        self.write_from(|_, _| Ok(false)).map(drop)
    }

    /// `copy` writes a blob of the store to a path, or says that it cannot.
    fn write_from(
        &mut self,
        copy: impl Fn(Sha256, &Path) -> Result<bool, LayoutError> + Sync,
    ) -> Result<BTreeSet<Sha256>, LayoutError> {
        let pending = std::mem::take(&mut self.pending);
        let next = Mutex::new(pending.into_iter());
        let lost: Mutex<BTreeMap<PathBuf, Sha256>> = Mutex::default();
        let write = || {
            // The guard is gone before the file is written.
            while let Some((path, pending)) = { next.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                match pending {
                    Pending::Bytes(bytes) => drop(files::write_atomically(&path, &bytes)?),
                    Pending::Stored(digest) if copy(digest, &path)? => {}
                    Pending::Stored(digest) => {
                        lost.lock().unwrap_or_else(PoisonError::into_inner).insert(path, digest);
                    }
                }
            }
            Ok::<_, LayoutError>(())
        };
        std::thread::scope(|threads| {
            let writers: Vec<_> = (0..WRITERS).map(|_| threads.spawn(write)).collect();
            writers
                .into_iter()
                .try_for_each(|writer| writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        let digests = lost.values().copied().collect();
        self.pending = lost.into_iter().map(|(path, digest)| (path, Pending::Stored(digest))).collect();
        Ok(digests)
    }

    /// Writes what was added, makes the layout refer to what it is to refer to, and then removes what
    /// nothing refers to.
    pub fn finish(mut self, store: &Store, layout: Layout) -> Result<(), LayoutError> {
        match self.write(store)?.pop_first() {
            Some(digest) => Err(LayoutError::Lost(digest)),
            None => self.settle(layout),
        }
    }

    /// Does what [`Self::finish`] does, where nothing but documents was added.
    pub fn finish_documents(mut self, layout: Layout) -> Result<(), LayoutError> {
        self.write_documents()?;
        self.settle(layout)
    }

    fn settle(&self, mut layout: Layout) -> Result<(), LayoutError> {
        let keep = layout.prune(|digest| read_blob(&self.root, digest))?;
        files::write_atomically(&self.root.join("index.json"), &layout.to_bytes()?)?;
        let keep: BTreeSet<_> = keep.iter().map(ToString::to_string).collect();
        self.sweep(&self.root.join("blobs/sha256"), |name| keep.contains(name))?;
        let named = layout.names().flat_map(|name| LAYOUT_FORMATS.map(|format| format.file_name(name)));
        let named: BTreeSet<_> = named.collect();
        self.sweep(&self.root.join(SBOMS), |name| named.contains(name))
    }

    fn blob(&self, digest: Sha256) -> PathBuf {
        blob_path(&self.root, digest)
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

/// Copies a blob, its digest checked on the way, and syncs it to disk; false where it is damaged or gone.
fn copy(from: &Path, digest: Sha256, path: &Path) -> Result<bool, LayoutError> {
    let unwritten = |cause| FileError::new("write", path, cause);
    let unread = |cause| FileError::new("read the blob", from, cause);
    let mut blob = match File::open(from) {
        Ok(blob) => Hashing::new(blob),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(unread(cause).into()),
    };
    let mut file = files::temporary(path.parent().unwrap_or(Path::new("."))).map_err(unwritten)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = blob.read(&mut piece).map_err(unread)?;
        if read == 0 {
            break;
        }
        file.write_all(&piece[..read]).map_err(unwritten)?;
    }
    if blob.finish().1 != digest {
        return Ok(false);
    }
    file.as_file().sync_all().map_err(unwritten)?;
    file.persist(path).map_err(|error| unwritten(error.error))?;
    Ok(true)
}

/// What a layout refers to; nothing where it has no `index.json`.
fn read_index(root: &Path) -> Result<Layout, LayoutError> {
    let path = root.join("index.json");
    let Some(text) = files::read_text_if_there(&path)? else { return Ok(Layout::default()) };
    let read = |digest| match read_blob(root, digest) {
        Err(LayoutError::Damaged(_)) => Ok(None),
        Err(LayoutError::File(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    };
    Layout::parse(text.as_bytes(), read).map_err(|error| match error {
        LayoutError::Format(error) => LayoutError::Index { path, reason: innermost(&error) },
        error => error,
    })
}

fn read_blob(root: &Path, digest: Sha256) -> Result<Vec<u8>, LayoutError> {
    let path = blob_path(root, digest);
    let bytes = files::read(&path)?;
    if Sha256::of(&bytes) == digest { Ok(bytes) } else { Err(LayoutError::Damaged(path)) }
}

/// Where a layout has a blob, if it has it.
pub(super) fn blob_path(root: &Path, digest: Sha256) -> PathBuf {
    root.join("blobs/sha256").join(digest.to_string())
}

/// The SPDX 2.3 document of an image of one architecture, `cc-debian13:debug-amd64`; `None` where there is none.
pub fn read_sbom(root: &Path, reference: &str) -> Result<Option<String>, FileError> {
    files::read_text_if_there(&sbom_path(root, reference))
}

/// Where that document is.
#[must_use]
pub fn sbom_path(root: &Path, reference: &str) -> PathBuf {
    root.join(SBOMS).join(Format::Spdx23.file_name(reference))
}

fn is_there(path: &Path, size: u64) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
}

fn has_bytes(path: &Path, bytes: &[u8]) -> bool {
    is_there(path, bytes.len() as u64) && fs::read(path).is_ok_and(|found| found == bytes)
}

fn is_intact(path: &Path, digest: Sha256) -> bool {
    let mut hashing = Hashing::new(std::io::sink());
    let copied = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hashing));
    copied.is_ok() && hashing.finish().1 == digest
}
