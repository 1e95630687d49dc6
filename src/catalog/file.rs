//! The files that people write: `catalog.toml` and `<family>.toml`.
//!
//! These types are the text's shape and nothing more; [`super::Catalog`] holds what follows from them.
//! Their JSON Schemas, in `schemas/`, are generated from here, doc comments included.

mod family;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::accounts::{AccountName, Gecos};
use super::name::{ArchiveName, ReleaseName, TagName};
use crate::advisory::{Justification, Status};
use crate::debian::ScriptName;
use crate::tree::ImagePath;

pub use family::{
    AdditionsTable, ChecksumsTable, DirectoryTable, FamilyFile, FileTable, ImageTable, LinkTable,
    PrivilegedTable, Step, TarballTable, VersionTable,
};

/// What all images share.
pub const CATALOG: &str = "catalog.toml";

/// What an organisation asks of its images, beside its `catalog.toml`.
pub const POLICY: &str = "policy.toml";

/// What a catalog knows of licences.
pub const LICENSES: &str = "licenses.toml";

/// Whether a file beside `catalog.toml` is one of families, by its name: every other `.toml` is.
#[must_use]
pub fn is_family(name: &str) -> bool {
    let is_toml = name.strip_suffix(".toml").is_some_and(|stem| !stem.is_empty() && !name.starts_with('.'));
    is_toml && ![CATALOG, POLICY, LICENSES].contains(&name)
}

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
    /// Maintainer scripts that are understood, in whatever image their packages are.
    #[serde(default)]
    pub maintainer_script: Vec<MaintainerScriptTable>,
    /// URL prefixes that are read from somewhere else.
    #[serde(default)]
    pub mirror: Vec<MirrorTable>,
    /// What the organization says of vulnerabilities. It counts before what the Debian security tracker says.
    #[serde(default)]
    pub vex: Vec<VexTable>,
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
    /// Files of structure tests for every image of the flavour, by their paths from this file: `tests/debug.yaml`.
    #[serde(default)]
    pub tests: Vec<PathBuf>,
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

/// Maintainer scripts whose effect is known: it is brought about otherwise, or an image needs it not. None is run,
/// and a package with others cannot be built.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MaintainerScriptTable {
    /// The packages, by name or pattern: `base-files`, `openjdk-*-jre-headless`.
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// The scripts, where not all are meant: `preinst`, `config`, `postinst`.
    pub scripts: Option<Vec<ScriptName>>,
    /// What the scripts do, and what does it here, or why nothing needs to; it is shown with the image.
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
}

/// What the organization says of a vulnerability in packages of its images, in the words of OpenVEX.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VexTable {
    /// `CVE-2025-9230`
    #[schemars(with = "String")]
    pub vulnerability: Spanned<String>,
    /// The packages that it is about: by name, by `src:` and the name of the source package, or upstream tarballs by
    /// the name of their software.
    #[schemars(with = "Vec<String>")]
    pub packages: Spanned<Vec<Spanned<String>>>,
    /// The images that it is about, where not all: `cc`, `cc-debian13`, `cc-debian13:debug`.
    #[schemars(with = "Option<Vec<String>>")]
    pub images: Option<Vec<Spanned<String>>>,
    #[schemars(with = "Status")]
    pub status: Spanned<Status>,
    /// Why the images are not affected. Has to be there for `not_affected`, unless there is an `impact`.
    #[schemars(with = "Option<Justification>")]
    pub justification: Option<Spanned<Justification>>,
    /// Why the images are not affected, in words.
    #[schemars(with = "Option<String>")]
    pub impact: Option<Spanned<String>>,
    /// What users should do. Has to be there for `affected`.
    #[schemars(with = "Option<String>")]
    pub action: Option<Spanned<String>>,
    /// Who says so, where that is not the organization.
    pub author: Option<String>,
    /// The day on which it was found to be true: `2026-11-01`.
    #[schemars(with = "String")]
    pub date: Spanned<toml::value::Datetime>,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>")]
    pub expires: Option<Spanned<toml::value::Datetime>>,
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
