//! Built images → one image layout, with their SBOMs beside them and what each was built from attached.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::builder::{BuildError, Builder, Target};
use super::layout::{LayoutDirectory, LayoutError};
use crate::attest::sealed::{SealError, Sealed, SealedDefinitions};
use crate::attest::{attach, provenance};
use crate::catalog::Catalog;
use crate::catalog::name::ReleaseName;
use crate::digest::Sha256;
use crate::image;
use crate::image::built::{BuiltImage, OwnedLayer};
use crate::image::layout::{Layout, sha256};
use crate::image::referrer::{Artifact, Referrer};
use crate::license::Verdicts;
use crate::sbom::{Files, Format, LAYOUT_FORMATS};

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("a layer is damaged in the store, and could not be made anew")]
    Mend(#[from] BuildError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Writes images into a layout, those of one name next to each other. What else the layout has stays,
/// unless the catalog no longer knows it.
pub fn publish(
    mut directory: LayoutDirectory,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
    verdicts: &[Verdicts],
    definitions: &SealedDefinitions,
) -> Result<(), PublishError> {
    let store = builder.layers.store;
    let mut layout = directory.layout()?;
    let sealed = sealed(definitions, built)?;
    for referrer in provenances(&layout, builder, built, verdicts, &sealed)? {
        attach(&mut directory, &mut layout, &referrer);
    }
    for Sbom { reference, format, text, referrer } in sboms(&directory, &layout, builder, built, verdicts)? {
        directory.add_sbom(&reference, format, text);
        layout.detach_all(referrer.subject, format.media_type());
        attach(&mut directory, &mut layout, &referrer);
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
        if !has_provenance(&layout, index.digest) {
            let of_platform = |(target, built): &(Target<'_>, BuiltImage)| {
                (target.reference(), built.assembled.manifest.digest)
            };
            let manifests: Vec<_> = of_name.iter().map(of_platform).collect();
            let (name, sealed) = (&target.image.name, &sealed[&target.lock.release]);
            let organization = &builder.catalog.organization;
            let statement = provenance::of_index(name, index.digest, &manifests, organization, sealed);
            let artifact = provenance::artifact(&statement, sealed).map_err(LayoutError::from)?;
            let referrer = artifact.attach(&descriptor).map_err(LayoutError::from)?;
            attach(&mut directory, &mut layout, &referrer);
        }
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

/// Attaches OpenVEX documents to images by their references, in place of those that they had; `None` where nothing is
/// known of an image. Returns how many of the images had others.
pub fn attach_vex(
    mut directory: LayoutDirectory,
    documents: &[(String, Option<String>)],
) -> Result<usize, LayoutError> {
    let mut layout = directory.layout()?;
    let mut changed = 0;
    for (reference, text) in documents {
        let Some(image) = layout.get(reference).cloned() else { return Err(directory.lacks(reference)) };
        let subject = sha256(&image)?;
        let referrers = text.as_ref().map(|text| attach::vex(reference, &image, text)).transpose()?;
        let attached: BTreeSet<_> = layout
            .referrers(subject)
            .filter(|of| attach::is_vex(of))
            .map(sha256)
            .collect::<Result<_, _>>()?;
        let referrers: Vec<_> = referrers.into_iter().flatten().collect();
        changed +=
            usize::from(attached != referrers.iter().map(|referrer| referrer.manifest.digest).collect());
        layout.detach_if(subject, attach::is_vex);
        referrers.iter().for_each(|referrer| attach(&mut directory, &mut layout, referrer));
    }
    directory.finish_documents(layout)?;
    Ok(changed)
}

/// The locks of images, each sealed with the definitions.
fn sealed<'a>(
    definitions: &SealedDefinitions,
    built: &'a [(Target<'_>, BuiltImage)],
) -> Result<BTreeMap<&'a ReleaseName, Sealed>, SealError> {
    let locks: BTreeMap<_, _> = built.iter().map(|(target, _)| (&target.lock.release, target.lock)).collect();
    locks.into_iter().map(|(release, lock)| Ok((release, definitions.seal(lock)?))).collect()
}

/// What images of one platform were built from, of those of which the layout does not have it.
fn provenances(
    layout: &Layout,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
    verdicts: &[Verdicts],
    sealed: &BTreeMap<&ReleaseName, Sealed>,
) -> Result<Vec<Referrer>, LayoutError> {
    let lacking = built
        .par_iter()
        .zip(verdicts)
        .filter(|((_, built), _)| !has_provenance(layout, built.assembled.manifest.digest));
    let of_image = |((target, built), verdicts): (&(Target<'_>, BuiltImage), &Verdicts)| {
        let sealed = &sealed[&target.lock.release];
        let subject = target.described(builder.catalog, built, verdicts).subject();
        let artifact = provenance::artifact(&provenance::of_image(&subject, sealed), sealed)?;
        artifact.attach(&built.assembled.descriptor)
    };
    let referrers: Result<Vec<_>, _> = builder.layers.pool.install(|| lacking.map(of_image).collect());
    Ok(referrers?)
}

fn has_provenance(layout: &Layout, image: Sha256) -> bool {
    layout.referrers(image).any(provenance::is_provenance)
}

fn attach(directory: &mut LayoutDirectory, layout: &mut Layout, referrer: &Referrer) {
    referrer.blobs.iter().chain([&referrer.manifest]).for_each(|blob| directory.add(blob));
    layout.attach(referrer);
}

/// A document, as a file beside the layout and as what refers to its image.
struct Sbom {
    reference: String,
    format: Format,
    text: String,
    referrer: Referrer,
}

/// The SBOMs of images that the layout does not have as they are to be.
fn sboms(
    directory: &LayoutDirectory,
    layout: &Layout,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
    verdicts: &[Verdicts],
) -> Result<Vec<Sbom>, LayoutError> {
    let of_image = |((target, built), verdicts): (&(Target<'_>, BuiltImage), &Verdicts)| {
        let subject = target.described(builder.catalog, built, verdicts).subject();
        let mut changed = Vec::new();
        for format in LAYOUT_FORMATS {
            let (reference, text) = (target.reference(), format.render(&subject, Files::Unlisted));
            let artifact = Artifact::of_file(format.media_type(), format.file_name(&reference), &text);
            let referrer = artifact.attach(&built.assembled.descriptor)?;
            if !layout.has_referrer(&referrer) || !directory.has_sbom(&reference, format, &text)? {
                changed.push(Sbom { reference, format, text, referrer });
            }
        }
        Ok::<_, LayoutError>(changed)
    };
    let changed: Result<Vec<_>, _> =
        builder.layers.pool.install(|| built.par_iter().zip(verdicts).map(of_image).collect());
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
