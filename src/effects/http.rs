//! Files fetched over HTTP with patience: retried with a growing pause, resumed where they broke off, and
//! never over more connections than are polite. `file:` URLs are served from disk.

#![expect(clippy::disallowed_methods, reason = "this is where mirrors are read, and pauses are timed")]

mod access;
mod attempts;
mod download;
mod error;
mod exchange;
mod permits;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::blocking::Client;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};

use super::files::FileError;
use crate::cause;
use access::Route;
use permits::{Permit, Permits};

pub use access::ServerAccess;
pub(super) use access::{basic, secret};
pub(super) use attempts::Attempts;
pub use download::Download;
pub use error::{HttpError, HttpErrorKind, Shown};
pub(super) use exchange::{Answer, Body, Failure, Request};

/// How many connections there are at a time, in all.
const CONNECTIONS: usize = 8;
/// How many redirections are followed.
const REDIRECTIONS: usize = 10;

/// How patient a client is, and for whom it gives itself out. Not `Debug`, as the URLs that it and the
/// types below hold may have a password.
#[derive(Clone)]
pub struct HttpOptions {
    /// How long a connection may take to come about; less than `idle_timeout`, which runs meanwhile.
    pub connect_timeout: Duration,
    /// How long a server may send nothing.
    pub idle_timeout: Duration,
    /// How often a request is tried again.
    pub retries: u32,
    /// The pause before the first retry; it doubles with each further one.
    pub pause: Duration,
    /// The longest pause, whatever a server asks for by `Retry-After`.
    pub longest_pause: Duration,
    pub user_agent: String,
    pub access: ServerAccess,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            user_agent: concat!("distro/", env!("CARGO_PKG_VERSION")).into(),
            access: ServerAccess::default(),
        }
    }
}

/// What a server said to tell one state of a file from the next, see [RFC 9110 §8.8].
///
/// [RFC 9110 §8.8]: https://www.rfc-editor.org/rfc/rfc9110#section-8.8
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// On what terms a file is wanted.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Not if it is still the one that came with these.
    pub unless: Validators,
    /// Not if it is larger, in bytes.
    pub at_most: Option<u64>,
    /// Who asks, for the server of the URL alone.
    pub authorization: Option<HeaderValue>,
    /// Whether the URL can mean no other file, as where a digest stands in it: then no server has to tell that it is
    /// still the same.
    pub lasting: bool,
}

/// What a server has for us.
pub enum Response<'a> {
    /// It is still the file that [`Terms::unless`] is about.
    NotModified,
    Found(Download<'a>),
}

/// A client for any number of threads.
pub struct Http {
    options: HttpOptions,
    permits: Arc<Permits>,
    clients: Mutex<BTreeMap<Route, Transport>>,
    /// Why servers, or what is below a URL, could not be reached.
    unreachable: Mutex<BTreeMap<String, String>>,
}

/// `https://deb.example:8080`.
fn server(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// What serves one route.
#[derive(Clone)]
struct Transport {
    client: Client,
    /// Whether there are certificates of authorities, without which `https:` does not work.
    has_authorities: bool,
}

impl Http {
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        let permits = Permits::new(CONNECTIONS);
        Self { options, permits, clients: Mutex::default(), unreachable: Mutex::default() }
    }

    /// What tells the server of a URL who we are, by what this machine knows of it; for those that ask by themselves.
    #[must_use]
    pub fn authorization(&self, url: &Url) -> Option<HeaderValue> {
        self.options.access.login(url).and_then(|login| basic(&login.user, &login.password))
    }

    /// Why nothing below a URL is worth asking for, where [`Http::give_up`] told of it.
    #[must_use]
    pub fn is_given_up(&self, base: &Url) -> Option<String> {
        let unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        [server(base), base.to_string()].iter().find_map(|place| unreachable.get(place).cloned())
    }

    /// Notes that what is below a URL was out of reach, however often it was tried: there may be thousands of files
    /// to ask for. A server that no connection comes about with is given up with all that it serves.
    pub fn give_up(&self, base: &Url, why: &HttpErrorKind) {
        let place = match why {
            HttpErrorKind::Timeout(_) => base.to_string(),
            _ => server(base),
        };
        let mut unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        unreachable.insert(place, why.to_string());
    }

    /// Asks for a file. Reading the [`Download`] may take further requests, if the connection breaks.
    /// The connection counts among the few there are until the download is dropped: a thread that holds
    /// one and asks for another may wait for itself.
    pub fn get(&self, url: &Url, terms: &Terms) -> Result<Response<'_>, HttpError> {
        let failed = |kind| HttpError::new(url, kind);
        match url.scheme() {
            "file" => Self::open(url, terms).map_err(failed),
            "http" | "https" => self.ask(url, terms).map_err(failed),
            scheme => Err(failed(HttpErrorKind::Scheme(scheme.to_owned()))),
        }
    }

    fn open(url: &Url, terms: &Terms) -> Result<Response<'static>, HttpErrorKind> {
        let path = url.to_file_path().map_err(|()| HttpErrorKind::Scheme("file://host".into()))?;
        let file = open(&path)?;
        Download::from_disk(url.clone(), file, terms.at_most).map(Response::Found)
    }

    fn ask(&self, url: &Url, terms: &Terms) -> Result<Response<'_>, HttpErrorKind> {
        let mut headers = HeaderMap::new();
        put(&mut headers, header::IF_NONE_MATCH, terms.unless.etag.as_deref());
        put(&mut headers, header::IF_MODIFIED_SINCE, terms.unless.last_modified.as_deref());
        let conditional = !headers.is_empty();
        headers.extend(terms.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        let mut attempts = self.attempts();
        let connection = self.connect(url, &headers, &mut attempts)?;
        match connection.response.status() {
            StatusCode::OK => {
                Download::from_server(self, url.clone(), connection, attempts, terms).map(Response::Found)
            }
            StatusCode::NOT_MODIFIED if conditional => Ok(Response::NotModified),
            other => Err(HttpErrorKind::Status(other)),
        }
    }

    /// Sends a request until it is answered, or there is no hope.
    fn connect(
        &self,
        url: &Url,
        headers: &HeaderMap,
        attempts: &mut Attempts,
    ) -> Result<Connection, HttpErrorKind> {
        let request = Request { headers: headers.clone(), ..Request::new(Method::GET, url.clone()) };
        loop {
            let permit = self.permits.acquire();
            let (kind, retry_after) = match self.send(&request) {
                Ok(response) if is_answer(response.status()) => {
                    return Ok(Connection { response, _permit: permit });
                }
                Ok(response) => {
                    let status = response.status();
                    (HttpErrorKind::from(status), attempts::retry_after(response.headers(), Timestamp::now()))
                }
                Err(kind) => (kind, None),
            };
            drop(permit);
            attempts.pause_after(kind, retry_after)?;
        }
    }

    /// The client for a URL, which is made for the first that takes it.
    fn transport(&self, url: &Url) -> Result<Transport, HttpErrorKind> {
        let route = self.options.access.route(url)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = clients.get(&route) {
            return Ok(transport.clone());
        }
        let transport = self.build(&route)?;
        clients.insert(route, transport.clone());
        Ok(transport)
    }

    fn build(&self, route: &Route) -> Result<Transport, HttpErrorKind> {
        // An error means that this process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let HttpOptions { connect_timeout, idle_timeout, user_agent, access, .. } = &self.options;
        let proxy = access.proxy(route)?;
        let builder = || {
            let builder = Client::builder()
                .connect_timeout(*connect_timeout)
                .timeout(*idle_timeout)
                .user_agent(user_agent)
                .redirect(Policy::none());
            match &proxy {
                Some(proxy) => builder.proxy(proxy.clone()),
                None if route.is_direct() => builder.no_proxy(),
                None => builder,
            }
        };
        let setup = |error: reqwest::Error| HttpErrorKind::Setup(cause::innermost(&error));
        let own = access.authorities().to_vec();
        if let Some(only) = route.authorities()? {
            let client = builder().tls_certs_only(own.into_iter().chain(only)).build().map_err(setup)?;
            return Ok(Transport { client, has_authorities: true });
        }
        let alone = own.is_empty();
        match builder().tls_certs_merge(own).build() {
            Ok(client) => Ok(Transport { client, has_authorities: true }),
            Err(error) if !alone => Err(setup(error)),
            // A bare container has no authorities; signed archives over plain HTTP work all the same.
            Err(_) => {
                let client = builder().tls_certs_only([]).build().map_err(setup)?;
                Ok(Transport { client, has_authorities: false })
            }
        }
    }

    fn refused(&self, url: &Url, error: &reqwest::Error, has_authorities: bool) -> HttpErrorKind {
        let innermost = cause::innermost(error);
        if error.is_timeout() && error.is_connect() {
            HttpErrorKind::ConnectTimeout(self.options.connect_timeout)
        } else if error.is_timeout() {
            HttpErrorKind::Timeout(self.options.idle_timeout)
        } else if error::is_resolution(error) {
            HttpErrorKind::Resolve(innermost)
        } else if error.is_connect() && url.scheme() == "https" && !has_authorities {
            HttpErrorKind::NoAuthorities
        } else if innermost.contains("UnknownIssuer") {
            HttpErrorKind::UnknownAuthority
        } else if error.is_connect() && NO_TLS.iter().any(|text| innermost.contains(text)) {
            HttpErrorKind::NoEncryption(innermost)
        } else if error.is_connect() {
            HttpErrorKind::Connect(innermost)
        } else {
            HttpErrorKind::Broken(innermost)
        }
    }
}

/// What is said of a server that closes the connection when it is greeted in TLS, or answers in something else.
const NO_TLS: [&str; 2] = ["tls handshake eof", "InvalidContentType"];

/// An answer under way, and the permit to have it.
struct Connection {
    response: reqwest::blocking::Response,
    _permit: Permit,
}

/// A URL as people write it: an absolute path stands for a `file:` URL. Ends in a slash, so that what is
/// joined to it goes below.
pub fn base_url(text: &str) -> Result<Url, HttpErrorKind> {
    let url = if text.starts_with('/') {
        Url::from_file_path(text).map_err(|()| HttpErrorKind::Scheme("file".into()))
    } else {
        Url::parse(text).map_err(|error| HttpErrorKind::Setup(error.to_string()))
    };
    let mut url = url?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn is_answer(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(name, value);
    }
}

/// Where an answer leads on to; `None` where it is one of the file itself.
fn redirection(from: &Url, response: &reqwest::blocking::Response) -> Result<Option<Url>, HttpErrorKind> {
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
    let Some(location) = location else { return Ok(None) };
    let leads_nowhere = HttpErrorKind::Redirect("it leads to no URL");
    let Ok(location) = std::str::from_utf8(location.as_bytes()) else { return Err(leads_nowhere) };
    match from.join(location) {
        Ok(to) => hop(from, to).map(Some),
        Err(_) => Err(leads_nowhere),
    }
}

/// The next request of a redirection, which has the login of the last only if it is to the same server.
fn hop(from: &Url, mut to: Url) -> Result<Url, HttpErrorKind> {
    if !matches!(to.scheme(), "http" | "https") {
        return Err(HttpErrorKind::Redirect("it leads to no `http:` or `https:` URL"));
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(HttpErrorKind::Redirect("from https to a connection that is not secure"));
    }
    let (user, password) = match from.origin() == to.origin() {
        true => (from.username(), from.password()),
        false => ("", None),
    };
    // Only a URL without a host refuses.
    let _ = to.set_username(user);
    let _ = to.set_password(password);
    Ok(to)
}

fn open(path: &Path) -> Result<File, HttpErrorKind> {
    let file = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(std::io::ErrorKind::IsADirectory.into()),
        false => Ok(file),
    });
    file.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => HttpErrorKind::NotFound,
        _ => HttpErrorKind::File(FileError::new("read", path, cause)),
    })
}

#[cfg(test)]
mod tests;
