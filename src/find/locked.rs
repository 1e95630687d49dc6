//! Images as the locks have them.

use std::collections::BTreeMap;

use super::Holders;
use super::query::PackageQuery;
use super::rows::{PackageRow, VulnerabilityRow};
use crate::advisory::{Code, Tracker};
use crate::catalog::name::TarballName;
use crate::catalog::{Archive, Catalog, Image};
use crate::debian::{Architecture, PackageName};
use crate::lock::{Closure, Lock, Pin};

/// What was found, and which images hold it.
pub type Findings<T> = BTreeMap<T, Holders>;

/// An image of one architecture, as a lock has it.
#[derive(Clone, Copy)]
pub struct Locked<'a> {
    pub image: &'a Image,
    pub architecture: &'a Architecture,
    pub lock: &'a Lock,
    pub closure: &'a Closure,
}

impl<'a> Locked<'a> {
    /// The image in the lock of its release; `None` where that does not have it.
    #[must_use]
    pub fn find(image: &'a Image, architecture: &'a Architecture, lock: &'a Lock) -> Option<Self> {
        let closure = lock.closure(&image.name)?;
        closure.packages.contains_key(architecture).then_some(Self { image, architecture, lock, closure })
    }

    /// `cc-debian13:debug-amd64`
    #[must_use]
    pub fn reference(self) -> String {
        self.image.name.on(self.architecture)
    }

    /// Notes that the image holds something.
    pub fn note<T: Ord>(self, findings: &mut Findings<T>, what: T) {
        findings.entry(what).or_default().add(&self.image.name, self.architecture);
    }

    fn pins(self) -> impl Iterator<Item = (&'a PackageName, &'a Pin)> {
        let names = self.closure.packages.get(self.architecture).into_iter().flatten();
        names.filter_map(move |name| Some((name, self.lock.pin(name, self.architecture)?)))
    }

    fn tarballs(self) -> impl Iterator<Item = (&'a TarballName, &'a str)> {
        let names = self.closure.tarballs.iter();
        names.filter_map(move |name| Some((name, self.lock.tarballs.get(name)?.version.as_str())))
    }
}

/// The images that hold binary packages, or upstream tarballs.
#[must_use]
pub fn packages(catalog: &Catalog, images: &[Locked<'_>], query: &PackageQuery) -> Findings<PackageRow> {
    let mut found = Findings::new();
    for held in images {
        for (name, pin) in held.pins() {
            if query.admits(name, &pin.version, &pin.architecture) {
                held.note(&mut found, PackageRow::of(name, pin, None));
            }
        }
        for (name, version) in held.tarballs() {
            let software = catalog.tarballs.get(name).map_or(name.as_str(), |known| &known.software);
            if query.admits_software(software, version) || query.admits_software(name.as_str(), version) {
                held.note(&mut found, PackageRow::of_tarball(name, software, version));
            }
        }
    }
    found
}

/// The images that hold code of source packages.
#[must_use]
pub fn sources(images: &[Locked<'_>], query: &PackageQuery) -> Findings<PackageRow> {
    let mut found = Findings::new();
    for held in images {
        for (name, pin) in held.pins() {
            for (place, source) in pin.sources().enumerate().filter(|(_, source)| query.admits_source(source))
            {
                held.note(&mut found, PackageRow::of(name, pin, (place > 0).then_some(&source)));
            }
        }
    }
    found
}

/// What the tracker says of the code that images hold.
#[must_use]
pub fn vulnerabilities(
    catalog: &Catalog,
    images: &[Locked<'_>],
    tracker: &Tracker,
) -> Findings<VulnerabilityRow> {
    let mut found = Findings::new();
    for held in images {
        let codename = &catalog.releases[&held.image.name.release].codename;
        for (name, pin) in held.pins().filter(|(_, pin)| !is_third_party(catalog, pin)) {
            for (place, source) in pin.sources().enumerate() {
                let code = Code { source: &source.name, version: &source.version, built_in: place > 0 };
                for advisory in tracker.judge(codename, code) {
                    held.note(&mut found, VulnerabilityRow::of(name, pin, code, &advisory));
                }
            }
        }
    }
    found
}

/// Whether Debian's advisories do not speak of a package.
fn is_third_party(catalog: &Catalog, pin: &Pin) -> bool {
    catalog.archives.get(&pin.archive).is_some_and(Archive::is_third_party)
}
