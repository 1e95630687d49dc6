//! A store that many machines share, in a bucket, a directory, on a server or in a registry; and why it need not be
//! trusted.
//!
//! ```text
//! blobs/sha256/abcd…       a blob, named by its digest
//! records/<kind>/abcd…     a signed statement on the record of a key, a newline, the record
//! ```
//!
//! A blob is what its name says or it is refused, and the names of packages, indexes and tarballs come from locks and
//! signed indexes: whoever writes to the bucket can keep one back, not exchange it. That a layer is what comes of a
//! package, on the other hand, no digest tells, but only who converted it: a record that led to another layer would
//! poison every image. So records count only where a key that this machine was told signed them, and what is signed
//! is the kind, the key and the digest of the record together: one record cannot stand for another. A machine that
//! knows no key takes no record, and converts packages by itself. Nothing is signed by a machine that only reads, as
//! one should that builds what strangers propose.
//!
//! What is signed does not grow old: a key is the digest of all that the layer is made from, recipe included.

mod cloud;
mod objects;
mod repository;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use url::{Position, Url};

use super::http::Shown;
use super::registry::Registry;
use super::store::{Access, RecordKind};
use crate::attest::dsse::Envelope;
use crate::attest::key::{PublicKey, Signer, SigningError};
use crate::digest::Sha256;
use crate::image::reference;

use objects::Objects;
use repository::Repository;

/// What is signed is of this type.
const STATEMENT: &str = "application/vnd.distro.store-record";

/// Bytes that a record may have; that of a large package has some hundred thousand.
const RECORD_LIMIT: u64 = 64 << 20;

/// Whose records count, and who signs those of this machine.
#[derive(Default)]
pub struct Trust {
    pub signer: Option<Box<dyn Signer + Send + Sync>>,
    /// Whose records count; the signer's, where this is not there.
    pub public_key: Option<PublicKey>,
}

/// A store that other machines use too. It may be out of reach, or hold nonsense: then it is of no use, and that is
/// all.
pub struct Remote {
    shown: String,
    place: Box<dyn Place>,
    trust: Trust,
    access: Access,
    troubles: Mutex<Troubles>,
}

/// Where objects are kept, by any number of machines at a time.
trait Place: Send + Sync {
    /// Whether it is on this machine.
    fn is_local(&self) -> bool;

    /// The bytes of an object of no more than so many; `None` where it is not there, or larger.
    fn get(&self, name: Name, at_most: u64) -> Result<Option<Bytes>, Unread>;

    /// Adds an object: a blob unless it is there, a record in place of a former one.
    fn put(&self, name: Name, bytes: Bytes) -> Result<(), String>;
}

/// What an object is called by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    Blob(Sha256),
    /// The record of a key.
    Record(RecordKind, Sha256),
}

/// Why an object could not be had.
enum Unread {
    /// What is there is not an object.
    Unfit(String),
    OutOfReach(String),
}

#[derive(Default)]
struct Troubles {
    /// Why nothing more is asked.
    down: Option<String>,
    refused: Vec<String>,
    unwritten: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(
        "`{0}` is no URL of a remote store: write `s3://`, `gs://` or `az://` and a bucket, `oci://` and a repository, \
         `file://`, or `https://`"
    )]
    Scheme(String),
    #[error("the remote store `{url}` cannot be used: {reason}")]
    Setup { url: String, reason: String },
}

impl Remote {
    /// `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///directory`, `https://…`. Nothing is asked yet.
    ///
    /// What the environment says is for clouds; `authorization` is for a server of HTTP.
    pub fn in_bucket(
        url: &Url,
        authorization: Option<HeaderValue>,
        trust: Trust,
        access: Access,
    ) -> Result<Self, RemoteError> {
        let (shown, rest) = shown(url);
        if rest.is_some() {
            let reason =
                "nothing may follow `?` or `#`: a SAS has its place in `AZURE_STORAGE_SAS_TOKEN`".to_owned();
            return Err(RemoteError::Setup { url: shown, reason });
        }
        let objects = Objects::open(url, &shown, authorization)?;
        Ok(Self { shown, place: Box::new(objects), trust, access, troubles: Mutex::default() })
    }

    /// In a repository of a registry, which is for this alone. Nothing is asked yet.
    #[must_use]
    pub fn in_registry(
        registry: Registry,
        repository: &reference::Repository,
        trust: Trust,
        access: Access,
    ) -> Self {
        let place = Box::new(Repository::new(registry, repository.path.clone()));
        Self { shown: format!("oci://{repository}"), place, trust, access, troubles: Mutex::default() }
    }

    /// Whether asking it makes no connection.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.place.is_local()
    }

    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    /// Bytes that may be those of a blob.
    pub(super) fn blob(&self, digest: Sha256, at_most: u64) -> Option<Bytes> {
        self.get(Name::Blob(digest), at_most)
    }

    /// The record of a key, if somebody who is trusted signed that it is.
    pub(super) fn record(&self, kind: RecordKind, key: Sha256) -> Option<Bytes> {
        let signer = self.trust.signer.as_ref().map(|signer| signer.public_key());
        let trusted = self.trust.public_key.as_ref().or(signer)?;
        let name = Name::Record(kind, key);
        let object = self.get(name, RECORD_LIMIT)?;
        let verified = || {
            let end = memchr::memchr(b'\n', &object)?;
            let envelope: Envelope = serde_json::from_slice(&object[..end]).ok()?;
            let value = object.slice(end + 1..);
            let is_ours = envelope.payload_type == STATEMENT
                && envelope.verified(trusted).ok()? == statement(kind, key, &value);
            is_ours.then_some(value)
        };
        let verified = verified();
        if verified.is_none() {
            self.refuse(name, "no key that is trusted signed it");
        }
        verified
    }

    /// Adds a blob, where it is not there.
    pub(super) fn put_blob(&self, digest: Sha256, bytes: Bytes) {
        self.put(Name::Blob(digest), bytes);
    }

    /// Puts the record of a key, signed; nothing where there is no key to sign with.
    pub(super) fn put_record(&self, kind: RecordKind, key: Sha256, value: &[u8]) -> Result<(), SigningError> {
        let Some(signer) = &self.trust.signer else { return Ok(()) };
        let envelope = Envelope::sign(STATEMENT, statement(kind, key, value), signer.as_ref())?;
        let mut object = serde_json::to_vec(&envelope).expect("an envelope is plain data");
        object.push(b'\n');
        object.extend_from_slice(value);
        self.put(Name::Record(kind, key), object.into());
        Ok(())
    }

    /// Whether records can be given to others.
    pub(super) fn signs(&self) -> bool {
        self.trust.signer.is_some()
    }

    /// Notes that something in it is not what it should be.
    pub(super) fn refuse(&self, name: Name, why: &str) {
        self.troubles().refused.push(format!("{name}: {why}"));
    }

    /// What went wrong, to be told to people, once.
    #[must_use]
    pub fn take_troubles(&self) -> Vec<String> {
        let Troubles { down, mut refused, unwritten } = std::mem::take(&mut *self.troubles());
        let mut told = Vec::new();
        if let Some(why) = down {
            told.push(format!("the remote store `{}` is left aside: {why}", self.shown));
        }
        refused.sort();
        told.extend(
            refused
                .iter()
                .map(|what| format!("of the remote store `{}`, this is refused: {what}", self.shown)),
        );
        told.extend(unwritten.map(|why| {
            format!(
                "could not add to the remote store `{}`: {why} (with `--remote-store-read-only`, nothing is added)",
                self.shown
            )
        }));
        told
    }

    fn get(&self, name: Name, at_most: u64) -> Option<Bytes> {
        if self.troubles().down.is_some() {
            return None;
        }
        match self.place.get(name, at_most) {
            Ok(found) => return found,
            Err(Unread::Unfit(why)) => self.refuse(name, &why),
            Err(Unread::OutOfReach(why)) => drop(self.troubles().down.get_or_insert(why)),
        }
        None
    }

    fn put(&self, name: Name, bytes: Bytes) {
        let is_hopeless = {
            let troubles = self.troubles();
            troubles.down.is_some() || troubles.unwritten.is_some()
        };
        if is_hopeless || !self.is_writable() {
            return;
        }
        if let Err(why) = self.place.put(name, bytes) {
            self.troubles().unwritten.get_or_insert(why);
        }
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &self.shown)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// A URL as it may be shown, and what of it may hold a login. What stands for a user in
/// `abfss://container@account.dfs.core.windows.net` is none.
fn shown(url: &Url) -> (String, Option<&str>) {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let is_container = matches!(url.scheme(), "abfs" | "abfss") && url.password().is_none();
    let shown = if is_container { bare.to_string() } else { Shown(&bare).to_string() };
    (shown, url.query().or(url.fragment()))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => write!(f, "blobs/sha256/{digest}"),
            Self::Record(kind, key) => write!(f, "records/{}/{key}", kind.name()),
        }
    }
}

/// The repository of `oci://registry.example.org/base/cache`, as helm and flux write it; `None` for a URL of another
/// scheme.
pub fn repository(url: &Url) -> Result<Option<reference::Repository>, RemoteError> {
    if url.scheme() != "oci" {
        return Ok(None);
    }
    let (shown, rest) = shown(url);
    let unfit = |reason: String| RemoteError::Setup { url: shown, reason };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unfit("a login has no place in it: `docker login` or `podman login` keeps one".into()));
    }
    let path = url.path().trim_matches('/');
    if path.is_empty() {
        return Err(unfit("name a repository too, as in `oci://registry.example.org/base/cache`".into()));
    }
    if rest.is_some() {
        return Err(unfit("nothing may follow `?` or `#`".into()));
    }
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let parsed = host.parse().and_then(|host| Ok(reference::Repository { host, path: path.parse()? }));
    parsed.map(Some).map_err(|error| unfit(error.to_string()))
}

/// What is signed of a record.
fn statement(kind: RecordKind, key: Sha256, value: &[u8]) -> Vec<u8> {
    format!("{} {key} {}\n", kind.name(), Sha256::of(value)).into_bytes()
}
