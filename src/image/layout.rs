//! `index.json`: what an OCI image layout holds, by reference name.
//!
//! The specification: <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, ImageManifest, MediaType};

use super::referrer::{self, Referrer, attachment_tag, subject_of_tag};
use super::{Blob, is_index, is_manifest};
use crate::digest::Sha256;

/// The content of the file `oci-layout`.
pub const MARKER: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The annotation that names what a descriptor of `index.json` is.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The references of a layout: `cc-debian13:debug`, `cc-debian13:debug-amd64`; and what refers to its images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    references: BTreeMap<String, Descriptor>,
    /// What has no name and refers to something by its `subject`: by the digests of that, and of itself.
    referrers: BTreeMap<Sha256, BTreeMap<Sha256, Descriptor>>,
}

impl Layout {
    /// Reads an `index.json`; `read` gives the bytes of a manifest, if it has them. What has neither a reference name
    /// nor a subject is not ours, and is left behind.
    pub fn parse<E: From<OciSpecError>>(
        index: &[u8],
        read: impl Fn(Sha256) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        let index: ImageIndex = serde_json::from_slice(index).map_err(OciSpecError::from)?;
        let mut layout = Self::default();
        for descriptor in index.manifests() {
            let named = descriptor.annotations().as_ref().and_then(|annotations| annotations.get(REF_NAME));
            if let Some(name) = named {
                layout.references.insert(name.clone(), descriptor.clone());
            } else if *descriptor.media_type() == MediaType::ImageManifest {
                let digest = sha256(descriptor)?;
                let Some(manifest) = read(digest)? else { continue };
                if let Some(subject) = referrer::subject(&manifest)? {
                    layout.referrers.entry(subject).or_default().insert(digest, descriptor.clone());
                }
            }
        }
        Ok(layout)
    }

    /// The bytes of `index.json`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OciSpecError> {
        let referrers = self.referrers.values().flat_map(BTreeMap::values);
        let index = ImageIndexBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageIndex)
            .manifests(self.references.values().chain(referrers).cloned().collect::<Vec<_>>())
            .build()?;
        Ok(Blob::canonical(&index)?.bytes)
    }

    /// Gives a descriptor a name, in place of what had it.
    pub fn set(&mut self, name: String, mut descriptor: Descriptor) {
        descriptor.set_annotations(Some([(REF_NAME.to_owned(), name.clone())].into()));
        self.set_annotated(name, descriptor);
    }

    /// Does what [`Self::set`] does with a descriptor whose annotations have the name already.
    pub(super) fn set_annotated(&mut self, name: String, descriptor: Descriptor) {
        self.references.insert(name, descriptor);
    }

    /// Takes a name away from what has it.
    pub fn remove(&mut self, name: &str) {
        self.references.remove(name);
    }

    /// Adds what refers to an image.
    pub fn attach(&mut self, Referrer { subject, manifest, descriptor, .. }: &Referrer) {
        self.referrers.entry(*subject).or_default().insert(manifest.digest, descriptor.clone());
    }

    /// Adds all that another refers to; where both have a name, the other's counts.
    pub fn extend(&mut self, other: &Self) {
        self.references.extend(other.references.clone());
        for (subject, referrers) in &other.referrers {
            self.referrers.entry(*subject).or_default().extend(referrers.clone());
        }
    }

    /// The first name that stands for something else in another.
    #[must_use]
    pub fn clash(&self, other: &Self) -> Option<String> {
        let differs = |(name, descriptor): &(&String, &Descriptor)| {
            other.references.get(*name).is_some_and(|theirs| theirs.digest() != descriptor.digest())
        };
        self.references.iter().find(differs).map(|(name, _)| name.clone())
    }

    /// Removes what refers to a digest, by its own.
    pub fn detach(&mut self, subject: Sha256, manifest: Sha256) {
        self.referrers.entry(subject).or_default().remove(&manifest);
    }

    /// Removes what refers to a digest and is as told.
    pub fn detach_if(&mut self, subject: Sha256, is_gone: impl Fn(&Descriptor) -> bool) {
        if let Some(referrers) = self.referrers.get_mut(&subject) {
            referrers.retain(|_, descriptor| !is_gone(descriptor));
        }
    }

    /// Whether this refers to its image already.
    #[must_use]
    pub fn has_referrer(&self, referrer: &Referrer) -> bool {
        self.referrers.get(&referrer.subject).is_some_and(|of| of.contains_key(&referrer.manifest.digest))
    }

    /// The manifests that refer to a digest, in the order of their own.
    pub fn referrers(&self, subject: Sha256) -> impl Iterator<Item = &Descriptor> {
        self.referrers.get(&subject).into_iter().flat_map(BTreeMap::values)
    }

    /// What is attached to a digest by tags of a repository, by these: `sha256-<hex>.sig`.
    pub fn attached_by_tag(
        &self,
        repository: &str,
        subject: Sha256,
    ) -> impl Iterator<Item = (&str, &Descriptor)> {
        let tags = format!("{repository}:");
        let prefix = format!("{tags}{}", attachment_tag(subject, ""));
        self.references
            .range(prefix.clone()..)
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .map(move |(name, descriptor)| (&name[tags.len()..], descriptor))
    }

    /// All that refers to something, by the digest of that.
    pub fn all_referrers(&self) -> impl Iterator<Item = (Sha256, &Descriptor)> {
        self.referrers.iter().flat_map(|(subject, of)| of.values().map(|descriptor| (*subject, descriptor)))
    }

    /// Keeps the references whose names are kept, and those that are attached to a digest.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.references.retain(|name, _| subject_of_tag(name).is_some() || keep(name));
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Descriptor> {
        self.references.get(name)
    }

    /// What is no attachment, by its name.
    pub fn images(&self) -> impl Iterator<Item = (&str, &Descriptor)> {
        let named = self.references.iter().map(|(name, descriptor)| (name.as_str(), descriptor));
        named.filter(|(name, _)| subject_of_tag(name).is_none())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.references.keys().map(String::as_str)
    }

    /// Drops what is attached to something that is gone. Returns every blob that is led to; `read` gives the bytes
    /// of an index or a manifest.
    pub fn prune<E: From<OciSpecError>>(
        &mut self,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<BTreeSet<Sha256>, E> {
        let mut found = BTreeSet::new();
        let mut attached = Vec::new();
        for (name, descriptor) in &self.references {
            match subject_of_tag(name) {
                None => reach(descriptor, &read, &mut found)?,
                Some(subject) => attached.push((subject, descriptor)),
            }
        }
        for (subject, referring) in &self.referrers {
            attached.extend(referring.values().map(|descriptor| (*subject, descriptor)));
        }
        // What is attached may have something attached to it.
        loop {
            let (held, others): (Vec<_>, _) =
                attached.into_iter().partition(|(subject, _)| found.contains(subject));
            attached = others;
            if held.is_empty() {
                break;
            }
            held.iter().try_for_each(|(_, descriptor)| reach(descriptor, &read, &mut found))?;
        }
        self.references.retain(|name, _| subject_of_tag(name).is_none_or(|subject| found.contains(&subject)));
        self.referrers.retain(|subject, _| found.contains(subject));
        Ok(found)
    }
}

/// Adds every blob that a descriptor leads to.
fn reach<E: From<OciSpecError>>(
    from: &Descriptor,
    read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    found: &mut BTreeSet<Sha256>,
) -> Result<(), E> {
    let mut ahead = vec![from.clone()];
    while let Some(descriptor) = ahead.pop() {
        let digest = sha256(&descriptor)?;
        if !found.insert(digest) {
            continue;
        }
        match descriptor.media_type() {
            media_type if is_index(media_type) => {
                let index: ImageIndex = serde_json::from_slice(&read(digest)?).map_err(OciSpecError::from)?;
                ahead.extend(index.manifests().iter().cloned());
            }
            media_type if is_manifest(media_type) => {
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
    Ok(())
}

/// The digest of a descriptor that this program wrote.
pub fn sha256(descriptor: &Descriptor) -> Result<Sha256, OciSpecError> {
    let text = descriptor.digest().to_string();
    Sha256::from_oci(&text).map_err(|error| OciSpecError::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::image::referrer::Artifact;

    /// Blobs by their digests.
    #[derive(Default)]
    struct Blobs(RefCell<BTreeMap<Sha256, Vec<u8>>>);

    impl Blobs {
        /// An image without layers, told from others by its text.
        fn image(&self, text: &str) -> Descriptor {
            let config = self.add(Blob::of(text.into()), MediaType::ImageConfig);
            let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [] });
            self.add(Blob::canonical(&manifest).unwrap(), MediaType::ImageManifest)
        }

        fn add(&self, blob: Blob, media_type: MediaType) -> Descriptor {
            let described = blob.descriptor(media_type).unwrap();
            self.0.borrow_mut().insert(blob.digest, blob.bytes);
            described
        }

        fn attach(&self, layout: &mut Layout, subject: &Descriptor) -> Descriptor {
            let artifact =
                Artifact { artifact_type: "text/plain".into(), annotations: [].into(), documents: vec![] };
            let referrer = artifact.attach(subject).unwrap();
            layout.attach(&referrer);
            referrer.blobs.into_iter().for_each(|blob| drop(self.add(blob, MediaType::EmptyJSON)));
            self.add(referrer.manifest, MediaType::ImageManifest);
            referrer.descriptor
        }

        fn read(&self, digest: Sha256) -> Result<Vec<u8>, OciSpecError> {
            let bytes = self.0.borrow().get(&digest).cloned();
            bytes.ok_or_else(|| OciSpecError::Other(format!("there is no blob {digest}")))
        }
    }

    #[test]
    fn what_is_attached_stays_as_long_as_what_it_is_attached_to() {
        let (blobs, mut layout) = (Blobs::default(), Layout::default());
        let (one, two) = (blobs.image("one"), blobs.image("two"));
        layout.set("a:one".into(), one.clone());
        layout.set("a:two".into(), two.clone());
        let tag = |image| format!("a:{}", attachment_tag(sha256(image).unwrap(), "sig"));
        for image in [&one, &two] {
            let attached = blobs.attach(&mut layout, image);
            blobs.attach(&mut layout, &attached);
            layout.set(tag(image), blobs.image(&format!("signature of {}", image.digest())));
        }
        let whole = layout.clone();
        assert_eq!(
            Layout::parse(&layout.to_bytes().unwrap(), |digest| blobs.read(digest).map(Some)).unwrap(),
            whole
        );
        let all: BTreeSet<_> = blobs.0.borrow().keys().copied().collect();
        assert_eq!(layout.prune(|digest| blobs.read(digest)).unwrap(), all);
        assert_eq!(layout, whole);

        layout.retain(|name| name == "a:one");
        let kept = layout.prune(|digest| blobs.read(digest)).unwrap();
        assert_eq!(layout.names().collect::<Vec<_>>(), ["a:one".to_owned(), tag(&one)]);
        let referring = |image| layout.referrers(sha256(image).unwrap()).count();
        assert_eq!((referring(&one), referring(&two)), (1, 0));
        let (config, empty) = (Sha256::of(b"one"), Sha256::of(b"{}"));
        assert!(kept.contains(&config) && kept.contains(&empty) && !kept.contains(&Sha256::of(b"two")));
        // Two documents of each image, of its signature, and the two that are attached.
        assert_eq!(kept.len(), 2 + 2 + 2 + 1);
    }
}
