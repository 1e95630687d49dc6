//! SHA-256, the identity of every byte string that a lock, the store or an image names; and the digests that SBOMs
//! give besides.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::text::string_form;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {algorithm} digest: {digits} hexadecimal digits are expected")]
pub struct InvalidDigest {
    text: String,
    algorithm: &'static str,
    digits: usize,
}

macro_rules! digest {
    ($(#[$documentation:meta])* $name:ident, $algorithm:literal, $hasher:ty, $bytes:literal) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(<$hasher>::digest(bytes).into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0; 2 * $bytes];
                for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
                    *pair = [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]);
                }
                f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidDigest;

            fn from_str(text: &str) -> Result<Self, InvalidDigest> {
                let mut bytes = [0; $bytes];
                match decode(text, &mut bytes) {
                    Some(()) => Ok(Self(bytes)),
                    None => Err(InvalidDigest {
                        text: text.chars().take(80).collect(),
                        algorithm: $algorithm,
                        digits: 2 * $bytes,
                    }),
                }
            }
        }

        string_form!($name);
    };
}

digest! {
    /// Its text form is 64 lower-case hexadecimal digits; [`Sha256::oci`] adds the [algorithm prefix] of OCI
    /// descriptors.
    ///
    /// [algorithm prefix]: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
    Sha256, "SHA-256", sha2::Sha256, 32
}

digest! {
    /// What SPDX 2.3 wants of every file. Nothing is trusted for it.
    Sha1, "SHA-1", sha1::Sha1, 20
}

digest! {
    /// What BSI TR-03183-2 wants of every component that is distributed.
    Sha512, "SHA-512", sha2::Sha512, 64
}

digest! {
    /// What dpkg's `.md5sums` have. Nothing is trusted for it.
    Md5, "MD5", md5::Md5, 16
}

impl Sha256 {
    /// `sha256:…`, as OCI descriptors write it.
    #[must_use]
    pub fn oci(self) -> String {
        format!("sha256:{self}")
    }

    /// The inverse of [`Sha256::oci`].
    pub fn from_oci(text: &str) -> Result<Self, InvalidDigest> {
        text.strip_prefix("sha256:")
            .unwrap_or_default()
            .parse()
            .map_err(|invalid| InvalidDigest { text: text.to_owned(), ..invalid })
    }

    /// The first 12 digits, enough for people to tell digests apart.
    #[must_use]
    pub fn short(self) -> String {
        self.to_string()[..12].to_owned()
    }
}

/// Reads so many bytes in hexadecimal digits of either case, no more and no fewer.
fn decode(text: &str, bytes: &mut [u8]) -> Option<()> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(())
}

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
