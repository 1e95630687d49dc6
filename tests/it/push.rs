//! `distro push`.

mod attached;
mod refused;
mod resumed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use regex::Regex;
use serde_json::{Value, json};

use crate::desk::assert_same;
use crate::live::tool;
use crate::registry::{DockerRegistry, FakeRegistry, Habits};
use crate::run::Said;
use crate::workshop::Workshop;

/// What most registries do.
const USUAL: Habits = Habits { referrers: true, mounts: true, login: None };

/// `jane:s3cret` in base64.
const PASSWORD: &str = "amFuZTpzM2NyZXQ=";

/// A workshop with its images built for amd64.
fn built() -> Workshop {
    let workshop = Workshop::new();
    workshop.lock().build(&[]).success();
    workshop
}

fn push(workshop: &Workshop, registry: &FakeRegistry, arguments: &[&str]) -> Said {
    let destination = format!("{}/base", registry.host());
    let said = workshop.world.distro(&[&["push", "--format", "json"], arguments, &[&destination]].concat());
    assert!(!format!("{said}").contains("secret-state"), "{said}");
    said
}

fn rows(said: &Said) -> Vec<Value> {
    assert_eq!(said.status, Some(0), "{said}");
    serde_json::from_str(&said.stdout).unwrap()
}

/// What people read, but for what differs with each change to an image: sizes and digests.
fn shown(said: &Said, registry: &str) -> String {
    let said = said.to_string().replace(registry, "[REGISTRY]");
    let said = Regex::new("sha256:[0-9a-f]{12,}").unwrap().replace_all(&said, "[DIGEST]").into_owned();
    let said = Regex::new(" +[0-9.]+ ([KM]i)?B").unwrap().replace_all(&said, " [SIZE]").into_owned();
    Regex::new("\\([0-9.]+ ([KM]i)?B\\)").unwrap().replace_all(&said, "([SIZE])").into_owned()
}

/// The tags that a layout's names are to become.
#[track_caller]
fn assert_all_tags_are_there(workshop: &Workshop, registry: &FakeRegistry) {
    let out = workshop.out();
    let tags = registry.tags();
    for name in out.names() {
        assert_eq!(tags.get(&format!("base/{name}")), Some(&out.digest(name)), "{name}");
    }
}

#[test]
fn images_go_to_their_repositories_with_all_tags_and_what_refers_to_them() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    let destination = format!("{}/base", registry.host());
    let arguments = ["push", "--all", &destination];
    let said = workshop.world.distro(&arguments);
    assert_same(
        &shown(&said, registry.host()),
        r#"
status: 0
----- stdout -----
IMAGE                    DIGEST               SENT  MOUNTED  PRESENT     BYTES  NEW TAGS
base-debian13:debug      [DIGEST]    15        0        0 [SIZE]  debug debug-amd64
base-debian13:latest     [DIGEST]     5        0        8 [SIZE]  latest latest-amd64
base-debian13:nonroot    [DIGEST]     5        0        8 [SIZE]  nonroot nonroot-amd64
cc-debian13:debug        [DIGEST]     7       10        0 [SIZE]  debug debug-amd64
cc-debian13:latest       [DIGEST]     5        0       10 [SIZE]  latest latest-amd64
cc-debian13:nonroot      [DIGEST]     5        0       10 [SIZE]  nonroot nonroot-amd64
static-debian13:debug    [DIGEST]     5        9        0 [SIZE]  debug debug-amd64
static-debian13:latest   [DIGEST]     5        0        7 [SIZE]  latest latest-amd64
static-debian13:nonroot  [DIGEST]     5        0        7 [SIZE]  nonroot nonroot-amd64
----- stderr -----
warning: not built for arm64: base-debian13, cc-debian13, static-debian13
     Pushed 9 of 9 images in 3 repositories of [REGISTRY]/base: 57 blobs ([SIZE]) sent, 19 mounted
"#,
    );
    assert_all_tags_are_there(&workshop, &registry);
    assert_eq!(registry.tags().len(), workshop.out().names().len());
    let sboms = registry.kept(|kept| {
        let manifests =
            kept.manifests.values().map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap());
        let kinds = manifests.filter_map(|manifest| manifest["artifactType"].as_str().map(str::to_owned));
        kinds.filter(|kind| kind.starts_with("application/spdx")).count()
    });
    assert_eq!(sboms, workshop.out().sboms().len());

    registry.server.take_requests();
    let said = workshop.world.distro(&arguments).success();
    assert!(said.stderr.contains("Pushed nothing: 9 images in 3 repositories of "), "{said}");
    assert_eq!(registry.changes(), [""; 0]);
}

#[test]
fn a_blob_is_sent_once_and_mounted_wherever_else_it_is_needed() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    let total = |rows: &[Value], what: &str| -> u64 {
        rows.iter().map(|row| row["blobs"][what].as_u64().unwrap()).sum()
    };
    let said = rows(&push(&workshop, &registry, &["--all"]));
    let changes = registry.changes();
    let sent =
        changes.iter().filter(|change| change.starts_with("PUT ") && change.contains("/blobs/")).count();
    let blobs: std::collections::BTreeSet<_> = ["static", "base", "cc"]
        .map(|family| registry.blobs(&format!("base/{family}-debian13")))
        .into_iter()
        .flatten()
        .collect();
    assert_eq!((sent, total(&said, "sent")), (blobs.len(), blobs.len() as u64));
    assert!(total(&said, "mounted") > 10, "{said:?}");

    // Another image of the layout was sent there before.
    let registry = FakeRegistry::new(USUAL);
    push(&workshop, &registry, &["base"]).success();
    let said = rows(&push(&workshop, &registry, &["cc:latest"]));
    assert_eq!(said[0]["blobs"]["mounted"], total(&said, "mounted"));
    assert!(total(&said, "mounted") > 3, "{said:?}");
}

#[test]
fn a_registry_that_mounts_nothing_is_sent_everything() {
    let (workshop, registry) = (built(), FakeRegistry::new(Habits { mounts: false, ..USUAL }));
    let said = rows(&push(&workshop, &registry, &["--all"]));
    assert!(said.iter().all(|row| row["blobs"]["mounted"] == 0), "{said:?}");
    assert_all_tags_are_there(&workshop, &registry);
}

#[test]
fn a_dry_run_foretells_what_is_done_and_does_nothing() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    push(&workshop, &registry, &["static"]).success();
    registry.server.take_requests();
    let foretold = rows(&push(&workshop, &registry, &["--all", "--dry-run"]));
    assert_eq!(registry.changes(), [""; 0]);
    assert_eq!(foretold, rows(&push(&workshop, &registry, &["--all"])));
}

#[test]
fn what_refers_to_an_image_is_noted_under_a_tag_where_the_registry_does_not_note_it() {
    let (workshop, registry) = (built(), FakeRegistry::new(Habits { referrers: false, ..USUAL }));
    push(&workshop, &registry, &["static:latest"]).success();
    let subject = workshop.out().digest("static-debian13:latest-amd64");
    let tag = ("base/static-debian13".to_owned(), subject.replace(':', "-"));
    let index: Value = registry.kept(|kept| serde_json::from_slice(&kept.manifests[&tag].1).unwrap());
    let kinds: Vec<_> =
        index["manifests"].as_array().unwrap().iter().map(|one| &one["artifactType"]).collect();
    assert!(kinds.contains(&&json!("application/spdx+json")), "{index}");

    registry.server.take_requests();
    push(&workshop, &registry, &["static:latest"]).success();
    assert_eq!(registry.changes(), [""; 0]);

    // One that somebody else noted stays, and ours is added.
    let other = json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2,
        "digest": format!("sha256:{}", "a".repeat(64)), "artifactType": "application/x" });
    registry.kept(|kept| {
        let mut index = index.clone();
        index["manifests"] = json!([other]);
        kept.manifests.get_mut(&tag).unwrap().1 = index.to_string().into_bytes();
        let key = |digest: &Value| (tag.0.clone(), digest.as_str().unwrap().to_owned());
        kept.manifests.insert(key(&other["digest"]), ("x".into(), b"{}".to_vec()));
    });
    push(&workshop, &registry, &["static:latest"]).success();
    let index: Value = registry.kept(|kept| serde_json::from_slice(&kept.manifests[&tag].1).unwrap());
    assert_eq!(index["manifests"].as_array().unwrap().len(), kinds.len() + 1, "{index}");
}

#[test]
fn a_tag_by_a_template_never_moves() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    let dated = ["static:latest", "--tag-template", "{{ tag }}-{{ created | date('%Y') }}"];
    let said = rows(&push(&workshop, &registry, &dated));
    assert_eq!(said[0]["tags"], json!(["latest", "latest-amd64", "latest-2025"]));
    let said = rows(&push(&workshop, &registry, &dated));
    assert_eq!(said[0]["new_tags"], json!([]));

    workshop.edit("catalog.toml", "fake on", "another on");
    workshop.build(&[]).success();
    registry.server.take_requests();
    let said = push(&workshop, &registry, &dated);
    assert_same(
        &shown(&said, registry.host()),
        r#"
status: 1
----- stdout -----
----- stderr -----
warning: not built for arm64: static-debian13:latest
error: a tag that never moves points to another image:
base/static-debian13:latest-2025: [DIGEST], and not [DIGEST]
hint: name images that differ by tags that do, or leave out `--tag-template`
"#,
    );
    assert_eq!(registry.changes(), [""; 0]);
    let by_digest = ["static:latest", "--tag-template", "{{ tag }}-{{ digest | short }}"];
    let said = rows(&push(&workshop, &registry, &by_digest));
    let digest = workshop.out().digest("static-debian13:latest");
    let mut tags = ["latest".into(), format!("latest-{}", &digest[7..][..12]), "latest-amd64".into()];
    tags.sort();
    assert_eq!(said[0]["new_tags"], json!(tags));
}

#[test]
fn blobs_that_a_registry_has_lost_are_sent_again_where_that_is_asked_for() {
    let (workshop, registry) = (built(), FakeRegistry::new(USUAL));
    push(&workshop, &registry, &["static"]).success();
    registry.kept(|kept| kept.blobs.clear());
    let said = rows(&push(&workshop, &registry, &["static"]));
    assert!(said.iter().all(|row| row["blobs"]["sent"] == 0), "{said:?}");
    let said = rows(&push(&workshop, &registry, &["static", "--force"]));
    assert!(said[0]["blobs"]["sent"].as_u64().unwrap() > 3, "{said:?}");
    assert!(!registry.blobs("base/static-debian13").is_empty());
}

/// Gives the world a program that docker would ask for a login.
fn helper(workshop: &Workshop, script: &str) {
    workshop.world.write("bin/docker-credential-fake", &format!("#!/bin/sh\n{script}\n"));
    let path = workshop.world.path("bin/docker-credential-fake");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn logins_are_those_of_docker_and_podman_and_their_helpers() {
    let workshop = built();
    let auths = |host: &str| json!({ "auths": { host: { "auth": PASSWORD } } }).to_string();
    let helped = json!({ "credsStore": "fake" }).to_string();
    type Login = fn(&str) -> Option<(&'static str, &'static str)>;
    let cases: [(&str, &str, Login); 5] = [
        (".docker/config.json", "", |_| None),
        (".config/containers/auth.json", "", |_| None),
        ("docker/config.json", "DOCKER_CONFIG", |_| Some(("DOCKER_CONFIG", "home/docker"))),
        ("podman.json", "REGISTRY_AUTH_FILE", |_| Some(("REGISTRY_AUTH_FILE", "home/podman.json"))),
        ("run/containers/auth.json", "XDG_RUNTIME_DIR", |_| Some(("XDG_RUNTIME_DIR", "home/run"))),
    ];
    let login = Habits { login: Some((concat!("Basic ", "amFuZTpzM2NyZXQ="), "Basic realm=\"x\"")), ..USUAL };
    helper(
        &workshop,
        r#"read host; echo "{\"ServerURL\":\"$host\",\"Username\":\"jane\",\"Secret\":\"s3cret\"}""#,
    );
    for (file, name, variable) in cases {
        for text in [auths as fn(&str) -> String, |_| String::new()] {
            let registry = FakeRegistry::new(login);
            let text = text(registry.host());
            workshop.world.write(&format!("home/{file}"), if text.is_empty() { &helped } else { &text });
            let destination = format!("{}/base", registry.host());
            let mut command = workshop.world.command(&["push", "static:latest", &destination]);
            command.env("PATH", format!("{}:/usr/bin:/bin", workshop.world.path("bin").display()));
            if let Some((name, value)) = variable(name) {
                command.env(name, workshop.world.path(value));
            }
            let said = workshop.world.finish(&mut command);
            assert_eq!(said.status, Some(0), "{file}: {said}");
            for secret in ["s3cret", PASSWORD] {
                assert!(!said.to_string().contains(secret), "{said}");
            }
            fs::remove_file(workshop.world.path(format!("home/{file}"))).unwrap();
        }
    }
}

#[test]
fn docker_registry_takes_images_that_skopeo_reads_back() {
    let workshop = built();
    let registry = DockerRegistry::start(&workshop.world.path("tmp"), "");
    let destination = format!("{}/base", registry.host());
    workshop.world.distro(&["push", "--all", &destination]).success();
    let said = workshop.world.distro(&["push", "--all", &destination]).success();
    assert!(said.stderr.contains("Pushed nothing"), "{said}");
    let back = workshop.world.path("back");
    for image in ["cc-debian13:debug", "static-debian13:nonroot"] {
        let from = format!("docker://{destination}/{image}");
        let to = format!("oci:{}:{image}", back.display());
        let options = ["--insecure-policy", "copy", "--quiet", "--all", "--src-tls-verify=false"];
        tool("skopeo", "skopeo", &[&options[..], &[&from, &to]].concat());
        let raw = tool("skopeo", "skopeo", &["inspect", "--raw", "--tls-verify=false", &from]);
        assert_eq!(format!("sha256:{}", crate::layout::sha256(raw.as_bytes())), workshop.out().digest(image));
    }
    let subject = workshop.out().digest("cc-debian13:debug-amd64").replace(':', "-");
    let referrers = format!("docker://{destination}/cc-debian13:{subject}");
    let index = tool("skopeo", "skopeo", &["inspect", "--raw", "--tls-verify=false", &referrers]);
    assert!(index.contains(r#""artifactType":"application/spdx+json""#), "{index}");
}

#[test]
fn docker_registry_is_told_a_password() {
    let workshop = built();
    // `s3cret` by bcrypt.
    workshop
        .world
        .write("tmp/htpasswd", "jane:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n");
    let auth = format!(
        "auth: {{htpasswd: {{realm: here, path: {}}}}}",
        workshop.world.path("tmp/htpasswd").display()
    );
    let registry = DockerRegistry::start(&workshop.world.path("tmp"), &auth);
    let destination = format!("{}/base", registry.host());
    let push = ["push", "static", &destination];
    let said = workshop.world.distro(&push);
    assert!(said.stderr.contains("no login for it is known"), "{said}");
    let login = |auth: &str| {
        let file = json!({ "auths": { registry.host(): { "auth": auth } } });
        workshop.world.write("home/.docker/config.json", &file.to_string());
        workshop.world.distro(&push)
    };
    let said = login("amFuZTp3cm9uZw==");
    assert!(said.stderr.contains("denies access to the login that is known for it"), "{said}");
    let said = login(PASSWORD).success();
    assert!(!said.to_string().contains("s3cret"), "{said}");
}
