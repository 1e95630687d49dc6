//! What our resolver answers.

use distro::resolve::{Recommends, Request, ResolveError, Universe, resolve};

use super::apt::Verdict;

pub fn install(universe: &Universe<'_>, names: &[&str], recommends: Recommends) -> Verdict {
    let requests = names.iter().map(|name| name.parse().unwrap()).collect();
    match resolve(universe, &Request { requests, recommends, ..Request::default() }) {
        Ok(resolution) => Ok(resolution.packages.keys().map(ToString::to_string).collect()),
        Err(ResolveError::Conflict(conflict)) => Err(conflict.to_string()),
        Err(error @ ResolveError::Index(_)) => panic!("{names:?}: {error}"),
    }
}
