//! Who says what of an image.
//!
//! With a key, what it signed counts; what nobody signed is looked at too, so that as much as possible can be told, but
//! it does not hold. Without a key nothing is authentic, whatever signatures there are.

use serde_json::Value;

use super::attached::Attached;
use super::{Check, Finding};
use crate::attest::cosign::{self, SIGNED};
use crate::attest::key::PublicKey;
use crate::attest::provenance;
use crate::attest::statement::{self, Statement};
use crate::digest::Sha256;
use crate::sbom::LAYOUT_FORMATS;

/// What is said of an image.
#[derive(Debug, Default)]
pub struct Account {
    /// Those that count first.
    pub statements: Vec<Statement>,
    pub findings: Vec<Finding>,
}

/// What is said of the image with this digest, and what of it the key did not say.
#[must_use]
pub fn account(image: Sha256, attached: &Attached, key: Option<&PublicKey>) -> Account {
    let mut account = Account::default();
    if let Some(key) = key {
        account.authenticate(image, attached, key);
    }
    for text in attached.unsigned() {
        account.add_unsigned(image, text, key.is_some());
    }
    if key.is_none() && account.provenances().next().is_none() {
        let envelopes: Vec<_> = attached.envelopes().collect();
        envelopes.iter().for_each(|envelope| account.add_unsigned(image, envelope.unverified(), false));
    }
    account
}

impl Account {
    /// Those that say what the image was built from.
    pub fn provenances(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.predicate_type == provenance::PREDICATE)
    }

    fn authenticate(&mut self, image: Sha256, attached: &Attached, key: &PublicKey) {
        let (mut signed, mut signatures) = (false, 0);
        for document in &attached.signatures {
            signatures += 1;
            match cosign::signed_image(document, key) {
                Some(of) if of == image => signed = true,
                Some(of) => {
                    self.refute(Check::Signature, "signature", format!("of the key is of {}", of.oci()))
                }
                None => {}
            }
        }
        for envelope in attached.envelopes() {
            signatures += 1;
            let Ok(payload) = envelope.verified(key) else { continue };
            match Statement::parse(payload) {
                Ok(_) if envelope.payload_type != statement::MEDIA_TYPE => {}
                Ok(statement) if !statement.is_about(image) => {
                    let message =
                        format!("({}) that the key signed is about another image", statement.predicate_type);
                    self.refute(Check::Signature, "attestation", message);
                }
                Ok(statement) if statement.predicate_type == SIGNED => signed = true,
                Ok(statement) if self.statements.contains(&statement) => {}
                Ok(statement) => self.statements.push(statement),
                Err(error) => {
                    self.refute(
                        Check::Signature,
                        "attestation",
                        format!("that the key signed cannot be read: {error}"),
                    );
                }
            }
        }
        if !signed {
            let message = match signatures {
                0 => "is not there: nobody signed the image".to_owned(),
                _ => {
                    format!("by this key is not there, or what it signed was altered; {signatures} are there")
                }
            };
            self.refute(Check::Signature, "signature", message);
        }
        self.look_for_unsigned_sboms(attached);
    }

    /// SBOMs that are attached have to be among what the key signed.
    fn look_for_unsigned_sboms(&mut self, attached: &Attached) {
        for format in LAYOUT_FORMATS {
            for document in attached.of_type(format.media_type()) {
                let signed =
                    |text: &Value| self.statements.iter().any(|statement| statement.predicate == *text);
                if !serde_json::from_slice(&document.blob.bytes).is_ok_and(|text| signed(&text)) {
                    let part = format!("SBOM {}", format.media_type());
                    self.refute(Check::Signature, part, "is not one that the key signed".to_owned());
                }
            }
        }
    }

    /// Adds what anybody may have said. Where the key should have said it, that is told.
    fn add_unsigned(&mut self, image: Sha256, text: &[u8], to_be_signed: bool) {
        let statement = match Statement::parse(text) {
            Ok(statement) => statement,
            Err(error) => {
                return self.refute(Check::Provenance, "statement", format!("cannot be read: {error}"));
            }
        };
        let kind = statement.predicate_type.clone();
        if self.statements.contains(&statement) {
            return;
        }
        if !statement.is_about(image) {
            return self.refute(
                Check::Provenance,
                format!("statement ({kind})"),
                "is about another image".to_owned(),
            );
        }
        if to_be_signed {
            let message = "is not what the key signed".to_owned();
            self.refute(Check::Signature, format!("statement ({kind})"), message);
        }
        self.statements.push(statement);
    }

    fn refute(&mut self, check: Check, part: impl Into<String>, message: String) {
        let finding = Finding::new(check, part, message);
        // What is attached in two forms is told once.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
