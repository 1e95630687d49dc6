//! The listings of layers on top of each other, as a container sees them.

use std::collections::BTreeMap;

use super::resolve::{Unresolved, walk};
use super::{ImagePath, Listed, Listing};

/// Every path of an image, as the uppermost layer that has it lists it.
#[derive(Debug)]
pub struct Stack<'a> {
    entries: BTreeMap<&'a ImagePath, Stacked<'a>>,
}

/// A path, and which layer it is of: 0 is the lowest.
#[derive(Debug, Clone, Copy)]
pub struct Stacked<'a> {
    pub layer: usize,
    pub listed: &'a Listed,
}

impl<'a> Stack<'a> {
    /// Of listings, the lowest first.
    #[must_use]
    pub fn new(layers: impl IntoIterator<Item = &'a Listing>) -> Self {
        let layers = layers.into_iter().enumerate();
        let entries = layers.flat_map(|(layer, listing)| {
            listing.iter().map(move |listed| (&listed.path, Stacked { layer, listed }))
        });
        Self { entries: entries.collect() }
    }

    /// Paths in order.
    pub fn iter(&self) -> impl Iterator<Item = Stacked<'a>> + '_ {
        self.entries.values().copied()
    }

    /// What a path leads to, symbolic links followed, all inside the image.
    ///
    /// # Errors
    /// Where it leads to nothing, through a file, or in a circle.
    pub fn resolve(&self, path: &ImagePath) -> Result<Stacked<'a>, Unresolved> {
        let end = walk(path, |path| Some(self.entries.get(path)?.listed.kind.step()), |_| {})?;
        let found = self.entries.get(&end).copied();
        found.ok_or_else(|| Unresolved::Missing { path: path.clone(), at: end })
    }

    /// What stands at a path, be it a symbolic link itself: links are followed on the way only, as lstat(2) does.
    ///
    /// # Errors
    /// As [`Stack::resolve`].
    pub fn locate(&self, path: &ImagePath) -> Result<Stacked<'a>, Unresolved> {
        let Some(directory) = path.parent() else { return self.resolve(path) };
        let at = self.resolve(&directory)?.listed.path.child(path.file_name());
        let found = self.entries.get(&at).copied();
        found.ok_or_else(|| Unresolved::Missing { path: path.clone(), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Entry, FileInfo, Kind, Tree};

    fn listing(entries: &[(&str, Entry)]) -> Listing {
        let mut tree = Tree::new();
        for (path, entry) in entries {
            tree.insert(path.parse().unwrap(), entry.clone());
        }
        tree.listing()
    }

    #[test]
    fn the_uppermost_layer_counts_and_links_are_followed() {
        let lower = listing(&[("/usr/bin/a", Entry::file("1", 0)), ("/bin", Entry::symlink("usr/bin", 0))]);
        let upper = listing(&[("/usr/bin/a", Entry::file("22", 0)), ("/usr/bin/b", Entry::symlink("a", 0))]);
        let stack = Stack::new([&lower, &upper]);
        let path = |text: &str| text.parse::<ImagePath>().unwrap();
        let found = stack.resolve(&path("/bin/b")).unwrap();
        assert_eq!((found.layer, &found.listed.kind), (1, &Kind::File(FileInfo::of(b"22"))));
        assert_eq!(stack.locate(&path("/bin/b")).unwrap().listed.kind, Kind::Symlink("a".into()));
        assert_eq!(stack.locate(&path("/bin")).unwrap().layer, 0);
        assert_eq!(stack.locate(&path("/")).unwrap().listed.kind, Kind::Directory);
        assert!(stack.locate(&path("/bin/c")).is_err() && stack.locate(&path("/bin/a/c")).is_err());
    }
}
