//! What an image says that it was built from, held against what is attached to it.

use super::attached::Attached;
use super::authenticity::Account;
use super::{Cause, Check, Finding};
use crate::attest::provenance::BuiltFrom;
use crate::attest::sealed::Opened;
use crate::attest::statement::Statement;
use crate::digest::Sha256;
use crate::image::Blob;
use crate::layer::RECIPE;

/// What an image was built from, and the statement that says so.
#[derive(Debug, Clone)]
pub struct Origin {
    pub statement: Statement,
    pub from: BuiltFrom,
    /// The lock and the definitions, sealed, as they are attached.
    pub sealed: Option<Blob>,
}

impl Origin {
    /// What the statements that count say: all from which the image can be built again, as each build of it may have
    /// left one; or else the first; or why there is none.
    pub fn all(account: &Account, attached: &Attached) -> Result<Vec<Self>, Finding> {
        let fails = |message: &str| Err(Finding::new(Check::Provenance, "provenance", message));
        let read = |statement: &Statement| {
            let from = BuiltFrom::read(statement)?;
            let sealed = attached.document(from.sealed).map(|document| document.blob.clone());
            Some(Self { statement: statement.clone(), from, sealed })
        };
        let mut known: Vec<_> = account.provenances().filter_map(read).collect();
        if known.is_empty() {
            return fails(match account.provenances().next() {
                Some(_) => "is of another program's: it does not tell which lock the image was built from",
                None => "is not there: nobody says what the image was built from",
            });
        }
        match known.iter().any(|origin| origin.sealed.is_some()) {
            true => known.retain(|origin| origin.sealed.is_some()),
            false => known.truncate(1),
        }
        Ok(known)
    }

    /// Where the lock that it names is not the one that is attached.
    #[must_use]
    pub fn lacks_sealed(&self) -> Option<Finding> {
        if self.sealed.is_some() {
            return None;
        }
        let message = format!(
            "names the lock and definitions {}, and these are not attached: others are, or none",
            self.from.sealed.oci()
        );
        Some(Finding::new(Check::Provenance, "provenance", message))
    }

    /// The sealed files that are not what the statement says of each.
    #[must_use]
    pub fn differing_files(&self, opened: &Opened) -> Vec<Finding> {
        let finding = |path: &String, message: String| {
            Finding::new(Check::Provenance, "provenance", message).at_path(path)
        };
        let findings = opened.files.iter().filter_map(|(path, digest)| match self.from.materials.get(path) {
            Some(named) if named == digest => None,
            Some(named) => {
                let message = format!("is said to be {}, and {} is attached", named.oci(), digest.oci());
                Some(finding(path, message))
            }
            None => Some(finding(path, "is attached, and not named".to_owned())),
        });
        findings.collect()
    }

    /// Where the definitions and the lock here, by the digests of their files, are not what it was built from.
    #[must_use]
    pub fn differs_from(&self, here: &std::collections::BTreeMap<String, Sha256>) -> Vec<Finding> {
        let changed = here.iter().filter_map(|(path, digest)| {
            let message = match self.from.materials.get(path) {
                Some(named) if named == digest => return None,
                Some(_) => "is another one here",
                None => "is here, and the image was not built from it",
            };
            Some(Finding::new(Check::Provenance, "provenance", message).at_path(path))
        });
        changed.collect()
    }

    /// Why this program may build it otherwise.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let here = env!("CARGO_PKG_VERSION");
        let BuiltFrom { recipe, version, .. } = &self.from;
        match version {
            _ if recipe != RECIPE => Some(Cause::Recipe { published: recipe.clone(), here: RECIPE }),
            Some(version) if version != here => Some(Cause::Version { published: version.clone(), here }),
            _ => None,
        }
    }
}
