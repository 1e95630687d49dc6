//! Closures: ours against `apt-get --simulate install`, package after package.

use std::collections::BTreeSet;

use distro::resolve::{Recommends, Universe};
use rayon::prelude::*;

use super::apt::{Apt, Verdict};
use super::ours;

/// A package whose closure is not the same.
pub struct Difference {
    pub name: String,
    pub ours: Verdict,
    pub apt: Verdict,
}

/// The differences in a sample.
pub fn compare(
    universe: &Universe<'_>,
    apt: &Apt,
    sample: &[String],
    recommends: Recommends,
) -> Vec<Difference> {
    let compared = sample.par_iter().with_max_len(1).filter_map(|name| {
        let ours = ours::install(universe, &[name], recommends);
        let apt = apt.install(&[name], recommends);
        let same = match (&ours, &apt) {
            (Ok(ours), Ok(apt)) => ours == apt,
            (ours, apt) => ours.is_err() && apt.is_err(),
        };
        (!same).then(|| Difference { name: name.clone(), ours, apt })
    });
    compared.collect()
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        match (&self.ours, &self.apt) {
            (Ok(ours), Ok(apt)) => {
                let only = |these: &BTreeSet<String>, those| list(these.difference(those).collect());
                write!(
                    f,
                    "{}\n  only we take:  {}\n  only apt takes: {}",
                    self.name,
                    only(ours, apt),
                    only(apt, ours)
                )
            }
            (ours, apt) => {
                let verdict = |verdict: &Verdict| match verdict {
                    Ok(names) => format!("{} packages", names.len()),
                    Err(why) => format!("not installable: {}", why.replace('\n', "\n    ")),
                };
                write!(f, "{}\n  we say:   {}\n  apt says: {}", self.name, verdict(ours), verdict(apt))
            }
        }
    }
}
