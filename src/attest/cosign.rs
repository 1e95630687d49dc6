//! The shapes in which clients look for signatures: [sigstore bundles], attached as referrers, and those of cosign
//! before version 3, attached by tags: [signatures] over a payload of its own, and DSSE envelopes.
//!
//! [sigstore bundles]: https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
//! [signatures]: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md

use std::collections::BTreeMap;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageManifest, ImageManifestBuilder, MediaType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::base64;
use super::dsse::Envelope;
use super::key::{PublicKey, Signer, SigningError};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::referrer::{Artifact, Document};

/// The predicate that says of an image only that somebody signed it; cosign 3 looks for it.
pub const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

/// The media type of a bundle, and the type of the artifact that it is.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The annotation of a bundle's artifact that tells what the statement in it says.
pub const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";

const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The annotation of an envelope that tells what the statement in it says.
const ENVELOPE_PREDICATE_TYPE: &str = "predicateType";

/// A [sigstore bundle] of version 0.3, signed by a key that those who verify it have.
///
/// [sigstore bundle]: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    media_type: String,
    verification_material: VerificationMaterial,
    pub dsse_envelope: Envelope,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: PublicKeyIdentifier,
    /// Entries of public logs, of which a key needs none; some readers want to see that.
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PublicKeyIdentifier {
    hint: String,
}

impl Bundle {
    #[must_use]
    pub fn new(key: &PublicKey, dsse_envelope: Envelope) -> Self {
        let public_key = PublicKeyIdentifier { hint: key.hint() };
        let verification_material = VerificationMaterial { public_key, tlog_entries: Vec::new() };
        Self { media_type: BUNDLE.to_owned(), verification_material, dsse_envelope }
    }

    /// Reads a bundle; `None` for one of another kind: of a certificate, or of another version.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let bundle: Self = serde_json::from_slice(text).ok()?;
        (bundle.media_type == BUNDLE).then_some(bundle)
    }

    /// Whether it says that it is by this key. Nobody vouches for that.
    #[must_use]
    pub fn names(&self, key: &PublicKey) -> bool {
        self.verification_material.public_key.hint == key.hint()
    }

    /// The bundle as cosign attaches it to an image.
    pub fn artifact(&self, predicate_type: &str) -> Result<Artifact, OciSpecError> {
        let annotation = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let blob = Blob::canonical(self)?;
        let title = format!("sha256-{}.sigstore.json", blob.digest);
        let document = Document {
            media_type: BUNDLE.to_owned(),
            annotations: [annotation("org.opencontainers.image.title", &title)].into(),
            blob,
        };
        Ok(Artifact {
            artifact_type: BUNDLE.to_owned(),
            annotations: BTreeMap::from([
                annotation(BUNDLE_CONTENT, "dsse-envelope"),
                annotation(BUNDLE_PREDICATE_TYPE, predicate_type),
            ]),
            documents: vec![document],
        })
    }
}

/// What the statement in a bundle says, by the descriptor of its artifact; `None` for another artifact.
#[must_use]
pub fn bundled(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations().as_ref()?.get(BUNDLE_PREDICATE_TYPE).map(String::as_str)
}

/// What cosign before version 3 signs for an image. `repository` is where it will be published:
/// `registry.example.org/base/cc-debian13`. Cosign does not look at that; the policies of podman and skopeo may.
#[must_use]
pub fn payload(repository: &str, image: Sha256) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": image.oci() },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    payload.to_string().into_bytes()
}

/// A signed [`payload`].
pub fn sign(payload: Vec<u8>, signer: &dyn Signer) -> Result<Document, SigningError> {
    let signature = base64::encode(&signer.sign(&payload)?);
    let annotations = [(SIGNATURE.to_owned(), signature)].into();
    Ok(Document { media_type: SIMPLE_SIGNING.to_owned(), annotations, blob: Blob::of(payload) })
}

/// The digest of the image that a signature is of, where it is by the key.
#[must_use]
pub fn signed_image(document: &Document, key: &PublicKey) -> Option<Sha256> {
    let signature = base64::decode(document.annotations.get(SIGNATURE)?)?;
    if document.media_type != SIMPLE_SIGNING || !key.verifies(&document.blob.bytes, &signature) {
        return None;
    }
    let payload: serde_json::Value = serde_json::from_slice(&document.blob.bytes).ok()?;
    Sha256::from_oci(payload["critical"]["image"]["docker-manifest-digest"].as_str()?).ok()
}

/// A signed statement as cosign before version 3 attaches it.
pub fn attestation(envelope: &Envelope, predicate_type: &str) -> Result<Document, OciSpecError> {
    let annotation = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Document {
        media_type: ENVELOPE.to_owned(),
        // Cosign's readers want the first, though the signature is in the envelope.
        annotations: [annotation(SIGNATURE, ""), annotation(ENVELOPE_PREDICATE_TYPE, predicate_type)].into(),
        blob: envelope.to_blob()?,
    })
}

/// The envelope of an [`attestation`], and what it says that its statement is.
#[must_use]
pub fn attested(document: &Document) -> Option<(Envelope, &str)> {
    let envelope = serde_json::from_slice(&document.blob.bytes).ok()?;
    let predicate_type = document.annotations.get(ENVELOPE_PREDICATE_TYPE)?;
    (document.media_type == ENVELOPE).then_some((envelope, predicate_type))
}

/// What is attached to an image by a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub manifest: Blob,
    pub descriptor: Descriptor,
    /// What the manifest leads to.
    pub blobs: Vec<Blob>,
}

impl Tagged {
    /// Documents as the layers of one image manifest, with the configuration that cosign gives it.
    pub fn new(documents: &[Document]) -> Result<Self, OciSpecError> {
        let layers = documents.iter().map(Document::descriptor).collect::<Result<Vec<_>, _>>()?;
        let mut tagged = Self::of_layers(layers)?;
        tagged.blobs.extend(documents.iter().map(|document| document.blob.clone()));
        Ok(tagged)
    }

    /// What has the documents of two manifests; `None` where the first has all of the second. Its blobs are those
    /// that neither of them leads to.
    pub fn joined(first: &[u8], second: &[u8]) -> Result<Option<Self>, OciSpecError> {
        let layers = |manifest: &[u8]| {
            let manifest: ImageManifest = serde_json::from_slice(manifest)?;
            Ok::<_, OciSpecError>(manifest.layers().clone())
        };
        let mut all = layers(first)?;
        // Signatures by different keys are of the same bytes, and differ by their annotations.
        let missing: Vec<_> = layers(second)?.into_iter().filter(|layer| !all.contains(layer)).collect();
        if missing.is_empty() {
            return Ok(None);
        }
        all.extend(missing);
        Self::of_layers(all).map(Some)
    }

    fn of_layers(layers: Vec<Descriptor>) -> Result<Self, OciSpecError> {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.digest().to_string()).collect();
        let config = Blob::canonical(&json!({
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": layers.iter().map(|_| json!({ "created": "0001-01-01T00:00:00Z" })).collect::<Vec<_>>(),
            "os": "",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        }))?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor(MediaType::ImageConfig)?)
            .layers(layers)
            .build()?;
        let manifest = Blob::canonical(&manifest)?;
        let descriptor = manifest.descriptor(MediaType::ImageManifest)?;
        Ok(Self { manifest, descriptor, blobs: vec![config] })
    }
}

/// The documents of a manifest, of an artifact or a tag; `read` gives the bytes of a blob.
pub fn documents<E: From<OciSpecError>>(
    manifest: &[u8],
    read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
) -> Result<Vec<Document>, E> {
    let manifest: ImageManifest = serde_json::from_slice(manifest).map_err(OciSpecError::from)?;
    let documents = manifest.layers().iter().map(|layer| {
        Ok(Document {
            media_type: layer.media_type().to_string(),
            annotations: layer.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            blob: Blob::of(read(crate::image::layout::sha256(layer)?)?),
        })
    });
    documents.collect()
}

#[cfg(test)]
mod tests;
