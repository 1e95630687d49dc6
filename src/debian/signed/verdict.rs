//! From what the verifier says of each signature to one answer for the message.

use std::time::SystemTime;

use jiff::Timestamp;
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::packet::{Signature, key};
use sequoia_openpgp::parse::stream::{VerificationError, VerificationResult};
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Error, anyhow};

use super::{Fingerprint, Keyring, SignatureError, SignedBy};

/// What is to be said of one signature.
pub(super) enum Opinion {
    Good(Fingerprint),
    /// By a trusted key, over another text.
    Altered(Fingerprint),
    /// By a trusted key that may not be relied upon.
    Rejected(SignatureError),
    /// By keys that are not trusted; empty where the signature does not tell.
    Unknown(Vec<SignedBy>),
}

pub(super) struct Judge<'a> {
    pub policy: &'a dyn Policy,
    pub keyring: &'a Keyring,
    pub at: Timestamp,
}

/// One answer for the message: whoever vouches for it, or the gravest of the reasons against.
pub(super) fn settle(opinions: Vec<Opinion>) -> Result<Vec<Fingerprint>, SignatureError> {
    if opinions.is_empty() {
        return Err(SignatureError::Unsigned);
    }
    let (mut signers, mut rejected, mut unknown) = (Vec::new(), None, Vec::new());
    for opinion in opinions {
        match opinion {
            Opinion::Altered(key) => return Err(SignatureError::Altered { key }),
            Opinion::Good(key) => signers.push(key),
            Opinion::Rejected(error) => rejected = rejected.or(Some(error)),
            Opinion::Unknown(keys) => unknown.extend(keys),
        }
    }
    signers.sort();
    signers.dedup();
    match (signers.is_empty(), rejected) {
        (false, _) => Ok(signers),
        (true, Some(error)) => Err(error),
        (true, None) => Err(SignatureError::UnknownKeys { keys: unknown }),
    }
}

impl Judge<'_> {
    pub fn opinion(&self, result: VerificationResult<'_>) -> Opinion {
        match result {
            Ok(good) => {
                let primary = primary(good.ka.cert());
                match self.fault(good.ka.amalgamation(), self.at.into()) {
                    Some(error) => Opinion::Rejected(error),
                    None => Opinion::Good(primary),
                }
            }
            Err(VerificationError::MissingKey { sig }) => Opinion::Unknown(self.signed_by(sig)),
            Err(VerificationError::UnknownSignature { .. }) => Opinion::Unknown(Vec::new()),
            Err(VerificationError::UnboundKey { cert, error, .. }) => {
                Opinion::Rejected(SignatureError::Unusable { key: primary(cert), reason: innermost(&error) })
            }
            Err(VerificationError::BadKey { sig, ka, error }) => {
                let signed_at = sig.signature_creation_time().unwrap_or_else(|| self.at.into());
                Opinion::Rejected(self.fault(ka.amalgamation(), signed_at).unwrap_or_else(|| {
                    SignatureError::Unusable { key: primary(ka.cert()), reason: innermost(&error) }
                }))
            }
            Err(VerificationError::BadSignature { ka, error, .. }) => {
                bad_signature(primary(ka.cert()), &error)
            }
            Err(VerificationError::MalformedSignature { error, .. }) => {
                Opinion::Rejected(SignatureError::Malformed { reason: innermost(&error) })
            }
            Err(other) => Opinion::Rejected(SignatureError::Malformed { reason: other.to_string() }),
        }
    }

    /// What speaks against signing with a key at a time.
    fn fault(
        &self,
        ka: &ErasedKeyAmalgamation<'_, key::PublicParts>,
        time: SystemTime,
    ) -> Option<SignatureError> {
        let key = primary(ka.cert());
        let ka = match ka.clone().with_policy(self.policy, time) {
            Ok(ka) => ka,
            Err(error) => return Some(SignatureError::Unusable { key, reason: innermost(&error) }),
        };
        for status in [ka.valid_cert().revocation_status(), ka.revocation_status()] {
            if let RevocationStatus::Revoked(revocations) = status {
                return Some(SignatureError::Revoked { key, reason: reason(&revocations) });
            }
        }
        for alive in [ka.valid_cert().alive(), ka.alive()] {
            let Err(error) = alive else { continue };
            return Some(match error.downcast_ref() {
                Some(Error::Expired(expired)) => {
                    SignatureError::Expired { key, expired: timestamp(*expired) }
                }
                _ => SignatureError::Unusable { key, reason: innermost(&error) },
            });
        }
        if !ka.for_signing() {
            return Some(SignatureError::Unusable { key, reason: "it is not meant for signing".into() });
        }
        None
    }

    /// The keys which a signature says made it, and whose they are.
    fn signed_by(&self, signature: &Signature) -> Vec<SignedBy> {
        let mut issuers = signature.get_issuers();
        // A key ID says less than the fingerprint that stands beside it.
        if issuers.iter().any(|issuer| matches!(issuer, sequoia_openpgp::KeyHandle::Fingerprint(_))) {
            issuers.retain(|issuer| matches!(issuer, sequoia_openpgp::KeyHandle::Fingerprint(_)));
        }
        let signed_by = |issuer: &sequoia_openpgp::KeyHandle| SignedBy {
            key: issuer.to_hex(),
            certificate: self.keyring.holder(issuer).map(|(primary, cert)| (primary.clone(), user(cert))),
        };
        issuers.iter().map(signed_by).collect()
    }
}

fn bad_signature(key: Fingerprint, error: &anyhow::Error) -> Opinion {
    match error.downcast_ref() {
        Some(Error::NotYetLive(made)) => {
            Opinion::Rejected(SignatureError::Future { key, made: timestamp(*made) })
        }
        Some(Error::PolicyViolation(..)) => {
            Opinion::Rejected(SignatureError::Weak { key, reason: innermost(error) })
        }
        _ => Opinion::Altered(key),
    }
}

fn primary(cert: &Cert) -> Fingerprint {
    Fingerprint::from(&cert.fingerprint())
}

fn user(cert: &Cert) -> String {
    let user = cert.userids().next().map(|user| String::from_utf8_lossy(user.userid().value()).into_owned());
    user.unwrap_or_else(|| "no user ID".into())
}

/// The [reason for revocation], in the words of the one who revoked.
///
/// [reason for revocation]: https://www.rfc-editor.org/rfc/rfc9580.html#name-reason-for-revocation
fn reason(revocations: &[&Signature]) -> String {
    let given = revocations.iter().find_map(|signature| signature.reason_for_revocation());
    given.map_or_else(
        || "no reason given".into(),
        |(code, words)| match String::from_utf8_lossy(words).trim() {
            "" => code.to_string().to_lowercase(),
            words => format!("{}: {words}", code.to_string().to_lowercase()),
        },
    )
}

fn innermost(error: &anyhow::Error) -> String {
    error.root_cause().to_string()
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}
