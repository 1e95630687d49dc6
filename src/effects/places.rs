//! Every place that serves what locks name.

use std::collections::BTreeMap;

use bytes::Bytes;
use url::Url;

use super::archive::{Archive, ArchiveError, Named, Network};
use super::http::Http;
use super::mirrors::Mirrors;
use super::progress::Progress;
use super::store::Store;
use crate::debian::Architecture;
use crate::digest::Sha256;
use crate::lock::{Lock, LockedSuite, Pin};

/// How places are reached.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    pub mirrors: &'a Mirrors<'a>,
    pub store: &'a Store,
    pub http: &'a Http,
    pub network: Network,
    pub progress: &'a dyn Progress,
}

/// The archives of suites in the states that were locked, and the directories of upstream tarballs.
pub struct Places<'a> {
    /// By their InRelease files.
    suites: BTreeMap<Sha256, Archive<'a>>,
    upstreams: BTreeMap<Url, Archive<'a>>,
    store: &'a Store,
}

impl<'a> Places<'a> {
    pub fn of<'l>(locks: impl IntoIterator<Item = &'l Lock>, reach: Reach<'a>) -> Self {
        let Reach { mirrors, store, http, network, progress } = reach;
        let archive = |bases| Archive::new(http, store, bases, network, progress);
        let mut places = Self { suites: BTreeMap::new(), upstreams: BTreeMap::new(), store };
        for lock in locks {
            for suite in &lock.suites {
                places.suites.insert(suite.in_release, archive(mirrors.of_locked(lock, suite)));
            }
            for directory in mirrors.upstream_directories(lock) {
                places.upstreams.insert(directory.clone(), archive(mirrors.upstream(directory)));
            }
        }
        places
    }

    #[must_use]
    pub fn suite(&self, suite: &LockedSuite) -> Option<&Archive<'a>> {
        self.suites.get(&suite.in_release)
    }

    #[must_use]
    pub fn upstream(&self, directory: &Url) -> Option<&Archive<'a>> {
        self.upstreams.get(directory)
    }

    /// A package of one of the locks, from the store, into which it is fetched where it is not there; empty where no
    /// place serves its suite.
    pub fn deb(&self, lock: &Lock, pin: &Pin, architecture: &Architecture) -> Result<Bytes, ArchiveError> {
        let suite = lock.suite_of(pin, architecture);
        if let Some(archive) = suite.and_then(|suite| self.suite(suite)) {
            archive.package(Named { path: &pin.path, sha256: pin.sha256, size: pin.size })?;
        }
        Ok(self.store.read(pin.sha256)?.unwrap_or_default())
    }
}
