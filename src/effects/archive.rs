//! The client of one Debian archive, over every place that serves it.

mod error;
pub(super) mod release;

use std::fmt;
use std::io::{self, Read};

use url::Url;

use super::http::{Http, HttpErrorKind, Response, Shown, Terms};
use super::progress::{Progress, Task};
use super::store::{Blob, Expected, News, Store, StoreError};
use crate::digest::Sha256;
use crate::lock::LockedFile;

use error::Fault;
pub use error::{ArchiveError, Reason, Tried, Unavailable};
pub use release::Release;

/// The most that a file of unknown size may have, in bytes: an InRelease file or an index. Debian's largest
/// index has 10 MB.
const AT_MOST: u64 = 256 << 20;

/// The origin of bases that have archives as they were.
pub const SNAPSHOT_SERVICE: &str = "snapshot service";

/// A place that serves an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Base {
    /// Ends in a slash, as [`super::http::base_url`] makes sure; paths of the archive go below.
    pub url: Url,
    /// Who named it: "catalog mirror", "host apt sources", "snapshot service".
    pub origin: String,
}

impl Base {
    /// A directory of a vendor folder.
    pub(super) fn vendored(url: Url) -> Self {
        Self { url, origin: "vendor folder".to_owned() }
    }

    fn is_on_disk(&self) -> bool {
        self.url.scheme() == "file"
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Shown(&self.url), self.origin)
    }
}

/// Whether servers may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Allowed,
    /// Only what the store, and bases on disk have.
    Offline,
}

/// A file as a signed index names it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Below the base: `pool/main/b/bash/bash_5.2_amd64.deb`.
    pub path: &'a str,
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
}

/// A file, of which the size may not be known.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    path: &'a str,
    sha256: Sha256,
    size: Option<u64>,
}

impl<'a> From<Named<'a>> for Wanted<'a> {
    fn from(Named { path, sha256, size }: Named<'a>) -> Self {
        Self { path, sha256, size: Some(size) }
    }
}

/// One archive. What it hands out is in the store, whole and as expected, whatever base it came from: a
/// base that does not answer, or answers with something else, is passed over for the next.
pub struct Archive<'a> {
    http: &'a Http,
    store: &'a Store,
    progress: &'a dyn Progress,
    bases: Vec<Base>,
    network: Network,
}

impl<'a> Archive<'a> {
    /// An archive that is served by the bases, which are tried in order.
    pub fn new(
        http: &'a Http,
        store: &'a Store,
        bases: Vec<Base>,
        network: Network,
        progress: &'a dyn Progress,
    ) -> Self {
        Self { http, store, progress, bases, network }
    }

    /// Sees to it that a file is in the store: a package, or an index by its plain path.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unavailable`] tells why each base fell out; [`ArchiveError::Store`] that the store
    /// cannot take the file.
    pub fn package(&self, file: Named<'_>) -> Result<Blob, ArchiveError> {
        self.fetch(file.into(), None)?;
        Ok(Blob { digest: file.sha256, size: file.size })
    }

    /// Sees to it that a file of which only the digest is known is in the store, if it has at most so many bytes.
    pub fn of_digest(&self, path: &str, sha256: Sha256, at_most: u64) -> Result<Blob, ArchiveError> {
        let _alone = self.store.exclusive(sha256)?;
        if let Some(blob) = self.store.blob(sha256)? {
            return Ok(blob);
        }
        let expected = Expected { digest: Some(sha256), size: None };
        self.first_of_bases(path, |base| self.download(&below(base, path)?, path, expected, at_most))
    }

    /// Sees to it that an index is in the store: by the path that names its digest, which does not change
    /// while an archive is updated, or else by its plain one. See [Acquire-By-Hash].
    ///
    /// [Acquire-By-Hash]: https://wiki.debian.org/DebianRepository/Format#indices_acquisition_via_hashsums_.28by-hash.29
    pub fn index(&self, by_hash_path: &str, file: Named<'_>) -> Result<Blob, ArchiveError> {
        self.fetch(file.into(), Some(by_hash_path))?;
        Ok(Blob { digest: file.sha256, size: file.size })
    }

    /// Sees to it that a file that a lock names is in the store.
    pub fn locked(&self, file: &LockedFile) -> Result<(), ArchiveError> {
        let LockedFile { by_hash, sha256, size, .. } = file;
        self.fetch(Wanted { path: file.asked_path(), sha256: *sha256, size: *size }, by_hash.as_deref())
    }

    fn fetch(&self, file: Wanted<'_>, by_hash_path: Option<&str>) -> Result<(), ArchiveError> {
        if self.store.is_intact(file.sha256)? {
            return Ok(());
        }
        let _alone = self.store.exclusive(file.sha256)?;
        if self.store.is_intact(file.sha256)? {
            return Ok(());
        }
        let ask = |base: &Base| {
            let by_hash = by_hash_path.map(|path| self.fetch_from(base, path, file));
            match by_hash {
                None | Some(Err(Fault::Base(Reason::Http(HttpErrorKind::NotFound)))) => {
                    match self.fetch_from(base, file.path, file) {
                        // The archive has moved on.
                        Err(Fault::Base(Reason::WrongDigest { .. })) if file.size.is_none() => {
                            Err(HttpErrorKind::NotFound.into())
                        }
                        answer => answer,
                    }
                }
                Some(answer) => answer,
            }
        };
        // What is on this machine is asked first, then what many machines share, and then servers.
        let near = self.bases.iter().take_while(|base| base.is_on_disk()).count();
        let (near, far) = self.bases.split_at(near);
        let mut tried = Vec::new();
        if self.first_of(near, &mut tried, &ask)?.is_some() {
            return Ok(());
        }
        let expected = Expected { digest: Some(file.sha256), size: file.size };
        if self.store.take_over(expected, AT_MOST, self.network)? {
            self.progress.begin(file.path, file.size).advance(file.size.unwrap_or(0));
            return Ok(());
        }
        if self.first_of(far, &mut tried, &ask)?.is_some() {
            self.store.offer(News::Input(file.sha256));
            return Ok(());
        }
        Err(self.unavailable(file.path, tried))
    }

    fn fetch_from(&self, base: &Base, path: &str, file: Wanted<'_>) -> Result<(), Fault> {
        let expected = Expected { digest: Some(file.sha256), size: file.size };
        let at_most = file.size.unwrap_or(AT_MOST);
        self.download(&below(base, path)?, file.path, expected, at_most).map(drop)
    }

    fn download(&self, url: &Url, what: &str, expected: Expected, at_most: u64) -> Result<Blob, Fault> {
        let terms = Terms { at_most: Some(at_most), ..Terms::default() };
        let Response::Found(download) = self.http.get(url, &terms)? else {
            return Err(HttpErrorKind::Changed.into());
        };
        let size = expected.size.or(download.size());
        let told = Told { inner: download, task: self.progress.begin(what, size) };
        self.store.insert(told, expected).map_err(|error| match error {
            StoreError::WrongDigest { expected, got } => Reason::WrongDigest { expected, got }.into(),
            StoreError::WrongSize { expected, got, .. } => Reason::WrongSize { expected, got }.into(),
            StoreError::Source(error) => error.into(),
            error => error.into(),
        })
    }

    /// Tries one base after the other, but for those that this run could not reach before.
    fn first_of_bases<T>(
        &self,
        what: &str,
        ask: impl Fn(&Base) -> Result<T, Fault>,
    ) -> Result<T, ArchiveError> {
        let mut tried = Vec::new();
        let found = self.first_of(&self.bases, &mut tried, &ask)?;
        found.ok_or_else(|| self.unavailable(what, tried))
    }

    /// Tries some bases; `None` where none of them has it.
    fn first_of<T>(
        &self,
        bases: &[Base],
        tried: &mut Vec<Tried>,
        ask: &impl Fn(&Base) -> Result<T, Fault>,
    ) -> Result<Option<T>, ArchiveError> {
        for base in bases {
            if self.network == Network::Offline && !base.is_on_disk() {
                continue;
            }
            let reason = match self.http.is_given_up(&base.url) {
                Some(why) => Reason::Unreachable(why),
                None => match ask(base) {
                    Ok(found) => return Ok(Some(found)),
                    Err(Fault::Base(reason)) => reason,
                    Err(Fault::Store(error)) => return Err(error.into()),
                },
            };
            if let Reason::Http(kind) = &reason
                && kind.is_unreachable()
            {
                self.http.give_up(&base.url, kind);
            }
            tried.push(Tried { url: Shown(&base.url).to_string(), origin: base.origin.clone(), reason });
        }
        Ok(None)
    }

    fn unavailable(&self, what: &str, tried: Vec<Tried>) -> ArchiveError {
        Unavailable { what: what.to_owned(), network: self.network, tried }.into()
    }

    /// Whether servers may be asked for it.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }
}

/// The URL of a path of the archive, which must not lead out of it.
fn below(base: &Base, path: &str) -> Result<Url, Reason> {
    let mut url = base.url.clone();
    let ordinary = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !ordinary {
        return Err(Reason::Path);
    }
    // A path may hold `?`, `#`, `+`, `~` and `%`, so it is no relative URL.
    match url.path_segments_mut() {
        Ok(mut segments) => segments.pop_if_empty().extend(path.split('/')),
        Err(()) => return Err(Reason::Path),
    };
    Ok(url)
}

/// Tells of every byte that is read.
struct Told<R> {
    inner: R,
    task: Box<dyn Task>,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.task.advance(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
