//! The way apt goes: depth first, each relation in turn, the first choice that works wherever none is chosen yet.
//!
//! This is `pkgDepCache::MarkInstall` of [apt 2.6], for a system on which nothing is installed. It gives apt's
//! own answer wherever apt need not repair it, which is nearly always: the result depends on the order of
//! relations as apt's does, and a solver would choose otherwise at times.
//!
//! [apt 2.6]: https://salsa.debian.org/apt-team/apt/-/blob/2.6.1/apt-pkg/depcache.cc

use std::collections::{BTreeMap, BTreeSet};

use super::obligation::{LeftOutNames, Obligation};
use super::{CandidateId, Edges, Recommends, Requirement, Universe};
use crate::debian::InvalidStanza;

/// How deep the walk goes. Chains of dependencies have a few hundred links.
const MAX_DEPTH: usize = 1000;

/// `None` where what was chosen does not hold together.
pub(super) fn walk(
    universe: &Universe<'_>,
    left_out: &LeftOutNames<'_>,
    requests: &[Requirement],
    recommends: Recommends,
) -> Result<Option<BTreeSet<CandidateId>>, InvalidStanza> {
    let mut walk = Walk { universe, left_out, recommends, states: BTreeMap::new() };
    // All requests are chosen before the first dependency is looked at.
    let mut requested = Vec::new();
    for request in requests {
        let mut satisfiers = request.satisfiers.iter().map(|satisfier| satisfier.candidate);
        match satisfiers.clone().find(|id| requested.contains(id)).or_else(|| satisfiers.next()) {
            None => return Ok(None),
            Some(id) if requested.contains(&id) => {}
            Some(id) => requested.push(id),
        }
    }
    for &id in &requested {
        *walk.state(id) = State { installed: true, protected: true, discarded: false };
    }
    for id in requested {
        walk.install(id, 0)?;
    }
    walk.into_installed()
}

/// What has been decided about a candidate.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    installed: bool,
    /// Not to be decided otherwise: it is requested, or needed by what is, or excluded by that; or its
    /// dependencies are being installed.
    protected: bool,
    /// It has been tried, or excluded, and does not come into question again.
    discarded: bool,
}

struct Walk<'w, 'a> {
    universe: &'w Universe<'a>,
    left_out: &'w LeftOutNames<'w>,
    recommends: Recommends,
    states: BTreeMap<CandidateId, State>,
}

impl Walk<'_, '_> {
    fn state(&mut self, id: CandidateId) -> &mut State {
        self.states.entry(id).or_default()
    }

    fn get(&self, id: CandidateId) -> State {
        self.states.get(&id).copied().unwrap_or_default()
    }

    fn is_installed(&self, id: CandidateId) -> bool {
        self.get(id).installed
    }

    /// Installs a candidate and what it needs, and says whether that worked. Where it did not, a candidate that is not
    /// protected is discarded; what was installed for it stays, for [`super::solver`] to leave behind.
    fn install(&mut self, id: CandidateId, depth: usize) -> Result<bool, InvalidStanza> {
        let State { installed, protected, discarded } = self.get(id);
        if discarded || (protected && !installed) || depth > MAX_DEPTH {
            return Ok(false);
        }
        let edges = self.universe.edges(id).map_err(Clone::clone)?;
        if installed && !protected && self.holds(edges) {
            return Ok(true);
        }
        let needs = self.one_of(&edges.requirements);
        if needs.iter().any(Vec::is_empty) {
            if !protected {
                *self.state(id) = State { discarded: true, ..State::default() };
            }
            return Ok(false);
        }
        let satisfied = |walk: &Self, one_of: &[CandidateId]| one_of.iter().any(|&id| walk.is_installed(id));
        let wants = match self.recommends {
            Recommends::Ignored => Vec::new(),
            Recommends::Taken => self.one_of(&edges.recommends),
        };
        // What is satisfied now is not looked at again, even if the next step is to undo it.
        let open = |one_of: &Vec<CandidateId>| protected || !satisfied(self, one_of);
        let needs: Vec<_> = needs.into_iter().filter(open).collect();
        let wants: Vec<_> = wants.into_iter().filter(open).collect();
        let mut works = self.exclude(edges, protected);
        if !works && !protected {
            return Ok(false);
        }
        *self.state(id) = State { installed: true, protected: true, discarded: false };
        for one_of in needs {
            let met = if satisfied(self, &one_of) {
                !protected || self.protect_only(&one_of, depth)?
            } else {
                self.install_one_of(&one_of, protected, depth)?
            };
            works &= met;
            if !works && !protected {
                *self.state(id) = State { discarded: true, ..State::default() };
                return Ok(false);
            }
        }
        for one_of in wants {
            if !satisfied(self, &one_of) {
                self.install_one_of(&one_of, false, depth)?;
            }
        }
        self.state(id).protected = protected;
        Ok(works)
    }

    /// Takes what a candidate excludes out again, unless that is protected. What a protected one excludes is
    /// not to come back.
    fn exclude(&mut self, edges: &Edges, protected: bool) -> bool {
        let mut works = true;
        for exclusion in &edges.exclusions {
            if !protected && !exclusion.candidates.iter().any(|&other| self.is_installed(other)) {
                continue;
            }
            for &other in &exclusion.candidates {
                let state = self.state(other);
                if state.discarded {
                    continue;
                }
                if state.installed && state.protected {
                    works = false;
                    if !protected {
                        return false;
                    }
                } else {
                    *state = State { installed: false, protected, discarded: protected };
                }
            }
        }
        works
    }

    /// Installs the first of several that works. The only one that is left is as protected as what needs it.
    fn install_one_of(
        &mut self,
        one_of: &[CandidateId],
        protected: bool,
        depth: usize,
    ) -> Result<bool, InvalidStanza> {
        let left: Vec<_> = self.left(one_of);
        for &id in &left {
            if self.get(id).discarded {
                continue;
            }
            if protected && left.len() == 1 {
                *self.state(id) = State { installed: true, protected: true, discarded: false };
            }
            if self.install(id, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Protects what satisfies a relation of something protected, where nothing else is left that does.
    fn protect_only(&mut self, one_of: &[CandidateId], depth: usize) -> Result<bool, InvalidStanza> {
        let &[only] = &self.left(one_of)[..] else { return Ok(true) };
        if self.get(only).protected {
            return Ok(true);
        }
        self.state(only).protected = true;
        self.install(only, depth + 1)
    }

    /// Those that come into question.
    fn left(&self, one_of: &[CandidateId]) -> Vec<CandidateId> {
        let excluded = |state: State| state.discarded || (state.protected && !state.installed);
        one_of.iter().copied().filter(|&id| !excluded(self.get(id))).collect()
    }

    fn one_of(&self, requirements: &[Requirement]) -> Vec<Vec<CandidateId>> {
        let obligations = requirements.iter().map(|of| self.left_out.obligation(self.universe, of));
        let one_of = |obligation| match obligation {
            Obligation::OneOf(candidates) => Some(candidates),
            Obligation::LeftOut(_) => None,
        };
        obligations.filter_map(one_of).collect()
    }

    fn holds(&self, edges: &Edges) -> bool {
        let excluded = edges.exclusions.iter().flat_map(|exclusion| &exclusion.candidates);
        self.one_of(&edges.requirements).iter().all(|one_of| one_of.iter().any(|&id| self.is_installed(id)))
            && !excluded.copied().any(|id| self.is_installed(id))
    }

    fn into_installed(self) -> Result<Option<BTreeSet<CandidateId>>, InvalidStanza> {
        let installed: BTreeSet<_> =
            self.states.iter().filter(|(_, state)| state.installed).map(|(&id, _)| id).collect();
        for &id in &installed {
            if !self.holds(self.universe.edges(id).map_err(Clone::clone)?) {
                return Ok(None);
            }
        }
        Ok(Some(installed))
    }
}
