//! The source packages of what a lock pins.

use std::collections::BTreeSet;

use super::{Lock, LockError, LockedSuite, Pin, SourcePin};
use crate::debian::{Architecture, Source};

impl Pin {
    /// The source packages whose code is in it: its own first, then what was built into it.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        let own = Source { name: self.source.clone(), version: self.source_version.clone() };
        std::iter::once(own).chain(self.built_using.iter().cloned())
    }
}

impl Lock {
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

    /// The source packages whose code is in the packages of some architectures, pinned or not.
    #[must_use]
    pub fn sources_on(&self, architectures: &BTreeSet<&Architecture>) -> BTreeSet<Source> {
        let pins = self.pins.values().flatten().filter(|(on, _)| architectures.contains(on));
        pins.flat_map(|(_, pin)| pin.sources()).collect()
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
