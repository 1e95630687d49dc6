//! What is not pushed, and what is said of it.

use crate::desk::{assert_refused, assert_same};
use crate::registry::{FakeRegistry, Habits};
use crate::run::Said;
use crate::workshop::Workshop;

use super::{USUAL, built, shown};

fn refused(workshop: &Workshop, arguments: &[&str]) -> Said {
    workshop.world.distro(&[&["push"], arguments].concat())
}

#[test]
fn images_have_to_be_named_and_built() {
    let workshop = Workshop::new();
    workshop.lock();
    assert_refused(
        &refused(&workshop, &["localhost:1"]),
        r#"
error: no image is named
hint: name images before the registry, or push all that are built by --all
"#,
    );
    assert_refused(
        &refused(&workshop, &["--all", "localhost:1"]),
        r#"
error: `out` does not have base-debian13, cc-debian13, static-debian13
hint: `distro build` makes images, for all architectures by `--arch all`
"#,
    );
    workshop.build(&["static"]).success();
    assert_refused(
        &refused(&workshop, &["static", "cc", "localhost:1"]),
        r#"
error: `out` does not have cc-debian13
hint: `distro build` makes images, for all architectures by `--arch all`
"#,
    );
    assert_refused(
        &refused(&workshop, &["statik", "localhost:1"]),
        r#"
error: the catalog has no image `statik`
hint: did you mean `static`?
"#,
    );
}

#[test]
fn signing_takes_a_key_and_a_key_is_for_signing() {
    let workshop = Workshop::new();
    for (arguments, missing) in [
        (["--all", "--sign", "localhost:1"].as_slice(), "<--key <KEY>|--key-helper <COMMAND>>"),
        (&["--all", "--key", "a", "localhost:1"], "--sign"),
    ] {
        refused(&workshop, arguments).assert_is(&format!(
            "
status: 2
----- stdout -----
----- stderr -----
error: the following required arguments were not provided:
  {missing}

Usage: distro push [OPTIONS] [IMAGE]... <REGISTRY/PREFIX>

For more information, try '--help'.
"
        ));
    }
}

#[test]
fn a_destination_has_to_be_one() {
    let workshop = built();
    let to = |destination: &str| refused(&workshop, &["--all", destination]);
    assert_refused(
        &to("base"),
        r#"
error: `base` is not a place in a registry: name the registry too, as in registry.example.org/base
"#,
    );
    assert_refused(
        &to("https://registry.example.org"),
        r#"
error: `https://registry.example.org` is not a place in a registry: leave the scheme out, as in registry.example.org/base
"#,
    );
    assert_refused(
        &to("localhost/cc:debug"),
        r#"
error: `localhost/cc:debug` is not a place in a registry: tags are those of the images: leave out what follows the `:`
"#,
    );
    assert_refused(
        &to("localhost/Base"),
        r#"
error: `Base` is not the name of a repository: use a-z, 0-9 and single `-`, `.` or `_` between them, and `/` between words
"#,
    );
    assert_refused(
        &to("registry.example.org:port"),
        r#"
error: `registry.example.org:port` is not a registry: a port is a number up to 65535
"#,
    );
    assert_refused(
        &refused(&workshop, &["cc"]),
        r#"
error: `cc` is not a place in a registry: name the registry too, as in registry.example.org/base
"#,
    );
    assert_refused(
        &refused(&workshop, &["cc", "localhost:1", "--all"]),
        r#"
error: images are named, and all are asked for too
hint: name images before the registry, or push all that are built by --all
"#,
    );
}

#[test]
fn a_template_has_to_make_tags_that_differ() {
    let workshop = built();
    let by = |template: &str| refused(&workshop, &["--all", "--tag-template", template, "localhost:1"]);
    assert_refused(
        &by("{{ tag }}-{{ version }}"),
        r#"
error: the tag template `{{ tag }}-{{ version }}` cannot be filled in: `version` is undefined; it knows image.{family, release, tag}, tag, created, digest, and the filters date and short
"#,
    );
    assert_refused(
        &by("{{ tag }}"),
        r#"
error: the tag `debug` of base-debian13:debug would move, and may not
hint: let the template have `{{ tag }}` in it, and something that changes with the image
"#,
    );
    assert_refused(
        &by("all-{{ created | date }}"),
        r#"
error: the tag `all-20250615` would be of base-debian13:debug and of base-debian13:latest
hint: let the template have `{{ tag }}` in it, and something that changes with the image
"#,
    );
    assert_refused(
        &by("{{ tag }} of {{ image.family }}"),
        r#"
error: the tag template `{{ tag }} of {{ image.family }}` makes no tag for base-debian13:debug
  `debug of base` is not a tag: use at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`
"#,
    );
    let said = by("{{ tag");
    assert_eq!(said.status, Some(2), "{said}");
}

#[test]
fn a_registry_that_is_not_there_or_is_none_is_told_of() {
    let workshop = built();
    let server = crate::server::Server::new(workshop.world.path("images"));
    let host = server.url().strip_prefix("http://").unwrap();
    let said = refused(&workshop, &["--all", "--retries", "0", host]);
    assert_same(
        &shown(&said, host),
        r#"
status: 1
----- stdout -----
----- stderr -----
warning: not built for arm64: base-debian13, cc-debian13, static-debian13
error: could not reach the registry `[REGISTRY]`: what answers is no registry: it has no `/v2/`
"#,
    );
    drop(server);
    let said = refused(&workshop, &["--all", "--retries", "0", "localhost:1"]);
    assert_refused(
        &said,
        r#"
warning: not built for arm64: base-debian13, cc-debian13, static-debian13
error: could not reach the registry `localhost:1`: there is no connection: Connection refused (os error 111)
"#,
    );
}

#[test]
fn a_registry_that_lets_nobody_in_is_told_of() {
    let workshop = built();
    for challenge in ["Basic realm=x", "Bearer realm=\"ftp://auth.example/\"", "Negotiate"] {
        let registry = FakeRegistry::new(Habits { login: Some(("nothing", challenge)), ..USUAL });
        let said = refused(&workshop, &["static:latest", registry.host()]);
        let why = match challenge {
            "Basic realm=x" => "no login for it is known",
            "Negotiate" => "asks to log in by negotiate, which is not known here",
            _ => "sends logins to ftp://auth.example/",
        };
        assert_eq!(said.status, Some(1));
        assert!(said.stderr.contains(why), "{said}");
        assert!(registry.tags().is_empty());
    }
}
