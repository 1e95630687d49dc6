use std::collections::BTreeMap;
use std::fmt;

use crate::effects::archive::{Network, Reason, Unavailable};
use crate::effects::http::HttpErrorKind;

/// Locked packages that could be had nowhere.
#[derive(Debug)]
pub struct Gone {
    /// By name, version and architecture.
    packages: BTreeMap<String, Unavailable>,
}

/// What helps where packages could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Servers were not asked.
    Connect,
    /// No server is known.
    NameMirror,
    /// Every server that was asked has other versions by now.
    Renew,
    /// Some server did not say whether it has them.
    TryAgain,
}

impl Gone {
    pub(super) fn new(package: String, unavailable: Unavailable) -> Self {
        Self { packages: BTreeMap::from([(package, unavailable)]) }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.packages.extend(other.packages);
    }

    /// Packages by what they are called; `None` where there are none.
    #[must_use]
    pub fn of(packages: BTreeMap<String, Unavailable>) -> Option<Self> {
        (!packages.is_empty()).then_some(Self { packages })
    }

    #[must_use]
    pub fn remedy(&self) -> Remedy {
        let mut tried = self.packages.values().flat_map(|unavailable| &unavailable.tried).peekable();
        let not_found = |reason: &Reason| matches!(reason, Reason::Http(HttpErrorKind::NotFound));
        if self.is_offline() {
            Remedy::Connect
        } else if tried.peek().is_none() {
            Remedy::NameMirror
        } else if tried.all(|tried| not_found(&tried.reason)) {
            Remedy::Renew
        } else {
            Remedy::TryAgain
        }
    }

    fn is_offline(&self) -> bool {
        self.packages.values().any(|unavailable| unavailable.network == Network::Offline)
    }
}

impl std::error::Error for Gone {}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_offline() { "in the store" } else { "to be had" };
        match self.packages.len() {
            1 => write!(f, "a locked package is not {what}:")?,
            number => write!(f, "{number} locked packages are not {what}:")?,
        }
        self.packages.keys().try_for_each(|package| write!(f, "\n  {package}"))?;
        // Most often the places are the same for all packages, and so is what they answer.
        let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
        for (package, unavailable) in &self.packages {
            for tried in &unavailable.tried {
                let answer = format!("{} ({})\n{}", tried.url, tried.origin, tried.reason);
                match answers.iter_mut().find(|(known, _)| *known == answer) {
                    Some((_, packages)) => packages.push(package),
                    None => answers.push((answer, vec![package])),
                }
            }
        }
        answers.iter().try_for_each(|(answer, packages)| {
            let (place, reason) = answer.split_once('\n').unwrap_or((answer, ""));
            match packages.len() == self.packages.len() {
                true => write!(f, "\nasked {place}: {reason}"),
                false => write!(f, "\nasked {place} for {}: {reason}", packages.join(", ")),
            }
        })
    }
}
