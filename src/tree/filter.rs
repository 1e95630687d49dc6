//! Content filters: what a catalog leaves out of packages (man pages, locales), declared as
//! patterns and accounted for.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::resolve::walk;
use super::{ImagePath, Node, Tree};

/// Patterns of paths to drop, and of paths to keep all the same. A pattern is a [glob] of absolute
/// paths: `*` and `?` stop at `/`, `**` does not. One that matches a directory speaks for all below it.
///
/// Whatever the patterns say, `/usr/share/doc/*/copyright` stays, and so does what it takes to
/// follow it: a link in its place, a link in place of its directory, and the file that it leads to.
///
/// [glob]: https://docs.rs/globset/0.4/globset/#syntax
#[derive(Debug, Clone)]
pub struct Filter {
    patterns: Vec<String>,
    drop: GlobSet,
    keep: GlobSet,
}

/// A tree after a filter, and what the filter took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    pub tree: Tree,
    /// One for each `drop` pattern, in their order, those that matched nothing too.
    pub dropped: Vec<Dropped>,
}

/// What one pattern dropped. A path that several match counts for the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    pub pattern: String,
    /// How many paths, without directories.
    pub files: u64,
    /// Their content; a file that stays by another of its hard links counts nothing.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidPattern {
    #[error("`{pattern}` is not a pattern of paths")]
    Glob { pattern: String, source: globset::Error },
    #[error("`{pattern}` matches no path of an image: it must begin with `/`")]
    Relative { pattern: String },
    #[error("the patterns together are too large to search for")]
    Size { source: globset::Error },
}

/// What the patterns say of a path, or of a directory above it.
#[derive(Clone, Copy, Default)]
struct Verdict {
    /// The index of the first pattern that drops it.
    drop: Option<usize>,
    keep: bool,
}

impl Verdict {
    fn dropped_by(self) -> Option<usize> {
        self.drop.filter(|_| !self.keep)
    }
}

impl Filter {
    /// # Errors
    /// Where a pattern is no glob, or does not begin with `/`.
    pub fn new(drop: &[String], keep: &[String]) -> Result<Self, InvalidPattern> {
        Ok(Self { patterns: drop.to_vec(), drop: glob_set(drop)?, keep: glob_set(keep)? })
    }

    /// Applies filters one after the other, and tells what each pattern dropped that dropped something.
    #[must_use]
    pub fn apply_all<'a>(filters: impl IntoIterator<Item = &'a Self>, tree: Tree) -> Filtered {
        let mut all = Filtered { tree, dropped: Vec::new() };
        for filter in filters {
            let Filtered { tree, dropped } = filter.apply(all.tree);
            all.tree = tree;
            all.dropped.extend(dropped.into_iter().filter(|dropped| dropped.files > 0));
        }
        all
    }

    /// Drops what the patterns name. A directory goes too where it matches, or held only what went.
    /// Where the first of a group of hard links goes, the next becomes the file.
    #[must_use]
    pub fn apply(&self, tree: Tree) -> Filtered {
        let count = |pattern: &String| Dropped { pattern: pattern.clone(), files: 0, bytes: 0 };
        let mut dropped: Vec<Dropped> = self.patterns.iter().map(count).collect();
        let gone = self.condemned(&tree);
        let heirs = heirs(&tree, &gone);
        let mut kept = BTreeMap::new();
        let mut inherited = BTreeMap::new();
        for (path, mut entry) in tree {
            match (gone.get(&path), entry.node) {
                (Some(Some(pattern)), node) => {
                    dropped[*pattern].files += 1;
                    match (node, heirs.get(&path)) {
                        (Node::File(content), Some(heir)) => drop(inherited.insert(heir, content)),
                        (Node::File(content), None) => dropped[*pattern].bytes += content.len() as u64,
                        _ => {}
                    }
                    continue;
                }
                (Some(None), _) => continue,
                (None, Node::HardLink(file)) => {
                    entry.node = match inherited.remove(&path) {
                        Some(content) => Node::File(content),
                        None => Node::HardLink(heirs.get(&file).cloned().unwrap_or(file)),
                    };
                }
                (None, node) => entry.node = node,
            }
            kept.insert(path, entry);
        }
        Filtered { tree: Tree { entries: kept }, dropped }
    }

    /// The paths to drop; a file or link with the pattern that drops it, a directory with none.
    fn condemned(&self, tree: &Tree) -> BTreeMap<ImagePath, Option<usize>> {
        let protected = copyrights(tree);
        let mut directories: BTreeMap<&ImagePath, Verdict> = BTreeMap::new();
        let mut gone = BTreeMap::new();
        for (path, entry) in tree.iter() {
            let above =
                path.parent().and_then(|parent| directories.get(&parent).copied()).unwrap_or_default();
            let verdict = self.verdict(path, above);
            if entry.node == Node::Directory {
                directories.insert(path, verdict);
            } else if let Some(pattern) = verdict.dropped_by().filter(|_| !protected.contains(path)) {
                gone.insert(path.clone(), Some(pattern));
            }
        }
        // Members come after their directory: backwards, all is known of a directory when it comes.
        let (mut occupied, mut emptied) = (BTreeSet::new(), BTreeSet::new());
        for (path, entry) in tree.entries.iter().rev() {
            let Some(parent) = path.parent() else { break };
            let goes = match directories.get(path).filter(|_| entry.node == Node::Directory) {
                Some(verdict) => {
                    !occupied.contains(path)
                        && (verdict.dropped_by().is_some() || (!verdict.keep && emptied.contains(path)))
                }
                None => gone.contains_key(path),
            };
            if goes {
                gone.entry(path.clone()).or_insert(None);
                emptied.insert(parent);
            } else {
                occupied.insert(parent);
            }
        }
        gone
    }

    fn verdict(&self, path: &ImagePath, above: Verdict) -> Verdict {
        let path = path.to_string();
        let own = self.drop.matches(&path).into_iter().min();
        Verdict {
            drop: own.into_iter().chain(above.drop).min(),
            keep: above.keep || self.keep.is_match(&path),
        }
    }
}

fn glob_set(patterns: &[String]) -> Result<GlobSet, InvalidPattern> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if !pattern.starts_with('/') {
            return Err(InvalidPattern::Relative { pattern: pattern.clone() });
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|source| InvalidPattern::Glob { pattern: pattern.clone(), source })?);
    }
    set.build().map_err(|source| InvalidPattern::Size { source })
}

/// For each file that goes while a hard link to it stays: the first such link.
fn heirs(tree: &Tree, gone: &BTreeMap<ImagePath, Option<usize>>) -> BTreeMap<ImagePath, ImagePath> {
    let mut heirs = BTreeMap::new();
    for (path, entry) in tree.iter() {
        if let Node::HardLink(file) = &entry.node
            && gone.contains_key(file)
            && !gone.contains_key(path)
        {
            heirs.entry(file.clone()).or_insert_with(|| path.clone());
        }
    }
    heirs
}

/// The copyright files of a tree, and the links and files that one follows to read them.
fn copyrights(tree: &Tree) -> BTreeSet<ImagePath> {
    let mut protected = BTreeSet::new();
    for (path, entry) in tree.iter() {
        let copyright = match path.strip_prefix("usr/share/doc").map(|below| below.split_once('/')) {
            Some(None) if matches!(entry.node, Node::Symlink(_)) => path.child("copyright"),
            Some(Some((_, "copyright"))) if entry.node != Node::Directory => path.clone(),
            _ => continue,
        };
        protected.insert(path.clone());
        let look = |path: &ImagePath| Some(tree.get(path)?.step());
        let mut passed = Vec::new();
        let end = walk(&copyright, look, |link| passed.push(link.clone()));
        protected.extend(passed.into_iter().chain(end));
    }
    protected
}

#[cfg(test)]
mod tests;
