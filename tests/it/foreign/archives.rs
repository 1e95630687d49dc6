//! Archives of third parties, with keys of their own.

use serde_json::Value;

use crate::archive::{Archive, Package, Signer};
use crate::desk::{assert_refused, assert_untrusted, without_digests};
use crate::server::Server;
use crate::workshop::{Workshop, libc6};

/// An image of libc6 and Acme's agent, whose archive has a suite of the same name as Debian's, and a libc6 of
/// its own.
struct Acme {
    shop: Workshop,
    archive: Archive,
    server: Server,
}

impl Acme {
    fn new() -> Self {
        Self::with(&[
            Package::new("acme-agent", "3.1").depends("libc6, libacme2").file("/usr/bin/acme", "agent"),
            Package::new("libacme2", "2.0").file("/usr/lib/libacme.so.2", "library"),
            Package::new("libc6", "99.0").file("/usr/lib/libc.so.6", "not Debian's"),
        ])
    }

    fn with(packages: &[Package]) -> Self {
        let mut shop = Workshop::of_one_image([libc6("2.41-1")]);
        shop.edit("one.toml", "[\"libc6\"]", "[\"acme-agent\", \"libc6\"]");
        shop.append("one.toml", "leave-out = { libgcc-s1 = \"cc has it\" }\n");
        let mut archive = Archive::new();
        archive.add_suite("acme", "trixie", "stable", &["amd64"]);
        for package in packages {
            package.publish_again(&mut archive, "trixie");
        }
        archive.sign_with("trixie", Signer::ThirdParty);
        let server = Server::new(archive.dir());
        for (text, name) in [
            (server.url(), "[ACME]"),
            (&Signer::Valid.fingerprint(), "[VALID KEY]"),
            (&Signer::ThirdParty.fingerprint(), "[ACME KEY]"),
        ] {
            shop.world.filter(text, name);
        }
        let table = format!(
            "[archive.acme]\nmirrors = [\"{}/acme\"]\nkeys = [\"{}\"]\n",
            server.url(),
            Signer::ThirdParty.fingerprint()
        );
        shop.append("catalog.toml", &table);
        let acme = Self { shop, archive, server };
        acme.take(r#"components = ["stable"], only = ["acme-agent", "libacme*"]"#);
        acme
    }

    /// Says what the release takes from the archive.
    fn take(&self, keys: &str) {
        let text = self.shop.world.read("images/catalog.toml");
        let others: Vec<_> = text.lines().filter(|line| !line.contains("archive = \"acme\"")).collect();
        let source = format!("{{ archive = \"acme\", suites = [\"trixie\"], {keys} }},");
        let security = others.iter().position(|line| line.contains("archive = \"debian-security\"")).unwrap();
        let (before, after) = others.split_at(security + 1);
        self.shop.world.catalog("catalog.toml", &[before, &[source.as_str()], after].concat().join("\n"));
    }
}

#[test]
fn a_third_party_s_packages_are_locked_under_its_own_key_beside_those_of_debian() {
    let acme = Acme::new();
    acme.shop.lock();
    let lock = acme.shop.world.read("lock/debian13.lock");
    let lock = [(Signer::Valid, "[VALID KEY]"), (Signer::ThirdParty, "[ACME KEY]")]
        .into_iter()
        .fold(without_digests(&lock), |text, (key, name)| text.replace(&key.fingerprint(), name));
    crate::desk::assert_same(
        &lock,
        r#"
#:schema ../schemas/lock.json
# Written by `distro lock`, for `distro build`. Review it and commit it; to change it, change the definitions.
version = 1
release = "debian13"

[[suite]]
name = "trixie"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"
index."main/source/Sources.xz" = "…"

[[suite]]
name = "trixie-updates"
archive = "debian"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"

[[suite]]
name = "trixie-security"
archive = "debian-security"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[VALID KEY]",
]
index."main/binary-amd64/Packages.xz" = "…"

[[suite]]
name = "trixie"
archive = "acme"
date = "2025-06-15T15:06:40Z"
in-release = "…"
signed-by = [
  "[ACME KEY]",
]
index."stable/binary-amd64/Packages.xz" = "…"
index."stable/source/Sources.xz" = "…"

[[package]]
name = "acme-agent"
version = "3.1"
suite = "trixie"
archive = "acme"
path = "pool/stable/a/acme-agent/acme-agent_3.1_{arch}.deb"
depends = [
  "libacme2",
  "libc6",
]
deb.amd64 = { size = 1016, installed = 1, sha256 = "…" }

[[package]]
name = "libacme2"
version = "2.0"
suite = "trixie"
archive = "acme"
path = "pool/stable/liba/libacme2/libacme2_2.0_{arch}.deb"
deb.amd64 = { size = 1008, installed = 1, sha256 = "…" }

[[package]]
name = "libc6"
version = "2.41-1"
source = "glibc"
suite = "trixie"
path = "pool/main/libc/libc6/libc6_2.41-1_{arch}.deb"
deb.amd64 = { size = 1104, installed = 1, sha256 = "…" }

[[source]]
name = "acme-agent"
version = "3.1"
suite = "trixie"
archive = "acme"
path = "pool/stable/a/acme-agent/acme-agent_3.1.dsc"
size = 165
sha256 = "…"

[[source]]
name = "glibc"
version = "2.41-1"
suite = "trixie"
path = "pool/main/g/glibc/glibc_2.41-1.dsc"
size = 159
sha256 = "…"

[[source]]
name = "libacme2"
version = "2.0"
suite = "trixie"
archive = "acme"
path = "pool/stable/liba/libacme2/libacme2_2.0.dsc"
size = 161
sha256 = "…"

[[image]]
name = "one"
tags = ["latest"]
architectures = ["amd64"]
requests = [
  "acme-agent",
  "libc6",
]
left-out.libgcc-s1 = ["libc6"]
packages = [
  "acme-agent",
  "libacme2",
  "libc6",
]
"#,
    );
    acme.shop.build(&[]).success();
    let out = acme.shop.out();
    let image = out.image("one-debian13:latest-amd64");
    assert_eq!(image.file("/usr/bin/acme"), "agent");
    assert_eq!(image.file("/usr/lib/libc.so.6"), "the library, 2.41-1");
}

#[test]
fn the_sbom_does_not_take_a_third_party_s_package_for_debian_s() {
    let acme = Acme::new();
    acme.shop.lock().build(&[]).success();
    let said = acme.shop.world.distro(&["sbom", "one", "--arch", "amd64"]).success();
    let sbom: Value = serde_json::from_str(&said.stdout).unwrap();
    let purls: Vec<_> = sbom["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|package| package["externalRefs"][0]["referenceLocator"].as_str())
        .filter(|purl| purl.starts_with("pkg:deb/"))
        .map(|purl| purl.replace(&acme.server.url().replace("http://127.0.0.1:", ""), "PORT"))
        .collect();
    let repository = "repository_url=http%3A%2F%2F127.0.0.1%3APORT%2Facme";
    let of_acme = |name: &str, version: &str| {
        format!("pkg:deb/acme/{name}@{version}?arch=amd64&distro=debian-13&{repository}")
    };
    assert_eq!(
        purls,
        [
            of_acme("acme-agent", "3.1"),
            of_acme("libacme2", "2.0"),
            "pkg:deb/debian/libc6@2.41-1?arch=amd64&distro=debian-13&upstream=glibc".to_owned(),
        ]
    );
    let held_by_image = sbom["relationships"].as_array().unwrap().iter().filter(|relationship| {
        relationship["spdxElementId"] == "SPDXRef-Image" && relationship["relationshipType"] == "CONTAINS"
    });
    let held: Vec<_> = held_by_image.map(|held| held["relatedSpdxElement"].as_str().unwrap()).collect();
    assert_eq!(
        held,
        [
            "SPDXRef-OperatingSystem-debian",
            "SPDXRef-Binary-acme-agent",
            "SPDXRef-Binary-libacme2",
            "SPDXRef-Generated-usr-merge"
        ]
    );
}

#[test]
fn a_key_of_one_archive_does_not_vouch_for_another() {
    let mut acme = Acme::new();
    acme.archive.sign_with("trixie", Signer::Valid);
    assert_untrusted(
        &acme.shop.world.distro(&["lock"]),
        "trixie/InRelease",
        "[ACME]/acme/ (catalog mirror): none of the keys that signed it is trusted: [VALID KEY] (Fake Archive <archive@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
    acme.archive.sign_with("trixie", Signer::ThirdParty);
    acme.shop.archive.sign_with("trixie-updates", Signer::ThirdParty);
    assert_untrusted(
        &acme.shop.world.distro(&["lock"]),
        "trixie-updates/InRelease",
        "[URL]/debian/ (host apt sources): none of the keys that signed it is trusted: [ACME KEY] (Acme Packages <acme@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
}

#[test]
fn an_archive_with_its_own_keys_has_to_say_what_is_taken_from_it() {
    let acme = Acme::new();
    acme.take(r#"components = ["stable"]"#);
    assert_refused(
        &acme.shop.world.distro(&["lock"]),
        r#"
error: the archive `acme` has keys of its own, and may replace any package
  --> images/catalog.toml:26:13
   |
26 | { archive = "acme", suites = ["trixie"], components = ["stable"] },
   |             ^^^^^^ `only` is missing
   |
   = hint: name what is to be taken from it: `only = ["acme-agent", "libacme*"]`
"#,
    );
    acme.take(r#"only = ["Acme"]"#);
    assert_refused(
        &acme.shop.world.distro(&["lock"]),
        r#"
error: `Acme` is not a pattern of package names: no package can have that name
  --> images/catalog.toml:26:50
   |
26 | { archive = "acme", suites = ["trixie"], only = ["Acme"] },
   |                                                  ^^^^^^
"#,
    );
    acme.take(r#"only = ["acme[", "x"]"#);
    assert_refused(
        &acme.shop.world.distro(&["lock"]),
        r#"
error: `acme[` is not a pattern of package names: unclosed character class; missing ']'
  --> images/catalog.toml:26:50
   |
26 | { archive = "acme", suites = ["trixie"], only = ["acme[", "x"] },
   |                                                  ^^^^^^^
"#,
    );
}

#[test]
fn what_is_not_named_is_not_there() {
    let acme = Acme::new();
    acme.take(r#"components = ["stable"], only = ["acme-agent"]"#);
    assert_refused(
        &acme.shop.world.distro(&["lock"]),
        r#"
error: could not lock debian13
  one-debian13 cannot be resolved on amd64: `acme-agent` cannot be installed
    `acme-agent` is requested
    acme-agent 3.1 depends on `libacme2`
      no package has that name, and none provides it
    hint: to do without it, add to the image's `leave-out`: `libacme2 = "the reason"`
"#,
    );
}

#[test]
fn everything_may_be_taken_where_the_catalog_says_so() {
    let acme = Acme::new();
    acme.take(r#"components = ["stable"], only = ["*"]"#);
    acme.shop.lock().build(&[]).success();
    let image = acme.shop.out().image("one-debian13:latest-amd64");
    assert_eq!(image.file("/usr/lib/libc.so.6"), "not Debian's");
    acme.take(r#"components = ["stable"], only = ["acme-agent", "libacme*"]"#);
    assert_refused(
        &acme.shop.build(&[]),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  it takes `libc6` from the archive `acme`, which the release's `only` does not name
hint: `distro lock --release debian13` makes a new one
"#,
    );
}
