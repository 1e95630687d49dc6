//! A catalog that extends another.

use std::fs;

use crate::archive::{Package, Signer};
use crate::desk::{assert_refused, assert_same, without_digests};
use crate::layout::Layout;
use crate::run::{Said, World};
use crate::workshop::Workshop;

const OWN: &str = "extends = \"../images\"\n";

const APP: &str = r#"
[image.app]
description = "An application"
parent = "base"
packages = ["libgcc-s1"]
"#;

/// The catalog of a workshop, and one in `own` that extends it.
struct Team {
    shop: Workshop,
}

impl Team {
    fn new() -> Self {
        Self::with(OWN, APP)
    }

    fn with(catalog: &str, app: &str) -> Self {
        let shop = Workshop::new();
        shop.world.write("own/catalog.toml", catalog);
        shop.world.write("own/app.toml", app);
        Self { shop }
    }

    /// Runs `distro` on the own catalog.
    fn distro(&self, arguments: &[&str]) -> Said {
        let own = ["--catalog", "own", "--lock-dir", "own-lock"];
        self.shop.world.distro(&[&own[..], arguments].concat())
    }

    fn list(&self) -> Said {
        self.distro(&["list"])
    }
}

/// What is said of a catalog of this text, which has a family `app`.
fn own(catalog: &str) -> Said {
    Team::with(catalog, APP).list()
}

#[test]
fn only_its_own_images_are_there_and_inherit_all_else() {
    Team::new().list().assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                 PARENT  ARCHITECTURES  DESCRIPTION
app-debian13:debug    base    amd64 arm64    An application
app-debian13:latest   base    amd64 arm64    An application
app-debian13:nonroot  base    amd64 arm64    An application
----- stderr -----
"#,
    );
}

#[test]
fn inherited_images_are_taken_by_name_or_pattern() {
    Team::with("extends = \"../images\"\nimages = [\"cc\", \"b*\"]\n", APP).list().assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                  PARENT  ARCHITECTURES  DESCRIPTION
app-debian13:debug     base    amd64 arm64    An application
app-debian13:latest    base    amd64 arm64    An application
app-debian13:nonroot   base    amd64 arm64    An application
base-debian13:debug    static  amd64 arm64    For programs linked against glibc
base-debian13:latest   static  amd64 arm64    For programs linked against glibc
base-debian13:nonroot  static  amd64 arm64    For programs linked against glibc
cc-debian13:debug      base    amd64 arm64    For C++
cc-debian13:latest     base    amd64 arm64    For C++
cc-debian13:nonroot    base    amd64 arm64    For C++
----- stderr -----
"#,
    );
}

#[test]
fn the_example_in_the_documentation_is_read() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/own-catalog/images");
    World::new().distro(&["--catalog", example, "list"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                            PARENT  ARCHITECTURES  DESCRIPTION
acme-app-debian13:debug          cc      amd64 arm64    For Acme's services in C, C++ and Rust
acme-app-debian13:debug-nonroot  cc      amd64 arm64    For Acme's services in C, C++ and Rust
acme-app-debian13:latest         cc      amd64 arm64    For Acme's services in C, C++ and Rust
acme-app-debian13:nonroot        cc      amd64 arm64    For Acme's services in C, C++ and Rust
----- stderr -----
"#,
    );
}

#[test]
fn the_lock_holds_its_own_images_and_what_they_add_to() {
    let team = Team::new();
    team.distro(&["lock"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian13: 6 packages for 3 images in own-lock/debian13.lock
"#,
    );
    let lock = team.shop.world.read("own-lock/debian13.lock");
    let images = lock.find("[[image]]").unwrap();
    assert_same(
        &without_digests(&lock[images..]),
        r#"
[[image]]
name = "app"
tags = ["debug"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "ca-certificates",
  "libc6",
  "libgcc-s1",
  "busybox-static",
]
left-out.openssl = ["ca-certificates"]
packages = [
  "base-files",
  "busybox-static",
  "ca-certificates",
  "gcc-14-base",
  "libc6",
  "libgcc-s1",
]

[[image]]
name = "app"
tags = ["latest", "nonroot"]
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "ca-certificates",
  "libc6",
  "libgcc-s1",
]
left-out.openssl = ["ca-certificates"]
packages = [
  "base-files",
  "ca-certificates",
  "gcc-14-base",
  "libc6",
  "libgcc-s1",
]

[[image]]
name = "base"
tags = []
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "ca-certificates",
  "libc6",
]
left-out.libgcc-s1 = ["libc6"]
left-out.openssl = ["ca-certificates"]
packages = [
  "base-files",
  "ca-certificates",
  "libc6",
]

[[image]]
name = "static"
tags = []
architectures = ["amd64", "arm64"]
requests = [
  "base-files",
  "ca-certificates",
]
left-out.openssl = ["ca-certificates"]
packages = [
  "base-files",
  "ca-certificates",
]
"#,
    );
    team.distro(&["lock", "--check"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged debian13: 6 packages for 3 images in own-lock/debian13.lock
"#,
    );
    team.distro(&["why-not", "app", "busybox-static", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
app-debian13:latest (amd64) does not hold busybox-static
nothing in it wants it; it is held by
  app-debian13:debug (amd64 arm64)
----- stderr -----
"#,
    );
}

#[test]
fn an_image_has_the_layers_of_its_parent_as_the_other_catalog_builds_it() {
    let more = "\n[image.more]\ndescription = \"More\"\nparent = \"cc\"\npackages = [\"acme\"]\n";
    let same = "[image.same]\ndescription = \"The same\"\nparent = \"cc\"\n";
    let mut team = Team::with(OWN, &format!("{same}{more}"));
    // Its name and its dependency come before those of the parent's packages.
    Package::new("acme", "1.0").archs(&["amd64", "arm64"]).depends("aaa").publish(&mut team.shop.archive);
    Package::new("aaa", "1.0").archs(&["amd64", "arm64"]).publish(&mut team.shop.archive);
    team.shop.lock().build(&["cc"]).success();
    let others = team.shop.out();
    team.distro(&["lock"]).success();
    team.distro(&["build", "--arch", "amd64", "--out", "own-out"]).success();
    let own = Layout::read(&team.shop.world.path("own-out"));
    for tag in ["latest", "nonroot", "debug"] {
        let layers = |layout: &Layout, family: &str| {
            let image = layout.image(&format!("{family}-debian13:{tag}-amd64"));
            image.layer_digests().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let (cc, same, more) = (layers(&others, "cc"), layers(&own, "same"), layers(&own, "more"));
        assert_eq!(cc, same, "{tag}");
        // What the tag adds lies above what the families do.
        let of_tag = usize::from(tag == "debug") * 2;
        let shared = cc.len() - of_tag;
        assert_eq!((&more[..shared], more.len()), (&cc[..shared], cc.len() + 2), "{tag}");
    }
}

#[test]
fn what_a_chain_of_catalogs_says_is_put_together() {
    let team = Team::new();
    let world = &team.shop.world;
    world.write(
        "own/catalog.toml",
        r#"
extends = "../images"

[organization]
name = "Team"
email = "team@example.org"
url = "https://example.org/team"
source = "https://example.org/team.git"
sbom-namespace = "https://example.org/team/spdx"

[release.debian13]
architectures = ["amd64"]

[[user]]
name = "app"
uid = 1000
gid = 1000
home = "/home/app"

[[group]]
name = "app"
gid = 1000

[branding]
VARIANT = "team"

[[filter]]
reason = "nobody reads it"
drop = ["/usr/lib/libgcc_s.so.1"]
"#,
    );
    world.write(
        "last/catalog.toml",
        r#"
extends = "../own"
images = ["app"]

[tag.latest]
user = "app"

[branding]
PRETTY_NAME = "last"
"#,
    );
    let last = |arguments: &[&str]| world.distro(&[&["--catalog", "last"], arguments].concat());
    last(&["list"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                 PARENT  ARCHITECTURES  DESCRIPTION
app-debian13:debug    base    amd64          An application
app-debian13:latest   base    amd64          An application
app-debian13:nonroot  base    amd64          An application
----- stderr -----
"#,
    );
    last(&["lock"]).success();
    last(&["build", "app:latest", "--arch", "amd64"]).success();
    let image = team.shop.out().image("app-debian13:latest-amd64");
    assert_eq!(image.config["config"]["User"], "1000");
    assert_eq!(image.config["author"], "Team <team@example.org>");
    assert_eq!(image.file("/usr/lib/os-release"), "PRETTY_NAME=\"last\"\nID=debian\nVARIANT=\"team\"\n");
    assert!(image.file("/etc/passwd").contains("app:x:1000:1000::/home/app:/sbin/nologin\n"));
    assert_eq!(image.files_below("/usr/lib/libgcc"), [""; 0]);
}

#[test]
fn sources_pins_and_mirrors_add_to_those_of_a_release() {
    let catalog = r#"
extends = "../images"

[archive.debian]
mirrors = ["[MIRROR]"]

[release.debian13.pin]
libc6 = { version = "2.41-*", reason = "tested" }

[[release.debian13.sources]]
archive = "debian"
suites = ["trixie-backports"]

[[mirror]]
from = "https://mirror.example.org"
to = "[URL]"
"#;
    let mut team = Team::new();
    team.shop.archive.add_suite("debian", "trixie-backports", "main", &["amd64", "arm64"]);
    Package::new("libgcc-s1", "15~bpo1")
        .archs(&["amd64", "arm64"])
        .publish_again(&mut team.shop.archive, "trixie-backports");
    let catalog = catalog
        .replace("[MIRROR]", "https://mirror.example.org/debian")
        .replace("[URL]", team.shop.server.url());
    team.shop.world.write("own/catalog.toml", &catalog);
    team.distro(&["lock"]).success();
    let lock = team.shop.world.read("own-lock/debian13.lock");
    let (head, _) = lock.split_once("\n[[package]]").unwrap();
    assert_same(
        &without_digests(&head.replace(&Signer::Valid.fingerprint(), "[KEY]")),
        r#"
#:schema ../schemas/lock.json
# Written by `distro lock`, for `distro build`. Review it and commit it; to change it, change the definitions.
version = 1
release = "debian13"
pin.libc6 = { version = "2.41-*" }

[[suite]]
name = "trixie"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"
index."main/binary-arm64/Packages.xz" = "…"
index."main/source/Sources.xz" = "…"

[[suite]]
name = "trixie-updates"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"
index."main/binary-arm64/Packages.xz" = "…"

[[suite]]
name = "trixie-security"
archive = "debian-security"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"
index."main/binary-arm64/Packages.xz" = "…"

[[suite]]
name = "trixie-backports"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"
index."main/binary-arm64/Packages.xz" = "…"
index."main/source/Sources.xz" = "…"
"#,
    );
}

#[test]
fn a_key_of_the_own_catalog_counts_beside_the_inherited_ones() {
    let team = Team::new();
    let (from, to) = (team.shop.world.path("images/keys"), team.shop.world.path("own/keys"));
    fs::rename(from, to).unwrap();
    team.distro(&["lock"]).success();
    assert_refused(
        &team.shop.world.distro(&["lock"]),
        r#"
error: there are no keys in `images/keys`: export those of the archives (`gpg --armor --export FINGERPRINT`) into files `*.asc` there
"#,
    );
}

#[test]
fn what_an_inherited_family_leaves_out_in_vain_is_told_where_it_is_defined() {
    let team = Team::with(OWN, &format!("{APP}leave-out = {{ perl = \"nothing runs\" }}\n"));
    team.shop.edit("static.toml", "openssl =", "debconf = \"nothing is configured\"\nopenssl =");
    team.distro(&["lock"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: nothing in debian13 wants `perl`, which app leaves out
     Locked debian13: 6 packages for 3 images in own-lock/debian13.lock
"#,
    );
    team.shop.world.distro(&["lock"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
warning: nothing in debian13 wants `debconf`, which base, cc, static leaves out
     Locked debian13: 6 packages for 9 images in lock/debian13.lock
"#,
    );
}

#[test]
fn a_catalog_without_images_is_not_locked() {
    let team = Team::new();
    fs::remove_file(team.shop.world.path("own/app.toml")).unwrap();
    assert_refused(
        &team.distro(&["lock"]),
        r#"
error: the catalog has no images
hint: a family is one file beside catalog.toml; in a catalog that extends another, `images = ["*"]` takes all images of that
"#,
    );
}

#[test]
fn a_release_without_images_is_locked_only_where_it_is_asked_for() {
    let team = Team::new();
    let forky = "\n[release.forky]\ncodename = \"forky\"\nversion = \"14\"\narchitectures = [\"amd64\"]\n\
         sources = []\nkeys = []\n";
    team.shop.world.write("own/catalog.toml", &format!("{OWN}{forky}"));
    team.shop.world.write("own/app.toml", &format!("{APP}releases = [\"debian13\"]\n"));
    team.distro(&["lock"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Locked debian13: 6 packages for 3 images in own-lock/debian13.lock
"#,
    );
    team.distro(&["lock", "--release", "forky", "--dry-run"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
 Would lock forky: 0 packages for 0 images in own-lock/forky.lock
"#,
    );
}

#[test]
fn a_catalog_that_is_not_there_is_shown_where_it_is_named() {
    assert_refused(
        &own("extends = \"../imges\"\n"),
        r#"
error: there is no catalog at `own/../imges/catalog.toml`
 --> own/catalog.toml:1:11
  |
1 | extends = "../imges"
  |           ^^^^^^^^^^
  |
  = hint: a path begins at the directory of this file
"#,
    );
}

#[test]
fn a_catalog_that_extends_itself_is_shown_with_the_way_back() {
    let team = Team::new();
    team.shop.append("catalog.toml", "");
    let text = team.shop.world.read("images/catalog.toml");
    team.shop.world.catalog("catalog.toml", &format!("extends = \"../own\"\n{text}"));
    assert_refused(
        &team.list(),
        r#"
error: a catalog extends itself
 --> own/../images/catalog.toml:1:11
  |
1 | extends = "../own"
  |           ^^^^^^^^ this leads to own/../images/../own/catalog.toml again
"#,
    );
    assert_refused(
        &own("extends = \".\"\n"),
        r#"
error: a catalog extends itself
 --> own/catalog.toml:1:11
  |
1 | extends = "."
  |           ^^^ this leads to own/./catalog.toml again
"#,
    );
}

#[test]
fn what_is_wrong_with_the_other_catalog_is_shown_in_its_file() {
    let team = Team::new();
    team.shop.edit("catalog.toml", "codename = \"trixie\"", "codname = \"trixie\"");
    assert_refused(
        &team.list(),
        r#"
error: unknown key `codname`
  --> own/../images/catalog.toml:20:1
   |
20 | codname = "trixie"
   | ^^^^^^^ unknown key
   |
   = hint: did you mean `codename`?
"#,
    );
    let team = Team::new();
    team.shop.edit("base.toml", "parent = \"base\"", "parent = \"bose\"");
    team.list().success();
    team.shop.edit("base.toml", "parent = \"static\"", "parent = \"statik\"");
    assert_refused(
        &team.list(),
        r#"
error: unknown image `statik`
 --> own/../images/base.toml:4:10
  |
4 | parent = "statik"
  |          ^^^^^^^^ there is no such image
  |
  = hint: did you mean `static`?
"#,
    );
}

#[test]
fn a_catalog_that_extends_nothing_needs_all_tables() {
    assert_refused(
        &own("[branding]\nNAME = \"own\"\n"),
        r#"
error: the table `organization` is missing
 --> own/catalog.toml:1:1
  |
1 | [branding]
  | ^
  |
  = hint: a catalog that extends another has it from there: `extends = "../distro/images"`
"#,
    );
    let organization = "[organization]\nname = \"Team\"\nemail = \"team@example.org\"\nurl = \"https://example.org\"\n\
         source = \"https://example.org\"\nsbom-namespace = \"https://example.org\"\n";
    assert_refused(
        &own(organization),
        r#"
error: the table `architecture` is missing
 --> own/catalog.toml:1:1
  |
1 | [organization]
  | ^
  |
  = hint: a catalog that extends another has it from there: `extends = "../distro/images"`
"#,
    );
}

#[test]
fn a_release_that_the_other_catalog_does_not_have_needs_all_keys() {
    assert_refused(
        &own("extends = \"../images\"\n\n[release.debain13]\narchitectures = [\"amd64\"]\n"),
        r#"
error: the key `codename` is missing
 --> own/catalog.toml:3:10
  |
3 | [release.debain13]
  |          ^^^^^^^^
  |
  = hint: did you mean the release `debian13`?
"#,
    );
    assert_refused(
        &own("extends = \"../images\"\n\n[release.forky]\ncodename = \"forky\"\nversion = \"14\"\n"),
        r#"
error: the key `architectures` is missing
 --> own/catalog.toml:3:10
  |
3 | [release.forky]
  |          ^^^^^
"#,
    );
}

#[test]
fn an_image_that_is_not_inherited_is_shown_with_the_one_that_was_meant() {
    assert_refused(
        &own("extends = \"../images\"\nimages = [\"bose\"]\n"),
        r#"
error: unknown inherited family `bose`
 --> own/catalog.toml:2:11
  |
2 | images = ["bose"]
  |           ^^^^^^ there is no such inherited family
  |
  = hint: did you mean `base`?
"#,
    );
    assert_refused(
        &own("extends = \"../images\"\nimages = [\"app\"]\n"),
        r#"
error: unknown inherited family `app`
 --> own/catalog.toml:2:11
  |
2 | images = ["app"]
  |           ^^^^^ there is no such inherited family
  |
  = hint: known: base, cc, static
"#,
    );
    assert_refused(
        &own("extends = \"../images\"\nimages = [\"c[\"]\n"),
        r#"
error: `c[` is not a pattern of families
 --> own/catalog.toml:2:11
  |
2 | images = ["c["]
  |           ^^^^ unclosed character class; missing ']'
"#,
    );
}

#[test]
fn a_catalog_that_extends_nothing_takes_no_images() {
    let team = Team::new();
    let text = team.shop.world.read("images/catalog.toml");
    team.shop.world.catalog("catalog.toml", &format!("images = [\"cc\"]\n{text}"));
    assert_refused(
        &team.shop.world.distro(&["list"]),
        r#"
error: there is no catalog that `cc` could be taken from
 --> images/catalog.toml:1:11
  |
1 | images = ["cc"]
  |           ^^^^
  |
  = hint: name one that has families: `extends = "../distro/images"`
"#,
    );
}

#[test]
fn a_family_has_one_definition_in_all_catalogs() {
    assert_refused(
        &Team::with(OWN, &APP.replace("image.app", "image.cc")).list(),
        r#"
error: the image `cc` is defined twice
  --> own/app.toml:2:8
   |
 2 | [image.cc]
   |        ^^ the second definition
   |
  ::: own/../images/base.toml:10:8
   |
10 | [image.cc]
   |        -- the first
"#,
    );
}

#[test]
fn accounts_that_contradict_each_other_name_both_files() {
    let user = |name: &str, uid: u32| {
        format!("{OWN}\n[[user]]\nname = \"{name}\"\nuid = {uid}\ngid = 0\nhome = \"/nonexistent\"\n")
    };
    assert_refused(
        &own(&user("nonroot", 7)),
        r#"
error: two users have the name `nonroot`: rename or remove one
  --> own/catalog.toml:3:1
   |
 3 | [[user]]
   | ^^^^^^^^ the second
   |
  ::: own/../images/catalog.toml:38:1
   |
38 | [[user]]
   | -------- the first
"#,
    );
    assert_refused(
        &own(&user("app", 65532)),
        r#"
error: users `nonroot` and `app` both have the uid 65532: give one of them another
  --> own/catalog.toml:3:1
   |
 3 | [[user]]
   | ^^^^^^^^ the second
   |
  ::: own/../images/catalog.toml:38:1
   |
38 | [[user]]
   | -------- the first
"#,
    );
    assert_refused(
        &own(&format!("{OWN}\n[[group]]\nname = \"app\"\ngid = 0\n")),
        r#"
error: groups `root` and `app` both have the gid 0: give one of them another
  --> own/catalog.toml:3:1
   |
 3 | [[group]]
   | ^^^^^^^^^ the second
   |
  ::: own/../images/catalog.toml:44:1
   |
44 | [[group]]
   | --------- the first
"#,
    );
    assert_refused(
        &own(&format!("{OWN}\n[[group]]\nname = \"nonroot\"\ngid = 7\n")),
        r#"
error: two groups have the name `nonroot`: rename or remove one
  --> own/catalog.toml:3:1
   |
 3 | [[group]]
   | ^^^^^^^^^ the second
   |
  ::: own/../images/catalog.toml:48:1
   |
48 | [[group]]
   | --------- the first
"#,
    );
}

#[test]
fn a_lock_that_lacks_what_an_image_adds_to_is_stale() {
    let team = Team::new();
    team.distro(&["lock"]).success();
    let lock = team.shop.world.read("own-lock/debian13.lock");
    let base = lock.find("\n[[image]]\nname = \"base\"").unwrap();
    let end = lock[base + 1..].find("\n[[image]]").unwrap() + base + 1;
    team.shop.world.write("own-lock/debian13.lock", &[&lock[..base], &lock[end..]].concat());
    assert_refused(
        &team.distro(&["build", "--offline", "--arch", "amd64"]),
        r#"
error: the lock `own-lock/debian13.lock` does not fit the definitions
  it does not know the family `base`, which images add to
hint: `distro lock --release debian13` makes a new one
"#,
    );
    team.shop.world.write("own-lock/debian13.lock", &lock);
    let same = APP.replace("\"base\"", "\"static\"").replace("[\"libgcc", "[\"libc6\", \"libgcc");
    team.shop.world.write("own/app.toml", &same);
    let said = team.distro(&["build", "--offline", "--arch", "amd64"]);
    assert_refused(
        &said,
        r#"
error: the lock `own-lock/debian13.lock` does not fit the definitions
  it holds the family `base` with no image, and no image adds to it
hint: `distro lock --release debian13` makes a new one
"#,
    );
    team.shop.world.write("own/app.toml", &APP.replace("\"base\"", "\"cc\""));
    assert_refused(
        &team.distro(&["build", "--offline", "--arch", "amd64"]),
        r#"
error: the lock `own-lock/debian13.lock` does not fit the definitions
  it does not know the family `cc`, which images add to
hint: `distro lock --release debian13` makes a new one
"#,
    );
}
