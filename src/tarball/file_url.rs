use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

/// The URL of a file that anyone may fetch: a directory, and a name in it. It has no query, no fragment and no
/// password, so it can stand in a lock and an SBOM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileUrl {
    /// Ends in a slash.
    directory: Arc<Url>,
    name: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not the URL of a file: {why}")]
pub struct InvalidFileUrl {
    url: String,
    why: String,
    /// Whether a password stands where the URL does.
    pub secret: bool,
}

impl FileUrl {
    /// Ends in a slash.
    #[must_use]
    pub fn directory(&self) -> &Url {
        &self.directory
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for FileUrl {
    type Err = InvalidFileUrl;

    fn from_str(text: &str) -> Result<Self, InvalidFileUrl> {
        let url = Url::parse(text);
        let credentials = |url: &Url| !url.username().is_empty() || url.password().is_some();
        let shown = match &url {
            Ok(url) if credentials(url) => format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or("")),
            _ => text.chars().take(200).collect(),
        };
        let invalid = |why: &str| InvalidFileUrl { url: shown.clone(), why: why.to_owned(), secret: false };
        let mut url = url.map_err(|error| invalid(&error.to_string()))?;
        if !["http", "https", "file"].contains(&url.scheme()) {
            return Err(invalid("it begins with none of `https:`, `http:` and `file:`"));
        }
        if credentials(&url) {
            let error = invalid("it has a user name or password, which a lock would show to everyone");
            return Err(InvalidFileUrl { secret: true, ..error });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a `?` or `#`"));
        }
        let name = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or("").to_owned();
        if name.is_empty() {
            return Err(invalid("it ends in no name"));
        }
        if name.contains('%') {
            return Err(invalid("the name of its file has an escaped character"));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop().push("");
        }
        Ok(Self { directory: url.into(), name: name.into() })
    }
}

impl fmt::Display for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.directory, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_directory_and_a_name() {
        let url: FileUrl = "https://example.org/dist/v1/a-1.tar.xz".parse().unwrap();
        assert_eq!((url.directory().as_str(), url.name()), ("https://example.org/dist/v1/", "a-1.tar.xz"));
        assert_eq!(url.to_string(), "https://example.org/dist/v1/a-1.tar.xz");
        assert_eq!("http://[::1]:8/a".parse::<FileUrl>().unwrap().to_string(), "http://[::1]:8/a");
    }

    #[test]
    fn what_is_no_plain_file_is_refused_and_a_password_not_shown() {
        for text in
            ["", "a.tar.xz", "ftp://x/a", "https://x/a?b", "https://x/a#b", "https://x/", "https://x/a%20b"]
        {
            assert!(text.parse::<FileUrl>().is_err(), "{text}");
        }
        let error = "https://user:secret@example.org/a".parse::<FileUrl>().unwrap_err().to_string();
        assert!(error.contains("password") && !error.contains("secret"), "{error}");
    }
}
