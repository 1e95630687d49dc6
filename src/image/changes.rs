//! What differs between two images: configuration, packages, layers, files.
//!
//! Times of files are not compared: with the content the same, they make no other image.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::ImageConfiguration;
use serde::Serialize;
use serde_json::Value;

use crate::debian::control::paragraphs;
use crate::digest::Sha256;
use crate::tree::{Capabilities, FileInfo, ImagePath, Kind, Listed, Stack};

/// What an image of one architecture holds.
#[derive(Debug)]
pub struct Contents<'a> {
    pub configuration: &'a ImageConfiguration,
    /// The lowest first.
    pub layers: &'a [Layer],
    pub files: Stack<'a>,
    /// Versions by package.
    pub packages: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub digest: Sha256,
    /// Of the compressed blob, in bytes.
    pub size: u64,
    /// What the history says: `libc6 2.41-12 (amd64)`.
    pub made_from: String,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Fields of the configuration.
    pub configuration: Vec<Change<String>>,
    pub packages: Vec<Change<String>>,
    pub layers: LayerChanges,
    pub files: Vec<Change<FileState>>,
    pub totals: [Totals; 2],
}

/// What was at a name, and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    pub name: String,
    pub old: Option<T>,
    pub new: Option<T>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerChanges {
    pub shared: Vec<Layer>,
    pub old: Vec<Layer>,
    pub new: Vec<Layer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub packages: usize,
    pub layers: usize,
    /// Bytes of the compressed layers.
    pub download: u64,
    /// Paths that are no directories.
    pub files: usize,
    /// Bytes of the files.
    pub installed: u64,
}

/// What is at a path, but for its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileState {
    #[serde(flatten)]
    pub content: Content,
    /// Permission bits with setuid, setgid and sticky.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Content {
    Directory,
    /// By whichever of its hard links.
    File {
        size: u64,
        sha256: Sha256,
    },
    Symlink {
        target: String,
    },
}

impl Changes {
    #[must_use]
    pub fn between(old: &Contents<'_>, new: &Contents<'_>) -> Self {
        Self {
            configuration: differing(&fields(old.configuration), &fields(new.configuration)),
            packages: differing(&old.packages, &new.packages),
            layers: LayerChanges::between(old.layers, new.layers),
            files: differing(&states(&old.files), &states(&new.files)),
            totals: [old.totals(), new.totals()],
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { configuration, packages, layers, files, totals: _ } = self;
        configuration.is_empty()
            && packages.is_empty()
            && files.is_empty()
            && layers.old.is_empty()
            && layers.new.is_empty()
    }
}

impl LayerChanges {
    fn between(old: &[Layer], new: &[Layer]) -> Self {
        let digests = |layers: &[Layer]| layers.iter().map(|layer| layer.digest).collect::<BTreeSet<_>>();
        let (in_old, in_new) = (digests(old), digests(new));
        let select = |layers: &[Layer], keep: &dyn Fn(&Layer) -> bool| {
            layers.iter().filter(|layer| keep(layer)).cloned().collect()
        };
        Self {
            shared: select(new, &|layer| in_old.contains(&layer.digest)),
            old: select(old, &|layer| !in_new.contains(&layer.digest)),
            new: select(new, &|layer| !in_old.contains(&layer.digest)),
        }
    }
}

impl Contents<'_> {
    fn totals(&self) -> Totals {
        let is_file = |listed: &&Listed| listed.kind != Kind::Directory;
        let size = |listed: &Listed| match &listed.kind {
            Kind::File(info) => info.size,
            _ => 0,
        };
        let listed = || self.files.iter().map(|found| found.listed);
        Totals {
            packages: self.packages.len(),
            layers: self.layers.len(),
            download: self.layers.iter().map(|layer| layer.size).sum(),
            files: listed().filter(is_file).count(),
            installed: listed().map(size).sum(),
        }
    }
}

impl FileState {
    fn of(listed: &Listed, files: &Stack<'_>) -> Self {
        let file = |info: &FileInfo| Content::File { size: info.size, sha256: info.sha256 };
        let content = match &listed.kind {
            Kind::Directory => Content::Directory,
            Kind::Symlink(target) => Content::Symlink { target: target.clone() },
            Kind::File(info) => file(info),
            Kind::HardLink(first) => match files.get(first).map(|found| &found.listed.kind) {
                Some(Kind::File(info)) => file(info),
                // Where an upper layer has taken the first name away, its digest is not known any more.
                _ => Content::File { size: 0, sha256: Sha256::of(b"") },
            },
        };
        let Listed { mode, uid, gid, capabilities, .. } = listed;
        Self { content, mode: *mode, uid: *uid, gid: *gid, capabilities: *capabilities }
    }
}

/// The fields of a configuration, but for those that speak of its layers; variables and labels one by one.
fn fields(configuration: &ImageConfiguration) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let Ok(Value::Object(document)) = serde_json::to_value(configuration) else { return fields };
    for (name, value) in document {
        match (name.as_str(), value) {
            ("rootfs" | "history", _) => {}
            ("config", Value::Object(config)) => {
                for (name, value) in config {
                    add_field(&name, value, &mut fields);
                }
            }
            (_, value) => add_field(&name, value, &mut fields),
        }
    }
    fields
}

fn add_field(name: &str, value: Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::String(text) => drop(fields.insert(name.to_owned(), text)),
        Value::Array(variables) if name == "Env" => {
            for variable in variables.iter().filter_map(Value::as_str) {
                let (variable, value) = variable.split_once('=').unwrap_or((variable, ""));
                fields.insert(format!("{name}.{variable}"), value.to_owned());
            }
        }
        Value::Object(members) => {
            for (member, value) in members {
                add_field(&format!("{name}.{member}"), value, fields);
            }
        }
        other => drop(fields.insert(name.to_owned(), other.to_string())),
    }
}

fn states<'a>(files: &Stack<'a>) -> BTreeMap<&'a ImagePath, FileState> {
    files.iter().map(|found| (&found.listed.path, FileState::of(found.listed, files))).collect()
}

/// Names of which something else is told on either side.
fn differing<K: Ord + ToString, T: PartialEq + Clone>(
    old: &BTreeMap<K, T>,
    new: &BTreeMap<K, T>,
) -> Vec<Change<T>> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let changed = names.into_iter().filter(|name| old.get(name) != new.get(name));
    changed
        .map(|name| Change {
            name: name.to_string(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

/// Whether a file says which packages are installed: dpkg's own, or one of those that images without dpkg have.
#[must_use]
pub fn is_status(path: &ImagePath) -> bool {
    let of_package = path.strip_prefix("var/lib/dpkg/status.d");
    path.relative() == "var/lib/dpkg/status" || of_package.is_some_and(|name| !name.ends_with(".md5sums"))
}

/// The packages that such a file names, with their versions.
pub fn packages(status: &str) -> impl Iterator<Item = (String, String)> {
    paragraphs(status).filter_map(|paragraph| {
        let is_installed = paragraph.get("Status").is_none_or(|status| status.ends_with(" installed"));
        let named = paragraph.get("Package").zip(paragraph.get("Version")).filter(|_| is_installed);
        named.map(|(name, version)| (name.to_owned(), version.to_owned()))
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn octal<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{mode:04o}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_those_that_are_installed() {
        let status = "Package: a\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 1:2\n\n\
            Package: c\nStatus: deinstall ok config-files\nVersion: 3\n";
        let found: Vec<_> = packages(status).collect();
        assert_eq!(found, [("a".into(), "1".into()), ("b".into(), "1:2".into())]);
        let is_status = |path: &str| is_status(&path.parse().unwrap());
        assert!(is_status("/var/lib/dpkg/status") && is_status("/var/lib/dpkg/status.d/libc6"));
        assert!(!is_status("/var/lib/dpkg/status.d/libc6.md5sums") && !is_status("/var/lib/dpkg/status-old"));
    }

    #[test]
    fn fields_of_a_configuration_are_told_one_by_one() {
        let configuration = serde_json::from_str(
            r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
                "config":{"Env":["A=1","B=x=y"],"Entrypoint":["/sh"],"Labels":{"l":"v"},"User":"0"}}"#,
        );
        let fields = fields(&configuration.unwrap());
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected =
            r#"Entrypoint=["/sh"] Env.A=1 Env.B=x=y Labels.l=v User=0 architecture=amd64 os=linux"#;
        assert_eq!(fields.join(" "), expected);
    }
}
