//! Layouts and SBOMs that somebody has laid hands on, with every digest made to fit or with none.

use std::fs;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{QUIET, app, assert_found, audit, built};
use crate::archive::Package;
use crate::run::Said;
use crate::workshop::Workshop;

const REFERENCE: &str = "one-debian13:latest-amd64";
const SBOM: &str = "out/sbom/one-debian13_latest-amd64.spdx.json";

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shop() -> Workshop {
    built([app(), Package::new("other", "2").file("/usr/bin/other", "elf")], QUIET)
}

fn json_of(shop: &Workshop, path: &str) -> Value {
    serde_json::from_str(&shop.world.read(path)).unwrap()
}

fn blob(shop: &Workshop, descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap();
    shop.world.path(format!("out/blobs/sha256/{}", &digest["sha256:".len()..])).to_str().unwrap().to_owned()
}

fn write_blob(shop: &Workshop, descriptor: &mut Value, bytes: &[u8]) {
    descriptor["digest"] = format!("sha256:{}", hex(bytes)).into();
    descriptor["size"] = bytes.len().into();
    fs::write(blob(shop, descriptor), bytes).unwrap();
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut tar).unwrap();
    tar
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(tar).unwrap();
    packed.finish().unwrap()
}

/// Changes the layers of the image, each with its line of the history, and makes all digests fit, that in the
/// SBOM too.
fn forge(shop: &Workshop, change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) {
    let mut index = json_of(shop, "out/index.json");
    let references = index["manifests"].as_array_mut().unwrap();
    let name = |found: &Value| found["annotations"]["org.opencontainers.image.ref.name"] == REFERENCE;
    let descriptor = references.iter_mut().find(|found| name(found)).unwrap();
    let old = descriptor["digest"].as_str().unwrap().to_owned();
    let mut manifest: Value = serde_json::from_slice(&fs::read(blob(shop, descriptor)).unwrap()).unwrap();
    let mut config: Value =
        serde_json::from_slice(&fs::read(blob(shop, &manifest["config"])).unwrap()).unwrap();
    let made_from = config["history"].as_array().unwrap().iter();
    let made_from = made_from.map(|entry| entry["created_by"].as_str().unwrap().to_owned());
    let layers = manifest["layers"].as_array().unwrap().iter();
    let tars = layers.map(|layer| unpacked(&fs::read(blob(shop, layer)).unwrap()));
    let mut layers: Vec<_> = made_from.zip(tars).collect();
    change(&mut layers);
    let mut descriptors = Vec::new();
    for (_, tar) in &layers {
        let mut layer = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip" });
        write_blob(shop, &mut layer, &packed(tar));
        descriptors.push(layer);
    }
    manifest["layers"] = descriptors.into();
    config["history"] = layers.iter().map(|(made_from, _)| json!({ "created_by": made_from })).collect();
    config["rootfs"]["diff_ids"] = layers.iter().map(|(_, tar)| format!("sha256:{}", hex(tar))).collect();
    write_blob(shop, &mut manifest["config"], config.to_string().as_bytes());
    write_blob(shop, descriptor, manifest.to_string().as_bytes());
    let new = descriptor["digest"].as_str().unwrap().to_owned();
    shop.world.write("out/index.json", &index.to_string());
    shop.world.write(SBOM, &shop.world.read(SBOM).replace(&old, &new));
}

/// A layer's tar with another file at its end.
fn with_file(tar: &[u8], path: &str) -> Vec<u8> {
    let mut longer = tar::Builder::new(tar[..tar.len() - 1024].to_vec());
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    header.set_mode(0o755);
    longer.append_data(&mut header, path, &b"evil"[..]).unwrap();
    longer.into_inner().unwrap()
}

/// The audit, with digests that depend on the encoder's every bit as `…`.
fn audited(shop: &Workshop) -> Said {
    let mut said = audit(shop, &[]);
    let long = |word: &str| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = said.stdout.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    said.stdout = words
        .map(|word| {
            let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if long(end) { word.replacen(end, "…", 1) } else { word.to_owned() }
        })
        .collect();
    said
}

/// The path of the lowest layer, which is that of `app`.
fn first_layer(shop: &Workshop) -> String {
    let manifest = shop.out().document(REFERENCE);
    blob(shop, &manifest["layers"][0])
}

fn app_layer(layers: &mut [(String, Vec<u8>)]) -> &mut Vec<u8> {
    &mut layers.iter_mut().find(|(made_from, _)| made_from.starts_with("app ")).unwrap().1
}

/// The tar with another content of `/usr/share/app/data`, which says `data`.
fn flipped(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let content = (0..tar.len()).step_by(512).find(|&at| tar[at..].starts_with(b"data\0")).unwrap();
    tar[content] ^= 1;
    tar
}

#[test]
fn a_blob_that_was_flipped_is_found() {
    let shop = shop();
    let path = first_layer(&shop);
    let tar = flipped(&unpacked(&fs::read(&path).unwrap()));
    fs::write(&path, packed(&tar)).unwrap();
    assert_found(
        &audited(&shop),
        "2 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[blob]: every blob is what its digest says
  layer … of app 1.0 (amd64) is not what its digest says; altered: /usr/share/app/data
      in one-debian13:latest
      see out/blobs/sha256/…: the whole blob
      hint: build it anew with `distro build`, or fetch it again

error[altered-file]: every file is what the SBOM says
  app has other files than those of the SBOM's verification code; its md5sums do not vouch for
    /usr/share/app/data
      in one-debian13:latest
      see out/blobs/sha256/…:
        SPDXRef-Binary-app: packageVerificationCode
"#,
    );
}

#[test]
fn a_blob_that_cannot_be_read_is_found() {
    let shop = shop();
    fs::write(first_layer(&shop), "not gzip").unwrap();
    assert_found(
        &audited(&shop),
        "2 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[privileged-file]: no file gives rights that no definition names
  one-debian13:latest has layers that cannot be read: nobody can tell which files it has (unknown)
      in one-debian13:latest

error[blob]: every blob is what its digest says
  layer … of app 1.0 (amd64) cannot be read: it cannot be unpacked: the gzip data is damaged, cut
    short or needs too much memory: unexpected end of file
      in one-debian13:latest
      see out/blobs/sha256/…: the whole blob
      hint: build it anew with `distro build`, or fetch it again
"#,
    );
}

#[test]
fn a_byte_that_was_flipped_is_found_though_all_digests_fit() {
    let shop = shop();
    forge(&shop, |layers| *app_layer(layers) = flipped(app_layer(layers)));
    assert_found(
        &audited(&shop),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[altered-file]: every file is what the SBOM says
  app has other files than those of the SBOM's verification code; its md5sums do not vouch for
    /usr/share/app/data
      in one-debian13:latest
      see out/blobs/sha256/…:
        SPDXRef-Binary-app: packageVerificationCode
"#,
    );
}

#[test]
fn a_file_that_was_added_to_a_layer_is_found() {
    let shop = shop();
    forge(&shop, |layers| *app_layer(layers) = with_file(app_layer(layers), "usr/bin/evil"));
    assert_found(
        &audited(&shop),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[altered-file]: every file is what the SBOM says
  app has other files than those of the SBOM's verification code; its md5sums do not vouch for /usr/bin/evil
      in one-debian13:latest
      see out/blobs/sha256/…:
        SPDXRef-Binary-app: packageVerificationCode
"#,
    );
}

#[test]
fn a_layer_that_was_added_is_found() {
    let shop = shop();
    let empty = vec![0; 1024];
    forge(&shop, |layers| layers.push(("COPY evil /usr/bin".to_owned(), with_file(&empty, "usr/bin/evil"))));
    assert_found(
        &audited(&shop),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[unowned-file]: every file belongs to a package or a generator of the SBOM
  layer … is of no package or generator of the SBOM (COPY evil /usr/bin): /usr/bin/evil
      in one-debian13:latest
      see out/blobs/sha256/…: the whole layer
"#,
    );
}

#[test]
fn an_sbom_of_another_image_is_found() {
    let shop = shop();
    let before = shop.world.read(SBOM);
    forge(&shop, |_| {});
    shop.world.write(SBOM, &before);
    assert_found(
        &audited(&shop),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[sbom]: every image has an SBOM, which can be read and is of this image
  one-debian13:latest is the image sha256:…,
    and its SBOM is of sha256:…
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Image: versionInfo
"#,
    );
}

/// Changes the SBOM.
fn told_otherwise(shop: &Workshop, change: impl FnOnce(&mut Value)) {
    let mut sbom = json_of(shop, SBOM);
    change(&mut sbom);
    shop.world.write(SBOM, &sbom.to_string());
}

#[test]
fn a_package_that_is_missing_from_the_sbom_is_found() {
    let shop = shop();
    told_otherwise(&shop, |sbom| {
        sbom["packages"]
            .as_array_mut()
            .unwrap()
            .retain(|package| package["SPDXID"] != "SPDXRef-Binary-other");
    });
    assert_found(
        &audited(&shop),
        "2 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[package-not-in-sbom]: every package of the image is in its SBOM
  other 2 is in the image, and not in its SBOM
      in one-debian13:latest
      see out/blobs/sha256/…:
        /var/lib/dpkg/status.d/other

error[unowned-file]: every file belongs to a package or a generator of the SBOM
  layer … is of no package or generator of the SBOM (other 2 (amd64)): /usr/bin/other,
    /usr/share/doc/other/copyright, /var/lib/dpkg/status.d/other, /var/lib/dpkg/status.d/other.md5sums
      in one-debian13:latest
      see out/blobs/sha256/…: the whole layer
"#,
    );
}

#[test]
fn a_package_that_is_not_in_the_image_is_found() {
    let shop = shop();
    told_otherwise(&shop, |sbom| {
        let packages = sbom["packages"].as_array_mut().unwrap();
        let mut more =
            packages.iter().find(|package| package["SPDXID"] == "SPDXRef-Binary-other").unwrap().clone();
        more["SPDXID"] = "SPDXRef-Binary-third".into();
        more["name"] = "third".into();
        packages.push(more);
    });
    assert_found(
        &audited(&shop),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[package-not-in-image]: every package of the SBOM is in the image
  third 2 is in the SBOM, and no layer of the image was made from it
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-third
"#,
    );
}

#[test]
fn an_sbom_that_says_nothing_of_files_is_found() {
    let shop = shop();
    told_otherwise(&shop, |sbom| {
        for package in sbom["packages"].as_array_mut().unwrap() {
            package.as_object_mut().unwrap().remove("packageVerificationCode");
        }
    });
    assert_found(
        &audited(&shop),
        "3 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[altered-file]: every file is what the SBOM says
  app has neither a list of files nor a verification code in the SBOM (unknown)
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-app
  other has neither a list of files nor a verification code in the SBOM (unknown)
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-other
  step usr-merge has neither a list of files nor a verification code in the SBOM (unknown)
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Generated-usr-merge
"#,
    );
}
