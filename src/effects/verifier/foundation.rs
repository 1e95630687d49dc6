//! What an image carries to be built from again: definitions, lock, and what is known of licenses.

use std::path::Path;

use crate::attest::sealed::{Opened, Sealed};
use crate::catalog::Catalog;
use crate::cause::in_one_line;
use crate::effects::definitions::read_lock;
use crate::license::Licenses;
use crate::lock::Lock;
use crate::verification::origin::Origin;
use crate::verification::{Check, Finding};

/// What an image was built from.
pub struct Foundation {
    pub catalog: Catalog,
    pub lock: Lock,
    pub licenses: Licenses,
    pub sealed: Sealed,
    /// Its files that are not what the provenance says.
    pub findings: Vec<Finding>,
}

impl Foundation {
    /// Opens what is attached to an image. `None` where nothing is.
    ///
    /// # Errors
    /// What keeps an image from being built from it.
    pub fn of(origin: &Origin) -> Option<Result<Self, Finding>> {
        let blob = origin.sealed.clone()?;
        let unusable = |why: &str| {
            let message =
                format!("names a lock and definitions that nothing can be built from: {}", first_line(why));
            Finding::new(Check::Provenance, "provenance", message)
        };
        let read = || {
            let catalog = &origin.from.catalog;
            let opened =
                Opened::read(&blob.bytes, catalog).map_err(|error| unusable(&in_one_line(&error)))?;
            let findings = origin.differing_files(&opened);
            let Opened { definitions, licenses, lock, files } = opened;
            let sealed = Sealed { blob, files, catalog: catalog.clone() };
            let catalog = Catalog::read(definitions).map_err(|error| unusable(&error.to_string()))?;
            let licenses = Licenses::read(&licenses).map_err(|error| unusable(&error.to_string()))?;
            let lock = read_lock(Path::new(&lock.path), lock.text.clone());
            let lock = lock.map_err(|error| unusable(&in_one_line(&error)))?;
            if !catalog.releases.contains_key(&lock.release) {
                return Err(unusable(&format!("the definitions have no release `{}`", lock.release)));
            }
            match lock.staleness(&catalog) {
                Some(stale) => Err(unusable(&format!("the lock does not fit the definitions: {stale}"))),
                None => Ok(Self { catalog, lock, licenses, sealed, findings }),
            }
        };
        Some(read())
    }
}

/// What is said first of what may be shown with the lines that it is about.
fn first_line(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    plain.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
