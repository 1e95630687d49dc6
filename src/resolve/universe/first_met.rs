//! The order in which apt meets the names of packages: stanza after stanza as its sources list them, in
//! each the package's own name, then those that its relations mention.
//!
//! apt numbers packages so, and where nothing else tells two providers of a name apart, takes that with
//! the higher number. Few are ever compared, so each is looked for when it is.

use super::Suite;

/// Where a name is first met: the suite, the stanza in its index, and the mention in the stanza. Ordered as apt
/// meets them; one that is nowhere comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    suite: usize,
    stanza: usize,
    mention: usize,
}

pub(super) fn place(suites: &[Suite<'_>], name: &str) -> Place {
    let nowhere = Place { suite: suites.len(), stanza: 0, mention: 0 };
    let met = suites.iter().enumerate().find_map(|(suite, Suite { index, .. })| {
        let (stanza, mention) = index.first_mention(name)?;
        Some(Place { suite, stanza, mention })
    });
    met.unwrap_or(nowhere)
}
