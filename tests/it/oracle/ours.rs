//! What our readers make of a package or an index, in the form in which the oracle tells it: lines of
//! JSON, the fields in alphabetical order.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use distro::debian::control::Paragraph;
use distro::debian::deb::{self, ControlFiles};
use distro::debian::{Compression, InvalidStanza, Package, PackagesIndex, Relations};
use distro::digest::Sha256;
use distro::tree::{Entry, ImagePath, Node, Tree};

type Line = BTreeMap<&'static str, String>;

/// What any of these files may unpack to, in bytes.
const LIMIT: u64 = 1 << 30;

pub fn deb(path: &Path) -> String {
    let deb = deb::read(&read(path), LIMIT).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
    text(control_lines(&deb.control).chain(entry_lines(&deb.tree)))
}

/// Reads an index that is packed with xz.
pub fn index(path: &Path) -> PackagesIndex {
    PackagesIndex::from_bytes(Compression::Xz.unpack(&read(path), LIMIT).unwrap().into()).unwrap()
}

pub fn stanzas(index: &PackagesIndex) -> String {
    text(index.packages().map(|package| package.and_then(|package| stanza(&package)).unwrap()))
}

fn read(path: &Path) -> Bytes {
    std::fs::read(path).unwrap().into()
}

fn text(lines: impl Iterator<Item = Line>) -> String {
    lines.map(|line| serde_json::to_string(&line).unwrap() + "\n").collect()
}

fn stanza(package: &Package<'_>) -> Result<Line, InvalidStanza> {
    let mut line = Line::from([
        ("Package", package.name()?.to_string()),
        ("Version", package.version()?.to_string()),
        ("Architecture", package.architecture()?.to_string()),
        ("Filename", package.filename()?.to_string()),
        ("Size", package.size()?.to_string()),
        ("SHA256", package.sha256()?.to_string()),
    ]);
    line.extend(package.installed_size()?.map(|size| ("Installed-Size", size.to_string())));
    let relations: [(_, Relations); 6] = [
        ("Depends", package.depends()?),
        ("Pre-Depends", package.pre_depends()?),
        ("Provides", package.provides()?),
        ("Conflicts", package.conflicts()?),
        ("Breaks", package.breaks()?),
        ("Replaces", package.replaces()?),
    ];
    let there = relations.into_iter().filter(|(_, relations)| !relations.is_empty());
    line.extend(there.map(|(field, relations)| (field, relations.to_string())));
    Ok(line)
}

fn control_lines(control: &ControlFiles) -> impl Iterator<Item = Line> {
    let fields = Paragraph::of(control.control()).fields().map(|field| {
        let field = field.unwrap();
        Line::from([("field", field.name.to_owned()), ("value", field.value.to_owned())])
    });
    let files = control.iter().map(|(name, content)| {
        let sha256 = Sha256::of(content).to_string();
        Line::from([("control-file", format!("/{name}")), ("sha256", sha256)])
    });
    fields.chain(files)
}

fn entry_lines(tree: &Tree) -> impl Iterator<Item = Line> {
    // The paths of each file that has more than one.
    let mut groups: BTreeMap<&ImagePath, Vec<String>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        if let Node::HardLink(file) = &entry.node {
            groups.entry(file).or_insert_with(|| vec![file.to_string()]).push(path.to_string());
        }
    }
    let by_path: BTreeMap<String, Line> = tree
        .iter()
        .map(|(path, entry)| {
            let mut line = entry_line(tree, path, entry);
            let file = if let Node::HardLink(file) = &entry.node { file } else { path };
            line.extend(groups.get(file).and_then(|paths| Some(("same-as", paths.iter().min()?.clone()))));
            (path.to_string(), line)
        })
        .collect();
    by_path.into_values()
}

fn entry_line(tree: &Tree, path: &ImagePath, entry: &Entry) -> Line {
    let mut line = Line::from([
        ("path", path.to_string()),
        ("mode", format!("{:04o}", entry.mode)),
        ("uid", entry.uid.to_string()),
        ("gid", entry.gid.to_string()),
        ("mtime", entry.mtime.to_string()),
    ]);
    match &entry.node {
        Node::Directory => drop(line.insert("type", "directory".to_owned())),
        Node::Symlink(target) => line.extend([("type", "symlink".to_owned()), ("target", target.clone())]),
        Node::File(_) | Node::HardLink(_) => {
            let content = tree.file(path).unwrap();
            line.extend([
                ("type", "file".to_owned()),
                ("size", content.len().to_string()),
                ("sha256", Sha256::of(content).to_string()),
            ]);
        }
    }
    line
}
