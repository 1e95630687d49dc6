//! [In-toto statements]: a predicate about an image.
//!
//! [In-toto statements]: https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md

use std::collections::BTreeMap;

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::referrer::{Artifact, Document};

/// The media type of a statement, in envelopes and in artifacts.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// The annotation by which [BuildKit] tells what a statement says without opening it.
///
/// [BuildKit]: https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
pub const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

const TYPE: &str = "https://in-toto.io/Statement/v1";

/// What is said of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    type_: String,
    pub subject: Vec<Resource>,
    pub predicate_type: String,
    pub predicate: Value,
}

/// A [resource descriptor]: something by its digest.
///
/// [resource descriptor]: https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/resource_descriptor.md
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uri: String,
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
}

#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("it is not an in-toto statement")]
    Format(#[from] serde_json::Error),
    #[error("it is a statement of the type `{0}`, and `{TYPE}` is expected")]
    Type(String),
}

/// Whether a descriptor is that of an artifact with a statement of this type, as [`Statement::artifact`] makes it.
#[must_use]
pub fn is_stated(descriptor: &Descriptor, predicate_type: &str) -> bool {
    let annotations = descriptor.annotations().as_ref();
    annotations.and_then(|of| of.get(PREDICATE_TYPE)).is_some_and(|of| of == predicate_type)
}

impl Resource {
    #[must_use]
    pub fn new(name: impl Into<String>, sha256: Sha256) -> Self {
        let digest = [("sha256".to_owned(), sha256.to_string())].into();
        Self { name: name.into(), digest, ..Self::default() }
    }

    #[must_use]
    pub fn with_uri(self, uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), ..self }
    }

    /// Its SHA-256, where it has one.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.digest.get("sha256")?.parse().ok()
    }
}

impl Statement {
    #[must_use]
    pub fn new(subject: Resource, predicate_type: &str, predicate: Value) -> Self {
        Self {
            type_: TYPE.to_owned(),
            subject: vec![subject],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    pub fn parse(text: &[u8]) -> Result<Self, StatementError> {
        let statement: Self = serde_json::from_slice(text)?;
        if statement.type_ == TYPE { Ok(statement) } else { Err(StatementError::Type(statement.type_)) }
    }

    pub fn to_blob(&self) -> Result<Blob, OciSpecError> {
        Blob::canonical(self)
    }

    /// Whether it speaks of the image with this digest.
    #[must_use]
    pub fn is_about(&self, image: Sha256) -> bool {
        self.subject.iter().any(|subject| subject.sha256() == Some(image))
    }

    /// The statement as it is attached to an image without a signature.
    pub fn artifact(&self) -> Result<Artifact, OciSpecError> {
        let annotations = BTreeMap::from([(PREDICATE_TYPE.to_owned(), self.predicate_type.clone())]);
        let blob = self.to_blob()?;
        let document = Document { media_type: MEDIA_TYPE.to_owned(), annotations: annotations.clone(), blob };
        Ok(Artifact { artifact_type: MEDIA_TYPE.to_owned(), annotations, documents: vec![document] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_of_the_type_that_this_program_knows() {
        let image = Sha256::of(b"image");
        let statement = Statement::new(Resource::new("cc", image), "https://example.org/p", Value::Null);
        let text = String::from_utf8(statement.to_blob().unwrap().bytes).unwrap();
        assert_eq!(Statement::parse(text.as_bytes()).unwrap(), statement);
        assert!(statement.is_about(image) && !statement.is_about(Sha256::of(b"other")));
        let old = text.replace("/v1\"", "/v0.1\"");
        assert_eq!(
            Statement::parse(old.as_bytes()).unwrap_err().to_string(),
            "it is a statement of the type `https://in-toto.io/Statement/v0.1`, and `https://in-toto.io/Statement/v1` \
             is expected"
        );
    }
}
