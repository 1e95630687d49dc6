//! Control files: paragraphs of fields, [deb822(5)], read without copying.
//!
//! [deb822(5)]: https://manpages.debian.org/stable/dpkg-dev/deb822.5.en.html

/// A run of fields without an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    text: &'a str,
    /// The line of the file on which the paragraph begins, from 1.
    line: usize,
}

/// A field: its name and what stands after the colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a str,
    /// Without white space around it; further lines keep their indentation.
    pub value: &'a str,
}

/// A line that is neither a field, nor the continuation of one, nor a comment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{text}` is no field: `Name: value` is expected")]
pub struct InvalidField {
    line: usize,
    text: String,
}

/// The paragraphs of a control file, which empty lines separate.
pub fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = Lines { text, number: 0 };
    std::iter::from_fn(move || {
        let (line, first) = rest.by_ref().find(|(_, line)| !is_blank(line))?;
        let from = offset_in(text, first);
        let end =
            rest.by_ref().find(|(_, line)| is_blank(line)).map_or(text.len(), |(_, l)| offset_in(text, l));
        Some(Paragraph { text: &text[from..end], line })
    })
}

impl<'a> Paragraph<'a> {
    /// The whole text as one paragraph, as `DEBIAN/control` is.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self { text, line: 1 }
    }

    /// The line of the file on which the paragraph begins, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The fields in the order in which they are written. Comments are passed over.
    pub fn fields(&self) -> impl Iterator<Item = Result<Field<'a>, InvalidField>> + use<'a> {
        let text = self.text;
        let mut lines =
            Lines { text, number: self.line - 1 }.filter(|(_, line)| !is_passed_over(line)).peekable();
        std::iter::from_fn(move || {
            let (line, first) = lines.next()?;
            let mut last = first;
            while let Some((_, more)) = lines.next_if(|(_, line)| line.starts_with([' ', '\t'])) {
                last = more;
            }
            let name_and_colon = first.split_once(':').filter(|(name, _)| is_field_name(name));
            Some(match name_and_colon {
                None => Err(InvalidField { line, text: first.chars().take(60).collect() }),
                Some((name, _)) => {
                    let from = offset_in(text, first) + name.len() + 1;
                    let value = text[from..offset_in(text, last) + last.len()].trim();
                    Ok(Field { name, value })
                }
            })
        })
    }

    /// The value of the first field of this name, whatever its case. Lines that are no fields are
    /// passed over; [`Paragraph::fields`] reports them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields().flatten().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }
}

impl<'a> Field<'a> {
    /// The lines of the value without white space around them; for a list of files, the first is empty.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.value.lines().filter(|line| !line.starts_with('#')).map(str::trim)
    }
}

/// Lines without their ends, and their numbers from 1.
struct Lines<'a> {
    text: &'a str,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.text.as_bytes()).unwrap_or(self.text.len());
        let line = &self.text[..end];
        self.text = self.text.get(end + 1..).unwrap_or("");
        self.number += 1;
        Some((self.number, line.strip_suffix('\r').unwrap_or(line)))
    }
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|c| c.is_ascii_whitespace())
}

fn is_passed_over(line: &str) -> bool {
    line.starts_with('#') || is_blank(line)
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(|c| c.is_ascii_graphic())
}

/// Where a part of a text begins in it.
pub(super) fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\n# about\nPackage: libc6\nDescription: GNU C Library\n long\n .\n# in between\n text\n\n\nName:x\nList:\n a\n b\r\n";

    #[test]
    fn empty_lines_separate_paragraphs() {
        let lines: Vec<_> = paragraphs(TEXT).map(|paragraph| paragraph.line()).collect();
        assert_eq!(lines, [2, 11]);
    }

    #[test]
    fn fields_are_found_whatever_their_case() {
        let first = paragraphs(TEXT).next().unwrap();
        assert_eq!(first.get("PACKAGE"), Some("libc6"));
        assert_eq!(first.get("Packages"), None);
    }

    #[test]
    fn a_value_goes_on_where_lines_are_indented() {
        let fields: Vec<_> = paragraphs(TEXT).flat_map(|paragraph| paragraph.fields()).flatten().collect();
        assert_eq!(fields.len(), 4);
        assert_eq!(fields[1].lines().collect::<Vec<_>>(), ["GNU C Library", "long", ".", "text"]);
        assert_eq!(fields[3].lines().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_line_that_is_no_field_is_named() {
        let faults: Vec<_> = Paragraph::of("A: b\nno field\nC: d").fields().filter_map(Result::err).collect();
        assert_eq!(faults[0].to_string(), "line 2: `no field` is no field: `Name: value` is expected");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "[a:# \té\r\n-]{0,60}") {
            for paragraph in paragraphs(&text) {
                paragraph.fields().flatten().flat_map(|field| field.lines()).for_each(drop);
            }
        }
    }
}
