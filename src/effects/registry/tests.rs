use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci_spec::image::{Descriptor, ImageIndex, MediaType};

use super::*;
use crate::digest::Sha256;
use crate::effects::files;
use crate::effects::http::HttpOptions;
use crate::effects::test_server::{Answer, Request, Server};
use crate::image::reference::{Pointer, Tag};

const LOGIN: &str = "Basic amFuZTpzM2NyZXQ=";

fn http() -> Http {
    Http::new(HttpOptions { retries: 2, pause: Duration::from_millis(1), ..HttpOptions::default() })
}

fn host(server: &Server) -> RegistryHost {
    format!("127.0.0.1:{}", server.url.port().unwrap()).parse().unwrap()
}

fn path() -> RepositoryPath {
    "base/cc".parse().unwrap()
}

fn latest() -> Pointer {
    Pointer::Tag("latest".parse().unwrap())
}

/// Credentials with a login for this registry, as docker keeps them.
fn login(server: &Server) -> (tempfile::TempDir, Credentials) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    let auth = LOGIN.strip_prefix("Basic ").unwrap();
    let text = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, host(server));
    files::write_atomically(&file, text.as_bytes()).unwrap();
    (dir, Credentials::new(vec![file]))
}

fn client(server: &Server, credentials: Credentials) -> Registry {
    Registry::new(http(), &host(server), Transport::Usual, credentials)
}

fn reads(server: &Server, credentials: Credentials) -> Result<Document, RegistryError> {
    client(server, credentials).manifest(&path(), &latest())
}

fn challenge(value: &str) -> Answer {
    let challenge = format!("WWW-Authenticate: {value}");
    Answer::new("401 Unauthorized", &[&challenge, "Content-Length: 0"], "")
}

fn blob(bytes: &[u8]) -> Descriptor {
    let digest = Sha256::of(bytes).oci().parse::<oci_spec::image::Digest>().unwrap();
    Descriptor::new(MediaType::ImageLayer, bytes.len() as u64, digest)
}

#[test]
fn a_password_is_sent_once_it_is_asked_for_and_to_nobody_else() {
    let server = Server::start(|request, _| match request.header("authorization") {
        Some(login) if login == LOGIN.to_lowercase() => Answer::ok("{}"),
        _ => challenge("Basic realm=x"),
    });
    let (_dir, credentials) = login(&server);
    let document = reads(&server, credentials).unwrap();
    assert_eq!((&document.bytes[..], document.digest), (&b"{}"[..], Sha256::of(b"{}")));
    assert_eq!(server.requests().len(), 2);
    assert_eq!(
        reads(&server, Credentials::default()).unwrap_err().to_string(),
        format!(
            "could not read `{}/base/cc:latest`: the registry denies access, and no login for it is known: `docker \
             login` or `podman login` makes one",
            host(&server)
        )
    );
}

/// A registry that takes the token `one`, and the token server that gives it to who has the login.
fn with_tokens() -> Server {
    let url: Arc<Mutex<String>> = Arc::default();
    let realm = Arc::clone(&url);
    let server = Server::start(move |request, _| {
        let says = request.header("authorization");
        match request.path.split('?').next().unwrap() {
            "/token" if says == Some(LOGIN.to_lowercase().as_str()) => {
                Answer::ok(r#"{"access_token":"one","expires_in":60}"#)
            }
            "/token" => Answer::ok(r#"{"token":"for-anyone"}"#),
            _ if says == Some("bearer one") => Answer::ok("{}"),
            _ => challenge(&format!(r#"Bearer realm="{}token",service="here""#, realm.lock().unwrap())),
        }
    });
    *url.lock().unwrap() = server.url.to_string();
    server
}

#[test]
fn a_token_is_had_by_a_password_and_kept_for_what_it_is_good_for() {
    let server = with_tokens();
    let (_dir, credentials) = login(&server);
    let registry = client(&server, credentials);
    for _ in 0..2 {
        registry.manifest(&path(), &latest()).unwrap();
    }
    registry.manifest(&"base/static".parse().unwrap(), &latest()).unwrap();
    assert_eq!(
        server.paths(),
        [
            "/v2/base/cc/manifests/latest",
            "/token?service=here&scope=repository%3Abase%2Fcc%3Apull",
            "/v2/base/cc/manifests/latest",
            "/v2/base/cc/manifests/latest",
            "/token?service=here&scope=repository%3Abase%2Fstatic%3Apull",
            "/v2/base/static/manifests/latest",
        ]
    );
}

#[test]
fn who_is_refused_with_a_token_is_refused() {
    let server = with_tokens();
    let error = reads(&server, Credentials::default()).unwrap_err();
    assert!(matches!(error.kind, RegistryErrorKind::NoLogin), "{error}");
}

#[test]
fn a_token_that_is_no_longer_good_is_had_anew() {
    let url: Arc<Mutex<String>> = Arc::default();
    let realm = Arc::clone(&url);
    let server = Server::start(move |request, number| {
        let token = |text: &str| request.header("authorization") == Some(&format!("bearer {text}"));
        match number {
            1 => Answer::ok(r#"{"token":"one"}"#),
            2 if token("one") => Answer::ok("{}"),
            4 => Answer::ok(r#"{"token":"two"}"#),
            5 if token("two") => Answer::ok("{}"),
            _ => challenge(&format!("Bearer realm={}token", realm.lock().unwrap())),
        }
    });
    *url.lock().unwrap() = server.url.to_string();
    let registry = client(&server, Credentials::default());
    for _ in 0..2 {
        registry.manifest(&path(), &latest()).unwrap();
    }
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn a_login_is_told_to_no_token_server_without_encryption() {
    let http = http();
    let authorizer =
        auth::Authorizer::new("registry.example".parse().unwrap(), Credentials::default(), false);
    let mut headers = header::HeaderMap::new();
    headers.insert(header::WWW_AUTHENTICATE, "Bearer realm=\"http://auth.example/token\"".parse().unwrap());
    let error = authorizer.answer(&http, &Scope::Pull(&path()), &headers, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the registry sends logins to http://auth.example/token, and the connection there is not encrypted"
    );
}

#[test]
fn nothing_that_was_altered_comes_out() {
    let server = Server::start(|_, _| Answer::ok("altered"));
    let registry = client(&server, Credentials::default());
    let wanted = Sha256::of(b"as it was");
    let error = registry.manifest(&path(), &Pointer::Digest(wanted)).unwrap_err();
    assert!(matches!(error.kind, RegistryErrorKind::Altered { .. }), "{error}");
    let error = registry.blob(&path(), &blob(b"as it w")).unwrap_err();
    assert!(matches!(error.kind, RegistryErrorKind::Altered { .. }), "{error}");
    let error = registry.blob(&path(), &blob(b"short")).unwrap_err();
    assert!(error.to_string().ends_with("it has more than the 5 bytes expected at most"), "{error}");
}

#[test]
fn a_login_does_not_go_with_a_redirection_to_another_server() {
    let elsewhere = Server::start(|_, _| Answer::ok("layer"));
    let location = format!("Location: {}", elsewhere.at("bucket?signature=x"));
    let server = Server::start(move |request, _| match request.header("authorization") {
        None => challenge("Basic realm=x"),
        Some(_) if request.method == "HEAD" => Answer::status("200 OK"),
        Some(_) => Answer::new("307 Temporary Redirect", &[&location, "Content-Length: 0"], ""),
    });
    let (_dir, credentials) = login(&server);
    let registry = client(&server, credentials);
    assert_eq!(registry.blob(&path(), &blob(b"layer")).unwrap(), b"layer");
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
}

fn index(manifests: &[&Descriptor]) -> String {
    let manifests = manifests.iter().map(|one| serde_json::to_string(one).unwrap()).collect::<Vec<_>>();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","))
}

#[test]
fn referrers_come_in_pages_or_under_a_tag() {
    let (one, two) = (blob(b"one"), blob(b"two"));
    let subject = Sha256::of(b"subject");
    let pages = [index(&[&one]), index(&[&two])];
    let paged = Server::start(move |request: &Request, _| match request.path.ends_with("?last=1") {
        false => {
            let link = format!("Link: <{}?last=1>; rel=\"next\"", request.path);
            Answer::ok_with(&[&link], &pages[0])
        }
        true => Answer::ok(&pages[1]),
    });
    let listed = index(&[&two]);
    let tagged = Server::start(move |request, _| match request.path.contains("/manifests/sha256-") {
        true => Answer::ok(&listed),
        false => Answer::status("404 Not Found"),
    });
    let bare = Server::start(|_, _| Answer::status("404 Not Found"));
    for (server, referrers) in [
        (&paged, Referrers::Listed(vec![one, two.clone()])),
        (&tagged, Referrers::Noted(vec![two])),
        (&bare, Referrers::Noted(vec![])),
    ] {
        let registry = client(server, Credentials::default());
        assert_eq!(registry.referrers(&path(), subject).unwrap(), referrers);
    }
    let tag = format!("/v2/base/cc/manifests/{}", Tag::of_referrers(subject));
    assert_eq!(tagged.paths()[1], tag);
}

#[test]
fn what_a_registry_says_of_an_error_is_told() {
    let server = Server::start(|_, _| {
        let body = r#"{"errors":[{"code":"DENIED","message":"quota\nexceeded"}]}"#;
        Answer::new("403 Forbidden", &[&format!("Content-Length: {}", body.len())], body)
    });
    assert_eq!(
        reads(&server, Credentials::default()).unwrap_err().to_string(),
        format!(
            "could not read `{}/base/cc:latest`: the registry answered 403 Forbidden: DENIED: quota exceeded",
            host(&server)
        )
    );
}

#[test]
fn a_registry_is_pinged_before_it_is_used() {
    let ping = |status: &'static str| {
        let server = Server::start(move |_, _| Answer::status(status));
        let registry = client(&server, Credentials::default());
        registry.ping().map_err(|error| error.kind.to_string())
    };
    assert_eq!(ping("200 OK"), Ok(()));
    assert_eq!(ping("401 Unauthorized"), Ok(()));
    assert_eq!(ping("404 Not Found"), Err("what answers is no registry: it has no `/v2/`".into()));
    assert_eq!(ping("502 Bad Gateway"), Err("the server answered 502 Bad Gateway".into()));
}

#[test]
fn an_index_is_read() {
    let one = blob(b"one");
    let text = index(&[&one]);
    let server = Server::start(move |_, _| {
        Answer::ok_with(&["Content-Type: application/vnd.oci.image.index.v1+json"], &text)
    });
    let document = reads(&server, Credentials::default()).unwrap();
    assert_eq!(document.media_type, MediaType::ImageIndex);
    assert_eq!(*document.parse::<ImageIndex>().unwrap().manifests(), [one]);
}
