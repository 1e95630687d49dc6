//! What was found, as it is told.

use serde::Serialize;

use crate::advisory::{Advisory, Code, Judgement};
use crate::catalog::name::TarballName;
use crate::debian::{PackageName, Source};
use crate::lock::Pin;

/// A package or an upstream tarball in images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageRow {
    pub package: String,
    pub version: String,
    /// Source packages have other versions than binary packages that were built again.
    pub source: Option<String>,
    /// Where it came in by Built-Using or Static-Built-Using: the source package whose code it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built_with: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FileRow {
    pub path: String,
    pub owner: String,
    /// `file`, `directory` or `link to TARGET`.
    pub is: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LicenseRow {
    pub package: String,
    pub version: String,
    pub license: String,
    /// Whether only what is declared for the whole source package has it, and not what is concluded for the binary.
    pub declared_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VulnerabilityRow {
    pub package: String,
    pub version: String,
    pub source: String,
    pub built_in: bool,
    pub state: &'static str,
    #[serde(skip)]
    pub judgement: Judgement,
    pub open: bool,
    pub urgency: Option<String>,
    pub description: Option<String>,
    /// The tracker's row.
    pub advisory: String,
    pub url: String,
}

impl PackageRow {
    pub(super) fn of(name: &PackageName, pin: &Pin, built_with: Option<&Source>) -> Self {
        Self {
            package: name.to_string(),
            version: pin.version.to_string(),
            source: Some(pin.built_from().to_string()),
            built_with: built_with.map(Source::to_string),
        }
    }

    pub(super) fn of_tarball(name: &TarballName, software: &str, version: &str) -> Self {
        let package =
            if software == name.as_str() { software.to_owned() } else { format!("{software} ({name})") };
        Self { package, version: version.to_owned(), source: None, built_with: None }
    }
}

impl VulnerabilityRow {
    pub(super) fn of(name: &PackageName, pin: &Pin, code: Code<'_>, advisory: &Advisory<'_>) -> Self {
        Self {
            package: name.to_string(),
            version: pin.version.to_string(),
            source: format!("{} {}", code.source, code.version),
            built_in: code.built_in,
            state: advisory.judgement.name(),
            judgement: advisory.judgement.clone(),
            open: advisory.judgement.is_open(),
            urgency: advisory.urgency().map(|urgency| urgency.to_string()),
            description: advisory.issue.description.clone(),
            advisory: advisory.to_string(),
            url: advisory.url(),
        }
    }
}
