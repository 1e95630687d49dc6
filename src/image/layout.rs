//! `index.json`: what an OCI image layout holds, by reference name.
//!
//! The specification: <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, ImageManifest, MediaType};

use super::Blob;
use crate::digest::Sha256;

/// The content of the file `oci-layout`.
pub const MARKER: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The annotation that names what a descriptor of `index.json` is.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The references of a layout: `cc-debian13:debug`, `cc-debian13:debug-amd64`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    references: BTreeMap<String, Descriptor>,
}

impl Layout {
    /// Reads an `index.json`. What has no reference name is not ours, and is left behind.
    pub fn parse(index: &[u8]) -> Result<Self, OciSpecError> {
        let index: ImageIndex = serde_json::from_slice(index)?;
        let named = index.manifests().iter().filter_map(|descriptor| {
            let name = descriptor.annotations().as_ref()?.get(REF_NAME)?.clone();
            Some((name, descriptor.clone()))
        });
        Ok(Self { references: named.collect() })
    }

    /// The bytes of `index.json`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OciSpecError> {
        let index = ImageIndexBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageIndex)
            .manifests(self.references.values().cloned().collect::<Vec<_>>())
            .build()?;
        Ok(Blob::canonical(&index)?.bytes)
    }

    /// Gives a descriptor a name, in place of what had it.
    pub fn set(&mut self, name: String, mut descriptor: Descriptor) {
        descriptor.set_annotations(Some([(REF_NAME.to_owned(), name.clone())].into()));
        self.references.insert(name, descriptor);
    }

    /// Keeps the references whose names are kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.references.retain(|name, _| keep(name));
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Descriptor> {
        self.references.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.references.keys().map(String::as_str)
    }

    /// Every blob that the references lead to; `read` gives the bytes of an index or a manifest.
    pub fn reachable<E: From<OciSpecError>>(
        &self,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<BTreeSet<Sha256>, E> {
        let mut found = BTreeSet::new();
        let mut ahead: Vec<Descriptor> = self.references.values().cloned().collect();
        while let Some(descriptor) = ahead.pop() {
            let digest = sha256(&descriptor)?;
            if !found.insert(digest) {
                continue;
            }
            match descriptor.media_type() {
                MediaType::ImageIndex => {
                    let index: ImageIndex =
                        serde_json::from_slice(&read(digest)?).map_err(OciSpecError::from)?;
                    ahead.extend(index.manifests().iter().cloned());
                }
                MediaType::ImageManifest => {
                    let manifest: ImageManifest =
                        serde_json::from_slice(&read(digest)?).map_err(OciSpecError::from)?;
                    found.insert(sha256(manifest.config())?);
                    for layer in manifest.layers() {
                        found.insert(sha256(layer)?);
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The digest of a descriptor that this program wrote.
pub fn sha256(descriptor: &Descriptor) -> Result<Sha256, OciSpecError> {
    let text = descriptor.digest().to_string();
    Sha256::from_oci(&text).map_err(|error| OciSpecError::Other(error.to_string()))
}
