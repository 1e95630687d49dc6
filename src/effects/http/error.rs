use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{StatusCode, Url};

use crate::effects::files::FileError;

/// What could not be fetched, and why.
#[derive(Debug, thiserror::Error)]
#[error("could not get {url}: {kind}")]
pub struct HttpError {
    /// As it may be shown: without a password.
    pub url: String,
    pub kind: HttpErrorKind,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpErrorKind {
    #[error("not found")]
    NotFound,
    #[error("the server answered {}{}", .0, hint(*.0))]
    Status(StatusCode),
    #[error("nothing came for {}", seconds(*.0))]
    Timeout(Duration),
    #[error("it broke off after {got} of {want} bytes")]
    TooShort { got: u64, want: u64 },
    #[error("there is no connection: {0}")]
    Connect(String),
    #[error("there is no connection: {0}")]
    Resolve(String),
    #[error("no encrypted connection comes about ({0}): does it speak TLS?")]
    NoEncryption(String),
    #[error("there is no connection after {}", seconds(*.0))]
    ConnectTimeout(Duration),
    #[error(
        "this machine has no certificates to know a server by: install `ca-certificates`, or set SSL_CERT_FILE"
    )]
    NoAuthorities,
    #[error(
        "the server answered 401 Unauthorized; a login for it is there, but the connection is not encrypted: use `https:`, or name the machine as `http://HOST` in the file that has the login"
    )]
    Withheld,
    #[error(
        "nobody vouches for it whom this machine trusts: name the authority's certificate by --ca-certificates, or `Acquire::https::CAInfo` of apt"
    )]
    UnknownAuthority,
    #[error("the certificates `{}` cannot be used: {why}", path.display())]
    Certificates { path: PathBuf, why: String },
    #[error("an HTML page came in place of the file: did a captive portal or proxy answer?")]
    Html,
    #[error("it has more than the {at_most} bytes expected at most")]
    TooLarge { at_most: u64 },
    #[error("a redirection was not followed: {0}")]
    Redirect(&'static str),
    #[error("it changed on the server during the download: try again")]
    Changed,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("`{0}:` URLs are not served: use `http:`, `https:`, or `file:` with an absolute path")]
    Scheme(String),
    #[error("HTTP cannot be used as configured: {0}")]
    Setup(String),
    #[error(transparent)]
    File(FileError),
}

/// A URL as it may be shown to anyone: without the user name and the password.
pub struct Shown<'a>(pub &'a Url);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // Only a URL that has no place for them refuses.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        write!(f, "{url}")
    }
}

impl HttpError {
    pub(super) fn new(url: &Url, kind: HttpErrorKind) -> Self {
        Self { url: Shown(url).to_string(), kind }
    }

    /// What a [`super::Download`] failed by, if the error came from one.
    pub fn from_io(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }
}

impl HttpErrorKind {
    /// Whether the next try may well succeed. Where a connection does not come about, the kernel has knocked
    /// several times already.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error()
                    || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(status)
            }
            Self::Timeout(_)
            | Self::TooShort { .. }
            | Self::Connect(_)
            | Self::NoEncryption(_)
            | Self::Resolve(_)
            | Self::Broken(_) => true,
            _ => false,
        }
    }

    /// Whether the server is out of reach, rather than this one file.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_)
                | Self::Connect(_)
                | Self::NoEncryption(_)
                | Self::Resolve(_)
                | Self::ConnectTimeout(_)
                | Self::NoAuthorities
                | Self::UnknownAuthority
        )
    }
}

impl From<StatusCode> for HttpErrorKind {
    fn from(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::NotFound,
            _ => Self::Status(status),
        }
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": does it take credentials, and are they right?",
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => ": the proxy takes credentials",
        StatusCode::TOO_MANY_REQUESTS => ": try again later, or name a mirror of your own",
        _ => "",
    }
}

fn seconds(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// Whether the name of a server was not resolved. The client has no type for it that is public.
pub(super) fn is_resolution(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.to_string() == "dns error")
}
