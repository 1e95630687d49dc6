//! Images and their SBOMs, read for an audit: each distinct layer once, on all threads.

mod published;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};
use rayon::prelude::*;

use super::files;
use super::layout::{LayoutReader, read_sbom, sbom_path};
use crate::audit::Inventory;
use crate::audit::subject::{Content, Image, Layer, Subject};
use crate::cause::in_one_line;
use crate::debian::compression::Compression;
use crate::digest::Sha256;
use crate::image::layout::sha256;
use crate::image::made_from;
use crate::layer;
use crate::tree::Tree;
pub use published::{Published, PublishedError};

/// Where blobs are: a layout on disk, a registry.
pub trait Blobs: Sync {
    /// The bytes of a blob, whatever their digest is; or why they cannot be had.
    fn read(&self, blob: &Descriptor) -> Result<Held, String>;

    /// Where a blob is, as people would look for it.
    fn place(&self, digest: Sha256) -> String;
}

/// The bytes of a blob, and their digest.
pub struct Held {
    pub bytes: Bytes,
    pub digest: Sha256,
}

impl Blobs for LayoutReader {
    fn read(&self, blob: &Descriptor) -> Result<Held, String> {
        let digest = sha256(blob).map_err(|error| in_one_line(&error))?;
        let bytes = files::read(&self.blob(digest)).map_err(|error| in_one_line(&error))?;
        Ok(Held { digest: Sha256::of(&bytes), bytes: bytes.into() })
    }

    fn place(&self, digest: Sha256) -> String {
        self.blob(digest).display().to_string()
    }
}

/// The SBOM that lies beside a layout, for an image of one architecture.
#[must_use]
pub fn beside(root: &Path, name: &str, architecture: &str) -> Subject {
    let reference = format!("{name}-{architecture}");
    let sbom = match read_sbom(root, &reference) {
        Ok(Some(text)) => inventory(&text),
        Ok(None) => Err("has no SBOM".to_owned()),
        Err(error) => Err(format!("has an SBOM that cannot be read: {}", in_one_line(&error))),
    };
    let file = sbom_path(root, &reference).display().to_string();
    Subject::new(name.to_owned(), architecture.to_owned(), file, sbom)
}

/// An image of which there is only this SBOM.
#[must_use]
pub fn document(path: &Path) -> Subject {
    let file = path.display().to_string();
    let text = files::read_text(path)
        .map_err(|error| format!("has an SBOM that cannot be read: {}", in_one_line(&error)));
    let sbom = text.and_then(|text| inventory(&text));
    let named = sbom.as_ref().ok().map(|sbom| (sbom.name(), sbom.architecture.to_string()));
    let (name, architecture) = named.unwrap_or_else(|| (file.clone(), "unknown".to_owned()));
    Subject::new(name, architecture, file, sbom)
}

/// What an SBOM says, or what is the matter with it.
pub(super) fn inventory(text: &str) -> Result<Inventory, String> {
    Inventory::parse(text)
        .map_err(|error| format!("has an SBOM that cannot be understood: {}", in_one_line(&error)))
}

/// Images of one architecture with their layers, of manifests that are there or are not.
pub fn images(blobs: &impl Blobs, manifests: &[Option<&Descriptor>]) -> Vec<Result<Image, String>> {
    let images: Vec<_> = manifests.par_iter().map(|manifest| documents(blobs, *manifest)).collect();
    let layers = images.iter().flatten().flat_map(|(image, layers)| image.layers.iter().zip(layers));
    let mut distinct: BTreeMap<Sha256, &Descriptor> = BTreeMap::new();
    for (layer, descriptor) in layers {
        distinct.entry(layer.digest).or_insert(descriptor);
    }
    let read = |(digest, descriptor)| (digest, Arc::new(content(blobs, descriptor)));
    let contents: BTreeMap<_, _> = distinct.into_par_iter().map(read).collect();
    let with_contents = |(mut image, _): (Image, Vec<Descriptor>)| {
        for layer in &mut image.layers {
            layer.content = contents[&layer.digest].clone();
        }
        image
    };
    images.into_iter().map(|image| image.map(with_contents)).collect()
}

/// The manifest and the configuration of an image; its layers are yet to be read, by their descriptors.
fn documents(blobs: &impl Blobs, manifest: Option<&Descriptor>) -> Result<(Image, Vec<Descriptor>), String> {
    let descriptor = manifest.ok_or("was not built: nobody can tell what it holds")?;
    let unreadable = |what: &str, why: String| format!("has a {what} that cannot be read: {why}");
    let digest = sha256(descriptor).map_err(|error| unreadable("manifest", in_one_line(&error)))?;
    let mut damaged = Vec::new();
    let mut read = |what: &str, descriptor: &Descriptor, digest: Sha256| {
        let held = blobs.read(descriptor).map_err(|why| unreadable(what, why))?;
        if held.digest != digest {
            damaged.push(blobs.place(digest));
        }
        Ok::<_, String>(held.bytes)
    };
    let manifest: ImageManifest = serde_json::from_slice(&read("manifest", descriptor, digest)?)
        .map_err(|error| unreadable("manifest", error.to_string()))?;
    let config =
        sha256(manifest.config()).map_err(|error| unreadable("configuration", in_one_line(&error)))?;
    let configuration: ImageConfiguration =
        serde_json::from_slice(&read("configuration", manifest.config(), config)?)
            .map_err(|error| unreadable("configuration", error.to_string()))?;
    let made_from = made_from(&configuration);
    let diff_ids = configuration.rootfs().diff_ids();
    let layers = manifest.layers().iter().enumerate().map(|(number, descriptor)| {
        let digest = sha256(descriptor).map_err(|error| unreadable("manifest", in_one_line(&error)))?;
        Ok::<_, String>(Layer {
            file: blobs.place(digest),
            digest,
            diff_id: diff_ids.get(number).and_then(|text| Sha256::from_oci(text).ok()),
            made_from: made_from.get(number).cloned().unwrap_or_default(),
            content: Arc::new(Err("it was not read".to_owned())),
        })
    });
    let image = Image {
        manifest: digest,
        config_file: blobs.place(config),
        user: configuration.config().as_ref().and_then(|run| run.user().clone()).unwrap_or_default(),
        layers: layers.collect::<Result<_, _>>()?,
        counts: [manifest.layers().len(), diff_ids.len(), made_from.len()],
        damaged,
    };
    Ok((image, manifest.layers().clone()))
}

/// Reads a layer whatever its digest is, so that what was done to it can be named.
fn content(blobs: &impl Blobs, named: &Descriptor) -> Result<Content, String> {
    let Held { bytes: packed, digest } = blobs.read(named)?;
    let tar = Compression::Gzip.unpack(&packed, layer::AT_MOST).map_err(|error| in_one_line(&error))?;
    let diff_id = Sha256::of(&tar);
    let tree = Tree::from_layer(&tar).map_err(|error| in_one_line(&error))?;
    Ok(Content::of(digest, diff_id, &tree))
}
