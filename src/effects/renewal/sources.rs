//! The source packages of a lock, looked up in the indexes of its suites.

use std::collections::BTreeSet;

use super::{Extent, FetchedSuite, Offer, Renewable, RenewalError, unreadable};
use crate::cause::in_one_line;
use crate::debian::Source;
use crate::digest::Sha256;
use crate::effects::archive::ArchiveError;
use crate::effects::suites::{SignedSuite, SuiteError, read_sources};
use crate::lock::Lock;
use crate::lock::sources::Search;

/// Source packages that the lock does not pin, though their archives publish sources, and why indexes of them could
/// not be read.
#[derive(Debug, Default)]
pub struct Unpinned {
    pub sources: BTreeSet<Source>,
    pub why: BTreeSet<String>,
}

impl Offer<'_> {
    /// The lock with its source packages. The states of suites that packages were taken from are asked first, then
    /// the others that this renewal has, then the older lock: what they lack is no reason not to lock.
    pub(super) fn with_sources(
        &self,
        lock: Lock,
        release: &Renewable<'_>,
        suites: &[FetchedSuite<'_>],
    ) -> Result<(Lock, Unpinned), RenewalError> {
        let held = match release.extent {
            Extent::Everything => None,
            Extent::Asked { old, .. } => Some(old),
        };
        let mut search = Search::new(&lock, held);
        let mut unpinned = Unpinned::default();
        let taken = taken(&lock);
        let states = suites.iter().flat_map(|suite| suite.states().map(move |signed| (suite, signed)));
        let (mut states, others): (Vec<_>, Vec<_>) =
            states.partition(|(_, signed)| taken.contains(&signed.in_release()));
        let needed = states.len();
        states.extend(others);
        for (at, (suite, signed)) in states.into_iter().enumerate() {
            if at >= needed && search.is_over() {
                break;
            }
            match self.search(&mut search, suite, signed) {
                Ok(()) => {}
                Err(error @ (SuiteError::Store(_) | SuiteError::Archive(ArchiveError::Store(_)))) => {
                    return Err(unreadable(suite.suite, error));
                }
                Err(error) => drop(unpinned.why.insert(error.to_string())),
            }
        }
        if let Some(old) = release.locked {
            search.recall(old, release.trust.release);
        }
        unpinned.why.extend(search.faults.iter().map(|fault| in_one_line(fault)));
        unpinned.sources = search.missing(|archive| {
            let of_archive = suites.iter().filter(|suite| suite.suite.archive == *archive);
            of_archive
                .flat_map(|suite| suite.states().map(move |signed| signed.sources(suite.suite)))
                .any(|mut indexes| indexes.next().is_some())
        });
        Ok((lock.with_sources(search), unpinned))
    }

    fn search(
        &self,
        search: &mut Search<'_>,
        suite: &FetchedSuite<'_>,
        signed: &SignedSuite,
    ) -> Result<(), SuiteError> {
        for index in signed.sources(suite.suite) {
            signed.fetch_index(suite.archive, &index)?;
            let state = signed.locked(suite.suite, std::iter::once(index.clone()));
            // One text after the other on the threads that unpack, as with packages.
            rayon::scope(|_| {
                let read = read_sources(self.store, index.path.as_str(), index.compressed.sha256)?;
                search.look_into(&read, suite.suite, &state);
                Ok::<_, SuiteError>(())
            })?;
        }
        Ok(())
    }
}

impl FetchedSuite<'_> {
    /// The states of the suite that are at hand, the current one first.
    fn states(&self) -> impl Iterator<Item = &SignedSuite> {
        let other = self.other.get().and_then(|other| other.as_ref().ok());
        std::iter::once(&self.signed).chain(other)
    }
}

/// The InRelease files of the states of suites that packages are pinned from.
fn taken(lock: &Lock) -> BTreeSet<Sha256> {
    let pins = lock.pins.values().flatten();
    pins.filter_map(|(on, pin)| Some(lock.suite_of(pin, on)?.in_release)).collect()
}
