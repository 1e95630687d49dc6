//! `/etc/ld.so.cache`, by which the dynamic loader finds libraries, and the links that their sonames need: what
//! [ldconfig(8)] makes, for every architecture on any host.
//!
//! The directories are those that Debian's glibc has built in. Further ones, which a package may name below
//! `/etc/ld.so.conf.d`, are not read, and neither are those of `glibc-hwcaps`.
//!
//! [ldconfig(8)]: https://manpages.debian.org/trixie/libc-bin/ldconfig.8.en.html

mod cache;
mod library;

use std::collections::{BTreeMap, BTreeSet};

pub use library::{Library, libraries};

use crate::tree::{Entry, ImagePath, InvalidPath, Kind, Tree, Union};

pub const RECIPE: &str = "ldconfig/1";

const CACHE: &str = "/etc/ld.so.cache";

type Found<'a> = BTreeMap<&'a str, Candidate<'a>>;

/// What stands for a soname in a directory.
struct Candidate<'a> {
    /// The name of the file or link.
    name: &'a str,
    is_link: bool,
    flags: u32,
}

/// The cache of an image that holds these paths and libraries, 0644 root, and the links that it needs, as new as
/// the newest library.
///
/// # Errors
/// [`InvalidPath`] where a soname cannot be the name of a file.
pub fn cache<O: Clone>(
    image: &Union<'_, O>,
    libraries: &BTreeMap<&ImagePath, &Library>,
) -> Result<Tree, InvalidPath> {
    let claims = libraries.keys().filter_map(|path| image.get(path));
    let mtime = claims.map(|claim| claim.listed.mtime).max().unwrap_or(0);
    let mut tree = Tree::new();
    let mut entries = Vec::new();
    for (shown, directory) in directories(libraries)? {
        for (soname, Candidate { name, is_link, flags }) in search(image, libraries, &directory) {
            entries.push(cache::Entry { name: soname.to_owned(), path: format!("{shown}/{soname}"), flags });
            let path = directory.join(soname)?;
            if !is_link && image.get(&path).is_none() {
                tree.insert(path, Entry::symlink(name, mtime));
            }
        }
    }
    let is_big_endian = libraries.values().any(|library| library.is_big_endian);
    let cache = cache::write(entries, is_big_endian);
    tree.insert(ImagePath::parse(CACHE)?, Entry::file(cache, mtime));
    Ok(tree)
}

/// The directories that are built in, as the cache names them, and where they are after the merge of `/usr`.
fn directories(libraries: &BTreeMap<&ImagePath, &Library>) -> Result<Vec<(String, ImagePath)>, InvalidPath> {
    let triplets: BTreeSet<_> = libraries.values().filter_map(|library| library.triplet()).collect();
    let multiarch = triplets.into_iter().map(|triplet| format!("/lib/{triplet}"));
    multiarch
        .chain(["/lib".to_owned()])
        .map(|shown| {
            let path = ImagePath::parse(&format!("/usr{shown}"))?;
            Ok((shown, path))
        })
        .collect()
}

/// By soname, what of a directory stands for it.
fn search<'a, O: Clone>(
    image: &Union<'a, O>,
    libraries: &BTreeMap<&ImagePath, &'a Library>,
    directory: &ImagePath,
) -> Found<'a> {
    let mut found = Found::new();
    for claim in image.iter().filter(|claim| claim.listed.path.parent().as_ref() == Some(directory)) {
        let (path, name) = (&claim.listed.path, claim.listed.path.file_name());
        if !library::has_name_of_one(name) {
            continue;
        }
        let mut is_link = matches!(claim.listed.kind, Kind::Symlink(_));
        let library = match &claim.listed.kind {
            Kind::Directory => None,
            Kind::File(_) => libraries.get(path),
            Kind::HardLink(file) => libraries.get(file),
            Kind::Symlink(_) => {
                image.resolve(path).ok().and_then(|target| libraries.get(&target.listed.path))
            }
        };
        let Some(library) = library else { continue };
        let mut soname = library.soname.as_deref().unwrap_or(name);
        if is_link && name != soname && !(name.ends_with(".so") && soname.starts_with(name)) {
            // It is no link of the usual kind, `libfoo.so -> libfoo.so.1 -> libfoo.so.1.2`: as good as a file.
            is_link = false;
        }
        if is_link {
            soname = name;
        }
        let candidate = Candidate { name, is_link, flags: library.flags };
        match found.get(soname) {
            Some(known) if known.is_link != is_link => {
                if known.is_link {
                    found.insert(soname, candidate);
                }
            }
            Some(known) if cache::compare(known.name, name).is_ge() => {}
            _ => drop(found.insert(soname, candidate)),
        }
    }
    found
}
