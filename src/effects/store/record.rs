use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use bytes::Bytes;

use super::blob::persist;
use super::{Store, StoreError};
use crate::digest::Sha256;
use crate::effects::files::FileError;

/// What records of one kind tell of their key; the name of their directory. A change of what they hold
/// takes a new name: `layer-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKind(&'static str);

impl RecordKind {
    /// # Panics
    ///
    /// Where the name is not of a-z, 0-9 and `-`, which the compiler finds for a constant.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty(), "a kind of record has a name");
        while let [c, tail @ ..] = rest {
            assert!(
                c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-',
                "the name is of a-z, 0-9 and `-`"
            );
            rest = tail;
        }
        Self(name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl Store {
    /// The value kept for a key; `None` where there is none, or a damaged one, which is then removed.
    pub fn record(&self, kind: RecordKind, key: Sha256) -> Result<Option<Bytes>, StoreError> {
        let path = self.entry(&["records", kind.0], key);
        let value = self.record_at(&path)?;
        if value.is_some() {
            self.mark_used(&path);
        }
        Ok(value)
    }

    /// The same, which does not count as a use.
    pub fn look_at_record(&self, kind: RecordKind, key: Sha256) -> Result<Option<Bytes>, StoreError> {
        self.record_at(&self.entry(&["records", kind.0], key))
    }

    pub(super) fn record_at(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let content = match fs::read(path) {
            Ok(content) => Bytes::from(content),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(FileError::new("read the record", path, cause).into()),
        };
        let value = value(&content);
        if value.is_none() {
            self.discard(path.to_owned());
        }
        Ok(value)
    }

    /// Keeps a value for a key, in place of a former one.
    pub fn keep_record(&self, kind: RecordKind, key: Sha256, value: &[u8]) -> Result<(), StoreError> {
        self.check_writable()?;
        let written = self.temporary().and_then(|mut file| {
            writeln!(file, "{}", Sha256::of(value))?;
            file.write_all(value)?;
            persist(file, &self.entry(&["records", kind.0], key))
        });
        Ok(written.map_err(|cause| FileError::new("add a record to the store", self.root(), cause))?)
    }
}

/// The value of a record, if it matches the digest in the first line.
fn value(content: &Bytes) -> Option<Bytes> {
    let end = memchr::memchr(b'\n', content)?;
    let digest: Sha256 = std::str::from_utf8(&content[..end]).ok()?.parse().ok()?;
    let value = content.slice(end + 1..);
    (Sha256::of(&value) == digest).then_some(value)
}
