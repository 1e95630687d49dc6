//! An image: its layers made or found, checked as one tree, and assembled.

mod capable;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use oci_spec::OciSpecError;

use super::layers::{Input, Layers, LayersError, Records, Wanted, WantedTarball};
use super::places::Places;
use super::progress::Silent;
use crate::catalog::file::Step;
use crate::catalog::name::TarballName;
use crate::catalog::{Catalog, Declared, DeclaredNode, Image};
use crate::debian::control::Paragraph;
use crate::debian::{Constraint, InvalidRelation, PackageName, Relation, Relations, Version};
use crate::diagnostic::Diagnostic;
use crate::digest::Sha256;
use crate::generate::{
    self, GenerateError, accounts, busybox, cacerts, fontconfig, java_alternatives, java_cacerts, ldconfig,
    os_release,
};
use crate::image::accounting::{self, Privilege, Unaccounted};
use crate::image::built::{BuiltImage, OwnedLayer, Owner};
use crate::image::plan::Plan;
use crate::image::{ImageLayer, config};
use crate::layer::RECIPE;
use crate::layer::package::LayerRecord;
use crate::lock::{LockedImage, Pin};
use crate::tree::{
    Alias, Conflict, Entry, ImagePath, InvalidPath, Kind, Node, Tree, Union, Unresolved, usr_merge_links,
};

/// An image of one architecture that is to be built.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub locked: LockedImage<'a>,
    /// Where the lock's packages and tarballs are.
    pub places: &'a Places<'a>,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Layers(#[from] LayersError),
    #[error(transparent)]
    Template(#[from] Diagnostic),
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error("the step `{step}` reads {package}, which the image does not hold: name it among its packages")]
    NoInput { step: &'static str, package: &'static str },
    #[error("{}", lines(.0))]
    Conflicts(Vec<Conflict<Owner>>),
    #[error(
        "`{winner}` replaces `{path}` of `{loser}`, whose layer lies above it; drop the path from `{loser}` with a filter"
    )]
    Replaced { path: ImagePath, winner: Owner, loser: Owner },
    #[error("{}", lines(.0))]
    Privileges(Vec<Privilege<Owner>>),
    #[error("`{path}` cannot be given capabilities: no package of the image has a file there")]
    NotCapable { path: ImagePath },
    #[error("the copyright file of `{package}` cannot be read: name the package that has it")]
    Copyright { package: PackageName, source: Unresolved },
    #[error("the copyright file of `{0}` is a directory")]
    CopyrightDirectory(PackageName),
    #[error("`{package}` has a Replaces field that cannot be read")]
    Replaces { package: PackageName, source: InvalidRelation },
    #[error(transparent)]
    Path(#[from] InvalidPath),
    #[error("an entry of the image has a time that no calendar has")]
    Time(#[from] jiff::Error),
    #[error("could not write the documents of the image")]
    Oci(#[from] OciSpecError),
}

fn lines(faults: &[impl ToString]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl<'a> Target<'a> {
    /// The packages of the image, by name.
    pub fn packages(self) -> impl Iterator<Item = Wanted<'a>> {
        self.locked.pins().filter_map(move |(name, pin)| self.wanted(name, pin))
    }

    /// The upstream tarballs of the image.
    pub fn tarballs(self) -> impl Iterator<Item = WantedTarball<'a>> {
        self.locked.closure.tarballs.iter().filter_map(move |name| self.tarball(name))
    }

    /// All that the layers of the image are made from, but for steps.
    pub fn inputs(&self) -> impl Iterator<Item = Input<'a>> {
        self.packages().map(Input::Package).chain(self.tarballs().map(Input::Tarball))
    }

    fn wanted(self, name: &'a PackageName, pin: &'a Pin) -> Option<Wanted<'a>> {
        let LockedImage { lock, architecture, .. } = self.locked;
        Some(Wanted { name, pin, archive: self.places.suite(lock.suite_of(pin, architecture)?)? })
    }

    fn tarball(self, name: &'a TarballName) -> Option<WantedTarball<'a>> {
        let (definition, file) = self.locked.tarball(name)?;
        let archive = self.places.upstream(file.url.directory())?;
        Some(WantedTarball { name, architecture: self.locked.architecture, definition, file, archive })
    }

    /// One of the packages by one of its names.
    fn package(self, step: &'static str, names: &[&'static str]) -> Result<Wanted<'a>, BuildError> {
        let found = self.packages().find(|wanted| names.contains(&wanted.name.as_str()));
        found.ok_or(BuildError::NoInput { step, package: names[0] })
    }
}

/// Builds images from layers.
pub struct Builder<'a> {
    pub catalog: &'a Catalog,
    pub layers: &'a Layers<'a>,
    /// The layers of all packages of the targets.
    pub records: Records,
}

impl Builder<'_> {
    /// Builds an image, and checks that it is whole.
    pub fn build(&self, target: Target<'_>) -> Result<BuiltImage, BuildError> {
        let mut layers = self.image_layers(target)?;
        let Checked { replaced, copyright } = check(&layers, target.locked.image)?;
        for (owner, path) in replaced {
            if let Some(loser) = layers.iter_mut().find(|layer| layer.owner == owner) {
                loser.replaced.insert(path);
            }
        }
        let newest =
            |record: &LayerRecord| record.listing.iter().map(|listed| listed.mtime).max().unwrap_or(0);
        let time = |seconds: u64| Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX));
        let created = time(layers.iter().map(|layer| newest(&layer.record)).max().unwrap_or(0))?;
        let parts = layers
            .iter()
            .map(|OwnedLayer { record, created_by, .. }| {
                Ok(ImageLayer {
                    digest: record.layer.digest,
                    size: record.layer.size,
                    diff_id: record.layer.diff_id,
                    created: time(newest(record))?,
                    created_by: created_by.clone(),
                })
            })
            .collect::<Result<_, BuildError>>()?;
        let parts = config::parts(target.locked, created, parts)?;
        Ok(BuiltImage { assembled: parts.assemble()?, created, layers, copyright })
    }

    /// Makes those layers of a target anew that the store has lost since they were looked up.
    pub fn mend(&self, target: Target<'_>) -> Result<(), BuildError> {
        let (_, missing) = self.layers.look_up(target.inputs())?;
        self.layers.make(&missing, &Silent)?;
        self.image_layers(target).map(drop)
    }

    /// The layers of a target that the store has. Nothing is fetched or made where the store is read-only.
    #[must_use]
    pub fn layers_at_hand(&self, target: Target<'_>) -> Vec<Sha256> {
        let inputs = target.inputs().map(|input| self.records.get(&self.layers.key(input)));
        let inputs: Vec<_> = inputs.map(|record| record.map(|record| record.layer.digest)).collect();
        // Steps read what is below them: without all of that there can be no layers of them.
        let steps = inputs.iter().all(Option::is_some).then(|| self.image_layers(target).ok()).flatten();
        let steps = steps.into_iter().flatten().map(|layer| layer.record.layer.digest);
        inputs.into_iter().flatten().chain(steps).collect()
    }

    /// Puts a license text of an image where it is found without opening a layer: one that was damaged there or is
    /// gone, or that has a name by which no license text is known.
    pub fn keep_license_text(
        &self,
        target: Target<'_>,
        built: &BuiltImage,
        text: Sha256,
    ) -> Result<(), BuildError> {
        self.mend(target)?;
        let holds = |layer: &&OwnedLayer| layer.record.listing.files().any(|(_, file)| file.sha256 == text);
        if let Some(layer) = built.layers.iter().find(holds).filter(|_| !self.layers.store.has(text)) {
            self.layers.keep_file(&layer.record.layer, text)?;
        }
        Ok(())
    }

    /// The maintainer scripts of the targets' packages that nobody accounts for.
    #[must_use]
    pub fn unaccounted(&self, targets: &[Target<'_>]) -> Unaccounted {
        let mut unaccounted = Unaccounted::default();
        for target in targets {
            let LockedImage { image, architecture, .. } = target.locked;
            for wanted in target.packages() {
                let record = self.records.get(&self.layers.key(Input::Package(wanted)));
                let scripts = record
                    .into_iter()
                    .flat_map(|record| &record.scripts)
                    .filter(|script| accounting::reason(self.catalog, image, wanted.name, script).is_none());
                let package = (wanted.name, &wanted.pin.version);
                unaccounted.add((image, architecture), package, scripts.cloned().collect());
            }
        }
        unaccounted
    }

    fn image_layers(&self, target: Target<'_>) -> Result<Vec<OwnedLayer>, BuildError> {
        let mut layers: Vec<OwnedLayer> = Vec::new();
        let plan = Plan::new(target.locked);
        for level in plan.levels {
            for wanted in level.packages.into_iter().filter_map(|(name, pin)| target.wanted(name, pin)) {
                layers.extend(self.made(Owner::Package(wanted.name.clone()), Input::Package(wanted)));
            }
            for wanted in level.tarballs.iter().filter_map(|name| target.tarball(name)) {
                layers.extend(self.made(Owner::Tarball(wanted.name.clone()), Input::Tarball(wanted)));
            }
            layers.extend(self.usr_merge(&layers)?);
            for step in level.steps {
                layers.push(self.step(step, target, &layers)?);
            }
            layers.extend(self.declared(level.declared, target)?);
            layers.extend(self.capable(level.privileged, target, &layers)?);
        }
        for step in plan.finish {
            layers.push(self.step(step, target, &layers)?);
        }
        Ok(layers)
    }

    fn made(&self, owner: Owner, input: Input<'_>) -> Option<OwnedLayer> {
        let record = self.records.get(&self.layers.key(input))?.clone();
        Some(OwnedLayer { owner, record, created_by: input.to_string(), replaced: BTreeSet::new() })
    }

    /// The links `/bin -> usr/bin`, where something lies below `/usr/bin` and no package has the link.
    fn usr_merge(&self, layers: &[OwnedLayer]) -> Result<Option<OwnedLayer>, BuildError> {
        let has = |path: &ImagePath| layers.iter().any(|layer| layer.record.listing.get(path).is_some());
        let aliases: Vec<_> =
            Alias::ALL.into_iter().filter(|alias| has(&alias.directory()) && !has(&alias.link())).collect();
        if aliases.is_empty() {
            return Ok(None);
        }
        let layer =
            self.generated("usr-merge", &format!("{aliases:?}"), || Ok(usr_merge_links(aliases, 0)))?;
        Ok(Some(layer))
    }

    /// `below` are the layers that the step's own will lie on.
    fn step(&self, step: Step, target: Target<'_>, below: &[OwnedLayer]) -> Result<OwnedLayer, BuildError> {
        let name = step.name();
        match step {
            Step::Accounts => {
                let accounts = &self.catalog.accounts;
                let input = format!("{} {accounts:?}", accounts::RECIPE);
                self.generated(name, &input, || Ok(accounts::files(accounts, 0)?))
            }
            Step::CaCertificates => {
                let package = target.package(name, &["ca-certificates"])?;
                self.made_from(package, name, cacerts::RECIPE, cacerts::bundle)
            }
            Step::OsRelease => {
                let package = target.package(name, &["base-files"])?;
                let environment = BTreeMap::new();
                let scope = target.locked.scope(&environment);
                let branding = self.catalog.branding.iter();
                let branding = branding
                    .map(|(key, value)| Ok((key.clone(), value.render(&scope)?)))
                    .collect::<Result<BTreeMap<_, _>, Diagnostic>>()?;
                let input = format!("{} {branding:?}", os_release::RECIPE);
                self.made_from(package, name, &input, |tree| os_release::branded(tree, &branding))
            }
            Step::Busybox => self.applets(name, target, busybox::DIRECTORY),
            Step::BusyboxBin => self.applets(name, target, busybox::BIN),
            Step::JavaCacerts => {
                let package = target.package(name, &["ca-certificates"])?;
                self.made_from(package, name, java_cacerts::RECIPE, java_cacerts::store)
            }
            Step::Fontconfig => {
                let package = target.package(name, &["fontconfig-config"])?;
                self.made_from(package, name, fontconfig::RECIPE, fontconfig::links)
            }
            Step::JavaAlternatives => {
                let lists: Vec<_> = below.iter().flat_map(|layer| &layer.record.jinfo).collect();
                if lists.is_empty() {
                    return Err(BuildError::NoInput { step: name, package: "a package of Debian's Java" });
                }
                self.generated(name, &whole(java_alternatives::RECIPE, below), || {
                    Ok(java_alternatives::links(&union(below), lists)?)
                })
            }
            Step::LdSoCache => self.generated(name, &whole(ldconfig::RECIPE, below), || {
                let libraries = below.iter().flat_map(|layer| &layer.record.libraries);
                let libraries = libraries.map(|library| (&library.path, library)).collect();
                Ok(ldconfig::cache(&union(below), &libraries)?)
            }),
        }
    }

    /// A link in the directory for every applet of busybox.
    fn applets(
        &self,
        step: &'static str,
        target: Target<'_>,
        directory: &str,
    ) -> Result<OwnedLayer, BuildError> {
        let package = target.package(step, &["busybox-static", "busybox"])?;
        self.made_from(package, step, busybox::RECIPE, |tree| busybox::links(tree, directory))
    }

    fn declared(&self, declared: &[Declared], target: Target<'_>) -> Result<Option<OwnedLayer>, BuildError> {
        if declared.is_empty() {
            return Ok(None);
        }
        let environment = BTreeMap::new();
        let scope = target.locked.scope(&environment);
        let mut tree = Tree::new();
        for Declared { path, mode, owner, node } in declared {
            let entry = match node {
                DeclaredNode::File(content) => Entry::file(content.render(&scope)?, 0),
                DeclaredNode::Directory => Entry::directory(0),
                DeclaredNode::Link(target) => Entry::symlink(target.render(&scope)?, 0),
                DeclaredNode::Source(node) => Entry { node: node.clone(), ..Entry::file("", 0) },
            };
            tree.insert(path.clone(), entry.with_mode(*mode).with_owner(owner.uid, owner.gid));
        }
        let input: Vec<_> = tree.iter().map(identity).collect();
        Ok(Some(self.generated("files", &input.join("\n"), || Ok(tree))?))
    }

    /// A layer that is made from a package, which is opened only where the layer is not there yet.
    fn made_from(
        &self,
        package: Wanted<'_>,
        step: &'static str,
        input: &str,
        make: impl FnOnce(&Tree) -> Result<Tree, generate::GenerateError>,
    ) -> Result<OwnedLayer, BuildError> {
        let input = format!("{input} {}", package.pin.sha256);
        self.generated(step, &input, || Ok(make(&self.layers.tree(package)?)?))
    }

    fn generated(
        &self,
        step: &'static str,
        input: &str,
        make: impl FnOnce() -> Result<Tree, BuildError>,
    ) -> Result<OwnedLayer, BuildError> {
        let key = Sha256::of(format!("{RECIPE}\nstep {step}\n{input}").as_bytes());
        let record = self.layers.generated(key, make)?;
        let owner = Owner::Step(step);
        Ok(OwnedLayer { owner, record, created_by: format!("step {step}"), replaced: BTreeSet::new() })
    }
}

/// All that a layer has of an entry, in short.
fn identity((path, Entry { node, mode, uid, gid, mtime, capabilities }): (&ImagePath, &Entry)) -> String {
    let node = match node {
        Node::File(content) => format!("File({})", Sha256::of(content)),
        node => format!("{node:?}"),
    };
    format!("{path:?} {node} {mode:o} {uid}:{gid} {mtime} {capabilities:?}")
}

/// The input of a step that reads all that is below it.
fn whole(recipe: &str, below: &[OwnedLayer]) -> String {
    let digests: Vec<_> = below.iter().map(|layer| layer.record.layer.digest).collect();
    format!("{recipe} {digests:?}")
}

/// What lies in layers on top of each other. [`check`] tells of conflicts, when all layers are there.
fn union(layers: &[OwnedLayer]) -> Union<'_, Owner> {
    let mut image = Union::new();
    for layer in layers {
        let _ = image.add(&layer.owner, &layer.record.listing, |_, _| false);
    }
    image
}

/// What is found where an image is checked.
struct Checked {
    /// The paths that another layer has, with those who lost them.
    replaced: Vec<(Owner, ImagePath)>,
    copyright: BTreeMap<PackageName, Sha256>,
}

/// Every path has one owner, or two that may share it; only files that the image's definitions name give rights;
/// every package's copyright file can be read.
fn check(layers: &[OwnedLayer], image: &Image) -> Result<Checked, BuildError> {
    let (mut versions, mut replaces) = (BTreeMap::new(), BTreeMap::new());
    for layer in layers {
        if let Owner::Package(name) = &layer.owner {
            let control = Paragraph::of(&layer.record.control);
            versions.insert(name, control.get("Version").and_then(|version| version.parse::<Version>().ok()));
            let field = control.get("Replaces").unwrap_or_default();
            let relations = field.parse::<Relations>();
            let relations =
                relations.map_err(|source| BuildError::Replaces { package: name.clone(), source })?;
            replaces.insert(name.as_str(), relations);
        }
    }
    let may_replace = |new: &Owner, old: &Owner| match (new, old) {
        (Owner::Step(step), Owner::Package(package)) => {
            // It puts another file in the place of one of base-files.
            let is_os_release = *step == Step::OsRelease.name();
            *step == capable::STEP || (is_os_release && package.as_str() == "base-files")
        }
        (Owner::Package(new), Owner::Package(old)) => {
            replaces.get(new.as_str()).into_iter().flatten().flat_map(Relation::alternatives).any(|named| {
                let version = versions.get(old).and_then(Option::as_ref);
                let admits =
                    |constraint: &Constraint| version.is_some_and(|version| constraint.admits(version));
                named.name == *old && named.constraint.as_ref().is_none_or(admits)
            })
        }
        _ => false,
    };
    let mut union = Union::new();
    let mut conflicts = Vec::new();
    for OwnedLayer { owner, record, .. } in layers {
        conflicts.extend(union.add(owner, &record.listing, may_replace));
    }
    if !conflicts.is_empty() {
        return Err(BuildError::Conflicts(conflicts));
    }
    let place = |owner: &Owner| layers.iter().position(|layer| layer.owner == *owner);
    if let Some(taken) = union.replaced().iter().find(|taken| place(taken.winner) < place(taken.loser)) {
        return Err(BuildError::Replaced {
            path: taken.path.clone(),
            winner: taken.winner.clone(),
            loser: taken.loser.clone(),
        });
    }
    let privileges = accounting::privileges(image, &union);
    if !privileges.is_empty() {
        return Err(BuildError::Privileges(privileges));
    }
    let packages = layers.iter().filter_map(|layer| match &layer.owner {
        Owner::Package(package) => Some(package),
        _ => None,
    });
    let copyright = packages.map(|package| Ok((package.clone(), copyright(&union, package)?)));
    let replaced = union.replaced().iter();
    Ok(Checked {
        copyright: copyright.collect::<Result<_, BuildError>>()?,
        replaced: replaced.map(|replaced| (replaced.loser.clone(), replaced.path.clone())).collect(),
    })
}

/// The digest of a package's copyright file, wherever the way to it leads.
fn copyright(union: &Union<'_, Owner>, package: &PackageName) -> Result<Sha256, BuildError> {
    let path = ImagePath::parse(&format!("/usr/share/doc/{package}/copyright"))?;
    let found = union.resolve(&path);
    let found = found.map_err(|source| BuildError::Copyright { package: package.clone(), source })?;
    let kind = match &found.listed.kind {
        Kind::HardLink(target) => union.get(target).map(|claim| &claim.listed.kind),
        kind => Some(kind),
    };
    match kind {
        Some(Kind::File(file)) => Ok(file.sha256),
        _ => Err(BuildError::CopyrightDirectory(package.clone())),
    }
}
