//! `ld.so.cache` against the real ldconfig, on a package that has libraries in every odd shape.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::archive::Package;
use crate::live::need;
use crate::workshop::Workshop;

/// A library, without a name of its own where that is empty.
fn library(soname: &str) -> Vec<u8> {
    need("gcc", "cc");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library");
    let soname: &[String] = &if soname.is_empty() { vec![] } else { vec![format!("-Wl,-soname,{soname}")] };
    let options = ["-shared", "-nostdlib", "-x", "c", "/dev/null", "-o"];
    let status = Command::new("cc").args(options).arg(&path).args(soname).status().unwrap();
    assert!(status.success());
    fs::read(path).unwrap()
}

/// What `ldconfig -p` says of a cache, but for the first line, which counts, and the last, which says who made it.
fn printed(cache: &Path) -> Vec<String> {
    let output = Command::new("/sbin/ldconfig").arg("-C").arg(cache).arg("-p").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.starts_with('\t')).map(str::to_owned).collect()
}

fn links(directory: &Path) -> Vec<String> {
    let mut links: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some(format!("{} -> {}", path.display(), fs::read_link(&path).ok()?.display())))
        .collect();
    links.sort();
    links
}

/// Runs the real ldconfig on an unpacked image that has a cache of ours, and compares.
#[track_caller]
pub fn assert_ldconfig_agrees(root: &Path) {
    let (cache, directory) = (root.join("etc/ld.so.cache"), root.join("usr/lib/x86_64-linux-gnu"));
    let ours = (printed(&cache), links(&directory));
    assert!(!ours.0.is_empty());
    fs::remove_file(&cache).unwrap();
    let output = Command::new("/sbin/ldconfig").arg("-r").arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(ours, (printed(&cache), links(&directory)));
}

#[test]
fn the_cache_has_what_ldconfig_finds() {
    let at = |name: &str| format!("/usr/lib/x86_64-linux-gnu/{name}");
    let package = Package::new("libs", "1")
        .file(&at("libbare.so.1.2"), library("libbare.so.1"))
        .link(&at("libbare.so"), "libbare.so.1.2")
        .file(&at("libtwo.so.1.9"), library("libtwo.so.1"))
        .file(&at("libtwo.so.1.10"), library("libtwo.so.1"))
        .link(&at("libtwo.so.1"), "libtwo.so.1.10")
        .link(&at("libtwo.so"), "libtwo.so.1")
        .file(&at("libpair.so.1.9"), library("libpair.so.1"))
        .file(&at("libpair.so.1.10"), library("libpair.so.1"))
        .file(&at("liblone.so"), library(""))
        .file(&at("libimp.so.9.99"), library("libuser.so.1"))
        .link(&at("libother.so.3"), "libimp.so.9.99")
        .file(&at("libtext.so"), "GROUP ( /lib/libc.so.6 )\n")
        .file(&at("plugin.so"), library("plugin.so"))
        .file(&at("below/libbelow.so.1"), library("libbelow.so.1"))
        .link(&at("libgone.so.1"), "libgone.so.1.0")
        .link(&at("libabsolute.so.2"), "/usr/lib/libabsolute.so.2.0")
        .file("/usr/lib/libabsolute.so.2.0", library("libabsolute.so.2"))
        .file("/usr/lib/libbare.so.1", library("libbare.so.1"))
        .file("/usr/lib/ld-fake.so.2", library("ld-fake.so.2"));
    let shop = Workshop::of_one_image([package]);
    shop.append("one.toml", "generate = [\"ld-so-cache\"]");
    shop.lock().build(&[]).success();
    let root = tempfile::tempdir().unwrap();
    shop.out().image("one-debian13:latest-amd64").unpack(root.path());
    fs::remove_file(root.path().join("usr/lib/x86_64-linux-gnu/libgone.so.1")).unwrap();
    assert_ldconfig_agrees(root.path());
}
