//! Layers unpacked into a directory, one on top of the other, as [a runtime applies them].
//!
//! Every path is looked up with the directory as its root ([openat2(2)], `RESOLVE_IN_ROOT`): a symbolic link in an
//! image leads where it would in a container, and never out of the directory.
//!
//! [a runtime applies them]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
//! [openat2(2)]: https://man7.org/linux/man-pages/man2/openat2.2.html

#![expect(clippy::disallowed_methods, reason = "this is where images are unpacked")]

mod directory;
mod member;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use self::directory::Directory;
use self::member::Member;
use super::files::FileError;
use crate::debian::compression::Compression;
use crate::digest::{Hashing, Sha256};

/// Marks what a layer takes away: `.wh.passwd`, and all that lower layers have in a directory.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    #[error("only root can give files their owners")]
    Unprivileged,
    #[error("the layer `{}` cannot be read", layer.display())]
    Layer { layer: PathBuf, source: io::Error },
    #[error("the layer `{}` is damaged: its digest is {found}", layer.display())]
    Damaged { layer: PathBuf, found: Sha256 },
    #[error("could not unpack `{path}`: {}", reason(*errno))]
    Member { path: String, errno: Errno },
    #[error("could not unpack `{path}`: {why}")]
    Refused { path: String, why: &'static str },
    #[error("Linux 5.6 or newer is needed to unpack an image safely: openat2(2) is missing")]
    NoOpenat2,
}

/// Whose the files become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Those that the image names.
    Kept,
    /// All are of whoever unpacks. What only root can make is left out.
    Ours,
}

/// What is done about a directory that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    Refused,
    /// What the image has takes the place of what is there.
    Overlaid,
}

/// What was left out, as only root can make it: how many device nodes, and how many attributes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub devices: usize,
    pub attributes: usize,
}

/// Where an image is unpacked to, and how.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    pub root: &'a Path,
    pub owners: Owners,
    pub occupied: Occupied,
}

impl Destination<'_> {
    /// Whether something can be unpacked there. Changes nothing.
    pub fn check(&self) -> Result<(), UnpackError> {
        if self.owners == Owners::Kept && !rustix::process::geteuid().is_root() {
            return Err(UnpackError::Unprivileged);
        }
        if !self.is_empty()? && self.occupied == Occupied::Refused {
            return Err(UnpackError::NotEmpty(self.root.to_owned()));
        }
        Ok(())
    }

    /// Unpacks layers, the lowest first, each with the blob that it is in. A directory that was empty is so again
    /// after a failure.
    pub fn unpack(&self, layers: &[(Sha256, PathBuf)]) -> Result<LeftOut, UnpackError> {
        self.check()?;
        let failed = |cause| self.failed(cause);
        let (was_there, was_empty) = (self.root.exists(), self.is_empty()?);
        fs::create_dir_all(self.root).map_err(failed)?;
        let unpacked = unpack_all(layers, self.root, self.owners);
        if unpacked.is_err() && was_empty {
            clear(self.root, was_there).map_err(failed)?;
        }
        unpacked
    }

    /// Whether nothing is there, or an empty directory.
    fn is_empty(&self) -> Result<bool, FileError> {
        match fs::read_dir(self.root) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn failed(&self, cause: io::Error) -> FileError {
        FileError::new("unpack into", self.root, cause)
    }
}

fn unpack_all(layers: &[(Sha256, PathBuf)], root: &Path, owners: Owners) -> Result<LeftOut, UnpackError> {
    let mut directory = Directory::open(root, owners).map_err(|errno| match errno {
        Errno::NOSYS => UnpackError::NoOpenat2,
        errno => FileError::new("unpack into", root, errno.into()).into(),
    })?;
    for (digest, blob) in layers {
        Layer { digest: *digest, blob, fresh: BTreeSet::new() }.unpack(&mut directory)?;
    }
    directory.finish().map_err(|(path, errno)| UnpackError::Member { path, errno })
}

/// Takes away what was unpacked so far, and the directory too where it was not there.
fn clear(root: &Path, keep_root: bool) -> io::Result<()> {
    if !keep_root {
        return fs::remove_dir_all(root);
    }
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// A layer on its way into a directory.
struct Layer<'a> {
    digest: Sha256,
    blob: &'a Path,
    /// What the layer itself has brought so far, which its whiteouts do not take away.
    fresh: BTreeSet<Vec<u8>>,
}

impl Layer<'_> {
    fn unpack(mut self, directory: &mut Directory) -> Result<(), UnpackError> {
        let unread = |source| UnpackError::Layer { layer: self.blob.to_owned(), source };
        let blob = File::open(self.blob).map_err(unread)?;
        let mut archive =
            tar::Archive::new(uncompressed(BufReader::new(Hashing::new(blob))).map_err(unread)?);
        archive.set_ignore_zeros(false);
        for entry in archive.entries().map_err(unread)? {
            let mut entry = entry.map_err(unread)?;
            let Some(member) = Member::of(&mut entry)? else { continue };
            self.apply(&member, &mut entry, directory)?;
        }
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink()).map_err(unread)?;
        let (_, found, _) = rest.into_hashing().finish();
        match found == self.digest {
            true => Ok(()),
            false => Err(UnpackError::Damaged { layer: self.blob.to_owned(), found }),
        }
    }

    fn apply(
        &mut self,
        member: &Member,
        content: &mut impl Read,
        directory: &mut Directory,
    ) -> Result<(), UnpackError> {
        let failed = |errno| UnpackError::Member { path: member.shown(), errno };
        let (above, name) = member.split();
        if name == OPAQUE {
            return directory.clear(above, &self.fresh).map_err(failed);
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            // What begins with it twice is aufs's own, and no file of an image.
            let path = member::join(above, hidden);
            let is_lower = !hidden.starts_with(WHITEOUT) && !self.fresh.contains(&path);
            return if is_lower { directory.remove(&path).map_err(failed) } else { Ok(()) };
        }
        directory.put(member, content).map_err(|error| match error {
            directory::Fault::Kernel(errno) => failed(errno),
            directory::Fault::Content(source) => UnpackError::Layer { layer: self.blob.to_owned(), source },
        })?;
        self.fresh.insert(member.path.clone());
        Ok(())
    }
}

/// What a blob unpacks to, by its first bytes.
enum Uncompressed<R: BufRead> {
    Plain(R),
    Gzip(Box<flate2::bufread::MultiGzDecoder<R>>),
    Zstd(Box<zstd::Decoder<'static, R>>),
}

fn uncompressed<R: BufRead>(mut blob: R) -> io::Result<Uncompressed<R>> {
    Ok(match Compression::of(blob.fill_buf()?) {
        Compression::None => Uncompressed::Plain(blob),
        Compression::Gzip => Uncompressed::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(blob))),
        Compression::Zstd => Uncompressed::Zstd(Box::new(zstd::Decoder::with_buffer(blob)?)),
        Compression::Xz => {
            return Err(io::Error::new(ErrorKind::InvalidData, "no layer of an image is compressed by xz"));
        }
    })
}

impl<R: BufRead> Read for Uncompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(blob) => blob.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

impl<R: Read> Uncompressed<BufReader<Hashing<R>>> {
    fn into_hashing(self) -> Hashing<R> {
        match self {
            Self::Plain(blob) => blob,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        }
        .into_inner()
    }
}

fn reason(errno: Errno) -> String {
    match errno {
        Errno::NOSPC => {
            "no space is left on its file system; free some there, or choose another place".into()
        }
        Errno::PERM | Errno::ACCESS => "permission is denied; run as root, or leave owners out".into(),
        Errno::INVAL => "its owner or an attribute of it cannot be had here, as in a user namespace".into(),
        errno => io::Error::from(errno).to_string(),
    }
}
