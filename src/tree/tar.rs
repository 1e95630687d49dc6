//! Reading a tar archive, [ustar] with the extensions of GNU and PAX, into a tree.
//!
//! Stricter than tar(1): an archive that two readers could understand differently, or that would
//! write outside its directory, is refused.
//!
//! [ustar]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06

mod header;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use self::header::{Header, Member, Overrides, Type};
use super::path::PATH_MAX;
use super::{Entry, ImagePath, InvalidPath, Node, Tree, TreeError};

const BLOCK: usize = 512;

/// Components of the paths of directories that members lie in and that the archive leaves out; more
/// is an attempt to fill memory.
const MAX_IMPLIED_COMPONENTS: usize = 1 << 16;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    #[error("the archive ends in the middle, at byte {offset}")]
    Truncated { offset: usize },
    #[error("the header at byte {offset} {why}")]
    Header { offset: usize, why: &'static str },
    #[error("the member at byte {offset} has an unusable name")]
    Name { offset: usize, source: InvalidPath },
    #[error("`{path}` {why}")]
    Member { path: ImagePath, why: &'static str },
    #[error(
        "`{path}` has the extended attribute `{attribute}`, which dpkg does not unpack either; capabilities are given by definitions"
    )]
    ExtendedAttribute { path: ImagePath, attribute: String },
    #[error("`{path}` is in the archive twice")]
    Duplicate { path: ImagePath },
    #[error("`{path}` is a hard link to `{target}`, which is no file that came before it")]
    HardLink { path: ImagePath, target: String },
    #[error("too many directories above its members are not in the archive")]
    ImpliedDirectories,
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Tree {
    /// Reads a whole archive; the files' content are slices of it, nothing is copied.
    ///
    /// # Errors
    /// For device nodes, FIFOs and other types that a package has no business with, paths that
    /// leave the root, lie below a link or file, or come twice, names that are not UTF-8, extended
    /// attributes, hard links to nothing, and archives that are damaged or cut short.
    pub fn from_tar(archive: &Bytes) -> Result<Self, TarError> {
        Self::read(Reader { archive, offset: 0, has_capabilities: false })
    }

    /// Reads the archive of a layer: its files may have capabilities, in the form that [`super::Capabilities`] has.
    ///
    /// # Errors
    /// Those of [`Tree::from_tar`].
    pub fn from_layer(archive: &Bytes) -> Result<Self, TarError> {
        Self::read(Reader { archive, offset: 0, has_capabilities: true })
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, TarError> {
        let mut entries = BTreeMap::new();
        while let Some((path, entry)) = reader.member(&entries)? {
            if entries.insert(path.clone(), entry).is_some() {
                return Err(TarError::Duplicate { path });
            }
        }
        let parents = entries.keys().filter_map(ImagePath::parent);
        let implied: BTreeSet<ImagePath> = parents.filter(|path| !entries.contains_key(path)).collect();
        let components = |path: &ImagePath| path.relative().split('/').count();
        if implied.iter().map(components).sum::<usize>() > MAX_IMPLIED_COMPONENTS {
            return Err(TarError::ImpliedDirectories);
        }
        Ok(Self::from_entries(entries)?)
    }
}

struct Reader<'a> {
    archive: &'a Bytes,
    offset: usize,
    has_capabilities: bool,
}

/// Where a member is, for errors.
struct At<'a> {
    path: &'a ImagePath,
    offset: usize,
}

impl Reader<'_> {
    /// The next member, with the headers that only extend it; `None` at the block of zeros that ends
    /// an archive.
    fn member(
        &mut self,
        before: &BTreeMap<ImagePath, Entry>,
    ) -> Result<Option<(ImagePath, Entry)>, TarError> {
        let mut overrides = Overrides::default();
        loop {
            let offset = self.offset;
            let block = self.take(BLOCK)?;
            let fault = |why| TarError::Header { offset, why };
            if block.iter().all(|&byte| byte == 0) {
                let complete = overrides == Overrides::default();
                return if complete { Ok(None) } else { Err(TarError::Truncated { offset }) };
            }
            let header = Header::new(&block).map_err(fault)?;
            match header.kind() {
                Type::Extension(extension) => {
                    let data = self.data(header.size().map_err(fault)?)?;
                    overrides.extend(extension, &data).map_err(fault)?;
                }
                Type::Member(member) => {
                    let name = overrides.path(&header).map_err(fault)?;
                    let path = ImagePath::parse(&name).map_err(|source| TarError::Name { offset, source })?;
                    if name.starts_with('/') {
                        return Err(TarError::Member { path, why: "has an absolute name" });
                    }
                    if member == Member::File && (name.ends_with('/') || path.is_root()) {
                        return Err(TarError::Member { path, why: "is a file with the name of a directory" });
                    }
                    let at = At { path: &path, offset };
                    let entry = self.entry(at, member, &header, overrides, before)?;
                    return Ok(Some((path, entry)));
                }
            }
        }
    }

    fn entry(
        &mut self,
        At { path, offset }: At,
        member: Member,
        header: &Header,
        mut overrides: Overrides,
        before: &BTreeMap<ImagePath, Entry>,
    ) -> Result<Entry, TarError> {
        let fault = |why| TarError::Header { offset, why };
        let refused = |why| TarError::Member { path: path.clone(), why };
        let capabilities = overrides.capabilities.take().filter(|_| self.has_capabilities);
        if let Some(attribute) = overrides.extended_attribute.take().filter(|_| capabilities.is_none()) {
            let attribute = attribute.replace(char::is_control, "\u{fffd}");
            return Err(TarError::ExtendedAttribute { path: path.clone(), attribute });
        }
        let size = overrides.size.map_or_else(|| header.size(), Ok).map_err(fault)?;
        if member != Member::File && size != 0 {
            return Err(refused("is no file, and yet has content"));
        }
        let node = match member {
            Member::Directory => Node::Directory,
            Member::File => Node::File(self.data(size)?),
            Member::Symlink => {
                let target = overrides.link(header).map_err(fault)?;
                if target.is_empty() || target.len() > PATH_MAX || target.contains(char::is_control) {
                    return Err(refused("is a symbolic link with an unusable target"));
                }
                Node::Symlink(target)
            }
            Member::HardLink => {
                let target = overrides.link(header).map_err(fault)?;
                let link = linked(before, &target);
                return link.ok_or_else(|| TarError::HardLink {
                    path: path.clone(),
                    target: target.replace(char::is_control, "\u{fffd}"),
                });
            }
            Member::Refused(why) => return Err(refused(why)),
        };
        Ok(Entry {
            node,
            mode: header.mode().map_err(fault)?,
            uid: overrides.uid.map_or_else(|| header.uid(), Ok).map_err(fault)?,
            gid: overrides.gid.map_or_else(|| header.gid(), Ok).map_err(fault)?,
            mtime: overrides.mtime.map_or_else(|| header.mtime(), Ok).map_err(fault)?,
            capabilities,
        })
    }

    /// The content of a member; what pads it to whole blocks is passed over.
    fn data(&mut self, size: u64) -> Result<Bytes, TarError> {
        let truncated = TarError::Truncated { offset: self.archive.len() };
        let size = usize::try_from(size).map_err(|_| truncated.clone())?;
        let padded = size.checked_next_multiple_of(BLOCK).ok_or(truncated)?;
        Ok(self.take(padded)?.slice(..size))
    }

    fn take(&mut self, len: usize) -> Result<Bytes, TarError> {
        let end = self.offset.checked_add(len).filter(|&end| end <= self.archive.len());
        let end = end.ok_or(TarError::Truncated { offset: self.archive.len() })?;
        let taken = self.archive.slice(self.offset..end);
        self.offset = end;
        Ok(taken)
    }
}

/// A hard link to an earlier member, or to the file that this member is a hard link to itself.
fn linked(before: &BTreeMap<ImagePath, Entry>, target: &str) -> Option<Entry> {
    let target = ImagePath::parse(target).ok()?;
    let earlier = before.get(&target)?;
    let file = match &earlier.node {
        Node::File(_) => target,
        Node::HardLink(file) => file.clone(),
        Node::Directory | Node::Symlink(_) => return None,
    };
    Some(Entry { node: Node::HardLink(file), ..earlier.clone() })
}

#[cfg(test)]
mod tests;
