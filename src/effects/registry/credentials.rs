//! Logins for registries, from the files where docker, podman and skopeo keep them, and from their helpers.
//!
//! Formats: [config.json], [containers-auth.json(5)], [docker-credential-helpers].
//!
//! [config.json]: https://docs.docker.com/reference/cli/docker/login/#credential-stores
//! [containers-auth.json(5)]: https://manpages.debian.org/trixie/golang-github-containers-common/containers-auth.json.5
//! [docker-credential-helpers]: https://github.com/docker/docker-credential-helpers#development

#![expect(clippy::disallowed_methods, reason = "a credential helper is a program that is run")]

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::effects::files::{self, FileError};
use crate::image::reference::{RegistryHost, RepositoryPath};

/// What docker calls its own registry in its files.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Secret(Box<str>);

/// Who somebody is to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: Secret,
    },
    /// A token that a token server takes for others, by OAuth 2.
    IdentityToken(Secret),
}

/// The files that may have logins, the one that counts most first.
#[derive(Debug, Default)]
pub struct Credentials {
    files: Vec<PathBuf>,
    /// What helpers answered, by program and host: some ask people.
    helped: Mutex<BTreeMap<(String, String), Option<Credential>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the logins in `{}` cannot be read: line {line}, column {column} is not as expected", path.display())]
    Format { path: PathBuf, line: usize, column: usize },
    #[error("the login for `{host}` in `{}` cannot be read: it is not `user:password` in base64", path.display())]
    Encoding { path: PathBuf, host: String },
    #[error("the credential helper `{program}` that `{}` names failed: {why}", path.display())]
    Helper { path: PathBuf, program: String, why: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginFile {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
struct Login {
    /// `user:password` in base64.
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: Secret,
}

impl Secret {
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be sent and not to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Credentials {
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files, helped: Mutex::default() }
    }

    /// The login for a repository, by the first file that has one.
    pub fn find(
        &self,
        host: &RegistryHost,
        repository: Option<&RepositoryPath>,
    ) -> Result<Option<Credential>, CredentialError> {
        for path in &self.files {
            let Some(text) = files::read_text_if_there(path)? else { continue };
            let file = LoginFile::parse(path, &text)?;
            let found = match file.find(path, host, repository)? {
                Found::Credential(found) => Some(found),
                Found::Helper(name) => self.help(path, &name, host)?,
                Found::Nothing => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn help(
        &self,
        path: &Path,
        name: &str,
        host: &RegistryHost,
    ) -> Result<Option<Credential>, CredentialError> {
        let mut helped = self.helped.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = (name.to_owned(), host.to_string());
        if let Some(known) = helped.get(&asked) {
            return Ok(known.clone());
        }
        let found = help(path, name, host)?;
        helped.insert(asked, found.clone());
        Ok(found)
    }
}

/// What a file says of a login.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Credential(Credential),
    /// The helper of this name may know one.
    Helper(String),
    Nothing,
}

impl LoginFile {
    fn parse(path: &Path, text: &str) -> Result<Self, CredentialError> {
        // The message of serde may quote a secret.
        serde_json::from_str(text).map_err(|error| CredentialError::Format {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })
    }

    fn find(
        &self,
        path: &Path,
        host: &RegistryHost,
        repository: Option<&RepositoryPath>,
    ) -> Result<Found, CredentialError> {
        let is_host = |key: &&String| normal(key) == normal(host.as_str());
        if let Some(name) = self.cred_helpers.keys().find(is_host) {
            return Ok(Found::Helper(self.cred_helpers[name].clone()));
        }
        for key in keys(host, repository) {
            if let Some(login) = self.auths.get(&key)
                && let Some(found) = login.credential(path, &key)?
            {
                return Ok(Found::Credential(found));
            }
        }
        if let Some(key) = self.auths.keys().find(is_host)
            && let Some(found) = self.auths[key].credential(path, key)?
        {
            return Ok(Found::Credential(found));
        }
        let store = self.creds_store.clone().filter(|store| !store.is_empty());
        Ok(store.map_or(Found::Nothing, Found::Helper))
    }
}

impl Login {
    /// `None` where docker left an entry without a login, as it does for those that a helper keeps.
    fn credential(&self, path: &Path, host: &str) -> Result<Option<Credential>, CredentialError> {
        let given = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.reveal().is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let (Some(user), Some(password)) = (self.username.clone(), given(&self.password)) {
            return Ok(Some(Credential::Password { user, password }));
        }
        let Some(auth) = given(&self.auth) else { return Ok(None) };
        let invalid = || CredentialError::Encoding { path: path.to_owned(), host: host.to_owned() };
        let bytes = STANDARD.decode(auth.reveal()).map_err(|_| invalid())?;
        let text = String::from_utf8(bytes).map_err(|_| invalid())?;
        let (user, password) = text.split_once(':').ok_or_else(invalid)?;
        // Docker pads with zeros.
        let password = Secret::new(password.trim_end_matches('\0'));
        Ok(Some(Credential::Password { user: user.to_owned(), password }))
    }
}

/// The names by which a login is looked for: podman has some for a repository, or for those below a path.
fn keys(host: &RegistryHost, repository: Option<&RepositoryPath>) -> Vec<String> {
    let mut path = repository.map(RepositoryPath::as_str);
    let mut keys = Vec::new();
    while let Some(of) = path {
        keys.push(format!("{host}/{of}"));
        path = of.rsplit_once('/').map(|(above, _)| above);
    }
    keys.push(host.to_string());
    keys
}

/// The host of a key such as `https://registry.example.org/v1/`.
fn normal(key: &str) -> &str {
    let host = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let host = host.map_or(key, |rest| rest.split('/').next().unwrap_or(rest));
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// Asks a helper; `None` where it knows no login.
fn help(path: &Path, name: &str, host: &RegistryHost) -> Result<Option<Credential>, CredentialError> {
    let program = format!("docker-credential-{name}");
    let failed =
        |why: String| CredentialError::Helper { path: path.to_owned(), program: program.clone(), why };
    let server = if host.as_str() == "docker.io" { DOCKER_HUB } else { host.as_str() };
    let child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed("there is no such program on the PATH".into()),
        _ => failed(error.to_string()),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads no question fails by its answer.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return match said.contains("credentials not found") {
            true => Ok(None),
            false => Err(failed(output.status.to_string())),
        };
    }
    let helped: Helped = serde_json::from_str(&said)
        .map_err(|_| failed("it answered no JSON with `Username` and `Secret`".into()))?;
    Ok(Some(match helped.username.as_str() {
        "<token>" => Credential::IdentityToken(helped.secret),
        _ => Credential::Password { user: helped.username, password: helped.secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, host: &str, repository: &str) -> Found {
        let (host, repository) = (host.parse().unwrap(), repository.parse().unwrap());
        LoginFile::parse(Path::new("f"), text)
            .unwrap()
            .find(Path::new("f"), &host, Some(&repository))
            .unwrap()
    }

    fn password(user: &str, password: &str) -> Found {
        Found::Credential(Credential::Password { user: user.into(), password: Secret::new(password) })
    }

    #[test]
    fn a_login_is_found_by_the_names_that_docker_and_podman_write() {
        let auth = |text: &str| format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(text));
        let text = format!(
            r#"{{"auths":{{"a.example":{},"a.example/team":{},"https://b.example/v1/":{},"{DOCKER_HUB}":{},
                "c.example":{{"identitytoken":"t"}},"d.example":{{}}}},"HttpHeaders":{{}}}}"#,
            auth("jane:a:b"),
            auth("team:c"),
            auth("bob:d\0\0"),
            auth("hub:e"),
        );
        assert_eq!(found(&text, "a.example", "x/y"), password("jane", "a:b"));
        assert_eq!(found(&text, "a.example", "team/y"), password("team", "c"));
        assert_eq!(found(&text, "b.example", "x"), password("bob", "d"));
        assert_eq!(found(&text, "docker.io", "x"), password("hub", "e"));
        let token = Credential::IdentityToken(Secret::new("t"));
        assert_eq!(found(&text, "c.example", "x"), Found::Credential(token));
        assert_eq!(found(&text, "d.example", "x"), Found::Nothing);
        assert_eq!(found(&text, "a.example:5000", "x"), Found::Nothing);
    }

    #[test]
    fn a_helper_is_asked_for_its_registry_or_for_all_that_the_file_does_not_know() {
        let text = r#"{"auths":{"a.example":{},"b.example":{"username":"bob","password":"d"}},
            "credsStore":"all","credHelpers":{"c.example":"one"}}"#;
        let helper = |name: &str| Found::Helper(name.to_owned());
        assert_eq!(found(text, "a.example", "x"), helper("all"));
        assert_eq!(found(text, "b.example", "x"), password("bob", "d"));
        assert_eq!(found(text, "c.example", "x"), helper("one"));
    }

    #[test]
    fn a_secret_is_in_no_message() {
        let secret = password("jane", "s3cret");
        assert_eq!(format!("{secret:?}"), r#"Credential(Password { user: "jane", password: … })"#);
        for text in [r#"{"auths":{"a.example":"s3cret"}}"#, r#"{"auths":{"a.example":{"auth":["s3cret"]}}}"#]
        {
            let error = LoginFile::parse(Path::new("f"), text).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
        let text = r#"{"auths":{"a.example":{"auth":"s3cret"}}}"#;
        let file = LoginFile::parse(Path::new("f"), text).unwrap();
        let error = file.find(Path::new("f"), &"a.example".parse().unwrap(), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the login for `a.example` in `f` cannot be read: it is not `user:password` in base64"
        );
    }

    #[test]
    fn the_first_file_with_a_login_counts() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second, absent] = ["1", "2", "3"].map(|name| dir.path().join(name));
        std::fs::write(&first, r#"{"auths":{"a.example":{"username":"one","password":"1"}}}"#).unwrap();
        let both = r#"{"auths":{"a.example":{"username":"two","password":"2"},
            "b.example":{"username":"two","password":"2"}}}"#;
        std::fs::write(&second, both).unwrap();
        let credentials = Credentials::new(vec![absent, first, second]);
        let found = |host: &str| {
            let found = credentials.find(&host.parse().unwrap(), None).unwrap();
            found.map_or(Found::Nothing, Found::Credential)
        };
        assert_eq!(found("a.example"), password("one", "1"));
        assert_eq!(found("b.example"), password("two", "2"));
        assert_eq!(found("c.example"), Found::Nothing);
    }
}
