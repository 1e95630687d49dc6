//! Packages that mean harm, or are none, and that the archive vouches for all the same.

use tar::EntryType;

use crate::archive::{Member, Package};
use crate::workshop::Workshop;

fn evil() -> Package {
    Package::new("evil", "1")
}

/// A build of the package is refused for the reason, and leaves nothing behind.
#[track_caller]
fn assert_refused(package: Package, reason: &str) {
    let shop = Workshop::of_one_image([package]);
    let reason: String = reason.lines().map(|line| format!("  {line}\n")).collect();
    shop.lock().build(&[]).assert_is(&format!(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not convert the package `pool/main/e/evil/evil_1_amd64.deb`
{reason}"
    ));
    shop.assert_nothing_is_half_written();
    assert!(!shop.world.path("store/records/layer-4").exists());
}

#[track_caller]
fn assert_files_refused(package: Package, reason: &str) {
    assert_refused(package, &format!("cannot read `data.tar.xz`\n{reason}"));
}

#[test]
fn a_path_that_leaves_its_directory_is_refused() {
    for path in ["./../escape", "./usr/../../escape"] {
        let reason = format!(
            "the member at byte 3584 has an unusable name\n\
             `{path}` is not a path of an image: it leaves its directory by `..`"
        );
        assert_files_refused(evil().raw(Member::file(path, "x")), &reason);
    }
}

#[test]
fn an_absolute_path_is_refused() {
    assert_files_refused(evil().raw(Member::file("/etc/evil", "x")), "`/etc/evil` has an absolute name");
}

#[test]
fn a_path_that_would_write_to_the_terminal_is_refused_and_shown_without_effect() {
    let reason = "the member at byte 3584 has an unusable name\n\
                  `./a\u{fffd}b\u{fffd}[31m` is not a path of an image: it has a control character";
    assert_files_refused(evil().raw(Member::file("./a\nb\u{1b}[31m", "x")), reason);
}

#[test]
fn devices_and_pipes_are_refused() {
    for (kind, reason) in [
        (EntryType::Char, "`/dev/evil` is a character device"),
        (EntryType::Block, "`/dev/evil` is a block device"),
        (EntryType::Fifo, "`/dev/evil` is a FIFO"),
    ] {
        assert_files_refused(evil().raw(Member::new("./dev/evil", kind)), reason);
    }
}

#[test]
fn a_size_that_is_not_that_of_the_content_is_refused() {
    let lying = |claimed| Member { claimed_size: Some(claimed), ..Member::file("./lying", vec![b'x'; 600]) };
    assert_files_refused(evil().raw(lying(3)), "the header at byte 4608 has a wrong checksum");
    assert_files_refused(evil().raw(lying(1 << 40)), "the archive ends in the middle, at byte 6144");
}

#[test]
fn an_entry_below_a_link_or_a_file_is_refused() {
    let below = Member::file("./usr/bin/evil/passwd", "x");
    let reason = "`/usr/bin/evil/passwd` lies below `/usr/bin/evil`, which is no directory";
    assert_files_refused(evil().link("/usr/bin/evil", "/etc").raw(below.clone()), reason);
    assert_files_refused(evil().file("/usr/bin/evil", "").raw(below), reason);
}

#[test]
fn a_path_that_comes_twice_is_refused() {
    let again = Member::link("./usr/bin/evil", EntryType::Symlink, "/etc/passwd");
    assert_files_refused(
        evil().file("/usr/bin/evil", "").raw(again),
        "`/usr/bin/evil` is in the archive twice",
    );
}

#[test]
fn a_hard_link_to_what_is_not_in_the_package_is_refused() {
    for target in ["../../etc/passwd", "/etc/passwd", "./etc/none"] {
        let reason =
            format!("`/etc/evil` is a hard link to `{target}`, which is no file that came before it");
        assert_files_refused(evil().raw(Member::link("./etc/evil", EntryType::Link, target)), &reason);
    }
}

#[test]
fn a_bomb_is_not_unpacked_beyond_what_the_package_says_of_itself() {
    let reason = "cannot unpack `data.tar.xz`\nit unpacks to more than the 67110912 bytes allowed";
    assert_refused(evil().bomb("/usr/share/zeros", 80 << 20), reason);
}

#[test]
fn a_file_that_is_no_package_is_refused() {
    let reason = "the file is no Debian package\nit does not begin as an `ar` archive";
    assert_refused(evil().mangle(Vec::clear), reason);
    assert_refused(evil().mangle(|deb| deb[0] = b'?'), reason);
}

#[test]
fn a_package_that_is_cut_short_or_damaged_is_refused() {
    let reason = "the file is no Debian package\n\
                  the member `data.tar.xz` is said to have 328 bytes, only 320 follow";
    assert_refused(evil().mangle(|deb| deb.truncate(deb.len() - 8)), reason);
    let reason = "cannot unpack `data.tar.xz`\n\
                  it cannot be unpacked: the xz data is damaged, cut short or needs too much memory\n\
                  lzma data error";
    let flip = |deb: &mut Vec<u8>| {
        let at = deb.len() - 100;
        deb[at] ^= 0xff;
    };
    assert_refused(evil().mangle(flip), reason);
}

#[test]
fn a_format_or_compression_that_is_not_known_is_refused() {
    let reason = "its format is \"9.0\", and only version 2 is known";
    assert_refused(evil().mangle(|deb| put(deb, "2.0\n", "9.0\n")), reason);
    let reason = "the compression of `data.tar.br` is not known: only gz, xz and zst are";
    assert_refused(evil().mangle(|deb| put(deb, "data.tar.xz", "data.tar.br")), reason);
    let reason = "it has a member `c0ntrol.tar.xz` where control.tar is due";
    assert_refused(evil().mangle(|deb| put(deb, "control.tar", "c0ntrol.tar")), reason);
}

#[test]
fn files_that_would_be_one_after_the_usr_merge_are_refused() {
    let reason = "its files cannot be moved below /usr\n\
                  both `/lib/x` and `/usr/lib/x` are in the package, and are the same path where /usr is merged";
    assert_refused(evil().file("/lib/x", "1").file("/usr/lib/x", "2"), reason);
    let reason = "its files cannot be moved below /usr\n\
                  `/lib` has to be a link into /usr, and is neither that nor a directory";
    assert_refused(evil().link("/lib", "var/lib"), reason);
}

#[test]
fn a_hostile_package_does_not_spoil_what_was_built_before() {
    let mut shop = Workshop::of_one_image([evil()]);
    shop.lock().build(&[]).success();
    let before = shop.world.read("out/index.json");
    let worse = Package::new("evil", "2").raw(Member::file("./../escape", "x"));
    worse.publish(&mut shop.archive);
    let said = shop.lock().build(&[]);
    assert_eq!(said.status, Some(1), "{said}");
    assert_eq!(shop.world.read("out/index.json"), before);
    shop.assert_nothing_is_half_written();
}

/// Puts another text of the same length in the place of one.
fn put(deb: &mut [u8], from: &str, to: &str) {
    let at = deb.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    deb[at..at + to.len()].copy_from_slice(to.as_bytes());
}
