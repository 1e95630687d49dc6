//! `distro load`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::built;
use crate::desk::assert_refused;
use crate::live::{need, tool};
use crate::run::Said;
use crate::workshop::Workshop;

/// Runs `distro load` with a program of this text as the first on the path.
fn load(workshop: &Workshop, program: &str, text: &str, arguments: &[&str]) -> Said {
    let path = workshop.world.path("bin").join(program);
    workshop.world.write(&format!("bin/{program}"), text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = workshop.world.command(&[&["load", "--arch", "amd64"], arguments].concat());
    command.env("PATH", format!("{}:/usr/bin:/bin", workshop.world.path("bin").display()));
    workshop.world.finish(&mut command)
}

#[test]
fn podman_takes_an_image_and_has_it_whole() {
    need("podman", "podman");
    let workshop = built();
    let world = &workshop.world;
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/graph\"\nrunroot = \"{0}/run\"\n",
        world.path("podman").display()
    );
    world.write("storage.conf", &storage);
    let mut command = world.command(&["load", "cc:debug", "--arch", "amd64", "--with", "podman"]);
    command.env("CONTAINERS_STORAGE_CONF", world.path("storage.conf"));
    world.finish(&mut command).assert_is(
        r#"
status: 0
----- stdout -----
docker.io/library/cc-debian13:debug
----- stderr -----
     Loaded cc-debian13:debug into podman
"#,
    );
    let mut inspect = Command::new("podman");
    world.isolate(&mut inspect);
    inspect.env("CONTAINERS_STORAGE_CONF", world.path("storage.conf"));
    let said =
        world.finish(inspect.args(["image", "inspect", "docker.io/library/cc-debian13:debug"])).success();
    let inspected: Value = serde_json::from_str(&said.stdout).unwrap();
    let image = workshop.out().image("cc-debian13:debug-amd64");
    let config = image.manifest["config"]["digest"].as_str().unwrap();
    assert_eq!(format!("sha256:{}", inspected[0]["Id"].as_str().unwrap()), config);
    assert_eq!(inspected[0]["RootFS"]["Layers"], image.config["rootfs"]["diff_ids"]);
}

#[test]
fn docker_is_taken_before_others_and_given_a_whole_archive() {
    let workshop = built();
    let docker = "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncat >archive.tar\necho 'Loaded image: mine:1'\n";
    load(&workshop, "docker", docker, &["cc", "--name", "mine:1"]).assert_is(
        r#"
status: 0
----- stdout -----
mine:1
----- stderr -----
     Loaded cc-debian13:latest into docker
"#,
    );
    let listed =
        tool("tar", "tar", &["-xOf", workshop.world.path("archive.tar").to_str().unwrap(), "manifest.json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["RepoTags"][0], "mine:1");
}

#[test]
fn a_program_that_fails_or_is_missing_is_told_of_with_what_helps() {
    let workshop = built();
    let broken =
        "#!/bin/sh\n[ \"$1\" = --version ] && exit\nhead -c 100 >/dev/null\necho 'no daemon' >&2\nexit 3\n";
    assert_refused(
        &load(&workshop, "docker", broken, &["cc"]),
        r#"
error: `docker load` did not take the image: no daemon
hint: see whether `docker info` works, or name another by --with
"#,
    );
    let mut command = workshop.world.command(&["load", "cc", "--arch", "amd64", "--with", "nerdctl"]);
    assert_refused(
        &workshop.world.finish(command.env("PATH", workshop.world.path("bin"))),
        r#"
error: `nerdctl` cannot be run
  No such file or directory (os error 2)
hint: `apt-get install nerdctl`, or another by --with; `distro export cc --format docker -o FILE` needs none
"#,
    );
    fs::remove_file(workshop.world.path("bin/docker")).unwrap();
    let mut command = workshop.world.command(&["load", "cc", "--arch", "amd64"]);
    assert_refused(
        &workshop.world.finish(command.env("PATH", workshop.world.path("bin"))),
        r#"
error: none of docker, podman and nerdctl is installed
hint: `apt-get install podman`; or `distro export cc --format docker -o FILE`, and `docker load -i FILE` elsewhere
"#,
    );
}

#[test]
fn a_damaged_image_is_not_loaded_by_half() {
    let workshop = built();
    let manifest = workshop.out().document("cc-debian13:latest-amd64");
    let digest = manifest["layers"][0]["digest"].as_str().unwrap();
    let blob = workshop.world.path("out/blobs/sha256").join(&digest["sha256:".len()..]);
    let whole = fs::read(&blob).unwrap();
    fs::write(&blob, &whole[..whole.len() / 2]).unwrap();
    let docker = "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncat >/dev/null\ntouch loaded\n";
    let mut said = load(&workshop, "docker", docker, &["cc"]);
    said.stderr = crate::desk::without_digests(&said.stderr);
    assert_refused(
        &said,
        r#"
error: `out/blobs/sha256/…` is damaged: its digest is …
hint: remove what is damaged, and `distro build cc-debian13:latest` makes it anew
"#,
    );
    assert!(!workshop.world.path("loaded").exists());
}
