//! A world with a small catalog, the archive that it is locked against, and what is built there.

use std::fs;
use std::path::{Path, PathBuf};

use tar::EntryType;

use crate::archive::{Archive, DATE, Member, Package, Signer};
use crate::layout::Layout;
use crate::run::{Said, World};
use crate::server::Server;

/// The applets of the fake busybox.
pub const BUSYBOX: &[u8] = b"\x7fELF\x02\x01fake\0[\0[[\0cat\0sh\0\0";

const CATALOG: &str = r#"
[organization]
name = "Fake Platform Team"
email = "platform@example.org"
url = "https://example.org/images"
source = "https://example.org/catalog.git"
sbom-namespace = "https://example.org/spdx"

[architecture]
amd64 = { platform = "linux/amd64" }
arm64 = { platform = "linux/arm64/v8" }

[archive.debian]
snapshot = "[URL]/snapshot/debian"

[archive.debian-security]
snapshot = "[URL]/snapshot/debian-security"

[release.debian13]
codename = "trixie"
version = "13"
architectures = ["amd64"]
sources = [
  { archive = "debian", suites = ["trixie", "trixie-updates"] },
  { archive = "debian-security", suites = ["trixie-security"] },
]
keys = ["[KEY]"]

[tag.latest]
user = "root"

[[user]]
name = "root"
uid = 0
gid = 0
home = "/root"

[[user]]
name = "nonroot"
uid = 65532
gid = 65532
home = "/home/nonroot"

[[group]]
name = "root"
gid = 0

[[group]]
name = "nonroot"
gid = 65532

[branding]
PRETTY_NAME = "fake on {{ release.codename }}"

[[filter]]
reason = "documentation"
drop = ["/usr/share/doc/*/**", "/usr/share/man/**"]

[[filter]]
reason = "the bundle is made from these"
packages = ["ca-certificates"]
drop = ["/usr/share/ca-certificates/**"]
"#;

/// Further flavours.
const TAGS: &str = r#"
[tag.nonroot]
user = "nonroot"

[tag.debug]
user = "root"
packages = ["busybox-static"]
generate = ["busybox"]
entrypoint = ["/busybox/sh"]
environment = { PATH = "{{ environment.PATH }}:/busybox" }
"#;

const STATIC: &str = r#"
[image.static]
description = "For static programs"
packages = ["base-files", "ca-certificates"]
generate = ["accounts", "ca-certificates", "os-release"]
environment = { PATH = "/usr/bin:/bin" }

[image.static.leave-out]
openssl = "nothing of a package is run"
"#;

const BASE: &str = r#"
[image.base]
description = "For programs linked against glibc"
parent = "static"
packages = ["libc6"]

[image.base.leave-out]
libgcc-s1 = "cc has it"

[image.cc]
description = "For C++"
parent = "base"
packages = ["libgcc-s1"]
"#;

pub struct Workshop {
    pub archive: Archive,
    pub server: Server,
    pub world: World,
}

impl Workshop {
    /// The families static, base and cc in the tags latest, nonroot and debug, for amd64 and arm64.
    pub fn new() -> Self {
        let workshop = Self::with_packages([
            base_files(),
            ca_certificates(),
            libc6("2.41-1"),
            Package::new("libgcc-s1", "14.2-1")
                .archs(BOTH)
                .depends("gcc-14-base (= 14.2-1), libc6")
                .file("/usr/lib/libgcc_s.so.1", "unwinds")
                .link("/usr/share/doc/libgcc-s1", "gcc-14-base")
                .without_copyright(),
            Package::new("gcc-14-base", "14.2-1").archs(BOTH),
            busybox(),
        ]);
        workshop.edit("catalog.toml", "[\"amd64\"]", "[\"amd64\", \"arm64\"]");
        workshop.append("catalog.toml", TAGS);
        workshop.world.catalog("static.toml", STATIC);
        workshop.world.catalog("base.toml", BASE);
        workshop
    }

    /// One image, `one-debian13:latest`, of these packages and no steps, for amd64.
    pub fn of_one_image(packages: impl IntoIterator<Item = Package>) -> Self {
        let packages: Vec<_> = packages.into_iter().collect();
        let names: Vec<_> = packages.iter().map(|package| format!("\"{}\"", package.name())).collect();
        let workshop = Self::with_packages(packages);
        let image = format!("[image.one]\ndescription = \"One\"\npackages = [{}]\n", names.join(", "));
        workshop.world.catalog("one.toml", &image);
        workshop
    }

    fn with_packages(packages: impl IntoIterator<Item = Package>) -> Self {
        let mut archive = Archive::new();
        for package in packages {
            package.publish(&mut archive);
        }
        let server = Server::new(archive.dir());
        let world = World::with_archive(&archive, &server);
        let key = Signer::Valid.fingerprint();
        world.catalog("catalog.toml", &CATALOG.replace("[URL]", server.url()).replace("[KEY]", &key));
        fs::create_dir(world.path("images/keys")).unwrap();
        fs::copy(archive.keyring(), world.path("images/keys/fake.asc")).unwrap();
        Self { archive, server, world }
    }

    /// Changes the text of a definition: `static.toml`.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.world.read(&format!("images/{name}"));
        assert!(text.contains(from), "{from} is not in {name}");
        self.world.catalog(name, &text.replace(from, to));
    }

    /// Adds to the text of a definition.
    pub fn append(&self, name: &str, more: &str) {
        let text = self.world.read(&format!("images/{name}"));
        self.world.catalog(name, &format!("{text}\n{more}"));
    }

    /// Makes the lock, and forgets what was asked of the server for it.
    #[track_caller]
    pub fn lock(&self) -> &Self {
        self.world.distro(&["lock"]).success();
        self.server.take_requests();
        self
    }

    /// Builds for amd64, whatever this machine is.
    pub fn build(&self, arguments: &[&str]) -> Said {
        self.world.distro(&[&["build", "--arch", "amd64"], arguments].concat())
    }

    /// The layout at `out`, every blob of it checked.
    #[track_caller]
    pub fn out(&self) -> Layout {
        Layout::read(&self.world.path("out"))
    }

    /// Neither the store nor the layout has a file that was begun and not finished, and no lock is left.
    #[track_caller]
    pub fn assert_nothing_is_half_written(&self) {
        for directory in ["store/tmp", "store/locks"] {
            let left: Vec<_> =
                fs::read_dir(self.world.path(directory)).unwrap().map(Result::unwrap).collect();
            assert!(left.is_empty(), "{left:?}");
        }
        if self.world.path("out/index.json").exists() {
            self.out();
        } else {
            let left = files(&self.world.path("out"));
            assert!(left.iter().all(|path| path.ends_with("oci-layout")), "{left:?}");
        }
    }

    /// The packages that the server was asked for since the last call: `libc6_2.41-1_amd64.deb`.
    pub fn asked_for(&self) -> Vec<String> {
        let paths = self.server.take_paths();
        let file = |path: &String| path.rsplit('/').next().unwrap().to_owned();
        let mut asked: Vec<_> = paths.iter().map(file).collect();
        asked.sort();
        asked
    }
}

/// The files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

const BOTH: &[&str] = &["amd64", "arm64"];

fn directory(path: &str, mode: u32) -> Member {
    Member { mode, ..Member::new(path, EntryType::Directory) }
}

pub fn base_files() -> Package {
    let links = [("/bin", "usr/bin"), ("/lib", "usr/lib"), ("/sbin", "usr/sbin"), ("/lib64", "usr/lib64")];
    let package = Package::new("base-files", "13.8")
        .archs(BOTH)
        .member(directory("/tmp", 0o1777))
        .file("/usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13\"\nID=debian\n")
        .link("/etc/os-release", "../usr/lib/os-release")
        .file("/usr/share/doc/base-files/README", "read me")
        .file("/usr/share/man/man5/motd.5.gz", "a manual");
    links.into_iter().fold(package, |package, (path, target)| package.link(path, target))
}

pub fn ca_certificates() -> Package {
    Package::new("ca-certificates", "20250419")
        .arch("all")
        .depends("openssl")
        .file("/usr/share/ca-certificates/mozilla/B.crt", "second\n")
        .file("/usr/share/ca-certificates/mozilla/A.crt", "first")
}

pub fn libc6(version: &str) -> Package {
    Package::new("libc6", version)
        .archs(BOTH)
        .source("glibc")
        .depends("libgcc-s1")
        .file("/usr/lib/libc.so.6", format!("the library, {version}"))
        .file("/usr/share/doc/libc6/changelog.gz", "changes")
}

pub fn busybox() -> Package {
    Package::new("busybox-static", "1:1.37-1").archs(BOTH).executable("/usr/bin/busybox", BUSYBOX)
}

/// The time of all files in packages, as documents of images write it.
pub fn created() -> String {
    jiff::Timestamp::from_second(DATE.cast_signed()).unwrap().to_string()
}
