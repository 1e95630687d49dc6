//! What goes with images: SBOMs, provenance, signatures, and signatures of these.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::desk::assert_same;
use crate::layout::sha256;
use crate::registry::{DockerRegistry, FakeRegistry, Habits};
use crate::sign::make_keys;
use crate::validators::validator;
use crate::workshop::Workshop;

use super::{USUAL, push, rows, shown};

const IMAGE: &str = "static-debian13:latest";
const REPOSITORY: &str = "base/static-debian13";

/// A workshop with an image that is signed by the key `a`.
fn signed() -> Workshop {
    let workshop = Workshop::new();
    workshop.lock().build(&["static:latest"]).success();
    make_keys(&workshop.world);
    sign(&workshop, "a");
    workshop
}

fn sign(workshop: &Workshop, key: &str) {
    workshop.world.distro(&["sign", "--key", key, "--form", "both"]).success();
}

/// The manifests of a registry whose subject is a digest.
fn referrers(registry: &FakeRegistry, subject: &str) -> BTreeSet<String> {
    registry.kept(|kept| {
        let of = kept.manifests.iter().filter(|((_, at), (_, bytes))| {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            at.starts_with("sha256:") && manifest["subject"]["digest"] == subject
        });
        of.map(|((_, at), _)| at.clone()).collect()
    })
}

/// The manifests of the layout whose subject is a digest.
fn attached(workshop: &Workshop, subject: &str) -> BTreeSet<String> {
    let out = workshop.out();
    let digest = |(descriptor, _): (&Value, Value)| descriptor["digest"].as_str().unwrap().to_owned();
    out.referrers(subject).into_iter().map(digest).collect()
}

/// The document that a tag of the image's repository has.
#[track_caller]
fn tagged(registry: &FakeRegistry, tag: &str) -> Value {
    let key = (REPOSITORY.to_owned(), tag.to_owned());
    registry.kept(|kept| {
        let (_, bytes) = kept.manifests.get(&key).unwrap_or_else(|| panic!("there is no tag {tag}"));
        serde_json::from_slice(bytes).unwrap()
    })
}

/// `sha256-<hex>.sig`.
fn tag(workshop: &Workshop, name: &str, extension: &str) -> String {
    format!("{}.{extension}", workshop.out().digest(name).replace(':', "-"))
}

/// Adds a text to a layout that refers to a manifest; returns the digest of its own.
fn annotate(workshop: &Workshop, subject: &Value, text: &str) -> String {
    let write = |bytes: &[u8]| {
        let digest = sha256(bytes);
        fs::write(workshop.world.path(format!("out/blobs/sha256/{digest}")), bytes).unwrap();
        json!({ "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let described = |mut descriptor: Value, kind: &str| {
        descriptor["mediaType"] = json!(kind);
        descriptor
    };
    let plain = json!({
        "digest": subject["digest"], "size": subject["size"], "mediaType": subject["mediaType"],
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "text/plain",
        "config": described(write(b"{}"), "application/vnd.oci.empty.v1+json"),
        "layers": [described(write(text.as_bytes()), "text/plain")],
        "subject": plain,
    });
    let mut descriptor =
        described(write(manifest.to_string().as_bytes()), "application/vnd.oci.image.manifest.v1+json");
    descriptor["artifactType"] = json!("text/plain");
    let mut index: Value = serde_json::from_str(&workshop.world.read("out/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().push(descriptor.clone());
    workshop.world.write("out/index.json", &index.to_string());
    descriptor["digest"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_attached_goes_before_the_tags_of_its_image() {
    let (workshop, registry) = (signed(), FakeRegistry::new(USUAL));
    push(&workshop, &registry, &["--all"]).success();
    for name in [IMAGE, "static-debian13:latest-amd64"] {
        let digest = workshop.out().digest(name);
        assert_eq!(referrers(&registry, &digest), attached(&workshop, &digest), "{name}");
        assert!(!attached(&workshop, &digest).is_empty());
        for extension in ["sig", "att"] {
            let tag = tag(&workshop, name, extension);
            assert_eq!(tagged(&registry, &tag), workshop.out().document(&format!("static-debian13:{tag}")));
        }
    }
    let changes = registry.changes();
    let first = |of: &dyn Fn(&str) -> bool| changes.iter().position(|change| of(change)).unwrap();
    let last = changes.iter().rposition(|change| !change.contains("/manifests/latest")).unwrap();
    assert!(last < first(&|change| change.contains("/manifests/latest")), "{changes:#?}");

    push(&workshop, &registry, &["--all"]).success();
    assert_eq!(registry.changes(), [""; 0]);
}

/// By `regshape`, a client that others wrote.
#[test]
fn another_client_lists_what_refers_to_an_image() {
    let (workshop, registry) = (signed(), FakeRegistry::new(USUAL));
    push(&workshop, &registry, &["--all"]).success();
    for name in [IMAGE, "static-debian13:latest-amd64"] {
        let digest = workshop.out().digest(name);
        let image = format!("{}/{REPOSITORY}@{digest}", registry.host());
        let mut regshape = Command::new(validator("bin/regshape"));
        let listed =
            regshape.args(["--insecure", "referrer", "list", "--json", "-i", &image]).output().unwrap();
        let index: Value = serde_json::from_slice(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
        let digests = index["manifests"].as_array().unwrap().iter();
        let digests: BTreeSet<_> = digests.map(|of| of["digest"].as_str().unwrap().to_owned()).collect();
        assert_eq!(digests, attached(&workshop, &digest), "{name}");
    }
}

#[test]
fn images_are_signed_first_where_that_is_asked_for() {
    let workshop = Workshop::new();
    workshop.lock().build(&["static:latest"]).success();
    make_keys(&workshop.world);
    let registry = FakeRegistry::new(USUAL);
    let signed = ["--all", "--sign", "--key", "a", "--form", "both"];
    let index = workshop.world.read("out/index.json");
    let said = push(&workshop, &registry, &[&signed[..], &["--dry-run"]].concat());
    let unsigned = "warning: nothing is signed, and signatures that are not there yet are not counted\n";
    assert!(said.clone().success().stderr.starts_with(unsigned), "{said}");
    assert_eq!(workshop.world.read("out/index.json"), index);

    let said = push(&workshop, &registry, &signed);
    assert!(said.clone().success().stderr.starts_with("     Signed 2 manifests\n"), "{said}");
    for name in [IMAGE, "static-debian13:latest-amd64"] {
        let digest = workshop.out().digest(name);
        assert_eq!(referrers(&registry, &digest), attached(&workshop, &digest), "{name}");
        let signature = &tagged(&registry, &tag(&workshop, name, "sig"))["layers"][0];
        let signature = workshop.out().json(signature);
        let repository = format!("{}/{REPOSITORY}", registry.host());
        assert_eq!(signature["critical"]["identity"]["docker-reference"], repository.as_str());
    }
    let image = format!("{}/{REPOSITORY}:latest", registry.host());
    workshop.world.distro(&["verify", &image, "--key", "a.pub"]).success();

    let said = push(&workshop, &registry, &signed);
    let nothing = "     Signed 0 manifests; 2 were signed by the key\n";
    assert!(said.clone().success().stderr.starts_with(nothing), "{said}");
}

#[test]
fn what_is_signed_after_a_push_is_pushed_by_the_next() {
    let workshop = Workshop::new();
    workshop.lock().build(&["static:latest"]).success();
    let registry = FakeRegistry::new(USUAL);
    push(&workshop, &registry, &["--all"]).success();
    make_keys(&workshop.world);
    sign(&workshop, "a");
    registry.server.take_requests();
    let foretold = rows(&push(&workshop, &registry, &["--all", "--dry-run"]));
    assert_eq!(registry.changes(), [""; 0]);
    let said = rows(&push(&workshop, &registry, &["--all"]));
    assert_eq!(said, foretold);
    // Bundles: of the index a signature and its provenance, of the platform two SBOMs more; and four tags.
    assert_eq!((&said[0]["referrers"], &said[0]["new_tags"]), (&json!(2 + 4 + 4), &json!([])));
    let changes = registry.changes();
    assert!(!changes.iter().any(|change| change.contains("/manifests/latest")), "{changes:#?}");
}

#[test]
fn signatures_of_what_is_attached_go_too() {
    let (workshop, registry) = (signed(), FakeRegistry::new(USUAL));
    let subject = workshop.out().digest("static-debian13:latest-amd64");
    let sbom = workshop.out().referrers(&subject)[0].0.clone();
    let note = annotate(&workshop, &sbom, "reviewed");
    let note_of_note = annotate(
        &workshop,
        &json!({
            "digest": note,
            "size": fs::metadata(workshop.world.path(format!("out/blobs/sha256/{}", &note[7..]))).unwrap().len(),
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
        }),
        "read",
    );
    push(&workshop, &registry, &["--all"]).success();
    assert_eq!(referrers(&registry, sbom["digest"].as_str().unwrap()), [note.clone()].into());
    assert_eq!(referrers(&registry, &note), [note_of_note].into());
}

#[test]
fn what_refers_to_an_index_is_noted_under_a_tag_too() {
    let (workshop, registry) = (signed(), FakeRegistry::new(Habits { referrers: false, ..USUAL }));
    push(&workshop, &registry, &["--all"]).success();
    let digest = workshop.out().digest(IMAGE);
    let index = tagged(&registry, &digest.replace(':', "-"));
    let noted: BTreeSet<_> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["digest"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(noted, attached(&workshop, &digest));
    registry.server.take_requests();
    push(&workshop, &registry, &["--all"]).success();
    assert_eq!(registry.changes(), [""; 0]);
}

#[test]
fn signatures_of_others_stay() {
    let (ours, registry) = (signed(), FakeRegistry::new(USUAL));
    push(&ours, &registry, &["--all"]).success();
    // Somebody else has the same image, and another key.
    let theirs = Workshop::new();
    theirs.lock().build(&["static:latest"]).success();
    assert_eq!(theirs.out().digest(IMAGE), ours.out().digest(IMAGE));
    make_keys(&theirs.world);
    sign(&theirs, "b");
    let sig = tag(&ours, IMAGE, "sig");
    let layers = |document: Value| document["layers"].as_array().unwrap().clone();
    let first = layers(tagged(&registry, &sig));
    push(&theirs, &registry, &["--all"]).success();
    let both = [first, layers(theirs.out().document(&format!("static-debian13:{sig}")))].concat();
    assert_eq!(layers(tagged(&registry, &sig)), both);
    let config = tagged(&registry, &sig)["config"]["digest"].as_str().unwrap().to_owned();
    let config = registry.kept(|kept| kept.blobs[&(REPOSITORY.to_owned(), config)].clone());
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), both.len());

    registry.server.take_requests();
    for workshop in [&ours, &theirs] {
        push(workshop, &registry, &["--all"]).success();
    }
    assert_eq!(registry.changes(), [""; 0]);
}

#[test]
fn a_tag_that_has_something_else_than_signatures_is_told_of() {
    let (workshop, registry) = (signed(), FakeRegistry::new(USUAL));
    let sig = tag(&workshop, IMAGE, "sig");
    registry.kept(|kept| {
        kept.manifests.insert((REPOSITORY.to_owned(), sig.clone()), ("text/plain".into(), b"[]".to_vec()));
    });
    let said = push(&workshop, &registry, &["static:latest"]);
    assert_same(
        &shown(&said, registry.host()).replace(&sig, "[TAG]"),
        r#"
status: 1
----- stdout -----
----- stderr -----
warning: not built for arm64: static-debian13:latest
error: what is attached to an image by the tag `base/static-debian13:[TAG]` cannot be read: invalid length 0, expected struct ImageManifest with 7 elements at line 1 column 2
hint: somebody put something else there: remove the tag, and push again
"#,
    );
    assert_eq!(registry.changes(), [""; 0]);
}

/// A workshop whose image is pushed, and then is the same with other SBOMs; what those before were attached as.
fn described_anew(registry: &FakeRegistry) -> (Workshop, BTreeSet<String>) {
    let workshop = signed();
    push(&workshop, registry, &["--all"]).success();
    let subject = workshop.out().digest("static-debian13:latest-amd64");
    let before = attached(&workshop, &subject);
    workshop.edit("catalog.toml", "example.org/spdx", "example.org/documents");
    workshop.build(&["static:latest"]).success();
    assert_eq!(workshop.out().digest("static-debian13:latest-amd64"), subject);
    sign(&workshop, "a");
    (workshop, before)
}

#[test]
fn what_takes_the_place_of_another_document_is_listed_beside_it() {
    let registry = FakeRegistry::new(Habits { referrers: true, ..USUAL });
    let (workshop, before) = described_anew(&registry);
    let subject = workshop.out().digest("static-debian13:latest-amd64");
    let after = attached(&workshop, &subject);
    let gone: BTreeSet<_> = before.difference(&after).cloned().collect();
    assert_eq!(gone.len(), 2 * (2 + 1), "two SBOMs, the provenance, and what was signed of each");
    let said = rows(&push(&workshop, &registry, &["--all"]));
    assert_eq!(said[0]["superseded"].as_array().unwrap().len(), 2 + 1);
    assert_eq!(referrers(&registry, &subject), before.union(&after).cloned().collect());
    let destination = format!("{}/base", registry.host());
    let said = workshop.world.distro(&["push", "static:latest", &destination]);
    assert_same(
        &shown(&said, registry.host()),
        r#"
status: 0
----- stdout -----
IMAGE                   DIGEST               SENT  MOUNTED  PRESENT  BYTES  NEW TAGS
static-debian13:latest  [DIGEST]     0        0       29 [SIZE]  -
----- stderr -----
warning: not built for arm64: static-debian13:latest
warning: 3 documents of earlier pushes stay listed beside what takes their place, as [REGISTRY]/base/static-debian13@[DIGEST]
     Pushed nothing: 1 image in 1 repository of [REGISTRY]/base are there
"#,
    );
}

#[test]
fn what_is_replaced_is_noted_under_a_tag_no_longer() {
    let registry = FakeRegistry::new(Habits { referrers: false, ..USUAL });
    let (workshop, before) = described_anew(&registry);
    let subject = workshop.out().digest("static-debian13:latest-amd64");
    let after = attached(&workshop, &subject);
    let noted = || -> Vec<(String, String)> {
        let index = tagged(&registry, &subject.replace(':', "-"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let noted = index["manifests"].as_array().unwrap().iter();
        noted.map(|one| (text(&one["digest"]), text(&one["artifactType"]))).collect()
    };
    assert_eq!(noted().into_iter().map(|(digest, _)| digest).collect::<BTreeSet<_>>(), before);
    let said = rows(&push(&workshop, &registry, &["--all"]));
    assert_eq!(said[0]["superseded"], json!([]));
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let documents: BTreeSet<_> = noted().into_iter().filter(|(_, kind)| kind != bundle).collect();
    assert_eq!(documents.len(), 2 + 1);
    assert!(documents.iter().all(|(digest, _)| after.contains(digest)), "{documents:?}");
    // Others may have signed what is there, so signatures stay.
    let signed = noted().into_iter().filter(|(_, kind)| kind == bundle).count();
    assert_eq!(signed, 1 + 2 * (2 + 1));
    registry.server.take_requests();
    push(&workshop, &registry, &["--all"]).success();
    assert_eq!(registry.changes(), [""; 0]);
}

#[test]
fn docker_registry_has_all_that_is_attached() {
    let workshop = signed();
    let registry = DockerRegistry::start(&workshop.world.path("tmp"), "");
    let destination = format!("{}/base", registry.host());
    workshop.world.distro(&["push", "--all", &destination]).success();
    let said = workshop.world.distro(&["push", "--all", &destination]).success();
    assert!(said.stderr.contains("Pushed nothing"), "{said}");
    let raw = |at: &str| {
        let from = format!("docker://{destination}/static-debian13{at}");
        crate::live::tool("skopeo", "skopeo", &["inspect", "--raw", "--tls-verify=false", &from])
    };
    for name in [IMAGE, "static-debian13:latest-amd64"] {
        let digest = workshop.out().digest(name);
        let index: Value = serde_json::from_str(&raw(&format!(":{}", digest.replace(':', "-")))).unwrap();
        let noted = index["manifests"].as_array().unwrap().iter();
        let noted: BTreeSet<_> = noted.map(|one| one["digest"].as_str().unwrap().to_owned()).collect();
        assert_eq!(noted, attached(&workshop, &digest));
        for digest in noted {
            assert_eq!(format!("sha256:{}", sha256(raw(&format!("@{digest}")).as_bytes())), digest);
        }
        for extension in ["sig", "att"] {
            let tag = tag(&workshop, name, extension);
            let document: Value = serde_json::from_str(&raw(&format!(":{tag}"))).unwrap();
            assert_eq!(document, workshop.out().document(&format!("static-debian13:{tag}")));
        }
    }
}
