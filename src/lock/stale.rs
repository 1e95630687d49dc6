//! Why a lock does not fit the definitions.

use std::collections::BTreeSet;

use crate::catalog::name::{ArchiveName, FamilyName, ImageName, ReleaseName, TarballName};
use crate::catalog::{Catalog, Image, Release, Suite};
use crate::debian::{Architecture, PackageName, Preference, Subject};
use crate::resolve::Recommends;

use super::{Closure, Lock, LockedSuite, Pin};

/// The first thing found that the definitions say and the lock does not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("it does not know the image {0}")]
    MissingImage(ImageName),
    #[error("it holds the image {0}, which the catalog no longer has")]
    ExtraImage(ImageName),
    #[error("it does not know the family `{0}`, which images add to")]
    MissingBase(FamilyName),
    #[error("it holds the family `{0}` with no image, and no image adds to it")]
    ExtraBase(FamilyName),
    #[error("{image} asks for `{request}`, which the lock has not resolved")]
    Requested { image: ImageName, request: String },
    #[error("{image} no longer asks for `{request}`")]
    NoLongerRequested { image: ImageName, request: String },
    #[error("{image} leaves out `{name}`, and the lock was resolved with it")]
    LeftOut { image: ImageName, name: PackageName },
    #[error("{image} no longer leaves out `{name}`")]
    NoLongerLeftOut { image: ImageName, name: PackageName },
    #[error("{0} takes what packages recommend, and the lock was resolved without")]
    RecommendsTaken(ImageName),
    #[error("{0} no longer takes what packages recommend")]
    RecommendsIgnored(ImageName),
    #[error("{image} holds the tarball `{tarball}`, which the lock does not have for it")]
    Holds { image: ImageName, tarball: TarballName },
    #[error("{image} no longer holds the tarball `{tarball}`")]
    NoLongerHolds { image: ImageName, tarball: TarballName },
    #[error("the tarball `{name}` {misfit}")]
    Tarball { name: TarballName, misfit: &'static str },
    #[error("{image} is for {defined}, the lock has it for {locked}")]
    Architectures { image: ImageName, defined: String, locked: String },
    #[error("the release takes packages from {defined}, the lock from {locked}")]
    Suites { defined: String, locked: String },
    #[error("the catalog pins `{subject}` to {defined}, the lock to {locked}")]
    Pinned { subject: Subject, defined: String, locked: String },
    #[error("its suite `{suite}` is signed by none of the keys that the catalog trusts")]
    Untrusted { suite: String },
    #[error("it takes `{name}` from the archive `{archive}`, which the release's `only` does not name")]
    Withheld { name: PackageName, archive: ArchiveName },
}

impl Lock {
    /// Why the lock does not fit the catalog; `None` where it does.
    #[must_use]
    pub fn staleness(&self, catalog: &Catalog) -> Option<Stale> {
        let release = catalog.releases.get(&self.release)?;
        self.stale_suites(release)
            .or_else(|| self.stale_pins(release))
            .or_else(|| self.stale_images(catalog, &self.release))
            .or_else(|| {
                let (name, misfit) = self.misfitting_tarball(catalog, release)?;
                Some(Stale::Tarball { name, misfit })
            })
    }

    /// How an image that was built differs from this lock, by what its layers were made from
    /// (`libc6 2.41-12 (amd64)`); `None` where it holds the packages that are locked.
    #[must_use]
    pub fn differs_from(
        &self,
        image: &ImageName,
        architecture: &Architecture,
        made_from: &[String],
    ) -> Option<String> {
        let names = self.closure(image)?.packages.get(architecture)?;
        names.iter().find_map(|name| {
            let locked = self.pin(name, architecture)?.version.to_string();
            let layer = |made: &&String| made.split(' ').next() == Some(name.as_str());
            match made_from.iter().find(layer).and_then(|made| made.split(' ').nth(1)) {
                Some(built) if built == locked => None,
                Some(built) => Some(format!("it holds {name} {built}, the lock has {locked}")),
                None => Some(format!("it does not hold {name}, which the lock has for it")),
            }
        })
    }

    fn stale_suites(&self, release: &Release) -> Option<Stale> {
        let defined =
            list(release.suites.iter().map(|Suite { archive, name, .. }| format!("{archive} {name}")));
        let mut locked: Vec<_> =
            self.suites.iter().map(|LockedSuite { archive, name, .. }| format!("{archive} {name}")).collect();
        locked.dedup();
        let locked = list(locked.into_iter());
        if defined != locked {
            return Some(Stale::Suites { defined, locked });
        }
        let defined = |suite: &LockedSuite| release.suite(&suite.archive, &suite.name);
        let trusted = |suite: &&LockedSuite| {
            defined(suite).is_some_and(|defined| suite.signed_by.iter().any(|key| defined.keys.contains(key)))
        };
        if let Some(untrusted) = self.suites.iter().find(|suite| !trusted(suite)) {
            return Some(Stale::Untrusted { suite: untrusted.name.clone() });
        }
        let withheld = |name: &PackageName, pin: &Pin| {
            let suite = release.suite(&pin.archive, &pin.suite);
            suite.is_some_and(|suite| !suite.admits(name.as_str()))
        };
        let mut pins = self.pins.iter().flat_map(|(name, pins)| pins.values().map(move |pin| (name, pin)));
        let (name, pin) = pins.find(|(name, pin)| withheld(name, pin))?;
        Some(Stale::Withheld { name: name.clone(), archive: pin.archive.clone() })
    }

    fn stale_pins(&self, release: &Release) -> Option<Stale> {
        let subjects = release.pins.keys().chain(self.preferences.keys());
        subjects.into_iter().find_map(|subject| {
            let defined = release.pins.get(subject).map(|pinned| &pinned.preference);
            let locked = self.preferences.get(subject);
            let shown = |preference: Option<&Preference>| {
                preference.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            (defined != locked).then(|| Stale::Pinned {
                subject: subject.clone(),
                defined: shown(defined),
                locked: shown(locked),
            })
        })
    }

    fn stale_images(&self, catalog: &Catalog, release: &ReleaseName) -> Option<Stale> {
        for image in catalog.images_of(release) {
            match self.closure(&image.name) {
                None if self.lacks(image) => {}
                None => return Some(Stale::MissingImage(image.name.clone())),
                Some(closure) => match closure.staleness(image) {
                    None => {}
                    stale => return stale,
                },
            }
        }
        let defined: BTreeSet<_> = catalog.images_of(release).map(|image| &image.name).collect();
        let locked = self.closures.iter().flat_map(|closure| {
            closure.tags.iter().map(|tag| ImageName {
                family: closure.family.clone(),
                release: release.clone(),
                tag: tag.clone(),
            })
        });
        let extra = locked.into_iter().find(|name| !defined.contains(name));
        extra.map(Stale::ExtraImage).or_else(|| self.stale_bases(catalog, release))
    }

    fn stale_bases(&self, catalog: &Catalog, release: &ReleaseName) -> Option<Stale> {
        for base in catalog.bases_of(release) {
            match self.base(&base.name.family) {
                None if self.lacks(base) => {}
                None => return Some(Stale::MissingBase(base.name.family.clone())),
                Some(closure) => match closure.staleness(base) {
                    None => {}
                    stale => return stale,
                },
            }
        }
        let is_base = |family: &FamilyName| catalog.bases_of(release).any(|base| base.name.family == *family);
        let mut bases = self.closures.iter().filter(|closure| closure.tags.is_empty());
        let extra = bases.find(|closure| !is_base(&closure.family))?;
        Some(Stale::ExtraBase(extra.family.clone()))
    }
}

impl Closure {
    /// Whether an image asks for other packages than were resolved, on whatever architecture.
    pub(super) fn asks_otherwise(&self, image: &Image) -> bool {
        self.stale_requests(image).is_some()
    }

    fn staleness(&self, image: &Image) -> Option<Stale> {
        self.stale_requests(image)
            .or_else(|| self.stale_tarballs(image))
            .or_else(|| self.stale_architectures(image))
    }

    fn stale_requests(&self, image: &Image) -> Option<Stale> {
        let name = || image.name.clone();
        if let Some(request) = image.requests.iter().find(|request| !self.requests.contains(request)) {
            return Some(Stale::Requested { image: name(), request: request.to_string() });
        }
        if let Some(request) = self.requests.iter().find(|request| !image.requests.contains(request)) {
            return Some(Stale::NoLongerRequested { image: name(), request: request.to_string() });
        }
        if let Some(left_out) = image.leave_out.keys().find(|name| !self.left_out.contains_key(*name)) {
            return Some(Stale::LeftOut { image: name(), name: left_out.clone() });
        }
        if let Some(left_out) = self.left_out.keys().find(|name| !image.leave_out.contains_key(*name)) {
            return Some(Stale::NoLongerLeftOut { image: name(), name: left_out.clone() });
        }
        if image.recommends != self.recommends {
            return Some(match image.recommends {
                Recommends::Taken => Stale::RecommendsTaken(name()),
                Recommends::Ignored => Stale::RecommendsIgnored(name()),
            });
        }
        None
    }

    fn stale_tarballs(&self, image: &Image) -> Option<Stale> {
        let name = || image.name.clone();
        let tarballs: BTreeSet<&TarballName> = image.tarballs().collect();
        if let Some(tarball) = tarballs.iter().find(|tarball| !self.tarballs.contains(**tarball)) {
            return Some(Stale::Holds { image: name(), tarball: (*tarball).clone() });
        }
        let tarball = self.tarballs.iter().find(|tarball| !tarballs.contains(tarball))?;
        Some(Stale::NoLongerHolds { image: name(), tarball: tarball.clone() })
    }

    fn stale_architectures(&self, image: &Image) -> Option<Stale> {
        let defined: BTreeSet<&Architecture> = image.architectures.iter().collect();
        let locked: BTreeSet<&Architecture> = self.packages.keys().collect();
        (defined != locked).then(|| Stale::Architectures {
            image: image.name.clone(),
            defined: list(defined.into_iter().map(ToString::to_string)),
            locked: list(locked.into_iter().map(ToString::to_string)),
        })
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
