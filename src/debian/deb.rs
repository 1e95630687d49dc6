//! Binary packages, [deb(5)]: an `ar` archive of `debian-binary`, `control.tar` and `data.tar`.
//!
//! [deb(5)]: https://manpages.debian.org/trixie/dpkg-dev/deb.5.en.html

mod ar;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::compression::{Compression, UnpackError};
use crate::tree::{Node, TarError, Tree};

pub use ar::ArError;

/// What control.tar may unpack to, in bytes. The largest in Debian 13 are `md5sums` of a few MiB.
const CONTROL_LIMIT: u64 = 64 << 20;

/// A binary package, unpacked.
#[derive(Debug, Clone)]
pub struct Deb {
    pub control: ControlFiles,
    pub tree: Tree,
}

/// The files of control.tar by their names; there is always a `control`, of UTF-8 text.
#[derive(Debug, Clone)]
pub struct ControlFiles {
    control: String,
    files: BTreeMap<String, Bytes>,
}

#[derive(Debug, thiserror::Error)]
pub enum DebError {
    #[error("the file is no Debian package")]
    Ar(#[from] ArError),
    #[error("its format is {found:?}, and only version 2 is known")]
    Version { found: String },
    #[error("it has no {member}")]
    Missing { member: &'static str },
    #[error("it has a member `{member}` where {expected} is due")]
    Unexpected { member: String, expected: &'static str },
    #[error("it has more than one {member}")]
    Repeated { member: &'static str },
    #[error("the compression of `{member}` is not known: only gz, xz and zst are")]
    Compression { member: String },
    #[error("cannot unpack `{member}`")]
    Unpack { member: String, source: UnpackError },
    #[error("cannot read `{member}`")]
    Tar { member: String, source: TarError },
    #[error("the control file `{0}` is not a regular file")]
    ControlKind(String),
    #[error("the control file `{0}` is not UTF-8")]
    ControlText(&'static str),
}

/// Unpacks a package of which data.tar unpacks to at most `limit` bytes. The files of its tree are
/// slices of one buffer.
///
/// # Errors
/// Where the file is no package, is damaged, or holds what no image may hold, see [`Tree::from_tar`].
pub fn read(deb: &Bytes, limit: u64) -> Result<Deb, DebError> {
    let mut members = members(deb)?;
    let control = archive(&mut members, "control.tar")?;
    let data = archive(&mut members, "data.tar")?;
    for member in members {
        let name = member?.name;
        if let Some(member) =
            ["control.tar", "data.tar"].into_iter().find(|archive| name.starts_with(archive))
        {
            return Err(DebError::Repeated { member });
        }
    }
    Ok(Deb { control: ControlFiles::new(control.unpack(CONTROL_LIMIT)?)?, tree: data.unpack(limit)? })
}

/// Unpacks the control files of a package, and nothing else of it.
///
/// # Errors
/// Where the file is no package, or its control.tar is damaged.
pub fn control(deb: &Bytes) -> Result<ControlFiles, DebError> {
    let control = archive(&mut members(deb)?, "control.tar")?;
    ControlFiles::new(control.unpack(CONTROL_LIMIT)?)
}

/// The members that follow `debian-binary`.
fn members(deb: &Bytes) -> Result<ar::Members, DebError> {
    let mut members = ar::Members::new(deb)?;
    let version = members.next().transpose()?.filter(|member| member.name == "debian-binary");
    let version = version.ok_or(DebError::Missing { member: "debian-binary" })?;
    if !version.content.starts_with(b"2.") {
        let found = version.content.iter().take(8).copied().collect::<Vec<u8>>();
        return Err(DebError::Version { found: String::from_utf8_lossy(&found).trim_end().to_owned() });
    }
    Ok(members)
}

impl ControlFiles {
    /// The package's control paragraph, as it is written.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.control
    }

    /// The checksums of its files, where it has them.
    ///
    /// # Errors
    /// Where they are not UTF-8.
    pub fn md5sums(&self) -> Result<Option<&str>, DebError> {
        let md5sums = self.get("md5sums").map(|content| std::str::from_utf8(content)).transpose();
        md5sums.map_err(|_| DebError::ControlText("md5sums"))
    }

    /// A file by its name: `postinst`, `conffiles`, `triggers`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    /// All files, `control` among them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(name, content)| (name.as_str(), content))
    }

    fn new(tree: Tree) -> Result<Self, DebError> {
        let mut files = BTreeMap::new();
        for (path, entry) in tree {
            match entry.node {
                Node::File(content) => drop(files.insert(path.relative().to_owned(), content)),
                Node::Directory if path.is_root() => {}
                _ => return Err(DebError::ControlKind(path.relative().to_owned())),
            }
        }
        let control = files.get("control").ok_or(DebError::Missing { member: "control file" })?;
        let control = std::str::from_utf8(control).map_err(|_| DebError::ControlText("control"))?.to_owned();
        Ok(Self { control, files })
    }
}

/// A tar archive of a package, still packed.
struct Archive {
    member: String,
    compression: Compression,
    packed: Bytes,
}

/// The next member, which has to be the archive named; members whose names begin with `_` are
/// passed over, as deb(5) wants it.
fn archive(members: &mut ar::Members, expected: &'static str) -> Result<Archive, DebError> {
    for member in members {
        let ar::Member { name, content } = member?;
        if name.starts_with('_') {
            continue;
        }
        let Some(suffix) = name.strip_prefix(expected) else {
            return Err(DebError::Unexpected { member: name, expected });
        };
        return match Compression::from_suffix(suffix) {
            Some(compression) => Ok(Archive { member: name, compression, packed: content }),
            None => Err(DebError::Compression { member: name }),
        };
    }
    Err(DebError::Missing { member: expected })
}

impl Archive {
    fn unpack(self, limit: u64) -> Result<Tree, DebError> {
        let Self { member, compression, packed } = self;
        match compression.unpack(&packed, limit) {
            Ok(content) => Tree::from_tar(&content).map_err(|source| DebError::Tar { member, source }),
            Err(source) => Err(DebError::Unpack { member, source }),
        }
    }
}

#[cfg(test)]
mod tests;
