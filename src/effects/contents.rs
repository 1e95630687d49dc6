//! All that two images hold, for a comparison: each layer is read once.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageConfiguration};
use rayon::prelude::*;

use super::layout::{LayoutError, LayoutReader};
use crate::digest::Sha256;
use crate::image::changes::{Changes, Contents, Layer, is_status, packages};
use crate::image::layout::sha256;
use crate::image::made_from;
use crate::tree::{ImagePath, Listing, Stack, Tree};

/// An image of one architecture, and the layout that it is in.
#[derive(Clone, Copy)]
pub struct Located<'a> {
    pub layout: &'a LayoutReader,
    pub manifest: &'a Descriptor,
}

/// A layer that was read.
struct Read {
    listing: Listing,
    /// The files that say which packages are installed.
    status: BTreeMap<ImagePath, Bytes>,
}

/// The documents of an image.
struct Documents {
    configuration: ImageConfiguration,
    layers: Vec<Layer>,
}

/// What differs between two images.
pub fn changes(old: Located<'_>, new: Located<'_>) -> Result<Changes, LayoutError> {
    let documents = [old.documents()?, new.documents()?];
    let held = [old, new].into_iter().zip(&documents);
    let held = held.flat_map(|(image, documents)| {
        documents.layers.iter().map(move |layer| (layer.digest, image.layout))
    });
    let distinct: BTreeMap<_, _> = held.collect();
    let read = |(digest, layout): (Sha256, &LayoutReader)| {
        let read = layout.layer(digest).map(|tree| Read::of(&tree));
        read.map(|read| (digest, read))
    };
    let layers = distinct.into_par_iter().map(read).collect::<Result<BTreeMap<_, _>, _>>()?;
    let [old, new] = &documents;
    Ok(Changes::between(&old.contents(&layers), &new.contents(&layers)))
}

impl Located<'_> {
    fn documents(&self) -> Result<Documents, LayoutError> {
        let (manifest, configuration) = self.layout.documents(self.manifest)?;
        let mut made_from = made_from(&configuration).into_iter();
        let layer = |layer: &Descriptor| {
            let made_from = made_from.next().unwrap_or_default();
            Ok(Layer { digest: sha256(layer)?, size: layer.size(), made_from })
        };
        let layers = manifest.layers().iter().map(layer).collect::<Result<_, LayoutError>>()?;
        Ok(Documents { configuration, layers })
    }
}

impl Documents {
    fn contents<'a>(&'a self, read: &'a BTreeMap<Sha256, Read>) -> Contents<'a> {
        let layers: Vec<_> = self.layers.iter().filter_map(|layer| read.get(&layer.digest)).collect();
        let files = Stack::new(layers.iter().map(|layer| &layer.listing));
        let status = files.iter().filter_map(|found| layers[found.layer].status.get(&found.listed.path));
        let packages =
            status.flat_map(|text| packages(&String::from_utf8_lossy(text)).collect::<BTreeSet<_>>());
        Contents {
            configuration: &self.configuration,
            layers: &self.layers,
            packages: packages.collect(),
            files,
        }
    }
}

impl Read {
    fn of(tree: &Tree) -> Self {
        let status = tree.iter().map(|(path, _)| path).filter(|path| is_status(path));
        let status = status.filter_map(|path| Some((path.clone(), Bytes::copy_from_slice(tree.file(path)?))));
        Self { status: status.collect(), listing: tree.listing() }
    }
}
