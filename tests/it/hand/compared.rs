//! `distro diff` of two images.

use regex::Regex;
use serde_json::{Value, json};

use super::built;
use super::foreign::{self, Layer};
use crate::desk::{assert_refused, assert_same};
use crate::workshop::Workshop;

/// What is said, but for digests and sizes of layers, which change with how they are compressed.
fn shown(text: &str) -> String {
    let patterns = [
        ("[0-9a-f]{12}", "[DIGEST]"),
        (r"\[DIGEST\] +[0-9.]+ (Ki)?B", "[DIGEST] [SIZE]"),
        ("download .*", "download [SIZES]"),
    ];
    patterns.iter().fold(text.to_owned(), |text, (pattern, shown)| {
        Regex::new(pattern).unwrap().replace_all(&text, *shown).into_owned()
    })
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
    assert_same(
        &diff(&workshop, &images),
        r#"
static-debian13:latest → cc-debian13:debug

CONFIGURATION  OLD            NEW
Entrypoint     -              ["/busybox/sh"]
Env.PATH       /usr/bin:/bin  /usr/bin:/bin:/busybox

PACKAGE         OLD  NEW
busybox-static  -    1:1.37-1
gcc-14-base     -    14.2-1
libc6           -    2.41-1
libgcc-s1       -    14.2-1

   LAYER          SIZE  MADE FROM
+  [DIGEST] [SIZE]  libc6 2.41-1 (amd64)
+  [DIGEST] [SIZE]  gcc-14-base 14.2-1 (amd64)
+  [DIGEST] [SIZE]  libgcc-s1 14.2-1 (amd64)
+  [DIGEST] [SIZE]  busybox-static 1:1.37-1 (amd64)
+  [DIGEST] [SIZE]  step busybox

   FILE                                           WHAT
+  /busybox                                       directory 0755 0:0
+  /busybox/[                                     link to ../usr/bin/busybox
+  /busybox/[[                                    link to ../usr/bin/busybox
+  /busybox/cat                                   link to ../usr/bin/busybox
+  /busybox/sh                                    link to ../usr/bin/busybox
+  /usr/bin                                       directory 0755 0:0
+  /usr/bin/busybox                               file 0755 0:0 24 B
+  /usr/lib/libc.so.6                             file 0644 0:0 19 B
+  /usr/lib/libgcc_s.so.1                         file 0644 0:0 7 B
+  /usr/share/doc/busybox-static                  directory 0755 0:0
+  /usr/share/doc/busybox-static/copyright        file 0644 0:0 145 B
+  /usr/share/doc/gcc-14-base                     directory 0755 0:0
+  /usr/share/doc/gcc-14-base/copyright           file 0644 0:0 142 B
+  /usr/share/doc/libc6                           directory 0755 0:0
+  /usr/share/doc/libc6/copyright                 file 0644 0:0 136 B
+  /usr/share/doc/libgcc-s1                       link to gcc-14-base
+  /var/lib/dpkg/status.d/busybox-static          file 0644 0:0 192 B
+  /var/lib/dpkg/status.d/busybox-static.md5sums  file 0644 0:0 123 B
+  /var/lib/dpkg/status.d/gcc-14-base             file 0644 0:0 187 B
+  /var/lib/dpkg/status.d/gcc-14-base.md5sums     file 0644 0:0 70 B
+  /var/lib/dpkg/status.d/libc6                   file 0644 0:0 214 B
+  /var/lib/dpkg/status.d/libc6.md5sums           file 0644 0:0 183 B
+  /var/lib/dpkg/status.d/libgcc-s1               file 0644 0:0 224 B
+  /var/lib/dpkg/status.d/libgcc-s1.md5sums       file 0644 0:0 56 B

TOTAL          OLD      NEW   SHARED
packages         2        6
layers           5       10        5
download [SIZES]
files           15       34
installed  1.3 KiB  3.0 KiB
"#,
    );
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
    assert_same(
        &diff(&workshop, &["oci:old:app", "oci:new:app"]),
        r#"
oci:old:app → oci:new:app

   LAYER            SIZE  MADE FROM
+  [DIGEST] [SIZE]

   FILE               WHAT
~  /becomes-link      file 0640 1:2 1 B → link to content
~  /content           content (1 B → 2 B; [DIGEST] → [DIGEST])
~  /directory         mode 0755 → 0700
-  /directory/hidden  file 0640 1:2 1 B
-  /gone              file 0640 1:2 1 B
~  /link              link to content → link to elsewhere

TOTAL        OLD      NEW  SHARED
packages       0        0
layers         1        2       1
download [SIZES]
files          5        3
installed    4 B      2 B
"#,
    );
}

#[test]
fn what_may_be_meant_otherwise_is_refused_with_what_to_say() {
    let workshop = built();
    let world = &workshop.world;
    let refused = |arguments: &[&str], stderr: &str| {
        assert_refused(&world.distro(&[&["diff"], arguments].concat()), stderr);
    };
    refused(
        &["cc-debian13:latest"],
        r#"
error: an image is compared with another image
hint: name two, each with its tag: `distro diff cc-debian13:latest cc-debian13:debug`
"#,
    );
    refused(
        &["cc-debian13:latest", "HEAD"],
        r#"
error: an image is compared with another image
hint: name two, each with its tag: `distro diff cc-debian13:latest cc-debian13:debug`
"#,
    );
    refused(
        &["lock/debian13.lock", "lock/debian13.lock", "--arch", "amd64"],
        r#"
error: --arch, --out and --plain-http are for images, and locks are compared
hint: name two images with their tags: `distro diff cc-debian13:latest cc-debian13:debug`
"#,
    );
    refused(
        &["cc-debian13:latest", "cc-debian13:nothing", "--arch", "amd64"],
        r#"
error: there is no image `cc-debian13:nothing` in `out`
hint: `distro build cc-debian13:nothing` makes it, if it is of the catalog; --out names another layout, and `distro list` the images of the catalog
"#,
    );
    world.write("cc-debian13:latest", "");
    refused(
        &["cc-debian13:latest", "cc-debian13:debug"],
        r#"
error: `cc-debian13:latest` may be an image, and is a file too
hint: write `./cc-debian13:latest` for the file, or `oci:out:cc-debian13:latest` for the image
"#,
    );
}
