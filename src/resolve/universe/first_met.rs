//! The order in which apt meets the names of packages: stanza after stanza as its sources list them, in
//! each the package's own name, then those that its relations mention.
//!
//! apt numbers packages so, and where nothing else tells two providers of a name apart, takes that with
//! the higher number.

use super::Universe;

/// For each candidate the place of its name in that order.
pub(super) fn places(universe: &Universe<'_>) -> Vec<usize> {
    let mut places = vec![usize::MAX; universe.candidates.len()];
    let mut met = 0;
    // A stanza that cannot be read would have kept the universe from being made.
    let packages = universe.suites.iter().flat_map(|suite| suite.index.packages()).flatten();
    for name in packages.flat_map(|package| package.names()) {
        if let Some(id) = universe.find(name)
            && let place @ &mut usize::MAX = &mut places[id.0 as usize]
        {
            *place = met;
            met += 1;
        }
    }
    places
}
