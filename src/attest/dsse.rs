//! [DSSE]: a payload, and signatures over it and its type.
//!
//! [DSSE]: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md

use oci_spec::OciSpecError;
use serde::{Deserialize, Serialize};

use super::base64;
use super::key::{PublicKey, Signer, SigningError};
use crate::image::Blob;

/// A signed payload. What is in it counts only for who [verified](Envelope::verified) it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    #[serde(with = "base64")]
    payload: Vec<u8>,
    pub payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    /// A hint that nobody vouches for; cosign leaves it empty.
    #[serde(default)]
    keyid: String,
    #[serde(with = "base64")]
    sig: Vec<u8>,
}

/// None of the signatures of an envelope is by the key that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no signature is by this key, or what is signed was altered")]
pub struct Unverified;

impl Envelope {
    /// Signs a payload.
    pub fn sign(payload_type: &str, payload: Vec<u8>, signer: &dyn Signer) -> Result<Self, SigningError> {
        let mut envelope = Self { payload, payload_type: payload_type.to_owned(), signatures: Vec::new() };
        let sig = signer.sign(&envelope.signed())?;
        envelope.signatures.push(Signature { keyid: String::new(), sig });
        Ok(envelope)
    }

    /// The payload, where one of the signatures is by the key.
    pub fn verified(&self, key: &PublicKey) -> Result<&[u8], Unverified> {
        let signed = self.signed();
        let verifies = |signature: &Signature| key.verifies(&signed, &signature.sig);
        if self.signatures.iter().any(verifies) { Ok(&self.payload) } else { Err(Unverified) }
    }

    /// The payload, of which nobody knows whose it is.
    #[must_use]
    pub fn unverified(&self) -> &[u8] {
        &self.payload
    }

    /// The envelope as a document.
    pub fn to_blob(&self) -> Result<Blob, OciSpecError> {
        Blob::canonical(self)
    }

    /// [What is signed](https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md#signature-definition):
    /// `PAE(type, payload)`.
    fn signed(&self) -> Vec<u8> {
        let Self { payload, payload_type, .. } = self;
        let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer as _;

    use super::*;

    /// The key and the envelope of the [specification's example].
    ///
    /// [specification's example]: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md#test-vectors
    const KEY: &str = "d73ec437fd6346e3619c5ebfdfff0f6916804955ad32ac9ac492b0ede1f6ffb7";
    const EXAMPLE: &str = r#"{"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld",
        "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;

    fn key() -> SigningKey {
        let bytes: Vec<_> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect();
        SigningKey::from_slice(&bytes).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_is_made_and_verified() {
        let example: Envelope = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(example.signed(), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        let signature: p256::ecdsa::Signature = key().sign(&example.signed());
        assert_eq!(signature.to_bytes().to_vec(), example.signatures[0].sig);
        let public = PublicKey::P256(*key().verifying_key());
        assert_eq!(example.verified(&public), Ok(&b"hello world"[..]));
    }

    #[test]
    fn what_was_altered_is_refused() {
        let public = PublicKey::P256(*key().verifying_key());
        for (from, to) in [("aGVsbG8", "aGVsbG9"), ("HelloWorld", "HelloWorlds"), ("A3JqsQG", "A3JqsQH")] {
            let altered: Envelope = serde_json::from_str(&EXAMPLE.replace(from, to)).unwrap();
            assert_eq!(altered.verified(&public), Err(Unverified), "{to}");
        }
        let none: Envelope =
            serde_json::from_str(r#"{"payload": "aGVsbG8_d29ybGQ", "payloadType": "x", "signatures": []}"#)
                .unwrap();
        assert_eq!((none.unverified(), none.verified(&public)), (&b"hello?world"[..], Err(Unverified)));
        assert!(serde_json::from_str::<Envelope>(&EXAMPLE.replace("aGVsbG8", "aGVs*G8")).is_err());
    }
}
