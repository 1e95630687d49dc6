//! The Debian security tracker's data, from a file or a server. What a server gave is kept in the store, with what
//! tells whether it has changed since.

#![expect(clippy::disallowed_methods, reason = "this is where the tracker's data are read")]

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::files::FileError;
use super::http::{Http, HttpError, Response, Shown, Terms, Validators};
use super::store::{Access, RecordKind, Store, StoreError};
use crate::advisory::{InvalidTracker, Scope, Tracker};
use crate::digest::Sha256;

/// The tracker's own address for its data.
pub const DEBIAN: &str = "https://security-tracker.debian.org/tracker/data/json";

/// The bytes that a server may send; there are 70 MB.
const AT_MOST: u64 = 1 << 30;

/// A line of JSON, and the packed data.
pub(super) const RECORD: RecordKind = RecordKind::new("tracker-1");

/// How much the data are packed, by zstd's levels: to a tenth, in half a second.
const LEVEL: i32 = 3;

/// Where the data are.
#[derive(Clone)]
pub enum Place {
    File(PathBuf),
    Server(Url),
}

/// How servers are reached, and where what they gave is kept.
pub struct Cache<'a> {
    pub store: &'a Store,
    /// `None` where no connection is to be made.
    pub http: Option<&'a Http>,
    pub now: Timestamp,
}

/// The data, and how old they are.
#[derive(Debug)]
pub struct Obtained {
    pub tracker: Tracker,
    /// When the file was last written; what a server says of that, or else when it was asked.
    pub date: Timestamp,
    /// Why the server's newest data could not be had, so that these are older.
    pub stale: Option<TrackerError>,
}

#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the tracker's data of {place} cannot be read")]
    Invalid { place: String, source: InvalidTracker },
    #[error("could not read {place} to its end")]
    Broken { place: String, source: io::Error },
    #[error("the store has no copy of {0}")]
    NotKept(String),
}

/// What a server has that is not kept yet.
struct News {
    kept: Kept,
    data: Bytes,
    tracker: Tracker,
}

/// What is kept of a server's answer, before the data.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    validators: Validators,
    /// Seconds since the epoch.
    fetched: i64,
}

impl Place {
    /// As people write it: `debian`, a URL, or the path of a file.
    pub fn parse(text: &str) -> Result<Self, url::ParseError> {
        match text {
            "debian" => Ok(Self::Server(Url::parse(DEBIAN)?)),
            text if text.contains("://") => Ok(Self::Server(Url::parse(text)?)),
            text => Ok(Self::File(text.into())),
        }
    }

    /// The file or the URL, without a login that it may have.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Server(url) => Shown(url).to_string(),
        }
    }

    /// Reads the data that are asked for.
    ///
    /// # Errors
    /// Where there are none, or not in the tracker's shape. A server that cannot be reached, or answers with
    /// something else, is no error where the store has a copy: [`Obtained::stale`] tells of it.
    pub fn read(&self, scope: Scope<'_>, cache: &Cache<'_>) -> Result<Obtained, TrackerError> {
        match self {
            Self::File(path) => {
                let (data, date) = read_file(path)?;
                let tracker = self.parsed(&data, scope)?;
                Ok(Obtained { tracker, date, stale: None })
            }
            Self::Server(url) => self.ask(url, scope, cache),
        }
    }

    fn ask(&self, url: &Url, scope: Scope<'_>, cache: &Cache<'_>) -> Result<Obtained, TrackerError> {
        let key = Sha256::of(url.as_str().as_bytes());
        let kept = cache.store.record(RECORD, key)?.and_then(Kept::split);
        let asked = cache.http.map(|http| self.fetch(url, http, kept.as_ref(), scope, cache.now));
        match (asked, kept) {
            (Some(Ok(Some(News { kept, data, tracker }))), _) => {
                if cache.store.access() == Access::ReadWrite {
                    cache.store.keep_record(RECORD, key, &kept.join(&data))?;
                }
                Ok(Obtained { tracker, date: kept.date(), stale: None })
            }
            (Some(Err(error)), None) => Err(error),
            (None | Some(Ok(None)), None) => Err(TrackerError::NotKept(self.to_string())),
            (asked, Some((kept, packed))) => {
                let tracker = self.parsed(&packed, scope)?;
                Ok(Obtained { tracker, date: kept.date(), stale: asked.and_then(Result::err) })
            }
        }
    }

    fn fetch(
        &self,
        url: &Url,
        http: &Http,
        kept: Option<&(Kept, Bytes)>,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<Option<News>, TrackerError> {
        let unless = kept.map(|(kept, _)| kept.validators.clone()).unwrap_or_default();
        let mut download =
            match http.get(url, &Terms { unless, at_most: Some(AT_MOST), ..Terms::default() })? {
                Response::NotModified => return Ok(None),
                Response::Found(download) => download,
            };
        let kept = Kept { validators: download.validators().clone(), fetched: now.as_second() };
        let mut data = Vec::new();
        download.read_to_end(&mut data).map_err(|error| match HttpError::from_io(error) {
            Ok(error) => error.into(),
            Err(error) => TrackerError::Broken { place: self.to_string(), source: error },
        })?;
        let data = Bytes::from(data);
        let tracker = self.parsed(&data, scope)?;
        Ok(Some(News { kept, data, tracker }))
    }

    fn parsed(&self, data: &Bytes, scope: Scope<'_>) -> Result<Tracker, TrackerError> {
        Tracker::parse(data, scope)
            .map_err(|source| TrackerError::Invalid { place: self.to_string(), source })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => write!(f, "`{}`", self.name()),
            Self::Server(_) => f.write_str(&self.name()),
        }
    }
}

impl Kept {
    /// What the record has: a line for this, and the packed data.
    fn join(&self, data: &Bytes) -> Vec<u8> {
        let mut record = serde_json::to_vec(self).expect("it is plain data");
        record.push(b'\n');
        zstd::stream::copy_encode(&**data, &mut record, LEVEL).expect("memory can be written to");
        record
    }

    /// The inverse; `None` where another version of this program wrote it.
    fn split(record: Bytes) -> Option<(Self, Bytes)> {
        let end = memchr::memchr(b'\n', &record)?;
        let kept = serde_json::from_slice(&record[..end]).ok()?;
        Some((kept, record.slice(end + 1..)))
    }

    /// When the data were written, as far as the server says so.
    fn date(&self) -> Timestamp {
        let date = self.validators.last_modified.as_deref().and_then(http_date);
        date.or_else(|| Timestamp::from_second(self.fetched).ok()).unwrap_or_default()
    }
}

/// The preferred form of [RFC 9110 §5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp())
}

/// The bytes of a file, and when it was last written, in whole seconds.
fn read_file(path: &Path) -> Result<(Bytes, Timestamp), FileError> {
    let read = || {
        let mut file = File::open(path)?;
        let modified = file.metadata()?.modified()?;
        let mut data = Vec::new();
        file.read_to_end(&mut data)?;
        let date = Timestamp::try_from(modified).map_err(io::Error::other)?;
        let date = Timestamp::from_second(date.as_second()).map_err(io::Error::other)?;
        Ok((Bytes::from(data), date))
    };
    read().map_err(|cause| FileError::new("read the tracker's data", path, cause))
}
