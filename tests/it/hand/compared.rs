//! `distro diff` of two images.

use regex::Regex;
use serde_json::{Value, json};

use super::built;
use super::foreign::{self, Layer};
use crate::desk::{assert_refused, assert_same};
use crate::workshop::Workshop;

/// What is said, but for digests and sizes of layers, which change with how they are compressed.
fn shown(text: &str) -> String {
    let text = Regex::new("[0-9a-f]{12}").unwrap().replace_all(text, "[DIGEST]").into_owned();
    Regex::new(r"\[DIGEST\]( \|)? +[0-9.]+ (Ki)?B")
        .unwrap()
        .replace_all(&text, "[DIGEST]$1 [SIZE]")
        .into_owned()
}

fn diff(workshop: &Workshop, arguments: &[&str]) -> String {
    let said = workshop.world.distro(&[&["diff", "--arch", "amd64"], arguments].concat());
    assert_eq!(said.status, Some(0), "{said}");
    shown(&said.stdout)
}

#[test]
fn two_images_are_compared_down_to_their_files() {
    let workshop = built();
    let images = ["static-debian13:latest", "cc-debian13:debug"];
    assert_same(&diff(&workshop, &images), "");
    let json =
        workshop.world.distro(&[&["diff", "--arch", "amd64", "--format", "json"], &images[..]].concat());
    let json: Value = serde_json::from_str(&json.success().stdout).unwrap();
    assert_eq!(json["packages"][0], json!({ "name": "busybox-static", "old": null, "new": "1:1.37-1" }));
    let library = json["files"].as_array().unwrap().iter().find(|file| file["name"] == "/usr/lib/libc.so.6");
    let mut library = library.unwrap().clone();
    library["new"]["sha256"].take();
    assert_eq!(
        library,
        json!({ "name": "/usr/lib/libc.so.6", "old": null, "new": {
            "type": "file", "size": 19, "sha256": null, "mode": "0644", "uid": 0, "gid": 0 } })
    );
    let markdown = diff(&workshop, &[&["--format", "markdown"], &images[..]].concat());
    assert!(
        markdown.starts_with("## `static-debian13:latest` → `cc-debian13:debug`\n\n| total | old |"),
        "{markdown}"
    );
}

#[test]
fn the_same_image_of_two_layouts_differs_in_nothing() {
    let workshop = built();
    workshop.build(&["--out", "other"]).success();
    let said = workshop.world.distro(&[
        "diff",
        "oci:out:cc-debian13:debug",
        "oci:other:cc-debian13:debug",
        "--arch",
        "amd64",
    ]);
    assert!(
        said.stderr.starts_with("  Unchanged oci:out:cc-debian13:debug and oci:other:cc-debian13:debug"),
        "{said}"
    );
}

#[test]
fn every_way_in_which_a_file_may_differ_is_told() {
    let workshop = built();
    let world = &workshop.world;
    let lower = || {
        Layer::new()
            .file("content", "1")
            .file("gone", "2")
            .file("becomes-link", "3")
            .link("link", "content")
            .directory("directory/", 0o755)
            .file("directory/hidden", "4")
    };
    foreign::write(&world.path("old"), [lower()]);
    let upper = Layer::new()
        .file("content", "22")
        .file(".wh.gone", "")
        .link("becomes-link", "content")
        .link("link", "elsewhere")
        .directory("directory/", 0o700)
        .file("directory/.wh..wh..opq", "");
    foreign::write(&world.path("new"), [lower(), upper]);
    assert_same(&diff(&workshop, &["oci:old:app", "oci:new:app"]), "");
}

#[test]
fn what_may_be_meant_otherwise_is_refused_with_what_to_say() {
    let workshop = built();
    let world = &workshop.world;
    let refused = |arguments: &[&str], stderr: &str| {
        assert_refused(&world.distro(&[&["diff"], arguments].concat()), stderr);
    };
    refused(&["cc-debian13:latest"], "");
    refused(&["cc-debian13:latest", "HEAD"], "");
    refused(&["lock/debian13.lock", "lock/debian13.lock", "--arch", "amd64"], "");
    refused(&["cc-debian13:latest", "cc-debian13:nothing", "--arch", "amd64"], "");
    world.write("cc-debian13:latest", "");
    refused(&["cc-debian13:latest", "cc-debian13:debug"], "");
}
