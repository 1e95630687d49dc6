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

use notice::Text;

pub use expression::{Expression, InvalidExpression};
pub use fingerprint::fingerprint;
pub use licenses::Licenses;
pub use unreviewed::{Unreviewed, UnreviewedText};

/// What a package may be used under, or what nobody has reviewed yet.
pub type Verdict = Result<Licensing, Unreviewed>;

/// What a binary package, or what upstream publishes, may be used under.
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

impl Licensing {
    /// Of what comes without a copyright file of Debian's: the license that its definition names, and the texts that
    /// it brings.
    #[must_use]
    pub fn of_upstream(license: &Expression, texts: &[Text]) -> Self {
        let text = texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n\n");
        let references = license.references().filter(|_| !text.is_empty());
        Self {
            declared: license.clone(),
            concluded: license.clone(),
            comment: String::new(),
            copyright: notices::of_text(&text),
            texts: references.map(|id| (id, text.clone())).collect(),
        }
    }
}
