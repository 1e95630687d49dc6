//! Built images → one image layout, with an SBOM beside each.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::{Builder, BuiltImage, Owner, Target};
use super::layers::Wanted;
use super::layout::{LayoutDirectory, LayoutError};
use crate::catalog::Catalog;
use crate::debian::control::Paragraph;
use crate::image;
use crate::image::layout::Layout;
use crate::sbom::{Component, Facts, Subject, spdx23};

/// Writes images into a layout, those of one name next to each other: blobs first, then SBOMs, then the
/// index that refers to them. What else the layout has stays, unless the catalog no longer knows it.
pub fn publish(
    directory: &LayoutDirectory,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
) -> Result<(), LayoutError> {
    let mut layout = directory.layout()?;
    keep_others(&mut layout, builder.catalog, built);
    for of_name in built.chunk_by(|(a, _), (b, _)| a.image.name == b.image.name) {
        let mut manifests = Vec::new();
        for (target, built) in of_name {
            for layer in &built.layers {
                let layer = &layer.record.layer;
                directory.add_from(builder.layers.store, layer.digest, layer.size)?;
            }
            directory.add(&built.assembled.config)?;
            directory.add(&built.assembled.manifest)?;
            let reference = format!("{}-{}", target.image.name, target.architecture);
            directory.write_sbom(&reference, &spdx23(&subject(builder.catalog, target, built)))?;
            layout.set(reference, built.assembled.descriptor.clone());
            manifests.push(built.assembled.descriptor.clone());
        }
        let (target, _) = &of_name[0];
        let (index, descriptor) = image::index(manifests, &builder.facts(*target).annotations(None))?;
        directory.add(&index)?;
        layout.set(target.image.name.to_string(), descriptor);
    }
    directory.finish(&layout)
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
            Owner::Step(_) => None,
        })
        .collect();
    let held: BTreeSet<_> = target.packages().map(|wanted| wanted.name).collect();
    let packages = target.packages().map(|Wanted { name, pin, .. }| Component {
        name,
        pin,
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
    }
}
