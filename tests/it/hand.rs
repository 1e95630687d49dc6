//! Images handed to every client: `distro export`, `load`, `unpack`, and `diff` of two images.

mod compared;
mod foreign;
mod loaded;
mod published;
mod unpacked;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::desk::assert_refused;
use crate::layout::{Layout, sha256};
use crate::live::tool;
use crate::workshop::Workshop;

/// A workshop with its images built for amd64.
fn built() -> Workshop {
    let workshop = Workshop::new();
    workshop.lock().build(&[]).success();
    workshop
}

/// The files of an archive by their names, each with its header as tar(1) reads it.
fn members(archive: &Path) -> Vec<(String, tar::Header, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(archive).unwrap());
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let member = |mut entry: tar::Entry<'_, fs::File>| {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (entry.path().unwrap().display().to_string(), entry.header().clone(), content)
    };
    entries.map(member).collect()
}

/// The layout that an archive holds, every blob of it checked.
fn layout(workshop: &Workshop, archive: &Path) -> Layout {
    let directory = workshop.world.path("opened");
    let _ = fs::remove_dir_all(&directory);
    tar::Archive::new(fs::File::open(archive).unwrap()).unpack(&directory).unwrap();
    let _ = fs::remove_file(directory.join("manifest.json"));
    Layout::read(&directory)
}

fn export(workshop: &Workshop, arguments: &[&str], file: &str) -> PathBuf {
    workshop.world.distro(&[&["export", "--output", file], arguments].concat()).success();
    workshop.world.path(file)
}

#[test]
fn an_oci_archive_has_the_image_and_what_refers_to_it_and_nothing_else() {
    let workshop = built();
    workshop.world.distro(&["build", "--arch", "amd64,arm64", "cc"]).success();
    let out = workshop.out();
    let said = workshop.world.distro(&["export", "cc:debug", "-o", "cc.tar"]);
    let size = fs::metadata(workshop.world.path("cc.tar")).unwrap().len();
    assert!(said.stderr.starts_with("   Exported cc-debian13:debug to cc.tar ("), "{said}");
    assert_eq!(size % 512, 0);

    let archive = layout(&workshop, &workshop.world.path("cc.tar"));
    assert_eq!(archive.names(), ["cc-debian13:debug"]);
    assert_eq!(archive.digest("cc-debian13:debug"), out.digest("cc-debian13:debug"));
    let referring = |layout: &Layout| {
        let platforms = ["amd64", "arm64"].map(|name| out.digest(&format!("cc-debian13:debug-{name}")));
        platforms.map(|digest| layout.referrers(&digest).len())
    };
    assert_eq!(referring(&archive), referring(&out));
    assert!(referring(&archive).iter().all(|number| *number > 0));

    let files = members(&workshop.world.path("cc.tar"));
    let names: Vec<_> = files.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names[..2], ["oci-layout", "index.json"]);
    assert!(names[2..].is_sorted() && names[2..].iter().all(|name| name.starts_with("blobs/sha256/")));
    for (name, header, content) in &files {
        let told = (header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap());
        assert_eq!(told, (0o644, 0, 0), "{name}");
        assert_eq!(header.size().unwrap(), content.len() as u64);
    }
}

#[test]
fn the_same_image_makes_the_same_archive_in_a_file_and_in_a_pipe() {
    let workshop = built();
    for format in ["oci", "docker"] {
        let arguments = ["cc", "--arch", "amd64", "--format", format];
        let first = fs::read(export(&workshop, &arguments, "one.tar")).unwrap();
        let second = fs::read(export(&workshop, &arguments, "deep/two.tar")).unwrap();
        let mut command = workshop.world.command(&[&["export", "-o", "-"], &arguments[..]].concat());
        let piped = command.output().unwrap();
        assert_eq!([sha256(&first), sha256(&second)], [sha256(&piped.stdout), sha256(&piped.stdout)]);
        assert_eq!(
            String::from_utf8(piped.stderr).unwrap().split(" (").next(),
            Some("   Exported cc-debian13:latest to stdout")
        );
    }
}

#[test]
fn an_archive_for_docker_is_of_one_architecture_and_in_both_forms() {
    let workshop = built();
    let archive = export(&workshop, &["cc:debug", "--arch", "amd64", "--format", "docker"], "cc.tar");
    let out = workshop.out();
    let manifest = out.document("cc-debian13:debug-amd64");
    let path = |descriptor: &Value| {
        format!("blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()["sha256:".len()..])
    };
    let layers: Vec<_> = manifest["layers"].as_array().unwrap().iter().map(path).collect();
    let files = members(&archive);
    let (name, _, listed) = &files[2];
    assert_eq!(name, "manifest.json");
    assert_eq!(
        serde_json::from_slice::<Value>(listed).unwrap(),
        json!([{ "Config": path(&manifest["config"]), "RepoTags": ["cc-debian13:debug"], "Layers": layers }])
    );
    let opened = layout(&workshop, &archive);
    assert_eq!(opened.digest("cc-debian13:debug"), out.digest("cc-debian13:debug-amd64"));
    assert_eq!(
        opened.references["cc-debian13:debug"]["annotations"],
        json!({
            "io.containerd.image.name": "docker.io/library/cc-debian13:debug",
            "org.opencontainers.image.ref.name": "cc-debian13:debug",
        })
    );
    assert_eq!(opened.blobs().len(), layers.len() + 2);
}

#[test]
fn skopeo_reads_every_archive_and_finds_the_same_image() {
    let workshop = built();
    let world = &workshop.world;
    let image = workshop.out().image("cc-debian13:debug-amd64");
    let docker = export(&workshop, &["cc:debug", "--arch", "amd64", "--format", "docker"], "docker.tar");
    let oci = export(&workshop, &["cc:debug", "--name", "mine:1"], "oci.tar");
    let alone = export(&workshop, &["cc:debug", "--no-referrers"], "alone.tar");
    let sources = [
        format!("docker-archive:{}", docker.display()),
        format!("docker-archive:{}:cc-debian13:debug", docker.display()),
        format!("oci-archive:{}", docker.display()),
        format!("oci-archive:{}:mine:1", oci.display()),
        format!("oci-archive:{}", alone.display()),
    ];
    for (number, source) in sources.iter().enumerate() {
        let skopeo = |arguments: &[&str]| {
            tool("skopeo", "skopeo", &[&["--insecure-policy", "--override-arch=amd64"], arguments].concat())
        };
        let config: Value = serde_json::from_str(&skopeo(&["inspect", "--config", "--raw", source])).unwrap();
        assert_eq!(config, image.config, "{source}");
        // To copy is to read every layer, and to hold it against the configuration.
        let destination = format!("oci:{}:copy", world.path(format!("copy-{number}")).display());
        skopeo(&["copy", "--quiet", source, &destination]);
    }
}

#[test]
fn an_image_is_found_by_what_people_call_it_or_refused_with_what_to_say() {
    let workshop = built();
    let world = &workshop.world;
    let refused = |arguments: &[&str], stderr: &str| {
        assert_refused(&world.distro(&[&["export", "-o", "x.tar"], arguments].concat()), stderr);
        assert!(!world.path("x.tar").exists());
    };
    refused(
        &["java"],
        r#"
error: there is no image `java` in `out`
hint: `distro build java` makes it, if it is of the catalog; --out names another layout, and `distro list` the images of the catalog
"#,
    );
    refused(
        &["cc", "--arch", "s390x"],
        r#"
error: `cc-debian13:latest` is not there for s390x: it is for linux/amd64
hint: name another by --arch, or add it by `distro build --arch s390x`
"#,
    );
    refused(
        &["cc-debian13:latest-amd64", "--arch", "arm64"],
        r#"
error: `cc-debian13:latest-amd64` is not there for arm64: it is for linux/amd64
hint: name another by --arch, or add it by `distro build --arch arm64`
"#,
    );
    refused(
        &["oci:out"],
        r#"
error: one image has to be named: there are 18 in `out`
hint: name one of them, as in `oci:out:cc-debian13:latest`
"#,
    );
    refused(
        &["cc", "--format", "docker", "--name", "CC", "--arch", "amd64"],
        r#"
error: `CC` is not the name of a repository: use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words
hint: docker wants a name of lower case, as in `--name cc-debian13:debug`
"#,
    );
    export(&workshop, &["oci:out:cc-debian13:latest-amd64"], "y.tar");
    assert_eq!(layout(&workshop, &world.path("y.tar")).names(), ["cc-debian13:latest-amd64"]);
}

#[test]
fn a_damaged_layout_or_a_full_disk_leaves_no_archive() {
    let workshop = built();
    let world = &workshop.world;
    let said = world.distro(&["export", "cc", "--arch", "amd64", "-o", "/dev/full"]);
    assert_refused(
        &said,
        r#"
error: could not write `/dev/full`: no space is left on its file system; free some there, or choose another place
"#,
    );

    let manifest = workshop.out().document("cc-debian13:latest-amd64");
    let digest = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    let blob = world.path("out/blobs/sha256").join(&digest["sha256:".len()..]);
    let whole = fs::read(&blob).unwrap();
    fs::write(&blob, &whole[..whole.len() / 2]).unwrap();
    let said = world.distro(&["export", "cc", "-o", "x.tar"]);
    let mut shown = said.clone();
    shown.stderr = crate::desk::without_digests(&said.stderr);
    assert_refused(
        &shown,
        r#"
error: `out/blobs/sha256/…` is damaged: its digest is …
hint: remove what is damaged, and `distro build cc-debian13:latest` makes it anew
"#,
    );
    fs::remove_file(&blob).unwrap();
    let mut said = world.distro(&["export", "cc", "-o", "x.tar"]);
    said.stderr = crate::desk::without_digests(&said.stderr);
    assert_refused(
        &said,
        r#"
error: could not read the blob `out/blobs/sha256/…`: there is no such file or directory
hint: remove what is damaged, and `distro build cc-debian13:latest` makes it anew
"#,
    );
    let left = fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains(".distro-")));
    assert!(!world.path("x.tar").exists());
}
