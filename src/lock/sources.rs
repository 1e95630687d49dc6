//! The source packages of what a lock pins.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, LockError, LockedSuite, Pin, SourcePin};
use crate::catalog::name::ArchiveName;
use crate::catalog::{Release, Suite};
use crate::debian::{Architecture, InvalidStanza, Source, SourcePackage, SourcesIndex};

/// The search for the source packages of a lock in the indexes of suites, one after the other.
#[derive(Debug)]
pub struct Search<'a> {
    /// All that are searched for, with the archives of the packages that have their code.
    wanted: BTreeMap<Source, BTreeSet<ArchiveName>>,
    found: BTreeMap<Source, Found>,
    /// The lock whose packages are held, and with them what it says of their sources.
    held: Option<&'a Lock>,
    /// Stanzas of wanted sources that cannot be read.
    pub faults: Vec<InvalidStanza>,
}

/// What an index has of a source package, and the state of the suite that vouches for the index.
#[derive(Debug)]
struct Found {
    pin: SourcePin,
    state: LockedSuite,
    /// Whether the archive is that of a package with its code, which knows it better than others do.
    own: bool,
}

impl<'a> Search<'a> {
    /// `held` is the lock of which all stays that is not renewed.
    #[must_use]
    pub fn new(lock: &Lock, held: Option<&'a Lock>) -> Self {
        let mut wanted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for pin in lock.pins.values().flat_map(BTreeMap::values) {
            for source in pin.sources() {
                wanted.entry(source).or_default().insert(pin.archive.clone());
            }
        }
        Self { wanted, found: BTreeMap::new(), held, faults: Vec::new() }
    }

    /// Whether all is found.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.found.len() == self.wanted.len()
    }

    /// Takes what the index of a suite has. `state` is the suite with this index alone.
    ///
    /// An archive from which only some packages may be taken answers for their sources, and for no others.
    pub fn look_into(&mut self, index: &SourcesIndex, suite: &Suite, state: &LockedSuite) {
        let names: BTreeSet<_> = self.wanted.keys().map(|source| source.name.clone()).collect();
        for package in index.packages().flatten().filter(|package| names.contains(package.raw_name())) {
            if let Err(fault) = self.look_at(&package, suite, state) {
                self.faults.push(fault);
            }
        }
    }

    fn look_at(
        &mut self,
        package: &SourcePackage<'_>,
        suite: &Suite,
        state: &LockedSuite,
    ) -> Result<(), InvalidStanza> {
        let source = package.source()?;
        let Some(wanted_by) = self.wanted.get(&source) else { return Ok(()) };
        let own = wanted_by.contains(&state.archive);
        let known = self.found.get(&source).is_some_and(|found| found.own || !own);
        if known || !(own || suite.only.is_none()) {
            return Ok(());
        }
        let dsc = package.dsc()?;
        let held = self.held.and_then(|lock| lock.source(&source));
        if held.is_none_or(|held| held.sha256 == dsc.sha256) {
            let pin = SourcePin {
                archive: state.archive.clone(),
                suite: state.name.clone(),
                in_release: None,
                path: dsc.path.to_string(),
                size: dsc.size,
                sha256: dsc.sha256,
            };
            self.found.insert(source, Found { pin, state: state.clone(), own });
        }
        Ok(())
    }

    /// Takes what an older lock knows of the rest, as far as the release still trusts those who signed it.
    pub fn recall(&mut self, old: &Lock, release: &Release) {
        for source in self.wanted.keys() {
            if self.found.contains_key(source) {
                continue;
            }
            let Some((pin, state)) =
                old.source(source).and_then(|pin| Some((pin, old.suite_of_source(pin)?)))
            else {
                continue;
            };
            let suite = release.suite(&state.archive, &state.name);
            if suite.is_some_and(|suite| state.signed_by.iter().any(|key| suite.keys.contains(key))) {
                let found = Found { pin: pin.clone(), state: state.only_sources(), own: true };
                self.found.insert(source.clone(), found);
            }
        }
    }

    /// What was not found, of the packages of archives that publish sources.
    pub fn missing(&self, publishes: impl Fn(&ArchiveName) -> bool) -> BTreeSet<Source> {
        let missing = self
            .wanted
            .iter()
            .filter(|(source, by)| !self.found.contains_key(source) && by.iter().any(&publishes));
        missing.map(|(source, _)| source.clone()).collect()
    }
}

impl Pin {
    /// Its own source package.
    #[must_use]
    pub fn built_from(&self) -> Source {
        Source { name: self.source.clone(), version: self.source_version.clone() }
    }

    /// The source packages whose code is in it: its own first, then what was built into it.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        std::iter::once(self.built_from()).chain(self.built_using.iter().cloned())
    }
}

impl LockedSuite {
    /// The suite with its indexes of sources.
    #[must_use]
    pub fn only_sources(&self) -> Self {
        let mut only = self.clone();
        only.indexes.retain(|path, _| super::is_of_sources(path));
        only
    }

    fn is_state_of(&self, other: &Self) -> bool {
        self.name == other.name && self.archive == other.archive
    }
}

impl Lock {
    /// The lock with the source packages that were found for it, and the indexes that vouch for them.
    #[must_use]
    pub fn with_sources(mut self, search: Search<'_>) -> Self {
        for Found { state, .. } in search.found.values() {
            self.add_indexes(state);
        }
        let pinned = search.found.into_iter().map(|(source, Found { pin, state, .. })| {
            let first = self.suites.iter().find(|suite| suite.is_state_of(&state) && suite.has_sources());
            let is_first = first.is_some_and(|first| first.in_release == state.in_release);
            (source, SourcePin { in_release: (!is_first).then_some(state.in_release), ..pin })
        });
        self.sources = pinned.collect();
        self
    }

    /// Adds the indexes of a state of a suite; states that the lock does not have follow those that it has.
    fn add_indexes(&mut self, state: &LockedSuite) {
        let known = self
            .suites
            .iter_mut()
            .find(|known| known.is_state_of(state) && known.in_release == state.in_release);
        match known {
            Some(known) => known.indexes.extend(state.indexes.clone()),
            None => {
                let last = self.suites.iter().rposition(|known| known.is_state_of(state));
                self.suites.insert(last.map_or(self.suites.len(), |last| last + 1), state.clone());
            }
        }
    }

    /// Whether the same source packages are pinned, whichever state of their suites vouches for them.
    pub(super) fn has_same_sources(&self, other: &Self) -> bool {
        let same =
            |(a, b): (&SourcePin, &SourcePin)| SourcePin { in_release: b.in_release, ..a.clone() } == *b;
        self.sources.keys().eq(other.sources.keys())
            && self.sources.values().zip(other.sources.values()).all(same)
    }

    /// What is pinned of a source package; `None` where no index had it.
    #[must_use]
    pub fn source(&self, source: &Source) -> Option<&SourcePin> {
        self.sources.get(source)
    }

    /// The suite, in the state whose index has a source package.
    #[must_use]
    pub fn suite_of_source(&self, pin: &SourcePin) -> Option<&LockedSuite> {
        self.suites.iter().find(|suite| {
            suite.archive == pin.archive
                && suite.name == pin.suite
                && suite.has_sources()
                && pin.in_release.is_none_or(|in_release| suite.in_release == in_release)
        })
    }

    /// The source packages whose code is in the packages of some architectures, as far as they are pinned.
    #[must_use]
    pub fn sources_on(&self, architectures: &BTreeSet<&Architecture>) -> BTreeMap<&Source, &SourcePin> {
        let pins = self.pins.values().flatten().filter(|(on, _)| architectures.contains(on));
        pins.flat_map(|(_, pin)| pin.sources())
            .filter_map(|source| self.sources.get_key_value(&source))
            .collect()
    }

    /// The suites, in the states whose indexes have the source packages of some architectures.
    pub(super) fn suites_of_sources(&self, architectures: &BTreeSet<&Architecture>) -> Vec<&LockedSuite> {
        let sources = self.sources_on(architectures);
        let vouches = |suite: &&LockedSuite| {
            sources
                .values()
                .filter_map(|pin| self.suite_of_source(pin))
                .any(|vouching| std::ptr::eq(vouching, *suite))
        };
        self.suites.iter().filter(vouches).collect()
    }

    pub(super) fn check_sources(&self) -> Result<(), LockError> {
        let wanted: BTreeSet<Source> =
            self.pins.values().flatten().flat_map(|(_, pin)| pin.sources()).collect();
        for (source, pin) in &self.sources {
            if !wanted.contains(source) {
                return Err(LockError::UnwantedSource(source.clone()));
            }
            if self.suite_of_source(pin).is_none() {
                return Err(LockError::UnknownSourceSuite(source.clone(), pin.suite.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
