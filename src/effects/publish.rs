//! Built images → one image layout, with their SBOMs beside them and what each was built from attached.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use rayon::prelude::*;

use super::builder::{BuildError, Builder, Target};
use super::layout::{LayoutDirectory, LayoutError};
use super::signing;
use crate::attest::sealed::{SealError, Sealed, SealedDefinitions};
use crate::attest::{attach, provenance};
use crate::catalog::Catalog;
use crate::catalog::name::{ImageName, ReleaseName};
use crate::digest::Sha256;
use crate::image::built::{BuiltImage, OwnedLayer, Verdicts};
use crate::image::config::annotations;
use crate::image::layout::{Layout, sha256};
use crate::image::referrer::{Artifact, Referrer, is_of_type};
use crate::image::{self, Blob};
use crate::lock::LockedImage;
use crate::sbom::{Files, Format, LAYOUT_FORMATS, Subject};

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("a layer is damaged in the store, and could not be made anew")]
    Mend(#[from] BuildError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<OciSpecError> for PublishError {
    fn from(error: OciSpecError) -> Self {
        LayoutError::from(error).into()
    }
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
    let indexes = indexes(built)?;
    let author = Author { directory: &directory, layout: &layout };
    let images = built.par_iter().zip(verdicts);
    let sboms = images.map(|((target, built), verdicts)| author.sboms(target, built, verdicts));
    let sboms: Vec<_> = builder.layers.pool.install(|| sboms.collect::<Result<_, LayoutError>>())?;
    let provenances = || author.provenances(built, verdicts, &sboms, &indexes, definitions);
    let provenances = builder.layers.pool.install(provenances)?;
    let mut replaced: BTreeMap<(String, Sha256), BTreeSet<&str>> = BTreeMap::new();
    let mut replace = |name: &ImageName, image, predicate_type| {
        replaced.entry((name.repository(), image)).or_default().insert(predicate_type)
    };
    for ((target, _), sboms) in built.iter().zip(&sboms) {
        for Sbom { format, referrer, .. } in sboms.iter().filter(|sbom| !sbom.is_attached) {
            replace(&target.locked.image.name, referrer.subject, format.predicate_type());
        }
    }
    for (name, referrer) in &provenances {
        replace(name, referrer.subject, provenance::PREDICATE);
    }
    for ((repository, image), predicate_types) in &replaced {
        signing::retract(&mut directory, &mut layout, repository, *image, predicate_types)?;
    }
    for ((target, _), sboms) in built.iter().zip(sboms) {
        for Sbom { format, text, referrer, .. } in sboms {
            directory.add_sbom(&target.locked.reference(), format, text);
            layout.detach_if(referrer.subject, |of| is_of_type(of, format.media_type()));
            attach(&mut directory, &mut layout, &referrer);
        }
    }
    for (_, referrer) in provenances {
        layout.detach_if(referrer.subject, provenance::is_provenance);
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
            layout.set(target.locked.reference(), built.assembled.descriptor.clone());
        }
        directory.add(&blob);
        layout.set(platforms[0].0.locked.image.name.to_string(), descriptor);
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

fn indexes<'a>(built: &'a [(Target<'a>, BuiltImage)]) -> Result<Vec<Index<'a>>, LayoutError> {
    let of_name = built.chunk_by(|(a, _), (b, _)| a.locked.image.name == b.locked.image.name);
    let index = |platforms: &'a [(Target<'a>, BuiltImage)]| {
        let manifests = platforms.iter().map(|(_, built)| built.assembled.descriptor.clone()).collect();
        let (blob, descriptor) = image::index(manifests, &annotations(platforms[0].0.locked, None))?;
        Ok(Index { platforms, blob, descriptor })
    };
    of_name.map(index).collect()
}

fn attach(directory: &mut LayoutDirectory, layout: &mut Layout, referrer: &Referrer) {
    referrer.blobs.iter().chain([&referrer.manifest]).for_each(|blob| directory.add(blob));
    layout.attach(referrer);
}

/// A document, as a file beside the layout and as what refers to its image.
struct Sbom {
    format: Format,
    text: String,
    referrer: Referrer,
    /// Whether the layout has it attached, and lacks the file alone.
    is_attached: bool,
}

/// Says of images and indexes what the layout does not say of them yet.
struct Author<'g> {
    directory: &'g LayoutDirectory,
    layout: &'g Layout,
}

impl Author<'_> {
    fn sboms(
        &self,
        target: &Target<'_>,
        built: &BuiltImage,
        verdicts: &Verdicts,
    ) -> Result<Vec<Sbom>, LayoutError> {
        let subject = Subject::of(target.locked, built, verdicts);
        let reference = target.locked.reference();
        let mut sboms = Vec::new();
        for format in LAYOUT_FORMATS {
            let text = format.render(&subject, Files::Unlisted);
            let artifact = Artifact::of_file(format.media_type(), format.file_name(&reference), &text);
            let referrer = artifact.attach(&built.assembled.descriptor)?;
            let is_attached = self.layout.has_referrer(&referrer);
            if !is_attached || !self.directory.has_sbom(&reference, format, &text) {
                sboms.push(Sbom { format, text, referrer, is_attached });
            }
        }
        Ok(sboms)
    }

    /// What images and indexes were built from, each with the name of the image, where the layout does not say it.
    ///
    /// It says so for as long as the digest stays, as what was said then still builds the image, though lock and
    /// definitions may be others by now. But an image whose SBOMs are others gets all anew: one account gives them all.
    fn provenances<'n>(
        &self,
        built: &'n [(Target<'n>, BuiltImage)],
        verdicts: &[Verdicts],
        sboms: &[Vec<Sbom>],
        indexes: &'n [Index<'n>],
        definitions: &SealedDefinitions,
    ) -> Result<Vec<(&'n ImageName, Referrer)>, PublishError> {
        let images = built.iter().zip(verdicts).zip(sboms);
        let images = images.filter(|(((_, built), _), sboms)| {
            self.lacks_provenance(built.assembled.manifest.digest)
                || sboms.iter().any(|sbom| !sbom.is_attached)
        });
        let images: Vec<_> = images.map(|(image, _)| image).collect();
        let indexes = indexes.iter().filter(|index| self.lacks_provenance(index.blob.digest));
        let indexes: Vec<_> = indexes.collect();
        let mut sealed: BTreeMap<&ReleaseName, Sealed> = BTreeMap::new();
        let of_indexes = indexes.iter().map(|index| &index.platforms[0].0);
        for target in images.iter().map(|((target, _), _)| target).chain(of_indexes) {
            let lock = target.locked.lock;
            if !sealed.contains_key(&lock.release) {
                sealed.insert(&lock.release, definitions.seal(lock)?);
            }
        }
        let of_image = |((target, built), verdicts): &(&'n (Target<'n>, BuiltImage), &Verdicts)| {
            let subject = Subject::of(target.locked, built, verdicts);
            let sealed = &sealed[&target.locked.lock.release];
            let artifact = provenance::artifact(&provenance::of_image(&subject, sealed), sealed)?;
            Ok((&target.locked.image.name, artifact.attach(&built.assembled.descriptor)?))
        };
        let of_images = images.par_iter().map(of_image);
        let mut provenances = of_images.collect::<Result<Vec<_>, PublishError>>()?;
        for Index { platforms, blob, descriptor } in indexes {
            let LockedImage { catalog, image, lock, .. } = platforms[0].0.locked;
            let (name, sealed) = (&image.name, &sealed[&lock.release]);
            let manifest = |(target, built): &(Target<'_>, BuiltImage)| {
                (target.locked.reference(), built.assembled.manifest.digest)
            };
            let manifests: Vec<_> = platforms.iter().map(manifest).collect();
            let organization = &catalog.organization;
            let statement = provenance::of_index(name, blob.digest, &manifests, organization, sealed);
            provenances.push((name, provenance::artifact(&statement, sealed)?.attach(descriptor)?));
        }
        Ok(provenances)
    }

    fn lacks_provenance(&self, digest: Sha256) -> bool {
        !self.layout.referrers(digest).any(provenance::is_provenance)
    }
}

/// Takes out of a layout what is built anew, and what the catalog no longer has.
fn keep_others(layout: &mut Layout, catalog: &Catalog, built: &[(Target<'_>, BuiltImage)]) {
    let built: BTreeSet<_> = built.iter().map(|(target, _)| &target.locked.image.name).collect();
    let others = catalog.images().filter(|image| !built.contains(&image.name));
    let kept: BTreeSet<String> = others
        .flat_map(|image| {
            let of_architectures = image.architectures.iter().map(|on| image.name.on(on));
            of_architectures.chain([image.name.to_string()])
        })
        .collect();
    layout.retain(|name| kept.contains(name));
}
