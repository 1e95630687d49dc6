//! Maintainer scripts: none is run, and each is accounted for.

use std::fs;

use crate::archive::Package;
use crate::desk::assert_refused;
use crate::layout::sha256;
use crate::workshop::Workshop;

/// A package that makes a user for itself, and watches a directory.
fn daemon() -> Package {
    Package::new("daemon", "1.0")
        .script("preinst", "#!/bin/sh\nset -e\nexit 0\n")
        .script(
            "postinst",
            "#!/bin/sh\nset -e\nadduser --system daemon\nchown daemon /srv\nchmod 750 /srv\nreload\n",
        )
        .script("postrm", "#!/bin/sh\ndeluser daemon\n")
        .control_file("triggers", "interest-noawait /srv\nactivate-noawait ldconfig\n")
}

const ACCOUNT: &str =
    "[[maintainer-script]]\npackages = [\"daemon\"]\nreason = \"makes a user, which containers name\"\n";

#[test]
fn scripts_that_nobody_accounts_for_are_shown_together_with_who_holds_them() {
    let shop = Workshop::new();
    let mut archive = shop.archive;
    daemon().archs(&["amd64", "arm64"]).publish(&mut archive);
    let program = Package::new("program", "2").arch("all").script("config", "#!/usr/bin/perl\nask();\n");
    program.script("preinst", "\u{7f}ELF\0").publish(&mut archive);
    let shop = Workshop { archive, ..shop };
    shop.edit("base.toml", "[\"libc6\"]", "[\"libc6\", \"daemon\"]");
    shop.edit("static.toml", "\"ca-certificates\"]", "\"ca-certificates\", \"program\"]");
    shop.lock();
    assert_refused(
        &shop.world.distro(&["build", "--arch", "all"]),
        r#"
error: 2 packages have maintainer scripts that nobody accounts for:
  daemon 1.0 (amd64 arm64), in base-debian13, cc-debian13
    postinst, 4 lines; also on the trigger /srv
      adduser --system daemon
      chown daemon /srv
      chmod 750 /srv
      …
  program 2 (amd64 arm64), in base-debian13, cc-debian13, static-debian13
    config, 1 line
      ask();
    preinst, no text
hint: see what they do, let a definition do what the image needs of it, and account for them in catalog.toml, or in a definition as `[[image.NAME.maintainer-script]]`:

[[maintainer-script]]
packages = ["daemon"]
scripts = ["postinst"]
reason = "what they do, and what does it here"
"#,
    );
    assert!(!shop.world.path("out/index.json").exists());
}

#[test]
fn what_the_store_knows_of_scripts_needs_no_package() {
    let shop = Workshop::of_one_image([daemon()]);
    let refused = shop.lock().build(&[]);
    let deb = fs::read(shop.archive.dir().join("debian/pool/main/d/daemon/daemon_1.0_amd64.deb")).unwrap();
    let digest = sha256(&deb);
    fs::remove_file(shop.world.path(format!("store/blobs/sha256/{}/{digest}", &digest[..2]))).unwrap();
    assert_eq!(shop.build(&["--offline"]), refused);
    shop.append("catalog.toml", ACCOUNT);
    shop.build(&["--offline"]).success();
}

#[test]
fn the_catalog_accounts_for_scripts_in_every_image() {
    let shop = Workshop::of_one_image([daemon()]);
    shop.append("catalog.toml", ACCOUNT);
    shop.lock().build(&[]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
one-debian13:latest  amd64         1       1       544 B   8.0 KiB  sha256:ffc927b7c9ae
----- stderr -----
      Built 1 image in out; 1 package converted
    Not run 1 maintainer script, accounted for: daemon
"#,
    );
    shop.world.distro(&["tree", "one", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
one-debian13:latest (amd64)
└── daemon 1.0  1.0 KiB
scripts not run, of daemon: makes a user, which containers name
----- stderr -----
"#,
    );
}

#[test]
fn json_tells_of_every_script_and_of_the_reason() {
    let shop = Workshop::of_one_image([daemon()]);
    shop.append("catalog.toml", ACCOUNT);
    shop.lock().build(&["--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "image": "one-debian13:latest",
    "architecture": "amd64",
    "packages": 1,
    "layers": 1,
    "compressed": 544,
    "unpacked": 8192,
    "digest": "sha256:ffc927b7c9aed2b39bc2443fbd7df794e4d945557583ef4d87ea86cf9c7d8186",
    "scripts": [
      {
        "package": "daemon",
        "script": "postinst",
        "sha256": "55e0c861393461f1d176d039ca519838c41b4f08a018882d9777c5d640d05978",
        "triggers": [
          "/srv"
        ],
        "reason": "makes a user, which containers name"
      }
    ],
    "privileged": []
  }
]
----- stderr -----
      Built 1 image in out; 1 package converted
    Not run 1 maintainer script, accounted for: daemon
"#,
    );
}

#[test]
fn a_definition_accounts_for_scripts_in_its_image_and_in_those_that_add_to_it() {
    let shop = Workshop::of_one_image([daemon()]);
    let account = ACCOUNT.replace("[[maintainer-script]]", "[[image.one.maintainer-script]]");
    shop.append("one.toml", &account);
    shop.append("one.toml", "[image.two]\ndescription = \"Two\"\nparent = \"one\"\n");
    shop.append("one.toml", "[image.three]\ndescription = \"Three\"\npackages = [\"daemon\"]\n");
    shop.lock().build(&["one", "two"]).success();
    assert_refused(
        &shop.build(&[]),
        r#"
error: a package has maintainer scripts that nobody accounts for:
  daemon 1.0 (amd64), in three-debian13
    postinst, 4 lines; also on the trigger /srv
      adduser --system daemon
      chown daemon /srv
      chmod 750 /srv
      …
hint: see what they do, let a definition do what the image needs of it, and account for them in catalog.toml, or in a definition as `[[image.NAME.maintainer-script]]`:

[[maintainer-script]]
packages = ["daemon"]
scripts = ["postinst"]
reason = "what they do, and what does it here"
"#,
    );
}

#[test]
fn an_account_of_one_script_is_none_of_another() {
    let shop = Workshop::of_one_image([daemon().script("config", "#!/bin/sh\ndb_input high daemon/port\n")]);
    shop.append("catalog.toml", &ACCOUNT.replace("reason", "scripts = [\"postinst\"]\nreason"));
    assert_refused(
        &shop.lock().build(&[]),
        r#"
error: a package has maintainer scripts that nobody accounts for:
  daemon 1.0 (amd64), in one-debian13
    config, 1 line
      db_input high daemon/port
hint: see what they do, let a definition do what the image needs of it, and account for them in catalog.toml, or in a definition as `[[image.NAME.maintainer-script]]`:

[[maintainer-script]]
packages = ["daemon"]
scripts = ["config"]
reason = "what they do, and what does it here"
"#,
    );
}

#[test]
fn a_pattern_accounts_for_packages_that_are_named_alike() {
    let shop = Workshop::of_one_image([daemon()]);
    shop.append("catalog.toml", &ACCOUNT.replace("\"daemon\"", "\"other\", \"d*mon\""));
    shop.lock().build(&[]).success();
}

#[test]
fn scripts_that_do_nothing_to_a_fresh_system_need_no_account() {
    let upgrade = "#!/bin/sh\nset -e\n# Automatically added by dh_installdeb/13.24.2\n\
                   dpkg-maintscript-helper rm_conffile /etc/old 1 -- \"$@\"\n# End automatically added section\n";
    let package = Package::new("library", "1")
        .script("preinst", upgrade)
        .script("postinst", upgrade)
        .script("prerm", "#!/bin/sh\nrm -rf /srv\n")
        .control_file("triggers", "activate-noawait ldconfig\n");
    let shop = Workshop::of_one_image([package]);
    let said = shop.lock().build(&[]).success();
    assert_eq!(said.stderr, "      Built 1 image in out; 1 package converted\n");
}

#[test]
fn an_account_that_says_nothing_or_is_of_no_script_is_shown() {
    let shop = Workshop::of_one_image([daemon()]);
    let catalog = shop.world.read("images/catalog.toml");
    let said = |account: &str| {
        shop.world.catalog("catalog.toml", &format!("{catalog}\n{account}"));
        shop.world.distro(&["list"])
    };
    assert_refused(
        &said(&ACCOUNT.replace("makes a user, which containers name", " ")),
        r#"
error: the reason is missing
  --> images/catalog.toml:66:10
   |
66 | reason = " "
   |          ^^^ says nothing
"#,
    );
    assert_refused(
        &said(&ACCOUNT.replace("reason", "scripts = [\"postrm\"]\nreason")),
        r#"
error: unknown value `postrm`
  --> images/catalog.toml:66:12
   |
66 | scripts = ["postrm"]
   |            ^^^^^^^^ unknown value
   |
   = hint: known here: config, preinst, postinst
"#,
    );
    let capital = ACCOUNT.replace("\"daemon\"", "\"Daemon\"");
    assert_refused(
        &said(&capital),
        r#"
error: `Daemon` is not a pattern of package names: no package can have that name
  --> images/catalog.toml:65:13
   |
65 | packages = ["Daemon"]
   |             ^^^^^^^^
"#,
    );
}
