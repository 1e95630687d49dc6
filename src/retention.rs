//! What a cache lets go: by what still counts, by age, and by size.

use std::time::Duration;

use jiff::Span;

/// What a file of a cache is to those who use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It stays, whatever its age.
    Named,
    /// It stays as long as the rules let it.
    Free,
    /// Nobody can use it any more.
    Garbage,
}

/// A file of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// In bytes.
    pub size: u64,
    /// Since its last use.
    pub unused: Duration,
    pub standing: Standing,
}

/// Which files that are free go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Those that are unused for so long.
    pub older_than: Option<Duration>,
    /// Those that are unused for longest, until all that stays has so many bytes.
    pub max_size: Option<u64>,
    /// All of them, where neither of the other rules is there.
    pub nothing_free: bool,
}

impl Rules {
    /// Tells for each file whether it goes.
    #[must_use]
    pub fn let_go(&self, files: &[Held]) -> Vec<bool> {
        let all = self.nothing_free && self.older_than.is_none() && self.max_size.is_none();
        let mut gone: Vec<_> = files
            .iter()
            .map(|file| match file.standing {
                Standing::Named => false,
                Standing::Free => all || self.older_than.is_some_and(|age| file.unused >= age),
                Standing::Garbage => true,
            })
            .collect();
        let Some(max_size) = self.max_size else { return gone };
        let stays = files.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(file, _)| file.size);
        let mut size: u64 = stays.sum();
        let mut oldest_first: Vec<_> =
            (0..files.len()).filter(|at| !gone[*at] && files[*at].standing == Standing::Free).collect();
        oldest_first.sort_by_key(|at| std::cmp::Reverse(files[*at].unused));
        for at in oldest_first {
            if size <= max_size {
                break;
            }
            size -= files[at].size;
            gone[at] = true;
        }
        gone
    }
}

#[derive(Debug, thiserror::Error)]
#[error("write numbers and units: `30d`, `2w`, `12h`")]
pub struct InvalidAge;

/// An age as people write it: `30d`.
pub fn parse_age(text: &str) -> Result<Duration, InvalidAge> {
    let span: Span = text.parse().map_err(|_| InvalidAge)?;
    let age = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| InvalidAge)?;
    age.try_into().map_err(|_| InvalidAge)
}

#[derive(Debug, thiserror::Error)]
#[error("write a whole number and a unit: `20GB`, `20GiB`, `500MB`")]
pub struct InvalidSize;

/// A number of bytes as people write it: `20GB`.
pub fn parse_size(text: &str) -> Result<u64, InvalidSize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| InvalidSize)?;
    let (base, power) = match text[end..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => (1, 0),
        "kb" => (1000, 1),
        "mb" => (1000, 2),
        "gb" => (1000, 3),
        "tb" => (1000, 4),
        "k" | "kib" => (1024, 1),
        "m" | "mib" => (1024, 2),
        "g" | "gib" => (1024, 3),
        "t" | "tib" => (1024, 4),
        _ => return Err(InvalidSize),
    };
    number.checked_mul(u64::pow(base, power)).ok_or(InvalidSize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn held(days: u32, size: u64, standing: Standing) -> Held {
        Held { size, unused: DAY * days, standing }
    }

    #[test]
    fn what_is_named_stays_and_what_is_garbage_goes() {
        let files = [Standing::Named, Standing::Free, Standing::Garbage].map(|of| held(9, 10, of));
        let gone = |rules: Rules| rules.let_go(&files);
        assert_eq!(gone(Rules::default()), [false, false, true]);
        assert_eq!(gone(Rules { nothing_free: true, ..Rules::default() }), [false, true, true]);
        assert_eq!(gone(Rules { older_than: Some(DAY * 9), ..Rules::default() }), [false, true, true]);
        assert_eq!(gone(Rules { max_size: Some(0), ..Rules::default() }), [false, true, true]);
        let lenient = Rules { older_than: Some(DAY * 10), nothing_free: true, ..Rules::default() };
        assert_eq!(gone(lenient), [false, false, true]);
    }

    #[test]
    fn the_longest_unused_make_room_and_no_more_than_has_to_be() {
        let files = [3, 1, 2, 9].map(|days| held(days, 10, Standing::Free));
        let gone = |max_size| Rules { max_size: Some(max_size), ..Rules::default() }.let_go(&files);
        assert_eq!(gone(40), [false; 4]);
        assert_eq!(gone(39), [false, false, false, true]);
        assert_eq!(gone(15), [true, false, true, true]);
        let rules = Rules { older_than: Some(DAY * 9), max_size: Some(30), nothing_free: false };
        assert_eq!(rules.let_go(&files), [false, false, false, true]);
    }

    #[test]
    fn ages_and_sizes_are_read_as_people_write_them() {
        let ages = ["30d", "2w", "12h", "1d 2h", "0s"].map(|text| parse_age(text).unwrap().as_secs() / 3600);
        assert_eq!(ages, [720, 336, 12, 26, 0]);
        let sizes = ["20GB", "1 GiB", "500m", "7", "0"].map(|text| parse_size(text).unwrap());
        assert_eq!(sizes, [20_000_000_000, 1 << 30, 500 << 20, 7, 0]);
        for text in ["", "d", "30", "-3d", "30 moons", "1mo"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
        for text in ["", "GB", "-1GB", "1.5GB", "1 parsec", "99999999TB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
