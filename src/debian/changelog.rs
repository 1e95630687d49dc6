//! Debian changelogs, [deb-changelog(5)].
//!
//! [deb-changelog(5)]: https://manpages.debian.org/trixie/dpkg-dev/deb-changelog.5.en.html

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::Version;

/// What a maintainer wrote about one version of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogEntry {
    pub version: Version,
    /// What changed, without the line of the title and that of the signature; no blank lines around.
    pub text: String,
}

/// `CVE-2025-9230`: a vulnerability as the [CVE programme] numbers it; ordered by year and number.
///
/// [CVE programme]: https://www.cve.org/ResourcesSupport/AllResources/CNARules
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cve {
    year: u16,
    /// At least four digits, so the longer is the greater.
    len: usize,
    number: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no CVE id, as in CVE-2025-9230")]
pub struct InvalidCve(String);

/// The entries of a changelog in its order, which is the newest first. What is no entry is passed over: old
/// changelogs end in texts of many kinds.
pub fn entries(changelog: &str) -> impl Iterator<Item = ChangelogEntry> {
    let mut lines = changelog.lines().peekable();
    std::iter::from_fn(move || {
        let version = lines.find_map(title)?;
        let mut text = Vec::new();
        while let Some(line) = lines.next_if(|line| title(line).is_none()) {
            if line.starts_with(" -- ") {
                break;
            }
            text.push(line.trim_end());
        }
        let text = text.join("\n");
        Some(ChangelogEntry { version, text: text.trim_matches('\n').to_owned() })
    })
}

impl ChangelogEntry {
    /// The vulnerabilities that it speaks of.
    #[must_use]
    pub fn cves(&self) -> BTreeSet<Cve> {
        let ids = self.text.match_indices("CVE-").filter_map(|(at, prefix)| {
            let rest = &self.text[at + prefix.len()..];
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
            let id = rest[..end].trim_end_matches('-');
            format!("{prefix}{id}").parse().ok()
        });
        ids.collect()
    }
}

/// The version that the first line of an entry names: `openssl (3.5.1-1) unstable; urgency=medium`.
fn title(line: &str) -> Option<Version> {
    if line.starts_with(|c: char| c.is_whitespace() || c == '#') {
        return None;
    }
    let (source, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let is_title = !source.contains(' ') && rest.contains(';');
    version.parse().ok().filter(|_| is_title)
}

impl FromStr for Cve {
    type Err = InvalidCve;

    fn from_str(text: &str) -> Result<Self, InvalidCve> {
        let parse = || {
            let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
            let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
            let fits = year.len() == 4 && digits(year) && (4..=19).contains(&number.len()) && digits(number);
            let year = year.parse().ok().filter(|_| fits)?;
            Some(Self { year, len: number.len(), number: number.into() })
        };
        parse().ok_or_else(|| InvalidCve(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Cve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("CVE-{}-{}", self.year, self.number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPENSSL: &str = "\
openssl (3.5.1-1+deb13u1) trixie-security; urgency=medium

  * CVE-2025-9230 (Out-of-bounds read & write in RFC 3211 KEK Unwrap)
  * CVE-2025-9232, CVE-2025-9231.

 -- Sebastian <sebastian@example.org>  Sat, 27 Sep 2025 12:33:39 +0200

openssl (3.5.1-1) unstable; urgency=medium

  * Import 3.5.1
    - CVE-2025-4575 (see (1); not CVE-12)

 -- Sebastian <sebastian@example.org>  Tue, 01 Jul 2025 20:39:41 +0200

# For older changelog entries, run 'apt-get changelog libssl3t64'
";

    #[test]
    fn entries_have_versions_and_what_changed() {
        let entries: Vec<_> = entries(OPENSSL).collect();
        let versions: Vec<_> = entries.iter().map(|entry| entry.version.as_str()).collect();
        assert_eq!(versions, ["3.5.1-1+deb13u1", "3.5.1-1"]);
        assert_eq!(entries[1].text, "  * Import 3.5.1\n    - CVE-2025-4575 (see (1); not CVE-12)");
    }

    #[test]
    fn vulnerabilities_are_in_order_each_once() {
        let cves: Vec<_> = entries(OPENSSL)
            .map(|entry| entry.cves().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(cves, ["CVE-2025-9230 CVE-2025-9231 CVE-2025-9232", "CVE-2025-4575"]);
        let ids = ["CVE-2025-99999", "CVE-2025-100000", "CVE-2026-1000"];
        let ids = ids.map(|id| id.parse::<Cve>().unwrap());
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_changelog_may_be_something_else() {
        for text in ["", "\n\n", "2019-01-01  Someone\n\t* main.c (main): new; CVE-2019-1\n", "a (b c) d\n"] {
            assert_eq!(entries(text).count(), 0, "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["", "CVE-", "CVE-2025-123", "CVE-25-1234", "CVE-2025-1234a", "cve-2025-1234", "CVE-+025-1234"]
        {
            assert!(text.parse::<Cve>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "([a-z]{1,3} \\([0-9.é-]{0,4}\\)?;|CVE-[0-9é-]{0,12}| -- |\n|  \\*|\\PC){0,40}") {
            for entry in entries(&text) {
                for cve in entry.cves() {
                    prop_assert_eq!(cve.to_string().parse::<Cve>().unwrap(), cve);
                }
            }
        }
    }
}
