//! The format of `ld.so.cache`, as glibc's [`dl-cache.h`] has it since 2.32.
//!
//! [`dl-cache.h`]: https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/dl-cache.h

use std::cmp::{Ordering, Reverse};

/// A library as the loader finds it.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub path: String,
    pub flags: u32,
}

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const LITTLE_ENDIAN: u8 = 2;
const BIG_ENDIAN: u8 = 3;

/// The bytes of the cache. The loader searches the entries by bisection, in the order of [`compare`].
pub fn write(mut entries: Vec<Entry>, is_big_endian: bool) -> Vec<u8> {
    // Of two directories the first counts: it comes first here, and sorting leaves it there.
    entries.sort_by(|a, b| compare(&b.name, &a.name).then_with(|| Reverse(a.flags).cmp(&Reverse(b.flags))));
    let number = |number: usize| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    };
    let mut strings: Vec<u8> = Vec::new();
    let mut table: Vec<u8> = Vec::new();
    let start = HEADER + entries.len() * ENTRY;
    for Entry { name, path, flags } in &entries {
        let value = start + strings.len();
        strings.extend(path.bytes().chain([0]));
        // The name is the end of the path.
        let key = value + path.len() - name.len();
        table.extend([number(*flags as usize), number(key), number(value)].concat());
        // The version of the operating system, and capabilities of the hardware: none.
        table.extend([0; 12]);
    }
    let mut cache = MAGIC.to_vec();
    cache.extend([number(entries.len()), number(strings.len())].concat());
    cache.push(if is_big_endian { BIG_ENDIAN } else { LITTLE_ENDIAN });
    // Padding, the offset of extensions, and what is not used.
    cache.resize(HEADER, 0);
    cache.extend(table);
    cache.extend(strings);
    cache
}

/// The order of names in the cache: digits by the number they make, after anything else.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a, b) {
            ([], _) | (_, []) => return a.len().cmp(&b.len()),
            ([x, ..], [y, ..]) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, right) = (take_number(&mut a), take_number(&mut b));
                if left != right {
                    return left.len().cmp(&right.len()).then_with(|| left.cmp(right));
                }
            }
            ([x, ..], [y, ..]) if x == y => (a, b) = (&a[1..], &b[1..]),
            ([x, ..], [y, ..]) => return x.is_ascii_digit().cmp(&y.is_ascii_digit()).then_with(|| x.cmp(y)),
        }
    }
}

/// The digits that a text begins with, without the zeros before them.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        let in_order =
            ["", "libc.so", "libc.so.6", "libc.so.06.1", "libc.so.10", "libd.so", "libdl1.so", "libd9.so"];
        for (at, pair) in in_order.windows(2).enumerate() {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{at}: {pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{at}: {pair:?}");
        }
        assert_eq!(compare("liba.so.1", "liba.so.001"), Ordering::Equal);
    }
}
