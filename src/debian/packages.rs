//! Packages indices: what an archive has for one architecture.

use std::ops::Range;

use memchr::memmem;

use super::control::Paragraph;

mod package;

pub use package::{InvalidStanza, MultiArch, Package, Priority, Source};

/// The text of a Packages index, split into its stanzas, [Debian repository format].
///
/// The text is kept as it came; a [`Package`] borrows from it, and its fields are parsed when they are asked for.
///
/// [Debian repository format]: https://wiki.debian.org/DebianRepository/Format#A.22Packages.22_Indices
#[derive(Debug, Clone)]
pub struct PackagesIndex {
    text: String,
    stanzas: Vec<Range<usize>>,
}

/// An index that is not UTF-8, as [policy §5.1] asks.
///
/// [policy §5.1]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#syntax-of-control-files
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index is not UTF-8 at byte {offset}, in the stanza of `{package}`")]
pub struct InvalidIndex {
    offset: usize,
    package: String,
}

impl PackagesIndex {
    #[must_use]
    pub fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let mut stanzas = Vec::with_capacity(bytes.len() / 800);
        let mut start = 0;
        for end in memmem::find_iter(bytes, b"\n\n").chain([bytes.len()]) {
            if text[start..end].bytes().any(|c| !c.is_ascii_whitespace()) {
                stanzas.push(start..end);
            }
            start = (end + 2).min(bytes.len());
        }
        Self { text, stanzas }
    }

    /// Takes the bytes of an uncompressed index without copying them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidIndex> {
        String::from_utf8(bytes).map(Self::new).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..offset];
            let stanza = memmem::rfind(before, b"\n\n").map_or(0, |end| end + 2);
            let stanza = String::from_utf8_lossy(&before[stanza..]);
            let package = Paragraph::of(&stanza).get("Package").unwrap_or("?").to_owned();
            InvalidIndex { offset, package }
        })
    }

    /// The same packages without what nobody asks them for: descriptions, maintainers and the like, which
    /// are more than half of the text.
    #[must_use]
    pub fn condensed(&self) -> String {
        let mut text = String::with_capacity(self.text.len());
        self.stanzas.iter().for_each(|range| package::condense(&self.text[range.clone()], &mut text));
        text
    }

    /// Keeps the packages whose names are admitted.
    pub fn retain(&mut self, admit: impl Fn(&str) -> bool) {
        let Self { text, stanzas } = self;
        stanzas.retain(|range| Paragraph::of(&text[range.clone()]).get("Package").is_none_or(&admit));
    }

    /// The number of stanzas.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stanzas.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    /// The first stanza that names a package, by its own name or in its relations, and which of
    /// [its names](Package::names) that is.
    #[must_use]
    pub fn first_mention(&self, name: &str) -> Option<(usize, usize)> {
        let mut mentions = memmem::find_iter(self.text.as_bytes(), name).map(|at| {
            let stanza = self.stanzas.partition_point(|range| range.end <= at);
            let range = self.stanzas.get(stanza).filter(|range| range.start <= at)?;
            let package = Package::read(&self.text[range.clone()], stanza + 1).ok()?;
            Some((stanza, package.names().position(|named| named == name)?))
        });
        mentions.find_map(|mention| mention)
    }

    /// The packages in the order of the index. A stanza without a name, a version or an architecture is an error.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = Result<Package<'_>, InvalidStanza>> {
        self.stanzas.iter().enumerate().map(|(at, range)| Package::read(&self.text[range.clone()], at + 1))
    }
}

#[cfg(test)]
mod tests;
