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
    assert_refused(&refused(&workshop, &["localhost:1"]), "");
    assert_refused(&refused(&workshop, &["--all", "localhost:1"]), "");
    workshop.build(&["static"]).success();
    assert_refused(&refused(&workshop, &["static", "cc", "localhost:1"]), "");
    assert_refused(&refused(&workshop, &["statik", "localhost:1"]), "");
}

#[test]
fn a_destination_has_to_be_one() {
    let workshop = built();
    for destination in
        ["base", "https://registry.example.org", "localhost/cc:debug", "localhost/Base", "a.b:port"]
    {
        let said = refused(&workshop, &["--all", destination]);
        assert_eq!(said.status, Some(2), "{said}");
        assert!(said.stderr.contains(&format!("invalid value '{destination}'")), "{said}");
    }
}

#[test]
fn a_template_has_to_make_tags_that_differ() {
    let workshop = built();
    let by = |template: &str| refused(&workshop, &["--all", "--tag-template", template, "localhost:1"]);
    assert_refused(&by("{{ tag }}-{{ version }}"), "");
    assert_refused(&by("{{ tag }}"), "");
    assert_refused(&by("all-{{ created | date }}"), "");
    assert_refused(&by("{{ tag }} of {{ image.family }}"), "");
    let said = by("{{ tag");
    assert_eq!(said.status, Some(2), "{said}");
}

#[test]
fn a_registry_that_is_not_there_or_is_none_is_told_of() {
    let workshop = built();
    let server = crate::server::Server::new(workshop.world.path("images"));
    let host = server.url().strip_prefix("http://").unwrap();
    let said = refused(&workshop, &["--all", "--retries", "0", host]);
    assert_same(&shown(&said, host), "");
    drop(server);
    let said = refused(&workshop, &["--all", "--retries", "0", "localhost:1"]);
    assert_refused(&said, "");
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
