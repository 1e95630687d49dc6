//! A desk with a small catalog on it, and the archive that its locks are made from.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::archive::{Archive, Package, Signer};
use crate::run::{Said, World};
use crate::server::Server;

pub const CATALOG: &str = r#"
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
[archive.debian-security]

[release.debian13]
codename = "trixie"
version = "13"
architectures = ["amd64", "arm64"]
sources = [
  { archive = "debian", suites = ["trixie", "trixie-updates"] },
  { archive = "debian-security", suites = ["trixie-security"] },
]
keys = ["04B54C3CDCA79751B16BC6B5225629DF75B188BD"]

[tag.latest]
user = "root"

[tag.debug]
inherits = ["latest"]
packages = ["busybox-static"]

[[user]]
name = "root"
uid = 0
gid = 0
home = "/root"

[[group]]
name = "root"
gid = 0

[branding]
NAME = "fake {{ release.codename }}"

[[filter]]
reason = "documentation"
drop = ["/usr/share/man/**"]
"#;

/// What stands in [`CATALOG`] for the key of the archive.
const KEY: &str = "04B54C3CDCA79751B16BC6B5225629DF75B188BD";

pub const BASE: &str = r#"
[image.base]
description = "For programs linked against glibc"
packages = ["libc6"]

[image.base.leave-out]
libgcc-s1 = "cc has it"
"#;

/// What [`Desk::lock`] says of a catalog with [`BASE`] where there was no lock.
pub const LOCKED: &str = r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian13: 2 packages for 2 images in lock/debian13.lock
"#;

pub const BOTH: &[&str] = &["amd64", "arm64"];

pub struct Desk {
    pub archive: Archive,
    pub server: Server,
    pub world: World,
}

impl Desk {
    /// The catalog with the family `base`, which has few packages; apt's sources name the archive.
    pub fn new() -> Self {
        let mut archive = Archive::new();
        libc6("2.41-1").publish(&mut archive);
        busybox().publish(&mut archive);
        Self::with_base(archive)
    }

    /// The catalog with the family `base`.
    pub fn with_base(archive: Archive) -> Self {
        let desk = Self::of(archive);
        desk.world.catalog("base.toml", BASE);
        desk
    }

    /// The catalog without a family.
    pub fn of(archive: Archive) -> Self {
        let server = Server::new(archive.dir());
        let mut world = World::with_archive(&archive, &server);
        for (signer, name) in [
            (Signer::Valid, "[VALID KEY]"),
            (Signer::Expired, "[EXPIRED KEY]"),
            (Signer::Revoked, "[REVOKED KEY]"),
            (Signer::Unknown, "[UNKNOWN KEY]"),
        ] {
            world.filter(&signer.fingerprint(), name);
        }
        world.catalog("catalog.toml", &CATALOG.replace(KEY, &Signer::Valid.fingerprint()));
        fs::create_dir(world.path("images/keys")).unwrap();
        fs::copy(archive.keyring(), world.path("images/keys/fake.asc")).unwrap();
        Self { archive, server, world }
    }

    /// Changes a file below the world: `images/catalog.toml`, `lock/debian13.lock`.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.world.read(file);
        assert!(text.contains(from), "{from} is not in {file}");
        self.world.write(file, &text.replace(from, to));
    }

    /// Names the keys that the release trusts.
    pub fn trust(&self, signers: &[Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| format!("\"{}\"", signer.fingerprint())).collect();
        let catalog = self.world.read("images/catalog.toml");
        let (before, rest) = catalog.split_once("keys = [").unwrap();
        let (_, after) = rest.split_once(']').unwrap();
        self.world.catalog("catalog.toml", &format!("{before}keys = [{}]{after}", keys.join(", ")));
    }

    /// Makes the lock, and forgets what was asked of the server for it.
    #[track_caller]
    pub fn locked(self) -> Self {
        self.world.distro(&["lock"]).success();
        self.server.take_requests();
        self
    }

    /// Runs `distro lock`; a server has one second to answer, and one try if nothing else is said.
    pub fn lock(&self, arguments: &[&str]) -> Said {
        let retries: &[&str] = if arguments.contains(&"--retries") { &[] } else { &["--retries", "0"] };
        self.world.distro(&[&["lock", "--timeout", "1"], retries, arguments].concat())
    }

    /// Builds for amd64, whatever this machine is.
    pub fn build(&self) -> Said {
        self.world.distro(&["build", "--offline", "--arch", "amd64"])
    }

    /// The lock of debian13 with the name of the file that it is of for every digest: a lock that shows so
    /// has the right ones.
    pub fn shown_lock(&self) -> String {
        let mut files = Vec::new();
        walk(&self.archive.dir(), &mut files);
        files.sort();
        let mut text =
            self.world.read("lock/debian13.lock").replace(&Signer::Valid.fingerprint(), "[VALID KEY]");
        for path in files {
            let bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(self.archive.dir()).unwrap().display().to_string();
            let digest = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            let deb = format!("size = {}, installed = 1, sha256 = \"{digest}\"", bytes.len());
            text = text.replace(&deb, &format!("[OF {name}]")).replace(&digest, &format!("[OF {name}]"));
        }
        text
    }
}

/// Compares a run that failed: nothing on stdout, and this on stderr.
#[track_caller]
pub fn assert_refused(said: &Said, stderr: &str) {
    let stderr = stderr.trim_start_matches('\n');
    said.assert_is(&format!("status: 1\n----- stdout -----\n----- stderr -----\n{stderr}"));
}

/// Compares a lock that failed because no source has a file of a suite, `trixie/InRelease`: what each answered.
#[track_caller]
pub fn assert_unobtainable(said: &Said, file: &str, answers: &str) {
    let hint = "hint: packages come from the `mirrors` in catalog.toml, then from this machine's apt sources \
                (--apt-dir), or with --snapshot from the snapshot service\n";
    assert_refused(said, &(unread(file, answers) + hint));
}

/// Compares a lock that failed because no source has a file of a suite that can be trusted.
#[track_caller]
pub fn assert_untrusted(said: &Said, file: &str, answers: &str) {
    assert_refused(said, &unread(file, answers));
}

fn unread(file: &str, answers: &str) -> String {
    let (suite, _) = file.split_once('/').unwrap();
    let answers: String = answers.lines().map(|answer| format!("    {answer}\n")).collect();
    format!(
        "error: could not lock debian13\n  could not read the suite `{suite}`\n  \
         could not get `dists/{file}` from any source:\n{answers}"
    )
}

/// Compares a verification of locks that cannot trust these links, a line each.
#[track_caller]
pub fn assert_broken(said: &Said, links: &str) {
    let hint = "do not build from this lock: see who changed it, and how (`git log -p`); `distro lock` makes a new one";
    assert_refused(said, &verification("trusted", links, hint));
}

/// Compares a verification of locks that cannot see these links, a line each.
#[track_caller]
pub fn assert_unseen(said: &Said, links: &str) {
    let hint = "`distro vendor DIR` fetches what is missing, where it can still be had, for `--vendor DIR`";
    assert_refused(said, &verification("seen", links, hint));
}

fn verification(cannot_be: &str, links: &str, hint: &str) -> String {
    let links: Vec<_> = links.trim().lines().collect();
    let count = if let [_] = *links { "1 link".to_owned() } else { format!("{} links", links.len()) };
    let links = links.join("\n  ");
    format!("error: {count} of the chain of trust cannot be {cannot_be}:\n  {links}\nhint: {hint}\n")
}

/// Compares a run that took the lock for spoilt, and told why.
#[track_caller]
pub fn assert_unusable(said: &Said, why: &str) {
    let hint = "a lock is written by `distro lock` only; bring it back with `git checkout lock/debian13.lock`, \
                or remove it and run `distro lock`";
    let told = format!("error: the lock `lock/debian13.lock` cannot be used\n  {why}\nhint: {hint}\n");
    assert_refused(said, &told);
}

/// Compares texts.
#[track_caller]
pub fn assert_same(actual: &str, expected: &str) {
    let expected = expected.trim_start_matches('\n');
    let different = actual.lines().zip(expected.lines()).take_while(|(actual, expected)| actual == expected);
    let line = different.count() + 1;
    assert!(actual == expected, "line {line} differs\n--- expected\n{expected}\n--- actual\n{actual}");
}

/// `…` for every SHA-256 in a text.
pub fn without_digests(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric();
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let end = rest[start..].find(|c| !word(c)).map_or(rest.len(), |len| start + len);
        let digest = end - start == 64 && rest[start..end].bytes().all(|c| c.is_ascii_hexdigit());
        shown.push_str(&rest[..start]);
        shown.push_str(if digest { "…" } else { &rest[start..end] });
        rest = &rest[end..];
    }
    shown + rest
}

pub fn libc6(version: &str) -> Package {
    Package::new("libc6", version).archs(BOTH).source("glibc").depends("libgcc-s1")
}

pub fn busybox() -> Package {
    Package::new("busybox-static", "1:1.37-1").archs(BOTH)
}

/// The files of a directory, but for second names.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("by-hash") || path.is_symlink() => {}
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}
