//! A tree of files as an image holds it: ordered paths and what stands at each.

mod capabilities;
mod filter;
mod listing;
mod merge;
mod path;
mod resolve;
mod stack;
mod tar;
mod union;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use capabilities::{Capabilities, InvalidCapabilities};
pub use filter::{Dropped, Filter, Filtered, InvalidPattern};
pub use listing::{FileInfo, InvalidListing, Kind, Listed, Listing, verification_code};
pub use merge::{Alias, MergeError, usr_merge_links};
pub use path::{ImagePath, InvalidPath};
pub use resolve::Unresolved;
pub use stack::{Stack, Stacked};
pub use tar::TarError;
pub use union::{Claim, Clash, Conflict, Metadata, Replaced, Union};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Directory,
    File(Bytes),
    /// The target as it is written in the link, absolute or relative.
    Symlink(String),
    /// The same file as that of the path named, which is a [`Node::File`] and sorts before this one.
    HardLink(ImagePath),
}

/// What stands at a path, and its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky: `0o0000` to `0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: u64,
    /// Of a regular file.
    pub capabilities: Option<Capabilities>,
}

/// Ordered paths and their entries. Every path's parent is in the tree too, and is a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<ImagePath, Entry>,
}

/// Why entries make no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    #[error("`{path}` lies below `{above}`, which is no directory")]
    NotADirectory { path: ImagePath, above: ImagePath },
    #[error("`{path}` is a hard link to `{target}`, which is no regular file of the same tree")]
    DanglingHardLink { path: ImagePath, target: ImagePath },
}

impl Entry {
    /// A directory of root's, mode 0755.
    #[must_use]
    pub fn directory(mtime: u64) -> Self {
        Self { node: Node::Directory, mode: 0o755, uid: 0, gid: 0, mtime, capabilities: None }
    }

    /// A file of root's, mode 0644.
    #[must_use]
    pub fn file(content: impl Into<Bytes>, mtime: u64) -> Self {
        Self { node: Node::File(content.into()), mode: 0o644, ..Self::directory(mtime) }
    }

    #[must_use]
    pub fn symlink(target: impl Into<String>, mtime: u64) -> Self {
        Self { node: Node::Symlink(target.into()), mode: 0o777, ..Self::directory(mtime) }
    }

    #[must_use]
    pub fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    #[must_use]
    pub fn with_owner(self, uid: u32, gid: u32) -> Self {
        Self { uid, gid, ..self }
    }

    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities: Some(capabilities), ..self }
    }

    fn step(&self) -> resolve::Step<'_> {
        match &self.node {
            Node::Directory => resolve::Step::Directory,
            Node::File(_) | Node::HardLink(_) => resolve::Step::File,
            Node::Symlink(target) => resolve::Step::Link(target),
        }
    }
}

impl Tree {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes entries in any shape that a package may have: hard links may name any file (the first
    /// path of each group becomes the file, the others take on its metadata), and parents may be
    /// missing (they are added as [`Tree::insert`] does).
    ///
    /// # Errors
    /// Where an entry lies below something that is no directory, or a hard link leads to no file.
    pub fn from_entries(mut entries: BTreeMap<ImagePath, Entry>) -> Result<Self, TreeError> {
        settle_hard_links(&mut entries)?;
        let mut missing = BTreeMap::new();
        for (path, entry) in &entries {
            for above in path.ancestors() {
                match entries.get(&above).map(|entry| &entry.node) {
                    Some(Node::Directory) => break,
                    Some(_) => return Err(TreeError::NotADirectory { path: path.clone(), above }),
                    None if missing.contains_key(&above) => break,
                    None => drop(missing.insert(above, Entry::directory(entry.mtime))),
                }
            }
        }
        entries.append(&mut missing);
        Ok(Self { entries })
    }

    /// Puts an entry at a path, in place of one that stands there. Directories that are missing
    /// above it are added as root's, mode 0755, with the time of the entry.
    pub fn insert(&mut self, path: ImagePath, entry: Entry) {
        let mut missing = path.parent();
        while let Some(directory) = missing.filter(|directory| !self.entries.contains_key(directory)) {
            missing = directory.parent();
            self.entries.insert(directory, Entry::directory(entry.mtime));
        }
        self.entries.insert(path, entry);
    }

    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The content of the file at a path, by whichever of its hard links it is named; symbolic
    /// links are not followed.
    #[must_use]
    pub fn file(&self, path: &ImagePath) -> Option<&Bytes> {
        match &self.get(path)?.node {
            Node::File(content) => Some(content),
            Node::HardLink(target) => self.file(target),
            Node::Directory | Node::Symlink(_) => None,
        }
    }

    /// Paths in order, each with its entry.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Entry)> {
        self.entries.iter()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The newest modification time in the tree; 0 where it is empty.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.entries.values().map(|entry| entry.mtime).max().unwrap_or(0)
    }
}

impl IntoIterator for Tree {
    type Item = (ImagePath, Entry);
    type IntoIter = std::collections::btree_map::IntoIter<ImagePath, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Makes the first path of each group of hard links the file, and the others links to it.
fn settle_hard_links(entries: &mut BTreeMap<ImagePath, Entry>) -> Result<(), TreeError> {
    let mut groups: BTreeMap<ImagePath, Vec<ImagePath>> = BTreeMap::new();
    for (path, entry) in &*entries {
        if let Node::HardLink(target) = &entry.node {
            if !matches!(entries.get(target), Some(Entry { node: Node::File(_), .. })) {
                return Err(TreeError::DanglingHardLink { path: path.clone(), target: target.clone() });
            }
            groups.entry(target.clone()).or_default().push(path.clone());
        }
    }
    for (holder, mut paths) in groups {
        let file = entries[&holder].clone();
        let first = paths.iter().chain([&holder]).min().unwrap_or(&holder).clone();
        paths.push(holder);
        for path in paths {
            let node = Node::HardLink(first.clone());
            entries.insert(path, Entry { node, ..file.clone() });
        }
        entries.insert(first, file);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
