use std::fmt;
use std::io;

use super::Network;
use crate::digest::Sha256;
use crate::effects::http::{HttpError, HttpErrorKind};
use crate::effects::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that no base has, as it is expected.
#[derive(Debug)]
pub struct Unavailable {
    /// Its path below the base.
    pub what: String,
    pub network: Network,
    pub tried: Vec<Tried>,
}

impl Unavailable {
    /// Whether the places that were asked did not have the file, or were not there: another may have it.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.tried.iter().all(|tried| matches!(tried.reason, Reason::Http(_) | Reason::Unreachable(_)))
    }
}

/// A base, and why it fell out.
#[derive(Debug)]
pub struct Tried {
    /// Without a password.
    pub url: String,
    pub origin: String,
    pub reason: Reason,
}

/// Why a base fell out.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    #[error(transparent)]
    Http(HttpErrorKind),
    /// What an earlier request of this run found.
    #[error("{0}")]
    Unreachable(String),
    #[error("another file came: its SHA-256 is {got}, but {expected} was expected")]
    WrongDigest { expected: Sha256, got: Sha256 },
    #[error("another file came: it has {got} bytes, but {expected} were expected")]
    WrongSize { expected: u64, got: u64 },
    /// What the caller found wrong with it.
    #[error("{0}")]
    Refused(String),
    #[error("its path is not one of an archive")]
    Path,
}

/// Whose fault it is: of a base, so that the next one is tried; or of the store, and none will do.
pub(super) enum Fault {
    Base(Reason),
    Store(StoreError),
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::Base(reason)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HttpErrorKind> for Fault {
    fn from(kind: HttpErrorKind) -> Self {
        Self::Base(Reason::Http(kind))
    }
}

impl From<HttpError> for Fault {
    fn from(error: HttpError) -> Self {
        error.kind.into()
    }
}

/// A download that could not be read on.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match HttpError::from_io(error) {
            Ok(error) => error.into(),
            Err(error) => HttpErrorKind::Broken(error.to_string()).into(),
        }
    }
}

impl std::error::Error for Unavailable {}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.network {
            Network::Offline => write!(
                f,
                "`{what}` is not in the store, and servers are not asked when offline: run once without \
                 `--offline`, or name a mirror on disk that has it"
            )?,
            Network::Allowed if self.tried.is_empty() => write!(
                f,
                "`{what}` is not in the store, and no place is known that serves it: name a mirror in `catalog.toml`"
            )?,
            Network::Allowed => write!(f, "could not get `{what}` from any source:")?,
        }
        self.tried
            .iter()
            .try_for_each(|tried| write!(f, "\n  {} ({}): {}", tried.url, tried.origin, tried.reason))
    }
}
