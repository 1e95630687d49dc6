//! What an image is built from: its packages, tarballs and steps, in the order of its layers.
//!
//! Layers of an ancestor come before those of its descendants, so that images which inherit from one
//! another share the lower ones as they lie. Within a definition, packages come in the order of names,
//! then upstream tarballs, the links of the usr-merge, the steps, the declared files, and files that are given
//! capabilities. Steps that read the whole image are taken once, at its end, whichever ancestor asks for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::file::Step;
use crate::catalog::name::{FamilyName, TarballName};
use crate::catalog::{Declared, Privileged};
use crate::debian::{Architecture, PackageName};
use crate::lock::{Lock, LockedImage, Pin};

/// An image of one architecture, level by level.
#[derive(Debug)]
pub struct Plan<'a> {
    pub levels: Vec<PlannedLevel<'a>>,
    /// The steps that read the whole image, and so come last.
    pub finish: BTreeSet<Step>,
}

/// What one definition adds.
#[derive(Debug)]
pub struct PlannedLevel<'a> {
    pub packages: Vec<(&'a PackageName, &'a Pin)>,
    pub tarballs: &'a BTreeSet<TarballName>,
    pub steps: BTreeSet<Step>,
    pub declared: &'a [Declared],
    pub privileged: &'a [Privileged],
}

impl<'a> Plan<'a> {
    /// The plan of an image that the lock holds.
    #[must_use]
    pub fn new(locked: LockedImage<'a>) -> Self {
        let LockedImage { image, architecture, lock, .. } = locked;
        let mut left: BTreeMap<&PackageName, &Pin> = locked.pins().collect();
        let mut finish = BTreeSet::new();
        let levels = image.levels.iter().map(|level| {
            let (last, steps) = level.steps.iter().partition(|step| step.reads_whole_image());
            finish.extend::<BTreeSet<Step>>(last);
            let packages = match &level.family {
                Some(family) => {
                    let of_family = plain(lock, family, architecture);
                    left.extract_if(.., |name, _| of_family.is_some_and(|names| names.contains(*name)))
                        .collect()
                }
                None => std::mem::take(&mut left).into_iter().collect(),
            };
            PlannedLevel {
                packages,
                tarballs: &level.tarballs,
                steps,
                declared: &level.declared,
                privileged: &level.privileged,
            }
        });
        Self { levels: levels.collect(), finish }
    }
}

/// What a family holds without what flavours add: of all its closures, the smallest.
fn plain<'a>(
    lock: &'a Lock,
    family: &FamilyName,
    architecture: &Architecture,
) -> Option<&'a BTreeSet<PackageName>> {
    let flavours = lock.closures.iter().filter(|closure| closure.family == *family);
    flavours.filter_map(|flavour| flavour.packages.get(architecture)).min_by_key(|names| names.len())
}
