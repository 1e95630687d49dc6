//! `/usr/lib/os-release` with an organisation's own names in it, after [os-release(5)].
//!
//! [os-release(5)]: https://www.freedesktop.org/software/systemd/man/latest/os-release.html

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tree::{Entry, ImagePath, Node, Tree};

use super::{GenerateError, content};

pub const RECIPE: &str = "os-release/1";

/// The file itself; `/etc/os-release` is a link of `base-files` to it, and stays one.
pub const OS_RELEASE: &str = "/usr/lib/os-release";

/// What scanners match advisories by: an image that says another release is audited for the wrong one.
const IDENTITY: [&str; 4] = ["ID", "VERSION_ID", "VERSION_CODENAME", "DEBIAN_VERSION_FULL"];

/// The lines of an os-release file in their order. Lines that are not changed keep their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsRelease {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Assignment {
        key: String,
        value: String,
        text: String,
    },
    /// A comment or an empty line.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OsReleaseError {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("line {number} `{line}` is no assignment of os-release(5): {why}")]
    Line { number: usize, line: String, why: &'static str },
    #[error("`{0}` is no key of os-release(5): A-Z, 0-9 and `_`, not beginning with a digit")]
    Key(String),
    #[error(
        "`{0}` tells scanners which advisories apply, and stays as the release has it: leave it out of the branding"
    )]
    Identity(String),
    #[error("the value of `{0}` has a control character, and would not be one line of text")]
    Value(String),
}

/// The package's os-release with the branding's keys set, and everything else about it as the package
/// has it: owner, mode and time.
///
/// # Errors
/// [`GenerateError::MissingFile`] where the package, which is to be `base-files`, has none;
/// [`GenerateError::OsRelease`] where it cannot be read or the branding not be written.
pub fn branded(package: &Tree, branding: &BTreeMap<String, String>) -> Result<Tree, GenerateError> {
    let path = ImagePath::parse(OS_RELEASE)?;
    let (Some(entry), Some(bytes)) = (package.get(&path), content(package, &path)) else {
        return Err(GenerateError::MissingFile { path, recipe: RECIPE });
    };
    let text =
        brand(bytes, branding).map_err(|source| GenerateError::OsRelease { path: path.clone(), source })?;
    let mut tree = Tree::new();
    tree.insert(path, Entry { node: Node::File(text.into()), ..entry.clone() });
    Ok(tree)
}

fn brand(bytes: &[u8], branding: &BTreeMap<String, String>) -> Result<String, OsReleaseError> {
    let text = std::str::from_utf8(bytes).map_err(|_| OsReleaseError::NotText)?;
    let mut release = OsRelease::parse(text)?;
    for (key, value) in branding {
        if IDENTITY.contains(&key.as_str()) {
            return Err(OsReleaseError::Identity(key.clone()));
        }
        release.set(key, value)?;
    }
    Ok(release.to_text())
}

impl OsRelease {
    pub fn parse(text: &str) -> Result<Self, OsReleaseError> {
        let lines = text.split_terminator('\n').enumerate().map(|(index, line)| {
            Line::parse(line).map_err(|why| OsReleaseError::Line {
                number: index + 1,
                line: line.chars().take(80).collect(),
                why,
            })
        });
        Ok(Self { lines: lines.collect::<Result<_, _>>()? })
    }

    /// The value of a key, without its quotes. The last assignment counts, as in the shell.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Assignment { key: name, value, .. } if name == key => Some(value.as_str()),
            _ => None,
        })
    }

    /// Gives a key a value: where the key stands, or at the end.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), OsReleaseError> {
        if !is_key(key) {
            return Err(OsReleaseError::Key(key.to_owned()));
        }
        if value.contains(char::is_control) {
            return Err(OsReleaseError::Value(key.to_owned()));
        }
        let line = Line::Assignment {
            key: key.to_owned(),
            value: value.to_owned(),
            text: format!("{key}={}", quote(value)),
        };
        let is_same = |line: &Line| matches!(line, Line::Assignment { key: name, .. } if name == key);
        match self.lines.iter().position(is_same) {
            Some(first) => {
                self.lines[first] = line;
                let mut seen = false;
                self.lines.retain(|line| !is_same(line) || !std::mem::replace(&mut seen, true));
            }
            None => self.lines.push(line),
        }
        Ok(())
    }

    /// The file: every line ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            let (Line::Assignment { text: line, .. } | Line::Other(line)) = line;
            text.push_str(line);
            text.push('\n');
            text
        })
    }
}

impl Line {
    fn parse(line: &str) -> Result<Self, &'static str> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(Self::Other(line.to_owned()));
        }
        let (key, value) = line.split_once('=').ok_or("it has no `=`")?;
        if !is_key(key) {
            return Err("its key is not made of A-Z, 0-9 and `_`");
        }
        Ok(Self::Assignment { key: key.to_owned(), value: unquote(value.trim_end())?, text: line.to_owned() })
    }
}

fn is_key(key: &str) -> bool {
    let letter = |c: u8| c.is_ascii_uppercase() || c == b'_';
    key.bytes().next().is_some_and(letter) && key.bytes().all(|c| letter(c) || c.is_ascii_digit())
}

/// A value in double quotes, with a backslash before what a shell would read as its own.
fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        let escape = if matches!(c, '"' | '\\' | '$' | '`') { "\\" } else { "" };
        let _ = write!(quoted, "{escape}{c}");
    }
    quoted + "\""
}

/// What a shell would make of a value: bare, or in one pair of single or double quotes.
fn unquote(text: &str) -> Result<String, &'static str> {
    const UNENDED: &str = "its quote does not end where the value ends";
    if let Some(rest) = text.strip_prefix('\'') {
        let inner = rest.strip_suffix('\'').ok_or(UNENDED)?;
        return if inner.contains('\'') { Err(UNENDED) } else { Ok(inner.to_owned()) };
    }
    let Some(rest) = text.strip_prefix('"') else {
        let special = |c: char| c.is_whitespace() || "\"'\\$`;&|<>()".contains(c);
        return if text.contains(special) { Err("its value needs quotes") } else { Ok(text.to_owned()) };
    };
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or(UNENDED)? {
            '"' if chars.as_str().is_empty() => return Ok(value),
            '"' => return Err(UNENDED),
            '\\' => match chars.next().ok_or(UNENDED)? {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            '$' | '`' => return Err("`$` and a backtick need a backslash"),
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests;
