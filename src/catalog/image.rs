//! Families × releases × tags → images.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::accounts::{Accounts, User};
use super::definition::{Additions, Definition, Names, circle, definitions, lineage};
use super::diagnostic::{Diagnostic, Location, Source};
use super::file::{FamilyFile, Step, TagTable};
use super::name::{FamilyName, ImageName, ReleaseName, TagName, TarballName};
use super::tarball::Tarball;
use super::template::{Scope, Template};
use super::{Release, parsed};
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
    Link(Template),
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
    /// The tags that it inherits from and its own, in the order of their changes.
    tags: Vec<TagName>,
    additions: Additions,
    steps: BTreeSet<Step>,
    config: ImageConfig,
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
        if !self.tags.contains(tag) {
            self.tags.push(tag.clone());
        }
        for package in &table.packages {
            self.additions.requests.push(parsed(source, package)?);
        }
        for (name, reason) in &table.leave_out {
            self.additions.leave_out.insert(parsed(source, name)?, reason.clone());
        }
        self.steps.extend(table.generate.iter().copied());
        if let Some(user) = &table.user {
            let names: Vec<_> = accounts.users().map(|user| user.name.as_str()).collect();
            let unknown = || Location::of(source, user).unknown("user", user.get_ref(), names.clone());
            self.config.user = Some(accounts.user(user.get_ref()).ok_or_else(unknown)?.clone());
        }
        let template = |text: &_| Template::new(source, text);
        self.config.environment.extend(assignments(source, &table.environment, template)?);
        if let Some(words) = &table.entrypoint {
            self.config.entrypoint = Some(words.iter().map(template).collect::<Result<_, _>>()?);
        }
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
    let names = Names { releases, tarballs, tags };
    let definitions = definitions(files)?;
    let mut images = BTreeMap::new();
    for name in definitions.keys() {
        let lineage = lineage(name, &definitions)?;
        for release in releases.keys() {
            let Some(base) = Base::new(&lineage, release, names)? else { continue };
            for (tag, flavour) in tags {
                let name = ImageName { family: name.clone(), release: release.clone(), tag: tag.clone() };
                images.insert(name.clone(), base.flavoured(name, flavour, tarballs));
            }
        }
    }
    Ok(images)
}

/// An image of one release before a flavour is applied.
#[derive(Default)]
struct Base {
    description: String,
    architectures: Vec<Architecture>,
    recommends: Recommends,
    leave_out: BTreeMap<PackageName, String>,
    levels: Vec<Level>,
    /// What definitions add to single tags, the oldest ancestor first.
    of_tags: Vec<BTreeMap<TagName, Additions>>,
    config: ImageConfig,
}

impl Base {
    /// `None` where the release does not have the image.
    fn new(
        lineage: &[(&FamilyName, &Definition)],
        release: &ReleaseName,
        names: Names<'_>,
    ) -> Result<Option<Self>, Diagnostic> {
        let architectures = names.releases[release].architectures.clone();
        let mut base = Self { architectures, ..Self::default() };
        for (family, definition) in lineage {
            if !definition.is_in(release, names)? {
                return Ok(None);
            }
            base.add(family, definition, release, names)?;
        }
        Ok(Some(base))
    }

    fn add(
        &mut self,
        family: &FamilyName,
        definition: &Definition,
        release_name: &ReleaseName,
        names: Names<'_>,
    ) -> Result<(), Diagnostic> {
        let (table, release) = (&definition.table, &names.releases[release_name]);
        let environment = BTreeMap::new();
        let scope = Scope {
            release: (release_name, release),
            image: None,
            architecture: None,
            held: None,
            environment: &environment,
        };
        definition.restrict(&mut self.architectures, &release.architectures)?;
        let Additions { requests, tarballs, leave_out } = definition.additions(&scope, names)?;
        keep_published(&mut self.architectures, &tarballs, names.tarballs);
        self.leave_out.extend(leave_out);
        self.levels.push(Level {
            family: Some(family.clone()),
            requests,
            tarballs,
            steps: table.generate.iter().copied().collect(),
            declared: declared(definition)?,
        });
        self.of_tags.push(definition.tag_additions(&scope, names)?);
        match table.recommends {
            None => {}
            Some(true) => self.recommends = Recommends::Taken,
            Some(false) => self.recommends = Recommends::Ignored,
        }
        let template = |text: &_| definition.template(text);
        self.config.environment.extend(assignments(&definition.source, &table.environment, template)?);
        if let Some(words) = &table.entrypoint {
            self.config.entrypoint = Some(definition.templates(words)?);
        }
        if let Some(words) = &table.command {
            self.config.command = Some(definition.templates(words)?);
        }
        self.description = definition.template(&table.description)?.render(&scope)?;
        Ok(())
    }

    fn flavoured(
        &self,
        name: ImageName,
        flavour: &Flavour,
        tarballs: &BTreeMap<TarballName, Tarball>,
    ) -> Image {
        let mut added = flavour.additions.clone();
        for of_tags in &self.of_tags {
            flavour
                .tags
                .iter()
                .filter_map(|tag| of_tags.get(tag))
                .for_each(|more| added.extend(more.clone()));
        }
        let mut architectures = self.architectures.clone();
        keep_published(&mut architectures, &added.tarballs, tarballs);
        let mut levels = self.levels.clone();
        levels.push(Level {
            family: None,
            requests: added.requests,
            tarballs: added.tarballs,
            steps: flavour.steps.clone(),
            declared: Vec::new(),
        });
        let requests: Vec<_> = levels.iter().flat_map(|level| &level.requests).cloned().collect();
        let requested = |package: &PackageName| {
            requests.iter().any(|request| request.alternatives().iter().any(|a| a.name == *package))
        };
        let leave_out = self.leave_out.iter().chain(&added.leave_out);
        let leave_out = leave_out
            .filter(|(package, _)| !requested(package))
            .map(|(package, reason)| (package.clone(), reason.clone()))
            .collect();
        Image {
            name,
            description: self.description.clone(),
            architectures,
            recommends: self.recommends,
            leave_out,
            levels,
            config: self.config.clone().flavoured(&flavour.config),
            requests,
        }
    }
}

impl ImageConfig {
    /// An image that says what containers run does so in every flavour, as the public collection's debug images
    /// of Java and Node.js do; `docker run --entrypoint` leads to their shell.
    fn flavoured(mut self, flavour: &Self) -> Self {
        self.environment.extend(flavour.environment.iter().cloned());
        self.user = flavour.user.clone().or(self.user);
        if self.entrypoint.is_none() && self.command.is_none() {
            self.entrypoint.clone_from(&flavour.entrypoint);
        }
        self
    }
}

/// An image is for the architectures that its tarballs are published for.
fn keep_published(
    architectures: &mut Vec<Architecture>,
    held: &BTreeSet<TarballName>,
    tarballs: &BTreeMap<TarballName, Tarball>,
) {
    let published =
        |architecture: &_| held.iter().all(|name| tarballs[name].files.contains_key(architecture));
    architectures.retain(published);
}

fn assignments(
    source: &Arc<Source>,
    table: &BTreeMap<String, Spanned<String>>,
    template: impl Fn(&Spanned<String>) -> Result<Template, Diagnostic>,
) -> Result<Vec<(String, Template)>, Diagnostic> {
    table
        .iter()
        .map(|(name, value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                let at = Location::of(source, value);
                return Err(at.error(format!("`{name}` is not a name of an environment variable"), ""));
            }
            Ok((name.clone(), template(value)?))
        })
        .collect()
}

fn declared(definition: &Definition) -> Result<Vec<Declared>, Diagnostic> {
    let Definition { source, table, .. } = definition;
    let files = table.file.iter().map(|file| {
        let node = DeclaredNode::File(definition.template(&file.content)?);
        Ok(Declared { path: path(source, &file.path)?, mode: mode(source, file.mode.as_ref(), 0o644)?, node })
    });
    let directories = table.directory.iter().map(|directory| {
        let mode = mode(source, directory.mode.as_ref(), 0o755)?;
        Ok(Declared { path: path(source, &directory.path)?, mode, node: DeclaredNode::Directory })
    });
    let links = table.link.iter().map(|link| {
        let node = DeclaredNode::Link(definition.template(&link.target)?);
        Ok(Declared { path: path(source, &link.path)?, mode: 0o777, node })
    });
    files.chain(directories).chain(links).collect()
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
