//! Files that give whoever runs them further rights: setuid, setgid, capabilities.

use std::fs;
use std::process::Command;

use tar::EntryType;

use crate::archive::{Member, Package};
use crate::desk::assert_refused;
use crate::workshop::Workshop;

fn executable(path: &str, mode: u32, owner: (u64, u64)) -> Member {
    Member { mode, owner, ..Member::file(path, path) }
}

/// Programs that are setuid, setgid and both, and what only looks like it.
fn login() -> Package {
    Package::new("login", "1")
        .member(executable("/usr/bin/su", 0o4755, (0, 0)))
        .hard_link("/usr/bin/su-too", "/usr/bin/su")
        .member(executable("/usr/bin/expiry", 0o2755, (0, 42)))
        .member(executable("/usr/bin/both", 0o6711, (7, 8)))
        .member(Member { mode: 0o2775, owner: (0, 50), ..Member::new("/var/local", EntryType::Directory) })
        .member(Member { mode: 0o1777, ..Member::new("/tmp", EntryType::Directory) })
}

fn ping() -> Package {
    Package::new("ping", "1").executable("/usr/bin/ping", "elf").file("/usr/share/ping/data", "data")
}

fn privileged(path: &str, more: &str) -> String {
    format!("[[image.one.privileged]]\npath = \"{path}\"\n{more}reason = \"people ask for it\"\n")
}

#[test]
fn a_file_that_is_setuid_or_setgid_is_refused() {
    let shop = Workshop::of_one_image([login()]);
    assert_refused(
        &shop.lock().build(&[]),
        r#"
error: could not build one-debian13:latest for amd64
  `/usr/bin/both` of login is setuid and setgid: it runs with the rights of user 7 and group 8 (mode 6711)
  `/usr/bin/expiry` of login is setgid: it runs with the rights of group 42 (mode 2755)
  `/usr/bin/su` of login is setuid: it runs with the rights of user 0 (mode 4755)
  `/usr/bin/su-too` of login is setuid: it runs with the rights of user 0 (mode 4755)
hint: leave it out (a filter drops files of packages), or say in the definition why the image needs it:

[[image.one.privileged]]
path = "/usr/bin/both"
reason = "who runs it, and what for"
"#,
    );
    assert!(!shop.world.path("out/index.json").exists());
}

#[test]
fn a_file_that_the_definition_names_is_kept_and_told_of() {
    let shop = Workshop::of_one_image([login()]);
    for path in ["/usr/bin/su", "/usr/bin/su-too", "/usr/bin/expiry"] {
        shop.append("one.toml", &privileged(path, ""));
    }
    shop.append("one.toml", "[image.two]\ndescription = \"Two\"\nparent = \"one\"\n");
    shop.append("one.toml", "[[image.two.privileged]]\npath = \"/usr/bin/both\"\nreason = \"of two\"\n");
    assert_refused(
        &shop.lock().build(&["one"]),
        r#"
error: could not build one-debian13:latest for amd64
  `/usr/bin/both` of login is setuid and setgid: it runs with the rights of user 7 and group 8 (mode 6711)
hint: leave it out (a filter drops files of packages), or say in the definition why the image needs it:

[[image.one.privileged]]
path = "/usr/bin/both"
reason = "who runs it, and what for"
"#,
    );
    shop.build(&["two"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
two-debian13:latest  amd64         1       2       882 B  14.5 KiB  sha256:a880d3214ae2
----- stderr -----
      Built 1 image in out; 0 packages converted
 Privileged /usr/bin/both of login, mode 6711, in two-debian13:latest
 Privileged /usr/bin/expiry of login, mode 2755, in two-debian13:latest
 Privileged /usr/bin/su of login, mode 4755, in two-debian13:latest
 Privileged /usr/bin/su-too of login, mode 4755, in two-debian13:latest
"#,
    );
    let tree = shop.out().image("two-debian13:latest-amd64").files_below("/usr/bin");
    let without_digest = |line: &String| line.split(' ').take(4).collect::<Vec<_>>().join(" ");
    assert_eq!(
        tree.iter().map(without_digest).collect::<Vec<_>>(),
        [
            "/usr/bin/both file 6711 7:8",
            "/usr/bin/expiry file 2755 0:42",
            "/usr/bin/su file 4755 0:0",
            "/usr/bin/su-too hard usr/bin/su"
        ]
    );
    shop.world.distro(&["tree", "two", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
two-debian13:latest (amd64)
└── login 1  1.0 KiB
privileged /usr/bin/su: people ask for it
privileged /usr/bin/su-too: people ask for it
privileged /usr/bin/expiry: people ask for it
privileged /usr/bin/both: of two
----- stderr -----
"#,
    );
}

#[test]
fn a_file_of_a_definition_is_no_exception() {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    shop.append("one.toml", "[[image.one.file]]\npath = \"/sbin/rise\"\ncontent = \"#!\"\nmode = \"4755\"\n");
    assert_refused(
        &shop.lock().build(&[]),
        r#"
error: could not build one-debian13:latest for amd64
  `/sbin/rise` of step files is setuid: it runs with the rights of user 0 (mode 4755)
hint: leave it out (a filter drops files of packages), or say in the definition why the image needs it:

[[image.one.privileged]]
path = "/sbin/rise"
reason = "who runs it, and what for"
"#,
    );
}

#[test]
fn a_filter_takes_a_privileged_file_away() {
    let shop = Workshop::of_one_image([login()]);
    let filter = "[[filter]]\nreason = \"nobody logs in\"\npackages = [\"login\"]\ndrop = [\"/usr/bin/*\"]\n";
    shop.append("catalog.toml", filter);
    shop.lock().build(&[]).success();
}

#[test]
fn capabilities_are_written_as_setcap_writes_them() {
    let shop = Workshop::of_one_image([ping(), login()]);
    shop.append(
        "one.toml",
        &privileged("/usr/bin/ping", "capabilities = \"cap_net_raw,cap_net_admin+ep\"\n"),
    );
    shop.append("one.toml", &privileged("/usr/bin/expiry", "capabilities = \"cap_checkpoint_restore=ep\"\n"));
    for path in ["/usr/bin/su", "/usr/bin/su-too", "/usr/bin/both"] {
        shop.append("one.toml", &privileged(path, ""));
    }
    shop.lock().build(&["--format", "json"]).assert_is(r#"
status: 0
----- stdout -----
[
  {
    "image": "one-debian13:latest",
    "architecture": "amd64",
    "packages": 2,
    "layers": 5,
    "compressed": 2002,
    "unpacked": 34304,
    "digest": "sha256:4f3c6d2e573db030ed8b7d572c1cfc46870280d773d496cf2cb36b393436b0eb",
    "scripts": [],
    "privileged": [
      {
        "path": "/usr/bin/both",
        "owner": "login",
        "mode": "6711",
        "uid": 7,
        "gid": 8,
        "capabilities": null,
        "reason": "people ask for it"
      },
      {
        "path": "/usr/bin/expiry",
        "owner": "step capabilities",
        "mode": "2755",
        "uid": 0,
        "gid": 42,
        "capabilities": "cap_checkpoint_restore=ep",
        "reason": "people ask for it"
      },
      {
        "path": "/usr/bin/ping",
        "owner": "step capabilities",
        "mode": "0755",
        "uid": 0,
        "gid": 0,
        "capabilities": "cap_net_admin,cap_net_raw=ep",
        "reason": "people ask for it"
      },
      {
        "path": "/usr/bin/su",
        "owner": "login",
        "mode": "4755",
        "uid": 0,
        "gid": 0,
        "capabilities": null,
        "reason": "people ask for it"
      },
      {
        "path": "/usr/bin/su-too",
        "owner": "login",
        "mode": "4755",
        "uid": 0,
        "gid": 0,
        "capabilities": null,
        "reason": "people ask for it"
      }
    ]
  }
]
----- stderr -----
      Built 1 image in out; 2 packages converted
 Privileged /usr/bin/both of login, mode 6711, in one-debian13:latest
 Privileged /usr/bin/expiry of step capabilities, mode 2755, cap_checkpoint_restore=ep, in one-debian13:latest
 Privileged /usr/bin/ping of step capabilities, mode 0755, cap_net_admin,cap_net_raw=ep, in one-debian13:latest
 Privileged /usr/bin/su of login, mode 4755, in one-debian13:latest
 Privileged /usr/bin/su-too of login, mode 4755, in one-debian13:latest
"#);
    let image = shop.out().image("one-debian13:latest-amd64");
    let steps = ["step usr-merge", "step capabilities", "step capabilities"];
    assert_eq!(image.history(), [&["login 1 (amd64)", "ping 1 (amd64)"], &steps[..]].concat());
    assert_eq!(image.file("/usr/bin/ping"), "elf");

    fs::write(shop.world.path("top.tar"), image.top()).unwrap();
    let root = shop.world.path("root");
    fs::create_dir(&root).unwrap();
    let tar = ["--extract", "--file", "../top.tar", "--xattrs", "--xattrs-include=*"];
    let unpacked = Command::new("tar").args(tar).current_dir(&root).status().unwrap();
    assert!(unpacked.success());
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(&root).output();
        let output = output.unwrap_or_else(|_| {
            panic!("this test needs `{program}`: apt-get install libcap2-bin (tests/run does it)")
        });
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run("/usr/sbin/getcap", &["usr/bin/ping"]), "usr/bin/ping cap_net_admin,cap_net_raw=ep\n");
    let verified = run("/usr/sbin/setcap", &["-v", "cap_net_admin,cap_net_raw=ep", "usr/bin/ping"]);
    assert_eq!(verified, "usr/bin/ping: OK\n");
}

#[test]
fn capabilities_are_given_to_files_of_packages_only() {
    for path in ["/usr/bin/pong", "/usr/share/ping", "/etc/made"] {
        let shop = Workshop::of_one_image([ping()]);
        shop.append("one.toml", "[[image.one.file]]\npath = \"/etc/made\"\ncontent = \"\"\n");
        shop.append("one.toml", &privileged(path, "capabilities = \"cap_net_raw=ep\"\n"));
        let expected = format!(
            "\nerror: could not build one-debian13:latest for amd64\n  \
             `{path}` cannot be given capabilities: no package of the image has a file there\n"
        );
        assert_refused(&shop.lock().build(&[]), &expected);
    }
}

#[test]
fn what_is_no_capability_is_shown() {
    let shop = Workshop::of_one_image([ping()]);
    let family = shop.world.read("images/one.toml");
    let said = |entry: &str| {
        shop.world.catalog("one.toml", &format!("{family}\n{entry}"));
        shop.world.distro(&["list"])
    };
    assert_refused(
        &said(&privileged("/usr/bin/ping", "capabilities = \"cap_net_rw=ep\"\n")),
        r#"
error: `cap_net_rw` is no capability of Linux: see capabilities(7)
 --> images/one.toml:7:16
  |
7 | capabilities = "cap_net_rw=ep"
  |                ^^^^^^^^^^^^^^^
"#,
    );
    assert_refused(
        &said(&privileged("/usr/bin/ping", "capabilities = \"cap_net_raw\"\n")),
        r#"
error: `cap_net_raw` does not say capabilities as setcap(8) does, as in `cap_net_raw=ep`
 --> images/one.toml:7:16
  |
7 | capabilities = "cap_net_raw"
  |                ^^^^^^^^^^^^^
"#,
    );
    let relative = said(&privileged("usr/bin/ping", ""));
    assert_refused(
        &relative,
        r#"
error: a path of an image begins with `/`
 --> images/one.toml:6:8
  |
6 | path = "usr/bin/ping"
  |        ^^^^^^^^^^^^^^
"#,
    );
}
