//! The catalog: what images there are, in every release and flavour, and what all of them share.
//!
//! [`mod@file`] is the shape of the texts, [`Catalog`] is what follows from them: names that stand for
//! something, parents without cycles, templates that parse. A catalog may extend another: `chain` puts together what
//! they say. The matrix of families, releases and tags is expanded in `image`.

pub mod accounts;
mod answered;
mod chain;
mod config;
mod declared;
mod definition;
pub mod file;
mod image;
pub mod name;
mod release;
mod select;
mod statement;
pub mod tarball;
pub mod template;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;
use url::Url;

use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, PackageName};
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::{self, ImagePath};
use accounts::{Accounts, Group, User};
pub use answered::{Privileged, Understood};
use chain::{Chain, Taken};
pub use chain::{Definitions, Directory, SourceFiles, Written};
pub use config::ImageConfig;
pub use declared::{Declared, DeclaredNode};
use file::{ArchitectureTable, FilterTable, GroupTable, MirrorTable, UserTable};
pub use file::{OrganizationTable as Organization, Step};
use image::{Family, Images, Shared};
pub use image::{Image, Level};
use name::{ArchiveName, ImageName, ReleaseName, TarballName};
pub use release::{Pinned, Release, Suite};
pub use select::{Selection, UnknownImage};
pub use statement::{Statement, Verdict};
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
    /// What the organization says of vulnerabilities.
    pub statements: Vec<Statement>,
    images: BTreeMap<ImageName, Image>,
    bases: Vec<Image>,
}

/// An [OCI platform](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md): `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// A package archive: suites under one base URL, on as many mirrors as there are.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    pub mirrors: Vec<Url>,
    pub snapshot: Option<Url>,
    /// The keys that may sign it, where they are not those of the release: it is a third party's.
    pub keys: Vec<Fingerprint>,
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
    /// What the definitions say.
    pub fn read(Definitions { own, extended, files }: Definitions) -> Result<Self, Diagnostic> {
        let (mut chain, mut families) = (Chain::default(), Vec::new());
        for Directory { catalog, families: inherited } in extended {
            chain.add(catalog)?;
            families.extend(inherited.into_iter().map(Family::inherited));
        }
        let (source, taken) = (own.catalog.0.clone(), Taken::read(&own.catalog)?);
        chain.add(own.catalog)?;
        families.extend(own.families.into_iter().map(Family::own));

        let organization = chain.organization(&source)?;
        let platforms = platforms(chain.architectures)?;
        let archives = chain.archives;
        let names: Vec<_> = chain.releases.keys().collect();
        let releases = chain.releases.iter().map(|(name, tables)| {
            let others: Vec<_> = names.iter().copied().filter(|other| *other != name).collect();
            Ok((name.clone(), Release::read(tables, &others, &platforms, &archives)?))
        });
        let releases = releases.collect::<Result<BTreeMap<_, _>, Diagnostic>>()?;
        let accounts = accounts(&source, &chain.users, &chain.groups)?;
        let branding = chain.branding.into_iter();
        let branding = branding.map(|(key, (source, value))| Ok((key, Template::new(&source, &value)?)));
        let branding = branding.collect::<Result<_, Diagnostic>>()?;
        let filters = chain.filters.into_iter().map(|(source, table)| Filter::read(&source, table));
        let filters = filters.collect::<Result<_, _>>()?;
        let understood = chain.maintainer_scripts.iter();
        let understood = understood.map(|(source, table)| Understood::read(source, table));
        let understood = understood.collect::<Result<_, _>>()?;

        let tags = image::flavours(&chain.tags, &accounts)?;
        let tarballs = tarball::read(families.iter().map(|family| &family.definition), &platforms)?;
        let shared = Shared {
            platforms: &platforms,
            releases: &releases,
            accounts: &accounts,
            tarballs: &tarballs,
            tags: &tags,
            files: &files,
        };
        let Images { images, bases } = image::expand(families, &taken, &shared)?;
        // Another catalog's images need not be here.
        let own = |of: &Arc<Source>| Arc::ptr_eq(of, &source);
        let statements =
            chain.vex.iter().map(|(of, table)| Statement::read(of, table, own(of).then_some(&images)));
        let statements = statements.collect::<Result<_, _>>()?;
        Ok(Self {
            organization,
            platforms,
            archives,
            releases,
            accounts,
            branding,
            filters,
            understood,
            rewrites: chain.mirrors,
            tarballs,
            statements,
            images,
            bases,
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

    /// The families of one release that images add to and that have no image there themselves: what they hold says
    /// which layers come first. Each is as it would be with no flavour; the tag is of no account.
    pub fn bases_of(&self, release: &ReleaseName) -> impl Iterator<Item = &Image> {
        self.bases.iter().filter(move |base| base.name.release == *release)
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

impl Archive {
    /// Whether somebody else than the release's own publisher answers for it.
    #[must_use]
    pub fn is_third_party(&self) -> bool {
        !self.keys.is_empty()
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

fn platforms(
    tables: BTreeMap<String, Written<ArchitectureTable>>,
) -> Result<BTreeMap<Architecture, Platform>, Diagnostic> {
    let platforms = tables.into_iter().map(|(name, (source, table))| {
        let at = Location::of(&source, &table.platform);
        let name: Architecture = name.parse().map_err(|error| at.error(format!("{error}"), ""))?;
        let platform = table.platform.get_ref().parse();
        Ok((name, platform.map_err(|why: &str| at.error("this is no OCI platform", why))?))
    });
    platforms.collect()
}

/// The accounts of the catalog. Where they contradict each other, the last that does is shown.
fn accounts(
    source: &Arc<Source>,
    users: &[Written<Spanned<UserTable>>],
    groups: &[Written<Spanned<GroupTable>>],
) -> Result<Accounts, Diagnostic> {
    let nologin = ImagePath::parse("/sbin/nologin").expect("it is a path");
    let user = |(_, table): &Written<Spanned<UserTable>>| {
        let UserTable { name, uid, gid, gecos, home, shell } = table.get_ref().clone();
        User { name, uid, gid, gecos, home, shell: shell.unwrap_or_else(|| nologin.clone()) }
    };
    let group = |(_, table): &Written<Spanned<GroupTable>>| {
        let GroupTable { name, gid, members } = table.get_ref().clone();
        Group { name, gid, members }
    };
    let accounts = Accounts::new(users.iter().map(user).collect(), groups.iter().map(group).collect());
    accounts.map_err(|error| {
        let users = users.iter().map(|(source, at)| (&at.get_ref().name, Location::of(source, at)));
        let groups = groups.iter().map(|(source, at)| (&at.get_ref().name, Location::of(source, at)));
        let places: Vec<_> = if error.is_of_group() { groups.collect() } else { users.collect() };
        let at = places.iter().rfind(|(name, _)| Some(*name) == error.account());
        let other = places.iter().find(|(name, _)| Some(*name) == error.other());
        match (at, other) {
            (Some((_, at)), Some((_, other))) => {
                at.error(error.to_string(), "the second").beside(other.clone(), "the first")
            }
            (Some((_, at)), _) => at.invalid(&error),
            (None, _) => Location::start(source).invalid(&error),
        }
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
