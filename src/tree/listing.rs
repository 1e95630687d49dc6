//! What a tree holds, without the content of its files: enough to check an image whose layers
//! are all in the store, without opening a package.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::resolve::Step;
use super::{Capabilities, Entry, ImagePath, Node, Tree};
use crate::digest::{Sha1, Sha256};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Directory,
    File(FileInfo),
    /// A symbolic link, its target as it is written.
    Symlink(String),
    /// The same file as that of the path named.
    HardLink(ImagePath),
}

/// The content of a regular file, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInfo {
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256,
    pub sha1: Sha1,
}

/// A path and its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub path: ImagePath,
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// The paths of a tree in order, the parents of each among them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Listed>", into = "Vec<Listed>")]
pub struct Listing(Vec<Listed>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListing {
    #[error("`{0}` is out of order or listed twice")]
    Order(ImagePath),
    #[error("`{0}` is listed, the directory that holds it is not")]
    Orphan(ImagePath),
}

impl FileInfo {
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self { size: content.len() as u64, sha256: Sha256::of(content), sha1: Sha1::of(content) }
    }
}

impl Kind {
    pub(super) fn step(&self) -> Step<'_> {
        match self {
            Self::Directory => Step::Directory,
            Self::File(_) | Self::HardLink(_) => Step::File,
            Self::Symlink(target) => Step::Link(target),
        }
    }
}

impl Listing {
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.0.iter()
    }

    /// All but the root, of which a layer says nothing.
    pub fn below_root(&self) -> impl Iterator<Item = &Listed> {
        self.iter().filter(|listed| !listed.path.is_root())
    }

    /// Regular files, one that has several names by each of them.
    pub fn files(&self) -> impl Iterator<Item = (&ImagePath, &FileInfo)> {
        self.iter().filter_map(|listed| match &listed.kind {
            Kind::File(info) => Some((&listed.path, info)),
            Kind::HardLink(target) => match &self.get(target)?.kind {
                Kind::File(info) => Some((&listed.path, info)),
                Kind::Directory | Kind::Symlink(_) | Kind::HardLink(_) => None,
            },
            Kind::Directory | Kind::Symlink(_) => None,
        })
    }

    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Listed> {
        let index = self.0.binary_search_by(|listed| listed.path.cmp(path)).ok()?;
        Some(&self.0[index])
    }

    /// The files that say how others may be used: copyright files, the licenses that they refer to, and those of
    /// upstream.
    pub fn license_texts(&self) -> impl Iterator<Item = (&ImagePath, FileInfo)> {
        self.iter().filter_map(|listed| match listed.kind {
            Kind::File(file) if listed.path.is_license_text() => Some((&listed.path, file)),
            _ => None,
        })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Tree {
    /// Lists the paths. Files are hashed on the current rayon pool.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let listed = |(path, entry): (&ImagePath, &Entry)| Listed {
            path: path.clone(),
            kind: match &entry.node {
                Node::Directory => Kind::Directory,
                Node::File(content) => Kind::File(FileInfo::of(content)),
                Node::Symlink(target) => Kind::Symlink(target.clone()),
                Node::HardLink(target) => Kind::HardLink(target.clone()),
            },
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            capabilities: entry.capabilities,
        };
        Listing(self.entries.par_iter().map(listed).collect())
    }
}

/// What SPDX calls the [package verification code] of files: one digest of all their digests.
///
/// [package verification code]: https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field
#[must_use]
pub fn verification_code<'a>(files: impl IntoIterator<Item = &'a FileInfo>) -> Sha1 {
    let mut digests: Vec<Sha1> = files.into_iter().map(|file| file.sha1).collect();
    digests.sort_unstable();
    let text: String = digests.iter().map(Sha1::to_string).collect();
    Sha1::of(text.as_bytes())
}

impl TryFrom<Vec<Listed>> for Listing {
    type Error = InvalidListing;

    fn try_from(listed: Vec<Listed>) -> Result<Self, InvalidListing> {
        if let Some(pair) = listed.windows(2).find(|pair| pair[0].path >= pair[1].path) {
            return Err(InvalidListing::Order(pair[1].path.clone()));
        }
        let listing = Self(listed);
        let is_directory = |path| listing.get(&path).is_some_and(|parent| parent.kind == Kind::Directory);
        let orphan =
            listing.iter().find(|listed| listed.path.parent().is_some_and(|path| !is_directory(path)));
        match orphan {
            Some(listed) => Err(InvalidListing::Orphan(listed.path.clone())),
            None => Ok(listing),
        }
    }
}

impl From<Listing> for Vec<Listed> {
    fn from(listing: Listing) -> Self {
        listing.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_through_json_and_back() {
        let mut tree = Tree::new();
        tree.insert("/usr/bin/a".parse().unwrap(), Entry::file("abc", 7));
        tree.insert("/usr/bin/b".parse().unwrap(), Entry::symlink("a", 7));
        let json = serde_json::to_string(&tree.listing()).unwrap();
        assert!(
            json.contains(r#"{"path":"/usr/bin/a","kind":{"file":{"size":3,"sha256":"ba7816bf"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Listing>(&json).unwrap(), tree.listing());
    }

    #[test]
    fn a_listing_out_of_order_or_without_parents_is_refused() {
        let listed = |path: &str| {
            format!(r#"{{"path":"{path}","kind":"directory","mode":493,"uid":0,"gid":0,"mtime":0}}"#)
        };
        for (paths, why) in [
            (["/", "/b", "/a"].as_slice(), "`/a` is out of order or listed twice"),
            (&["/", "/a", "/a"], "`/a` is out of order or listed twice"),
            (&["/", "/a/b"], "`/a/b` is listed, the directory that holds it is not"),
        ] {
            let json = format!("[{}]", paths.iter().map(|path| listed(path)).collect::<Vec<_>>().join(","));
            let error = serde_json::from_str::<Listing>(&json).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
