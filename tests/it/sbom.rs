//! What `distro sbom` says of images, in each format.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::archive::Package;
use crate::desk::{assert_refused, assert_same, without_digests};
use crate::workshop::{Workshop, libc6};

const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://tool.example/

Files: *
Copyright: 2020-2026 Tool Makers
License: GPL-2+ or Apache-2.0
";

/// An image of one package, which has a manual and wants another package.
fn shop() -> Workshop {
    let tool = Package::new("tool", "1:2.0-1+b1")
        .source("tool-src (1:2.0-1)")
        .depends("debconf")
        .file("/usr/bin/tool", "runs")
        .file("/usr/share/man/man1/tool.1.gz", "a manual")
        .without_copyright()
        .file("/usr/share/doc/tool/copyright", COPYRIGHT);
    let shop = Workshop::of_one_image([tool]);
    shop.append("one.toml", "[image.one.leave-out]\ndebconf = \"nothing of a package is run\"\n");
    shop.lock();
    shop
}

fn document(shop: &Workshop, arguments: &[&str]) -> String {
    let said = shop.world.distro(&[&["sbom", "one", "--arch", "amd64"], arguments].concat()).success();
    assert_eq!(said.stderr, "");
    without_digests(&said.stdout)
}

#[test]
fn spdx_2_3_tells_packages_sources_files_and_what_was_left_out() {
    assert_same(&document(&shop(), &["--files"]), "");
}

#[test]
fn spdx_3_0_tells_the_same_as_a_graph() {
    assert_same(&document(&shop(), &["--format", "spdx-3.0"]), "");
}

#[test]
fn cyclonedx_1_6_tells_the_same_as_components() {
    assert_same(&document(&shop(), &["--format", "cyclonedx-1.6"]), "");
}

#[test]
fn an_sbom_is_the_same_from_another_store_and_lies_beside_the_layout() {
    let shop = shop();
    shop.build(&[]).success();
    for (format, name) in [("spdx-2.3", "spdx"), ("spdx-3.0", "spdx3")] {
        let arguments = ["sbom", "one", "--arch", "amd64", "--format", format];
        let said = shop.world.distro(&arguments).success();
        let path = shop.world.path(format!("out/sbom/one-debian13_latest-amd64.{name}.json"));
        let lies = std::fs::read_to_string(path).unwrap();
        assert_eq!(said.stdout, lies.replace(shop.server.url(), "[URL]"));
    }
    let sbom = || shop.world.read("out/sbom/one-debian13_latest-amd64.spdx.json");
    let before = sbom();
    std::fs::remove_dir_all(shop.world.path("store")).unwrap();
    std::fs::create_dir(shop.world.path("store")).unwrap();
    std::fs::remove_dir_all(shop.world.path("out")).unwrap();
    shop.build(&["--jobs", "1"]).success();
    assert_eq!(sbom(), before);
}

#[test]
fn a_renewal_that_touches_nothing_of_an_image_leaves_its_sbom_as_it_was() {
    let mut shop = Workshop::new();
    shop.lock().build(&[]).success();
    let files =
        ["spdx", "spdx3"].map(|format| format!("out/sbom/static-debian13_latest-amd64.{format}.json"));
    let before = files.each_ref().map(|path| shop.world.read(path));
    let base = shop.world.read("out/sbom/base-debian13_latest-amd64.spdx.json");
    libc6("2.41-2").publish(&mut shop.archive);
    shop.lock().build(&[]).success();
    assert_eq!(files.each_ref().map(|path| shop.world.read(path)), before);
    assert_ne!(shop.world.read("out/sbom/base-debian13_latest-amd64.spdx.json"), base);
}

#[test]
fn one_document_for_the_catalog_has_each_package_once_and_each_image_with_what_it_contains() {
    let shop = Workshop::new();
    shop.lock();
    let said = shop.world.distro(&["sbom", "--all", "--merge", "--arch", "all"]).success();
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let packages = document["packages"].as_array().unwrap();
    let ids: BTreeSet<_> = packages.iter().map(|package| package["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), packages.len());
    let of = |name: &str| packages.iter().filter(|package| package["name"] == name).count();
    // Of libc6 one for each architecture, of the image static three tags for each.
    assert_eq!([of("libc6"), of("ca-certificates"), of("static-debian13")], [2, 2, 6]);
    let relationships = document["relationships"].as_array().unwrap();
    let described =
        relationships.iter().filter(|relationship| relationship["relationshipType"] == "DESCRIBES");
    assert_eq!(described.count(), 18);
    for relationship in relationships {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            let id = relationship[end].as_str().unwrap();
            assert!(id == "SPDXRef-DOCUMENT" || ids.contains(id), "{id}");
        }
    }
}

#[test]
fn what_nobody_could_fill_in_is_told_with_who_asks_for_it() {
    let shop = Workshop::of_one_image([Package::new("tool", "1.0")]);
    shop.lock();
    shop.world.distro(&["sbom", "one", "--arch", "amd64", "--print-missing"]).assert_is("");
}

#[test]
fn documents_of_several_images_want_a_place() {
    let shop = Workshop::new();
    shop.lock();
    let sbom = |arguments: &[&str]| shop.world.distro(&[&["sbom"], arguments].concat());
    assert_refused(&sbom(&["--all", "--arch", "amd64"]), "");
    assert_refused(&sbom(&["static", "--arch", "amd64,arm64"]), "");
    assert_refused(&sbom(&["static", "--arch", "amd64", "--merge", "--format", "spdx-3.0"]), "");
    assert_refused(&sbom(&["nonesuch", "--arch", "amd64"]), "");
    sbom(&["static", "cc:debug", "--arch", "all", "--format", "cyclonedx-1.6", "--out", "sboms"]).success();
    let names = std::fs::read_dir(shop.world.path("sboms")).unwrap();
    let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let images =
        ["cc-debian13_debug", "static-debian13_debug", "static-debian13_latest", "static-debian13_nonroot"];
    let expected =
        images.into_iter().flat_map(|image| ["amd64", "arm64"].map(|on| format!("{image}-{on}.cdx.json")));
    assert_eq!(names, expected.collect());
}
