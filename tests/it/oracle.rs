//! Our readers of `.deb` files and `Packages` against those of the crate debian-packaging, over what the
//! host's Debian mirror has. `tests/oracle/src/main.rs` says why that crate is in a program of its own.

mod mirror;
mod ours;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use distro::debian::{Package, PackagesIndex};

use mirror::Mirror;

/// With hard links (`bzip2`, `perl-base`), setuid and setgid (`passwd`), groups other than root
/// (`base-files`, `passwd`), names that are not ASCII (`ca-certificates`) or longer than the 100 bytes of a
/// header (`libghc-…`), many links (`busybox-static`, `tzdata`) and many bytes (`git`).
const BOOKWORM: [&str; 15] = [
    "base-files",
    "busybox-static",
    "bzip2",
    "ca-certificates",
    "git",
    "libc6",
    "libghc-data-default-instances-base-dev",
    "libssl3",
    "libstdc++6",
    "media-types",
    "netbase",
    "openssl",
    "passwd",
    "perl-base",
    "tzdata",
];

/// Built for a merged `/usr`.
const TRIXIE: [&str; 8] = [
    "base-files",
    "ca-certificates",
    "libc6",
    "libpython3.13-stdlib",
    "libssl3t64",
    "mount",
    "perl-base",
    "tzdata",
];

#[test]
fn packages_of_bookworm_hold_what_the_oracle_reads_in_them() {
    assert_packages_agree("bookworm", &BOOKWORM);
}

#[test]
fn packages_of_trixie_hold_what_the_oracle_reads_in_them() {
    assert_packages_agree("trixie", &TRIXIE);
}

#[test]
fn the_index_of_bookworm_says_what_the_oracle_reads_in_it() {
    assert_index_agrees("bookworm");
}

#[test]
fn the_index_of_trixie_says_what_the_oracle_reads_in_it() {
    assert_index_agrees("trixie");
}

#[track_caller]
fn assert_packages_agree(suite: &str, names: &[&str]) {
    let mirror = Mirror::new();
    let index = ours::index(&mirror.index(suite));
    let mut lines = 0;
    for name in names {
        let deb = mirror.package(&find(&index, suite, name));
        let ours = ours::deb(&deb);
        assert_same(&format!("{suite}'s {name}"), &ours, &oracle("deb", &deb));
        lines += ours.lines().count();
    }
    eprintln!("{suite}: {} packages agree in {lines} lines", names.len());
}

#[track_caller]
fn assert_index_agrees(suite: &str) {
    let packed = Mirror::new().index(suite);
    let ours = ours::stanzas(&ours::index(&packed));
    assert_same(&format!("{suite}'s index"), &ours, &oracle("packages", &packed));
    eprintln!("{suite}: {} stanzas agree", ours.lines().count());
}

fn find<'a>(index: &'a PackagesIndex, suite: &str, name: &str) -> Package<'a> {
    let mut packages = index.packages().map(Result::unwrap);
    let found = packages.find(|package| package.raw_name() == name);
    found.unwrap_or_else(|| panic!("{suite} has no package `{name}`"))
}

#[track_caller]
fn assert_same(what: &str, ours: &str, oracle: &str) {
    assert!(!oracle.is_empty(), "the oracle says nothing of {what}");
    if ours == oracle {
        return;
    }
    let same = ours.lines().zip(oracle.lines()).take_while(|(ours, oracle)| ours == oracle).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(no more lines)").to_owned();
    panic!(
        "{what}, line {}:\n  we read         {}\n  the oracle reads {}",
        same + 1,
        line(ours),
        line(oracle)
    );
}

/// What the oracle says of a file.
#[track_caller]
fn oracle(kind: &str, file: &Path) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    run(Command::new(PROGRAM.get_or_init(build)).arg(kind).arg(file))
}

/// Builds the oracle, apart from whatever cargo has locked for us. Built once, it is there the next time.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle/build");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    run(cargo.arg("--target-dir").arg(&target));
    target.join("debug").join(format!("oracle{}", std::env::consts::EXE_SUFFIX))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{complaint}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
