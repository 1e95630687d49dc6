//! Paths inside an archive.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::text_form;

/// A path below the root of an archive, or below one of its suites: `pool/main/g/glibc/libc6_2.41-12_amd64.deb`.
/// Relative and without `.` or `..`, so that it stays below whatever it is joined to, as a URL or as a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArchivePath(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path inside an archive: {why}")]
pub struct InvalidArchivePath {
    path: String,
    why: &'static str,
}

impl ArchivePath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl FromStr for ArchivePath {
    type Err = InvalidArchivePath;

    /// A leading `./`, as some archives write it, is taken off; nothing else is mended.
    fn from_str(text: &str) -> Result<Self, InvalidArchivePath> {
        let invalid = |why| Err(InvalidArchivePath { path: text.chars().take(200).collect(), why });
        let path = text.strip_prefix("./").unwrap_or(text);
        if path.is_empty() {
            return invalid("it is empty");
        }
        if path.starts_with('/') {
            return invalid("it is absolute");
        }
        if path.split('/').next().is_some_and(|first| first.ends_with(':')) {
            return invalid("it is a URL");
        }
        if path.split('/').any(|component| matches!(component, "" | "." | "..")) {
            return invalid("it has an empty, `.` or `..` component");
        }
        if !path.bytes().all(|c| c.is_ascii_graphic() && !b"\\?#".contains(&c)) {
            return invalid("it has a character that is not printable ASCII, or one of `\\?#`");
        }
        if has_escaped_dots(path) {
            return invalid("it hides a `.`, `/` or `\\` behind a `%` escape");
        }
        Ok(Self(path.into()))
    }
}

/// URL parsers take `%2e%2e` for `..`, and servers take `%2f` for `/`.
fn has_escaped_dots(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["%2e", "%2f", "%5c"].iter().any(|escape| lower.contains(escape))
}

text_form!(ArchivePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_pool_are_taken() {
        for text in
            ["pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb", "a_1%3a2_all.deb", "./x.deb", "a_1:2.deb"]
        {
            assert!(text.parse::<ArchivePath>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for text in [
            "",
            "./",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "https://host/x",
            "a/%2e%2e/x",
            "a\\b",
            "a b",
            "a?b",
            "a#b",
            ".//x",
            "a\n",
        ] {
            assert!(text.parse::<ArchivePath>().is_err(), "{text}");
        }
    }
}
