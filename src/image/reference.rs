//! Where images are in registries: `registry.example.org:5000/base/cc-debian13:debug`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::digest::Sha256;
use crate::text::text_form;

/// A registry's host, with the port where it has one: `registry.example.org:5000`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryHost(Box<str>);

/// Repositories by their [names], or what their names begin with: `base/cc-debian13`.
///
/// [names]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryPath(Box<str>);

/// A tag: at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(Box<str>);

text_form!(RegistryHost, RepositoryPath, Tag);

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    pub host: RegistryHost,
    pub path: RepositoryPath,
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub repository: Repository,
    pub at: Pointer,
}

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pointer {
    Tag(Tag),
    Digest(Sha256),
}

/// Where images are pushed to: a registry, and what the names of all repositories there begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub host: RegistryHost,
    pub prefix: Option<RepositoryPath>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct InvalidReference {
    text: String,
    what: &'static str,
    rule: &'static str,
}

impl InvalidReference {
    fn new(text: &str, what: &'static str, rule: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), what, rule }
    }
}

/// Whether the first word of a name is a host, as docker tells it from one of a repository.
pub(super) fn is_host(word: &str) -> bool {
    word.contains(['.', ':']) || word == "localhost"
}

impl RegistryHost {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without the port; an IPv6 address without brackets.
    fn name(&self) -> &str {
        match self.0.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.0.split_once(':').map_or(&*self.0, |(name, _)| name),
        }
    }

    /// Whether it is this machine, to which nothing goes over a network.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let name = self.name();
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

impl RepositoryPath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag of the [referrers] of a manifest, where a registry has no other place for them.
    ///
    /// [referrers]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
    #[must_use]
    pub fn of_referrers(subject: Sha256) -> Self {
        Self(format!("sha256-{subject}").into())
    }
}

impl Destination {
    /// The repository of an image's name: `cc-debian13`.
    pub fn repository(&self, name: &str) -> Result<Repository, InvalidReference> {
        let path = match &self.prefix {
            Some(prefix) => format!("{prefix}/{name}").parse()?,
            None => name.parse()?,
        };
        Ok(Repository { host: self.host.clone(), path })
    }
}

impl FromStr for RegistryHost {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |rule| InvalidReference::new(text, "a registry", rule);
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => ("", rest.strip_prefix(':')),
            Some(_) => return Err(invalid("what is in brackets is no IPv6 address")),
            None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
        };
        let is_name = |name: &str| {
            name.split('.').all(|label| {
                let valid = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
                !label.is_empty() && label.bytes().all(valid)
            })
        };
        if !text.starts_with('[') && !is_name(name) {
            return Err(invalid("a host name is expected, as in registry.example.org:5000"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(invalid("a port is a number up to 65535"));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for RepositoryPath {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |rule| InvalidReference::new(text, "the name of a repository", rule);
        let is_word = |word: &str| {
            let single = |c: &u8| matches!(c, b'.' | b'_');
            let mut separators =
                word.as_bytes().chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric());
            let separates = |run: &[u8]| match run {
                [one] => single(one) || *one == b'-',
                run => run == b"__" || run.iter().all(|c| *c == b'-'),
            };
            !word.is_empty()
                && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c))
                && !b"._-".contains(&word.as_bytes()[0])
                && !b"._-".contains(&word.as_bytes()[word.len() - 1])
                && separators.all(|run| run[0].is_ascii_alphanumeric() || separates(run))
        };
        if text.len() > 255 {
            return Err(invalid("it has more than 255 characters"));
        }
        if !text.split('/').all(is_word) {
            return Err(invalid(
                "use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Tag {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let valid = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
        if text.is_empty() || text.len() > 128 || text.starts_with(['.', '-']) || !text.bytes().all(valid) {
            let rule = "use at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`";
            return Err(InvalidReference::new(text, "a tag", rule));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Destination {
    type Err = InvalidReference;

    /// Reads `registry.example.org/base`, also as skopeo writes it, with `docker://`.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |rule| InvalidReference::new(text, "a place in a registry", rule);
        let plain = text.strip_prefix("docker://").unwrap_or(text).trim_end_matches('/');
        if plain.contains("://") {
            return Err(invalid("leave the scheme out, as in registry.example.org/base"));
        }
        let (host, prefix) = plain.split_once('/').map_or((plain, None), |(host, path)| (host, Some(path)));
        if !is_host(host) {
            return Err(invalid("name the registry too, as in registry.example.org/base"));
        }
        if prefix.is_some_and(|prefix| prefix.contains([':', '@'])) {
            return Err(invalid("tags are those of the images: leave out what follows the `:`"));
        }
        Ok(Self { host: host.parse()?, prefix: prefix.map(str::parse).transpose()? })
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    /// Reads `registry.example.org/base/cc-debian13:debug` or `…@sha256:…`; `latest` stands for no tag, and a
    /// digest counts more than a tag.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |rule| InvalidReference::new(text, "an image in a registry", rule);
        let plain = text.strip_prefix("docker://").unwrap_or(text);
        let (name, digest) =
            plain.split_once('@').map_or((plain, None), |(name, digest)| (name, Some(digest)));
        let Some((host, path)) = name.split_once('/').filter(|(host, _)| is_host(host)) else {
            return Err(invalid("name the registry too, as in registry.example.org/base/cc:latest"));
        };
        let (path, tag) = path.split_once(':').unwrap_or((path, "latest"));
        let at = match digest {
            Some(digest) => Pointer::Digest(
                Sha256::from_oci(digest).map_err(|_| invalid("a digest is `sha256:` and 64 digits"))?,
            ),
            None => Pointer::Tag(tag.parse()?),
        };
        Ok(Self { repository: Repository { host: host.parse()?, path: path.parse()? }, at })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Pointer::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Pointer::Digest(digest) => write!(f, "{}@{}", self.repository, digest.oci()),
        }
    }
}

/// As it stands in URLs.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "{tag}"),
            Self::Digest(digest) => f.write_str(&digest.oci()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_registry_a_repository_and_a_tag_or_a_digest() {
        let digest = Sha256::of(b"").oci();
        for (text, shown) in [
            ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
            ("registry.example.org/cc", "registry.example.org/cc:latest"),
            ("docker://[::1]:5000/cc-debian13:debug", "[::1]:5000/cc-debian13:debug"),
            (&format!("localhost/cc:debug@{digest}"), &format!("localhost/cc@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), shown);
        }
        for text in ["cc", "base/cc", "localhost/CC", "localhost/cc:", "localhost/cc@sha256:1", "a.b:port/cc"]
        {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_destination_is_a_registry_and_perhaps_a_prefix() {
        for text in ["registry.example.org", "localhost:5000/base/images", "127.0.0.1/x"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        let error = |text: &str| text.parse::<Destination>().unwrap_err().to_string();
        assert_eq!(
            error("base"),
            "`base` is not a place in a registry: name the registry too, as in registry.example.org/base"
        );
        assert_eq!(
            error("https://registry.example.org"),
            "`https://registry.example.org` is not a place in a registry: leave the scheme out, as in \
             registry.example.org/base"
        );
        assert_eq!(
            error("localhost/cc:debug"),
            "`localhost/cc:debug` is not a place in a registry: tags are those of the images: leave out what follows \
             the `:`"
        );
    }

    #[test]
    fn a_repository_has_the_alphabet_of_the_specification() {
        for name in ["a", "a/b", "a.b", "a_b", "a__b", "a---b", "java-base-debian13"] {
            assert!(name.parse::<RepositoryPath>().is_ok(), "{name}");
        }
        for name in ["", "/a", "a/", "a//b", "A", "a..b", "a___b", "-a", "a-", "a.-b", "é", &"a".repeat(256)]
        {
            assert!(name.parse::<RepositoryPath>().is_err(), "{name}");
        }
    }

    #[test]
    fn this_machine_is_known_by_any_of_its_names() {
        for (host, is_loopback) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.1.2.3:5000", true),
            ("[::1]:5000", true),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
            ("[::2]", false),
        ] {
            assert_eq!(host.parse::<RegistryHost>().unwrap().is_loopback(), is_loopback, "{host}");
        }
    }
}
