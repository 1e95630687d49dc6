//! A lock and the definitions that go with it, in one deterministic archive.
//!
//! Unpacked anywhere it is a catalog that builds what was built: `distro build --catalog DIR/images`. Directories lie
//! to each other as they did, so what a catalog extends is found by the relative path that it gives. It holds what a
//! locked build reads: texts of definitions, the files that these take from their directories, and the lock, in the
//! form that `distro lock` writes; and what the catalogs know of licenses, which SBOMs tell. Keys of archives and tests
//! of images are no part of a build.

mod opened;

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::catalog::{Definitions, Directory};
use crate::diagnostic::Source;
use crate::digest::Sha256;
use crate::image::Blob;
use crate::layer;
use crate::lock::{Lock, LockFile};
use crate::tree::{Entry, ImagePath, InvalidPath, Node, Tree};

pub use opened::{OpenError, Opened};

/// The media type of the archive.
pub const MEDIA_TYPE: &str = "application/vnd.distro.sealed.v1.tar+gzip";

/// What the directory of the catalog is called in an archive.
const CATALOG: &str = "images";

/// Where an archive has what a catalog extends by an absolute path.
const ELSEWHERE: &str = "elsewhere";

/// The texts of definitions and the files that they take, as they lie to each other.
#[derive(Debug, Clone)]
pub struct SealedDefinitions {
    tree: Tree,
    /// The directory of the catalog in the tree.
    catalog: ImagePath,
}

/// A lock and its definitions.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// A tar archive in gzip.
    pub blob: Blob,
    /// The digests of the files in it, by their paths.
    pub files: BTreeMap<String, Sha256>,
    /// The directory of the catalog in it: `images`.
    pub catalog: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a definition cannot be put into the archive that provenance names")]
    Path(#[from] InvalidPath),
    #[error("the archive of lock and definitions cannot be written")]
    Archive(#[from] std::io::Error),
}

impl SealedDefinitions {
    /// Takes the definitions as they were read, and what is known of licenses beside them.
    pub fn new(definitions: &Definitions, licenses: &[Arc<Source>]) -> Result<Self, SealError> {
        let directories = || definitions.extended.iter().chain([&definitions.own]);
        let place = Placement::new(directory_of(&definitions.own), directories().map(directory_of));
        let mut tree = Tree::new();
        for Directory { catalog: (catalog, _), families } in directories() {
            for source in families.iter().map(|(source, _)| source).chain([catalog]) {
                tree.insert(place.path(Path::new(&source.path))?, Entry::file(source.text.clone(), 0));
            }
        }
        for source in licenses {
            tree.insert(place.path(Path::new(&source.path))?, Entry::file(source.text.clone(), 0));
        }
        for ((definition, source), files) in &definitions.files {
            let beside = Path::new(definition).parent().unwrap_or(Path::new(""));
            let root = place.path(&beside.join(source))?;
            for (path, entry) in files.iter().filter(|(_, entry)| entry.node != Node::Directory) {
                let path = if path.is_root() { root.clone() } else { root.join(path.relative())? };
                tree.insert(path, entry.clone());
            }
        }
        Ok(Self { tree, catalog: place.path(directory_of(&definitions.own))? })
    }

    /// The definitions with a lock, which lies where `distro build` looks for it: in `lock` beside the catalog.
    pub fn seal(&self, lock: &Lock) -> Result<Sealed, SealError> {
        let mut tree = self.tree.clone();
        let path = locks_beside(&self.catalog)?.join(&format!("{}.lock", lock.release))?;
        tree.insert(path, Entry::file(LockFile::from(lock).to_text(), 0));
        let files = tree.iter().filter_map(|(path, entry)| match &entry.node {
            Node::File(content) => Some((path.relative().to_owned(), Sha256::of(content))),
            Node::Directory | Node::Symlink(_) | Node::HardLink(_) => None,
        });
        let files = files.collect();
        let mut archive = Vec::new();
        layer::write(&tree, &mut archive)?;
        Ok(Sealed { blob: Blob::of(archive), files, catalog: self.catalog.relative().to_owned() })
    }
}

/// The directory of the locks of a catalog.
fn locks_beside(catalog: &ImagePath) -> Result<ImagePath, InvalidPath> {
    catalog.parent().unwrap_or_default().join("lock")
}

fn directory_of(directory: &Directory) -> &Path {
    Path::new(&directory.catalog.0.path).parent().unwrap_or(Path::new(""))
}

/// Where paths of the host lie in an archive: as they lie to the catalog, so that an archive does not tell where it
/// was made.
struct Placement<'a> {
    /// The directory of the catalog on the host.
    catalog: &'a Path,
    /// Its path in the archive, deep enough for what lies beside and above it.
    stack: Vec<String>,
}

impl<'a> Placement<'a> {
    fn new(catalog: &'a Path, directories: impl Iterator<Item = &'a Path> + Clone) -> Self {
        let relative = directories.clone().filter_map(|path| path.strip_prefix(catalog).ok());
        let ups = relative.map(|path| walk(path).0).max().unwrap_or(0);
        let mut stack: Vec<_> = (1..ups).map(|up| format!("above-{up}")).collect();
        stack.push(CATALOG.to_owned());
        let mut placement = Self { catalog, stack };
        // A directory beside the catalog may have the name that the catalog gets.
        while directories.clone().filter(|path| *path != catalog).any(|path| placement.is_in_catalog(path)) {
            placement.stack.last_mut().into_iter().for_each(|name| name.push('-'));
        }
        placement
    }

    fn is_in_catalog(&self, path: &Path) -> bool {
        let leads_up = path.strip_prefix(self.catalog).is_ok_and(|path| walk(path).0 > 0);
        leads_up && self.names(path).starts_with(&self.stack)
    }

    fn path(&self, path: &Path) -> Result<ImagePath, InvalidPath> {
        ImagePath::parse(&format!("/{}", self.names(path).join("/")))
    }

    fn names(&self, path: &Path) -> Vec<String> {
        let Ok(relative) = path.strip_prefix(self.catalog) else {
            return [ELSEWHERE.to_owned()].into_iter().chain(walk(path).1).collect();
        };
        let (up, below) = walk(relative);
        self.stack[..self.stack.len().saturating_sub(up)].iter().cloned().chain(below).collect()
    }
}

/// How far a path leads up from where it begins, and the names that it then leads down.
fn walk(path: &Path) -> (usize, Vec<String>) {
    let (mut up, mut names) = (0, Vec::new());
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::ParentDir if names.pop().is_none() => up += 1,
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    (up, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(directories: &[&'static str], path: &str) -> String {
        let paths: Vec<_> = directories.iter().map(Path::new).collect();
        Placement::new(paths[0], paths.iter().copied()).path(Path::new(path)).unwrap().to_string()
    }

    #[test]
    fn directories_lie_to_each_other_as_they_did() {
        assert_eq!(placed(&["images"], "images/cc.toml"), "/images/cc.toml");
        assert_eq!(placed(&["/srv/team/base"], "/srv/team/base/files/a"), "/images/files/a");
        assert_eq!(placed(&["."], "./cc.toml"), "/images/cc.toml");
        for own in ["images", "/srv/team/definitions"] {
            let own: &'static str = own;
            let extended: &'static str = Box::leak(format!("{own}/../../distro/images").into());
            let both = [own, extended];
            assert_eq!(placed(&both, &format!("{own}/a.toml")), "/above-1/images/a.toml");
            assert_eq!(placed(&both, &format!("{extended}/b.toml")), "/distro/images/b.toml");
        }
        let beside = ["base", "base/../images"];
        assert_eq!(placed(&beside, "base/a.toml"), "/images-/a.toml");
        assert_eq!(placed(&beside, "base/../images/b.toml"), "/images/b.toml");
        let elsewhere = ["images", "/srv/images"];
        assert_eq!(placed(&elsewhere, "/srv/images/b.toml"), "/elsewhere/srv/images/b.toml");
    }
}
