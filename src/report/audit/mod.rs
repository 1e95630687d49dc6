//! What came of an audit, for people and for programs: a table, JSON, SARIF, Markdown, a page.

pub mod html;
mod images;
pub mod markdown;
pub mod sarif;
pub mod table;

use std::fmt;

use distro::audit::{Audit, Evidence, Rule, Severity};
use serde::Serialize;

use images::Names;

/// An audit as all formats tell it.
#[derive(Serialize)]
pub struct Report {
    pub policy: String,
    pub date: String,
    /// Where vulnerabilities were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracker: Option<TrackerTold>,
    pub clean: bool,
    pub tally: Tally,
    pub images: Vec<ImageRow>,
    /// A section for each rule that something was found for, and how grave that is; the gravest first.
    #[serde(skip)]
    pub sections: Vec<Section>,
    pub findings: Vec<Told>,
    /// Rules that hold in all images.
    #[serde(skip)]
    pub holding: Vec<Rule>,
}

#[derive(Serialize)]
pub struct TrackerTold {
    pub place: String,
    /// Of when its data are.
    pub date: String,
}

/// How many findings there are; in JSON, by their severity.
#[derive(Clone, Copy, Serialize)]
pub struct Tally {
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
    pub waived: usize,
}

#[derive(Serialize)]
pub struct ImageRow {
    /// `cc-debian13:debug`
    pub image: String,
    pub architecture: String,
    pub packages: Option<usize>,
    #[serde(flatten)]
    pub tally: Tally,
}

#[derive(Serialize)]
pub struct Section {
    pub rule: Rule,
    pub title: &'static str,
    pub severity: Severity,
    pub findings: Vec<Told>,
}

/// A finding of any number of images.
#[derive(Clone, Serialize)]
pub struct Told {
    pub rule: Rule,
    pub severity: Severity,
    pub subject: String,
    pub message: String,
    /// Data are missing by which it could be told.
    pub unknown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// References, as in `cc-debian13:debug-amd64`.
    pub images: Vec<String>,
    /// The same in few words.
    #[serde(skip)]
    pub told_images: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
}

#[derive(Clone, Serialize)]
pub struct Waived {
    pub reason: String,
    pub owner: String,
    pub expires: String,
}

impl Report {
    pub fn of(audit: &Audit<'_>) -> Self {
        let names = Names::of(&audit.images);
        let findings: Vec<Told> = audit
            .rows
            .iter()
            .map(|row| {
                let finding = row.finding.clone();
                Told {
                    rule: finding.rule,
                    severity: finding.severity,
                    subject: finding.subject,
                    message: finding.message,
                    unknown: finding.unknown,
                    evidence: finding.evidence,
                    help: finding.help,
                    images: row.images.iter().map(|&image| audit.images[image].reference()).collect(),
                    told_images: names.told(&row.images),
                    waived: row.waiver.map(|waiver| Waived {
                        reason: waiver.reason.clone(),
                        owner: waiver.owner.clone(),
                        expires: waiver.expires.to_string(),
                    }),
                }
            })
            .collect();
        let images = audit.images.iter().zip(audit.tallies()).map(|(subject, tally)| ImageRow {
            image: subject.name.clone(),
            architecture: subject.architecture.clone(),
            packages: subject.sbom.as_ref().ok().map(|inventory| inventory.packages.len()),
            tally: tally.into(),
        });
        Self {
            policy: audit.standard.policy.path.clone(),
            tracker: audit.standard.knowledge.as_ref().map(|knowledge| TrackerTold {
                place: knowledge.place.clone(),
                date: knowledge.date.to_string(),
            }),
            date: audit.standard.today.to_string(),
            clean: audit.is_clean(),
            tally: audit.tally().into(),
            images: images.collect(),
            holding: audit.holding().collect(),
            sections: sections(&findings),
            findings,
        }
    }

    /// What is waived, which stays visible.
    pub fn waived(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|finding| finding.waived.is_some())
    }
}

fn sections(findings: &[Told]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.waived.is_none()) {
        let is_of =
            |section: &&mut Section| (section.rule, section.severity) == (finding.rule, finding.severity);
        match sections.iter_mut().find(is_of) {
            Some(section) => section.findings.push(finding.clone()),
            None => sections.push(Section {
                rule: finding.rule,
                title: finding.rule.title(),
                severity: finding.severity,
                findings: vec![finding.clone()],
            }),
        }
    }
    sections
}

pub fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

impl From<distro::audit::Tally> for Tally {
    fn from(tally: distro::audit::Tally) -> Self {
        let distro::audit::Tally { errors, warnings, notes, waived } = tally;
        Self { errors, warnings, notes, waived }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { errors, warnings, notes, waived } = *self;
        let counted = |number, noun| super::count(number, noun);
        write!(f, "{}, {}, ", counted(errors, "error"), counted(warnings, "warning"))?;
        write!(f, "{}, {waived} waived", counted(notes, "note"))
    }
}
