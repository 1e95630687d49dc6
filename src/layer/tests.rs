#![expect(clippy::disallowed_methods, reason = "the reference is tar(1), which works on files")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::tree::{Entry, ImagePath, Node};

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

fn layer(tree: &Tree) -> (LayerInfo, Vec<u8>) {
    let mut bytes = Vec::new();
    (write(tree, &mut bytes).unwrap(), bytes)
}

fn gunzip(layer: &[u8]) -> Bytes {
    let mut archive = Vec::new();
    flate2::read::MultiGzDecoder::new(layer).read_to_end(&mut archive).unwrap();
    archive.into()
}

/// A tree with something of everything.
fn sample() -> Tree {
    let mut tree = Tree::new();
    tree.insert(ImagePath::default(), Entry::directory(1_700_000_000));
    tree.insert(path("/etc/passwd"), Entry::file("root:x:0:0::/root:/sbin/nologin\n", 1_700_000_000));
    tree.insert(path("/tmp"), Entry::directory(1_700_000_000).with_mode(0o1777));
    tree.insert(path("/home/nonroot"), Entry::directory(0).with_mode(0o700).with_owner(65532, 65532));
    tree.insert(path("/usr/bin/sudo"), Entry::file(vec![7; 5 << 20], 1_600_000_000).with_mode(0o4755));
    let link = Entry {
        node: Node::HardLink(path("/usr/bin/sudo")),
        ..tree.get(&path("/usr/bin/sudo")).unwrap().clone()
    };
    tree.insert(path("/usr/bin/sudoedit"), link);
    tree.insert(path("/lib"), Entry::symlink("usr/lib", 1_700_000_000));
    tree.insert(
        path("/usr/share/Főtanúsítvány.crt"),
        Entry::file("é", 9_000_000_000).with_owner(5_000_000, 7),
    );
    tree.insert(path(&format!("/usr/{}/{}", "d".repeat(90), "f".repeat(90))), Entry::file("prefix", 1));
    tree.insert(path(&format!("/usr/{}", "g".repeat(150))), Entry::symlink("t".repeat(150), 1));
    tree
}

#[test]
fn a_fixed_tree_has_a_fixed_digest() {
    let (info, bytes) = layer(&sample());
    assert_eq!(info.digest, Sha256::of(&bytes));
    assert_eq!(info.diff_id, Sha256::of(&gunzip(&bytes)));
    assert_eq!((info.size, info.uncompressed_size), (bytes.len() as u64, gunzip(&bytes).len() as u64));
    assert_eq!(
        info.diff_id.to_string(),
        "908cc84397df2ca7fbfe40eddb0dad73d7dd9a6d926d6c80eaada9a4e6194edd",
        "the tar format has changed: existing layers would get other identities"
    );
    assert_eq!(
        info.digest.to_string(),
        "ca983b1b5664cc2e474957ef9e3651dfffee9eab214c6e68c7d8750542ca0753",
        "the compression has changed: give RECIPE another version"
    );
}

#[test]
fn the_recipe_names_what_is_in_use() {
    let lock = include_str!("../../Cargo.lock");
    let version =
        lock.split("name = \"libdeflater\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    let (size, level) = (gzip::MEMBER_SIZE, gzip::LEVEL);
    let encoder = format!("gzip members of {size} bytes, libdeflater {} level {level}", version.unwrap());
    assert!(RECIPE.ends_with(&encoder), "{encoder}");
}

#[test]
fn members_are_of_fixed_size_without_time_name_or_system() {
    let (_, bytes) = layer(&sample());
    let mut members = bytes.as_slice();
    let mut sizes = Vec::new();
    while !members.is_empty() {
        assert_eq!(members[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        let mut decoder = flate2::bufread::GzDecoder::new(members);
        sizes.push(std::io::copy(&mut decoder, &mut std::io::sink()).unwrap());
        members = decoder.into_inner();
    }
    assert_eq!(sizes, [4 << 20, gunzip(&bytes).len() as u64 - (4 << 20)]);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let mut tree = sample();
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    });
    tree.insert(path("/noise"), Entry::file(noise.take(30 << 20).collect::<Vec<u8>>(), 1));
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| layer(&tree))
    };
    let one = with_threads(1);
    assert!(one == with_threads(2) && one == with_threads(5));
    assert_eq!(one.0.diff_id, Sha256::of(&gunzip(&one.1)));
}

#[test]
fn an_empty_tree_is_two_blocks_of_zeros() {
    assert_eq!(gunzip(&layer(&Tree::new()).1), [0; 1024].as_slice());
}

#[test]
fn a_sink_that_fails_is_an_error() {
    let mut full = [0; 100];
    assert!(write(&sample(), full.as_mut_slice()).is_err());
}

#[test]
fn tar_lists_what_is_in_the_tree() {
    let tar = Command::new("tar")
        .args([
            "--list",
            "--verbose",
            "--gzip",
            "--numeric-owner",
            "--utc",
            "--full-time",
            "--quoting-style=literal",
        ])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut tar) = tar else { return eprintln!("skipped: there is no tar here") };
    tar.stdin.take().unwrap().write_all(&layer(&sample()).1).unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success());
    let listing = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        listing.lines().map(words).collect::<Vec<_>>(),
        [
            "drwxr-xr-x 0/0 0 2023-11-14 22:13:20 etc/",
            "-rw-r--r-- 0/0 32 2023-11-14 22:13:20 etc/passwd",
            "drwxr-xr-x 0/0 0 1970-01-01 00:00:00 home/",
            "drwx------ 65532/65532 0 1970-01-01 00:00:00 home/nonroot/",
            "lrwxrwxrwx 0/0 0 2023-11-14 22:13:20 lib -> usr/lib",
            "drwxrwxrwt 0/0 0 2023-11-14 22:13:20 tmp/",
            "drwxr-xr-x 0/0 0 2020-09-13 12:26:40 usr/",
            "drwxr-xr-x 0/0 0 2020-09-13 12:26:40 usr/bin/",
            "-rwsr-xr-x 0/0 5242880 2020-09-13 12:26:40 usr/bin/sudo",
            "hrwsr-xr-x 0/0 0 2020-09-13 12:26:40 usr/bin/sudoedit link to usr/bin/sudo",
            &format!("drwxr-xr-x 0/0 0 1970-01-01 00:00:01 usr/{}/", "d".repeat(90)),
            &format!("-rw-r--r-- 0/0 6 1970-01-01 00:00:01 usr/{}/{}", "d".repeat(90), "f".repeat(90)),
            &format!("lrwxrwxrwx 0/0 0 1970-01-01 00:00:01 usr/{} -> {}", "g".repeat(150), "t".repeat(150)),
            "drwxr-xr-x 0/0 0 2255-03-14 16:00:00 usr/share/",
            "-rw-r--r-- 5000000/7 2 2255-03-14 16:00:00 usr/share/Főtanúsítvány.crt",
        ]
    );
}

/// What the `tar` crate, which shares no code with the writer, makes of an archive.
fn read_by_tar_crate(archive: &[u8]) -> Tree {
    let mut tree = Tree::new();
    for entry in ::tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let link = entry.link_name_bytes().map(|link| text(&link));
        let at = path(&text(&entry.path_bytes()));
        let node = match entry.header().entry_type() {
            ::tar::EntryType::Directory => Node::Directory,
            ::tar::EntryType::Regular => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                Node::File(content.into())
            }
            ::tar::EntryType::Symlink => Node::Symlink(link.unwrap()),
            ::tar::EntryType::Link => Node::HardLink(path(&link.unwrap())),
            other => panic!("{other:?}"),
        };
        let mtime = entry.pax_extensions().unwrap().into_iter().flatten().map(Result::unwrap);
        let mtime = mtime
            .filter(|record| record.key() == Ok("mtime"))
            .last()
            .map(|r| r.value().unwrap().parse().unwrap());
        let header = entry.header();
        let (uid, gid) = (header.uid().unwrap() as u32, header.gid().unwrap() as u32);
        let mtime = mtime.unwrap_or_else(|| header.mtime().unwrap());
        tree.insert(at, Entry { node, mode: header.mode().unwrap(), uid, gid, ..Entry::directory(mtime) });
    }
    tree
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[a-c]", 2 => "[a-z.+ =-]{2,120}", 1 => "[äöü漢字a]{1,80}", 1 => "[x]{200,255}"]
        .prop_filter("no name of a directory itself", |name| name != "." && name != "..")
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let node = prop_oneof![
        Just(Node::Directory),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|content| Node::File(content.into())),
        "[a-zé/.]{1,150}".prop_map(Node::Symlink),
    ];
    let time = prop_oneof![4 => 0_u64..1 << 33, 1 => 1_u64 << 33..1 << 50];
    let id = prop_oneof![4 => 0_u32..70_000, 1 => any::<u32>()];
    (node, 0_u32..0o10000, id.clone(), id, time).prop_map(|(node, mode, uid, gid, mtime)| Entry {
        node,
        mode,
        uid,
        gid,
        ..Entry::directory(mtime)
    })
}

prop_compose! {
    fn any_tree()(
        entries in prop::collection::vec((prop::collection::vec(any_name(), 1..5), any_entry()), 0..20),
        links in prop::collection::vec((any_name(), any::<prop::sample::Index>()), 0..4),
    ) -> Tree {
        let mut tree = Tree::new();
        for (names, entry) in entries {
            let at = path(&format!("/{}", names.join("/")));
            let below_file = at.ancestors().any(|a| tree.get(&a).is_some_and(|e| e.node != Node::Directory));
            if !below_file && tree.get(&at).is_none() {
                tree.insert(at, entry);
            }
        }
        let mut entries: std::collections::BTreeMap<_, _> = tree.clone().into_iter().collect();
        let files: Vec<ImagePath> =
            tree.iter().filter(|(_, e)| matches!(e.node, Node::File(_))).map(|(p, _)| p.clone()).collect();
        for (name, index) in links.into_iter().filter(|_| !files.is_empty()) {
            let node = Node::HardLink(index.get(&files).clone());
            entries.entry(path(&name)).or_insert(Entry { node, ..Entry::file("", 0) });
        }
        Tree::from_entries(entries).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_tree_comes_back_from_its_layer(tree in any_tree()) {
        let (info, bytes) = layer(&tree);
        let archive = gunzip(&bytes);
        prop_assert_eq!(info.diff_id, Sha256::of(&archive));
        let mut rootless: Vec<(ImagePath, Entry)> = tree.into_iter().collect();
        rootless.retain(|(path, _)| !path.is_root());
        for read in [Tree::from_tar(&archive).unwrap(), read_by_tar_crate(&archive)] {
            let mut read: Vec<(ImagePath, Entry)> = read.into_iter().collect();
            read.retain(|(path, _)| !path.is_root());
            prop_assert_eq!(&read, &rootless);
        }
    }
}
