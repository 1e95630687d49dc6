//! Packages indices: what an archive has for one architecture.

use super::index::{Index, InvalidIndex};
use super::stanza::InvalidStanza;

mod package;

pub use package::{MultiArch, Package, Priority};

/// The text of a Packages index, split into its stanzas, [Debian repository format].
///
/// The text is kept as it came; a [`Package`] borrows from it, and its fields are parsed when they are asked for.
///
/// [Debian repository format]: https://wiki.debian.org/DebianRepository/Format#A.22Packages.22_Indices
#[derive(Debug, Clone)]
pub struct PackagesIndex(Index);

impl PackagesIndex {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Index::new(text))
    }

    /// Takes the bytes of an uncompressed index without copying them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidIndex> {
        Index::from_bytes(bytes).map(Self)
    }

    /// The same packages without what nobody asks them for: descriptions, maintainers and the like, which
    /// are more than half of the text.
    #[must_use]
    pub fn condensed(&self) -> String {
        self.0.condensed(package::condense)
    }

    /// Keeps the packages whose names are admitted.
    pub fn retain(&mut self, admit: impl Fn(&str) -> bool) {
        self.0.retain(admit);
    }

    /// The number of stanzas.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The first stanza that names a package, by its own name or in its relations, and which of
    /// [its names](Package::names) that is.
    #[must_use]
    pub fn first_mention(&self, name: &str) -> Option<(usize, usize)> {
        self.0.mentions(name).find_map(|(at, stanza)| {
            let package = Package::read(stanza, at + 1).ok()?;
            Some((at, package.names().position(|named| named == name)?))
        })
    }

    /// The packages in the order of the index. A stanza without a name, a version or an architecture is an error.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = Result<Package<'_>, InvalidStanza>> {
        self.0.stanzas().enumerate().map(|(at, stanza)| Package::read(stanza, at + 1))
    }
}

#[cfg(test)]
mod tests;
