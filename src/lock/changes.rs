//! What differs between two locks of a release: packages, the images that hold them, and the source packages
//! whose changelogs say why.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, LockedSuite, LockedTarball, Pin, TarballPin};
use crate::catalog::name::{FamilyName, ImageName, ReleaseName, TagName, TarballName};
use crate::debian::{Architecture, ChangelogEntry, Cve, PackageName, ScriptName, Version};
use crate::digest::Sha256;

/// What differs between two locks of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub release: ReleaseName,
    /// By name.
    pub packages: Vec<PackageChange>,
    /// By name.
    pub tarballs: Vec<TarballChange>,
    /// By family, then by tags.
    pub images: Vec<ImageChange>,
}

/// A package that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange {
    pub name: PackageName,
    pub source: PackageName,
    /// Each with the architectures that have it in common.
    pub moves: Vec<Move>,
    /// Whether the moves together are all architectures that pin the package, before or after.
    pub everywhere: bool,
}

/// An upstream tarball that is not what it was. Upstream's versions have no order that all keep to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarballChange {
    pub name: TarballName,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// From one version to another, on some architectures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub old: Option<Version>,
    pub new: Option<Version>,
    /// The suite of the new version; of the old one, where there is no new one.
    pub suite: String,
    pub architectures: BTreeSet<Architecture>,
}

/// What a move is; of those that one package makes, the greatest stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Removed,
    Added,
    /// The version is the same and the .deb is not.
    Rebuilt,
    Downgraded,
    Upgraded,
}

/// Images of a family that differ in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    pub family: FamilyName,
    pub tags: BTreeSet<TagName>,
    /// How many tags there are of the family, before or after, that differ or not.
    pub of_tags: usize,
    /// On the architectures on which they differ.
    pub sizes: BTreeMap<Architecture, SizeChange>,
}

/// What an image's packages have, before and after; none where there is no such image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SizeChange {
    pub old: Option<Sizes>,
    pub new: Option<Sizes>,
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sizes {
    /// The .debs and tarballs.
    pub download: u64,
    /// Installed-Size, which tarballs have none of.
    pub installed: u64,
}

/// A source package of which newer binary packages are pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceChange {
    pub source: PackageName,
    /// The oldest of the versions before.
    pub old: Version,
    pub new: Version,
    /// Packages of the new version, of which any may have the changelog; the smallest first.
    pub carriers: Vec<(PackageName, Architecture)>,
}

/// What a changelog says between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Told(Vec<ChangelogEntry>),
    /// The changelog could not be read, and why.
    NotAtHand(String),
}

/// A package whose maintainer scripts somebody accounts for, and which are others by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptChange {
    pub package: PackageName,
    pub news: ScriptNews,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptNews {
    /// These do something else, or something for the first time, or nothing any more.
    Changed(BTreeSet<ScriptName>),
    /// One of the packages could not be read, and why.
    NotAtHand(String),
}

impl Changes {
    /// # Panics
    /// Where the locks are of two releases.
    #[must_use]
    pub fn between(old: &Lock, new: &Lock) -> Self {
        assert_eq!(old.release, new.release, "locks of one release are compared");
        let names: BTreeSet<_> = old.pins.keys().chain(new.pins.keys()).collect();
        let packages = names.into_iter().filter_map(|name| PackageChange::between(name, old, new));
        Self {
            release: new.release.clone(),
            packages: packages.collect(),
            tarballs: tarballs(old, new),
            images: images(old, new),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.tarballs.is_empty() && self.images.is_empty()
    }

    /// The number of packages of each kind of change.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        for package in &self.packages {
            *kinds.entry(package.kind()).or_default() += 1;
        }
        kinds
    }

    /// The source packages that were upgraded, by name.
    #[must_use]
    pub fn sources(&self, old: &Lock, new: &Lock) -> Vec<SourceChange> {
        let mut sources: BTreeMap<&PackageName, (&Version, &Version)> = BTreeMap::new();
        for change in &self.packages {
            for architecture in change.moves.iter().flat_map(|m| &m.architectures) {
                let pins = old.pin(&change.name, architecture).zip(new.pin(&change.name, architecture));
                let Some((was, is)) = pins.filter(|(was, is)| was.source_version < is.source_version) else {
                    continue;
                };
                let (oldest, newest) =
                    sources.entry(&is.source).or_insert((&was.source_version, &is.source_version));
                *oldest = (*oldest).min(&was.source_version);
                *newest = (*newest).max(&is.source_version);
            }
        }
        let changes = sources.into_iter().map(|(source, (old, version))| SourceChange {
            source: source.clone(),
            old: old.clone(),
            new: version.clone(),
            carriers: carriers(new, source, version),
        });
        changes.collect()
    }
}

/// The packages of a version of a source, on the first architecture that has each.
fn carriers(lock: &Lock, source: &PackageName, version: &Version) -> Vec<(PackageName, Architecture)> {
    let of_source = |pin: &Pin| pin.source == *source && pin.source_version == *version;
    let mut carriers: Vec<_> = lock
        .pins
        .iter()
        .filter_map(|(name, pins)| {
            let (architecture, pin) = pins.iter().find(|(_, pin)| of_source(pin))?;
            Some((pin.size, (name.clone(), architecture.clone())))
        })
        .collect();
    carriers.sort();
    carriers.into_iter().map(|(_, carrier)| carrier).collect()
}

impl PackageChange {
    fn between(name: &PackageName, old: &Lock, new: &Lock) -> Option<Self> {
        let none = BTreeMap::new();
        let was = old.pins.get(name).unwrap_or(&none);
        let is = new.pins.get(name).unwrap_or(&none);
        let architectures: BTreeSet<_> = was.keys().chain(is.keys()).collect();
        let mut moves: Vec<Move> = Vec::new();
        let mut moved = 0;
        for architecture in &architectures {
            let (was, is) = (was.get(*architecture), is.get(*architecture));
            if was.map(|pin| pin.sha256) == is.map(|pin| pin.sha256) {
                continue;
            }
            moved += 1;
            let version = |pin: Option<&Pin>| pin.map(|pin| pin.version.clone());
            let (from, to) = (version(was), version(is));
            match moves.iter_mut().find(|known| known.old == from && known.new == to) {
                Some(known) => drop(known.architectures.insert((*architecture).clone())),
                None => moves.push(Move {
                    old: from,
                    new: to,
                    suite: is.or(was)?.suite.clone(),
                    architectures: BTreeSet::from([(*architecture).clone()]),
                }),
            }
        }
        let any = is.values().chain(was.values()).next()?;
        let everywhere = moved == architectures.len();
        (!moves.is_empty()).then(|| Self {
            name: name.clone(),
            source: any.source.clone(),
            moves,
            everywhere,
        })
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.moves.iter().map(Move::kind).max().unwrap_or(Kind::Rebuilt)
    }

    /// Whether all architectures that have the package do the same, so that none needs to be named.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.everywhere && self.moves.len() == 1
    }
}

impl Move {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (&self.old, &self.new) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            (Some(old), Some(new)) if old == new => Kind::Rebuilt,
            (old, new) if old < new => Kind::Upgraded,
            _ => Kind::Downgraded,
        }
    }
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Rebuilt => "rebuilt",
            Self::Downgraded => "downgraded",
            Self::Upgraded => "upgraded",
        }
    }
}

impl Sizes {
    fn of(held: &Held<'_>) -> Self {
        let packages = held.packages.iter().fold(Self::default(), |sum, pin| Self {
            download: sum.download + pin.size,
            installed: sum.installed + (pin.installed << 10),
        });
        let tarballs: u64 = held.tarballs.iter().map(|tarball| tarball.size).sum();
        Self { download: packages.download + tarballs, ..packages }
    }
}

/// What an image holds on an architecture.
struct Held<'a> {
    packages: Vec<&'a Pin>,
    tarballs: Vec<&'a TarballPin>,
}

impl Held<'_> {
    fn digests(&self) -> BTreeSet<Sha256> {
        let packages = self.packages.iter().map(|pin| pin.sha256);
        packages.chain(self.tarballs.iter().map(|tarball| tarball.sha256)).collect()
    }
}

impl SizeChange {
    /// How much more one of the sizes is, in bytes.
    #[must_use]
    pub fn delta(&self, size: fn(&Sizes) -> u64) -> i64 {
        let signed = |sizes: &Option<Sizes>| sizes.as_ref().map_or(0, size).cast_signed();
        signed(&self.new) - signed(&self.old)
    }
}

impl News {
    /// The vulnerabilities that the entries speak of; `None` where they could not be read.
    #[must_use]
    pub fn cves(&self) -> Option<BTreeSet<Cve>> {
        match self {
            Self::Told(entries) => Some(entries.iter().flat_map(ChangelogEntry::cves).collect()),
            Self::NotAtHand(_) => None,
        }
    }
}

fn images(old: &Lock, new: &Lock) -> Vec<ImageChange> {
    let names: BTreeSet<ImageName> = old.image_names().chain(new.image_names()).collect();
    let mut changes: Vec<ImageChange> = Vec::new();
    for name in names.iter().cloned() {
        let (was, is) = (held(old, &name), held(new, &name));
        let architectures: BTreeSet<_> = was.keys().chain(is.keys()).copied().collect();
        let differs = |on: &&Architecture| was.get(*on).map(Held::digests) != is.get(*on).map(Held::digests);
        let sizes: BTreeMap<_, _> = architectures
            .into_iter()
            .filter(differs)
            .map(|on| {
                let (old, new) = (was.get(on).map(Sizes::of), is.get(on).map(Sizes::of));
                (on.clone(), SizeChange { old, new })
            })
            .collect();
        if sizes.is_empty() {
            continue;
        }
        match changes.iter_mut().find(|known| known.family == name.family && known.sizes == sizes) {
            Some(known) => drop(known.tags.insert(name.tag)),
            None => {
                let of_tags = names.iter().filter(|other| other.family == name.family).count();
                let tags = BTreeSet::from([name.tag]);
                changes.push(ImageChange { family: name.family, tags, of_tags, sizes });
            }
        }
    }
    changes
}

/// What an image holds on its architectures; nothing where there is no such image.
fn held<'a>(lock: &'a Lock, image: &ImageName) -> BTreeMap<&'a Architecture, Held<'a>> {
    let Some(closure) = lock.closure(image) else { return BTreeMap::new() };
    let on = |(architecture, names): (&'a Architecture, &'a BTreeSet<PackageName>)| {
        let packages = names.iter().filter_map(|name| lock.pin(name, architecture)).collect();
        let tarballs =
            closure.tarballs.iter().filter_map(|name| lock.tarballs.get(name)?.files.get(architecture));
        (architecture, Held { packages, tarballs: tarballs.collect() })
    };
    closure.packages.iter().map(on).collect()
}

fn tarballs(old: &Lock, new: &Lock) -> Vec<TarballChange> {
    let names: BTreeSet<_> = old.tarballs.keys().chain(new.tarballs.keys()).collect();
    let changed = names.into_iter().filter_map(|name| {
        let (was, is) = (old.tarballs.get(name), new.tarballs.get(name));
        let version = |locked: Option<&LockedTarball>| locked.map(|locked| locked.version.clone());
        let files = |locked: Option<&LockedTarball>| locked.map(|locked| locked.files.clone());
        (files(was) != files(is)).then(|| TarballChange {
            name: name.clone(),
            old: version(was),
            new: version(is),
        })
    });
    changed.collect()
}

impl Lock {
    /// A lock that holds nothing, to compare with.
    #[must_use]
    pub fn empty(release: ReleaseName) -> Self {
        Self {
            release,
            snapshot: None,
            preferences: BTreeMap::new(),
            suites: Vec::new(),
            pins: BTreeMap::new(),
            tarballs: BTreeMap::new(),
            sources: BTreeMap::new(),
            missing_tarballs: BTreeSet::new(),
            closures: Vec::new(),
        }
    }

    fn image_names(&self) -> impl Iterator<Item = ImageName> {
        self.closures.iter().flat_map(|closure| {
            closure.tags.iter().map(|tag| ImageName {
                family: closure.family.clone(),
                release: self.release.clone(),
                tag: tag.clone(),
            })
        })
    }

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
        let same = self.same_pins(&old)
            && self.has_same_sources(&old)
            && self.preferences == old.preferences
            && self.closures == old.closures
            && self.tarballs == old.tarballs
            && self.missing_tarballs == old.missing_tarballs
            && self.snapshot == old.snapshot
            && names(&self) == names(&old);
        if same { old } else { self }
    }

    /// Whether the same packages are pinned, whichever state of their suites vouches for them.
    fn same_pins(&self, other: &Self) -> bool {
        let same = |(a, b): (&Pin, &Pin)| Pin { in_release: b.in_release, ..a.clone() } == *b;
        self.pins.keys().eq(other.pins.keys())
            && self
                .pins
                .values()
                .zip(other.pins.values())
                .all(|(a, b)| a.keys().eq(b.keys()) && a.values().zip(b.values()).all(same))
    }
}
