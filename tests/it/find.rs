//! Which images hold something.

mod tracker;

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::archive::Package;
use crate::desk::assert_refused;
use crate::workshop::Workshop;

/// In the shape of the Debian security tracker's data.
pub const TRACKER: &str = include_str!("fixtures/tracker.json");

/// One image of packages in real versions, some of them old, for amd64.
pub fn workshop() -> Workshop {
    let package = |name, version, source| Package::new(name, version).arch("amd64").source(source);
    let workshop = Workshop::of_one_image([
        package("libssl3t64", "3.5.6-1~deb13u2", "openssl")
            .file("/usr/lib/x86_64-linux-gnu/libssl.so.3", "tls"),
        package("zlib1g", "1:1.3.dfsg+really1.3.1-1+b1", "zlib (1:1.3.dfsg+really1.3.1-1)"),
        package("libc6", "2.41-12+deb13u4", "glibc").file("/usr/lib/x86_64-linux-gnu/libc.so.6", "c"),
        package("liblzma5", "5.8.1-1+deb13u2", "xz-utils"),
        package("libtinfo6", "6.5+20250216-2", "ncurses"),
        package("busybox-static", "1:1.37.0-6+b9", "busybox (1:1.37.0-6)")
            .field("Built-Using", "glibc (= 2.41-12)")
            .executable("/usr/bin/busybox", "box"),
    ]);
    workshop.world.write("tracker.json", TRACKER);
    dated(&workshop, "tracker.json", "2026-11-20T06:00:00Z");
    workshop
}

/// The same, with its lock.
pub fn locked() -> Workshop {
    let workshop = workshop();
    workshop.lock();
    workshop
}

/// Sets when a file was last written.
pub fn dated(workshop: &Workshop, file: &str, time: &str) {
    let time: jiff::Timestamp = time.parse().unwrap();
    let file = File::options().write(true).open(workshop.world.path(file)).unwrap();
    let since = Duration::from_secs(time.as_second().cast_unsigned());
    file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
}

#[test]
fn a_package_is_found_in_the_images_that_hold_it() {
    let workshop = locked();
    let find = |arguments: &[&str]| workshop.world.distro(&[&["find"], arguments].concat());
    find(&["libssl3t64"]).assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE     VERSION          SOURCE                   IMAGE         TAGS    ARCHITECTURES
libssl3t64  3.5.6-1~deb13u2  openssl 3.5.6-1~deb13u2  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find(&["libssl3t64 (<< 3.5.7)", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "package": "libssl3t64",
    "version": "3.5.6-1~deb13u2",
    "source": "openssl 3.5.6-1~deb13u2",
    "images": [
      {
        "repository": "one-debian13",
        "tags": [
          "latest"
        ],
        "architectures": [
          "amd64"
        ]
      }
    ]
  }
]
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find(&["lib*", "one:latest", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE     VERSION          SOURCE                    IMAGE         TAGS    ARCHITECTURES
libc6       2.41-12+deb13u4  glibc 2.41-12+deb13u4     one-debian13  latest  amd64
liblzma5    5.8.1-1+deb13u2  xz-utils 5.8.1-1+deb13u2  one-debian13  latest  amd64
libssl3t64  3.5.6-1~deb13u2  openssl 3.5.6-1~deb13u2   one-debian13  latest  amd64
libtinfo6   6.5+20250216-2   ncurses 6.5+20250216-2    one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find(&["libssl3t64 (>= 3.5.7)"]).assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
  Not found in 1 image
"#,
    );
}

#[test]
fn a_source_package_is_found_also_where_it_was_built_into_others() {
    let workshop = locked();
    let find = |query| workshop.world.distro(&["find", query]);
    find("src:glibc").assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE         VERSION          SOURCE                    IMAGE         TAGS    ARCHITECTURES
busybox-static  1:1.37.0-6+b9    built with glibc 2.41-12  one-debian13  latest  amd64
libc6           2.41-12+deb13u4  glibc 2.41-12+deb13u4     one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find("glibc").assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
warning: `glibc` is the name of a source package: try `distro find src:glibc`
  Not found in 1 image
"#,
    );
    find("pkg:deb/debian/zlib@1%3A1.3.dfsg%2Breally1.3.1-1?arch=source").assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE  VERSION                      SOURCE                         IMAGE         TAGS    ARCHITECTURES
zlib1g   1:1.3.dfsg+really1.3.1-1+b1  zlib 1:1.3.dfsg+really1.3.1-1  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
}

#[test]
fn a_vulnerability_is_judged_by_the_version_that_an_image_has() {
    let workshop = locked();
    let find = |id| workshop.world.distro(&["find", id, "--tracker", "tracker.json"]);
    find("CVE-2026-27171").assert_is(r#"
status: 0
----- stdout -----
PACKAGE  VERSION                      STATE                                                  IMAGE         TAGS    ARCHITECTURES
zlib1g   1:1.3.dfsg+really1.3.1-1+b1  fixed by renewing to 1:1.3.dfsg+really1.3.1-1+deb13u1  one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has CVE-2026-27171 for zlib
      Found in 1 of 1 image
"#);
    find("CVE-2026-35189").assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE     VERSION          STATE                                 IMAGE         TAGS    ARCHITECTURES
libssl3t64  3.5.6-1~deb13u2  fixed by renewing to 3.5.7-1~deb13u3  one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has CVE-2026-35189 for openssl
      Found in 1 of 1 image
"#,
    );
    // libc6 has the fix, busybox-static has older code.
    find("cve-2026-0861").assert_is(r#"
status: 0
----- stdout -----
PACKAGE         VERSION          STATE                                                                     IMAGE         TAGS    ARCHITECTURES
busybox-static  1:1.37.0-6+b9    fixed in 2.41-12+deb13u2, to be built with it (built with glibc 2.41-12)  one-debian13  latest  amd64
libc6           2.41-12+deb13u4  fixed in 2.41-12+deb13u2                                                  one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has CVE-2026-0861 for glibc
      Found in 1 of 1 image
"#);
    find("CVE-2024-3094").assert_is(
        r#"
status: 3
----- stdout -----
PACKAGE   VERSION          STATE                         IMAGE         TAGS    ARCHITECTURES
liblzma5  5.8.1-1+deb13u2  fixed in 5.6.1+really5.4.5-1  one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has CVE-2024-3094 for xz-utils
  Not found in 1 image
"#,
    );
    find("TEMP-0000000-00000A").assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE         VERSION        STATE         IMAGE         TAGS    ARCHITECTURES
busybox-static  1:1.37.0-6+b9  undetermined  one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has TEMP-0000000-00000A for busybox
      Found in 1 of 1 image
"#,
    );
    find("CVE-2010-4756").assert_is(
        r#"
status: 0
----- stdout -----
PACKAGE         VERSION          STATE                                   IMAGE         TAGS    ARCHITECTURES
busybox-static  1:1.37.0-6+b9    unimportant (built with glibc 2.41-12)  one-debian13  latest  amd64
libc6           2.41-12+deb13u4  unimportant                             one-debian13  latest  amd64
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has CVE-2010-4756 for glibc
      Found in 1 of 1 image
"#,
    );
    find("CVE-1999-0001").assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z does not know CVE-1999-0001
  Not found in 1 image
"#,
    );
}

#[test]
fn a_vulnerability_is_told_with_its_evidence() {
    let workshop = locked();
    let arguments = ["find", "TEMP-0000000-00000B", "--tracker", "tracker.json", "--format", "json"];
    workshop.world.distro(&arguments).assert_is(r#"
status: 0
----- stdout -----
[
  {
    "package": "libtinfo6",
    "version": "6.5+20250216-2",
    "source": "ncurses 6.5+20250216-2",
    "built_in": false,
    "state": "postponed",
    "open": true,
    "urgency": "low",
    "description": "made up: waits for the next advisory",
    "advisory": "ncurses, TEMP-0000000-00000B, trixie: open, urgency low, DSA postponed: Wait until more issues are there",
    "url": "https://security-tracker.debian.org/tracker/TEMP-0000000-00000B",
    "images": [
      {
        "repository": "one-debian13",
        "tags": [
          "latest"
        ],
        "architectures": [
          "amd64"
        ]
      }
    ]
  }
]
----- stderr -----
    Tracker of 2026-11-20T06:00:00Z has TEMP-0000000-00000B for ncurses
      Found in 1 of 1 image
"#);
}

#[test]
fn a_file_is_found_with_its_owner_once_the_image_was_built() {
    let workshop = locked();
    let find = |query| workshop.world.distro(&["find", query]);
    find("/usr/lib/*/libc.so.6").assert_is(r#"
status: 4
----- stdout -----
----- stderr -----
warning: 1 image not looked into (layers missing from the store, which `distro build` makes): one-debian13:latest-amd64
  Not found in 1 image
"#);
    workshop.build(&[]).success();
    find("/usr/lib/*/libc.so.6").assert_is(
        r#"
status: 0
----- stdout -----
PATH                                 OWNER                  IS    IMAGE         TAGS    ARCHITECTURES
/usr/lib/x86_64-linux-gnu/libc.so.6  libc6 2.41-12+deb13u4  file  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find("/lib/x86_64-linux-gnu/*.so.*").assert_is(
        r#"
status: 0
----- stdout -----
PATH                                   OWNER                       IS    IMAGE         TAGS    ARCHITECTURES
/usr/lib/x86_64-linux-gnu/libc.so.6    libc6 2.41-12+deb13u4       file  one-debian13  latest  amd64
/usr/lib/x86_64-linux-gnu/libssl.so.3  libssl3t64 3.5.6-1~deb13u2  file  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find("/usr/bin").assert_is(
        r#"
status: 0
----- stdout -----
PATH      OWNER                         IS         IMAGE         TAGS    ARCHITECTURES
/usr/bin  busybox-static 1:1.37.0-6+b9  directory  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#,
    );
    find("/usr/bin/perl").assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
  Not found in 1 image
"#,
    );
}

#[test]
fn a_licence_is_found_by_the_sboms_of_built_images() {
    let workshop = locked();
    let find = |query| workshop.world.distro(&["find", query]);
    find("GPL-3.0-only").assert_is(r#"
status: 4
----- stdout -----
----- stderr -----
warning: 1 image not looked into (no SBOM that says the licence of all that it holds, which `distro build` makes): one-debian13:latest-amd64
  Not found in 1 image
"#);
    let package = |name: &str, concluded: &str, declared: &str| {
        format!(
            r#"{{"SPDXID": "SPDXRef-Binary-{name}", "name": "{name}", "versionInfo": "1", "licenseConcluded": "{concluded}",
            "licenseDeclared": "{declared}", "sourceInfo": "built package from: {name} 1"}}"#
        )
    };
    let sbom = format!(
        r#"{{
        "spdxVersion": "SPDX-2.3",
        "documentNamespace": "https://example.org/spdx/one-debian13/latest-amd64/0",
        "creationInfo": {{"created": "2026-11-20T00:00:00Z", "creators": []}},
        "packages": [
          {{"SPDXID": "SPDXRef-Image", "name": "one-debian13", "primaryPackagePurpose": "CONTAINER", "versionInfo":
            "sha256:{zeros}", "externalRefs": [{{"referenceType": "purl", "referenceLocator":
            "pkg:oci/one-debian13@sha256%3A{zeros}?arch=amd64&tag=latest"}}]}},
          {{"SPDXID": "SPDXRef-OperatingSystem-debian", "name": "debian", "primaryPackagePurpose": "OPERATING_SYSTEM"}},
          {gcc}, {ssl}
        ]}}"#,
        zeros = "0".repeat(64),
        gcc = package(
            "libgcc-s1",
            "GPL-3.0-or-later WITH GCC-exception-3.1",
            "GPL-3.0-or-later AND GFDL-1.3-only"
        ),
        ssl = package("libssl3t64", "Apache-2.0 AND (Artistic-1.0-Perl OR GPL-1.0-or-later)", "Apache-2.0"),
    );
    workshop.world.write("out/sbom/one-debian13_latest-amd64.spdx.json", &sbom);
    find("GPL-*").assert_is(r#"
status: 0
----- stdout -----
PACKAGE     VERSION  LICENCE                                                 IMAGE         TAGS    ARCHITECTURES
libgcc-s1   1        GPL-3.0-or-later WITH GCC-exception-3.1                 one-debian13  latest  amd64
libssl3t64  1        Apache-2.0 AND (Artistic-1.0-Perl OR GPL-1.0-or-later)  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#);
    find("GFDL-1.3-only").assert_is(r#"
status: 0
----- stdout -----
PACKAGE    VERSION  LICENCE                                                  IMAGE         TAGS    ARCHITECTURES
libgcc-s1  1        GPL-3.0-or-later AND GFDL-1.3-only (of the source only)  one-debian13  latest  amd64
----- stderr -----
      Found in 1 of 1 image
"#);
    find("MIT").assert_is(
        r#"
status: 3
----- stdout -----
----- stderr -----
  Not found in 1 image
"#,
    );
    workshop.world.write("out/sbom/one-debian13_latest-amd64.spdx.json", "{}");
    find("MIT").assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: the SBOM of one-debian13:latest-amd64 cannot be read
  it is not SPDX 2.3 in JSON
  missing field `spdxVersion` at line 1 column 2
"#,
    );
}

#[test]
fn what_cannot_be_looked_into_is_named() {
    let workshop = workshop();
    workshop.world.distro(&["find", "libssl3t64"]).assert_is(
        r#"
status: 4
----- stdout -----
----- stderr -----
warning: 1 image not looked into (in no lock): one-debian13:latest-amd64
  Not found in 0 images
"#,
    );
}

#[test]
fn a_query_that_makes_no_sense_is_refused() {
    let workshop = locked();
    let find = |arguments: &[&str]| workshop.world.distro(&[&["find"], arguments].concat());
    assert_refused(
        &find(&["libc 6"]),
        r#"
error: `libc 6` is not a pattern of package names: no package can have that name
"#,
    );
    assert_refused(
        &find(&["libc6 (about 3)"]),
        r#"
error: `(about 3)` is no bound on versions, as in `(<< 3.5.4)`: one of `<<`, `<=`, `=`, `>=`, `>>` and a version
"#,
    );
    assert_refused(
        &find(&["libc6 ()"]),
        r#"
error: `()` is no bound on versions, as in `(<< 3.5.4)`: one of `<<`, `<=`, `=`, `>=`, `>>` and a version
"#,
    );
    assert_refused(
        &find(&["pkg:npm/left-pad@1"]),
        r#"
error: `pkg:npm/left-pad@1` is no package URL of a package: `pkg:deb/debian/NAME@VERSION` or `pkg:generic/NAME@VERSION` is expected
"#,
    );
    assert_refused(
        &find(&["/usr/[a"]),
        r#"
error: `/usr/[a` is not a pattern
  error parsing glob '/usr/[a': unclosed character class; missing ']'
"#,
    );
    assert_refused(
        &find(&["libc6", "two"]),
        r#"
error: the catalog has no image `two`
hint: known: one
"#,
    );
    assert_refused(
        &find(&["CVE-2026-27171"]),
        r#"
error: CVE-2026-27171 cannot be looked up without the tracker's data
hint: name them by --tracker: a file, a URL, or `debian`
"#,
    );
}
