//! Which version of a package is preferred to others, [apt_preferences(5)].
//!
//! [apt_preferences(5)]: https://manpages.debian.org/trixie/apt/apt_preferences.5.en.html

use std::fmt;
use std::str::FromStr;

use super::{InvalidName, PackageName, Version};

/// The packages that a preference is about: one by its name, or with `src:` all of a source package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Binary(PackageName),
    Source(PackageName),
}

/// A version, or versions: `3.5.1-1`, `3.5.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPattern(Box<str>);

/// What a preferred version has to be. It fits where all that is said fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    pub version: Option<VersionPattern>,
    pub suite: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: besides what versions have, only `*` may be in it, for any text")]
pub struct InvalidPattern(String);

/// What apt gives a suite that nobody has a preference about.
pub const DEFAULT_PRIORITY: i16 = 500;

impl Subject {
    #[must_use]
    pub fn is_about(&self, name: &PackageName, source: &PackageName) -> bool {
        match self {
            Self::Binary(own) => own == name,
            Self::Source(own) => own == source,
        }
    }
}

impl VersionPattern {
    #[must_use]
    pub fn fits(&self, version: &Version) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return self.0.parse::<Version>().is_ok_and(|own| own == *version);
        };
        let Some(mut text) = version.as_str().strip_prefix(start) else { return false };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return text.ends_with(part);
            }
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl Preference {
    #[must_use]
    pub fn fits(&self, version: &Version, suite: &str) -> bool {
        self.version.as_ref().is_none_or(|pattern| pattern.fits(version))
            && self.suite.as_deref().is_none_or(|own| own == suite)
    }
}

impl FromStr for Subject {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix("src:") {
            Some(source) => source.parse().map(Self::Source),
            None => text.parse().map(Self::Binary),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(name) => f.pad(name.as_str()),
            Self::Source(name) => f.pad(&format!("src:{name}")),
        }
    }
}

impl FromStr for VersionPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let known = |c: u8| c.is_ascii_alphanumeric() || b".+-~:*".contains(&c);
        let valid = text.bytes().all(known) && (text.contains('*') || text.parse::<Version>().is_ok());
        if valid { Ok(Self(text.into())) } else { Err(InvalidPattern(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for VersionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `version 3.5.* in trixie-backports`
impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_ref().map(|version| format!("version {version}"));
        let suite = self.suite.as_ref().map(|suite| format!("suite {suite}"));
        f.pad(&version.into_iter().chain(suite).collect::<Vec<_>>().join(" in "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_fits_what_dpkg_holds_equal_or_what_its_stars_admit() {
        let fits = |pattern: &str, version: &str| {
            pattern.parse::<VersionPattern>().unwrap().fits(&version.parse().unwrap())
        };
        for (pattern, version) in [
            ("1.0-1", "1.0-1"),
            ("1.0", "0:1.00"),
            ("3.5.*", "3.5.1-1"),
            ("*", "1"),
            ("1*u2", "1.0+deb13u2"),
            ("1*0*", "1.0-1"),
        ] {
            assert!(fits(pattern, version), "{pattern} {version}");
        }
        for (pattern, version) in
            [("1.0-1", "1.0-2"), ("3.5.*", "3.50-1"), ("*u2", "1.0+deb13u21"), ("1*1", "1")]
        {
            assert!(!fits(pattern, version), "{pattern} {version}");
        }
    }

    #[test]
    fn what_no_version_can_be_is_refused() {
        for text in ["", "1.0 ", "1.0-", "[0-9]", ">= 1"] {
            assert!(text.parse::<VersionPattern>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_is_a_panic(pattern in "[0-9a.*-]{0,8}", version in "[0-9][0-9a.-]{0,8}") {
            if let (Ok(pattern), Ok(version)) = (pattern.parse::<VersionPattern>(), version.parse::<Version>()) {
                let plain = pattern.to_string().replace('*', "");
                prop_assert!(!pattern.fits(&version) || version.as_str().len() >= plain.len() || version == plain.parse().unwrap());
            }
        }
    }
}
