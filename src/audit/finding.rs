//! Findings: what does not hold, how grave it is, and what shows it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Each image has an SBOM that can be read and that is of this image.
    Sbom,
    /// The SBOM says all that the policy requires.
    SbomFields,
    /// No package is under a licence that the policy denies.
    LicenseDenied,
    /// Every package is under licences that the policy allows.
    LicenseUnlisted,
    /// Licences that the policy wants somebody to look at.
    LicenseReview,
    /// The licence of every package is known.
    LicenseUnknown,
    /// No package is there that the policy forbids.
    ForbiddenPackage,
    /// No file is setuid, setgid or has capabilities that no definition names.
    PrivilegedFile,
    /// No shell is in an image that is not meant to have one.
    Shell,
    /// Images that are not to run as root do not.
    RootUser,
    /// The lock is not older than the policy allows.
    LockAge,
    /// The image was built from the lock as it is.
    StaleImage,
    /// The operating system and the packages are supported.
    EndOfLife,
    /// Every blob is what its digest says.
    Blob,
    /// Every package of the image is in its SBOM.
    PackageNotInSbom,
    /// Every package of the SBOM is in the image.
    PackageNotInImage,
    /// Every file belongs to a package or a generator of the SBOM.
    UnownedFile,
    /// Every file is what the SBOM says.
    AlteredFile,
    /// No file belongs to two packages, unless one replaces the other's.
    SharedFile,
    /// No known vulnerability is open.
    Vulnerability,
    /// Waivers are in force.
    Waiver,
    /// Checks that were not made.
    NotChecked,
}

/// How grave a finding is; the graver is the lesser, so that it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// What does not hold in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub severity: Severity,
    pub rule: Rule,
    /// What it is about: a package, a path, a CVE, a field; the image itself where it is about all of that.
    pub subject: String,
    /// By what other names a waiver may speak of it.
    pub aliases: Vec<String>,
    /// What does not hold, after the subject: `is setuid`.
    pub message: String,
    /// Whether data are missing by which it could be told.
    pub unknown: bool,
    pub evidence: Option<Evidence>,
    pub help: Option<String>,
}

/// Where a finding can be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Evidence {
    pub file: String,
    /// An element and a field of an SBOM, a stanza of a lock, a path in a layer.
    pub place: String,
}

impl Rule {
    pub const ALL: [Self; 22] = [
        Self::Sbom,
        Self::SbomFields,
        Self::LicenseDenied,
        Self::LicenseUnlisted,
        Self::LicenseReview,
        Self::LicenseUnknown,
        Self::ForbiddenPackage,
        Self::PrivilegedFile,
        Self::Shell,
        Self::RootUser,
        Self::LockAge,
        Self::StaleImage,
        Self::EndOfLife,
        Self::Blob,
        Self::PackageNotInSbom,
        Self::PackageNotInImage,
        Self::UnownedFile,
        Self::AlteredFile,
        Self::SharedFile,
        Self::Vulnerability,
        Self::Waiver,
        Self::NotChecked,
    ];

    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Sbom => "sbom",
            Self::SbomFields => "sbom-fields",
            Self::LicenseDenied => "license-denied",
            Self::LicenseUnlisted => "license-unlisted",
            Self::LicenseReview => "license-review",
            Self::LicenseUnknown => "license-unknown",
            Self::ForbiddenPackage => "forbidden-package",
            Self::PrivilegedFile => "privileged-file",
            Self::Shell => "shell",
            Self::RootUser => "root-user",
            Self::LockAge => "lock-age",
            Self::StaleImage => "stale-image",
            Self::EndOfLife => "end-of-life",
            Self::Blob => "blob",
            Self::PackageNotInSbom => "package-not-in-sbom",
            Self::PackageNotInImage => "package-not-in-image",
            Self::UnownedFile => "unowned-file",
            Self::AlteredFile => "altered-file",
            Self::SharedFile => "shared-file",
            Self::Vulnerability => "vulnerability",
            Self::Waiver => "waiver",
            Self::NotChecked => "not-checked",
        }
    }

    /// What holds where there is no finding.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Sbom => "every image has an SBOM, which can be read and is of this image",
            Self::SbomFields => "the SBOM says all that the policy requires",
            Self::LicenseDenied => "no package is under a licence that the policy denies",
            Self::LicenseUnlisted => "every package is under licences that the policy allows",
            Self::LicenseReview => "licences that the policy wants somebody to look at",
            Self::LicenseUnknown => "the licence of every package is known",
            Self::ForbiddenPackage => "no package is there that the policy forbids",
            Self::PrivilegedFile => "no file gives rights that no definition names",
            Self::Shell => "no shell is in an image that is not meant to have one",
            Self::RootUser => "images that are not to run as root do not",
            Self::LockAge => "the lock is not older than the policy allows",
            Self::StaleImage => "every image was built from the lock as it is",
            Self::EndOfLife => "the operating system and the packages are supported",
            Self::Blob => "every blob is what its digest says",
            Self::PackageNotInSbom => "every package of the image is in its SBOM",
            Self::PackageNotInImage => "every package of the SBOM is in the image",
            Self::UnownedFile => "every file belongs to a package or a generator of the SBOM",
            Self::AlteredFile => "every file is what the SBOM says",
            Self::SharedFile => "no file belongs to two packages, unless one replaces the other's",
            Self::Vulnerability => "no known vulnerability is open",
            Self::Waiver => "waivers are in force",
            Self::NotChecked => "checks that were not made",
        }
    }

    /// How grave its findings are, where neither the policy nor the finding itself says.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::LicenseReview | Self::StaleImage => Severity::Warning,
            Self::NotChecked => Severity::Note,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

impl Finding {
    #[must_use]
    pub fn new(rule: Rule, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: rule.severity(),
            rule,
            subject: subject.into(),
            aliases: Vec::new(),
            message: message.into(),
            unknown: false,
            evidence: None,
            help: None,
        }
    }

    /// What cannot be told, for want of data.
    #[must_use]
    pub fn unknown(rule: Rule, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { unknown: true, ..Self::new(rule, subject, message) }
    }

    #[must_use]
    pub fn seen_in(self, file: &str, place: impl Into<String>) -> Self {
        Self { evidence: Some(Evidence { file: file.to_owned(), place: place.into() }), ..self }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn rules_are_called_the_same_in_policies_and_in_reports() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        }
    }
}
