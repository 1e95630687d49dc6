//! The text of a lock: its shape, and the way it is written so that a change is easy to review.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;

/// A lock: the pinned world of one release. Written by `distro lock`, reviewed by people.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "<release>.lock")]
pub struct LockFile {
    /// The version of this format.
    pub version: u32,
    /// The release, as the catalog names it.
    pub release: String,
    /// The time that was asked of the snapshot service, where it was: `20261118T000000Z`.
    pub snapshot: Option<String>,
    /// What the catalog preferred to the newest versions: packages by name, or sources as `src:name`.
    #[serde(default)]
    pub pin: BTreeMap<String, PinFile>,
    /// Packages whose version is not the same on every architecture, because the archive's is not.
    #[serde(default)]
    pub version_skew: Vec<String>,
    /// Upstream tarballs that could not be had; the images that hold them are left out.
    #[serde(default)]
    pub missing_tarballs: Vec<String>,
    /// Where packages come from, and the signatures that vouch for it.
    #[serde(default)]
    pub suite: Vec<SuiteFile>,
    /// The pinned packages by name.
    #[serde(default)]
    pub package: Vec<PackageFile>,
    /// The source packages of the pinned packages, and those whose code was built into them, by name.
    #[serde(default)]
    pub source: Vec<SourceFile>,
    /// The pinned upstream tarballs by name.
    #[serde(default)]
    pub tarball: Vec<TarballFile>,
    /// What each image holds.
    #[serde(default)]
    pub image: Vec<ImageFile>,
}

/// A version or a pattern of versions, a suite, or both.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinFile {
    pub version: Option<String>,
    pub suite: Option<String>,
}

/// One suite: its signed InRelease file, and the indexes of packages and sources that the signature covers.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteFile {
    pub name: String,
    /// The archive, as the catalog names it.
    pub archive: String,
    /// The date in the InRelease file.
    pub date: String,
    /// SHA-256 of the InRelease file.
    pub in_release: String,
    /// Fingerprints of the keys that signed it.
    pub signed_by: Vec<String>,
    /// Paths of the indexes below the suite, and their SHA-256.
    pub index: BTreeMap<String, String>,
}

/// One version of one binary package.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PackageFile {
    pub name: String,
    pub version: String,
    /// The source package, where it is named otherwise.
    pub source: Option<String>,
    /// The version of the source package, where it is another.
    pub source_version: Option<String>,
    pub suite: String,
    /// The archive, where an earlier one has a suite of the same name.
    pub archive: Option<String>,
    /// SHA-256 of the suite's InRelease file, where that is an older one: the package was held when others
    /// were renewed.
    pub in_release: Option<String>,
    /// The path in the archive, with `{arch}` for the package's architecture.
    pub path: String,
    /// The architectures of images that this version is for, where not all of the release.
    pub architectures: Option<Vec<String>>,
    /// The packages that satisfy its dependencies: `name`, or `name [amd64 arm64]` on some architectures.
    #[serde(default)]
    pub depends: Vec<String>,
    /// Other source packages whose code is in it: `name version`, or `name version [amd64 arm64]` on some
    /// architectures.
    #[serde(default)]
    pub built_using: Vec<String>,
    /// The .deb files by the package's architecture.
    pub deb: BTreeMap<String, DebFile>,
}

#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DebFile {
    /// Bytes.
    pub size: u64,
    /// Installed-Size, in KiB.
    pub installed: u64,
    pub sha256: String,
}

/// One version of one source package.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceFile {
    pub name: String,
    pub version: String,
    pub suite: String,
    /// The archive, where an earlier one has a suite of the same name.
    pub archive: Option<String>,
    /// SHA-256 of the suite's InRelease file, where that is an older one: newer ones no longer vouch for it.
    pub in_release: Option<String>,
    /// The path of its .dsc file in the archive.
    pub path: String,
    /// Bytes of the .dsc file.
    pub size: u64,
    /// Of the .dsc file, which names the others of the source package by their digests.
    pub sha256: String,
}

/// One version of one upstream tarball.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TarballFile {
    pub name: String,
    pub version: String,
    /// SHA-256 of the signed file of digests that names its files.
    pub checksums: Option<String>,
    /// SHA-256 of the signature of that, where it stands in a file of its own.
    pub signature: Option<String>,
    /// Fingerprints of the keys that signed that.
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// Whether nobody signed it: its digests are those of the definition.
    #[serde(default)]
    pub unsigned: bool,
    /// The files by architecture.
    pub file: BTreeMap<String, UpstreamFile>,
}

#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UpstreamFile {
    pub url: String,
    /// Bytes.
    pub size: u64,
    pub sha256: String,
}

/// What the images of one family hold, in the flavours that hold the same.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageFile {
    pub name: String,
    /// None where no image is made of it: others add to it, and what it holds are their lower layers.
    pub tags: Vec<String>,
    pub architectures: Vec<String>,
    /// What the definition asked for.
    #[serde(default)]
    pub requests: Vec<String>,
    /// Whether what the packages recommend was resolved too.
    #[serde(default)]
    pub recommends: bool,
    /// Dependencies that the definition leaves out, and the packages that wanted them.
    #[serde(default)]
    pub left_out: BTreeMap<String, Vec<String>>,
    /// The closure: `name`, or `name [amd64 arm64]` on some architectures.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The upstream tarballs that it holds.
    #[serde(default)]
    pub tarballs: Vec<String>,
}

const HEAD: &str = "\
#:schema ../schemas/lock.json
# Written by `distro lock`, for `distro build`. Review it and commit it; to change it, change the definitions.
";

impl LockFile {
    /// The text of the lock: the same for the same content, a line for whatever changes on its own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Text(HEAD.to_owned());
        text.value("version", &self.version.to_string());
        text.string("release", &self.release);
        text.optional("snapshot", self.snapshot.as_deref());
        for (subject, PinFile { version, suite }) in &self.pin {
            let said = [("version", version), ("suite", suite)].into_iter();
            let said = said.filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value.as_ref()?))));
            let said = said.collect::<Vec<_>>().join(", ");
            text.value(&format!("pin.{}", key(subject)), &format!("{{ {said} }}"));
        }
        text.strings("version-skew", &self.version_skew);
        text.strings("missing-tarballs", &self.missing_tarballs);
        for suite in &self.suite {
            text.header("[[suite]]");
            text.string("name", &suite.name);
            text.string("archive", &suite.archive);
            text.string("date", &suite.date);
            text.string("in-release", &suite.in_release);
            text.strings("signed-by", &suite.signed_by);
            for (path, digest) in &suite.index {
                text.string(&format!("index.{}", quoted(path)), digest);
            }
        }
        for package in &self.package {
            text.header("[[package]]");
            text.string("name", &package.name);
            text.string("version", &package.version);
            text.optional("source", package.source.as_deref());
            text.optional("source-version", package.source_version.as_deref());
            text.string("suite", &package.suite);
            text.optional("archive", package.archive.as_deref());
            text.optional("in-release", package.in_release.as_deref());
            text.string("path", &package.path);
            if let Some(architectures) = &package.architectures {
                text.inline("architectures", architectures);
            }
            text.strings("depends", &package.depends);
            text.strings("built-using", &package.built_using);
            for (architecture, DebFile { size, installed, sha256 }) in &package.deb {
                let deb =
                    format!("{{ size = {size}, installed = {installed}, sha256 = {} }}", quoted(sha256));
                text.value(&format!("deb.{architecture}"), &deb);
            }
        }
        for source in &self.source {
            text.header("[[source]]");
            text.string("name", &source.name);
            text.string("version", &source.version);
            text.string("suite", &source.suite);
            text.optional("archive", source.archive.as_deref());
            text.optional("in-release", source.in_release.as_deref());
            text.string("path", &source.path);
            text.value("size", &source.size.to_string());
            text.string("sha256", &source.sha256);
        }
        for tarball in &self.tarball {
            text.header("[[tarball]]");
            text.string("name", &tarball.name);
            text.string("version", &tarball.version);
            text.optional("checksums", tarball.checksums.as_deref());
            text.optional("signature", tarball.signature.as_deref());
            text.strings("signed-by", &tarball.signed_by);
            if tarball.unsigned {
                text.value("unsigned", "true");
            }
            for (architecture, UpstreamFile { url, size, sha256 }) in &tarball.file {
                let (url, sha256) = (quoted(url), quoted(sha256));
                let file = format!("{{ url = {url}, size = {size}, sha256 = {sha256} }}");
                text.value(&format!("file.{architecture}"), &file);
            }
        }
        for image in &self.image {
            text.header("[[image]]");
            text.string("name", &image.name);
            text.inline("tags", &image.tags);
            text.inline("architectures", &image.architectures);
            text.strings("requests", &image.requests);
            if image.recommends {
                text.value("recommends", "true");
            }
            for (name, wanted_by) in &image.left_out {
                text.inline(&format!("left-out.{}", key(name)), wanted_by);
            }
            text.strings("packages", &image.packages);
            text.strings("tarballs", &image.tarballs);
        }
        text.0
    }
}

/// A TOML text under construction.
struct Text(String);

impl Text {
    fn header(&mut self, header: &str) {
        let _ = writeln!(self.0, "\n{header}");
    }

    fn value(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn string(&mut self, key: &str, value: &str) {
        self.value(key, &quoted(value));
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    /// An array on one line.
    fn inline(&mut self, key: &str, values: &[String]) {
        let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
        self.value(key, &format!("[{}]", values.join(", ")));
    }

    /// An array with a line for each value; none where there is nothing to say.
    fn strings(&mut self, key: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let values: String = values.iter().map(|value| format!("  {},\n", quoted(value))).collect();
        self.value(key, &format!("[\n{values}]"));
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A TOML key, quoted where it has to be: `libstdc++6`, `python3.13`.
fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(bare) { text.to_owned() } else { quoted(text) }
}
