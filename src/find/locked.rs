//! What images hold, as the locks have it.

use std::collections::BTreeMap;

use super::Holders;
use super::query::PackageQuery;
use super::rows::{PackageRow, VulnerabilityRow};
use crate::advisory::{Code, Tracker};
use crate::catalog::{Archive, Catalog};
use crate::lock::{LockedImage, LockedTarball, Pin};

/// What was found, and which images hold it.
pub type Findings<T> = BTreeMap<T, Holders>;

/// Notes that an image holds something.
pub fn note<T: Ord>(findings: &mut Findings<T>, held: LockedImage<'_>, what: T) {
    findings.entry(what).or_default().add(&held.image.name, held.architecture);
}

/// The images that hold binary packages, or upstream tarballs.
#[must_use]
pub fn packages(images: &[LockedImage<'_>], query: &PackageQuery) -> Findings<PackageRow> {
    let mut found = Findings::new();
    for held in images {
        for (name, pin) in held.pins() {
            if query.admits(name, &pin.version, &pin.architecture) {
                note(&mut found, *held, PackageRow::of(name, pin, None));
            }
        }
        for name in &held.closure.tarballs {
            let Some(LockedTarball { version, .. }) = held.lock.tarballs.get(name) else { continue };
            let software = held.catalog.tarballs.get(name).map_or(name.as_str(), |known| &known.software);
            if query.admits_software(software, version) || query.admits_software(name.as_str(), version) {
                note(&mut found, *held, PackageRow::of_tarball(name, software, version));
            }
        }
    }
    found
}

/// The images that hold code of source packages.
#[must_use]
pub fn sources(images: &[LockedImage<'_>], query: &PackageQuery) -> Findings<PackageRow> {
    let mut found = Findings::new();
    for held in images {
        for (name, pin) in held.pins() {
            for (place, source) in pin.sources().enumerate().filter(|(_, source)| query.admits_source(source))
            {
                note(&mut found, *held, PackageRow::of(name, pin, (place > 0).then_some(&source)));
            }
        }
    }
    found
}

/// What the tracker says of the code that images hold.
#[must_use]
pub fn vulnerabilities(images: &[LockedImage<'_>], tracker: &Tracker) -> Findings<VulnerabilityRow> {
    let mut found = Findings::new();
    for held in images {
        let codename = &held.release().codename;
        for (name, pin) in held.pins().filter(|(_, pin)| !is_third_party(held.catalog, pin)) {
            for (place, source) in pin.sources().enumerate() {
                let code = Code { source: &source.name, version: &source.version, built_in: place > 0 };
                for advisory in tracker.judge(codename, code) {
                    note(&mut found, *held, VulnerabilityRow::of(name, pin, code, &advisory));
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
