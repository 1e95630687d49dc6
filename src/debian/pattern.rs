//! Patterns of package names, as people write them where a list would be too long.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};

use super::PackageName;

/// A glob over the names of packages, as those of [apt_preferences(5)]: `acme-agent`, `libacme*`.
///
/// [apt_preferences(5)]: https://manpages.debian.org/trixie/apt/apt_preferences.5.en.html
#[derive(Debug, Clone)]
pub struct PackagePattern(GlobMatcher);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern of package names: {why}")]
pub struct InvalidPattern {
    pattern: String,
    why: String,
}

impl PackagePattern {
    #[must_use]
    pub fn admits(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl FromStr for PackagePattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: String| InvalidPattern { pattern: pattern.chars().take(80).collect(), why };
        if !pattern.contains(['*', '?', '[', '{']) {
            let name = pattern.parse::<PackageName>();
            name.map_err(|_| invalid("no package can have that name".to_owned()))?;
        }
        let glob = Glob::new(pattern).map_err(|error| invalid(error.kind().to_string()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl PartialEq for PackagePattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for PackagePattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_a_glob() {
        let admits = |pattern: &str, name| pattern.parse::<PackagePattern>().unwrap().admits(name);
        assert!(admits("acme-agent", "acme-agent") && !admits("acme-agent", "acme-agent-extra"));
        assert!(admits("libacme*", "libacme2") && !admits("libacme*", "libc6"));
        assert!(admits("*", "libstdc++6") && admits("lib?++", "liba++"));
        for pattern in ["", "Acme", "acme agent", "a[", "{a"] {
            assert!(pattern.parse::<PackagePattern>().is_err(), "{pattern}");
        }
    }
}
