//! The directory that layers are unpacked into, with itself as the root of every path.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT, Uid,
    XattrFlags,
};
use rustix::io::Errno;

use super::member::{Kind, Member, join, split};
use super::{LeftOut, Owners};

/// How much is copied at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// Attributes that only root may set.
const PRIVILEGED: [&str; 2] = ["security.", "trusted."];

pub(super) struct Directory {
    root: OwnedFd,
    owners: Owners,
    /// What directories are to be once nothing more is put into them.
    directories: BTreeMap<Vec<u8>, Attributes>,
    left_out: LeftOut,
}

/// Why a member could not be put.
pub(super) enum Fault {
    Kernel(Errno),
    Content(io::Error),
}

#[derive(Debug, Clone)]
struct Attributes {
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: Timespec,
    extended: Vec<(String, Vec<u8>)>,
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

impl From<&Member> for Attributes {
    fn from(member: &Member) -> Self {
        let Member { mode, uid, gid, mtime, attributes, .. } = member;
        Self { mode: *mode, uid: *uid, gid: *gid, mtime: *mtime, extended: attributes.clone() }
    }
}

impl Directory {
    pub fn open(root: &Path, owners: Owners) -> Result<Self, Errno> {
        let root = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let directory = Self { root, owners, directories: BTreeMap::new(), left_out: LeftOut::default() };
        directory.find(b"")?;
        Ok(directory)
    }

    /// A directory of the image, symbolic links followed inside it.
    fn find(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags, Mode::empty(), within)
    }

    /// A directory of the image, which is made where it is missing, with those above it.
    fn find_or_make(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {
                let (above, name) = split(path);
                let above = self.find_or_make(above)?;
                rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755))?;
                self.find(path)
            }
            found => found,
        }
    }

    /// Puts a member in place of what stands there; a directory stays what it is, with all that is in it.
    pub fn put(&mut self, member: &Member, content: &mut impl Read) -> Result<(), Fault> {
        if member.path.is_empty() {
            self.directories.insert(Vec::new(), member.into());
            return Ok(());
        }
        let (above, name) = member.split();
        let parent = self.find_or_make(above)?;
        let stands = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(FileType::from_raw_mode(stat.st_mode)),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno.into()),
        };
        if member.kind == Kind::Directory {
            if stands != Some(FileType::Directory) {
                self.remove(&member.path)?;
                rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o700))?;
            }
            self.directories.insert(member.path.clone(), member.into());
            return Ok(());
        }
        if stands.is_some() {
            self.remove(&member.path)?;
        }
        let attributes = Attributes::from(member);
        match &member.kind {
            Kind::Directory => {}
            Kind::File => {
                let flags =
                    OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))?;
                let mut file = File::from(file);
                copy(content, &mut file)?;
                self.settle(&file, &attributes)?;
            }
            Kind::HardLink(target) => {
                let (above, target) = split(target);
                let holder = self.find(above)?;
                rustix::fs::linkat(&holder, target, &parent, name, AtFlags::empty())?;
            }
            Kind::Symlink(target) => {
                rustix::fs::symlinkat(target.as_slice(), &parent, name)?;
                self.settle_at(&parent, name, &attributes)?;
            }
            Kind::Character(..) | Kind::Block(..) if self.owners == Owners::Ours => {
                self.left_out.devices += 1
            }
            Kind::Fifo => self.node(&parent, name, FileType::Fifo, 0, &attributes)?,
            Kind::Character(major, minor) => {
                let device = rustix::fs::makedev(*major, *minor);
                self.node(&parent, name, FileType::CharacterDevice, device, &attributes)?;
            }
            Kind::Block(major, minor) => {
                let device = rustix::fs::makedev(*major, *minor);
                self.node(&parent, name, FileType::BlockDevice, device, &attributes)?;
            }
        }
        Ok(())
    }

    fn node(
        &self,
        parent: &OwnedFd,
        name: &[u8],
        kind: FileType,
        device: u64,
        attributes: &Attributes,
    ) -> Result<(), Errno> {
        rustix::fs::mknodat(parent, name, kind, Mode::from_raw_mode(0o600), device)?;
        self.settle_at(parent, name, attributes)?;
        // Nothing but this has a hand in the directory, and what stands there is no link.
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())
    }

    /// Owner and time of what is not opened. A symbolic link has no mode.
    fn settle_at(&self, parent: &OwnedFd, name: &[u8], attributes: &Attributes) -> Result<(), Errno> {
        if self.owners == Owners::Kept {
            let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
            rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(parent, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Owner first: to give a file away takes its setuid bit and capabilities from it.
    fn settle(&mut self, file: &File, attributes: &Attributes) -> Result<(), Errno> {
        let Attributes { mode, uid, gid, mtime, extended } = attributes;
        let kept = self.owners == Owners::Kept;
        if kept {
            rustix::fs::fchown(file, Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)))?;
        }
        // A file that runs as its owner was meant to run as another one.
        let mode = if kept { *mode } else { *mode & 0o1777 };
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
        for (name, value) in extended {
            let is_privileged = PRIVILEGED.iter().any(|prefix| name.starts_with(prefix));
            if is_privileged && !kept {
                self.left_out.attributes += 1;
                continue;
            }
            match rustix::fs::fsetxattr(file, name.as_str(), value, XattrFlags::empty()) {
                // Not every file system has those of users.
                Err(Errno::NOTSUP) if !is_privileged => self.left_out.attributes += 1,
                set => set?,
            }
        }
        rustix::fs::futimens(file, &times(*mtime))
    }

    /// Removes what stands at a path, with all below it; what is not there needs no removal.
    pub fn remove(&mut self, path: &[u8]) -> Result<(), Errno> {
        let (above, name) = split(path);
        let parent = match self.find(above) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            found => found?,
        };
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // What unlink(2) says of a directory, and POSIX.
            Err(Errno::ISDIR | Errno::PERM) => {
                self.clear(path, &BTreeSet::new())?;
                self.directories.remove(path);
                rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Removes what is in a directory, but for what is to be kept.
    pub fn clear(&mut self, path: &[u8], keep: &BTreeSet<Vec<u8>>) -> Result<(), Errno> {
        let directory = match self.find(path) {
            Err(Errno::NOENT) => return Ok(()),
            found => found?,
        };
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let below = join(path, name);
            let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            // What is to be kept may lie in a directory that is not.
            let prefix = join(&below, b"");
            let holds = keep.range(prefix.clone()..).next().is_some_and(|kept| kept.starts_with(&prefix));
            match keep.contains(&below) || holds {
                true if is_directory => self.clear(&below, keep)?,
                true => {}
                false => self.remove(&below)?,
            }
        }
        Ok(())
    }

    /// Gives directories what the image says of them, the deepest first: nothing changes in them any more.
    pub fn finish(mut self) -> Result<LeftOut, (String, Errno)> {
        for (path, attributes) in std::mem::take(&mut self.directories).into_iter().rev() {
            let (above, name) = split(&path);
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name = if name.is_empty() { b"." } else { name };
            let found =
                self.find(above).and_then(|parent| rustix::fs::openat(parent, name, flags, Mode::empty()));
            let settled = match found {
                // Something else took its place.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
                Err(errno) => Err(errno),
                Ok(directory) => self.settle(&directory.into(), &attributes),
            };
            let shown = || Path::new("/").join(OsStr::from_bytes(&path)).display().to_string();
            settled.map_err(|errno| (shown(), errno))?;
        }
        Ok(self.left_out)
    }
}

fn copy(content: &mut impl Read, file: &mut File) -> Result<(), Fault> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = content.read(&mut piece).map_err(Fault::Content)?;
        if read == 0 {
            return Ok(());
        }
        let written = file.write_all(&piece[..read]);
        written.map_err(|error| Fault::Kernel(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    }
}

fn times(mtime: Timespec) -> Timestamps {
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: mtime }
}
