//! Images that a registry has, handed on: `docker://…`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use regex::Regex;
use serde_json::{Value, json};

use super::foreign::{self, Layer};
use super::{built, layout};
use crate::desk::{assert_refused, assert_same};
use crate::layout::sha256;
use crate::live::tool;
use crate::registry::{DockerRegistry, FakeRegistry, Habits};
use crate::run::Said;
use crate::server::Fault;
use crate::sign::make_keys;
use crate::workshop::Workshop;

const USUAL: Habits = Habits { referrers: true, mounts: true, login: None };

/// The images of a workshop, in a registry.
struct Published<R> {
    workshop: Workshop,
    registry: R,
    /// `docker://localhost:PORT/base`.
    at: String,
}

/// With the images built for two architectures in Debian's registry.
fn published() -> Published<DockerRegistry> {
    let workshop = Workshop::new();
    workshop.lock();
    workshop.world.distro(&["build", "--arch", "amd64,arm64"]).success();
    let registry = DockerRegistry::start(&workshop.world.path(""), "");
    let host = registry.host().to_owned();
    Published::new(workshop, registry, &host)
}

/// With the images built for amd64 in a registry that remembers what it was asked, and nothing of them in the store.
fn counted(habits: Habits) -> Published<FakeRegistry> {
    let registry = FakeRegistry::new(habits);
    let host = registry.host().to_owned();
    let published = Published::new(built(), registry, &host);
    fs::remove_dir_all(published.workshop.world.path("store")).unwrap();
    published.registry.server.take_requests();
    published
}

impl<R> Published<R> {
    fn new(mut workshop: Workshop, registry: R, host: &str) -> Self {
        workshop.world.filter(host, "[REGISTRY]");
        workshop.world.distro(&["push", "--all", &format!("{host}/base")]).success();
        Self { workshop, registry, at: format!("docker://{host}/base") }
    }

    /// `docker://localhost:PORT/base/cc-debian13:debug`.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    fn distro(&self, arguments: &[&str]) -> Said {
        self.workshop.world.distro(arguments)
    }

    /// Exports an image, and gives the archive's bytes.
    fn export(&self, image: &str, arguments: &[&str]) -> Vec<u8> {
        self.distro(&[&["export", image, "-o", "exported.tar"], arguments].concat()).success();
        fs::read(self.workshop.world.path("exported.tar")).unwrap()
    }
}

impl Published<FakeRegistry> {
    /// What was asked for since the last call, with the number of each.
    fn asked(&self) -> [usize; 3] {
        let paths = self.registry.server.take_paths();
        assert!(paths.iter().all(|path| path.starts_with("GET /v2/")), "{paths:?}");
        ["/manifests/", "/referrers/", "/blobs/"]
            .map(|kind| paths.iter().filter(|path| path.contains(kind)).count())
    }
}

/// The layers of an image of the workshop for amd64.
fn layers(workshop: &Workshop, name: &str) -> Vec<Value> {
    workshop.out().document(&format!("{name}-amd64"))["layers"].as_array().unwrap().clone()
}

#[test]
fn an_archive_has_the_same_bytes_wherever_the_image_comes_from() {
    let published = published();
    let world = &published.workshop.world;
    for arguments in [
        &[][..],
        &["--no-referrers"],
        &["--arch", "arm64"],
        &["--arch", "arm64", "--no-referrers"],
        &["--arch", "amd64", "--format", "docker"],
    ] {
        let [ours, theirs] = ["cc-debian13:debug".to_owned(), published.image("cc-debian13:debug")]
            .map(|image| sha256(&published.export(&image, arguments)));
        assert_eq!(ours, theirs, "{arguments:?}");
    }
    let digest = published.workshop.out().digest("cc-debian13:debug");
    published.export(&published.image(&format!("cc-debian13@{digest}")), &["--name", "mine:1"]);
    let archive = layout(&published.workshop, &world.path("exported.tar"));
    assert_eq!((archive.names(), archive.digest("mine:1")), (vec!["mine:1"], digest));
}

#[test]
fn an_image_is_unpacked_and_loaded_as_one_of_a_layout() {
    let published = published();
    let world = &published.workshop.world;
    for (image, root) in [("cc-debian13:debug", "ours"), (&published.image("cc-debian13:debug"), "theirs")] {
        let said = published.distro(&["unpack", image, root, "--arch", "arm64"]);
        assert_same(&said.stderr, &format!("   Unpacked cc-debian13:debug into {root}: 10 layers\n"));
    }
    tool(
        "diff",
        "diff",
        &[
            "-r",
            "--no-dereference",
            world.path("ours").to_str().unwrap(),
            world.path("theirs").to_str().unwrap(),
        ],
    );

    let docker = "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncat >loaded.tar\necho 'Loaded image: mine:1'\n";
    world.write("bin/docker", docker);
    fs::set_permissions(world.path("bin/docker"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut load = world.command(&["load", &published.image("cc-debian13:debug"), "--arch", "amd64"]);
    load.env("PATH", format!("{}:/usr/bin:/bin", world.path("bin").display()));
    world.finish(&mut load).assert_is(
        r#"
status: 0
----- stdout -----
mine:1
----- stderr -----
     Loaded cc-debian13:debug into docker
"#,
    );
    let exported = published.export("cc-debian13:debug", &["--arch", "amd64", "--format", "docker"]);
    assert_eq!(sha256(&fs::read(world.path("loaded.tar")).unwrap()), sha256(&exported));
}

#[test]
fn what_was_published_is_compared_with_what_was_built_since() {
    let published = published();
    let diff = |old: &str, new: &str| {
        let said = published.distro(&["diff", old, new, "--arch", "amd64"]).success();
        Regex::new(r"docker://\[REGISTRY\]/base/").unwrap().replace_all(&said.stdout, "").into_owned()
    };
    let (old, new) = ("static-debian13:latest", "cc-debian13:debug");
    let [old_there, new_there] = [old, new].map(|name| published.image(name));
    let of_layout = diff(old, new);
    for (old, new) in [(&*old_there, new), (old, &*new_there), (&old_there, &new_there)] {
        assert_same(&diff(old, new), &of_layout);
    }
    let said = published.distro(&["diff", &new_there, new, "--arch", "arm64"]);
    assert!(
        said.stderr.starts_with("  Unchanged docker://[REGISTRY]/base/cc-debian13:debug and cc-"),
        "{said}"
    );
}

#[test]
fn nothing_is_fetched_that_is_not_needed_or_is_at_hand() {
    let published = counted(USUAL);
    let (latest, debug) = (published.image("cc-debian13:latest"), published.image("cc-debian13:debug"));
    let asked = |arguments: &[&str]| {
        published.distro(&[arguments, &["--arch", "amd64"]].concat()).success();
        published.asked()
    };
    let [own, more] =
        [("cc-debian13:latest"), ("cc-debian13:debug")].map(|name| layers(&published.workshop, name));
    let shared = own.iter().filter(|layer| more.contains(layer)).count();

    // The index and a manifest; all else is in the layout.
    assert_eq!(asked(&["diff", &latest, "cc-debian13:latest"]), [2, 0, 0]);
    let world = &published.workshop.world;
    let [out, aside] = ["out:cc-debian13:latest-amd64", "aside:latest"]
        .map(|image| format!("oci:{}", world.path(image).display()));
    tool("skopeo", "skopeo", &["--insecure-policy", "copy", "--quiet", &out, &aside]);
    fs::rename(world.path("out"), world.path("gone")).unwrap();
    assert_eq!(asked(&["diff", &debug, "oci:aside:latest"]), [2, 0, 1 + more.len() - shared]);
    // What was fetched is kept.
    assert_eq!(asked(&["unpack", &debug, "root"]), [2, 0, shared]);
    assert_eq!(asked(&["export", &debug, "-o", "x.tar", "--format", "docker"]), [2, 0, 0]);
    assert_eq!(asked(&["export", &debug, "-o", "x.tar", "--no-referrers"]), [2, 0, 0]);
    // Both SBOMs and the provenance with its lock, and perhaps what cosign attaches by tags.
    assert_eq!(asked(&["export", &debug, "-o", "x.tar"]), [2 + 3 + 2, 1, 5]);
    assert_eq!(asked(&["sbom", &debug]), [3, 1, 0]);
    // What is kept and damaged is fetched anew.
    let digest = more[0]["digest"].as_str().unwrap()["sha256:".len()..].to_owned();
    let kept = world.path("store/blobs/sha256").join(&digest[..2]).join(&digest);
    fs::write(&kept, "damaged").unwrap();
    assert_eq!(asked(&["unpack", &debug, "again"]), [2, 0, 1]);
    assert_eq!(sha256(&fs::read(kept).unwrap()), digest);
}

#[test]
fn an_sbom_is_printed_as_it_was_published() {
    let published = published();
    let world = &published.workshop.world;
    let image = published.image("cc-debian13:debug");
    let sbom =
        |arguments: &[&str]| published.distro(&[&["sbom", &image, "--arch", "arm64"], arguments].concat());
    assert_same(&sbom(&[]).success().stdout, &world.read("out/sbom/cc-debian13_debug-arm64.spdx.json"));
    assert_same(
        &sbom(&["--format", "spdx-3.0"]).success().stdout,
        &world.read("out/sbom/cc-debian13_debug-arm64.spdx3.json"),
    );
    assert_refused(
        &sbom(&["--format", "cyclonedx-1.6"]),
        r#"
error: nothing of the type `application/vnd.cyclonedx+json` is attached to `[REGISTRY]/base/cc-debian13:debug`, but application/spdx+json, application/spdx3+json, application/vnd.in-toto+json
hint: name another by --format; `distro push` sends SBOMs with images
"#,
    );
    assert_refused(
        &sbom(&["--files"]),
        r#"
error: `docker://[REGISTRY]/base/cc-debian13:debug` is in a registry, from where an SBOM is printed as it was published
hint: name that image alone, with no options but --arch and --format
"#,
    );
    assert_refused(
        &sbom(&["--offline"]),
        r#"
error: `docker://[REGISTRY]/base/cc-debian13:debug` is in a registry, and --offline allows no connection
hint: where there is one, `skopeo copy --all docker://[REGISTRY]/base/cc-debian13:debug oci:DIR:NAME`; here, name `oci:DIR:NAME`
"#,
    );
    assert_refused(
        &published.distro(&["sbom", &image, "--arch", "all"]),
        r#"
error: an SBOM is of one architecture
hint: name one by `--arch`
"#,
    );
}

#[test]
fn of_several_sboms_it_is_told_which_one_is_printed() {
    let published = counted(USUAL);
    let subject = published.workshop.out().digest("cc-debian13:debug-amd64");
    published.registry.attach_sbom("base/cc-debian13", &subject, "an older one");
    let mut said = published.distro(&["sbom", &published.image("cc-debian13:debug"), "--arch", "amd64"]);
    let printed = sha256(said.stdout.as_bytes());
    let first = published.registry.kept(|kept| {
        let mut artifacts = kept.manifests.iter().filter_map(|((_, at), (_, bytes))| {
            let artifact: Value = serde_json::from_slice(bytes).unwrap();
            let is_sbom = artifact["artifactType"] == "application/spdx+json";
            (is_sbom && artifact["subject"]["digest"] == *subject).then(|| (at.clone(), artifact))
        });
        artifacts.next().unwrap()
    });
    assert_eq!(first.1["layers"][0]["digest"], format!("sha256:{printed}"));
    said.stderr = said.stderr.replace(&first.0, "[FIRST]");
    said.stdout.clear();
    said.assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
warning: 2 SBOMs of the type `application/spdx+json` are attached to `docker://[REGISTRY]/base/cc-debian13:debug`: this is the first that the registry lists, `docker://[REGISTRY]/base/cc-debian13@[FIRST]`; `distro verify` tells which of them a rebuild gives
"#);
}

#[test]
fn nothing_is_fetched_of_what_cannot_be_taken() {
    let published = counted(USUAL);
    let image = published.image("cc-debian13:debug");
    published.workshop.world.write("root/mine", "");
    let refused = |arguments: &[&str], stderr: &str| {
        assert_refused(&published.distro(&[arguments, &["--arch", "amd64"]].concat()), stderr);
        assert_eq!(published.registry.server.take_paths(), [""; 0]);
    };
    refused(
        &["unpack", &image, "root"],
        r#"
error: `root` is not empty
hint: name another directory, or put the files over what is there by --force
"#,
    );
    refused(
        &["unpack", &image, "root/mine", "--force"],
        r#"
error: could not unpack into `root/mine`: a part of its path is no directory
"#,
    );
    refused(
        &["export", &image, "-o", "x.tar", "--format", "docker", "--name", "CC"],
        r#"
error: `CC` is not the name of a repository: use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words
hint: docker wants a name of lower case, as in `--name cc-debian13:debug`
"#,
    );
    refused(
        &["load", &image, "--with", "docker", "--name", "CC"],
        r#"
error: `CC` is not the name of a repository: use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words
hint: docker wants a name of lower case, as in `--name cc-debian13:debug`
"#,
    );
}

#[test]
fn what_is_attached_to_an_image_is_not_taken_for_one() {
    let registry = FakeRegistry::new(USUAL);
    let host = registry.host().to_owned();
    let mut workshop = built();
    make_keys(&workshop.world);
    workshop.world.distro(&["sign", "cc:debug", "--key", "a", "--form", "both"]).success();
    let subject = workshop.out().digest("cc-debian13:debug-amd64");
    workshop.world.filter(&subject["sha256:".len()..], "[IMAGE]");
    let published = Published::new(workshop, registry, &host);
    let signature = format!("cc-debian13:{}.sig", subject.replace(':', "-"));
    let out = published.workshop.out();
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let referrers = out.referrers(&subject);
    let bundle = referrers.iter().find(|(descriptor, _)| descriptor["artifactType"] == kind).unwrap();
    let bundle = bundle.0["digest"].as_str().unwrap();
    let refused = |arguments: &[&str], stderr: &str| {
        let mut said = published.distro(arguments);
        said.stderr = crate::desk::without_digests(&said.stderr);
        assert_refused(&said, stderr);
        assert!(!published.workshop.world.path("x.tar").exists());
    };
    let there = published.image(&signature);
    refused(
        &["export", &there, "-o", "x.tar"],
        r#"
error: `[REGISTRY]/base/cc-debian13:sha256-[IMAGE].sig` is no image: its first layer is of the type `application/vnd.dev.cosign.simplesigning.v1+json`
hint: it is attached to an image: name that one, `docker://[REGISTRY]/base/cc-debian13@sha256:[IMAGE]`
"#,
    );
    refused(
        &["unpack", &there, "root", "--arch", "amd64"],
        r#"
error: `[REGISTRY]/base/cc-debian13:sha256-[IMAGE].sig` is no image: its first layer is of the type `application/vnd.dev.cosign.simplesigning.v1+json`
hint: it is attached to an image: name that one, `docker://[REGISTRY]/base/cc-debian13@sha256:[IMAGE]`
"#,
    );
    refused(
        &["diff", "cc-debian13:debug", &there],
        r#"
error: `[REGISTRY]/base/cc-debian13:sha256-[IMAGE].sig` is no image: its first layer is of the type `application/vnd.dev.cosign.simplesigning.v1+json`
hint: it is attached to an image: name that one, `docker://[REGISTRY]/base/cc-debian13@sha256:[IMAGE]`
"#,
    );
    refused(
        &["export", &published.image(&format!("cc-debian13@{bundle}")), "-o", "x.tar"],
        r#"
error: `[REGISTRY]/base/cc-debian13@sha256:…` is no image: its configuration is of the type `application/vnd.oci.empty.v1+json`
hint: it is attached to an image: name that one, `docker://[REGISTRY]/base/cc-debian13@sha256:[IMAGE]`
"#,
    );
    refused(
        &["export", &signature, "-o", "x.tar"],
        r#"
error: `cc-debian13:sha256-[IMAGE].sig` is no image, but attached to one in `out`
hint: name the image that it is attached to, sha256:[IMAGE]
"#,
    );
    refused(
        &["unpack", &format!("oci:out:{signature}"), "root"],
        r#"
error: `cc-debian13:sha256-[IMAGE].sig` is no image, but attached to one in `out`
hint: name the image that it is attached to, sha256:[IMAGE]
"#,
    );
}

/// To `0.0.0.0` is to this machine, by a name that does not say so.
#[test]
fn a_registry_elsewhere_is_spoken_to_without_encryption_only_where_that_is_asked_for() {
    let mut published = counted(USUAL);
    let port = published.registry.host().rsplit_once(':').unwrap().1.to_owned();
    published.workshop.world.filter(&format!("0.0.0.0:{port}"), "[ELSEWHERE]");
    let image = format!("docker://0.0.0.0:{port}/base/cc-debian13:debug");
    let verbs = [
        &["export", &image, "-o", "x.tar"][..],
        &["unpack", &image, "root"],
        &["diff", &image, "cc-debian13:debug"],
        &["sbom", &image],
    ];
    for verb in verbs {
        let arguments = [verb, &["--arch", "amd64", "--retries", "0"]].concat();
        assert_refused(
            &published.distro(&arguments),
            r#"
error: could not reach the registry `[ELSEWHERE]`: no encrypted connection comes about (tls handshake eof): a registry without encryption is spoken to by --plain-http, as a remote store by --remote-store-plain-http
"#,
        );
        published.distro(&[&arguments[..], &["--plain-http"]].concat()).success();
    }
}

#[test]
fn what_cannot_be_had_is_told_with_what_to_do() {
    let published = published();
    let unpack = |image: &str, arguments: &[&str]| {
        let said = published.distro(&[&["unpack", image, "root", "--retries", "0"], arguments].concat());
        assert!(!published.workshop.world.path("root").exists(), "{said}");
        said
    };
    let amd64 = ["--arch", "amd64"];
    let debug = published.image("cc-debian13:debug");
    assert_refused(
        &unpack(&published.image("java-debian13"), &amd64),
        r#"
error: could not read `[REGISTRY]/base/java-debian13:latest`: the registry does not have it
hint: `skopeo list-tags docker://[REGISTRY]/base/java-debian13` shows the tags that there are, if there is such a repository
"#,
    );
    assert_refused(
        &unpack(&published.image("cc-debian13:nothing"), &amd64),
        r#"
error: could not read `[REGISTRY]/base/cc-debian13:nothing`: the registry does not have it
hint: `skopeo list-tags docker://[REGISTRY]/base/cc-debian13` shows the tags that there are, if there is such a repository
"#,
    );
    assert_refused(
        &unpack(&published.image(&format!("cc-debian13@sha256:{}", "0".repeat(64))), &amd64),
        r#"
error: could not read `[REGISTRY]/base/cc-debian13@sha256:0000000000000000000000000000000000000000000000000000000000000000`: the registry does not have it
"#,
    );
    assert_refused(
        &unpack(&debug, &["--arch", "s390x"]),
        r#"
error: `[REGISTRY]/base/cc-debian13:debug` is not there for s390x: it is for linux/amd64, linux/arm64/v8
hint: name another by --arch
"#,
    );
    assert_refused(
        &unpack(&published.image("cc-debian13:debug-amd64"), &["--arch", "arm64"]),
        r#"
error: `[REGISTRY]/base/cc-debian13:debug-amd64` is not there for arm64: it is for linux/amd64
hint: name another by --arch
"#,
    );
    assert_refused(
        &unpack(&debug, &["--offline"]),
        r#"
error: `docker://[REGISTRY]/base/cc-debian13:debug` is in a registry, and --offline allows no connection
hint: where there is one, `skopeo copy --all docker://[REGISTRY]/base/cc-debian13:debug oci:DIR:NAME`; here, name `oci:DIR:NAME`
"#,
    );
    assert_refused(
        &published.distro(&["diff", &debug, "cc-debian13:debug", "--offline"]),
        r#"
error: `docker://[REGISTRY]/base/cc-debian13:debug` is in a registry, and --offline allows no connection
hint: where there is one, `skopeo copy --all docker://[REGISTRY]/base/cc-debian13:debug oci:DIR:NAME`; here, name `oci:DIR:NAME`
"#,
    );
    assert_refused(
        &unpack("docker://localhost:1/base/cc", &amd64),
        r#"
error: could not reach the registry `localhost:1`: there is no connection: Connection refused (os error 111)
"#,
    );
    let subject = published.workshop.out().digest("cc-debian13:debug-amd64");
    let referrer = published.workshop.out().referrers(&subject)[0].0["digest"].as_str().unwrap().to_owned();
    let mut said = unpack(&published.image(&format!("cc-debian13@{referrer}")), &amd64);
    said.stderr = crate::desk::without_digests(&said.stderr);
    assert_refused(
        &said,
        r#"
error: `[REGISTRY]/base/cc-debian13@sha256:…` is no image: its configuration is of the type `application/vnd.oci.empty.v1+json`
hint: it is attached to an image: name that one, `docker://[REGISTRY]/base/cc-debian13@sha256:…`
"#,
    );
}

#[test]
fn a_registry_that_wants_a_login_lies_or_breaks_off_is_told_of() {
    let login = Some(("Basic amFuZTpzM2NyZXQ=", "Basic realm=\"registry\""));
    let published = counted(Habits { login: None, ..USUAL });
    let debug = published.image("cc-debian13:debug");
    let unpack = |arguments: &[&str]| {
        let mut said = published
            .distro(&[&["unpack", &debug, "root", "--arch", "amd64", "--out", "none"], arguments].concat());
        said.stderr = crate::desk::without_digests(&said.stderr);
        said
    };
    let server = &published.registry.server;
    let layer = layers(&published.workshop, "cc-debian13:debug")[0]["digest"].as_str().unwrap().to_owned();
    let of_layer = format!("/v2/**/blobs/{layer}");
    server.fail(&of_layer, Fault::WrongBytes);
    assert_refused(
        &unpack(&["--retries", "0"]),
        r#"
error: could not read the blob `[REGISTRY]/base/cc-debian13@sha256:…`: what came has the digest sha256:…, where sha256:… is asked for
"#,
    );
    server.fail(&of_layer, Fault::Status(404));
    assert_refused(
        &unpack(&[]),
        r#"
error: could not read the blob `[REGISTRY]/base/cc-debian13@sha256:…`: the registry does not have it
"#,
    );
    server.fail("/v2/**/manifests/*", Fault::HtmlPage);
    assert_refused(
        &unpack(&[]),
        r#"
error: `[REGISTRY]/base/cc-debian13:debug` has a document that cannot be understood
  the registry's answer cannot be understood: expected value at line 1 column 1
"#,
    );
    server.heal();
    server.fail("/v2/**", Fault::Status(503));
    assert_refused(
        &unpack(&["--retries", "0"]),
        r#"
error: could not reach the registry `[REGISTRY]`: the server answered 503 Service Unavailable
"#,
    );
    server.heal();
    server.fail_times("/v2/**/blobs/*", Fault::Cut(10), 3);
    unpack(&[]).success();

    let guarded = FakeRegistry::new(Habits { login, ..USUAL });
    let image = format!("docker://{}/base/cc", guarded.host());
    let mut said = published.distro(&["unpack", &image, "other", "--arch", "amd64"]);
    said.stderr = said.stderr.replace(guarded.host(), "[GUARDED]");
    assert_refused(
        &said,
        r#"
error: could not read `[GUARDED]/base/cc:latest`: the registry denies access, and no login for it is known: `docker login` or `podman login` makes one
"#,
    );
    let auths = json!({ "auths": { guarded.host(): { "auth": "amFuZTpzM2NyZXQ=" } } });
    published.workshop.world.write("home/.docker/config.json", &auths.to_string());
    let push = ["push", "--all", &format!("{}/base", guarded.host())];
    published.distro(&push).success();
    let image = format!("docker://{}/base/cc-debian13", guarded.host());
    published.distro(&["unpack", &image, "other", "--arch", "amd64"]).success();
}

#[test]
fn images_of_others_are_taken_in_docker_s_form_too() {
    let published = published();
    let world = &published.workshop.world;
    let copy = |arguments: &[&str]| {
        let skopeo = ["--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false"];
        tool("skopeo", "skopeo", &[&skopeo[..], arguments].concat());
    };
    let docker = published.image("docker:latest");
    let out = format!("oci:{}:cc-debian13:debug", world.path("out").display());
    copy(&["--format=v2s2", &out, &docker]);
    let raw = tool("skopeo", "skopeo", &["inspect", "--raw", "--tls-verify=false", &docker]);
    assert!(raw.contains("application/vnd.docker.distribution.manifest.list.v2+json"), "{raw}");
    let said = published.distro(&["diff", &docker, "cc-debian13:debug", "--arch", "arm64"]);
    assert!(said.stderr.starts_with("  Unchanged "), "{said}");
    for form in ["oci", "docker"] {
        published.export(&docker, &["--format", form, "--no-referrers", "--arch", "amd64"]);
        let source = format!("{form}-archive:{}", world.path("exported.tar").display());
        copy(&[&source, &format!("dir:{}", world.path(form).display())]);
    }
    published.export(&docker, &[]);
    let archive = layout(&published.workshop, &world.path("exported.tar"));
    assert_eq!(sha256(raw.as_bytes()), archive.digest("docker:latest")["sha256:".len()..]);
    let index = archive.document("docker:latest");
    for manifest in index["manifests"].as_array().unwrap() {
        let manifest = archive.json(manifest);
        let blobs = manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]);
        blobs.for_each(|blob| drop(archive.blob(blob)));
    }

    // Layers in gzip, in none, and in zstd, and a configuration without history.
    foreign::write(
        &world.path("theirs"),
        [Layer::new().file("one", "1"), Layer::new().file("two", "2"), Layer::new().file("three", "3")],
    );
    let theirs = published.image("theirs:latest");
    copy(&["--preserve-digests", &format!("oci:{}:app", world.path("theirs").display()), &theirs]);
    published.distro(&["unpack", &theirs, "root"]).success();
    assert_eq!(["one", "two", "three"].map(|file| world.read(&format!("root/{file}"))), ["1", "2", "3"]);
    let said = published.distro(&["diff", &theirs, "oci:theirs:app"]);
    assert!(said.stderr.starts_with("  Unchanged "), "{said}");
}

/// `docker buildx` lists what it attests of an image beside it.
#[test]
fn what_buildx_attests_is_no_image() {
    let published = counted(USUAL);
    let key = |at: &str| ("base/cc-debian13".to_owned(), at.to_owned());
    published.registry.kept(|kept| {
        let (kind, index) = kept.manifests[&key("debug")].clone();
        let mut index: Value = serde_json::from_slice(&index).unwrap();
        let attestation = json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2,
            "digest": format!("sha256:{}", sha256(b"{}")), "platform": { "os": "unknown", "architecture": "unknown" } });
        index["manifests"].as_array_mut().unwrap().insert(0, attestation);
        kept.manifests.insert(key("buildx"), (kind, index.to_string().into_bytes()));
    });
    let image = published.image("cc-debian13:buildx");
    published.distro(&["unpack", &image, "root", "--arch", "amd64"]).success();
    assert_refused(
        &published.distro(&["unpack", &image, "other", "--arch", "arm64"]),
        r#"
error: `[REGISTRY]/base/cc-debian13:buildx` is not there for arm64: it is for linux/amd64
hint: name another by --arch
"#,
    );
}

#[test]
fn a_layer_that_was_published_broken_is_told_of_and_leaves_nothing() {
    let published = counted(USUAL);
    let repository = "base/cc-debian13".to_owned();
    published.registry.kept(|kept| {
        let mut blob = |media_type: &str, bytes: Vec<u8>| {
            let digest = format!("sha256:{}", sha256(&bytes));
            let described = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
            kept.blobs.insert((repository.clone(), digest), bytes);
            described
        };
        let config =
            json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let config = blob("application/vnd.oci.image.config.v1+json", config.to_string().into_bytes());
        let layer = blob("application/vnd.oci.image.layer.v1.tar+gzip", b"\x1f\x8b\x08 and no more".to_vec());
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer] });
        kept.manifests
            .insert((repository, "broken".to_owned()), (kind.to_owned(), manifest.to_string().into_bytes()));
    });
    let broken = published.image("cc-debian13:broken");
    let refused = |arguments: &[&str], stderr: &str| {
        let mut said = published.distro(arguments);
        said.stderr = crate::desk::without_digests(&said.stderr);
        said.stderr = Regex::new("tmp/[^/]+/").unwrap().replace(&said.stderr, "tmp/[COPY]/").into_owned();
        assert_refused(&said, stderr);
        let left = fs::read_dir(published.workshop.world.path("tmp")).unwrap().count();
        assert_eq!(left, 0, "{arguments:?}");
    };
    refused(
        &["unpack", &broken, "root"],
        r#"
error: the layer `[DIR]/tmp/[COPY]/blobs/sha256/…` cannot be read
  invalid gzip header
hint: its digest is right, so it was published like that
"#,
    );
    refused(
        &["diff", &broken, "cc-debian13:latest"],
        r#"
error: the layer … cannot be read
  it cannot be unpacked: the gzip data is damaged, cut short or needs too much memory
  invalid gzip header
"#,
    );
}
