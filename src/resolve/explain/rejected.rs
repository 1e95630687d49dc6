//! Tells of each package that might have satisfied a relation why it does not.

use std::collections::BTreeSet;

use super::{Fall, Inquiry, Site};
use crate::debian::{PackageName, Version};
use crate::resolve::conflict::{Fallen, Link, Reason, Unmet};
use crate::resolve::{CandidateId, Requirement};

/// The most names that a hint offers.
const NEAREST: usize = 3;
/// Below this likeness, from 0 to 1, a name is another name rather than a slip of the pen.
const LIKENESS: f64 = 0.65;

pub(super) struct Account<'q, 'i, 'a> {
    inquiry: &'q Inquiry<'i, 'a>,
    /// Those whose reason was given.
    told: BTreeSet<CandidateId>,
}

impl<'q, 'i, 'a> Account<'q, 'i, 'a> {
    pub(super) fn of(inquiry: &'q Inquiry<'i, 'a>) -> Self {
        Self { inquiry, told: BTreeSet::new() }
    }

    /// Follows the way down as long as there is only one.
    pub(super) fn unmet(&mut self, mut site: Site, mut links: Vec<Link>) -> Unmet {
        let mut requirement = self.inquiry.requirement(site);
        let mut near_misses = self.near_misses(requirement);
        while let ([only], []) = (&requirement.satisfiers[..], &near_misses[..])
            && let Some(&Fall::Needs(next)) = self.inquiry.fallen.get(&only.candidate)
        {
            site = next;
            requirement = self.inquiry.requirement(site);
            near_misses = self.near_misses(requirement);
            links.push(self.inquiry.link(site));
        }
        let alternatives = requirement.relation.alternatives();
        let preferred = requirement.satisfiers.first().map_or(0, |satisfier| satisfier.alternative);
        let mut fallen: Vec<_> =
            requirement.satisfiers.iter().map(|satisfier| self.satisfier(satisfier.candidate)).collect();
        fallen.extend(near_misses);
        let nearest = match site.bearer {
            None if fallen.is_empty() => self.nearest(alternatives[0].name.as_str()),
            _ => Vec::new(),
        };
        Unmet { links, fallen, leave_out: site.bearer.map(|_| alternatives[preferred].name.clone()), nearest }
    }

    fn satisfier(&mut self, id: CandidateId) -> Fallen {
        let reason = match self.inquiry.fallen.get(&id) {
            Some(_) if !self.told.insert(id) => Reason::AsSaid,
            // Only names that are left out are no part of the inquiry.
            None => Reason::LeftOut,
            Some(&Fall::Needs(site)) => {
                let link = self.inquiry.link(site);
                Reason::Needs(Box::new(self.unmet(site, vec![link])))
            }
            Some(&Fall::Excluded { by, declared_by, exclusion }) => self.excluded(by, declared_by, exclusion),
        };
        self.fallen(id, reason)
    }

    fn excluded(&self, by: CandidateId, declared_by: CandidateId, exclusion: usize) -> Reason {
        let universe = self.inquiry.universe;
        let Ok(edges) = universe.edges(declared_by) else { return Reason::AsSaid };
        let exclusion = &edges.exclusions[exclusion];
        Reason::Excluded {
            declared_by: self.inquiry.bearer(Some(declared_by)),
            field: exclusion.field,
            relation: exclusion.relation.clone(),
            wanted: self.inquiry.forced.get(&by).map_or(Vec::new(), |&site| self.inquiry.links_to(site)),
            other: universe.candidate(by).name.clone(),
        }
    }

    /// Packages that have one of the names, but not as the relation asks for it.
    fn near_misses(&self, requirement: &Requirement) -> Vec<Fallen> {
        let universe = self.inquiry.universe;
        let mut seen: BTreeSet<_> =
            requirement.satisfiers.iter().map(|satisfier| satisfier.candidate).collect();
        let mut misses = Vec::new();
        for alternative in requirement.relation.alternatives() {
            if let Some(id) = universe.find(alternative.name.as_str())
                && seen.insert(id)
            {
                let version = &universe.candidate(id).version;
                let admitted = alternative.constraint.as_ref().is_none_or(|bound| bound.admits(version));
                misses.push(self.fallen(id, if admitted { Reason::Architecture } else { Reason::Version }));
            }
            for provider in universe.providers(&alternative.name) {
                if seen.insert(provider.candidate) {
                    let (name, version) = (alternative.name.clone(), provider.version.clone());
                    misses.push(self.fallen(provider.candidate, Reason::Provides { name, version }));
                }
            }
        }
        misses
    }

    fn fallen(&self, id: CandidateId, reason: Reason) -> Fallen {
        let candidate = self.inquiry.universe.candidate(id);
        let (name, version): (PackageName, Version) = (candidate.name.clone(), candidate.version.clone());
        Fallen { name, version, suite: self.inquiry.universe.suite_of(candidate).to_owned(), reason }
    }

    fn nearest(&self, name: &str) -> Vec<PackageName> {
        let likeness = |other: &PackageName| strsim::normalized_damerau_levenshtein(name, other.as_str());
        let names = self.inquiry.universe.candidates().iter().map(|candidate| &candidate.name);
        let mut near: Vec<_> =
            names.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= LIKENESS).collect();
        near.sort_by(|(a, name_a), (b, name_b)| b.total_cmp(a).then_with(|| name_a.cmp(name_b)));
        near.into_iter().take(NEAREST).map(|(_, name)| name.clone()).collect()
    }
}
