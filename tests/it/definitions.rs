//! What people write, and what they are told of it.

mod versions;

use crate::desk::{BASE, CATALOG, Desk, assert_refused};
use crate::run::{Said, World};

/// A catalog that is as it should be, and a family of this text.
fn family(text: &str) -> Said {
    let world = World::new();
    world.catalog("catalog.toml", CATALOG);
    world.catalog("base.toml", BASE);
    world.catalog("one.toml", text);
    world.distro(&["list"])
}

/// A catalog with this in place of that.
#[track_caller]
fn catalog(from: &str, to: &str) -> Said {
    let world = World::new();
    assert!(CATALOG.contains(from), "{from} is not in the catalog");
    world.catalog("catalog.toml", &CATALOG.replacen(from, to, 1));
    world.catalog("base.toml", BASE);
    world.distro(&["list"])
}

#[test]
fn text_that_is_not_toml_is_shown_where_it_ends_to_be() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\npackages = []\n"),
        r#"
error: invalid basic string, expected `"`
 --> images/one.toml:2:19
  |
2 | description = "One
  |                   ^
"#,
    );
}

#[test]
fn a_key_that_does_not_exist_is_shown_with_the_one_that_was_meant() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\npackges = [\"libc6\"]\n"),
        r#"
error: unknown key `packges`
 --> images/one.toml:3:1
  |
3 | packges = ["libc6"]
  | ^^^^^^^ unknown key
  |
  = hint: did you mean `packages`?
"#,
    );
}

#[test]
fn a_key_like_none_is_shown_with_those_that_there_are() {
    assert_refused(
        &catalog("gid = 0\n\n", "gid = 0\npassword = \"secret\"\n\n"),
        r#"
error: unknown key `password`
  --> images/catalog.toml:42:1
   |
42 | password = "secret"
   | ^^^^^^^^ unknown key
   |
   = hint: known here: name, gid, members
"#,
    );
}

#[test]
fn a_key_that_is_missing_is_named() {
    assert_refused(
        &family("[image.one]\npackages = [\"libc6\"]\n"),
        r#"
error: the key `description` is missing
 --> images/one.toml:1:1
  |
1 | [image.one]
  | ^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_value_of_another_type_is_shown() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\npackages = \"libc6\"\n"),
        r#"
error: invalid type: string "libc6", expected a list
 --> images/one.toml:3:12
  |
3 | packages = "libc6"
  |            ^^^^^^^
  |
  = hint: a list stands in brackets: `["one", "two"]`
"#,
    );
}

#[test]
fn a_step_that_does_not_exist_is_shown_with_the_one_that_was_meant() {
    let text = "[image.one]\ndescription = \"One\"\ngenerate = [\"account\"]\n";
    assert_refused(
        &family(text),
        r#"
error: unknown value `account`
 --> images/one.toml:3:13
  |
3 | generate = ["account"]
  |             ^^^^^^^^^ unknown value
  |
  = hint: did you mean `accounts`?
"#,
    );
}

#[test]
fn a_name_that_is_no_package_s_is_shown() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\npackages = [\"libc6\", \"LibFoo\"]\n"),
        r#"
error: `LibFoo` is not a package relation
 --> images/one.toml:3:22
  |
3 | packages = ["libc6", "LibFoo"]
  |                      ^^^^^^^^ `LibFoo` is not a package name: two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit
"#,
    );
}

#[test]
fn a_relation_that_cannot_be_read_is_shown_with_the_reason() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\npackages = [\"libc6 (2.41)\"]\n"),
        r#"
error: `libc6 (2.41)` is not a package relation
 --> images/one.toml:3:13
  |
3 | packages = ["libc6 (2.41)"]
  |             ^^^^^^^^^^^^^^ `` compares no versions: one of `<<`, `<=`, `=`, `>=`, `>>` is expected
"#,
    );
}

#[test]
fn a_name_that_is_left_out_must_be_a_package_s() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\nleave-out = { \"a b\" = \"why\" }\n"),
        r#"
error: `a b` is not a package name: two or more of a-z, 0-9, `+`, `-` and `.`, beginning with a letter or digit
 --> images/one.toml:3:15
  |
3 | leave-out = { "a b" = "why" }
  |               ^^^^^
"#,
    );
}

#[test]
fn a_parent_that_does_not_exist_is_shown_with_the_one_that_was_meant() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\nparent = \"bose\"\n"),
        r#"
error: unknown image `bose`
 --> images/one.toml:3:10
  |
3 | parent = "bose"
  |          ^^^^^^ there is no such image
  |
  = hint: did you mean `base`?
"#,
    );
}

#[test]
fn images_that_are_each_other_s_parents_are_shown() {
    let text = "
[image.one]
description = \"One\"
parent = \"two\"

[image.two]
description = \"Two\"
parent = \"one\"
";
    assert_refused(
        &family(text),
        r#"
error: an image is its own ancestor
 --> images/one.toml:8:10
  |
8 | parent = "one"
  |          ^^^^^ one → two → one
"#,
    );
}

#[test]
fn an_image_has_one_definition() {
    assert_refused(
        &family("[image.base]\ndescription = \"Another\"\n"),
        r#"
error: the image `base` is defined twice
 --> images/one.toml:1:8
  |
1 | [image.base]
  |        ^^^^ the second definition
  |
 ::: images/base.toml:2:8
  |
2 | [image.base]
  |        ---- the first
"#,
    );
}

#[test]
fn an_image_s_name_can_stand_in_a_reference() {
    assert_refused(
        &family("[image.One_]\ndescription = \"One\"\n"),
        r#"
error: `One_` is not a family name: use a-z, 0-9 and single `-`, `.` or `_` between them
 --> images/one.toml:1:8
  |
1 | [image.One_]
  |        ^^^^
"#,
    );
}

#[test]
fn a_release_that_does_not_exist_is_shown() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\nreleases = [\"debian14\"]\n"),
        r#"
error: unknown release `debian14`
 --> images/one.toml:3:13
  |
3 | releases = ["debian14"]
  |             ^^^^^^^^^^ there is no such release
  |
  = hint: did you mean `debian13`?
"#,
    );
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\n[image.one.release.forky]\n"),
        r#"
error: unknown release `forky`
 --> images/one.toml:3:20
  |
3 | [image.one.release.forky]
  |                    ^^^^^ there is no such release
  |
  = hint: known: debian13
"#,
    );
}

#[test]
fn an_architecture_that_does_not_exist_is_shown() {
    assert_refused(
        &family("[image.one]\ndescription = \"One\"\narchitectures = [\"arm46\"]\n"),
        r#"
error: unknown architecture `arm46`
 --> images/one.toml:3:18
  |
3 | architectures = ["arm46"]
  |                  ^^^^^^^ there is no such architecture
  |
  = hint: did you mean `arm64`?
"#,
    );
    assert_refused(
        &catalog("[\"amd64\", \"arm64\"]", "[\"amd64\", \"x86_64\"]"),
        r#"
error: unknown architecture `x86_64`
  --> images/catalog.toml:19:27
   |
19 | architectures = ["amd64", "x86_64"]
   |                           ^^^^^^^^ there is no such architecture
   |
   = hint: known: amd64, arm64
"#,
    );
}

#[test]
fn a_platform_must_be_one_of_oci_s() {
    assert_refused(
        &catalog("linux/amd64", "amd64"),
        r#"
error: this is no OCI platform
  --> images/catalog.toml:10:22
   |
10 | amd64 = { platform = "amd64" }
   |                      ^^^^^^^ expected os/architecture or os/architecture/variant, as in `linux/arm/v7`
"#,
    );
}

#[test]
fn a_file_s_mode_is_octal() {
    let text = "[image.one]
description = \"One\"
file = [{ path = \"/etc/one\", content = \"1\", mode = \"0788\" }]
";
    assert_refused(
        &family(text),
        r#"
error: this is no mode
 --> images/one.toml:3:52
  |
3 | file = [{ path = "/etc/one", content = "1", mode = "0788" }]
  |                                                    ^^^^^^ octal digits are expected, as in `0755`
"#,
    );
}

#[test]
fn a_path_begins_at_the_root_and_stays_below_it() {
    let directory = |path: &str| {
        family(&format!("[image.one]\ndescription = \"One\"\ndirectory = [{{ path = \"{path}\" }}]\n"))
    };
    assert_refused(
        &directory("etc/one"),
        r#"
error: a path of an image begins with `/`
 --> images/one.toml:3:23
  |
3 | directory = [{ path = "etc/one" }]
  |                       ^^^^^^^^^
"#,
    );
    assert_refused(
        &directory("/etc/../one"),
        r#"
error: `/etc/../one` is not a path of an image: it leaves its directory by `..`
 --> images/one.toml:3:23
  |
3 | directory = [{ path = "/etc/../one" }]
  |                       ^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_template_that_does_not_parse_is_shown() {
    let text = "[image.one]\ndescription = \"One\"\nenvironment = { PATH = \"{{ release.name \" }\n";
    assert_refused(
        &family(text),
        r#"
error: this template cannot be filled in
 --> images/one.toml:3:24
  |
3 | environment = { PATH = "{{ release.name " }
  |                        ^^^^^^^^^^^^^^^^^^ unexpected end of input, expected end of variable block
"#,
    );
}

#[test]
fn a_template_that_names_something_unknown_is_shown_with_what_there_is() {
    let text = "[image.one]\ndescription = \"One\"\npackages = [\"python{{ releese.version }}\"]\n";
    assert_refused(
        &family(text),
        r#"
error: this template cannot be filled in
 --> images/one.toml:3:13
  |
3 | packages = ["python{{ releese.version }}"]
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `releese` is undefined
  |
  = hint: templates know release.{name, codename, version}, arch.{debian, os, architecture, variant}, image.{family, tag}, environment.NAME, version in an image with versions and, outside `packages`, package("name").{version, upstream} and tarball("name").version
"#,
    );
}

#[test]
fn a_tag_that_inherits_from_itself_is_shown() {
    assert_refused(
        &catalog("user = \"root\"", "inherits = [\"debug\"]"),
        r#"
error: a tag inherits from itself
  --> images/catalog.toml:27:13
   |
27 | inherits = ["debug"]
   |             ^^^^^^^ debug → latest → debug
"#,
    );
}

#[test]
fn a_tag_that_does_not_exist_is_shown_with_the_one_that_was_meant() {
    assert_refused(
        &catalog("inherits = [\"latest\"]", "inherits = [\"lastest\"]"),
        r#"
error: unknown tag `lastest`
  --> images/catalog.toml:30:13
   |
30 | inherits = ["lastest"]
   |             ^^^^^^^^^ there is no such tag
   |
   = hint: did you mean `latest`?
"#,
    );
}

#[test]
fn a_user_that_does_not_exist_is_shown() {
    assert_refused(
        &catalog("user = \"root\"", "user = \"nobody\""),
        r#"
error: unknown user `nobody`
  --> images/catalog.toml:27:8
   |
27 | user = "nobody"
   |        ^^^^^^^^ there is no such user
   |
   = hint: known: root
"#,
    );
}

#[test]
fn an_account_must_fit_the_others() {
    assert_refused(
        &catalog("gid = 0\nhome", "gid = 7\nhome"),
        r#"
error: user `root` has the primary group 7, and no group has this gid: add the group
  --> images/catalog.toml:33:1
   |
33 | [[user]]
   | ^^^^^^^^
"#,
    );
    assert_refused(
        &catalog("name = \"root\"", "name = \"Root\""),
        r#"
error: `Root` is not an account name: up to 32 of a-z, 0-9, `_` and `-`, beginning with a letter or `_`
  --> images/catalog.toml:34:8
   |
34 | name = "Root"
   |        ^^^^^^
"#,
    );
}

#[test]
fn an_archive_that_does_not_exist_is_shown_with_the_one_that_was_meant() {
    assert_refused(
        &catalog("archive = \"debian-security\"", "archive = \"debian-securty\""),
        r#"
error: unknown archive `debian-securty`
  --> images/catalog.toml:22:15
   |
22 |   { archive = "debian-securty", suites = ["trixie-security"] },
   |               ^^^^^^^^^^^^^^^^ there is no such archive
   |
   = hint: did you mean `debian-security`?
"#,
    );
}

#[test]
fn a_fingerprint_has_all_its_digits() {
    assert_refused(
        &catalog("04B54C3CDCA79751B16BC6B5225629DF75B188BD", "75B188BD"),
        r#"
error: `75B188BD` is not the fingerprint of a key: 40 or 64 hexadecimal digits are expected, as `gpg --show-keys` prints them
  --> images/catalog.toml:24:9
   |
24 | keys = ["75B188BD"]
   |         ^^^^^^^^^^
"#,
    );
}

#[test]
fn a_pattern_that_cannot_be_used_is_shown() {
    assert_refused(
        &catalog("/usr/share/man/**", "/usr/share/[man/**"),
        r#"
error: `/usr/share/[man/**` is not a pattern of paths
  --> images/catalog.toml:48:9
   |
48 | drop = ["/usr/share/[man/**"]
   |         ^^^^^^^^^^^^^^^^^^^^ error parsing glob '/usr/share/[man/**': unclosed character class; missing ']'
"#,
    );
    assert_refused(
        &catalog("/usr/share/man/**", "usr/share/man/**"),
        r#"
error: `usr/share/man/**` matches no path of an image: it must begin with `/`
  --> images/catalog.toml:48:9
   |
48 | drop = ["usr/share/man/**"]
   |         ^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_url_that_is_none_is_shown() {
    assert_refused(
        &catalog("[archive.debian]", "[archive.debian]\nmirrors = [\"mirror.example\"]"),
        r#"
error: "mirror.example" is no URL
  --> images/catalog.toml:14:12
   |
14 | mirrors = ["mirror.example"]
   |            ^^^^^^^^^^^^^^^^
   |
   = hint: write it whole, as in `https://example.org/debian`
"#,
    );
}

#[test]
fn a_directory_without_a_catalog_is_named() {
    assert_refused(
        &World::new().distro(&["list"]),
        r#"
error: there is no catalog at `images/catalog.toml`
hint: run in the directory that holds `images/`, or name another by --catalog
"#,
    );
}

#[test]
fn text_that_is_not_utf_8_is_shown_where_it_ends_to_be() {
    let world = World::new();
    world.catalog("catalog.toml", CATALOG);
    std::fs::write(world.path("images/one.toml"), b"[image.one]\ndescription = \"\xff\"\n").unwrap();
    assert_refused(
        &world.distro(&["list"]),
        r#"
error: could not read `images/one.toml`: line 2 is not UTF-8 text
"#,
    );
}

#[test]
fn a_new_family_is_one_file() {
    let desk = Desk::new().locked();
    desk.world
        .catalog("shell.toml", "[image.shell]\ndescription = \"A shell\"\npackages = [\"busybox-static\"]\n");
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: no package differs; 2 images affected

IMAGE           TAGS          DOWNLOAD  INSTALLED
shell-debian13  all   +936 B to +940 B   +1.0 KiB
----- stderr -----
     Locked debian13: 2 packages for 4 images in lock/debian13.lock
"#,
    );
    desk.world.distro(&["list", "shell"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                  PARENT  ARCHITECTURES  DESCRIPTION
shell-debian13:debug   -       amd64 arm64    A shell
shell-debian13:latest  -       amd64 arm64    A shell
----- stderr -----
"#,
    );
}
