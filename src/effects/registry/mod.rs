//! An OCI registry, by the [distribution specification].
//!
//! | module | what it does there |
//! |---|---|
//! | `pull` | reads manifests, blobs and referrers |
//! | `push` | writes them |
//! | `auth`, `challenge` | says who we are |
//! | [`credentials`] | knows logins, from the files of docker and podman |
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md

mod auth;
mod challenge;
pub mod credentials;
mod error;
mod pull;
mod push;

use reqwest::header;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::http::{Answer, Failure, Http, HttpErrorKind, Request};
use crate::image::reference::{Pointer, Reference, RegistryHost, Repository, RepositoryPath};
use auth::{Authorizer, Scope};
use credentials::Credentials;

pub use error::{RegistryError, RegistryErrorKind};
pub use pull::{Document, Referrers};
pub use push::{Content, LocalBlob, Placed};

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Without encryption where the registry is on this machine.
    Usual,
    /// Without encryption.
    Plain,
}

/// A client of one registry, for any number of threads.
pub struct Registry {
    http: Http,
    host: RegistryHost,
    base: Url,
    authorizer: Authorizer,
}

impl Registry {
    #[must_use]
    pub fn new(http: Http, host: &RegistryHost, transport: Transport, credentials: Credentials) -> Self {
        let plain = transport == Transport::Plain || host.is_loopback();
        let scheme = if plain { "http" } else { "https" };
        // Docker's own registry has a name that people use, and another that answers.
        let server = if host.as_str() == "docker.io" { "registry-1.docker.io" } else { host.as_str() };
        let base = format!("{scheme}://{server}/v2/").parse().expect("a host makes a URL");
        Self { http, host: host.clone(), base, authorizer: Authorizer::new(host.clone(), credentials, plain) }
    }

    /// Finds out whether there is a registry, before anything is asked of it.
    pub fn ping(&self) -> Result<(), RegistryError> {
        let failed = |kind| RegistryError::new("reach the registry", &self.host, kind);
        let answer = self.http.exchange(&Request::new(Method::GET, self.base.clone()));
        match answer.map_err(|kind| failed(kind.into()))?.status {
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(()),
            StatusCode::NOT_FOUND => Err(failed(RegistryErrorKind::NoRegistry)),
            status => Err(failed(RegistryErrorKind::Refused { status, said: String::new() })),
        }
    }

    fn repository(&self, path: &RepositoryPath) -> Repository {
        Repository { host: self.host.clone(), path: path.clone() }
    }

    /// What it is called that something could not be done in a repository.
    fn failed(
        &self,
        action: &'static str,
        path: &RepositoryPath,
        at: &Pointer,
    ) -> impl FnOnce(RegistryErrorKind) -> RegistryError {
        move |kind| {
            let subject = Reference { repository: self.repository(path), at: at.clone() };
            RegistryError::new(action, &subject, kind)
        }
    }

    /// `https://registry.example.org/v2/base/cc/manifests/latest`.
    fn url(&self, repository: &RepositoryPath, rest: &str) -> Url {
        self.base.join(&format!("{repository}/{rest}")).expect("the parts of a URL were parsed")
    }

    /// Asks for something, and says who we are where that has to be known.
    fn ask(&self, scope: &Scope<'_>, request: Request) -> Result<Answer, RegistryErrorKind> {
        self.ask_by(scope, request, |request| self.http.exchange(request)).map_err(|failure| match failure {
            Unanswered::Http(kind) => kind.into(),
            Unanswered::Registry(kind) => kind,
        })
    }

    /// The same, once, where the next try has to be another.
    fn ask_once(&self, scope: &Scope<'_>, request: Request) -> Result<Answer, Unanswered<Failure>> {
        self.ask_by(scope, request, |request| self.http.exchange_once(request))
    }

    fn ask_by<E>(
        &self,
        scope: &Scope<'_>,
        mut request: Request,
        send: impl Fn(&Request) -> Result<Answer, E>,
    ) -> Result<Answer, Unanswered<E>> {
        // Where the registry sends us elsewhere to upload, the URL is all that is needed there.
        let is_own = request.url.origin() == self.base.origin();
        let mut authorization = if is_own { self.authorizer.known(&self.http, scope)? } else { None };
        for _ in 0..2 {
            request.headers.remove(header::AUTHORIZATION);
            request.headers.extend(authorization.clone().map(|value| (header::AUTHORIZATION, value)));
            let answer = send(&request).map_err(Unanswered::Http)?;
            if answer.status != StatusCode::UNAUTHORIZED || !is_own {
                return Ok(answer);
            }
            let refused = authorization.as_ref();
            authorization = Some(self.authorizer.answer(&self.http, scope, &answer.headers, refused)?);
        }
        Err(self.authorizer.denied(scope).into())
    }
}

/// Why a request has no answer.
enum Unanswered<E> {
    Http(E),
    Registry(RegistryErrorKind),
}

impl<E> From<RegistryErrorKind> for Unanswered<E> {
    fn from(kind: RegistryErrorKind) -> Self {
        Self::Registry(kind)
    }
}

impl From<HttpErrorKind> for Unanswered<Failure> {
    fn from(kind: HttpErrorKind) -> Self {
        Self::Http(kind.into())
    }
}

/// What an answer means that is not the one that was hoped for.
fn refused(answer: &Answer) -> RegistryErrorKind {
    match answer.status {
        StatusCode::NOT_FOUND => RegistryErrorKind::NotFound,
        status => RegistryErrorKind::Refused { status, said: said(&answer.body) },
    }
}

/// What a registry says of an [error]: `MANIFEST_INVALID: no such blob`.
///
/// [error]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(Errors { errors }) = serde_json::from_slice(body) else { return String::new() };
    let told = errors.into_iter().map(|One { code, message }| match message.is_empty() {
        true => code,
        false => format!("{code}: {message}"),
    });
    let told = told.collect::<Vec<_>>().join("; ");
    told.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

#[cfg(test)]
mod tests;
