//! Release files: what a suite holds, and the digests of its indices.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::control::{Field, Paragraph};
use super::preferences::DEFAULT_PRIORITY;
use super::{Architecture, ArchivePath, Compression, InvalidArchivePath};
use crate::digest::Sha256;

/// A suite of an archive, from its Release file, [Debian repository format].
///
/// Nothing here is verified: read only a text that a signature vouches for, never the InRelease file around it.
///
/// [Debian repository format]: https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub origin: Option<String>,
    pub label: Option<String>,
    /// As `stable`.
    pub suite: Option<String>,
    /// As `trixie`.
    pub codename: Option<String>,
    /// As `13.7`.
    pub version: Option<String>,
    pub date: Timestamp,
    /// When the file stops to count, against replays of an old one.
    pub valid_until: Option<Timestamp>,
    pub architectures: BTreeSet<Architecture>,
    /// As they are written: those of a security suite have a prefix, as in `updates/main`.
    pub components: Vec<String>,
    /// Whether every index can be had by its digest too, so that a renewal of the suite does not race with it.
    pub acquire_by_hash: bool,
    /// The priority of its packages: [`DEFAULT_PRIORITY`], unless it is one whose packages apt takes only where
    /// they are asked for (`NotAutomatic`), or only upgrades by itself (`ButAutomaticUpgrades`).
    pub priority: i16,
    /// From paths below the directory of the suite.
    files: BTreeMap<ArchivePath, Checksum>,
}

/// What a file has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
}

/// An index as it is fetched, and as it is when it is unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Below the directory of the suite.
    pub path: ArchivePath,
    /// The path that names the digest, where the suite has one.
    pub by_hash: Option<ArchivePath>,
    pub compression: Compression,
    /// Of the file as it is fetched.
    pub compressed: Checksum,
    /// Of the text in it; `None` where the archive does not list it.
    pub uncompressed: Option<Checksum>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelease {
    #[error("the field `{0}` of the Release file is missing")]
    Missing(&'static str),
    #[error("the field `{field}` of the Release file is no date: `{text}`")]
    Date { field: &'static str, text: String },
    #[error("`{0}`, listed in the Release file, is not an architecture")]
    Architecture(String),
    #[error("`{0}` in the Release file is not `digest size path`")]
    Checksum(String),
    #[error("the Release file lists a path that leads elsewhere")]
    Path(#[from] InvalidArchivePath),
    #[error("the Release file lists `{0}` twice, with different digests")]
    Twice(ArchivePath),
}

impl Release {
    /// The Packages index of a component for an architecture, the smallest that can be unpacked.
    /// `None` where the suite does not list the architecture, the component or the index.
    #[must_use]
    pub fn packages_index(&self, component: &str, architecture: &Architecture) -> Option<IndexFile> {
        if !self.architectures.contains(architecture) {
            return None;
        }
        self.index_of(component, &format!("binary-{architecture}/Packages"))
    }

    /// The Sources index of a component, the smallest that can be unpacked. `None` where the suite does not list the
    /// component or the index: not every archive has the sources of its packages.
    #[must_use]
    pub fn sources_index(&self, component: &str) -> Option<IndexFile> {
        self.index_of(component, "source/Sources")
    }

    fn index_of(&self, component: &str, index: &str) -> Option<IndexFile> {
        let is_it = |listed: &&String| *listed == component || last_part(listed) == component;
        let listed = self.components.iter().find(is_it)?;
        // Like apt: `updates/main` is listed, `main/binary-amd64/Packages` is what exists.
        let mut directories = [last_part(listed), listed].into_iter();
        directories.find_map(|directory| self.index(&format!("{directory}/{index}")))
    }

    /// What a file below the directory of the suite has to be.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Checksum> {
        let path = path.parse::<ArchivePath>().ok()?;
        self.files.get(&path).copied()
    }

    fn index(&self, plain: &str) -> Option<IndexFile> {
        [(Compression::Xz, ".xz"), (Compression::Gzip, ".gz"), (Compression::None, "")].into_iter().find_map(
            |(compression, suffix)| {
                let path = format!("{plain}{suffix}").parse::<ArchivePath>().ok()?;
                let compressed = self.files.get(&path).copied()?;
                let by_hash = self.acquire_by_hash.then(|| by_hash(&path, compressed.sha256)).flatten();
                Some(IndexFile { path, by_hash, compression, compressed, uncompressed: self.file(plain) })
            },
        )
    }
}

impl FromStr for Release {
    type Err = InvalidRelease;

    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        let paragraph = Paragraph::of(text.trim_start());
        let get = |name| paragraph.get(name).filter(|value| !value.is_empty());
        let owned = |name| get(name).map(str::to_owned);
        let required = |name| get(name).ok_or(InvalidRelease::Missing(name));
        let yes = |name| get(name).is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        let architectures = required("Architectures")?.split_whitespace().map(|name| {
            name.parse().map_err(|_| InvalidRelease::Architecture(name.chars().take(80).collect()))
        });
        Ok(Self {
            origin: owned("Origin"),
            label: owned("Label"),
            suite: owned("Suite"),
            codename: owned("Codename"),
            version: owned("Version"),
            date: date("Date", required("Date")?)?,
            valid_until: get("Valid-Until").map(|text| date("Valid-Until", text)).transpose()?,
            architectures: architectures.collect::<Result<_, _>>()?,
            components: get("Components").unwrap_or("").split_whitespace().map(str::to_owned).collect(),
            acquire_by_hash: yes("Acquire-By-Hash"),
            priority: priority(yes("NotAutomatic"), yes("ButAutomaticUpgrades")),
            files: files(required("SHA256")?)?,
        })
    }
}

/// As apt_preferences(5) has it.
fn priority(not_automatic: bool, but_automatic_upgrades: bool) -> i16 {
    match (not_automatic, but_automatic_upgrades) {
        (false, _) => DEFAULT_PRIORITY,
        (true, false) => 1,
        (true, true) => 100,
    }
}

/// RFC 2822 with the zone that archives write, `UTC`, and whatever weekday.
fn date(field: &'static str, text: &str) -> Result<Timestamp, InvalidRelease> {
    let zone = ["UTC", "GMT", "Z"].iter().find_map(|zone| text.strip_suffix(zone));
    let numeric = zone.map_or(text.to_owned(), |rest| format!("{} +0000", rest.trim_end()));
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(&numeric)
        .map_err(|_| InvalidRelease::Date { field, text: text.chars().take(80).collect() })
}

fn files(list: &str) -> Result<BTreeMap<ArchivePath, Checksum>, InvalidRelease> {
    let mut files = BTreeMap::new();
    let lines = Field { name: "SHA256", value: list }.lines();
    for line in lines.filter(|line| !line.is_empty()) {
        let invalid = || InvalidRelease::Checksum(line.chars().take(120).collect());
        let mut words = line.split_whitespace();
        let (Some(sha256), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(invalid());
        };
        let path: ArchivePath = path.parse()?;
        let sha256 = sha256.parse().map_err(|_| invalid())?;
        let checksum = Checksum { sha256, size: size.parse().map_err(|_| invalid())? };
        if files.insert(path.clone(), checksum).is_some_and(|before| before != checksum) {
            return Err(InvalidRelease::Twice(path));
        }
    }
    Ok(files)
}

fn by_hash(path: &ArchivePath, sha256: Sha256) -> Option<ArchivePath> {
    let directory = path.as_str().strip_suffix(path.file_name())?;
    format!("{directory}by-hash/SHA256/{sha256}").parse().ok()
}

fn last_part(component: &str) -> &str {
    component.rsplit_once('/').map_or(component, |(_, last)| last)
}

#[cfg(test)]
mod tests;
