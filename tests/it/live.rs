//! The catalog in `images/`, locked and built from the Debian mirror that this host's apt uses, and what
//! the programs of other people make of it.
//!
//! A test that lacks a program fails with the line that installs it. Containers need root.

mod again;
mod audit;
mod container;
mod contents;
mod forky;
mod java;
mod layout;
mod licenses;
mod own;
mod programs;
mod push;
mod runtimes;
mod sbom;
mod sources;
mod structure;
mod vendor;
mod verify;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::run::{Said, World};

/// Both are built. A mirror's security and update suites may lag behind for other architectures, which is
/// not what is tested here.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Where CARGO keeps what tests make: the store stays here, so that the mirror is asked once for a package.
const KEPT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/live");

/// All images of both releases, locked and built once for all tests of a run.
struct Live {
    world: World,
    built: Vec<Row>,
    /// Held while these tests run: another run waits.
    _alone: File,
}

/// A line of `distro build --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Row {
    image: String,
    architecture: String,
    digest: String,
    scripts: Vec<Script>,
    privileged: Vec<Value>,
}

/// A maintainer script that is not run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Script {
    package: String,
    reason: String,
}

/// Images of upstream tarballs, which are there where their server can be reached.
const UPSTREAM: [&str; 3] = ["nodejs22", "nodejs24", "nodejs26"];

fn live() -> &'static Live {
    static LIVE: LazyLock<Result<Live, String>> = LazyLock::new(Live::new);
    match &*LIVE {
        Ok(live) => live,
        Err(said) => panic!("there is nothing to test: the catalog could not be locked and built\n{said}"),
    }
}

impl Live {
    fn new() -> Result<Self, String> {
        let dir = Path::new(KEPT).join("world");
        fs::create_dir_all(&dir).unwrap();
        let alone = File::create(Path::new(KEPT).join("alone")).unwrap();
        alone.lock().unwrap();
        fs::remove_dir_all(&dir).unwrap();
        let world = World::at(&dir);
        settle(&world, &Path::new(KEPT).join("store"));
        let succeeded = |said: Said| if said.status == Some(0) { Ok(said) } else { Err(said.to_string()) };
        succeeded(distro(&world, &["lock"]))?;
        let said = succeeded(distro(&world, &["build", "--arch", "all", "--format", "json"]))?;
        Ok(Self { world, built: rows(&said), _alone: alone })
    }

    fn out(&self) -> PathBuf {
        self.world.path("out")
    }
}

/// Gives a world the host's apt settings, a store that is kept, and the catalog, cut to two architectures, and to
/// one for Java, whose packages are half a gigabyte for each.
fn settle(world: &World, store: &Path) {
    fs::create_dir_all(store).unwrap();
    for (folder, target) in [("apt", Path::new("/etc/apt")), ("store", store)] {
        fs::remove_dir_all(world.path(folder)).unwrap();
        symlink(target, world.path(folder)).unwrap();
    }
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("images"), &world.path("images"));
    let catalog = world.read("images/catalog.toml");
    let of_releases = catalog.lines().filter(|line| line.starts_with("architectures = ["));
    assert_eq!(of_releases.count(), 2, "catalog.toml has no longer two releases with their architectures");
    let cut = |line: &str| match line.starts_with("architectures = [") {
        true => format!("architectures = {ARCHITECTURES:?}"),
        false => line.to_owned(),
    };
    world.catalog("catalog.toml", &catalog.lines().map(cut).collect::<Vec<_>>().join("\n"));
    let java = world.read("images/java.toml");
    let java = java.lines().filter(|line| !line.starts_with("architectures = ["));
    let java = java.collect::<Vec<_>>().join("\n");
    let all = "parent = \"java-base\"";
    assert!(java.contains(all), "java.toml has no longer an image whose parent is java-base");
    world.catalog("java.toml", &java.replace(all, &format!("{all}\narchitectures = [\"amd64\"]")));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// `distro` in a world, through the host's proxy where it has one.
fn distro(world: &World, arguments: &[&str]) -> Said {
    let mut command = world.command(arguments);
    for name in ["http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    world.finish(&mut command)
}

fn rows(said: &Said) -> Vec<Row> {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error} in\n{said}"))
}

fn json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a program of the host to its success, and gives what it wrote to stdout.
#[track_caller]
pub fn tool(package: &str, program: &str, arguments: &[&str]) -> String {
    need(package, program);
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{stdout}{stderr}", output.status);
    stdout.into_owned()
}

/// Fails with the line that installs a program, where it is not there.
#[track_caller]
pub fn need(package: &str, program: &str) {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(found, "this test needs `{program}`: apt-get install {package} (tests/run does it)");
}

#[test]
fn the_whole_catalog_is_built_for_both_architectures() {
    let built = &live().built;
    let everywhere = ["certs", "static", "base-nossl", "base", "cc", "busybox", "java-base", "python3"];
    let of_both = everywhere.map(|family| [(family, "debian12"), (family, "debian13")]).into_iter().flatten();
    let of_both = of_both.chain([("nodejs18", "debian12"), ("nodejs20", "debian13")]);
    let java = [("java17", "debian12"), ("java21", "debian13"), ("java25", "debian13")];
    let on = |architectures: &'static [&str]| move |(family, release)| (family, release, architectures);
    let expected = of_both.map(on(&ARCHITECTURES)).chain(java.map(on(&["amd64"])));
    let mut expected: Vec<(String, &str)> = expected
        .flat_map(|(family, release, architectures)| {
            let tags = ["latest", "nonroot", "debug", "debug-nonroot"];
            let images = tags.map(|tag| format!("{family}-{release}:{tag}"));
            images.into_iter().flat_map(|image| architectures.iter().map(move |on| (image.clone(), *on)))
        })
        .collect();
    expected.sort();
    let mut found: Vec<_> = built.iter().map(|row| (row.image.clone(), row.architecture.as_str())).collect();
    found.retain(|(image, _)| !UPSTREAM.iter().any(|family| image.starts_with(family)));
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_second_lock_and_build_changes_nothing_and_asks_for_no_package() {
    let live = live();
    let world = World::new();
    settle(&world, &Path::new(KEPT).join("store"));
    copy(&live.world.path("lock"), &world.path("lock"));
    let said = distro(&world, &["build", "--offline", "--arch", "all", "--format", "json"]).success();
    assert_eq!(rows(&said), live.built);
    assert!(said.stderr.contains("; 0 packages converted"), "{said}");
}
