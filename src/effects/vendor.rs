//! A folder with all that locked builds need, laid out as the archives are, so that any web server serves it:
//!
//! ```text
//! debian/pool/main/g/glibc/libc6_2.41-12_amd64.deb
//! debian/dists/trixie/by-hash/SHA256/0584…             an InRelease file that a lock names
//! debian/dists/trixie/InRelease                        the newest of them
//! debian/dists/trixie/main/binary-amd64/by-hash/SHA256/7778…
//! debian/dists/trixie/main/source/by-hash/SHA256/6002…
//! upstream/nodejs.org/dist/v22.21.0/SHASUMS256.txt.asc
//! SHA256SUMS                                           all of these, for `sha256sum --check`
//! ```

#![expect(clippy::disallowed_methods, reason = "this is where vendor folders are read and written")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use url::Url;

use super::archive::{Archive, ArchiveError, Unavailable};
use super::files::{self, FileError};
use super::http::base_url;
use super::store::{Store, StoreError};
use crate::catalog::name::ArchiveName;
use crate::debian::ArchivePath;
use crate::digest::{Hashing, Sha256};
use crate::lock::files::upstream_directory;
use crate::lock::verify::Held;
use crate::lock::{LockedFile, LockedSuite, Publisher};

/// The list of the folder's files, in the format of sha256sum(1).
const SUMS: &str = "SHA256SUMS";

/// Connections at a time; [`super::http`] has the same limit over all archives.
const FETCHERS: usize = 8;

/// A vendor folder.
#[derive(Debug)]
pub struct VendorFolder {
    root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    #[error("there is no vendor folder `{}`: `distro vendor` makes one", .0.display())]
    Missing(PathBuf),
    #[error("line {line} of `{}` is not `SHA-256  path`, as `distro vendor` writes them", path.display())]
    Sums { path: PathBuf, line: usize },
    #[error("the store lost `{0}`, which was damaged: run again, and it is fetched anew")]
    Lost(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that belongs into the folder, and the archive that has it.
pub struct Wanted<'a> {
    pub file: LockedFile,
    pub archive: &'a Archive<'a>,
}

/// What was done to the folder.
#[derive(Debug, Default)]
pub struct Filled {
    /// Files that were there already.
    pub present: usize,
    pub added: usize,
    /// Bytes that were added.
    pub bytes: u64,
    /// What no place has.
    pub lacking: Vec<(LockedFile, Unavailable)>,
    /// The paths of all that is there now, of what was wanted.
    paths: BTreeMap<String, Sha256>,
}

enum Done {
    Present,
    Added(u64),
    Lacking(Unavailable),
}

impl VendorFolder {
    /// A folder that is there.
    pub fn open(root: &Path) -> Result<Self, VendorError> {
        match fs::canonicalize(root) {
            Ok(found) if found.is_dir() => Ok(Self { root: found }),
            _ => Err(VendorError::Missing(root.to_owned())),
        }
    }

    /// A folder, which is made where there is none.
    pub fn create(root: &Path) -> Result<Self, VendorError> {
        files::make_directory(root)?;
        Self::open(root)
    }

    /// Where an archive begins in it, as a mirror of it would.
    #[must_use]
    pub fn archive(&self, archive: &ArchiveName) -> Option<Url> {
        self.url(archive.as_str())
    }

    /// Where it has the files of an upstream directory.
    #[must_use]
    pub fn upstream(&self, directory: &Url) -> Option<Url> {
        self.url(&format!("{}/{}", Publisher::Upstream, upstream_directory(directory)))
    }

    fn url(&self, below: &str) -> Option<Url> {
        base_url(self.root.join(below).to_str()?).ok()
    }

    /// The bytes of a file.
    pub fn read(&self, file: &LockedFile) -> Result<Held<Bytes>, FileError> {
        let path = self.path(file);
        match fs::read(&path) {
            Ok(bytes) if Sha256::of(&bytes) == file.sha256 => Ok(Held::Whole(bytes.into())),
            Ok(_) => Ok(Held::Altered(path.display().to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Held::Absent),
            Err(cause) => Err(FileError::new("read", &path, cause)),
        }
    }

    /// Whether a file is there with all its bytes. Reads it in constant memory.
    pub fn look_at(&self, file: &LockedFile) -> Result<Held<()>, FileError> {
        let path = self.path(file);
        match digest(&path)? {
            None => Ok(Held::Absent),
            Some(found) if found == file.sha256 => Ok(Held::Whole(())),
            Some(_) => Ok(Held::Altered(path.display().to_string())),
        }
    }

    /// Adds what is missing of the files, and mends what is altered; several at a time.
    pub fn fill(&self, store: &Store, wanted: &[Wanted<'_>]) -> Result<Filled, VendorError> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done = Mutex::new(Vec::new());
        std::thread::scope(|threads| {
            for _ in 0..FETCHERS.min(wanted.len()) {
                threads.spawn(|| {
                    while let Some(wanted) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let one = self.add(store, wanted);
                        stop.fetch_or(one.is_err(), Ordering::Relaxed);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((&wanted.file, one));
                    }
                });
            }
        });
        let mut filled = Filled::default();
        for (file, one) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            match one? {
                Done::Present => filled.present += 1,
                Done::Added(bytes) => {
                    filled.added += 1;
                    filled.bytes += bytes;
                }
                Done::Lacking(why) => {
                    filled.lacking.push((file.clone(), why));
                    continue;
                }
            }
            filled.paths.insert(relative(file), file.sha256);
        }
        filled.lacking.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(filled)
    }

    fn add(&self, store: &Store, wanted: &Wanted<'_>) -> Result<Done, VendorError> {
        let file = &wanted.file;
        if let Held::Whole(()) = self.look_at(file)? {
            return Ok(Done::Present);
        }
        match wanted.archive.locked(file) {
            Ok(()) => {}
            Err(ArchiveError::Unavailable(why)) => return Ok(Done::Lacking(why)),
            Err(ArchiveError::Store(error)) => return Err(error.into()),
        }
        let bytes = store.read(file.sha256)?.ok_or_else(|| VendorError::Lost(file.path.clone()))?;
        files::write_atomically(&self.path(file), &bytes)?;
        Ok(Done::Added(bytes.len() as u64))
    }

    /// Puts the newest InRelease file of each suite where a mirror has it.
    pub fn name_newest<'a>(
        &self,
        suites: impl Iterator<Item = &'a LockedSuite>,
        filled: &mut Filled,
    ) -> Result<(), FileError> {
        let mut newest: BTreeMap<_, &LockedSuite> = BTreeMap::new();
        for suite in suites {
            let known = newest.entry((&suite.archive, &suite.name)).or_insert(suite);
            if known.date < suite.date {
                *known = suite;
            }
        }
        for suite in newest.into_values() {
            let file = suite.in_release_file();
            if let Held::Whole(bytes) = self.read(&file)? {
                let plain = LockedFile { by_hash: None, ..file };
                files::write_atomically(&self.path(&plain), &bytes)?;
                filled.paths.insert(relative(&plain), plain.sha256);
            }
        }
        Ok(())
    }

    /// Writes the list of files: those of before that are still there, and those of now.
    pub fn list(&self, filled: &Filled) -> Result<(), VendorError> {
        let mut all = self.listed()?;
        all.retain(|path, _| self.root.join(path).is_file());
        all.extend(filled.paths.clone());
        self.write_list(&all)
    }

    /// Removes what a former run listed and this one did not want, and nothing else; gives their number.
    pub fn prune(&self, filled: &Filled) -> Result<usize, VendorError> {
        let lacking: BTreeSet<_> = filled.lacking.iter().map(|(file, _)| relative(file)).collect();
        let mut kept = filled.paths.clone();
        let mut removed = 0;
        for (path, digest) in self.listed()? {
            if filled.paths.contains_key(&path) {
                continue;
            }
            if lacking.contains(&path) {
                kept.insert(path, digest);
                continue;
            }
            removed += usize::from(remove(&self.root, &path)?);
        }
        self.write_list(&kept)?;
        Ok(removed)
    }

    fn listed(&self) -> Result<BTreeMap<String, Sha256>, VendorError> {
        let path = self.root.join(SUMS);
        let text = files::read_text_if_there(&path)?.unwrap_or_default();
        let lines = text.lines().enumerate().map(|(at, line)| {
            let invalid = || VendorError::Sums { path: path.clone(), line: at + 1 };
            let (digest, name) = line.split_once("  ").ok_or_else(invalid)?;
            // What is listed may be removed, so it must not lie elsewhere.
            let name: ArchivePath = name.parse().map_err(|_| invalid())?;
            Ok((name.to_string(), digest.parse().map_err(|_| invalid())?))
        });
        lines.collect()
    }

    fn write_list(&self, files: &BTreeMap<String, Sha256>) -> Result<(), VendorError> {
        let mut text = String::new();
        for (path, digest) in files {
            let _ = writeln!(text, "{digest}  {path}");
        }
        files::write_atomically(&self.root.join(SUMS), text.as_bytes())?;
        Ok(())
    }

    fn path(&self, file: &LockedFile) -> PathBuf {
        self.root.join(relative(file))
    }
}

/// Below the folder.
fn relative(file: &LockedFile) -> String {
    format!("{}/{}", file.publisher, file.lasting_path())
}

/// The digest of a file; `None` where there is none.
fn digest(path: &Path) -> Result<Option<Sha256>, FileError> {
    let failed = |cause| FileError::new("read", path, cause);
    let mut file = match File::open(path) {
        Ok(file) => Hashing::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut buffer = vec![0; 128 * 1024];
    while file.read(&mut buffer).map_err(failed)? > 0 {}
    Ok(Some(file.finish().1))
}

/// Removes a file below a directory, and the directories that it leaves empty; says whether it was there.
fn remove(root: &Path, path: &str) -> Result<bool, FileError> {
    let path = root.join(path);
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(FileError::new("remove", &path, cause)),
    }
    let above = path.ancestors().skip(1).take_while(|directory| *directory != root);
    for directory in above {
        if fs::remove_dir(directory).is_err() {
            break;
        }
    }
    Ok(true)
}
