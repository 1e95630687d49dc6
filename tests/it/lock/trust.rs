//! Archives that are not to be believed.

use crate::archive::{DATE, Signer};
use crate::desk::{Desk, LOCKED, assert_refused, assert_unobtainable, assert_untrusted, without_digests};
use crate::run::Said;

/// A day after the release, in seconds since the epoch.
const NEXT_DAY: u64 = DATE + 86_400;

#[test]
fn a_suite_that_was_altered_is_refused() {
    let mut desk = Desk::new();
    desk.archive.tamper("debian/dists/trixie/InRelease", |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).unwrap();
        *bytes = text.replace("Label: Debian", "Label: Devil").into_bytes();
    });
    assert_untrusted(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): the signature by [VALID KEY] does not match the text: it was altered after it was signed",
    );
}

#[test]
fn a_suite_without_a_signature_is_refused() {
    let mut desk = Desk::new();
    desk.archive.leave_unsigned("trixie");
    assert_unobtainable(&desk.lock(&[]), "trixie/InRelease", "[URL]/debian/ (host apt sources): not found");
    let release = std::fs::read_to_string(desk.archive.dir().join("debian/dists/trixie/Release")).unwrap();
    std::fs::write(desk.archive.dir().join("debian/dists/trixie/InRelease"), release).unwrap();
    assert_untrusted(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): it bears no signature: use the archive's `InRelease`, or refuse the archive if it signs nothing",
    );
}

#[test]
fn a_suite_signed_by_somebody_else_is_refused() {
    let mut desk = Desk::new();
    desk.archive.sign_with("trixie", Signer::Unknown);
    // A fingerprint of a subkey, which differs from run to run.
    let said = desk.lock(&[]);
    let stderr = hide_subkey(&said.stderr);
    assert_untrusted(
        &Said { stderr, ..said },
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): none of the keys that signed it is trusted: [SUBKEY] (not in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
}

/// The fingerprint after "trusted: ", as `[SUBKEY]`.
fn hide_subkey(text: &str) -> String {
    let (before, after) = text.split_once("is trusted: ").unwrap();
    format!("{before}is trusted: [SUBKEY]{}", &after[40..])
}

#[test]
fn a_key_of_the_keyring_counts_only_where_the_release_names_it() {
    let mut desk = Desk::new();
    desk.trust(&[Signer::Expired]);
    desk.archive.sign_with("trixie-updates", Signer::Valid);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): none of the keys that signed it is trusted: [VALID KEY] (Fake Archive <archive@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
}

#[test]
fn a_key_that_has_expired_is_refused() {
    let mut desk = Desk::new();
    desk.trust(&[Signer::Valid, Signer::Expired]);
    desk.archive.sign_with("trixie-updates", Signer::Expired);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie-updates/InRelease",
        "[URL]/debian/ (host apt sources): the key [EXPIRED KEY] that signed it expired on 2025-07-01: get the archive's current keyring, or lock a snapshot from before that day",
    );
}

#[test]
fn a_key_that_was_revoked_is_refused() {
    let mut desk = Desk::new();
    desk.trust(&[Signer::Valid, Signer::Revoked]);
    desk.archive.sign_with("trixie-security", Signer::Revoked);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie-security/InRelease",
        "[URL]/debian-security/ (host apt sources): the key [REVOKED KEY] that signed it is revoked (key material has been compromised: stolen): take it from the catalog and get the archive's current keyring",
    );
}

#[test]
fn a_key_without_its_certificate_is_refused() {
    let desk = Desk::new();
    desk.trust(&[Signer::Unknown]);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): the keyring has no certificate of [UNKNOWN KEY], which the catalog trusts: export it (`gpg --armor --export FINGERPRINT`) into a file of the directory `keys`",
    );
    std::fs::remove_file(desk.world.path("images/keys/fake.asc")).unwrap();
    assert_refused(
        &desk.lock(&[]),
        r#"
error: there are no keys in `images/keys`: export those of the archives (`gpg --armor --export FINGERPRINT`) into files `*.asc` there
"#,
    );
    desk.world.write("images/keys/fake.asc", "-----BEGIN NONSENSE-----\n");
    assert_refused(
        &desk.lock(&[]),
        r#"
error: could not read the key `images/keys/fake.asc`
  its certificate number 1 cannot be read: unexpected EOF
"#,
    );
}

#[test]
fn a_suite_that_is_no_longer_valid_is_refused_unless_it_is_allowed() {
    let mut desk = Desk::new();
    desk.archive.set_valid_until("trixie-security", NEXT_DAY);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie-security/InRelease",
        "[URL]/debian-security/ (host apt sources): it expired on 2025-06-16T15:06:40Z: the mirror is no longer updated, or this machine's clock is wrong (--allow-expired takes it all the same)",
    );
    desk.lock(&["--allow-expired"]).assert_is(LOCKED);
}

#[test]
fn a_suite_of_the_future_is_refused() {
    let mut desk = Desk::new();
    // The year 2100; the signature is of that day too.
    desk.archive.set_date("trixie", 4_102_444_800);
    assert_untrusted(
        &desk.lock(&[]),
        "trixie/InRelease",
        "[URL]/debian/ (host apt sources): the signature by [VALID KEY] was made at 2100-01-01T00:00:00Z, which is yet to come: is this machine's clock right?",
    );
}

#[test]
fn a_suite_in_the_place_of_another_is_refused() {
    let desk = Desk::new();
    let dists = desk.archive.dir().join("debian/dists");
    std::fs::copy(dists.join("trixie/InRelease"), dists.join("trixie-updates/InRelease")).unwrap();
    assert_untrusted(
        &desk.lock(&[]),
        "trixie-updates/InRelease",
        "[URL]/debian/ (host apt sources): it is of the suite `trixie`, not of `trixie-updates`",
    );
}

#[test]
fn an_index_that_is_not_the_signed_one_is_refused() {
    let mut desk = Desk::new();
    for path in desk.archive.indices("trixie", "amd64") {
        desk.archive.tamper(&path, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1));
    }
    let said = desk.lock(&[]);
    let stderr = without_digests(&said.stderr);
    assert_untrusted(
        &Said { stderr, ..said },
        "trixie/main/binary-amd64/Packages.xz",
        "[URL]/debian/ (host apt sources): another file came: its SHA-256 is …, but … was expected",
    );
}

#[test]
fn a_lock_that_other_keys_vouch_for_is_renewed_though_its_packages_are_the_same() {
    let desk = Desk::new().locked();
    desk.edit("lock/debian13.lock", &Signer::Valid.fingerprint(), &Signer::Revoked.fingerprint());
    assert_refused(
        &desk.build(),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  its suite `trixie` is signed by none of the keys that the catalog trusts
hint: `distro lock --release debian13` makes a new one
"#,
    );
    desk.lock(&[]).assert_is(LOCKED);
    desk.lock(&[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 2 packages for 2 images in lock/debian13.lock
"#,
    );
}
