//! Where the bytes of an archive come from, in order: the vendor folder, the catalog's mirrors, the
//! host's own apt sources, the snapshot service.

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::apt_sources::{AptConfiguration, AptFile};
use super::archive::{Base, SNAPSHOT_SERVICE};
use super::http::base_url;
use super::vendor::VendorFolder;
use crate::catalog::Catalog;
use crate::catalog::name::ArchiveName;
use crate::debian::{AptSource, SourcesList};
use crate::lock::{Lock, LockedSuite};

/// How long after a suite was made the snapshot service has it for certain: it looks every six hours.
const UNTIL_SNAPSHOT: SignedDuration = SignedDuration::from_hours(12);

/// The places that a catalog and a host know.
pub struct Mirrors<'a> {
    catalog: &'a Catalog,
    vendor: Option<&'a VendorFolder>,
    host: Vec<AptSource>,
}

impl<'a> Mirrors<'a> {
    /// Reads the host's apt sources; what in them could not be understood is told in words.
    #[must_use]
    pub fn new(
        catalog: &'a Catalog,
        vendor: Option<&'a VendorFolder>,
        apt: &AptConfiguration,
    ) -> (Self, Vec<String>) {
        let (mut host, mut warnings) = (Vec::new(), Vec::new());
        for AptFile { path, text } in &apt.sources {
            let list = match path.extension().is_some_and(|extension| extension == "sources") {
                true => SourcesList::from_deb822(text),
                false => SourcesList::from_one_line(text),
            };
            host.extend(list.sources);
            warnings.extend(list.warnings.iter().map(|warning| format!("{}: {warning}", path.display())));
        }
        (Self { catalog, vendor, host }, warnings)
    }

    /// The places that serve an archive as it is now.
    #[must_use]
    pub fn live(&self, archive: &ArchiveName) -> Vec<Base> {
        let configured = self.catalog.archives.get(archive).into_iter().flat_map(|known| &known.mirrors);
        let mut bases: Vec<_> = configured.filter_map(|url| self.base(url, "catalog mirror")).collect();
        let host = self.host.iter().filter(|source| self.serves(source, archive));
        bases.extend(host.filter_map(|source| self.base(&source.uri, "host apt sources")));
        let mut unique: Vec<Base> = Vec::new();
        for base in bases {
            if !unique.iter().any(|known| known.url == base.url) {
                unique.push(base);
            }
        }
        unique
    }

    /// The snapshot service as it has an archive at a time: `20261118T000000Z`.
    #[must_use]
    pub fn snapshot(&self, archive: &ArchiveName, time: &str) -> Option<Base> {
        let service = self.catalog.archives.get(archive)?.snapshot.as_ref()?;
        let url = format!("{}/{time}/", service.as_str().trim_end_matches('/'));
        self.base(&Url::parse(&url).ok()?, SNAPSHOT_SERVICE)
    }

    /// The places that may have what a lock took from a suite: the vendor folder, today's mirrors, and the
    /// snapshot service as it was then.
    #[must_use]
    pub fn of_locked(&self, lock: &Lock, suite: &LockedSuite) -> Vec<Base> {
        let made = suite.date.checked_add(UNTIL_SNAPSHOT).unwrap_or(suite.date);
        let asked = lock.snapshot.clone().filter(|_| !lock.is_superseded(suite));
        let time = asked.unwrap_or_else(|| snapshot_time(made));
        let vendored = self.vendor.and_then(|vendor| vendor.archive(&suite.archive));
        let vendored = vendored.map(Base::vendored);
        let mut bases = Vec::from_iter(vendored);
        bases.extend(self.live(&suite.archive));
        bases.extend(self.snapshot(&suite.archive, &time));
        bases
    }

    /// The upstream directories that a lock takes tarballs from, and the checksums that vouch for them.
    pub(super) fn upstream_directories<'l>(&'l self, lock: &'l Lock) -> impl Iterator<Item = &'l Url> {
        lock.tarballs.iter().flat_map(|(name, locked)| {
            let defined = self.catalog.tarballs.get(name);
            let checksums = defined.into_iter().flat_map(|defined| locked.checksum_files(&defined.evidence));
            let files = locked.files.values().map(|pin| pin.url.directory());
            files.chain(checksums.map(|(url, _)| url.directory()))
        })
    }

    /// The places that have the files of an upstream directory: the vendor folder, and upstream's own server.
    #[must_use]
    pub fn upstream(&self, directory: &Url) -> Vec<Base> {
        let vendored = self.vendor.and_then(|vendor| vendor.upstream(directory)).map(Base::vendored);
        vendored.into_iter().chain(self.base(directory, "upstream")).collect()
    }

    fn base(&self, url: &Url, origin: &str) -> Option<Base> {
        let url = base_url(self.catalog.rewrite(url).as_str()).ok()?;
        Some(Base { url, origin: origin.to_owned() })
    }

    /// Whether a source of the host's is for an archive: its URI ends in the archive's name, as those of
    /// Debian's mirrors do, or it names a suite that only this archive has.
    fn serves(&self, source: &AptSource, archive: &ArchiveName) -> bool {
        let named = source.uri.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()));
        let suites = self.catalog.releases.values().flat_map(|release| &release.suites);
        let only_its = |name: &String| {
            let mut archives = suites.clone().filter(|suite| suite.name == *name).map(|suite| &suite.archive);
            archives.next() == Some(archive) && archives.all(|other| other == archive)
        };
        named == Some(archive.as_str()) || source.suites.iter().any(only_its)
    }
}

/// A time as the URLs of the snapshot service have it: `20261118T000000Z`.
#[must_use]
pub fn snapshot_time(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The inverse of [`snapshot_time`].
#[must_use]
pub fn parse_snapshot_time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_snapshots_go_there_and_back() {
        let time = parse_snapshot_time("20261118T061500Z").unwrap();
        assert_eq!(snapshot_time(time), "20261118T061500Z");
        for text in ["", "20261118", "20261318T000000Z", "20261118T000000", "2026-11-18T00:00:00Z"] {
            assert!(parse_snapshot_time(text).is_none(), "{text}");
        }
    }
}
