//! Where archives are read from.

use std::fs;
use std::os::unix::fs::symlink;

use crate::archive::{DATE, Signer};
use crate::desk::{Desk, LOCKED, assert_refused, assert_unobtainable, assert_untrusted};
use crate::server::{Fault, Server};

/// A catalog that knows a mirror of the archive `debian` at another server.
fn with_mirror() -> (Desk, Server) {
    let mut desk = Desk::new();
    let mirror = Server::new(desk.archive.dir());
    name_mirror(&desk, &format!("{}/debian", mirror.url()));
    desk.world.filter(mirror.url(), "[MIRROR]");
    (desk, mirror)
}

fn name_mirror(desk: &Desk, url: &str) {
    desk.edit(
        "images/catalog.toml",
        "[archive.debian]\n",
        &format!("[archive.debian]\nmirrors = [\"{url}\"]\n"),
    );
}

#[test]
fn apt_s_one_line_sources_are_understood() {
    let desk = Desk::new();
    fs::remove_file(desk.world.path("apt/sources.list.d/fake.sources")).unwrap();
    let url = desk.server.url();
    desk.world.write(
        "apt/sources.list",
        &format!(
            "# the fake archive
deb [signed-by=/nowhere] {url}/debian trixie main # and a comment
deb-src {url}/elsewhere trixie main
deb {url}/debian-security trixie-security main
"
        ),
    );
    desk.lock(&[]).assert_is(LOCKED);
}

#[test]
fn a_source_that_cannot_be_understood_spoils_no_other() {
    let desk = Desk::new();
    desk.world.write("apt/sources.list", "dep http://mirror.example/debian trixie main\ndeb [a=b\n");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: [DIR]/apt/sources.list: line 1: `dep` is not a type of source: `deb` and `deb-src` are
warning: [DIR]/apt/sources.list: line 2: the options are not closed by `]`
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_mirror_of_the_catalog_comes_first() {
    let (desk, mirror) = with_mirror();
    desk.lock(&[]).success();
    assert_eq!(mirror.take_paths().iter().filter(|path| path.ends_with("/InRelease")).count(), 2);
    let asked = desk.server.take_paths();
    assert!(asked.iter().all(|path| path.starts_with("GET /debian-security/")), "{asked:?}");
}

#[test]
fn the_next_source_takes_over_where_one_fails() {
    let (desk, mirror) = with_mirror();
    mirror.fail("/debian/dists/trixie/InRelease", Fault::Status(404));
    mirror.fail("/debian/dists/trixie-updates/InRelease", Fault::HtmlPage);
    mirror.fail("/debian/**/by-hash/**", Fault::WrongBytes);
    desk.lock(&[]).assert_is(LOCKED);
}

#[test]
fn every_source_that_failed_is_told() {
    let (desk, mirror) = with_mirror();
    mirror.fail("/debian/dists/trixie/InRelease", Fault::Status(503));
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::Status(404));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        concat!(
            "[MIRROR]/debian/ (catalog mirror): the server answered 503 Service Unavailable\n",
            "[URL]/debian/ (host apt sources): not found\n",
        ),
    );
}

#[test]
fn a_password_is_not_shown() {
    let desk = Desk::new();
    let url = desk.server.url().to_owned();
    desk.edit("apt/sources.list.d/fake.sources", &url, &url.replace("http://", "http://me:secret@"));
    desk.server.fail("/debian/dists/trixie/InRelease", Fault::Status(401));
    assert_unobtainable(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): the server answered 401 Unauthorized: does it take credentials, and are they right?\n",
    );
}

#[test]
fn a_place_that_nobody_named_cannot_be_asked() {
    let desk = Desk::new();
    fs::remove_file(desk.world.path("apt/sources.list.d/fake.sources")).unwrap();
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not lock debian13
  could not read the suite `trixie`
  `dists/trixie/InRelease` is not in the store, and no place is known that serves it: name a mirror in `catalog.toml`
hint: packages come from the `mirrors` in catalog.toml, then from this machine's apt sources (--apt-dir), or with --snapshot from the snapshot service
"#,
    );
}

#[test]
fn a_directory_is_a_mirror_too() {
    let desk = Desk::new();
    let directory = format!("file://{}", desk.archive.dir().display());
    desk.edit("apt/sources.list.d/fake.sources", desk.server.url(), &directory);
    desk.lock(&[]).assert_is(LOCKED);
    assert_eq!(desk.server.take_paths(), [""; 0]);
}

/// Five days after the release.
const TIME: &str = "20250620T000000Z";

/// A desk whose archive is gone but for the snapshot service, which the catalog rewrites to the server.
fn with_snapshot() -> Desk {
    let desk = Desk::new();
    fs::remove_file(desk.world.path("apt/sources.list.d/fake.sources")).unwrap();
    for archive in ["debian", "debian-security"] {
        let service = desk.archive.dir().join("archive").join(archive);
        fs::create_dir_all(&service).unwrap();
        symlink(desk.archive.dir().join(archive), service.join(TIME)).unwrap();
        let table = format!("[archive.{archive}]\n");
        let named = format!("{table}snapshot = \"https://snapshot.example/archive/{archive}\"\n");
        desk.edit("images/catalog.toml", &table, &named);
    }
    let catalog = desk.world.read("images/catalog.toml");
    let url = desk.server.url();
    let rewrite = format!("[[mirror]]\nfrom = \"https://snapshot.example/\"\nto = \"{url}/\"\n");
    desk.world.catalog("catalog.toml", &format!("{catalog}\n{rewrite}"));
    desk
}

#[test]
fn the_archive_of_a_past_day_can_be_locked() {
    let mut desk = with_snapshot();
    // What has expired since was good on that day.
    desk.archive.set_valid_until("trixie-security", DATE + 86_400);
    desk.trust(&[Signer::Valid, Signer::Expired]);
    desk.archive.sign_with("trixie-updates", Signer::Expired);
    desk.lock(&["--snapshot", TIME]).assert_is(LOCKED);
    let asked = desk.server.take_paths();
    assert!(asked.contains(&format!("GET /archive/debian/{TIME}/dists/trixie/InRelease")), "{asked:?}");
    assert!(asked.iter().all(|path| path.contains(TIME)), "{asked:?}");
    let lock = desk.world.read("lock/debian13.lock");
    assert!(lock.contains(&format!("\nsnapshot = \"{TIME}\"\n")), "{lock}");
}

#[test]
fn a_suite_younger_than_the_snapshot_is_refused() {
    let mut desk = with_snapshot();
    desk.archive.set_date("trixie", DATE + 20 * 86_400);
    assert_untrusted(
        &desk.lock(&["--snapshot", TIME]),
        "trixie/InRelease",
        "[URL]/archive/debian/20250620T000000Z/ (snapshot service): the signature by [VALID KEY] was made at 2025-07-05T15:06:40Z, which is yet to come: is this machine's clock right?",
    );
}

#[test]
fn a_snapshot_that_does_not_exist_is_told() {
    let desk = with_snapshot();
    assert_unobtainable(
        &desk.lock(&["--snapshot", "20250621T000000Z"]),
        "trixie/InRelease",
        "[URL]/archive/debian/20250621T000000Z/ (snapshot service): not found",
    );
}

#[test]
fn the_time_of_a_snapshot_is_written_as_the_service_does_and_in_the_past() {
    let desk = Desk::new();
    assert_refused(
        &desk.lock(&["--snapshot", "2025-06-20"]),
        r#"
error: `2025-06-20` is not a time of the snapshot service
hint: write it as in 20261118T000000Z
"#,
    );
    let said = desk.lock(&["--snapshot", "29990101T000000Z"]);
    let (said_of, _) = said.stderr.split_once(": it is ").unwrap();
    assert_eq!((said.status, said_of), (Some(1), "error: there is no snapshot of 29990101T000000Z yet"));
}

#[test]
fn an_archive_without_a_snapshot_service_is_told() {
    let desk = Desk::new();
    assert_refused(
        &desk.lock(&["--snapshot", TIME]),
        r#"
error: could not lock debian13
  could not read the suite `trixie`
  `dists/trixie/InRelease` is not in the store, and no place is known that serves it: name a mirror in `catalog.toml`
hint: packages come from the `mirrors` in catalog.toml, then from this machine's apt sources (--apt-dir), or with --snapshot from the snapshot service
"#,
    );
}
