//! Names of packages and architectures.

use std::borrow::Borrow;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::text_form;

/// The name of a source or binary package, [policy §5.6.1]: at least two characters, lower-case
/// letters, digits, `+`, `-` and `.`, the first a letter or a digit.
///
/// [policy §5.6.1]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(Arc<str>);

/// The name of a machine architecture as dpkg knows it (`amd64`), or `all`, [policy §5.6.8].
///
/// [policy §5.6.8]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#architecture
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Architecture(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not {what}: {rule}")]
pub struct InvalidName {
    name: String,
    what: &'static str,
    rule: &'static str,
}

impl PackageName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Architecture {
    /// The architecture of packages that are the same on every machine.
    #[must_use]
    pub fn all() -> Self {
        Self("all".into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let first = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let valid = name.len() >= 2
            && name.as_bytes().first().is_some_and(first)
            && name.bytes().all(|c| first(&c) || b"+-.".contains(&c));
        if !valid {
            return Err(InvalidName {
                name: name.chars().take(80).collect(),
                what: "a package name",
                rule: "two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit",
            });
        }
        Ok(Self(name.into()))
    }
}

impl FromStr for Architecture {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if !valid {
            return Err(InvalidName {
                name: name.chars().take(80).collect(),
                what: "an architecture",
                rule: "a-z, 0-9 and `-`, beginning with a letter, as in `amd64`",
            });
        }
        Ok(Self(name.into()))
    }
}

text_form!(PackageName, Architecture);

impl Borrow<str> for PackageName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Architecture {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_policy() {
        for name in ["libc6", "g++-14", "0ad", "libstdc++6", "python3.13", "a1"] {
            assert!(name.parse::<PackageName>().is_ok(), "{name}");
        }
        for name in ["", "a", "Libc6", "-a", "lib c6", "../x", "libc6:amd64", "é1"] {
            assert!(name.parse::<PackageName>().is_err(), "{name}");
        }
    }

    #[test]
    fn architectures_are_lower_case_words() {
        assert!("kfreebsd-amd64".parse::<Architecture>().is_ok());
        for name in ["", "AMD64", "6502", "linux/amd64"] {
            assert!(name.parse::<Architecture>().is_err(), "{name}");
        }
    }
}
