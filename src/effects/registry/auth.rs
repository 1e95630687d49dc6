//! Who we are to a registry: passwords, and tokens that are kept by what they are good for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::RegistryErrorKind;
use super::challenge::Challenge;
use super::credentials::{Credential, Credentials, Secret};
use crate::effects::http::{Body, Http, Request, Shown, basic, secret};
use crate::image::reference::{RegistryHost, RepositoryPath};

/// What is to be done, for which a token has to be good. Written as a [scope] of a token.
///
/// [scope]: https://distribution.github.io/distribution/spec/auth/scope/
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope<'a> {
    Pull(&'a RepositoryPath),
    Push(&'a RepositoryPath),
    /// Push to the first what the second has.
    Mount(&'a RepositoryPath, &'a RepositoryPath),
}

/// Answers the challenges of one registry.
pub(super) struct Authorizer {
    host: RegistryHost,
    credentials: Credentials,
    /// Whether tokens may be had over a connection that is not encrypted, as those with the registry are.
    plain: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    /// Values of `Authorization`, by scope.
    known: BTreeMap<String, HeaderValue>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<Secret>,
    access_token: Option<Secret>,
}

impl<'a> Scope<'a> {
    /// The repository that the login has to be for.
    fn repository(&self) -> &'a RepositoryPath {
        match self {
            Self::Pull(of) | Self::Push(of) | Self::Mount(of, _) => of,
        }
    }

    fn parts(&self) -> Vec<String> {
        match self {
            Self::Pull(of) => vec![format!("repository:{of}:pull")],
            Self::Push(to) => vec![format!("repository:{to}:pull,push")],
            Self::Mount(to, from) => {
                vec![format!("repository:{to}:pull,push"), format!("repository:{from}:pull")]
            }
        }
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().join(" "))
    }
}

impl Authorizer {
    pub fn new(host: RegistryHost, credentials: Credentials, plain: bool) -> Self {
        Self { host, credentials, plain, state: Mutex::default() }
    }

    /// What a request may say of us without being asked; nothing before the first challenge.
    pub fn known(&self, http: &Http, scope: &Scope<'_>) -> Result<Option<HeaderValue>, RegistryErrorKind> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.known.get(&scope.to_string()), state.challenge.clone()) {
            (Some(known), _) => Ok(Some(known.clone())),
            (None, None) => Ok(None),
            (None, Some(challenge)) => self.authorize(http, &mut state, &challenge, scope).map(Some),
        }
    }

    /// The answer to a challenge; `refused` is what was sent before it came.
    pub fn answer(
        &self,
        http: &Http,
        scope: &Scope<'_>,
        headers: &HeaderMap,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, RegistryErrorKind> {
        let offered = headers.get_all(header::WWW_AUTHENTICATE);
        let challenge = Challenge::choose(offered.iter().filter_map(|value| value.to_str().ok()))
            .map_err(RegistryErrorKind::Challenge)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have answered meanwhile.
        if let Some(known) = state.known.get(&scope.to_string()).filter(|known| Some(*known) != refused) {
            return Ok(known.clone());
        }
        state.challenge = Some(challenge.clone());
        self.authorize(http, &mut state, &challenge, scope)
    }

    fn authorize(
        &self,
        http: &Http,
        state: &mut State,
        challenge: &Challenge,
        scope: &Scope<'_>,
    ) -> Result<HeaderValue, RegistryErrorKind> {
        let credential = self.credentials.find(&self.host, Some(scope.repository()))?;
        let value = match (challenge, &credential) {
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                basic(user, password.reveal())
            }
            (Challenge::Basic, _) => return Err(RegistryErrorKind::NoLogin),
            (Challenge::Bearer { realm, service }, credential) => {
                let token = self.token(http, realm, service.as_deref(), scope, credential.as_ref())?;
                secret(&format!("Bearer {}", token.reveal()))
            }
        };
        let value = value.ok_or_else(|| RegistryErrorKind::Token {
            server: self.host.to_string(),
            why: "the login has characters that no header can have".into(),
        })?;
        state.known.insert(scope.to_string(), value.clone());
        Ok(value)
    }

    fn token(
        &self,
        http: &Http,
        realm: &str,
        service: Option<&str>,
        scope: &Scope<'_>,
        credential: Option<&Credential>,
    ) -> Result<Secret, RegistryErrorKind> {
        let no_url = |_| RegistryErrorKind::Challenge(format!("tokens of `{realm}`, which is no URL"));
        let mut url = Url::parse(realm).map_err(no_url)?;
        let server = Shown(&url).to_string();
        match url.scheme() {
            "https" => {}
            "http" if self.plain => {}
            _ => return Err(RegistryErrorKind::Unencrypted(server)),
        }
        let failed = |why: String| RegistryErrorKind::Token { server: server.clone(), why };
        let service = service.map(|service| ("service", service.to_owned()));
        let scopes = scope.parts();
        let request = match credential {
            Some(Credential::IdentityToken(token)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("client_id", "distro");
                form.extend_pairs(service).append_pair("scope", &scopes.join(" "));
                let form = form.append_pair("refresh_token", token.reveal()).finish();
                Request::new(Method::POST, url)
                    .with(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(Body::Bytes(form.into()))
            }
            Some(Credential::Password { .. }) | None => {
                let scopes = scopes.into_iter().map(|scope| ("scope", scope));
                url.query_pairs_mut().extend_pairs(service).extend_pairs(scopes);
                let mut request = Request::new(Method::GET, url);
                if let Some(Credential::Password { user, password }) = credential {
                    request
                        .headers
                        .extend(basic(user, password.reveal()).map(|value| (header::AUTHORIZATION, value)));
                }
                request
            }
        };
        let answer = http.exchange(&request).map_err(|kind| failed(kind.to_string()))?;
        match (answer.status, credential) {
            (StatusCode::OK, _) => {}
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => {
                return Err(RegistryErrorKind::NoLogin);
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(_)) => {
                return Err(RegistryErrorKind::Denied);
            }
            (status, _) => return Err(failed(format!("the server answered {status}"))),
        }
        // The message of serde may quote a secret.
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("it sent no JSON with a token".into()))?;
        token.token.or(token.access_token).ok_or_else(|| failed("it sent no JSON with a token".into()))
    }

    /// What it means to be refused in spite of everything.
    pub fn denied(&self, scope: &Scope<'_>) -> RegistryErrorKind {
        match self.credentials.find(&self.host, Some(scope.repository())) {
            Ok(Some(_)) => RegistryErrorKind::Denied,
            Ok(None) => RegistryErrorKind::NoLogin,
            Err(error) => error.into(),
        }
    }
}
