//! Versions of packages and their order.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::string_form;

/// The version of a package: `[epoch:]upstream[-revision]`, [deb-version(7)].
///
/// Order and equality are dpkg's, not those of the text: `1.0`, `0:1.0-0` and `1.00` are equal.
/// The text is kept as it was written; compare [`Version::as_str`] where the spelling matters.
///
/// [deb-version(7)]: https://manpages.debian.org/stable/dpkg-dev/deb-version.7.en.html
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: Arc<str>,
    epoch: u32,
    upstream_start: u32,
    upstream_end: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version: {why}")]
pub struct InvalidVersion {
    text: String,
    why: &'static str,
}

/// Longer than any version in use, and short enough that offsets fit.
const MAX_LEN: usize = 4096;

impl Version {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The epoch, 0 where none is written.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The version of the upstream software.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.text[self.upstream_start as usize..self.upstream_end as usize]
    }

    /// The Debian revision; `None` for a native package.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.text.get(self.upstream_end as usize + 1..)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = |why| InvalidVersion { text: text.chars().take(80).collect(), why };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.len() > MAX_LEN {
            return Err(invalid("it is longer than 4096 bytes"));
        }
        let (epoch, upstream_start) = match text.split_once(':') {
            None => (0, 0),
            Some((epoch, _)) => (parse_epoch(epoch).map_err(invalid)?, epoch.len() + 1),
        };
        let rest = &text[upstream_start..];
        let (upstream, revision) = match rest.rsplit_once('-') {
            None => (rest, None),
            Some((upstream, revision)) => (upstream, Some(revision)),
        };
        if upstream.is_empty() {
            return Err(invalid("its upstream part is empty"));
        }
        if revision == Some("") {
            return Err(invalid("its revision is empty"));
        }
        if !upstream.bytes().all(|c| c.is_ascii_alphanumeric() || b".+-~:".contains(&c)) {
            return Err(invalid("its upstream part has a character other than a-z, A-Z, 0-9 and `.+-~:`"));
        }
        if !revision.unwrap_or("").bytes().all(|c| c.is_ascii_alphanumeric() || b".+~".contains(&c)) {
            return Err(invalid("its revision has a character other than a-z, A-Z, 0-9 and `.+~`"));
        }
        let upstream_end = upstream_start + upstream.len();
        let offset = |at: usize| u32::try_from(at).map_err(|_| invalid("it is too long"));
        Ok(Self {
            epoch,
            upstream_start: offset(upstream_start)?,
            upstream_end: offset(upstream_end)?,
            text: text.into(),
        })
    }
}

/// dpkg keeps the epoch in an `int`.
fn parse_epoch(digits: &str) -> Result<u32, &'static str> {
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err("its epoch is not a number");
    }
    digits.parse::<i32>().map(i32::unsigned_abs).map_err(|_| "its epoch is too big")
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_parts(self.upstream(), other.upstream()))
            .then_with(|| compare_parts(self.revision().unwrap_or(""), other.revision().unwrap_or("")))
    }
}

/// Compares runs of non-digits and runs of digits in turn, as dpkg's `verrevcmp` does.
fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (letters_a, letters_b) = (split_run(&mut a, is_no_digit), split_run(&mut b, is_no_digit));
        for at in 0..letters_a.len().max(letters_b.len()) {
            let order = weight(letters_a.get(at)).cmp(&weight(letters_b.get(at)));
            if order.is_ne() {
                return order;
            }
        }
        let (digits_a, digits_b) = (split_number(&mut a), split_number(&mut b));
        let order = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// `~` sorts before the end, the end before letters, and letters before everything else.
fn weight(character: Option<&u8>) -> i32 {
    match character {
        Some(b'~') => -1,
        None => 0,
        Some(&c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(&c) => i32::from(c) + 256,
    }
}

fn is_no_digit(c: u8) -> bool {
    !c.is_ascii_digit()
}

fn split_run<'a>(text: &mut &'a [u8], belongs: impl Fn(u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|&c| !belongs(c)).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run
}

/// A run of digits without its leading zeros, so that a longer run is a greater number.
fn split_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    split_run(text, |c| c == b'0');
    split_run(text, |c| c.is_ascii_digit())
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.text)
    }
}

string_form!(Version);

#[cfg(test)]
mod tests;
