//! A release as the archive offers it now, or offered it once → a lock.
//!
//! Suites, releases and architectures are read side by side. Servers are waited for in threads of their own;
//! unpacking and resolving runs on as many as there are cores, which also bounds how many
//! indexes are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

mod sources;

use jiff::Timestamp;

use super::archive::{Archive, ArchiveError, Network, Unavailable};
use super::http::Http;
use super::mirrors::{Mirrors, snapshot_time};
use super::progress::Progress;
use super::store::Store;
use super::suites::{SignedSuite, SuiteError, Trust, read_packages};
use super::tarballs::{Obtained, Signers, TarballError};
use crate::catalog::name::{ArchiveName, ReleaseName, TarballName};
use crate::catalog::{Catalog, Suite};
use crate::debian::{Architecture, InvalidStanza, PackageName, Version};
use crate::lock::hold::{Asked, Held};
use crate::lock::renew::{RenewError, Renewal, Resolved, Suites, renew, resolve_images};
use crate::lock::{Lock, LockedSuite};
use crate::resolve::{NEVER, Policy, PolicyError, Suite as Offered, Unfit, Universe};

pub use sources::Unpinned;

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
    #[error("a pin of the catalog fits nothing on {architecture} (its reason: {reason})")]
    Unfit { source: Box<Unfit>, reason: String, architecture: Architecture },
    #[error(
        "{} is locked on {architecture}, no suite has it any more, and the index that it was locked from cannot be had",
        versions(.gone)
    )]
    Gone { gone: Vec<(PackageName, Version)>, architecture: Architecture, source: SuiteError },
    #[error("{} is locked on {architecture}, and neither today's indexes nor those that it was locked from have it", versions(.gone))]
    Lost { gone: Vec<(PackageName, Version)>, architecture: Architecture },
    #[error(transparent)]
    Tarball(#[from] TarballError),
    #[error(transparent)]
    Resolve(#[from] RenewError),
}

fn versions(gone: &[(PackageName, Version)]) -> String {
    gone.iter().map(|(name, version)| format!("`{name}` {version}")).collect::<Vec<_>>().join(", ")
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

    /// Packages that were to stay as they are locked, and cannot.
    #[must_use]
    pub fn gone(&self) -> &[(PackageName, Version)] {
        match self {
            Self::Gone { gone, .. } | Self::Lost { gone, .. } => gone,
            _ => &[],
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
    pub extent: Extent<'a>,
}

/// How much of a release is locked anew.
#[derive(Clone, Copy)]
pub enum Extent<'a> {
    Everything,
    /// Only what is asked for, and what that forces.
    Asked {
        old: &'a Lock,
        asked: &'a Asked,
    },
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
    pub unpinned: Unpinned,
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
        let Renewable { name, trust, locked, unobtainable, .. } = release;
        let suites = &trust.release.suites;
        let archives: BTreeMap<_, _> =
            suites.iter().map(|suite| (&suite.archive, self.archive(&suite.archive, trust.at))).collect();
        let suites =
            side_by_side(suites, |suite| FetchedSuite::new(&archives[&suite.archive], suite, *trust));
        let suites = suites.into_iter().collect::<Result<Vec<_>, RenewalError>>()?;
        let architectures = &trust.release.architectures;
        let resolve = |architecture, state| self.resolve(catalog, release, &suites, (architecture, state));
        let attempts = side_by_side(architectures, |architecture| resolve(architecture, State::Current));
        // An index that one architecture lacks may be that of another, which has it in the store by now.
        let lacking: Vec<_> =
            architectures.iter().zip(&attempts).filter(|(_, attempt)| attempt.is_err()).collect();
        let mut retried =
            side_by_side(&lacking, |(architecture, _)| resolve(architecture, State::Any)).into_iter();
        let attempts =
            attempts.into_iter().map(|attempt| attempt.or_else(|error| retried.next().unwrap_or(Err(error))));
        let signers = Signers { keyring: trust.keyring, now: self.now };
        let Obtained { locked, missing } = self.tarballs(catalog, (name, trust.release), signers, *locked)?;
        let without: BTreeSet<_> = missing.keys().cloned().collect();
        let mut kept = Vec::new();
        let mut resolved = Vec::new();
        for (architecture, attempt) in architectures.iter().zip(attempts) {
            match (attempt, unobtainable) {
                (Ok(on), _) => resolved.push(on),
                (Err(error), Unobtainable::Stays { old, except }) if !except.contains(architecture) => {
                    match Resolved::kept(catalog, old, architecture, &without) {
                        None => return Err(error),
                        Some(on) => resolved.push(on),
                    }
                    kept.push((architecture.clone(), error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        let snapshot = self.snapshot.map(str::to_owned);
        let mut renewal = renew(catalog, name, snapshot, resolved)?;
        let lock = renewal.lock.with_tarballs(locked, without);
        let unpinned;
        (renewal.lock, unpinned) = self.with_sources(lock, release, &suites)?;
        Ok(Renewed { renewal, kept, missing, unpinned })
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
        release: &Renewable<'_>,
        suites: &[FetchedSuite<'_>],
        (architecture, state): (&Architecture, State),
    ) -> Result<Resolved, RenewalError> {
        let states = suites.iter().map(|fetched| {
            let signed = fetched.state_for(architecture, state)?;
            let indexes = signed.indexes(fetched.suite, architecture);
            Ok((signed.locked(fetched.suite, indexes), signed.priority()))
        });
        let states: Vec<(LockedSuite, i16)> = states.collect::<Result<_, RenewalError>>()?;
        let (current, priorities): (Vec<_>, Vec<_>) = states.into_iter().unzip();
        let images = catalog.images_of(release.name).chain(catalog.bases_of(release.name));
        let left_out: BTreeSet<_> = images.flat_map(|image| image.leave_out.keys().cloned()).collect();
        let extent = match release.extent {
            Extent::Everything => None,
            Extent::Asked { old, asked } => Some(Held { old, asked, architecture, left_out: &left_out }),
        };
        let work = Work { offer: self, catalog, release, architecture, priorities: &priorities, extent };
        // Not on the threads that wait for servers, but on one of as many as there are cores.
        let suites = Suites { current, older: Vec::new() };
        match rayon::scope(|_| work.resolve(suites))? {
            Step::Resolved(resolved) => Ok(resolved),
            Step::Fetch { suites, gone } => {
                for suite in &suites.older {
                    let fetched = work.fetch_older(suite);
                    fetched.map_err(|source| RenewalError::Gone {
                        gone: gone.clone(),
                        architecture: architecture.clone(),
                        source,
                    })?;
                }
                match rayon::scope(|_| work.resolve(suites))? {
                    Step::Resolved(resolved) => Ok(resolved),
                    Step::Fetch { gone, .. } => {
                        Err(RenewalError::Lost { gone, architecture: architecture.clone() })
                    }
                }
            }
        }
    }
}

/// The resolving of a release on one architecture.
struct Work<'a> {
    offer: &'a Offer<'a>,
    catalog: &'a Catalog,
    release: &'a Renewable<'a>,
    architecture: &'a Architecture,
    /// Of the current states of suites.
    priorities: &'a [i16],
    /// What stays as it is; `None` where nothing does.
    extent: Option<Held<'a>>,
}

enum Step {
    Resolved(Resolved),
    /// Older states of suites have to be fetched first, for packages that the current ones no longer have.
    Fetch {
        suites: Suites,
        gone: Vec<(PackageName, Version)>,
    },
}

impl Work<'_> {
    fn resolve(&self, suites: Suites) -> Result<Step, RenewalError> {
        let indexes = suites.indexes().map(|(suite, path, digest)| {
            let index = read_packages(self.offer.store, path, digest);
            let mut index =
                index.map_err(|source| RenewalError::Suite { suite: suite.name.clone(), source })?;
            if let Some(defined) = self.release.trust.release.suite(&suite.archive, &suite.name)
                && defined.only.is_some()
            {
                index.retain(|name| defined.admits(name));
            }
            Ok((suite.name.as_str(), index))
        });
        let indexes = indexes.collect::<Result<Vec<_>, RenewalError>>()?;
        let offered: Vec<_> = indexes.iter().map(|(label, index)| Offered { label, index }).collect();
        let mut policy = self.policy(&suites);
        let universe = match &self.extent {
            None => Universe::select(self.architecture, &offered, &policy),
            Some(held) => {
                policy.holds = held.holds(&offered).map_err(|error| self.invalid(error))?;
                let missing = held.missing(&policy.holds, &offered).map_err(|error| self.invalid(error))?;
                if !missing.is_empty() {
                    let (suites, gone) =
                        (Suites { older: held.states_of(&missing), ..suites.clone() }, missing);
                    return Ok(Step::Fetch { suites, gone });
                }
                held.settle(&offered, policy)
            }
        };
        let resolved = universe.map_err(|error| self.refused(error)).and_then(|universe| {
            let resolved = resolve_images(self.catalog, self.release.name, suites.clone(), &universe);
            resolved.map_err(|error| self.invalid(error))
        });
        resolved.map(Step::Resolved)
    }

    /// Of states that are no longer current only what is held counts.
    fn policy(&self, suites: &Suites) -> Policy {
        let current = suites.current.iter().zip(self.priorities);
        let current = current.flat_map(|(suite, priority)| vec![*priority; suite.indexes.len()]);
        let older = suites.older.iter().flat_map(|suite| vec![NEVER; suite.indexes.len()]);
        let preferences = self.release.trust.release.pins.iter();
        Policy {
            priorities: current.chain(older).collect(),
            preferences: preferences
                .map(|(subject, pin)| (subject.clone(), pin.preference.clone()))
                .collect(),
            holds: BTreeMap::new(),
        }
    }

    fn fetch_older(&self, suite: &LockedSuite) -> Result<(), SuiteError> {
        let Extent::Asked { old, .. } = self.release.extent else { return Ok(()) };
        let Offer { mirrors, store, http, progress, .. } = self.offer;
        let locked = old.suites.iter().find(|locked| locked.in_release == suite.in_release);
        let bases = mirrors.of_locked(old, locked.unwrap_or(suite));
        let archive = Archive::new(http, store, bases, Network::Allowed, *progress);
        for (_, file) in suite.index_files(self.architecture) {
            archive.locked(&file)?;
        }
        Ok(())
    }

    fn refused(&self, error: PolicyError) -> RenewalError {
        match error {
            PolicyError::Stanza(error) => self.invalid(error),
            PolicyError::Unfit(source) => {
                let pinned = self.release.trust.release.pins.get(&source.subject);
                let reason = pinned.map(|pinned| pinned.reason.clone()).unwrap_or_default();
                RenewalError::Unfit {
                    source: Box::new(source),
                    reason,
                    architecture: self.architecture.clone(),
                }
            }
        }
    }

    fn invalid(&self, source: InvalidStanza) -> RenewalError {
        RenewalError::Index { architecture: self.architecture.clone(), source }
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
