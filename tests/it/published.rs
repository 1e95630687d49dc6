//! Published images, verified: as they should be, and as others made them.

mod forgery;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::desk::{assert_refused, without_digests};
use crate::layout::Layout;
use crate::registry::DockerRegistry;
use crate::run::Said;
use crate::workshop::Workshop;
use forgery::Forgery;

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
    verify(&shop, &["base"]).assert_is("");
    assert_eq!(shop.server.take_paths(), [""; 0]);
    verify(&shop, &["base-debian13:latest", "--arch", "amd64"]).assert_is("");
}

#[test]
fn nothing_is_needed_but_the_image_and_packages() {
    let shop = built();
    for gone in ["images", "lock", "store"] {
        fs::remove_dir_all(shop.world.path(gone)).unwrap();
    }
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
    verify(&shop, &[IMAGE]).assert_is("");
    verify(&shop, &["base"]).assert_is("");
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
    verify(&shop, &[IMAGE]).assert_is("");
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
    verify(&shop, &[IMAGE]).assert_is("");
    let shop = built();
    let number = layer(&shop, "libc6 ");
    Forgery::new(&shop.world).edit_layer(IMAGE, number, |archive| archive.extend([0; 512]));
    verify(&shop, &[IMAGE]).assert_is("");
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
    verify(&shop, &[IMAGE]).assert_is("");
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
    verify(&shop, &[IMAGE]).assert_is("");

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
    verify(&shop, &[IMAGE]).assert_is("");
}

#[test]
fn a_field_of_an_sbom_is_found() {
    let shop = built();
    let sbom = attached(&shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&shop.world).edit(&sbom, |sbom| {
        let packages = sbom["packages"].as_array_mut().unwrap();
        let libc = packages.iter_mut().find(|package| package["name"] == "libc6").unwrap();
        libc["licenseConcluded"] = "MIT".into();
    });
    verify(&shop, &[IMAGE]).assert_is("");
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
    verify(&shop, &["base"]).assert_is("");
    verify(&shop, &["base", "--local"]).assert_is("");
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
    verify(&shop, &[IMAGE]).assert_is("");
    let statement = attached(&shop.out(), IMAGE, "application/vnd.in-toto+json", 0);
    Forgery::new(&shop.world).edit(&statement, |statement| {
        let text = statement.to_string().replace(sealed.trim_start_matches("sha256:"), &"1".repeat(64));
        *statement = serde_json::from_str(&text).unwrap();
    });
    verify(&shop, &[IMAGE]).assert_is("");
}

#[test]
fn what_the_key_signed_holds_and_what_it_did_not_sign_does_not() {
    for form in ["bundle", "classic"] {
        let shop = signed(form);
        let said = verify(&shop, &["base", "--key", "a.pub"]);
        if form == "bundle" {
            said.assert_is("");
        }
        assert_eq!(said.status, Some(0), "{form}: {said}");
    }
    let shop = signed("both");
    verify(&shop, &["base", "--key", "b.pub"]).assert_is("");
    let sbom = attached(&shop.out(), IMAGE, "application/spdx+json", 0);
    Forgery::new(&shop.world).edit(&sbom, |sbom| sbom["comment"] = "changed".into());
    verify(&shop, &[IMAGE, "--key", "a.pub"]).assert_is("");
}

#[test]
fn a_signature_does_not_pass_to_another_image() {
    let shop = signed("both");
    Forgery::new(&shop.world).edit(&config(&shop), |config| config["config"]["User"] = "1000".into());
    verify(&shop, &[IMAGE, "--key", "a.pub"]).assert_is("");
}

#[test]
fn definitions_and_lock_here_are_told_from_those_that_an_image_carries() {
    let shop = built();
    verify(&shop, &["base", "--local"]).assert_is("");
    shop.edit("base.toml", "For programs", "For other programs");
    shop.lock();
    verify(&shop, &[IMAGE, "--local"]).assert_is("");
    let said = verify(&shop, &[IMAGE]);
    assert_eq!(said.status, Some(0), "{said}");
}

#[test]
fn a_registry_is_enough() {
    let shop = signed("bundle");
    let registry = DockerRegistry::start(&shop.world.path("tmp"), "");
    let destination = format!("{}/team", registry.host());
    shop.world.distro(&["push", "--all", &destination]).success();
    for gone in ["images", "lock", "out", "store"] {
        fs::remove_dir_all(shop.world.path(gone)).unwrap();
    }
    shop.server.take_requests();
    let reference = format!("{destination}/base-debian13:latest-amd64");
    let said = shop.world.distro(&["verify", &reference, "--key", "a.pub"]);
    let said = Said { stdout: said.stdout.replace(registry.host(), "[REGISTRY]"), ..said };
    said.assert_is("");
    assert_eq!(shop.asked_for().len(), 3);
    let by_digest = format!("docker://{destination}/base-debian13@sha256:{}", "0".repeat(64));
    let said = shop.world.distro(&["verify", &by_digest]);
    let said = Said { stderr: without_digests(&said.stderr.replace(registry.host(), "[REGISTRY]")), ..said };
    assert_refused(&said, "");
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
    assert_refused(&verify(&shop, &["cc"]), "");
    assert_refused(&verify(&shop, &["base", "--key", "a.pub"]), "");
    shop.world.write("a.pub", "garbage");
    assert_refused(&verify(&shop, &["base", "--key", "a.pub"]), "");
    assert_refused(&verify(&shop, &["Registry/Image"]), "");
    assert_refused(&verify(&shop, &["base", "--arch", "arm64"]), "");
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    let said = verify(&shop, &[IMAGE]);
    assert_eq!(said.status, Some(1), "{said}");
    assert!(said.stderr.contains("run once without `--offline`"), "{said}");
}
