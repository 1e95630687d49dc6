//! The files of archives and of upstream that a lock names by their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Lock, LockedEvidence, LockedSuite, LockedTarball, Pin, TarballPin};
use crate::catalog::name::ArchiveName;
use crate::catalog::tarball::Evidence;
use crate::debian::Architecture;
use crate::digest::Sha256;
use crate::tarball::FileUrl;

/// Who publishes a file; shown as the directory that vendor folders have for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Publisher {
    Archive(ArchiveName),
    Upstream,
}

/// A published file, and the digest that a lock has of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedFile {
    pub publisher: Publisher,
    /// Below the base of the archive, where another file may stand by now; of an upstream file its host and path.
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

    /// The path by which the file is asked for, below a base: that of an archive, or an upstream directory.
    #[must_use]
    pub fn asked_path(&self) -> &str {
        match self.publisher {
            Publisher::Archive(_) => &self.path,
            Publisher::Upstream => self.path.rsplit('/').next().unwrap_or(&self.path),
        }
    }

    fn upstream(url: &FileUrl, sha256: Sha256, size: Option<u64>) -> Self {
        let path = format!("{}{}", upstream_directory(url.directory()), url.name());
        Self { publisher: Publisher::Upstream, path, by_hash: None, sha256, size }
    }
}

/// Where a vendor folder has the files of an upstream directory, below that of [`Publisher::Upstream`]; ends in a
/// slash.
#[must_use]
pub fn upstream_directory(directory: &url::Url) -> String {
    let port = directory.port().map_or_else(String::new, |port| format!("_{port}"));
    format!("{}{port}{}", directory.host_str().unwrap_or("localhost"), directory.path())
}

impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(name) => name.fmt(f),
            Self::Upstream => f.write_str("upstream"),
        }
    }
}

impl TarballPin {
    /// The tarball.
    #[must_use]
    pub fn file(&self) -> LockedFile {
        LockedFile::upstream(&self.url, self.sha256, Some(self.size))
    }
}

impl LockedTarball {
    /// The file of checksums, then that of its signature where it is another, each with its URL; none where the
    /// definition vouches for the tarball.
    #[must_use]
    pub fn checksum_files<'d>(&self, defined: &'d Evidence) -> Vec<(&'d FileUrl, LockedFile)> {
        match (&self.evidence, defined) {
            (
                LockedEvidence::Signed { checksums, signature, .. },
                Evidence::Signed { checksums: url, signature: other, .. },
            ) => {
                let signature = other.as_ref().zip(*signature);
                let files = [(url, *checksums)].into_iter().chain(signature);
                files.map(|(url, sha256)| (url, LockedFile::upstream(url, sha256, None))).collect()
            }
            _ => Vec::new(),
        }
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

    /// The indexes of sources.
    pub fn source_index_files(&self) -> impl Iterator<Item = (&str, LockedFile)> {
        let indexes = self.indexes.iter().filter(|(path, _)| super::is_of_sources(path));
        indexes.map(|(path, digest)| (path.as_str(), self.file(path, *digest)))
    }

    fn file(&self, path: &str, sha256: Sha256) -> LockedFile {
        let path = format!("dists/{}/{path}", self.name);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        LockedFile {
            publisher: Publisher::Archive(self.archive.clone()),
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
            publisher: Publisher::Archive(self.archive.clone()),
            path: pin.path.clone(),
            by_hash: None,
            sha256: pin.sha256,
            size: Some(pin.size),
        }
    }
}

impl Lock {
    /// The digests of all files that it names.
    #[must_use]
    pub fn digests(&self) -> BTreeSet<Sha256> {
        let suites = self.suites.iter();
        let chain = suites.flat_map(|suite| suite.indexes.values().copied().chain([suite.in_release]));
        let debs = self.pins.values().flat_map(BTreeMap::values).map(|pin| pin.sha256);
        let sources = self.sources.values().map(|source| source.sha256);
        let tarballs = self.tarballs.values().flat_map(|tarball| {
            let evidence = match &tarball.evidence {
                LockedEvidence::Signed { checksums, signature, .. } => vec![Some(*checksums), *signature],
                LockedEvidence::Declared => Vec::new(),
            };
            let files = tarball.files.values().map(|file| file.sha256);
            files.chain(evidence.into_iter().flatten())
        });
        chain.chain(debs).chain(sources).chain(tarballs).collect()
    }

    /// What vouches for the packages of some architectures, and for their sources: InRelease files and indexes, each
    /// with its suite.
    #[must_use]
    pub fn chain_files(&self, architectures: &BTreeSet<&Architecture>) -> BTreeMap<LockedFile, &LockedSuite> {
        let mut files = BTreeMap::new();
        for suite in &self.suites {
            for architecture in architectures.iter().filter(|name| suite.covers(name)) {
                files.insert(suite.in_release_file(), suite);
                files.extend(suite.index_files(architecture).map(|(_, file)| (file, suite)));
            }
        }
        for suite in self.suites_of_sources(architectures) {
            files.insert(suite.in_release_file(), suite);
            files.extend(suite.source_index_files().map(|(_, file)| (file, suite)));
        }
        files
    }
}
