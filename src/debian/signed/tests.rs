use std::io::Write as _;

use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::serialize::SerializeInto as _;
use sequoia_openpgp::serialize::stream::{Message, Signer};
use sequoia_openpgp::types::{HashAlgorithm, KeyFlags, ReasonForRevocation, SignatureType};

use super::*;

const RELEASE: &str = "Origin: Example\nSuite: stable\n- dashed\nDate: Sun, 01 Feb 2026 00:00:00 UTC";

fn day(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

/// A key of 2026 that certifies, and a subkey of the same year that signs.
fn key(user: &str) -> Cert {
    let year = std::time::Duration::from_secs(365 * 24 * 60 * 60);
    let (cert, _) = CertBuilder::new()
        .add_userid(user)
        .set_creation_time(SystemTime::from(day("2026-01-01")))
        .set_validity_period(year)
        .add_subkey(KeyFlags::empty().set_signing(), year, None)
        .generate()
        .unwrap();
    cert
}

fn sign(text: &str, keys: &[&Cert], on: Timestamp) -> String {
    let mut message = Vec::new();
    let mut signers = keys.iter().map(|cert| {
        let subkey = cert.keys().subkeys().next().unwrap().key().clone();
        subkey.parts_into_secret().unwrap().into_keypair().unwrap()
    });
    let template = SignatureBuilder::new(SignatureType::Text);
    let mut signer =
        Signer::with_template(Message::new(&mut message), signers.next().unwrap(), template).unwrap();
    for other in signers {
        signer = signer.add_signer(other).unwrap();
    }
    let signer = signer.hash_algo(HashAlgorithm::SHA256).unwrap().creation_time(SystemTime::from(on));
    let mut literal = signer.cleartext().build().unwrap();
    literal.write_all(text.as_bytes()).unwrap();
    literal.finalize().unwrap();
    String::from_utf8(message).unwrap()
}

fn keyring(keys: &[&Cert]) -> Keyring {
    let armored: Vec<u8> = keys.iter().flat_map(|cert| cert.armored().to_vec().unwrap()).collect();
    Keyring::parse(&armored).unwrap()
}

fn fingerprint(cert: &Cert) -> Fingerprint {
    Fingerprint::from(&cert.fingerprint())
}

/// Verifies on 2 March 2026 what was signed on 1 February.
fn check(message: &str, keyring: &Keyring, trusted: &[&Cert]) -> Result<Signed, SignatureError> {
    check_on("2026-03-02", message, keyring, trusted)
}

fn check_on(
    date: &str,
    message: &str,
    keyring: &Keyring,
    trusted: &[&Cert],
) -> Result<Signed, SignatureError> {
    let trusted: Vec<_> = trusted.iter().map(|cert| fingerprint(cert)).collect();
    verify(message.as_bytes(), keyring, &trusted, day(date))
}

#[track_caller]
fn refused(result: Result<Signed, SignatureError>, error: &str) {
    assert_eq!(result.unwrap_err().to_string(), error);
}

#[test]
fn a_signed_text_comes_out_with_the_primary_keys_of_its_signers() {
    let (one, two) = (key("one"), key("two"));
    let message = sign(RELEASE, &[&two, &one], day("2026-02-01"));
    assert!(message.contains("\n- - dashed\n"));
    let mut signers = vec![fingerprint(&one), fingerprint(&two)];
    signers.sort();
    let signed = check(&message, &keyring(&[&one, &two]), &[&one, &two]).unwrap();
    assert_eq!(signed, Signed { text: RELEASE.to_owned(), signers });
}

#[test]
fn one_trusted_signer_is_enough_and_others_do_no_harm() {
    let (ours, theirs) = (key("ours"), key("theirs"));
    let message = sign(RELEASE, &[&theirs, &ours], day("2026-02-01"));
    for keyring in [keyring(&[&ours]), keyring(&[&ours, &theirs])] {
        assert_eq!(check(&message, &keyring, &[&ours]).unwrap().signers, [fingerprint(&ours)]);
    }
}

#[test]
fn an_altered_text_is_refused_even_if_another_key_signed_too() {
    let (ours, theirs) = (key("ours"), key("theirs"));
    let message = sign(RELEASE, &[&ours, &theirs], day("2026-02-01")).replace("stable", "unstable");
    let error = format!(
        "the signature by {} does not match the text: it was altered after it was signed",
        fingerprint(&ours)
    );
    refused(check(&message, &keyring(&[&ours, &theirs]), &[&ours]), &error);
}

#[test]
fn unknown_keys_are_listed_with_what_is_known_of_them() {
    let (ours, known, stranger) = (key("ours"), key("Known <known@example.org>"), key("stranger"));
    let message = sign(RELEASE, &[&known, &stranger], day("2026-02-01"));
    let Err(SignatureError::UnknownKeys { mut keys }) = check(&message, &keyring(&[&ours, &known]), &[&ours])
    else {
        panic!("unknown keys were taken")
    };
    keys.sort_by_key(|key| key.certificate.is_none());
    let subkey = stranger.keys().subkeys().next().unwrap().key().fingerprint().to_hex();
    assert_eq!(
        SignatureError::UnknownKeys { keys }.to_string(),
        format!(
            "none of the keys that signed it is trusted: {} (Known <known@example.org>, in the keyring), \
             {subkey} (not in the keyring); if one should be, add its fingerprint to the `keys` of the \
             release in `catalog.toml`, and its certificate to the directory `keys`",
            fingerprint(&known)
        )
    );
}

#[test]
fn a_key_has_to_be_alive_when_it_is_verified() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-02-01"));
    let error = format!(
        "the key {} that signed it expired on 2027-01-01: get the archive's current keyring, or lock a \
         snapshot from before that day",
        fingerprint(&cert)
    );
    refused(check_on("2027-06-01", &message, &keyring(&[&cert]), &[&cert]), &error);
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-04-01"));
    let error = format!(
        "the signature by {} was made at 2026-04-01T00:00:00Z, which is yet to come: is this machine's clock \
         right?",
        fingerprint(&cert)
    );
    refused(check(&message, &keyring(&[&cert]), &[&cert]), &error);
}

/// The certificate with its subkey revoked since a day.
fn revoke_subkey(cert: &Cert, reason: ReasonForRevocation, since: &str) -> Cert {
    let mut primary = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let subkey = cert.keys().subkeys().next().unwrap();
    let revocation = SubkeyRevocationBuilder::new()
        .set_reason_for_revocation(reason, b"spilled coffee")
        .unwrap()
        .set_signature_creation_time(SystemTime::from(day(since)))
        .unwrap()
        .build(&mut primary, cert, subkey.key(), None)
        .unwrap();
    cert.clone().insert_packets(revocation).unwrap().0
}

#[test]
fn a_revoked_subkey_is_refused_whenever_it_was_revoked() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-02-01"));
    for (reason, words) in [
        (ReasonForRevocation::KeyCompromised, "key material has been compromised"),
        (ReasonForRevocation::KeyRetired, "key is retired and no longer used"),
    ] {
        let revoked = revoke_subkey(&cert, reason, "2026-02-20");
        let error = format!(
            "the key {} that signed it is revoked ({words}: spilled coffee): take it from the catalog and get \
             the archive's current keyring",
            fingerprint(&cert)
        );
        refused(check(&message, &keyring(&[&revoked]), &[&cert]), &error);
    }
}

#[test]
fn a_key_that_was_retired_later_still_vouches_for_a_snapshot_from_before() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-02-01"));
    let retired = revoke_subkey(&cert, ReasonForRevocation::KeyRetired, "2026-02-20");
    assert!(check_on("2026-02-10", &message, &keyring(&[&retired]), &[&cert]).is_ok());
}

#[test]
fn a_trusted_key_has_to_be_in_the_keyring() {
    let (ours, other) = (key("ours"), key("other"));
    let message = sign(RELEASE, &[&ours], day("2026-02-01"));
    let error = format!(
        "the keyring has no certificate of {}, which the catalog trusts: export it (`gpg --armor --export \
         FINGERPRINT`) into a file of the directory `keys`",
        fingerprint(&ours)
    );
    refused(check(&message, &keyring(&[&other]), &[&ours]), &error);
}

#[test]
fn what_is_not_signed_says_what_it_is_instead() {
    let cert = key("one");
    let keyring = keyring(&[&cert]);
    let check = |message: &str| check(message, &keyring, &[&cert]);
    refused(
        check(RELEASE),
        "it bears no signature: use the archive's `InRelease`, or refuse the archive if it signs nothing",
    );
    for (message, first_line) in [
        ("\n<!DOCTYPE html>\n<title>Log in: guest</title>", "<!DOCTYPE html>"),
        ("<html><a href=\"http://portal\">", "<html><a href=\"http://portal\">"),
        ("", ""),
    ] {
        let error = format!(
            "it is no signed file, it begins with `{first_line}`: did a captive portal or proxy answer in place \
             of the archive?"
        );
        refused(check(message), &error);
    }
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_the_cut_is() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-02-01"));
    let keyring = keyring(&[&cert]);
    for len in 0..message.trim_end().len() {
        assert!(check(&message[..len], &keyring, &[&cert]).is_err(), "{}", &message[..len]);
    }
    let error = "its end is missing, there is no `-----END PGP SIGNATURE-----`: fetch it again";
    refused(check(&message[..message.len() / 2], &keyring, &[&cert]), error);
}

#[test]
fn text_outside_the_signed_part_is_refused() {
    let cert = key("one");
    let message = sign(RELEASE, &[&cert], day("2026-02-01"));
    let keyring = keyring(&[&cert]);
    for (message, place) in [
        (format!("Origin: evil\n{message}"), "before"),
        (format!("{message}\nOrigin: evil\n"), "after"),
        (format!("{message}{message}"), "after"),
    ] {
        let error =
            format!("there is text {place} the signed part, and no signature covers it: refuse the file");
        refused(check(&message, &keyring, &[&cert]), &error);
    }
    assert!(check(&format!("{message}\n\n"), &keyring, &[&cert]).is_ok());
}

#[test]
fn a_keyring_is_read_armored_and_binary_but_never_with_secrets() {
    let (one, two) = (key("one"), key("two"));
    let binary = [one.to_vec().unwrap(), two.to_vec().unwrap()].concat();
    let expected: Vec<_> = keyring(&[&one, &two]).fingerprints().cloned().collect();
    assert_eq!(Keyring::parse(&binary).unwrap().fingerprints().cloned().collect::<Vec<_>>(), expected);

    let secret = one.as_tsk().armored().to_vec().unwrap();
    let secret = String::from_utf8(secret).unwrap().replace("PRIVATE", "PUBLIC");
    assert_eq!(Keyring::parse(secret.as_bytes()).unwrap_err(), KeyringError::Secret(fingerprint(&one)));
    assert_eq!(Keyring::parse(b"").unwrap_err(), KeyringError::Empty);
}

#[test]
fn fingerprints_are_read_as_gpg_prints_them() {
    let spaced = "04b5 4c3c dca7 9751 b16b  c6b5 2256 29df 75b1 88bd";
    let fingerprint: Fingerprint = spaced.parse().unwrap();
    assert_eq!(fingerprint.to_string(), "04B54C3CDCA79751B16BC6B5225629DF75B188BD");
    for text in ["", "75B188BD", "225629DF75B188BD", &"g".repeat(40), &"é".repeat(20)] {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn foreign_bytes_are_refused_without_a_panic(
        body in "(Hash: [A-Z0-9, ]{0,9}\n)?\n?(- )?[ -~\n]{0,80}",
        armor in "[A-Za-z0-9+/=\n]{0,200}",
    ) {
        let message = format!("{BEGIN}\n{body}\n-----BEGIN PGP SIGNATURE-----\n\n{armor}\n{END}\n");
        proptest::prop_assert!(verify(message.as_bytes(), &Keyring::default(), &[], day("2026-01-01")).is_err());
    }
}

mod debian {
    use super::*;

    /// The keyrings that ship with the catalog.
    fn shipped() -> Keyring {
        let mut keyring = Keyring::default();
        for certificate in [
            &include_bytes!("../../../images/keys/debian-archive-bookworm-automatic.asc")[..],
            include_bytes!("../../../images/keys/debian-archive-bookworm-security-automatic.asc"),
            include_bytes!("../../../images/keys/debian-archive-bookworm-stable.asc"),
            include_bytes!("../../../images/keys/debian-archive-trixie-automatic.asc"),
            include_bytes!("../../../images/keys/debian-archive-trixie-security-automatic.asc"),
            include_bytes!("../../../images/keys/debian-archive-trixie-stable.asc"),
        ] {
            keyring.merge(Keyring::parse(certificate).unwrap()).unwrap();
        }
        keyring
    }

    #[test]
    fn the_shipped_certificates_are_those_of_the_debian_keyring() {
        let fingerprints: Vec<_> = shipped().fingerprints().map(ToString::to_string).collect();
        assert_eq!(
            fingerprints,
            [
                "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
                "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
                "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
                "4D64FEC119C2029067D6E791F8D2585B8783D481",
                "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
                "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
            ]
        );
    }
}
