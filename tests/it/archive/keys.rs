//! The keys that sign a fake archive, made once a process.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::armor::Kind;
use openpgp::cert::prelude::*;
use openpgp::crypto::KeyPair;
use openpgp::serialize::Serialize as _;
use openpgp::serialize::stream::{Armorer, Message, Signer as StreamSigner};
use openpgp::types::{KeyFlags, ReasonForRevocation};

/// Who signs a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    Valid,
    /// Valid at [`DATE`](super::DATE), and expired two weeks after.
    Expired,
    /// A signing subkey that its owner has revoked, for it was stolen.
    Revoked,
    /// Another publisher's, in the keyring too.
    ThirdParty,
    /// A key that is not in the keyring.
    Unknown,
}

/// 1 January 2024, in seconds since the epoch.
const CREATED: u64 = 1_704_067_200;
/// 1 July 2025.
const EXPIRED: u64 = 1_751_328_000;

struct Keys {
    valid: Cert,
    expired: Cert,
    revoked: Cert,
    third_party: Cert,
    unknown: Cert,
}

impl Signer {
    /// 40 upper-case hexadecimal digits, of the primary key.
    pub fn fingerprint(self) -> String {
        self.cert().fingerprint().to_hex()
    }

    /// As [`Signer::fingerprint`], of the subkey that signs.
    pub fn signing_fingerprint(self) -> String {
        self.cert().keys().subkeys().next().unwrap().key().fingerprint().to_hex()
    }

    /// The text in the [cleartext signature framework], as an InRelease file has it, signed at a
    /// time in seconds since the epoch.
    ///
    /// [cleartext signature framework]: https://www.rfc-editor.org/rfc/rfc9580.html#section-7
    pub fn clear_sign(self, text: &str, time: u64) -> Vec<u8> {
        let mut signed = Vec::new();
        let message = Message::new(&mut signed);
        let mut signer = StreamSigner::new(message, self.signing_key())
            .unwrap()
            .cleartext()
            .creation_time(at(time))
            .build()
            .unwrap();
        signer.write_all(text.as_bytes()).unwrap();
        signer.finalize().unwrap();
        signed
    }

    /// An armored signature of a text, for a file of its own.
    pub fn detached_sign(self, text: &str, time: u64) -> Vec<u8> {
        let mut signature = Vec::new();
        let message = Armorer::new(Message::new(&mut signature)).kind(Kind::Signature).build().unwrap();
        let signer = StreamSigner::new(message, self.signing_key()).unwrap();
        let mut signer = signer.detached().creation_time(at(time)).build().unwrap();
        signer.write_all(text.as_bytes()).unwrap();
        signer.finalize().unwrap();
        signature
    }

    fn cert(self) -> &'static Cert {
        let keys = keys();
        match self {
            Self::Valid => &keys.valid,
            Self::Expired => &keys.expired,
            Self::Revoked => &keys.revoked,
            Self::ThirdParty => &keys.third_party,
            Self::Unknown => &keys.unknown,
        }
    }

    /// The subkey, whatever a policy thinks of it.
    fn signing_key(self) -> KeyPair {
        let subkey = self.cert().keys().subkeys().next().unwrap();
        subkey.key().clone().parts_into_secret().unwrap().into_keypair().unwrap()
    }
}

/// The certificates that a user trusts, one after another in binary form.
pub fn keyring() -> Vec<u8> {
    let mut bytes = Vec::new();
    for signer in [Signer::Valid, Signer::Expired, Signer::Revoked, Signer::ThirdParty] {
        signer.cert().serialize(&mut bytes).unwrap();
    }
    bytes
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        valid: generate("Fake Archive <archive@example.org>", None),
        expired: generate("Fake Archive of Old <old@example.org>", Some(EXPIRED - CREATED)),
        revoked: revoke_subkey(generate("Fake Archive, robbed <robbed@example.org>", None)),
        third_party: generate("Acme Packages <acme@example.org>", None),
        unknown: generate("Somebody Else <else@example.org>", None),
    })
}

/// A certificate like Debian's: a primary key that certifies, a subkey that signs.
fn generate(user_id: &str, validity: Option<u64>) -> Cert {
    let validity = validity.map(Duration::from_secs);
    let builder = CertBuilder::new()
        .add_userid(user_id)
        .set_creation_time(at(CREATED))
        .set_validity_period(validity)
        .add_subkey(KeyFlags::empty().set_signing(), validity, None);
    builder.generate().unwrap().0
}

fn revoke_subkey(cert: Cert) -> Cert {
    let mut primary = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let subkey = cert.keys().subkeys().next().unwrap().key().clone();
    let revocation = SubkeyRevocationBuilder::new()
        .set_signature_creation_time(at(CREATED + 86_400))
        .unwrap()
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"stolen")
        .unwrap()
        .build(&mut primary, &cert, subkey.role_as_subordinate(), None)
        .unwrap();
    cert.insert_packets(Some(revocation)).unwrap().0
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
