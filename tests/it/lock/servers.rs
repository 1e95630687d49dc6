//! Servers that do not answer as they should.

use std::time::{Duration, Instant};

use crate::desk::{Desk, LOCKED, assert_unobtainable, assert_untrusted, libc6, without_digests};
use crate::run::Said;
use crate::server::Fault;

#[test]
fn a_file_that_is_not_there_is_named_with_where_it_was_looked_for() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::Status(404));
    assert_unobtainable(&desk.lock(&[]), "trixie/InRelease", "[URL]/debian/ (host apt sources): not found");
}

#[test]
fn an_index_that_is_not_there_is_named() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie/main/binary-arm64/**", Fault::Status(404));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/main/binary-arm64/Packages.xz",
        "[URL]/debian/ (host apt sources): not found",
    );
}

#[test]
fn a_server_that_is_overloaded_is_asked_again_and_given_up() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::TooManyRequests { retry_after: 0 });
    assert_unobtainable(
        &desk.lock(&["--retries", "2"]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): the server answered 429 Too Many Requests: try again later, or name a mirror of your own",
    );
    let asked = desk.server.take_paths().iter().filter(|path| path.ends_with("/trixie/InRelease")).count();
    assert_eq!(asked, 3);
}

#[test]
fn a_server_that_recovers_is_no_failure() {
    let desk = Desk::new();
    desk.server.fail_times("/debian/dists/trixie/InRelease", Fault::TooManyRequests { retry_after: 0 }, 2);
    desk.server.fail_times("/debian-security/**/InRelease", Fault::Status(503), 1);
    desk.server.fail_times("/**/binary-amd64/**", Fault::Cut(20), 1);
    desk.lock(&["--retries", "2"]).success();
}

#[test]
fn a_server_that_fails_is_named() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie-updates/InRelease", Fault::Status(503));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie-updates/InRelease",
        "[URL]/debian/ (host apt sources): the server answered 503 Service Unavailable",
    );
}

#[test]
fn a_server_that_wants_a_password_is_named() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie-updates/InRelease", Fault::Status(401));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie-updates/InRelease",
        "[URL]/debian/ (host apt sources): the server answered 401 Unauthorized: does it take credentials, and are they right?",
    );
}

#[test]
fn a_page_in_place_of_a_file_is_told_from_it() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::HtmlPage);
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): an HTML page came in place of the file: did a captive portal or proxy answer?",
    );
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let desk = Desk::new();
    desk.server.fail("/debian/**", Fault::Hang);
    let started = Instant::now();
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): nothing came for 1 s",
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_download_that_breaks_off_is_no_download() {
    let mut desk = Desk::new();
    let whole = std::fs::metadata(desk.archive.dir().join("debian/dists/trixie/InRelease")).unwrap().len();
    desk.world.filter(&format!("100 of {whole} bytes"), "100 of [SIZE] bytes");
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::Cut(100));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): it broke off after 100 of [SIZE] bytes",
    );
    desk.server.heal();
    desk.server.fail("/debian/dists/trixie/main/binary-amd64/**", Fault::Cut(20));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/main/binary-amd64/Packages.xz",
        "[URL]/debian/ (host apt sources): it broke off after 20 of 440 bytes",
    );
}

#[test]
fn bytes_other_than_the_signed_ones_are_not_taken() {
    let desk = Desk::new();
    desk.server.fail("/debian/dists/trixie/main/binary-amd64/**", Fault::WrongBytes);
    let said = desk.lock(&[]);
    let stderr = without_digests(&said.stderr);
    assert_untrusted(
        &Said { stderr, ..said },
        "trixie/main/binary-amd64/Packages.xz",
        "[URL]/debian/ (host apt sources): another file came: its SHA-256 is …, but … was expected",
    );
    desk.server.heal();
    desk.lock(&[]).success();
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut desk = Desk::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    desk.edit("apt/sources.list.d/fake.sources", desk.server.url(), &url);
    desk.world.filter(&url, "[NOBODY]");
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[NOBODY]/debian/ (host apt sources): there is no connection: Connection refused (os error 111)",
    );
}

#[test]
fn an_architecture_that_a_mirror_does_not_have_can_stay_as_it_is_locked() {
    let mut desk = Desk::new().locked();
    libc6("2.41-2").publish(&mut desk.archive);
    desk.server.fail("/debian/dists/trixie/main/binary-arm64/**", Fault::Status(404));
    desk.lock(&["--keep-going"]).assert_is(r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE  OLD     NEW
libc6    2.41-1  2.41-2  amd64

SOURCE        FIXES
glibc 2.41-2  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all       ±0 B       ±0 B
----- stderr -----
warning: debian13 stays as it was locked on arm64, where it cannot be renewed: could not read the suite `trixie`: could not get `dists/trixie/main/binary-arm64/Packages.xz` from any source:
  [URL]/debian/ (host apt sources): not found
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
warning: libc6 has not one version: 2.41-1 on arm64; 2.41-2 on amd64
"#);
    desk.server.heal();
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 2 images affected

PACKAGE  OLD     NEW
libc6    2.41-1  2.41-2  arm64

SOURCE        FIXES
glibc 2.41-2  changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all       ±0 B       ±0 B
----- stderr -----
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}

#[test]
fn an_index_that_another_architecture_has_too_need_not_come_twice() {
    let desk = Desk::new();
    // It is as empty as that of amd64, and so has the same digest.
    desk.server.fail("/debian/dists/trixie-updates/main/binary-arm64/**", Fault::Status(404));
    desk.lock(&[]).assert_is(LOCKED);
}
