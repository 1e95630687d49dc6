//! What of an older lock stays as it is where only some packages are renewed: all others, but for those that
//! cannot stay beside the new ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, LockedSuite, Pin};
use crate::catalog::name::ImageName;
use crate::debian::{Architecture, InvalidStanza, PackageName, Subject, Version};
use crate::resolve::{Candidate, CandidateId, Hold, Policy, PolicyError, Requirement, Suite, Universe};

/// Which packages are to be renewed: those of which all is true that is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Packages, or sources of packages; all where it is empty.
    pub subjects: Vec<Subject>,
    /// Images that hold them; all where it is empty.
    pub images: BTreeSet<ImageName>,
    /// Whether only what security suites have newer versions of.
    pub security: bool,
}

/// An older lock on one architecture, of which a part is to be renewed.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub old: &'a Lock,
    pub asked: &'a Asked,
    pub architecture: &'a Architecture,
    /// What definitions leave out: relations that need not hold.
    pub left_out: &'a BTreeSet<PackageName>,
}

/// Whether a suite has security fixes, by the names that Debian and its kin give such suites.
#[must_use]
pub fn is_security(suite: &str) -> bool {
    suite.ends_with("-security")
}

impl Asked {
    /// Whether everything is, so that nothing of an older lock stays.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.subjects.is_empty() && self.images.is_empty() && !self.security
    }

    fn names(&self, name: &PackageName, source: &PackageName) -> bool {
        self.subjects.is_empty() || self.subjects.iter().any(|subject| subject.is_about(name, source))
    }
}

impl Held<'_> {
    /// What stays: every pin of the architecture that is not asked for.
    pub fn holds(&self, offered: &[Suite<'_>]) -> Result<BTreeMap<PackageName, Hold>, InvalidStanza> {
        let fixed = if self.asked.security { self.fixed(offered)? } else { BTreeMap::new() };
        let stays = |(name, pin): &(&PackageName, &Pin)| {
            let renewed = self.asked.names(name, &pin.source)
                && self.is_in_images(name)
                && (!self.asked.security || fixed.get(*name).is_some_and(|version| *version > pin.version));
            !renewed
        };
        let hold = |(name, pin): (&PackageName, &Pin)| {
            (name.clone(), Hold { sha256: pin.sha256, suite: pin.suite.clone() })
        };
        Ok(self.pins().filter(stays).map(hold).collect())
    }

    /// What is held and none of the suites has any more.
    pub fn missing(
        &self,
        holds: &BTreeMap<PackageName, Hold>,
        offered: &[Suite<'_>],
    ) -> Result<Vec<(PackageName, Version)>, InvalidStanza> {
        let mut missing: BTreeSet<&PackageName> = holds.keys().collect();
        for package in offered.iter().flat_map(|suite| suite.index.packages()) {
            let package = package?;
            if let Some((name, hold)) = holds.get_key_value(package.raw_name())
                && package.is_for(self.architecture)?
                && package.sha256()? == hold.sha256
            {
                missing.remove(name);
            }
        }
        let pinned =
            |name: &PackageName| self.old.pin(name, self.architecture).map(|pin| pin.version.clone());
        Ok(missing.into_iter().filter_map(|name| Some((name.clone(), pinned(name)?))).collect())
    }

    /// The states of suites that packages were locked from.
    #[must_use]
    pub fn states_of(&self, packages: &[(PackageName, Version)]) -> Vec<LockedSuite> {
        let mut states: Vec<LockedSuite> = Vec::new();
        for (name, _) in packages {
            let pin = self.old.pin(name, self.architecture);
            let suite = pin.and_then(|pin| self.old.suite_of(pin, self.architecture));
            let suite = suite.map(|suite| suite.only(self.architecture));
            states.extend(suite.filter(|suite| !states.contains(suite)));
        }
        states
    }

    /// The universe in which holds are kept, but for those that cannot stay beside what is renewed.
    pub fn settle<'a>(&self, offered: &[Suite<'a>], policy: Policy) -> Result<Universe<'a>, PolicyError> {
        let free = Policy { holds: BTreeMap::new(), ..policy.clone() };
        let free = Universe::select(self.architecture, offered, &free)?;
        let mut policy = policy;
        loop {
            let universe = Universe::select(self.architecture, offered, &policy)?;
            let forced =
                Forced { held: self, free: &free, universe: &universe, holds: &policy.holds }.find()?;
            if forced.is_empty() {
                return Ok(universe);
            }
            policy.holds.retain(|name, _| !forced.contains(name));
        }
    }

    fn pins(&self) -> impl Iterator<Item = (&PackageName, &Pin)> {
        self.old.pins.iter().filter_map(|(name, pins)| Some((name, pins.get(self.architecture)?)))
    }

    fn is_in_images(&self, name: &PackageName) -> bool {
        let holds = |image| {
            let packages = self.old.closure(image)?.packages.get(self.architecture)?;
            Some(packages.contains(name))
        };
        self.asked.images.is_empty() || self.asked.images.iter().any(|image| holds(image).unwrap_or(false))
    }

    /// The newest versions that security suites have of what is pinned.
    fn fixed(&self, offered: &[Suite<'_>]) -> Result<BTreeMap<PackageName, Version>, InvalidStanza> {
        let mut fixed: BTreeMap<PackageName, Version> = BTreeMap::new();
        for suite in offered.iter().filter(|suite| is_security(suite.label)) {
            for package in suite.index.packages() {
                let package = package?;
                let pinned = self.old.pins.get_key_value(package.raw_name());
                if let Some((name, _)) = pinned
                    && package.is_for(self.architecture)?
                {
                    let version = package.version()?;
                    let newest = fixed.entry(name.clone()).or_insert_with(|| version.clone());
                    *newest = version.max(newest.clone());
                }
            }
        }
        Ok(fixed)
    }
}

/// Looks for packages that must not be held any longer.
struct Forced<'h, 'a> {
    held: &'h Held<'h>,
    free: &'h Universe<'a>,
    universe: &'h Universe<'a>,
    holds: &'h BTreeMap<PackageName, Hold>,
}

impl Forced<'_, '_> {
    fn find(&self) -> Result<BTreeSet<PackageName>, InvalidStanza> {
        let mut present: BTreeSet<CandidateId> =
            self.held.pins().filter_map(|(name, _)| self.universe.find(name.as_str())).collect();
        let mut forced = BTreeSet::new();
        let mut ahead: Vec<_> = present.iter().copied().collect();
        while let Some(id) = ahead.pop() {
            let edges = self.universe.edges(id).map_err(Clone::clone)?;
            for requirement in &edges.requirements {
                let mut satisfiers = requirement.satisfiers.iter().map(|satisfier| satisfier.candidate);
                if self.need_not_hold(requirement) || satisfiers.clone().any(|id| present.contains(&id)) {
                    continue;
                }
                if let Some(name) = self.would_satisfy(id, requirement) {
                    forced.insert(name);
                } else if let Some(new) = satisfiers.next() {
                    present.insert(new);
                    ahead.push(new);
                }
            }
            let excluded = edges.exclusions.iter().flat_map(|exclusion| &exclusion.candidates);
            for &other in excluded.filter(|other| present.contains(other) && self.meet(id, **other)) {
                // Of the two, the one that is held came first, and has to follow.
                forced.extend([id, other].into_iter().filter_map(|id| self.can_move(id)));
            }
        }
        Ok(forced)
    }

    /// The held package that would have to be renewed for a relation to hold: the one that has it, as its
    /// sibling did, or one that would satisfy it.
    fn would_satisfy(&self, id: CandidateId, requirement: &Requirement) -> Option<PackageName> {
        let own = self.can_move(id);
        let own = own.filter(|_| {
            // Renewed, it has another relation in place of this one.
            let renewed = self.free.find(self.universe.candidate(id).name.as_str());
            let edges = renewed.and_then(|renewed| self.free.edges(renewed).ok());
            edges.is_some_and(|edges| edges.requirements.iter().all(|r| r.relation != requirement.relation))
        });
        own.or_else(|| {
            let relation = self.free.requirement(&requirement.relation)?;
            let mut names = relation.satisfiers.iter().map(|s| &self.free.candidate(s.candidate).name);
            names.find_map(|name| self.can_move(self.universe.find(name.as_str())?))
        })
    }

    /// The name of a package that is held at another version than it would have otherwise.
    fn can_move(&self, id: CandidateId) -> Option<PackageName> {
        let Candidate { name, version, .. } = self.universe.candidate(id);
        let free = self.free.get(name.as_str())?;
        (self.holds.contains_key(name) && free.version != *version).then(|| name.clone())
    }

    fn need_not_hold(&self, requirement: &Requirement) -> bool {
        let names = requirement.relation.alternatives().iter().map(|alternative| &alternative.name);
        let satisfiers = requirement.satisfiers.iter().map(|s| &self.universe.candidate(s.candidate).name);
        names.chain(satisfiers).any(|name| self.held.left_out.contains(name))
            && !self.held.old.pins.keys().any(|name| {
                requirement.relation.alternatives().iter().any(|alternative| alternative.name == *name)
            })
    }

    /// Whether two packages are, or may come to be, in one image.
    fn meet(&self, a: CandidateId, b: CandidateId) -> bool {
        let (a, b) = (&self.universe.candidate(a).name, &self.universe.candidate(b).name);
        let pinned = |name| self.held.old.pin(name, self.held.architecture).is_some();
        if !(pinned(a) && pinned(b)) {
            return true;
        }
        let closures = self.held.old.closures.iter();
        let mut packages = closures.filter_map(|closure| closure.packages.get(self.held.architecture));
        packages.any(|packages| packages.contains(a) && packages.contains(b))
    }
}
