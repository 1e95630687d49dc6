//! The files that people write: `catalog.toml` and `<family>.toml`.
//!
//! These types are the text's shape and nothing more; [`super::Catalog`] holds what follows from them.
//! Their JSON Schemas, in `schemas/`, are generated from here, doc comments included.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::accounts::{AccountName, Gecos};
use super::name::{ArchiveName, FamilyName, ReleaseName, TagName, TarballName};
use crate::tree::ImagePath;

/// `catalog.toml`: what all images of the catalog share.
///
/// A catalog that extends another has all that the other has, and says what differs. Lists add to the other's:
/// users, groups, filters, mirrors. A table of a new name adds to the other's; one of a known name takes its place,
/// as `organization` does. But of an archive or a release that the other has, only the keys that are given take the
/// place of the other's, and `sources` and `pin` of a release add to them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "catalog.toml")]
pub struct CatalogFile {
    /// The directory of the catalog that this one extends, from the directory of this file: `../distro/images`.
    /// Its families, tarballs and keys count here too.
    #[schemars(with = "Option<String>")]
    pub extends: Option<Spanned<String>>,
    /// Families of the catalogs that this one extends whose images are images of this catalog too, locked and
    /// built: `cc`, `java*`. None, where nothing is said: they are there to be parents.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub images: Vec<Spanned<String>>,
    /// Has to be there, unless the catalog extends another; so have `architecture`, `archive`, `release` and `tag`.
    pub organization: Option<OrganizationTable>,
    /// Debian architectures by name, and the OCI platform of each.
    #[serde(default)]
    pub architecture: BTreeMap<String, ArchitectureTable>,
    /// Package archives by name.
    #[serde(default)]
    pub archive: BTreeMap<ArchiveName, ArchiveTable>,
    /// Releases by name; an image exists in every release unless its definition says otherwise.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ReleaseTable>")]
    pub release: BTreeMap<Spanned<ReleaseName>, ReleaseTable>,
    /// Flavours by tag, defined once for all images.
    #[serde(default)]
    pub tag: BTreeMap<TagName, TagTable>,
    /// User accounts of `/etc/passwd`.
    #[serde(default)]
    #[schemars(with = "Vec<UserTable>")]
    pub user: Vec<Spanned<UserTable>>,
    /// Groups of `/etc/group`.
    #[serde(default)]
    #[schemars(with = "Vec<GroupTable>")]
    pub group: Vec<Spanned<GroupTable>>,
    /// Fields of os-release(5) that replace or follow those of base-files. Values are templates.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub branding: BTreeMap<String, Spanned<String>>,
    /// Files that are left out of every image, or of the packages named.
    #[serde(default)]
    pub filter: Vec<FilterTable>,
    /// URL prefixes that are read from somewhere else.
    #[serde(default)]
    pub mirror: Vec<MirrorTable>,
}

/// Who publishes the images and answers for their SBOMs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OrganizationTable {
    /// The author of the SBOMs and the vendor in the image annotations.
    pub name: String,
    /// An e-mail address for questions about the images.
    pub email: String,
    /// Where people read about the images.
    pub url: Url,
    /// Where the definitions are kept.
    pub source: Url,
    /// The URI under which SBOM document namespaces lie; it need not resolve.
    pub sbom_namespace: Url,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArchitectureTable {
    /// The OCI platform: `linux/amd64`, `linux/arm/v7`.
    #[schemars(with = "String")]
    pub platform: Spanned<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArchiveTable {
    /// Base URLs that are asked first, in this order, before the host's own apt sources.
    pub mirrors: Option<Vec<Url>>,
    /// The snapshot service's URL of this archive, to which a time is appended.
    pub snapshot: Option<Url>,
    /// Fingerprints of the OpenPGP keys, from `keys/`, that may sign this archive, which is then not Debian's:
    /// those of the release do not count for it, nor these for another.
    #[schemars(with = "Option<Vec<String>>")]
    pub keys: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReleaseTable {
    /// `trixie`. Has to be there, unless a catalog that this one extends has the release; so have `version`,
    /// `architectures`, `sources` and `keys`.
    pub codename: Option<String>,
    /// As os-release and scanners know it: `13`.
    pub version: Option<String>,
    #[schemars(with = "Option<Vec<String>>")]
    pub architectures: Option<Vec<Spanned<String>>>,
    /// Archive components of the sources given here, `main` where nothing is said.
    #[serde(default = "main_component")]
    pub components: Vec<String>,
    /// Where packages come from, best first: among equal versions the earlier suite is taken.
    pub sources: Option<Vec<SourceTable>>,
    /// Fingerprints of the OpenPGP keys, from `keys/`, that may sign the release's archives, but for those
    /// that have keys of their own.
    #[schemars(with = "Option<Vec<String>>")]
    pub keys: Option<Vec<Spanned<String>>>,
    /// Packages that are taken in other versions than the newest of the suites of highest priority: by name, or
    /// by `src:` and the name of the source package.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PinTable>")]
    pub pin: BTreeMap<Spanned<String>, PinTable>,
}

/// What version of a package is taken, and why: apt_preferences(5).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinTable {
    /// A version, or a pattern: `3.5.1-1`, `3.5.*`.
    #[schemars(with = "Option<String>")]
    pub version: Option<Spanned<String>>,
    /// The suite, one of the release's sources: `trixie-backports`.
    #[schemars(with = "Option<String>")]
    pub suite: Option<Spanned<String>>,
    /// Why; it is told where no version fits.
    pub reason: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceTable {
    #[schemars(with = "String")]
    pub archive: Spanned<ArchiveName>,
    pub suites: Vec<String>,
    /// Archive components, where they are not those of the release.
    pub components: Option<Vec<String>>,
    /// The packages that may be taken from here, by name or pattern: `acme-agent`, `libacme*`. All, where
    /// nothing is said; an archive with keys of its own has to say it.
    #[schemars(with = "Option<Vec<String>>")]
    pub only: Option<Vec<Spanned<String>>>,
}

/// A flavour: what one tag changes about every image.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TagTable {
    /// Tags whose changes are made first, in this order.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub inherits: Vec<Spanned<TagName>>,
    /// The account that containers run as; its home is their working directory.
    #[schemars(with = "Option<String>")]
    pub user: Option<Spanned<String>>,
    /// Packages that the flavour adds, as dependencies of a control file: `name`, `a | b`, `name [armhf]`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// Dependencies that are not installed, by name, each with the reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub leave_out: BTreeMap<Spanned<String>, String>,
    /// Steps that the flavour adds.
    #[serde(default)]
    pub generate: Vec<Step>,
    /// Environment variables. Values are templates; `{{ environment.NAME }}` is the value so far.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub environment: BTreeMap<String, Spanned<String>>,
    /// The command that containers run of images that say none: an entrypoint or a command of the image's own
    /// stays in every flavour. Values are templates.
    #[schemars(with = "Option<Vec<String>>")]
    pub entrypoint: Option<Vec<Spanned<String>>>,
}

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
    /// `/etc/ld.so.cache`, as ldconfig(8) writes it: of all libraries of the image, its descendants' too.
    LdSoCache,
}

impl Step {
    /// Whether it comes after all else of an image, and of its descendants.
    #[must_use]
    pub fn reads_whole_image(self) -> bool {
        self == Self::LdSoCache
    }

    /// As definitions write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::CaCertificates => "ca-certificates",
            Self::OsRelease => "os-release",
            Self::Busybox => "busybox",
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

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserTable {
    #[schemars(with = "String")]
    pub name: AccountName,
    pub uid: u32,
    /// The primary group, which must be one of the catalog's.
    pub gid: u32,
    /// The comment field of passwd(5).
    #[serde(default)]
    #[schemars(with = "String")]
    pub gecos: Gecos,
    /// Made for the user, unless it is `/nonexistent`.
    #[schemars(with = "String")]
    pub home: ImagePath,
    /// `/sbin/nologin` where nothing is said.
    #[schemars(with = "Option<String>")]
    pub shell: Option<ImagePath>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupTable {
    #[schemars(with = "String")]
    pub name: AccountName,
    pub gid: u32,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub members: BTreeSet<AccountName>,
}

/// Files that stay out of the images. Copyright files cannot be dropped.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilterTable {
    /// Why; it is recorded wherever the filter shows.
    pub reason: String,
    /// The packages that the filter is for, where not all.
    #[schemars(with = "Option<Vec<String>>")]
    pub packages: Option<Vec<Spanned<String>>>,
    /// Patterns of paths: `/usr/share/man/**`.
    #[schemars(with = "Vec<String>")]
    pub drop: Vec<Spanned<String>>,
    /// Patterns of paths that stay all the same.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub keep: Vec<Spanned<String>>,
}

/// What lies below `from` is read from below `to` instead.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MirrorTable {
    pub from: Url,
    pub to: Url,
}

fn main_component() -> Vec<String> {
    vec!["main".to_owned()]
}
