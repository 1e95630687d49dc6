//! Files of SHA-256 digests, as sha256sum(1) writes them: `digest  name`, or `SHA256 (name) = digest`.

use crate::digest::Sha256;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoChecksum {
    #[error("it names no SHA-256 of `{0}`")]
    NotListed(String),
    #[error("it names two SHA-256 of `{0}`, which differ")]
    Twice(String),
}

/// The digest of a file by its name. Directories before the name do not count; lines of another form are
/// passed over.
pub fn find(text: &str, name: &str) -> Result<Sha256, NoChecksum> {
    let mut found = None;
    for (listed, digest) in text.lines().filter_map(line) {
        if listed.rsplit('/').next() != Some(name) {
            continue;
        }
        if found.is_some_and(|found| found != digest) {
            return Err(NoChecksum::Twice(name.to_owned()));
        }
        found = Some(digest);
    }
    found.ok_or_else(|| NoChecksum::NotListed(name.to_owned()))
}

fn line(line: &str) -> Option<(&str, Sha256)> {
    let line = line.trim_end();
    if let Some(tagged) = line.strip_prefix("SHA256 (") {
        let (name, digest) = tagged.rsplit_once(") = ")?;
        return Some((name, digest.parse().ok()?));
    }
    let (digest, name) = line.split_once(' ')?;
    Some((name.strip_prefix([' ', '*']).unwrap_or(name), digest.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_sha256sum_are_understood() {
        let (a, b) = (Sha256::of(b"a"), Sha256::of(b"b"));
        let text = format!(
            "Release 1.0\n\n{a}  a-1.tar.xz\n{b} *win/a-1.tar.xz.zip\nSHA256 (./b-1.tar.gz) = {b}\r\n{a} c\n"
        );
        assert_eq!(find(&text, "a-1.tar.xz"), Ok(a));
        assert_eq!(find(&text, "a-1.tar.xz.zip"), Ok(b));
        assert_eq!(find(&text, "b-1.tar.gz"), Ok(b));
        assert_eq!(find(&text, "c"), Ok(a));
        assert_eq!(find(&text, "d"), Err(NoChecksum::NotListed("d".into())));
        assert_eq!(find(&format!("{a}  x\n{b}  y/x\n"), "x"), Err(NoChecksum::Twice("x".into())));
        assert_eq!(find(&format!("{a}  x\n{a}  y/x\n"), "x"), Ok(a));
    }
    proptest::proptest! {
        #[test]
        fn foreign_text_is_read_without_a_panic(text in "(SHA256 \\()?[0-9a-f]{0,66}[ *)=]{0,4}\\PC{0,40}\n?") {
            proptest::prop_assert!(find(&text, "no such file").is_err());
        }
    }
}
