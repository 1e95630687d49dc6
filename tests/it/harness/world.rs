//! The world that the binary runs in.

use std::process::Command;

use crate::archive::Archive;
use crate::run::{Said, World};
use crate::server::Server;

#[test]
fn a_command_sees_nothing_of_the_host() {
    let world = World::new();
    let mut command = Command::new("sh");
    world.isolate(&mut command);
    let said = world.finish(command.args(["-c", "pwd; env | grep -v ^_= | sort; echo talk >&2; exit 3"]));
    said.assert_is(
        "
status: 3
----- stdout -----
[DIR]
COLUMNS=100
HOME=[DIR]/home
LC_ALL=C.UTF-8
NO_COLOR=1
PATH=/usr/sbin:/usr/bin:/sbin:/bin
PWD=[DIR]
TMPDIR=[DIR]/tmp
TZ=UTC
XDG_CACHE_HOME=[DIR]/home/.cache
XDG_CONFIG_HOME=[DIR]/home/.config
----- stderr -----
talk
",
    );
}

#[test]
fn the_binary_runs() {
    let world = World::new();
    let said = world.finish(Command::new(env!("CARGO_BIN_EXE_distro")).arg("--version"));
    assert!(said.status.is_some(), "{said}");
}

#[test]
fn the_sources_of_a_world_name_the_archive() {
    let archive = Archive::new();
    let server = Server::new(archive.dir());
    let world = World::with_archive(&archive, &server);
    let said = world.finish(Command::new("cat").arg(world.path("apt/sources.list.d/fake.sources")));
    let expected = "\
Types: deb
URIs: [URL]/debian
Suites: trixie trixie-updates
Components: main
Signed-By: [KEYRING]

Types: deb
URIs: [URL]/debian-security
Suites: trixie-security
Components: main
Signed-By: [KEYRING]
";
    assert_eq!(said, Said { status: Some(0), stdout: expected.into(), stderr: String::new() });
}
