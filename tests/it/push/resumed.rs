//! Registries that fail, for a while or for good.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::archive::Package;
use crate::desk::assert_same;
use crate::registry::FakeRegistry;
use crate::server::Fault;
use crate::workshop::Workshop;

use super::{USUAL, assert_all_tags_are_there, built, push, rows, shown};

/// A workshop with an image whose layer takes more than one request.
fn large() -> Workshop {
    let mut state = Sha256::digest(b"seed");
    let mut noise = Vec::new();
    while noise.len() < 2 << 20 {
        state = Sha256::digest(state);
        noise.extend_from_slice(&state);
    }
    let workshop = Workshop::of_one_image([Package::new("noise", "1").file("/usr/share/noise", noise)]);
    workshop.lock().build(&[]).success();
    workshop
}

#[test]
fn what_passes_is_tried_again() {
    for (glob, fault) in [
        ("/v2/**", Fault::TooManyRequests { retry_after: 0 }),
        ("/v2/**", Fault::Status(503)),
        ("PUT /v2/**", Fault::Status(500)),
        ("POST /v2/**", Fault::Silence),
        ("PATCH /v2/**", Fault::CutUpload(1 << 20)),
        ("PATCH /v2/**", Fault::CutUpload(0)),
        ("PATCH /v2/**", Fault::Silence),
        ("PATCH /v2/**", Fault::Status(416)),
        ("PATCH /v2/**", Fault::Status(404)),
        ("PUT /v2/**/uploads/*", Fault::Silence),
        ("PUT /v2/**/uploads/*", Fault::CutUpload(10)),
        ("PUT /v2/**/manifests/*", Fault::Silence),
    ] {
        let (workshop, registry) = (large(), FakeRegistry::new(USUAL));
        registry.server.fail_times(glob, fault.clone(), 2);
        let said = push(&workshop, &registry, &["--all"]);
        assert_eq!(said.status, Some(0), "{glob} {fault:?}: {said}");
        assert_all_tags_are_there(&workshop, &registry);
    }
}

#[test]
fn an_upload_that_was_cut_is_taken_up_where_it_was() {
    let (workshop, registry) = (large(), FakeRegistry::new(USUAL));
    registry.server.fail_times("PATCH /v2/**", Fault::CutUpload(1 << 20), 1);
    push(&workshop, &registry, &["--all"]).success();
    let requests = registry.server.take_requests();
    let ranges: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| request.header("content-range").map(|range| range.split('-').next().unwrap()))
        .collect();
    assert_eq!(ranges, [None, Some("1048576")]);
    assert_all_tags_are_there(&workshop, &registry);
}

#[test]
fn a_push_that_dies_leaves_no_tag_and_the_next_goes_on_from_there() {
    for glob in ["PUT /v2/**/uploads/*", "PUT /v2/**/manifests/sha256:*"] {
        let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
        registry.server.fail(glob, Fault::Status(403));
        let said = push(&workshop, &registry, &["--all"]);
        assert_eq!(said.status, Some(1), "{said}");
        assert!(said.stderr.contains("no tag was set"), "{said}");
        assert!(registry.tags().is_empty());

        registry.server.heal();
        let sent = registry.kept(|kept| kept.blobs.len());
        let said = rows(&push(&workshop, &registry, &["--all"]));
        let present: u64 = said.iter().map(|row: &Value| row["blobs"]["present"].as_u64().unwrap()).sum();
        assert!(present >= sent as u64, "{said:?}");
        assert_all_tags_are_there(&workshop, &registry);
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_tag() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    registry.server.fail("PUT /v2/**/manifests/sha256:*", Fault::Hang);
    let destination = format!("{}/base", registry.host());
    let mut run = workshop.world.command(&["push", "--all", &destination]).spawn().unwrap();
    while registry.kept(|kept| kept.blobs.is_empty()) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(registry.tags().is_empty());
    registry.server.heal();
    push(&workshop, &registry, &["--all"]).success();
    assert_all_tags_are_there(&workshop, &registry);
}

#[test]
fn a_blob_that_is_damaged_here_is_not_taken_for_the_registry_s_fault() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    let layer = workshop.out().image("static-debian13:latest-amd64").layer_digests()[0].to_owned();
    let path = format!("out/blobs/sha256/{}", layer.strip_prefix("sha256:").unwrap());
    let size = std::fs::metadata(workshop.world.path(&path)).unwrap().len();
    workshop.world.write(&path, &"x".repeat(usize::try_from(size).unwrap()));
    let said = push(&workshop, &registry, &["static:latest"]);
    assert_same(
        &shown(&said, registry.host()),
        r#"
status: 1
----- stdout -----
----- stderr -----
warning: not built for arm64: static-debian13:latest
error: could not push the blob `[REGISTRY]/base/static-debian13@[DIGEST]`: the registry took [DIGEST] for other bytes than it is
hint: no tag was set; where the blob is damaged here, remove the layout and build it again
"#,
    );
    assert!(registry.tags().is_empty());
}
