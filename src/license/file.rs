//! The shape of `licenses.toml`, in which reviews of licenses are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Expression;
use crate::debian::PackageName;
use crate::digest::Sha256;

/// `licenses.toml`: what the copyright files of packages mean, for those that `distro` itself does not know.
///
/// Texts are named by their fingerprint, which `distro build` tells: another text asks for another review.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "licenses.toml")]
pub struct LicensesFile {
    /// Short names of debian/copyright, as the SPDX licence expressions that they stand for. They count where a
    /// stanza gives no text, refers to /usr/share/common-licenses, or has the licence's own text.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub names: BTreeMap<String, Spanned<Expression>>,
    /// Licence texts of debian/copyright that somebody has read.
    #[serde(default)]
    pub text: Vec<TextTable>,
    /// Whole copyright files that somebody has read.
    #[serde(default)]
    pub copyright: Vec<CopyrightTable>,
    /// Texts of licences that SPDX does not list, where copyright files do not have them.
    #[serde(default)]
    pub reference: Vec<ReferenceTable>,
    /// Files of source packages that are in no binary package.
    #[serde(default)]
    pub set_aside: Vec<SetAsideTable>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextTable {
    #[schemars(with = "String")]
    pub sha256: Spanned<Sha256>,
    /// The SPDX licence expression that says the same.
    #[schemars(with = "String")]
    pub is: Expression,
    /// Where the text was seen: "as `BSD-3-clause` in openssl 3.5.1".
    pub seen: String,
    /// Who read it, and what else speaks for it.
    pub evidence: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyrightTable {
    #[schemars(with = "String")]
    pub sha256: Spanned<Sha256>,
    /// The source package.
    #[schemars(with = "String")]
    pub source: PackageName,
    /// Of all that the source package holds. May be left out of a file in the machine-readable form.
    #[schemars(with = "Option<String>")]
    pub declared: Option<Expression>,
    /// Of what is in its binary packages [default: `declared`; where that is left out, narrowed by the stanzas].
    #[schemars(with = "Option<String>")]
    pub concluded: Option<Expression>,
    /// Binary packages that hold less than the others.
    #[serde(default)]
    pub binary: Vec<BinaryTable>,
    /// Who read it, and what else speaks for it.
    pub evidence: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryTable {
    /// Names of binary packages, or patterns: `libgcc-s1`, `lib*san8`.
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    #[schemars(with = "String")]
    pub concluded: Expression,
    pub why: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceTable {
    /// `LicenseRef-…`
    pub id: String,
    pub text: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAsideTable {
    /// Paths in source packages; `*` stands for any text, `/` included. A stanza is set aside where all its files are.
    #[schemars(with = "Vec<String>")]
    pub paths: Vec<Spanned<String>>,
    /// Only of these source packages, or patterns of their names [default: of all].
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub sources: Vec<Spanned<String>>,
    pub reason: String,
}
