//! The common `ar` format as deb(5) uses it: names of up to 16 bytes, no symbol or name tables.

use bytes::Bytes;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

pub(super) struct Member {
    pub name: String,
    pub content: Bytes,
}

/// The members of an archive, in their order; none after the first error.
pub(super) struct Members {
    rest: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArError {
    #[error("it does not begin as an `ar` archive")]
    Magic,
    #[error("it ends within the header of a member")]
    HeaderCut,
    #[error("the header of the member `{name}` is malformed")]
    Header { name: String },
    #[error("the member `{name}` is said to have {size} bytes, only {left} follow")]
    Size { name: String, size: u64, left: usize },
}

impl Members {
    pub(super) fn new(archive: &Bytes) -> Result<Self, ArError> {
        if !archive.starts_with(MAGIC) {
            return Err(ArError::Magic);
        }
        Ok(Self { rest: archive.slice(MAGIC.len()..) })
    }

    fn member(&mut self) -> Result<Member, ArError> {
        if self.rest.len() < HEADER {
            return Err(ArError::HeaderCut);
        }
        let header = self.rest.split_to(HEADER);
        let name = String::from_utf8_lossy(&header[..16]).trim_end().replace(char::is_control, "\u{fffd}");
        let size = std::str::from_utf8(&header[48..58]).ok().map(str::trim_end);
        let size = size.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        let size = size.and_then(|digits| digits.parse::<u64>().ok());
        let Some(size) = size.filter(|_| header.ends_with(b"`\n")) else {
            return Err(ArError::Header { name });
        };
        let left = self.rest.len();
        let Some(len) = usize::try_from(size).ok().filter(|&len| len <= left) else {
            return Err(ArError::Size { name, size, left });
        };
        let content = self.rest.split_to(len);
        let padding = (len % 2).min(self.rest.len());
        self.rest = self.rest.split_off(padding);
        Ok(Member { name: name.strip_suffix('/').unwrap_or(&name).to_owned(), content })
    }
}

impl Iterator for Members {
    type Item = Result<Member, ArError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let member = self.member();
        if member.is_err() {
            self.rest.clear();
        }
        Some(member)
    }
}
