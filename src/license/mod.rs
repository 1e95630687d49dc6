//! What packages may be used under: `debian/copyright` → SPDX license expressions.

mod expression;
pub mod file;
mod fingerprint;
mod licenses;
mod likeness;
pub mod notice;
mod notices;
mod tables;
mod unreviewed;

use std::collections::BTreeMap;

pub use expression::{Expression, InvalidExpression};
pub use fingerprint::fingerprint;
pub use licenses::Licenses;
pub use unreviewed::{Unreviewed, UnreviewedText};

/// What a binary package may be used under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licensing {
    /// Of all that its source package holds.
    pub declared: Expression,
    /// Of what is in the binary package.
    pub concluded: Expression,
    /// What was set aside between the two, or who reviewed the text and on what evidence.
    pub comment: String,
    /// The copyright notices, a line each.
    pub copyright: String,
    /// The texts of the licenses that SPDX does not list, by their `LicenseRef-…`.
    pub texts: BTreeMap<String, String>,
}
