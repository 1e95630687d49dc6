use super::*;
use crate::debian::PackagePattern;
use crate::lock::LockFile;

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const KEY: &str = "04B54C3CDCA79751B16BC6B5225629DF75B188BD";

/// A lock of suites of two archives, with an agent of acme's own that has glibc of Debian's built in.
fn lock(more: &str) -> Lock {
    let suite = |archive: &str, digest: &str| {
        format!(
            "[[suite]]\nname = \"trixie\"\narchive = \"{archive}\"\ndate = \"2026-01-01T00:00:00Z\"\n\
             in-release = \"{digest}\"\nsigned-by = [\"{KEY}\"]\n\
             index.\"main/binary-amd64/Packages.xz\" = \"{NEW}\"\nindex.\"main/source/Sources.xz\" = \"{OLD}\"\n"
        )
    };
    let text = format!(
        r#"
version = 1
release = "debian13"
{}{}
[[package]]
name = "agent"
version = "3-1"
suite = "trixie"
archive = "acme"
path = "pool/agent_{{arch}}.deb"
built-using = ["glibc 2.41-1 [amd64]"]
deb.amd64 = {{ size = 1, installed = 1, sha256 = "{NEW}" }}
{more}
[[image]]
name = "base"
tags = ["latest"]
architectures = ["amd64"]
packages = ["agent"]
"#,
        suite("debian", OLD),
        suite("acme", NEW)
    );
    Lock::try_from(toml::from_str::<LockFile>(&text).unwrap()).unwrap()
}

fn source_block(name: &str, version: &str, archive: &str, sha256: &str) -> String {
    format!(
        "[[source]]\nname = \"{name}\"\nversion = \"{version}\"\nsuite = \"trixie\"\narchive = \"{archive}\"\n\
         path = \"old/x.dsc\"\nsize = 1\nsha256 = \"{sha256}\"\n"
    )
}

fn suite(archive: &str, only: Option<&str>) -> Suite {
    Suite {
        archive: archive.parse().unwrap(),
        name: "trixie".to_owned(),
        components: vec!["main".to_owned()],
        keys: vec![KEY.parse().unwrap()],
        only: only.map(|only| vec![only.parse::<PackagePattern>().unwrap()]),
    }
}

fn index(sources: &[&str], directory: &str, sha256: &str) -> SourcesIndex {
    let stanza = |source: &&str| {
        let (name, version) = source.split_once(' ').unwrap();
        format!(
            "Package: {name}\nVersion: {version}\nDirectory: {directory}\nChecksums-Sha256:\n {sha256} 1 x.dsc\n"
        )
    };
    SourcesIndex::new(sources.iter().map(stanza).collect::<Vec<_>>().join("\n"))
}

/// The sources of a lock, with the archive and the path of each.
fn found(lock: &Lock, search: Search<'_>) -> Vec<String> {
    let lock = lock.clone().with_sources(search);
    let shown = |(source, pin): (&Source, &SourcePin)| format!("{source}: {} {}", pin.archive, pin.path);
    lock.sources.iter().map(shown).collect()
}

const BOTH: [&str; 3] = ["agent 3-1", "glibc 2.41-1", "glibc 2.40-1"];

#[test]
fn an_archive_is_believed_first_about_sources_of_its_own_packages() {
    let lock = lock("");
    let (debian, acme) = (&lock.suites[0], &lock.suites[1]);
    let mut search = Search::new(&lock, None);
    search.look_into(&index(&BOTH, "deb", OLD), &suite("debian", None), debian);
    assert!(search.is_over());
    search.look_into(&index(&["agent 3-1"], "acme", NEW), &suite("acme", Some("agent")), acme);
    assert_eq!(found(&lock, search), ["agent 3-1: acme acme/x.dsc", "glibc 2.41-1: debian deb/x.dsc"]);
}

#[test]
fn an_archive_of_some_packages_does_not_answer_for_those_of_others() {
    let lock = lock(
        "[[package]]\nname = \"libc6\"\nversion = \"2.41-2\"\nsource = \"glibc\"\nsuite = \"trixie\"\n\
         path = \"pool/libc6_{arch}.deb\"\n\
         deb.amd64 = { size = 1, installed = 1, sha256 = \"3333333333333333333333333333333333333333333333333333333333333333\" }\n",
    );
    let acme = &lock.suites[1];
    let all = index(&["agent 3-1", "glibc 2.41-2"], "acme", NEW);
    let mut search = Search::new(&lock, None);
    search.look_into(&all, &suite("acme", Some("agent")), acme);
    let missing = search.missing(|_| true).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(missing, ["glibc 2.41-1", "glibc 2.41-2"]);
    assert!(search.missing(|archive| archive.as_str() == "nobody").is_empty());
    assert_eq!(found(&lock, search), ["agent 3-1: acme acme/x.dsc"]);
}

#[test]
fn what_is_held_keeps_its_source_though_the_archive_has_another_of_that_version() {
    let old = lock(&source_block("glibc", "2.41-1", "debian", OLD));
    let renewed = lock("");
    let mut search = Search::new(&renewed, Some(&old));
    search.look_into(&index(&BOTH, "deb", NEW), &suite("debian", None), &renewed.suites[0]);
    assert_eq!(found(&renewed, search), ["agent 3-1: debian deb/x.dsc"]);
}

#[test]
fn an_older_lock_is_recalled_where_its_signers_are_still_trusted() {
    let mut old = lock(&source_block("glibc", "2.41-1", "debian", OLD));
    old.suites[0].in_release = NEW.parse().unwrap();
    let renewed = lock("");
    let release = |keys: &str| Release {
        codename: "trixie".to_owned(),
        version: "13".to_owned(),
        architectures: vec!["amd64".parse().unwrap()],
        suites: vec![Suite { keys: vec![keys.parse().unwrap()], ..suite("debian", None) }],
        pins: BTreeMap::new(),
    };
    let mut search = Search::new(&renewed, None);
    search.recall(&old, &release(&KEY.replace('0', "1")));
    assert_eq!(found(&renewed, search), [""; 0]);
    let mut search = Search::new(&renewed, None);
    search.recall(&old, &release(KEY));
    let lock = renewed.with_sources(search);
    let states: Vec<_> =
        lock.suites.iter().map(|suite| (suite.archive.as_str(), suite.indexes.len())).collect();
    assert_eq!(states, [("debian", 2), ("debian", 1), ("acme", 2)]);
    let pin = lock.source(&"glibc 2.41-1".parse().unwrap()).unwrap();
    assert_eq!(pin.in_release, Some(NEW.parse().unwrap()));
    assert!(std::ptr::eq(lock.suite_of_source(pin).unwrap(), &lock.suites[1]));
    // It is read again as it was written.
    let text = LockFile::from(&lock).to_text();
    assert_eq!(Lock::try_from(toml::from_str::<LockFile>(&text).unwrap()), Ok(lock));
}
