//! The server, asked by hand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::{Fault, Server};

const BODY: &str = "0123456789";

fn serve() -> (TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pool")).unwrap();
    std::fs::write(dir.path().join("pool/a 1+b.deb"), BODY).unwrap();
    let server = Server::new(dir.path());
    (dir, server)
}

/// Sends a request and gives the whole answer, until the server or the time limit ends it.
fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    write!(stream, "{}\r\n\r\n", request.replace('\n', "\r\n")).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer).replace("\r\n", "\n")
}

fn get(server: &Server, headers: &str) -> (String, String) {
    let answer = ask(server, format!("GET /pool/a%201%2bb.deb HTTP/1.1\nHost: x\n{headers}").trim_end());
    let (head, body) = answer.split_once("\n\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[test]
fn a_file_is_served_and_the_request_remembered() {
    let (_dir, server) = serve();
    let (head, body) = get(&server, "User-Agent: test");
    assert_eq!((status(&head), body.as_str()), ("200", BODY));
    let requests = server.take_requests();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/pool/a 1+b.deb"));
    assert_eq!(requests[0].header("user-agent"), Some("test"));
    assert_eq!(server.take_paths(), [""; 0]);
}

#[test]
fn one_connection_serves_many_requests() {
    let (_dir, server) = serve();
    let request = "GET /pool/a%201+b.deb HTTP/1.1\nHost: x";
    let answer = ask(&server, &format!("{request}\n\nHEAD /pool HTTP/1.1\n\n{request}"));
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(server.take_paths(), ["GET /pool/a 1+b.deb", "HEAD /pool", "GET /pool/a 1+b.deb"]);
}

#[test]
fn parts_are_served() {
    let (_dir, server) = serve();
    for (range, expected_status, expected) in [
        ("bytes=4-", "206", "456789"),
        ("bytes=4-5", "206", "45"),
        ("bytes=0-99", "206", BODY),
        ("bytes=-3", "206", "789"),
        ("bytes=10-", "416", ""),
        ("bytes=0-1,4-5", "200", BODY),
    ] {
        let (head, body) = get(&server, &format!("Range: {range}"));
        assert_eq!((status(&head), body.as_str()), (expected_status, expected), "{range}");
    }
    let (head, body) = get(&server, "Range: bytes=4-\nIf-Range: \"another\"");
    assert_eq!((status(&head), body.as_str()), ("200", BODY));
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let (_dir, server) = serve();
    let (head, _) = get(&server, "");
    for (validator, condition) in [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")] {
        let value = head.lines().find_map(|line| line.strip_prefix(&format!("{validator}: "))).unwrap();
        let (head, body) = get(&server, &format!("{condition}: {value}"));
        assert_eq!((status(&head), body.as_str()), ("304", ""), "{condition}");
    }
    let (head, _) = get(&server, "If-None-Match: \"another\"");
    assert_eq!(status(&head), "200");
}

#[test]
fn faults_strike_the_paths_that_fit_and_as_often_as_told() {
    let (_dir, server) = serve();
    server.fail("/elsewhere/**", Fault::Status(503));
    server.fail_times("/pool/*.deb", Fault::TooManyRequests { retry_after: 7 }, 2);
    let statuses: Vec<_> = (0..3).map(|_| status(&get(&server, "").0).to_owned()).collect();
    assert_eq!(statuses, ["429", "429", "200"]);
    server.fail("/**", Fault::TooManyRequests { retry_after: 7 });
    assert!(get(&server, "").0.contains("\nRetry-After: 7\n"));
    server.heal();
    assert_eq!(status(&get(&server, "").0), "200");
}

#[test]
fn a_server_can_lie_and_break_off() {
    let (_dir, server) = serve();
    let with = |fault| {
        server.heal();
        server.fail("/**", fault);
        get(&server, "")
    };
    let (head, body) = with(Fault::HtmlPage);
    assert!(status(&head) == "200" && body.starts_with("<!DOCTYPE html>"), "{head}\n{body}");
    let (head, body) = with(Fault::WrongBytes);
    assert!(head.contains("\nContent-Length: 10") && body != BODY, "{head}\n{body}");
    let (head, body) = with(Fault::Cut(4));
    assert!(head.contains("\nContent-Length: 10") && body == "0123", "{head}\n{body}");
    let (head, _) = with(Fault::Redirect("http://mirror.example.org/".into()));
    assert!(head.contains("\nLocation: http://mirror.example.org/\n"), "{head}");
}

#[test]
fn a_hanging_server_says_nothing_and_can_still_be_stopped() {
    let (_dir, server) = serve();
    server.fail("/**", Fault::Hang);
    let started = Instant::now();
    assert_eq!(ask(&server, "GET / HTTP/1.1"), "");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn nothing_outside_the_directory_is_served() {
    let (_dir, server) = serve();
    for path in ["/../../etc/passwd", "/pool/%2e%2e/%2e%2e/etc/passwd"] {
        assert!(ask(&server, &format!("GET {path} HTTP/1.1")).starts_with("HTTP/1.1 400 "), "{path}");
    }
}
