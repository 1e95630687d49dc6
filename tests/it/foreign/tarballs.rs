//! Upstream tarballs, and the signed checksums that vouch for them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use openpgp::Cert;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use sequoia_openpgp as openpgp;
use serde_json::Value;
use tar::EntryType;

use crate::archive::{Compression, DATE, Member, Package, Signer, tar};
use crate::desk::{
    BOTH, assert_broken, assert_refused, assert_same, assert_unobtainable, assert_unseen, without_digests,
};
use crate::layout::sha256;
use crate::run::Said;
use crate::server::Fault;
use crate::workshop::{Workshop, libc6};

const TOOL: &str = r#"
[tarball.tool]
version = "1.0"
url = "https://upstream.example/dist/v{{ version }}/tool-{{ version }}-{{ arch.upstream }}.tar.xz"
architectures = { amd64 = "x64", arm64 = "aarch64" }
checksums.url = "https://upstream.example/dist/v{{ version }}/SHASUMS256.txt.asc"
checksums.keys = ["[KEY]"]
strip = 1
to = "/opt/tool"
drop = ["/opt/tool/share/man/**"]
software = "the-tool"
supplier = "Tool Makers"
license = "MIT OR Apache-2.0"
homepage = "https://tool.example/"

[image.tool]
description = "The tool"
parent = "one"
tarballs = ["tool"]
entrypoint = ["/opt/tool/bin/tool"]
environment = { TOOL_VERSION = '{{ tarball("tool").version }}' }
"#;

/// The image `one` of libc6 for amd64 and arm64, and `tool` on top of it, which upstream publishes.
struct Upstream {
    shop: Workshop,
}

impl Upstream {
    fn new() -> Self {
        Self::of(&[
            Member::new("tool-1.0/", EntryType::Directory),
            Member { mode: 0o4775, owner: (1000, 1000), ..Member::file("tool-1.0/bin/tool", "the program") },
            Member::link("tool-1.0/bin/alias", EntryType::Symlink, "tool"),
            Member::file("tool-1.0/LICENSE", "do as you like"),
            Member::file("tool-1.0/share/man/man1/tool.1", "a manual"),
        ])
    }

    /// A tarball with these members, for both architectures.
    fn of(members: &[Member]) -> Self {
        let mut shop = Workshop::of_one_image([libc6("2.41-1")]);
        shop.edit("catalog.toml", "[\"amd64\"]", "[\"amd64\", \"arm64\"]");
        shop.append("one.toml", "leave-out = { libgcc-s1 = \"cc has it\" }\n");
        let rewriting = format!(
            "[[mirror]]\nfrom = \"https://upstream.example/dist/\"\nto = \"{}/upstream/\"\n",
            shop.server.url()
        );
        shop.append("catalog.toml", &rewriting);
        shop.world.catalog("tool.toml", &TOOL.replace("[KEY]", &Signer::ThirdParty.fingerprint()));
        shop.world.filter(&Signer::ThirdParty.fingerprint(), "[TOOL KEY]");
        shop.world.filter(&Signer::Valid.fingerprint(), "[VALID KEY]");
        let upstream = Self { shop };
        for architecture in ["x64", "aarch64"] {
            let mut members = members.to_vec();
            members.push(Member::file("tool-1.0/architecture", architecture));
            upstream.publish(&format!("tool-1.0-{architecture}.tar.xz"), &tar(&members, Compression::Xz));
        }
        upstream.sign(Signer::ThirdParty);
        upstream
    }

    fn publish(&self, name: &str, bytes: &[u8]) {
        let path = self.shop.archive.dir().join("upstream/v1.0").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn published(&self, name: &str) -> Vec<u8> {
        fs::read(self.shop.archive.dir().join("upstream/v1.0").join(name)).unwrap()
    }

    /// The file of digests.
    fn checksums(&self) -> String {
        ["x64", "aarch64"].into_iter().fold(String::new(), |mut text, architecture| {
            let name = format!("tool-1.0-{architecture}.tar.xz");
            let _ = writeln!(text, "{}  {name}", sha256(&self.published(&name)));
            text
        })
    }

    fn sign(&self, signer: Signer) {
        self.publish("SHASUMS256.txt.asc", &signer.clear_sign(&self.checksums(), DATE));
    }

    fn define(&self, from: &str, to: &str) {
        self.shop.edit("tool.toml", from, to);
    }

    fn lock(&self) -> Said {
        let said = self.shop.world.distro(&["lock", "--timeout", "1", "--retries", "0"]);
        Said { stderr: without_digests(&said.stderr), ..said }
    }

    fn lock_text(&self) -> String {
        self.shop.world.read("lock/debian13.lock")
    }

    fn tarballs_in_lock(&self) -> String {
        let text = without_digests(&self.lock_text());
        let start = text.find("[[tarball]]").unwrap();
        let end = text.find("[[image]]").unwrap();
        let tarballs = text[start..end].trim_end().to_owned() + "\n";
        tarballs.replace(&Signer::ThirdParty.fingerprint(), "[TOOL KEY]")
    }
}

#[test]
fn a_tarball_is_locked_by_the_checksums_that_upstream_signs() {
    let upstream = Upstream::new();
    upstream.lock().success();
    assert_same(
        &upstream.tarballs_in_lock(),
        r#"
[[tarball]]
name = "tool"
version = "1.0"
checksums = "…"
signed-by = [
  "[TOOL KEY]",
]
file.amd64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz", size = 324, sha256 = "…" }
file.arm64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-aarch64.tar.xz", size = 328, sha256 = "…" }
"#,
    );
    let lock = upstream.lock_text();
    for file in ["SHASUMS256.txt.asc", "tool-1.0-x64.tar.xz", "tool-1.0-aarch64.tar.xz"] {
        assert!(lock.contains(&sha256(&upstream.published(file))), "{file}");
    }
    let (_, image) = lock.split_once("name = \"tool\"\ntags").unwrap();
    assert!(image.ends_with("tarballs = [\n  \"tool\",\n]\n"), "{image}");
}

#[test]
fn a_tarball_is_a_layer_of_root_s_files_with_what_is_dropped_left_out() {
    let upstream = Upstream::new();
    upstream.shop.lock();
    upstream.shop.world.distro(&["build", "--arch", "all"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                 ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
one-debian13:latest   amd64         1       2       765 B  11.0 KiB  sha256:761ff0662b24
one-debian13:latest   arm64         1       2       766 B  11.0 KiB  sha256:c6127de7b303
tool-debian13:latest  amd64         1       3     1.0 KiB  17.0 KiB  sha256:957f5235e980
tool-debian13:latest  arm64         1       3     1.0 KiB  17.0 KiB  sha256:e817d78c5f20
----- stderr -----
      Built 4 images in out; 2 packages and 2 tarballs converted
"#,
    );
    let out = upstream.shop.out();
    let image = out.image("tool-debian13:latest-amd64");
    assert_eq!(
        image.tree().into_iter().filter(|line| line.starts_with("/opt")).collect::<Vec<_>>(),
        [
            "/opt dir 0755 0:0",
            "/opt/tool dir 0755 0:0",
            "/opt/tool/LICENSE file 0644 0:0 f185d8952b25",
            "/opt/tool/architecture file 0644 0:0 5609f728403e",
            "/opt/tool/bin dir 0755 0:0",
            "/opt/tool/bin/alias link tool",
            "/opt/tool/bin/tool file 0755 0:0 50fda23bf0a5",
        ]
    );
    assert_eq!(image.history(), ["libc6 2.41-1 (amd64)", "step usr-merge", "tarball tool 1.0 (amd64)"]);
    assert_eq!(image.config["config"]["Env"][0], "TOOL_VERSION=1.0");
    let arm64 = out.image("tool-debian13:latest-arm64");
    assert_eq!(arm64.file("/opt/tool/architecture"), "aarch64");
    let one = out.image("one-debian13:latest-amd64");
    assert_eq!(one.layer_digests(), image.layer_digests()[..one.layer_digests().len()]);
}

#[test]
fn a_second_run_asks_upstream_for_nothing() {
    let upstream = Upstream::new();
    upstream.shop.lock().build(&[]).success();
    upstream.shop.server.take_requests();
    let before = upstream.lock_text();
    upstream.lock().success();
    upstream.shop.build(&["--offline"]).success();
    let asked = upstream.shop.server.take_paths();
    assert!(asked.iter().all(|path| !path.contains("upstream")), "{asked:?}");
    assert_eq!(upstream.lock_text(), before);
}

#[test]
fn a_build_fetches_the_locked_tarball_and_nothing_else_will_do() {
    let upstream = Upstream::new();
    upstream.shop.lock();
    fs::remove_dir_all(upstream.shop.world.path("store")).unwrap();
    let offline = upstream.shop.build(&["tool", "--offline"]);
    assert_refused(
        &offline,
        r#"
error: 2 locked packages are not in the store:
  libc6 2.41-1 (amd64)
  tarball tool 1.0 (amd64)
hint: run once without `--offline`, which fetches what is missing
"#,
    );
    upstream.publish("tool-1.0-x64.tar.xz", &tar(&[Member::file("evil", "x")], Compression::Xz));
    let said = upstream.shop.build(&["tool", "--retries", "0"]);
    assert_refused(
        &Said { stderr: without_digests(&said.stderr), ..said },
        r#"
error: a locked package is not to be had:
  tarball tool 1.0 (amd64)
asked [URL]/upstream/v1.0/ (upstream): another file came: it has 140 bytes, but 324 were expected
hint: try again later, or name a mirror of your own in catalog.toml; where the archive has moved on, `distro build --renew` locks what it has today, and builds that
"#,
    );
}

#[test]
fn a_renewal_tells_of_tarballs_and_of_the_images_that_hold_them() {
    let upstream = Upstream::new();
    upstream.lock().success();
    let old = upstream.lock_text();
    upstream.shop.world.write("old.lock", &old);
    let mut checksums = String::new();
    for architecture in ["x64", "aarch64"] {
        let tarball = tar(&[Member::file("tool-1.1/bin/tool", architecture)], Compression::Xz);
        let name = format!("tool-1.1-{architecture}.tar.xz");
        let _ = writeln!(checksums, "{}  {name}", sha256(&tarball));
        upstream.publish(&format!("../v1.1/{name}"), &tarball);
    }
    upstream.publish("../v1.1/SHASUMS256.txt.asc", &Signer::ThirdParty.clear_sign(&checksums, DATE));
    upstream.define("version = \"1.0\"", "version = \"1.1\"");
    upstream.lock().assert_is(
        r#"
status: 0
----- stdout -----
debian13: 1 tarball changed; 1 image affected

PACKAGE       OLD  NEW
tarball tool  1.0  1.1

IMAGE          TAGS  DOWNLOAD  INSTALLED
tool-debian13  all     -172 B       ±0 B
----- stderr -----
     Locked debian13: 1 package for 2 images in lock/debian13.lock
"#,
    );
    let diff =
        |format| upstream.shop.world.distro(&["diff", "old.lock", "lock/debian13.lock", "--format", format]);
    diff("markdown").assert_is(
        r#"
status: 0
----- stdout -----
### debian13

1 tarball changed; 1 image affected.

| source | packages | old | new | suite | fixes |
|---|---|---|---|---|---|
| upstream | `tool` (tarball) | `1.0` | `1.1` | - |  |

<details><summary>1 image affected</summary>

| image | tags | download | installed |
|---|---|--:|--:|
| tool-debian13 | all | -172 B | ±0 B |

</details>
----- stderr -----
"#,
    );
    diff("json").assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "release": "debian13",
    "packages": [],
    "tarballs": [
      {
        "tarball": "tool",
        "old": "1.0",
        "new": "1.1"
      }
    ],
    "sources": [],
    "images": [
      {
        "image": "tool-debian13",
        "tags": [
          "latest"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 1428,
              "installed": 1024
            },
            "new": {
              "download": 1256,
              "installed": 1024
            }
          },
          "arm64": {
            "old": {
              "download": 1432,
              "installed": 1024
            },
            "new": {
              "download": 1260,
              "installed": 1024
            }
          }
        }
      }
    ]
  }
]
----- stderr -----
"#,
    );
}

#[test]
fn a_vendor_folder_has_tarballs_too_and_a_build_from_it_needs_no_server() {
    let upstream = Upstream::new();
    let shop = &upstream.shop;
    let built = shop.lock().build(&["--format", "json"]).success();
    shop.world.distro(&["vendor", "vendor", "--arch", "amd64"]).success();
    let listed = shop.world.read("vendor/SHA256SUMS");
    let of_upstream: Vec<_> = listed.lines().filter_map(|line| line.split_once("  upstream/")).collect();
    let names: Vec<_> = of_upstream.iter().map(|(_, path)| *path).collect();
    let below = "upstream.example/dist/v1.0";
    assert_eq!(names, [format!("{below}/SHASUMS256.txt.asc"), format!("{below}/tool-1.0-x64.tar.xz")]);
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    fs::remove_dir_all(shop.world.path("out")).unwrap();
    shop.server.fail("/**", Fault::Status(500));
    let again = shop.build(&["--offline", "--vendor", "vendor", "--format", "json"]).success();
    assert_eq!(again.stdout, built.stdout);
    let verified =
        shop.world.distro(&["lock", "--verify", "--packages", "--arch", "amd64", "--vendor", "vendor"]);
    verified.assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 1 package in 3 package lists of 3 signed suites, 1 source in 1 source list, 1 tarball; 2 files at hand and whole
"#,
    );
}

#[test]
fn a_tarball_s_chain_of_trust_is_verified_again() {
    let upstream = Upstream::new();
    upstream.shop.lock();
    let verify = || {
        let said = upstream.shop.world.distro(&["lock", "--verify"]);
        Said { stderr: without_digests(&said.stderr), ..said }
    };
    verify().assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
   Verified debian13: 2 packages in 6 package lists of 3 signed suites, 1 source in 1 source list, 1 tarball; 2 files at hand and whole
"#,
    );
    let lock = upstream.lock_text();
    let pin = lock.lines().find(|line| line.starts_with("file.amd64 = ")).unwrap();
    let digest = &pin[pin.len() - 67..pin.len() - 3];
    upstream.shop.world.write("lock/debian13.lock", &lock.replace(digest, &sha256(b"another")));
    assert_broken(
        &verify(),
        "debian13: tool 1.0: its SHA-256 is … in the lock, and … in the file of checksums",
    );
    let checksums = lock.lines().find_map(|line| line.strip_prefix("checksums = ")).unwrap();
    upstream
        .shop
        .world
        .write("lock/debian13.lock", &lock.replace(checksums, &format!("{:?}", sha256(b"none"))));
    assert_unseen(&verify(), "debian13: tool 1.0: its file `SHASUMS256.txt.asc` is not at hand");
    upstream.shop.world.write("lock/debian13.lock", &lock);
    upstream.define(&Signer::ThirdParty.fingerprint(), &Signer::Valid.fingerprint());
    let key = Signer::ThirdParty.fingerprint();
    upstream.shop.world.write("lock/debian13.lock", &lock.replace(&key, &Signer::Valid.fingerprint()));
    assert_broken(
        &verify(),
        "debian13: tool 1.0: none of the keys that signed it is trusted: [TOOL KEY] (Acme Packages <acme@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`",
    );
}

#[test]
fn an_sbom_names_a_tarball_with_its_origin_and_licence() {
    let upstream = Upstream::new();
    upstream.shop.lock().build(&[]).success();
    let said = upstream.shop.world.distro(&["sbom", "tool", "--arch", "amd64"]).success();
    let sbom: Value = serde_json::from_str(&said.stdout).unwrap();
    let packages = sbom["packages"].as_array().unwrap();
    let tool = packages.iter().find(|package| package["SPDXID"] == "SPDXRef-Upstream-tool").unwrap();
    assert_same(
        &(without_digests(&serde_json::to_string_pretty(tool).unwrap()) + "\n"),
        r#"
{
  "SPDXID": "SPDXRef-Upstream-tool",
  "annotations": [
    {
      "annotationDate": "2025-06-15T15:06:40Z",
      "annotationType": "OTHER",
      "annotator": "Tool: distro-0.1.0",
      "comment": "left out: 1 files, 8 bytes, by the filter `/opt/tool/share/man/**`: its definition does not take it"
    }
  ],
  "checksums": [
    {
      "algorithm": "SHA256",
      "checksumValue": "…"
    },
    {
      "algorithm": "SHA512",
      "checksumValue": "b56cc45980955bdf46ee5cb93386e604767f6ee50cb758fd9cf9d8844350f18e6f42ad1bf5b3f68fa5d3f972c4a2d2a3274b132464d7875c54eaea800f8640e0"
    }
  ],
  "copyrightText": "NOASSERTION",
  "downloadLocation": "https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz",
  "externalRefs": [
    {
      "referenceCategory": "PACKAGE-MANAGER",
      "referenceLocator": "pkg:generic/the-tool@1.0?checksum=sha256%3Ae88be745449eb10aa6fb2b78c49d1367a89f4c161dda06a5d1b6364ceb33819a&download_url=https%3A%2F%2Fupstream.example%2Fdist%2Fv1.0%2Ftool-1.0-x64.tar.xz",
      "referenceType": "purl"
    }
  ],
  "filesAnalyzed": true,
  "homepage": "https://tool.example/",
  "licenseConcluded": "Apache-2.0 OR MIT",
  "licenseDeclared": "Apache-2.0 OR MIT",
  "name": "the-tool",
  "packageFileName": "tool-1.0-x64.tar.xz",
  "packageVerificationCode": {
    "packageVerificationCodeValue": "49a96efb8c2525358165c7439b21333cf8625a77"
  },
  "primaryPackagePurpose": "APPLICATION",
  "supplier": "Organization: Tool Makers",
  "versionInfo": "1.0"
}
"#,
    );
    let contains = serde_json::json!({
        "spdxElementId": "SPDXRef-Image",
        "relationshipType": "CONTAINS",
        "relatedSpdxElement": "SPDXRef-Upstream-tool",
    });
    assert!(sbom["relationships"].as_array().unwrap().contains(&contains));
}

#[test]
fn a_signature_may_stand_in_a_file_of_its_own() {
    let upstream = Upstream::new();
    upstream.define(
        "SHASUMS256.txt.asc\"",
        "SHASUMS256.txt\"\nchecksums.signature = \"https://upstream.example/dist/v1.0/SHASUMS256.txt.sig\"",
    );
    let checksums = upstream.checksums();
    upstream.publish("SHASUMS256.txt", checksums.as_bytes());
    upstream.publish("SHASUMS256.txt.sig", &Signer::ThirdParty.detached_sign(&checksums, DATE));
    upstream.lock().success();
    assert_same(
        &upstream.tarballs_in_lock(),
        r#"
[[tarball]]
name = "tool"
version = "1.0"
checksums = "…"
signature = "…"
signed-by = [
  "[TOOL KEY]",
]
file.amd64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz", size = 324, sha256 = "…" }
file.arm64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-aarch64.tar.xz", size = 328, sha256 = "…" }
"#,
    );
    upstream.publish("SHASUMS256.txt", checksums.replace("x64", "x65").as_bytes());
    fs::remove_file(upstream.shop.world.path("lock/debian13.lock")).unwrap();
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `SHASUMS256.txt` from any source:
    [URL]/upstream/v1.0/ (upstream): the signature by [TOOL KEY] does not match the text: it was altered after it was signed
"#,
    );
    upstream.publish("SHASUMS256.txt.sig", b"no signature\n");
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `SHASUMS256.txt` from any source:
    [URL]/upstream/v1.0/ (upstream): its signature cannot be read: unexpected EOF
"#,
    );
}

#[test]
fn checksums_that_were_altered_or_signed_by_another_are_refused() {
    let upstream = Upstream::new();
    let signed = String::from_utf8(upstream.published("SHASUMS256.txt.asc")).unwrap();
    upstream.publish("SHASUMS256.txt.asc", signed.replace("x64", "x65").as_bytes());
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `SHASUMS256.txt.asc` from any source:
    [URL]/upstream/v1.0/ (upstream): the signature by [TOOL KEY] does not match the text: it was altered after it was signed
"#,
    );
    upstream.sign(Signer::Valid);
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `SHASUMS256.txt.asc` from any source:
    [URL]/upstream/v1.0/ (upstream): none of the keys that signed it is trusted: [VALID KEY] (Fake Archive <archive@example.org>, in the keyring); if one should be, add its fingerprint to the `keys` that the catalog trusts here, and its certificate to the directory `keys`
"#,
    );
    upstream.publish("SHASUMS256.txt.asc", upstream.checksums().as_bytes());
    assert_eq!(upstream.lock().status, Some(1));
    assert!(!upstream.shop.world.path("lock/debian13.lock").exists());
}

#[test]
fn a_tarball_that_is_not_the_signed_one_is_refused() {
    let upstream = Upstream::new();
    upstream.shop.server.fail("/upstream/v1.0/*aarch64*", Fault::WrongBytes);
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `tool-1.0-aarch64.tar.xz` from any source:
    [URL]/upstream/v1.0/ (upstream): another file came: its SHA-256 is …, but … was expected
"#,
    );
}

#[test]
fn checksums_that_do_not_name_the_tarball_are_refused() {
    let upstream = Upstream::new();
    let others = upstream.checksums().replace("tool-1.0-x64", "tool-1.0-x86");
    upstream.publish("SHASUMS256.txt.asc", &Signer::ThirdParty.clear_sign(&others, DATE));
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  the file of checksums `https://upstream.example/dist/v1.0/SHASUMS256.txt.asc` does not vouch for it
  it names no SHA-256 of `tool-1.0-x64.tar.xz`
"#,
    );
}

#[test]
fn a_tarball_that_cannot_be_had_leaves_the_other_images_alone() {
    for fault in [Fault::Status(404), Fault::Status(503), Fault::Cut(100), Fault::Hang] {
        let upstream = Upstream::new();
        upstream.shop.server.fail("/upstream/**", fault.clone());
        let said = upstream.lock();
        assert_eq!(said.status, Some(0), "{fault:?}: {said}");
        assert!(
            said.stderr.contains("tool-debian13 cannot be locked without the tarball `tool`"),
            "{fault:?}: {said}"
        );
        upstream.shop.build(&["one"]).success();
    }
}

#[test]
fn an_architecture_can_stay_as_it_is_locked_without_the_tarballs_that_could_not_be_had() {
    let mut upstream = Upstream::new();
    upstream.shop.server.fail("/upstream/**", Fault::Status(404));
    assert_eq!(upstream.lock().status, Some(0));
    libc6("2.41-2").publish(&mut upstream.shop.archive);
    upstream.shop.server.fail("/debian/dists/trixie/main/binary-arm64/**", Fault::Status(404));
    upstream.shop.world.distro(&["lock", "--keep-going"]).assert_is(r#"
status: 0
----- stdout -----
debian13: 1 upgraded; 1 changelog not at hand; 1 image affected

PACKAGE  OLD     NEW
libc6    2.41-1  2.41-2  amd64

SOURCE        FIXES
glibc 2.41-2  changelog not at hand

IMAGE         TAGS  DOWNLOAD  INSTALLED
one-debian13  all       ±0 B       ±0 B
----- stderr -----
warning: tool-debian13 cannot be locked without the tarball `tool`: could not get `SHASUMS256.txt.asc` from any source: [URL]/upstream/v1.0/ (upstream): not found
warning: debian13 stays as it was locked on arm64, where it cannot be renewed: could not read the suite `trixie`: could not get `dists/trixie/main/binary-arm64/Packages.xz` from any source:
  [URL]/debian/ (host apt sources): not found
     Locked debian13: 1 package for 1 image in lock/debian13.lock
warning: libc6 has not one version: 2.41-1 on arm64; 2.41-2 on amd64
"#);
    // What is locked for no architecture cannot stay as it is.
    upstream.shop.server.heal();
    upstream.shop.server.fail("/debian/dists/trixie/main/binary-arm64/**", Fault::Status(404));
    assert_unobtainable(
        &upstream.shop.world.distro(&["lock", "--keep-going"]),
        "trixie/main/binary-arm64/Packages.xz",
        "[URL]/debian/ (host apt sources): not found",
    );
}

#[test]
fn tarballs_that_fail_alike_are_told_together() {
    let upstream = Upstream::new();
    let definition = upstream.shop.world.read("images/tool.toml");
    let other =
        definition.replace("1.0", "1.1").replace("tool]", "other]").replace("[\"tool\"]", "[\"other\"]");
    upstream.shop.world.catalog("other.toml", &other.replace("tarball(\"tool\")", "tarball(\"other\")"));
    upstream.shop.append("catalog.toml", "[tag.nonroot]\nuser = \"nonroot\"\n");
    upstream.shop.server.fail("/upstream/v1.0/**", Fault::Status(404));
    upstream.lock().assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
warning: other-debian13, tool-debian13 cannot be locked without the tarballs `other`, `tool`: could not get `SHASUMS256.txt.asc` from any source: [URL]/upstream/v1.1/ (upstream): not found
     Locked debian13: 1 package for 2 images in lock/debian13.lock
"#);
    upstream.shop.build(&[]).assert_is(r#"
status: 0
----- stdout -----
IMAGE                 ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
one-debian13:latest   amd64         1       2       765 B  11.0 KiB  sha256:761ff0662b24
one-debian13:nonroot  amd64         1       2       765 B  11.0 KiB  sha256:2dbf5d9bceb8
----- stderr -----
warning: left out, as upstream tarballs could not be had when the locks were made: other-debian13, tool-debian13
      Built 2 images in out; 1 package converted
"#);
    upstream.shop.world.distro(&["vendor", "folder", "--arch", "all"]).assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
warning: left out, as upstream tarballs could not be had when the locks were made: other-debian13, tool-debian13
   Vendored 12 files (6.7 KiB) into folder; 0 were there
"#);
}

#[test]
fn an_image_whose_tarball_could_not_be_had_is_named_until_it_can() {
    let upstream = Upstream::new();
    upstream.shop.server.fail("/upstream/**", Fault::Status(404));
    upstream.lock().assert_is(r#"
status: 0
----- stdout -----
----- stderr -----
warning: tool-debian13 cannot be locked without the tarball `tool`: could not get `SHASUMS256.txt.asc` from any source: [URL]/upstream/v1.0/ (upstream): not found
     Locked debian13: 1 package for 1 image in lock/debian13.lock
"#);
    assert!(upstream.lock_text().contains("missing-tarballs = [\n  \"tool\",\n]\n"));
    upstream.shop.build(&[]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PACKAGES  LAYERS  COMPRESSED  UNPACKED  DIGEST
one-debian13:latest  amd64         1       2       765 B  11.0 KiB  sha256:761ff0662b24
----- stderr -----
warning: left out, as upstream tarballs could not be had when the locks were made: tool-debian13
      Built 1 image in out; 1 package converted
"#,
    );
    assert_refused(
        &upstream.shop.build(&["tool"]),
        r#"
error: tool-debian13:latest is not locked, because its tarball `tool` could not be had
hint: `distro lock --release debian13` tries again
"#,
    );
    assert_refused(
        &upstream.shop.world.distro(&["tree", "tool", "--arch", "amd64"]),
        r#"
error: tool-debian13:latest is not locked, because its tarball `tool` could not be had
hint: `distro lock --release debian13` tries again
"#,
    );
    upstream.shop.server.heal();
    upstream.lock().success();
    upstream.shop.world.distro(&["tree", "tool", "--arch", "amd64"]).assert_is(
        r#"
status: 0
----- stdout -----
tool-debian13:latest (amd64)
└── libc6 2.41-1  1.0 KiB
tarball tool 1.0 (tool)
left out libgcc-s1, wanted by libc6: cc has it
----- stderr -----
"#,
    );
    upstream.shop.build(&["tool"]).success();
}

#[test]
fn a_lock_without_an_image_is_without_what_only_that_image_chose() {
    let mut upstream = Upstream::new();
    for package in [
        Package::new("app", "1").archs(BOTH).depends("vi | editor"),
        Package::new("vi", "1").archs(BOTH),
        Package::new("nano", "1").archs(BOTH).provides("editor").conflicts("vi"),
    ] {
        package.publish(&mut upstream.shop.archive);
    }
    upstream.shop.append("one.toml", "[image.app]\ndescription = \"App\"\npackages = [\"app\"]\n");
    upstream.define("parent = \"one\"", "packages = [\"app\", \"nano\"]");
    upstream.lock().success();
    assert!(upstream.lock_text().contains("name = \"nano\""));
    fs::remove_file(upstream.shop.world.path("lock/debian13.lock")).unwrap();
    fs::remove_dir_all(upstream.shop.world.path("store")).unwrap();
    upstream.shop.server.fail("/upstream/**", Fault::Status(404));
    upstream.lock().success();
    assert!(!upstream.lock_text().contains("nano"));
    upstream.shop.build(&["app"]).success();
}

#[test]
fn a_tarball_that_can_no_longer_be_had_stays_as_it_was_locked() {
    let mut upstream = Upstream::new();
    upstream.lock().success();
    let before = upstream.tarballs_in_lock();
    upstream.shop.server.fail("/upstream/**", Fault::Status(404));
    libc6("2.41-2").publish(&mut upstream.shop.archive);
    upstream.lock().success();
    assert!(upstream.lock_text().contains("version = \"2.41-2\""));
    assert_eq!(upstream.tarballs_in_lock(), before);
}

#[test]
fn a_lock_is_stale_where_a_tarball_s_definition_says_something_else() {
    let upstream = Upstream::new();
    upstream.lock().success();
    let stale = |from: &str, to: &str, why: &str| {
        upstream.define(from, to);
        let said = upstream.shop.build(&["one"]);
        upstream.define(to, from);
        assert_refused(
            &said,
            &format!(
                "error: the lock `lock/debian13.lock` does not fit the definitions\n  {why}\n\
                 hint: `distro lock --release debian13` makes a new one\n"
            ),
        );
    };
    let other =
        "the tarball `tool` is locked in another version, or from another URL, than its definition says";
    stale("version = \"1.0\"", "version = \"1.1\"", other);
    stale("dist/v", "dist/w", other);
    stale(
        &Signer::ThirdParty.fingerprint(),
        &Signer::Valid.fingerprint(),
        "the tarball `tool` is locked on the word of others than its definition trusts",
    );
    stale(
        "{ amd64 = \"x64\", arm64 = \"aarch64\" }",
        "{ amd64 = \"x64\" }",
        "tool-debian13:latest is for amd64, the lock has it for amd64, arm64",
    );
    stale(
        "tarballs = [\"tool\"]",
        "tarballs = []",
        "tool-debian13:latest no longer holds the tarball `tool`",
    );
}

#[test]
fn a_definition_may_vouch_for_a_tarball_that_nobody_signs() {
    let upstream = Upstream::new();
    let text = upstream.shop.world.read("images/tool.toml");
    let checksums: Vec<_> = text.lines().filter(|line| line.starts_with("checksums")).collect();
    let checksums = checksums.join("\n");
    let digest = |architecture| sha256(&upstream.published(&format!("tool-1.0-{architecture}.tar.xz")));
    let declared = format!("sha256 = {{ amd64 = \"{}\", arm64 = \"{}\" }}", digest("x64"), digest("aarch64"));
    upstream.define(&checksums, &declared);
    upstream.lock().success();
    assert_same(
        &upstream.tarballs_in_lock(),
        r#"
[[tarball]]
name = "tool"
version = "1.0"
unsigned = true
file.amd64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz", size = 324, sha256 = "…" }
file.arm64 = { url = "https://upstream.example/dist/v1.0/tool-1.0-aarch64.tar.xz", size = 328, sha256 = "…" }
"#,
    );
    upstream.shop.build(&["tool"]).success();
    upstream.define(&digest("aarch64"), &sha256(b"something else"));
    assert_refused(
        &upstream.shop.build(&["tool"]),
        r#"
error: the lock `lock/debian13.lock` does not fit the definitions
  the tarball `tool` is locked on the word of others than its definition trusts
hint: `distro lock --release debian13` makes a new one
"#,
    );
    assert_refused(
        &upstream.lock(),
        r#"
error: could not lock debian13
  could not lock the tarball `tool`
  could not get `tool-1.0-aarch64.tar.xz` from any source:
    [URL]/upstream/v1.0/ (upstream): another file came: its SHA-256 is …, but … was expected
"#,
    );
}

#[test]
fn a_lock_that_contradicts_itself_about_a_tarball_is_refused() {
    let upstream = Upstream::new();
    upstream.lock().success();
    let lock = upstream.lock_text();
    let tarball = &lock[lock.find("[[tarball]]").unwrap()..lock.find("[[image]]").unwrap()];
    let checksums = tarball.lines().find(|line| line.starts_with("checksums")).unwrap();
    let arm64 = tarball.lines().find(|line| line.starts_with("file.arm64")).unwrap();
    let refusals = [
        (tarball, format!("{tarball}{tarball}")),
        (tarball, String::new()),
        (arm64, String::new()),
        (checksums, String::new()),
        (checksums, format!("{checksums}\nunsigned = true")),
        ("https://upstream.example/dist/v1.0/tool-1.0-x64", "tool-1.0-x64".to_owned()),
    ]
    .map(|(from, to)| {
        upstream.shop.world.write("lock/debian13.lock", &lock.replacen(from, &to, 1));
        let said = upstream.shop.build(&["one"]);
        assert_eq!((said.status, said.stdout.as_str()), (Some(1), ""), "{said}");
        said.stderr
            .lines()
            .filter(|line| !line.starts_with("hint:"))
            .fold(String::new(), |text, line| text + line + "\n")
    });
    assert_same(
        &refusals.concat(),
        r#"
error: the lock `lock/debian13.lock` cannot be used
  the tarball `tool` is in it twice
error: the lock `lock/debian13.lock` cannot be used
  the image `tool` holds the tarball `tool` on amd64, but the lock does not have it for that
error: the lock `lock/debian13.lock` cannot be used
  the image `tool` holds the tarball `tool` on arm64, but the lock does not have it for that
error: the lock `lock/debian13.lock` cannot be used
  the tarball `tool` needs `checksums` with `signed-by`, or `unsigned = true`
error: the lock `lock/debian13.lock` cannot be used
  the tarball `tool` needs `checksums` with `signed-by`, or `unsigned = true`
error: the lock `lock/debian13.lock` cannot be used
  `tool-1.0-x64.tar.xz` is not the URL of a file: relative URL without a base
"#,
    );
}

#[test]
fn the_compression_of_a_tarball_does_not_show_in_its_image() {
    let layer = |suffix: &str, compression| {
        let upstream = Upstream::new();
        upstream.define(".tar.xz", suffix);
        let members = [Member::file("tool-1.0/bin/tool", "the program")];
        for architecture in ["x64", "aarch64"] {
            upstream.publish(&format!("tool-1.0-{architecture}{suffix}"), &tar(&members, compression));
        }
        let checksums = ["x64", "aarch64"].map(|architecture| {
            let name = format!("tool-1.0-{architecture}{suffix}");
            format!("{} *{name}\n", sha256(&upstream.published(&name)))
        });
        let signed = Signer::ThirdParty.clear_sign(&checksums.concat(), DATE);
        upstream.publish("SHASUMS256.txt.asc", &signed);
        upstream.shop.lock().build(&["tool"]).success();
        upstream.shop.out().digest("tool-debian13:latest-amd64")
    };
    let xz = layer(".tar.xz", Compression::Xz);
    assert_eq!(layer(".tar.gz", Compression::Gz), xz);
    assert_eq!(layer(".tgz", Compression::Gz), xz);
    assert_eq!(layer(".tar.zst", Compression::Zst), xz);
    assert_eq!(layer(".tar", Compression::None), xz);
}

#[test]
fn only_what_is_named_may_be_taken_from_a_tarball() {
    let upstream = Upstream::new();
    upstream.define("drop = [\"/opt/tool/share/man/**\"]", "only = [\"/opt/tool/bin/tool\"]");
    upstream.shop.lock().build(&["tool"]).success();
    let image = upstream.shop.out().image("tool-debian13:latest-amd64");
    assert_eq!(image.files_below("/opt").len(), 1);
    upstream.define("only = [\"/opt/tool/bin/tool\"]", "only = [\"/opt/tool/bin/tolo\"]");
    assert_refused(
        &upstream.shop.build(&["tool"]),
        r#"
error: could not convert the tarball `https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz`
  nothing of it is left: do `strip`, `only` and `drop` fit what is in it?
"#,
    );
}

#[test]
fn a_path_of_a_tarball_that_another_has_is_refused() {
    let upstream = Upstream::of(&[Member::file("tool-1.0/lib/libc.so.6", "mine")]);
    upstream.define("to = \"/opt/tool\"", "to = \"/usr\"");
    upstream.shop.lock();
    assert_refused(
        &upstream.shop.build(&["tool"]),
        r#"
error: could not build tool-debian13:latest for amd64
  `/usr/lib/libc.so.6` is a file of `libc6` and a file of `tarball tool`; leave one of the two out of the image, or drop the path from one of them with a filter
"#,
    );
}

#[test]
fn an_image_is_for_the_architectures_of_its_tarballs() {
    let upstream = Upstream::new();
    upstream.define(", arm64 = \"aarch64\"", "");
    upstream.shop.world.distro(&["list"]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                 PARENT  ARCHITECTURES  DESCRIPTION
one-debian13:latest   -       amd64 arm64    One
tool-debian13:latest  one     amd64          The tool
----- stderr -----
"#,
    );
}

#[test]
fn a_hostile_tarball_is_refused() {
    let refused = |member: Member, reason: &str| {
        let upstream = Upstream::of(&[member]);
        upstream.shop.lock();
        let said = upstream.shop.build(&["tool"]);
        assert_refused(
            &said,
            &format!(
                "error: could not convert the tarball `https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz`\n{reason}"
            ),
        );
        upstream.shop.assert_nothing_is_half_written();
    };
    refused(
        Member::file("tool-1.0/../../etc/passwd", "x"),
        "  the member at byte 0 has an unusable name\n  \
         `tool-1.0/../../etc/passwd` is not a path of an image: it leaves its directory by `..`\n",
    );
    refused(Member::file("/etc/passwd", "x"), "  `/etc/passwd` has an absolute name\n");
    refused(Member::new("tool-1.0/dev", EntryType::Block), "  `/tool-1.0/dev` is a block device\n");
    refused(
        Member::link("tool-1.0/x", EntryType::Link, "/etc/shadow"),
        "  `/tool-1.0/x` is a hard link to `/etc/shadow`, which is no file that came before it\n",
    );
    let upstream = Upstream::of(&[]);
    upstream.publish("tool-1.0-x64.tar.xz", b"no archive");
    upstream.sign(Signer::ThirdParty);
    upstream.shop.lock();
    assert_refused(
        &upstream.shop.build(&["tool"]),
        r#"
error: could not convert the tarball `https://upstream.example/dist/v1.0/tool-1.0-x64.tar.xz`
  it cannot be unpacked: the xz data is damaged, cut short or needs too much memory
  premature eof
"#,
    );
}

#[test]
fn a_definition_of_a_tarball_that_cannot_be_meant_is_shown() {
    let upstream = Upstream::new();
    let refusals = [
        ("strip = 1", "strip = 1\nsha256 = {}"),
        ("amd64 = \"x64\"", "amd46 = \"x64\""),
        ("https://upstream.example/dist/v{{ version }}/tool", "https://me:secret@upstream.example/tool"),
        ("{{ arch.upstream }}.tar.xz", "{{ arch.uptsream }}.tar.xz"),
        ("SHASUMS256.txt.asc", "SHASUMS256-{{ arch.upstream }}.txt.asc"),
        (".tar.xz\"", ".zip\""),
        ("MIT OR Apache-2.0", "MIT or so"),
        ("tarballs = [\"tool\"]", "tarballs = [\"tolo\"]"),
        ("to = \"/opt/tool\"", "to = \"opt/tool\""),
        ("/opt/tool/share/man/**", "share/man/**"),
    ]
    .map(|(from, to)| {
        upstream.define(from, to);
        let said = upstream.shop.world.distro(&["list"]);
        upstream.define(to, from);
        assert_eq!((said.status, said.stdout.as_str()), (Some(1), ""), "{said}");
        said.stderr
    });
    assert_same(
        &refusals.join("\n"),
        r#"
error: both `checksums` and `sha256` vouch for this tarball
 --> images/tool.toml:2:10
  |
2 | [tarball.tool]
  |          ^^^^
  |
  = hint: name the `checksums` that upstream signs; or, where it signs none, a `sha256` for each architecture

error: unknown architecture `amd46`
 --> images/tool.toml:5:19
  |
5 | architectures = { amd46 = "x64", arm64 = "aarch64" }
  |                   ^^^^^ there is no such architecture
  |
  = hint: did you mean `amd64`?

error: a login stands in a URL
 --> images/tool.toml:4:16
  |
4 | url = "https://*********@upstream.example/tool-{{ version }}-{{ arch.upstream }}.tar.xz"
  |                ^^^^^^^^^ anyone can read this
  |
  = hint: put it into `auth.conf` of apt or into `~/.netrc`, and the URL here without it

error: this template cannot be filled in
 --> images/tool.toml:4:7
  |
4 | url = "https://upstream.example/dist/v{{ version }}/tool-{{ version }}-{{ arch.uptsream }}.tar.xz"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `arch.uptsream` is undefined
  |
  = hint: templates know version and arch.{debian, upstream} here

error: this template cannot be filled in
 --> images/tool.toml:6:17
  |
6 | checksums.url = "https://upstream.example/dist/v{{ version }}/SHASUMS256-{{ arch.upstream }}.txt.asc"
  |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `arch.upstream` is undefined
  |
  = hint: templates know version here, and no architecture: one file is for all of them

error: this is no tarball that can be unpacked
 --> images/tool.toml:4:7
  |
4 | url = "https://upstream.example/dist/v{{ version }}/tool-{{ version }}-{{ arch.upstream }}.zip"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected `.tar.xz`, `.tar.gz`, `.tar.zst` or `.tar`

error: `MIT or so` is no SPDX licence expression: unknown term
  --> images/tool.toml:13:11
   |
13 | license = "MIT or so"
   |           ^^^^^^^^^^^

error: unknown tarball `tolo`
  --> images/tool.toml:19:13
   |
19 | tarballs = ["tolo"]
   |             ^^^^^^ there is no such tarball
   |
   = hint: did you mean `tool`?

error: a path of an image begins with `/`
 --> images/tool.toml:9:6
  |
9 | to = "opt/tool"
  |      ^^^^^^^^^^

error: `share/man/**` matches no path of an image: it must begin with `/`
  --> images/tool.toml:10:9
   |
10 | drop = ["share/man/**"]
   |         ^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn every_releaser_of_node_js_has_a_key_in_the_catalog_that_can_sign() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    let definitions: toml::Table =
        fs::read_to_string(images.join("nodejs-upstream.toml")).unwrap().parse().unwrap();
    let files: Vec<_> =
        fs::read_dir(images.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let certs: Vec<_> = files.iter().map(|path| Cert::from_file(path).unwrap()).collect();
    // 2026-11-21: what expires later is to be renewed then.
    let day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200);
    let policy = StandardPolicy::at(day);
    for (name, tarball) in definitions["tarball"].as_table().unwrap() {
        let keys = tarball["checksums"]["keys"].as_array().unwrap();
        assert!(keys.len() > 1, "{name}");
        for key in keys {
            let key = key.as_str().unwrap();
            let cert = certs.iter().find(|cert| cert.fingerprint().to_hex() == key);
            let cert = cert.unwrap_or_else(|| panic!("{name}: the key {key} is not in images/keys"));
            let signing = cert.keys().with_policy(&policy, day).alive().revoked(false).for_signing();
            assert!(signing.count() > 0, "{name}: {key} cannot sign");
        }
    }
}
