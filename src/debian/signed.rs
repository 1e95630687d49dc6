//! Signed files: clearsigned ones such as an archive's [`InRelease`], by the [cleartext signature framework], and
//! those with a signature beside them.
//!
//! [`InRelease`]: https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files
//! [cleartext signature framework]: https://www.rfc-editor.org/rfc/rfc9580.html#section-7

mod error;
mod keyring;
mod verdict;

use std::io::Read as _;
use std::time::SystemTime;

use jiff::Timestamp;
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationHelper, VerifierBuilder,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::{Cert, KeyHandle};

pub use error::{SignatureError, SignedBy};
pub use keyring::{Fingerprint, InvalidFingerprint, Keyring, KeyringError};
use verdict::{Judge, Opinion};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// A text and those who vouch for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What the signatures cover, and nothing else of the file.
    pub text: String,
    /// The primary keys of the good signatures, each once, in order.
    pub signers: Vec<Fingerprint>,
}

/// Verifies a clearsigned message as apt does: at least one good signature by a trusted key, and none
/// by a trusted key that does not match the text. Signatures by other keys neither help nor harm.
///
/// `trusted` are fingerprints of primary keys; the rest of the keyring does not count. A key must be
/// alive both when it signed and at `at`: bound by its certificate, not expired, not revoked, meant for
/// signing. For a snapshot of the past, `at` is the time of the snapshot.
///
/// # Errors
///
/// [`SignatureError`] tells what is wrong with the file or the key, and what to do.
pub fn verify(
    message: &[u8],
    keyring: &Keyring,
    trusted: &[Fingerprint],
    at: Timestamp,
) -> Result<Signed, SignatureError> {
    let certs = keyring.select(trusted)?;
    let framed = framed(message)?;
    let policy = StandardPolicy::at(SystemTime::from(at));
    let helper = Helper { judge: Judge { policy: &policy, keyring, at }, certs, opinions: Vec::new() };
    let mut verifier = VerifierBuilder::from_bytes(framed.as_bytes())
        .and_then(|builder| {
            // The whole message is held back until its signatures are known to be good.
            builder.buffer_size(framed.len() + 1).with_policy(&policy, SystemTime::from(at), helper)
        })
        .map_err(|error| malformed(&error))?;
    let mut text = String::new();
    verifier.read_to_string(&mut text).map_err(|error| malformed(&error))?;
    let signers = verdict::settle(verifier.into_helper().opinions)?;
    Ok(Signed { text, signers })
}

/// Verifies a file by a signature that stands in a file of its own, armored or binary, as [`verify`] does. Gives
/// the primary keys of the good signatures.
pub fn verify_detached(
    content: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    trusted: &[Fingerprint],
    at: Timestamp,
) -> Result<Vec<Fingerprint>, SignatureError> {
    let certs = keyring.select(trusted)?;
    let policy = StandardPolicy::at(SystemTime::from(at));
    let helper = Helper { judge: Judge { policy: &policy, keyring, at }, certs, opinions: Vec::new() };
    let mut verifier = DetachedVerifierBuilder::from_bytes(signature)
        .and_then(|builder| builder.with_policy(&policy, SystemTime::from(at), helper))
        .map_err(|error| malformed(&error))?;
    verifier.verify_bytes(content).map_err(|error| malformed(&error))?;
    verdict::settle(verifier.into_helper().opinions)
}

fn malformed(error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::Malformed { reason: error.to_string() }
}

/// The message, if it is one clearsigned message and nothing else.
fn framed(message: &[u8]) -> Result<&str, SignatureError> {
    let text = std::str::from_utf8(message).map_err(|_| SignatureError::NotSigned {
        first_line: first_line(&String::from_utf8_lossy(message)),
    })?;
    let Some(begin) = line_start(text, BEGIN) else {
        let first_line = first_line(text);
        return Err(match first_line.split_once(':') {
            Some((field, _)) if !field.contains(['<', '{', ' ']) => SignatureError::Unsigned,
            _ => SignatureError::NotSigned { first_line },
        });
    };
    if begin > 0 {
        return Err(SignatureError::Surrounded { place: "before" });
    }
    let Some(end) = line_start(text, END) else { return Err(SignatureError::Truncated) };
    let after = text[end + END.len()..].trim_matches(['\n', '\r', ' ', '\t']);
    if !after.is_empty() {
        return Err(SignatureError::Surrounded { place: "after" });
    }
    Ok(text)
}

/// Where the first line begins that is `line`, but for white space at its end.
fn line_start(text: &str, line: &str) -> Option<usize> {
    text.match_indices(line).map(|(start, _)| start).find(|&start| {
        let rest = &text[start + line.len()..];
        (start == 0 || text.as_bytes()[start - 1] == b'\n')
            && rest.lines().next().is_none_or(|rest| rest.trim_end().is_empty())
    })
}

/// The first line that says something, cut to what fits in a message.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Hands the certificates to the verifier, and keeps what is to be said of each signature.
struct Helper<'a> {
    judge: Judge<'a>,
    certs: Vec<Cert>,
    opinions: Vec<Opinion>,
}

impl VerificationHelper for Helper<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(self.certs.clone())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        for layer in structure {
            if let MessageLayer::SignatureGroup { results } = layer {
                self.opinions.extend(results.into_iter().map(|result| self.judge.opinion(result)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
