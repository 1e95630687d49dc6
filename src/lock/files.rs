//! The files of archives that a lock names by their digests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, LockedSuite, Pin};
use crate::catalog::name::ArchiveName;
use crate::debian::Architecture;
use crate::digest::Sha256;

/// A file of an archive, and the digest that a lock has of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedFile {
    pub archive: ArchiveName,
    /// Below the base of the archive, where another file may stand by now.
    pub path: String,
    /// The path that names the digest; a package has none, as its path is for one version alone.
    pub by_hash: Option<String>,
    pub sha256: Sha256,
    /// In bytes; `None` where the lock does not tell.
    pub size: Option<u64>,
}

impl LockedFile {
    /// The path below the base of the archive that is for this file alone.
    #[must_use]
    pub fn lasting_path(&self) -> &str {
        self.by_hash.as_deref().unwrap_or(&self.path)
    }
}

impl LockedSuite {
    /// The InRelease file.
    #[must_use]
    pub fn in_release_file(&self) -> LockedFile {
        self.file("InRelease", self.in_release)
    }

    /// The indexes for an architecture.
    pub fn index_files(&self, architecture: &Architecture) -> impl Iterator<Item = (&str, LockedFile)> {
        let indexes = self.indexes.iter().filter(|(path, _)| super::is_for(path, architecture));
        indexes.map(|(path, digest)| (path.as_str(), self.file(path, *digest)))
    }

    fn file(&self, path: &str, sha256: Sha256) -> LockedFile {
        let path = format!("dists/{}/{path}", self.name);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        LockedFile {
            archive: self.archive.clone(),
            by_hash: Some(format!("{directory}/by-hash/SHA256/{sha256}")),
            path,
            sha256,
            size: None,
        }
    }

    /// The `.deb` of a package that was taken from this suite.
    #[must_use]
    pub fn deb_file(&self, pin: &Pin) -> LockedFile {
        LockedFile {
            archive: self.archive.clone(),
            path: pin.path.clone(),
            by_hash: None,
            sha256: pin.sha256,
            size: Some(pin.size),
        }
    }
}

impl Lock {
    /// What vouches for the packages of some architectures: InRelease files and indexes, each with its suite.
    #[must_use]
    pub fn chain_files(&self, architectures: &BTreeSet<&Architecture>) -> BTreeMap<LockedFile, &LockedSuite> {
        let mut files = BTreeMap::new();
        for suite in &self.suites {
            for architecture in architectures.iter().filter(|name| suite.covers(name)) {
                files.insert(suite.in_release_file(), suite);
                files.extend(suite.index_files(architecture).map(|(_, file)| (file, suite)));
            }
        }
        files
    }
}
