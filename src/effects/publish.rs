//! Built images → one image layout, with an SBOM beside each.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::builder::{BuildError, Builder, Target};
use super::layout::{LayoutDirectory, LayoutError};
use crate::catalog::Catalog;
use crate::image;
use crate::image::built::{BuiltImage, OwnedLayer};
use crate::image::layout::Layout;
use crate::sbom::{Files, Format, LAYOUT_FORMATS, Licenses};

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
    for (reference, format, text) in sboms(&directory, builder, built)? {
        directory.add_sbom(&reference, format, text);
    }
    keep_others(&mut layout, builder.catalog, built);
    for of_name in built.chunk_by(|(a, _), (b, _)| a.image.name == b.image.name) {
        let mut manifests = Vec::new();
        for (target, built) in of_name {
            for OwnedLayer { record, .. } in &built.layers {
                directory.add_stored(record.layer.digest, record.layer.size);
            }
            directory.add(&built.assembled.config);
            directory.add(&built.assembled.manifest);
            let reference = target.reference();
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

/// The SBOMs of images that the layout does not have as they are to be.
fn sboms(
    directory: &LayoutDirectory,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
) -> Result<Vec<(String, Format, String)>, LayoutError> {
    let of_image = |(target, built): &(Target<'_>, BuiltImage)| {
        let licenses = Licenses::new();
        let subject = target.described(builder.catalog, built, &licenses).subject();
        let mut changed = Vec::new();
        for format in LAYOUT_FORMATS {
            let (reference, text) = (target.reference(), format.render(&subject, Files::Unlisted));
            if !directory.has_sbom(&reference, format, &text)? {
                changed.push((reference, format, text));
            }
        }
        Ok::<_, LayoutError>(changed)
    };
    let changed: Result<Vec<_>, _> = builder.layers.pool.install(|| built.par_iter().map(of_image).collect());
    Ok(changed?.into_iter().flatten().collect())
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
