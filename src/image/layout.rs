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

/// The references of a layout, `cc-debian13:debug` and `cc-debian13:debug-amd64`, and what refers to their images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    references: BTreeMap<String, Descriptor>,
    /// By the digest of the manifest that is their subject. In `index.json` they have no names.
    referrers: BTreeMap<Sha256, Vec<Descriptor>>,
}

impl Layout {
    /// Reads an `index.json`; `read` gives the bytes of a manifest, where it can. What has neither a reference name
    /// nor a subject is not ours, and is left behind.
    pub fn parse(index: &[u8], read: impl Fn(Sha256) -> Option<Vec<u8>>) -> Result<Self, OciSpecError> {
        let index: ImageIndex = serde_json::from_slice(index)?;
        let mut layout = Self::default();
        for descriptor in index.manifests() {
            let name = descriptor.annotations().as_ref().and_then(|annotations| annotations.get(REF_NAME));
            if let Some(name) = name {
                layout.references.insert(name.clone(), descriptor.clone());
            } else if descriptor.artifact_type().is_some()
                && let Some(manifest) = read(sha256(descriptor)?)
                && let Some(subject) = serde_json::from_slice::<ImageManifest>(&manifest)?.subject()
            {
                layout.referrers.entry(sha256(subject)?).or_default().push(descriptor.clone());
            }
        }
        Ok(layout)
    }

    /// The bytes of `index.json`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OciSpecError> {
        let referrers = self.referrers.values().flatten();
        let index = ImageIndexBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageIndex)
            .manifests(self.references.values().chain(referrers).cloned().collect::<Vec<_>>())
            .build()?;
        Ok(Blob::canonical(&index)?.bytes)
    }

    /// What refers to a manifest.
    #[must_use]
    pub fn referrers(&self, subject: Sha256) -> &[Descriptor] {
        self.referrers.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// Lets these refer to a manifest, in place of what did.
    pub fn set_referrers(&mut self, subject: Sha256, referrers: Vec<Descriptor>) {
        self.referrers.insert(subject, referrers);
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

    /// Forgets what refers to a manifest that no reference leads to, and gives every blob that is led to; `read`
    /// gives the bytes of an index or a manifest.
    pub fn settle<E: From<OciSpecError>>(
        &mut self,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<BTreeSet<Sha256>, E> {
        let mut found = reachable(self.references.values(), &read)?;
        self.referrers.retain(|subject, _| found.contains(subject));
        found.extend(reachable(self.referrers.values().flatten(), &read)?);
        Ok(found)
    }
}

/// Every blob that descriptors lead to.
fn reachable<'a, E: From<OciSpecError>>(
    from: impl Iterator<Item = &'a Descriptor>,
    read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
) -> Result<BTreeSet<Sha256>, E> {
    let mut found = BTreeSet::new();
    let mut ahead: Vec<Descriptor> = from.cloned().collect();
    while let Some(descriptor) = ahead.pop() {
        let digest = sha256(&descriptor)?;
        if !found.insert(digest) {
            continue;
        }
        match descriptor.media_type() {
            MediaType::ImageIndex => {
                let index: ImageIndex = serde_json::from_slice(&read(digest)?).map_err(OciSpecError::from)?;
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

/// The digest of a descriptor that this program wrote.
pub fn sha256(descriptor: &Descriptor) -> Result<Sha256, OciSpecError> {
    let text = descriptor.digest().to_string();
    Sha256::from_oci(&text).map_err(|error| OciSpecError::Other(error.to_string()))
}
