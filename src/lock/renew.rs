//! Definitions + what the archive offers → a lock.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{Closure, Lock, LockedSuite, Pin};
use crate::catalog::name::{FamilyName, ReleaseName, TagName};
use crate::catalog::{Catalog, Image};
use crate::debian::{Architecture, InvalidStanza, PackageName, Relation};
use crate::resolve::{Request, Resolution, ResolveError, Universe, resolve};

/// What the archive offers to one release.
#[derive(Debug)]
pub struct World<'a> {
    pub snapshot: Option<String>,
    pub suites: Vec<LockedSuite>,
    pub universes: BTreeMap<Architecture, Universe<'a>>,
}

/// A new lock, and what its making brought to light.
#[derive(Debug)]
pub struct Renewal {
    pub lock: Lock,
    /// Names that a definition leaves out though nothing wants them, with the families concerned.
    pub unused: BTreeMap<PackageName, BTreeSet<FamilyName>>,
}

/// Why images of a release cannot be resolved, each reason once.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    #[error("{}", conflicts(.0))]
    Unresolved(Vec<Failure>),
    #[error("the index cannot be used")]
    Index(#[from] InvalidStanza),
}

/// What keeps an image from being resolved, and the architectures on which it does.
#[derive(Debug)]
pub struct Failure {
    pub image: String,
    pub architectures: Vec<Architecture>,
    pub error: ResolveError,
}

fn conflicts(failures: &[Failure]) -> String {
    let texts: Vec<_> = failures
        .iter()
        .map(|Failure { image, architectures, error }| {
            let architectures: Vec<_> = architectures.iter().map(Architecture::as_str).collect();
            let hint = match error {
                ResolveError::Conflict(conflict) => conflict.hint(),
                ResolveError::Index(_) => None,
            };
            let hint = hint.map_or(String::new(), |hint| format!("\n  hint: {hint}"));
            format!("{image} cannot be resolved on {}: {error}{hint}", architectures.join(", "))
        })
        .collect();
    texts.join("\n")
}

/// The images of one family that ask for the same, in all their flavours.
struct Wish<'a> {
    image: &'a Image,
    tags: BTreeSet<TagName>,
}

/// Resolves every image of a release on all its architectures.
pub fn renew(catalog: &Catalog, release: &ReleaseName, world: World<'_>) -> Result<Renewal, RenewError> {
    let wishes = wishes(catalog.images_of(release));
    let tasks: Vec<_> =
        wishes.iter().flat_map(|wish| wish.image.architectures.iter().map(move |on| (wish, on))).collect();
    let resolved: Vec<_> = tasks
        .par_iter()
        .map(|(wish, architecture)| {
            let request = Request {
                requests: wish.image.requests.clone(),
                left_out: wish.image.leave_out.keys().cloned().collect(),
            };
            resolve(&world.universes[*architecture], &request)
        })
        .collect();

    let mut failures: Vec<Failure> = Vec::new();
    let mut resolutions: BTreeMap<(&FamilyName, &BTreeSet<TagName>), BTreeMap<Architecture, Resolution>> =
        BTreeMap::new();
    for ((wish, architecture), result) in tasks.into_iter().zip(resolved) {
        match result {
            Ok(resolution) => {
                let of_wish = resolutions.entry((&wish.image.name.family, &wish.tags)).or_default();
                of_wish.insert(architecture.clone(), resolution);
            }
            Err(error) => {
                let same = |failure: &&mut Failure| {
                    failure.image == wish.image.name.repository() && failure.error.to_string() == error.to_string()
                };
                match failures.iter_mut().find(same) {
                    Some(failure) if failure.architectures.contains(architecture) => {}
                    Some(failure) => failure.architectures.push(architecture.clone()),
                    None => failures.push(Failure {
                        image: wish.image.name.repository(),
                        architectures: vec![architecture.clone()],
                        error,
                    }),
                }
            }
        }
    }
    if !failures.is_empty() {
        return Err(RenewError::Unresolved(failures));
    }

    let mut lock = Lock {
        release: release.clone(),
        snapshot: world.snapshot,
        suites: world.suites,
        pins: BTreeMap::new(),
        closures: Vec::new(),
    };
    for wish in &wishes {
        let of_wish = &resolutions[&(&wish.image.name.family, &wish.tags)];
        lock.closures.push(closure(wish, of_wish));
        for (architecture, resolution) in of_wish {
            pin(&mut lock.pins, &world.universes[architecture], resolution)?;
        }
    }
    let unused = unused(&lock.closures);
    Ok(Renewal { lock, unused })
}

fn wishes<'a>(images: impl Iterator<Item = &'a Image>) -> Vec<Wish<'a>> {
    let mut wishes: Vec<Wish<'a>> = Vec::new();
    for image in images {
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
        left_out,
        packages: resolutions
            .iter()
            .map(|(architecture, resolution)| (architecture.clone(), resolution.packages.keys().cloned().collect()))
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
    pins: &mut BTreeMap<PackageName, BTreeMap<Architecture, Pin>>,
    universe: &Universe<'_>,
    resolution: &Resolution,
) -> Result<(), InvalidStanza> {
    for (name, selected) in &resolution.packages {
        let Some(candidate) = universe.get(name.as_str()) else { continue };
        let of_name = pins.entry(name.clone()).or_default();
        if let Some(pin) = of_name.get_mut(universe.architecture()) {
            pin.depends.extend(selected.depends.iter().cloned());
            continue;
        }
        let package = &candidate.package;
        let source = package.source()?;
        let pin = Pin {
            version: candidate.version.clone(),
            source: source.name,
            source_version: source.version,
            suite: universe.suite_of(candidate).to_owned(),
            architecture: package.architecture()?,
            path: package.filename()?.to_string(),
            size: package.size()?,
            installed: package.installed_size()?.unwrap_or(0),
            sha256: package.sha256()?,
            depends: selected.depends.clone(),
        };
        of_name.insert(universe.architecture().clone(), pin);
    }
    Ok(())
}

/// Names that are left out in vain wherever they are.
fn unused(closures: &[Closure]) -> BTreeMap<PackageName, BTreeSet<FamilyName>> {
    let used: BTreeSet<&PackageName> = closures
        .iter()
        .flat_map(|closure| closure.left_out.iter().filter(|(_, by)| !by.is_empty()).map(|(name, _)| name))
        .collect();
    let mut unused: BTreeMap<PackageName, BTreeSet<FamilyName>> = BTreeMap::new();
    for closure in closures {
        for name in closure.left_out.keys().filter(|name| !used.contains(name)) {
            unused.entry(name.clone()).or_default().insert(closure.family.clone());
        }
    }
    unused
}
