//! Patterns by which policies name images, and what findings are about.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern: {why}")]
pub struct InvalidPattern {
    pattern: String,
    why: String,
}

/// A glob over the names of images: `cc-debian13:debug`, `*:debug*`; without a tag it is for all tags.
#[derive(Debug, Clone)]
pub struct ImagePattern {
    glob: GlobMatcher,
    has_tag: bool,
}

/// A glob over what findings are about: a package, a path, a CVE. A `*` stands for slashes too.
#[derive(Debug, Clone)]
pub struct SubjectPattern(GlobMatcher);

impl ImagePattern {
    /// Whether it names an image, as in `cc-debian13:debug`.
    #[must_use]
    pub fn admits(&self, image: &str) -> bool {
        let repository = image.split(':').next().unwrap_or_default();
        self.glob.is_match(if self.has_tag { image } else { repository })
    }
}

impl SubjectPattern {
    #[must_use]
    pub fn admits(&self, subject: &str) -> bool {
        self.0.is_match(subject)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl FromStr for ImagePattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, InvalidPattern> {
        Ok(Self { glob: glob(pattern)?, has_tag: pattern.contains(':') })
    }
}

impl FromStr for SubjectPattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, InvalidPattern> {
        glob(pattern).map(Self)
    }
}

pub(super) fn glob(pattern: &str) -> Result<GlobMatcher, InvalidPattern> {
    let invalid = |why: String| InvalidPattern { pattern: pattern.chars().take(80).collect(), why };
    if pattern.trim().is_empty() {
        return Err(invalid("it is empty, and nothing fits it".to_owned()));
    }
    Ok(Glob::new(pattern).map_err(|error| invalid(error.kind().to_string()))?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::{ImagePattern, SubjectPattern};

    #[test]
    fn a_pattern_without_a_tag_is_for_all_tags() {
        let admits = |pattern: &str, image: &str| pattern.parse::<ImagePattern>().unwrap().admits(image);
        assert!(admits("busybox-*", "busybox-debian13:nonroot") && admits("*", "a:b"));
        assert!(
            admits("*:debug*", "cc-debian13:debug-nonroot") && !admits("*:debug*", "debug-debian13:latest")
        );
        assert!(!admits("cc-debian13", "cc-debian12:debug"));
    }

    #[test]
    fn a_star_in_a_subject_stands_for_any_text() {
        let admits =
            |pattern: &str, subject: &str| pattern.parse::<SubjectPattern>().unwrap().admits(subject);
        assert!(admits("/usr/*", "/usr/bin/ping") && admits("CVE-2024-*", "CVE-2024-1"));
        assert!(!admits("libc6", "libc6-dev"));
        assert!("".parse::<SubjectPattern>().is_err() && "[".parse::<SubjectPattern>().is_err());
    }
}
