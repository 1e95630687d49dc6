//! `debian/copyright` in its [machine-readable form].
//!
//! Real files break its rules in small ways. What they mean is taken where it is plain: a license of several files
//! whose text stands with the first of them, names in another case, a blank `License` line above the text.
//!
//! [machine-readable form]: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

use super::control::{Field, InvalidField, Paragraph, offset_in, paragraphs};

/// The copyright file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copyright {
    pub stanzas: Vec<Stanza>,
    /// Those that stand alone, for the stanzas that only name theirs.
    pub licenses: Vec<License>,
}

/// What holds for some files of the source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// Paths in the source package, with `*` and `?` for any text and any character.
    pub files: Vec<String>,
    /// The copyright notices, a line each.
    pub notices: Vec<String>,
    pub license: License,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// The line of the file on which its paragraph begins, from 1.
    pub line: usize,
    pub terms: Terms,
    /// Empty where only the name is given.
    pub text: String,
}

/// Short names of licenses, and how they go together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Terms {
    /// `GPL-2+`, `GPL-2+ with OpenSSL exception`; or what stands in place of a name, whatever it is.
    Name(String),
    All(Vec<Terms>),
    Any(Vec<Terms>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyrightError {
    #[error("it does not begin with a `Format` field that names the machine-readable form")]
    FreeForm,
    #[error(transparent)]
    Field(#[from] InvalidField),
    #[error("line {line}: the paragraph has no `{field}` field")]
    Lacking { line: usize, field: &'static str },
    #[error("it names the licence of no file")]
    Empty,
}

impl Copyright {
    /// Reads a copyright file.
    ///
    /// # Errors
    /// Where it is in free form, or so far from the machine-readable one that its meaning would be guessed.
    pub fn parse(text: &str) -> Result<Self, CopyrightError> {
        let text = &with_dots(text);
        let mut paragraphs = paragraphs(text).filter(|paragraph| !is_comment(paragraph));
        let header = paragraphs.next().filter(is_header).ok_or(CopyrightError::FreeForm)?;
        let (mut stanzas, mut licenses) = (Vec::new(), Vec::new());
        for paragraph in paragraphs {
            let fields = Fields::read(text, &paragraph)?;
            match (&fields.files, fields.license()) {
                (Some(_), Some(license)) => stanzas.push(fields.stanza(license)),
                (None, Some(license)) => licenses.push(license),
                (Some(_), None) => return Err(fields.lacks("License")),
                (None, None) if fields.copyright.is_some() => return Err(fields.lacks("Files")),
                (None, None) => {}
            }
        }
        if stanzas.is_empty() {
            // The header's license is that of the whole, which the stanzas say in detail where there are any.
            let fields = Fields::read(text, &header)?;
            let license = fields.license().ok_or(CopyrightError::Empty)?;
            stanzas.push(Stanza { files: vec!["*".to_owned()], ..fields.stanza(license) });
        }
        Ok(Self { stanzas, licenses })
    }

    /// The texts that a name without one stands for: those of paragraphs of their own and, where there is none, those
    /// that stand with the files of a stanza.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a License> {
        let is_named = move |license: &&License| {
            matches!(&license.terms, Terms::Name(known) if known.eq_ignore_ascii_case(name))
                && !license.text.is_empty()
        };
        let alone = self.licenses.iter().any(|license| is_named(&license));
        let with_files = self.stanzas.iter().map(|stanza| &stanza.license).filter(move |_| !alone);
        self.licenses.iter().chain(with_files).filter(is_named)
    }
}

impl Terms {
    /// Reads the first line of a `License` field. `and` binds closer than `or`, and a comma before either looser than
    /// both; a line with another structure is one name.
    fn parse(line: &str) -> Self {
        let words: Vec<_> = line.split_whitespace().collect();
        loose(&words).unwrap_or_else(|| Self::Name(words.join(" ")))
    }

    /// In the order in which they are written.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Name(name) => vec![name],
            Self::All(terms) | Self::Any(terms) => terms.iter().flat_map(Self::names).collect(),
        }
    }
}

impl std::fmt::Display for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let join = |terms: &[Self], operator: &str| {
            let term = |term: &Self| match term {
                Self::Name(name) => name.clone(),
                _ => format!("({term})"),
            };
            terms.iter().map(term).collect::<Vec<_>>().join(operator)
        };
        match self {
            Self::Name(name) => f.write_str(name),
            Self::All(terms) => f.write_str(&join(terms, " and ")),
            Self::Any(terms) => f.write_str(&join(terms, " or ")),
        }
    }
}

/// What commas separate.
fn loose(words: &[&str]) -> Option<Terms> {
    let mut parts = vec![Vec::new()];
    let mut operators = Vec::new();
    let mut after_comma = false;
    for word in words {
        if after_comma {
            operators.push(Operator::of(word)?);
            parts.push(Vec::new());
            after_comma = false;
            continue;
        }
        let (name, comma) = word.strip_suffix(',').map_or((*word, false), |name| (name, true));
        parts.last_mut()?.push(name);
        after_comma = comma;
    }
    let parts = parts.iter().map(|words| close(words)).collect::<Option<Vec<_>>>()?;
    Some(combine(parts, &operators))
}

/// What stands between commas.
fn close(words: &[&str]) -> Option<Terms> {
    let operators: Vec<_> = words.iter().filter_map(|word| Operator::of(word)).collect();
    let names = words.split(|word| Operator::of(word).is_some());
    Some(combine(names.map(name).collect::<Option<Vec<_>>>()?, &operators))
}

/// A name is one word, or one with an exception.
fn name(words: &[&str]) -> Option<Terms> {
    let is_name = |word: &str| !word.is_empty() && !word.contains(['(', ')', ',', ';']);
    let is_one = match words {
        [name] => is_name(name),
        [name, with, exception @ ..] => {
            is_name(name) && with.eq_ignore_ascii_case("with") && !exception.is_empty()
        }
        [] => false,
    };
    is_one.then(|| Terms::Name(words.join(" ")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
}

impl Operator {
    fn of(word: &str) -> Option<Self> {
        match () {
            () if word.eq_ignore_ascii_case("and") => Some(Self::And),
            () if word.eq_ignore_ascii_case("or") => Some(Self::Or),
            () => None,
        }
    }
}

fn combine(terms: Vec<Terms>, operators: &[Operator]) -> Terms {
    let mut choices = vec![Vec::new()];
    for (at, term) in terms.into_iter().enumerate() {
        if at > 0 && operators[at - 1] == Operator::Or {
            choices.push(Vec::new());
        }
        choices.last_mut().expect("there is one from the start").push(term);
    }
    one_or(Terms::Any, choices.into_iter().map(|terms| one_or(Terms::All, terms)).collect())
}

fn one_or(several: fn(Vec<Terms>) -> Terms, mut terms: Vec<Terms>) -> Terms {
    if terms.len() == 1 { terms.remove(0) } else { several(terms) }
}

/// The fields of a paragraph that say something about licenses.
struct Fields<'a> {
    text: &'a str,
    line: usize,
    files: Option<Field<'a>>,
    copyright: Option<Field<'a>>,
    license: Option<Field<'a>>,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str, paragraph: &Paragraph<'a>) -> Result<Self, CopyrightError> {
        let line = paragraph.line();
        let mut fields = Self { text, line, files: None, copyright: None, license: None };
        for field in paragraph.fields() {
            let field = field?;
            match field.name.to_ascii_lowercase().as_str() {
                "files" => drop(fields.files.get_or_insert(field)),
                "copyright" => drop(fields.copyright.get_or_insert(field)),
                "license" | "licence" => drop(fields.license.get_or_insert(field)),
                _ => {}
            }
        }
        Ok(fields)
    }

    fn license(&self) -> Option<License> {
        let field = self.license?;
        let before = &self.text[..offset_in(self.text, field.value)];
        let is_below = before.trim_end_matches([' ', '\t', '\r']).ends_with('\n');
        let (first, further) = match is_below {
            true => ("", field.value),
            false => field.value.split_once('\n').unwrap_or((field.value, "")),
        };
        Some(License { line: self.line, terms: Terms::parse(first), text: unfold(further) })
    }

    fn stanza(&self, license: License) -> Stanza {
        let files = self.files.iter().flat_map(|field| field.value.split_whitespace());
        let files = files.map(|path| path.trim_end_matches(',').trim_start_matches("./").to_owned());
        let notices = self.copyright.iter().flat_map(Field::lines).filter(|line| !matches!(*line, "" | "."));
        Stanza {
            line: self.line,
            files: files.collect(),
            notices: notices.map(str::to_owned).collect(),
            license,
        }
    }

    fn lacks(&self, field: &'static str) -> CopyrightError {
        CopyrightError::Lacking { line: self.line, field }
    }
}

/// The lines of a long description as they were before they were indented.
fn unfold(value: &str) -> String {
    let line = |line: &'_ str| -> String {
        let line = line.strip_prefix([' ', '\t']).unwrap_or(line).trim_end();
        if line.trim_start() == "." { String::new() } else { line.to_owned() }
    };
    let lines: Vec<_> = value.lines().map(line).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// An empty line before an indented one does not end the field: somebody forgot the dot.
fn with_dots(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut goes_on = false;
    for line in lines.iter_mut().rev() {
        if !line.trim().is_empty() {
            goes_on = line.starts_with([' ', '\t']);
        } else if goes_on {
            *line = " .";
        }
    }
    lines.join("\n")
}

fn is_header(paragraph: &Paragraph<'_>) -> bool {
    let format = paragraph.get("Format").or_else(|| paragraph.get("Format-Specification"));
    format.is_some_and(|format| ["copyright-format", "dep5", "DEP5"].iter().any(|name| format.contains(name)))
}

fn is_comment(paragraph: &Paragraph<'_>) -> bool {
    paragraph.fields().next().is_none()
}

#[cfg(test)]
mod tests;
