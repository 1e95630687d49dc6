#![expect(clippy::disallowed_methods, reason = "the reference is dpkg-deb, which works on files")]

use std::io::Read;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::tree::{Entry, ImagePath};

const LIMIT: u64 = 1 << 26;
/// A path that needs an extension header.
const LONG: &str = "usr/share/a-directory-of-some-length/another-directory-of-some-length/and-one-more-directory/with-a-long-file";
const CONTROL: &[u8] = b"Package: hello\nVersion: 1\n";

fn ar(members: &[(&str, &[u8])]) -> Bytes {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        archive.extend(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes(),
        );
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive.into()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ::tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn package() -> Bytes {
    let control = tar(&[("control", CONTROL), ("postinst", b"#!/bin/sh\n")]);
    let data = tar(&[("usr/bin/hello", b"elf"), (LONG, b"long"), ("usr/share/x", &[7; 5000])]);
    let data = zstd::encode_all(data.as_slice(), 3).unwrap();
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control),
        ("data.tar.zst", &data),
        ("_gpgorigin", b"sig"),
    ])
}

/// The message of an error and of its causes.
fn error(deb: &Bytes, limit: u64) -> String {
    let error = read(deb, limit).unwrap_err();
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn control_files_and_tree_are_read() {
    let deb = read(&package(), LIMIT).unwrap();
    assert_eq!(deb.control.control().as_bytes(), CONTROL);
    assert_eq!(deb.control.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["control", "postinst"]);
    assert_eq!(deb.control.md5sums().unwrap(), None);
    assert_eq!(deb.tree.get(&"/usr/bin/hello".parse().unwrap()), Some(&Entry::file("elf", 0)));
}

#[test]
fn members_have_to_be_those_of_the_format_in_their_order() {
    let (control, data) = (tar(&[("control", CONTROL)]), tar(&[]));
    let (version, control) = (("debian-binary", b"2.0\n".as_slice()), ("control.tar", control.as_slice()));
    let data = ("data.tar", data.as_slice());
    let error = |members: &[(&str, &[u8])]| error(&ar(members), LIMIT);
    assert!(read(&ar(&[version, ("_x", b"odd"), control, ("_y", b""), data, ("z", b"")]), LIMIT).is_ok());
    assert!(read(&ar(&[("debian-binary/", version.1), control, data]), LIMIT).is_ok());
    for (members, why) in [
        ([].as_slice(), "it has no debian-binary"),
        (&[control, data], "it has no debian-binary"),
        (&[("debian-binary", b"3.0\n"), control, data], "its format is \"3.0\", and only version 2 is known"),
        (&[version], "it has no control.tar"),
        (&[version, control], "it has no data.tar"),
        (&[version, data, control], "it has a member `data.tar` where control.tar is due"),
        (&[version, control, ("x", b""), data], "it has a member `x` where data.tar is due"),
        (&[version, control, data, ("data.tar.gz", b"")], "it has more than one data.tar"),
        (
            &[version, control, ("data.tar.lzma", b"")],
            "the compression of `data.tar.lzma` is not known: only gz, xz and zst are",
        ),
        (&[version, ("control.tar", data.1), data], "it has no control file"),
    ] {
        assert_eq!(error(members), why);
    }
}

#[test]
fn errors_say_where_and_why() {
    assert_eq!(
        error(&Bytes::from_static(b"PK"), LIMIT),
        "the file is no Debian package: it does not begin as an `ar` archive"
    );
    assert_eq!(
        error(&package(), 5000),
        "cannot unpack `data.tar.zst`: it unpacks to more than the 5000 bytes allowed"
    );
    let control = tar(&[("control", CONTROL)]);
    let data = tar(&[("a", b""), ("a", b"")]);
    let twice = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
    assert_eq!(error(&twice, LIMIT), "cannot read `data.tar`: `/a` is in the archive twice");
    let cut = twice.slice(..twice.len() - 1);
    assert_eq!(
        error(&cut, LIMIT),
        "the file is no Debian package: the member `data.tar` is said to have 2048 bytes, only 2047 follow"
    );
}

#[test]
fn a_bomb_is_refused_before_it_fills_memory() {
    let zeros = std::io::repeat(0).take(1 << 30);
    let bomb = zstd::encode_all(zeros, 1).unwrap();
    let control = tar(&[("control", CONTROL)]);
    let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar.zst", &bomb)]);
    assert!(deb.len() < 1 << 20);
    assert!(error(&deb, 1 << 20).ends_with("it unpacks to more than the 1048576 bytes allowed"));
}

proptest! {
    #[test]
    fn a_damaged_package_is_an_error_and_never_a_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = package().to_vec();
        for (index, byte) in &edits {
            let index = index.index(bytes.len());
            bytes[index] = *byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        drop(read(&bytes.into(), LIMIT));
    }

    #[test]
    fn a_damaged_archive_is_an_error_and_never_a_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let headers = [0, 1024, 2048, 3072];
        let mut archive = tar(&[("usr/bin/hello", b"elf"), (LONG, b"long"), ("x", b"")]);
        for (index, byte) in &edits {
            let index = index.index(archive.len());
            archive[index] = *byte;
        }
        for header in headers {
            archive[header + 148..header + 156].fill(b' ');
            let sum: u32 = archive[header..header + 512].iter().map(|&byte| u32::from(byte)).sum();
            archive[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        drop(Tree::from_tar(&archive.into()));
    }
}

/// One line a member, as both `dpkg-deb --fsys-tarfile` and a tree can be shown.
fn line(path: &ImagePath, entry: &Entry, tree: &Tree) -> String {
    let what = match &entry.node {
        Node::Directory => "directory".to_owned(),
        Node::Symlink(target) => format!("-> {target}"),
        Node::File(_) | Node::HardLink(_) => format!("{:?}", tree.file(path).unwrap()),
    };
    format!("{path} {:o} {}:{} {} {what}", entry.mode, entry.uid, entry.gid, entry.mtime)
}

/// What dpkg-deb unpacks, read with the `tar` crate.
fn reference(deb: &Path) -> Vec<String> {
    let output = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).output().unwrap();
    assert!(output.status.success());
    let mut contents: BTreeMap<ImagePath, Bytes> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for entry in ::tar::Archive::new(output.stdout.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = ImagePath::parse(std::str::from_utf8(&entry.path_bytes()).unwrap()).unwrap();
        let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
        let what = match entry.header().entry_type() {
            ::tar::EntryType::Directory => "directory".to_owned(),
            ::tar::EntryType::Symlink => format!("-> {}", link.unwrap()),
            kind => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                let content = match kind {
                    ::tar::EntryType::Link => contents[&ImagePath::parse(&link.unwrap()).unwrap()].clone(),
                    _ => content.into(),
                };
                contents.insert(path.clone(), content.clone());
                format!("{content:?}")
            }
        };
        let header = entry.header();
        let (mode, uid, gid) = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        let line = format!("{path} {mode:o} {uid}:{gid} {} {what}", header.mtime().unwrap());
        lines.insert(path, line);
    }
    lines.into_values().collect()
}

#[test]
fn a_package_reads_as_dpkg_deb_reads_it_whatever_its_compression() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("hello");
    let make = |path: &str, content: &[u8]| {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), content).unwrap();
    };
    make(
        "DEBIAN/control",
        b"Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n",
    );
    make("DEBIAN/md5sums", b"");
    make("usr/bin/hello", &[7; 70_000]);
    make("usr/share/doc/hello/Főtanúsítvány", b"text");
    make(&format!("usr/{}/{}/file", "d".repeat(120), "e".repeat(200)), b"");
    make(&format!("usr/{}", "f".repeat(240)), b"long name");
    std::fs::hard_link(root.join("usr/bin/hello"), root.join("usr/bin/again")).unwrap();
    std::os::unix::fs::symlink("../lib/x", root.join("usr/bin/link")).unwrap();
    std::os::unix::fs::symlink(format!("/{}", "t".repeat(180)), root.join("usr/bin/long-link")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4750);
    std::fs::set_permissions(root.join("usr/bin/hello"), mode).unwrap();

    for compression in ["xz", "gzip", "zstd", "none"] {
        let deb = directory.path().join(format!("{compression}.deb"));
        let built = Command::new("dpkg-deb")
            .arg(format!("-Z{compression}"))
            .arg("--build")
            .args([&root, &deb])
            .output();
        let Ok(built) = built else { return eprintln!("skipped: there is no dpkg-deb here") };
        if compression == "zstd" && !built.status.success() {
            eprintln!("skipped: this dpkg-deb knows no zstd");
            continue;
        }
        assert!(built.status.success(), "{built:?}");
        let unpacked = read(&std::fs::read(&deb).unwrap().into(), LIMIT).unwrap();
        let lines: Vec<String> =
            unpacked.tree.iter().map(|(path, entry)| line(path, entry, &unpacked.tree)).collect();
        assert_eq!(lines, reference(&deb), "{compression}");
        assert_eq!(unpacked.control.md5sums().unwrap(), Some(""));
        assert!(unpacked.control.control().starts_with("Package: hello\n"));
    }
}
