//! Sources indices: the source packages that an archive has.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::control::Field;
use super::index::{Index, InvalidIndex};
use super::stanza::{FieldFault, InvalidStanza, Stanza, values};
use super::{ArchivePath, InvalidName, InvalidVersion, PackageName, Relations, Version};
use crate::digest::Sha256;

/// A source package in one version; as text, `glibc 2.41-12`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub name: PackageName,
    pub version: Version,
}

/// Why a text is no source package in one version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    #[error("a name and a version are expected, with a space between them")]
    NotTwoWords,
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Version(#[from] InvalidVersion),
}

/// The text of a Sources index, split into its stanzas, [Debian repository format]. A source package may be there in
/// several versions: those that binary packages were built from, or have built in, stay as long as they do.
///
/// The text is kept as it came; a [`SourcePackage`] borrows from it.
///
/// [Debian repository format]: https://wiki.debian.org/DebianRepository/Format#A.22Sources.22_Indices
#[derive(Debug, Clone)]
pub struct SourcesIndex(Index);

/// A source package as an index describes it, [policy §5.4]. A field that cannot be read is an error of the method
/// that asks for it.
///
/// [policy §5.4]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#debian-source-package-control-files-dsc
#[derive(Debug, Clone, Copy)]
pub struct SourcePackage<'a>(Stanza<'a>);

/// The `.dsc` of a source package, which names its other files by their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsc {
    /// From the root of the archive.
    pub path: ArchivePath,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256,
}

impl Source {
    /// What a field such as Built-Using names: `glibc (= 2.41-12), zlib (= 1:1.3)`.
    pub(super) fn of_relations(relations: &Relations) -> Result<BTreeSet<Self>, FieldFault> {
        let exact = relations.iter().map(|relation| {
            let (name, version) =
                relation.exact().ok_or_else(|| FieldFault::NotExact(relation.to_string()))?;
            Ok(Self { name: name.clone(), version: version.clone() })
        });
        exact.collect()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let (name, version) = text.split_once(' ').ok_or(InvalidSource::NotTwoWords)?;
        Ok(Self { name: name.parse()?, version: version.parse()? })
    }
}

impl SourcesIndex {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Index::new(text))
    }

    /// Takes the bytes of an uncompressed index without copying them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidIndex> {
        Index::from_bytes(bytes).map(Self)
    }

    /// The same source packages with nothing but names, versions and where their `.dsc` files are: the twentieth part
    /// of the text.
    #[must_use]
    pub fn condensed(&self) -> String {
        self.0.condensed(|stanza, text| {
            let [name, version, directory, checksums] =
                values(stanza, ["Package", "Version", "Directory", CHECKSUMS]);
            for (field, value) in [("Package", name), ("Version", version), ("Directory", directory)] {
                if !value.is_empty() {
                    text.extend([field, ": ", value, "\n"]);
                }
            }
            let dsc: Vec<_> = dscs(checksums).collect();
            if !dsc.is_empty() {
                text.extend([CHECKSUMS, ":\n ", &dsc.join("\n "), "\n"]);
            }
        })
    }

    /// The source packages in the order of the index. A stanza without a name is an error.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = Result<SourcePackage<'_>, InvalidStanza>> {
        self.0.stanzas().enumerate().map(|(at, stanza)| {
            let [name, version] = values(stanza, ["Package", "Version"]);
            Stanza::new(stanza, name, version, at + 1).map(SourcePackage)
        })
    }
}

impl<'a> SourcePackage<'a> {
    /// As it is written; [`SourcePackage::source`] checks it.
    #[must_use]
    pub fn raw_name(&self) -> &'a str {
        self.0.name
    }

    pub fn source(&self) -> Result<Source, InvalidStanza> {
        Ok(Source {
            name: self.0.required("Package", Some(self.0.name))?,
            version: self.0.required("Version", Some(self.0.version))?,
        })
    }

    pub fn dsc(&self) -> Result<Dsc, InvalidStanza> {
        let line = self.0.get(CHECKSUMS).map(|list| dscs(list).next());
        let line = match line {
            None => return Err(self.0.invalid(CHECKSUMS, FieldFault::Missing)),
            Some(None) => return Err(self.0.invalid(CHECKSUMS, FieldFault::NoDsc)),
            Some(Some(line)) => line,
        };
        let malformed = || self.0.invalid(CHECKSUMS, FieldFault::Checksum(line.chars().take(120).collect()));
        let words: Vec<_> = line.split_whitespace().collect();
        let [sha256, size, name] = words[..] else { return Err(malformed()) };
        let directory = match self.0.get("Directory") {
            None | Some("") => return Err(self.0.invalid("Directory", FieldFault::Missing)),
            // An archive without a pool has its files beside the index.
            Some(".") => String::new(),
            Some(directory) => format!("{}/", directory.trim_end_matches('/')),
        };
        Ok(Dsc {
            path: self.0.required("Directory", Some(&format!("{directory}{name}")))?,
            size: size.parse().map_err(|_| malformed())?,
            sha256: sha256.parse().map_err(|_| malformed())?,
        })
    }
}

const CHECKSUMS: &str = "Checksums-Sha256";

/// The lines of a list of files that are of `.dsc` files; in a proper one there is one.
fn dscs(list: &str) -> impl Iterator<Item = &str> {
    Field { name: CHECKSUMS, value: list }.lines().filter(|line| line.ends_with(".dsc"))
}

#[cfg(test)]
mod tests;
