//! An archive of a lock and its definitions, read. It comes from whoever published the image: nothing that it names
//! leads out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{ELSEWHERE, locks_beside, walk};
use crate::catalog::file::{CATALOG, CatalogFile, FamilyFile, LICENSES, is_family};
use crate::catalog::{Definitions, Directory, SourceFiles, Written};
use crate::debian::compression::{Compression, UnpackError};
use crate::diagnostic::{Diagnostic, Location, Source, parse};
use crate::digest::Sha256;
use crate::tree::{Entry, ImagePath, InvalidPath, Node, TarError, Tree};

/// Bytes that an archive may unpack to.
const LIMIT: u64 = 256 << 20;

/// What an archive holds.
#[derive(Debug)]
pub struct Opened {
    pub definitions: Definitions,
    /// What the catalogs know of licenses, the nearest last.
    pub licenses: Vec<Arc<Source>>,
    pub lock: Arc<Source>,
    /// The digests of the files in it, by their paths.
    pub files: BTreeMap<String, Sha256>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Packed(#[from] UnpackError),
    #[error(transparent)]
    Archive(#[from] TarError),
    #[error(transparent)]
    Path(#[from] InvalidPath),
    #[error("it has no `{0}`")]
    Missing(ImagePath),
    #[error("`{0}` is not UTF-8 text")]
    NoText(ImagePath),
    #[error("it has {0} locks, and one is expected")]
    Locks(usize),
    #[error(transparent)]
    Definition(#[from] Diagnostic),
}

impl Opened {
    /// Reads an archive in which the catalog has this directory: `images`.
    pub fn read(archive: &[u8], catalog: &str) -> Result<Self, OpenError> {
        let tar = Compression::Gzip.unpack(&Bytes::copy_from_slice(archive), LIMIT)?;
        let archive = Archive { tree: Tree::from_tar(&tar)? };
        let catalog = ImagePath::parse(&format!("/{catalog}"))?;
        let (mut directories, mut licenses) = (Vec::new(), Vec::new());
        let mut files = SourceFiles::new();
        for (directory, catalog) in archive.chain(&catalog)? {
            let mut families = Vec::new();
            for path in archive.members(&directory).filter(|path| is_family(path.file_name())) {
                let source = archive.text(path)?;
                let family: FamilyFile = parse(&source)?;
                for named in family.sources() {
                    let tree = archive.source(&directory, &Location::of(&source, named), named.get_ref())?;
                    files.insert((source.path.clone(), named.get_ref().clone()), tree);
                }
                families.push((source, family));
            }
            licenses.extend(archive.text_if_there(&directory.join(LICENSES)?)?);
            directories.push(Directory { catalog, families });
        }
        let own = directories.remove(0);
        directories.reverse();
        licenses.reverse();
        let locks: Vec<_> = archive.members(&locks_beside(&catalog)?).collect();
        let &[lock] = &locks[..] else { return Err(OpenError::Locks(locks.len())) };
        Ok(Self {
            definitions: Definitions { own, extended: directories, files },
            licenses,
            lock: archive.text(lock)?,
            files: archive.files(),
        })
    }
}

struct Archive {
    tree: Tree,
}

impl Archive {
    /// A directory's `catalog.toml`, and those of the directories that it extends, the oldest last.
    fn chain(&self, catalog: &ImagePath) -> Result<Vec<(ImagePath, Written<CatalogFile>)>, OpenError> {
        let (mut chain, mut read) = (Vec::new(), BTreeSet::new());
        let mut next = Some((catalog.clone(), None::<Location>));
        while let Some((directory, named_at)) = next {
            let path = directory.join(CATALOG)?;
            let Some(source) = self.text_if_there(&path)? else {
                let Some(at) = named_at else { return Err(OpenError::Missing(path)) };
                return Err(at.error(format!("the archive has no `{}`", path.relative()), "").into());
            };
            if let Some(at) = named_at.filter(|_| read.contains(&directory)) {
                return Err(at.error("a catalog extends itself", "").into());
            }
            read.insert(directory.clone());
            let file: CatalogFile = parse(&source)?;
            next = match &file.extends {
                Some(to) => {
                    Some((beside(&directory, Path::new(to.get_ref()))?, Some(Location::of(&source, to))))
                }
                None => None,
            };
            chain.push((directory, (source, file)));
        }
        Ok(chain)
    }

    /// The files of a directory, in the order of names.
    fn members(&self, directory: &ImagePath) -> impl Iterator<Item = &ImagePath> {
        let is_file = |entry: &Entry| matches!(entry.node, Node::File(_) | Node::HardLink(_));
        let files = self.tree.iter().filter(move |(_, entry)| is_file(entry)).map(|(path, _)| path);
        files.filter(move |path| path.parent().as_ref() == Some(directory))
    }

    /// What definitions of a directory take from it.
    fn source(&self, directory: &ImagePath, at: &Location, source: &str) -> Result<Tree, OpenError> {
        let root = beside(directory, Path::new(source))?;
        let inside = |path: &&ImagePath| **path == root || path.ancestors().any(|above| above == root);
        let mut tree = Tree::new();
        for (path, entry) in self.tree.iter().filter(|(path, _)| inside(path)) {
            if entry.node != Node::Directory {
                let below = path.relative()[root.relative().len()..].trim_start_matches('/');
                let to = if below.is_empty() { ImagePath::default() } else { ImagePath::parse(below)? };
                tree.insert(to, entry.clone());
            }
        }
        if tree.is_empty() {
            return Err(at.error(format!("the archive has no `{}`", root.relative()), "").into());
        }
        Ok(tree)
    }

    fn text(&self, path: &ImagePath) -> Result<Arc<Source>, OpenError> {
        self.text_if_there(path)?.ok_or_else(|| OpenError::Missing(path.clone()))
    }

    fn text_if_there(&self, path: &ImagePath) -> Result<Option<Arc<Source>>, OpenError> {
        let Some(bytes) = self.tree.file(path) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| OpenError::NoText(path.clone()))?;
        Ok(Some(Source::new(path.relative(), text)))
    }

    fn files(&self) -> BTreeMap<String, Sha256> {
        let files = self.tree.iter().filter_map(|(path, _)| Some((path, self.tree.file(path)?)));
        files.map(|(path, content)| (path.relative().to_owned(), Sha256::of(content))).collect()
    }
}

/// Where a path leads that is written in a file of a directory. An absolute one lies below a directory of its own.
fn beside(directory: &ImagePath, path: &Path) -> Result<ImagePath, InvalidPath> {
    let from = Path::new(directory.relative());
    let whole =
        if path.is_absolute() { Path::new(ELSEWHERE).join(walk(path).1.join("/")) } else { from.join(path) };
    ImagePath::parse(&format!("/{}", walk(&whole).1.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::sealed::SealedDefinitions;
    use crate::image::Blob;
    use crate::layer;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tree = Tree::new();
        for (path, text) in files {
            tree.insert(ImagePath::parse(path).unwrap(), Entry::file((*text).to_owned(), 0));
        }
        let mut bytes = Vec::new();
        layer::write(&tree, &mut bytes).unwrap();
        bytes
    }

    fn refused(files: &[(&str, &str)]) -> String {
        anstream::adapter::strip_str(&Opened::read(&archive(files), "images").unwrap_err().to_string())
            .to_string()
    }

    const FAMILY: &str =
        "[image.a]\ndescription = \"A\"\n[[image.a.file]]\npath = \"/etc/a\"\nsource = \"files\"\n";

    #[test]
    fn what_was_sealed_is_read_as_it_was() {
        let packed = archive(&[
            ("/above-1/images/catalog.toml", "extends = \"../../base/images\"\n"),
            ("/above-1/images/a.toml", FAMILY),
            ("/above-1/images/files/b/c", "text"),
            ("/above-1/images/licenses.toml", "# ours\n"),
            ("/above-1/lock/debian13.lock", "version = 1\n"),
            ("/base/images/catalog.toml", "extends = \"/srv/images\"\n"),
            ("/elsewhere/srv/images/catalog.toml", ""),
            ("/elsewhere/srv/images/licenses.toml", "# theirs\n"),
        ]);
        let opened = Opened::read(&packed, "above-1/images").unwrap();
        let paths: Vec<_> = opened.licenses.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(paths, ["elsewhere/srv/images/licenses.toml", "above-1/images/licenses.toml"]);
        assert_eq!(opened.lock.path, "above-1/lock/debian13.lock");
        assert_eq!(opened.files.len(), 8);
        let tree = &opened.definitions.files[&("above-1/images/a.toml".to_owned(), "files".to_owned())];
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["/", "/b", "/b/c"]);
        // Sealed again, only the lock is missing.
        let again = SealedDefinitions::new(&opened.definitions, &opened.licenses).unwrap();
        let files = again.tree.iter().filter_map(|(path, _)| again.tree.file(path));
        let digests: BTreeSet<_> = files.map(|content| Sha256::of(content)).collect();
        let mut opened = opened.files;
        opened.retain(|path, _| !path.ends_with(".lock"));
        assert_eq!(digests, opened.into_values().collect());
    }

    #[test]
    fn what_leads_out_of_the_archive_or_nowhere_is_refused() {
        assert_eq!(refused(&[("/lock/debian13.lock", "")]), "it has no `/images/catalog.toml`");
        let catalog = ("/images/catalog.toml", "");
        assert_eq!(refused(&[catalog]), "it has 0 locks, and one is expected");
        let out = refused(&[("/images/catalog.toml", "extends = \"../../../../etc\"\n")]);
        assert!(out.contains("the archive has no `etc/catalog.toml`"), "{out}");
        let itself = refused(&[("/images/catalog.toml", "extends = \"../images\"\n")]);
        assert!(itself.contains("a catalog extends itself"), "{itself}");
        let out =
            refused(&[catalog, ("/images/a.toml", &FAMILY.replace("\"files\"", "\"../../etc/passwd\""))]);
        assert!(out.contains("the archive has no `etc/passwd`"), "{out}");
        let garbage = Opened::read(&Blob::of(b"garbage".to_vec()).bytes, "images").unwrap_err();
        assert!(
            garbage.to_string().starts_with("it cannot be unpacked: the gzip data is damaged"),
            "{garbage}"
        );
    }
}
