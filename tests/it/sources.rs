//! Files that a definition takes from its directory, their owners, and what else one image says of itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use serde_json::json;

use crate::desk::assert_refused;
use crate::run::Said;
use crate::workshop::{Workshop, libc6};

/// The family `one` with more of this text, and the accounts root and nonroot.
fn shop(more: &str) -> Workshop {
    let shop = Workshop::of_one_image([libc6("2.41-1")]);
    shop.append("one.toml", &format!("leave-out = {{ libgcc-s1 = \"cc has it\" }}\n{more}"));
    shop
}

/// What is said of a family with this after its third line, beside which there are a file and a directory.
fn said(more: &str) -> Said {
    let shop = shop(more);
    shop.world.write("images/files/one.conf", "one");
    shop.world.write("images/files/etc/two.conf", "two");
    shop.world.distro(&["list"])
}

const FILES: &str = r#"
[[image.one.file]]
path = "/etc/one.conf"
source = "files/one.conf"
mode = "0640"
owner = "nonroot"

[[image.one.file]]
path = "/opt/app"
source = "files/app"
owner = "1000:nonroot"

[[image.one.file]]
path = "/etc/motd"
content = "hello\n"
owner = "1000"

[[image.one.directory]]
path = "/var/lib/app"
mode = "0750"
owner = "nonroot:root"
"#;

/// A workshop with the files that [`FILES`] names, made under a umask.
fn with_files(mode: u32) -> Workshop {
    let shop = shop(FILES);
    let file = |path: &str, content: &str, mode: u32| {
        shop.world.write(&format!("images/files/{path}"), content);
        let path = shop.world.path("images/files").join(path);
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    file("one.conf", "{{ not a template }}\n", mode);
    file("app/bin/run", "#!/bin/false\n", mode | 0o100);
    file("app/share/text", "text", mode);
    symlink("../share/text", shop.world.path("images/files/app/bin/text")).unwrap();
    symlink("/nonexistent", shop.world.path("images/files/app/link")).unwrap();
    fs::create_dir_all(shop.world.path("images/files/app/empty/below")).unwrap();
    shop
}

#[test]
fn files_come_from_disk_as_git_keeps_them_with_mode_and_owner() {
    let shop = with_files(0o644);
    shop.lock().build(&[]).success();
    let image = shop.out().image("one-debian13:latest-amd64");
    let tree = image.tree();
    let own = ["/etc", "/opt", "/var/lib/app"];
    let tree: Vec<_> = tree.iter().filter(|line| own.iter().any(|path| line.starts_with(path))).collect();
    let expected = [
        "/etc dir 0755 0:0",
        "/etc/motd file 0644 1000:1000 5891b5b522d5",
        "/etc/one.conf file 0640 65532:65532 4d46f785a0ea",
        "/opt dir 0755 0:0",
        "/opt/app dir 0755 1000:65532",
        "/opt/app/bin dir 0755 1000:65532",
        "/opt/app/bin/run file 0755 1000:65532 022036a28655",
        "/opt/app/bin/text link ../share/text",
        "/opt/app/link link /nonexistent",
        "/opt/app/share dir 0755 1000:65532",
        "/opt/app/share/text file 0644 1000:65532 982d9e3eb996",
        "/var/lib/app dir 0750 65532:0",
    ];
    assert_eq!(tree, expected);
    assert_eq!(image.file("/etc/one.conf"), "{{ not a template }}\n");
}

#[test]
fn the_modes_of_a_checkout_do_not_count() {
    let digest = |mode: u32| {
        let shop = with_files(mode);
        shop.lock().build(&[]).success();
        shop.out().digest("one-debian13:latest-amd64")
    };
    assert_eq!(digest(0o644), digest(0o600));
    assert_eq!(digest(0o644), digest(0o664));
}

#[test]
fn a_file_that_changes_is_another_image() {
    let shop = with_files(0o644);
    shop.lock().build(&[]).success();
    let before = shop.out().digest("one-debian13:latest-amd64");
    shop.world.write("images/files/app/share/text", "other text");
    shop.build(&["--offline"]).success();
    assert_ne!(before, shop.out().digest("one-debian13:latest-amd64"));
}

#[test]
fn a_file_that_is_not_there_is_shown_where_it_is_named() {
    assert_refused(
        &said("file = [{ path = \"/etc/one\", source = \"files/none\" }]\n"),
        r#"
error: there is no file `images/files/none`
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "files/none" }]
  |                                       ^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_source_lies_in_the_directory_of_the_definition() {
    assert_refused(
        &said("file = [{ path = \"/etc/one\", source = \"../catalog.toml\" }]\n"),
        r#"
error: `../catalog.toml` is not in the directory of the definition
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "../catalog.toml" }]
  |                                       ^^^^^^^^^^^^^^^^^
  |
  = hint: a source lies beside the definition, or in a directory beside it
"#,
    );
    assert_refused(
        &said("file = [{ path = \"/etc/one\", source = \"/etc/hostname\" }]\n"),
        r#"
error: `/etc/hostname` is not in the directory of the definition
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "/etc/hostname" }]
  |                                       ^^^^^^^^^^^^^^^
  |
  = hint: a source lies beside the definition, or in a directory beside it
"#,
    );
    assert_refused(
        &said("file = [{ path = \"/etc/one\", source = \"\" }]\n"),
        r#"
error: `` is not in the directory of the definition
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "" }]
  |                                       ^^
  |
  = hint: a source lies beside the definition, or in a directory beside it
"#,
    );
    let shop = shop("file = [{ path = \"/etc/one\", source = \"files/out\" }]\n");
    fs::create_dir(shop.world.path("images/files")).unwrap();
    symlink("/etc/hostname", shop.world.path("images/files/out")).unwrap();
    assert_refused(
        &shop.world.distro(&["list"]),
        r#"
error: `files/out` is not in the directory of the definition
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "files/out" }]
  |                                       ^^^^^^^^^^^
  |
  = hint: a source lies beside the definition, or in a directory beside it
"#,
    );
}

#[test]
fn a_directory_that_holds_no_file_is_no_source() {
    let shop = shop("file = [{ path = \"/etc/one\", source = \"empty\" }]\n");
    fs::create_dir_all(shop.world.path("images/empty/below")).unwrap();
    assert_refused(
        &shop.world.distro(&["list"]),
        r#"
error: the directory `images/empty` holds no file
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "empty" }]
  |                                       ^^^^^^^
"#,
    );
}

#[test]
fn a_pipe_is_no_source() {
    let shop = shop("file = [{ path = \"/etc/one\", source = \"files\" }]\n");
    fs::create_dir(shop.world.path("images/files")).unwrap();
    assert!(Command::new("mkfifo").arg(shop.world.path("images/files/pipe")).status().unwrap().success());
    assert_refused(
        &shop.world.distro(&["list"]),
        r#"
error: `images/files/pipe` is neither a file nor a directory nor a link
 --> images/one.toml:6:39
  |
6 | file = [{ path = "/etc/one", source = "files" }]
  |                                       ^^^^^^^
"#,
    );
}

#[test]
fn a_file_has_a_content_or_a_source() {
    assert_refused(
        &said("file = [{ path = \"/etc/one\" }]\n"),
        r#"
error: a file needs `content`, or a `source` that it is taken from
 --> images/one.toml:6:18
  |
6 | file = [{ path = "/etc/one" }]
  |                  ^^^^^^^^^^
"#,
    );
    assert_refused(
        &said("file = [{ path = \"/etc/one\", content = \"\", source = \"files/one.conf\" }]\n"),
        r#"
error: a file has `content` or a `source`, not both
 --> images/one.toml:6:53
  |
6 | file = [{ path = "/etc/one", content = "", source = "files/one.conf" }]
  |                                                     ^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_mode_is_for_one_file() {
    assert_refused(
        &said("file = [{ path = \"/opt\", source = \"files\", mode = \"0600\" }]\n"),
        r#"
error: a mode is for one file, and this source is a directory
 --> images/one.toml:6:51
  |
6 | file = [{ path = "/opt", source = "files", mode = "0600" }]
  |                                                   ^^^^^^
  |
  = hint: the files of a directory have 0755 where their owner may execute them, else 0644; for another mode, name a file in a table of its own
"#,
    );
}

#[test]
fn an_owner_is_an_account_or_a_number() {
    assert_refused(
        &said("file = [{ path = \"/etc/one\", content = \"\", owner = \"nobody\" }]\n"),
        r#"
error: unknown user `nobody`
 --> images/one.toml:6:52
  |
6 | file = [{ path = "/etc/one", content = "", owner = "nobody" }]
  |                                                    ^^^^^^^^ there is no such user
  |
  = hint: known: root, nonroot
"#,
    );
    assert_refused(
        &said("directory = [{ path = \"/etc/one\", owner = \"nonroot:staff\" }]\n"),
        r#"
error: unknown group `staff`
 --> images/one.toml:6:43
  |
6 | directory = [{ path = "/etc/one", owner = "nonroot:staff" }]
  |                                           ^^^^^^^^^^^^^^^ there is no such group
  |
  = hint: known: root, nonroot
"#,
    );
    assert_refused(
        &said("directory = [{ path = \"/etc/one\", owner = \"65535\" }]\n"),
        r#"
error: 65535 is no id: it means "none" to system calls, or is too large
 --> images/one.toml:6:43
  |
6 | directory = [{ path = "/etc/one", owner = "65535" }]
  |                                           ^^^^^^^
"#,
    );
    assert_refused(
        &said("directory = [{ path = \"/etc/one\", owner = \"\" }]\n"),
        r#"
error: unknown user ``
 --> images/one.toml:6:43
  |
6 | directory = [{ path = "/etc/one", owner = "" }]
  |                                           ^^ there is no such user
  |
  = hint: known: root, nonroot
"#,
    );
}

#[test]
fn a_path_is_declared_once() {
    let twice = "file = [{ path = \"/etc/two.conf\", content = \"\" }, { path = \"/etc\", source = \"files/etc\" }]\n";
    assert_refused(
        &said(twice),
        r#"
error: `/etc/two.conf` is declared twice
 --> images/one.toml:6:60
  |
6 | file = [{ path = "/etc/two.conf", content = "" }, { path = "/etc", source = "files/etc" }]
  |                  --------------- the first                 ^^^^^^ the second declaration
"#,
    );
    let below = "file = [{ path = \"/etc/one\", content = \"\" }]\nlink = [{ path = \"/etc/one/two\", target = \"x\" }]\n";
    assert_refused(
        &said(below),
        r#"
error: `/etc/one/two` lies below `/etc/one`, which is no directory
 --> images/one.toml:7:18
  |
6 | file = [{ path = "/etc/one", content = "" }]
  |                  ---------- nothing lies below
7 | link = [{ path = "/etc/one/two", target = "x" }]
  |                  ^^^^^^^^^^^^^^ this cannot be there
"#,
    );
    let agree = "directory = [{ path = \"/etc\" }]\nfile = [{ path = \"/etc\", source = \"files/etc\" }]\n";
    said(agree).success();
}

const CONFIG: &str = r#"
user = "nonroot"
working-directory = "/srv"
exposed-ports = ["8443", "53/udp"]
volumes = ["/var/lib/app"]
stop-signal = "SIGINT"
labels = { "org.example.libc" = "{{ package('libc6').version }}" }

[image.two]
description = "Two"
parent = "one"
exposed-ports = ["8080"]
labels = { "org.example.libc" = "libc6", "org.example.team" = "two" }
"#;

#[test]
fn an_image_says_how_its_containers_run_whatever_the_tag() {
    let shop = shop(CONFIG);
    shop.lock().build(&[]).success();
    let out = shop.out();
    let config =
        |family: &str| out.image(&format!("{family}-debian13:latest-amd64")).config["config"].clone();
    assert_eq!(
        config("one"),
        json!({
            "Env": [],
            "ExposedPorts": { "8443/tcp": {}, "53/udp": {} },
            "Labels": { "org.example.libc": "2.41-1" },
            "StopSignal": "SIGINT",
            "User": "65532",
            "Volumes": { "/var/lib/app": {} },
            "WorkingDir": "/srv",
        })
    );
    assert_eq!(
        config("two"),
        json!({
            "Env": [],
            "ExposedPorts": { "8443/tcp": {}, "53/udp": {}, "8080/tcp": {} },
            "Labels": { "org.example.libc": "libc6", "org.example.team": "two" },
            "StopSignal": "SIGINT",
            "User": "65532",
            "Volumes": { "/var/lib/app": {} },
            "WorkingDir": "/srv",
        })
    );
}

#[test]
fn what_a_container_cannot_have_is_shown() {
    assert_refused(
        &said("user = \"noroot\"\n"),
        r#"
error: unknown user `noroot`
 --> images/one.toml:6:8
  |
6 | user = "noroot"
  |        ^^^^^^^^ there is no such user
  |
  = hint: did you mean `nonroot`?
"#,
    );
    assert_refused(
        &said("exposed-ports = [\"0\"]\n"),
        r#"
error: this is no port
 --> images/one.toml:6:18
  |
6 | exposed-ports = ["0"]
  |                  ^^^ a number up to 65535 is expected, and `/udp` or `/sctp` where it is not TCP's
"#,
    );
    assert_refused(
        &said("exposed-ports = [\"80/http\"]\n"),
        r#"
error: this is no port
 --> images/one.toml:6:18
  |
6 | exposed-ports = ["80/http"]
  |                  ^^^^^^^^^ a number up to 65535 is expected, and `/udp` or `/sctp` where it is not TCP's
"#,
    );
    assert_refused(
        &said("stop-signal = \"TERM\"\n"),
        r#"
error: this is no signal
 --> images/one.toml:6:15
  |
6 | stop-signal = "TERM"
  |               ^^^^^^ a name or a number is expected, as in `SIGINT` or `2`
"#,
    );
    assert_refused(
        &said("volumes = [\"data\"]\n"),
        r#"
error: a path of an image begins with `/`
 --> images/one.toml:6:12
  |
6 | volumes = ["data"]
  |            ^^^^^^
"#,
    );
    assert_refused(
        &said("working-directory = \"data\"\n"),
        r#"
error: a path of an image begins with `/`
 --> images/one.toml:6:21
  |
6 | working-directory = "data"
  |                     ^^^^^^
"#,
    );
}
