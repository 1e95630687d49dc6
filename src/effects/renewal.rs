//! A release as the archive offers it now, or offered it once → a lock.
//!
//! Suites, releases and architectures are read side by side. Servers are waited for in threads of their own;
//! unpacking and resolving runs on as many as there are cores, which also bounds how many
//! indexes are in memory.

use std::collections::BTreeMap;

use super::archive::{Archive, Network};
use super::http::Http;
use super::mirrors::Mirrors;
use super::progress::Progress;
use super::store::Store;
use super::suites::{SignedSuite, SuiteError, Trust, fetch_index, read_index};
use crate::catalog::name::{ArchiveName, ReleaseName};
use crate::catalog::{Catalog, Suite};
use crate::debian::{Architecture, InvalidStanza};
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
}

#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    #[error("could not read the suite `{suite}`")]
    Suite { suite: String, source: SuiteError },
    #[error("an index for {architecture} cannot be used")]
    Index { architecture: Architecture, source: InvalidStanza },
    #[error(transparent)]
    Resolve(#[from] RenewError),
}

impl Offer<'_> {
    /// Makes new locks of releases, in their order.
    pub fn renew_all(
        &self,
        catalog: &Catalog,
        releases: &[(&ReleaseName, Trust<'_>)],
    ) -> Vec<Result<Renewal, RenewalError>> {
        side_by_side(releases, |(name, trust)| self.renew(catalog, name, *trust))
    }

    fn renew(
        &self,
        catalog: &Catalog,
        name: &ReleaseName,
        trust: Trust<'_>,
    ) -> Result<Renewal, RenewalError> {
        let release = trust.release;
        let archives = release.suites.iter().map(|suite| &suite.archive);
        let archives: BTreeMap<_, _> = archives.map(|archive| (archive, self.archive(archive))).collect();
        let suites = side_by_side(&release.suites, |suite| {
            let signed = SignedSuite::fetch(&archives[&suite.archive], suite, trust);
            let signed =
                signed.map_err(|source| RenewalError::Suite { suite: suite.name.clone(), source })?;
            Ok(FetchedSuite { archive: &archives[&suite.archive], suite, signed })
        });
        let suites = suites.into_iter().collect::<Result<Vec<_>, RenewalError>>()?;
        let resolved = side_by_side(&release.architectures, |architecture| {
            self.resolve(catalog, name, &release.components, &suites, architecture)
        });
        let resolved = resolved.into_iter().collect::<Result<Vec<_>, _>>()?;
        let locked = suites
            .iter()
            .map(|fetched| fetched.signed.locked(fetched.suite, &release.components, &release.architectures));
        let snapshot = self.snapshot.map(str::to_owned);
        Ok(renew(catalog, name, snapshot, locked.collect(), resolved)?)
    }

    fn archive(&self, archive: &ArchiveName) -> Archive<'_> {
        let bases = match self.snapshot {
            Some(time) => self.mirrors.snapshot(archive, time).into_iter().collect(),
            None => self.mirrors.live(archive),
        };
        Archive::new(self.http, self.store, bases, Network::Allowed, self.progress)
    }

    fn resolve(
        &self,
        catalog: &Catalog,
        release: &ReleaseName,
        components: &[String],
        suites: &[FetchedSuite<'_>],
        architecture: &Architecture,
    ) -> Result<Resolved, RenewalError> {
        let mut files = Vec::new();
        for FetchedSuite { archive, suite, signed } in suites {
            for file in signed.indexes(components, architecture) {
                fetch_index(archive, suite, &file).map_err(|source| unreadable(suite, source))?;
                files.push((*suite, file));
            }
        }
        // Not on the threads that wait for servers, but on one of as many as there are cores.
        rayon::scope(|_| {
            let indexes = files.iter().map(|(suite, file)| {
                let index = read_index(self.store, file).map_err(|source| unreadable(suite, source))?;
                Ok((suite.name.as_str(), index))
            });
            let indexes = indexes.collect::<Result<Vec<_>, RenewalError>>()?;
            let offered: Vec<_> = indexes.iter().map(|(label, index)| Offered { label, index }).collect();
            let resolved = Universe::new(architecture, &offered)
                .and_then(|universe| resolve_images(catalog, release, &universe));
            resolved.map_err(|source| RenewalError::Index { architecture: architecture.clone(), source })
        })
    }
}

struct FetchedSuite<'a> {
    archive: &'a Archive<'a>,
    suite: &'a Suite,
    signed: SignedSuite,
}

fn unreadable(suite: &Suite, source: SuiteError) -> RenewalError {
    RenewalError::Suite { suite: suite.name.clone(), source }
}

/// What becomes of each item, in their order, each in a thread of its own.
fn side_by_side<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    std::thread::scope(|threads| {
        let started: Vec<_> = items.iter().map(|item| threads.spawn(|| work(item))).collect();
        let finished = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        finished.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
