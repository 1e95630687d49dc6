//! What a relation asks for, once the names that are left out are taken into account.

use std::collections::BTreeSet;

use super::{CandidateId, Request, Requirement, Universe};
use crate::debian::PackageName;

/// What has to be done about a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obligation {
    /// One of these has to be installed, the first preferably. Empty where nothing satisfies the relation.
    OneOf(Vec<CandidateId>),
    /// Nothing, since this name is left out.
    LeftOut(PackageName),
}

/// The names that a request leaves out, without those of packages that it cannot do without itself.
#[derive(Debug)]
pub(super) struct LeftOutNames<'r>(BTreeSet<&'r PackageName>);

impl<'r> LeftOutNames<'r> {
    pub(super) fn of(universe: &Universe<'_>, request: &'r Request, requests: &[Requirement]) -> Self {
        let mut names: BTreeSet<_> = request.left_out.iter().collect();
        for requested in requests {
            if let [only] = requested.satisfiers[..] {
                names.remove(&universe.candidate(only.candidate).name);
            }
        }
        Self(names)
    }

    /// See [`Request::left_out`] for the rule.
    pub(super) fn obligation(&self, universe: &Universe<'_>, requirement: &Requirement) -> Obligation {
        let alternatives = requirement.relation.alternatives();
        let name_left_out = |at: usize| self.0.get(&alternatives[at].name).copied();
        let package_left_out = |id| self.0.get(&universe.candidate(id).name).copied();
        let first = match requirement.satisfiers.first() {
            Some(first) => name_left_out(first.alternative).or_else(|| package_left_out(first.candidate)),
            None => (0..alternatives.len()).find_map(name_left_out),
        };
        if let Some(name) = first {
            return Obligation::LeftOut(name.clone());
        }
        let kept = requirement.satisfiers.iter().filter(|satisfier| {
            name_left_out(satisfier.alternative).is_none() && package_left_out(satisfier.candidate).is_none()
        });
        Obligation::OneOf(kept.map(|satisfier| satisfier.candidate).collect())
    }
}
