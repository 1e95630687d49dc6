//! Indexes of an archive: the text of one, split into its stanzas.

use std::ops::Range;

use memchr::memmem;

use super::control::Paragraph;

/// The text of a Packages or a Sources index as it came, and where its stanzas are in it.
#[derive(Debug, Clone)]
pub(super) struct Index {
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

impl Index {
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

    /// What `condense` adds of each stanza to the text. A stanza stays one, so that all keep their numbers.
    pub fn condensed(&self, condense: impl Fn(&str, &mut String)) -> String {
        let mut text = String::with_capacity(self.text.len());
        for stanza in self.stanzas() {
            let start = text.len();
            condense(stanza, &mut text);
            if text.len() == start {
                text.push_str("Package:\n");
            }
            text.push('\n');
        }
        text
    }

    /// Keeps the stanzas of packages whose names are admitted.
    pub fn retain(&mut self, admit: impl Fn(&str) -> bool) {
        let Self { text, stanzas } = self;
        stanzas.retain(|range| Paragraph::of(&text[range.clone()]).get("Package").is_none_or(&admit));
    }

    pub fn len(&self) -> usize {
        self.stanzas.len()
    }

    pub fn stanzas(&self) -> impl ExactSizeIterator<Item = &str> {
        self.stanzas.iter().map(|range| &self.text[range.clone()])
    }

    /// The stanzas in which a text stands, and their numbers from 0; once for each time.
    pub fn mentions(&self, text: &str) -> impl Iterator<Item = (usize, &str)> {
        memmem::find_iter(self.text.as_bytes(), text).filter_map(|at| {
            let stanza = self.stanzas.partition_point(|range| range.end <= at);
            let range = self.stanzas.get(stanza).filter(|range| range.start <= at)?;
            Some((stanza, &self.text[range.clone()]))
        })
    }
}
