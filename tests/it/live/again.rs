//! The same lock gives the same bytes in every world.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use super::{KEPT, live, rows, settle};
use crate::run::{Said, World};

#[test]
fn two_worlds_give_the_same_digests() {
    let live = live();
    let hostile = [("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8"), ("SOURCE_DATE_EPOCH", "1")];
    let plain = [("TZ", "America/St_Johns"), ("LANG", "C"), ("LC_ALL", "")];
    for (umask, jobs, environment) in [("0077", "1", hostile), ("0000", "2", plain)] {
        let world = World::new();
        let store = world.path("another/store");
        settle(&world, &store);
        copy_packages(&Path::new(KEPT).join("store/blobs"), &store.join("blobs"));
        super::copy(&live.world.path("lock"), &world.path("lock"));
        let arguments = ["build", "--offline", "--arch", "all", "--format", "json", "--jobs", jobs];
        let said = with_umask(&world, umask, &environment, &arguments);
        assert_eq!(rows(&said), live.built, "{environment:?}");
        let converted = "; 0 packages converted";
        assert!(!said.stderr.contains(converted), "the store knew the layers already\n{said}");
        same_files(&live.out(), &world.path("out"));
    }
}

fn with_umask(world: &World, umask: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Said {
    let distro = world.command(arguments);
    let mut command = Command::new("sh");
    world.isolate(&mut command);
    command.args(["-c", "umask $0 && exec \"$@\"", umask]).arg(distro.get_program()).args(distro.get_args());
    world.finish(command.envs(environment.iter().copied())).success()
}

/// Copies the packages of a store, and nothing that was made of them.
fn copy_packages(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_packages(&from, &to);
            continue;
        }
        let mut start = Vec::new();
        fs::File::open(&from).unwrap().take(8).read_to_end(&mut start).unwrap();
        if start == b"!<arch>\n" {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Two layouts have the same files: blobs, index and SBOMs.
fn same_files(one: &Path, other: &Path) {
    let names = |folder: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(one), names(other), "{} and {}", one.display(), other.display());
    for name in names(one) {
        let (one, other) = (one.join(&name), other.join(&name));
        if one.is_dir() {
            same_files(&one, &other);
        } else {
            let same = fs::read(&one).unwrap() == fs::read(&other).unwrap();
            assert!(same, "{} and {} differ", one.display(), other.display());
        }
    }
}
