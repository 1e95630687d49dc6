//! Families × releases × tags → images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::accounts::Accounts;
use super::chain::{SourceFiles, Taken, Written};
use super::config::{ImageConfig, assignments, user};
use super::declared::{self, Declared};
use super::definition::{Additions, Definition, circle, definitions, lineage};
use super::file::{FamilyFile, Step, TagTable};
use super::name::{FamilyName, ImageName, ReleaseName, TagName, TarballName};
use super::tarball::Tarball;
use super::template::{Scope, Template};
use super::{Platform, Privileged, Release, Understood, parsed};
use crate::debian::{Architecture, PackageName, Relation};
use crate::diagnostic::{Diagnostic, Location, Source};
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
#[derive(Debug, Clone, Default)]
pub struct Level {
    /// The image that the definition is of; `None` for the flavour's part.
    pub family: Option<FamilyName>,
    pub requests: Vec<Relation>,
    pub tarballs: BTreeSet<TarballName>,
    pub steps: BTreeSet<Step>,
    pub declared: Vec<Declared>,
    /// Maintainer scripts that are understood.
    pub understood: Vec<Understood>,
    pub privileged: Vec<Privileged>,
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

    /// The files that may give more rights than their user has.
    pub fn privileged(&self) -> impl Iterator<Item = &Privileged> {
        self.levels.iter().flat_map(|level| &level.privileged)
    }

    /// The maintainer scripts that the image's own definitions account for.
    pub fn understood(&self) -> impl Iterator<Item = &Understood> {
        self.levels.iter().flat_map(|level| &level.understood)
    }

    /// The images that this one adds to, the oldest first, and itself.
    pub fn lineage(&self) -> impl DoubleEndedIterator<Item = &FamilyName> {
        self.levels.iter().filter_map(|level| level.family.as_ref())
    }
}

/// The flavours of the catalog, those they inherit from merged into them.
pub(super) fn flavours(
    tables: &BTreeMap<TagName, Written<TagTable>>,
    accounts: &Accounts,
) -> Result<BTreeMap<TagName, Flavour>, Diagnostic> {
    tables
        .keys()
        .map(|tag| {
            let mut flavour = Flavour::default();
            flavour.add(tag, tables, accounts, &mut Vec::new())?;
            Ok((tag.clone(), flavour))
        })
        .collect()
}

impl Flavour {
    fn add(
        &mut self,
        tag: &TagName,
        tables: &BTreeMap<TagName, Written<TagTable>>,
        accounts: &Accounts,
        descendants: &mut Vec<TagName>,
    ) -> Result<(), Diagnostic> {
        let (source, table) = &tables[tag];
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
            self.add(name, tables, accounts, descendants)?;
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
        if let Some(name) = &table.user {
            self.config.user = Some(user(source, name, accounts)?);
        }
        let template = |text: &_| Template::new(source, text);
        self.config.environment.extend(assignments(source, &table.environment, template)?);
        if let Some(words) = &table.entrypoint {
            self.config.entrypoint = Some(words.iter().map(template).collect::<Result<_, _>>()?);
        }
        self.additions.tests.extend(beside(source, &table.tests));
        Ok(())
    }
}

/// A family file of a catalog, or of one that it extends.
pub(super) struct Family {
    pub definition: Written<FamilyFile>,
    pub is_own: bool,
}

impl Family {
    pub fn own(definition: Written<FamilyFile>) -> Self {
        Self { definition, is_own: true }
    }

    pub fn inherited(definition: Written<FamilyFile>) -> Self {
        Self { definition, is_own: false }
    }
}

/// What all images share, as far as their definitions speak of it.
pub(super) struct Shared<'a> {
    pub platforms: &'a BTreeMap<Architecture, Platform>,
    pub releases: &'a BTreeMap<ReleaseName, Release>,
    pub accounts: &'a Accounts,
    pub tarballs: &'a BTreeMap<TarballName, Tarball>,
    pub tags: &'a BTreeMap<TagName, Flavour>,
    pub files: &'a SourceFiles,
}

/// The images of a catalog, and the families that they add to and that are none of its images.
pub(super) struct Images {
    pub images: BTreeMap<ImageName, Image>,
    pub bases: Vec<Image>,
}

/// Every image of a catalog's own families, and of the inherited ones that it takes, in every release and flavour.
pub(super) fn expand(
    families: Vec<Family>,
    taken: &Taken,
    shared: &Shared<'_>,
) -> Result<Images, Diagnostic> {
    let definitions = definitions(families)?;
    let inherited = definitions.iter().filter(|(_, definition)| !definition.is_own).map(|(name, _)| name);
    taken.check(inherited)?;
    let wanted = definitions.iter().filter(|(name, definition)| definition.is_own || taken.admits(name));
    let mut images = BTreeMap::new();
    for (name, _) in wanted {
        let lineage = lineage(name, &definitions)?;
        for release in shared.releases.keys() {
            let Some(base) = Base::new(&lineage, release, shared)? else { continue };
            for (tag, flavour) in shared.tags {
                let name = ImageName { family: name.clone(), release: release.clone(), tag: tag.clone() };
                images.insert(name.clone(), base.flavoured(name, flavour, shared.tarballs));
            }
        }
    }
    let bases = bases(&images, &definitions, shared)?;
    Ok(Images { images, bases })
}

/// The ancestors of images that have no images themselves, for the architectures of those that do.
fn bases(
    images: &BTreeMap<ImageName, Image>,
    definitions: &BTreeMap<FamilyName, Definition>,
    shared: &Shared<'_>,
) -> Result<Vec<Image>, Diagnostic> {
    let mut wanted: BTreeMap<ImageName, BTreeSet<&Architecture>> = BTreeMap::new();
    let Some(tag) = shared.tags.keys().next() else { return Ok(Vec::new()) };
    for image in images.values() {
        for family in image.lineage() {
            let (family, release) = (family.clone(), image.name.release.clone());
            let name = ImageName { family, release, tag: tag.clone() };
            if !images.contains_key(&name) {
                wanted.entry(name).or_default().extend(&image.architectures);
            }
        }
    }
    let mut bases = Vec::new();
    for (name, architectures) in wanted {
        let lineage = lineage(&name.family, definitions)?;
        let Some(mut base) = Base::new(&lineage, &name.release, shared)? else { continue };
        base.architectures.retain(|architecture| architectures.contains(architecture));
        bases.push(base.flavoured(name, &Flavour::default(), shared.tarballs));
    }
    Ok(bases)
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
    tests: Vec<PathBuf>,
}

impl Base {
    /// `None` where the release does not have the image.
    fn new(
        lineage: &[(&FamilyName, &Definition)],
        release: &ReleaseName,
        shared: &Shared<'_>,
    ) -> Result<Option<Self>, Diagnostic> {
        let architectures = shared.releases[release].architectures.clone();
        let mut base = Self { architectures, ..Self::default() };
        for (family, definition) in lineage {
            if !definition.is_in(release, shared)? {
                return Ok(None);
            }
            base.add(family, definition, release, shared)?;
        }
        Ok(Some(base))
    }

    fn add(
        &mut self,
        family: &FamilyName,
        definition: &Definition,
        release_name: &ReleaseName,
        shared: &Shared<'_>,
    ) -> Result<(), Diagnostic> {
        let (table, release) = (&definition.table, &shared.releases[release_name]);
        let environment = BTreeMap::new();
        let scope = Scope {
            release: (release_name, release),
            image: None,
            architecture: None,
            held: None,
            environment: &environment,
        };
        definition.restrict(&mut self.architectures, shared.platforms)?;
        let Additions { requests, tarballs, leave_out, tests } = definition.additions(&scope, shared)?;
        keep_published(&mut self.architectures, &tarballs, shared.tarballs);
        self.leave_out.extend(leave_out);
        self.tests.extend(tests);
        let source = &definition.source;
        let understood = table.maintainer_script.iter().map(|table| Understood::read(source, table));
        let privileged = table.privileged.iter().map(|table| Privileged::read(source, table));
        self.levels.push(Level {
            family: Some(family.clone()),
            requests,
            tarballs,
            steps: table.generate.iter().copied().collect(),
            declared: declared::read(definition, shared)?,
            understood: understood.collect::<Result<_, _>>()?,
            privileged: privileged.collect::<Result<_, _>>()?,
        });
        self.of_tags.push(definition.tag_additions(&scope, shared)?);
        match table.recommends {
            None => {}
            Some(true) => self.recommends = Recommends::Taken,
            Some(false) => self.recommends = Recommends::Ignored,
        }
        self.config.add(definition, shared.accounts)?;
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
            requests: added.requests,
            tarballs: added.tarballs,
            steps: flavour.steps.clone(),
            ..Level::default()
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
            tests: self.tests.iter().chain(&added.tests).cloned().collect(),
            requests,
        }
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

/// Paths that a definition gives from its own directory.
pub(super) fn beside(source: &Source, paths: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let directory = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    paths.iter().map(move |path| directory.join(path))
}

pub(super) fn path(source: &Arc<Source>, text: &Spanned<String>) -> Result<ImagePath, Diagnostic> {
    if !text.get_ref().starts_with('/') {
        return Err(Location::of(source, text).error("a path of an image begins with `/`", ""));
    }
    parsed(source, text)
}
