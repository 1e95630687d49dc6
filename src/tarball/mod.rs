//! Upstream tarballs: what software is published as where Debian does not package it.
//!
//! A tarball is vouched for by a file of [`checksums`] that its makers sign, or by the digest in a definition.

pub mod checksums;
mod file_url;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::debian::{Compression, UnpackError};
use crate::tree::{Entry, ImagePath, InvalidPath, MergeError, Node, TarError, Tree, TreeError};

pub use file_url::{FileUrl, InvalidFileUrl};

/// What a tarball may unpack to for each of its bytes; xz packs programs to a fifth or so.
const EXPANSION: u64 = 32;

/// What any tarball may unpack to, in bytes.
const ALLOWANCE: u64 = 64 << 20;

/// The most that a tarball may have, in bytes.
pub const AT_MOST: u64 = 4 << 30;

/// The permission bits that are left: nobody but root writes, and no file lends its owner's rights.
const MODE: u32 = 0o755;

/// Where the members of a tarball go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// How many leading directories of each member are taken off; members with no more than these are left out.
    pub strip: usize,
    pub to: ImagePath,
}

#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    Path(#[from] InvalidPath),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("both `{first}` and `{second}` would be `{path}` without their first {strip} directories")]
    Collision { first: ImagePath, second: ImagePath, path: ImagePath, strip: usize },
    #[error("`{path}` is a hard link to `{target}`, which lies in no deeper directory than are taken off")]
    Stripped { path: ImagePath, target: ImagePath },
    #[error("nothing of it is left: do `strip`, `only` and `drop` fit what is in it?")]
    Empty,
}

/// The files of a tarball as they lie in an image: root's, with the modes that tar(1) gives under
/// `--no-same-owner --no-same-permissions` and a umask of 022.
pub fn unpack(packed: &Bytes, compression: Compression, placement: &Placement) -> Result<Tree, TarballError> {
    let limit = (packed.len() as u64).saturating_mul(EXPANSION).saturating_add(ALLOWANCE);
    let tree = Tree::from_tar(&compression.unpack(packed, limit)?)?;
    let mut origins: BTreeMap<ImagePath, ImagePath> = BTreeMap::new();
    let mut entries = BTreeMap::new();
    for (from, entry) in tree {
        let Some(path) = placement.place(&from)? else { continue };
        let node = match entry.node {
            Node::HardLink(target) => match placement.place(&target)? {
                Some(target) => Node::HardLink(target),
                None => return Err(TarballError::Stripped { path: from, target }),
            },
            node => node,
        };
        let is_directory = node == Node::Directory;
        let mode = if matches!(node, Node::Symlink(_)) { entry.mode } else { entry.mode & MODE };
        let placed = Entry { node, mode, uid: 0, gid: 0, ..entry };
        if let Some(Entry { node: other, .. }) = entries.insert(path.clone(), placed)
            && !(is_directory && other == Node::Directory)
        {
            let first = origins.remove(&path).unwrap_or_default();
            return Err(TarballError::Collision { first, second: from, path, strip: placement.strip });
        }
        origins.insert(path, from);
    }
    Ok(Tree::from_entries(entries)?.merge_usr()?)
}

impl Placement {
    /// Where a member goes; `None` where it is left out.
    fn place(&self, member: &ImagePath) -> Result<Option<ImagePath>, InvalidPath> {
        let below = member.relative().splitn(self.strip + 1, '/').nth(self.strip);
        below.filter(|below| !below.is_empty()).map(|below| self.to.join(below)).transpose()
    }
}

#[cfg(test)]
mod tests;
