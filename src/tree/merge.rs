//! The merge of `/bin`, `/sbin` and `/lib*` into `/usr`, [UsrMerge]: since Debian 12 the former are
//! symbolic links to the latter, while packages may still ship files by the old paths.
//!
//! [UsrMerge]: https://wiki.debian.org/UsrMerge

use std::collections::BTreeMap;
use std::collections::btree_map;

use super::{Entry, ImagePath, Node, Tree, TreeError};

/// A directory of the root that is a link into `/usr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    Bin,
    Lib,
    Lib32,
    Lib64,
    Libo32,
    Libx32,
    Sbin,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    #[error("both `{moved}` and `{usr}` are in the package, and are the same path where /usr is merged")]
    Both { moved: ImagePath, usr: ImagePath },
    #[error("`{0}` has to be a link into /usr, and is neither that nor a directory")]
    NotAnAlias(ImagePath),
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Alias {
    pub const ALL: [Self; 7] =
        [Self::Bin, Self::Lib, Self::Lib32, Self::Lib64, Self::Libo32, Self::Libx32, Self::Sbin];

    /// Its name below the root and below `/usr`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bin => "bin",
            Self::Lib => "lib",
            Self::Lib32 => "lib32",
            Self::Lib64 => "lib64",
            Self::Libo32 => "libo32",
            Self::Libx32 => "libx32",
            Self::Sbin => "sbin",
        }
    }

    /// The link: `/lib`.
    #[must_use]
    pub fn link(self) -> ImagePath {
        ImagePath::default().child(self.name())
    }

    /// The directory that it leads to: `/usr/lib`.
    #[must_use]
    pub fn directory(self) -> ImagePath {
        ImagePath::default().child("usr").child(self.name())
    }

    /// The alias that a path names or lies below.
    fn of(path: &ImagePath) -> Option<Self> {
        let first = path.relative().split('/').next();
        Self::ALL.into_iter().find(|alias| Some(alias.name()) == first)
    }
}

impl Tree {
    /// Moves what lies below `/bin`, `/sbin` and `/lib*` below `/usr`. Relative symbolic links that
    /// move lead where they led before; absolute ones stay as they are written, for the aliases
    /// keep them right. A directory in both places is one, with the metadata of that in `/usr`; a
    /// link `/lib -> usr/lib` stays; a link from a path to its own new place vanishes.
    ///
    /// # Errors
    /// Where two paths would become one, or an alias itself is something else.
    pub fn merge_usr(self) -> Result<Self, MergeError> {
        if !self.iter().any(|(path, _)| Alias::of(path).is_some()) {
            return Ok(self);
        }
        let mut merged: BTreeMap<ImagePath, (ImagePath, Entry)> = BTreeMap::new();
        for (old, entry) in self {
            let new = match Alias::of(&old) {
                Some(alias) if alias.link() == old => match &entry.node {
                    Node::Directory => alias.directory(),
                    Node::Symlink(target) if old.resolve_link(target) == alias.directory() => old.clone(),
                    _ => return Err(MergeError::NotAnAlias(old)),
                },
                _ => place(&old),
            };
            match merged.entry(new) {
                btree_map::Entry::Vacant(vacant) => {
                    vacant.insert((old, entry));
                }
                btree_map::Entry::Occupied(mut occupied) => {
                    let new = occupied.key().clone();
                    let (first_old, first) = occupied.get_mut();
                    if leads_to(first_old, first, &new) || both_directories(first, &entry) {
                        (*first_old, *first) = (old, entry);
                    } else if !leads_to(&old, &entry, &new) {
                        return Err(MergeError::Both { moved: first_old.clone(), usr: old });
                    }
                }
            }
        }
        let retarget = |(new, (old, entry)): (ImagePath, (ImagePath, Entry))| {
            let node = match entry.node {
                Node::Symlink(target) => Node::Symlink(moved_target(&old, &new, target)),
                Node::HardLink(target) => Node::HardLink(place(&target)),
                node => node,
            };
            (new, Entry { node, ..entry })
        };
        Ok(Self::from_entries(merged.into_iter().map(retarget).collect())?)
    }
}

/// The links themselves (`/bin -> usr/bin`), for a release whose `base-files` does not ship them.
#[must_use]
pub fn usr_merge_links(aliases: impl IntoIterator<Item = Alias>, mtime: u64) -> Tree {
    let mut tree = Tree::new();
    for alias in aliases {
        tree.insert(alias.link(), Entry::symlink(alias.directory().relative(), mtime));
    }
    tree
}

/// Where a path is once `/usr` is merged.
fn place(path: &ImagePath) -> ImagePath {
    let Some(alias) = Alias::of(path) else { return path.clone() };
    match path.strip_prefix(alias.name()) {
        Some(below) => below.split('/').fold(alias.directory(), |directory, name| directory.child(name)),
        None => alias.directory(),
    }
}

/// Whether an entry is a symbolic link that leads to `new`, the place to which it would move itself.
fn leads_to(old: &ImagePath, entry: &Entry, new: &ImagePath) -> bool {
    matches!(&entry.node, Node::Symlink(target) if place(&old.resolve_link(target)) == *new)
}

fn both_directories(a: &Entry, b: &Entry) -> bool {
    a.node == Node::Directory && b.node == Node::Directory
}

/// The target of a symbolic link after it moved: as it was where that leads to the same path.
fn moved_target(old: &ImagePath, new: &ImagePath, target: String) -> String {
    let goal = place(&old.resolve_link(&target));
    if old == new || target.starts_with('/') || place(&new.resolve_link(&target)) == goal {
        return target;
    }
    goal.relative_to(&new.parent().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        text.parse().unwrap()
    }

    /// `d PATH`, `f PATH`, `PATH -> TARGET`, `PATH => HARD LINK`.
    fn tree(lines: &[&str]) -> Tree {
        let entry = |line: &&str| {
            if let Some((link, target)) = line.split_once(" -> ") {
                (path(link), Entry::symlink(target, 1))
            } else if let Some((link, target)) = line.split_once(" => ") {
                (path(link), Entry { node: Node::HardLink(path(target)), ..Entry::file("", 1) })
            } else if let Some(directory) = line.strip_prefix("d ") {
                (path(directory), Entry::directory(1))
            } else {
                (path(line.strip_prefix("f ").unwrap()), Entry::file(line.to_string(), 1))
            }
        };
        Tree::from_entries(lines.iter().map(entry).collect()).unwrap()
    }

    fn lines(tree: &Tree) -> Vec<String> {
        let line = |(path, entry): (&ImagePath, &Entry)| match &entry.node {
            Node::Directory => format!("d {path}"),
            Node::File(_) => format!("f {path}"),
            Node::Symlink(target) => format!("{path} -> {target}"),
            Node::HardLink(target) => format!("{path} => {target}"),
        };
        tree.iter().skip(1).map(line).collect()
    }

    fn merged(before: &[&str]) -> Result<Vec<String>, String> {
        tree(before).merge_usr().map(|tree| lines(&tree)).map_err(|error| error.to_string())
    }

    #[test]
    fn files_move_below_usr_and_the_old_directories_vanish() {
        let before =
            ["d /lib", "f /lib/x/y", "d /usr/lib/x", "f /usr/lib/x/z", "f /sbin/ldconfig", "f /libexec"];
        let after = [
            "f /libexec",
            "d /usr",
            "d /usr/lib",
            "d /usr/lib/x",
            "f /usr/lib/x/y",
            "f /usr/lib/x/z",
            "d /usr/sbin",
            "f /usr/sbin/ldconfig",
        ];
        assert_eq!(merged(&before).unwrap(), after);
    }

    #[test]
    fn relative_links_that_move_lead_where_they_led() {
        for (before, after) in [
            ("/lib/x/y.so -> ../../usr/z", "/usr/lib/x/y.so -> ../../z"),
            ("/lib/x/y.so -> ../../etc/z", "/usr/lib/x/y.so -> ../../../etc/z"),
            ("/lib/x/y.so -> y.so.1", "/usr/lib/x/y.so -> y.so.1"),
            ("/bin/x -> ../lib/x", "/usr/bin/x -> ../lib/x"),
            ("/bin/x -> ../sbin/../lib/x", "/usr/bin/x -> ../sbin/../lib/x"),
            ("/bin/x -> ../usr/bin/y", "/usr/bin/x -> y"),
            ("/lib64/ld.so -> /lib/ld.so", "/usr/lib64/ld.so -> /lib/ld.so"),
            ("/etc/x -> ../lib/x", "/etc/x -> ../lib/x"),
            ("/usr/lib/x -> ../../lib/y", "/usr/lib/x -> ../../lib/y"),
        ] {
            assert_eq!(
                merged(&["f /usr/keep", "f /bin/keep", before])
                    .unwrap()
                    .iter()
                    .find(|l| l.contains("->"))
                    .unwrap(),
                after
            );
        }
    }

    #[test]
    fn hard_links_follow_and_the_first_path_stays_the_file() {
        let before = ["f /bin/b", "/usr/bin/a => /bin/b"];
        assert_eq!(merged(&before).unwrap()[2..], ["f /usr/bin/a", "/usr/bin/b => /usr/bin/a"]);
    }

    #[test]
    fn an_alias_that_a_package_ships_stays() {
        let before = ["/lib -> usr/lib", "/bin -> /usr/bin", "d /usr/lib"];
        assert_eq!(merged(&before).unwrap(), ["/bin -> /usr/bin", "/lib -> usr/lib", "d /usr", "d /usr/lib"]);
        assert_eq!(
            merged(&["/lib -> var/lib"]).unwrap_err(),
            "`/lib` has to be a link into /usr, and is neither that nor a directory"
        );
    }

    #[test]
    fn a_path_in_both_places_is_an_error_that_names_both() {
        assert_eq!(
            merged(&["f /lib/x", "f /usr/lib/x"]).unwrap_err(),
            "both `/lib/x` and `/usr/lib/x` are in the package, and are the same path where /usr is merged"
        );
        assert!(merged(&["d /lib/x", "/usr/lib/x -> y"]).is_err());
        assert!(merged(&["/lib/x -> /usr/lib/z", "f /usr/lib/x"]).is_err());
    }

    #[test]
    fn a_link_to_its_own_new_place_vanishes() {
        for link in ["/bin/x -> /usr/bin/x", "/bin/x -> ../usr/bin/x"] {
            assert_eq!(merged(&[link, "f /usr/bin/x"]).unwrap(), ["d /usr", "d /usr/bin", "f /usr/bin/x"]);
        }
        assert_eq!(merged(&["f /bin/x", "/usr/bin/x -> ../../bin/x"]).unwrap()[2..], ["f /usr/bin/x"]);
    }

    #[test]
    fn merging_twice_is_merging_once() {
        let once = tree(&["f /lib/x", "/bin/y -> ../etc/z", "/sbin/w => /lib/x"]).merge_usr().unwrap();
        assert_eq!(once.clone().merge_usr().unwrap(), once);
    }

    #[test]
    fn the_links_themselves_are_relative() {
        let links = usr_merge_links([Alias::Lib64, Alias::Bin], 5);
        assert_eq!(lines(&links), ["/bin -> usr/bin", "/lib64 -> usr/lib64"]);
    }
}
