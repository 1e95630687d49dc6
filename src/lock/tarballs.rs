//! Upstream tarballs in a lock.

use std::collections::{BTreeMap, BTreeSet};

use super::Lock;
use crate::catalog::name::TarballName;
use crate::catalog::tarball::{Evidence, Tarball};
use crate::catalog::{Catalog, Image, Release};
use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, PackageName};
use crate::digest::Sha256;
use crate::tarball::FileUrl;

/// An upstream tarball, pinned for every architecture of the release that it is published for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedTarball {
    pub version: String,
    pub evidence: LockedEvidence,
    pub files: BTreeMap<Architecture, TarballPin>,
}

/// Who vouched for a tarball when it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockedEvidence {
    Signed {
        /// Of the signed file of digests.
        checksums: Sha256,
        /// Of the file with its signature, where that is another.
        signature: Option<Sha256>,
        signed_by: Vec<Fingerprint>,
    },
    /// The definition alone.
    Declared,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarballPin {
    pub url: FileUrl,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256,
}

/// What a tarball unpacks to for each of its bytes, as a rule.
const USUAL_EXPANSION: u64 = 8;

impl TarballPin {
    /// What its conversion takes in memory, about, in bytes.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.size.saturating_mul(USUAL_EXPANSION)
    }
}

impl LockedTarball {
    /// What does not fit the definition, as it goes on after "the tarball"; `None` where all does.
    #[must_use]
    pub fn misfit(&self, definition: &Tarball, release: &Release) -> Option<&'static str> {
        let defined: BTreeMap<_, _> = files_of(definition, release).collect();
        if !self.files.keys().eq(defined.keys().copied()) {
            return Some("is locked for other architectures than it is defined for");
        }
        if self.version != definition.version
            || self.files.iter().any(|(architecture, file)| file.url != *defined[architecture])
        {
            return Some("is locked in another version, or from another URL, than its definition says");
        }
        let trusted = match (&self.evidence, &definition.evidence) {
            (LockedEvidence::Signed { signed_by, .. }, Evidence::Signed { keys, .. }) => {
                signed_by.iter().any(|key| keys.contains(key))
            }
            (LockedEvidence::Declared, Evidence::Declared(digests)) => {
                self.files.iter().all(|(architecture, file)| digests.get(architecture) == Some(&file.sha256))
            }
            _ => false,
        };
        (!trusted).then_some("is locked on the word of others than its definition trusts")
    }
}

/// The files of a tarball for the architectures of a release.
pub fn files_of<'a>(
    tarball: &'a Tarball,
    release: &'a Release,
) -> impl Iterator<Item = (&'a Architecture, &'a FileUrl)> {
    tarball.files.iter().filter(|(architecture, _)| release.architectures.contains(architecture))
}

impl Lock {
    /// The lock with its tarballs. Images that hold one of those that could not be had are left out of it.
    #[must_use]
    pub fn with_tarballs(
        mut self,
        tarballs: BTreeMap<TarballName, LockedTarball>,
        missing: BTreeSet<TarballName>,
    ) -> Self {
        self.tarballs = tarballs;
        self.closures.retain(|closure| closure.tarballs.is_disjoint(&missing));
        self.missing_tarballs = missing;
        let held: BTreeSet<(&Architecture, &PackageName)> = self
            .closures
            .iter()
            .flat_map(|closure| &closure.packages)
            .flat_map(|(architecture, names)| names.iter().map(move |name| (architecture, name)))
            .collect();
        for (name, pins) in &mut self.pins {
            pins.retain(|architecture, _| held.contains(&(architecture, name)));
            for (architecture, pin) in pins {
                pin.depends.retain(|name| held.contains(&(architecture, name)));
            }
        }
        self.pins.retain(|_, pins| !pins.is_empty());
        self
    }

    /// Whether an image is not in the lock because one of its tarballs could not be had.
    #[must_use]
    pub fn lacks(&self, image: &Image) -> bool {
        image.tarballs().any(|name| self.missing_tarballs.contains(name))
    }

    pub(super) fn misfitting_tarball(
        &self,
        catalog: &Catalog,
        release: &Release,
    ) -> Option<(TarballName, &'static str)> {
        self.tarballs.iter().find_map(|(name, locked)| {
            let misfit = match catalog.tarballs.get(name) {
                Some(definition) => locked.misfit(definition, release)?,
                None => "is no longer defined",
            };
            Some((name.clone(), misfit))
        })
    }
}
