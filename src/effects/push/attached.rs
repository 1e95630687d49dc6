//! What is attached to images by tags: added to what a registry has, whoever put it there.

use super::{Mode, Push, PushError};
use crate::attest::cosign::Tagged;
use crate::cause::innermost;
use crate::effects::registry::{Content, LocalBlob};
use crate::image::reference::{Pointer, RepositoryPath, Tag};
use crate::image::shipment::Manifest;

/// What a tag is to point to.
pub(super) struct Attachment {
    pub manifest: Manifest,
    /// What the manifest leads to, and neither the layout nor the registry has.
    pub blobs: Vec<LocalBlob>,
}

impl Push<'_> {
    /// What a tag is to point to for all of ours to be there; `None` where it is.
    ///
    /// Others may have signed the image since it was pushed, and their signatures stay.
    pub(super) fn attachment(
        &self,
        repository: &RepositoryPath,
        tag: &Tag,
        ours: &Manifest,
    ) -> Result<Option<Attachment>, PushError> {
        let alone = || Some(Attachment { manifest: ours.clone(), blobs: Vec::new() });
        let at = Pointer::Tag(tag.clone());
        match self.registry.resolve(repository, &at)? {
            None => return Ok(alone()),
            Some(found) if found == ours.digest && self.mode == Mode::Force => return Ok(alone()),
            Some(found) if found == ours.digest => return Ok(None),
            Some(_) => {}
        }
        let theirs = self.registry.manifest(repository, &at)?;
        let joined = Tagged::joined(&theirs.bytes, &ours.bytes).map_err(|error| PushError::Attached {
            name: format!("{repository}:{tag}"),
            reason: innermost(&error),
        })?;
        let joined = joined.map(|Tagged { manifest, descriptor, blobs }| {
            let blobs = blobs.into_iter().map(|blob| LocalBlob {
                digest: blob.digest,
                size: blob.bytes.len() as u64,
                content: Content::Memory(blob.bytes.into()),
            });
            let digest = manifest.digest;
            let manifest = Manifest { descriptor, digest, bytes: manifest.bytes.into() };
            Attachment { manifest, blobs: blobs.collect() }
        });
        Ok(joined)
    }

    /// Sends an attachment, whose other blobs are there, and sets its tag.
    pub(super) fn put_attachment(
        &self,
        repository: &RepositoryPath,
        tag: &Tag,
        attachment: &Attachment,
    ) -> Result<(), PushError> {
        for blob in &attachment.blobs {
            if !self.registry.has_blob(repository, blob.digest)? {
                let task = self.progress.begin(&blob.digest.short(), Some(blob.size));
                self.registry.place(repository, blob, None, task)?;
            }
        }
        self.put(repository, &Pointer::Tag(tag.clone()), &attachment.manifest)?;
        Ok(())
    }
}
