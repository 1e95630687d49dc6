//! What the organization says of vulnerabilities: `[[vex]]`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use toml::Spanned;

use super::file::VexTable;
use super::name::ImageName;
use super::{Image, all_parsed};
use crate::advisory::{Justification, Status, VulnerabilityId};
use crate::debian::{PackageName, Subject};
use crate::diagnostic::{Diagnostic, Location, Source};

/// A statement about a vulnerability in packages of images.
#[derive(Debug, Clone)]
pub struct Statement {
    pub vulnerability: VulnerabilityId,
    /// One at least.
    packages: Vec<Subject>,
    /// None for all.
    images: Option<Vec<String>>,
    pub verdict: Verdict,
    /// Where it is not the organization.
    pub author: Option<String>,
    pub date: Date,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// The file that says it, and the line there, from 1.
    pub file: String,
    pub line: usize,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// With a justification, or the impact in words, or both.
    NotAffected {
        justification: Option<Justification>,
        impact: Option<String>,
    },
    Fixed,
    UnderInvestigation,
    Affected {
        action: String,
    },
}

impl Statement {
    pub(super) fn read(
        source: &Arc<Source>,
        table: &VexTable,
        images: Option<&BTreeMap<ImageName, Image>>,
    ) -> Result<Self, Diagnostic> {
        let id = table.vulnerability.get_ref();
        if id.is_empty() || !id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
            let at = Location::of(source, &table.vulnerability);
            return Err(at.error(format!("`{id}` is no vulnerability"), "").help("as in CVE-2025-9230"));
        }
        if table.packages.get_ref().is_empty() {
            return Err(
                Location::of(source, &table.packages).error("the packages are missing", "says nothing")
            );
        }
        for name in table.images.iter().flatten() {
            let is_meant = |images: &BTreeMap<ImageName, Image>| {
                images.keys().any(|image| image.is_meant_by(name.get_ref()))
            };
            if let Some(images) = images.filter(|images| !is_meant(images)) {
                let known: Vec<_> = images.keys().map(ImageName::repository).collect();
                let known = known.iter().map(String::as_str);
                return Err(Location::of(source, name).unknown("image", name.get_ref(), known));
            }
        }
        let date = date(source, &table.date)?;
        let expires = table.expires.as_ref().map(|day| self::date(source, day)).transpose()?;
        if let (Some(day), Some(expires)) = (&table.expires, expires)
            && expires < date
        {
            return Err(Location::of(source, day).error("the statement expires before its date", ""));
        }
        Ok(Self {
            vulnerability: id.as_str().into(),
            packages: all_parsed(source, table.packages.get_ref())?,
            images: table
                .images
                .as_ref()
                .map(|names| names.iter().map(|name| name.get_ref().clone()).collect()),
            verdict: verdict(source, table)?,
            author: table.author.clone(),
            date,
            expires,
            file: source.path.clone(),
            line: source.line(table.vulnerability.span().start),
        })
    }

    #[must_use]
    pub fn is_about_image(&self, image: &ImageName) -> bool {
        self.images.as_ref().is_none_or(|names| names.iter().any(|name| image.is_meant_by(name)))
    }

    #[must_use]
    pub fn is_about_package(&self, name: &PackageName, source: &PackageName) -> bool {
        self.packages.iter().any(|subject| subject.is_about(name, source))
    }

    /// Whether it is about the software of an upstream tarball.
    #[must_use]
    pub fn is_about_software(&self, software: &str) -> bool {
        self.packages
            .iter()
            .any(|subject| matches!(subject, Subject::Binary(name) if name.as_str() == software))
    }

    /// Whether it no longer counts.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|expires| expires < today)
    }
}

/// `CVE-2025-9230 in libssl3t64, src:zlib`
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages: Vec<_> = self.packages.iter().map(ToString::to_string).collect();
        write!(f, "{} in {}", self.vulnerability, packages.join(", "))
    }
}

fn verdict(source: &Arc<Source>, table: &VexTable) -> Result<Verdict, Diagnostic> {
    let status = *table.status.get_ref();
    let at = |what: &Spanned<String>| Location::of(source, what);
    let misplaced = |at: Location, key: &str, status: &str| {
        Err(at.error(format!("`{key}` stands with the status `{status}` only"), ""))
    };
    if status != Status::NotAffected {
        if let Some(justification) = &table.justification {
            return misplaced(Location::of(source, justification), "justification", "not_affected");
        }
        if let Some(impact) = &table.impact {
            return misplaced(at(impact), "impact", "not_affected");
        }
    }
    if status != Status::Affected
        && let Some(action) = &table.action
    {
        return misplaced(at(action), "action", "affected");
    }
    let missing = |keys: &str, help: &str| {
        let at = Location::of(source, &table.status);
        Err(at.error(format!("the key {keys} is missing"), "asks for it").help(help))
    };
    let text = |text: &Option<Spanned<String>>| {
        text.as_ref().map(|text| text.get_ref().trim().to_owned()).filter(|text| !text.is_empty())
    };
    let justification = table.justification.as_ref().map(|justification| *justification.get_ref());
    match (status, text(&table.impact), text(&table.action)) {
        (Status::NotAffected, None, _) if justification.is_none() => missing(
            "`justification`",
            "say why the images are not affected, as `justification`, or as `impact` in words",
        ),
        (Status::NotAffected, impact, _) => Ok(Verdict::NotAffected { justification, impact }),
        (Status::Affected, _, None) => missing("`action`", "say what users of the images should do"),
        (Status::Affected, _, Some(action)) => Ok(Verdict::Affected { action }),
        (Status::Fixed, ..) => Ok(Verdict::Fixed),
        (Status::UnderInvestigation, ..) => Ok(Verdict::UnderInvestigation),
    }
}

fn date(source: &Arc<Source>, date: &Spanned<toml::value::Datetime>) -> Result<Date, Diagnostic> {
    let day = date.get_ref().to_string().parse();
    day.map_err(|_| Location::of(source, date).error("this is no day", "").help("as in 2026-11-01"))
}
