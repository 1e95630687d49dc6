//! Everything that can be installed on one architecture.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::debian::{
    Alternative, Architecture, InvalidStanza, Package, PackageName, PackagesIndex, Qualifier, Relation,
    Subject, Version,
};

use super::policy::{Chooser, Policy, PolicyError};

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
    suites: Vec<&'a str>,
    unmet: Vec<Subject>,
    /// Ordered by name; a [`CandidateId`] is a place in here.
    candidates: Vec<Candidate<'a>>,
    /// Who provides a name, the preferred first, with the version provided.
    providers: BTreeMap<PackageName, Vec<(CandidateId, Option<Version>)>>,
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

/// What a candidate needs and excludes.
#[derive(Debug, Default)]
pub struct Edges {
    /// Pre-Depends, then Depends.
    pub requirements: Vec<Requirement>,
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
        let providers = providers(&candidates)?;
        Ok(Self {
            architecture: architecture.clone(),
            suites: suites.iter().map(|suite| suite.label).collect(),
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
        self.suites[candidate.suite]
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
            for candidate in self.satisfying(alternative) {
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

    /// Who provides a name, the preferred first, with the version provided.
    pub(super) fn providers(&self, name: &PackageName) -> &[(CandidateId, Option<Version>)] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// The real package first, then those that provide the name.
    ///
    /// A name that is provided without a version satisfies no bound, [policy §7.5].
    ///
    /// [policy §7.5]: https://www.debian.org/doc/debian-policy/ch-relationships.html#virtual-packages-provides
    fn satisfying<'u>(&'u self, alternative: &'u Alternative) -> impl Iterator<Item = CandidateId> + 'u {
        let constraint = alternative.constraint.as_ref();
        let here = alternative.restrictions.admit(&self.architecture) && self.qualifies(alternative);
        let real = self.find(alternative.name.as_str()).filter(move |&id| {
            constraint.is_none_or(|constraint| constraint.admits(&self.candidate(id).version))
        });
        let providers = self.providers(&alternative.name).iter();
        let providing = providers.filter(move |(_, provided)| {
            constraint.is_none_or(|bound| provided.as_ref().is_some_and(|version| bound.admits(version)))
        });
        real.into_iter().chain(providing.map(|(id, _)| *id)).filter(move |_| here)
    }

    /// The universe has one architecture, which `:any` and `:native` mean as well.
    fn qualifies(&self, alternative: &Alternative) -> bool {
        match &alternative.qualifier {
            None | Some(Qualifier::Any | Qualifier::Native) => true,
            Some(Qualifier::Named(architecture)) => *architecture == self.architecture,
        }
    }

    fn read_edges(&self, id: CandidateId) -> Result<Edges, InvalidStanza> {
        let package = self.candidate(id).package;
        let needs = package.pre_depends()?.into_iter().chain(package.depends()?);
        let conflicts = package.conflicts()?.into_iter().map(|relation| ("Conflicts", relation));
        let breaks = package.breaks()?.into_iter().map(|relation| ("Breaks", relation));
        let exclusions = conflicts.chain(breaks).filter_map(|(field, relation)| {
            let satisfiers = self.requirement(&relation)?.satisfiers.into_iter();
            // A package that provides what it conflicts with means the others that do.
            let candidates: Vec<_> =
                satisfiers.map(|satisfier| satisfier.candidate).filter(|&c| c != id).collect();
            (!candidates.is_empty()).then_some(Exclusion { field, relation, candidates })
        });
        Ok(Edges {
            requirements: needs.filter_map(|relation| self.requirement(&relation)).collect(),
            exclusions: exclusions.collect(),
        })
    }
}

type Providers = BTreeMap<PackageName, Vec<(CandidateId, Option<Version>)>>;

/// Orders the providers of a name as apt does: essential ones first, then by priority.
/// Where apt goes by the order in which it met the packages, this goes by name.
fn providers(candidates: &[Candidate<'_>]) -> Result<Providers, InvalidStanza> {
    let mut providers = Providers::new();
    for (id, candidate) in (0..).map(CandidateId).zip(candidates) {
        for relation in candidate.package.provides()? {
            for provided in relation.alternatives() {
                let version = provided.constraint.as_ref().map(|constraint| constraint.version.clone());
                providers.entry(provided.name.clone()).or_default().push((id, version));
            }
        }
    }
    for of_one_name in providers.values_mut() {
        of_one_name.sort_by_key(|(id, _)| {
            let package = candidates[id.0 as usize].package;
            Reverse((package.is_essential(), package.priority(), Reverse(*id)))
        });
    }
    Ok(providers)
}
