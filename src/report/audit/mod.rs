//! What came of an audit, for people and for programs: a table, JSON, SARIF, Markdown, a page.

pub mod html;
mod images;
pub mod markdown;
pub mod sarif;
pub mod table;

use distro::audit::{Audit, Evidence, Rule, Severity, Tally};
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
    /// The gravest first, then by rule; what is waived comes last.
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

#[derive(Serialize)]
pub struct ImageRow {
    /// `cc-debian13:debug`
    pub image: String,
    pub architecture: String,
    pub packages: Option<usize>,
    #[serde(flatten)]
    pub tally: Tally,
}

/// Findings of one rule, as grave as each other.
pub struct Section<'a> {
    pub rule: Rule,
    pub severity: Severity,
    pub findings: &'a [Told],
}

/// A finding of any number of images.
#[derive(Serialize)]
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

#[derive(Serialize)]
pub struct Waived {
    pub reason: String,
    pub owner: String,
    pub expires: String,
}

impl Report {
    pub fn of(audit: &Audit<'_>) -> Self {
        let names = Names::of(&audit.images);
        let findings = audit
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
            tally,
        });
        Self {
            policy: audit.standard.policy.path.clone(),
            tracker: audit.standard.knowledge.as_ref().map(|knowledge| TrackerTold {
                place: knowledge.place.clone(),
                date: knowledge.date.to_string(),
            }),
            date: audit.standard.today.to_string(),
            clean: audit.is_clean(),
            tally: audit.tally(),
            images: images.collect(),
            holding: audit.holding().collect(),
            findings,
        }
    }

    /// What is waived, which stays visible.
    pub fn waived(&self) -> impl Iterator<Item = &Told> {
        self.findings.iter().filter(|finding| finding.waived.is_some())
    }

    /// What is not waived: a section for each rule that something was found for, and how grave that is; the gravest
    /// first.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        let kind = |finding: &Told| (finding.waived.is_some(), finding.rule, finding.severity);
        let kinds = self.findings.chunk_by(move |a, b| kind(a) == kind(b));
        let open = kinds.filter(|findings| findings[0].waived.is_none());
        open.map(|findings| Section { rule: findings[0].rule, severity: findings[0].severity, findings })
    }

    /// `2 errors, 1 warning, 0 notes, 0 waived`
    pub fn counted(&self) -> String {
        let Tally { errors, warnings, notes, waived } = self.tally;
        let [errors, warnings, notes] = [(errors, "error"), (warnings, "warning"), (notes, "note")]
            .map(|(number, noun)| super::count(number, noun));
        format!("{errors}, {warnings}, {notes}, {waived} waived")
    }
}

pub fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}
