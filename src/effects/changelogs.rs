//! The changelogs that packages bring along: what was changed since an older version.

use bytes::Bytes;
use rayon::prelude::*;

use super::archive::ArchiveError;
use super::places::Places;
use super::store::Store;
use crate::debian::changelog::entries;
use crate::debian::deb::{self, DebError};
use crate::debian::{Architecture, ChangelogEntry, Compression, PackageName, UnpackError};
use crate::lock::changes::{News, SourceChange};
use crate::lock::{Lock, Pin};
use crate::tree::{ImagePath, Node, Tree};

/// What a package may unpack to, in bytes.
const PACKAGE_LIMIT: u64 = 2 << 30;

/// What a changelog may unpack to, in bytes. The longest of Debian, those of kernels, have a few MB.
const CHANGELOG_LIMIT: u64 = 64 << 20;

/// So many links from one package's documents to another's are followed.
const MAX_LINKS: usize = 8;

/// Reads changelogs from the packages of a lock.
pub struct Changelogs<'a> {
    pub lock: &'a Lock,
    /// Where the lock's packages are.
    pub places: &'a Places<'a>,
    pub store: &'a Store,
}

/// Why a package does not tell what changed.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    #[error("{0}")]
    Deb(#[from] DebError),
    #[error("{0}")]
    Unpack(#[from] UnpackError),
    #[error("`{0}` has no changelog")]
    NoChangelog(PackageName),
    #[error("the changelog of `{0}` is in `{1}`, which the lock does not pin")]
    NotPinned(PackageName, String),
}

/// What stands where a changelog is looked for.
enum Found<'a> {
    File {
        compression: Compression,
        content: &'a Bytes,
    },
    /// A link that leads out of the package.
    Elsewhere(ImagePath),
}

impl Changelogs<'_> {
    /// What each source changed, in their order.
    #[must_use]
    pub fn news(&self, sources: &[SourceChange]) -> Vec<News> {
        sources.par_iter().map(|source| self.of(source)).collect()
    }

    /// The bytes of packages that would have to be fetched.
    #[must_use]
    pub fn to_fetch(&self, sources: &[SourceChange]) -> u64 {
        let first = sources.iter().filter_map(|source| source.carriers.first());
        let pins = first.filter_map(|(name, architecture)| self.lock.pin(name, architecture));
        pins.filter(|pin| !self.store.has(pin.sha256)).map(|pin| pin.size).sum()
    }

    fn of(&self, source: &SourceChange) -> News {
        let mut why = None;
        for (name, architecture) in &source.carriers {
            match self.read(name, architecture) {
                Ok(changelog) => {
                    let newer =
                        |entry: &ChangelogEntry| entry.version > source.old && entry.version <= source.new;
                    return News::Told(entries(&changelog).filter(newer).collect());
                }
                // Where one package of an archive cannot be had, the others will not be had either.
                Err(error @ Untold::Archive(_)) => return not_at_hand(&error),
                Err(error) => why = why.or(Some(error)),
            }
        }
        why.map_or_else(|| News::NotAtHand("no package of it is pinned".to_owned()), |why| not_at_hand(&why))
    }

    /// The changelog of a package, or of the one that its documents are links into.
    fn read(&self, name: &PackageName, architecture: &Architecture) -> Result<String, Untold> {
        let mut holder = name.clone();
        let mut wanted = documents(&holder);
        for _ in 0..MAX_LINKS {
            let pin = self.lock.pin(&holder, architecture);
            let pin = pin.ok_or_else(|| Untold::NotPinned(name.clone(), holder.to_string()))?;
            let tree = self.tree(pin, architecture)?;
            match wanted.iter().find_map(|path| find(&tree, path)) {
                Some(Found::File { compression, content }) => {
                    let text = compression.unpack(content, CHANGELOG_LIMIT)?;
                    return Ok(String::from_utf8_lossy(&text).into_owned());
                }
                Some(Found::Elsewhere(path)) => {
                    let other = path.strip_prefix("usr/share/doc").and_then(|below| below.split('/').next());
                    let other = other.and_then(|other| other.parse().ok());
                    holder = other.ok_or_else(|| Untold::NotPinned(name.clone(), path.to_string()))?;
                    wanted = [vec![path], documents(&holder)].concat();
                }
                None => break,
            }
        }
        Err(Untold::NoChangelog(name.clone()))
    }

    fn tree(&self, pin: &Pin, architecture: &Architecture) -> Result<Tree, Untold> {
        let bytes = self.places.deb(self.lock, pin, architecture)?;
        Ok(deb::read(&bytes, PACKAGE_LIMIT)?.tree)
    }
}

fn not_at_hand(why: &Untold) -> News {
    News::NotAtHand(why.to_string())
}

/// Where a package has its changelog, [policy §12.7]; that of a native package is no `changelog.Debian`.
///
/// [policy §12.7]: https://www.debian.org/doc/debian-policy/ch-docs.html#changelog-files-and-release-notes
fn documents(package: &PackageName) -> Vec<ImagePath> {
    let names = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];
    let paths = names.map(|name| ImagePath::parse(&format!("/usr/share/doc/{package}/{name}")));
    paths.into_iter().flatten().collect()
}

/// The file that a path leads to, or where a link on the way leaves the package.
fn find<'a>(tree: &'a Tree, path: &ImagePath) -> Option<Found<'a>> {
    let mut path = path.clone();
    for followed in 0..MAX_LINKS {
        let directory = path.parent()?;
        let link = |path| match &tree.get(path)?.node {
            Node::Symlink(target) => Some(target.as_str()),
            _ => None,
        };
        if let Some(target) = link(&directory) {
            path = directory.resolve_link(target).join(path.file_name()).ok()?;
        } else if let Some(target) = link(&path) {
            path = path.resolve_link(target);
        } else if let Some(content) = tree.file(&path) {
            let compression = match path.file_name().ends_with(".gz") {
                true => Compression::Gzip,
                false => Compression::None,
            };
            return Some(Found::File { compression, content });
        } else {
            let leaves = followed > 0 && tree.get(&directory).is_none();
            return leaves.then_some(Found::Elsewhere(path));
        }
    }
    None
}
