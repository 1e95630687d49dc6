//! Packages of every section, as many of each as of any other as far as it has them.

use super::archive::Archive;

/// The same packages for the same archive: each section gives its share, evenly spread over the alphabet.
pub fn of(archive: &Archive, count: usize) -> Vec<String> {
    let sections = archive.sections();
    let mut sizes: Vec<_> = sections.values().map(Vec::len).collect();
    sizes.sort_unstable();
    let (mut left, mut share) = (count, 0);
    for (place, size) in sizes.iter().enumerate() {
        share = left / (sizes.len() - place);
        left -= share.min(*size);
    }
    let spread = |names: &Vec<String>| {
        let taken = share.min(names.len());
        (0..taken).map(|at| names[at * names.len() / taken].clone()).collect::<Vec<_>>()
    };
    sections.values().flat_map(spread).collect()
}
