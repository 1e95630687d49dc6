//! A release as the archive offers it now, or offered it once → a lock.
//!
//! Suites, releases and architectures are read side by side. Servers are waited for in threads of their own;
//! unpacking and resolving runs on as many as there are cores, which also bounds how many
//! indexes are in memory.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::archive::{Archive, ArchiveError, Network, Unavailable};
use super::http::Http;
use super::mirrors::{Mirrors, snapshot_time};
use super::progress::Progress;
use super::store::Store;
use super::suites::{SignedSuite, SuiteError, Trust, read_index};
use super::tarballs::{Obtained, Signers, TarballError};
use crate::catalog::name::{ArchiveName, ReleaseName, TarballName};
use crate::catalog::{Catalog, Suite};
use crate::debian::{Architecture, InvalidStanza};
use crate::lock::Lock;
use crate::lock::renew::{RenewError, Renewal, Resolved, renew, resolve_images};
use crate::resolve::{Suite as Offered, Universe};

/// Where suites are read from.
pub struct Offer<'a> {
    pub mirrors: &'a Mirrors<'a>,
    pub store: &'a Store,
    pub http: &'a Http,
    pub progress: &'a dyn Progress,
    /// The time that the snapshot service is asked for; `None` for the archive as it is.
    pub snapshot: Option<&'a str>,
    pub now: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    #[error("could not read the suite `{suite}`")]
    Suite { suite: String, source: SuiteError },
    #[error("an index for {architecture} cannot be used")]
    Index { architecture: Architecture, source: InvalidStanza },
    #[error("{first}: {}\nnor in its state as `{name}`: {why}", first.cause())]
    OtherName { name: String, why: String, first: Box<Self> },
    #[error(transparent)]
    Tarball(#[from] TarballError),
    #[error(transparent)]
    Resolve(#[from] RenewError),
}

impl RenewalError {
    /// Whether another place would help: those that were asked did not have a file, or were not there.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Suite { source: SuiteError::Archive(ArchiveError::Unavailable(file)), .. } => {
                file.is_absent()
            }
            Self::OtherName { first, .. } => first.is_unavailable(),
            _ => false,
        }
    }

    fn cause(&self) -> String {
        std::error::Error::source(self).map(ToString::to_string).unwrap_or_default()
    }
}

/// A release to be locked anew.
pub struct Renewable<'a> {
    pub name: &'a ReleaseName,
    pub trust: Trust<'a>,
    /// What is locked now.
    pub locked: Option<&'a Lock>,
    pub unobtainable: Unobtainable<'a>,
}

/// What becomes of an architecture whose indexes cannot be had: a mirror in the middle of its update, or one
/// that carries a part of the archive.
pub enum Unobtainable<'a> {
    /// Nothing is locked.
    Fails,
    /// It stays as an older lock has it, unless it is one of those that must be renewed.
    Stays { old: &'a Lock, except: &'a [Architecture] },
}

/// A renewal, and the architectures that stay as they were, each with the reason.
pub struct Renewed {
    pub renewal: Renewal,
    pub kept: Vec<(Architecture, RenewalError)>,
    /// Tarballs that could not be had. The lock is without the images that hold them.
    pub missing: BTreeMap<TarballName, Unavailable>,
}

impl Offer<'_> {
    /// Makes new locks of releases, in their order.
    pub fn renew_all(
        &self,
        catalog: &Catalog,
        releases: &[Renewable<'_>],
    ) -> Vec<Result<Renewed, RenewalError>> {
        side_by_side(releases, |release| self.renew(catalog, release))
    }

    fn renew(&self, catalog: &Catalog, release: &Renewable<'_>) -> Result<Renewed, RenewalError> {
        let Renewable { name, trust, locked, unobtainable } = release;
        let suites = &trust.release.suites;
        let archives: BTreeMap<_, _> =
            suites.iter().map(|suite| (&suite.archive, self.archive(&suite.archive, trust.at))).collect();
        let suites =
            side_by_side(suites, |suite| FetchedSuite::new(&archives[&suite.archive], suite, *trust));
        let suites = suites.into_iter().collect::<Result<Vec<_>, RenewalError>>()?;
        let architectures = &trust.release.architectures;
        let resolve = |architecture, state| self.resolve(catalog, name, &suites, (architecture, state));
        let attempts = side_by_side(architectures, |architecture| resolve(architecture, State::Current));
        // An index that one architecture lacks may be that of another, which has it in the store by now.
        let lacking: Vec<_> =
            architectures.iter().zip(&attempts).filter(|(_, attempt)| attempt.is_err()).collect();
        let mut retried =
            side_by_side(&lacking, |(architecture, _)| resolve(architecture, State::Any)).into_iter();
        let attempts =
            attempts.into_iter().map(|attempt| attempt.or_else(|error| retried.next().unwrap_or(Err(error))));
        let mut kept = Vec::new();
        let mut resolved = Vec::new();
        for (architecture, attempt) in architectures.iter().zip(attempts) {
            match (attempt, unobtainable) {
                (Ok(on), _) => resolved.push(on),
                (Err(error), Unobtainable::Stays { old, except }) if !except.contains(architecture) => {
                    match Resolved::kept(catalog, old, architecture) {
                        None => return Err(error),
                        Some(on) => resolved.push(on),
                    }
                    kept.push((architecture.clone(), error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        let snapshot = self.snapshot.map(str::to_owned);
        let signers = Signers { keyring: trust.keyring, now: self.now };
        let Obtained { locked, missing } = self.tarballs(catalog, (name, trust.release), signers, *locked)?;
        let mut renewal = renew(catalog, name, snapshot, resolved)?;
        renewal.lock = renewal.lock.with_tarballs(locked, missing.keys().cloned().collect());
        Ok(Renewed { renewal, kept, missing })
    }

    /// An archive as it is, or was. A machine that knows no mirror asks the snapshot service for its latest.
    fn archive(&self, archive: &ArchiveName, at: Timestamp) -> Archive<'_> {
        let mut bases = if self.snapshot.is_some() { Vec::new() } else { self.mirrors.live(archive) };
        if bases.is_empty() {
            let now = snapshot_time(at);
            bases.extend(self.mirrors.snapshot(archive, self.snapshot.unwrap_or(&now)));
        }
        Archive::new(self.http, self.store, bases, Network::Allowed, self.progress)
    }

    fn resolve(
        &self,
        catalog: &Catalog,
        release: &ReleaseName,
        suites: &[FetchedSuite<'_>],
        (architecture, state): (&Architecture, State),
    ) -> Result<Resolved, RenewalError> {
        let mut locked = Vec::new();
        let mut files = Vec::new();
        for fetched in suites {
            let signed = fetched.state_for(architecture, state)?;
            locked.push(signed.locked(fetched.suite, architecture));
            files.extend(signed.indexes(fetched.suite, architecture).map(|file| (fetched.suite, file)));
        }
        // Not on the threads that wait for servers, but on one of as many as there are cores.
        rayon::scope(|_| {
            let indexes = files.iter().map(|(suite, file)| {
                let mut index = read_index(self.store, file).map_err(|source| unreadable(suite, source))?;
                index.retain(|name| suite.admits(name));
                Ok((suite.name.as_str(), index))
            });
            let indexes = indexes.collect::<Result<Vec<_>, RenewalError>>()?;
            let offered: Vec<_> = indexes.iter().map(|(label, index)| Offered { label, index }).collect();
            let origins: Vec<_> = files.iter().map(|(suite, _)| *suite).collect();
            let resolved = Universe::new(architecture, &offered)
                .and_then(|universe| resolve_images(catalog, release, locked, &universe, &origins));
            resolved.map_err(|source| RenewalError::Index { architecture: architecture.clone(), source })
        })
    }
}

/// Which states of a suite will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Current,
    /// The current one, or that which stands under the suite's other name.
    Any,
}

/// A suite, and its other state where the mirror has one and it is asked for.
struct FetchedSuite<'a> {
    archive: &'a Archive<'a>,
    suite: &'a Suite,
    trust: Trust<'a>,
    signed: SignedSuite,
    other: OnceLock<Result<SignedSuite, String>>,
}

impl<'a> FetchedSuite<'a> {
    fn new(archive: &'a Archive<'a>, suite: &'a Suite, trust: Trust<'a>) -> Result<Self, RenewalError> {
        let signed = SignedSuite::fetch(archive, suite, &suite.name, trust);
        let signed = signed.map_err(|source| unreadable(suite, source))?;
        Ok(Self { archive, suite, trust, signed, other: OnceLock::new() })
    }

    /// The state of the suite whose indexes for an architecture can be had, which are then in the store.
    ///
    /// Mirrors that are filled piece by piece may have the indexes of some architectures only in an older
    /// state, which then stands, signed too, under the suite's other name (`stable-security`).
    fn state_for(&self, architecture: &Architecture, state: State) -> Result<&SignedSuite, RenewalError> {
        let Err(error) = self.fetch_indexes(&self.signed, architecture) else {
            return Ok(&self.signed);
        };
        let error = unreadable(self.suite, error);
        if state == State::Current {
            return Err(error);
        }
        let Some(name) = self.signed.other_name() else { return Err(error) };
        let fetch = || {
            let other = SignedSuite::fetch(self.archive, self.suite, name, self.trust);
            other.map_err(|error| error.to_string())
        };
        let why = match self.other.get_or_init(fetch) {
            Ok(other) => match self.fetch_indexes(other, architecture) {
                Ok(()) => return Ok(other),
                Err(error) => error.to_string(),
            },
            Err(why) => why.clone(),
        };
        Err(RenewalError::OtherName { name: name.to_owned(), why, first: Box::new(error) })
    }

    fn fetch_indexes(&self, signed: &SignedSuite, architecture: &Architecture) -> Result<(), SuiteError> {
        let mut indexes = signed.indexes(self.suite, architecture);
        indexes.try_for_each(|index| signed.fetch_index(self.archive, &index))
    }
}

fn unreadable(suite: &Suite, source: SuiteError) -> RenewalError {
    RenewalError::Suite { suite: suite.name.clone(), source }
}

/// What becomes of each item, in their order, each in a thread of its own.
pub(super) fn side_by_side<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    std::thread::scope(|threads| {
        let started: Vec<_> = items.iter().map(|item| threads.spawn(|| work(item))).collect();
        let finished = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        finished.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
