//! Built images → one image layout, with their SBOMs beside them and what each was built from attached.

use std::collections::{BTreeMap, BTreeSet};

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
use crate::image::referrer::{Artifact, Referrer, is_of_type};
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
    let author = Author::new(&directory, &layout, builder.catalog, (built, &indexes), definitions)?;
    let images = built.par_iter().zip(verdicts);
    let said = images.map(|((target, built), verdicts)| author.say(target, built, verdicts));
    let said: Vec<Said> = builder.layers.pool.install(|| said.collect::<Result<_, LayoutError>>())?;
    let origins: Vec<_> =
        indexes.iter().map(|index| author.origin(index)).collect::<Result<_, LayoutError>>()?;
    for Said { provenance, sboms } in said {
        if let Some(referrer) = provenance {
            attach(&mut directory, &mut layout, &referrer);
        }
        for Sbom { reference, format, text, referrer } in sboms {
            directory.add_sbom(&reference, format, text);
            layout.detach_if(referrer.subject, |of| is_of_type(of, format.media_type()));
            attach(&mut directory, &mut layout, &referrer);
        }
    }
    for referrer in origins.into_iter().flatten() {
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

fn attach(directory: &mut LayoutDirectory, layout: &mut Layout, referrer: &Referrer) {
    referrer.blobs.iter().chain([&referrer.manifest]).for_each(|blob| directory.add(blob));
    layout.attach(referrer);
}

/// What is said of an image that the layout does not have as it is to be.
struct Said {
    provenance: Option<Referrer>,
    sboms: Vec<Sbom>,
}

/// A document, as a file beside the layout and as what refers to its image.
struct Sbom {
    reference: String,
    format: Format,
    text: String,
    referrer: Referrer,
}

/// Says of images and indexes what the layout does not say of them yet.
struct Author<'g> {
    directory: &'g LayoutDirectory,
    layout: &'g Layout,
    catalog: &'g Catalog,
    /// For each release with an image or index of which the layout does not say what it was built from.
    sealed: BTreeMap<&'g ReleaseName, Sealed>,
}

impl<'g> Author<'g> {
    fn new(
        directory: &'g LayoutDirectory,
        layout: &'g Layout,
        catalog: &'g Catalog,
        (built, indexes): (&'g [(Target<'g>, BuiltImage)], &[Index<'g>]),
        definitions: &SealedDefinitions,
    ) -> Result<Self, SealError> {
        let mut author = Self { directory, layout, catalog, sealed: BTreeMap::new() };
        let of_images = built.iter().map(|(target, built)| (target, built.assembled.manifest.digest));
        let of_indexes = indexes.iter().map(|index| (&index.platforms[0].0, index.blob.digest));
        for (Target { lock, .. }, digest) in of_images.chain(of_indexes) {
            if author.lacks_provenance(digest) && !author.sealed.contains_key(&lock.release) {
                author.sealed.insert(&lock.release, definitions.seal(lock)?);
            }
        }
        Ok(author)
    }

    fn lacks_provenance(&self, digest: Sha256) -> bool {
        !self.layout.referrers(digest).any(provenance::is_provenance)
    }

    fn say(&self, target: &Target<'_>, built: &BuiltImage, verdicts: &Verdicts) -> Result<Said, LayoutError> {
        let image = &built.assembled;
        let subject = target.described(self.catalog, built, verdicts).subject();
        let provenance = if self.lacks_provenance(image.manifest.digest) {
            let sealed = &self.sealed[&target.lock.release];
            let artifact = provenance::artifact(&provenance::of_image(&subject, sealed), sealed)?;
            Some(artifact.attach(&image.descriptor)?)
        } else {
            None
        };
        let mut sboms = Vec::new();
        for format in LAYOUT_FORMATS {
            let (reference, text) = (target.reference(), format.render(&subject, Files::Unlisted));
            let artifact = Artifact::of_file(format.media_type(), format.file_name(&reference), &text);
            let referrer = artifact.attach(&image.descriptor)?;
            if !self.layout.has_referrer(&referrer) || !self.directory.has_sbom(&reference, format, &text) {
                sboms.push(Sbom { reference, format, text, referrer });
            }
        }
        Ok(Said { provenance, sboms })
    }

    /// What an index was built from; `None` where the layout says it.
    fn origin(&self, index: &Index<'_>) -> Result<Option<Referrer>, LayoutError> {
        let Index { platforms, blob, descriptor } = index;
        if !self.lacks_provenance(blob.digest) {
            return Ok(None);
        }
        let (target, _) = &platforms[0];
        let (name, sealed) = (&target.image.name, &self.sealed[&target.lock.release]);
        let manifest = |(target, built): &(Target<'_>, BuiltImage)| {
            (target.reference(), built.assembled.manifest.digest)
        };
        let manifests: Vec<_> = platforms.iter().map(manifest).collect();
        let statement =
            provenance::of_index(name, blob.digest, &manifests, &self.catalog.organization, sealed);
        Ok(Some(provenance::artifact(&statement, sealed)?.attach(descriptor)?))
    }
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
