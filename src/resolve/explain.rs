//! Finds out why a request has no solution.
//!
//! The solver only says that it has none. This follows what is forced: a relation with one satisfier left
//! forces that one; what is forced excludes others; what needs only excluded ones falls too. Where a
//! relation that has to hold has no satisfier left, the way there is the explanation.

mod rejected;

use std::collections::BTreeMap;

use super::conflict::{Bearer, Conflict, Link, Unmet};
use super::obligation::{LeftOutNames, Obligation};
use super::{CandidateId, Requirement, Universe, solver};
use crate::debian::InvalidStanza;

/// The explanation for a request that [`solver::solve`] found no solution for.
pub(super) fn explain(
    universe: &Universe<'_>,
    left_out: &LeftOutNames<'_>,
    requests: &[Requirement],
) -> Result<Box<Conflict>, InvalidStanza> {
    let mut inquiry = Inquiry::open(universe, left_out, requests)?;
    if let Some(site) = inquiry.pursue() {
        return Ok(Box::new(Conflict::Unmet(inquiry.unmet(site))));
    }
    let mut core = requests.to_vec();
    let mut at = 0;
    while at < core.len() {
        let mut fewer = core.clone();
        fewer.remove(at);
        if solver::solve(universe, left_out, &fewer)?.is_none() {
            core = fewer;
        } else {
            at += 1;
        }
    }
    Ok(Box::new(Conflict::Together(core.into_iter().map(|request| request.relation).collect())))
}

/// Where a relation stands: in the requests, or among those of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Site {
    bearer: Option<CandidateId>,
    /// Among the requests, or the requirements of the bearer.
    index: usize,
}

/// Why a candidate cannot be installed.
#[derive(Debug, Clone, Copy)]
enum Fall {
    Needs(Site),
    /// One of the two excludes the other by an exclusion of this place.
    Excluded {
        by: CandidateId,
        declared_by: CandidateId,
        exclusion: usize,
    },
}

/// A relation that has to hold, and what can satisfy it.
struct Duty {
    site: Site,
    one_of: Vec<CandidateId>,
}

struct Inquiry<'i, 'a> {
    universe: &'i Universe<'a>,
    requests: &'i [Requirement],
    duties_of_requests: Vec<Duty>,
    /// For each candidate that can be reached from the requests.
    duties: BTreeMap<CandidateId, Vec<Duty>>,
    /// What has to be installed, and the relation that says so.
    forced: BTreeMap<CandidateId, Site>,
    fallen: BTreeMap<CandidateId, Fall>,
}

impl<'i, 'a> Inquiry<'i, 'a> {
    fn open(
        universe: &'i Universe<'a>,
        left_out: &LeftOutNames<'_>,
        requests: &'i [Requirement],
    ) -> Result<Self, InvalidStanza> {
        let as_duty = |(index, request): (usize, &Requirement)| Duty {
            site: Site { bearer: None, index },
            one_of: request.satisfiers.iter().map(|satisfier| satisfier.candidate).collect(),
        };
        let duties_of_requests: Vec<_> = requests.iter().enumerate().map(as_duty).collect();
        let mut pending: Vec<_> = duties_of_requests.iter().flat_map(|duty| duty.one_of.clone()).collect();
        let mut duties = BTreeMap::new();
        while let Some(id) = pending.pop() {
            if duties.contains_key(&id) {
                continue;
            }
            let requirements = &universe.edges(id).map_err(Clone::clone)?.requirements;
            let own: Vec<_> = requirements
                .iter()
                .enumerate()
                .filter_map(|(index, requirement)| match left_out.obligation(universe, requirement) {
                    Obligation::OneOf(one_of) if !one_of.contains(&id) => {
                        Some(Duty { site: Site { bearer: Some(id), index }, one_of })
                    }
                    _ => None,
                })
                .collect();
            pending.extend(own.iter().flat_map(|duty| &duty.one_of));
            duties.insert(id, own);
        }
        let (forced, fallen) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { universe, requests, duties_of_requests, duties, forced, fallen })
    }

    /// Draws conclusions until a relation that has to hold has no satisfier left, or there is nothing new to conclude.
    fn pursue(&mut self) -> Option<Site> {
        loop {
            let known = (self.forced.len(), self.fallen.len());
            self.let_fall_what_needs_the_fallen();
            if let Some(site) = self.force() {
                return Some(site);
            }
            self.let_fall_what_is_excluded();
            if known == (self.forced.len(), self.fallen.len()) {
                return None;
            }
        }
    }

    fn let_fall_what_needs_the_fallen(&mut self) {
        loop {
            let known = self.fallen.len();
            for (&id, duties) in &self.duties {
                let unmet =
                    duties.iter().find(|duty| duty.one_of.iter().all(|id| self.fallen.contains_key(id)));
                if let Some(duty) = unmet {
                    self.fallen.entry(id).or_insert(Fall::Needs(duty.site));
                }
            }
            if known == self.fallen.len() {
                return;
            }
        }
    }

    /// Forces the last satisfier of each relation that has to hold; the relation that has none left ends it.
    fn force(&mut self) -> Option<Site> {
        let mut pending: Vec<Option<CandidateId>> = vec![None];
        pending.extend(self.forced.keys().copied().map(Some));
        while let Some(bearer) = pending.pop() {
            let duties = bearer.map_or(&self.duties_of_requests, |id| &self.duties[&id]);
            for duty in duties {
                let mut left = duty.one_of.iter().filter(|id| !self.fallen.contains_key(id));
                match (left.next(), left.next()) {
                    (None, _) => return Some(duty.site),
                    (Some(&only), None) if !self.forced.contains_key(&only) => {
                        self.forced.insert(only, duty.site);
                        pending.push(Some(only));
                    }
                    _ => {}
                }
            }
        }
        None
    }

    fn let_fall_what_is_excluded(&mut self) {
        let forced: Vec<_> = self.forced.keys().copied().collect();
        for &id in self.duties.keys() {
            // Every candidate in the inquiry was read when it was opened.
            let Ok(edges) = self.universe.edges(id) else { continue };
            for (exclusion, excluded) in edges.exclusions.iter().enumerate() {
                let fall = |by| Fall::Excluded { by, declared_by: id, exclusion };
                if forced.binary_search(&id).is_ok() {
                    for &other in excluded.candidates.iter().filter(|other| self.duties.contains_key(other)) {
                        self.fallen.entry(other).or_insert(fall(id));
                    }
                }
                if let Some(&by) =
                    excluded.candidates.iter().find(|other| forced.binary_search(other).is_ok())
                {
                    self.fallen.entry(id).or_insert(fall(by));
                }
            }
        }
    }

    fn requirement(&self, site: Site) -> &Requirement {
        match site.bearer {
            None => &self.requests[site.index],
            Some(id) => match self.universe.edges(id) {
                Ok(edges) => &edges.requirements[site.index],
                Err(_) => unreachable!("a site names a relation that was read"),
            },
        }
    }

    fn link(&self, site: Site) -> Link {
        Link { bearer: self.bearer(site.bearer), relation: self.requirement(site).relation.clone() }
    }

    fn bearer(&self, id: Option<CandidateId>) -> Bearer {
        id.map_or(Bearer::Request, |id| {
            let candidate = self.universe.candidate(id);
            Bearer::Package { name: candidate.name.clone(), version: candidate.version.clone() }
        })
    }

    /// From a request down to a relation of something forced.
    fn links_to(&self, site: Site) -> Vec<Link> {
        let mut links = vec![self.link(site)];
        let mut bearer = site.bearer;
        while let Some(site) = bearer.and_then(|id| self.forced.get(&id)) {
            links.push(self.link(*site));
            bearer = site.bearer;
        }
        links.reverse();
        links
    }

    fn unmet(&self, site: Site) -> Unmet {
        rejected::Account::of(self).unmet(site, self.links_to(site))
    }
}
