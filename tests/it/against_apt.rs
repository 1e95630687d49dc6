//! The closures of some packages against those of the host's apt: a small part of `benches/against_apt`, which tells
//! how, with the cases that other tools had wrong.

#[path = "../../benches/against_apt/apt.rs"]
mod apt;
#[path = "../../benches/against_apt/archive.rs"]
mod archive;
#[path = "../../benches/against_apt/closures.rs"]
mod closures;
#[path = "../../benches/against_apt/ours.rs"]
mod ours;
#[path = "../../benches/against_apt/sample.rs"]
mod sample;

use std::path::Path;

use distro::resolve::Recommends;

use apt::Apt;
use archive::Archive;

/// How many packages are sampled beside those named, of each release.
const SAMPLED: usize = 8;

/// How many of those named are compared with their Recommends too.
const WITH_RECOMMENDS: usize = 4;

/// Conflicts between alternatives (`ffmpeg`), a virtual package that only Pre-Depends ask for (`bash`: `awk`), a chain
/// of metapackages (`default-jre`), real packages that others provide too (`emacs`, `vim`, `sudo`, `gnuplot`: by
/// their flavours; `libavcodec61`, `libjson-pp-perl`, `lsb-base`, `pkg-config`: by another source), alternatives over virtual packages (`exim4`,
/// `libpam-systemd`), `:any` (`python3-minimal`), and debconf's two names (`apt-listchanges`).
const TRIXIE: [&str; 15] = [
    "apt-listchanges",
    "bash",
    "default-jre",
    "emacs",
    "exim4",
    "ffmpeg",
    "gnuplot",
    "libavcodec61",
    "libjson-pp-perl",
    "libpam-systemd",
    "lsb-base",
    "pkg-config",
    "python3-minimal",
    "sudo",
    "vim",
];

/// A module that has to be of the version that security updates bring (`libnginx-mod-…`).
const BOOKWORM: [&str; 6] =
    ["bash", "default-jre", "ffmpeg", "libnginx-mod-http-dav-ext", "postfix", "systemd-sysv"];

#[test]
fn closures_on_trixie_are_those_of_apt() {
    assert_closures_agree("debian13", &TRIXIE);
}

#[test]
fn closures_on_bookworm_are_those_of_apt() {
    assert_closures_agree("debian12", &BOOKWORM);
}

#[track_caller]
fn assert_closures_agree(release: &str, names: &[&str]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("against_apt");
    std::fs::create_dir_all(&folder).unwrap();
    let archive = Archive::open(&folder, release, "amd64");
    let universe = archive.universe();
    let apt = Apt::new(&folder.join(format!("apt-test-{release}")), &archive);
    let mut sample = sample::of(&archive, SAMPLED);
    sample.extend(names.iter().map(ToString::to_string));
    let mut differences = closures::compare(&universe, &apt, &sample, Recommends::Ignored);
    differences.extend(closures::compare(
        &universe,
        &apt,
        &sample[sample.len() - WITH_RECOMMENDS..],
        Recommends::Taken,
    ));
    let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
}
