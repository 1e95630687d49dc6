//! Keys that sign and verify: ECDSA on P-256 with SHA-256, which cosign makes, and Ed25519.
//!
//! Signatures are functions of key and message: those of ECDSA are deterministic by [RFC 6979] and in DER, those of
//! Ed25519 are of the message itself (not "ph").
//!
//! [RFC 6979]: https://www.rfc-editor.org/rfc/rfc6979

use std::error::Error;
use std::fmt;

use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use ed25519_dalek::ed25519::signature::{Signer as _, Verifier as _};
use p256::pkcs8::der::pem;
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _};
use serde::Deserialize;
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::base64;

/// The labels of private keys that cosign encrypts.
const COSIGN: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];

/// The costs that cosign's keys may have: more would let a foreign file take this machine's memory.
const SCRYPT_COSTS: [u64; 3] = [1 << 15, 1 << 16, 1 << 17];

/// What a signature is verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// What signs. Its memory is cleared when it is dropped, and it is never shown.
pub struct PrivateKey {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

/// Something that signs with one key, wherever that is.
pub trait Signer: Send + Sync {
    fn public_key(&self) -> &PublicKey;

    /// The signature of a message.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SigningError(#[from] pub Box<dyn Error + Send + Sync>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "it is not a key in PEM: `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----` is expected"
    )]
    NotPem,
    #[error("it is of the kind `{found}`, and {expected} is expected")]
    Kind { found: String, expected: &'static str },
    #[error("it is neither a key of ECDSA on P-256 nor one of Ed25519, or it is damaged")]
    Algorithm,
    #[error("it is encrypted, and no password is given")]
    NoPassword,
    #[error("the password does not fit it")]
    WrongPassword,
    #[error("it is encrypted in a way that is not cosign's: {0}")]
    Encryption(String),
}

impl PublicKey {
    /// Reads a key in PEM, as `cosign.pub` and `openssl pkey -pubout` have it.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let (label, der) = pem::decode_vec(text).map_err(|_| KeyError::NotPem)?;
        if label != "PUBLIC KEY" {
            return Err(KeyError::Kind { found: label.to_owned(), expected: "a public key" });
        }
        let p256 = p256::ecdsa::VerifyingKey::from_public_key_der(&der).map(Self::P256);
        let ed25519 = || ed25519_dalek::VerifyingKey::from_public_key_der(&der).map(Self::Ed25519);
        p256.or_else(|_| ed25519()).map_err(|_| KeyError::Algorithm)
    }

    /// Whether a signature is one of the message by this key. Of ECDSA it may be in DER, or the two numbers in a row,
    /// as PKCS #11 has it.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => {
                let der = p256::ecdsa::Signature::from_der(signature);
                let signature = der.or_else(|_| p256::ecdsa::Signature::from_slice(signature));
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Self::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
        }
    }

    /// The signature as cosign writes it: one of ECDSA in DER. `None` for what is not a signature of the message.
    #[must_use]
    pub fn accept(&self, message: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
        if !self.verifies(message, signature) {
            return None;
        }
        match (self, p256::ecdsa::Signature::from_slice(signature)) {
            (Self::P256(_), Ok(numbers)) => Some(numbers.to_der().as_bytes().to_vec()),
            _ => Some(signature.to_vec()),
        }
    }

    /// What sigstore bundles name a key by: the SHA-256 of its DER form, in base64.
    #[must_use]
    pub fn hint(&self) -> String {
        base64::encode(&sha2::Sha256::digest(self.der()))
    }

    fn der(&self) -> Vec<u8> {
        let der = match self {
            Self::P256(key) => key.to_public_key_der(),
            Self::Ed25519(key) => key.to_public_key_der(),
        };
        der.map(|der| der.as_bytes().to_vec()).unwrap_or_default()
    }
}

impl PrivateKey {
    /// Reads a key in PEM: PKCS #8, as `openssl genpkey` makes it, or encrypted by cosign.
    pub fn parse(text: &[u8], password: Option<&[u8]>) -> Result<Self, KeyError> {
        let (label, der) = pem::decode_vec(text).map_err(|_| KeyError::NotPem)?;
        let der = Zeroizing::new(der);
        match label {
            "PRIVATE KEY" => Self::from_der(&der),
            label if COSIGN.contains(&label) => {
                Self::from_der(&decrypt(&der, password.ok_or(KeyError::NoPassword)?)?)
            }
            label => Err(KeyError::Kind {
                found: label.to_owned(),
                expected: "a private key of PKCS #8 or cosign",
            }),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            let public = PublicKey::P256(*key.verifying_key());
            return Ok(Self { secret: Secret::P256(key), public });
        }
        let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(|_| KeyError::Algorithm)?;
        let public = PublicKey::Ed25519(key.verifying_key());
        Ok(Self { secret: Secret::Ed25519(key), public })
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(match &self.secret {
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).to_vec(),
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {:?})", self.public)
    }
}

/// What cosign writes for an encrypted key: a key derived by scrypt opens a NaCl secret box, as
/// [securesystemslib's `encrypted`](https://pkg.go.dev/github.com/secure-systems-lab/go-securesystemslib/encrypted)
/// has it.
#[derive(Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    #[serde(with = "base64")]
    ciphertext: Vec<u8>,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: KdfParameters,
    #[serde(with = "base64")]
    salt: Vec<u8>,
}

#[derive(Deserialize)]
struct KdfParameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    #[serde(with = "base64")]
    nonce: Vec<u8>,
}

fn decrypt(text: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let other = |what: String| KeyError::Encryption(what);
    let Encrypted { kdf, cipher, ciphertext } =
        serde_json::from_slice(text).map_err(|error| other(error.to_string()))?;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        return Err(other(format!("by {} and {}", kdf.name, cipher.name)));
    }
    let KdfParameters { n, r, p } = kdf.params;
    if !SCRYPT_COSTS.contains(&n) || r != 8 || p != 1 {
        return Err(other(format!("scrypt with N = {n}, r = {r}, p = {p}")));
    }
    let nonce: [u8; 24] =
        cipher.nonce.try_into().map_err(|_| other("a nonce that is not of 24 bytes".to_owned()))?;
    let costs = scrypt::Params::new(n.ilog2() as u8, r, p, 32).map_err(|error| other(error.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, &kdf.salt, &costs, &mut *key).map_err(|error| other(error.to_string()))?;
    let opened = XSalsa20Poly1305::new((&*key).into()).decrypt(&nonce.into(), &*ciphertext);
    opened.map(Zeroizing::new).map_err(|_| KeyError::WrongPassword)
}

#[cfg(test)]
mod tests;
