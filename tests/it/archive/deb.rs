//! The bytes of a .deb, [deb(5)], honest or not.
//!
//! [deb(5)]: https://manpages.debian.org/trixie/dpkg-dev/deb.5.en.html

use std::io::{self, Write};

use tar::{EntryType, Header};

/// How the members of a .deb are compressed; the control member is so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gz,
    Xz,
    Zst,
}

#[derive(Debug, Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    /// As many zero bytes, which are never in memory: what a bomb is made of.
    Zeros(u64),
}

/// One member of a tar archive, written as it is told, be it wrong.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    pub kind: EntryType,
    pub link: String,
    pub mode: u32,
    pub owner: (u64, u64),
    pub mtime: u64,
    pub content: Content,
    /// The size that the header claims, where it is not the true one.
    pub claimed_size: Option<u64>,
}

impl Member {
    pub fn new(name: impl Into<String>, kind: EntryType) -> Self {
        let mode = if kind == EntryType::Directory { 0o755 } else { 0o644 };
        Self {
            name: name.into(),
            kind,
            link: String::new(),
            mode,
            owner: (0, 0),
            mtime: super::DATE,
            content: Content::Bytes(Vec::new()),
            claimed_size: None,
        }
    }

    pub fn file(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { content: Content::Bytes(content.into()), ..Self::new(name, EntryType::Regular) }
    }

    pub fn link(name: impl Into<String>, kind: EntryType, target: impl Into<String>) -> Self {
        Self { link: target.into(), ..Self::new(name, kind) }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        // GNU's extension for what does not fit the header: the text as the content of a member before.
        for (text, kind) in [(&self.name, b'L'), (&self.link, b'K')] {
            if text.len() > 100 {
                let long = Self::new("././@LongLink", EntryType::new(kind));
                Self { content: Content::Bytes([text.as_bytes(), b"\0"].concat()), ..long }.write(out)?;
            }
        }
        let mut header = Header::new_gnu();
        put(&mut header.as_old_mut().name, &self.name);
        put(&mut header.as_old_mut().linkname, &self.link);
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(self.owner.0);
        header.set_gid(self.owner.1);
        if self.owner == (0, 0) {
            header.set_username("root")?;
            header.set_groupname("root")?;
        }
        header.set_mtime(self.mtime);
        header.set_size(self.claimed_size.unwrap_or(self.content.len()));
        if matches!(self.kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1)?;
            header.set_device_minor(3)?;
        }
        header.set_cksum();
        out.write_all(header.as_bytes())?;
        self.content.write(out)?;
        let padding = self.content.len().next_multiple_of(512) - self.content.len();
        Content::Zeros(padding).write(out)
    }
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(len) => *len,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Zeros(len) => io::copy(&mut io::Read::take(io::repeat(0), *len), out).map(drop),
        }
    }
}

/// The .deb of these control and data members.
pub fn deb(control: &[Member], data: &[Member], compression: Compression) -> Vec<u8> {
    let mut ar = b"!<arch>\n".to_vec();
    let suffix = compression.suffix();
    ar_member(&mut ar, "debian-binary", b"2.0\n");
    ar_member(&mut ar, &format!("control.tar{suffix}"), &tar(control, compression));
    ar_member(&mut ar, &format!("data.tar{suffix}"), &tar(data, compression));
    ar
}

pub fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    compression.write(&mut |out| out.write_all(bytes)).unwrap()
}

/// A tar archive of members, as they are.
pub fn tar(members: &[Member], compression: Compression) -> Vec<u8> {
    let write = |out: &mut dyn Write| {
        members.iter().try_for_each(|member| member.write(out))?;
        Content::Zeros(1024).write(out)
    };
    compression.write(&mut { write }).unwrap()
}

fn ar_member(ar: &mut Vec<u8>, name: &str, content: &[u8]) {
    let (mtime, size) = (super::DATE, content.len());
    ar.extend(format!("{name:<16}{mtime:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, "100644").as_bytes());
    ar.extend(content);
    if size % 2 == 1 {
        ar.push(b'\n');
    }
}

fn put(field: &mut [u8], text: &str) {
    let len = text.len().min(field.len());
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}

impl Compression {
    fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gz => ".gz",
            Self::Xz => ".xz",
            Self::Zst => ".zst",
        }
    }

    fn write(self, content: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => {
                let mut plain = Vec::new();
                content(&mut plain)?;
                Ok(plain)
            }
            Self::Gz => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                content(&mut encoder)?;
                encoder.finish()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                content(&mut encoder)?;
                encoder.finish()
            }
            Self::Zst => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
                content(&mut encoder)?;
                encoder.finish()
            }
        }
    }
}
