use std::fs::File;
use std::io::{self, Read};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};

use super::attempts::Attempts;
use super::{Connection, Http, HttpError, HttpErrorKind, Terms, Validators};
use crate::cause::innermost;
use crate::effects::files::FileError;

/// A download that got this far, in bytes, since it last broke off has its retries back.
const PROGRESS: u64 = 1 << 20;

/// A file under way. It is read to its end or fails: the end of the stream means that all of it came.
///
/// Where the connection breaks it is taken up again at the same place, if the server can tell that the
/// file is still the same one, or it can be no other. Errors are [`HttpError`]s, which [`HttpError::from_io`] gets back.
pub struct Download<'a> {
    url: Url,
    len: Option<u64>,
    at_most: Option<u64>,
    validators: Validators,
    /// How many bytes were handed out.
    position: u64,
    from: From<'a>,
}

enum From<'a> {
    Disk(File),
    Server(Box<Server<'a>>),
}

struct Server<'a> {
    http: &'a Http,
    /// `None` while there is none, after one broke.
    connection: Option<Connection>,
    authorization: Option<HeaderValue>,
    /// Whether the file can be no other one.
    lasting: bool,
    attempts: Attempts,
    /// How many bytes of this connection are to be passed over, as they were handed out already.
    skip: u64,
    /// The position at which this connection began.
    since: u64,
}

impl<'a> Download<'a> {
    pub(super) fn from_disk(url: Url, file: File, at_most: Option<u64>) -> Result<Self, HttpErrorKind> {
        let len = file.metadata().ok().map(|metadata| metadata.len());
        let validators = Validators::default();
        Self { url, len, at_most, validators, position: 0, from: From::Disk(file) }.checked()
    }

    pub(super) fn from_server(
        http: &'a Http,
        url: Url,
        connection: Connection,
        attempts: Attempts,
        terms: &Terms,
    ) -> Result<Self, HttpErrorKind> {
        let headers = connection.response.headers();
        if text(headers, header::CONTENT_TYPE).is_some_and(|media| media.starts_with("text/html")) {
            return Err(HttpErrorKind::Html);
        }
        let (len, validators) = (content_length(headers), Validators::of(headers));
        let Terms { authorization, at_most, lasting, .. } = terms.clone();
        let connection = Some(connection);
        let server = Server { http, connection, authorization, lasting, attempts, skip: 0, since: 0 };
        Self { url, len, at_most, validators, position: 0, from: From::Server(Box::new(server)) }.checked()
    }

    /// How many bytes there are, where the server says.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.len
    }

    /// What tells this state of the file from the next.
    #[must_use]
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    fn checked(self) -> Result<Self, HttpErrorKind> {
        match self.at_most {
            Some(at_most) if self.len.is_some_and(|len| len > at_most) => {
                Err(HttpErrorKind::TooLarge { at_most })
            }
            _ => Ok(self),
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, HttpErrorKind> {
        let read = match &mut self.from {
            From::Disk(file) => file.read(buffer).map_err(|cause| {
                let path = self.url.to_file_path().unwrap_or_default();
                HttpErrorKind::File(FileError::new("read", &path, cause))
            })?,
            From::Server(server) => {
                let state = State { url: &self.url, len: self.len, validators: &self.validators };
                server.read(&state, self.position, buffer)?
            }
        };
        self.position += read as u64;
        match self.at_most {
            Some(at_most) if self.position > at_most => Err(HttpErrorKind::TooLarge { at_most }),
            _ => Ok(read),
        }
    }
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.read_some(buffer).map_err(|kind| io::Error::other(HttpError::new(&self.url, kind)))
    }
}

/// What a download is of.
struct State<'a> {
    url: &'a Url,
    len: Option<u64>,
    validators: &'a Validators,
}

impl Server<'_> {
    /// Reads from the connection; from the next one where it breaks.
    fn read(&mut self, state: &State<'_>, position: u64, buffer: &mut [u8]) -> Result<usize, HttpErrorKind> {
        loop {
            let Some(connection) = &mut self.connection else {
                self.take_up(state, position)?;
                continue;
            };
            let broken = match connection.response.read(buffer) {
                Ok(0) if self.skip == 0 && state.len.is_none_or(|len| len == position) => return Ok(0),
                Ok(0) => HttpErrorKind::TooShort { got: position, want: state.len.unwrap_or(position) },
                Ok(read) => match self.skip.checked_sub(read as u64) {
                    Some(rest) => {
                        self.skip = rest;
                        continue;
                    }
                    None => {
                        let passed = std::mem::take(&mut self.skip) as usize;
                        buffer.copy_within(passed..read, 0);
                        return Ok(read - passed);
                    }
                },
                Err(error) => self.http.interrupted(error, position, state.len),
            };
            self.connection = None;
            if position - self.since >= PROGRESS {
                self.attempts.restore();
            }
            if !self.lasting && state.validators.for_range().is_none() {
                return Err(broken);
            }
            self.attempts.pause_after(broken, None)?;
        }
    }

    /// Asks for the rest of the file, see [RFC 9110 §14.2].
    ///
    /// [RFC 9110 §14.2]: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    fn take_up(&mut self, state: &State<'_>, position: u64) -> Result<(), HttpErrorKind> {
        let mut headers = HeaderMap::new();
        headers.extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        let validator = state.validators.for_range();
        if position > 0 && (self.lasting || validator.is_some()) {
            headers.insert(header::RANGE, range(position));
            headers.extend(validator.map(|validator| (header::IF_RANGE, validator)));
        }
        let connection = self.http.connect(state.url, &headers, &mut self.attempts)?;
        let answer = connection.response.headers();
        let same = Validators::of(answer).agree_with(state.validators);
        self.skip = match connection.response.status() {
            StatusCode::PARTIAL_CONTENT if same && range_start(answer) == Some(position) => 0,
            // The server does not serve parts. As it still is the same file, what came before is passed over.
            StatusCode::OK if same && content_length(answer) == state.len => position,
            _ => return Err(HttpErrorKind::Changed),
        };
        self.since = position;
        self.connection = Some(connection);
        Ok(())
    }
}

impl Http {
    /// What it means that a body could not be read on.
    pub(super) fn interrupted(&self, error: io::Error, got: u64, len: Option<u64>) -> HttpErrorKind {
        let timed_out = error.kind() == io::ErrorKind::TimedOut
            || error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
                .is_some_and(reqwest::Error::is_timeout);
        match len {
            _ if timed_out => HttpErrorKind::Timeout(self.options.idle_timeout),
            Some(want) if got < want => HttpErrorKind::TooShort { got, want },
            _ => HttpErrorKind::Broken(innermost(&error)),
        }
    }
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let owned = |name| text(headers, name).map(str::to_owned);
        Self { etag: owned(header::ETAG), last_modified: owned(header::LAST_MODIFIED) }
    }

    /// Whether none differs. An answer of a part need not repeat all of them.
    fn agree_with(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, two: &Option<String>| one.is_none() || two.is_none() || one == two;
        agree(&self.etag, &other.etag) && agree(&self.last_modified, &other.last_modified)
    }

    /// The one that may stand in `If-Range`, which must not be weak.
    fn for_range(&self) -> Option<HeaderValue> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        HeaderValue::from_str(strong.or(self.last_modified.as_deref())?).ok()
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

fn range(position: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes={position}-")).expect("digits are a header value")
}

/// Where `Content-Range: bytes 5-9/10` begins.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}
