//! What is looked for, told by the shape of a text.

use globset::{GlobBuilder, GlobMatcher};
use percent_encoding::percent_decode_str;

use crate::advisory::VulnerabilityId;
use crate::debian::{
    Architecture, Constraint, InvalidName, InvalidPattern, InvalidVersion, PackageName, PackagePattern,
    Relation, Version,
};
use crate::debian::{Comparison, Source};

/// What is looked for.
#[derive(Debug, Clone)]
pub enum Query {
    /// Binary packages, and upstream tarballs by the name of their software.
    Package(PackageQuery),
    /// What was built from source packages, or with code of them in it.
    Source(PackageQuery),
    File(FilePattern),
    License(LicensePattern),
    Vulnerability(VulnerabilityId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Package,
    Source,
    File,
    License,
    Vulnerability,
}

/// Packages by name, by version where one is given, and by architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageQuery {
    pattern: PackagePattern,
    constraint: Option<Constraint>,
    architecture: Option<Architecture>,
}

/// A glob of paths. `*` and `?` stop at `/`, `**` does not; one that does not begin with `/` is looked for in every
/// directory.
#[derive(Debug, Clone)]
pub struct FilePattern {
    globs: Vec<GlobMatcher>,
    exact: bool,
}

/// A glob of SPDX ids of licences and exceptions, alone or together: `GPL-3.0-or-later WITH GCC-exception-3.1`.
#[derive(Debug, Clone)]
pub struct LicensePattern(GlobMatcher);

#[derive(Debug, thiserror::Error)]
pub enum InvalidQuery {
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    #[error(
        "`{0}` is no bound on versions, as in `(<< 3.5.4)`: one of `<<`, `<=`, `=`, `>=`, `>>` and a version"
    )]
    Constraint(String),
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    #[error(transparent)]
    Architecture(#[from] InvalidName),
    #[error("`{0}` is not a pattern")]
    Glob(String, #[source] globset::Error),
    #[error(
        "`{0}` is no package URL of a package: `pkg:deb/debian/NAME@VERSION` or `pkg:generic/NAME@VERSION` is expected"
    )]
    Purl(String),
}

impl Query {
    /// Reads a query of a kind, or of the kind that its shape tells: `CVE-2025-9230` and `TEMP-…`, a package URL,
    /// `src:openssl`, a text with a `/`, one with a capital letter, as licences have and packages have not; all else
    /// is a package: `libssl3t64`, `libssl*`, `libssl3t64 (<< 3.5.4)`, `libssl3t64=3.5.1-1`.
    pub fn parse(text: &str, kind: Option<Kind>) -> Result<Self, InvalidQuery> {
        let text = text.trim();
        if kind.is_none() && text.starts_with("pkg:") {
            return purl(text);
        }
        match kind.unwrap_or_else(|| Kind::of(text)) {
            Kind::Package => PackageQuery::parse(text).map(Self::Package),
            Kind::Source => PackageQuery::parse(text.strip_prefix("src:").unwrap_or(text)).map(Self::Source),
            Kind::File => FilePattern::parse(text).map(Self::File),
            Kind::License => glob(text).map(LicensePattern).map(Self::License),
            Kind::Vulnerability => Ok(Self::Vulnerability(text.to_ascii_uppercase().as_str().into())),
        }
    }
}

impl Kind {
    fn of(text: &str) -> Self {
        let begins =
            |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if begins("CVE-") || begins("TEMP-") {
            Self::Vulnerability
        } else if text.starts_with("src:") {
            Self::Source
        } else if text.contains('/') {
            Self::File
        } else if text.contains(|c: char| c.is_ascii_uppercase()) {
            Self::License
        } else {
            Self::Package
        }
    }
}

impl PackageQuery {
    fn parse(text: &str) -> Result<Self, InvalidQuery> {
        let (name, constraint) = match (text.split_once('('), text.split_once('=')) {
            (Some((name, rest)), _) => (name.trim_end(), Some(constraint(rest)?)),
            (None, Some((name, version))) => {
                let constraint = Constraint { comparison: Comparison::Equal, version: version.parse()? };
                (name, Some(constraint))
            }
            (None, None) => (text, None),
        };
        Ok(Self { pattern: name.parse()?, constraint, architecture: None })
    }

    /// The name that is asked for, where it is one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether a binary package is meant.
    #[must_use]
    pub fn admits(&self, name: &PackageName, version: &Version, architecture: &Architecture) -> bool {
        self.pattern.admits(name.as_str())
            && self.constraint.as_ref().is_none_or(|constraint| constraint.admits(version))
            && self.architecture.as_ref().is_none_or(|asked| asked == architecture)
    }

    /// Whether a source package is meant.
    #[must_use]
    pub fn admits_source(&self, source: &Source) -> bool {
        self.pattern.admits(source.name.as_str())
            && self.constraint.as_ref().is_none_or(|constraint| constraint.admits(&source.version))
    }

    /// Whether software of an upstream tarball is meant. Its version need not be one of Debian's.
    #[must_use]
    pub fn admits_software(&self, name: &str, version: &str) -> bool {
        let admits =
            |constraint: &Constraint| version.parse().is_ok_and(|version| constraint.admits(&version));
        self.pattern.admits(name) && self.constraint.as_ref().is_none_or(admits)
    }
}

impl FilePattern {
    fn parse(text: &str) -> Result<Self, InvalidQuery> {
        let anywhere = if text.starts_with('/') { text.to_owned() } else { format!("**/{text}") };
        let mut globs = vec![glob(&anywhere)?];
        // Since the usr-merge these are links into /usr.
        if ["/bin/", "/sbin/", "/lib"].iter().any(|old| text.starts_with(old)) {
            globs.push(glob(&format!("/usr{text}"))?);
        }
        Ok(Self { globs, exact: !text.contains(['*', '?', '[', '{']) })
    }

    #[must_use]
    pub fn admits(&self, path: &str) -> bool {
        self.globs.iter().any(|glob| glob.is_match(path))
    }

    /// Whether one path is meant, which may be that of a directory.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }
}

impl LicensePattern {
    /// Whether an SPDX expression has it, whatever it is joined with.
    #[must_use]
    pub fn admits(&self, expression: &str) -> bool {
        let terms = expression.split([' ', '(', ')']).filter(|term| !term.is_empty());
        let terms: Vec<_> = terms.collect();
        let alone = terms.iter().any(|term| self.0.is_match(term));
        let together = terms.windows(3).any(|three| three[1] == "WITH" && self.0.is_match(three.join(" ")));
        alone || together
    }
}

fn glob(text: &str) -> Result<GlobMatcher, InvalidQuery> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    Ok(glob.map_err(|error| InvalidQuery::Glob(text.to_owned(), error))?.compile_matcher())
}

/// What follows the bracket of `name (>= 1.0)`.
fn constraint(rest: &str) -> Result<Constraint, InvalidQuery> {
    let relation = format!("any ({rest}").parse::<Relation>().ok();
    let first = relation.as_ref().and_then(|relation| relation.alternatives().first());
    let constraint = first.and_then(|alternative| alternative.constraint.clone());
    constraint.ok_or_else(|| InvalidQuery::Constraint(format!("({rest}")))
}

/// A [package URL](https://github.com/package-url/purl-spec) of a binary or source package, or of a tarball's software.
fn purl(text: &str) -> Result<Query, InvalidQuery> {
    let invalid = || InvalidQuery::Purl(text.to_owned());
    let rest = text.strip_prefix("pkg:").ok_or_else(invalid)?;
    let (rest, _) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let decoded =
        |part: &str| percent_decode_str(part).decode_utf8().map(String::from).map_err(|_| invalid());
    let (path, version) = match path.rsplit_once('@') {
        Some((path, version)) => (path, Some(decoded(version)?)),
        None => (path, None),
    };
    let name = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["deb", _, name] | ["generic", name] => decoded(name)?,
        _ => return Err(invalid()),
    };
    let version = version.map(|version| version.parse()).transpose()?;
    let architecture = qualifiers.split('&').find_map(|pair| pair.strip_prefix("arch="));
    let query = PackageQuery {
        pattern: name.parse()?,
        constraint: version.map(|version| Constraint { comparison: Comparison::Equal, version }),
        architecture: architecture.filter(|name| *name != "source").map(str::parse).transpose()?,
    };
    Ok(if architecture == Some("source") { Query::Source(query) } else { Query::Package(query) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        match Query::parse(text, None).unwrap() {
            Query::Package(_) => Kind::Package,
            Query::Source(_) => Kind::Source,
            Query::File(_) => Kind::File,
            Query::License(_) => Kind::License,
            Query::Vulnerability(_) => Kind::Vulnerability,
        }
    }

    #[test]
    fn the_shape_of_a_text_tells_what_it_is() {
        for (text, expected) in [
            ("CVE-2025-9230", Kind::Vulnerability),
            ("cve-2025-9230", Kind::Vulnerability),
            ("TEMP-0841856-B18BAF", Kind::Vulnerability),
            ("src:openssl", Kind::Source),
            ("pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13", Kind::Package),
            ("pkg:deb/debian/openssl@3.5.1-1?arch=source", Kind::Source),
            ("/usr/lib/*/libssl.so.3", Kind::File),
            ("ssl/openssl.cnf", Kind::File),
            ("GPL-2.0-only", Kind::License),
            ("Zlib", Kind::License),
            ("zlib1g", Kind::Package),
            ("libssl*", Kind::Package),
            ("libssl3t64 (<< 3.5.4)", Kind::Package),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn packages_are_meant_by_name_version_and_architecture() {
        let admits = |query: &str, name: &str, version: &str| {
            let Query::Package(query) = Query::parse(query, None).unwrap() else { panic!("{query}") };
            query.admits(&name.parse().unwrap(), &version.parse().unwrap(), &"amd64".parse().unwrap())
        };
        assert!(admits("libssl*", "libssl3t64", "3.5.1-1"));
        assert!(admits("libssl3t64 (<< 3.5.4)", "libssl3t64", "3.5.1-1"));
        assert!(!admits("libssl3t64 (<< 3.5.4)", "libssl3t64", "3.5.4-1"));
        assert!(admits("libssl3t64=3.5.1-1", "libssl3t64", "3.5.1-1"));
        assert!(admits(
            "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19%2Bb1?arch=amd64",
            "libstdc++6",
            "14.2.0-19+b1"
        ));
        assert!(!admits("pkg:deb/debian/libstdc%2B%2B6?arch=arm64", "libstdc++6", "14.2.0-19"));
    }

    #[test]
    fn licences_are_found_inside_expressions() {
        let admits = |query: &str, expression: &str| {
            let Query::License(query) = Query::parse(query, Some(Kind::License)).unwrap() else { panic!() };
            query.admits(expression)
        };
        let gcc = "GPL-3.0-or-later WITH GCC-exception-3.1 AND (MIT OR Apache-2.0)";
        for query in
            ["MIT", "GPL-*", "GCC-exception-3.1", "GPL-3.0-or-later WITH GCC-exception-3.1", "Apache-2.0"]
        {
            assert!(admits(query, gcc), "{query}");
        }
        assert!(!admits("GPL-3.0", gcc) && !admits("MIT-0", gcc));
    }

    #[test]
    fn paths_are_found_where_the_usr_merge_put_them() {
        let admits = |query: &str, path: &str| {
            let Query::File(query) = Query::parse(query, Some(Kind::File)).unwrap() else { panic!() };
            query.admits(path)
        };
        assert!(
            admits("/bin/sh", "/usr/bin/sh")
                && admits("/lib/*/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6")
        );
        assert!(admits("libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"));
        assert!(
            !admits("/usr/lib/*.so", "/usr/lib/x86_64-linux-gnu/libc.so") && !admits("libc.so", "/libc.so.6")
        );
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let refused = |text: &str| Query::parse(text, None).unwrap_err().to_string();
        assert_eq!(
            refused("libc 6"),
            "`libc 6` is not a pattern of package names: no package can have that name"
        );
        assert_eq!(
            refused("libc6 (~ 3)"),
            "`(~ 3)` is no bound on versions, as in `(<< 3.5.4)`: one of `<<`, `<=`, `=`, `>=`, `>>` and a version"
        );
        assert_eq!(refused("/usr/[a"), "`/usr/[a` is not a pattern");
        assert_eq!(
            refused("pkg:npm/left-pad"),
            "`pkg:npm/left-pad` is no package URL of a package: `pkg:deb/debian/NAME@VERSION` or \
             `pkg:generic/NAME@VERSION` is expected"
        );
    }
}
