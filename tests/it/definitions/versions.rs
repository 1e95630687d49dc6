//! Images with versions, what single tags add to them, and templates that know the version.

use super::family;
use crate::archive::Package;
use crate::desk::{BOTH, assert_refused};
use crate::run::Said;
use crate::workshop::Workshop;

/// An image in two versions, as Java's.
const JAVA: &str = r#"
[image.java]
description = "OpenJDK {{ version }} on {{ release.codename }}"
parent = "base"
packages = ["openjdk-{{ version }}-jre"]
entrypoint = ["/usr/lib/jvm/{{ version }}/bin/java", "-jar"]
environment = { JAVA_VERSION = "{{ (package('openjdk-' ~ version ~ '-jre').upstream | split('+'))[0] }}" }
link = [{ path = "/usr/bin/java", target = "/usr/lib/jvm/{{ version }}-{{ arch.debian }}/bin/java" }]

[image.java.version.21]

[image.java.version.25]
architectures = ["arm64"]
packages = ["libgcc-s1"]

[image.java.version.25.leave-out]
gcc-14-base = "it has no files"

[image.java.tag.debug]
packages = ["openjdk-{{ version }}-jdk"]

[image.java.tag.debug.leave-out]
java-common = "nothing of a package is run"
"#;

/// `distro list` of a catalog with Java in it, changed so.
fn java(from: &str, to: &str) -> Said {
    assert!(JAVA.contains(from), "{from} is not in the definition");
    family(&JAVA.replacen(from, to, 1))
}

/// A workshop with the packages of Java 21 and 25, and the images.
fn workshop() -> Workshop {
    let mut shop = Workshop::new();
    for version in ["21.0.5+11-1", "25.0.1+8-1"] {
        let name = |what| format!("openjdk-{}-{what}", &version[..2]);
        Package::new(&name("jre"), version).archs(BOTH).depends("libc6").publish(&mut shop.archive);
        let jdk = Package::new(&name("jdk"), version).archs(BOTH).depends("java-common");
        jdk.publish(&mut shop.archive);
    }
    shop.world.catalog("java.toml", JAVA);
    shop.append("catalog.toml", "[tag.debug-nonroot]\ninherits = [\"debug\", \"nonroot\"]\n");
    shop
}

#[test]
fn every_version_is_an_image_of_its_own() {
    family(JAVA).success().assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                   PARENT  ARCHITECTURES  DESCRIPTION
base-debian13:debug     -       amd64 arm64    For programs linked against glibc
base-debian13:latest    -       amd64 arm64    For programs linked against glibc
java21-debian13:debug   base    amd64 arm64    OpenJDK 21 on trixie
java21-debian13:latest  base    amd64 arm64    OpenJDK 21 on trixie
java25-debian13:debug   base    arm64          OpenJDK 25 on trixie
java25-debian13:latest  base    arm64          OpenJDK 25 on trixie
----- stderr -----
"#,
    );
}

#[test]
fn a_version_fills_in_every_template_of_its_definition() {
    let shop = workshop();
    shop.lock().build(&["java21:latest"]).success();
    let image = shop.out().image("java21-debian13:latest-amd64");
    let config = serde_json::json!({
        "Entrypoint": ["/usr/lib/jvm/21/bin/java", "-jar"],
        "Env": ["JAVA_VERSION=21.0.5", "PATH=/usr/bin:/bin"],
        "User": "0",
        "WorkingDir": "/",
    });
    assert_eq!(image.config["config"], config);
    let link = "/usr/bin/java link /usr/lib/jvm/21-amd64/bin/java".to_owned();
    assert!(image.tree().contains(&link), "{:#?}", image.tree());
}

#[test]
fn a_child_keeps_the_version_of_its_parent() {
    let shop = workshop();
    let child = "[image.tomcat]\ndescription = \"Tomcat\"\nparent = \"java21\"\n\
                 [image.jetty]\ndescription = \"Jetty {{ version }}\"\nparent = \"java21\"\n\
                 packages = [\"openjdk-{{ version }}-jre\"]\n[image.jetty.version.25]\n";
    shop.world.catalog("servers.toml", child);
    shop.lock().build(&["tomcat:latest", "jetty25:latest"]).success();
    for name in ["tomcat", "jetty25"] {
        let image = shop.out().image(&format!("{name}-debian13:latest-amd64"));
        assert_eq!(image.config["config"]["Entrypoint"][0], "/usr/lib/jvm/21/bin/java", "{name}");
    }
}

#[test]
fn what_a_tag_adds_to_an_image_comes_in_tags_that_inherit_from_it_and_in_children() {
    let shop = workshop();
    shop.world.catalog("tomcat.toml", "[image.tomcat]\ndescription = \"Tomcat\"\nparent = \"java21\"\n");
    shop.lock();
    for image in ["java21:latest", "java21:debug", "java21:debug-nonroot", "tomcat:debug", "base:debug"] {
        let (family, tag) = image.split_once(':').unwrap();
        let said = shop.world.distro(&["tree", &format!("{family}-debian13:{tag}"), "--arch", "amd64"]);
        let holds = said.success().stdout.contains("openjdk-21-jdk");
        assert_eq!(holds, family != "base" && tag != "latest", "{image}");
    }
}

#[test]
fn an_image_with_an_entrypoint_keeps_it_in_every_tag() {
    let shop = workshop();
    shop.world.catalog(
        "greeter.toml",
        "[image.greeter]\ndescription = \"Greets\"\nparent = \"base\"\ncommand = [\"/usr/bin/greet\"]\n",
    );
    shop.lock().build(&["java21:debug", "greeter:debug", "base:debug"]).success();
    let out = shop.out();
    let run = |family: &str| {
        let image = out.image(&format!("{family}-debian13:debug-amd64"));
        let words = |key: &str| image.config["config"][key].to_string();
        format!("{family}: {} {}", words("Entrypoint"), words("Cmd"))
    };
    assert_eq!(
        ["java21", "greeter", "base"].map(run),
        [
            "java21: [\"/usr/lib/jvm/21/bin/java\",\"-jar\"] null",
            "greeter: null [\"/usr/bin/greet\"]",
            "base: [\"/busybox/sh\"] null",
        ]
    );
}

#[test]
fn a_lock_is_stale_when_what_a_version_or_a_tag_adds_has_changed() {
    let shop = workshop();
    shop.lock();
    let rebuilt = |from: &str, to: &str| {
        shop.world.catalog("java.toml", &JAVA.replacen(from, to, 1));
        shop.build(&["--offline"])
    };
    assert_refused(
        &rebuilt("[image.java.version.21]", "[image.java.version.22]"),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it does not know the image java22-debian13:debug
hint: `distro lock --release debian13` makes a new one
"#,
    );
    assert_refused(
        &rebuilt("-jdk\"]", "-jdk\", \"libgcc-s1\"]"),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  java21-debian13:debug asks for `libgcc-s1`, which the lock has not resolved
hint: `distro lock --release debian13` makes a new one
"#,
    );
    assert_refused(
        &rebuilt("java-common = \"nothing of a package is run\"", "# none"),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  java21-debian13:debug no longer leaves out `java-common`
hint: `distro lock --release debian13` makes a new one
"#,
    );
}

#[test]
fn a_version_of_a_release_is_in_no_other() {
    let text = "architectures = [\"arm64\"]";
    java(text, "releases = []").success().assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                   PARENT  ARCHITECTURES  DESCRIPTION
base-debian13:debug     -       amd64 arm64    For programs linked against glibc
base-debian13:latest    -       amd64 arm64    For programs linked against glibc
java21-debian13:debug   base    amd64 arm64    OpenJDK 21 on trixie
java21-debian13:latest  base    amd64 arm64    OpenJDK 21 on trixie
----- stderr -----
"#,
    );
}

#[test]
fn a_release_that_does_not_exist_is_shown_in_a_version() {
    assert_refused(
        &java("architectures = [\"arm64\"]", "releases = [\"debian31\"]"),
        r#"
error: unknown release `debian31`
  --> images/one.toml:13:13
   |
13 | releases = ["debian31"]
   |             ^^^^^^^^^^ there is no such release
   |
   = hint: did you mean `debian13`?
"#,
    );
}

#[test]
fn two_definitions_of_one_name_are_shown() {
    assert_refused(
        &java(
            "[image.java.tag.debug]",
            "[image.java2]\ndescription = \"2\"\nversion.1 = {}\n\n[image.java.tag.debug]",
        ),
        r#"
error: the image `java21` is defined twice
  --> images/one.toml:21:9
   |
10 | [image.java.version.21]
   |                     -- the first
...
21 | version.1 = {}
   |         ^ the second definition
"#,
    );
}

#[test]
fn a_name_that_a_version_makes_can_stand_in_a_reference() {
    assert_refused(
        &java("[image.java.version.21]", "[image.java.version.\"21 LTS\"]"),
        r#"
error: `java21 LTS` is not a family name: use a-z, 0-9 and single `-`, `.` or `_` between them
  --> images/one.toml:10:21
   |
10 | [image.java.version."21 LTS"]
   |                     ^^^^^^^^
"#,
    );
}

#[test]
fn a_parent_with_versions_is_named_with_one() {
    let text = format!("{JAVA}\n[image.tomcat]\ndescription = \"Tomcat\"\nparent = \"java\"\n");
    assert_refused(
        &family(&text),
        r#"
error: unknown image `java`
  --> images/one.toml:27:10
   |
27 | parent = "java"
   |          ^^^^^^ there is no such image
   |
   = hint: did you mean `java21`?
"#,
    );
}

#[test]
fn a_tag_that_does_not_exist_is_shown_where_an_image_adds_to_it() {
    assert_refused(
        &java("[image.java.tag.debug]", "[image.java.tag.debgu]"),
        r#"
error: unknown tag `debgu`
  --> images/one.toml:19:17
   |
19 | [image.java.tag.debgu]
   |                 ^^^^^ there is no such tag
   |
   = hint: did you mean `debug`?
"#,
    );
}

#[test]
fn a_tag_can_add_no_more_than_packages_and_tarballs() {
    assert_refused(
        &java("[image.java.tag.debug]", "[image.java.tag.debug]\nuser = 'root'"),
        r#"
error: unknown key `user`
  --> images/one.toml:20:1
   |
20 | user = 'root'
   | ^^^^ unknown key
   |
   = hint: known here: packages, tarballs, leave-out, tests
"#,
    );
}

#[test]
fn an_image_without_versions_has_no_version_to_speak_of() {
    let text = "[image.one]\ndescription = \"One {{ version }}\"\n";
    assert_refused(
        &family(text),
        r#"
error: this template cannot be filled in
 --> images/one.toml:2:15
  |
2 | description = "One {{ version }}"
  |               ^^^^^^^^^^^^^^^^^^^ `version` is undefined
  |
  = hint: templates know release.{name, codename, version}, arch.{debian, os, architecture, variant}, image.{family, tag}, environment.NAME, version in an image with versions and, outside `packages`, package("name").{version, upstream} and tarball("name").version
"#,
    );
}
