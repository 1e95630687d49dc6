//! Images as a lock has them.

use std::collections::BTreeMap;

use super::{Closure, Lock, Pin, TarballPin};
use crate::catalog::name::TarballName;
use crate::catalog::tarball::Tarball;
use crate::catalog::template::{Held, Scope};
use crate::catalog::{Catalog, Image, Platform, Release};
use crate::debian::{Architecture, PackageName};

/// An image of the catalog on one architecture, and the lock that pins what it holds.
#[derive(Clone, Copy)]
pub struct LockedImage<'a> {
    pub catalog: &'a Catalog,
    pub image: &'a Image,
    pub architecture: &'a Architecture,
    pub lock: &'a Lock,
    pub closure: &'a Closure,
}

impl<'a> LockedImage<'a> {
    /// The image in the lock of its release; `None` where that does not have it.
    #[must_use]
    pub fn find(
        catalog: &'a Catalog,
        image: &'a Image,
        architecture: &'a Architecture,
        lock: &'a Lock,
    ) -> Option<Self> {
        let closure = lock.closure(&image.name)?;
        let is_locked = closure.packages.contains_key(architecture);
        is_locked.then_some(Self { catalog, image, architecture, lock, closure })
    }

    /// The name in a layout: `cc-debian13:debug-amd64`.
    #[must_use]
    pub fn reference(self) -> String {
        self.image.name.on(self.architecture)
    }

    #[must_use]
    pub fn release(self) -> &'a Release {
        &self.catalog.releases[&self.image.name.release]
    }

    #[must_use]
    pub fn platform(self) -> &'a Platform {
        &self.catalog.platforms[self.architecture]
    }

    /// The packages that the image holds, by name.
    pub fn pins(self) -> impl Iterator<Item = (&'a PackageName, &'a Pin)> {
        let names = self.closure.packages.get(self.architecture).into_iter().flatten();
        names.filter_map(move |name| Some((name, self.pin(name)?)))
    }

    /// A package on the image's architecture, whether the image holds it or not.
    #[must_use]
    pub fn pin(self, name: &PackageName) -> Option<&'a Pin> {
        self.lock.pin(name, self.architecture)
    }

    /// The upstream tarballs that the image holds.
    pub fn tarballs(self) -> impl Iterator<Item = (&'a TarballName, &'a Tarball, &'a TarballPin)> {
        let names = self.closure.tarballs.iter();
        names.filter_map(move |name| {
            let (definition, file) = self.tarball(name)?;
            Some((name, definition, file))
        })
    }

    /// The definition of an upstream tarball, and its file for the image's architecture.
    #[must_use]
    pub fn tarball(self, name: &TarballName) -> Option<(&'a Tarball, &'a TarballPin)> {
        let file = self.lock.tarballs.get(name)?.files.get(self.architecture)?;
        Some((self.catalog.tarballs.get(name)?, file))
    }

    /// What templates of the image can speak of.
    #[must_use]
    pub fn scope(self, environment: &'a BTreeMap<String, String>) -> Scope<'a> {
        let packages = self.pins().map(|(name, pin)| (name.to_string(), pin.version.clone()));
        let tarballs =
            self.tarballs().map(|(name, definition, _)| (name.to_string(), definition.version.clone()));
        Scope {
            release: (&self.image.name.release, self.release()),
            image: Some(&self.image.name),
            architecture: Some((self.architecture, self.platform())),
            held: Some(Held { packages: packages.collect(), tarballs: tarballs.collect() }),
            environment,
        }
    }
}
