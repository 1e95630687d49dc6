//! The identity of a text, however it is indented and broken into lines.

use crate::digest::Sha256;

/// The SHA-256 of a text of which only the words count, each followed by one space but for the last. A line of a
/// single dot, by which copyright files write an empty one, is empty.
#[must_use]
pub fn fingerprint(text: &str) -> Sha256 {
    let words = text.lines().map(str::trim).filter(|line| *line != ".").flat_map(str::split_whitespace);
    Sha256::of(words.collect::<Vec<_>>().join(" ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_count() {
        let plain = fingerprint("Do as you like.\n\nWithout warranty.\n");
        assert_eq!(fingerprint(" Do  as you\n  like.\n .\n Without\twarranty."), plain);
        assert_ne!(fingerprint("do as you like. Without warranty."), plain);
    }
}
