use std::fmt;

use reqwest::StatusCode;

use super::credentials::CredentialError;
use crate::digest::Sha256;
use crate::effects::files::FileError;
use crate::effects::http::HttpErrorKind;

/// What could not be done in a registry, and why.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} `{subject}`: {kind}")]
pub struct RegistryError {
    action: &'static str,
    subject: String,
    pub kind: RegistryErrorKind,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistryErrorKind {
    #[error("the registry does not have it")]
    NotFound,
    #[error(
        "the registry denies access, and no login for it is known: `docker login` or `podman login` makes one"
    )]
    NoLogin,
    #[error(
        "the registry denies access to the login that is known for it: may it do this, and is it still right?"
    )]
    Denied,
    #[error("the registry answered {status}{}", Said(said))]
    Refused { status: StatusCode, said: String },
    #[error("what answers is no registry: it has no `/v2/`")]
    NoRegistry,
    #[error("the registry asks to log in by {0}, which is not known here")]
    Challenge(String),
    #[error("the registry sends logins to {0}, and the connection there is not encrypted")]
    Unencrypted(String),
    #[error(
        "no encrypted connection comes about ({0}): a registry without encryption is spoken to by --plain-http, as a remote store by --remote-store-plain-http"
    )]
    NoEncryption(String),
    #[error("no token could be had from {server}: {why}")]
    Token { server: String, why: String },
    #[error("what came has the digest {found}, where {} is asked for", .wanted.oci())]
    Altered { wanted: Sha256, found: String },
    #[error("the registry's answer cannot be understood: {0}")]
    Answer(String),
    #[error("the registry took {} for other bytes than it is", .0.oci())]
    Damaged(Sha256),
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Http(HttpErrorKind),
}

impl RegistryError {
    pub(super) fn new(action: &'static str, subject: &impl fmt::Display, kind: RegistryErrorKind) -> Self {
        Self { action, subject: subject.to_string(), kind }
    }
}

impl From<HttpErrorKind> for RegistryErrorKind {
    fn from(kind: HttpErrorKind) -> Self {
        match kind {
            HttpErrorKind::NotFound => Self::NotFound,
            HttpErrorKind::File(error) => Self::File(error),
            HttpErrorKind::NoEncryption(why) => Self::NoEncryption(why),
            kind => Self::Http(kind),
        }
    }
}

impl From<serde_json::Error> for RegistryErrorKind {
    fn from(error: serde_json::Error) -> Self {
        Self::Answer(error.to_string())
    }
}

struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}
