//! Everything that can be installed on one architecture.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::debian::{
    Alternative, Architecture, Comparison, InvalidStanza, MultiArch, Package, PackageName, PackagesIndex,
    Qualifier, Relation, Subject, Version,
};

use super::policy::{Chooser, Policy, PolicyError};

mod first_met;

use first_met::Place;

/// A suite that packages come from, and its name for messages.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    pub label: &'a str,
    pub index: &'a PackagesIndex,
}

/// The candidates of one architecture: per name the one that the [`Policy`] chooses. Of equal versions that of
/// the earlier suite counts.
#[derive(Debug)]
pub struct Universe<'a> {
    architecture: Architecture,
    suites: Vec<Suite<'a>>,
    unmet: Vec<Subject>,
    /// Ordered by name; a [`CandidateId`] is a place in here.
    candidates: Vec<Candidate<'a>>,
    /// Who provides a name, in no order of preference.
    providers: BTreeMap<PackageName, Vec<Provider>>,
    /// Where apt first meets the name of each candidate, found when it is first asked for.
    first_met: Vec<OnceLock<Place>>,
    /// What each candidate needs and excludes, found when it is first asked for.
    edges: Vec<OnceLock<Result<Edges, InvalidStanza>>>,
}

/// The package that its name stands for.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    pub name: PackageName,
    pub version: Version,
    /// The place of the package's suite among those that the universe was made of.
    pub suite: usize,
    pub package: Package<'a>,
}

/// Names a candidate within its universe; ordered as the names of the packages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId(pub(super) u32);

/// A candidate that provides a name.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    pub candidate: CandidateId,
    /// The version provided, if any.
    pub version: Option<Version>,
    /// The only relations that it counts for, where the name is provided as `name:any`.
    only_any: bool,
}

/// What a candidate needs and excludes.
#[derive(Debug, Default)]
pub struct Edges {
    /// Pre-Depends, then Depends.
    pub requirements: Vec<Requirement>,
    /// What is wanted beside it, and not needed.
    pub recommends: Vec<Requirement>,
    /// Conflicts, then Breaks.
    pub exclusions: Vec<Exclusion>,
}

/// A relation, and every candidate that satisfies it, the preferred first.
#[derive(Debug, Clone)]
pub struct Requirement {
    pub relation: Relation,
    pub satisfiers: Vec<Satisfier>,
}

/// A candidate that satisfies a relation, and by which of its alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Satisfier {
    pub candidate: CandidateId,
    pub alternative: usize,
}

/// Candidates that cannot be installed together with the one that declares this.
#[derive(Debug, Clone)]
pub struct Exclusion {
    /// The field that says so: `Conflicts` or `Breaks`.
    pub field: &'static str,
    pub relation: Relation,
    pub candidates: Vec<CandidateId>,
}

impl<'a> Universe<'a> {
    /// Reads every stanza of the indices. Packages of other architectures than this and `all` are passed over.
    pub fn new(architecture: &Architecture, suites: &[Suite<'a>]) -> Result<Self, InvalidStanza> {
        match Self::select(architecture, suites, &Policy::default()) {
            Ok(universe) => Ok(universe),
            Err(PolicyError::Stanza(error)) => Err(error),
            Err(PolicyError::Unfit(_)) => unreachable!("a policy without preferences fits everything"),
        }
    }

    /// The same, with the candidates that a policy chooses.
    pub fn select(
        architecture: &Architecture,
        suites: &[Suite<'a>],
        policy: &Policy,
    ) -> Result<Self, PolicyError> {
        let len = suites.iter().map(|suite| suite.index.len()).sum();
        let mut offered: Vec<(i16, Candidate<'a>)> = Vec::with_capacity(len);
        let mut chooser = Chooser::new(policy);
        for (suite, Suite { index, .. }) in suites.iter().enumerate() {
            for package in index.packages() {
                let package = package?;
                if package.is_for(architecture)? {
                    let (name, version) = (package.name()?, package.version()?);
                    let candidate = Candidate { name, version, suite, package };
                    let priority = chooser.priority(&candidate, suites)?;
                    offered.extend(priority.map(|priority| (priority, candidate)));
                }
            }
        }
        // Indexes are ordered by name as they come, so this is little more than merging the suites.
        offered.sort_by(|(p, a), (q, b)| {
            a.name.cmp(&b.name).then_with(|| q.cmp(p)).then_with(|| b.version.cmp(&a.version))
        });
        offered.dedup_by(|(_, next), (_, held)| next.name == held.name);
        let candidates: Vec<_> = offered.into_iter().map(|(_, candidate)| candidate).collect();
        let providers = providers(architecture, &candidates)?;
        Ok(Self {
            architecture: architecture.clone(),
            suites: suites.to_vec(),
            first_met: candidates.iter().map(|_| OnceLock::new()).collect(),
            edges: candidates.iter().map(|_| OnceLock::new()).collect(),
            unmet: chooser.finish()?,
            candidates,
            providers,
        })
    }

    /// What the policy has preferences about, and the suites have nothing of.
    #[must_use]
    pub fn unmet(&self) -> &[Subject] {
        &self.unmet
    }

    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The candidate of a name; `None` for a virtual or unknown one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Candidate<'a>> {
        self.find(name).map(|id| self.candidate(id))
    }

    /// The label of the suite that a candidate comes from.
    #[must_use]
    pub fn suite_of(&self, candidate: &Candidate<'_>) -> &'a str {
        self.suites[candidate.suite].label
    }

    /// All candidates, ordered by name.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate<'a>] {
        &self.candidates
    }

    #[must_use]
    pub fn candidate(&self, id: CandidateId) -> &Candidate<'a> {
        &self.candidates[id.0 as usize]
    }

    /// What a candidate needs and excludes.
    pub fn edges(&self, id: CandidateId) -> Result<&Edges, &InvalidStanza> {
        self.edges[id.0 as usize].get_or_init(|| self.read_edges(id)).as_ref()
    }

    /// A relation with its satisfiers; `None` where it is void on this architecture.
    #[must_use]
    pub fn requirement(&self, relation: &Relation) -> Option<Requirement> {
        if !relation.applies_to(&self.architecture) {
            return None;
        }
        let mut satisfiers: Vec<Satisfier> = Vec::new();
        for (at, alternative) in relation.alternatives().iter().enumerate() {
            for candidate in self.preferred(alternative) {
                if satisfiers.iter().all(|known| known.candidate != candidate) {
                    satisfiers.push(Satisfier { candidate, alternative: at });
                }
            }
        }
        Some(Requirement { relation: relation.clone(), satisfiers })
    }

    pub(crate) fn find(&self, name: &str) -> Option<CandidateId> {
        let at = self.candidates.binary_search_by(|candidate| candidate.name.as_str().cmp(name)).ok()?;
        u32::try_from(at).ok().map(CandidateId)
    }

    pub(super) fn providers(&self, name: &PackageName) -> &[Provider] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// The real package first, then those that provide the name, in the order in which apt's `CompareProviders` has
    /// them: essential ones, then by priority, then the other way round than apt first met their names. For `:any` the
    /// real package is one of them.
    fn preferred(&self, alternative: &Alternative) -> Vec<CandidateId> {
        let (real, mut providing) = self.satisfying(alternative);
        // To apt, `make:any` is a virtual package, which `make` provides as others do.
        let is_any = alternative.qualifier == Some(Qualifier::Any);
        let (first, among) = if is_any { (None, real) } else { (real, None) };
        providing.extend(among);
        let rank = |id: CandidateId| {
            let package = self.candidate(id).package;
            (package.is_essential(), package.priority())
        };
        providing
            .sort_by(|&a, &b| rank(b).cmp(&rank(a)).then_with(|| self.first_met(b).cmp(&self.first_met(a))));
        first.into_iter().chain(providing).collect()
    }

    /// The real package, and those that provide the name, in no order of preference.
    ///
    /// A name that is provided without a version satisfies no bound, [policy §7.5].
    ///
    /// [policy §7.5]: https://www.debian.org/doc/debian-policy/ch-relationships.html#virtual-packages-provides
    fn satisfying(&self, alternative: &Alternative) -> (Option<CandidateId>, Vec<CandidateId>) {
        if !alternative.restrictions.admit(&self.architecture) {
            return (None, Vec::new());
        }
        let constraint = alternative.constraint.as_ref();
        let real = self.find(alternative.name.as_str()).filter(|&id| {
            self.qualifies(alternative, id)
                && constraint.is_none_or(|bound| bound.admits(&self.candidate(id).version))
        });
        let is_any = alternative.qualifier == Some(Qualifier::Any);
        let providing = self.providers(&alternative.name).iter().filter(|provider| {
            (if provider.only_any { is_any } else { self.qualifies(alternative, provider.candidate) })
                && constraint.is_none_or(|bound| provider.version.as_ref().is_some_and(|v| bound.admits(v)))
        });
        (real, providing.map(|provider| provider.candidate).collect())
    }

    /// Whether a candidate is of the architecture that an alternative asks for. The universe has one
    /// architecture, which `:native` means; `:any` means packages that allow it, [Multi-Arch].
    ///
    /// [Multi-Arch]: https://wiki.ubuntu.com/MultiarchSpec
    fn qualifies(&self, alternative: &Alternative, id: CandidateId) -> bool {
        match &alternative.qualifier {
            None | Some(Qualifier::Native) => true,
            Some(Qualifier::Any) => {
                self.candidate(id).package.multi_arch().is_ok_and(|is| is == MultiArch::Allowed)
            }
            Some(Qualifier::Named(architecture)) => *architecture == self.architecture,
        }
    }

    fn first_met(&self, id: CandidateId) -> Place {
        let found = || first_met::place(&self.suites, self.candidate(id).name.as_str());
        *self.first_met[id.0 as usize].get_or_init(found)
    }

    fn read_edges(&self, id: CandidateId) -> Result<Edges, InvalidStanza> {
        let package = self.candidate(id).package;
        let needs = package.pre_depends()?.into_iter().chain(package.depends()?);
        let conflicts = package.conflicts()?.into_iter().map(|relation| ("Conflicts", relation));
        let breaks = package.breaks()?.into_iter().map(|relation| ("Breaks", relation));
        let exclusions = conflicts.chain(breaks).filter_map(|(field, relation)| {
            if !relation.applies_to(&self.architecture) {
                return None;
            }
            let named = relation.alternatives().iter().flat_map(|alternative| {
                let (real, providing) = self.satisfying(alternative);
                real.into_iter().chain(providing)
            });
            // A package that provides what it conflicts with means the others that do.
            let candidates: Vec<_> = named.filter(|&c| c != id).collect();
            (!candidates.is_empty()).then_some(Exclusion { field, relation, candidates })
        });
        let recommends = package.recommends()?.into_iter();
        Ok(Edges {
            requirements: needs.filter_map(|relation| self.requirement(&relation)).collect(),
            recommends: recommends.filter_map(|relation| self.requirement(&relation)).collect(),
            exclusions: exclusions.collect(),
        })
    }
}

/// Who provides what. What is provided for another architecture, or in a range of versions, does not count.
fn providers(
    architecture: &Architecture,
    candidates: &[Candidate<'_>],
) -> Result<BTreeMap<PackageName, Vec<Provider>>, InvalidStanza> {
    let mut providers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, candidate) in (0..).map(CandidateId).zip(candidates) {
        let provides = candidate.package.provides()?;
        for provided in provides.iter().flat_map(Relation::alternatives) {
            let counts = match &provided.qualifier {
                None | Some(Qualifier::Any) => true,
                Some(Qualifier::Native) => false,
                Some(Qualifier::Named(named)) => named == architecture,
            };
            let version = match &provided.constraint {
                None => None,
                Some(constraint) if constraint.comparison == Comparison::Equal => {
                    Some(constraint.version.clone())
                }
                Some(_) => continue,
            };
            if counts {
                let only_any = provided.qualifier == Some(Qualifier::Any);
                let provider = Provider { candidate: id, version, only_any };
                providers.entry(provided.name.clone()).or_default().push(provider);
            }
        }
    }
    Ok(providers)
}
