//! Definitions + what the archive offers → a lock.

use std::collections::{BTreeMap, BTreeSet};

use super::{Closure, Lock, LockedSuite, Pin};
use crate::catalog::name::{FamilyName, ReleaseName, TagName, TarballName};
use crate::catalog::{Catalog, Image, Release, Suite};
use crate::debian::{Architecture, InvalidStanza, PackageName, Relation, Subject};
use crate::digest::Sha256;
use crate::resolve::{LeftOut, Request, Resolution, ResolveError, Selected, Universe, resolve};

/// All images of a release, resolved on one architecture.
#[derive(Debug)]
pub struct Resolved {
    architecture: Architecture,
    /// The suites with their indexes for this architecture.
    suites: Suites,
    /// What the catalog pins, and the suites have nothing of.
    unmet: Vec<Subject>,
    /// One for each wish; `None` where the image is not for this architecture.
    resolutions: Vec<Option<Result<Resolution, ResolveError>>>,
    pins: BTreeMap<PackageName, Pin>,
}

/// The suites that packages of one architecture are taken from.
#[derive(Debug, Clone, Default)]
pub struct Suites {
    pub current: Vec<LockedSuite>,
    /// States that have what is held, and the current ones no longer have.
    pub older: Vec<LockedSuite>,
}

impl Suites {
    /// The indexes, with the suite, the path and the digest of each: a universe has them in this order.
    pub fn indexes(&self) -> impl Iterator<Item = (&LockedSuite, &str, Sha256)> {
        self.current
            .iter()
            .chain(&self.older)
            .flat_map(|suite| suite.indexes.iter().map(move |(path, digest)| (suite, path.as_str(), *digest)))
    }

    /// The state that an index is of.
    fn origin(&self, index: usize) -> &LockedSuite {
        self.indexes().nth(index).map(|(suite, ..)| suite).expect("a universe is made of these indexes")
    }
}

impl Resolved {
    /// What an older lock has for an architecture; `None` where it does not fit the definitions. Images that hold
    /// a tarball that is missing are in no lock, and passed over.
    #[must_use]
    pub fn kept(
        catalog: &Catalog,
        old: &Lock,
        architecture: &Architecture,
        missing: &BTreeSet<TarballName>,
    ) -> Option<Self> {
        let mut resolutions = Vec::new();
        for wish in wishes(catalog, &old.release) {
            let image = wish.image;
            let is_missing = image.tarballs().any(|name| missing.contains(name));
            if is_missing || !image.architectures.contains(architecture) {
                resolutions.push(None);
                continue;
            }
            let closure = wish.closure(old).filter(|closure| !closure.asks_otherwise(image))?;
            let packages = closure.packages.get(architecture)?.iter().map(|name| {
                let pin = old.pin(name, architecture)?;
                let left_out = closure.left_out.iter().filter(|(_, wanted_by)| wanted_by.contains(name));
                let left_out =
                    left_out.map(|(name, _)| LeftOut { relation: name.clone().into(), name: name.clone() });
                let selected = Selected {
                    version: pin.version.clone(),
                    requested: false,
                    depends: pin.depends.clone(),
                    left_out: left_out.collect(),
                };
                Some((name.clone(), selected))
            });
            let packages = packages.collect::<Option<_>>()?;
            resolutions.push(Some(Ok(Resolution { packages, unused: BTreeSet::new() })));
        }
        let pins =
            old.pins.iter().filter_map(|(name, pins)| Some((name.clone(), pins.get(architecture)?.clone())));
        let covering = old.suites.iter().filter(|suite| suite.covers(architecture));
        let (older, current) = covering.partition(|suite| old.is_superseded(suite));
        let only = |suites: Vec<&LockedSuite>| suites.iter().map(|suite| suite.only(architecture)).collect();
        Some(Self {
            architecture: architecture.clone(),
            suites: Suites { current: only(current), older: only(older) },
            unmet: Vec::new(),
            resolutions,
            pins: pins.collect(),
        })
    }
}

/// A new lock, and what its making brought to light.
#[derive(Debug)]
pub struct Renewal {
    pub lock: Lock,
    /// Names that a definition leaves out though nothing wants them, with the families concerned.
    pub unused: BTreeMap<PackageName, BTreeSet<FamilyName>>,
}

/// Why there is no lock of a release.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// Images cannot be resolved, each reason once.
    #[error("{}", conflicts(.0))]
    Unresolved(Vec<Failure>),
    #[error("the catalog pins `{0}` in {1}, and its suites have no such package on any architecture")]
    Unmet(Subject, ReleaseName),
}

/// What keeps images from being resolved, and the architectures on which it does.
#[derive(Debug)]
pub struct Failure {
    pub images: BTreeSet<String>,
    pub architectures: BTreeSet<Architecture>,
    pub error: ResolveError,
}

fn conflicts(failures: &[Failure]) -> String {
    let texts: Vec<_> = failures
        .iter()
        .map(|Failure { images, architectures, error }| {
            let images: Vec<_> = images.iter().map(String::as_str).collect();
            let architectures: Vec<_> = architectures.iter().map(Architecture::as_str).collect();
            let hint = match error {
                ResolveError::Conflict(conflict) => conflict.hint(),
                ResolveError::Index(_) => None,
            };
            let hint = hint.map_or(String::new(), |hint| format!("\n  hint: {hint}"));
            let (images, architectures) = (images.join(", "), architectures.join(", "));
            format!("{images} cannot be resolved on {architectures}: {error}{hint}")
        })
        .collect();
    texts.join("\n")
}

/// The images of one family that ask for the same, in all their flavours; or a family that has none, with no tags.
struct Wish<'a> {
    image: &'a Image,
    tags: BTreeSet<TagName>,
}

impl Wish<'_> {
    fn closure<'l>(&self, lock: &'l Lock) -> Option<&'l Closure> {
        let name = &self.image.name;
        if self.tags.is_empty() { lock.base(&name.family) } else { lock.closure(name) }
    }
}

/// Resolves every image of a release on one architecture, in the universe that the indexes of the suites make.
pub fn resolve_images(
    catalog: &Catalog,
    release: &ReleaseName,
    suites: Suites,
    universe: &Universe<'_>,
) -> Result<Resolved, InvalidStanza> {
    let architecture = universe.architecture();
    let mut pins = BTreeMap::new();
    let mut resolutions = Vec::new();
    for Wish { image, .. } in wishes(catalog, release) {
        let request = Request {
            requests: image.requests.clone(),
            recommends: image.recommends,
            left_out: image.leave_out.keys().cloned().collect(),
        };
        let resolution = image.architectures.contains(architecture).then(|| resolve(universe, &request));
        if let Some(Ok(resolution)) = &resolution {
            pin(&mut pins, &suites, universe, resolution)?;
        }
        resolutions.push(resolution);
    }
    let unmet = universe.unmet().to_vec();
    Ok(Resolved { architecture: architecture.clone(), suites, unmet, resolutions, pins })
}

/// Puts the architectures of a release together. An image that could not be resolved fails them all.
pub fn renew(
    catalog: &Catalog,
    release: &ReleaseName,
    snapshot: Option<String>,
    resolved: Vec<Resolved>,
) -> Result<Renewal, RenewError> {
    let Release { suites, pins: preferences, .. } = &catalog.releases[release];
    let everywhere = |subject: &&Subject| resolved.iter().all(|on| on.unmet.contains(subject));
    if let Some(subject) = preferences.keys().find(everywhere) {
        return Err(RenewError::Unmet(subject.clone(), release.clone()));
    }
    let suites = united(suites, &resolved);
    let wishes = wishes(catalog, release);
    let mut of_wishes: Vec<BTreeMap<Architecture, Resolution>> = vec![BTreeMap::new(); wishes.len()];
    let mut pins: BTreeMap<PackageName, BTreeMap<Architecture, Pin>> = BTreeMap::new();
    let mut failures: Vec<Failure> = Vec::new();
    for on in resolved {
        for ((wish, of_wish), resolution) in wishes.iter().zip(&mut of_wishes).zip(on.resolutions) {
            match resolution {
                None => {}
                Some(Ok(resolution)) => drop(of_wish.insert(on.architecture.clone(), resolution)),
                Some(Err(error)) => fail(&mut failures, wish.image, &on.architecture, error),
            }
        }
        for (name, pin) in on.pins {
            pins.entry(name).or_default().insert(on.architecture.clone(), pin);
        }
    }
    if !failures.is_empty() {
        return Err(RenewError::Unresolved(failures));
    }
    let closures: Vec<_> =
        wishes.iter().zip(&of_wishes).map(|(wish, of_wish)| closure(wish, of_wish)).collect();
    let unused = unused(&closures);
    let preferences =
        preferences.iter().map(|(subject, pinned)| (subject.clone(), pinned.preference.clone()));
    let lock = Lock {
        release: release.clone(),
        snapshot,
        preferences: preferences.collect(),
        suites,
        pins,
        sources: BTreeMap::new(),
        tarballs: BTreeMap::new(),
        missing_tarballs: BTreeSet::new(),
        closures,
    };
    Ok(Renewal { lock, unused })
}

/// The suites of all architectures: one for each state that any was taken from, the newest first, then those
/// that only held packages are from.
fn united(order: &[Suite], resolved: &[Resolved]) -> Vec<LockedSuite> {
    let mut united = Vec::new();
    for suite in order {
        let mut current = states(suite, resolved.iter().flat_map(|on| &on.suites.current));
        current.sort_by_key(|state| std::cmp::Reverse(state.date));
        united.extend(current);
        united.extend(states(suite, resolved.iter().flat_map(|on| &on.suites.older)));
    }
    united
}

/// The states of one suite, each with the indexes of all its architectures.
fn states<'a>(suite: &Suite, of_all: impl Iterator<Item = &'a LockedSuite>) -> Vec<LockedSuite> {
    let mut states: Vec<LockedSuite> = Vec::new();
    for state in of_all.filter(|state| state.name == suite.name && state.archive == suite.archive) {
        match states.iter_mut().find(|known| known.in_release == state.in_release) {
            Some(known) => known.indexes.extend(state.indexes.clone()),
            None => states.push(state.clone()),
        }
    }
    states
}

/// Adds a failure, or another image and architecture to one that says the same.
fn fail(failures: &mut Vec<Failure>, image: &Image, architecture: &Architecture, error: ResolveError) {
    let (text, name) = (error.to_string(), image.name.repository());
    match failures.iter_mut().find(|known| known.error.to_string() == text) {
        Some(known) => {
            known.images.insert(name);
            known.architectures.insert(architecture.clone());
        }
        None => failures.push(Failure {
            images: BTreeSet::from([name]),
            architectures: BTreeSet::from([architecture.clone()]),
            error,
        }),
    }
}

fn wishes<'a>(catalog: &'a Catalog, release: &ReleaseName) -> Vec<Wish<'a>> {
    let mut wishes: Vec<Wish<'a>> = Vec::new();
    for image in catalog.images_of(release) {
        let same = |wish: &&mut Wish<'_>| {
            wish.image.name.family == image.name.family
                && wish.image.requests == image.requests
                && wish.image.leave_out.keys().eq(image.leave_out.keys())
        };
        match wishes.iter_mut().find(same) {
            Some(wish) => drop(wish.tags.insert(image.name.tag.clone())),
            None => wishes.push(Wish { image, tags: BTreeSet::from([image.name.tag.clone()]) }),
        }
    }
    wishes.extend(catalog.bases_of(release).map(|image| Wish { image, tags: BTreeSet::new() }));
    wishes
}

fn closure(wish: &Wish<'_>, resolutions: &BTreeMap<Architecture, Resolution>) -> Closure {
    let mut left_out: BTreeMap<PackageName, BTreeSet<PackageName>> =
        wish.image.leave_out.keys().map(|name| (name.clone(), BTreeSet::new())).collect();
    for (wanted_by, selected) in resolutions.values().flat_map(|resolution| &resolution.packages) {
        for left in &selected.left_out {
            left_out.entry(left.name.clone()).or_default().insert(wanted_by.clone());
        }
    }
    Closure {
        family: wish.image.name.family.clone(),
        tags: wish.tags.clone(),
        requests: unique(&wish.image.requests),
        recommends: wish.image.recommends,
        left_out,
        tarballs: wish.image.tarballs().cloned().collect(),
        packages: resolutions
            .iter()
            .map(|(architecture, resolution)| {
                (architecture.clone(), resolution.packages.keys().cloned().collect())
            })
            .collect(),
    }
}

fn unique(requests: &[Relation]) -> Vec<Relation> {
    let mut unique: Vec<Relation> = Vec::new();
    for request in requests {
        if !unique.contains(request) {
            unique.push(request.clone());
        }
    }
    unique
}

/// Pins what a resolution selected, as the universe that it came from has it.
fn pin(
    pins: &mut BTreeMap<PackageName, Pin>,
    suites: &Suites,
    universe: &Universe<'_>,
    resolution: &Resolution,
) -> Result<(), InvalidStanza> {
    for (name, selected) in &resolution.packages {
        let Some(candidate) = universe.get(name.as_str()) else { continue };
        if let Some(pin) = pins.get_mut(name) {
            pin.depends.extend(selected.depends.iter().cloned());
            continue;
        }
        let package = &candidate.package;
        let source = package.source()?;
        let suite = suites.origin(candidate.suite);
        let pin = Pin {
            version: candidate.version.clone(),
            source: source.name,
            source_version: source.version,
            archive: suite.archive.clone(),
            suite: suite.name.clone(),
            in_release: suites.older.contains(suite).then_some(suite.in_release),
            architecture: package.architecture()?,
            path: package.filename()?.to_string(),
            size: package.size()?,
            installed: package.installed_size()?.unwrap_or(0),
            sha256: package.sha256()?,
            depends: selected.depends.clone(),
            built_using: package.built_using()?,
        };
        pins.insert(name.clone(), pin);
    }
    Ok(())
}

/// Names that are left out in vain wherever they are. What families leave out that have no images here is not this
/// catalog's to change.
fn unused(closures: &[Closure]) -> BTreeMap<PackageName, BTreeSet<FamilyName>> {
    let used: BTreeSet<&PackageName> = closures
        .iter()
        .flat_map(|closure| closure.left_out.iter().filter(|(_, by)| !by.is_empty()).map(|(name, _)| name))
        .collect();
    let bases = closures.iter().filter(|closure| closure.tags.is_empty());
    let inherited: BTreeSet<&PackageName> = bases.flat_map(|base| base.left_out.keys()).collect();
    let mut unused: BTreeMap<PackageName, BTreeSet<FamilyName>> = BTreeMap::new();
    for closure in closures {
        for name in closure.left_out.keys().filter(|name| !used.contains(name) && !inherited.contains(name)) {
            unused.entry(name.clone()).or_default().insert(closure.family.clone());
        }
    }
    unused
}
