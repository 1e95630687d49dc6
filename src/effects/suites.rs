//! Suites of an archive: InRelease → signature → dates → indexes.

use jiff::{SignedDuration, Timestamp};

use super::archive::{Archive, ArchiveError, Named};
use super::store::{RecordKind, Store, StoreError};
use crate::catalog::{Release as CatalogRelease, Suite};
use crate::debian::signed::{Fingerprint, Keyring, SignatureError, verify};
use crate::debian::{
    Architecture, Compression, IndexFile, InvalidIndex, InvalidRelease, PackagesIndex, Release, SourcesIndex,
    UnpackError,
};
use crate::digest::Sha256;
use crate::lock::LockedSuite;

/// Indexes as they are read again: condensed, and compressed anew because unxz takes eight times as long.
pub(super) const PACKAGES: RecordKind = RecordKind::new("packages-zstd-4");
pub(super) const SOURCES: RecordKind = RecordKind::new("sources-zstd-1");

/// Fast, and the same on every architecture; only this store reads it.
const INDEX_LEVEL: i32 = 1;

/// The most that an index may unpack to, in bytes. Debian's largest has 57 MB.
const INDEX_LIMIT: u64 = 1 << 30;

/// How far a clock may be behind the archive's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// By whom a suite must be signed, and for when it must be valid.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    pub keyring: &'a Keyring,
    pub release: &'a CatalogRelease,
    /// Now; or, for a snapshot, its time.
    pub at: Timestamp,
    pub valid_until: ValidUntil,
}

/// Whether a suite may be past its Valid-Until.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidUntil {
    Checked,
    /// For a snapshot of the past, or a mirror that is frozen on purpose.
    Ignored,
}

/// A suite whose InRelease file is signed as it must be.
#[derive(Debug)]
pub struct SignedSuite {
    /// The name by which it was fetched.
    name: String,
    in_release: Sha256,
    signers: Vec<Fingerprint>,
    release: Release,
}

/// Why an InRelease file is not taken from a place.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Format(#[from] InvalidRelease),
    #[error("it is of the suite `{found}`, not of `{wanted}`")]
    OtherSuite { found: String, wanted: String },
    #[error(
        "it expired on {0}: the mirror is no longer updated, or this machine's clock is wrong (--allow-expired takes it all the same)"
    )]
    Expired(Timestamp),
    #[error("it is dated {0}, in the future: is this machine's clock right?")]
    NotYet(Timestamp),
}

#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not read the index `{path}`")]
    Unpack { path: String, source: UnpackError },
    #[error("could not read the index `{path}`")]
    Index { path: String, source: InvalidIndex },
}

impl SignedSuite {
    /// Fetches and verifies the InRelease file of a suite, by one of its names: `trixie-security`, or
    /// `stable-security` as long as that is the same.
    pub fn fetch(
        archive: &Archive<'_>,
        suite: &Suite,
        name: &str,
        trust: Trust<'_>,
    ) -> Result<Self, SuiteError> {
        let check = |bytes: &[u8]| -> Result<_, Refused> {
            let signed = verify(bytes, trust.keyring, &suite.keys, trust.at)?;
            let release = signed.text.parse::<Release>()?;
            trust.check(suite, &release)?;
            Ok((signed.signers, release))
        };
        let found = archive.in_release(&format!("dists/{name}"), check)?;
        let (signers, release) = found.checked;
        Ok(Self { name: name.to_owned(), in_release: Sha256::of(&found.bytes), signers, release })
    }

    /// The other name of the suite, under which a mirror may hold another state of it.
    #[must_use]
    pub fn other_name(&self) -> Option<&str> {
        let names = [self.release.suite.as_deref(), self.release.codename.as_deref()];
        names.into_iter().flatten().find(|name| *name != self.name)
    }

    /// Sees to it that an index is in the store.
    pub fn fetch_index(&self, archive: &Archive<'_>, index: &IndexFile) -> Result<(), SuiteError> {
        let below = |path: &dyn std::fmt::Display| format!("dists/{}/{path}", self.name);
        let path = below(&index.path);
        let file = Named { path: &path, sha256: index.compressed.sha256, size: index.compressed.size };
        match &index.by_hash {
            Some(by_hash) => archive.index(&below(by_hash), file)?,
            None => archive.package(file)?,
        };
        Ok(())
    }

    /// The priority of its packages, apt_preferences(5).
    #[must_use]
    pub fn priority(&self) -> i16 {
        self.release.priority
    }

    /// The indexes of an architecture, by component. A suite may lack the architecture.
    pub fn indexes(&self, suite: &Suite, architecture: &Architecture) -> impl Iterator<Item = IndexFile> {
        let of_component = |component: &String| self.release.packages_index(component, architecture);
        suite.components.iter().filter_map(of_component).collect::<Vec<_>>().into_iter()
    }

    /// The indexes of sources, by component. An archive may have none.
    pub fn sources(&self, suite: &Suite) -> impl Iterator<Item = IndexFile> {
        let of_component = |component: &String| self.release.sources_index(component);
        suite.components.iter().filter_map(of_component).collect::<Vec<_>>().into_iter()
    }

    /// The digest of the InRelease file.
    #[must_use]
    pub fn in_release(&self) -> Sha256 {
        self.in_release
    }

    /// The suite as a lock keeps it, with some of its indexes.
    #[must_use]
    pub fn locked(&self, suite: &Suite, indexes: impl Iterator<Item = IndexFile>) -> LockedSuite {
        LockedSuite {
            name: suite.name.clone(),
            archive: suite.archive.clone(),
            date: self.release.date,
            in_release: self.in_release,
            signed_by: self.signers.clone(),
            indexes: indexes.map(|file| (file.path.to_string(), file.compressed.sha256)).collect(),
        }
    }
}

impl Trust<'_> {
    fn check(&self, suite: &Suite, release: &Release) -> Result<(), Refused> {
        let names = [&release.codename, &release.suite];
        if !names.iter().any(|name| name.as_deref() == Some(suite.name.as_str())) {
            let found = names.into_iter().flatten().next().cloned().unwrap_or_default();
            return Err(Refused::OtherSuite { found, wanted: suite.name.clone() });
        }
        if release.date > self.at.checked_add(CLOCK_SKEW).unwrap_or(self.at) {
            return Err(Refused::NotYet(release.date));
        }
        match release.valid_until {
            Some(until) if until < self.at && self.valid_until == ValidUntil::Checked => {
                Err(Refused::Expired(until))
            }
            _ => Ok(()),
        }
    }
}

/// Reads an index of packages that is in the store, by its path and its digest.
pub fn read_packages(store: &Store, path: &str, key: Sha256) -> Result<PackagesIndex, SuiteError> {
    let condense = |text| PackagesIndex::from_bytes(text).map(|index| index.condensed());
    let text = read_condensed(store, PACKAGES, (path, key), condense)?;
    PackagesIndex::from_bytes(text).map_err(|source| SuiteError::Index { path: path.to_owned(), source })
}

/// Reads an index of sources that is in the store, by its path and its digest.
pub fn read_sources(store: &Store, path: &str, key: Sha256) -> Result<SourcesIndex, SuiteError> {
    let condense = |text| SourcesIndex::from_bytes(text).map(|index| index.condensed());
    let text = read_condensed(store, SOURCES, (path, key), condense)?;
    SourcesIndex::from_bytes(text).map_err(|source| SuiteError::Index { path: path.to_owned(), source })
}

/// The condensed text of an index, which is kept.
fn read_condensed(
    store: &Store,
    kind: RecordKind,
    (path, key): (&str, Sha256),
    condense: impl FnOnce(Vec<u8>) -> Result<String, InvalidIndex>,
) -> Result<Vec<u8>, SuiteError> {
    let unpack = |source| SuiteError::Unpack { path: path.to_owned(), source };
    let invalid = |source| SuiteError::Index { path: path.to_owned(), source };
    if let Some(record) = store.record(kind, key)?
        && let Some(text) = kept_text(&record)
    {
        return Ok(text);
    }
    let packed = store.read(key)?.unwrap_or_default();
    let text = Compression::of_index(path).unpack(&packed, INDEX_LIMIT).map_err(unpack)?;
    let text = condense(text.into()).map_err(invalid)?;
    if store.access() == super::store::Access::ReadWrite
        && let Ok(record) = zstd::bulk::compress(text.as_bytes(), INDEX_LEVEL)
    {
        store.keep_record(kind, key, &record)?;
    }
    Ok(text.into_bytes())
}

/// The text that a record has. The size in it is our own, so there is no need to distrust it.
fn kept_text(record: &[u8]) -> Option<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(record).ok()??;
    zstd::bulk::decompress(record, usize::try_from(size).ok()?).ok()
}
