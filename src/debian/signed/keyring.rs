use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sequoia_openpgp as openpgp;
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse as _;
use serde::{Deserialize, Serialize};

use super::SignatureError;
use crate::text::string_form;

const ARMOR: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// The [fingerprint] of an OpenPGP key, version 4 or 6: 40 or 64 hexadecimal digits. Read with or
/// without spaces in either case, written without and in upper case.
///
/// [fingerprint]: https://www.rfc-editor.org/rfc/rfc9580.html#name-fingerprints
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the fingerprint of a key: 40 or 64 hexadecimal digits are expected, as `gpg --show-keys` prints them"
)]
pub struct InvalidFingerprint(String);

/// Certificates by their primary key.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certs: BTreeMap<Fingerprint, Cert>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("it holds no certificate: OpenPGP public keys are expected, armored or binary")]
    Empty,
    #[error("its certificate number {number} cannot be read: {reason}")]
    Malformed { number: usize, reason: String },
    #[error("it holds the secret key of {0}: export the public key only")]
    Secret(Fingerprint),
}

impl Keyring {
    /// Reads certificates, one after the other: each armored, or all of them binary.
    pub fn parse(certificates: &[u8]) -> Result<Self, KeyringError> {
        let mut keyring = Self::default();
        let mut number = 0;
        for block in blocks(certificates) {
            let malformed = |number, error: openpgp::anyhow::Error| KeyringError::Malformed {
                number,
                reason: error.to_string(),
            };
            for cert in CertParser::from_bytes(block).map_err(|error| malformed(number + 1, error))? {
                number += 1;
                keyring.add(cert.map_err(|error| malformed(number, error))?)?;
            }
        }
        if keyring.certs.is_empty() { Err(KeyringError::Empty) } else { Ok(keyring) }
    }

    /// Takes in the certificates of another keyring. One that both hold keeps the signatures of both.
    pub fn merge(&mut self, other: Self) -> Result<(), KeyringError> {
        other.certs.into_values().try_for_each(|cert| self.add(cert))
    }

    /// The primary keys, in order.
    pub fn fingerprints(&self) -> impl Iterator<Item = &Fingerprint> {
        self.certs.keys()
    }

    /// Those of the certificates that are trusted. All of them have to be there.
    pub(super) fn select(&self, trusted: &[Fingerprint]) -> Result<Vec<Cert>, SignatureError> {
        let missing = trusted.iter().filter(|trusted| !self.certs.contains_key(trusted));
        let fingerprints: Vec<_> = missing.cloned().collect();
        if !fingerprints.is_empty() {
            return Err(SignatureError::MissingCertificates { fingerprints });
        }
        Ok(trusted.iter().filter_map(|trusted| self.certs.get(trusted)).cloned().collect())
    }

    /// The certificate that has a key, be it the primary one or a subkey.
    pub(super) fn holder(&self, key: &openpgp::KeyHandle) -> Option<(&Fingerprint, &Cert)> {
        self.certs.iter().find(|(_, cert)| cert.keys().key_handle(key.clone()).next().is_some())
    }

    fn add(&mut self, cert: Cert) -> Result<(), KeyringError> {
        let fingerprint = Fingerprint::from(&cert.fingerprint());
        if cert.is_tsk() {
            return Err(KeyringError::Secret(fingerprint));
        }
        let merged = match self.certs.remove(&fingerprint) {
            Some(known) => known
                .merge_public(cert)
                .map_err(|error| KeyringError::Malformed { number: 1, reason: error.to_string() })?,
            None => cert,
        };
        self.certs.insert(fingerprint, merged);
        Ok(())
    }
}

/// Armored certificates, each by itself; binary ones as they are.
fn blocks(certificates: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = memchr::memmem::find_iter(certificates, ARMOR).collect();
    if starts.is_empty() {
        return vec![certificates];
    }
    starts.push(certificates.len());
    starts.windows(2).map(|range| &certificates[range[0]..range[1]]).collect()
}

impl Fingerprint {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let valid = matches!(digits.len(), 40 | 64) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !valid {
            return Err(InvalidFingerprint(text.chars().take(80).collect()));
        }
        Ok(Self(digits.to_ascii_uppercase()))
    }
}

impl From<&openpgp::Fingerprint> for Fingerprint {
    fn from(fingerprint: &openpgp::Fingerprint) -> Self {
        Self(fingerprint.to_hex())
    }
}

string_form!(Fingerprint);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
