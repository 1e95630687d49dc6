//! One stanza of an index, and what of it cannot be read.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use memchr::{memchr, memmem};

/// A stanza that names a package; borrowed from the text of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stanza<'a> {
    text: &'a str,
    pub name: &'a str,
    pub version: &'a str,
}

/// A field of an index that is missing or cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the field `{field}` of {stanza} cannot be read")]
pub struct InvalidStanza {
    stanza: String,
    field: &'static str,
    #[source]
    why: Arc<dyn Error + Send + Sync>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FieldFault {
    #[error("it is missing")]
    Missing,
    #[error("`{0}` is not one of {1}")]
    Word(String, &'static str),
    #[error("`{0}` does not name one version, as `name (= version)` does")]
    NotExact(String),
    #[error("it names no .dsc file")]
    NoDsc,
    #[error("`{0}` is not `SHA-256 size name`")]
    Checksum(String),
}

impl<'a> Stanza<'a> {
    /// `number` counts the stanzas of the index from 1, to name one that has no name.
    pub fn new(text: &'a str, name: &'a str, version: &'a str, number: usize) -> Result<Self, InvalidStanza> {
        if name.is_empty() {
            let stanza = format!("stanza {number}");
            return Err(InvalidStanza { stanza, field: "Package", why: Arc::new(FieldFault::Missing) });
        }
        Ok(Self { text, name, version })
    }

    pub fn get(&self, field: &str) -> Option<&'a str> {
        // Most fields that are asked for are absent, and finding a text is quicker than finding all fields.
        memmem::find(self.text.as_bytes(), field.as_bytes())?;
        fields(self.text).find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    pub fn required<T>(&self, field: &'static str, value: Option<&str>) -> Result<T, InvalidStanza>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        match value {
            None | Some("") => Err(self.invalid(field, FieldFault::Missing)),
            Some(value) => value.parse().map_err(|why| self.invalid(field, why)),
        }
    }

    pub fn invalid(&self, field: &'static str, why: impl Error + Send + Sync + 'static) -> InvalidStanza {
        let stanza = format!("`{}`", format!("{} {}", self.name, self.version).trim_end());
        InvalidStanza { stanza, field, why: Arc::new(why) }
    }
}

/// The values of some fields of a stanza, each empty where it is absent; looks no further than for the last of them.
pub(super) fn values<'a, const N: usize>(stanza: &'a str, names: [&str; N]) -> [&'a str; N] {
    let mut values = [""; N];
    for (field, value) in fields(stanza) {
        let Some(at) = names.iter().position(|name| *name == field) else { continue };
        values[at] = value;
        if !values.contains(&"") {
            break;
        }
    }
    values
}

/// Names and values; white space around a value is taken off, continuation lines belong to it.
///
/// This looks only for line ends and colons.
/// Names are taken in the case in which archives write them.
pub(super) fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = field_end(rest.as_bytes());
            let (field, after) = rest.split_at(end);
            rest = after.strip_prefix('\n').unwrap_or(after);
            if let Some((name, value)) = field.split_once(':') {
                return Some((name, value.trim()));
            }
        }
        None
    })
}

/// Where the first line that no indented line follows ends.
fn field_end(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(line) = memchr(b'\n', &text[from..]) {
        let end = from + line;
        match text.get(end + 1) {
            Some(b' ' | b'\t') => from = end + 1,
            _ => return end,
        }
    }
    text.len()
}
