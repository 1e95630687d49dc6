use std::fmt;

use jiff::Timestamp;

use super::Fingerprint;

/// Why a file is not taken for what its archive published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error(
        "it is no signed file, it begins with `{first_line}`: did a captive portal or proxy answer in place of the archive?"
    )]
    NotSigned { first_line: String },
    #[error(
        "it bears no signature: use the archive's `InRelease`, or refuse the archive if it signs nothing"
    )]
    Unsigned,
    #[error("its end is missing, there is no `-----END PGP SIGNATURE-----`: fetch it again")]
    Truncated,
    #[error("there is text {place} the signed part, and no signature covers it: refuse the file")]
    Surrounded { place: &'static str },
    #[error("its signature cannot be read: {reason}")]
    Malformed { reason: String },
    #[error("the signature by {key} does not match the text: it was altered after it was signed")]
    Altered { key: Fingerprint },
    #[error(
        "none of the keys that signed it is trusted: {}; if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
        list(keys)
    )]
    UnknownKeys { keys: Vec<SignedBy> },
    #[error(
        "the key {key} that signed it expired on {}: get the archive's current keyring, or lock a snapshot from before that day",
        day(*expired)
    )]
    Expired { key: Fingerprint, expired: Timestamp },
    #[error(
        "the key {key} that signed it is revoked ({reason}): take it from the catalog and get the archive's current keyring"
    )]
    Revoked { key: Fingerprint, reason: String },
    #[error("the key {key} that signed it may not be used for that: {reason}")]
    Unusable { key: Fingerprint, reason: String },
    #[error(
        "the signature by {key} was made at {made}, which is yet to come: is this machine's clock right?"
    )]
    Future { key: Fingerprint, made: Timestamp },
    #[error("the signature by {key} is too weak to prove anything: {reason}")]
    Weak { key: Fingerprint, reason: String },
    #[error(
        "the keyring has no certificate of {}, which the catalog trusts: export it (`gpg --armor --export FINGERPRINT`) into a file of the directory `keys`",
        list(fingerprints)
    )]
    MissingCertificates { fingerprints: Vec<Fingerprint> },
}

/// A key that signed, as far as the signature and the keyring tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// A fingerprint, or the 16 digits of a key ID where an old signature has no more.
    pub key: String,
    /// The primary key and user ID of the certificate it belongs to, where the keyring has one that is
    /// not trusted.
    pub certificate: Option<(Fingerprint, String)>,
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.certificate {
            Some((primary, user)) => write!(f, "{primary} ({user}, in the keyring)"),
            None => write!(f, "{} (not in the keyring)", self.key),
        }
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn day(time: Timestamp) -> jiff::civil::Date {
    time.to_zoned(jiff::tz::TimeZone::UTC).date()
}
