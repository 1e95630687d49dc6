//! What refers to an image: an SBOM, a signature, an attestation, each an artifact whose [subject] is the image.
//!
//! [subject]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage

use std::collections::BTreeMap;

use jiff::Timestamp;
use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, DescriptorBuilder, Digest, ImageManifestBuilder, MediaType};

use super::{Annotations, Blob, descriptor};
use crate::digest::Sha256;

/// What [stands for nothing] where a manifest has to name something.
///
/// [stands for nothing]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
pub const EMPTY: &[u8] = b"{}";

/// SPDX 2.3 as JSON, by the [media type] that Trivy looks for.
///
/// [media type]: https://www.iana.org/assignments/media-types/application/spdx+json
pub const SPDX_2: &str = "application/spdx+json";

/// Something that is said of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact<'a> {
    /// The media type of the document: `application/spdx+json`.
    pub kind: &'a str,
    /// A name for the document, where somebody makes a file of it: `cc-debian13_debug-amd64.spdx.json`.
    pub title: &'a str,
    pub document: Sha256,
    /// In bytes.
    pub size: u64,
    pub created: Timestamp,
}

/// The manifest of an artifact, and how an index names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub manifest: Blob,
    pub descriptor: Descriptor,
}

impl Artifact<'_> {
    /// The manifest by which the artifact refers to an image of one architecture.
    pub fn refer(&self, subject: &Descriptor) -> Result<Referrer, OciSpecError> {
        let kind = MediaType::from(self.kind);
        let mut document = descriptor(kind.clone(), self.document, self.size)?;
        document.set_annotations(Some(annotations([("title", self.title.to_owned())])));
        let created = annotations([("created", self.created.to_string())]);
        let subject = plain(subject)?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .artifact_type(kind.clone())
            .config(descriptor(MediaType::EmptyJSON, Sha256::of(EMPTY), EMPTY.len() as u64)?)
            .layers(vec![document])
            .subject(subject)
            .annotations(created.clone())
            .build()?;
        let manifest = Blob::canonical(&manifest)?;
        let mut descriptor =
            descriptor(MediaType::ImageManifest, manifest.digest, manifest.bytes.len() as u64)?;
        descriptor.set_artifact_type(Some(kind));
        descriptor.set_annotations(Some(created));
        Ok(Referrer { manifest, descriptor })
    }
}

/// A descriptor that says of what it names no more than has to be.
fn plain(of: &Descriptor) -> Result<Descriptor, OciSpecError> {
    let digest: Digest = of.digest().clone();
    DescriptorBuilder::default().media_type(of.media_type().clone()).digest(digest).size(of.size()).build()
}

fn annotations<const N: usize>(named: [(&str, String); N]) -> Annotations {
    let named = named.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value));
    BTreeMap::from(named).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_refers_to_its_subject() {
        let mut subject = descriptor(MediaType::ImageManifest, Sha256::of(b"image"), 5).unwrap();
        subject.set_annotations(Some(annotations([("ref.name", "cc:latest".into())])));
        let artifact = Artifact {
            kind: "application/spdx+json",
            title: "cc.spdx.json",
            document: Sha256::of(b"sbom"),
            size: 4,
            created: Timestamp::from_second(1_700_000_000).unwrap(),
        };
        let Referrer { manifest, descriptor } = artifact.refer(&subject).unwrap();
        assert_eq!(
            String::from_utf8(manifest.bytes).unwrap(),
            format!(
                concat!(
                    r#"{{"annotations":{{"org.opencontainers.image.created":"2023-11-14T22:13:20Z"}},"#,
                    r#""artifactType":"application/spdx+json","#,
                    r#""config":{{"digest":"{}","mediaType":"application/vnd.oci.empty.v1+json","size":2}},"#,
                    r#""layers":[{{"annotations":{{"org.opencontainers.image.title":"cc.spdx.json"}},"#,
                    r#""digest":"{}","mediaType":"application/spdx+json","size":4}}],"#,
                    r#""mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"#,
                    r#""subject":{{"digest":"{}","mediaType":"application/vnd.oci.image.manifest.v1+json","size":5}}}}"#
                ),
                Sha256::of(EMPTY).oci(),
                Sha256::of(b"sbom").oci(),
                Sha256::of(b"image").oci(),
            )
        );
        assert_eq!(descriptor.artifact_type().as_ref().unwrap().as_ref(), "application/spdx+json");
        assert_eq!(descriptor.digest().to_string(), manifest.digest.oci());
    }
}
