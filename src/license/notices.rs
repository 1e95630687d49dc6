//! The copyright notices of a package.

use std::collections::BTreeSet;

use crate::debian::copyright::Stanza;

/// The lines of the `Copyright` fields of stanzas, each once, in the order in which they come.
pub(super) fn of_stanzas<'a>(stanzas: impl IntoIterator<Item = &'a Stanza>) -> String {
    once(stanzas.into_iter().flat_map(|stanza| &stanza.notices).map(String::as_str))
}

/// The lines of a text that say who holds the copyright, and since when.
pub(super) fn of_text(text: &str) -> String {
    once(text.lines().map(str::trim).filter(|line| is_notice(line)))
}

fn is_notice(line: &str) -> bool {
    let lower = line.to_lowercase();
    let says = ["copyright", "©", "(c)"].iter().any(|word| lower.contains(word));
    let is_year = |word: &str| word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    says && lower.split(|c: char| !c.is_ascii_digit()).any(is_year)
}

fn once<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut seen = BTreeSet::new();
    lines.filter(|line| seen.insert(*line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_the_lines_with_a_year() {
        let text = "Copyright:\n © 2000-2009 Daniel Stenberg\nCopyright (C) 1995 SPI.\n\
                    The above copyright notice shall be kept (c).\n  © 2000-2009 Daniel Stenberg\nin 1999\n";
        assert_eq!(of_text(text), "© 2000-2009 Daniel Stenberg\nCopyright (C) 1995 SPI.");
    }
}
