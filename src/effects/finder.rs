//! Which images hold a file or a licence, by the layers in the store and the SBOMs in a layout.

use std::collections::BTreeSet;
use std::path::Path;

use super::builder::{BuildError, Builder, Target};
use super::files::FileError;
use super::layers::Layers;
use super::layout::read_sbom;
use super::places::Places;
use crate::audit::{Inventory, InventoryError};
use crate::catalog::Catalog;
use crate::find::{FilePattern, FileRow, Findings, LicensePattern, LicenseRow, note};
use crate::image::built::{OwnedLayer, Owner};
use crate::lock::LockedImage;
use crate::tree::Kind;

/// What was found, and the images that could not be looked into.
pub struct Found<T> {
    pub findings: Findings<T>,
    pub unseen: BTreeSet<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum FinderError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the SBOM of {reference} cannot be read")]
    Sbom { reference: String, source: InventoryError },
}

/// The images that hold files, by the layers that the store has of what is locked. Unseen are those of which it has
/// not all.
pub fn files(
    catalog: &Catalog,
    images: &[LockedImage<'_>],
    pattern: &FilePattern,
    layers: &Layers<'_>,
    places: &Places<'_>,
) -> Result<Found<FileRow>, FinderError> {
    let targets: Vec<_> = images.iter().map(|&locked| Target { locked, places }).collect();
    let looked_up = layers.look_up(targets.iter().flat_map(Target::inputs));
    let (records, missing) = looked_up.map_err(BuildError::from)?;
    let missing: BTreeSet<_> = missing.into_iter().map(|input| layers.key(input)).collect();
    let builder = Builder { catalog, layers, records };
    let (mut findings, mut unseen) = (Findings::new(), BTreeSet::new());
    for target in targets {
        let held = target.locked;
        if target.inputs().any(|input| missing.contains(&layers.key(input))) {
            unseen.insert(held.reference());
            continue;
        }
        for OwnedLayer { owner, record, .. } in &builder.build(target)?.layers {
            for listed in record.listing.iter() {
                let path = listed.path.to_string();
                let is = match &listed.kind {
                    Kind::Directory if !pattern.is_exact() => continue,
                    Kind::Directory => "directory".to_owned(),
                    Kind::Symlink(target) => format!("link to {target}"),
                    _ => "file".to_owned(),
                };
                if pattern.admits(&path) {
                    note(&mut findings, held, FileRow { path, owner: shown(held, owner), is });
                }
            }
        }
    }
    Ok(Found { findings, unseen })
}

/// The images that hold something under a licence, by their SBOMs in a layout. Unseen are those that are not built,
/// and those of which the SBOM does not say the licence of all that they hold.
pub fn licenses(
    out: &Path,
    images: &[LockedImage<'_>],
    pattern: &LicensePattern,
) -> Result<Found<LicenseRow>, FinderError> {
    let (mut findings, mut unseen) = (Findings::new(), BTreeSet::new());
    for held in images {
        let reference = held.reference();
        let Some(text) = read_sbom(out, &reference)? else {
            unseen.insert(reference);
            continue;
        };
        let inventory = Inventory::parse(&text)
            .map_err(|source| FinderError::Sbom { reference: reference.clone(), source })?;
        for element in inventory.contents() {
            let of = |license: &Option<String>| license.clone().filter(|text| pattern.admits(text));
            let concluded = of(&element.license_concluded);
            let declared_only = concluded.is_none();
            if let Some(license) = concluded.or_else(|| of(&element.license_declared)) {
                let (package, version) = (element.name.clone(), element.version.clone().unwrap_or_default());
                note(&mut findings, *held, LicenseRow { package, version, license, declared_only });
            }
            if element.license_concluded.is_none() && element.license_declared.is_none() {
                unseen.insert(reference.clone());
            }
        }
    }
    Ok(Found { findings, unseen })
}

/// `libc6 2.41-12`, `step accounts`.
fn shown(held: LockedImage<'_>, owner: &Owner) -> String {
    let version = match owner {
        Owner::Package(name) => held.pin(name).map(|pin| &pin.version),
        Owner::Tarball(_) | Owner::Step(_) => None,
    };
    version.map_or_else(|| owner.to_string(), |version| format!("{owner} {version}"))
}
