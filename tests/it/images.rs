//! What images hold, and what they say of themselves.

mod java;

use serde_json::json;

use crate::archive::{Member, Package};
use crate::workshop::{Workshop, base_files, created};
use tar::EntryType;

/// The lines that one image has and the other has not.
fn added(more: &[String], less: &[String]) -> Vec<String> {
    more.iter().filter(|line| !less.contains(line)).cloned().collect()
}

#[test]
fn an_image_holds_its_packages_filtered_and_what_its_steps_generate() {
    let shop = Workshop::new();
    shop.lock().build(&["static"]).success();
    let tree = shop.out().image("static-debian13:latest-amd64").tree();
    let expected = [
        "/bin link usr/bin",
        "/etc dir 0755 0:0",
        "/etc/group file 0644 0:0 2b93ca255826",
        "/etc/os-release link ../usr/lib/os-release",
        "/etc/passwd file 0644 0:0 7b0e513feb5d",
        "/etc/ssl dir 0755 0:0",
        "/etc/ssl/certs dir 0755 0:0",
        "/etc/ssl/certs/ca-certificates.crt file 0644 0:0 dbea9325179e",
        "/home dir 0755 0:0",
        "/home/nonroot dir 0755 65532:65532",
        "/lib link usr/lib",
        "/lib64 link usr/lib64",
        "/root dir 0700 0:0",
        "/sbin link usr/sbin",
        "/tmp dir 1777 0:0",
        "/usr dir 0755 0:0",
        "/usr/lib dir 0755 0:0",
        "/usr/lib/os-release file 0644 0:0 5afdabd29754",
        "/usr/share dir 0755 0:0",
        "/usr/share/doc dir 0755 0:0",
        "/usr/share/doc/base-files dir 0755 0:0",
        "/usr/share/doc/base-files/copyright file 0644 0:0 2ac781082faf",
        "/usr/share/doc/ca-certificates dir 0755 0:0",
        "/usr/share/doc/ca-certificates/copyright file 0644 0:0 fbe381954cec",
        "/var dir 0755 0:0",
        "/var/lib dir 0755 0:0",
        "/var/lib/dpkg dir 0755 0:0",
        "/var/lib/dpkg/status.d dir 0755 0:0",
        "/var/lib/dpkg/status.d/base-files file 0644 0:0 c77db1ee6670",
        "/var/lib/dpkg/status.d/base-files.md5sums file 0644 0:0 e939e30a0c57",
        "/var/lib/dpkg/status.d/ca-certificates file 0644 0:0 f7f81cd302ee",
        "/var/lib/dpkg/status.d/ca-certificates.md5sums file 0644 0:0 531b53231912",
    ];
    assert_eq!(tree, expected);
}

#[test]
fn generated_files_say_what_the_catalog_and_the_packages_say() {
    let shop = Workshop::new();
    shop.lock().build(&["static:latest"]).success();
    let image = shop.out().image("static-debian13:latest-amd64");
    assert_eq!(
        image.file("/etc/passwd"),
        "root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n"
    );
    assert_eq!(image.file("/etc/group"), "root:x:0:\nnonroot:x:65532:\n");
    assert_eq!(image.file("/usr/lib/os-release"), "PRETTY_NAME=\"fake on trixie\"\nID=debian\n");
    assert_eq!(image.file("/etc/ssl/certs/ca-certificates.crt"), "first\nsecond\n");
}

#[test]
fn a_debug_image_adds_busybox_with_a_link_for_every_applet_and_no_other_shell() {
    let shop = Workshop::new();
    shop.lock().build(&["static"]).success();
    let out = shop.out();
    let [debug, latest] = ["debug", "latest"].map(|tag| out.image(&format!("static-debian13:{tag}-amd64")));
    let expected = [
        "/busybox dir 0755 0:0",
        "/busybox/[ link ../usr/bin/busybox",
        "/busybox/[[ link ../usr/bin/busybox",
        "/busybox/cat link ../usr/bin/busybox",
        "/busybox/sh link ../usr/bin/busybox",
        "/usr/bin dir 0755 0:0",
        "/usr/bin/busybox file 0755 0:0 af7d52a8ee9f",
        "/usr/share/doc/busybox-static dir 0755 0:0",
        "/usr/share/doc/busybox-static/copyright file 0644 0:0 950f9eae74f7",
        "/var/lib/dpkg/status.d/busybox-static file 0644 0:0 44638295d326",
        "/var/lib/dpkg/status.d/busybox-static.md5sums file 0644 0:0 930d1acb336e",
    ];
    assert_eq!(added(&debug.tree(), &latest.tree()), expected);
    assert_eq!(added(&latest.tree(), &debug.tree()), [""; 0]);
    let config = json!({
        "Entrypoint": ["/busybox/sh"], "Env": ["PATH=/usr/bin:/bin:/busybox"], "User": "0", "WorkingDir": "/",
    });
    assert_eq!(debug.config["config"], config);
    let config = json!({ "Env": ["PATH=/usr/bin:/bin"], "User": "0", "WorkingDir": "/" });
    assert_eq!(latest.config["config"], config);
}

#[test]
fn the_applets_of_busybox_may_be_the_commands_of_an_image() {
    let shop = Workshop::new();
    shop.append(
        "static.toml",
        "[image.busybox]\ndescription = \"A shell\"\nparent = \"static\"\npackages = [\"busybox-static\"]\n\
         generate = [\"busybox-bin\"]\ncommand = [\"sh\"]\n",
    );
    shop.lock().build(&["busybox"]).success();
    let [latest, debug] =
        ["latest", "debug"].map(|tag| shop.out().image(&format!("busybox-debian13:{tag}-amd64")));
    let commands =
        |tree: Vec<String>| tree.into_iter().filter(|line| line.starts_with("/usr/bin/")).collect::<Vec<_>>();
    let expected = [
        "/usr/bin/[ link busybox",
        "/usr/bin/[[ link busybox",
        "/usr/bin/busybox file 0755 0:0 af7d52a8ee9f",
        "/usr/bin/cat link busybox",
        "/usr/bin/sh link busybox",
    ];
    assert_eq!(commands(latest.tree()), expected);
    assert_eq!(commands(debug.tree()), expected);
    let config = json!({ "Cmd": ["sh"], "Env": ["PATH=/usr/bin:/bin"], "User": "0", "WorkingDir": "/" });
    assert_eq!(latest.config["config"], config);
}

#[test]
fn a_nonroot_image_has_the_layers_of_the_plain_one_and_another_user() {
    let shop = Workshop::new();
    shop.lock().build(&["static"]).success();
    let out = shop.out();
    let [nonroot, latest] =
        ["nonroot", "latest"].map(|tag| out.image(&format!("static-debian13:{tag}-amd64")));
    assert_eq!(nonroot.layer_digests(), latest.layer_digests());
    let config = json!({ "Env": ["PATH=/usr/bin:/bin"], "User": "65532", "WorkingDir": "/home/nonroot" });
    assert_eq!(nonroot.config["config"], config);
}

#[test]
fn scanners_find_every_package_and_its_checksums() {
    let shop = Workshop::new();
    shop.lock().build(&["base:latest"]).success();
    let image = shop.out().image("base-debian13:latest-amd64");
    let expected = "\
Package: libc6
Version: 2.41-1
Architecture: amd64
Maintainer: Fake Maintainers <fake@example.org>
Installed-Size: 1
Section: misc
Priority: optional
Description: package of a test
Source: glibc
Depends: libgcc-s1
";
    assert_eq!(image.file("/var/lib/dpkg/status.d/libc6"), expected);
    let md5sums = image.file("/var/lib/dpkg/status.d/libc6.md5sums");
    let files: Vec<_> = md5sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(
        files,
        ["usr/lib/libc.so.6", "usr/share/doc/libc6/changelog.gz", "usr/share/doc/libc6/copyright"]
    );
}

#[test]
fn documentation_is_dropped_and_copyright_files_stay_with_the_links_to_them() {
    let shop = Workshop::new();
    shop.lock().build(&["cc:latest"]).success();
    let image = shop.out().image("cc-debian13:latest-amd64");
    let expected = [
        "/usr/share/doc/base-files/copyright file 0644 0:0 2ac781082faf",
        "/usr/share/doc/ca-certificates/copyright file 0644 0:0 fbe381954cec",
        "/usr/share/doc/gcc-14-base/copyright file 0644 0:0 3af622e537cd",
        "/usr/share/doc/libc6/copyright file 0644 0:0 9359539fa9c0",
        "/usr/share/doc/libgcc-s1 link gcc-14-base",
    ];
    assert_eq!(image.files_below("/usr/share/"), expected);
}

#[test]
fn a_copyright_link_to_a_package_that_is_not_there_is_an_error() {
    let library = Package::new("libgcc-s1", "14.2-1").link("/usr/share/doc/libgcc-s1", "gcc-14-base");
    let shop = Workshop::of_one_image([library.without_copyright()]);
    shop.lock().build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not build one-debian13:latest for amd64
  the copyright file of `libgcc-s1` cannot be read: name the package that has it
  `/usr/share/doc/libgcc-s1/copyright` leads to `/usr/share/doc/gcc-14-base`, which does not exist
",
    );
}

#[test]
fn a_path_with_two_owners_is_an_error_that_names_both() {
    let one = |name: &str| Package::new(name, "1").file("/usr/bin/tool", name);
    let shop = Workshop::of_one_image([one("first"), one("second").link("/usr/bin/first-only", "tool")]);
    shop.lock().build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not build one-debian13:latest for amd64
  `/usr/bin/tool` is a file of `first` and a file of `second`; leave one of the two out of the image, or drop the path from one of them with a filter
",
    );
    assert!(!shop.world.path("out/index.json").exists());
}

#[test]
fn a_declared_file_does_not_cover_one_of_a_package() {
    let shop = Workshop::of_one_image([Package::new("app", "1").conffile("/etc/app.conf", "theirs")]);
    shop.append("one.toml", "[[image.one.file]]\npath = \"/etc/app.conf\"\ncontent = \"ours\"\n");
    shop.lock().build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not build one-debian13:latest for amd64
  `/etc/app.conf` is a file of `app` and a file of `step files`; leave one of the two out of the image, or drop the path from one of them with a filter
",
    );
}

#[test]
fn a_directory_that_two_packages_have_with_other_modes_is_an_error() {
    let directory = |name: &str, mode| {
        Package::new(name, "1").member(Member { mode, ..Member::new("/var/spool", EntryType::Directory) })
    };
    let shop = Workshop::of_one_image([directory("first", 0o755), directory("second", 0o1777)]);
    shop.lock().build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not build one-debian13:latest for amd64
  the directory `/var/spool` has mode 0755 and owner 0:0 in `first` and mode 1777 and owner 0:0 in `second`; they have to agree, or the order of layers would decide
",
    );
}

#[test]
fn a_package_takes_files_of_another_that_it_replaces() {
    let old = Package::new("a-old", "1").file("/usr/bin/tool", "old");
    let new = Package::new("b-new", "1").replaces("a-old (<< 2)").file("/usr/bin/tool", "new");
    let shop = Workshop::of_one_image([old, new]);
    shop.lock().build(&[]).success();
    assert_eq!(shop.out().image("one-debian13:latest-amd64").file("/usr/bin/tool"), "new");
}

#[test]
fn a_package_takes_no_files_of_a_version_that_it_does_not_replace() {
    let old = Package::new("a-old", "2").file("/usr/bin/tool", "old");
    let new = Package::new("b-new", "1").replaces("a-old (<< 2)").file("/usr/bin/tool", "new");
    let shop = Workshop::of_one_image([old, new]);
    let said = shop.lock().build(&[]);
    assert!(said.stderr.contains("`/usr/bin/tool` is a file of `a-old` and a file of `b-new`;"), "{said}");
}

#[test]
fn a_replaced_file_whose_layer_would_cover_the_new_one_is_an_error() {
    let new = Package::new("a-new", "1").replaces("b-old").file("/usr/bin/tool", "new");
    let old = Package::new("b-old", "1").file("/usr/bin/tool", "old");
    let shop = Workshop::of_one_image([new, old]);
    shop.lock().build(&[]).assert_is(
        "
status: 1
----- stdout -----
----- stderr -----
error: could not build one-debian13:latest for amd64
  `a-new` replaces `/usr/bin/tool` of `b-old`, whose layer lies above it; drop the path from `b-old` with a filter
",
    );
}

#[test]
fn files_of_a_release_before_the_usr_merge_are_moved_and_the_links_added() {
    let old = Package::new("old", "1")
        .file("/lib/old/module", "a module")
        .link("/lib/old/latest", "module")
        .executable("/bin/old", "run")
        .link("/bin/older", "/bin/old");
    let shop = Workshop::of_one_image([old]);
    shop.lock().build(&[]).success();
    let image = shop.out().image("one-debian13:latest-amd64");
    let expected = [
        "/bin link usr/bin",
        "/lib link usr/lib",
        "/usr/bin/old file 0755 0:0 acba25512100",
        "/usr/bin/older link /bin/old",
        "/usr/lib/old/latest link module",
        "/usr/lib/old/module file 0644 0:0 f6c0d945dc8a",
    ];
    let mut files = image.files_below("/");
    files.retain(|line| !line.starts_with("/usr/share/") && !line.starts_with("/var/"));
    assert_eq!(files, expected);
    assert_eq!(image.history(), ["old 1 (amd64)", "step usr-merge"]);
}

#[test]
fn a_package_that_ships_the_links_of_the_usr_merge_has_them_as_its_own() {
    let shop = Workshop::of_one_image([base_files(), Package::new("old", "1").file("/lib/old", "")]);
    shop.lock().build(&[]).success();
    let image = shop.out().image("one-debian13:latest-amd64");
    assert_eq!(image.history(), ["base-files 13.8 (amd64)", "old 1 (amd64)"]);
    assert_eq!(image.files_below("/lib"), ["/lib link usr/lib", "/lib64 link usr/lib64"]);
}

#[test]
fn hard_links_and_modes_and_owners_are_as_the_package_has_them() {
    let package = Package::new("kinds", "1")
        .file("/usr/bin/a", "shared")
        .hard_link("/usr/bin/b", "/usr/bin/a")
        .member(Member { mode: 0o2755, ..Member::file("/usr/bin/setgid", "x") })
        .member(Member { owner: (42, 43), ..Member::new("/var/mail", EntryType::Directory) });
    let shop = Workshop::of_one_image([package]);
    let privileged = "[[image.one.privileged]]\npath = \"/usr/bin/setgid\"\nreason = \"it is asked for\"\n";
    shop.append("one.toml", privileged);
    shop.lock().build(&[]).success();
    let tree = shop.out().image("one-debian13:latest-amd64").tree();
    for line in [
        "/usr/bin/a file 0644 0:0 a4d26868017c",
        "/usr/bin/b hard usr/bin/a",
        "/usr/bin/setgid file 2755 0:0 2d711642b726",
        "/var/mail dir 0755 42:43",
    ] {
        assert!(tree.iter().any(|found| found == line), "{line} is not in {tree:#?}");
    }
}

#[test]
fn declared_files_directories_and_links_are_in_the_last_layer_with_templates_filled_in() {
    let shop = Workshop::of_one_image([Package::new("app", "1.2-3")]);
    let more = r#"
command = ["--version", "{{ package('app').version }}"]
environment = { APP_VERSION = "{{ package('app').version }}" }

[[image.one.file]]
path = "/etc/app.conf"
content = "{{ release.codename }} {{ arch.debian }} {{ package('app').version }}\n"
mode = "0600"

[[image.one.directory]]
path = "/scratch"
mode = "1777"

[[image.one.link]]
path = "/etc/alias"
target = "app.conf"
"#;
    shop.append("one.toml", more);
    shop.lock().build(&[]).success();
    let image = shop.out().image("one-debian13:latest-amd64");
    assert_eq!(image.file("/etc/app.conf"), "trixie amd64 1.2-3\n");
    let tree = image.tree();
    for line in
        ["/etc/alias link app.conf", "/etc/app.conf file 0600 0:0 9b84d3037bff", "/scratch dir 1777 0:0"]
    {
        assert!(tree.iter().any(|found| found == line), "{line} is not in {tree:#?}");
    }
    assert_eq!(image.history(), ["app 1.2-3 (amd64)", "step files"]);
    let config = json!({
        "Cmd": ["--version", "1.2-3"], "Env": ["APP_VERSION=1.2-3"], "User": "0", "WorkingDir": "/",
    });
    assert_eq!(image.config["config"], config);
}

#[test]
fn layers_of_an_image_begin_with_those_of_its_parent_and_of_its_plain_sister() {
    let shop = Workshop::new();
    shop.lock().build(&[]).success();
    let out = shop.out();
    for (upper, lower) in [
        ("cc-debian13:latest", "base-debian13:latest"),
        ("base-debian13:latest", "static-debian13:latest"),
        ("cc-debian13:debug", "cc-debian13:latest"),
        ("cc-debian13:debug", "static-debian13:latest"),
    ] {
        let [upper, lower] = [upper, lower].map(|name| out.image(&format!("{name}-amd64")));
        assert!(upper.layer_digests().starts_with(&lower.layer_digests()));
    }
}

#[test]
fn the_history_names_the_package_or_the_step_of_every_layer() {
    let shop = Workshop::new();
    shop.lock().build(&["cc:debug"]).success();
    let image = shop.out().image("cc-debian13:debug-amd64");
    let expected = [
        "base-files 13.8 (amd64)",
        "ca-certificates 20250419 (all)",
        "step accounts",
        "step ca-certificates",
        "step os-release",
        "libc6 2.41-1 (amd64)",
        "gcc-14-base 14.2-1 (amd64)",
        "libgcc-s1 14.2-1 (amd64)",
        "busybox-static 1:1.37-1 (amd64)",
        "step busybox",
    ];
    assert_eq!(image.history(), expected);
    assert_eq!(image.config["created"], created());
    assert_eq!(image.config["history"][0]["created"], created());
}

#[test]
fn annotations_say_what_the_image_is_and_whose() {
    let shop = Workshop::new();
    shop.lock().build(&["cc:latest"]).success();
    let out = shop.out();
    let mut expected = json!({
        "org.opencontainers.image.authors": "Fake Platform Team <platform@example.org>",
        "org.opencontainers.image.description": "For C++",
        "org.opencontainers.image.source": "https://example.org/catalog.git",
        "org.opencontainers.image.title": "cc-debian13",
        "org.opencontainers.image.url": "https://example.org/images",
        "org.opencontainers.image.vendor": "Fake Platform Team",
        "org.opencontainers.image.version": "13",
    });
    assert_eq!(out.document("cc-debian13:latest")["annotations"], expected);
    expected["org.opencontainers.image.created"] = created().into();
    assert_eq!(out.image("cc-debian13:latest-amd64").manifest["annotations"], expected);
}
