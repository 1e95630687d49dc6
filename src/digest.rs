//! SHA-256, the identity of every byte string that a lock, the store or an image names.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::text::string_form;

/// A SHA-256 digest. Its text form is 64 lower-case hexadecimal digits; [`Sha256::oci`] adds the
/// [algorithm prefix] of OCI descriptors.
///
/// [algorithm prefix]: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest: 64 hexadecimal digits are expected")]
pub struct InvalidDigest(String);

impl Sha256 {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// `sha256:…`, as OCI descriptors write it.
    #[must_use]
    pub fn oci(self) -> String {
        format!("sha256:{self}")
    }

    /// The inverse of [`Sha256::oci`].
    pub fn from_oci(text: &str) -> Result<Self, InvalidDigest> {
        text.strip_prefix("sha256:").ok_or_else(|| InvalidDigest(text.to_owned()))?.parse()
    }

    /// The first 12 digits, enough for people to tell digests apart.
    #[must_use]
    pub fn short(self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.chars().take(80).collect());
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

string_form!(Sha256);

/// Passes bytes on and keeps their digest and count.
pub struct Hashing<T> {
    inner: T,
    hasher: sha2::Sha256,
    len: u64,
}

impl<T> Hashing<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), len: 0 }
    }

    /// The number of bytes that went through so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was wrapped, the digest of what went through, and how many bytes that was.
    pub fn finish(self) -> (T, Sha256, u64) {
        (self.inner, Sha256(self.hasher.finalize().into()), self.len)
    }

    fn account(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.account(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.account(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_goes_there_and_back() {
        assert_eq!(Sha256::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Sha256::of(b"")));
        assert_eq!(Sha256::from_oci(&format!("sha256:{EMPTY}")), Ok(Sha256::of(b"")));
    }

    #[test]
    fn what_is_not_64_hex_digits_is_refused() {
        for text in ["", "e3b0", &format!("{EMPTY}00"), &EMPTY.replace('e', "g"), &"é".repeat(32)] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
