//! Built images → one image layout, with their SBOMs beside them and what each was built from attached.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use rayon::prelude::*;

use super::builder::{BuildError, Builder, Target};
use super::layout::{LayoutDirectory, LayoutError};
use crate::attest::sealed::{SealError, Sealed, SealedDefinitions};
use crate::attest::{attach, provenance};
use crate::catalog::Catalog;
use crate::catalog::name::ReleaseName;
use crate::digest::Sha256;
use crate::image::built::{BuiltImage, OwnedLayer};
use crate::image::layout::{Layout, sha256};
use crate::image::referrer::{Artifact, Referrer};
use crate::image::{self, Blob};
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
    let indexes = indexes(builder, built)?;
    for referrer in provenances(&layout, builder, built, &indexes, verdicts, definitions)? {
        attach(&mut directory, &mut layout, &referrer);
    }
    for Sbom { reference, format, text, referrer } in sboms(&directory, &layout, builder, built, verdicts)? {
        directory.add_sbom(&reference, format, text);
        layout.detach_all(referrer.subject, format.media_type());
        attach(&mut directory, &mut layout, &referrer);
    }
    keep_others(&mut layout, builder.catalog, built);
    for Index { platforms, blob, descriptor } in indexes {
        for (target, built) in platforms {
            for OwnedLayer { record, .. } in &built.layers {
                directory.add_stored(record.layer.digest, record.layer.size);
            }
            directory.add(&built.assembled.config);
            directory.add(&built.assembled.manifest);
            layout.set(target.reference(), built.assembled.descriptor.clone());
        }
        directory.add(&blob);
        layout.set(platforms[0].0.image.name.to_string(), descriptor);
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

/// What images of one name are listed in.
struct Index<'a> {
    platforms: &'a [(Target<'a>, BuiltImage)],
    blob: Blob,
    descriptor: Descriptor,
}

fn indexes<'a>(
    builder: &Builder<'_>,
    built: &'a [(Target<'a>, BuiltImage)],
) -> Result<Vec<Index<'a>>, LayoutError> {
    let of_name = built.chunk_by(|(a, _), (b, _)| a.image.name == b.image.name);
    let index = |platforms: &'a [(Target<'a>, BuiltImage)]| {
        let manifests = platforms.iter().map(|(_, built)| built.assembled.descriptor.clone()).collect();
        let (blob, descriptor) = image::index(manifests, &builder.facts(platforms[0].0).annotations(None))?;
        Ok(Index { platforms, blob, descriptor })
    };
    of_name.map(index).collect()
}

/// What images and indexes were built from, of those of which the layout does not have it.
fn provenances(
    layout: &Layout,
    builder: &Builder<'_>,
    built: &[(Target<'_>, BuiltImage)],
    indexes: &[Index<'_>],
    verdicts: &[Verdicts],
    definitions: &SealedDefinitions,
) -> Result<Vec<Referrer>, PublishError> {
    let images: Vec<_> = built
        .iter()
        .zip(verdicts)
        .filter(|((_, built), _)| !has_provenance(layout, built.assembled.manifest.digest))
        .collect();
    let indexes: Vec<_> = indexes.iter().filter(|index| !has_provenance(layout, index.blob.digest)).collect();
    let of_indexes = indexes.iter().map(|index| &index.platforms[0].0);
    let sealed = sealed(definitions, images.iter().map(|((target, _), _)| target).chain(of_indexes))?;
    let of_image = |((target, built), verdicts): &(&(Target<'_>, BuiltImage), &Verdicts)| {
        let sealed = &sealed[&target.lock.release];
        let subject = target.described(builder.catalog, built, verdicts).subject();
        let artifact = provenance::artifact(&provenance::of_image(&subject, sealed), sealed)?;
        artifact.attach(&built.assembled.descriptor)
    };
    let of_index = |Index { platforms, blob, descriptor }: &Index<'_>| {
        let (target, _) = &platforms[0];
        let (name, sealed) = (&target.image.name, &sealed[&target.lock.release]);
        let manifest = |(target, built): &(Target<'_>, BuiltImage)| {
            (target.reference(), built.assembled.manifest.digest)
        };
        let manifests: Vec<_> = platforms.iter().map(manifest).collect();
        let organization = &builder.catalog.organization;
        let statement = provenance::of_index(name, blob.digest, &manifests, organization, sealed);
        provenance::artifact(&statement, sealed)?.attach(descriptor)
    };
    let of_images = || images.par_iter().map(of_image).collect();
    let referrers: Result<Vec<_>, OciSpecError> = builder.layers.pool.install(of_images);
    let mut referrers = referrers.map_err(LayoutError::from)?;
    for index in indexes {
        referrers.push(of_index(index).map_err(LayoutError::from)?);
    }
    Ok(referrers)
}

/// The locks of images, each sealed with the definitions.
fn sealed<'a>(
    definitions: &SealedDefinitions,
    targets: impl Iterator<Item = &'a Target<'a>>,
) -> Result<BTreeMap<&'a ReleaseName, Sealed>, SealError> {
    let locks: BTreeMap<_, _> = targets.map(|target| (&target.lock.release, target.lock)).collect();
    locks.into_iter().map(|(release, lock)| Ok((release, definitions.seal(lock)?))).collect()
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
            if !layout.has_referrer(&referrer) || !directory.has_sbom(&reference, format, &text) {
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
            let of_architectures = image.architectures.iter().map(|on| image.name.on(on));
            of_architectures.chain([image.name.to_string()])
        })
        .collect();
    layout.retain(|name| kept.contains(name));
}
