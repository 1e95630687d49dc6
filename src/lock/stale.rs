//! Why a lock does not fit the definitions.

use std::collections::BTreeSet;

use crate::catalog::name::{ImageName, ReleaseName};
use crate::catalog::{Catalog, Image, Release, Suite};
use crate::debian::{Architecture, PackageName};
use crate::resolve::Recommends;

use super::{Closure, Lock, LockedSuite};

/// The first thing found that the definitions say and the lock does not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("it does not know the image {0}")]
    MissingImage(ImageName),
    #[error("it holds the image {0}, which the catalog no longer has")]
    ExtraImage(ImageName),
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
    #[error("{image} is for {defined}, the lock has it for {locked}")]
    Architectures { image: ImageName, defined: String, locked: String },
    #[error("the release takes packages from {defined}, the lock from {locked}")]
    Suites { defined: String, locked: String },
    #[error("its suite `{suite}` is signed by none of the keys that the catalog trusts")]
    Untrusted { suite: String },
}

impl Lock {
    /// Why the lock does not fit the catalog; `None` where it does.
    #[must_use]
    pub fn staleness(&self, catalog: &Catalog) -> Option<Stale> {
        let release = catalog.releases.get(&self.release)?;
        self.stale_suites(release).or_else(|| self.stale_images(catalog, &self.release))
    }

    fn stale_suites(&self, release: &Release) -> Option<Stale> {
        let defined = list(release.suites.iter().map(|Suite { archive, name }| format!("{archive} {name}")));
        let mut locked: Vec<_> =
            self.suites.iter().map(|LockedSuite { archive, name, .. }| format!("{archive} {name}")).collect();
        locked.dedup();
        let locked = list(locked.into_iter());
        if defined != locked {
            return Some(Stale::Suites { defined, locked });
        }
        let trusted = |suite: &&LockedSuite| suite.signed_by.iter().any(|key| release.keys.contains(key));
        let untrusted = self.suites.iter().find(|suite| !trusted(suite))?;
        Some(Stale::Untrusted { suite: untrusted.name.clone() })
    }

    fn stale_images(&self, catalog: &Catalog, release: &ReleaseName) -> Option<Stale> {
        for image in catalog.images_of(release) {
            match self.closure(&image.name) {
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
        locked.into_iter().find(|name| !defined.contains(name)).map(Stale::ExtraImage)
    }
}

impl Closure {
    /// Whether an image asks for something else than what was resolved, on whatever architecture.
    pub(super) fn asks_otherwise(&self, image: &Image) -> bool {
        !matches!(self.staleness(image), None | Some(Stale::Architectures { .. }))
    }

    fn staleness(&self, image: &Image) -> Option<Stale> {
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
        let defined: BTreeSet<&Architecture> = image.architectures.iter().collect();
        let locked: BTreeSet<&Architecture> = self.packages.keys().collect();
        (defined != locked).then(|| Stale::Architectures {
            image: name(),
            defined: list(defined.into_iter().map(ToString::to_string)),
            locked: list(locked.into_iter().map(ToString::to_string)),
        })
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
