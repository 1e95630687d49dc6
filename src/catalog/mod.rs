//! The catalog: what images there are, in every release and flavour, and what all of them share.
//!
//! [`mod@file`] is the shape of the texts, [`Catalog`] is what follows from them: names that stand for
//! something, parents without cycles, templates that parse. The matrix of families, releases and
//! tags is expanded in `image`.

pub mod accounts;
mod answered;
pub mod diagnostic;
pub mod file;
mod image;
pub mod name;
mod select;
pub mod tarball;
pub mod template;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;
use url::Url;

use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, PackageName, PackagePattern, Preference, Subject};
use crate::tree::{self, ImagePath};
use accounts::{Accounts, Group, User};
pub use answered::{Privileged, Understood};
use diagnostic::{Diagnostic, Location, Source};
use file::{
    CatalogFile, FamilyFile, FilterTable, GroupTable, MirrorTable, PinTable, ReleaseTable, UserTable,
};
pub use file::{OrganizationTable as Organization, Step};
pub use image::{Declared, DeclaredNode, Image, ImageConfig, Level};
use name::{ArchiveName, ImageName, ReleaseName, TarballName};
pub use select::{Selection, UnknownImage};
use tarball::Tarball;
use template::Template;

/// All that the definitions say.
///
/// Every image's parent, release, architectures and account exist; no image is its own ancestor.
#[derive(Debug)]
pub struct Catalog {
    pub organization: Organization,
    pub platforms: BTreeMap<Architecture, Platform>,
    pub archives: BTreeMap<ArchiveName, Archive>,
    pub releases: BTreeMap<ReleaseName, Release>,
    pub accounts: Accounts,
    pub branding: BTreeMap<String, Template>,
    pub filters: Vec<Filter>,
    /// Maintainer scripts that are understood in every image.
    pub understood: Vec<Understood>,
    pub rewrites: Vec<MirrorTable>,
    pub tarballs: BTreeMap<TarballName, Tarball>,
    images: BTreeMap<ImageName, Image>,
}

/// An [OCI platform](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md): `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// A package archive: suites under one base URL, on as many mirrors as there are.
#[derive(Debug, Clone)]
pub struct Archive {
    pub mirrors: Vec<Url>,
    pub snapshot: Option<Url>,
    /// The keys that may sign it, where they are not those of the release: it is a third party's.
    pub keys: Vec<Fingerprint>,
}

#[derive(Debug, Clone)]
pub struct Release {
    pub codename: String,
    pub version: String,
    /// In the order of the definition, which is the order of the manifests in an index.
    pub architectures: Vec<Architecture>,
    /// Suites, best first.
    pub suites: Vec<Suite>,
    /// Packages that are taken in other versions than the newest.
    pub pins: BTreeMap<Subject, Pinned>,
}

/// What version of a package is taken, and why.
#[derive(Debug, Clone)]
pub struct Pinned {
    pub preference: Preference,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub archive: ArchiveName,
    pub name: String,
    pub components: Vec<String>,
    /// The keys that may sign.
    pub keys: Vec<Fingerprint>,
    /// The packages that may be taken from it; `None` for all.
    pub only: Option<Vec<PackagePattern>>,
}

/// What stays out of images, and why.
#[derive(Debug)]
pub struct Filter {
    pub reason: String,
    /// The packages that it is for; `None` for all.
    pub packages: Option<Vec<PackageName>>,
    /// Patterns as they are written.
    pub drop: Vec<String>,
    pub keep: Vec<String>,
    pub filter: tree::Filter,
}

impl Catalog {
    /// Reads the definitions: the catalog's text and those of its families, in any order.
    pub fn read(catalog: &Arc<Source>, families: &[Arc<Source>]) -> Result<Self, Diagnostic> {
        let file: CatalogFile = diagnostic::parse(catalog)?;
        let platforms = file
            .architecture
            .into_iter()
            .map(|(name, table)| {
                let at = Location::of(catalog, &table.platform);
                let platform = table.platform.get_ref();
                let name: Architecture = name.parse().map_err(|error| at.error(format!("{error}"), ""))?;
                let platform =
                    platform.parse().map_err(|why: &str| at.error("this is no OCI platform", why))?;
                Ok((name, platform))
            })
            .collect::<Result<BTreeMap<_, _>, Diagnostic>>()?;
        let archives: BTreeMap<_, _> = file
            .archive
            .into_iter()
            .map(|(name, table)| {
                let keys = all_parsed(catalog, &table.keys)?;
                Ok((name, Archive { mirrors: table.mirrors, snapshot: table.snapshot, keys }))
            })
            .collect::<Result<_, Diagnostic>>()?;
        let releases = file
            .release
            .into_iter()
            .map(|(name, table)| Ok((name, Release::read(catalog, table, &platforms, &archives)?)))
            .collect::<Result<BTreeMap<_, _>, Diagnostic>>()?;
        let accounts = accounts(catalog, &file.user, &file.group)?;
        let branding = file
            .branding
            .into_iter()
            .map(|(key, value)| Ok((key, Template::new(catalog, &value)?)))
            .collect::<Result<_, Diagnostic>>()?;
        let filters =
            file.filter.into_iter().map(|table| Filter::read(catalog, table)).collect::<Result<_, _>>()?;
        let understood = file.maintainer_script.iter().map(|table| Understood::read(catalog, table));
        let understood = understood.collect::<Result<_, _>>()?;

        let tags = image::flavours(catalog, file.tag, &accounts)?;
        let families = families
            .iter()
            .map(|source| Ok((source.clone(), diagnostic::parse::<FamilyFile>(source)?)))
            .collect::<Result<Vec<_>, Diagnostic>>()?;
        let tarballs = tarball::read(&families, &platforms)?;
        let images = image::expand(families, &releases, &tarballs, &tags)?;
        Ok(Self {
            organization: file.organization,
            platforms,
            archives,
            releases,
            accounts,
            branding,
            filters,
            understood,
            rewrites: file.mirror,
            tarballs,
            images,
        })
    }

    /// Every image of the catalog, in the order of names.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    /// The images of one release.
    pub fn images_of(&self, release: &ReleaseName) -> impl Iterator<Item = &Image> {
        self.images.values().filter(move |image| image.name.release == *release)
    }

    /// Whether any definition accounts for maintainer scripts of a package.
    #[must_use]
    pub fn accounts_for(&self, package: &PackageName) -> bool {
        let of_images = self.images().flat_map(Image::understood);
        self.understood.iter().chain(of_images).any(|understood| understood.concerns(package.as_str()))
    }

    /// `url`, or where the catalog's `[[mirror]]` tables say that it is read from.
    #[must_use]
    pub fn rewrite(&self, url: &Url) -> Url {
        let rewritten = self.rewrites.iter().find_map(|MirrorTable { from, to }| {
            let rest = url.as_str().strip_prefix(from.as_str().trim_end_matches('/'))?;
            let rest = rest.strip_prefix('/').or(rest.is_empty().then_some(""))?;
            Url::parse(&format!("{}/{rest}", to.as_str().trim_end_matches('/'))).ok()
        });
        rewritten.unwrap_or_else(|| url.clone())
    }
}

impl Release {
    fn read(
        source: &Arc<Source>,
        table: ReleaseTable,
        platforms: &BTreeMap<Architecture, Platform>,
        archives: &BTreeMap<ArchiveName, Archive>,
    ) -> Result<Self, Diagnostic> {
        let architectures = table
            .architectures
            .iter()
            .map(|name| known(source, "architecture", name, platforms))
            .collect::<Result<_, _>>()?;
        let keys = all_parsed(source, &table.keys)?;
        let mut suites = Vec::new();
        for from in &table.sources {
            let (at, archive) = (Location::of(source, &from.archive), from.archive.get_ref());
            let Some(Archive { keys: own, .. }) = archives.get(archive) else {
                let names = archives.keys().map(ArchiveName::as_str);
                return Err(at.unknown("archive", archive.as_str(), names));
            };
            if !own.is_empty() && from.only.is_none() {
                let title =
                    format!("the archive `{archive}` has keys of its own, and may replace any package");
                let hint = "name what is to be taken from it: `only = [\"acme-agent\", \"libacme*\"]`";
                return Err(at.error(title, "`only` is missing").help(hint));
            }
            let only = from.only.as_deref().map(|only| all_parsed(source, only)).transpose()?;
            suites.extend(from.suites.iter().map(|name| Suite {
                archive: archive.clone(),
                name: name.clone(),
                components: from.components.as_ref().unwrap_or(&table.components).clone(),
                keys: if own.is_empty() { &keys } else { own }.clone(),
                only: only.clone(),
            }));
        }
        let pins = table.pin.iter().map(|(subject, table)| {
            Ok((parsed(source, subject)?, Pinned::read(source, subject, table, &suites)?))
        });
        let pins = pins.collect::<Result<_, Diagnostic>>()?;
        Ok(Self { codename: table.codename, version: table.version, architectures, suites, pins })
    }

    /// A suite of the release, by its archive and its name.
    #[must_use]
    pub fn suite(&self, archive: &ArchiveName, name: &str) -> Option<&Suite> {
        self.suites.iter().find(|suite| suite.archive == *archive && suite.name == name)
    }
}

impl Archive {
    /// Whether somebody else than the release's own publisher answers for it.
    #[must_use]
    pub fn is_third_party(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl Suite {
    /// Whether a package may be taken from it.
    #[must_use]
    pub fn admits(&self, package: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|pattern| pattern.admits(package)))
    }
}

impl Pinned {
    fn read(
        source: &Arc<Source>,
        subject: &Spanned<String>,
        table: &PinTable,
        suites: &[Suite],
    ) -> Result<Self, Diagnostic> {
        let version = table.version.as_ref().map(|version| parsed(source, version)).transpose()?;
        let suite = table.suite.as_ref().map(|suite| {
            let known: BTreeMap<_, _> = suites.iter().map(|suite| (suite.name.as_str(), ())).collect();
            self::known(source, "suite", suite, &known).map(str::to_owned)
        });
        let preference = Preference { version, suite: suite.transpose()? };
        if preference == (Preference { version: None, suite: None }) {
            let at = Location::of(source, subject);
            return Err(at.error("this pin says neither a version nor a suite", "pins a package to nothing"));
        }
        Ok(Self { preference, reason: table.reason.clone() })
    }
}

impl Filter {
    fn read(source: &Arc<Source>, table: FilterTable) -> Result<Self, Diagnostic> {
        let packages = table.packages.map(|names| all_parsed(source, &names)).transpose()?;
        for pattern in table.drop.iter().chain(&table.keep) {
            tree::Filter::new(std::slice::from_ref(pattern.get_ref()), &[])
                .map_err(|error| Location::of(source, pattern).invalid(&error))?;
        }
        let texts = |patterns: Vec<Spanned<String>>| patterns.into_iter().map(Spanned::into_inner).collect();
        let (drop, keep): (Vec<_>, Vec<_>) = (texts(table.drop), texts(table.keep));
        let filter = tree::Filter::new(&drop, &keep)
            .map_err(|error| Location::start(source).error(error.to_string(), ""))?;
        Ok(Self { reason: table.reason, packages, drop, keep, filter })
    }

    #[must_use]
    pub fn concerns(&self, package: &PackageName) -> bool {
        self.packages.as_ref().is_none_or(|packages| packages.contains(package))
    }
}

impl FromStr for Platform {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('/').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None) if !os.is_empty() && !architecture.is_empty() => {
                Ok(Self { os, architecture, variant })
            }
            _ => Err("expected os/architecture or os/architecture/variant, as in `linux/arm/v7`"),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// The accounts of the catalog. Where they contradict each other, one that does is shown.
fn accounts(
    source: &Arc<Source>,
    users: &[Spanned<UserTable>],
    groups: &[Spanned<GroupTable>],
) -> Result<Accounts, Diagnostic> {
    let nologin =
        ImagePath::parse("/sbin/nologin").map_err(|error| Location::start(source).invalid(&error))?;
    let user = |UserTable { name, uid, gid, gecos, home, shell }| {
        let shell = shell.unwrap_or_else(|| nologin.clone());
        User { name, uid, gid, gecos, home, shell }
    };
    let group = |GroupTable { name, gid, members }| Group { name, gid, members };
    let (of_users, of_groups) = (users.iter().map(Spanned::get_ref), groups.iter().map(Spanned::get_ref));
    let accounts =
        Accounts::new(of_users.cloned().map(user).collect(), of_groups.cloned().map(group).collect());
    accounts.map_err(|error| {
        let users = users.iter().map(|table| (&table.get_ref().name, false, Location::of(source, table)));
        let groups = groups.iter().map(|table| (&table.get_ref().name, true, Location::of(source, table)));
        let is_meant = |(name, is_group, _): &(_, _, _)| {
            Some(*name) == error.account() && *is_group == error.is_of_group()
        };
        let at = users.chain(groups).rfind(is_meant);
        at.map_or_else(|| Location::start(source), |(_, _, at)| at).invalid(&error)
    })
}

/// A value that a person wrote, in its own type.
fn parsed<T: FromStr<Err: std::error::Error>>(
    source: &Arc<Source>,
    text: &Spanned<String>,
) -> Result<T, Diagnostic> {
    text.get_ref().parse().map_err(|error: T::Err| Location::of(source, text).invalid(&error))
}

fn all_parsed<T: FromStr<Err: std::error::Error>>(
    source: &Arc<Source>,
    texts: &[Spanned<String>],
) -> Result<Vec<T>, Diagnostic> {
    texts.iter().map(|text| parsed(source, text)).collect()
}

/// A name that must be one of a map's.
fn known<K: Ord + Clone + std::borrow::Borrow<str>, V>(
    source: &Arc<Source>,
    what: &str,
    name: &Spanned<String>,
    map: &BTreeMap<K, V>,
) -> Result<K, Diagnostic> {
    let text = name.get_ref().as_str();
    match map.get_key_value(text) {
        Some((key, _)) => Ok(key.clone()),
        None => {
            let names = map.keys().map(<K as std::borrow::Borrow<str>>::borrow);
            Err(Location::of(source, name).unknown(what, text, names))
        }
    }
}
