//! What is attached to an image: artifacts that refer to it, and the tags of cosign before version 3.

use crate::attest::cosign::{self, Bundle};
use crate::attest::dsse::Envelope;
use crate::attest::statement;
use crate::digest::Sha256;
use crate::image::referrer::Document;

/// What is attached to a manifest or an index.
#[derive(Debug, Clone, Default)]
pub struct Attached {
    pub artifacts: Vec<Found>,
    /// Of the tag `.sig`.
    pub signatures: Vec<Document>,
    /// Of the tag `.att`.
    pub attestations: Vec<Document>,
}

/// An artifact that refers to an image.
#[derive(Debug, Clone)]
pub struct Found {
    pub artifact_type: String,
    pub documents: Vec<Document>,
}

impl Attached {
    /// The documents of all artifacts of a type.
    pub fn of_type(&self, artifact_type: &str) -> impl Iterator<Item = &Document> {
        let artifacts = self.artifacts.iter().filter(move |found| found.artifact_type == artifact_type);
        artifacts.flat_map(|found| &found.documents)
    }

    /// Statements that nobody signed.
    pub fn unsigned(&self) -> impl Iterator<Item = &[u8]> {
        let statements = self.of_type(statement::MEDIA_TYPE);
        let statements = statements.filter(|document| document.media_type == statement::MEDIA_TYPE);
        statements.map(|document| &*document.blob.bytes)
    }

    /// Signed envelopes, in either form.
    pub fn envelopes(&self) -> impl Iterator<Item = Envelope> {
        let bundles = self.of_type(cosign::BUNDLE);
        let bundles = bundles.filter_map(|document| Bundle::parse(&document.blob.bytes));
        let attested = self.attestations.iter().filter_map(|document| Some(cosign::attested(document)?.0));
        bundles.map(|bundle| bundle.dsse_envelope).chain(attested)
    }

    /// The document with a digest.
    #[must_use]
    pub fn document(&self, digest: Sha256) -> Option<&Document> {
        let documents = self.artifacts.iter().flat_map(|found| &found.documents);
        documents.into_iter().find(|document| document.blob.digest == digest)
    }
}
