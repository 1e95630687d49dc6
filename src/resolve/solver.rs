//! From a request to a resolution: by apt's own [way](super::walk) where it leads there, else by resolvo.
//!
//! To resolvo, a solvable is a candidate, and so is a name: there is one version of each. A version set is "this
//! candidate" or "not this candidate"; a requirement is the union of the former in the order of
//! preference, an exclusion constrains to the latter.

mod provider;

use std::collections::{BTreeMap, BTreeSet};

use resolvo::{Problem, Solver, UnsolvableOrCancelled};

use super::obligation::{LeftOutNames, Obligation};
use super::{
    CandidateId, Conflict, LeftOut, Recommends, Request, Requirement, Resolution, Selected, Universe,
    explain, walk,
};
use crate::debian::InvalidStanza;
use provider::Provider;

#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    #[error(transparent)]
    Conflict(#[from] Box<Conflict>),
    #[error("the index cannot be used")]
    Index(#[from] InvalidStanza),
}

/// Finds the packages that satisfy a request and everything they need, and nothing more.
///
/// Fails where there is no such set, or where a package that comes into question has a relation that cannot be read.
pub fn resolve(universe: &Universe<'_>, request: &Request) -> Result<Resolution, ResolveError> {
    let requests: Vec<_> =
        request.requests.iter().filter_map(|relation| universe.requirement(relation)).collect();
    let left_out = LeftOutNames::of(universe, request, &requests);
    let recommends = request.recommends;
    let installed = match walk::walk(universe, &left_out, &requests, recommends)? {
        Some(installed) => installed,
        None => match solve(universe, &left_out, &requests)? {
            Some(installed) => installed,
            None => return Err(explain::explain(universe, &left_out, &requests)?.into()),
        },
    };
    let packages = BTreeMap::new();
    let mut closure = Closure { universe, left_out: &left_out, recommends, installed: &installed, packages };
    for requirement in &requests {
        if let Some(id) = closure.chosen(requirement) {
            closure.reach(id)?;
        }
    }
    closure.into_resolution(request, &requests)
}

/// The candidates that resolvo installs; `None` where there is no solution.
pub(super) fn solve(
    universe: &Universe<'_>,
    left_out: &LeftOutNames<'_>,
    requests: &[Requirement],
) -> Result<Option<BTreeSet<CandidateId>>, InvalidStanza> {
    let provider = Provider::new(universe, left_out);
    let wanted = requests.iter().map(|requirement| {
        provider.union(requirement.satisfiers.iter().map(|satisfier| satisfier.candidate).collect())
    });
    let problem = Problem::new().requirements(wanted.collect());
    let mut solver = Solver::new(provider);
    let solution = solver.solve(problem);
    if let Some(fault) = solver.provider().take_fault() {
        return Err(fault);
    }
    match solution {
        Ok(solvables) => Ok(Some(solvables.into_iter().map(provider::candidate).collect())),
        Err(UnsolvableOrCancelled::Unsolvable(_) | UnsolvableOrCancelled::Cancelled(_)) => Ok(None),
    }
}

/// What of the installed is reached from the requests: the solver may have decided for a package
/// that another decision made superfluous.
struct Closure<'c, 'a> {
    universe: &'c Universe<'a>,
    left_out: &'c LeftOutNames<'c>,
    recommends: Recommends,
    installed: &'c BTreeSet<CandidateId>,
    packages: BTreeMap<CandidateId, BTreeSet<CandidateId>>,
}

impl Closure<'_, '_> {
    /// The installed candidate that a relation prefers.
    fn chosen(&self, requirement: &Requirement) -> Option<CandidateId> {
        requirement
            .satisfiers
            .iter()
            .map(|satisfier| satisfier.candidate)
            .find(|id| self.installed.contains(id))
    }

    /// The relations of a package that bring in others.
    fn wanted_by(&self, id: CandidateId) -> Result<impl Iterator<Item = &Requirement>, InvalidStanza> {
        let edges = self.universe.edges(id).map_err(Clone::clone)?;
        let recommends = match self.recommends {
            Recommends::Ignored => &[][..],
            Recommends::Taken => &edges.recommends[..],
        };
        Ok(edges.requirements.iter().chain(recommends))
    }

    fn reach(&mut self, start: CandidateId) -> Result<(), InvalidStanza> {
        let mut pending = vec![start];
        while let Some(id) = pending.pop() {
            if self.packages.contains_key(&id) {
                continue;
            }
            let needed = self.wanted_by(id)?.filter(|requirement| {
                matches!(self.left_out.obligation(self.universe, requirement), Obligation::OneOf(_))
            });
            let depends: BTreeSet<_> = needed.filter_map(|requirement| self.chosen(requirement)).collect();
            pending.extend(&depends);
            self.packages.insert(id, depends);
        }
        Ok(())
    }

    fn into_resolution(
        self,
        request: &Request,
        requests: &[Requirement],
    ) -> Result<Resolution, ResolveError> {
        let kept: BTreeSet<_> = self.packages.keys().copied().collect();
        let closure = Closure { installed: &kept, ..self };
        let requested: BTreeSet<_> =
            requests.iter().filter_map(|requirement| closure.chosen(requirement)).collect();
        let mut unused = request.left_out.clone();
        let mut packages = BTreeMap::new();
        for (&id, needed) in &closure.packages {
            let mut depends = needed.clone();
            let mut missing = Vec::new();
            for requirement in closure.wanted_by(id)? {
                if let Obligation::LeftOut(name) = closure.left_out.obligation(closure.universe, requirement)
                {
                    unused.remove(&name);
                    match closure.chosen(requirement) {
                        Some(satisfier) => drop(depends.insert(satisfier)),
                        None => missing.push(LeftOut { relation: requirement.relation.clone(), name }),
                    }
                }
            }
            depends.remove(&id);
            let name = |id| closure.universe.candidate(id).name.clone();
            let selected = Selected {
                version: closure.universe.candidate(id).version.clone(),
                requested: requested.contains(&id),
                depends: depends.into_iter().map(name).collect(),
                left_out: missing,
            };
            packages.insert(name(id), selected);
        }
        Ok(Resolution { packages, unused })
    }
}
