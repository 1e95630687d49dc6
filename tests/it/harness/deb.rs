//! The .debs of the archive: honest ones that dpkg reads, and hostile ones that are as bad as they should be.

use std::io;
use std::process::Command;

use tar::EntryType;

use crate::archive::{Archive, Compression, Member, Package};
use crate::live::need;
use crate::run::World;

/// What `dpkg-deb --contents` lists, or its complaint.
fn contents(archive: &Archive, deb: &str) -> Result<String, String> {
    let world = World::new();
    let said = world
        .finish(Command::new("dpkg-deb").env("TZ", "UTC").arg("--contents").arg(archive.dir().join(deb)));
    if said.status == Some(0) { Ok(said.stdout) } else { Err(said.stderr) }
}

#[test]
fn dpkg_reads_every_compression() {
    need("dpkg", "dpkg-deb");
    let long = format!("/usr/share/{}/{}", "d".repeat(90), "f".repeat(90));
    for compression in [Compression::None, Compression::Gz, Compression::Xz, Compression::Zst] {
        let mut archive = Archive::new();
        let debs = Package::new("kinds", "1:1.0-1")
            .compression(compression)
            .dir("/var/lib/kinds")
            .executable("/usr/bin/kinds", "#!")
            .hard_link("/usr/bin/kinds2", "/usr/bin/kinds")
            .link("/usr/lib/kinds.so", "kinds.so.1")
            .file(&long, "long")
            .conffile("/etc/kinds.conf", "a = 1\n")
            .script("postinst", "#!/bin/sh\nexit 1\n")
            .control_file("triggers", "activate-noawait ldconfig\n")
            .without_copyright()
            .publish(&mut archive);
        assert_eq!(debs, ["debian/pool/main/k/kinds/kinds_1.0-1_amd64.deb"]);
        let listing = match contents(&archive, &debs[0]) {
            Err(complaint)
                if compression == Compression::Zst && complaint.contains("unknown compression") =>
            {
                eprintln!("skipped: this host's dpkg does not know zstd");
                continue;
            }
            listing => listing.unwrap(),
        };
        let lines: Vec<String> = listing
            .lines()
            .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.ends_with('/') || line.contains("var/lib/kinds"))
            .map(|line| line.replace(" 2025-06-15 15:06", ""))
            .collect();
        let expected = [
            "-rw-r--r-- root/root 6 ./etc/kinds.conf".to_owned(),
            "-rwxr-xr-x root/root 2 ./usr/bin/kinds".to_owned(),
            "hrw-r--r-- root/root 0 ./usr/bin/kinds2 link to ./usr/bin/kinds".to_owned(),
            "lrwxrwxrwx root/root 0 ./usr/lib/kinds.so -> kinds.so.1".to_owned(),
            format!("-rw-r--r-- root/root 4 .{long}"),
            "drwxr-xr-x root/root 0 ./var/lib/kinds/".to_owned(),
        ];
        assert_eq!(lines, expected, "{compression:?}");
    }
}

#[test]
fn hostile_members_are_written_as_they_are() {
    let mut archive = Archive::new();
    let debs = Package::new("hostile", "1")
        .compression(Compression::None)
        .without_copyright()
        .raw(Member::file("./../escape", "x"))
        .raw(Member::file("/etc/absolute", "x"))
        .raw(Member::new("./dev/null", EntryType::Char))
        .raw(Member { claimed_size: Some(3), ..Member::file("./lying", vec![b'x'; 600]) })
        .publish(&mut archive);
    let deb = std::fs::read(archive.dir().join(&debs[0])).unwrap();
    let data = deb.windows(9).rposition(|window| window == b"data.tar ").unwrap() + 60;
    let mut tar = tar::Archive::new(&deb[data..]);
    let names: Vec<_> = tar
        .entries()
        .unwrap()
        .map_while(Result::ok)
        .map(|entry| (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), entry.size()))
        .collect();
    let expected = [("./../escape", 1), ("/etc/absolute", 1), ("./dev/null", 0), ("./lying", 3)];
    assert_eq!(names, expected.map(|(name, size)| (name.to_owned(), size)));
}

#[test]
fn a_bomb_is_small_until_it_is_unpacked() {
    let mut archive = Archive::new();
    let size = 64 << 20;
    let debs = Package::new("bomb", "1").bomb("/usr/share/zeros", size).publish(&mut archive);
    let deb = std::fs::read(archive.dir().join(&debs[0])).unwrap();
    assert!(deb.len() < 100_000, "{}", deb.len());
    let data = deb.windows(11).rposition(|window| window == b"data.tar.xz").unwrap() + 60;
    let mut tar = liblzma::read::XzDecoder::new(&deb[data..]);
    assert!(io::copy(&mut tar, &mut io::sink()).unwrap() > size);
}

#[test]
fn the_archive_vouches_for_what_is_mangled_and_not_for_what_is_altered() {
    let mut archive = Archive::new();
    let cut = Package::new("cut", "1").mangle(|deb| deb.truncate(100)).publish(&mut archive);
    assert_eq!(std::fs::metadata(archive.dir().join(&cut[0])).unwrap().len(), 100);
    let index = |archive: &Archive| {
        std::fs::read_to_string(archive.dir().join("debian/dists/trixie/main/binary-amd64/Packages")).unwrap()
    };
    assert!(index(&archive).contains("\nSize: 100\n"));
    archive.tamper(&cut[0], |deb| deb.push(0));
    assert!(index(&archive).contains("\nSize: 100\n"));

    Package::new("liar", "1").claim("Size", "7").claim("Depends", "ghost").publish(&mut archive);
    assert!(index(&archive).contains("\nDepends: ghost\nSize: 7\n"));

    archive.withdraw("trixie", "cut");
    assert!(!archive.dir().join(&cut[0]).exists());
    assert!(index(&archive).starts_with("Package: liar\n"));
}
