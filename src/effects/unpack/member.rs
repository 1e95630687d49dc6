//! A member of a layer's archive, with what its PAX header says of it.

use std::io::{self, Read};

use rustix::fs::Timespec;
use tar::{Entry, EntryType};

use super::UnpackError;

/// What names of extended attributes follow, as tar(1) and container runtimes know it.
const ATTRIBUTE: &str = "SCHILY.xattr.";

/// What is to stand at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink(Vec<u8>),
    /// The path of the file, as a path of an image.
    HardLink(Vec<u8>),
    Fifo,
    /// The numbers of the device.
    Character(u32, u32),
    Block(u32, u32),
}

#[derive(Debug)]
pub(super) struct Member {
    /// Relative, without `.` and `..`; empty for the root.
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Timespec,
    /// Extended attributes and their values.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl Member {
    /// `None` for what only speaks of the archive.
    pub fn of<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<Self>, UnpackError> {
        let name = entry.path_bytes().into_owned();
        let refused = |why| UnpackError::Refused { path: String::from_utf8_lossy(&name).into_owned(), why };
        let unreadable = |_: io::Error| refused("its header cannot be read");
        let path = normalized(&name).ok_or_else(|| refused("its name leaves the image by `..`"))?;
        let link = |entry: &Entry<'_, R>| {
            let target = entry.link_name_bytes().map(|target| target.into_owned());
            target.filter(|target| !target.is_empty()).ok_or_else(|| refused("it is a link to nothing"))
        };
        let header = entry.header();
        let device = || {
            let numbers = header.device_major().ok().flatten().zip(header.device_minor().ok().flatten());
            numbers.ok_or_else(|| refused("it is a device without numbers"))
        };
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(link(entry)?),
            EntryType::Link => {
                let target = normalized(&link(entry)?);
                Kind::HardLink(target.ok_or_else(|| refused("it is a link that leaves the image by `..`"))?)
            }
            EntryType::Fifo => Kind::Fifo,
            EntryType::Char => device().map(|(major, minor)| Kind::Character(major, minor))?,
            EntryType::Block => device().map(|(major, minor)| Kind::Block(major, minor))?,
            EntryType::XGlobalHeader => return Ok(None),
            _ => return Err(refused("it is of a type that no image has")),
        };
        let id = |id: io::Result<u64>| {
            id.ok().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| refused("its owner is no number"))
        };
        let mut member = Self {
            path,
            kind,
            mode: header.mode().map_err(unreadable)? & 0o7777,
            uid: id(header.uid())?,
            gid: id(header.gid())?,
            mtime: Timespec { tv_sec: header.mtime().map_err(unreadable)?.cast_signed(), tv_nsec: 0 },
            attributes: Vec::new(),
        };
        for record in entry.pax_extensions().map_err(unreadable)?.into_iter().flatten() {
            let record = record.map_err(unreadable)?;
            let key = record.key().unwrap_or_default();
            let number = || record.value().ok().and_then(|value| value.parse().ok());
            let no_number = || refused("its header cannot be read");
            match key {
                "uid" => member.uid = number().ok_or_else(no_number)?,
                "gid" => member.gid = number().ok_or_else(no_number)?,
                "mtime" => {
                    let value = record.value().ok().and_then(timespec);
                    member.mtime = value.ok_or_else(no_number)?;
                }
                key => {
                    let attribute = key.strip_prefix(ATTRIBUTE);
                    let attribute = attribute.map(|name| (name.to_owned(), record.value_bytes().to_vec()));
                    member.attributes.extend(attribute);
                }
            }
        }
        Ok(Some(member))
    }

    /// The directory that holds it, and its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        split(&self.path)
    }

    /// As people read it.
    pub fn shown(&self) -> String {
        format!("/{}", String::from_utf8_lossy(&self.path))
    }
}

pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, name].join(&b'/') }
}

/// A path relative to the root of the image; `None` where it has `..` in it.
fn normalized(path: &[u8]) -> Option<Vec<u8>> {
    let components = path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."));
    let components: Vec<_> = components.collect();
    (!components.contains(&&b".."[..])).then(|| components.join(&b'/'))
}

/// Seconds with a fraction: `1700000000.25`.
fn timespec(text: &str) -> Option<Timespec> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let time = Timespec { tv_sec: seconds.parse().ok()?, tv_nsec: digits.parse().ok()? };
    // Nanoseconds count on from the whole second below.
    Some(match seconds.starts_with('-') && time.tv_nsec > 0 {
        true => Timespec { tv_sec: time.tv_sec - 1, tv_nsec: 1_000_000_000 - time.tv_nsec },
        false => time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_below_the_root_and_may_not_leave_it() {
        for (name, path) in [("./usr//bin/", "usr/bin"), ("/etc/./x", "etc/x"), (".", ""), ("a", "a")] {
            assert_eq!(normalized(name.as_bytes()).as_deref(), Some(path.as_bytes()));
        }
        assert_eq!(normalized(b"usr/../../etc/passwd"), None);
        assert_eq!(split(b"usr/bin/sh"), (&b"usr/bin"[..], &b"sh"[..]));
        assert_eq!(split(b"usr"), (&b""[..], &b"usr"[..]));
        assert_eq!(join(b"", b"usr"), b"usr");
    }

    #[test]
    fn times_have_a_fraction() {
        let told = |text| timespec(text).map(|time| (time.tv_sec, time.tv_nsec));
        assert_eq!(told("1700000000.25"), Some((1_700_000_000, 250_000_000)));
        assert_eq!(told("-1.5"), Some((-2, 500_000_000)));
        assert_eq!(told("12"), Some((12, 0)));
        assert_eq!(told("soon"), None);
    }
}
