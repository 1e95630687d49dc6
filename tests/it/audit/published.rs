//! Images in a registry, which somebody pushed there.

use super::{CLEAN_BUT_FOR_LAYERS, QUIET, app, assert_found, audit, built};
use crate::desk::assert_refused;
use crate::registry::{FakeRegistry, Habits};
use crate::run::Said;
use crate::workshop::Workshop;

const USUAL: Habits = Habits { referrers: true, mounts: true, login: None };

/// An image in a registry, and nothing of it in the store by which it is audited.
fn pushed(habits: Habits) -> (Workshop, FakeRegistry) {
    let mut shop = built([app()], QUIET);
    let registry = FakeRegistry::new(habits);
    shop.world.distro(&["push", "--all", &format!("{}/base", registry.host())]).success();
    shop.world.filter(registry.host(), "[REGISTRY]");
    std::fs::remove_dir_all(shop.world.path("store")).unwrap();
    registry.server.take_requests();
    (shop, registry)
}

fn audited(shop: &Workshop, registry: &FakeRegistry, image: &str, more: &[&str]) -> Said {
    let reference = format!("docker://{}/base/{image}", registry.host());
    audit(shop, &[&[reference.as_str()], more].concat())
}

const CLEAN: &str = r#"
status: 0
----- stdout -----
note[not-checked]: checks that were not made
  vulnerabilities were not looked for: no data of a security tracker were given
----- stderr -----
    Audited 1 image by images/policy.toml: 0 errors, 0 warnings, 1 note, 0 waived
"#;

#[test]
fn an_image_is_audited_by_what_the_registry_has_of_it() {
    let (shop, registry) = pushed(USUAL);
    audited(&shop, &registry, "one-debian13", &[]).assert_is(CLEAN);
    let layers = |paths: Vec<String>| paths.iter().filter(|path| path.contains("/blobs/")).count();
    assert!(layers(registry.server.take_paths()) > 2);
    // What was fetched is kept, and not fetched again, by whatever name the image is asked for.
    audited(&shop, &registry, "one-debian13:latest-amd64", &[]).assert_is(CLEAN);
    assert_eq!(layers(registry.server.take_paths()), 0);
    let digest = registry.tags()["base/one-debian13:latest-amd64"].clone();
    audited(&shop, &registry, &format!("one-debian13@{digest}"), &["--no-layers"])
        .assert_is(CLEAN_BUT_FOR_LAYERS);
}

#[test]
fn a_registry_that_lists_no_referrers_has_them_by_a_tag() {
    let (shop, registry) = pushed(Habits { referrers: false, ..USUAL });
    audited(&shop, &registry, "one-debian13:latest", &[]).assert_is(CLEAN);
}

#[test]
fn what_somebody_did_to_a_layer_is_found() {
    let (shop, registry) = pushed(USUAL);
    let manifest = shop.out().document("one-debian13:latest-amd64");
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    registry.kept(|kept| {
        let blob = kept.blobs.iter_mut().find(|((_, digest), _)| *digest == layer).unwrap().1;
        blob[20] ^= 1;
    });
    assert_found(
        &audited(&shop, &registry, "one-debian13:latest", &[]),
        "2 errors, 0 warnings, 1 note, 0 waived",
        r#"
error[privileged-file]: no file gives rights that no definition names
  one-debian13:latest has layers that cannot be read: nobody can tell which files it has (unknown)
      in one-debian13:latest

error[blob]: every blob is what its digest says
  layer 2eccb7a74f97 of app 1.0 (amd64) cannot be read: could not read the blob
    `[REGISTRY]/base/one-debian13@sha256:2eccb7a74f97914719b817739014df61cae96e3008f3212fb30fa560a7140837`:
    what came has the digest sha256:62334504c173eb29bdd10d96185963f70a9b9fdc55c21dc131ba23c9cf6bb097, where
    sha256:2eccb7a74f97914719b817739014df61cae96e3008f3212fb30fa560a7140837 is asked for
      in one-debian13:latest
      see
        [REGISTRY]/base/one-debian13@sha256:2eccb7a74f97914719b817739014df61cae96e3008f3212fb30fa560a7140837:
        the whole blob
      hint: build it anew with `distro build`, or fetch it again
"#,
    );
}

#[test]
fn an_image_without_an_sbom_in_the_registry_is_a_finding() {
    let (shop, registry) = pushed(USUAL);
    registry.kept(|kept| {
        kept.manifests
            .retain(|_, (_, bytes)| !String::from_utf8_lossy(bytes).contains("application/spdx+json"));
    });
    assert_found(
        &audited(&shop, &registry, "one-debian13:latest", &["--arch", "all"]),
        "1 error, 0 warnings, 1 note, 0 waived",
        r#"
error[sbom]: every image has an SBOM, which can be read and is of this image
  one-debian13:latest has no SBOM of SPDX 2.3 that refers to it (unknown)
      in one-debian13:latest
"#,
    );
}

#[test]
fn an_sbom_beside_the_one_that_is_looked_at_is_told_of() {
    let (shop, registry) = pushed(USUAL);
    let subject = registry.tags()["base/one-debian13:latest-amd64"].clone();
    let sbom = shop.world.read("out/sbom/one-debian13_latest-amd64.spdx.json");
    registry.attach_sbom("base/one-debian13", &subject, &format!("{sbom}\n"));
    audited(&shop, &registry, "one-debian13", &[]).assert_is(
        r#"
status: 0
----- stdout -----
note[not-checked]: checks that were not made
  one-debian13:latest has 2 SBOMs of the same format, and one of them was looked at
      in one-debian13:latest
      see
        [REGISTRY]/base/one-debian13@sha256:90d42d4c73d99915a30ef3434fd73cf78df7de91449227e627aff6688cc7254c:
        the one that was looked at
      hint: `distro verify` tells which of them a rebuild gives
  vulnerabilities were not looked for: no data of a security tracker were given
----- stderr -----
    Audited 1 image by images/policy.toml: 0 errors, 0 warnings, 2 notes, 0 waived
"#,
    );
}

#[test]
fn what_is_not_there_is_refused() {
    let (shop, registry) = pushed(USUAL);
    assert_refused(
        &audited(&shop, &registry, "two-debian13", &[]),
        r#"
error: could not read `[REGISTRY]/base/two-debian13:latest`: the registry does not have it
"#,
    );
    assert_refused(
        &audited(&shop, &registry, "one-debian13", &["--arch", "arm64"]),
        r#"
error: `[REGISTRY]/base/one-debian13:latest` has no image for arm64
"#,
    );
    assert_refused(
        &audited(&shop, &registry, "one-debian13", &["one"]),
        r#"
error: `docker://[REGISTRY]/base/one-debian13` is in a registry, and `one` is of the catalog
hint: audit them one after the other
"#,
    );
    assert_refused(
        &audited(&shop, &registry, "one-debian13", &["--release", "debian13"]),
        r#"
error: --release is of the catalog, and the images are in a registry
hint: leave it out
"#,
    );
    assert_refused(
        &audited(&shop, &registry, "One", &[]),
        r#"
error: `base/One` is not the name of a repository: use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words
"#,
    );
}
