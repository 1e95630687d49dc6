//! A catalog's directory on disk: definitions, keys, and the locks beside it.
#![expect(clippy::disallowed_methods, reason = "this is where directories of definitions are read")]

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::files::{self, FileError};
use super::source_files;
use crate::audit::Policy;
use crate::catalog::file::{CATALOG, LICENSES, POLICY, is_family};
use crate::catalog::file::{CatalogFile, FamilyFile};
use crate::catalog::name::ReleaseName;
use crate::catalog::{Catalog, Definitions, Directory, SourceFiles, Written};
use crate::debian::signed::{Keyring, KeyringError};
use crate::diagnostic::{Diagnostic, Location, Source, parse};
use crate::license::Licenses;
use crate::lock::{FORMAT, Lock, LockError, LockFile};

#[derive(Debug, thiserror::Error)]
pub enum DefinitionsError {
    #[error("there is no catalog at `{}`", .0.display())]
    NoCatalog(PathBuf),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Definition(#[from] Diagnostic),
    #[error("could not read the key `{}`", path.display())]
    Key { path: PathBuf, source: KeyringError },
    #[error(
        "there are no keys in `{}`: export those of the archives (`gpg --armor --export FINGERPRINT`) into files `*.asc` there",
        .0.display()
    )]
    NoKeys(PathBuf),
    #[error("the lock `{}` cannot be used", path.display())]
    Lock { path: PathBuf, source: LockError },
    #[error("the lock `{}` is of the release `{found}`", path.display())]
    OtherRelease { path: PathBuf, found: ReleaseName },
}

/// What the definitions of a directory say.
pub fn catalog(directory: &Path) -> Result<Catalog, DefinitionsError> {
    Ok(Catalog::read(read(directory)?)?)
}

/// Reads `catalog.toml` and every other `.toml` file beside it; of the catalogs that it extends too.
pub fn read(directory: &Path) -> Result<Definitions, DefinitionsError> {
    let mut files = SourceFiles::new();
    let mut directories = Vec::new();
    for (path, catalog) in chain(directory)? {
        let mut families = Vec::new();
        let named = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(is_family);
        for family in entries(&path, "toml")?.into_iter().filter(named) {
            let source = Source::new(family.display().to_string(), files::read_text(&family)?);
            let file: FamilyFile = parse(&source)?;
            files.extend(source_files::read(&path, &source, &file)?);
            families.push((source, file));
        }
        directories.push(Directory { catalog, families });
    }
    let own = directories.remove(0);
    directories.reverse();
    Ok(Definitions { own, extended: directories, files })
}

/// Reads a policy; the default one where none is named and the catalog has none.
pub fn policy(named: Option<&Path>, catalog: &Path) -> Result<Policy, DefinitionsError> {
    let path = named.map_or_else(|| catalog.join(POLICY), Path::to_owned);
    let text = match named {
        Some(path) => Some(files::read_text(path)?),
        None => files::read_text_if_there(&path)?,
    };
    match text {
        Some(text) => Ok(Policy::read(&Source::new(path.display().to_string(), text))?),
        None => Ok(Policy::by_default()),
    }
}

/// Reads the keys in `keys/`, which are trusted where a release names their fingerprints; of the catalogs that
/// this one extends too.
pub fn keyring(directory: &Path) -> Result<Keyring, DefinitionsError> {
    let mut keyring: Option<Keyring> = None;
    for (directory, _) in chain(directory)? {
        for path in entries(&directory.join("keys"), "asc")? {
            let key = |source| DefinitionsError::Key { path: path.clone(), source };
            let read = Keyring::parse(&files::read(&path)?).map_err(key)?;
            match &mut keyring {
                None => keyring = Some(read),
                Some(keyring) => keyring.merge(read).map_err(key)?,
            }
        }
    }
    keyring.ok_or_else(|| DefinitionsError::NoKeys(directory.join("keys")))
}

/// Reads what is known of licenses: the program's own tables, and `licenses.toml` of the catalog and those that it
/// extends, the nearest of which has the last word.
pub fn licenses(directory: &Path) -> Result<Licenses, DefinitionsError> {
    Ok(Licenses::read(&license_sources(directory)?)?)
}

/// The texts of `licenses.toml` of the catalog and those that it extends, the nearest last.
pub fn license_sources(directory: &Path) -> Result<Vec<Arc<Source>>, DefinitionsError> {
    let mut sources = Vec::new();
    for (directory, _) in chain(directory)?.into_iter().rev() {
        let path = directory.join(LICENSES);
        let text = files::read_text_if_there(&path)?;
        sources.extend(text.map(|text| Source::new(path.display().to_string(), text)));
    }
    Ok(sources)
}

/// A directory's `catalog.toml`, and those of the directories that it extends, the oldest last.
fn chain(directory: &Path) -> Result<Vec<(PathBuf, Written<CatalogFile>)>, DefinitionsError> {
    let mut chain: Vec<(PathBuf, Written<CatalogFile>)> = Vec::new();
    let mut read = Vec::new();
    let mut next = Some((directory.to_owned(), None::<Location>));
    while let Some((directory, named_at)) = next {
        let path = directory.join(CATALOG);
        let Some(text) = files::read_text_if_there(&path)? else {
            let Some(at) = named_at else { return Err(DefinitionsError::NoCatalog(path)) };
            let title = format!("there is no catalog at `{}`", path.display());
            return Err(at.error(title, "").help("a path begins at the directory of this file").into());
        };
        let place = fs::canonicalize(&path).map_err(|cause| FileError::new("read", &path, cause))?;
        if let Some(at) = named_at.filter(|_| read.contains(&place)) {
            return Err(at
                .error("a catalog extends itself", format!("this leads to {} again", path.display()))
                .into());
        }
        read.push(place);
        let source = Source::new(path.display().to_string(), text);
        let file: CatalogFile = parse(&source)?;
        next =
            file.extends.as_ref().map(|to| (directory.join(to.get_ref()), Some(Location::of(&source, to))));
        chain.push((directory, (source, file)));
    }
    Ok(chain)
}

/// Where the lock of a release is.
#[must_use]
pub fn lock_path(directory: &Path, release: &ReleaseName) -> PathBuf {
    directory.join(format!("{release}.lock"))
}

/// What locks of all formats have.
#[derive(Deserialize)]
struct Format {
    version: u32,
}

/// Reads the lock of a release; `None` where there is none.
pub fn lock(directory: &Path, release: &ReleaseName) -> Result<Option<Lock>, DefinitionsError> {
    let path = lock_path(directory, release);
    let Some(text) = files::read_text_if_there(&path)? else { return Ok(None) };
    let lock = read_lock(&path, text)?;
    if lock.release != *release {
        return Err(DefinitionsError::OtherRelease { path, found: lock.release });
    }
    Ok(Some(lock))
}

/// Reads every lock of a directory, or the one of a file.
pub fn locks(path: &Path) -> Result<BTreeMap<ReleaseName, Lock>, DefinitionsError> {
    let paths = if path.is_dir() { entries(path, "lock")? } else { vec![path.to_owned()] };
    let locks = paths.iter().map(|path| {
        let lock = read_lock(path, files::read_text(path)?)?;
        Ok((lock.release.clone(), lock))
    });
    locks.collect()
}

/// Reads the text of a lock, which is at a path.
pub fn read_lock(path: &Path, text: String) -> Result<Lock, DefinitionsError> {
    let source = Source::new(path.display().to_string(), text);
    let unusable = |source| DefinitionsError::Lock { path: path.to_owned(), source };
    // A newer format may have other keys, so its version is what to speak of.
    if let Ok(Format { version }) = toml::from_str(&source.text)
        && version > FORMAT
    {
        return Err(unusable(LockError::Newer(version)));
    }
    let file: LockFile = parse(&source)?;
    Lock::try_from(file).map_err(unusable)
}

/// Writes the lock of a release, whole or not at all; says whether that changed it.
pub fn write_lock(directory: &Path, lock: &Lock) -> Result<bool, FileError> {
    files::make_directory(directory)?;
    files::write_atomically(&lock_path(directory, &lock.release), LockFile::from(lock).to_text().as_bytes())
}

/// The files of a directory with an extension, in the order of names; hidden ones do not count.
fn entries(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, FileError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(FileError::new("read the directory", directory, cause)),
    };
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| !hidden(path) && path.extension().is_some_and(|found| found == extension));
    paths.sort();
    Ok(paths)
}
