//! The listings of layers on top of each other, as a container sees them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::resolve::{Unresolved, walk};
use super::{ImagePath, Kind, Listed, Listing};

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

/// What a layer takes away of those below it.
enum Whiteout {
    Path(ImagePath),
    /// All that is in a directory, and not the directory.
    Below(ImagePath),
}

impl Whiteout {
    fn of(path: &ImagePath) -> Option<Self> {
        let hidden = path.file_name().strip_prefix(".wh.")?;
        let directory = path.parent()?;
        Some(match hidden {
            ".wh..opq" => Self::Below(directory),
            // Any other name of this kind is aufs's own.
            hidden if hidden.is_empty() || hidden.starts_with(".wh.") => return None,
            hidden => Self::Path(directory.child(hidden)),
        })
    }
}

impl<'a> Stack<'a> {
    /// Of listings, the lowest first. [Whiteouts] take away what is below them, and are not listed.
    ///
    /// [Whiteouts]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
    #[must_use]
    pub fn new(layers: impl IntoIterator<Item = &'a Listing>) -> Self {
        let mut stack = Self { entries: BTreeMap::new() };
        for (layer, listing) in layers.into_iter().enumerate() {
            for listed in listing.iter() {
                match Whiteout::of(&listed.path) {
                    Some(Whiteout::Below(directory)) => stack.remove_below(&directory),
                    Some(Whiteout::Path(path)) => {
                        stack.remove_below(&path);
                        stack.entries.remove(&path);
                    }
                    None => {}
                }
            }
            for listed in listing.iter().filter(|listed| Whiteout::of(&listed.path).is_none()) {
                let former = stack.entries.insert(&listed.path, Stacked { layer, listed });
                if listed.kind != Kind::Directory
                    && former.is_some_and(|of| of.listed.kind == Kind::Directory)
                {
                    stack.remove_below(&listed.path);
                }
            }
        }
        stack
    }

    fn remove_below(&mut self, directory: &ImagePath) {
        let is_below =
            |path: &ImagePath| directory.is_root() || path.strip_prefix(directory.relative()).is_some();
        let after = self.entries.range::<ImagePath, _>((Bound::Excluded(directory), Bound::Unbounded));
        let after = after.map(|(path, _)| *path);
        let below: Vec<_> = after.take_while(|path| is_below(path)).collect();
        for path in below {
            self.entries.remove(path);
        }
    }

    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<Stacked<'a>> {
        self.entries.get(path).copied()
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
    use crate::tree::{Entry, FileInfo, Tree};

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

    #[test]
    fn whiteouts_and_files_take_away_what_is_below_them() {
        let file = || Entry::file("", 0);
        let lower = listing(&[
            ("/a/b/c", file()),
            ("/a/d", file()),
            ("/e/f", file()),
            ("/ef", file()),
            ("/g/h", file()),
        ]);
        let upper = listing(&[
            ("/a/.wh..wh..opq", file()),
            ("/a/new", file()),
            ("/.wh.e", file()),
            ("/g", Entry::symlink("a", 0)),
        ]);
        let stack = Stack::new([&lower, &upper]);
        let paths: Vec<_> = stack.iter().map(|found| found.listed.path.to_string()).collect();
        assert_eq!(paths, ["/", "/a", "/a/new", "/ef", "/g"]);
    }
}
