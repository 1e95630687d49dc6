//! What a build makes of the lock, the store and the layout.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;

use crate::archive::Package;
use crate::run::Said;
use crate::workshop::{Workshop, libc6};

const STATIC: [&str; 6] = [
    "static-debian13:debug",
    "static-debian13:debug-amd64",
    "static-debian13:latest",
    "static-debian13:latest-amd64",
    "static-debian13:nonroot",
    "static-debian13:nonroot-amd64",
];

#[test]
fn a_build_ends_with_a_table_of_what_it_built() {
    let shop = Workshop::new();
    shop.lock().build(&["static"]).assert_is(
        "
status: 0
----- stdout -----
IMAGE                    ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
static-debian13:debug    amd64         3       7     2.8 KiB  45.5 KiB  sha256:9827da73b7a9
static-debian13:latest   amd64         2       5     2.0 KiB  32.5 KiB  sha256:3118af8c5e61
static-debian13:nonroot  amd64         2       5     2.0 KiB  32.5 KiB  sha256:8805344a1733
----- stderr -----
      Built 3 images in out; 3 packages converted
",
    );
}

#[test]
fn json_is_printed_for_programs() {
    let shop = Workshop::new();
    shop.lock().build(&["static:latest", "--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "image": "static-debian13:latest",
    "architecture": "amd64",
    "packages": 2,
    "layers": 5,
    "compressed": 2078,
    "unpacked": 33280,
    "digest": "sha256:3118af8c5e61102e76a3cf8a946a82db1bf8c1b0107ba168bacab9e8ab7fced6",
    "scripts": [],
    "privileged": []
  }
]
----- stderr -----
      Built 1 image in out; 2 packages converted
"#,
    );
}

#[test]
fn every_image_has_a_reference_and_one_for_each_architecture() {
    let shop = Workshop::new();
    shop.lock().world.distro(&["build", "base:latest", "--arch", "all"]).success();
    let out = shop.out();
    let names = ["latest", "latest-amd64", "latest-arm64"].map(|tag| format!("base-debian13:{tag}"));
    assert_eq!(out.names(), names);
    let index = out.document(&names[0]);
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["digest"].as_str().unwrap().to_owned(), one["platform"].to_string()))
        .collect();
    let expected = [
        (out.digest(&names[1]), r#"{"architecture":"amd64","os":"linux"}"#.to_owned()),
        (out.digest(&names[2]), r#"{"architecture":"arm64","os":"linux","variant":"v8"}"#.to_owned()),
    ];
    assert_eq!(platforms, expected);
    let config = out.image(&names[2]).config;
    assert_eq!((&config["architecture"], &config["variant"]), (&"arm64".into(), &"v8".into()));
}

#[test]
fn a_name_means_a_family_or_a_repository_or_one_image() {
    let shop = Workshop::new();
    shop.lock();
    let built = |names: &[&str]| {
        let said = shop.build(&[names, &["--format", "json"]].concat()).success();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&said.stdout).unwrap();
        rows.iter().map(|row| row["image"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let tags = ["debug", "latest", "nonroot"];
    assert_eq!(built(&["cc"]), tags.map(|tag| format!("cc-debian13:{tag}")));
    assert_eq!(built(&["cc-debian13"]), tags.map(|tag| format!("cc-debian13:{tag}")));
    assert_eq!(built(&["cc-debian13:debug"]), ["cc-debian13:debug"]);
    assert_eq!(built(&["cc:debug", "static:debug"]), ["cc-debian13:debug", "static-debian13:debug"]);
}

#[test]
fn an_image_architecture_or_release_that_the_catalog_lacks_is_an_error_with_a_hint() {
    let shop = Workshop::new();
    shop.lock();
    let error = |said: Said| {
        assert_eq!((said.status, said.stdout.as_str()), (Some(1), ""), "{said}");
        said.stderr
    };
    let expected = "error: the catalog has no image `bsae`\nhint: did you mean `base`?\n";
    assert_eq!(error(shop.build(&["bsae"])), expected);
    let expected = "error: the catalog has no image `postgres`\nhint: known: base, cc, static\n";
    assert_eq!(error(shop.build(&["postgres"])), expected);
    let expected = "error: the catalog has no architecture `amd46`\nhint: did you mean `amd64`?\n";
    assert_eq!(error(shop.world.distro(&["build", "--arch", "amd46"])), expected);
    let expected = "error: the catalog has no release `debian14`\nhint: did you mean `debian13`?\n";
    assert_eq!(error(shop.build(&["--release", "debian14"])), expected);
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    let expected = "error: `one-debian13:latest` does not exist for arm64\nhint: it exists for amd64\n";
    assert_eq!(error(shop.lock().world.distro(&["build", "one", "--arch", "arm64"])), expected);
    let expected = "error: the catalog has no such image for arm64\n\
                    hint: `distro list` shows the images and their architectures\n";
    assert_eq!(error(shop.world.distro(&["build", "--arch", "arm64"])), expected);
}

#[test]
fn a_partial_build_keeps_what_was_built_before() {
    let shop = Workshop::new();
    shop.lock().build(&["static"]).success();
    let before = shop.out();
    assert_eq!(before.names(), STATIC);
    shop.build(&["cc:latest"]).success();
    let after = shop.out();
    let names = [&["cc-debian13:latest", "cc-debian13:latest-amd64"], &STATIC[..]].concat();
    assert_eq!(after.names(), names);
    assert_eq!(STATIC.map(|name| after.digest(name)), STATIC.map(|name| before.digest(name)));
    assert_eq!(after.sboms().len(), 4 * 2);
}

#[test]
fn a_build_removes_what_the_catalog_no_longer_has() {
    let shop = Workshop::new();
    shop.lock().build(&[]).success();
    assert_eq!(shop.out().names().len(), 18);
    fs::remove_file(shop.world.path("images/base.toml")).unwrap();
    shop.lock().build(&["static:latest"]).success();
    let out = shop.out();
    assert_eq!(out.names(), STATIC);
    let of_tag = |tag| ["spdx", "spdx3"].map(|format| format!("static-debian13_{tag}-amd64.{format}.json"));
    let sboms = ["debug", "latest", "nonroot"].into_iter().flat_map(of_tag);
    assert_eq!(out.sboms(), sboms.collect());
}

#[test]
fn a_build_without_a_lock_or_with_one_that_does_not_fit_says_what_to_do() {
    let shop = Workshop::new();
    shop.build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
",
    );
    shop.lock();
    shop.edit("base.toml", "[\"libgcc-s1\"]", "[\"libgcc-s1\", \"busybox-static\"]");
    shop.build(&["static"]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: the lock `lock/debian13.lock` does not fit the definitions
  cc-debian13:latest asks for `busybox-static`, which the lock has not resolved
hint: `distro lock --release debian13` makes a new one
",
    );
}

#[test]
fn what_is_no_layout_is_not_written_to() {
    let shop = Workshop::new();
    shop.world.write("out/precious.txt", "mine");
    shop.lock().build(&["static:latest"]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: `out` is not an OCI image layout, and is not empty: name another directory
",
    );
    assert_eq!(fs::read_dir(shop.world.path("out")).unwrap().count(), 1);
}

#[test]
fn a_build_with_nothing_to_do_asks_for_nothing_and_opens_no_package() {
    let shop = Workshop::new();
    shop.lock();
    let first = shop.build(&[]).success();
    assert_eq!(shop.asked_for().len(), 6);
    remove_packages(&shop);
    let again = shop.build(&[]).success();
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(again.stderr, "      Built 9 images in out; 0 packages converted\n");
    assert_eq!(shop.asked_for(), [""; 0]);
}

#[test]
fn each_package_is_fetched_and_converted_once_for_all_images_that_hold_it() {
    let shop = Workshop::new();
    let said = shop.lock().build(&[]).success();
    assert_eq!(said.stderr, "      Built 9 images in out; 6 packages converted\n");
    let expected = [
        "base-files_13.8_amd64.deb",
        "busybox-static_1.37-1_amd64.deb",
        "ca-certificates_20250419_all.deb",
        "gcc-14-base_14.2-1_amd64.deb",
        "libc6_2.41-1_amd64.deb",
        "libgcc-s1_14.2-1_amd64.deb",
    ];
    assert_eq!(shop.asked_for(), expected);
}

#[test]
fn a_full_store_is_enough_to_build_offline() {
    let mut shop = Workshop::new();
    let first = shop.lock().build(&[]).success();
    shop.server.fail("/**", crate::server::Fault::Status(500));
    shop.server.take_requests();
    fs::remove_dir_all(shop.world.path("out")).unwrap();
    let again = shop.build(&["--offline"]).success();
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(shop.asked_for(), [""; 0]);
    shop.archive.withdraw("trixie", "libc6");
    // The packages are enough too: layers are made from them anew.
    fs::remove_dir_all(shop.world.path("store/records")).unwrap();
    assert_eq!(shop.build(&["--offline"]).success().stdout, first.stdout);
}

#[test]
fn what_is_missing_offline_is_named() {
    let shop = Workshop::new();
    shop.lock().build(&["static:latest"]).success();
    shop.server.take_requests();
    shop.build(&["base:latest", "--offline"]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: a locked package is not in the store:
  libc6 2.41-1 (amd64)
hint: run once without `--offline`, which fetches what is missing
",
    );
}

#[test]
fn everything_that_is_missing_offline_is_named() {
    let shop = Workshop::new();
    shop.lock().build(&["static:latest", "--offline"]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: 2 locked packages are not in the store:
  base-files 13.8 (amd64)
  ca-certificates 20250419 (all)
hint: run once without `--offline`, which fetches what is missing
",
    );
}

/// Removes the .debs from the store: blobs that begin as an archive of `ar` does.
fn remove_packages(shop: &Workshop) {
    let mut removed = 0;
    for directory in fs::read_dir(shop.world.path("store/blobs/sha256")).unwrap() {
        for blob in fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = blob.unwrap().path();
            if fs::read(&path).unwrap().starts_with(b"!<arch>") {
                fs::remove_file(path).unwrap();
                removed += 1;
            }
        }
    }
    assert_eq!(removed, 6);
}

/// The images of a layout and their SBOMs. What they were built from is attached to them, and names the definitions.
fn state(shop: &Workshop) -> (BTreeMap<String, Value>, BTreeSet<String>, Vec<String>) {
    let out = shop.out();
    let sboms = out.sboms().iter().map(|name| shop.world.read(&format!("out/sbom/{name}"))).collect();
    let blobs = out.named_blobs();
    (out.references, blobs, sboms)
}

#[test]
fn the_same_lock_gives_the_same_bytes_in_every_world() {
    let one = Workshop::new();
    one.lock().world.distro(&["build", "--arch", "all", "--jobs", "1"]).success();
    let two = Workshop::new();
    // The order of the archive's packages, of directories and of definitions is another, and so is all around.
    fs::rename(two.world.path("images/static.toml"), two.world.path("images/z.toml")).unwrap();
    two.lock();
    assert_eq!(one.world.read("lock/debian13.lock").len(), two.world.read("lock/debian13.lock").len());
    let mut command = Command::new("sh");
    two.world.isolate(&mut command);
    let build = two.world.command(&["build", "--arch", "all", "--jobs", "2", "--out", "elsewhere"]);
    let words = [build.get_program()].into_iter().chain(build.get_args());
    command.args(["-c", "umask 077; exec \"$@\"", "sh"]).args(words);
    command.env("TZ", "Pacific/Kiritimati").env("LANG", "tr_TR.UTF-8").env_remove("LC_ALL");
    command.env("SOURCE_DATE_EPOCH", "1").arg0("sh");
    two.world.finish(&mut command).success();
    fs::remove_dir(two.world.path("out")).unwrap();
    fs::rename(two.world.path("elsewhere"), two.world.path("out")).unwrap();
    assert_eq!(state(&one), state(&two));
}

#[test]
fn a_renewal_leaves_the_digest_of_images_whose_packages_it_does_not_touch() {
    let mut shop = Workshop::new();
    shop.lock().build(&[]).success();
    let before = shop.out();
    libc6("2.41-2").publish_to(&mut shop.archive, "trixie-security");
    shop.archive.set_date("trixie", crate::archive::DATE + 86_400);
    shop.lock().build(&[]).success();
    let after = shop.out();
    for tag in ["latest", "nonroot", "debug", "latest-amd64"] {
        let [stays, changes] = ["static", "base"].map(|family| format!("{family}-debian13:{tag}"));
        assert_eq!(before.digest(&stays), after.digest(&stays), "{stays}");
        assert_ne!(before.digest(&changes), after.digest(&changes), "{changes}");
    }
    assert!(shop.asked_for().is_empty(), "the renewal has fetched what changed, for its changelog");
}
