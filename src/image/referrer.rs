//! Artifacts that refer to an image: signatures, attestations, SBOMs.
//!
//! An artifact is an image manifest with a [`subject`], whose layers are the documents. A registry lists it among the
//! referrers of its subject; clients of before OCI 1.1 look for a [tag](attachment_tag) instead.
//!
//! [`subject`]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage

use std::collections::BTreeMap;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, DescriptorBuilder, ImageManifest, ImageManifestBuilder, MediaType};

use super::{Annotations, Blob};
use crate::digest::Sha256;

/// Something that is attached to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The media type that clients look for: `application/spdx+json`.
    pub artifact_type: String,
    /// What referrers are told apart by; registries list these without the artifact being read.
    pub annotations: BTreeMap<String, String>,
    pub documents: Vec<Document>,
}

/// A document of an artifact: a layer of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub media_type: String,
    pub annotations: BTreeMap<String, String>,
    pub blob: Blob,
}

/// An artifact with the image that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub subject: Sha256,
    pub manifest: Blob,
    /// As the index of a layout lists it, and the [referrers API] of a registry.
    ///
    /// [referrers API]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
    pub descriptor: Descriptor,
    /// What the manifest leads to.
    pub blobs: Vec<Blob>,
}

impl Document {
    /// The layer's descriptor.
    pub fn descriptor(&self) -> Result<Descriptor, OciSpecError> {
        let mut layer = self.blob.descriptor(self.media_type.as_str().into())?;
        layer.set_annotations(annotations(&self.annotations));
        Ok(layer)
    }
}

impl Artifact {
    /// A file, under a name by which clients save it.
    #[must_use]
    pub fn of_file(media_type: &str, name: String, text: &str) -> Self {
        let document = Document {
            media_type: media_type.to_owned(),
            annotations: BTreeMap::from([("org.opencontainers.image.title".to_owned(), name)]),
            blob: Blob::of(text.as_bytes().to_vec()),
        };
        Self { artifact_type: media_type.to_owned(), annotations: BTreeMap::new(), documents: vec![document] }
    }

    /// The artifact as one that refers to an image.
    pub fn attach(&self, subject: &Descriptor) -> Result<Referrer, OciSpecError> {
        let artifact_type = MediaType::from(self.artifact_type.as_str());
        let layers = self.documents.iter().map(Document::descriptor).collect::<Result<Vec<_>, _>>()?;
        let mut manifest = manifest(artifact_type.clone(), layers)?.subject(plain(subject)?).build()?;
        manifest.set_annotations(annotations(&self.annotations));
        let manifest = Blob::canonical(&manifest)?;
        let mut described = manifest.descriptor(MediaType::ImageManifest)?;
        described.set_artifact_type(Some(artifact_type));
        described.set_annotations(annotations(&self.annotations));
        let documents = self.documents.iter().map(|document| document.blob.clone());
        Ok(Referrer {
            subject: super::layout::sha256(subject)?,
            manifest,
            descriptor: described,
            blobs: documents.chain([empty()]).collect(),
        })
    }
}

/// The manifest of an artifact, which refers to nothing yet.
pub fn manifest(
    artifact_type: MediaType,
    layers: Vec<Descriptor>,
) -> Result<ImageManifestBuilder, OciSpecError> {
    Ok(ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .artifact_type(artifact_type)
        .config(empty().descriptor(MediaType::EmptyJSON)?)
        .layers(layers))
}

/// What an artifact has in place of a configuration, by its [empty descriptor].
///
/// [empty descriptor]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
#[must_use]
pub fn empty() -> Blob {
    Blob::of(b"{}".to_vec())
}

/// A descriptor with what identifies the content, and nothing else.
fn plain(of: &Descriptor) -> Result<Descriptor, OciSpecError> {
    DescriptorBuilder::default()
        .media_type(of.media_type().clone())
        .digest(of.digest().clone())
        .size(of.size())
        .build()
}

fn annotations(of: &BTreeMap<String, String>) -> Option<Annotations> {
    (!of.is_empty()).then(|| of.clone().into_iter().collect())
}

/// Whether a descriptor is that of an artifact of a type.
#[must_use]
pub fn is_of_type(descriptor: &Descriptor, artifact_type: &str) -> bool {
    descriptor.artifact_type().as_ref().is_some_and(|of| of.as_ref() == artifact_type)
}

/// The image that a manifest refers to; `None` where it refers to none.
pub fn subject(manifest: &[u8]) -> Result<Option<Sha256>, OciSpecError> {
    let manifest: ImageManifest = serde_json::from_slice(manifest)?;
    manifest.subject().as_ref().map(super::layout::sha256).transpose()
}

/// The tag by which clients of before OCI 1.1 find what is attached to a digest: `sha256-<hex>.sig`.
#[must_use]
pub fn attachment_tag(subject: Sha256, extension: &str) -> String {
    format!("sha256-{subject}.{extension}")
}

/// The digest that something is attached to by its tag, in a reference name: `cc-debian13:sha256-<hex>.sig`.
#[must_use]
pub fn subject_of_tag(name: &str) -> Option<Sha256> {
    let (_, tag) = name.rsplit_once(':')?;
    let (digest, _extension) = tag.strip_prefix("sha256-")?.split_once('.')?;
    digest.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::descriptor;

    #[test]
    fn an_artifact_names_its_subject_and_nothing_of_its_name() {
        let mut image = descriptor(MediaType::ImageIndex, Sha256::of(b"image"), 5).unwrap();
        image.set_annotations(annotations(&[("org.example".to_owned(), "name".to_owned())].into()));
        let artifact = Artifact {
            artifact_type: "application/spdx+json".into(),
            annotations: [("org.example.kind".to_owned(), "sbom".to_owned())].into(),
            documents: vec![Document {
                media_type: "application/spdx+json".into(),
                annotations: BTreeMap::new(),
                blob: Blob::of(b"[]".to_vec()),
            }],
        };
        let referrer = artifact.attach(&image).unwrap();
        let expected = concat!(
            r#"{"annotations":{"org.example.kind":"sbom"},"artifactType":"application/spdx+json","#,
            r#""config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
            r#""mediaType":"application/vnd.oci.empty.v1+json","size":2},"#,
            r#""layers":[{"digest":"sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","#,
            r#""mediaType":"application/spdx+json","size":2}],"#,
            r#""mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"#,
            r#""subject":{"digest":"sha256:[IMAGE]","mediaType":"application/vnd.oci.image.index.v1+json","size":5}}"#
        );
        let expected = expected.replace("[IMAGE]", &Sha256::of(b"image").to_string());
        assert_eq!(String::from_utf8(referrer.manifest.bytes.clone()).unwrap(), expected);
        assert_eq!(subject(&referrer.manifest.bytes).unwrap(), Some(Sha256::of(b"image")));
        assert_eq!(referrer.subject, Sha256::of(b"image"));
    }

    #[test]
    fn a_tag_names_what_it_is_attached_to() {
        let digest = Sha256::of(b"image");
        let name = format!("cc-debian13:{}", attachment_tag(digest, "sig"));
        assert_eq!(subject_of_tag(&name), Some(digest));
        for other in ["cc-debian13:latest", "cc-debian13:sha256-12.sig", "cc-debian13"] {
            assert_eq!(subject_of_tag(other), None);
        }
    }
}
