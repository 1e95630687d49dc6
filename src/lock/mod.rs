//! The lock: the pinned world of one release, and what each image takes from it.
//!
//! [`LockFile`] is the text, [`Lock`] what it means, and `convert` goes from one to the other. A lock is made
//! from resolutions in [`renew`], where [`hold`] says what stays as it is when only a part is renewed; [`changes`]
//! compares two. It is held against the definitions in [`stale`], and against the [`files`] that vouch for it in
//! [`verify`]. [`reasons`] tells why a package is there, or is not.

pub mod changes;
mod convert;
mod file;
pub mod files;
pub mod hold;
mod image;
pub mod reasons;
pub mod renew;
pub mod sources;
pub mod stale;
mod tarballs;
pub mod verify;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::name::{ArchiveName, FamilyName, ImageName, ReleaseName, TagName, TarballName};
use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, PackageName, Preference, Relation, Source, Subject, Version};
use crate::digest::Sha256;
use crate::resolve::Recommends;
pub use file::LockFile;
pub use files::{LockedFile, Publisher};
pub use image::LockedImage;
pub use tarballs::{LockedEvidence, LockedTarball, TarballPin, files_of};

/// The version of the format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The pinned world of one release.
///
/// On one architecture a package has one version. Every dependency of a pin and every package of an
/// image is pinned for the same architectures, and every pin's suite is in the lock. Every source package is that
/// of a pin, or was built into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub release: ReleaseName,
    /// The time asked of the snapshot service, as its URLs write it: `20261118T000000Z`.
    pub snapshot: Option<String>,
    /// What the catalog preferred to the newest versions when the lock was made.
    pub preferences: BTreeMap<Subject, Preference>,
    /// In the order of the release. A suite is there more than once where architectures were taken from
    /// different states of it; where an architecture is in several, the first counts, and pins that were held
    /// name another ([`Pin::in_release`]). So it is with sources ([`SourcePin::in_release`]).
    pub suites: Vec<LockedSuite>,
    /// By name, then by the architecture of the images.
    pub pins: BTreeMap<PackageName, BTreeMap<Architecture, Pin>>,
    /// The source packages of the pins, and those whose code was built into them, as far as the archive has them.
    pub sources: BTreeMap<Source, SourcePin>,
    pub tarballs: BTreeMap<TarballName, LockedTarball>,
    /// Those that could not be had when the lock was made. No image in it holds one.
    pub missing_tarballs: BTreeSet<TarballName>,
    pub closures: Vec<Closure>,
}

/// A suite and the chain of trust that leads from a key to its packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSuite {
    pub name: String,
    pub archive: ArchiveName,
    /// When the archive made its InRelease file.
    pub date: Timestamp,
    pub in_release: Sha256,
    pub signed_by: Vec<Fingerprint>,
    /// Indexes by their path below the suite.
    pub indexes: BTreeMap<String, Sha256>,
}

/// One binary package, pinned for one architecture of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub version: Version,
    pub source: PackageName,
    pub source_version: Version,
    pub archive: ArchiveName,
    pub suite: String,
    /// The InRelease file of the state of the suite that vouches for it, where that is not the first of its
    /// architecture: the package was held when others were renewed, and the suite no longer has it.
    pub in_release: Option<Sha256>,
    /// The package's own architecture: that of the image, or `all`.
    pub architecture: Architecture,
    /// Path in the archive.
    pub path: String,
    /// Bytes of the .deb.
    pub size: u64,
    /// Installed-Size, in KiB.
    pub installed: u64,
    pub sha256: Sha256,
    /// The packages that were chosen for its dependencies.
    pub depends: BTreeSet<PackageName>,
    /// Source packages whose code is in it too: Built-Using and Static-Built-Using, [policy §7.8].
    ///
    /// [policy §7.8]: https://www.debian.org/doc/debian-policy/ch-relationships.html#additional-source-packages-used-to-build-the-binary-built-using
    pub built_using: BTreeSet<Source>,
}

/// One source package, as the Sources index of a suite has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePin {
    pub archive: ArchiveName,
    pub suite: String,
    /// The InRelease file of the state of the suite whose index has it, where that is not the first with an index
    /// of sources.
    pub in_release: Option<Sha256>,
    /// Path of the `.dsc` in the archive, its size in bytes and its digest.
    pub path: String,
    pub size: u64,
    pub sha256: Sha256,
}

/// What the images of one family hold, in the flavours that hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    pub family: FamilyName,
    /// None for a family that has no images, and that images add to.
    pub tags: BTreeSet<TagName>,
    pub requests: Vec<Relation>,
    pub recommends: Recommends,
    /// Dependencies that the definition leaves out, and the packages that wanted them.
    pub left_out: BTreeMap<PackageName, BTreeSet<PackageName>>,
    pub packages: BTreeMap<Architecture, BTreeSet<PackageName>>,
    /// Upstream tarballs, which are for each of these architectures.
    pub tarballs: BTreeSet<TarballName>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error(
        "it is of format {0}, and this program reads formats up to {FORMAT}: it was written by a newer `distro`"
    )]
    Newer(u32),
    #[error("{}", invalid(what, text, why))]
    Invalid { what: &'static str, text: String, why: String },
    #[error("it pins `{name}` twice for {architecture}")]
    PinnedTwice { name: PackageName, architecture: Architecture },
    #[error("`{name}` is pinned in the suite `{suite}`, of which the lock has no index for {architecture}")]
    UnknownSuite { name: PackageName, suite: String, architecture: Architecture },
    #[error("`{name}` is pinned in the suite `{suite}`, which the lock does not have")]
    NoSuite { name: PackageName, suite: String },
    #[error("{wanted_by} holds `{name}` on {architecture}, but the lock does not pin it there")]
    NotPinned { wanted_by: String, name: PackageName, architecture: Architecture },
    #[error("`{name}` is named in `version-skew`, or is missing there: its pins say otherwise")]
    Skew { name: PackageName },
    #[error("the image `{family}:{tag}` is in it twice")]
    ImageTwice { family: FamilyName, tag: TagName },
    #[error(
        "{wanted_by} holds the tarball `{name}` on {architecture}, but the lock does not have it for that"
    )]
    NoTarball { wanted_by: String, name: TarballName, architecture: Architecture },
    #[error("the tarball `{name}` is in it twice")]
    TarballTwice { name: TarballName },
    #[error("the tarball `{name}` needs `checksums` with `signed-by`, or `unsigned = true`")]
    Evidence { name: TarballName },
    #[error("`{name}` has no .deb")]
    NoDeb { name: PackageName },
    #[error("it pins the source package `{0}` twice")]
    SourceTwice(Source),
    #[error("the source package `{source}` is pinned in the suite `{suite}`, of which the lock has no index of sources", source = .0, suite = .1)]
    UnknownSourceSuite(Source, String),
    #[error("it pins the source package `{0}`, which no package was built from")]
    UnwantedSource(Source),
}

/// Most parsers name the text themselves.
fn invalid(what: &str, text: &str, why: &str) -> String {
    if why.contains(text) { why.to_owned() } else { format!("{what} `{text}`: {why}") }
}

impl LockedSuite {
    /// Whether an index for the architecture was read.
    #[must_use]
    pub fn covers(&self, architecture: &Architecture) -> bool {
        self.indexes.keys().any(|path| is_for(path, architecture))
    }

    /// Whether an index of sources was read.
    #[must_use]
    pub fn has_sources(&self) -> bool {
        self.indexes.keys().any(|path| is_of_sources(path))
    }

    /// The architectures of which an index was read.
    #[must_use]
    pub fn architectures(&self) -> BTreeSet<&str> {
        self.indexes.keys().filter_map(|path| architecture_of(path)).collect()
    }

    /// The suite with its indexes for one architecture.
    #[must_use]
    pub fn only(&self, architecture: &Architecture) -> Self {
        let mut only = self.clone();
        only.indexes.retain(|path, _| is_for(path, architecture));
        only
    }
}

/// The architecture that an index is for: `main/binary-amd64/Packages.xz`.
fn architecture_of(index: &str) -> Option<&str> {
    index.split('/').find_map(|part| part.strip_prefix("binary-"))
}

/// `main/source/Sources.xz`.
fn is_of_sources(index: &str) -> bool {
    index.split('/').any(|part| part == "source")
}

fn is_for(index: &str, architecture: &Architecture) -> bool {
    architecture_of(index) == Some(architecture.as_str())
}

impl Pin {
    /// What its conversion takes in memory, about, in bytes: its files, and the file that it comes in.
    #[must_use]
    pub fn cost(&self) -> u64 {
        (self.installed << 10) + self.size
    }
}

impl Lock {
    /// The pin of a package on an architecture.
    #[must_use]
    pub fn pin(&self, name: &PackageName, architecture: &Architecture) -> Option<&Pin> {
        self.pins.get(name)?.get(architecture)
    }

    /// What an image holds.
    #[must_use]
    pub fn closure(&self, image: &ImageName) -> Option<&Closure> {
        self.closures
            .iter()
            .find(|closure| closure.family == image.family && closure.tags.contains(&image.tag))
    }

    /// The packages and tarballs of an image, by their digests, each with about the bytes that it unpacks to.
    #[must_use]
    pub fn costs(&self, image: &ImageName, architectures: &[Architecture]) -> BTreeMap<Sha256, u64> {
        let Some(closure) = self.closure(image) else { return BTreeMap::new() };
        let mut costs = BTreeMap::new();
        for architecture in architectures {
            let names = closure.packages.get(architecture).into_iter().flatten();
            let pins = names.filter_map(|name| self.pin(name, architecture));
            costs.extend(pins.map(|pin| (pin.sha256, pin.cost())));
            let tarballs = closure.tarballs.iter().filter_map(|name| self.tarballs.get(name));
            let files = tarballs.filter_map(|tarball| tarball.files.get(architecture));
            costs.extend(files.map(|file| (file.sha256, file.cost())));
        }
        costs
    }

    /// What a family holds that has no images, and that images add to.
    #[must_use]
    pub fn base(&self, family: &FamilyName) -> Option<&Closure> {
        self.closures.iter().find(|closure| closure.family == *family && closure.tags.is_empty())
    }

    /// The suite, in the state that vouches for a package that is pinned for an architecture.
    #[must_use]
    pub fn suite_of(&self, pin: &Pin, architecture: &Architecture) -> Option<&LockedSuite> {
        self.suites.iter().find(|suite| {
            suite.archive == pin.archive
                && suite.name == pin.suite
                && suite.covers(architecture)
                && pin.in_release.is_none_or(|in_release| suite.in_release == in_release)
        })
    }

    /// The archive that is meant where only the name of a suite is given: two archives may have one of that name.
    fn first_archive<'s>(suites: &'s [LockedSuite], name: &str) -> Option<&'s ArchiveName> {
        suites.iter().find(|suite| suite.name == name).map(|suite| &suite.archive)
    }

    /// Whether nothing but held packages is taken from a state of a suite.
    #[must_use]
    pub fn is_superseded(&self, suite: &LockedSuite) -> bool {
        let before = self.suites.iter().take_while(|other| !std::ptr::eq(*other, suite));
        let before: Vec<_> =
            before.filter(|other| other.name == suite.name && other.archive == suite.archive).collect();
        let mut architectures = self.architectures().into_iter().filter(|on| suite.covers(on));
        architectures.all(|on| before.iter().any(|other| other.covers(on)))
    }

    /// Packages whose version is not the same on every architecture that pins them.
    #[must_use]
    pub fn version_skew(&self) -> BTreeSet<&PackageName> {
        let differs = |pins: &BTreeMap<Architecture, Pin>| {
            pins.values().map(|pin| &pin.version).collect::<BTreeSet<_>>().len() > 1
        };
        self.pins.iter().filter(|(_, pins)| differs(pins)).map(|(name, _)| name).collect()
    }

    /// The states of suites that were read where the newest one had no index.
    pub fn older_states(&self) -> impl Iterator<Item = &LockedSuite> {
        let same = |a: &LockedSuite, b: &LockedSuite| a.name == b.name && a.archive == b.archive;
        let states = self.suites.chunk_by(same).flat_map(|states| &states[1..]);
        states.filter(|suite| !self.is_superseded(suite))
    }

    /// The architectures that the lock covers.
    #[must_use]
    pub fn architectures(&self) -> BTreeSet<&Architecture> {
        self.closures.iter().flat_map(|closure| closure.packages.keys()).collect()
    }

    fn check(self) -> Result<Self, LockError> {
        for (name, pins) in &self.pins {
            for (architecture, pin) in pins {
                if self.suite_of(pin, architecture).is_none() {
                    return Err(LockError::UnknownSuite {
                        name: name.clone(),
                        suite: pin.suite.clone(),
                        architecture: architecture.clone(),
                    });
                }
                self.check_pinned(&format!("`{name}`"), &pin.depends, architecture)?;
            }
        }
        self.check_sources()?;
        let mut seen = BTreeSet::new();
        for closure in &self.closures {
            for tag in &closure.tags {
                if !seen.insert((&closure.family, tag)) {
                    return Err(LockError::ImageTwice { family: closure.family.clone(), tag: tag.clone() });
                }
            }
            for (architecture, packages) in &closure.packages {
                let image = format!("the image `{}`", closure.family);
                self.check_pinned(&image, packages, architecture)?;
                let locked = |name| {
                    let tarball: Option<&LockedTarball> = self.tarballs.get(name);
                    tarball.is_some_and(|tarball| tarball.files.contains_key(architecture))
                };
                if let Some(name) = closure.tarballs.iter().find(|name| !locked(*name)) {
                    return Err(LockError::NoTarball {
                        wanted_by: image,
                        name: name.clone(),
                        architecture: architecture.clone(),
                    });
                }
            }
        }
        Ok(self)
    }

    fn check_pinned(
        &self,
        wanted_by: &str,
        names: &BTreeSet<PackageName>,
        architecture: &Architecture,
    ) -> Result<(), LockError> {
        match names.iter().find(|name| self.pin(name, architecture).is_none()) {
            None => Ok(()),
            Some(name) => Err(LockError::NotPinned {
                wanted_by: wanted_by.to_owned(),
                name: name.clone(),
                architecture: architecture.clone(),
            }),
        }
    }
}
