//! What is at hand of the files that a lock names: in the store, or in the vendor folder.

use bytes::Bytes;

use super::files::FileError;
use super::store::{Store, StoreError};
use super::vendor::VendorFolder;
use crate::lock::LockedFile;
use crate::lock::verify::Held;

/// The places that are looked in without asking anyone.
pub struct Kept<'a> {
    pub store: &'a Store,
    pub vendor: Option<&'a VendorFolder>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Kept<'_> {
    /// The bytes of a file.
    pub fn read(&self, file: &LockedFile) -> Result<Held<Bytes>, KeptError> {
        match (self.store.read(file.sha256)?, self.vendor) {
            (Some(bytes), _) => Ok(Held::Whole(bytes)),
            (None, Some(vendor)) => Ok(vendor.read(file)?),
            (None, None) => Ok(Held::Absent),
        }
    }

    /// Whether a file is there with all its bytes, and is the locked one in every place that has it.
    pub fn look_at(&self, file: &LockedFile) -> Result<Held<()>, KeptError> {
        let vendored = self.vendor.map_or(Ok(Held::Absent), |vendor| vendor.look_at(file))?;
        match vendored {
            Held::Absent if self.store.is_intact(file.sha256)? => Ok(Held::Whole(())),
            vendored => Ok(vendored),
        }
    }
}
