//! A vendor folder of real packages is enough, without a network.

use std::fs;
use std::process::Command;

use super::{ARCHITECTURES, live, rows, settle};
use crate::run::{Said, World};

/// Runs `distro` where there is no network interface.
fn alone(world: &World, arguments: &[&str]) -> Said {
    let distro = world.command(arguments);
    let mut command = Command::new("unshare");
    world.isolate(&mut command);
    command.args(["--net", "--map-root-user"]).arg(distro.get_program()).args(distro.get_args());
    world.finish(&mut command)
}

#[test]
fn a_vendored_image_is_built_and_its_lock_verified_without_a_network() {
    let live = live();
    let [architecture, _] = ARCHITECTURES;
    let folder = live.world.path("vendored");
    let vendor = folder.to_str().unwrap();
    let vendored = ["vendor", vendor, "cc-debian13", "--arch", architecture];
    super::distro(&live.world, &vendored).success();

    let world = World::new();
    settle(&world, &world.path("empty"));
    super::copy(&live.world.path("lock"), &world.path("lock"));
    let build = ["--vendor", vendor, "build", "cc-debian13", "--arch", architecture, "--offline"];
    let said = alone(&world, &[&build[..], &["--format", "json"]].concat()).success();
    let built = rows(&said);
    assert!(!built.is_empty() && built.iter().all(|row| live.built.contains(row)), "{said}");

    // Of this release the folder has what vouches for all packages of the architecture.
    fs::remove_dir_all(world.path("empty")).unwrap();
    fs::create_dir(world.path("empty")).unwrap();
    let verify = ["--vendor", vendor, "lock", "--verify", "--release", "debian13", "--arch", architecture];
    alone(&world, &verify).success();
}
