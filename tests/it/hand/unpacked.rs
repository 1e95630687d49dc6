//! `distro unpack`, against umoci.

use std::fs;
use std::path::Path;
use std::process::Command;

use tar::EntryType;

use super::built;
use super::foreign::{self, Layer};
use crate::archive::{Member, Package};
use crate::desk::{assert_refused, assert_same};
use crate::live::{need, tool};
use crate::run::World;
use crate::workshop::Workshop;

/// All that is in a directory: kinds, modes, owners, times, links, sizes, digests, capabilities, attributes.
fn tree(root: &Path) -> String {
    need("libcap2-bin", "getcap");
    need("python3", "python3");
    let script = r#"
        cd "$1"
        find . -mindepth 1 -printf '%P %y %#m %U:%G %n %T@ %l\n' | sort
        find . -type f -print0 | sort -z | xargs -0 -r sha256sum
        getcap -r . | sort
        find . -type f -print0 | sort -z | python3 -c '
import os, sys
for path in sys.stdin.read().split("\0")[:-1]:
    for name in os.listxattr(path): print(path, name, os.getxattr(path, name))'
    "#;
    tool("bash", "bash", &["-euo", "pipefail", "-c", script, "tree", root.to_str().unwrap()])
}

/// As umoci unpacks it.
fn by_umoci(world: &World, layout: &str, name: &str) -> String {
    let bundle = world.path("bundle");
    let image = format!("{}:{name}", world.path(layout).display());
    tool("umoci", "umoci", &["unpack", "--image", &image, bundle.to_str().unwrap()]);
    tree(&bundle.join("rootfs"))
}

#[test]
fn an_image_is_unpacked_as_umoci_unpacks_it() {
    let login = Package::new("login", "1")
        .member(Member { mode: 0o4755, owner: (0, 7), ..Member::file("/usr/bin/su", "su") })
        .hard_link("/usr/bin/su-too", "/usr/bin/su")
        .member(Member { mode: 0o1777, owner: (3, 4), ..Member::new("/tmp", EntryType::Directory) })
        .member(Member { mode: 0o500, owner: (5, 6), ..Member::new("/home/x", EntryType::Directory) })
        .link("/bin", "usr/bin");
    let shop = Workshop::of_one_image([login, Package::new("ping", "1").executable("/usr/bin/ping", "elf")]);
    for (path, more) in [("su", ""), ("su-too", ""), ("ping", "capabilities = \"cap_net_raw=ep\"\n")] {
        let entry =
            format!("[[image.one.privileged]]\npath = \"/usr/bin/{path}\"\n{more}reason = \"asked for\"\n");
        shop.append("one.toml", &entry);
    }
    shop.lock().build(&[]).success();
    let said = shop.world.distro(&["unpack", "one", "root", "--arch", "amd64"]);
    said.assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Unpacked one-debian13:latest into root: 3 layers
"#,
    );
    let ours = tree(&shop.world.path("root"));
    assert_same(&ours, &by_umoci(&shop.world, "out", "one-debian13:latest-amd64"));
    assert!(ours.contains("usr/bin/ping cap_net_raw=ep"), "{ours}");
    assert!(ours.contains("usr/bin/su f 04755 0:7 2 "), "{ours}");
}

#[test]
fn layers_of_others_are_unpacked_as_umoci_unpacks_them() {
    let world = World::new();
    foreign::write(
        &world.path("theirs"),
        [
            Layer::new()
                .directory("a/", 0o750)
                .file("a/kept", "1")
                .file("a/gone", "2")
                .directory("b/", 0o755)
                .file("b/old", "3")
                .directory("b/deep/", 0o755)
                .file("b/deep/old", "3")
                .directory("usr/", 0o755)
                .directory("usr/lib/", 0o755)
                .link("lib", "/usr/lib")
                .file("replaced", "file")
                .directory("was-directory/", 0o755)
                .file("was-directory/x", "4"),
            Layer::new()
                .file("a/.wh.gone", "")
                .file("b/new", "5")
                .file("b/.wh..wh..opq", "")
                .file("lib/library", "through the link")
                .directory("replaced/", 0o700)
                .file("replaced/x", "6")
                .file("was-directory", "7")
                .hard_link("a/linked", "lib/library")
                .node(EntryType::Fifo, "fifo")
                .node(EntryType::Char, "null")
                .extended(&[("SCHILY.xattr.user.note", "x"), ("mtime", "1700000000.25"), ("uid", "3000000")])
                .file("noted", "8"),
        ],
    );
    let said = world.distro(&["unpack", "oci:theirs:app", "root", "--arch", "amd64"]);
    said.assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Unpacked app into root: 2 layers
"#,
    );
    assert_same(&tree(&world.path("root")), &by_umoci(&world, "theirs", "app"));
}

#[test]
fn no_link_of_an_image_leads_out_of_the_directory() {
    let world = World::new();
    fs::create_dir(world.path("outside")).unwrap();
    fs::write(world.path("outside/precious"), "precious").unwrap();
    let outside = world.path("outside").to_str().unwrap().to_owned();
    foreign::write(
        &world.path("theirs"),
        [
            Layer::new()
                .directory(outside.trim_start_matches('/'), 0o755)
                .directory("outside", 0o755)
                .link("absolute", &outside)
                .link("relative", "../outside")
                .link("file", &format!("{outside}/precious")),
            Layer::new()
                .file("absolute/precious", "overwritten")
                .file("relative/precious", "overwritten")
                .file("file", "overwritten")
                .file("absolute/.wh.precious", "")
                .file("relative/.wh..wh..opq", "")
                .directory("relative/", 0o777),
            Layer::new().file("packed-by-zstd", ""),
        ],
    );
    world.distro(&["unpack", "oci:theirs", "root", "--arch", "amd64"]).success();
    assert_eq!(fs::read_to_string(world.path("outside/precious")).unwrap(), "precious");
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 1);
    let below = world.path("root").join(outside.trim_start_matches('/'));
    assert_eq!(fs::read_to_string(below.join("precious")).unwrap(), "overwritten");

    let hostile = [
        ("name", Layer::new().file("a/../../escaped", "")),
        ("link", Layer::new().hard_link("mine", "../outside/precious")),
        ("hard", Layer::new().link("out", &outside).hard_link("mine", "out/precious")),
    ];
    for (name, layer) in hostile {
        foreign::write(&world.path(name), [layer]);
        let said = world.distro(&["unpack", &format!("oci:{name}"), "other", "--arch", "amd64"]);
        assert_eq!(said.status, Some(1), "{said}");
        assert!(!world.path("other").exists() && !world.path("escaped").exists(), "{said}");
        if name == "name" {
            assert_refused(
                &said,
                r#"
error: could not unpack `a/../../escaped`: its name leaves the image by `..`
"#,
            );
        }
    }
}

#[test]
fn a_directory_that_holds_something_is_not_unpacked_into_unasked() {
    let workshop = built();
    let world = &workshop.world;
    world.write("root/etc/mine", "mine");
    world.write("root/tmp", "a file where the image has a directory");
    let unpack = ["unpack", "cc", "root", "--arch", "amd64"];
    assert_refused(
        &world.distro(&unpack),
        r#"
error: `root` is not empty
hint: name another directory, or put the files over what is there by --force
"#,
    );
    world.distro(&[&unpack[..], &["--force"]].concat()).success();
    assert_eq!(world.read("root/etc/mine"), "mine");
    assert!(world.path("root/tmp").is_dir() && world.path("root/usr/lib/libc.so.6").is_file());
}

#[test]
fn what_is_damaged_leaves_the_directory_as_it_was() {
    let workshop = built();
    let world = &workshop.world;
    let manifest = workshop.out().document("cc-debian13:latest-amd64");
    let layers = manifest["layers"].as_array().unwrap();
    let digest = layers.last().unwrap()["digest"].as_str().unwrap();
    let blob = world.path("out/blobs/sha256").join(&digest["sha256:".len()..]);
    let whole = fs::read(&blob).unwrap();
    let other = workshop.out().blob(&layers[0]);
    fs::create_dir(world.path("root")).unwrap();
    for (damaged, stderr) in [
        (
            &whole[..whole.len() / 2],
            r#"
error: the layer `out/blobs/sha256/…` cannot be read
  incomplete deflate stream
hint: remove what is damaged, and `distro build cc-debian13:latest` makes it anew
"#,
        ),
        (
            &other,
            r#"
error: the layer `out/blobs/sha256/…` is damaged: its digest is …
hint: remove what is damaged, and `distro build cc-debian13:latest` makes it anew
"#,
        ),
    ] {
        fs::write(&blob, damaged).unwrap();
        let mut said = world.distro(&["unpack", "cc", "root", "--arch", "amd64"]);
        said.stderr = crate::desk::without_digests(&said.stderr);
        assert_refused(&said, stderr);
        assert_eq!(fs::read_dir(world.path("root")).unwrap().count(), 0);
    }
}

#[test]
fn others_than_root_unpack_files_of_their_own() {
    let workshop = built();
    let world = &workshop.world;
    for path in ["", "out", "tmp"] {
        std::os::unix::fs::chown(world.path(path), Some(65534), Some(65534)).unwrap();
    }
    let as_nobody = |arguments: &[&str]| {
        need("util-linux", "setpriv");
        let distro = world.command(arguments);
        let mut command = Command::new("setpriv");
        world.isolate(&mut command);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(distro.get_program()).args(distro.get_args());
        world.finish(&mut command)
    };
    let unpack = ["unpack", "cc", "root", "--arch", "amd64"];
    assert_refused(
        &as_nobody(&unpack),
        r#"
error: only root can give files their owners
hint: run as root, or in a user namespace (`podman unshare`); or have all files be yours by --no-owner
"#,
    );
    as_nobody(&[&unpack[..], &["--no-owner"]].concat()).success();
    let owners = tool("findutils", "find", &[world.path("root").to_str().unwrap(), "-printf", "%U:%G\n"]);
    assert!(owners.lines().all(|owner| owner == "65534:65534"), "{owners}");
    assert_eq!(world.read("root/usr/lib/libc.so.6"), "the library, 2.41-1");
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let world = World::new();
    let large = "x".repeat(1 << 20);
    foreign::write(
        &world.path("theirs"),
        [Layer::new().file("a", &large).file("b", &large).file("c", &large)],
    );
    let small = world.path("small");
    fs::create_dir(&small).unwrap();
    // The file system is that of a namespace of its own, which ends with the shell.
    let script = "mount -t tmpfs -o size=1500k tmpfs small && { \"$@\"; code=$?; ls -A small; exit $code; }";
    let distro = world.command(&["unpack", "oci:theirs", "small/root", "--arch", "amd64"]);
    let mut command = Command::new("unshare");
    world.isolate(&mut command);
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(distro.get_program()).args(distro.get_args());
    world.finish(&mut command).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: could not unpack `/b`: no space is left on its file system; free some there, or choose another place
"#,
    );
}
