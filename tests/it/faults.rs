//! Builds while servers, disks and other programs do their worst.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::archive::Package;
use crate::run::Said;
use crate::server::Fault;
use crate::workshop::{Workshop, libc6};

const LIBC: &str = "pool/main/libc/libc6/libc6_2.41-1_amd64.deb";
const LIBC_DEB: &str = "libc6_2.41-1_amd64.deb";

/// Twelve hours after the date of the suite.
const SNAPSHOT: &str = "snapshot/debian/20250616T030640Z";

/// A shop with a lock, and static built: only libc6 is missing for base.
fn shop() -> Workshop {
    let shop = Workshop::new();
    shop.lock().build(&["static:latest"]).success();
    shop.server.take_requests();
    shop
}

fn build(shop: &Workshop) -> Said {
    shop.build(&["base:latest", "--retries", "0", "--timeout", "1"])
}

/// Copies the package to another place of the server.
fn copy_libc(shop: &Workshop, to: &str) {
    let to = shop.archive.dir().join(to).join(LIBC);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(shop.archive.dir().join("debian").join(LIBC), to).unwrap();
}

#[test]
fn packages_that_are_gone_are_named_with_where_they_were_looked_for_and_what_to_do() {
    let mut shop = Workshop::new();
    shop.lock();
    shop.archive.withdraw("trixie", "libc6");
    build(&shop).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: a locked package is not to be had:
  libc6 2.41-1 (amd64)
asked [URL]/debian/ (host apt sources): not found
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service): not found
hint: the archive has moved on: `distro build --renew` locks what it has today, and builds that; to build this lock, name a mirror that keeps old packages in catalog.toml
",
    );
    shop.archive.withdraw("trixie", "gcc-14-base");
    shop.archive.withdraw("trixie", "libgcc-s1");
    shop.build(&["cc:latest"]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: 3 locked packages are not to be had:
  gcc-14-base 14.2-1 (amd64)
  libc6 2.41-1 (amd64)
  libgcc-s1 14.2-1 (amd64)
asked [URL]/debian/ (host apt sources): not found
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service): not found
hint: the archive has moved on: `distro build --renew` locks what it has today, and builds that; to build this lock, name a mirror that keeps old packages in catalog.toml
",
    );
    shop.assert_nothing_is_half_written();
}

#[test]
fn answers_that_differ_are_told_for_each_package() {
    let shop = Workshop::new();
    shop.lock();
    shop.server.fail("/**/libc6*.deb", Fault::Status(403));
    shop.server.fail("/**/libgcc-s1*.deb", Fault::Status(404));
    let said = shop.build(&["cc:latest", "--retries", "0"]);
    let expected = "\
error: 2 locked packages are not to be had:
  libc6 2.41-1 (amd64)
  libgcc-s1 14.2-1 (amd64)
asked [URL]/debian/ (host apt sources) for libc6 2.41-1 (amd64): the server answered 403 Forbidden: does it take credentials, and are they right?
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service) for libc6 2.41-1 (amd64): the server answered 403 Forbidden: does it take credentials, and are they right?
asked [URL]/debian/ (host apt sources) for libgcc-s1 14.2-1 (amd64): not found
asked [URL]/snapshot/debian/20250616T030640Z/ (snapshot service) for libgcc-s1 14.2-1 (amd64): not found
hint: try again later, or name a mirror of your own in catalog.toml; where the archive has moved on, `distro build --renew` locks what it has today, and builds that
";
    assert_eq!((said.status, said.stderr.as_str()), (Some(1), expected));
}

#[test]
fn every_way_in_which_a_server_fails_is_told_and_the_next_run_succeeds() {
    let shop = shop();
    for (fault, reason) in [
        (
            Fault::Status(403),
            "the server answered 403 Forbidden: does it take credentials, and are they right?",
        ),
        (Fault::Status(503), "the server answered 503 Service Unavailable"),
        (Fault::HtmlPage, "an HTML page came in place of the file: did a captive portal or proxy answer?"),
        (Fault::Cut(100), "it broke off after 100 of 1104 bytes"),
        (Fault::WrongBytes, "another file came: its SHA-256 is "),
        (Fault::Hang, "nothing came for 1 s"),
        (
            Fault::Redirect("http://127.0.0.1:1/".into()),
            "there is no connection: Connection refused (os error 111)",
        ),
    ] {
        shop.server.fail("/debian/**/libc6*.deb", fault);
        let said = build(&shop);
        assert_eq!(said.status, Some(1), "{said}");
        let line = format!("\nasked [URL]/debian/ (host apt sources): {reason}");
        assert!(said.stderr.contains(&line), "{line} is not in\n{said}");
        shop.assert_nothing_is_half_written();
    }
    shop.server.heal();
    build(&shop).success();
}

#[test]
fn another_file_than_the_locked_one_is_not_taken_even_where_it_has_its_size() {
    let mut shop = shop();
    shop.archive.tamper(&format!("debian/{LIBC}"), |deb| deb[200] ^= 1);
    let said = build(&shop);
    assert!(said.stderr.contains("another file came: its SHA-256 is "), "{said}");
    shop.archive.tamper(&format!("debian/{LIBC}"), |deb| deb.push(0));
    let said = build(&shop);
    assert!(said.stderr.contains("it has more than the 1104 bytes expected at most"), "{said}");
    shop.assert_nothing_is_half_written();
}

#[test]
fn a_download_that_breaks_off_is_taken_up_where_it_ended() {
    let shop = shop();
    shop.server.fail_times("/debian/**/libc6*.deb", Fault::Cut(400), 1);
    shop.build(&["base:latest", "--retries", "1"]).success();
    let requests = shop.server.take_requests();
    let ranges: Vec<_> = requests.iter().map(|request| request.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=400-")]);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    for busy in [Fault::Status(503), Fault::TooManyRequests { retry_after: 0 }] {
        let shop = shop();
        shop.server.fail_times("/debian/**/libc6*.deb", busy, 1);
        shop.build(&["base:latest", "--retries", "1"]).success();
        assert_eq!(shop.asked_for(), [LIBC_DEB; 2]);
    }
}

#[test]
fn places_are_asked_in_order_the_snapshot_service_twelve_hours_after_the_suite_was_made() {
    let mut shop = shop();
    let mirrors = format!("[archive.debian]\nmirrors = [\"{0}/one\", \"{0}/two\"]", shop.server.url());
    shop.edit("catalog.toml", "[archive.debian]", &mirrors);
    copy_libc(&shop, SNAPSHOT);
    shop.archive.withdraw("trixie", "libc6");
    build(&shop).success();
    let places = ["one", "two", "debian", SNAPSHOT];
    assert_eq!(shop.server.take_paths(), places.map(|place| format!("GET /{place}/{LIBC}")));
}

#[test]
fn a_mirror_takes_over_where_another_hangs_or_lies() {
    let shop = shop();
    let mirrors = format!("[archive.debian]\nmirrors = [\"{}/one\"]", shop.server.url());
    shop.edit("catalog.toml", "[archive.debian]", &mirrors);
    copy_libc(&shop, "one");
    for fault in [Fault::Hang, Fault::WrongBytes, Fault::HtmlPage, Fault::Status(500), Fault::Cut(10)] {
        shop.server.fail("/one/**/libc6*.deb", fault);
        fs::remove_dir_all(shop.world.path("store")).unwrap();
        build(&shop).success();
        let asked = shop.asked_for();
        assert_eq!(asked.iter().filter(|deb| *deb == LIBC_DEB).count(), 2, "{asked:?}");
    }
}

#[test]
fn a_mirror_may_be_a_directory_and_serves_offline_too() {
    let shop = shop();
    let mirrors =
        format!("[archive.debian]\nmirrors = [\"file://{}\"]", shop.archive.dir().join("debian").display());
    shop.edit("catalog.toml", "[archive.debian]", &mirrors);
    shop.build(&["base:latest", "--offline"]).success();
    assert_eq!(shop.asked_for(), [""; 0]);
}

#[test]
fn a_renewal_builds_what_the_archive_has_today() {
    let mut shop = shop();
    shop.archive.withdraw("trixie", "libc6");
    libc6("2.41-2").publish(&mut shop.archive);
    let said = shop.build(&["base:latest", "--renew"]).success();
    let expected = "     Locked debian13: 6 packages for 9 images in lock/debian13.lock\n";
    assert!(said.stderr.starts_with(expected), "{said}");
    let history = shop.out().image("base-debian13:latest-amd64").history().join("\n");
    assert!(history.contains("libc6 2.41-2 (amd64)"), "{history}");
}

/// Runs a build where a directory is mounted as mount(8) is told, which nobody else sees; then lists
/// the files there, but for the marker of a layout.
fn build_mounted(shop: &Workshop, mount: &str, directory: &str) -> Said {
    let build = shop.world.command(&["build", "--arch", "amd64"]);
    let script = format!(
        "mount {mount} || {{ echo 'cannot mount: run the tests as root, or where user namespaces are allowed' >&2; exit 99; }}
         \"$@\"; status=$?; find {directory} -name '.distro-*'; exit $status"
    );
    let mut command = Command::new("unshare");
    shop.world.isolate(&mut command);
    command.args(["--mount", "--map-root-user", "sh", "-c", &script, "sh"]);
    command.arg(build.get_program()).args(build.get_args());
    shop.world.finish(&mut command)
}

/// A package that takes a megabyte, however it is compressed.
fn big() -> Package {
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    Package::new("big", "1").file("/usr/lib/big", noise.take(1 << 20).collect::<Vec<_>>())
}

#[test]
fn a_store_without_space_is_an_error_that_says_so() {
    let shop = Workshop::of_one_image([big()]);
    shop.lock();
    // Too little for the package; enough for it, and too little for its layer.
    for size in ["512k", "1500k"] {
        build_mounted(&shop, &format!("-t tmpfs -o size={size} none store"), "store").assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not add a blob to the store `[DIR]/store`: no space is left on its file system; free some there, or choose another place
",
    );
    }
    shop.build(&[]).success();
}

#[test]
fn a_layout_without_space_is_an_error_that_says_so() {
    let shop = Workshop::of_one_image([big()]);
    shop.lock();
    let said = build_mounted(&shop, "-t tmpfs -o size=512k none out", "out");
    // Several are written at a time, and any of them may be the first to find no space.
    let (before, rest) = said.stderr.split_once("out/blobs/sha256/").unwrap_or_else(|| panic!("{said}"));
    let (digest, after) = rest.split_at_checked(64).unwrap_or_else(|| panic!("{said}"));
    assert!(digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
    assert_eq!(
        (said.status, &*said.stdout, before, after),
        (
            Some(1),
            "",
            "error: could not write `",
            "`: no space is left on its file system; free some there, or choose another place\n"
        )
    );
    shop.build(&[]).success();
}

const READ_ONLY: &str = "--bind store store && mount -o remount,bind,ro store";

#[test]
fn a_read_only_store_is_enough_where_it_is_full() {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    let first = shop.lock().build(&[]).success();
    fs::remove_dir_all(shop.world.path("out")).unwrap();
    let again = build_mounted(&shop, READ_ONLY, "store").success();
    assert_eq!(again.stdout, first.stdout);
}

#[test]
fn a_read_only_store_that_is_damaged_is_an_error_that_says_so() {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    shop.lock().build(&[]).success();
    let layout = shop.out();
    let image = layout.image("one-debian13:latest-amd64");
    let digest = image.layer_digests()[0].trim_start_matches("sha256:");
    fs::remove_dir_all(shop.world.path("out")).unwrap();
    fs::write(shop.world.path(format!("store/blobs/sha256/{}/{digest}", &digest[..2])), "").unwrap();
    build_mounted(&shop, READ_ONLY, "store").assert_is(&format!(
        "
status: 1
----- stdout -----
----- stderr -----
warning: `[DIR]/store/blobs/sha256/{}/{digest}` is damaged, and cannot be replaced: the store is read-only
error: the layer {digest} is damaged in the store or gone from it, and could not be made anew there: remove the store, or name another with `--store`
",
        &digest[..2]
    ));
}

#[test]
fn a_read_only_store_that_lacks_a_package_is_an_error_that_says_so() {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    shop.lock();
    build_mounted(&shop, READ_ONLY, "store").assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: the store `[DIR]/store` is read-only, so nothing can be added: fill it by a run that may write to it, or name another with `--store`
",
    );
}

/// The files of the store, below one of its directories.
fn stored(shop: &Workshop, kind: &str) -> Vec<PathBuf> {
    let directories = fs::read_dir(shop.world.path("store").join(kind)).unwrap();
    let files = directories.flat_map(|directory| fs::read_dir(directory.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn damaged_files_of_the_store_are_noticed_and_made_anew() {
    let flip: fn(&mut Vec<u8>) = |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    for (kind, damage) in [
        ("blobs/sha256", flip),
        ("blobs/sha256", Vec::clear),
        ("records/layer-4", flip),
        ("records/layer-4", |bytes| bytes.truncate(90)),
    ] {
        let shop = Workshop::of_one_image([Package::new("app", "1")]);
        let first = shop.lock().build(&[]).success();
        fs::remove_dir_all(shop.world.path("out")).unwrap();
        for path in stored(&shop, kind) {
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
        let again = shop.build(&[]).success();
        assert!(again.stderr.contains("` was damaged, and is made anew\n"), "{again}");
        assert_eq!(again.stdout, first.stdout);
        shop.out();
        shop.assert_nothing_is_half_written();
    }
}

/// A build that waits for libc6, all else done: a process, to be ended by the test.
fn hanging_build(shop: &Workshop) -> Child {
    shop.server.fail("/debian/**/libc6*.deb", Fault::Hang);
    let mut command = shop.world.command(&["build", "--arch", "amd64", "base"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let records =
        || shop.world.path("store/records/layer-4").exists().then(|| stored(shop, "records/layer-4").len());
    while records() != Some(3) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:?} of 3 other packages are converted",
            records()
        );
        thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_build_that_is_ended_in_the_middle_is_completed_by_the_next() {
    for signal in ["INT", "TERM", "KILL"] {
        let shop = Workshop::new();
        let mut child = hanging_build(shop.lock());
        let kill =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(kill.success() && !child.wait().unwrap().success());
        assert!(!shop.world.path("out/index.json").exists());
        shop.server.heal();
        shop.server.take_requests();
        let said = shop.build(&["base"]).success();
        assert_eq!(said.stderr, "      Built 3 images in out; 1 package converted\n");
        assert_eq!(shop.asked_for(), [LIBC_DEB]);
        shop.out();
    }
}

#[test]
fn two_builds_at_once_share_a_store_and_a_layout_and_do_nothing_twice() {
    let shop = Workshop::new();
    shop.lock();
    let build = || {
        let mut command = shop.world.command(&["build", "--arch", "amd64"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [build(), build()].map(|child| child.wait_with_output().unwrap());
    for one in &both {
        assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
        assert_eq!(one.stdout, both[0].stdout);
    }
    assert_eq!(shop.asked_for().len(), 6);
    assert_eq!(shop.out().names().len(), 18);
    shop.assert_nothing_is_half_written();
}

#[test]
fn builds_of_different_images_at_once_keep_what_the_other_built() {
    let shop = Workshop::new();
    shop.lock();
    let build = |image| {
        let mut command = shop.world.command(&["build", "--arch", "amd64", image]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for mut child in ["static:latest", "base:latest", "cc:latest"].map(build) {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(shop.out().names().len(), 6);
    assert_eq!(shop.asked_for().len(), 5);
}

#[test]
fn a_layout_with_an_index_that_cannot_be_read_is_left_as_it_is() {
    let shop = shop();
    shop.world.write("out/index.json", "{");
    build(&shop).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: `out/index.json` is not the index of an OCI image layout: EOF while parsing an object at line 1 column 1; name another directory, or remove this one
",
    );
    assert_eq!(shop.world.read("out/index.json"), "{");
}
