//! Why an image holds a package, or does not: as its definitions and the lock have it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Closure, Lock};
use crate::catalog::{Image, Level};
use crate::debian::{Architecture, PackageName, Relation, Version};

/// A request, and the definition that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub request: Relation,
    /// The family, or the tag of the image.
    pub by: String,
}

/// A package on a way from a request to the one in question, or that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    pub version: Version,
    pub requested: Vec<Asked>,
    /// The packages of the image that depend on it.
    pub wanted_by: BTreeSet<PackageName>,
}

/// Why an image holds a package: all that leads to it, by name.
///
/// From the package on, the edges of [`Step::wanted_by`] and nothing else are every way back to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why(pub BTreeMap<PackageName, Step>);

/// Why an image does not hold a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum WhyNot {
    /// The definitions leave it out.
    #[serde(rename_all = "kebab-case")]
    LeftOut { reason: String, wanted_by: BTreeSet<PackageName> },
    /// A request has it for an alternative, and was satisfied by another.
    #[serde(rename_all = "kebab-case")]
    Lost { asked: Asked, to: BTreeSet<PackageName> },
    /// Only a request of other architectures has it.
    OtherArchitecture { asked: Asked },
    /// Other images of the release hold it, or this one on other architectures; here nothing wants it.
    #[serde(rename_all = "kebab-case")]
    Unwanted { held_by: BTreeSet<String> },
    /// No image of the release holds it: the lock does not have it.
    Unknown,
}

/// Why an image holds a package; `None` where it does not.
#[must_use]
pub fn why(lock: &Lock, image: &Image, architecture: &Architecture, package: &PackageName) -> Option<Why> {
    let closure = lock.closure(&image.name)?;
    let held = closure.packages.get(architecture)?;
    let mut dependents: BTreeMap<&PackageName, BTreeSet<PackageName>> = BTreeMap::new();
    for name in held {
        for needed in lock.pin(name, architecture).into_iter().flat_map(|pin| &pin.depends) {
            dependents.entry(needed).or_default().insert(name.clone());
        }
    }
    let mut steps = BTreeMap::new();
    let mut pending: Vec<_> = held.get(package).into_iter().collect();
    while let Some(name) = pending.pop() {
        if steps.contains_key(name) {
            continue;
        }
        let wanted_by = dependents.get(name).cloned().unwrap_or_default();
        pending.extend(wanted_by.iter().filter_map(|name| held.get(name)));
        let mut requested: Vec<_> =
            asked(image).filter(|asked| names(&asked.request, name, architecture)).collect();
        if requested.is_empty() && wanted_by.is_empty() {
            // Whatever is held is wanted: so by a request for a name that it provides.
            requested.extend(asked(image).filter(|asked| {
                asked.request.applies_to(architecture)
                    && !held.iter().any(|held| names(&asked.request, held, architecture))
            }));
        }
        let version = lock.pin(name, architecture)?.version.clone();
        steps.insert(name.clone(), Step { version, requested, wanted_by });
    }
    (!steps.is_empty()).then_some(Why(steps))
}

/// Why an image does not hold a package; `None` where it does.
#[must_use]
pub fn why_not(
    lock: &Lock,
    image: &Image,
    architecture: &Architecture,
    package: &PackageName,
) -> Option<WhyNot> {
    let closure = lock.closure(&image.name)?;
    let held = closure.packages.get(architecture)?;
    if held.contains(package) {
        return None;
    }
    if let Some(reason) = image.leave_out.get(package) {
        let wanted_by = closure.left_out.get(package).cloned().unwrap_or_default();
        return Some(WhyNot::LeftOut {
            reason: reason.clone(),
            wanted_by: wanted_by.intersection(held).cloned().collect(),
        });
    }
    let mentions = |asked: &Asked| asked.request.alternatives().iter().any(|a| a.name == *package);
    if let Some(asked) = asked(image).find(mentions) {
        let to: BTreeSet<_> =
            held.iter().filter(|name| names(&asked.request, name, architecture)).cloned().collect();
        return Some(match to.is_empty() && !asked.request.applies_to(architecture) {
            true => WhyNot::OtherArchitecture { asked },
            false => WhyNot::Lost { asked, to },
        });
    }
    let held_by = held_by(lock, package);
    Some(if held_by.is_empty() { WhyNot::Unknown } else { WhyNot::Unwanted { held_by } })
}

/// What the definitions of an image ask for, the oldest ancestor first, the tag last.
fn asked(image: &Image) -> impl Iterator<Item = Asked> {
    let by =
        |level: &Level| level.family.as_ref().map_or_else(|| image.name.tag.to_string(), ToString::to_string);
    image.levels.iter().flat_map(move |level| {
        level.requests.iter().map(move |request| Asked { request: request.clone(), by: by(level) })
    })
}

/// Whether a request has a package by its name for an alternative that counts on an architecture.
fn names(request: &Relation, package: &PackageName, architecture: &Architecture) -> bool {
    let counts = request.alternatives().iter().filter(|a| a.restrictions.admit(architecture));
    counts.map(|alternative| &alternative.name).any(|name| name == package)
}

/// The images that hold a package on any architecture, `cc-debian13 (arm64)`.
fn held_by(lock: &Lock, package: &PackageName) -> BTreeSet<String> {
    let on = |closure: &Closure| {
        let holding = closure.packages.iter().filter(|(_, held)| held.contains(package));
        holding.map(|(architecture, _)| architecture.to_string()).collect::<Vec<_>>()
    };
    let image = |closure: &Closure| {
        let (on, tags) = (on(closure), closure.tags.iter().map(ToString::to_string).collect::<Vec<_>>());
        let name = format!("{}-{}:{}", closure.family, lock.release, tags.join(","));
        (!on.is_empty()).then(|| format!("{name} ({})", on.join(" ")))
    };
    lock.closures.iter().filter(|closure| !closure.tags.is_empty()).filter_map(image).collect()
}
