//! Vendor folders: filled, built from without a connection, added to, cleared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::archive::Package;
use crate::desk::{assert_broken, assert_same, without_digests};
use crate::run::Said;
use crate::server::{Fault, Server};
use crate::workshop::{Workshop, libc6};

const LIBC: &str = "debian/pool/main/libc/libc6/libc6_2.41-1_amd64.deb";

fn vendor(shop: &Workshop, arguments: &[&str]) -> Said {
    let always = ["vendor", "vendored", "--arch", "amd64", "--retries", "0", "--timeout", "2"];
    shop.world.distro(&[&always, arguments].concat())
}

/// The files of the folder, by path.
fn vendored(shop: &Workshop) -> BTreeMap<String, Vec<u8>> {
    let root = shop.world.path("vendored");
    let mut files = BTreeMap::new();
    walk(&root, &mut |path| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        files.insert(name, fs::read(path).unwrap());
    });
    files
}

fn walk(directory: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

/// Runs `distro` where there is no network interface, with another store that is empty.
fn distro_alone(shop: &Workshop, store: &str, arguments: &[&str]) -> Said {
    let distro = shop.world.command(arguments);
    let mut command = Command::new("unshare");
    shop.world.isolate(&mut command);
    command.args(["--net", "--map-root-user"]).arg(distro.get_program()).args(distro.get_args());
    command.args(["--store", store]);
    shop.world.finish(&mut command)
}

/// As [`distro_alone`], building for amd64.
fn build_alone(shop: &Workshop, store: &str, arguments: &[&str]) -> Said {
    distro_alone(shop, store, &[&["build", "--arch", "amd64", "--format", "json"], arguments].concat())
}

#[test]
fn a_folder_has_what_images_need_and_what_vouches_for_it() {
    let shop = Workshop::new();
    shop.lock();
    vendor(&shop, &["cc"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Vendored 13 files (11.2 KiB) into vendored; 0 were there
"#,
    );
    let files = vendored(&shop);
    let shown: Vec<_> = files.keys().map(|path| without_digests(path)).collect();
    assert_same(
        &shown.join("\n"),
        "
SHA256SUMS
debian-security/dists/trixie-security/InRelease
debian-security/dists/trixie-security/by-hash/SHA256/…
debian-security/dists/trixie-security/main/binary-amd64/by-hash/SHA256/…
debian/dists/trixie-updates/InRelease
debian/dists/trixie-updates/by-hash/SHA256/…
debian/dists/trixie-updates/main/binary-amd64/by-hash/SHA256/…
debian/dists/trixie/InRelease
debian/dists/trixie/by-hash/SHA256/…
debian/dists/trixie/main/binary-amd64/by-hash/SHA256/…
debian/dists/trixie/main/source/by-hash/SHA256/…
debian/pool/main/b/base-files/base-files_13.8_amd64.deb
debian/pool/main/b/busybox-static/busybox-static_1.37-1_amd64.deb
debian/pool/main/c/ca-certificates/ca-certificates_20250419_all.deb
debian/pool/main/g/gcc-14-base/gcc-14-base_14.2-1_amd64.deb
debian/pool/main/libc/libc6/libc6_2.41-1_amd64.deb
debian/pool/main/libg/libgcc-s1/libgcc-s1_14.2-1_amd64.deb",
    );
    let mut checked = Command::new("sha256sum");
    let checked = checked.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(shop.world.path("vendored"));
    assert!(checked.status().unwrap().success());
    for (path, bytes) in files.iter().filter(|(path, _)| path.contains("/pool/")) {
        assert_eq!(*bytes, fs::read(shop.archive.dir().join(path)).unwrap(), "{path}");
    }
}

#[test]
fn a_build_from_a_folder_is_the_same_and_takes_no_connection() {
    let shop = Workshop::new();
    let built = shop.lock().build(&["--format", "json"]).success();
    vendor(&shop, &[]).success();
    shop.server.take_requests();
    let alone = build_alone(&shop, "empty", &["--offline", "--vendor", "vendored"]).success();
    assert_eq!(alone.stdout, built.stdout);
    assert_eq!(shop.server.take_paths(), [""; 0]);
    // Nor does one from a full store.
    let alone = build_alone(&shop, "store", &["--offline"]).success();
    assert_eq!(alone.stdout, built.stdout);
    // Where a connection is allowed, none is needed.
    let alone = build_alone(&shop, "another", &["--vendor", "vendored"]).success();
    assert_eq!(alone.stdout, built.stdout);
    // A lock is verified from the folder alone.
    let verify = ["lock", "--verify", "--packages", "--arch", "amd64", "--vendor", "vendored"];
    distro_alone(&shop, "yet-another", &verify).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 6 packages in 3 package lists of 3 signed suites, 6 sources in 1 source list; 6 .debs at hand and whole
"#,
    );
}

#[test]
fn what_is_not_in_the_folder_is_asked_of_servers_unless_offline() {
    let shop = Workshop::new();
    shop.lock();
    vendor(&shop, &["static"]).success();
    shop.server.take_requests();
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    let build = ["base:latest", "--vendor", "vendored"];
    shop.build(&[&build[..], &["--offline"]].concat()).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: a locked package is not in the store:
  libc6 2.41-1 (amd64)
asked file://[DIR]/vendored/debian/ (vendor folder): not found
hint: run once without `--offline`, which fetches what is missing
"#,
    );
    assert_eq!(shop.asked_for(), [""; 0]);
    shop.build(&build).success();
    assert_eq!(shop.asked_for(), ["libc6_2.41-1_amd64.deb"]);
}

#[test]
fn an_altered_file_of_the_folder_is_not_taken_and_mended_by_the_next_run() {
    let shop = Workshop::new();
    shop.lock();
    vendor(&shop, &[]).success();
    let good = fs::read(shop.world.path("vendored").join(LIBC)).unwrap();
    let mut altered = good.clone();
    altered[200] ^= 1;
    fs::write(shop.world.path("vendored").join(LIBC), &altered).unwrap();
    let said = build_alone(&shop, "empty", &["base:latest", "--offline", "--vendor", "vendored"]);
    assert!(said.stderr.contains("(vendor folder): another file came: its SHA-256 is "), "{said}");
    let verified = shop.world.distro(&["lock", "--verify", "--arch", "amd64", "--vendor", "vendored"]);
    assert_broken(
        &verified,
        "debian13: libc6 2.41-1 (amd64): `[DIR]/vendored/debian/pool/main/libc/libc6/libc6_2.41-1_amd64.deb` is another file than the locked one",
    );
    vendor(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Vendored 1 file (1.1 KiB) into vendored; 12 were there
"#,
    );
    assert_eq!(vendored(&shop)[LIBC], good);
}

#[test]
fn a_second_run_asks_for_what_is_missing_alone() {
    let shop = Workshop::new();
    shop.lock();
    vendor(&shop, &["static"]).success();
    let before = vendored(&shop);
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    shop.server.take_requests();
    vendor(&shop, &["static"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Vendored 0 files (0 B) into vendored; 10 were there
"#,
    );
    assert_eq!(shop.asked_for(), [""; 0]);
    assert_eq!(vendored(&shop), before);
    vendor(&shop, &["base"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Vendored 1 file (1.1 KiB) into vendored; 10 were there
"#,
    );
    assert_eq!(shop.asked_for(), ["libc6_2.41-1_amd64.deb"]);
    assert!(before.keys().all(|path| vendored(&shop).contains_key(path)));
}

#[test]
fn only_what_an_earlier_run_wrote_is_ever_removed_and_only_if_asked() {
    let mut shop = Workshop::new();
    shop.lock();
    vendor(&shop, &[]).success();
    shop.world.write("vendored/debian/pool/main/own.deb", "somebody's");
    shop.world.write("vendored/README", "somebody's");
    libc6("2.41-2").publish(&mut shop.archive);
    shop.lock();
    vendor(&shop, &["base"]).success();
    assert!(vendored(&shop).contains_key(LIBC));
    vendor(&shop, &["base", "--prune"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Vendored 0 files (0 B) into vendored; 11 were there, 6 removed
"#,
    );
    let files = vendored(&shop);
    assert!(!files.contains_key(LIBC) && !files.keys().any(|path| path.contains("libgcc")), "{files:?}");
    assert!(files.contains_key("README") && files.contains_key("debian/pool/main/own.deb"));
    assert!(!shop.world.path("vendored/debian/pool/main/libg").exists(), "an empty directory is left");
    build_alone(&shop, "empty", &["base", "--offline", "--vendor", "vendored"]).success();
}

#[test]
fn a_list_that_leads_elsewhere_is_refused() {
    let shop = Workshop::new();
    shop.lock();
    vendor(&shop, &["static"]).success();
    shop.world.write("precious", "mine");
    let line = format!("{}  ../precious\n", "0".repeat(64));
    shop.world.write("vendored/SHA256SUMS", &line);
    vendor(&shop, &["static", "--prune"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: line 1 of `[DIR]/vendored/SHA256SUMS` is not `SHA-256  path`, as `distro vendor` writes them
"#,
    );
    assert_eq!(shop.world.read("precious"), "mine");
}

#[test]
fn a_folder_is_a_mirror_for_anyone() {
    let shop = Workshop::new();
    shop.lock();
    shop.world.distro(&["vendor", "vendored", "--arch", "all"]).success();
    let mirror = Server::new(shop.world.path("vendored"));
    shop.world.write("apt/sources.list.d/fake.sources", &shop.archive.sources(mirror.url()));
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    let before = shop.world.read("lock/debian13.lock");
    shop.server.take_requests();
    shop.world.distro(&["lock"]).success();
    shop.build(&[]).success();
    assert_eq!(shop.world.read("lock/debian13.lock"), before);
    assert_eq!(shop.server.take_paths(), [""; 0]);
}

#[test]
fn a_state_of_a_suite_that_mirrors_no_longer_have_is_told_and_the_rest_is_vendored() {
    let mut shop = Workshop::new();
    shop.lock();
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    Package::new("new", "1").publish_to(&mut shop.archive, "trixie-updates");
    let said = vendor(&shop, &["base:latest"]);
    assert_eq!(said.status, Some(0), "{said}");
    assert!(
        said.stderr.contains("could not get `dists/trixie-updates/InRelease` from any source:"),
        "{said}"
    );
    build_alone(&shop, "empty", &["base:latest", "--offline", "--vendor", "vendored"]).success();
}

#[test]
fn packages_that_are_gone_fail_the_run_and_the_rest_is_vendored() {
    let shop = Workshop::new();
    shop.lock();
    shop.server.fail("/**/libc6_*.deb", Fault::Status(404));
    vendor(&shop, &["base:latest"]).assert_is(r#"
status: 1
----- stdout -----
----- stderr -----
   Vendored 9 files (7.4 KiB) into vendored; 0 were there
error: a locked package is not to be had:
  libc6 2.41-1 (amd64)
asked [URL]/debian/ (host apt sources): not found
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service): not found
hint: the archive has moved on: `distro build --renew` locks what it has today, and builds that; to build this lock, name a mirror that keeps old packages in catalog.toml
"#);
    build_alone(&shop, "empty", &["static:latest", "--offline", "--vendor", "vendored"]).success();
}

#[test]
fn wrong_input_is_told() {
    let shop = Workshop::new();
    vendor(&shop, &[]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
"#,
    );
    vendor(&shop, &["nothing"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: the catalog has no image `nothing`
hint: known: base, cc, static
"#,
    );
    shop.lock();
    shop.build(&["--vendor", "nowhere"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: there is no vendor folder `nowhere`: `distro vendor` makes one
"#,
    );
    shop.world.write("vendored", "a file");
    vendor(&shop, &["static"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: could not make the directory `vendored`: a file of that name is there
"#,
    );
}
