use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::effects::test_server::{Answer, Server};

const ETAG: &str = "ETag: \"v1\"";

/// Impatient enough for tests.
fn http(retries: u32) -> Http {
    Http::new(HttpOptions {
        connect_timeout: Duration::from_millis(150),
        idle_timeout: Duration::from_millis(300),
        retries,
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(50),
        ..HttpOptions::default()
    })
}

fn fetch(http: &Http, url: &Url) -> Result<String, HttpError> {
    fetch_on(http, url, &Terms::default())
}

fn fetch_on(http: &Http, url: &Url, terms: &Terms) -> Result<String, HttpError> {
    let Response::Found(mut download) = http.get(url, terms)? else { return Ok("not modified".into()) };
    let mut text = String::new();
    match download.read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(HttpError::from_io(error).unwrap()),
    }
}

#[track_caller]
fn fails(server: &Server, retries: u32, error: &str) {
    let failed = fetch(&http(retries), &server.at("x")).unwrap_err();
    assert_eq!(failed.to_string(), format!("could not get {}: {error}", server.at("x")));
}

#[test]
fn a_file_is_fetched_with_its_length_and_validators() {
    let server = Server::start(|_, _| {
        Answer::ok_with(&[ETAG, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], "hello")
    });
    let http = http(0);
    let Response::Found(download) = http.get(&server.at("x"), &Terms::default()).unwrap() else { panic!() };
    assert_eq!(download.size(), Some(5));
    let validators = Validators {
        etag: Some("\"v1\"".into()),
        last_modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
    };
    assert_eq!(*download.validators(), validators);
    let request = &server.requests()[0];
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("user-agent"), Some(concat!("distro/", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_file_that_did_not_change_is_not_sent_again() {
    let server = Server::start(|request, _| match request.header("if-none-match") {
        Some("\"v1\"") => Answer::status("304 Not Modified"),
        _ => Answer::ok("new"),
    });
    let terms = |etag: &str| Terms {
        unless: Validators { etag: Some(etag.into()), ..Validators::default() },
        ..Terms::default()
    };
    assert_eq!(fetch_on(&http(0), &server.at("x"), &terms("\"v1\"")).unwrap(), "not modified");
    assert_eq!(fetch_on(&http(0), &server.at("x"), &terms("\"v0\"")).unwrap(), "new");
}

#[test]
fn a_name_that_does_not_resolve_is_told_from_a_server_that_is_down() {
    let error = |url: &str| fetch(&http(0), &url.parse().unwrap()).unwrap_err().kind;
    let unresolved = error("http://name.invalid/x");
    assert!(matches!(unresolved, HttpErrorKind::Resolve(_)), "{unresolved:?}");
    let down = error("http://127.0.0.1:1/x");
    assert!(matches!(down, HttpErrorKind::Connect(_)), "{down:?}");
}

#[test]
fn what_passes_is_tried_again() {
    for answer in [
        || Answer::status("503 Service Unavailable"),
        || Answer::new("429 Too Many Requests", &["Retry-After: 7", "Content-Length: 0"], ""),
        || Answer::status("408 Request Timeout"),
        || Answer::new("200 OK", &[], "").then_hang().less(4),
        || Answer::ok("").less(60),
    ] {
        let server = Server::start(move |_, number| if number < 2 { answer() } else { Answer::ok("hello") });
        assert_eq!(fetch(&http(2), &server.at("x")).unwrap(), "hello");
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn a_server_is_left_alone_as_long_as_it_asks_for_but_not_for_ever() {
    let server = Server::start(|_, number| match number {
        0 => Answer::new("429 Too Many Requests", &["Retry-After: 3600", "Content-Length: 0"], ""),
        _ => Answer::ok("hello"),
    });
    let start = Instant::now();
    fetch(&http(1), &server.at("x")).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn what_does_not_pass_is_told_in_the_end() {
    type Case = (u32, usize, fn() -> Answer, &'static str);
    let cases: [Case; 6] = [
        (3, 1, || Answer::status("404 Not Found"), "not found"),
        (3, 1, || Answer::status("410 Gone"), "not found"),
        (
            3,
            1,
            || Answer::status("403 Forbidden"),
            "the server answered 403 Forbidden: does it take credentials, and are they right?",
        ),
        (2, 3, || Answer::status("502 Bad Gateway"), "the server answered 502 Bad Gateway"),
        (
            3,
            1,
            || Answer::ok_with(&["Content-Type: text/html; charset=utf-8"], "<html>"),
            "an HTML page came in place of the file: did a captive portal or proxy answer?",
        ),
        (1, 2, || Answer::ok("").then_hang().less(4), "nothing came for 300 ms"),
    ];
    for (retries, requests, answer, error) in cases {
        let server = Server::start(move |_, _| answer());
        fails(&server, retries, error);
        assert_eq!(server.requests().len(), requests, "{error}");
    }
}

#[test]
fn a_body_that_hangs_or_is_cut_is_never_taken_for_whole() {
    let server = Server::start(|_, _| Answer::ok("hello").less(2));
    fails(&server, 3, "it broke off after 3 of 5 bytes");
    let server = Server::start(|_, _| Answer::ok("hello").less(2).then_hang());
    fails(&server, 3, "nothing came for 300 ms");
    let server =
        Server::start(|_, _| Answer::new("200 OK", &["Transfer-Encoding: chunked"], "5\r\nhello\r\n"));
    fails(&server, 0, "the connection broke: unexpected EOF during chunk size line");
}

/// Serves two bytes at a time of those asked for.
fn in_pieces(request: &crate::effects::test_server::Request, etag: &str) -> Answer {
    let body = "hello world";
    let etag = format!("ETag: {etag}");
    let Some(from) =
        request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
    else {
        return Answer::ok_with(&[&etag], body).less(body.len() - 2);
    };
    let rest = &body[from.parse::<usize>().unwrap()..];
    let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
    let length = format!("Content-Length: {}", rest.len());
    Answer::new("206 Partial Content", &[&etag, &range, &length], rest).less(rest.len().saturating_sub(2))
}

#[test]
fn a_download_that_broke_off_is_taken_up_where_it_did() {
    let server = Server::start(|request, _| in_pieces(request, "\"v1\""));
    assert_eq!(fetch(&http(5), &server.at("x")).unwrap(), "hello world");
    let ranges: Vec<_> =
        server.requests().iter().filter_map(|request| request.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, ["bytes=2-", "bytes=4-", "bytes=6-", "bytes=8-", "bytes=10-"]);
    assert!(server.requests()[1..].iter().all(|request| request.header("if-range") == Some("\"v1\"")));
    fails(&Server::start(|request, _| in_pieces(request, "\"v1\"")), 2, "it broke off after 6 of 11 bytes");
}

#[test]
fn a_server_without_ranges_has_what_came_before_passed_over() {
    let server = Server::start(|_, number| {
        Answer::ok_with(&[ETAG], "hello world").less(8_usize.saturating_sub(4 * number))
    });
    assert_eq!(fetch(&http(2), &server.at("x")).unwrap(), "hello world");
}

#[test]
fn a_file_that_can_be_no_other_is_taken_up_without_a_word_of_the_server() {
    let server = Server::start(|request, _| match request.header("range") {
        None => Answer::ok("hello").less(2),
        Some(_) => {
            Answer::new("206 Partial Content", &["Content-Range: bytes 3-4/5", "Content-Length: 2"], "lo")
        }
    });
    let fetch = |lasting| fetch_on(&http(1), &server.at("x"), &Terms { lasting, ..Terms::default() });
    assert_eq!(fetch(true).unwrap(), "hello");
    let again = &server.requests()[1];
    assert_eq!((again.header("range"), again.header("if-range")), (Some("bytes=3-"), None));
    assert!(fetch(false).unwrap_err().to_string().ends_with("it broke off after 3 of 5 bytes"));
}

#[test]
fn a_file_that_changed_meanwhile_is_not_mixed_with_its_former_self() {
    let server = Server::start(|_, number| match number {
        0 => Answer::ok_with(&[ETAG], "hello world").less(5),
        _ => Answer::ok_with(&["ETag: \"v2\""], "HELLO WORLD"),
    });
    fails(&server, 3, "it changed on the server during the download: try again");
    // Weak: it does not tell bytes apart.
    let server = Server::start(|_, _| Answer::ok_with(&["ETag: W/\"v1\""], "hello").less(2));
    fails(&server, 3, "it broke off after 3 of 5 bytes");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn redirections_are_followed_but_not_for_ever() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/x" => Answer::new("302 Found", &["Location: /y", "Content-Length: 0"], ""),
        _ => Answer::ok("hello"),
    });
    assert_eq!(fetch(&http(0), &server.at("x")).unwrap(), "hello");
    let server = Server::start(|_, _| Answer::new("302 Found", &["Location: /x", "Content-Length: 0"], ""));
    fails(&server, 3, "a redirection was not followed: more than 10 in a row");
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn a_secure_connection_is_not_given_up_for_another() {
    let [plain, secure] =
        ["http://example.org/x", "https://example.org/x"].map(|url| Url::parse(url).unwrap());
    let refused = hop(&secure, plain.clone()).unwrap_err().to_string();
    assert_eq!(refused, "a redirection was not followed: from https to a connection that is not secure");
    assert_eq!(hop(&plain, secure.clone()).unwrap(), secure);
}

#[test]
fn a_file_larger_than_expected_is_refused_with_or_without_a_length() {
    let terms = Terms { at_most: Some(3), ..Terms::default() };
    for answer in [|| Answer::ok("hello"), || Answer::new("200 OK", &[], "hello")] {
        let server = Server::start(move |_, _| answer());
        let error = fetch_on(&http(0), &server.at("x"), &terms).unwrap_err();
        assert_eq!(error.kind.to_string(), "it has more than the 3 bytes expected at most");
    }
}

#[test]
fn no_password_is_shown() {
    let mut url = Server::absent();
    url.set_username("jane").unwrap();
    url.set_password(Some("s3cret")).unwrap();
    let error = fetch(&http(1), &url).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("jane") && !shown.contains("s3cret"), "{shown}");
    assert!(error.kind.is_unreachable());
    assert_eq!(
        error.to_string(),
        format!(
            "could not get http://127.0.0.1:{}/: there is no connection: Connection refused (os error 111)",
            url.port().unwrap()
        )
    );
}

#[test]
fn a_connection_that_does_not_come_about_is_waited_for_once() {
    // The kernel lets callers wait while nobody takes connections from a queue that is full.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        queue.push(connection);
    }
    let began = Instant::now();
    let error = fetch(&http(100), &Url::parse(&format!("http://{address}/")).unwrap()).unwrap_err();
    assert_eq!(error.kind.to_string(), "there is no connection after 150 ms");
    assert!(error.kind.is_unreachable() && began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_user_and_a_password_are_sent() {
    let server = Server::start(|request, _| match request.header("authorization") {
        Some(_) => Answer::ok("hello"),
        None => Answer::status("401 Unauthorized"),
    });
    let mut url = server.at("x");
    url.set_username("jane").unwrap();
    url.set_password(Some("s3cret")).unwrap();
    assert_eq!(fetch(&http(0), &url).unwrap(), "hello");
}

#[test]
fn files_are_served_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), "hello").unwrap();
    let base = base_url(dir.path().to_str().unwrap()).unwrap();
    assert_eq!(fetch(&http(0), &base.join("x").unwrap()).unwrap(), "hello");
    let error = |name: &str| fetch(&http(0), &base.join(name).unwrap()).unwrap_err().kind.to_string();
    assert_eq!(error("y"), "not found");
    assert_eq!(error("."), format!("could not read `{}/`: it is a directory", dir.path().display()));
    assert_eq!(
        fetch(&http(0), &Url::parse("ftp://example.org/x").unwrap()).unwrap_err().to_string(),
        "could not get ftp://example.org/x: `ftp:` URLs are not served: use `http:`, `https:`, or `file:` with an \
         absolute path"
    );
}

#[test]
fn there_are_eight_connections_at_a_time() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_, _| {
        MOST.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(10));
        OPEN.fetch_sub(1, Ordering::SeqCst);
        Answer::ok("hello")
    });
    let http = http(0);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| fetch(&http, &server.at("x")).unwrap());
        }
    });
    assert_eq!(server.requests().len(), 32);
    assert!(MOST.load(Ordering::SeqCst) <= CONNECTIONS);
}
