//! `distro licenses`, and what `distro build` tells of licenses.

use serde_json::Value;

use crate::archive::Package;
use crate::run::Said;
use crate::workshop::Workshop;

const FORMAT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";

const LIBRARY: &str = "
Files: *
Copyright: 1999 A
  2001 B
License: zlib-like
 Do as you like,
 .
 but say so.

Files: debian/*
Copyright: 2025 C
License: GPL-2+
 This is free software; you can redistribute it under the terms of the GNU
 General Public License, version 2 or (at your option) any later version.
 .
 The license is in `/usr/share/common-licenses/GPL-2'.
";

const FREE_FORM: &str = "This is tool.\n\nCopyright (C) 2002 D\n\nFree for all.\n";

/// The reviews of what the program does not know.
const REVIEWS: &str = r#"
[[text]]
sha256 = "371dcb9a6b65a971228caf983f1c428974757cd0f1d872ee4f43e05de53423c6"
is = "LicenseRef-acme-own"
seen = "as `zlib-like` in library"
evidence = "read by A"

[[copyright]]
sha256 = "f44b44e494fba0f2c5df378ed8b977458da688c407220918e18a69566a9ecb53"
source = "tool"
declared = "MIT-0"
evidence = "read by B"
"#;

/// The texts that stand in no table of reviews.
const UNREVIEWED: &str = r#"library: line 3: `zlib-like`, "Do as you like, but say so."
  tool: a file in free form, "This is tool. Copyright (C) 2002 D Free for all.""#;

/// The lines that review them.
const TO_REVIEW: &str = r#"
[[text]]
sha256 = "371dcb9a6b65a971228caf983f1c428974757cd0f1d872ee4f43e05de53423c6"
is = "…" # an SPDX licence expression
seen = "as `zlib-like` in library"
evidence = "read by …"

[[copyright]]
sha256 = "f44b44e494fba0f2c5df378ed8b977458da688c407220918e18a69566a9ecb53"
source = "tool"
declared = "…" # an SPDX licence expression
evidence = "read by …"
"#;

/// A library, the data of the same source with a link to the library's copyright file, and a tool in free form.
fn shop() -> Workshop {
    Workshop::of_one_image([
        Package::new("base-files", "13").file("/usr/share/common-licenses/GPL-2", "GNU GPL, version 2\n"),
        Package::new("libone", "1.0-1")
            .source("library")
            .file("/usr/share/doc/libone/copyright", format!("{FORMAT}{LIBRARY}")),
        Package::new("libone-data", "1.0-1")
            .source("library")
            .link("/usr/share/doc/libone-data", "libone")
            .without_copyright(),
        Package::new("tool", "2").file("/usr/share/doc/tool/copyright", FREE_FORM),
    ])
}

fn licenses(shop: &Workshop, arguments: &[&str]) -> Said {
    shop.world.distro(&[&["licenses", "one", "--arch", "amd64"], arguments].concat())
}

#[test]
fn a_notice_has_every_text_once() {
    let shop = shop();
    shop.world.catalog("licenses.toml", REVIEWS);
    shop.lock();
    licenses(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
Licences of one-debian13:latest (linux/amd64)
=============================================

base-files 13 (source package base-files 13)
License: MIT
Copyright:
  2025 the makers of base-files
Texts: [1]

libone 1.0-1 (source package library 1.0-1)
License: LicenseRef-acme-own
Declared: GPL-2.0-or-later AND LicenseRef-acme-own
  Set aside: GPL-2.0-or-later of debian/* (debian/copyright, line 11): packaging.
  Reviewed: LicenseRef-acme-own by its text: read by A.
Copyright:
  1999 A
  2001 B
Texts: [2] [3] [4]

libone-data 1.0-1 (source package library 1.0-1)
License: LicenseRef-acme-own
Declared: GPL-2.0-or-later AND LicenseRef-acme-own
  Set aside: GPL-2.0-or-later of debian/* (debian/copyright, line 11): packaging.
  Reviewed: LicenseRef-acme-own by its text: read by A.
Copyright:
  1999 A
  2001 B
Texts: [2] [3] [4]

tool 2 (source package tool 2)
License: MIT-0
  The whole copyright file was reviewed: read by B.
Copyright:
  Copyright (C) 2002 D
Texts: [5]

--- [1] MIT -------------------------------------------------------------------

MIT License

Copyright (c) <year> <copyright holders>

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE
USE OR OTHER DEALINGS IN THE SOFTWARE.

--- [2] zlib-like -------------------------------------------------------------

Do as you like,

but say so.

--- [3] GPL-2+ ----------------------------------------------------------------

This is free software; you can redistribute it under the terms of the GNU
General Public License, version 2 or (at your option) any later version.

The license is in `/usr/share/common-licenses/GPL-2'.

--- [4] /usr/share/common-licenses/GPL-2 --------------------------------------

GNU GPL, version 2

--- [5] the copyright file of tool 2 ------------------------------------------

This is tool.

Copyright (C) 2002 D

Free for all.
----- stderr -----
"#,
    );
    shop.server.take_requests();
    let again = licenses(&shop, &["--offline"]).success();
    assert_eq!(licenses(&shop, &["--offline"]).success().stdout, again.stdout);
    assert!(shop.server.take_paths().is_empty());
}

#[test]
fn a_notice_is_data_too() {
    let shop = shop();
    shop.world.catalog("licenses.toml", REVIEWS);
    shop.lock();
    let notice: Value =
        serde_json::from_str(&licenses(&shop, &["--format", "json"]).success().stdout).unwrap();
    let library = &notice["packages"][1];
    assert_eq!(library["name"], "libone");
    assert_eq!(library["source"], "library 1.0-1");
    assert_eq!(library["license"], "LicenseRef-acme-own");
    assert_eq!(library["declared"], "GPL-2.0-or-later AND LicenseRef-acme-own");
    assert_eq!(library["copyright"], serde_json::json!(["1999 A", "2001 B"]));
    let data = &notice["packages"][2];
    assert_eq!((&data["license"], &data["texts"]), (&library["license"], &library["texts"]));
    let texts: Vec<_> =
        library["texts"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
    let text = |number: u64| notice["texts"][usize::try_from(number).unwrap() - 1]["text"].as_str().unwrap();
    assert_eq!(
        texts.iter().map(|number| text(*number)).filter(|text| *text == "GNU GPL, version 2").count(),
        1
    );
}

#[test]
fn what_nobody_has_reviewed_is_told_with_the_lines_that_review_it() {
    let shop = shop();
    shop.lock().build(&[]).assert_is(&format!(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
one-debian13:latest  amd64         4       4     2.2 KiB  32.0 KiB  sha256:0ab16844b045
----- stderr -----
      Built 1 image in out; 4 packages converted
warning: nobody has reviewed these licence texts
  {UNREVIEWED}
SBOMs assert nothing of their packages until `licenses.toml`, beside catalog.toml, says what they are:
{TO_REVIEW}"#,
    ));
    licenses(&shop, &["--offline"]).assert_is(&format!(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: could not tell the licences of one-debian13:latest: nobody has reviewed these licence texts
  {UNREVIEWED}
hint: SBOMs assert nothing of their packages until `licenses.toml`, beside catalog.toml, says what they are:
{TO_REVIEW}"#,
    ));
}

#[test]
fn what_is_wrong_in_licenses_toml_is_shown() {
    let shop = shop();
    shop.world.catalog("licenses.toml", "[names]\nzlib-like = \"zlib-like\"\n");
    shop.lock().build(&[]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: `zlib-like` is no SPDX licence expression: unknown term
 --> images/licenses.toml:2:13
  |
2 | zlib-like = "zlib-like"
  |             ^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_license_text_that_the_store_lost_is_made_anew() {
    let shop = shop();
    shop.world.catalog("licenses.toml", REVIEWS);
    shop.lock();
    let first = licenses(&shop, &[]).success().stdout;
    lose(&shop, FREE_FORM);
    assert_eq!(licenses(&shop, &["--offline"]).success().stdout, first);
}

#[test]
fn a_copyright_file_may_be_a_link_to_a_file_of_any_name() {
    let terms = format!("{FORMAT}\nFiles: *\nCopyright: 2001 A\nLicense: GPL-2+\n");
    let shop = Workshop::of_one_image([
        Package::new("tool", "2")
            .link("/usr/share/doc/tool/copyright", "../../terms/A.txt")
            .without_copyright(),
        Package::new("terms", "1").file("/usr/share/terms/A.txt", &*terms),
    ]);
    shop.lock().build(&[]).success();
    let notice = || -> Value {
        let said = licenses(&shop, &["--offline", "--format", "json"]).success();
        serde_json::from_str(&said.stdout).unwrap()
    };
    let first = notice();
    let tool = &first["packages"][1];
    assert_eq!(tool["name"], "tool");
    assert_eq!(tool["license"], "GPL-2.0-or-later");
    assert_eq!(tool["copyright"], serde_json::json!(["2001 A"]));
    lose(&shop, &terms);
    assert_eq!(notice(), first);
}

/// Takes a text out of the store.
fn lose(shop: &Workshop, text: &str) {
    for entry in walk(&shop.world.path("store/blobs")) {
        if std::fs::read(&entry).unwrap() == text.as_bytes() {
            std::fs::remove_file(entry).unwrap();
        }
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
