//! What is known of vulnerabilities: by the [Debian security tracker](https://security-tracker.debian.org/), and by
//! the organisation that publishes the images.
//!
//! [`tracker`] reads the tracker's data, and [`judgement`] says what they mean for the version that an image holds.

pub mod judgement;
mod label;
mod release;
pub mod tracker;

use std::fmt;

use crate::debian::Cve;

pub use judgement::{Advisory, Code, Judgement};
pub use label::{Justification, Status};
pub use release::codename;
pub use tracker::{InvalidTracker, Issue, ReleaseState, Scope, Tracker, Urgency};

/// What a vulnerability is known by. `TEMP-0841856-B18BAF` is the tracker's own, until there is a CVE id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VulnerabilityId {
    Cve(Cve),
    Other(Box<str>),
}

impl From<&str> for VulnerabilityId {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Other(text.into()), Self::Cve)
    }
}

impl fmt::Display for VulnerabilityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cve(cve) => f.pad(&cve.to_string()),
            Self::Other(text) => f.pad(text),
        }
    }
}
