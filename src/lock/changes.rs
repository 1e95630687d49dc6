//! What a renewal changes about the packages of a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Lock, LockedSuite};
use crate::debian::{PackageName, Version};

/// Packages whose versions differ between two locks, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes(BTreeMap<PackageName, Change>);

/// The versions of a package before and after, over all architectures; none where it was not, or is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub old: BTreeSet<Version>,
    pub new: BTreeSet<Version>,
}

impl Changes {
    #[must_use]
    pub fn between(old: &Lock, new: &Lock) -> Self {
        let versions = |lock: &Lock, name| -> BTreeSet<Version> {
            let pins = lock.pins.get(name);
            pins.into_iter().flat_map(BTreeMap::values).map(|pin| pin.version.clone()).collect()
        };
        let names: BTreeSet<_> = old.pins.keys().chain(new.pins.keys()).collect();
        let changes = names.into_iter().map(|name| {
            let change = Change { old: versions(old, name), new: versions(new, name) };
            (name.clone(), change)
        });
        Self(changes.filter(|(_, change)| change.old != change.new).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PackageName, &Change)> {
        self.0.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |versions: &BTreeSet<Version>| {
            versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match (self.old.is_empty(), self.new.is_empty()) {
            (true, _) => write!(f, "new, {}", list(&self.new)),
            (_, true) => write!(f, "gone, was {}", list(&self.old)),
            _ => write!(f, "{} → {}", list(&self.old), list(&self.new)),
        }
    }
}

impl Lock {
    /// This lock, unless the other, older one pins the same packages for the same images, vouched for by the
    /// same keys: then that one, so that a renewal which brings nothing changes nothing.
    #[must_use]
    pub fn or_unchanged(self, old: Self) -> Self {
        let names = |lock: &Self| -> Vec<_> {
            let of_suite =
                |suite: &LockedSuite| (suite.archive.clone(), suite.name.clone(), suite.signed_by.clone());
            let mut names: Vec<_> = lock.suites.iter().map(of_suite).collect();
            names.dedup();
            names
        };
        let same = self.pins == old.pins
            && self.closures == old.closures
            && self.tarballs == old.tarballs
            && self.missing_tarballs == old.missing_tarballs
            && self.snapshot == old.snapshot
            && names(&self) == names(&old);
        if same { old } else { self }
    }
}
