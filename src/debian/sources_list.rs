//! The sources of apt: `.sources` and `.list` files, [sources.list(5)].
//!
//! [sources.list(5)]: https://manpages.debian.org/stable/apt/sources.list.5.en.html

use std::fmt;

use url::Url;

use super::control::{Field, InvalidField, Paragraph, paragraphs};

/// What a file names, and what in it could not be understood. Like apt, one bad entry spoils no other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcesList {
    pub sources: Vec<AptSource>,
    pub warnings: Vec<SourceWarning>,
}

/// An archive of binary packages (type `deb`) and the suites of it that are in use.
#[derive(Clone, PartialEq, Eq)]
pub struct AptSource {
    pub uri: Url,
    /// A suite that ends in `/` is the path of a flat repository, which has no components.
    pub suites: Vec<String>,
    pub components: Vec<String>,
}

/// An entry that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceWarning {
    #[error(transparent)]
    Field(#[from] InvalidField),
    #[error("line {line}: the entry has no {what}")]
    Missing { line: usize, what: &'static str },
    #[error("line {line}: `{uri}` is not a URI: {why}")]
    Uri { line: usize, uri: String, why: url::ParseError },
    #[error("line {line}: `{word}` is not a type of source: `deb` and `deb-src` are")]
    Type { line: usize, word: String },
    #[error("line {line}: the options are not closed by `]`")]
    Options { line: usize },
}

impl SourcesList {
    /// Reads a `.sources` file: deb822 paragraphs.
    #[must_use]
    pub fn from_deb822(text: &str) -> Self {
        let mut list = Self::default();
        for paragraph in paragraphs(text) {
            list.warnings.extend(paragraph.fields().filter_map(Result::err).map(SourceWarning::from));
            // A paragraph of comments is none.
            if paragraph.fields().next().is_some() {
                list.add_paragraph(paragraph);
            }
        }
        list
    }

    /// Reads a `.list` file: one source a line.
    #[must_use]
    pub fn from_one_line(text: &str) -> Self {
        let mut list = Self::default();
        for (at, line) in text.lines().enumerate() {
            let entry = line.split_once('#').map_or(line, |(entry, _)| entry).trim();
            if !entry.is_empty()
                && let Err(warning) = list.add_line(entry, at + 1)
            {
                list.warnings.push(warning);
            }
        }
        list
    }

    fn add_paragraph(&mut self, paragraph: Paragraph<'_>) {
        let line = paragraph.line();
        let words = |name: &'static str| words(paragraph, name);
        let disabled = ["no", "false", "without", "off", "disable"];
        if words("Enabled").first().is_some_and(|word| disabled.contains(&word.to_ascii_lowercase().as_str()))
        {
            return;
        }
        let types = words("Types");
        for unknown in types.iter().filter(|word| !matches!(**word, "deb" | "deb-src")) {
            self.warnings.push(SourceWarning::Type { line, word: shortened(unknown) });
        }
        let (uris, suites, components) = (words("URIs"), words("Suites"), words("Components"));
        let missing = [("`Types`", &types), ("`URIs`", &uris), ("`Suites`", &suites)];
        if let Some((what, _)) = missing.into_iter().find(|(_, words)| words.is_empty()) {
            self.warnings.push(SourceWarning::Missing { line, what });
            return;
        }
        if !types.contains(&"deb") {
            return;
        }
        for uri in uris {
            if let Err(warning) = self.add(line, uri, &suites, &components) {
                self.warnings.push(warning);
            }
        }
    }

    fn add_line(&mut self, entry: &str, line: usize) -> Result<(), SourceWarning> {
        let end = entry.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(entry.len());
        let (kind, rest) = entry.split_at(end);
        if !matches!(kind, "deb" | "deb-src") {
            return Err(SourceWarning::Type { line, word: shortened(kind) });
        }
        let rest = match rest.trim_start().strip_prefix('[') {
            None => rest,
            Some(options) => options.split_once(']').ok_or(SourceWarning::Options { line })?.1,
        };
        let mut words = rest.split_whitespace();
        let uri = words.next().ok_or(SourceWarning::Missing { line, what: "URI" })?;
        let suite = words.next().ok_or(SourceWarning::Missing { line, what: "suite" })?;
        if kind == "deb" { self.add(line, uri, &[suite], &words.collect::<Vec<_>>()) } else { Ok(()) }
    }

    fn add(
        &mut self,
        line: usize,
        uri: &str,
        suites: &[&str],
        components: &[&str],
    ) -> Result<(), SourceWarning> {
        if components.is_empty() && !suites.iter().all(|suite| suite.ends_with('/')) {
            return Err(SourceWarning::Missing { line, what: "component" });
        }
        let uri = Url::parse(uri).map_err(|why| SourceWarning::Uri { line, uri: without_login(uri), why })?;
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        self.sources.push(AptSource { uri, suites: owned(suites), components: owned(components) });
        Ok(())
    }
}

/// Without the URI, which may have a password.
impl fmt::Debug for AptSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uri, suites, components } = self;
        let mut shown = f.debug_struct("AptSource");
        shown.field("host", &uri.host_str()).field("path", &uri.path());
        shown.field("suites", suites).field("components", components).finish()
    }
}

fn words<'a>(paragraph: Paragraph<'a>, name: &'static str) -> Vec<&'a str> {
    let value = paragraph.get(name).unwrap_or("");
    Field { name, value }.lines().flat_map(str::split_whitespace).collect()
}

/// A URI that could not be read may still hold a password.
fn without_login(uri: &str) -> String {
    shortened(uri.rsplit_once('@').map_or(uri, |(_, rest)| rest))
}

fn shortened(word: &str) -> String {
    word.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
