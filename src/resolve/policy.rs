//! Which version of a name counts where suites have several: priorities as apt has them, [apt_preferences(5)].
//!
//! [apt_preferences(5)]: https://manpages.debian.org/trixie/apt/apt_preferences.5.en.html

use std::collections::BTreeMap;

use super::{Candidate, Suite};
use crate::debian::preferences::DEFAULT_PRIORITY;
use crate::debian::{InvalidStanza, PackageName, Preference, Subject, Version};
use crate::digest::Sha256;

/// Of the versions of a name that of the highest priority counts, and among these the highest version.
///
/// What is held comes first, unless a definition prefers another; then what definitions prefer; then what suites
/// have by their priorities.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Of each suite, in their order; those that follow have [`DEFAULT_PRIORITY`]. A version of a suite whose
    /// priority is negative does not count, unless it is held.
    pub priorities: Vec<i16>,
    pub preferences: BTreeMap<Subject, Preference>,
    pub holds: BTreeMap<PackageName, Hold>,
}

/// A package that stays what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Of the .deb.
    pub sha256: Sha256,
    /// The suite that it is taken from, of those that have it.
    pub suite: String,
}

/// The priority of a suite whose versions count only where they are held.
pub const NEVER: i16 = -1;

const PREFERRED: i16 = 1000;
const HELD_ELSEWHERE: i16 = 1001;
const HELD: i16 = 1002;

/// A preference that none of the versions fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalog pins `{subject}` to {preference}, and there is only {}", offered(.versions))]
pub struct Unfit {
    pub subject: Subject,
    pub preference: Preference,
    /// What there is, with the suites.
    pub versions: Vec<(Version, String)>,
}

fn offered(versions: &[(Version, String)]) -> String {
    let shown = versions.iter().map(|(version, suite)| format!("{version} ({suite})"));
    shown.collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum PolicyError {
    #[error(transparent)]
    Stanza(#[from] InvalidStanza),
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

/// How a policy was met while it chose.
pub(super) struct Chooser<'a> {
    policy: &'a Policy,
    by_source: bool,
    met: BTreeMap<&'a Subject, Met>,
}

#[derive(Default)]
struct Met {
    fitted: bool,
    versions: Vec<(Version, String)>,
}

impl<'p> Chooser<'p> {
    pub fn new(policy: &'p Policy) -> Self {
        let by_source = policy.preferences.keys().any(|subject| matches!(subject, Subject::Source(_)));
        Self { policy, by_source, met: BTreeMap::new() }
    }

    /// The priority of a version; `None` where it does not count.
    pub fn priority(
        &mut self,
        candidate: &Candidate<'_>,
        suites: &[Suite<'_>],
    ) -> Result<Option<i16>, InvalidStanza> {
        let suite = suites[candidate.suite].label;
        let of_suite = self.policy.priorities.get(candidate.suite).copied().unwrap_or(DEFAULT_PRIORITY);
        let hold = self.policy.holds.get(&candidate.name);
        let hold = match hold {
            Some(hold) if candidate.package.sha256()? == hold.sha256 => Some(hold),
            _ => None,
        };
        if of_suite < 0 && hold.is_none() {
            return Ok(None);
        }
        let preference = self.preference(candidate)?;
        if let Some((subject, preference)) = preference {
            let met = self.met.entry(subject).or_default();
            met.versions.push((candidate.version.clone(), suite.to_owned()));
            if !preference.fits(&candidate.version, suite) {
                return Ok((of_suite >= 0).then_some(of_suite));
            }
            met.fitted = true;
        }
        Ok(Some(match hold {
            Some(hold) if hold.suite == suite => HELD,
            Some(_) => HELD_ELSEWHERE,
            None if preference.is_some() => PREFERRED,
            None => of_suite,
        }))
    }

    /// The preference about a package: that by its own name before that by its source.
    fn preference(
        &self,
        candidate: &Candidate<'_>,
    ) -> Result<Option<(&'p Subject, &'p Preference)>, InvalidStanza> {
        let preferences = &self.policy.preferences;
        if preferences.is_empty() {
            return Ok(None);
        }
        let own = preferences.get_key_value(&Subject::Binary(candidate.name.clone()));
        if own.is_some() || !self.by_source {
            return Ok(own);
        }
        Ok(preferences.get_key_value(&Subject::Source(candidate.package.source()?.name)))
    }

    /// The subjects of preferences that no package is of.
    pub fn finish(self) -> Result<Vec<Subject>, Unfit> {
        let unfit = self.met.iter().find(|(_, met)| !met.fitted);
        if let Some((subject, Met { versions, .. })) = unfit {
            let mut versions = versions.clone();
            versions.sort_by(|(a, _), (b, _)| b.cmp(a));
            let preference = self.policy.preferences[*subject].clone();
            return Err(Unfit { subject: (*subject).clone(), preference, versions });
        }
        let unmet = self.policy.preferences.keys().filter(|subject| !self.met.contains_key(subject));
        Ok(unmet.cloned().collect())
    }
}
