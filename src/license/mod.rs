//! What packages may be used under: `debian/copyright` → SPDX license expressions.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

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

/// An [SPDX license expression](https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/) that is valid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expression(String);

impl Expression {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Expression {
    type Err = spdx::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        spdx::Expression::parse(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
