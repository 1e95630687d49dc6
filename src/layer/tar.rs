//! A tree as a tar archive: [ustar], with a PAX header where a field does not fit, and nothing else,
//! so that one tree has one archive.
//!
//! Names are relative and without `./`, directories end in `/`, the root is left out; owners are
//! numbers; the archive ends in two blocks of zeros and is not padded further, as Go's `archive/tar`
//! has it.
//!
//! [ustar]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06

use std::borrow::Cow;

use bytes::Bytes;

use crate::tree::{Entry, ImagePath, Node, Tree};

const BLOCK: usize = 512;
static ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What ends an archive.
pub const END: &[u8] = &ZEROS;

/// The bytes of the archive, in order: what is in the tree already is borrowed from it.
pub(super) fn pieces(tree: &Tree) -> impl Iterator<Item = Cow<'_, [u8]>> + Send {
    let members = tree.iter().filter(|(path, _)| !path.is_root());
    members.flat_map(|(path, entry)| member(path, entry)).chain([Cow::Borrowed(END)])
}

fn member<'a>(path: &ImagePath, entry: &'a Entry) -> [Cow<'a, [u8]>; 3] {
    let content: &[u8] = match &entry.node {
        Node::File(content) => content,
        Node::Directory | Node::Symlink(_) | Node::HardLink(_) => &[],
    };
    let size = content.len() as u64;
    [headers(path, entry, size).into(), content.into(), padding(size).into()]
}

/// What stands before the content of a file of root's, mode 0644, of so many bytes, with the time 0.
#[must_use]
pub fn file_header(path: &ImagePath, size: u64) -> Vec<u8> {
    headers(path, &Entry::file(Bytes::new(), 0), size)
}

/// What follows the content of a file of so many bytes.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    let beyond = (size % BLOCK as u64) as usize;
    &ZEROS[..(BLOCK - beyond) % BLOCK]
}

/// The record of the extended attribute that holds file capabilities, as tar(1) and container runtimes know it.
const CAPABILITY: &str = "SCHILY.xattr.security.capability";

/// The header of an entry, a file of which has so many bytes, after the PAX header that it may need.
fn headers(path: &ImagePath, entry: &Entry, size: u64) -> Vec<u8> {
    let slash = if entry.node == Node::Directory { "/" } else { "" };
    let name = format!("{}{slash}", path.relative());
    let (kind, link) = match &entry.node {
        Node::Directory => (b'5', ""),
        Node::File(_) => (b'0', ""),
        Node::Symlink(target) => (b'2', target.as_str()),
        Node::HardLink(target) => (b'1', target.relative()),
    };
    let mut header = Header::new(kind);
    let mut records = Vec::new();
    if !header.name(&name) {
        record(&mut records, "path", name.as_bytes());
    }
    if !header.text(LINK, link) {
        record(&mut records, "linkpath", link.as_bytes());
    }
    header.number(MODE, u64::from(entry.mode));
    for (field, key, value) in [
        (UID, "uid", u64::from(entry.uid)),
        (GID, "gid", u64::from(entry.gid)),
        (SIZE, "size", size),
        (MTIME, "mtime", entry.mtime),
    ] {
        if !header.number(field, value) {
            record(&mut records, key, value.to_string().as_bytes());
        }
    }
    if let (Node::File(_), Some(capabilities)) = (&entry.node, entry.capabilities) {
        record(&mut records, CAPABILITY, &capabilities.attribute());
    }
    let mut headers = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let mut extension = Header::new(b'x');
        extension.text(NAME, "PaxHeaders");
        extension.number(MODE, 0o644);
        extension.number(SIZE, records.len() as u64);
        headers.extend(extension.finish());
        records.resize(records.len().next_multiple_of(BLOCK), 0);
        headers.append(&mut records);
    }
    headers.extend(header.finish());
    headers
}

/// Where a field is, and its length.
type Field = (usize, usize);

const NAME: Field = (0, 100);
const MODE: Field = (100, 8);
const UID: Field = (108, 8);
const GID: Field = (116, 8);
const SIZE: Field = (124, 12);
const MTIME: Field = (136, 12);
const CHECKSUM: Field = (148, 8);
const TYPE: usize = 156;
const LINK: Field = (157, 100);
const MAGIC: Field = (257, 8);
const DEVICE_MAJOR: Field = (329, 8);
const DEVICE_MINOR: Field = (337, 8);
const PREFIX: Field = (345, 155);

struct Header([u8; BLOCK]);

impl Header {
    fn new(kind: u8) -> Self {
        let mut header = Self([0; BLOCK]);
        header.0[TYPE] = kind;
        header.put(MAGIC, b"ustar\x0000");
        for field in [MODE, UID, GID, SIZE, MTIME, DEVICE_MAJOR, DEVICE_MINOR] {
            header.number(field, 0);
        }
        header
    }

    fn put(&mut self, (start, _): Field, bytes: &[u8]) {
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a name, its directories into the prefix if need be, and says whether it fits.
    fn name(&mut self, name: &str) -> bool {
        if name.len() <= NAME.1 || !name.is_ascii() {
            return self.text(NAME, name);
        }
        let split =
            name.bytes().enumerate().skip(1).filter(|&(at, byte)| byte == b'/' && at + 1 < name.len());
        let mut fitting = split.filter(|&(at, _)| at <= PREFIX.1 && name.len() - at - 1 <= NAME.1);
        match fitting.next_back() {
            Some((at, _)) => self.text(PREFIX, &name[..at]) && self.text(NAME, &name[at + 1..]),
            None => self.text(NAME, name),
        }
    }

    /// Writes ASCII that fits, and says whether it does; of other text what is left of it.
    fn text(&mut self, field: Field, text: &str) -> bool {
        let ascii = |byte: u8| if byte.is_ascii() { byte } else { b'_' };
        let bytes: Vec<u8> = text.bytes().map(ascii).take(field.1).collect();
        self.put(field, &bytes);
        text.is_ascii() && text.len() <= field.1
    }

    /// Writes octal digits that fit before a final NUL, and says whether they do; else a zero.
    fn number(&mut self, field: Field, value: u64) -> bool {
        let digits = field.1 - 1;
        let fits = value >> (3 * digits) == 0;
        let value = if fits { value } else { 0 };
        self.put(field, format!("{value:0digits$o}\0").as_bytes());
        fits
    }

    fn finish(mut self) -> [u8; BLOCK] {
        self.put(CHECKSUM, b"        ");
        let sum: u64 = self.0.iter().map(|&byte| u64::from(byte)).sum();
        self.put(CHECKSUM, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Adds `length key=value\n`, where the length counts its own digits too.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + " =\n".len();
    let mut len = rest;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    records.extend(format!("{len} {key}=").bytes());
    records.extend(value);
    records.push(b'\n');
}
