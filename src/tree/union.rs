//! The paths of many owners in one image: every path has one owner, or two that may share it.

use std::collections::BTreeMap;
use std::fmt;

use super::resolve::{Unresolved, walk};
use super::{ImagePath, Kind, Listed, Listing};

/// Listings put on top of each other, each with its owner (a package, or a declared step).
///
/// As with dpkg, a directory may have any number of owners, and the first one's metadata counts;
/// but in an image the last layer's would, so owners that disagree on it are a [`Conflict`].
/// Modification times are not compared: every package has its own for `/usr`.
#[derive(Debug, Clone)]
pub struct Union<'a, O> {
    claims: BTreeMap<&'a ImagePath, Claim<'a, O>>,
    replaced: Vec<Replaced<'a, O>>,
}

/// An owner's hold on a path.
#[derive(Debug)]
pub struct Claim<'a, O> {
    pub owner: &'a O,
    pub listed: &'a Listed,
}

/// A path that one owner took from another because it may ([policy §7.6]). In the image the
/// winner's layer has to lie above the loser's.
///
/// [policy §7.6]: https://www.debian.org/doc/debian-policy/ch-relationships.html#overwriting-files-and-replacing-packages-replaces
#[derive(Debug)]
pub struct Replaced<'a, O> {
    pub path: &'a ImagePath,
    pub winner: &'a O,
    pub loser: &'a O,
}

/// A path that two owners hold, and that they may not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict<O> {
    pub path: ImagePath,
    pub first: O,
    pub second: O,
    pub clash: Clash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clash {
    /// Not both are directories.
    Path { first: Kind, second: Kind },
    /// Both are directories, with another mode, user or group.
    Metadata { first: Metadata, second: Metadata },
}

/// What owners of a directory have to agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl<'a, O: Clone> Union<'a, O> {
    #[must_use]
    pub fn new() -> Self {
        Self { claims: BTreeMap::new(), replaced: Vec::new() }
    }

    /// Adds an owner's paths, and reports those that it may not have; these stay with the owner that
    /// came first. `replaces(a, b)` says whether `a` may take files of `b`; it is asked both ways
    /// round, so that the order in which owners come does not matter.
    #[must_use = "a conflict that nobody reads is a path with two owners"]
    pub fn add(
        &mut self,
        owner: &'a O,
        listing: &'a Listing,
        replaces: impl Fn(&O, &O) -> bool,
    ) -> Vec<Conflict<O>> {
        let mut conflicts = Vec::new();
        for listed in listing.iter() {
            let new = Claim { owner, listed };
            let Some(old) = self.claims.get(&listed.path).copied() else {
                self.claims.insert(&listed.path, new);
                continue;
            };
            let Some(clash) = clash(old.listed, listed) else { continue };
            let is_file = |claim: Claim<O>| claim.listed.kind != Kind::Directory;
            let files = is_file(old) && is_file(new);
            if files && replaces(owner, old.owner) {
                self.replaced.push(Replaced { path: &listed.path, winner: owner, loser: old.owner });
                self.claims.insert(&listed.path, new);
            } else if files && replaces(old.owner, owner) {
                self.replaced.push(Replaced { path: &listed.path, winner: old.owner, loser: owner });
            } else {
                let (first, second) = (old.owner.clone(), owner.clone());
                conflicts.push(Conflict { path: listed.path.clone(), first, second, clash });
            }
        }
        conflicts
    }

    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<Claim<'a, O>> {
        self.claims.get(path).copied()
    }

    /// Paths in order, each with the claim that counts.
    pub fn iter(&self) -> impl Iterator<Item = Claim<'a, O>> + '_ {
        self.claims.values().copied()
    }

    /// What was taken with leave, in the order in which it was found.
    #[must_use]
    pub fn replaced(&self) -> &[Replaced<'a, O>] {
        &self.replaced
    }

    /// What a path leads to, symbolic links followed, all inside the union.
    ///
    /// # Errors
    /// Where it leads to nothing, through a file, or in a circle.
    pub fn resolve(&self, path: &ImagePath) -> Result<Claim<'a, O>, Unresolved> {
        let end = walk(path, |path| Some(self.get(path)?.listed.kind.step()), |_| {})?;
        self.get(&end).ok_or_else(|| Unresolved::Missing { path: path.clone(), at: end })
    }
}

impl<O: Clone> Default for Union<'_, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> Clone for Claim<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Claim<'_, O> {}

impl<O> Clone for Replaced<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Replaced<'_, O> {}

/// Why two may not share a path. Each listing has the parents of its paths, so something below
/// another owner's file or link always shows as a clash at the file or link itself.
fn clash(first: &Listed, second: &Listed) -> Option<Clash> {
    if first.kind != Kind::Directory || second.kind != Kind::Directory {
        return Some(Clash::Path { first: first.kind.clone(), second: second.kind.clone() });
    }
    let metadata = |listed: &Listed| Metadata { mode: listed.mode, uid: listed.uid, gid: listed.gid };
    let (first, second) = (metadata(first), metadata(second));
    (first != second).then_some(Clash::Metadata { first, second })
}

impl<O: fmt::Display> fmt::Display for Conflict<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, first: a, second: b, clash } = self;
        match clash {
            Clash::Path { first, second } => write!(
                f,
                "`{path}` is {} of `{a}` and {} of `{b}`; leave one of the two out of the image, \
                 or drop the path from one of them with a filter",
                noun(first),
                noun(second),
            ),
            Clash::Metadata { first, second } => write!(
                f,
                "the directory `{path}` has {first} in `{a}` and {second} in `{b}`; \
                 they have to agree, or the order of layers would decide",
            ),
        }
    }
}

impl<O: fmt::Debug + fmt::Display> std::error::Error for Conflict<O> {}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {:04o} and owner {}:{}", self.mode, self.uid, self.gid)
    }
}

fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Directory => "a directory",
        Kind::File(_) | Kind::HardLink(_) => "a file",
        Kind::Symlink(_) => "a symbolic link",
    }
}

#[cfg(test)]
mod tests;
