//! Published images, verified: as they should be, and as others made them.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::desk::{assert_refused, without_digests};
use crate::forgery::Forgery;
use crate::layout::Layout;
use crate::registry::{DockerRegistry, FakeRegistry, Habits};
use crate::run::Said;
use crate::workshop::{Workshop, libc6};

const IMAGE: &str = "base-debian13:latest-amd64";

/// A workshop with one image.
fn built() -> Workshop {
    let shop = Workshop::new();
    shop.lock().build(&["base:latest"]).success();
    shop
}

/// A workshop with one image, signed by the key `a`; there is a key `b` too.
fn signed(form: &str) -> Workshop {
    let shop = built();
    for name in ["a", "b"] {
        let options = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name];
        openssl(&shop, &options);
        openssl(&shop, &["pkey", "-in", name, "-pubout", "-out", &format!("{name}.pub")]);
    }
    shop.world.distro(&["sign", "--key", "a", "--form", form]).success();
    shop
}

/// A workshop and a registry that its images are pushed to.
struct Team {
    shop: Workshop,
    registry: FakeRegistry,
}

impl Team {
    fn new(mut shop: Workshop, referrers: bool) -> Self {
        let registry = FakeRegistry::new(Habits { referrers, mounts: true, login: None });
        shop.world.filter(registry.host(), "[REGISTRY]");
        Self { shop, registry }
    }

    fn push(&self) {
        self.shop.world.distro(&["push", "--all", &format!("{}/team", self.registry.host())]).success();
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/team/base-debian13:{tag}", self.registry.host())
    }
}

fn openssl(shop: &Workshop, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    shop.world.isolate(&mut command);
    shop.world.finish(command.args(arguments)).success();
}

/// What is said of the image, without a connection; digests as `…`.
#[track_caller]
fn verify(shop: &Workshop, arguments: &[&str]) -> Said {
    let said = shop.world.distro(&[&["verify", "--offline"], arguments].concat());
    let text = regex::Regex::new("[0-9a-f]{12}  ").unwrap().replace_all(&said.stdout, "…  ").into_owned();
    Said { stdout: without_digests(&text), ..said }
}

/// The digest of the configuration.
fn config(shop: &Workshop) -> String {
    shop.out().image(IMAGE).manifest["config"]["digest"].as_str().unwrap().to_owned()
}

/// The number of the layer that a history names.
fn layer(shop: &Workshop, made_from: &str) -> usize {
    let image = shop.out().image(IMAGE);
    image.history().iter().position(|history| history.starts_with(made_from)).unwrap()
}

/// The digest of the document of an artifact that refers to an image.
fn attached(out: &Layout, image: &str, artifact_type: &str, number: usize) -> String {
    let referrers = out.referrers(&out.digest(image));
    let (_, manifest) =
        referrers.iter().find(|(_, manifest)| manifest["artifactType"] == artifact_type).unwrap();
    manifest["layers"][number]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_image_as_it_was_built_holds() {
    let shop = built();
    shop.server.take_requests();
    verify(&shop, &["base"]).assert_is(r#"
status: 0
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  -          holds       holds    -
base-debian13:latest-amd64  …  -          holds       holds    holds
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 2 of 2 manifests
"#);
    assert_eq!(shop.server.take_paths(), [""; 0]);
    verify(&shop, &["base-debian13:latest", "--arch", "amd64"]).assert_is(r#"
status: 0
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       holds    holds
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 1 of 1 manifest
"#);
}

#[test]
fn nothing_is_needed_but_the_image_and_packages() {
    let shop = built();
    for gone in ["images", "lock", "store"] {
        fs::remove_dir_all(shop.world.path(gone)).unwrap();
    }
    shop.server.take_requests();
    let out = shop.world.read("out/index.json");
    shop.world.distro(&["verify", IMAGE]).success();
    assert_eq!(
        shop.asked_for(),
        ["base-files_13.8_amd64.deb", "ca-certificates_20250419_all.deb", "libc6_2.41-1_amd64.deb"]
    );
    assert_eq!(shop.world.read("out/index.json"), out);
    assert!(!shop.world.path("images").exists() && !shop.world.path("lock").exists());
}

#[test]
fn a_byte_in_a_layer_is_found() {
    let shop = built();
    let number = layer(&shop, "libc6 ");
    Forgery::new(&shop.world).edit_layer(IMAGE, number, |archive| {
        let text = b"the library";
        let at = archive.windows(text.len()).position(|window| window == text).unwrap();
        archive[at] = b'T';
    });
    shop.out();
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    FAILS

base-debian13:latest-amd64
  SBOM application/spdx+json: libc6 has other files than those of the SBOM's verification code; its md5sums do not vouch for /usr/lib/libc.so.6
  layer 6 (libc6 2.41-1 (amd64)): /usr/lib/libc.so.6: content is sha256:…, and a rebuild gives sha256:…
  likely cause: this program gives other files from the same lock, definitions and packages: layers were changed after the build
  likely cause: files are not what the md5sums of their own packages say: they were changed after the packages were built
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
    verify(&shop, &["base"]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  -          holds       FAILS    -
base-debian13:latest-amd64  …  -          holds       FAILS    FAILS

base-debian13:latest
  index: manifests[0].digest is "sha256:…", and a rebuild gives "sha256:…"

base-debian13:latest-amd64
  SBOM application/spdx+json: libc6 has other files than those of the SBOM's verification code; its md5sums do not vouch for /usr/lib/libc.so.6
  layer 6 (libc6 2.41-1 (amd64)): /usr/lib/libc.so.6: content is sha256:…, and a rebuild gives sha256:…
  likely cause: this program gives other files from the same lock, definitions and packages: layers were changed after the build
  likely cause: files are not what the md5sums of their own packages say: they were changed after the packages were built
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 2 manifests
"#);
}

#[test]
fn metadata_of_a_file_are_found() {
    let shop = built();
    let number = layer(&shop, "libc6 ");
    Forgery::new(&shop.world).edit_layer(IMAGE, number, |archive| {
        edit_header(archive, "usr/lib/libc.so.6", |header| {
            header.set_mode(0o4755);
            header.set_uid(1000);
            header.set_mtime(1);
        });
    });
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    holds

base-debian13:latest-amd64
  layer 6 (libc6 2.41-1 (amd64)): /usr/lib/libc.so.6: mode is 4755, and a rebuild gives 0644
  layer 6 (libc6 2.41-1 (amd64)): /usr/lib/libc.so.6: owner is 1000:0, and a rebuild gives 0:0
  layer 6 (libc6 2.41-1 (amd64)): /usr/lib/libc.so.6: mtime is 1, and a rebuild gives 1750000000
  likely cause: this program gives other files from the same lock, definitions and packages: layers were changed after the build
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
}

/// Changes the header of a member.
fn edit_header(archive: &mut [u8], path: &str, edit: impl FnOnce(&mut tar::Header)) {
    let mut reader = tar::Archive::new(&*archive);
    let mut entries = reader.entries().unwrap().map(Result::unwrap);
    let entry = entries.find(|entry| entry.path().unwrap().as_os_str() == path).unwrap();
    let at = usize::try_from(entry.raw_header_position()).unwrap();
    let mut header = entry.header().clone();
    drop(entries);
    edit(&mut header);
    header.set_cksum();
    archive[at..at + 512].copy_from_slice(header.as_bytes());
}

#[test]
fn a_layer_that_was_compressed_anew_is_told_from_one_that_was_changed() {
    let shop = built();
    let number = layer(&shop, "libc6 ");
    Forgery::new(&shop.world).edit_layer(IMAGE, number, |_| {});
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    holds

base-debian13:latest-amd64
  layer 6 (libc6 2.41-1 (amd64)) is sha256:…, and a rebuild gives sha256:…: the same archive, compressed otherwise
  likely cause: what is in layers is the same: something compressed them anew on their way, or another encoder did
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
    let shop = built();
    let number = layer(&shop, "libc6 ");
    Forgery::new(&shop.world).edit_layer(IMAGE, number, |archive| archive.extend([0; 512]));
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    holds

base-debian13:latest-amd64
  layer 6 (libc6 2.41-1 (amd64)) has the diff ID sha256:…, and a rebuild gives sha256:…: the same files in another archive
  likely cause: layers have the same files in another archive: another program wrote them
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
}

#[test]
fn a_variable_and_an_annotation_are_found() {
    let shop = built();
    Forgery::new(&shop.world).edit(&config(&shop), |config| {
        config["config"]["Env"].as_array_mut().unwrap().push("LD_PRELOAD=/tmp/x.so".into());
        config["config"]["User"] = "1000".into();
    });
    let manifest = shop.out().digest(IMAGE);
    Forgery::new(&shop.world).edit(&manifest, |manifest| {
        manifest["annotations"]["org.opencontainers.image.version"] = "12".into();
    });
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    holds

base-debian13:latest-amd64
  configuration: config.Env[1] is "LD_PRELOAD=/tmp/x.so", and a rebuild gives none
  configuration: config.User is "1000", and a rebuild gives "0"
  manifest: annotations.org.opencontainers.image.version is "12", and a rebuild gives "13"
  likely cause: the layers are those of the build: only documents were changed, as `crane mutate` does
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
}

#[test]
fn the_order_of_layers_and_layers_on_top_are_found() {
    let shop = built();
    let swap = |list: &mut Value| list.as_array_mut().unwrap().swap(0, 1);
    Forgery::new(&shop.world).edit(&config(&shop), |config| {
        swap(&mut config["rootfs"]["diff_ids"]);
        swap(&mut config["history"]);
    });
    let manifest = shop.out().digest(IMAGE);
    Forgery::new(&shop.world).edit(&manifest, |manifest| swap(&mut manifest["layers"]));
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    holds

base-debian13:latest-amd64
  layer 2 (base-files 13.8 (amd64)) lies elsewhere in a rebuild: there it is layer 1
  configuration: history[0].created_by is "ca-certificates 20250419 (all)", and a rebuild gives "base-files 13.8 (amd64)"
  configuration: history[1].created_by is "base-files 13.8 (amd64)", and a rebuild gives "ca-certificates 20250419 (all)"
  likely cause: layers were added, moved or taken away after the build, as `docker commit` and `crane append` do
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);

    let shop = built();
    let twice = |list: &mut Value| {
        let list = list.as_array_mut().unwrap();
        list.push(list[0].clone());
    };
    Forgery::new(&shop.world).edit(&config(&shop), |config| {
        twice(&mut config["rootfs"]["diff_ids"]);
        twice(&mut config["history"]);
    });
    let manifest = shop.out().digest(IMAGE);
    Forgery::new(&shop.world).edit(&manifest, |manifest| twice(&mut manifest["layers"]));
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       FAILS    FAILS

base-debian13:latest-amd64
  SBOM application/spdx+json: base-files has other files than those of the SBOM's verification code
  SBOM application/spdx+json: step os-release has other files than those of the SBOM's verification code
  SBOM application/spdx+json: base-files has other files than those of the SBOM's verification code
  SBOM application/spdx+json: /bin is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /etc/os-release is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /lib is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /lib64 is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /sbin is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /usr/share/doc/base-files/copyright is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /var/lib/dpkg/status.d/base-files is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  SBOM application/spdx+json: /var/lib/dpkg/status.d/base-files.md5sums is of base-files 13.8 (amd64) and of base-files 13.8 (amd64), which does not replace it
  layer 7 (base-files 13.8 (amd64)) is not in the image that a rebuild gives
  configuration: history[6] is {"created":"2025-06-15T15:06:40Z","created_by":"base-files 13.8 (amd64)"}, and a rebuild gives none
  likely cause: layers were added, moved or taken away after the build, as `docker commit` and `crane append` do
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
}

#[test]
fn a_field_of_an_sbom_is_found() {
    let shop = built();
    let sbom = attached(&shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&shop.world).edit(&sbom, |sbom| {
        let packages = sbom["packages"].as_array_mut().unwrap();
        let libc = packages.iter_mut().find(|package| package["name"] == "libc6").unwrap();
        libc["licenseConcluded"] = "GPL-2.0-only".into();
    });
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          holds       holds    FAILS

base-debian13:latest-amd64
  SBOM application/spdx+json: packages[4: SPDXRef-Binary-libc6].licenseConcluded is "GPL-2.0-only", and a rebuild gives "MIT"
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
    let sbom = attached(&shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&shop.world).edit(&sbom, |sbom| {
        sbom["packages"].as_array_mut().unwrap().retain(|package| package["name"] != "libc6");
    });
    let said = verify(&shop, &[IMAGE]);
    assert_eq!(said.status, Some(3), "{said}");
    assert!(
        said.stdout.contains("/var/lib/dpkg") || said.stdout.contains("libc6: 2.41-1 is in the image"),
        "{said}"
    );
}

#[test]
fn an_image_without_a_provenance_cannot_be_verified() {
    let shop = built();
    let mut index: Value = serde_json::from_str(&shop.world.read("out/index.json")).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    manifests.retain(|descriptor| descriptor["artifactType"] != "application/vnd.in-toto+json");
    shop.world.write("out/index.json", &index.to_string());
    verify(&shop, &["base"]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  -          FAILS       -        -
base-debian13:latest-amd64  …  -          FAILS       -        holds

base-debian13:latest
  provenance is not there: nobody says what the image was built from

base-debian13:latest-amd64
  provenance is not there: nobody says what the image was built from
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 2 manifests
"#);
    verify(&shop, &["base", "--local"]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  -          FAILS       holds    -
base-debian13:latest-amd64  …  -          FAILS       holds    holds

base-debian13:latest
  provenance is not there: nobody says what the image was built from

base-debian13:latest-amd64
  provenance is not there: nobody says what the image was built from
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 2 manifests
"#);
}

#[test]
fn a_lock_that_is_not_the_one_named_is_found() {
    let shop = built();
    let (statement, sealed) = {
        let out = shop.out();
        let kind = "application/vnd.in-toto+json";
        (attached(&out, IMAGE, kind, 0), attached(&out, IMAGE, kind, 1))
    };
    Forgery::new(&shop.world).edit(&statement, |statement| {
        let dependencies =
            statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array_mut().unwrap();
        let lock = dependencies.iter_mut().find(|one| one["name"] == "lock/debian13.lock").unwrap();
        lock["digest"]["sha256"] = "0".repeat(64).into();
    });
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          FAILS       holds    holds

base-debian13:latest-amd64
  provenance: lock/debian13.lock is said to be sha256:…, and sha256:… is attached
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
    let statement = attached(&shop.out(), IMAGE, "application/vnd.in-toto+json", 0);
    Forgery::new(&shop.world).edit(&statement, |statement| {
        let text = statement.to_string().replace(sealed.trim_start_matches("sha256:"), &"1".repeat(64));
        *statement = serde_json::from_str(&text).unwrap();
    });
    verify(&shop, &[IMAGE]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          FAILS       -        holds

base-debian13:latest-amd64
  provenance names the lock and definitions sha256:…, and these are not attached: others are, or none
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
}

#[test]
fn what_the_key_signed_holds_and_what_it_did_not_sign_does_not() {
    for form in ["bundle", "classic"] {
        let shop = signed(form);
        let said = verify(&shop, &["base", "--key", "a.pub"]);
        if form == "bundle" {
            said.assert_is(
                r#"
status: 0
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  holds      holds       holds    -
base-debian13:latest-amd64  …  holds      holds       holds    holds
----- stderr -----
   Verified 2 of 2 manifests
"#,
            );
        }
        assert_eq!(said.status, Some(0), "{form}: {said}");
    }
    let shop = signed("both");
    verify(&shop, &["base", "--key", "b.pub"]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  FAILS      holds       holds    -
base-debian13:latest-amd64  …  FAILS      holds       holds    holds

base-debian13:latest
  signature by this key is not there, or what it signed was altered; 4 are there
  statement (https://slsa.dev/provenance/v1) is not what the key signed

base-debian13:latest-amd64
  SBOM application/spdx+json is not one that the key signed
  SBOM application/spdx3+json is not one that the key signed
  signature by this key is not there, or what it signed was altered; 8 are there
  statement (https://slsa.dev/provenance/v1) is not what the key signed
----- stderr -----
   Verified 0 of 2 manifests
"#,
    );
    let sbom = attached(&shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&shop.world).edit(&sbom, |sbom| sbom["comment"] = "changed".into());
    verify(&shop, &[IMAGE, "--key", "a.pub"]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  FAILS      holds       holds    FAILS

base-debian13:latest-amd64
  SBOM application/spdx+json is not one that the key signed
  SBOM application/spdx+json: comment is "changed", and a rebuild gives none
----- stderr -----
   Verified 0 of 1 manifest
"#,
    );
}

#[test]
fn a_signature_does_not_pass_to_another_image() {
    let shop = signed("both");
    Forgery::new(&shop.world).edit(&config(&shop), |config| config["config"]["User"] = "1000".into());
    verify(&shop, &[IMAGE, "--key", "a.pub"]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  FAILS      holds       FAILS    holds

base-debian13:latest-amd64
  SBOM application/spdx+json is not one that the key signed
  SBOM application/spdx3+json is not one that the key signed
  attestation (https://sigstore.dev/cosign/sign/v1) that the key signed is about another image
  attestation (https://slsa.dev/provenance/v1) that the key signed is about another image
  attestation (https://spdx.dev/Document) that the key signed is about another image
  attestation (https://spdx.dev/Document/v3.0) that the key signed is about another image
  signature by this key is not there, or what it signed was altered; 8 are there
  statement (https://slsa.dev/provenance/v1) is not what the key signed
  configuration: config.User is "1000", and a rebuild gives "0"
  likely cause: the layers are those of the build: only documents were changed, as `crane mutate` does
----- stderr -----
   Verified 0 of 1 manifest
"#,
    );
}

#[test]
fn definitions_and_lock_here_are_told_from_those_that_an_image_carries() {
    let shop = built();
    verify(&shop, &["base", "--local"]).assert_is(r#"
status: 0
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  -          holds       holds    -
base-debian13:latest-amd64  …  -          holds       holds    holds
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 2 of 2 manifests
"#);
    shop.edit("base.toml", "For programs", "For other programs");
    shop.lock();
    verify(&shop, &[IMAGE, "--local"]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest-amd64  …  -          FAILS       FAILS    holds

base-debian13:latest-amd64
  manifest: annotations.org.opencontainers.image.description is "For programs linked against glibc", and a rebuild gives "For other programs linked against glibc"
  provenance: images/base.toml is another one here
  likely cause: it was built from other definitions or another lock than are here
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#);
    let said = verify(&shop, &[IMAGE]);
    assert_eq!(said.status, Some(0), "{said}");
}

#[test]
fn a_registry_is_enough() {
    let mut shop = signed("bundle");
    let registry = DockerRegistry::start(&shop.world.path("tmp"), "");
    shop.world.filter(registry.host(), "[REGISTRY]");
    let destination = format!("{}/team", registry.host());
    shop.world.distro(&["push", "--all", &destination]).success();
    for gone in ["images", "lock", "out", "store"] {
        fs::remove_dir_all(shop.world.path(gone)).unwrap();
    }
    shop.server.take_requests();
    let reference = format!("{destination}/base-debian13:latest");
    shop.world.distro(&["verify", &reference, "--key", "a.pub"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                                                    DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
[REGISTRY]/team/base-debian13:latest                be57366c481e  holds      holds       holds    -
[REGISTRY]/team/base-debian13:latest (linux/amd64)  2319536c064b  holds      holds       holds    holds
----- stderr -----
   Verified 2 of 2 manifests
"#,
    );
    assert_eq!(shop.asked_for().len(), 3);
    let by_digest = format!("docker://{destination}/base-debian13@sha256:{}", "0".repeat(64));
    let said = shop.world.distro(&["verify", &by_digest]);
    let said = Said { stderr: without_digests(&said.stderr), ..said };
    assert_refused(
        &said,
        r#"
error: could not read `[REGISTRY]/team/base-debian13@sha256:…`: the registry does not have it
"#,
    );
}

/// Has the SBOMs of the image say something else, and the image stay.
fn describe_anew(shop: &Workshop) {
    let before = shop.out().digest(IMAGE);
    shop.edit("catalog.toml", "example.org/spdx", "example.org/documents");
    shop.build(&["base:latest"]).success();
    assert_eq!(shop.out().digest(IMAGE), before);
}

#[test]
fn what_an_image_is_said_to_be_built_from_goes_with_its_sboms() {
    let shop = signed("both");
    let attached = || {
        let referrers = |name| shop.out().referrers(&shop.out().digest(name)).len();
        ["base-debian13:latest", IMAGE].map(referrers)
    };
    let before = attached();
    describe_anew(&shop);
    // What the key signed of the documents that are replaced goes with them; that it signed the image stays.
    verify(&shop, &["base", "--key", "a.pub"]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                       DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
base-debian13:latest        …  holds      holds       holds    -
base-debian13:latest-amd64  …  FAILS      holds       holds    holds

base-debian13:latest-amd64
  SBOM application/spdx+json is not one that the key signed
  SBOM application/spdx3+json is not one that the key signed
  statement (https://slsa.dev/provenance/v1) is not what the key signed
----- stderr -----
   Verified 1 of 2 manifests
"#,
    );
    let said = verify(&shop, &["base"]);
    assert_eq!(said.status, Some(0), "{said}");
    shop.world.distro(&["sign", "--key", "a", "--form", "both"]).success();
    assert_eq!(attached(), before);
    let said = verify(&shop, &["base", "--key", "a.pub"]);
    assert_eq!(said.status, Some(0), "{said}");

    let index = shop.world.read("out/index.json");
    shop.build(&["base:latest"]).success();
    shop.world.distro(&["sign", "--key", "a", "--form", "both"]).success();
    assert_eq!(shop.world.read("out/index.json"), index);
}

#[test]
fn what_a_registry_lists_of_an_earlier_build_holds_too() {
    for (referrers, form) in [(true, "both"), (false, "both"), (true, "bundle"), (false, "classic")] {
        let team = Team::new(signed(form), referrers);
        team.push();
        describe_anew(&team.shop);
        team.shop.world.distro(&["sign", "--key", "a", "--form", form]).success();
        team.push();
        let said = verify(&team.shop, &[&team.image("latest"), "--key", "a.pub"]);
        assert_eq!(said.status, Some(0), "{referrers} {form}: {said}");
        assert!(said.stderr.contains("Verified 2 of 2 manifests"), "{said}");
    }
}

#[test]
fn a_document_that_a_registry_has_let_go_is_missing() {
    let team = Team::new(signed("bundle"), false);
    team.push();
    team.registry.kept(|kept| {
        kept.manifests.retain(|_, (_, bytes)| {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            manifest["artifactType"] != "application/spdx+json"
        });
    });
    verify(&team.shop, &[&team.image("latest")]).assert_is(r#"
status: 3
----- stdout -----
IMAGE                                                    DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
[REGISTRY]/team/base-debian13:latest                …  -          holds       holds    -
[REGISTRY]/team/base-debian13:latest (linux/amd64)  …  -          holds       holds    FAILS

[REGISTRY]/team/base-debian13:latest (linux/amd64)
  SBOM application/spdx+json: [REGISTRY]/team/base-debian13:latest (linux/amd64) has no SBOM
  SBOM application/spdx+json is not attached to the image
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 1 of 2 manifests
"#);
}

#[test]
fn an_sbom_that_no_build_gives_is_found_beside_one_that_holds() {
    let team = Team::new(built(), true);
    team.push();
    let sbom = attached(&team.shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&team.shop.world).edit(&sbom, |sbom| sbom["comment"] = "forged".into());
    team.push();
    verify(&team.shop, &[&team.image("latest-amd64")]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                                            DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
[REGISTRY]/team/base-debian13:latest-amd64  …  -          holds       holds    FAILS

[REGISTRY]/team/base-debian13:latest-amd64
  SBOM application/spdx+json: comment is "forged", and a rebuild gives none
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#,
    );
}

#[test]
fn sboms_of_another_version_of_the_program_do_not_count_where_this_one_gave_some() {
    let team = Team::new(built(), true);
    let statement = attached(&team.shop.out(), IMAGE, "application/vnd.in-toto+json", 0);
    Forgery::new(&team.shop.world).edit(&statement, |statement| {
        statement["predicate"]["runDetails"]["builder"]["version"]["distro"] = "0.0.1".into();
    });
    let sbom = attached(&team.shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&team.shop.world).edit(&sbom, |sbom| sbom["comment"] = "as distro 0.0.1 wrote it".into());
    team.push();
    verify(&team.shop, &[&team.image("latest-amd64")]).assert_is(
        r#"
status: 3
----- stdout -----
IMAGE                                            DIGEST        SIGNATURE  PROVENANCE  REBUILD  SBOM
[REGISTRY]/team/base-debian13:latest-amd64  …  -          holds       holds    FAILS

[REGISTRY]/team/base-debian13:latest-amd64
  SBOM application/spdx+json: comment is "as distro 0.0.1 wrote it", and a rebuild gives none
  likely cause: distro 0.0.1 built it, and this is 0.1.0: use that version
----- stderr -----
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
   Verified 0 of 1 manifest
"#,
    );
    team.shop.build(&["base:latest"]).success();
    team.push();
    let said = verify(&team.shop, &[&team.image("latest-amd64")]);
    assert_eq!(said.status, Some(0), "{said}");
}

#[test]
fn a_lock_that_was_renewed_since_and_gives_the_same_image_is_as_true() {
    let mut shop = Workshop::new();
    shop.lock().build(&["static:latest"]).success();
    let image = shop.out().digest("static-debian13:latest");
    let lock = shop.world.read("lock/debian13.lock");
    libc6("2.41-2").publish_to(&mut shop.archive, "trixie-security");
    shop.lock().build(&["static:latest"]).success();
    assert_eq!(shop.out().digest("static-debian13:latest"), image);
    assert_ne!(shop.world.read("lock/debian13.lock"), lock);
    for arguments in [&["static"][..], &["static", "--local"]] {
        let said = verify(&shop, arguments);
        assert_eq!(said.status, Some(0), "{said}");
    }
}

#[test]
fn machines_are_told_the_same() {
    let shop = built();
    Forgery::new(&shop.world).edit(&config(&shop), |config| config["config"]["User"] = "1000".into());
    let said = shop.world.distro(&["verify", IMAGE, "--offline", "--format", "json"]);
    let rows: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.status, &rows[0]["holds"]), (Some(3), &json!(false)));
    assert_eq!(
        rows[0]["checks"],
        json!({ "signature": "not-checked", "provenance": "holds", "rebuild": "fails", "sbom": "holds" })
    );
    assert_eq!(
        rows[0]["findings"],
        json!([{ "check": "rebuild", "part": "configuration", "field": "config.User",
            "message": "is \"1000\", and a rebuild gives \"0\"" }])
    );
    assert_eq!(rows[0]["causes"].as_array().unwrap().len(), 1, "{rows}");
}

#[test]
fn what_cannot_be_verified_is_an_error() {
    let shop = built();
    assert_refused(
        &verify(&shop, &["cc"]),
        r#"
error: `out` has no image `cc`
hint: `distro build` builds images; name one of a registry with its host, as in registry.example.org/base/cc
"#,
    );
    assert_refused(
        &verify(&shop, &["base", "--key", "a.pub"]),
        r#"
error: could not read `a.pub`: there is no such file or directory
"#,
    );
    shop.world.write("a.pub", "garbage");
    assert_refused(
        &verify(&shop, &["base", "--key", "a.pub"]),
        r#"
error: the key `a.pub` cannot be used
  it is not a key in PEM: `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----` is expected
hint: `distro sign --help` tells how to make a key
"#,
    );
    openssl(&shop, &["genpkey", "-algorithm", "ed25519", "-out", "a"]);
    assert_refused(
        &verify(&shop, &["base", "--key", "a"]),
        r#"
error: the key `a` cannot be used
  it is of the kind `PRIVATE KEY`, and a public key is expected
hint: `openssl pkey -in KEY -pubout` writes the public key of a private one
"#,
    );
    assert_refused(
        &verify(&shop, &["Registry/Image"]),
        r#"
error: `Registry/Image` is not an image in a registry: name the registry too, as in registry.example.org/base/cc:latest
"#,
    );
    assert_refused(
        &verify(&shop, &["base", "--arch", "arm64"]),
        r#"
error: the images are for none of these architectures
hint: leave out `--arch`, to verify all that there are
"#,
    );
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    let said = verify(&shop, &[IMAGE]);
    assert_eq!(said.status, Some(1), "{said}");
    assert!(said.stderr.contains("run once without `--offline`"), "{said}");
}

#[test]
fn packages_that_are_gone_since_an_image_was_built_are_named_with_what_to_do() {
    let mut shop = built();
    shop.archive.withdraw("trixie", "libc6");
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    assert_refused(
        &shop.world.distro(&["verify", IMAGE]),
        r#"
warning: nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too
error: a locked package is not to be had:
  libc6 2.41-1 (amd64)
asked [URL]/debian/ (host apt sources): not found
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service): not found
hint: the archive has moved on since the image was built, and without its packages nobody can build it again: name apt sources that keep old packages by --apt-dir, or a folder that has these by --vendor
"#,
    );
}

#[test]
fn a_registry_that_is_away_is_named() {
    let shop = built();
    let arguments = ["verify", "127.0.0.1:1/team/base-debian13", "--retries", "0"];
    assert_refused(
        &shop.world.distro(&arguments),
        r#"
error: could not reach the registry `127.0.0.1:1`: there is no connection: Connection refused (os error 111)
"#,
    );
}
