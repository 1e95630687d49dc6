//! The file that people write: `policy.toml`.
//!
//! These types are the text's shape and nothing more; [`super::Policy`] holds what follows from them. Their JSON
//! Schema, in `schemas/`, is generated from here, doc comments included.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Field;
use super::vulnerability::State;
use crate::advisory::Urgency;
use crate::audit::finding::{Rule, Severity};

/// `policy.toml`: what `distro audit` holds images against.
///
/// What is left out has its default; an empty file is the policy of a catalog that has none. Images are named by
/// patterns: `cc-debian13:debug`, `*:debug*`, or without a tag `busybox-*` for all tags.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "policy.toml")]
pub struct PolicyFile {
    /// How grave findings of a rule are, where not as they are by default.
    #[serde(default)]
    pub severity: BTreeMap<Rule, Level>,
    #[serde(default)]
    pub licenses: LicensesTable,
    /// Packages that must not be in images.
    #[serde(default)]
    pub forbidden: Vec<ForbiddenTable>,
    #[serde(default)]
    pub sbom: SbomTable,
    #[serde(default)]
    pub files: FilesTable,
    #[serde(default)]
    pub users: UsersTable,
    #[serde(default)]
    pub lock: LockTable,
    /// Until when operating systems and packages are supported.
    #[serde(default)]
    pub end_of_life: Vec<EndOfLifeTable>,
    #[serde(default)]
    pub vulnerabilities: VulnerabilitiesTable,
    /// Findings that are accepted for a time.
    #[serde(default)]
    pub waiver: Vec<WaiverTable>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Error,
    Warning,
    /// It is told, and does not fail the audit.
    Note,
    /// The rule is not applied.
    Off,
}

impl Level {
    /// `None` where it is not told.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Off => None,
        }
    }
}

/// Licences by SPDX identifiers, with an exception where one is meant (`GPL-3.0-or-later WITH GCC-exception-3.1`), or
/// by patterns of these (`AGPL-*`, `LicenseRef-*`). Of licences joined by OR the best counts, of those joined by AND
/// the worst. A licence with an exception is another licence, but for `allow`: an exception only permits more.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LicensesTable {
    /// Where this is given, a licence that no list names is a finding (`license-unlisted`).
    #[schemars(with = "Option<Vec<String>>")]
    pub allow: Option<Vec<Spanned<String>>>,
    /// Licences that somebody has to look at (`license-review`).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub review: Vec<Spanned<String>>,
    /// Licences that must not be there (`license-denied`), though another list name them too.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub deny: Vec<Spanned<String>>,
    /// Licences that are allowed in some places only, whatever the lists say.
    #[serde(default)]
    pub exception: Vec<LicenseExceptionTable>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LicenseExceptionTable {
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<Spanned<String>>,
    /// Patterns of package names [default: all].
    #[schemars(with = "Option<Vec<String>>")]
    pub packages: Option<Vec<Spanned<String>>>,
    /// Patterns of images [default: all].
    #[schemars(with = "Option<Vec<String>>")]
    pub images: Option<Vec<Spanned<String>>>,
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ForbiddenTable {
    /// Patterns of package names.
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Spanned<String>>,
    /// Patterns of images that must not have them [default: all].
    #[schemars(with = "Option<Vec<String>>")]
    pub images: Option<Vec<Spanned<String>>>,
    /// Patterns of images that may.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub except: Vec<Spanned<String>>,
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SbomTable {
    /// What an SBOM has to say [default: author, tool, timestamp, context, version, supplier, purl, checksum].
    pub require: Option<Vec<Field>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilesTable {
    /// Patterns of images that may have a shell [default: `*:debug*`].
    #[schemars(with = "Option<Vec<String>>")]
    pub shell: Option<Vec<Spanned<String>>>,
    /// Paths that may be setuid, setgid or have capabilities, besides those that definitions name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub privileged: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UsersTable {
    /// Patterns of images that must not run as root [default: `*:*nonroot*`].
    #[schemars(with = "Option<Vec<String>>")]
    pub nonroot: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockTable {
    /// Days since the newest InRelease file that a lock was made from [default: any number].
    pub max_age_days: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndOfLifeTable {
    /// An operating system and its version: `debian 13`.
    #[schemars(with = "Option<String>")]
    pub system: Option<Spanned<String>>,
    /// Patterns of package names, in place of a system.
    #[schemars(with = "Option<Vec<String>>")]
    pub packages: Option<Vec<Spanned<String>>>,
    /// The last day of support.
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Spanned<String>,
    /// Days before it from which on it is told.
    #[serde(default = "quarter")]
    pub notice_days: u32,
    /// Who says so.
    pub source: String,
}

fn quarter() -> u32 {
    90
}

/// Vulnerabilities that the Debian security tracker has (`--tracker`), after what the catalog says of them by `[[vex]]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VulnerabilitiesTable {
    /// An audit without the tracker's data is a finding.
    #[serde(default)]
    pub require_tracker: bool,
    /// Days that the tracker's data may be old [default: any number]; an audit without them is a finding too.
    pub max_age_days: Option<u32>,
    /// How grave vulnerabilities are: the first table that is for one counts. Where none is: an error what a newer
    /// package fixes and what is no longer supported; a warning what has no fix yet, what has to be rebuilt, and what
    /// nobody has determined; a note what is minor, postponed or ignored; and nothing what is unimportant.
    #[serde(default)]
    pub severity: Vec<VulnerabilitySeverityTable>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VulnerabilitySeverityTable {
    /// For vulnerabilities in these states [default: all].
    pub states: Option<Vec<State>>,
    /// For those that the security team rates so [default: all].
    pub urgencies: Option<Vec<Urgency>>,
    pub level: Level,
}

/// Findings that are known and accepted: they are told, and do not fail the audit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WaiverTable {
    pub rule: Rule,
    /// What the findings are about, a pattern: a package, a path, a CVE, a field of the SBOM, an image.
    #[schemars(with = "String")]
    pub subject: Spanned<String>,
    /// Patterns of images [default: all].
    #[schemars(with = "Option<Vec<String>>")]
    pub images: Option<Vec<Spanned<String>>>,
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
    /// Who answers for it.
    #[schemars(with = "String")]
    pub owner: Spanned<String>,
    /// The last day on which it counts; from then on it is a finding itself.
    #[schemars(with = "String", extend("format" = "date"))]
    pub expires: Spanned<String>,
}
