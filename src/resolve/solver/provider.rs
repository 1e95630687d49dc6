//! A universe as resolvo sees it.

use std::cell::RefCell;
use std::fmt::Display;

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider, Interner,
    KnownDependencies, NameId, Requirement, SolvableId, SolverCache, StringId, VersionSetId,
    VersionSetUnionId,
};

use crate::debian::InvalidStanza;
use crate::resolve::obligation::{LeftOutNames, Obligation};
use crate::resolve::{CandidateId, Edges, Universe};

pub(super) struct Provider<'p, 'a> {
    universe: &'p Universe<'a>,
    left_out: &'p LeftOutNames<'p>,
    unions: RefCell<Vec<Vec<CandidateId>>>,
    /// The first package whose relations could not be read; it counts as not installable.
    fault: RefCell<Option<InvalidStanza>>,
}

impl<'p, 'a> Provider<'p, 'a> {
    pub(super) fn new(universe: &'p Universe<'a>, left_out: &'p LeftOutNames<'p>) -> Self {
        Self { universe, left_out, unions: RefCell::default(), fault: RefCell::default() }
    }

    pub(super) fn take_fault(&self) -> Option<InvalidStanza> {
        self.fault.take()
    }

    /// The requirement that one of these be installed, the first preferably.
    pub(super) fn union(&self, candidates: Vec<CandidateId>) -> ConditionalRequirement {
        if let [only] = candidates[..] {
            return Requirement::Single(is(only)).into();
        }
        let mut unions = self.unions.borrow_mut();
        let id = VersionSetUnionId(u32::try_from(unions.len()).unwrap_or(u32::MAX));
        unions.push(candidates);
        Requirement::Union(id).into()
    }

    fn dependencies(&self, id: CandidateId, edges: &Edges) -> KnownDependencies {
        let requirements = edges.requirements.iter().filter_map(|requirement| {
            match self.left_out.obligation(self.universe, requirement) {
                Obligation::OneOf(candidates) if candidates.contains(&id) => None,
                Obligation::OneOf(candidates) => Some(self.union(candidates)),
                Obligation::LeftOut(_) => None,
            }
        });
        let mut excluded: Vec<_> =
            edges.exclusions.iter().flat_map(|exclusion| &exclusion.candidates).collect();
        excluded.sort_unstable();
        excluded.dedup();
        KnownDependencies {
            requirements: requirements.collect(),
            constrains: excluded.into_iter().map(|&id| is_not(id)).collect(),
        }
    }
}

fn is(id: CandidateId) -> VersionSetId {
    VersionSetId(id.0 * 2)
}

fn is_not(id: CandidateId) -> VersionSetId {
    VersionSetId(id.0 * 2 + 1)
}

/// Whether a version set admits its candidate, rather than anything but it.
fn is_positive(version_set: VersionSetId) -> bool {
    version_set.0.is_multiple_of(2)
}

pub(super) fn candidate(solvable: SolvableId) -> CandidateId {
    CandidateId(solvable.into_raw())
}

impl Interner for Provider<'_, '_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let candidate = self.universe.candidate(candidate(solvable));
        format!("{} {}", candidate.name, candidate.version)
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        &self.universe.candidate(CandidateId(name.into_raw())).name
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        if is_positive(version_set) { "installed" } else { "not installed" }
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "its relations cannot be read"
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_raw(version_set.0 / 2)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(solvable.into_raw())
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.unions.borrow()[union.0 as usize].clone().into_iter().map(is)
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("no requirement has a condition")
    }
}

impl DependencyProvider for Provider<'_, '_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let admits_it = is_positive(version_set);
        if admits_it == inverse { Vec::new() } else { candidates.to_vec() }
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        Some(Candidates { candidates: vec![SolvableId::from_raw(name.into_raw())], ..Candidates::default() })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {}

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let id = candidate(solvable);
        match self.universe.edges(id) {
            Ok(edges) => Dependencies::Known(self.dependencies(id, edges)),
            Err(fault) => {
                self.fault.borrow_mut().get_or_insert_with(|| fault.clone());
                Dependencies::Unknown(StringId(0))
            }
        }
    }
}
