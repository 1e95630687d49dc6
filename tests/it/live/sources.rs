//! The source packages that the catalog's locks pin, beside what xz(1) unpacks from the archive's own indexes.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{live, tool};

/// A lock, as TOML.
fn lock(release: &str) -> Table {
    live().world.read(&format!("lock/{release}.lock")).parse().unwrap()
}

fn blocks<'l>(lock: &'l Table, kind: &str) -> impl Iterator<Item = &'l Table> {
    lock[kind].as_array().unwrap().iter().map(|block| block.as_table().unwrap())
}

fn text<'l>(block: &'l Table, key: &str) -> Option<&'l str> {
    block.get(key).and_then(Value::as_str)
}

/// `glibc 2.41-12`: what the packages of a lock were built from, or with.
fn wanted(lock: &Table) -> BTreeSet<String> {
    let of_package = |package: &Table| {
        let version = text(package, "version").unwrap();
        let own = text(package, "source").or(text(package, "name")).unwrap();
        let own = format!("{own} {}", text(package, "source-version").unwrap_or(version));
        let built_in = package.get("built-using").and_then(Value::as_array).into_iter().flatten();
        let built_in = built_in.map(|source| source.as_str().unwrap().split(" [").next().unwrap().to_owned());
        built_in.chain([own]).collect::<Vec<_>>()
    };
    blocks(lock, "package").flat_map(of_package).collect()
}

/// `pool/…/glibc_2.41-12.dsc 9000 967a…` of each `glibc 2.41-12`, by the indexes that a lock names.
fn indexed(lock: &Table) -> BTreeMap<String, BTreeSet<String>> {
    let mut indexed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for suite in blocks(lock, "suite") {
        let indexes = suite["index"].as_table().unwrap().iter();
        for (_, digest) in indexes.filter(|(path, _)| path.ends_with("/source/Sources.xz")) {
            let digest = digest.as_str().unwrap();
            let blob = live().world.path("store/blobs/sha256").join(&digest[..2]).join(digest);
            let sources = tool(
                "xz-utils",
                "xz",
                &["--decompress", "--stdout", "--format=xz", "--keep", blob.to_str().unwrap()],
            );
            for stanza in sources.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
                let field =
                    |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
                let (_, checksums) = stanza.split_once("Checksums-Sha256:").unwrap();
                let dsc = checksums.lines().find(|line| line.ends_with(".dsc")).unwrap();
                let [sha256, size, name] = dsc.split_whitespace().collect::<Vec<_>>()[..] else {
                    panic!("{dsc}")
                };
                let source = format!("{} {}", field("Package:"), field("Version:"));
                let file = format!("{}/{name} {size} {sha256}", field("Directory:"));
                indexed.entry(source).or_default().insert(file);
            }
        }
    }
    indexed
}

#[test]
fn every_package_s_source_is_pinned_as_the_archive_has_it() {
    for release in ["debian12", "debian13"] {
        let lock = lock(release);
        let indexed = indexed(&lock);
        let mut pinned = BTreeSet::new();
        for source in blocks(&lock, "source") {
            let key = format!("{} {}", text(source, "name").unwrap(), text(source, "version").unwrap());
            let (path, sha256) = (text(source, "path").unwrap(), text(source, "sha256").unwrap());
            let file = format!("{path} {} {sha256}", source["size"]);
            assert!(indexed[&key].contains(&file), "{release}: {key}: {file} is none of {:?}", indexed[&key]);
            pinned.insert(key);
        }
        assert_eq!(pinned, wanted(&lock), "{release}");
        let busybox =
            blocks(&lock, "package").find(|package| text(package, "name") == Some("busybox-static"));
        let built_in = busybox.unwrap()["built-using"].as_array().unwrap();
        assert!(built_in.iter().any(|source| source.as_str().unwrap().starts_with("glibc ")), "{built_in:?}");
    }
}
