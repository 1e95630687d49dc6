//! The 512 bytes before each member, and the members that only extend the next one.

use super::BLOCK;
use crate::tree::Capabilities;

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Member(Member),
    Extension(Extension),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    File,
    Directory,
    Symlink,
    HardLink,
    /// Something that has no place in a package, and why.
    Refused(&'static str),
}

/// A member that only says something of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// GNU: its name.
    Name,
    /// GNU: its link target.
    Link,
    /// PAX records.
    Pax,
    /// PAX records, for all that follow.
    GlobalPax,
}

pub(super) struct Header<'a>(&'a [u8; BLOCK]);

/// What extensions say of the next member, in place of its header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    path: Option<String>,
    link: Option<String>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub mtime: Option<u64>,
    pub extended_attribute: Option<String>,
    /// Those of the extended attribute `security.capability`, where it is the only one.
    pub capabilities: Option<Capabilities>,
}

type Fault = &'static str;

impl<'a> Header<'a> {
    /// # Errors
    /// Where the checksum is wrong.
    pub(super) fn new(block: &'a [u8]) -> Result<Self, Fault> {
        let header = Self(block.try_into().map_err(|_| "is cut short")?);
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let blank = 8 * u64::from(b' ');
        if number(&header.0[148..156])? != sum(&header.0[..148]) + blank + sum(&header.0[156..]) {
            return Err("has a wrong checksum");
        }
        Ok(header)
    }

    pub(super) fn kind(&self) -> Type {
        match self.0[156] {
            b'0' | 0 => Type::Member(Member::File),
            b'1' => Type::Member(Member::HardLink),
            b'2' => Type::Member(Member::Symlink),
            b'3' => Type::Member(Member::Refused("is a character device")),
            b'4' => Type::Member(Member::Refused("is a block device")),
            b'5' => Type::Member(Member::Directory),
            b'6' => Type::Member(Member::Refused("is a FIFO")),
            b'S' => Type::Member(Member::Refused("is a sparse file")),
            b'L' => Type::Extension(Extension::Name),
            b'K' => Type::Extension(Extension::Link),
            b'x' => Type::Extension(Extension::Pax),
            b'g' => Type::Extension(Extension::GlobalPax),
            _ => Type::Member(Member::Refused("is of an unknown type")),
        }
    }

    pub(super) fn mode(&self) -> Result<u32, Fault> {
        Ok((number(&self.0[100..108])? & 0o7777) as u32)
    }

    pub(super) fn uid(&self) -> Result<u32, Fault> {
        u32::try_from(number(&self.0[108..116])?).map_err(|_| "has a user ID of more than 32 bits")
    }

    pub(super) fn gid(&self) -> Result<u32, Fault> {
        u32::try_from(number(&self.0[116..124])?).map_err(|_| "has a group ID of more than 32 bits")
    }

    pub(super) fn size(&self) -> Result<u64, Fault> {
        number(&self.0[124..136])
    }

    pub(super) fn mtime(&self) -> Result<u64, Fault> {
        number(&self.0[136..148])
    }

    fn name(&self) -> Result<String, Fault> {
        let name = text(&self.0[..100])?;
        let is_posix = &self.0[257..263] == b"ustar\0";
        match text(&self.0[345..500]) {
            Ok(prefix) if is_posix && !prefix.is_empty() => Ok(format!("{prefix}/{name}")),
            Err(fault) if is_posix => Err(fault),
            _ => Ok(name.to_owned()),
        }
    }

    fn link(&self) -> Result<String, Fault> {
        text(&self.0[157..257]).map(str::to_owned)
    }
}

impl Overrides {
    pub(super) fn path(&mut self, header: &Header) -> Result<String, Fault> {
        self.path.take().map_or_else(|| header.name(), Ok)
    }

    pub(super) fn link(&mut self, header: &Header) -> Result<String, Fault> {
        self.link.take().map_or_else(|| header.link(), Ok)
    }

    pub(super) fn extend(&mut self, kind: Extension, data: &[u8]) -> Result<(), Fault> {
        match kind {
            Extension::Name => once(&mut self.path, text(data)?.to_owned()),
            Extension::Link => once(&mut self.link, text(data)?.to_owned()),
            Extension::GlobalPax => records(data, |key, _| match key {
                "comment" => Ok(()),
                _ => Err("sets a property of all members that follow"),
            }),
            Extension::Pax => records(data, |key, value| self.record(key, value)),
        }
    }

    fn record(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let utf8 = || std::str::from_utf8(value).map_err(|_| "has a PAX value that is not UTF-8");
        let number = || utf8()?.parse::<u64>().map_err(|_| "has a PAX value that is not a number");
        let id = || u32::try_from(number()?).map_err(|_| "has an owner ID of more than 32 bits");
        match key {
            "path" => once(&mut self.path, utf8()?.to_owned()),
            "linkpath" => once(&mut self.link, utf8()?.to_owned()),
            "size" => once(&mut self.size, number()?),
            "uid" => once(&mut self.uid, id()?),
            "gid" => once(&mut self.gid, id()?),
            "mtime" => {
                let seconds = utf8()?.split('.').next().and_then(|seconds| seconds.parse().ok());
                once(&mut self.mtime, seconds.ok_or("has a time that is not one since 1970")?)
            }
            _ if key.starts_with("GNU.sparse.") => Err("is of a sparse file"),
            _ => {
                let namespaces = ["SCHILY.xattr.", "SCHILY.acl.", "LIBARCHIVE.xattr.", "RHT.security."];
                if namespaces.iter().any(|namespace| key.starts_with(namespace)) {
                    let attribute = key.strip_prefix("SCHILY.xattr.").unwrap_or(key);
                    let only = self.extended_attribute.is_none() && attribute == "security.capability";
                    self.capabilities = Capabilities::of_attribute(value).filter(|_| only);
                    self.extended_attribute.get_or_insert_with(|| attribute.to_owned());
                }
                Ok(())
            }
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Fault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err("says the same thing twice of the next member"),
    }
}

/// The `length key=value\n` records of a PAX header; the length counts the whole record.
fn records(mut data: &[u8], mut each: impl FnMut(&str, &[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    const MALFORMED: Fault = "has a malformed PAX record";
    while !data.is_empty() {
        let space = data.iter().position(|&byte| byte == b' ').ok_or(MALFORMED)?;
        let length = std::str::from_utf8(&data[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let length = length.filter(|length| (space + 2..=data.len()).contains(length)).ok_or(MALFORMED)?;
        let record = data[space + 1..length].strip_suffix(b"\n").ok_or(MALFORMED)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(MALFORMED)?;
        let key = std::str::from_utf8(&record[..equals]).map_err(|_| MALFORMED)?;
        each(key, &record[equals + 1..])?;
        data = &data[length..];
    }
    Ok(())
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> Result<&str, Fault> {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).map_err(|_| "has a name that is not UTF-8")
}

/// Octal digits between blanks, or big-endian binary where the first bit is set, as GNU has it.
fn number(field: &[u8]) -> Result<u64, Fault> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len().saturating_sub(8).max(1));
        let negligible = high[0] == 0x80 && high[1..].iter().all(|&byte| byte == 0);
        let value = low.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        return if negligible { Ok(value) } else { Err("has a negative or huge number") };
    }
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let digits = field.iter().skip_while(|&byte| *byte == b' ').take_while(|&byte| !blank(byte));
    let mut value = 0_u64;
    let mut count = field.iter().take_while(|&&byte| byte == b' ').count();
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err("has a number that is not octal");
        }
        value = value << 3 | u64::from(digit - b'0');
        count += 1;
    }
    if field[count..].iter().all(blank) { Ok(value) } else { Err("has a number that is not octal") }
}
