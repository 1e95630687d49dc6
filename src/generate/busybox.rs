//! `/busybox/<applet>`, or `/bin/<applet>`: a link for every applet of a busybox binary of whatever architecture.

use std::ops::Range;

use memchr::memmem;

use crate::tree::{Entry, ImagePath, Tree};

use super::{GenerateError, content};

pub const RECIPE: &str = "busybox/1";

/// The directory of the links, which debug images have on their `PATH`.
pub const DIRECTORY: &str = "/busybox";
/// Where the links are the commands of an image, beside the binary: `/bin` after the merge of `/usr`.
pub const BIN: &str = "/usr/bin";

/// Bookworm's package has the binary below `/bin`, trixie's below `/usr/bin`; after the merge of
/// `/usr`, all images have it in the second place.
const PLACES: [&str; 2] = ["/usr/bin/busybox", "/bin/busybox"];

/// The first names of the table: `[` and `[[` are applets of their own, and sort first.
const TABLE_START: &[u8] = b"[\0[[\0";
const LONGEST_NAME: usize = 32;
/// Busybox 1.37 with all it can do has about 400.
const APPLETS: Range<usize> = 3..2000;

/// A symbolic link in the directory for every applet of the busybox in a package, as new as the binary.
/// Those of a debug image lie in [`DIRECTORY`] alone, never as `/bin/sh`: it differs from its plain sister
/// by what lies there, and nothing that looks for a shell finds one by accident.
///
/// # Errors
/// [`GenerateError::MissingFile`] where the package has no busybox, [`GenerateError::Applets`] where
/// its applets cannot be told.
pub fn links(package: &Tree, directory: &str) -> Result<Tree, GenerateError> {
    let (path, binary, mtime) = find(package)?;
    let applets = applets(binary).map_err(|why| GenerateError::Applets { path, why })?;

    let directory = ImagePath::parse(directory)?;
    let binary = ImagePath::parse(PLACES[0])?;
    let target = binary.relative_to(&directory);
    let mut tree = Tree::new();
    tree.insert(directory.clone(), Entry::directory(mtime));
    for applet in applets {
        let link = directory.join(applet)?;
        if link != binary {
            tree.insert(link, Entry::symlink(target.clone(), mtime));
        }
    }
    Ok(tree)
}

fn find(package: &Tree) -> Result<(ImagePath, &[u8], u64), GenerateError> {
    for place in PLACES {
        let path = ImagePath::parse(place)?;
        if let (Some(entry), Some(binary)) = (package.get(&path), content(package, &path)) {
            return Ok((path, binary, entry.mtime));
        }
    }
    Err(GenerateError::MissingFile { path: ImagePath::parse(PLACES[0])?, recipe: RECIPE })
}

/// The names of a binary's applets, in order.
///
/// They are what `busybox --list` prints: the table [`applet_names`], which is one string of
/// NUL-terminated names in the order of their bytes, ended by an empty one. It has no architecture:
/// the same bytes stand in a big-endian binary.
///
/// [`applet_names`]: https://git.busybox.net/busybox/tree/applets/applet_tables.c?h=1_37_stable
fn applets(binary: &[u8]) -> Result<Vec<&str>, &'static str> {
    if !binary.starts_with(b"\x7fELF") {
        return Err("it is no ELF binary");
    }
    let mut tables = memmem::find_iter(binary, TABLE_START).filter_map(|start| table(&binary[start..]));
    let table = tables.next().ok_or("it has no table of applet names")?;
    if tables.any(|other| other != table) {
        return Err("it has more than one table of applet names");
    }
    Ok(table)
}

/// The table of names that these bytes begin with; `None` where they only look like one.
fn table(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = bytes;
    loop {
        let end = memchr::memchr(0, &rest[..rest.len().min(LONGEST_NAME + 1)])?;
        let name = std::str::from_utf8(&rest[..end]).ok()?;
        if name.is_empty() {
            return APPLETS.contains(&names.len()).then_some(names);
        }
        let follows = names.last().is_none_or(|last| *last < name);
        if !follows || !name.bytes().all(is_name) || names.len() == APPLETS.end {
            return None;
        }
        names.push(name);
        rest = &rest[end + 1..];
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"[-_.+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[u8] = b"[\0[[\0ash\0cat\0ping6\0run-parts\0sh\0zcat\0\0";

    fn package(place: &str, parts: &[&[u8]]) -> Tree {
        let mut tree = Tree::new();
        tree.insert(ImagePath::parse(place).unwrap(), Entry::file(parts.concat(), 42).with_mode(0o755));
        tree
    }

    fn why(parts: &[&[u8]]) -> &'static str {
        match links(&package("/bin/busybox", parts), DIRECTORY) {
            Err(GenerateError::Applets { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_applet_is_a_link_to_the_binary() {
        for place in PLACES {
            // The string of `[: missing ]` and its like come before the table; the byte before it may be anything.
            let tree = links(
                &package(place, &[b"\x7fELF\x02\x02", b"[\0[[\0zz\0aa\0\0", b"x ", NAMES, b"rest"]),
                DIRECTORY,
            )
            .unwrap();
            let lines: Vec<String> =
                tree.iter().map(|(path, entry)| format!("{path} {:?} {}", entry.node, entry.mtime)).collect();
            let link = |name: &str| format!("/busybox/{name} Symlink(\"../usr/bin/busybox\") 42");
            let mut expected = vec!["/ Directory 42".to_owned(), "/busybox Directory 42".to_owned()];
            expected.extend(["[", "[[", "ash", "cat", "ping6", "run-parts", "sh", "zcat"].map(link));
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn links_beside_the_binary_leave_it_alone() {
        let tree = links(&package("/bin/busybox", &[b"\x7fELF", b"[\0[[\0busybox\0sh\0\0"]), BIN).unwrap();
        let lines: Vec<String> =
            tree.iter().map(|(path, entry)| format!("{path} {:?}", entry.node)).collect();
        let link = |name: &str| format!("/usr/bin/{name} Symlink(\"busybox\")");
        let mut expected =
            ["/ Directory", "/usr Directory", "/usr/bin Directory"].map(str::to_owned).to_vec();
        expected.extend(["[", "[[", "sh"].map(link));
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_has_no_one_table_is_refused() {
        assert_eq!(why(&[b"#!/bin/sh\n", NAMES]), "it is no ELF binary");
        assert_eq!(why(&[b"\x7fELF", &NAMES[..20]]), "it has no table of applet names");
        assert_eq!(why(&[b"\x7fELF", b"[\0[[\0\0"]), "it has no table of applet names");
        assert_eq!(why(&[b"\x7fELF", b"[\0[[\0../sh\0\0"]), "it has no table of applet names");
        assert_eq!(
            why(&[b"\x7fELF", NAMES, b"[\0[[\0other\0\0"]),
            "it has more than one table of applet names"
        );
    }

    #[test]
    fn a_package_without_the_binary_is_refused() {
        let error = links(&package("/usr/bin/toybox", &[]), DIRECTORY).unwrap_err();
        assert!(error.to_string().starts_with("no file /usr/bin/busybox in the package"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_never_panic(tail: Vec<u8>) {
            let _ = applets(&[b"\x7fELF[\0[[\0", &*tail].concat());
        }
    }
}
