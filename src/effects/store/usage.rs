//! Who uses a store, and what of it was used when.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Access, Store, StoreError};
use crate::effects::files::FileError;

/// A use is noted where the last is noted for longer ago.
const NOTED_FOR: Duration = Duration::from_hours(24);

/// Tells others that the store is in use, as long as the file is open. Waits while someone prunes it.
pub(super) fn share(root: &Path, access: Access) -> Result<Option<File>, StoreError> {
    let path = root.join("in-use");
    let file = match access {
        Access::ReadWrite => OpenOptions::new().create(true).append(true).open(&path),
        Access::ReadOnly => match File::open(&path) {
            Ok(file) => Ok(file),
            Err(_) => return Ok(None),
        },
    };
    let shared = file.and_then(|file| file.lock_shared().map(|()| file));
    shared.map(Some).map_err(|cause| FileError::new("lock", &path, cause).into())
}

impl Store {
    /// Waits until nobody else uses the store; who begins to is then kept waiting until this one is dropped.
    /// `waiting` is called where that takes time.
    pub fn wait_until_alone(&self, waiting: impl FnOnce()) -> Result<(), StoreError> {
        self.check_writable()?;
        let Some(in_use) = &self.in_use else { return Ok(()) };
        let locked = match in_use.try_lock() {
            Err(TryLockError::WouldBlock) => {
                waiting();
                in_use.lock()
            }
            Err(TryLockError::Error(cause)) => Err(cause),
            Ok(()) => Ok(()),
        };
        locked.map_err(|cause| FileError::new("lock", &self.root().join("in-use"), cause).into())
    }

    /// Notes that a file is used now. Where that cannot be noted, say in the store of someone else, it counts as
    /// unused since the last time: it may be made again.
    pub(super) fn mark_used(&self, path: &Path) {
        if self.access() == Access::ReadOnly {
            return;
        }
        let now = SystemTime::now();
        let modified = path.metadata().and_then(|metadata| metadata.modified());
        let is_noted = |used| now.duration_since(used).is_ok_and(|since| since < NOTED_FOR);
        if !modified.is_ok_and(is_noted) {
            let _ = File::open(path).and_then(|file| file.set_modified(now));
        }
    }
}
