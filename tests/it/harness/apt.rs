//! Real apt against the fake archive.

use std::collections::BTreeSet;
use std::process::Command;

use crate::archive::{Archive, DATE, Package, Signer};
use crate::live::need;
use crate::run::{Said, World};
use crate::server::Server;

/// An apt with a root of its own, whose sources name the archive.
struct Apt {
    archive: Archive,
    world: World,
    server: Server,
}

impl Apt {
    #[track_caller]
    fn new(archive: Archive) -> Self {
        need("apt", "apt-get");
        let server = Server::new(archive.dir());
        let world = World::with_archive(&archive, &server);
        for file in [
            "apt/apt.conf.d/.keep",
            "apt/preferences.d/.keep",
            "state/lists/partial/.keep",
            "cache/archives/partial/.keep",
            "dpkg/status",
        ] {
            world.write(file, "");
        }
        let dir = world.path("");
        world.write(
            "apt.conf",
            &format!(
                "Dir \"{0}\"; Dir::Etc \"{0}/apt\"; Dir::State \"{0}/state\"; Dir::Cache \"{0}/cache\";\n\
                 Dir::State::status \"{0}/dpkg/status\"; Dir::Bin::methods \"/usr/lib/apt/methods\";\n\
                 APT::Architecture \"amd64\"; APT::Architectures {{ \"amd64\"; \"arm64\"; }};\n\
                 APT::Sandbox::User \"\"; Acquire::Languages \"none\"; Acquire::http::Proxy \"DIRECT\";\n\
                 Acquire::Retries \"0\";\n",
                dir.display()
            ),
        );
        Self { archive, world, server }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(program);
        self.world.isolate(&mut command);
        self.world.finish(command.env("APT_CONFIG", self.world.path("apt.conf")).args(arguments))
    }

    fn update(&self) -> Said {
        self.run("apt-get", &["update", "--error-on=any"])
    }
}

fn archive() -> Archive {
    let mut archive = Archive::new();
    Package::new("libc6", "2.41-1")
        .archs(&["amd64", "arm64"])
        .depends("libgcc-s1")
        .file("/usr/lib/libc.so.6", "the library")
        .publish(&mut archive);
    Package::new("libgcc-s1", "14.2-1").depends("gcc-14-base (= 14.2-1)").publish(&mut archive);
    Package::new("gcc-14-base", "14.2-1").arch("all").publish(&mut archive);
    Package::new("libc6", "1:2.41-1+deb13u1").publish_to(&mut archive, "trixie-security");
    archive
}

#[test]
fn apt_accepts_the_archive_and_resolves_in_it() {
    let apt = Apt::new(archive());
    apt.update().success();
    let policy = apt.run("apt-cache", &["policy", "libc6", "libc6:arm64"]).success();
    assert!(
        policy.stdout.contains("libc6:\n  Installed: (none)\n  Candidate: 1:2.41-1+deb13u1\n"),
        "{policy}"
    );
    assert!(policy.stdout.contains("libc6:arm64:\n  Installed: (none)\n  Candidate: 2.41-1\n"), "{policy}");
    let plan = apt.run("apt-get", &["install", "-s", "-qq", "libgcc-s1", "libc6"]).success();
    let installed: BTreeSet<_> =
        plan.stdout.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next()).collect();
    assert_eq!(installed, BTreeSet::from(["gcc-14-base", "libc6", "libgcc-s1"]));
}

#[test]
fn apt_downloads_what_dpkg_can_read() {
    let apt = Apt::new(archive());
    apt.update().success();
    apt.run("apt-get", &["download", "libc6:arm64"]).success();
    let deb = "libc6_2.41-1_arm64.deb";
    let listing = apt.run("dpkg-deb", &["--contents", deb]).success().stdout;
    let paths: Vec<_> = listing.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    let expected = [
        "./",
        "./usr/",
        "./usr/lib/",
        "./usr/lib/libc.so.6",
        "./usr/share/",
        "./usr/share/doc/",
        "./usr/share/doc/libc6/",
        "./usr/share/doc/libc6/copyright",
    ];
    assert_eq!(paths, expected);
    let depends = apt.run("dpkg-deb", &["--field", deb, "Architecture", "Depends"]).success();
    assert_eq!(depends.stdout, "Architecture: arm64\nDepends: libgcc-s1\n");
}

#[test]
fn apt_asks_for_indices_by_their_hash_and_only_where_they_changed() {
    let mut apt = Apt::new(archive());
    apt.update().success();
    assert!(apt.server.take_paths().iter().any(|path| path.contains("/by-hash/SHA256/")));
    apt.update().success();
    let paths = apt.server.take_paths();
    assert!(paths.iter().all(|path| path.ends_with("/InRelease")), "{paths:#?}");
    Package::new("new", "1").publish(&mut apt.archive);
    apt.update().success();
    apt.run("apt-cache", &["show", "new"]).success();
}

/// Runs an update that must fail, with this as the reason.
#[track_caller]
fn assert_refused(archive: Archive, reason: &str) {
    let apt = Apt::new(archive);
    let said = apt.update();
    assert!(said.status == Some(100) && said.to_string().contains(reason), "{reason} is not in\n{said}");
}

#[test]
fn apt_refuses_what_no_valid_key_signed() {
    for signer in [Signer::Expired, Signer::Revoked, Signer::Unknown] {
        let mut archive = archive();
        archive.sign_with("trixie", signer);
        assert_refused(archive, "trixie InRelease' is not signed");
    }
}

#[test]
fn apt_refuses_what_is_unsigned() {
    let mut archive = archive();
    archive.leave_unsigned("trixie");
    assert_refused(archive, "trixie Release' is not signed");
}

#[test]
fn apt_refuses_a_suite_after_its_last_day() {
    let mut archive = archive();
    archive.set_valid_until("trixie", DATE + 1);
    assert_refused(archive, "is expired (invalid since");
}

#[test]
fn apt_refuses_an_altered_release() {
    let mut archive = archive();
    archive.tamper("debian/dists/trixie/InRelease", |bytes| {
        *bytes = String::from_utf8_lossy(bytes).replace("Label: Debian", "Label: Devian").into_bytes();
    });
    assert_refused(archive, "trixie InRelease' is not signed");
}

#[test]
fn apt_refuses_an_altered_index() {
    let mut archive = archive();
    for file in archive.indices("trixie", "amd64") {
        archive.tamper(&file, |bytes| bytes.push(b'\n'));
    }
    assert_refused(archive, "File has unexpected size");
}

#[test]
fn apt_accepts_a_suite_until_its_last_day() {
    let mut archive = archive();
    archive.set_valid_until("trixie-security", 4_000_000_000);
    let apt = Apt::new(archive);
    apt.update().success();
}
