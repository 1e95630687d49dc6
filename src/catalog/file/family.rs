//! `<family>.toml`: images and upstream tarballs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::MaintainerScriptTable;
use crate::catalog::name::{FamilyName, ReleaseName, TagName, TarballName};

/// `<family>.toml`: one image or several that belong together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "family.toml")]
pub struct FamilyFile {
    /// Images by name, without the release: `cc`.
    #[schemars(with = "BTreeMap<String, ImageTable>")]
    pub image: BTreeMap<Spanned<FamilyName>, ImageTable>,
    /// Upstream tarballs by name, which images of all families may hold.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, TarballTable>")]
    pub tarball: BTreeMap<Spanned<TarballName>, TarballTable>,
}

/// Software that its makers publish as a tar archive (`.tar.xz`, `.tar.gz`, `.tar.zst` or `.tar`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TarballTable {
    /// `22.21.0`.
    pub version: String,
    /// Where it is published. A template: `{{ version }}`, `{{ arch.upstream }}`, `{{ arch.debian }}`.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// The architectures that it is published for, by Debian's names, and upstream's name of each:
    /// `{ amd64 = "x64", arm64 = "arm64" }`. Images that hold it are for no others.
    #[schemars(with = "BTreeMap<String, String>")]
    pub architectures: BTreeMap<Spanned<String>, String>,
    /// The file of SHA-256 digests that upstream signs.
    #[schemars(with = "Option<ChecksumsTable>")]
    pub checksums: Option<Spanned<ChecksumsTable>>,
    /// SHA-256 digests by architecture, where upstream signs none.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub sha256: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
    /// How many leading directories of its members are taken off, as by `tar --strip-components`.
    #[serde(default)]
    pub strip: usize,
    /// The directory of the image that it is unpacked to.
    #[schemars(with = "String")]
    pub to: Spanned<String>,
    /// Patterns of the paths in the image that are taken from it: `/nodejs/bin/node`. All, where nothing is said.
    #[schemars(with = "Option<Vec<String>>")]
    pub only: Option<Vec<Spanned<String>>>,
    /// Patterns of the paths in the image that are left out of it: `/nodejs/include/**`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub drop: Vec<Spanned<String>>,
    /// What the software is called in its package URL, `pkg:generic/node`; the name of the table where
    /// nothing is said.
    pub software: Option<String>,
    /// The organisation that publishes it.
    pub supplier: String,
    /// Its licence as an SPDX expression: `MIT`, `Apache-2.0 OR MIT`.
    #[schemars(with = "String")]
    pub license: Spanned<String>,
    pub homepage: Option<Url>,
}

/// A file of SHA-256 digests as sha256sum(1) writes it, and its signature.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChecksumsTable {
    /// Where it is published. A template: `{{ version }}`.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Where its signature is published, unless the file is clearsigned. A template: `{{ version }}`.
    #[schemars(with = "Option<String>")]
    pub signature: Option<Spanned<String>>,
    /// Fingerprints of the OpenPGP keys, from `keys/`, that may sign it.
    #[schemars(with = "Vec<String>")]
    pub keys: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageTable {
    /// One sentence for people who choose an image; it becomes the image's OCI description. A template.
    #[schemars(with = "String")]
    pub description: Spanned<String>,
    /// The image that this one adds to: packages, steps, files, environment, entrypoint.
    #[schemars(with = "Option<String>")]
    pub parent: Option<Spanned<FamilyName>>,
    /// The releases that have the image, where not all do.
    #[schemars(with = "Option<Vec<String>>")]
    pub releases: Option<Vec<Spanned<ReleaseName>>>,
    /// The architectures that have the image, where not all of the release do.
    #[schemars(with = "Option<Vec<String>>")]
    pub architectures: Option<Vec<Spanned<String>>>,
    /// Packages that the image adds, as dependencies of a control file: `name`, `a | b`, `name [armhf]`. Templates.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// Upstream tarballs that the image adds, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub tarballs: Vec<Spanned<TarballName>>,
    /// Dependencies that are not installed, by name, each with the reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub leave_out: BTreeMap<Spanned<String>, String>,
    /// Whether what the packages recommend is installed too, where it can be. An image that says nothing does
    /// as its parent does, and one without a parent goes without.
    pub recommends: Option<bool>,
    /// The versions that there are of the image, `17` and `21`. Each is an image whose name ends in it, `java17`
    /// and `java21`; none has the name alone. Templates of the definition know it as `{{ version }}`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, VersionTable>")]
    pub version: BTreeMap<Spanned<String>, VersionTable>,
    /// What one release adds.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, AdditionsTable>")]
    pub release: BTreeMap<Spanned<ReleaseName>, AdditionsTable>,
    /// What one tag, and those that inherit from it, add to this image and its descendants.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, AdditionsTable>")]
    pub tag: BTreeMap<Spanned<TagName>, AdditionsTable>,
    /// Steps that generate what maintainer scripts would have made.
    #[serde(default)]
    pub generate: Vec<Step>,
    /// Maintainer scripts of the image's packages that are understood.
    #[serde(default)]
    pub maintainer_script: Vec<MaintainerScriptTable>,
    /// Programs that give more rights than their user has; no image holds another one.
    #[serde(default)]
    pub privileged: Vec<PrivilegedTable>,
    /// Files, with their content or from the directory of the definition.
    #[serde(default)]
    pub file: Vec<FileTable>,
    /// Directories.
    #[serde(default)]
    pub directory: Vec<DirectoryTable>,
    /// Symbolic links.
    #[serde(default)]
    pub link: Vec<LinkTable>,
    /// Environment variables. Values are templates; `{{ environment.NAME }}` is the value so far.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub environment: BTreeMap<String, Spanned<String>>,
    /// The command that every container runs. Values are templates.
    #[schemars(with = "Option<Vec<String>>")]
    pub entrypoint: Option<Vec<Spanned<String>>>,
    /// The default arguments of the entrypoint. Values are templates.
    #[schemars(with = "Option<Vec<String>>")]
    pub command: Option<Vec<Spanned<String>>>,
    /// Files of structure tests for the image and those that add to it, by their paths from this file:
    /// `tests/static.yaml`.
    #[serde(default)]
    pub tests: Vec<PathBuf>,
    /// The account that containers run as, whatever the tag.
    #[schemars(with = "Option<String>")]
    pub user: Option<Spanned<String>>,
    /// Where containers start; the home of their account where nothing is said.
    #[schemars(with = "Option<String>")]
    pub working_directory: Option<Spanned<String>>,
    /// Labels of the configuration. Values are templates.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub labels: BTreeMap<String, Spanned<String>>,
    /// Ports that containers listen on: `8443`, `53/udp`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub exposed_ports: Vec<Spanned<String>>,
    /// Directories for data that containers write.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub volumes: Vec<Spanned<String>>,
    /// The signal that asks a container to stop: `SIGINT`.
    #[schemars(with = "Option<String>")]
    pub stop_signal: Option<Spanned<String>>,
}

/// One version of an image: where it exists, and what it adds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VersionTable {
    /// The releases that have it, where not all of the image do.
    #[schemars(with = "Option<Vec<String>>")]
    pub releases: Option<Vec<Spanned<ReleaseName>>>,
    /// The architectures that have it, where not all of the image do.
    #[schemars(with = "Option<Vec<String>>")]
    pub architectures: Option<Vec<Spanned<String>>>,
    /// Packages, as dependencies of a control file. Templates.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// Upstream tarballs, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub tarballs: Vec<Spanned<TarballName>>,
    /// Dependencies that are not installed, by name, each with the reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub leave_out: BTreeMap<Spanned<String>, String>,
    /// Files of structure tests, by their paths from this file.
    #[serde(default)]
    pub tests: Vec<PathBuf>,
}

/// What an image holds more of in one case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdditionsTable {
    /// Packages, as dependencies of a control file. Templates.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// Upstream tarballs, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub tarballs: Vec<Spanned<TarballName>>,
    /// Dependencies that are not installed, by name, each with the reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub leave_out: BTreeMap<Spanned<String>, String>,
    /// Files of structure tests, by their paths from this file.
    #[serde(default)]
    pub tests: Vec<PathBuf>,
}

impl FamilyFile {
    /// What its images take from the directory that it stands in.
    pub fn sources(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.image.values().flat_map(|image| &image.file).filter_map(|file| file.source.as_ref())
    }
}

/// A step: it generates what a maintainer script would have made, without running anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// `/etc/passwd`, `/etc/group` and the home directories, from the catalog's users and groups.
    Accounts,
    /// `/etc/ssl/certs/ca-certificates.crt`, as update-ca-certificates(8) writes it.
    CaCertificates,
    /// os-release(5) of base-files with the catalog's branding.
    OsRelease,
    /// `/busybox` with a link for every applet of `busybox-static`.
    Busybox,
    /// A link in `/bin` for every applet of `busybox-static`, as `busybox --install -s` makes them: `/bin/sh` too.
    BusyboxBin,
    /// `/etc/ssl/certs/java/cacerts`, Java's trust store, as `ca-certificates-java` makes it.
    JavaCacerts,
    /// The links in `/etc/fonts/conf.d` that `fontconfig-config` makes when it is installed.
    Fontconfig,
    /// `/usr/bin/java` and the other programs of Java, which update-alternatives(1) links: of the whole image, its
    /// flavour's and descendants' too.
    JavaAlternatives,
    /// `/etc/ld.so.cache`, as ldconfig(8) writes it: of all libraries of the image, its descendants' too.
    LdSoCache,
}

impl Step {
    /// Whether it comes after all else of an image, and of its descendants.
    #[must_use]
    pub fn reads_whole_image(self) -> bool {
        matches!(self, Self::JavaAlternatives | Self::LdSoCache)
    }

    /// As definitions write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::CaCertificates => "ca-certificates",
            Self::OsRelease => "os-release",
            Self::Busybox => "busybox",
            Self::BusyboxBin => "busybox-bin",
            Self::JavaCacerts => "java-cacerts",
            Self::Fontconfig => "fontconfig",
            Self::JavaAlternatives => "java-alternatives",
            Self::LdSoCache => "ld-so-cache",
        }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileTable {
    #[schemars(with = "String")]
    pub path: Spanned<String>,
    /// The text of the file, a template; or else there is a `source`.
    #[schemars(with = "Option<String>")]
    pub content: Option<Spanned<String>>,
    /// A file that is taken as it is, by its path from the directory of the definition: `files/app.conf`. Of a
    /// directory, all files and links below it are taken, as git would: directories that hold none are not.
    #[schemars(with = "Option<String>")]
    pub source: Option<Spanned<String>>,
    /// Octal permission bits. Where nothing is said, `0755` for a source that its owner may execute, else `0644`.
    #[schemars(with = "Option<String>")]
    pub mode: Option<Spanned<String>>,
    /// Whose it is, as chown(1) has it: `app`, `app:staff`, `1000:1000`; `root` where nothing is said. A user
    /// alone stands for the user's own group too.
    #[schemars(with = "Option<String>")]
    pub owner: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryTable {
    #[schemars(with = "String")]
    pub path: Spanned<String>,
    /// Octal permission bits, `0755` where nothing is said.
    #[schemars(with = "Option<String>")]
    pub mode: Option<Spanned<String>>,
    /// Whose it is, as chown(1) has it: `app`, `app:staff`, `1000:1000`; `root` where nothing is said.
    #[schemars(with = "Option<String>")]
    pub owner: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LinkTable {
    #[schemars(with = "String")]
    pub path: Spanned<String>,
    /// What it points to, a template.
    #[schemars(with = "String")]
    pub target: Spanned<String>,
}

/// A file that is setuid or setgid, or has capabilities.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PrivilegedTable {
    #[schemars(with = "String")]
    pub path: Spanned<String>,
    /// Capabilities that the file of a package is given, as by setcap(8): `cap_net_raw=ep`.
    #[schemars(with = "Option<String>")]
    pub capabilities: Option<Spanned<String>>,
    /// Why users of the image need it; it is shown with the image.
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
}
