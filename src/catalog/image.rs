//! Families × releases × tags → images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::accounts::{Accounts, User};
use super::diagnostic::{Diagnostic, Location, Source};
use super::file::{FamilyFile, ImageTable, Step, TagTable};
use super::name::{FamilyName, ImageName, ReleaseName, TagName, TarballName};
use super::tarball::Tarball;
use super::template::{Scope, Template};
use super::{Release, known, parsed};
use crate::debian::{Architecture, PackageName, Relation};
use crate::resolve::Recommends;
use crate::tree::ImagePath;

/// One image of one release in one flavour.
#[derive(Debug, Clone)]
pub struct Image {
    pub name: ImageName,
    pub description: String,
    /// In the order of the release.
    pub architectures: Vec<Architecture>,
    /// What the image asks for, ancestors' wishes included.
    pub requests: Vec<Relation>,
    pub recommends: Recommends,
    /// Dependencies that are not installed, and why not.
    pub leave_out: BTreeMap<PackageName, String>,
    /// What each definition adds, the oldest ancestor first, the flavour last.
    pub levels: Vec<Level>,
    pub config: ImageConfig,
    /// Files of structure tests, those of the oldest ancestor first, the flavour's last.
    pub tests: Vec<PathBuf>,
}

/// What one definition adds to an image.
#[derive(Debug, Clone)]
pub struct Level {
    /// The image that the definition is of; `None` for the flavour's part.
    pub family: Option<FamilyName>,
    pub requests: Vec<Relation>,
    pub tarballs: BTreeSet<TarballName>,
    pub steps: BTreeSet<Step>,
    pub declared: Vec<Declared>,
}

/// A path that a definition puts into the image.
#[derive(Debug, Clone)]
pub struct Declared {
    pub path: ImagePath,
    pub mode: u32,
    pub node: DeclaredNode,
}

#[derive(Debug, Clone)]
pub enum DeclaredNode {
    File(Template),
    Directory,
    Link(String),
}

/// How containers run, before templates are filled in.
#[derive(Debug, Clone, Default)]
pub struct ImageConfig {
    pub user: Option<User>,
    /// Assignments in order; a later one sees the value of an earlier one, and replaces it.
    pub environment: Vec<(String, Template)>,
    pub entrypoint: Option<Vec<Template>>,
    pub command: Option<Vec<Template>>,
}

/// What one tag changes, its inherited tags resolved.
#[derive(Debug, Clone, Default)]
pub(super) struct Flavour {
    packages: Vec<Relation>,
    leave_out: BTreeMap<PackageName, String>,
    steps: BTreeSet<Step>,
    config: ImageConfig,
    tests: Vec<PathBuf>,
}

impl Image {
    /// The upstream tarballs that the image holds.
    pub fn tarballs(&self) -> impl Iterator<Item = &TarballName> {
        self.levels.iter().flat_map(|level| &level.tarballs)
    }

    /// The images that this one adds to, the oldest first, and itself.
    pub fn lineage(&self) -> impl DoubleEndedIterator<Item = &FamilyName> {
        self.levels.iter().filter_map(|level| level.family.as_ref())
    }
}

/// The flavours of the catalog, those they inherit from merged into them.
pub(super) fn flavours(
    source: &Arc<Source>,
    tables: BTreeMap<TagName, TagTable>,
    accounts: &Accounts,
) -> Result<BTreeMap<TagName, Flavour>, Diagnostic> {
    tables
        .keys()
        .map(|tag| {
            let mut flavour = Flavour::default();
            flavour.add(source, tag, &tables, accounts, &mut Vec::new())?;
            Ok((tag.clone(), flavour))
        })
        .collect()
}

impl Flavour {
    fn add(
        &mut self,
        source: &Arc<Source>,
        tag: &TagName,
        tables: &BTreeMap<TagName, TagTable>,
        accounts: &Accounts,
        descendants: &mut Vec<TagName>,
    ) -> Result<(), Diagnostic> {
        let table = &tables[tag];
        descendants.push(tag.clone());
        for inherited in &table.inherits {
            let at = Location::of(source, inherited);
            let name = inherited.get_ref();
            if descendants.contains(name) {
                return Err(at.error("a tag inherits from itself", circle(descendants, name)));
            }
            if !tables.contains_key(name) {
                return Err(at.unknown("tag", name.as_str(), tables.keys().map(TagName::as_str)));
            }
            self.add(source, name, tables, accounts, descendants)?;
        }
        descendants.pop();
        self.packages.extend(relations(source, &table.packages)?);
        self.leave_out.extend(left_out(source, &table.leave_out)?);
        self.steps.extend(table.generate.iter().copied());
        if let Some(user) = &table.user {
            let names: Vec<_> = accounts.users().map(|user| user.name.as_str()).collect();
            let unknown = || Location::of(source, user).unknown("user", user.get_ref(), names.clone());
            self.config.user = Some(accounts.user(user.get_ref()).ok_or_else(unknown)?.clone());
        }
        self.config.environment.extend(assignments(source, &table.environment)?);
        if let Some(words) = &table.entrypoint {
            self.config.entrypoint = Some(templates(source, words)?);
        }
        self.tests.extend(beside(source, &table.tests));
        Ok(())
    }
}

/// Every image of the families in every release and flavour.
pub(super) fn expand(
    files: Vec<(Arc<Source>, FamilyFile)>,
    releases: &BTreeMap<ReleaseName, Release>,
    tarballs: &BTreeMap<TarballName, Tarball>,
    tags: &BTreeMap<TagName, Flavour>,
) -> Result<BTreeMap<ImageName, Image>, Diagnostic> {
    let mut definitions = BTreeMap::new();
    for (source, file) in files {
        for (name, table) in file.image {
            let at = Location::of(&source, &name);
            let name = name.into_inner();
            let definition = Definition { source: source.clone(), table };
            if let Some(first) = definitions.insert(name.clone(), definition) {
                let title = format!("the image `{name}` is defined twice");
                return Err(at.error(title, format!("the first definition is in {}", first.source.path)));
            }
        }
    }
    let mut images = BTreeMap::new();
    for name in definitions.keys() {
        let lineage = lineage(name, &definitions)?;
        for release in releases.keys() {
            let Some(base) = Base::new(&lineage, release, releases, tarballs)? else { continue };
            for (tag, flavour) in tags {
                let name = ImageName { family: name.clone(), release: release.clone(), tag: tag.clone() };
                images.insert(name.clone(), base.flavoured(name, flavour));
            }
        }
    }
    Ok(images)
}

struct Definition {
    source: Arc<Source>,
    table: ImageTable,
}

/// The definitions that make up an image, the oldest ancestor first.
fn lineage<'a>(
    name: &'a FamilyName,
    definitions: &'a BTreeMap<FamilyName, Definition>,
) -> Result<Vec<(&'a FamilyName, &'a Definition)>, Diagnostic> {
    let mut lineage = vec![(name, &definitions[name])];
    while let Some((_, Definition { source, table, .. })) = lineage.last() {
        let Some(parent) = &table.parent else { break };
        let at = Location::of(source, parent);
        let known = definitions.get_key_value(parent.get_ref());
        let (parent, definition) = known.ok_or_else(|| {
            at.unknown("image", parent.get_ref().as_str(), definitions.keys().map(FamilyName::as_str))
        })?;
        if lineage.iter().any(|(name, _)| *name == parent) {
            let names: Vec<_> = lineage.iter().map(|(name, _)| *name).collect();
            return Err(at.error("an image is its own ancestor", circle(&names, &parent)));
        }
        lineage.push((parent, definition));
    }
    lineage.reverse();
    Ok(lineage)
}

/// `a → b → a`, for a way that comes back to `again`.
fn circle<T: ToString + PartialEq>(way: &[T], again: &T) -> String {
    let from = way.iter().position(|name| name == again).unwrap_or(0);
    way[from..].iter().chain([again]).map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

/// An image of one release before a flavour is applied.
#[derive(Default)]
struct Base {
    description: String,
    architectures: Vec<Architecture>,
    recommends: Recommends,
    leave_out: BTreeMap<PackageName, String>,
    levels: Vec<Level>,
    config: ImageConfig,
    tests: Vec<PathBuf>,
}

impl Base {
    /// `None` where the release does not have the image.
    fn new(
        lineage: &[(&FamilyName, &Definition)],
        release: &ReleaseName,
        releases: &BTreeMap<ReleaseName, Release>,
        tarballs: &BTreeMap<TarballName, Tarball>,
    ) -> Result<Option<Self>, Diagnostic> {
        let mut base = Self { architectures: releases[release].architectures.clone(), ..Self::default() };
        for (family, definition) in lineage {
            if let Some(only) = &definition.table.releases {
                let only = only.iter().map(|name| known_release(&definition.source, name, releases));
                if !only.collect::<Result<Vec<_>, _>>()?.contains(release) {
                    return Ok(None);
                }
            }
            base.add(family, definition, release, releases)?;
            base.add_tarballs(definition, tarballs)?;
        }
        Ok(Some(base))
    }

    fn add(
        &mut self,
        family: &FamilyName,
        Definition { source, table, .. }: &Definition,
        release_name: &ReleaseName,
        releases: &BTreeMap<ReleaseName, Release>,
    ) -> Result<(), Diagnostic> {
        let release = &releases[release_name];
        if let Some(only) = &table.architectures {
            let of_release = release.architectures.iter().map(|name| (name.clone(), ())).collect();
            let only = only.iter().map(|name| known(source, "architecture", name, &of_release));
            let only = only.collect::<Result<Vec<_>, _>>()?;
            self.architectures.retain(|architecture| only.contains(architecture));
        }
        for release in table.release.keys() {
            known_release(source, release, releases)?;
        }
        let additions = table.release.iter().find(|(name, _)| name.get_ref() == release_name);
        let additions = additions.map(|(_, additions)| additions);
        let environment = BTreeMap::new();
        let scope = Scope {
            release: (release_name, release),
            image: None,
            architecture: None,
            held: None,
            environment: &environment,
        };
        let mut requests = Vec::new();
        for package in table.packages.iter().chain(additions.iter().flat_map(|more| &more.packages)) {
            let text = Template::new(source, package)?.render(&scope)?;
            requests.push(parsed(source, &Spanned::new(package.span(), text))?);
        }
        match table.recommends {
            None => {}
            Some(true) => self.recommends = Recommends::Taken,
            Some(false) => self.recommends = Recommends::Ignored,
        }
        self.leave_out.extend(left_out(source, &table.leave_out)?);
        if let Some(more) = additions {
            self.leave_out.extend(left_out(source, &more.leave_out)?);
        }
        self.levels.push(Level {
            family: Some(family.clone()),
            requests,
            tarballs: table.tarballs.iter().map(|name| name.get_ref().clone()).collect(),
            steps: table.generate.iter().copied().collect(),
            declared: declared(source, table)?,
        });
        self.config.environment.extend(assignments(source, &table.environment)?);
        if let Some(words) = &table.entrypoint {
            self.config.entrypoint = Some(templates(source, words)?);
        }
        if let Some(words) = &table.command {
            self.config.command = Some(templates(source, words)?);
        }
        self.description.clone_from(&table.description);
        self.tests.extend(beside(source, &table.tests));
        Ok(())
    }

    /// An image is for the architectures that its tarballs are published for.
    fn add_tarballs(
        &mut self,
        Definition { source, table }: &Definition,
        tarballs: &BTreeMap<TarballName, Tarball>,
    ) -> Result<(), Diagnostic> {
        for name in &table.tarballs {
            let text = Spanned::new(name.span(), name.get_ref().to_string());
            let tarball = &tarballs[&known(source, "tarball", &text, tarballs)?];
            self.architectures.retain(|architecture| tarball.files.contains_key(architecture));
        }
        Ok(())
    }

    fn flavoured(&self, name: ImageName, flavour: &Flavour) -> Image {
        let mut levels = self.levels.clone();
        let (requests, steps) = (flavour.packages.clone(), flavour.steps.clone());
        let tarballs = BTreeSet::new();
        levels.push(Level { family: None, requests, tarballs, steps, declared: Vec::new() });
        let requests: Vec<_> = levels.iter().flat_map(|level| &level.requests).cloned().collect();
        let requested = |package: &PackageName| {
            requests.iter().any(|request| request.alternatives().iter().any(|a| a.name == *package))
        };
        let leave_out = self.leave_out.iter().chain(&flavour.leave_out);
        let leave_out = leave_out
            .filter(|(package, _)| !requested(package))
            .map(|(package, reason)| (package.clone(), reason.clone()))
            .collect();
        Image {
            name,
            description: self.description.clone(),
            architectures: self.architectures.clone(),
            recommends: self.recommends,
            leave_out,
            levels,
            config: self.config.clone().flavoured(&flavour.config),
            tests: self.tests.iter().chain(&flavour.tests).cloned().collect(),
            requests,
        }
    }
}

impl ImageConfig {
    /// An entrypoint of the flavour's takes the place of the image's, and of its arguments.
    fn flavoured(mut self, flavour: &Self) -> Self {
        self.environment.extend(flavour.environment.iter().cloned());
        self.user = flavour.user.clone().or(self.user);
        if flavour.entrypoint.is_some() {
            self.entrypoint.clone_from(&flavour.entrypoint);
            self.command.clone_from(&flavour.command);
        }
        self
    }
}

fn known_release(
    source: &Arc<Source>,
    name: &Spanned<ReleaseName>,
    releases: &BTreeMap<ReleaseName, Release>,
) -> Result<ReleaseName, Diagnostic> {
    let text = Spanned::new(name.span(), name.get_ref().to_string());
    known(source, "release", &text, releases)
}

fn relations(source: &Arc<Source>, texts: &[Spanned<String>]) -> Result<Vec<Relation>, Diagnostic> {
    texts.iter().map(|text| parsed(source, text)).collect()
}

fn left_out(
    source: &Arc<Source>,
    table: &BTreeMap<Spanned<String>, String>,
) -> Result<BTreeMap<PackageName, String>, Diagnostic> {
    table.iter().map(|(name, reason)| Ok((parsed(source, name)?, reason.clone()))).collect()
}

fn templates(source: &Arc<Source>, texts: &[Spanned<String>]) -> Result<Vec<Template>, Diagnostic> {
    texts.iter().map(|text| Template::new(source, text)).collect()
}

fn assignments(
    source: &Arc<Source>,
    table: &BTreeMap<String, Spanned<String>>,
) -> Result<Vec<(String, Template)>, Diagnostic> {
    table
        .iter()
        .map(|(name, value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                let at = Location::of(source, value);
                return Err(at.error(format!("`{name}` is not a name of an environment variable"), ""));
            }
            Ok((name.clone(), Template::new(source, value)?))
        })
        .collect()
}

fn declared(source: &Arc<Source>, table: &ImageTable) -> Result<Vec<Declared>, Diagnostic> {
    let files = table.file.iter().map(|file| {
        let node = DeclaredNode::File(Template::new(source, &file.content)?);
        Ok(Declared { path: path(source, &file.path)?, mode: mode(source, file.mode.as_ref(), 0o644)?, node })
    });
    let directories = table.directory.iter().map(|directory| {
        let mode = mode(source, directory.mode.as_ref(), 0o755)?;
        Ok(Declared { path: path(source, &directory.path)?, mode, node: DeclaredNode::Directory })
    });
    let links = table.link.iter().map(|link| {
        let node = DeclaredNode::Link(link.target.clone());
        Ok(Declared { path: path(source, &link.path)?, mode: 0o777, node })
    });
    files.chain(directories).chain(links).collect()
}

/// Paths that a definition gives from its own directory.
fn beside(source: &Source, paths: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let directory = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    paths.iter().map(move |path| directory.join(path))
}

fn path(source: &Arc<Source>, text: &Spanned<String>) -> Result<ImagePath, Diagnostic> {
    if !text.get_ref().starts_with('/') {
        return Err(Location::of(source, text).error("a path of an image begins with `/`", ""));
    }
    parsed(source, text)
}

fn mode(source: &Arc<Source>, text: Option<&Spanned<String>>, default: u32) -> Result<u32, Diagnostic> {
    let Some(text) = text else { return Ok(default) };
    let mode = u32::from_str_radix(text.get_ref(), 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| {
        Location::of(source, text).error("this is no mode", "octal digits are expected, as in `0755`")
    })
}
