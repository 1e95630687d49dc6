//! A store that many machines share, in a repository of a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Fleet, OURS, READER};
use crate::registry::{DockerRegistry, FakeRegistry, Habits};
use crate::server::Fault;

const USUAL: Habits = Habits { referrers: true, mounts: true, login: None };

fn url(host: &str) -> String {
    format!("oci://{host}/base/cache")
}

/// A fleet, and a registry that one of its machines has filled.
fn filled() -> (Fleet, FakeRegistry) {
    let (fleet, registry) = (Fleet::new(), FakeRegistry::new(USUAL));
    let said = fleet.build_with(&url(registry.host()), OURS);
    assert!(!said.stderr.contains("warning"), "{said}");
    fleet.workshop.asked_for();
    registry.server.take_requests();
    (fleet, registry)
}

/// What is kept under tags that begin so, by tag.
fn tagged(registry: &FakeRegistry, prefix: &str) -> BTreeMap<String, Value> {
    registry.kept(|kept| {
        let manifests = kept.manifests.iter().filter(|((_, at), _)| at.starts_with(prefix));
        manifests
            .map(|((_, tag), (_, bytes))| (tag.clone(), serde_json::from_slice(bytes).unwrap()))
            .collect()
    })
}

/// Has what is kept under tags that begin so be something else.
fn tamper(registry: &FakeRegistry, prefix: &str, change: impl Fn(&str, Value) -> Vec<u8>) {
    registry.kept(|kept| {
        for ((_, at), (_, bytes)) in kept.manifests.iter_mut().filter(|((_, at), _)| at.starts_with(prefix)) {
            *bytes = change(at, serde_json::from_slice(bytes).unwrap());
        }
    });
}

/// What a build does that is told the key, where all records are of no use.
#[track_caller]
fn assert_records_are_refused(fleet: &Fleet, registry: &FakeRegistry, why: &str) {
    let records = tagged(registry, "record-").len();
    fleet.workshop.asked_for();
    let said = fleet.build_with(&url(registry.host()), READER);
    assert_eq!(said.stderr.matches("this is refused: records/layer-4/").count(), records, "{said}");
    assert_eq!(said.stderr.matches(why).count(), records, "{said}");
}

#[test]
fn machines_share_a_repository_of_docker_registry_which_collects_nothing_of_it() {
    let fleet = Fleet::new();
    let world = &fleet.workshop.world;
    let registry = DockerRegistry::start(&world.path("tmp"), "");
    let remote = url(registry.host());
    let machines = ["first", "second"].map(|name| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distro"));
        world.isolate(&mut command);
        command.args(["build", "--arch", "amd64", "--apt-dir", "apt", "--remote-store", &remote]).args(OURS);
        command.args(["--store", &format!("{name}/store"), "--out", &format!("{name}/out")]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    });
    for mut machine in machines {
        assert!(machine.wait().unwrap().success());
    }
    fleet.workshop.asked_for();
    let mut collector = Command::new("docker-registry");
    collector.args(["garbage-collect", "--delete-untagged"]).arg(world.path("tmp/registry.yml"));
    let collected = collector.output().unwrap();
    assert!(collected.status.success(), "{collected:?}");
    let said = fleet.build_with(&remote, READER);
    assert!(!said.stderr.contains("warning"), "{said}");
    assert_eq!(fleet.workshop.asked_for(), [""; 0], "all came from the registry");
}

#[test]
fn each_object_has_a_manifest_and_a_tag_and_nothing_is_sent_twice() {
    let (fleet, registry) = filled();
    let blobs = registry.blobs("base/cache");
    let mut led_to: BTreeSet<_> = BTreeSet::new();
    for (tag, manifest) in tagged(&registry, "") {
        let layer = &manifest["layers"][0];
        let digest = layer["digest"].as_str().unwrap();
        led_to.extend([digest.to_owned(), manifest["config"]["digest"].as_str().unwrap().to_owned()]);
        let is_blob = manifest["artifactType"] == "application/vnd.distro.store-blob";
        let of_blob = format!("blob-{}", digest.replace(':', "-"));
        assert!(tag.starts_with("sha256:") || (tag == of_blob) == is_blob, "{tag}: {manifest}");
        assert_eq!(layer["data"].is_string(), !is_blob, "{tag}: {manifest}");
    }
    assert_eq!(led_to, blobs);

    fleet.build_with(&url(registry.host()), READER);
    assert_eq!(registry.changes(), [""; 0], "it only reads");
    // A machine that made what another has added meanwhile.
    let (all, records) = (tagged(&registry, ""), tagged(&registry, "record-"));
    registry.kept(|kept| kept.manifests.retain(|(_, at), _| !at.starts_with("record-")));
    fleet.build_with(&url(registry.host()), OURS);
    let changes = registry.changes();
    assert_eq!(changes.len(), 2 * records.len(), "{changes:?}");
    assert!(changes.iter().all(|change| change.starts_with("PUT /v2/base/cache/manifests/")), "{changes:?}");
    assert_eq!(tagged(&registry, ""), all, "the same bytes, whoever writes them");
}

#[test]
fn an_object_takes_one_request_to_read() {
    let (fleet, registry) = filled();
    fleet.build_with(&url(registry.host()), READER);
    let requests = registry.server.take_paths();
    let once: BTreeSet<_> = requests.iter().collect();
    assert_eq!(once.len(), requests.len(), "{requests:?}");
    assert!(requests.iter().all(|request| request.starts_with("GET /v2/base/cache/")), "{requests:?}");
    let records = requests.iter().filter(|request| request.contains("/manifests/record-")).count();
    assert_eq!(records, tagged(&registry, "record-").len());
}

#[test]
fn what_a_registry_has_exchanged_poisons_nothing() {
    let (fleet, registry) = filled();
    registry.kept(|kept| {
        for bytes in kept.blobs.values_mut().filter(|bytes| bytes.len() > 2) {
            bytes[0] ^= 1;
        }
    });
    let said = fleet.build_with(&url(registry.host()), READER);
    assert!(said.stderr.contains("this is refused: blobs/sha256/"), "{said}");
    assert!(said.stderr.contains(": its SHA-256 is "), "{said}");
    assert!(fleet.workshop.asked_for().contains(&"libc6_2.41-1_amd64.deb".to_owned()));

    let (fleet, registry) = filled();
    registry.kept(|kept| kept.blobs.values_mut().for_each(|bytes| bytes.resize(8 << 20, 0)));
    let said = fleet.build_with(&url(registry.host()), READER);
    assert!(!said.stderr.contains("warning"), "what is too large is not there: {said}");
}

#[test]
fn a_manifest_that_leads_elsewhere_poisons_nothing() {
    let (fleet, registry) = filled();
    let records: Vec<_> = tagged(&registry, "record-").into_iter().collect();
    let next = |tag: &str| {
        let at = records.iter().position(|(of, _)| of == tag).unwrap();
        records[(at + 1) % records.len()].1.clone()
    };
    let untrusted = "no key that is trusted signed it";
    tamper(&registry, "record-", |tag, _| next(tag).to_string().into_bytes());
    assert_records_are_refused(&fleet, &registry, untrusted);
    tamper(&registry, "record-", |tag, _| {
        let mut other = next(tag);
        other["layers"][0].as_object_mut().unwrap().remove("data");
        other.to_string().into_bytes()
    });
    assert_records_are_refused(&fleet, &registry, untrusted);
    for (change, why) in [
        (json!({ "layers": [] }), "it is not the manifest of a record"),
        (
            json!({ "layers": [records[0].1["layers"][0].clone(), records[0].1["layers"][0].clone()] }),
            "it is not the manifest of a record",
        ),
        (json!({ "layers": "none" }), "the registry's answer cannot be understood"),
    ] {
        tamper(&registry, "record-", |tag, _| {
            let mut manifest = next(tag);
            manifest["layers"] = change["layers"].clone();
            manifest.to_string().into_bytes()
        });
        assert_records_are_refused(&fleet, &registry, why);
    }
    tamper(&registry, "record-", |tag, _| {
        let mut manifest = next(tag);
        manifest["layers"][0]["data"] = json!("not base64");
        manifest.to_string().into_bytes()
    });
    assert_records_are_refused(&fleet, &registry, "what its manifest holds is not in base64");
    // Whoever may write puts them right.
    fleet.build_with(&url(registry.host()), OURS);
    let said = fleet.build_with(&url(registry.host()), READER);
    assert!(!said.stderr.contains("warning"), "{said}");
    assert_eq!(tagged(&registry, "record-").into_iter().collect::<Vec<_>>(), records);
}

#[test]
fn a_large_record_is_read_from_its_layer() {
    let (fleet, registry) = filled();
    tamper(&registry, "record-", |_, mut manifest| {
        manifest["layers"][0].as_object_mut().unwrap().remove("data");
        manifest.to_string().into_bytes()
    });
    // Without what layers are made from.
    registry.kept(|kept| kept.blobs.retain(|_, bytes| !bytes.starts_with(b"!<arch>")));
    let said = fleet.build_with(&url(registry.host()), READER);
    assert!(!said.stderr.contains("warning"), "{said}");
    let asked = fleet.workshop.asked_for();
    assert!(!asked.contains(&"libc6_2.41-1_amd64.deb".to_owned()), "{asked:?}");
}

#[test]
fn a_registry_that_fails_is_told_of_once_and_stops_nothing() {
    let (fleet, registry) = filled();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = fleet.build_with(&url(&nobody), &["--retries", "0"]);
    let told =
        format!("warning: the remote store `{}` is left aside: there is no connection: ", url(&nobody));
    assert_eq!(said.stderr.matches(&told).count(), 1, "{said}");
    for (fault, why) in [
        (Fault::Status(403), "403 Forbidden"),
        (Fault::Status(500), "the server answered 500 Internal Server Error"),
        (Fault::Silence, "the connection broke: "),
        (Fault::HtmlPage, "an HTML page came in place of the file"),
        (
            Fault::Redirect(format!("{}/v2/base/cache/blobs/again", registry.server.url())),
            "a redirection was not followed: more than 10 in a row",
        ),
    ] {
        registry.server.heal();
        registry.server.fail("GET /v2/**/blobs/**", fault);
        let said = fleet.build_with(&url(registry.host()), &["--retries", "0"]);
        assert_eq!(said.stderr.matches("is left aside: ").count(), 1, "{why}: {said}");
        assert!(said.stderr.contains(why), "{why}: {said}");
    }
    registry.server.heal();
    registry.server.fail_times("/v2/**", Fault::TooManyRequests { retry_after: 0 }, 2);
    let said = fleet.build_with(&url(registry.host()), READER);
    assert!(!said.stderr.contains("warning"), "{said}");
}

#[test]
fn a_registry_that_takes_nothing_is_told_of_once_and_stops_nothing() {
    for glob in ["POST /v2/**", "PUT /v2/**/blobs/**", "PUT /v2/**/manifests/**", "HEAD /v2/**"] {
        let (fleet, registry) = (Fleet::new(), FakeRegistry::new(USUAL));
        registry.server.fail(glob, Fault::Status(403));
        let said = fleet.build_with(&url(registry.host()), OURS);
        let told = format!(
            "could not add to the remote store `{}`: the registry answered 403",
            url(registry.host())
        );
        assert_eq!(said.stderr.matches(&told).count(), 1, "{glob}: {said}");
        assert_eq!(said.stderr.matches("warning").count(), 1, "{glob}: {said}");
    }
    for (glob, fault) in [
        ("POST /v2/**", Fault::Silence),
        ("PUT /v2/**/blobs/**", Fault::CutUpload(10)),
        ("PUT /v2/**/blobs/**", Fault::Silence),
        ("PUT /v2/**/manifests/**", Fault::Silence),
    ] {
        let (fleet, registry) = (Fleet::new(), FakeRegistry::new(USUAL));
        registry.server.fail_times(glob, fault, 2);
        let said = fleet.build_with(&url(registry.host()), OURS);
        assert!(!said.stderr.contains("warning"), "{glob}: {said}");
        fleet.workshop.asked_for();
        fleet.build_with(&url(registry.host()), READER);
        assert_eq!(fleet.workshop.asked_for(), [""; 0], "all was added");
    }
}

#[test]
fn a_registry_that_takes_a_blob_for_another_is_told_of_as_one() {
    let (fleet, registry) = (Fleet::new(), FakeRegistry::new(USUAL));
    registry.server.fail("PUT /v2/**/blobs/**", Fault::WrongUpload);
    let said = fleet.build_with(&url(registry.host()), OURS);
    let warnings: Vec<_> = said.stderr.lines().filter(|line| line.starts_with("warning")).collect();
    let [warning] = warnings[..] else { panic!("{said}") };
    let start = format!(
        "warning: could not add to the remote store `{}`: the registry took sha256:",
        url(registry.host())
    );
    let end = " for other bytes than it is (with `--remote-store-read-only`, nothing is added)";
    assert!(warning.starts_with(&start) && warning.ends_with(end), "{said}");
    assert!(registry.tags().is_empty());
}

#[test]
fn a_registry_is_told_the_login_that_docker_or_podman_keeps() {
    const LOGIN: &str = "Basic amFuZTpzM2NyZXQ=";
    let fleet = Fleet::new();
    let registry = FakeRegistry::new(Habits { login: Some((LOGIN, "Basic realm=\"x\"")), ..USUAL });
    let said = fleet.build_with(&url(registry.host()), OURS);
    assert_eq!(said.stderr.matches("warning").count(), 1, "{said}");
    assert!(
        said.stderr.contains("is left aside: the registry denies access, and no login for it is known"),
        "{said}"
    );
    let login = LOGIN.strip_prefix("Basic ").unwrap();
    let file = json!({ "auths": { registry.host(): { "auth": login } } });
    fleet.workshop.world.write("home/.docker/config.json", &file.to_string());
    for arguments in [OURS, READER] {
        fleet.workshop.asked_for();
        let said = fleet.build_with(&url(registry.host()), arguments);
        assert!(!said.stderr.contains("warning"), "{said}");
    }
    assert_eq!(fleet.workshop.asked_for(), [""; 0], "all came from the registry");
}

#[test]
fn offline_no_registry_is_asked_or_told() {
    let (fleet, registry) = (Fleet::new(), FakeRegistry::new(USUAL));
    let world = &fleet.workshop.world;
    for folder in ["store/records", "out"] {
        fs::remove_dir_all(world.path(folder)).unwrap();
    }
    let remote = url(registry.host());
    let offline = [&["--offline", "--remote-store", &remote], OURS].concat();
    fleet.workshop.build(&offline).success();
    assert_eq!(fleet.workshop.out().blobs(), fleet.expected);
    assert_eq!(registry.server.take_paths(), [""; 0]);
}

#[test]
fn a_url_is_of_a_repository_and_has_no_login() {
    let workshop = &Fleet::new().workshop;
    for (url, why) in [
        ("oci://localhost:5000", "name a repository too, as in `oci://registry.example.org/base/cache`"),
        ("oci://localhost:5000/", "name a repository too, as in `oci://registry.example.org/base/cache`"),
        ("oci:cache", "`` is not a registry: a host name is expected, as in registry.example.org:5000"),
        ("oci://localhost:5000/Base", "`Base` is not the name of a repository: "),
        ("oci://localhost:5000/base:latest", "`base:latest` is not the name of a repository: "),
        ("oci://localhost:5000/base?x=y", "nothing may follow `?` or `#`"),
        (
            "oci://jane:s3cret@localhost/base",
            "a login has no place in it: `docker login` or `podman login` keeps one",
        ),
    ] {
        let said = workshop.build(&["--remote-store", url]);
        assert_eq!(said.status, Some(1), "{url}: {said}");
        assert!(said.stderr.contains("cannot be used: ") && said.stderr.contains(why), "{url}: {said}");
        assert!(!said.stderr.contains("s3cret"), "{said}");
    }
}
