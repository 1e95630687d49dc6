//! A tree of files as an image holds it: ordered paths and what stands at each.

mod path;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use path::{ImagePath, InvalidPath};

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
}

/// Ordered paths and their entries. Every path's parent is in the tree too, and is a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<ImagePath, Entry>,
}

impl Entry {
    /// A directory of root's, mode 0755.
    #[must_use]
    pub fn directory(mtime: u64) -> Self {
        Self { node: Node::Directory, mode: 0o755, uid: 0, gid: 0, mtime }
    }

    /// A file of root's, mode 0644.
    #[must_use]
    pub fn file(content: impl Into<Bytes>, mtime: u64) -> Self {
        Self { node: Node::File(content.into()), mode: 0o644, uid: 0, gid: 0, mtime }
    }

    #[must_use]
    pub fn symlink(target: impl Into<String>, mtime: u64) -> Self {
        Self { node: Node::Symlink(target.into()), mode: 0o777, uid: 0, gid: 0, mtime }
    }

    #[must_use]
    pub fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    #[must_use]
    pub fn with_owner(self, uid: u32, gid: u32) -> Self {
        Self { uid, gid, ..self }
    }
}

impl Tree {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
