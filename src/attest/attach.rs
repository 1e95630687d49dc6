//! What one key says of an image, in place of what it said before.

use std::collections::BTreeSet;

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use super::cosign::{self, Bundle, SIGNED, Tagged};
use super::dsse::Envelope;
use super::key::{PublicKey, Signer, SigningError};
use super::statement::{self, MEDIA_TYPE, Resource, Statement};
use crate::digest::Sha256;
use crate::image::layout::sha256;
use crate::image::referrer::{self, Artifact, Document, Referrer};
use crate::sbom::Format;
use crate::vex;

/// OpenVEX as a predicate, as cosign, vexctl and Trivy have it: without the version, which the document tells itself.
pub const OPENVEX: &str = "https://openvex.dev/ns";

/// What is said of an image.
#[derive(Debug, Clone)]
pub struct Claims<'a> {
    pub image: &'a Descriptor,
    /// Where it will be published, for [`cosign::payload`].
    pub repository: &'a str,
    pub statements: Vec<Statement>,
}

/// What changes in what is attached to an image.
#[derive(Debug, Default)]
pub struct Change {
    pub add: Vec<Referrer>,
    /// Manifests of referrers that are replaced.
    pub remove: Vec<Sha256>,
}

#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("a document of an attestation cannot be written")]
    Oci(#[from] OciSpecError),
}

impl Claims<'_> {
    /// Bundles of all statements, and of the one that says that the image is signed; `attached` are the bundles that
    /// the image has, each with the digest of its manifest. What the key signed already stays as it is.
    pub fn bundles(&self, attached: &[(Sha256, Bundle)], signer: &dyn Signer) -> Result<Change, AttachError> {
        let key = signer.public_key();
        let image = sha256(self.image)?;
        // No name in it, as the image may have several.
        let signed = Statement::new(Resource::new("", image), SIGNED, json!({}));
        let mut kept = BTreeSet::new();
        let mut change = Change::default();
        let statements = || self.statements.iter().chain([&signed]);
        for statement in statements() {
            let payload = statement.to_blob()?.bytes;
            match attached.iter().find(|(_, bundle)| says(&bundle.dsse_envelope, &payload, key)) {
                Some((manifest, _)) => drop(kept.insert(*manifest)),
                None => {
                    let bundle = Bundle::new(key, Envelope::sign(MEDIA_TYPE, payload, signer)?);
                    change.add.push(bundle.artifact(&statement.predicate_type)?.attach(self.image)?);
                }
            }
        }
        let replaced = attached.iter().filter(|(manifest, bundle)| {
            !kept.contains(manifest)
                && bundle.names(key)
                && statements().any(|statement| is_of_type(&bundle.dsse_envelope, &statement.predicate_type))
        });
        change.remove = replaced.map(|(manifest, _)| *manifest).collect();
        Ok(change)
    }

    /// The signatures of an image in cosign's older form, with those of other keys; `None` where nothing changes.
    pub fn signatures(
        &self,
        attached: &[Document],
        signer: &dyn Signer,
    ) -> Result<Option<Tagged>, AttachError> {
        let (key, image) = (signer.public_key(), sha256(self.image)?);
        let payload = cosign::payload(self.repository, image);
        let ours = |document: &&Document| cosign::signed_image(document, key).is_some();
        if attached.iter().filter(ours).any(|document| document.blob.bytes == payload) {
            return Ok(None);
        }
        let others = attached.iter().filter(|document| !ours(document)).cloned();
        let documents: Vec<_> = others.chain([cosign::sign(payload, signer)?]).collect();
        Ok(Some(Tagged::new(&documents)?))
    }

    /// The attestations of an image in cosign's older form, with those of other keys; `None` where nothing changes.
    pub fn attestations(
        &self,
        attached: &[Document],
        signer: &dyn Signer,
    ) -> Result<Option<Tagged>, AttachError> {
        let key = signer.public_key();
        let mut missing = Vec::new();
        let mut kept = Vec::new();
        for statement in &self.statements {
            let payload = statement.to_blob()?.bytes;
            let signed = |document: &&Document| {
                cosign::attested(document).is_some_and(|(envelope, _)| says(&envelope, &payload, key))
            };
            match attached.iter().find(signed) {
                Some(document) => kept.push(document),
                None => missing.push((statement, payload)),
            }
        }
        let is_replaced = |document: &&Document| {
            !kept.contains(document)
                && cosign::attested(document).is_some_and(|(envelope, _)| {
                    envelope.verified(key).is_ok()
                        && self.statements.iter().any(|claim| is_of_type(&envelope, &claim.predicate_type))
                })
        };
        let mut documents: Vec<_> =
            attached.iter().filter(|document| !is_replaced(document)).cloned().collect();
        if missing.is_empty() && documents.len() == attached.len() {
            return Ok(None);
        }
        for (statement, payload) in missing {
            let envelope = Envelope::sign(MEDIA_TYPE, payload, signer)?;
            documents.push(cosign::attestation(&envelope, &statement.predicate_type)?);
        }
        Ok(Some(Tagged::new(&documents)?))
    }
}

/// An OpenVEX document about an image as it is attached: the file, which people save, and a statement with it as the
/// predicate, in which [Trivy] and others look for it.
///
/// [Trivy]: https://trivy.dev/docs/latest/guide/supply-chain/vex/oci/
pub fn vex(reference: &str, image: &Descriptor, text: &str) -> Result<[Referrer; 2], OciSpecError> {
    let file = format!("{}.openvex.json", reference.replace(':', "_"));
    let file = Artifact::of_file(vex::MEDIA_TYPE, file, text);
    let subject = Resource::new(reference, sha256(image)?);
    let statement = Statement::new(subject, OPENVEX, serde_json::from_str(text)?).artifact()?;
    Ok([file.attach(image)?, statement.attach(image)?])
}

/// Whether a descriptor is that of an artifact that [`vex()`] makes.
#[must_use]
pub fn is_vex(descriptor: &Descriptor) -> bool {
    referrer::is_of_type(descriptor, vex::MEDIA_TYPE) || statement::is_stated(descriptor, OPENVEX)
}

/// Whether what is attached to an image says what something else says that is listed with it, of another time: the
/// SBOM of an older program, the provenance of another build. Signatures do not take each other's place, as they may
/// be by different keys.
#[must_use]
pub fn supersedes(ours: &Descriptor, listed: &Descriptor) -> bool {
    let annotations = |of: &Descriptor| of.annotations().clone().unwrap_or_default();
    listed.digest() != ours.digest()
        && listed.artifact_type() == ours.artifact_type()
        && annotations(listed) == annotations(ours)
        && ours.artifact_type().as_ref().is_some_and(|of| of.as_ref() != cosign::BUNDLE)
}

/// Whether the key signed this payload.
fn says(envelope: &Envelope, payload: &[u8], key: &PublicKey) -> bool {
    envelope.payload_type == MEDIA_TYPE && envelope.verified(key).is_ok_and(|signed| signed == payload)
}

fn is_of_type(envelope: &Envelope, predicate_type: &str) -> bool {
    Statement::parse(envelope.unverified()).is_ok_and(|statement| statement.predicate_type == predicate_type)
}

/// The type that a document has as the predicate of a statement: SPDX, CycloneDX or OpenVEX; `None` for another.
#[must_use]
pub fn predicate_type(document: &Value) -> Option<&'static str> {
    let context = document["@context"].as_str().unwrap_or_default();
    if document["spdxVersion"].is_string() {
        Some(Format::Spdx23.predicate_type())
    } else if context.starts_with("https://spdx.org/rdf/3.") {
        Some(Format::Spdx30.predicate_type())
    } else if document["bomFormat"] == "CycloneDX" {
        Some(Format::CycloneDx16.predicate_type())
    } else if context.starts_with("https://openvex.dev/ns") {
        Some(OPENVEX)
    } else {
        None
    }
}
