//! Where the tracker's data come from.

use std::fs;

use super::{TRACKER, dated, locked};
use crate::desk::assert_refused;
use crate::run::Said;
use crate::server::Fault;
use crate::workshop::Workshop;

/// The workshop with its data on its server.
fn served() -> Workshop {
    let workshop = locked();
    let data = workshop.archive.dir().join("tracker/data/json");
    fs::create_dir_all(data.parent().unwrap()).unwrap();
    fs::rename(workshop.world.path("tracker.json"), data).unwrap();
    workshop
}

fn find(workshop: &Workshop, more: &[&str]) -> Said {
    let url = format!("{}/tracker/data/json", workshop.server.url());
    let arguments = ["find", "CVE-2026-27171", "--retries", "0", "--timeout", "1", "--tracker", &url];
    workshop.world.distro(&[&arguments, more].concat())
}

/// Compares a search that found the vulnerability by the data of 2026-11-20, after a warning or none.
#[track_caller]
fn assert_found(said: &Said, warning: &str) {
    said.assert_is(&format!(
        "\
status: 0
----- stdout -----
PACKAGE  VERSION                      STATE                                                  IMAGE         TAGS    ARCHITECTURES
zlib1g   1:1.3.dfsg+really1.3.1-1+b1  fixed by renewing to 1:1.3.dfsg+really1.3.1-1+deb13u1  one-debian13  latest  amd64
----- stderr -----
{warning}    Tracker of 2026-11-20T06:00:00Z has CVE-2026-27171 for zlib
      Found in 1 of 1 image
"
    ));
}

#[test]
fn the_data_of_a_server_are_kept_and_asked_for_only_where_they_changed() {
    let workshop = served();
    assert_refused(
        &find(&workshop, &["--offline"]),
        r#"
error: the store has no copy of [URL]/tracker/data/json
hint: run once without `--offline`, or name a file by --tracker
"#,
    );
    assert_found(&find(&workshop, &[]), "");
    assert_eq!(workshop.server.take_paths(), ["GET /tracker/data/json"]);
    let again = find(&workshop, &[]).success();
    let requests = workshop.server.take_requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].header("if-none-match").is_some(), "{requests:?}");
    assert_eq!(find(&workshop, &["--offline"]), again);
    assert_eq!(workshop.server.take_paths(), Vec::<String>::new());
}

#[test]
fn an_older_copy_is_used_with_a_warning_where_the_server_fails() {
    let workshop = served();
    let path = "/tracker/data/json";
    workshop.server.fail(path, Fault::Status(500));
    assert_refused(
        &find(&workshop, &[]),
        r#"
error: could not get [URL]/tracker/data/json: the server answered 500 Internal Server Error
hint: try again later, or fetch the file otherwise and name it by --tracker
"#,
    );
    workshop.server.heal();
    find(&workshop, &[]).success();
    // A new state, so that the server does not answer that nothing changed.
    let data = workshop.archive.dir().join("tracker/data/json");
    fs::write(&data, TRACKER.replace("Negative", "Very negative")).unwrap();
    workshop.server.fail(path, Fault::Status(500));
    assert_found(
        &find(&workshop, &[]),
        "warning: could not get [URL]/tracker/data/json: the server answered 500 Internal Server Error; the copy of 2026-11-20T06:00:00Z is used\n",
    );
    workshop.server.fail(path, Fault::HtmlPage);
    assert_found(
        &find(&workshop, &[]),
        "warning: could not get [URL]/tracker/data/json: an HTML page came in place of the file: did a captive portal or proxy answer?; the copy of 2026-11-20T06:00:00Z is used\n",
    );
    workshop.server.heal();
    fs::write(&data, &TRACKER[..2000]).unwrap();
    assert_found(
        &find(&workshop, &[]),
        "warning: the tracker's data of [URL]/tracker/data/json cannot be read: it is cut short: glibc, CVE-2010-4756: EOF while parsing a string at line 77 column 18; the copy of 2026-11-20T06:00:00Z is used\n",
    );
}

#[test]
fn a_file_that_is_not_the_trackers_is_refused() {
    let workshop = locked();
    let find = |place| workshop.world.distro(&["find", "CVE-2026-27171", "--tracker", place]);
    let refused = |text: &str, why: &str| {
        workshop.world.write("tracker.json", text);
        let told = format!(
            "error: the tracker's data of `tracker.json` cannot be read\n  {why}\n\
             hint: --tracker takes what https://security-tracker.debian.org/tracker/data/json serves\n"
        );
        assert_refused(&find("tracker.json"), &told);
    };
    refused(
        &TRACKER[..2000],
        "it is cut short: glibc, CVE-2010-4756: EOF while parsing a string at line 77 column 18",
    );
    refused(
        "<!DOCTYPE html><title>Log in</title>",
        "it is HTML, not JSON: did a captive portal or proxy answer?",
    );
    refused(" ", "it is empty");
    refused(
        r#"{"spdxVersion": "SPDX-2.3", "packages": []}"#,
        r#"it is not as the tracker writes it: invalid type: string "SPDX-2.3", expected the vulnerabilities of spdxVersion by name at line 1 column 26"#,
    );
    let other_release = TRACKER.replace(r#""trixie""#, r#""forky""#);
    refused(&other_release, "it says nothing of the release `trixie`");
    let no_version =
        TRACKER.replace(r#""fixed_version": "1:1.3.dfsg+really1.3.1-1+deb13u1""#, r#""fixed_version": "?""#);
    refused(
        &no_version,
        "it is not as the tracker writes it: zlib, CVE-2026-27171: `?` is not a version: its upstream part has a character other than a-z, A-Z, 0-9 and `.+-~:` at line 232 column 25",
    );
    assert_refused(
        &find("elsewhere.json"),
        r#"
error: could not read the tracker's data `elsewhere.json`: there is no such file or directory
"#,
    );
    assert_refused(
        &find("http://[/x"),
        r#"
error: `http://[/x` is no URL: invalid IPv6 address
"#,
    );
}

#[test]
fn packed_data_are_read() {
    let workshop = locked();
    let packed = zstd::encode_all(TRACKER.as_bytes(), 1).unwrap();
    fs::write(workshop.world.path("tracker.json.zst"), packed).unwrap();
    dated(&workshop, "tracker.json.zst", "2026-11-20T06:00:00Z");
    let find = |file| workshop.world.distro(&["find", "CVE-2026-27171", "--tracker", file]).success();
    assert_eq!(find("tracker.json.zst"), find("tracker.json"));
}
