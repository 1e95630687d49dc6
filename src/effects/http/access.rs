//! How this machine reaches servers: by which login, through which proxy, known by which certificates.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Proxy, Url};

use super::HttpErrorKind;
use crate::debian::auth_conf::Found;
use crate::debian::{AptConf, AuthConf, Login};
use crate::effects::apt_sources::AptConfiguration;
use crate::effects::files;

/// What apt's configuration, a `.netrc` and the user say. Not `Debug`, as there are passwords in it.
#[derive(Clone, Default)]
pub struct ServerAccess {
    logins: Vec<AuthConf>,
    settings: AptConf,
    /// Trusted besides those of this machine.
    authorities: Vec<Certificate>,
}

/// The client that a server takes; servers with the same share one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    via: Via,
    /// The authorities that may vouch for the server, in place of all others.
    authorities: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Via {
    /// Through the proxy that the environment names, where it does.
    Environment,
    Direct,
    Proxy(Url),
}

impl ServerAccess {
    /// What apt would do, then what a `.netrc` adds.
    #[must_use]
    pub fn new(apt: &AptConfiguration, netrc: Option<&str>) -> Self {
        let mut settings = AptConf::default();
        apt.settings.iter().for_each(|file| settings.read(&file.text));
        let texts = apt.credentials.iter().map(|file| file.text.as_str()).chain(netrc);
        Self { logins: texts.map(AuthConf::parse).collect(), settings, authorities: Vec::new() }
    }

    /// Trusts the authorities of a file too, certificates in PEM.
    pub fn trust(&mut self, path: &Path) -> Result<(), HttpErrorKind> {
        self.authorities.extend(certificates(path)?);
        Ok(())
    }

    /// The login for a URL that has none of its own.
    pub(super) fn login(&self, url: &Url) -> Option<&Login> {
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        self.logins.iter().find_map(|file| match file.find(url) {
            Found::Login(login) => Some(login),
            Found::Withheld | Found::Nothing => None,
        })
    }

    /// Whether there would be a login, were the connection encrypted.
    pub(super) fn withholds(&self, url: &Url) -> bool {
        self.login(url).is_none() && self.logins.iter().any(|file| file.find(url) == Found::Withheld)
    }

    /// The way to a server, by [apt-transport-http(1)] and [apt-transport-https(1)]: a setting for the host
    /// counts more than one for all, and one for `https` more than one for `http`.
    ///
    /// [apt-transport-http(1)]: https://manpages.debian.org/trixie/apt/apt-transport-http.1
    /// [apt-transport-https(1)]: https://manpages.debian.org/trixie/apt/apt-transport-https.1
    pub(super) fn route(&self, url: &Url) -> Result<Route, HttpErrorKind> {
        let host = url.host_str().unwrap_or_default();
        let schemes: &[&str] = if url.scheme() == "https" { &["https", "http"] } else { &["http"] };
        let names = [format!("Proxy::{host}"), "Proxy".to_owned()];
        let mut settings =
            names.iter().flat_map(|name| schemes.iter().map(move |of| format!("Acquire::{of}::{name}")));
        let found = settings.find_map(|name| Some((self.settings.get(&name)?, name)));
        let via = match found {
            None => Via::Environment,
            Some(("DIRECT", _)) => Via::Direct,
            Some((proxy, name)) => Via::Proxy(Url::parse(proxy).map_err(|why| {
                HttpErrorKind::Setup(format!("`{name}` of apt's configuration is no URL: {why}"))
            })?),
        };
        let of_host = || self.settings.get(&format!("Acquire::https::CAInfo::{host}"));
        let authorities = of_host().or_else(|| self.settings.get("Acquire::https::CAInfo"));
        let authorities = authorities.filter(|_| url.scheme() == "https").map(PathBuf::from);
        Ok(Route { via, authorities })
    }

    /// The proxy of a route, with its login; `no_proxy` of the environment counts as it does for apt.
    pub(super) fn proxy(&self, route: &Route) -> Result<Option<Proxy>, HttpErrorKind> {
        let Via::Proxy(url) = &route.via else { return Ok(None) };
        let unusable = |error: reqwest::Error| {
            let why = super::error::innermost(&error);
            HttpErrorKind::Setup(format!("the proxy that apt's configuration names for it: {why}"))
        };
        let proxy = Proxy::all(url.clone()).map_err(unusable)?.no_proxy(reqwest::NoProxy::from_env());
        Ok(Some(match self.login(url) {
            Some(Login { user, password }) => proxy.basic_auth(user, password),
            None => proxy,
        }))
    }

    /// The authorities that are trusted besides the machine's own.
    pub(super) fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }
}

impl Route {
    pub fn is_direct(&self) -> bool {
        self.via == Via::Direct
    }

    /// The only authorities for this route, where it has its own.
    pub fn authorities(&self) -> Result<Option<Vec<Certificate>>, HttpErrorKind> {
        self.authorities.as_deref().map(certificates).transpose()
    }
}

/// The value of `Authorization` for a name and a password; `None` where no header can have it.
pub(in crate::effects) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    secret(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// A value that is shown nowhere.
pub(in crate::effects) fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, HttpErrorKind> {
    let invalid = |why: &str| HttpErrorKind::Certificates { path: path.to_owned(), why: why.to_owned() };
    let bytes = files::read(path).map_err(HttpErrorKind::File)?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(found) if found.is_empty() => Err(invalid("there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(invalid(&super::error::innermost(&error))),
    }
}
