//! What there is to send for an image to be complete elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};

use super::layout::{Layout, sha256};
use super::reference::{InvalidReference, Tag};
use crate::catalog::Image;
use crate::catalog::name::ImageName;
use crate::debian::Architecture;
use crate::digest::Sha256;

/// One image over all its architectures, with what refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment<'a> {
    pub name: &'a ImageName,
    pub index: Manifest,
    /// The images of the index, each with its architecture.
    pub platforms: Vec<(&'a Architecture, Manifest)>,
    /// What refers to the index, to one of the platforms, or to something that does, by the digest of that.
    pub referrers: BTreeMap<Sha256, Vec<Manifest>>,
    /// What is attached to one of them by a tag, as clients of before OCI 1.1 look for it: `sha256-<hex>.sig`.
    pub attached: BTreeMap<Tag, Manifest>,
    /// The configurations, layers and documents, with their sizes in bytes.
    pub blobs: BTreeMap<Sha256, u64>,
    /// The time of the newest entry in the image.
    pub created: Option<Timestamp>,
}

/// A manifest or an index: its bytes, and how others name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub descriptor: Descriptor,
    pub digest: Sha256,
    pub bytes: Bytes,
}

impl<'a> Shipment<'a> {
    /// What a layout has of an image; `None` where it does not have it. `read` gives the bytes of a document.
    pub fn of<E: From<OciSpecError>>(
        layout: &Layout,
        image: &'a Image,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Self>, E> {
        let manifest = |descriptor: &Descriptor| {
            let digest = sha256(descriptor)?;
            Ok::<_, E>(Manifest { descriptor: descriptor.clone(), digest, bytes: read(digest)?.into() })
        };
        let name = image.name.to_string();
        let Some(index) = layout.get(&name).filter(|found| *found.media_type() == MediaType::ImageIndex)
        else {
            return Ok(None);
        };
        let index = manifest(index)?;
        let held: ImageIndex = parse(&index)?;
        let mut shipment = Self {
            name: &image.name,
            index,
            platforms: Vec::new(),
            referrers: BTreeMap::new(),
            attached: BTreeMap::new(),
            blobs: BTreeMap::new(),
            created: None,
        };
        let mut subjects = vec![shipment.index.digest];
        for architecture in &image.architectures {
            let Some(named) = layout.get(&image.name.on(architecture)) else { continue };
            let Some(descriptor) = held.manifests().iter().find(|held| held.digest() == named.digest())
            else {
                continue;
            };
            let platform = manifest(descriptor)?;
            let document: ImageManifest = parse(&platform)?;
            shipment.add_blobs(&document)?;
            shipment.created = shipment.created.max(created(&document));
            subjects.push(platform.digest);
            shipment.platforms.push((architecture, platform));
        }
        let repository = image.name.repository();
        while let Some(subject) = subjects.pop() {
            for referrer in layout.referrers(subject) {
                let referrer = manifest(referrer)?;
                shipment.add_blobs(&parse(&referrer)?)?;
                // What refers to an image may be signed itself.
                subjects.push(referrer.digest);
                shipment.referrers.entry(subject).or_default().push(referrer);
            }
            for (tag, attached) in layout.attached_by_tag(&repository, subject) {
                let tag =
                    tag.parse().map_err(|error: InvalidReference| OciSpecError::Other(error.to_string()))?;
                let attached = manifest(attached)?;
                shipment.add_blobs(&parse(&attached)?)?;
                shipment.attached.insert(tag, attached);
            }
        }
        Ok(Some(shipment))
    }

    fn add_blobs(&mut self, manifest: &ImageManifest) -> Result<(), OciSpecError> {
        for blob in manifest.layers().iter().chain([manifest.config()]) {
            self.blobs.insert(sha256(blob)?, blob.size());
        }
        Ok(())
    }
}

fn parse<T: serde::de::DeserializeOwned>(manifest: &Manifest) -> Result<T, OciSpecError> {
    Ok(serde_json::from_slice(&manifest.bytes)?)
}

fn created(manifest: &ImageManifest) -> Option<Timestamp> {
    manifest.annotations().as_ref()?.get("org.opencontainers.image.created")?.parse().ok()
}
