//! Built images → one image layout, with an SBOM beside each.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::{BuildError, Builder, BuiltImage, OwnedLayer, Owner, Target};
use super::layers::{Wanted, WantedTarball};
use super::layout::{LayoutDirectory, LayoutError};
use crate::catalog::Catalog;
use crate::catalog::name::ArchiveName;
use crate::debian::control::Paragraph;
use crate::image;
use crate::image::layout::Layout;
use crate::sbom::{Component, Facts, Subject, ThirdParty, UpstreamComponent, spdx23};

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("a layer is damaged in the store, and could not be made anew")]
    Mend(#[from] BuildError),
}

/// Writes images into a layout, those of one name next to each other. What else the layout has stays,
/// unless the catalog no longer knows it.
pub fn publish(
    mut directory: LayoutDirectory,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
) -> Result<(), PublishError> {
    let store = builder.layers.store;
    let mut layout = directory.layout()?;
    keep_others(&mut layout, builder.catalog, built);
    for of_name in built.chunk_by(|(a, _), (b, _)| a.image.name == b.image.name) {
        let mut manifests = Vec::new();
        for (target, built) in of_name {
            for OwnedLayer { record, .. } in &built.layers {
                directory.add_stored(record.layer.digest, record.layer.size);
            }
            directory.add(&built.assembled.config);
            directory.add(&built.assembled.manifest);
            let reference = format!("{}-{}", target.image.name, target.architecture);
            directory.add_sbom(&reference, spdx23(&subject(builder.catalog, target, built)));
            layout.set(reference, built.assembled.descriptor.clone());
            manifests.push(built.assembled.descriptor.clone());
        }
        let (target, _) = &of_name[0];
        let (index, descriptor) =
            image::index(manifests, &builder.facts(*target).annotations(None)).map_err(LayoutError::from)?;
        directory.add(&index);
        layout.set(target.image.name.to_string(), descriptor);
    }
    let lost = directory.write(store)?;
    if !lost.is_empty() {
        let lost = |layer: &OwnedLayer| lost.contains(&layer.record.layer.digest);
        for (target, _) in built.iter().filter(|(_, built)| built.layers.iter().any(lost)) {
            builder.mend(*target)?;
        }
    }
    Ok(directory.finish(store, layout)?)
}

/// Takes out of a layout what is built anew, and what the catalog no longer has.
fn keep_others(layout: &mut Layout, catalog: &Catalog, built: &[(Target<'_>, BuiltImage)]) {
    let built: BTreeSet<_> = built.iter().map(|(target, _)| &target.image.name).collect();
    let others = catalog.images().filter(|image| !built.contains(&image.name));
    let kept: BTreeSet<String> = others
        .flat_map(|image| {
            let of_architectures = image.architectures.iter().map(|on| format!("{}-{on}", image.name));
            of_architectures.chain([image.name.to_string()])
        })
        .collect();
    layout.retain(|name| kept.contains(name));
}

/// What the SBOM of an image speaks of.
fn subject<'a>(catalog: &'a Catalog, target: &Target<'a>, built: &'a BuiltImage) -> Subject<'a> {
    let controls: BTreeMap<_, _> = built
        .layers
        .iter()
        .filter_map(|layer| match &layer.owner {
            Owner::Package(name) => Some((name, Paragraph::of(&layer.record.control))),
            Owner::Tarball(_) | Owner::Step(_) => None,
        })
        .collect();
    let held: BTreeSet<_> = target.packages().map(|wanted| wanted.name).collect();
    let packages = target.packages().map(|Wanted { name, pin, .. }| Component {
        name,
        pin,
        third_party: third_party(catalog, &pin.archive),
        depends: pin.depends.iter().filter(|name| held.contains(name)).collect(),
        facts: controls.get(name).map_or_else(Facts::default, Facts::of),
    });
    Subject {
        image: &target.image.name,
        architecture: target.architecture,
        platform: target.platform,
        release: target.release,
        organization: &catalog.organization,
        manifest: built.assembled.manifest.digest,
        created: built.created,
        packages: packages.collect(),
        tarballs: target
            .tarballs()
            .map(|WantedTarball { definition, file, name, .. }| UpstreamComponent { name, definition, file })
            .collect(),
    }
}

fn third_party<'a>(catalog: &'a Catalog, archive: &'a ArchiveName) -> Option<ThirdParty<'a>> {
    let known = catalog.archives.get(archive).filter(|known| known.is_third_party())?;
    Some(ThirdParty { archive, url: known.mirrors.first() })
}
