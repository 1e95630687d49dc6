use std::error::Error;
use std::io::Read as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Archive, ArchiveError, Base, Fault, Network, Reason, below};
use crate::cause::in_one_line;
use crate::digest::Sha256;
use crate::effects::http::{HttpErrorKind, Response, Shown, Terms, Validators};
use crate::effects::store::{Access, Expected, RecordKind, StoreError};

pub(in crate::effects) const KIND: RecordKind = RecordKind::new("in-release-1");

/// The most an `InRelease` may have, in bytes. Those of Debian have 150 kB.
const AT_MOST: u64 = 16 << 20;

/// A signed release file, and what the check made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release<T> {
    /// The file as it came.
    pub bytes: Bytes,
    pub checked: T,
    /// The base that served it, without a password.
    pub url: String,
}

/// What is kept of an `InRelease` under its URL.
#[derive(Serialize, Deserialize)]
struct Kept {
    blob: Sha256,
    validators: Validators,
}

impl Archive<'_> {
    /// The `InRelease` of a suite, such as `dists/trixie`: from the first base whose file passes the check,
    /// which is to verify its signature. A file that is still the one in the store is not sent again; when
    /// offline, the one in the store is taken.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unavailable`] tells for each base what the check said.
    pub fn in_release<T, E: Error + 'static>(
        &self,
        suite_path: &str,
        check: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<Release<T>, ArchiveError> {
        self.signed(&format!("{suite_path}/InRelease"), check)
    }

    /// A file that changes under its name and is told good by the check, as [`Archive::in_release`] has it.
    pub fn signed<T, E: Error + 'static>(
        &self,
        path: &str,
        check: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<Release<T>, ArchiveError> {
        let check = |bytes: &[u8]| check(bytes).map_err(|error| Reason::Refused(in_one_line(&error)));
        if self.network == Network::Offline
            && let Some(release) = self.kept_release(path, &check)?
        {
            return Ok(release);
        }
        self.first_of_bases(path, |base| self.release_from(base, path, &check))
    }

    /// The first of the copies in the store that passes the check.
    fn kept_release<T>(
        &self,
        path: &str,
        check: &impl Fn(&[u8]) -> Result<T, Reason>,
    ) -> Result<Option<Release<T>>, StoreError> {
        for base in &self.bases {
            let Ok(url) = below(base, path) else { continue };
            if let Some((bytes, _)) = self.kept(&url)?
                && let Ok(checked) = check(&bytes)
            {
                return Ok(Some(Release { bytes, checked, url: Shown(&base.url).to_string() }));
            }
        }
        Ok(None)
    }

    fn release_from<T>(
        &self,
        base: &Base,
        path: &str,
        check: &impl Fn(&[u8]) -> Result<T, Reason>,
    ) -> Result<Release<T>, Fault> {
        let url = below(base, path)?;
        let found = |checked, bytes| Release { bytes, checked, url: Shown(&base.url).to_string() };
        // A copy that does not pass any more, say as it expired, is not one to be told unchanged.
        let kept = self.kept(&url)?.and_then(|(bytes, kept)| Some((check(&bytes).ok()?, bytes, kept)));
        let unless = kept.as_ref().map(|(_, _, kept)| kept.validators.clone()).unwrap_or_default();
        let mut download =
            match self.http.get(&url, &Terms { unless, at_most: Some(AT_MOST), ..Terms::default() })? {
                Response::Found(download) => download,
                Response::NotModified => {
                    let (checked, bytes, _) = kept.ok_or(HttpErrorKind::Changed)?;
                    return Ok(found(checked, bytes));
                }
            };
        let mut bytes = Vec::new();
        download.read_to_end(&mut bytes)?;
        let checked = check(&bytes)?;
        self.keep(&url, &bytes, download.validators().clone())?;
        Ok(found(checked, bytes.into()))
    }

    fn kept(&self, url: &Url) -> Result<Option<(Bytes, Kept)>, StoreError> {
        let Some(record) = self.store.record(KIND, key(url))? else { return Ok(None) };
        let Ok(kept) = serde_json::from_slice::<Kept>(&record) else { return Ok(None) };
        Ok(self.store.read(kept.blob)?.map(|bytes| (bytes, kept)))
    }

    /// Keeps a copy, unless the store is read-only: the next run asks again, that is all.
    fn keep(&self, url: &Url, bytes: &[u8], validators: Validators) -> Result<(), StoreError> {
        if self.store.access() == Access::ReadOnly {
            return Ok(());
        }
        let blob = self.store.insert(bytes, Expected::default())?.digest;
        let record = serde_json::to_vec(&Kept { blob, validators }).expect("strings make JSON");
        self.store.keep_record(KIND, key(url), &record)
    }
}

/// The same for a URL with and without a password, so that a new one changes nothing.
fn key(url: &Url) -> Sha256 {
    Sha256::of(Shown(url).to_string().as_bytes())
}
