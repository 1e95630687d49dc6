//! Signatures and attestations, as other people's programs verify them.

use std::fs;
use std::process::Command;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use crate::desk::assert_same;
use crate::layout::Layout;
use crate::run::World;
use crate::validators::validator;
use crate::workshop::{Workshop, libc6};

/// A key of ECDSA, encrypted by libsodium and Python's scrypt with the password `correct horse`.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6
OCwicCI6MX0sInNhbHQiOiJZMGVhMXBvSkN5V0NkK3lQdW0rWlFab3YreVNKZ1ZF
R1Y4bEV6TkVVanBjPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJlRGQ3VWxkWHRKUkNmNGtCVDVmWG1TanprNDBVNjFIaSJ9LCJj
aXBoZXJ0ZXh0IjoiWGg1QzZrUjFiSTIxVzNTVmFBTWZxNWlEVEpSeWk3RTJTWnFI
VTAzaWxKYzJFSlE5NVhOSk1zbzJrSktEdjBac1pWeHRQK2ZLNVYzbFlqd3lwL3dy
VzRuVXZEOE8rL2JqMmdXVDZHaStBRXFnZDg5b1EvQ3VkUGFGSW0wK2NENGlmS2E4
aHd3VkN2OEZtUEZQMmtBc1VXVms3U0QwWUlVNlR1VHZpbU5JQkJHUDZHL1FzQXZq
enF5djBibXNSUDNaaUFYUzJObG9ZRExzMFE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
";

/// A workshop with an image, and the keys of [`make_keys`].
fn built() -> Workshop {
    let shop = Workshop::new();
    shop.lock().build(&["base:latest"]).success();
    make_keys(&shop.world);
    shop
}

/// Makes the keys `a` and `b` of ECDSA and `ed` of Ed25519, by openssl.
pub fn make_keys(world: &World) {
    let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    for (name, arguments) in [("a", &p256[..]), ("b", &p256[..]), ("ed", &["-algorithm", "ed25519"][..])] {
        openssl(world, &[&["genpkey", "-out", name], arguments].concat());
        openssl(world, &["pkey", "-in", name, "-pubout", "-out", &format!("{name}.pub")]);
    }
}

#[track_caller]
pub fn openssl(world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    world.isolate(&mut command);
    world.finish(command.args(arguments)).success().stdout
}

/// What the programs of a virtual environment, which tests/run makes, hold for true of the layout.
#[track_caller]
fn verified(world: &World, key: &str) -> String {
    validator("bin/sigstore");
    let mut command = Command::new(validator("bin/python"));
    world.isolate(&mut command);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sign/verify.py");
    world.finish(command.arg(script).arg("out").arg(key)).success().stdout
}

#[test]
fn signatures_in_both_forms_hold_for_other_programs() {
    let shop = built();
    shop.world
        .distro(&["sign", "--key", "a", "--form", "both", "--destination", "registry.example.org/team/"])
        .assert_is(
            r#"
status: 0
----- stdout -----
IMAGE                       DIGEST        ATTESTED
base-debian13:latest        be57366c481e  slsa.dev/provenance/v1
base-debian13:latest-amd64  2319536c064b  slsa.dev/provenance/v1, spdx.dev/Document, spdx.dev/Document/v3.0
----- stderr -----
     Signed 2 manifests
"#,
        );
    assert_same(
        &verified(&shop.world, "a.pub"),
        r#"
base-debian13:latest .att https://slsa.dev/provenance/v1
base-debian13:latest .sig registry.example.org/team/base-debian13
base-debian13:latest bundle https://sigstore.dev/cosign/sign/v1
base-debian13:latest bundle https://slsa.dev/provenance/v1
base-debian13:latest-amd64 .att https://slsa.dev/provenance/v1
base-debian13:latest-amd64 .att https://spdx.dev/Document
base-debian13:latest-amd64 .att https://spdx.dev/Document/v3.0
base-debian13:latest-amd64 .sig registry.example.org/team/base-debian13
base-debian13:latest-amd64 bundle https://sigstore.dev/cosign/sign/v1
base-debian13:latest-amd64 bundle https://slsa.dev/provenance/v1
base-debian13:latest-amd64 bundle https://spdx.dev/Document
base-debian13:latest-amd64 bundle https://spdx.dev/Document/v3.0
"#,
    );
    let others = verified(&shop.world, "b.pub");
    assert!(
        others.lines().count() == 12 && others.lines().all(|line| line.ends_with(" not by this key")),
        "{others}"
    );
    shop.out();
}

#[test]
fn openssl_verifies_a_signature_and_the_envelope_of_an_attestation() {
    let shop = built();
    shop.world.distro(&["sign", "--key", "a", "--form", "classic"]).success();
    let out = shop.out();
    let image = out.digest("base-debian13:latest-amd64").replace(':', "-");
    let file = |name: &str, bytes: &[u8]| fs::write(shop.world.path(name), bytes).unwrap();
    let decoded = |text: &Value| {
        shop.world.write("base64", text.as_str().unwrap());
        let arguments = ["base64", "-d", "-A", "-in", "base64", "-out", "decoded"];
        openssl(&shop.world, &arguments);
        fs::read(shop.world.path("decoded")).unwrap()
    };
    let verify = || {
        let arguments = ["dgst", "-sha256", "-verify", "a.pub", "-signature", "signature", "message"];
        openssl(&shop.world, &arguments)
    };

    let layer = &out.document(&format!("base-debian13:{image}.sig"))["layers"][0];
    file("message", &out.blob(layer));
    file("signature", &decoded(&layer["annotations"]["dev.cosignproject.cosign/signature"]));
    assert_eq!(verify(), "Verified OK\n");

    let envelope = out.json(&out.document(&format!("base-debian13:{image}.att"))["layers"][0]);
    let payload = decoded(&envelope["payload"]);
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    file("message", &[head.as_bytes(), &payload].concat());
    file("signature", &decoded(&envelope["signatures"][0]["sig"]));
    assert_eq!(verify(), "Verified OK\n");
}

#[test]
fn what_a_key_has_signed_is_not_signed_again() {
    let shop = built();
    let sign = |key: &str| shop.world.distro(&["sign", "base", "--key", key, "--form", "both"]);
    sign("a").success();
    let index = shop.world.read("out/index.json");
    sign("a").assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Signed 0 manifests; 2 were signed by the key
"#,
    );
    assert_eq!(shop.world.read("out/index.json"), index);
    shop.build(&["base:latest"]).success();
    assert_eq!(shop.world.read("out/index.json"), index, "a build leaves signatures as they are");

    sign("ed").success();
    let both = shop.world.read("out/index.json");
    sign("a").success();
    sign("ed").success();
    assert_eq!(shop.world.read("out/index.json"), both, "keys do not replace each other's signatures");
    shop.out();
}

#[test]
fn signatures_go_with_their_image() {
    let mut shop = built();
    shop.world.distro(&["sign", "--key", "a", "--form", "both"]).success();
    libc6("2.41-2").publish_to(&mut shop.archive, "trixie-security");
    shop.lock().build(&["base:latest"]).success();
    let out = shop.out();
    let names = ["base-debian13:latest", "base-debian13:latest-amd64"];
    assert_eq!(out.names(), names);
    // What each was built from, and the SBOMs of the platform.
    assert_eq!(names.map(|name| out.referrers(&out.digest(name)).len()), [1, 1 + 2]);
}

#[test]
fn a_helper_signs_with_a_key_that_this_program_does_not_see() {
    let shop = built();
    let by = |key: &str, command: &str| {
        shop.world.distro(&["sign", "--public-key", &format!("{key}.pub"), "--key-helper", command])
    };
    by("a", "openssl dgst -sha256 -sign a").success();
    shop.world.distro(&["sign", "--key", "a"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Signed 0 manifests; 2 were signed by the key
"#,
    );
    // As cloud services have it.
    by("b", "openssl dgst -sha256 -sign b | openssl base64").success();
    by("ed", "cat >message; openssl pkeyutl -sign -inkey ed -rawin -in message").success();
    openssl(
        &shop.world,
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "c"],
    );
    openssl(&shop.world, &["pkey", "-in", "c", "-pubout", "-out", "c.pub"]);
    let fails = ["openssl dgst -sha256 -sign a", "echo the token is locked >&2; exit 3", "true"];
    let refused = fails.map(|command| by("c", command));
    assert!(refused.iter().all(|said| said.status == Some(1) && said.stdout.is_empty()), "{refused:?}");
    assert_same(
        &refused.map(|said| said.stderr).concat(),
        r#"
error: could not sign base-debian13:latest
  what the key helper `openssl dgst -sha256 -sign a` wrote is no signature of what it read by the public key; for a key of P-256 it has to sign the SHA-256 of its input
the token is locked
error: could not sign base-debian13:latest
  the key helper `echo the token is locked >&2; exit 3` failed (exit status: 3)
error: could not sign base-debian13:latest
  what the key helper `true` wrote is no signature of what it read by the public key; for a key of P-256 it has to sign the SHA-256 of its input
"#,
    );
    shop.out();
}

#[test]
fn a_helper_signs_several_images_at_a_time_once_it_has_signed_one() {
    let shop = built();
    shop.build(&["static:latest"]).success();
    shop.world.distro(&["sign", "--key", "ed"]).success();
    let signed = shop.world.read("out/index.json");
    fs::remove_dir_all(shop.world.path("out")).unwrap();
    shop.build(&["base:latest", "static:latest"]).success();
    // The first two calls, for an index, come one after the other; the third waits for a fourth.
    let helper = "touch call.$$; calls() { ls call.* | wc -l; }; cat >message.$$; \
        if [ $(calls) -ge 3 ]; then \
            n=0; until [ $(calls) -ge 4 ]; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 9; done; \
        fi; openssl pkeyutl -sign -inkey ed -rawin -in message.$$";
    shop.world.distro(&["sign", "--public-key", "ed.pub", "--key-helper", helper]).success();
    assert_eq!(shop.world.read("out/index.json"), signed);
    shop.out();
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let shop = built();
    shop.world.write("encrypted", ENCRYPTED);
    shop.world.write("none", "secret");
    openssl(&shop.world, &["ec", "-in", "a", "-out", "sec1"]);
    openssl(&shop.world, &["genpkey", "-algorithm", "RSA", "-out", "rsa"]);
    openssl(&shop.world, &["pkcs8", "-topk8", "-in", "a", "-out", "locked", "-passout", "pass:x"]);
    let with = |variable: (&str, &str), key: &str| {
        shop.world.finish(shop.world.command(&["sign", "--key", key]).env(variable.0, variable.1))
    };
    let keys = ["absent", "none", "a.pub", "sec1", "rsa", "locked", "encrypted", "env://KEY"];
    let mut refused: Vec<_> = keys.iter().map(|key| shop.world.distro(&["sign", "--key", key])).collect();
    refused.push(with(("COSIGN_PASSWORD", "wrong horse"), "encrypted"));
    refused.push(with(("KEY", "secret"), "env://KEY"));
    assert!(refused.iter().all(|said| said.status == Some(1) && said.stdout.is_empty()), "{refused:?}");
    assert_same(
        &refused.into_iter().map(|said| said.stderr).collect::<String>(),
        r#"
error: could not read `absent`: there is no such file or directory
error: the key `none` cannot be used
  it is not a key in PEM: `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----` is expected
hint: `distro sign --help` tells how to make a key
error: the key `a.pub` cannot be used
  it is of the kind `PUBLIC KEY`, and a private key of PKCS #8 or cosign is expected
hint: `distro sign --help` tells how to make a key
error: the key `sec1` cannot be used
  it is of the kind `EC PRIVATE KEY`, and a private key of PKCS #8 or cosign is expected
hint: `openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW` writes it as PKCS #8
error: the key `rsa` cannot be used
  it is neither a key of ECDSA on P-256 nor one of Ed25519, or it is damaged
hint: `distro sign --help` tells how to make a key
error: the key `locked` cannot be used
  it is of the kind `ENCRYPTED PRIVATE KEY`, and a private key of PKCS #8 or cosign is expected
hint: `cosign import-key-pair --key KEY` encrypts it in cosign's way, which this program reads
error: the key `encrypted` cannot be used
  it is encrypted, and no password is given
hint: put the password into the environment as COSIGN_PASSWORD
error: the environment has no variable `KEY`
error: the key `encrypted` cannot be used
  the password does not fit it
hint: COSIGN_PASSWORD has another one
error: the key `env://KEY` cannot be used
  it is not a key in PEM: `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----` is expected
hint: `distro sign --help` tells how to make a key
"#,
    );
    let index = shop.world.read("out/index.json");
    assert!(!index.contains("sigstore"), "something was signed: {index}");

    with(("COSIGN_PASSWORD", "correct horse"), "encrypted").success();
    with(("KEY", &shop.world.read("a")), "env://KEY").success();
    let referrers = shop.out().referrers(&shop.out().digest("base-debian13:latest")).len();
    assert_eq!(referrers, 1 + 2 * 2, "what it was built from, and twice that signed, and a signature");
}

#[test]
fn what_is_not_built_cannot_be_signed() {
    let shop = built();
    let orders = [&["base", "cc"][..], &["--out", "nowhere"], &["bse"]];
    let refused = orders.map(|order| shop.world.distro(&[&["sign", "--key", "a"], order].concat()));
    assert!(refused.iter().all(|said| said.status == Some(1) && said.stdout.is_empty()), "{refused:?}");
    assert_same(
        &refused.map(|said| said.stderr).concat(),
        r#"
error: `out` has no image `cc`
hint: `distro build cc` builds it
error: `nowhere` has no image of the catalog
hint: `distro build` builds them
error: the catalog has no image `bse`
hint: did you mean `base`?
"#,
    );
    assert!(!shop.world.path("nowhere").exists());
}

/// The manifest of the artifact that has the provenance of an image.
#[track_caller]
fn provenance(out: &Layout, name: &str) -> Value {
    let referrers = out.referrers(&out.digest(name));
    let mut statements = referrers
        .into_iter()
        .filter(|(descriptor, _)| descriptor["artifactType"] == "application/vnd.in-toto+json");
    let (Some((_, manifest)), None) = (statements.next(), statements.next()) else { panic!("{name}") };
    manifest
}

#[test]
fn provenance_names_all_that_an_image_was_built_from() {
    let shop = built();
    let out = shop.out();
    let statement = |name: &str| {
        let manifest = provenance(&out, name);
        let kinds: Vec<_> = manifest["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| layer["mediaType"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["application/vnd.in-toto+json", "application/vnd.distro.sealed.v1.tar+gzip"]);
        let statement = out.json(&manifest["layers"][0]);
        assert_eq!(
            statement["subject"],
            json!([{ "name": name, "digest": { "sha256": out.digest(name)[7..] } }])
        );
        let definition = statement["predicate"]["buildDefinition"].clone();
        let sealed = &definition["resolvedDependencies"][0];
        assert_eq!(sealed["digest"]["sha256"], manifest["layers"][1]["digest"].as_str().unwrap()[7..]);
        let dependencies = definition["resolvedDependencies"].as_array().unwrap().iter();
        let lines: Vec<_> = dependencies
            .map(|one| {
                let of = |key: &str| one[key].as_str().unwrap_or_default();
                format!("{} {}", of("name"), of("uri")).trim_end().to_owned()
            })
            .collect();
        (definition, lines.join("\n") + "\n")
    };
    let (definition, dependencies) = statement("base-debian13:latest-amd64");
    let expected = json!({
        "architecture": "amd64",
        "image": "base-debian13:latest",
        "source": "https://example.org/catalog.git",
    });
    assert_eq!(definition["externalParameters"], expected);
    assert_same(
        &dependencies,
        r#"
sealed
images/base.toml
images/catalog.toml
images/static.toml
lock/debian13.lock
base-files_13.8_amd64.deb pkg:deb/debian/base-files@13.8?arch=amd64&distro=debian-13
ca-certificates_20250419_all.deb pkg:deb/debian/ca-certificates@20250419?arch=all&distro=debian-13
libc6_2.41-1_amd64.deb pkg:deb/debian/libc6@2.41-1?arch=amd64&distro=debian-13&upstream=glibc
"#,
    );
    let lock = definition["resolvedDependencies"].as_array().unwrap();
    let lock = lock.iter().find(|one| one["name"] == "lock/debian13.lock").unwrap();
    let digest = crate::layout::sha256(shop.world.read("lock/debian13.lock").as_bytes());
    assert_eq!(lock["digest"]["sha256"], digest);
    let (_, dependencies) = statement("base-debian13:latest");
    assert_same(
        &dependencies,
        r#"
sealed
images/base.toml
images/catalog.toml
images/static.toml
lock/debian13.lock
base-debian13:latest-amd64
"#,
    );
}

#[test]
fn the_sealed_lock_and_definitions_build_the_same_image_elsewhere() {
    let shop = Workshop::new();
    shop.append("static.toml", "[[image.static.file]]\npath = \"/etc/a\"\nsource = \"files/a\"\n");
    shop.world.write("images/files/a", "text");
    shop.lock().build(&["base:latest"]).success();
    let out = shop.out();
    let name = "base-debian13:latest";
    let manifest = provenance(&out, name);
    let packed = out.blob(&manifest["layers"][1]);
    let sealed = shop.world.path("sealed");
    tar::Archive::new(MultiGzDecoder::new(&*packed)).unpack(&sealed).unwrap();
    assert_eq!(
        fs::read_to_string(sealed.join("lock/debian13.lock")).unwrap(),
        shop.world.read("lock/debian13.lock")
    );

    let arguments = [
        "build",
        "--catalog",
        "sealed/images",
        "--arch",
        "amd64",
        "--offline",
        "--out",
        "again",
        "base:latest",
    ];
    shop.world.distro(&arguments).success();
    let again = Layout::read(&shop.world.path("again"));
    assert_eq!(again.digest(name), out.digest(name));
    // Wherever it is built, the same is said of it.
    assert_eq!(again.blobs(), out.blobs());
}

#[test]
fn an_image_that_stays_keeps_what_was_said_of_it() {
    let mut shop = Workshop::new();
    shop.lock().build(&["static:latest", "base:latest"]).success();
    let said = |shop: &Workshop| {
        let out = shop.out();
        ["static", "base"].map(|family| {
            let image = out.digest(&format!("{family}-debian13:latest-amd64"));
            out.referrers(&image).into_iter().map(|(descriptor, _)| descriptor.clone()).collect::<Vec<_>>()
        })
    };
    let [of_static, of_base] = said(&shop);
    libc6("2.41-2").publish_to(&mut shop.archive, "trixie-security");
    shop.lock().build(&["static:latest", "base:latest"]).success();
    let after = said(&shop);
    assert_eq!(after[0], of_static);
    assert_ne!(after[1], of_base);
}
