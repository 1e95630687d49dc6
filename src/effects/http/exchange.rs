//! Requests of any method, and whatever a server answers: for protocols that know more than files.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::blocking;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, StatusCode, Url};

use super::attempts::{self, Attempts};
use super::{Http, HttpErrorKind, REDIRECTIONS, redirection};
use crate::effects::files::FileError;

/// A body that is sent at fewer bytes a second than this counts as stuck.
const SLOWEST: u64 = 16 << 10;

/// What is asked of a server. Not `Debug`: a header may bear a secret.
#[derive(Clone)]
pub(in crate::effects) struct Request {
    pub method: Method,
    pub url: Url,
    /// `Authorization` is for the server of `url`, and not taken along to another.
    pub headers: HeaderMap,
    pub body: Body,
    /// The most bytes that an answer may have.
    pub at_most: u64,
}

#[derive(Clone)]
pub(in crate::effects) enum Body {
    Empty,
    Bytes(Bytes),
    /// What a file has from an offset on, up to its size.
    Rest {
        path: PathBuf,
        from: u64,
        size: u64,
        /// Told how far into the file the reading got.
        meter: Arc<dyn Fn(u64) + Send + Sync>,
    },
}

/// What a server answered.
pub(in crate::effects) struct Answer {
    /// None that may pass: those are failures.
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What answered, after redirections.
    url: Url,
}

/// Why there is no answer.
pub(in crate::effects) struct Failure {
    pub kind: HttpErrorKind,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl From<HttpErrorKind> for Failure {
    fn from(kind: HttpErrorKind) -> Self {
        Self { kind, retry_after: None }
    }
}

impl Request {
    /// Asks for no more than a short answer.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Body::Empty, at_most: 1 << 20 }
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        super::put(&mut self.headers, name, Some(value));
        self
    }

    #[must_use]
    pub fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    #[must_use]
    pub fn at_most(self, at_most: u64) -> Self {
        Self { at_most, ..self }
    }
}

impl Body {
    /// How many bytes there are to send.
    fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Rest { from, size, .. } => size - from,
        }
    }

    fn open(&self) -> Result<Option<blocking::Body>, HttpErrorKind> {
        match self {
            Self::Empty => Ok(None),
            Self::Bytes(bytes) => Ok(Some(bytes.clone().into())),
            Self::Rest { path, from, meter, .. } => {
                let unread = |cause| HttpErrorKind::File(FileError::new("read", path, cause));
                let mut file = File::open(path).map_err(unread)?;
                file.seek(SeekFrom::Start(*from)).map_err(unread)?;
                let metered = Metered { file, position: *from, meter: Arc::clone(meter) };
                Ok(Some(blocking::Body::sized(metered, self.size())))
            }
        }
    }
}

struct Metered {
    file: File,
    position: u64,
    meter: Arc<dyn Fn(u64) + Send + Sync>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.position += read as u64;
        (self.meter)(self.position);
        Ok(read)
    }
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it came over a connection that is not encrypted.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() != "https"
    }

    /// Where `Location` leads to.
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.header(header::LOCATION)?).ok()
    }
}

impl Http {
    /// How often something may be tried again.
    pub(in crate::effects) fn attempts(&self) -> Attempts {
        Attempts::new(&self.options)
    }

    /// Sends a request until it is answered, or there is no hope.
    pub(in crate::effects) fn exchange(&self, request: &Request) -> Result<Answer, HttpErrorKind> {
        let mut attempts = self.attempts();
        loop {
            match self.exchange_once(request) {
                Ok(answer) => return Ok(answer),
                Err(Failure { kind, retry_after }) => attempts.pause_after(kind, retry_after)?,
            }
        }
    }

    /// Sends a request once.
    pub(in crate::effects) fn exchange_once(&self, request: &Request) -> Result<Answer, Failure> {
        let _permit = self.permits.acquire();
        let response = self.send(request)?;
        let status = response.status();
        if HttpErrorKind::Status(status).is_passing() {
            let retry_after = attempts::retry_after(response.headers(), Timestamp::now());
            return Err(Failure { kind: HttpErrorKind::Status(status), retry_after });
        }
        let (headers, url, len) =
            (response.headers().clone(), response.url().clone(), response.content_length());
        let at_most = request.at_most;
        let mut body = Vec::new();
        let read = response.take(at_most.saturating_add(1)).read_to_end(&mut body);
        read.map_err(|error| self.interrupted(error, body.len() as u64, len))?;
        if body.len() as u64 > at_most {
            return Err(HttpErrorKind::TooLarge { at_most }.into());
        }
        Ok(Answer { status, headers, body: body.into(), url })
    }

    /// Sends a request, and follows redirections of those that change nothing.
    pub(super) fn send(&self, request: &Request) -> Result<blocking::Response, HttpErrorKind> {
        let (mut at, mut headers) = (request.url.clone(), request.headers.clone());
        let may_follow = matches!(request.method, Method::GET | Method::HEAD);
        for _ in 0..=REDIRECTIONS {
            let response = self.send_once(&request.method, &at, &headers, &request.body)?;
            let next = if may_follow { redirection(&at, &response)? } else { None };
            let Some(next) = next else { return Ok(response) };
            if next.origin() != at.origin() {
                headers.remove(header::AUTHORIZATION);
            }
            at = next;
        }
        Err(HttpErrorKind::Redirect("more than 10 in a row"))
    }

    fn send_once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Body,
    ) -> Result<blocking::Response, HttpErrorKind> {
        let transport = self.transport(url)?;
        let mut request = transport
            .client
            .request(method.clone(), url.clone())
            .header(header::ACCEPT_ENCODING, "identity")
            .headers(headers.clone());
        if let Some(login) =
            self.options.access.login(url).filter(|_| !headers.contains_key(header::AUTHORIZATION))
        {
            request = request.basic_auth(&login.user, Some(&login.password));
        }
        if let Some(sent) = body.open()? {
            let patience = Duration::from_secs(body.size() / SLOWEST);
            request = request.body(sent).timeout(self.options.idle_timeout + patience);
        }
        let response =
            request.send().map_err(|error| self.refused(url, &error, transport.has_authorities))?;
        match response.status() {
            StatusCode::UNAUTHORIZED if self.options.access.withholds(url) => Err(HttpErrorKind::Withheld),
            _ => Ok(response),
        }
    }
}
