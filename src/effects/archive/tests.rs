#![expect(clippy::disallowed_methods, reason = "a blob is damaged by hand")]

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::effects::http::{HttpOptions, base_url};
use crate::effects::progress::Silent;
use crate::effects::store::Access;
use crate::effects::test_server::{Answer, Request, Server};

/// A store, and a client that is impatient enough for tests.
struct Bench {
    _dir: TempDir,
    store: Store,
    http: Http,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), Access::ReadWrite).unwrap();
        let http = Http::new(HttpOptions {
            idle_timeout: Duration::from_millis(300),
            retries: 1,
            pause: Duration::from_millis(1),
            ..HttpOptions::default()
        });
        Self { _dir: dir, store, http }
    }

    fn archive(&self, bases: &[&Url]) -> Archive<'_> {
        self.archive_on(bases, Network::Allowed)
    }

    fn archive_on(&self, bases: &[&Url], network: Network) -> Archive<'_> {
        let bases = bases.iter().zip(["catalog mirror", "host apt sources", "snapshot service"]);
        let bases = bases.map(|(url, origin)| Base { url: (*url).clone(), origin: origin.into() }).collect();
        Archive::new(&self.http, &self.store, bases, network, &Silent)
    }
}

const BASH: &str = "pool/main/b/bash/bash_5.2~rc1+b1_amd64.deb";

fn bash() -> Named<'static> {
    Named { path: BASH, sha256: Sha256::of(b"a shell"), size: 7 }
}

/// Serves everything.
fn whole(request: &Request, _: usize) -> Answer {
    let body = if request.path.ends_with("/InRelease") { "signed" } else { "a shell" };
    match request.header("if-none-match") {
        Some("\"1\"") => Answer::status("304 Not Modified"),
        _ => Answer::ok_with(&["ETag: \"1\""], body),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is not signed, but `{0}`")]
struct NotSigned(String);

fn signed(bytes: &[u8]) -> Result<usize, NotSigned> {
    match bytes {
        b"signed" => Ok(bytes.len()),
        other => Err(NotSigned(String::from_utf8_lossy(other).into_owned())),
    }
}

#[test]
fn a_package_is_fetched_once_and_then_is_in_the_store() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let archive = bench.archive(&[&server.url]);
    for _ in 0..2 {
        let blob = archive.package(bash()).unwrap();
        assert_eq!(bench.store.read(blob.digest).unwrap().unwrap(), "a shell");
    }
    assert_eq!(server.paths(), [format!("/{BASH}")]);

    std::fs::write(bench.store.path(bash().sha256), "a shelf").unwrap();
    archive.package(bash()).unwrap();
    assert_eq!(server.paths().len(), 2, "a damaged one is fetched anew");
}

#[test]
fn many_threads_fetch_a_package_once() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let archive = bench.archive(&[&server.url]);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| archive.package(bash()).unwrap());
        }
    });
    assert_eq!(server.paths().len(), 1);
}

#[test]
fn a_base_that_fails_is_passed_over_for_the_next() {
    let cases: [fn() -> Answer; 6] = [
        || Answer::status("404 Not Found"),
        || Answer::status("503 Service Unavailable"),
        || Answer::ok("a shelf"),
        || Answer::ok("a shell and more"),
        || Answer::ok("a shell").less(2),
        || Answer::ok("a shell").less(2).then_hang(),
    ];
    for bad in cases {
        let (bench, good) = (Bench::new(), Server::start(whole));
        let bad = Server::start(move |_, _| bad());
        bench.archive(&[&bad.url, &good.url]).package(bash()).unwrap();
        assert_eq!((!bad.paths().is_empty(), good.paths().len()), (true, 1));
    }
}

#[test]
fn the_error_tells_why_each_base_fell_out() {
    let bench = Bench::new();
    let (gone, other) =
        (Server::start(|_, _| Answer::status("404 Not Found")), Server::start(|_, _| Answer::ok("a shelf")));
    let mut dead = Server::absent();
    dead.set_username("jane").unwrap();
    dead.set_password(Some("s3cret")).unwrap();
    let error = bench.archive(&[&gone.url, &other.url, &dead]).package(bash()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "could not get `{BASH}` from any source:\n  \
             {} (catalog mirror): not found\n  \
             {} (host apt sources): another file came: its SHA-256 is {}, but {} was expected\n  \
             http://127.0.0.1:{}/ (snapshot service): there is no connection: Connection refused (os error 111)",
            gone.url,
            other.url,
            Sha256::of(b"a shelf"),
            bash().sha256,
            dead.port().unwrap(),
        )
    );
    assert_eq!(
        bench.archive(&[]).package(bash()).unwrap_err().to_string(),
        format!(
            "`{BASH}` is not in the store, and no place is known that serves it: name a mirror in `catalog.toml`"
        )
    );
}

#[test]
fn what_is_out_of_reach_is_not_asked_again() {
    let bench = Bench::new();
    let silent = Server::start(|request, _| match request.path.starts_with("/silent/") {
        true => Answer::ok("").less(1).then_hang(),
        false => Answer::ok(request.path.trim_start_matches("/good/pool/")),
    });
    for name in ["one", "two", "three"] {
        let archive = bench.archive(&[&silent.at("silent/"), &silent.at("good/")]);
        let path = format!("pool/{name}");
        let file = Named { path: &path, sha256: Sha256::of(name.as_bytes()), size: name.len() as u64 };
        archive.package(file).unwrap();
    }
    let mut asked = silent.paths();
    asked.sort();
    assert_eq!(
        asked,
        ["/good/pool/one", "/good/pool/three", "/good/pool/two", "/silent/pool/one", "/silent/pool/one"]
    );
}

#[test]
fn a_server_that_is_not_there_is_given_up_with_all_that_it_serves() {
    let bench = Bench::new();
    let absent = Server::absent();
    let asked = |below: &str| {
        let archive = bench.archive(&[&absent.join(below).unwrap()]);
        let Err(ArchiveError::Unavailable(why)) = archive.package(bash()) else { panic!("it was there") };
        format!("{:?}", why.tried[0].reason)
    };
    let refused = "there is no connection: Connection refused (os error 111)";
    assert!(asked("a/").starts_with("Http(Connect("));
    assert_eq!(asked("b/"), format!("Unreachable({refused:?})"));
}

#[test]
fn an_index_is_asked_for_by_its_hash_first() {
    let bench = Bench::new();
    let (by_hash, plain) = ("main/by-hash/SHA256/1f", "main/Packages.xz");
    let index = Named { path: plain, ..bash() };
    let server = Server::start(whole);
    bench.archive(&[&server.url]).index(by_hash, index).unwrap();
    assert_eq!(server.paths(), ["/main/by-hash/SHA256/1f"]);

    let bench = Bench::new();
    let server = Server::start(|request, number| match request.path.contains("by-hash") {
        true => Answer::status("404 Not Found"),
        false => whole(request, number),
    });
    bench.archive(&[&server.url]).index(by_hash, index).unwrap();
    assert_eq!(server.paths(), ["/main/by-hash/SHA256/1f", "/main/Packages.xz"]);
}

#[test]
fn a_release_that_did_not_change_is_not_sent_again() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let archive = bench.archive(&[&server.url]);
    let first = archive.in_release("dists/trixie", signed).unwrap();
    assert_eq!((&first.bytes[..], first.checked), (&b"signed"[..], 6));
    assert_eq!(archive.in_release("dists/trixie", signed).unwrap(), first);
    assert_eq!(server.requests()[1].header("if-none-match"), Some("\"1\""));
    assert_eq!(server.paths(), ["/dists/trixie/InRelease"; 2]);
}

#[test]
fn a_copy_that_does_not_pass_any_more_is_asked_for_anew() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let archive = bench.archive(&[&server.url]);
    archive.in_release("dists/trixie", signed).unwrap();
    let expired = |_: &[u8]| Err::<(), _>(NotSigned("expired".into()));
    archive.in_release("dists/trixie", expired).unwrap_err();
    assert_eq!(server.requests()[1].header("if-none-match"), None);
}

#[test]
fn a_release_that_does_not_verify_moves_on_to_the_next_base() {
    let (bench, good) = (Bench::new(), Server::start(whole));
    let bad = Server::start(|_, _| Answer::ok("evil"));
    let release = bench.archive(&[&bad.url, &good.url]).in_release("dists/trixie", signed).unwrap();
    assert_eq!(release.url, good.url.to_string());
    assert_eq!(
        bench.archive(&[&bad.url]).in_release("dists/trixie", signed).unwrap_err().to_string(),
        format!(
            "could not get `dists/trixie/InRelease` from any source:\n  {} (catalog mirror): it is not signed, but `evil`",
            bad.url
        )
    );
}

#[test]
fn offline_nobody_is_asked_and_the_error_says_how_to_go_on() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let offline = bench.archive_on(&[&server.url], Network::Offline);
    let error = |what: &str| {
        format!(
            "`{what}` is not in the store, and servers are not asked when offline: run once without `--offline`, \
             or name a mirror on disk that has it"
        )
    };
    assert_eq!(offline.package(bash()).unwrap_err().to_string(), error(BASH));
    let release = offline.in_release("dists/trixie", signed);
    assert_eq!(release.unwrap_err().to_string(), error("dists/trixie/InRelease"));
    assert!(server.paths().is_empty());

    let online = bench.archive(&[&server.url]);
    online.package(bash()).unwrap();
    online.in_release("dists/trixie", signed).unwrap();
    offline.package(bash()).unwrap();
    offline.in_release("dists/trixie", signed).unwrap();
    assert_eq!(server.paths().len(), 2);
}

#[test]
fn a_mirror_on_disk_serves_offline_too() {
    let (bench, disk) = (Bench::new(), tempfile::tempdir().unwrap());
    crate::effects::files::write_atomically(&disk.path().join(BASH), b"a shell").unwrap();
    let base = base_url(disk.path().to_str().unwrap()).unwrap();
    bench.archive_on(&[&base], Network::Offline).package(bash()).unwrap();
    assert!(bench.store.has(bash().sha256));
}

#[test]
fn a_path_that_leads_out_of_the_archive_is_asked_of_nobody() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    for path in ["../x", "pool/../../x", "/etc/passwd", "pool//x", ""] {
        let error = bench.archive(&[&server.url]).package(Named { path, ..bash() }).unwrap_err();
        assert!(error.to_string().ends_with("its path is not one of an archive"), "{error}");
    }
    assert!(server.paths().is_empty());
}

#[test]
fn a_store_that_cannot_take_more_is_an_error_of_its_own() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let store = Store::open(bench.store.root(), Access::ReadOnly).unwrap();
    let bench = Bench { store, ..bench };
    let archive = bench.archive(&[&server.url]);
    assert!(matches!(archive.package(bash()), Err(ArchiveError::Store(StoreError::ReadOnly(_)))));
    assert_eq!(archive.in_release("dists/trixie", signed).unwrap().checked, 6);
}
