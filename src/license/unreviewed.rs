//! What nobody has reviewed, and how to.

use std::fmt;

use crate::debian::PackageName;
use crate::digest::Sha256;

/// Texts of a copyright file that nobody has reviewed, so that its licenses would be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreviewed {
    pub source: PackageName,
    pub texts: Vec<UnreviewedText>,
}

/// A text that nobody has reviewed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreviewedText {
    /// The short name under which the text stands; `None` for a whole file in free form.
    pub name: Option<String>,
    /// The line of the file on which it is, from 1.
    pub line: usize,
    /// Of the text; where the name has none, nothing but the name can be reviewed.
    pub fingerprint: Option<Sha256>,
    pub beginning: String,
}

/// How much of a text is shown, in characters.
const SHOWN: usize = 160;

impl UnreviewedText {
    pub(super) fn new(name: Option<&str>, line: usize, text: &str) -> Self {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let beginning = match words.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        };
        let fingerprint = (!text.is_empty()).then(|| super::fingerprint(text));
        Self { name: name.map(str::to_owned), line, fingerprint, beginning }
    }

    /// The lines of `licenses.toml` that would review it.
    #[must_use]
    pub fn example(&self, source: &PackageName) -> String {
        match (&self.name, self.fingerprint) {
            (Some(name), Some(sha256)) => format!(
                "[[text]]\nsha256 = \"{sha256}\"\nis = \"…\" # an SPDX licence expression\n\
                 seen = {}\nevidence = \"read by …\"\n",
                quoted(&format!("as `{name}` in {source}"))
            ),
            (Some(name), None) => format!("[names]\n{} = \"…\" # an SPDX licence expression\n", quoted(name)),
            (None, sha256) => format!(
                "[[copyright]]\nsha256 = \"{}\"\nsource = \"{source}\"\ndeclared = \"…\" # an SPDX licence expression\n\
                 evidence = \"read by …\"\n",
                sha256.unwrap_or_else(|| super::fingerprint(""))
            ),
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl fmt::Display for UnreviewedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.fingerprint) {
            (Some(name), None) => write!(f, "line {}: `{name}`, without a text", self.line),
            (Some(name), Some(_)) => write!(f, "line {}: `{name}`, {:?}", self.line, self.beginning),
            (None, _) => write!(f, "a file in free form, {:?}", self.beginning),
        }
    }
}

impl fmt::Display for Unreviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nobody has reviewed the licences of the source package {}", self.source)?;
        self.texts.iter().try_for_each(|text| write!(f, "\n  {text}"))
    }
}

impl std::error::Error for Unreviewed {}
