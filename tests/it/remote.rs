//! A store that many machines share: what it saves, and what whoever writes to it cannot do.

mod clouds;
mod repository;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use tar::EntryType;

use crate::archive::{DATE, Member, Package};
use crate::run::{Said, World};
use crate::server::{Fault, Response, Server};
use crate::workshop::Workshop;

/// Some machines that share a directory: each build begins with an empty store.
struct Fleet {
    workshop: Workshop,
    /// What one machine builds that shares nothing.
    expected: std::collections::BTreeSet<String>,
}

impl Fleet {
    fn new() -> Self {
        Self::of(Workshop::new())
    }

    fn of(workshop: Workshop) -> Self {
        for name in ["ours", "theirs"] {
            key(&workshop.world, name);
        }
        workshop.lock().build(&[]).success();
        let expected = workshop.out().blobs();
        workshop.server.take_requests();
        Self { workshop, expected }
    }

    /// A build on a machine with an empty store, of the images that any machine builds.
    #[track_caller]
    fn build(&self, arguments: &[&str]) -> Said {
        let remote = format!("file://{}", self.workshop.world.path("shared").display());
        self.build_with(&remote, arguments)
    }

    /// The same with another remote store.
    #[track_caller]
    fn build_with(&self, remote: &str, arguments: &[&str]) -> Said {
        for folder in ["store", "out"] {
            fs::remove_dir_all(self.workshop.world.path(folder)).unwrap();
        }
        let said = self.workshop.build(&[&["--remote-store", remote], arguments].concat()).success();
        assert_eq!(self.workshop.out().blobs(), self.expected, "{said}");
        said
    }

    fn shared(&self, below: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.workshop.world.path("shared").join(below));
        let mut files: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn key(world: &World, name: &str) {
    let (private, public) = (world.path(format!("{name}.key")), world.path(format!("{name}.pub")));
    let run = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).stderr(Stdio::null()).status();
        assert!(made.unwrap().success());
    };
    let (private, public) = (private.to_str().unwrap(), public.to_str().unwrap());
    run(&["genpkey", "-algorithm", "ed25519", "-out", private]);
    run(&["pkey", "-in", private, "-pubout", "-out", public]);
}

const OURS: &[&str] = &["--cache-key", "ours.key"];
const READER: &[&str] = &["--cache-public-key", "ours.pub", "--remote-store-read-only"];

#[test]
fn what_one_machine_fetched_others_need_not() {
    let fleet = Fleet::new();
    fleet.build(&[]);
    assert!(fleet.workshop.asked_for().contains(&"libc6_2.41-1_amd64.deb".to_owned()));
    fleet.build(&[]);
    assert_eq!(fleet.workshop.asked_for(), [""; 0], "all came from the remote store");
    fleet.build(&["--offline"]);
    assert_eq!(fleet.shared("records/layer-4"), [""; 0].map(PathBuf::from), "nobody could sign them");
}

#[test]
fn layers_are_taken_from_who_is_trusted() {
    let fleet = Fleet::new();
    fleet.build(OURS);
    assert!(!fleet.shared("records/layer-4").is_empty());
    fleet.workshop.asked_for();
    // Without the packages that layers are made from, those that steps read excepted.
    for blob in fleet.shared("blobs/sha256") {
        if fs::read(&blob).unwrap().starts_with(b"!<arch>") {
            fs::remove_file(blob).unwrap();
        }
    }
    let before = (fleet.shared("blobs/sha256"), fleet.shared("records/layer-4"));
    fleet.build(READER);
    let asked = fleet.workshop.asked_for();
    assert!(!asked.contains(&"libc6_2.41-1_amd64.deb".to_owned()), "{asked:?}");
    assert_eq!((fleet.shared("blobs/sha256"), fleet.shared("records/layer-4")), before, "it only reads");
    let lonely: &[&[&str]] = &[&["--cache-public-key", "theirs.pub"], &["--cache-key", "theirs.key"], &[]];
    for other in lonely {
        fleet.build(&[*other, &["--remote-store-read-only"]].concat());
        assert!(fleet.workshop.asked_for().contains(&"libc6_2.41-1_amd64.deb".to_owned()), "{other:?}");
    }
}

#[test]
fn a_layer_is_that_of_its_record_whatever_a_package_says_of_the_root() {
    let odd = Package::new("odd", "1")
        .file("/usr/bin/odd", "odd")
        .member(Member { mtime: DATE - 1, ..Member::new("/usr", EntryType::Directory) });
    let fleet = Fleet::of(Workshop::of_one_image([odd]));
    fleet.build(OURS);
    let said = fleet.build(READER);
    assert!(!said.stderr.contains("warning"), "{said}");
}

#[test]
fn blobs_that_are_not_what_their_names_say_are_refused() {
    let fleet = Fleet::new();
    fleet.build(OURS);
    for blob in fleet.shared("blobs/sha256") {
        let mut bytes = fs::read(&blob).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&blob, bytes).unwrap();
    }
    fleet.workshop.asked_for();
    let said = fleet.build(READER);
    assert!(said.stderr.contains("this is refused: blobs/sha256/"), "{said}");
    assert!(said.stderr.contains(": its SHA-256 is "), "{said}");
    assert!(fleet.workshop.asked_for().contains(&"libc6_2.41-1_amd64.deb".to_owned()));
    for blob in fleet.shared("blobs/sha256") {
        fs::write(blob, "").unwrap();
    }
    fleet.build(READER);
}

#[test]
fn a_record_counts_for_its_own_key_and_as_it_was_signed_alone() {
    let fleet = Fleet::new();
    fleet.build(OURS);
    let records = fleet.shared("records/layer-4");
    let whole: Vec<_> = records.iter().map(|path| fs::read(path).unwrap()).collect();
    let refused = |change: &dyn Fn(usize) -> Vec<u8>| {
        for (at, path) in records.iter().enumerate() {
            fs::write(path, change(at)).unwrap();
        }
        fleet.workshop.asked_for();
        let said = fleet.build(READER);
        let wrong = "no key that is trusted signed it";
        assert_eq!(said.stderr.matches(wrong).count(), records.len(), "{said}");
    };
    let split = |at: usize| {
        let end = whole[at].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        whole[at].split_at(end)
    };
    refused(&|at| whole[(at + 1) % whole.len()].clone());
    refused(&|at| [split(at).0, split((at + 1) % whole.len()).1].concat());
    refused(&|at| [split(at).0, b" ", split(at).1].concat());
    refused(&|at| split(at).1.to_vec());
    refused(&|_| b"{}\n{}".to_vec());
    // Whole, but by somebody else.
    fs::remove_dir_all(fleet.workshop.world.path("shared")).unwrap();
    fleet.build(&["--cache-key", "theirs.key"]);
    let theirs: Vec<_> = records.iter().map(|path| fs::read(path).unwrap()).collect();
    refused(&|at| theirs[at].clone());
}

#[test]
fn records_by_a_key_that_counts_no_longer_make_way() {
    let fleet = Fleet::new();
    fleet.build(&["--cache-key", "theirs.key"]);
    let said = fleet.build(OURS);
    assert!(said.stderr.contains("no key that is trusted signed it"), "{said}");
    let said = fleet.build(READER);
    assert!(!said.stderr.contains("warning"), "{said}");
}

#[test]
fn a_remote_store_that_is_out_of_reach_is_told_of_once_and_stops_nothing() {
    let fleet = Fleet::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}/cache");
    fs::remove_dir_all(fleet.workshop.world.path("store")).unwrap();
    let said = fleet.workshop.build(&["--remote-store", &url]).success();
    let told = format!("warning: the remote store `{url}` is left aside: ");
    assert_eq!(said.stderr.matches("warning: ").count(), 1, "{said}");
    assert!(said.stderr.contains(&told), "{said}");
    assert_eq!(fleet.workshop.out().blobs(), fleet.expected);
    for (url, why) in [("ftp://x/y", "is no URL of a remote store"), ("nonsense", "invalid value")] {
        let said = fleet.workshop.build(&["--remote-store", url]);
        assert!(said.status != Some(0) && said.stderr.contains(why), "{said}");
    }
    let said = fleet.workshop.build(&["--remote-store", &url, "--cache-key", "no.key"]);
    assert!(said.status == Some(1) && said.stderr.contains("could not read `no.key`"), "{said}");
}

#[test]
fn a_build_that_fails_for_want_of_a_remote_store_tells_of_it() {
    let fleet = Fleet::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fs::remove_dir_all(fleet.workshop.world.path("store")).unwrap();
    fleet.workshop.server.fail("/**", Fault::Status(404));
    let said = fleet.workshop.build(&["--remote-store", &format!("http://{nobody}/cache")]);
    assert_eq!(said.status, Some(1), "{said}");
    let told = format!("warning: the remote store `http://{nobody}/cache` is left aside: ");
    assert!(said.stderr.starts_with(&told), "{said}");
    assert!(said.stderr.contains("\nerror: "), "{said}");
}

#[test]
fn a_server_of_http_is_told_the_login_that_netrc_has_for_it() {
    let kept = Mutex::new(BTreeMap::new());
    let server = Server::of(move |request| {
        if request.header("authorization") != Some("Basic amFuZTpzM2NyZXQ=") {
            return Response::page(401, "who are you?");
        }
        match request.method.as_str() {
            "PUT" => {
                kept.lock().unwrap().insert(request.path.clone(), request.body.clone());
                Response::new(201)
            }
            _ => match kept.lock().unwrap().get(&request.path) {
                Some(body) => Response { body: body.clone(), ..Response::new(200) },
                None => Response::page(404, "not found"),
            },
        }
    });
    let (fleet, url) = (Fleet::new(), format!("{}/cache", server.url()));
    let said = fleet.build_with(&url, OURS);
    assert_eq!(said.stderr.matches("warning").count(), 1, "{said}");
    assert!(said.stderr.contains("is left aside: "), "{said}");
    let netrc = format!("machine {} login jane password s3cret\n", server.url());
    fleet.workshop.world.write("home/.netrc", &netrc);
    for arguments in [OURS, READER] {
        fleet.workshop.asked_for();
        let said = fleet.build_with(&url, arguments);
        assert!(!said.stderr.contains("warning"), "{said}");
    }
    assert_eq!(fleet.workshop.asked_for(), [""; 0], "all came from the server");
}
