//! Locks held against the files that vouch for them.

use std::fs;
use std::os::unix::fs::symlink;

use crate::archive::{DATE, Signer};
use crate::desk::{assert_broken, assert_refused, assert_unseen, without_digests};
use crate::run::Said;
use crate::workshop::Workshop;

fn shop() -> Workshop {
    let mut shop = Workshop::new();
    for (signer, name) in [
        (Signer::Valid, "[VALID KEY]"),
        (Signer::Expired, "[EXPIRED KEY]"),
        (Signer::Unknown, "[UNKNOWN KEY]"),
    ] {
        shop.world.filter(&signer.fingerprint(), name);
    }
    shop.world.filter(&Signer::Unknown.signing_fingerprint(), "[UNKNOWN KEY]");
    shop.lock();
    shop
}

fn verify(shop: &Workshop, arguments: &[&str]) -> Said {
    let said = shop.world.distro(&[&["lock", "--verify"], arguments].concat());
    assert_eq!(shop.server.take_paths(), [""; 0], "a server was asked");
    said
}

/// What is said of a lock in which a text is put in place of another; digests as `…`.
#[track_caller]
fn edited(shop: &Workshop, from: &str, to: &str) -> Said {
    let lock = shop.world.read("lock/debian13.lock");
    assert_eq!(lock.matches(from).count(), 1, "{from} in\n{lock}");
    shop.world.write("lock/debian13.lock", &lock.replace(from, to));
    let said = verify(shop, &[]);
    shop.world.write("lock/debian13.lock", &lock);
    Said { stderr: without_digests(&said.stderr), ..said }
}

/// As [`edited`], where the text stands in a package and in its source package.
#[track_caller]
fn edited_with_its_source(shop: &Workshop, from: &str, to: &str) -> Said {
    let lock = shop.world.read("lock/debian13.lock");
    assert_eq!(lock.matches(from).count(), 2, "{from} in\n{lock}");
    shop.world.write("lock/debian13.lock", &lock.replace(from, to));
    let said = verify(shop, &[]);
    shop.world.write("lock/debian13.lock", &lock);
    said
}

/// The digest that stands after a text in the lock.
fn digest(shop: &Workshop, after: &str) -> String {
    let lock = shop.world.read("lock/debian13.lock");
    let (_, rest) = lock.split_once(after).unwrap();
    rest.chars().take(64).collect()
}

/// The SHA-256 of libc6 for amd64.
fn libc_digest(shop: &Workshop) -> String {
    let lock = shop.world.read("lock/debian13.lock");
    let (_, libc) = lock.split_once("name = \"libc6\"").unwrap();
    let (_, rest) = libc.split_once("sha256 = \"").unwrap();
    rest.chars().take(64).collect()
}

#[test]
fn a_lock_as_it_was_made_holds() {
    let shop = shop();
    verify(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 12 packages in 6 package lists of 3 signed suites, 6 sources in 1 source list; 0 .debs at hand and whole
"#,
    );
    assert_unseen(
        &verify(&shop, &["--packages"]),
        "
debian13: base-files 13.8 (amd64): its .deb is not at hand
debian13: base-files 13.8 (arm64): its .deb is not at hand
debian13: busybox-static 1:1.37-1 (amd64): its .deb is not at hand
debian13: busybox-static 1:1.37-1 (arm64): its .deb is not at hand
debian13: ca-certificates 20250419 (all): its .deb is not at hand
debian13: gcc-14-base 14.2-1 (amd64): its .deb is not at hand
debian13: gcc-14-base 14.2-1 (arm64): its .deb is not at hand
debian13: libc6 2.41-1 (amd64): its .deb is not at hand
debian13: libc6 2.41-1 (arm64): its .deb is not at hand
debian13: libgcc-s1 14.2-1 (amd64): its .deb is not at hand
debian13: libgcc-s1 14.2-1 (arm64): its .deb is not at hand
",
    );
    shop.build(&[]).success();
    shop.server.take_requests();
    verify(&shop, &["--packages", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 6 packages in 3 package lists of 3 signed suites, 6 sources in 1 source list; 6 .debs at hand and whole
"#,
    );
}

#[test]
fn an_edited_package_is_found() {
    let shop = shop();
    let libc = libc_digest(&shop);
    assert_broken(
        &edited(&shop, &libc, &"0".repeat(64)),
        "debian13: libc6 2.41-1 (amd64): its SHA-256 is … in the lock, and … in the index of `trixie`",
    );
    let lock = shop.world.read("lock/debian13.lock");
    let (_, rest) = lock.split_once("name = \"libgcc-s1\"").unwrap();
    let line = rest.lines().find(|line| line.starts_with("deb.arm64")).unwrap();
    assert_broken(
        &edited(&shop, line, &line.replace("size = ", "size = 1")),
        "debian13: libgcc-s1 14.2-1 (arm64): its size is 1876 in the lock, and 876 in the index of `trixie`",
    );
    let other_version = edited_with_its_source(&shop, r#"version = "2.41-1""#, r#"version = "2.41-2""#);
    assert_broken(
        &other_version,
        "
debian13: libc6 2.41-2 (amd64): the index of `trixie` does not have it, it has 2.41-1
debian13: libc6 2.41-2 (arm64): the index of `trixie` does not have it, it has 2.41-1
debian13: glibc 2.41-2 (source): the index of `trixie` does not have it, it has 2.41-1
",
    );
    let other_source = edited_with_its_source(&shop, r#" = "glibc""#, r#" = "musl""#);
    assert_broken(
        &other_source,
        "
debian13: libc6 2.41-1 (amd64): its source is musl in the lock, and glibc in the index of `trixie`
debian13: libc6 2.41-1 (arm64): its source is musl in the lock, and glibc in the index of `trixie`
debian13: musl 2.41-1 (source): the index of `trixie` does not have it
",
    );
    let other_path = edited(&shop, "libc6_2.41-1_{arch}.deb", "libc6_2.41-1_{arch}.deb.deb");
    assert_broken(
        &other_path,
        "
debian13: libc6 2.41-1 (amd64): its path is pool/main/libc/libc6/libc6_2.41-1_amd64.deb.deb in the lock, and pool/main/libc/libc6/libc6_2.41-1_amd64.deb in the index of `trixie`
debian13: libc6 2.41-1 (arm64): its path is pool/main/libc/libc6/libc6_2.41-1_arm64.deb.deb in the lock, and pool/main/libc/libc6/libc6_2.41-1_arm64.deb in the index of `trixie`
",
    );
}

#[test]
fn a_package_that_no_index_has_is_found() {
    let shop = shop();
    let package = format!(
        "[[package]]\nname = \"backdoor\"\nversion = \"1\"\nsuite = \"trixie\"\npath = \"pool/x_{{arch}}.deb\"\ndeb.amd64 = {{ size = 1, installed = 1, sha256 = \"{}\" }}\n\n",
        "0".repeat(64)
    );
    let first = "[[package]]\nname = \"base-files\"";
    assert_broken(
        &edited(&shop, first, &format!("{package}{first}")),
        "debian13: backdoor 1 (amd64): the index of `trixie` does not have it",
    );
}

#[test]
fn a_package_of_another_suite_than_the_lock_says_is_found() {
    let shop = shop();
    let lock = shop.world.read("lock/debian13.lock");
    let (_, rest) = lock.split_once("name = \"libc6\"").unwrap();
    let (libc, _) = rest.split_once("path").unwrap();
    let from = format!("name = \"libc6\"{libc}");
    let to = from.replace("suite = \"trixie\"", "suite = \"trixie-updates\"");
    assert_broken(
        &edited(&shop, &from, &to),
        "
debian13: libc6 2.41-1 (amd64): the index of `trixie-updates` does not have it
debian13: libc6 2.41-1 (arm64): the index of `trixie-updates` does not have it
",
    );
}

#[test]
fn an_edited_suite_is_found() {
    let shop = shop();
    let index = "index.\"main/binary-amd64/Packages.xz\" = \"";
    let trixie = digest(&shop, index);
    assert_broken(
        &edited(&shop, &format!("{index}{trixie}"), &format!("{index}{}", "0".repeat(64))),
        "debian13: trixie: the SHA-256 of its index `main/binary-amd64/Packages.xz` is … in the lock, and … in its InRelease file",
    );
    let in_release = digest(&shop, "in-release = \"");
    assert_unseen(
        &edited(&shop, &in_release, &"0".repeat(64)),
        "debian13: trixie: its InRelease file of 2025-06-15T15:06:40Z is not at hand",
    );
    let updates = "name = \"trixie-updates\"\narchive = \"debian\"\ndate = \"2025-06-15T15:06:40Z\"";
    assert_broken(
        &edited(&shop, updates, &updates.replace("15:06:40", "15:06:41")),
        "debian13: trixie-updates: its InRelease file is dated 2025-06-15T15:06:40Z, and 2025-06-15T15:06:41Z in the lock",
    );
    let updates = format!("{updates}\nin-release = \"");
    let of_updates = digest(&shop, &updates);
    assert_broken(
        &edited(&shop, &of_updates, &in_release),
        "debian13: trixie-updates: its InRelease file is of the suite `trixie`",
    );
}

#[test]
fn another_signer_than_the_lock_says_is_found() {
    let shop = shop();
    let keys = [Signer::Valid, Signer::Expired].map(|signer| format!("\"{}\"", signer.fingerprint()));
    shop.edit("catalog.toml", &keys[0], &keys.join(", "));
    let lock = shop.world.read("lock/debian13.lock");
    shop.world.write("lock/debian13.lock", &lock.replacen(&keys[0], &keys[1], 1));
    assert_broken(
        &verify(&shop, &[]),
        "debian13: trixie: its InRelease file is not signed by [EXPIRED KEY], as the lock says it is",
    );
}

/// Someone who has the mirror makes suites of their own, and puts them into the store and the lock.
#[test]
fn a_suite_that_somebody_else_signed_is_found() {
    let mut shop = shop();
    let before = digest(&shop, "in-release = \"");
    shop.archive.sign_with("trixie", Signer::Unknown);
    let forged = fs::read(shop.archive.dir().join("debian/dists/trixie/InRelease")).unwrap();
    let forged_digest = store(&shop, &forged);
    assert_broken(
        &edited(&shop, &before, &forged_digest),
        "debian13: trixie: none of the keys that signed it is trusted: [UNKNOWN KEY] (not in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
    // By a key that is in the keyring, and not trusted by the release.
    shop.archive.sign_with("trixie", Signer::Expired);
    let forged = fs::read(shop.archive.dir().join("debian/dists/trixie/InRelease")).unwrap();
    let forged_digest = store(&shop, &forged);
    assert_broken(
        &edited(&shop, &before, &forged_digest),
        "debian13: trixie: none of the keys that signed it is trusted: [EXPIRED KEY] (Fake Archive of Old <old@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
}

/// Puts bytes into the store; gives their digest.
fn store(shop: &Workshop, bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let path = shop.world.path("store/blobs/sha256").join(&digest[..2]).join(&digest);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    digest
}

#[test]
fn a_suite_of_the_past_holds_though_it_has_expired_since_and_its_key_too() {
    const TIME: &str = "20250620T000000Z";
    let mut shop = Workshop::new();
    for archive in ["debian", "debian-security"] {
        let service = shop.archive.dir().join("snapshot").join(archive);
        fs::create_dir_all(&service).unwrap();
        symlink(shop.archive.dir().join(archive), service.join(TIME)).unwrap();
    }
    let keys = [Signer::Valid, Signer::Expired].map(|signer| format!("\"{}\"", signer.fingerprint()));
    shop.edit("catalog.toml", &keys[0], &keys.join(", "));
    shop.archive.set_valid_until("trixie-security", DATE + 86_400);
    shop.archive.sign_with("trixie-updates", Signer::Expired);
    shop.world.distro(&["lock", "--snapshot", TIME]).success();
    assert!(shop.world.read("lock/debian13.lock").contains(&keys[1]));
    shop.server.take_requests();
    verify(&shop, &[]).success();
}

#[test]
fn what_is_not_at_hand_is_named() {
    let shop = shop();
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    assert_unseen(
        &verify(&shop, &[]),
        "
debian13: trixie: its InRelease file of 2025-06-15T15:06:40Z is not at hand
debian13: trixie-updates: its InRelease file of 2025-06-15T15:06:40Z is not at hand
debian13: trixie-security: its InRelease file of 2025-06-15T15:06:40Z is not at hand
",
    );
}

#[test]
fn a_damaged_file_of_the_store_counts_as_missing() {
    let shop = shop();
    let in_release = digest(&shop, "in-release = \"");
    let path = shop.world.path("store/blobs/sha256").join(&in_release[..2]).join(&in_release);
    fs::write(path, "other bytes").unwrap();
    let said = verify(&shop, &[]);
    let place = format!("{}/{in_release}", &in_release[..2]);
    let said = Said { stderr: said.stderr.replace(&place, "…"), ..said };
    assert_refused(
        &said,
        r#"
warning: `[DIR]/store/blobs/sha256/…` was damaged, and is made anew
error: 1 link of the chain of trust cannot be seen:
  debian13: trixie: its InRelease file of 2025-06-15T15:06:40Z is not at hand
hint: `distro vendor DIR` fetches what is missing, where it can still be had, for `--vendor DIR`
"#,
    );
}

#[test]
fn verification_makes_no_lock() {
    let shop = shop();
    fs::remove_file(shop.world.path("lock/debian13.lock")).unwrap();
    assert_refused(
        &verify(&shop, &[]),
        r#"
error: there is no lock `lock/debian13.lock`
hint: `distro lock --release debian13` makes a new one
"#,
    );
    let said = verify(&shop, &["--snapshot", "20250620T000000Z"]);
    assert_eq!(said.status, Some(2), "{said}");
    let said = shop.world.distro(&["lock", "--packages"]);
    assert_eq!(said.status, Some(2), "{said}");
}
