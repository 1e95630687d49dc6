//! The way apt goes: depth first, each relation in turn, the first choice wherever none is chosen yet.
//!
//! It gives apt's own answer wherever no choice has to be taken back, which is nearly always: the result
//! depends on the order of relations as apt's does, and a solver would choose otherwise at times.

use std::collections::BTreeSet;

use super::obligation::{LeftOutNames, Obligation};
use super::{CandidateId, Requirement, Universe};
use crate::debian::InvalidStanza;

/// `None` where a relation has no satisfier, or where first choices exclude one another.
pub(super) fn walk(
    universe: &Universe<'_>,
    left_out: &LeftOutNames<'_>,
    requests: &[Requirement],
) -> Result<Option<BTreeSet<CandidateId>>, InvalidStanza> {
    let mut chosen = BTreeSet::new();
    let mut path = Vec::new();
    // All requests are chosen before the first dependency is looked at.
    for request in requests {
        let mut satisfiers = request.satisfiers.iter().map(|satisfier| satisfier.candidate);
        match satisfiers.clone().find(|id| chosen.contains(id)).or_else(|| satisfiers.next()) {
            None => return Ok(None),
            Some(id) => drop(chosen.insert(id).then(|| path.push((id, 0)))),
        }
    }
    path.reverse();
    while let Some((id, next)) = path.pop() {
        let edges = universe.edges(id).map_err(Clone::clone)?;
        let Some(requirement) = edges.requirements.get(next) else { continue };
        path.push((id, next + 1));
        let Obligation::OneOf(candidates) = left_out.obligation(universe, requirement) else { continue };
        if candidates.iter().any(|candidate| chosen.contains(candidate)) {
            continue;
        }
        let Some(&first) = candidates.first() else { return Ok(None) };
        chosen.insert(first);
        path.push((first, 0));
    }
    Ok(if excludes_itself(universe, &chosen)? { None } else { Some(chosen) })
}

fn excludes_itself(universe: &Universe<'_>, chosen: &BTreeSet<CandidateId>) -> Result<bool, InvalidStanza> {
    for &id in chosen {
        let exclusions = &universe.edges(id).map_err(Clone::clone)?.exclusions;
        if exclusions.iter().flat_map(|exclusion| &exclusion.candidates).any(|other| chosen.contains(other)) {
            return Ok(true);
        }
    }
    Ok(false)
}
