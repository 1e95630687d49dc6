//! The names that people give to things of a catalog.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::debian::Architecture;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a {what} name: use a-z, 0-9 and single `-`, `.` or `_` between them")]
pub struct InvalidName {
    name: String,
    what: &'static str,
}

/// A part of an image reference, so it keeps to the alphabet of [repository names].
///
/// [repository names]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
fn is_valid(name: &str) -> bool {
    name.len() <= 64
        && name.split(['-', '.', '_']).all(|word| {
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($what:literal);)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Box<str>);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                if !is_valid(name) {
                    return Err(InvalidName { name: name.chars().take(80).collect(), what: $what });
                }
                Ok(Self(name.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        crate::text::string_form!($name);

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )* };
}

names! {
    /// The name of an image without its release: `cc`, `java-base`.
    FamilyName("family");
    /// The name of a release: `debian13`.
    ReleaseName("release");
    /// The name of a flavour, which is the tag of its images: `debug-nonroot`.
    TagName("tag");
    /// The name of an upstream tarball: `nodejs22`.
    TarballName("tarball");
    /// The name of an archive: `debian-security`.
    ArchiveName("archive");
}

/// `cc-debian13:debug`: one image of one release in one flavour, over all its architectures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName {
    pub family: FamilyName,
    pub release: ReleaseName,
    pub tag: TagName,
}

impl ImageName {
    /// `cc-debian13`: the repository that the image's tags belong to.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("{}-{}", self.family, self.release)
    }

    /// `cc-debian13:debug-amd64`: what a layout calls the image of one architecture.
    #[must_use]
    pub fn on(&self, architecture: &Architecture) -> String {
        format!("{self}-{architecture}")
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}:{}", self.family, self.release, self.tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_an_image_reference() {
        for name in ["cc", "java-base", "python3.13", "debian13"] {
            assert!(name.parse::<FamilyName>().is_ok(), "{name}");
        }
        for name in ["", "CC", "cc-", "-cc", "a--b", "a/b", "a:b", "é", &"a".repeat(65)] {
            assert!(name.parse::<FamilyName>().is_err(), "{name}");
        }
    }
}
