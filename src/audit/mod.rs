//! SBOMs, layers and a policy → findings.
//!
//! | module | what it holds |
//! |---|---|
//! | [`inventory`] | what an SBOM says that an image holds |
//! | [`subject`] | an image as it is looked at: its SBOM, its layers, its lock |
//! | [`policy`] | what an organisation asks of its images |
//! | [`standard`] | all that images are held against on a day: a policy, what is known of vulnerabilities |
//! | [`rules`] | what is checked |
//! | [`finding`] | what does not hold |
//!
//! What cannot be told for want of data is a finding too.

pub mod finding;
pub mod inventory;
pub mod policy;
pub mod rules;
pub mod standard;
pub mod subject;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rayon::prelude::*;
use serde::Serialize;

pub use finding::{Evidence, Finding, Rule, Severity};
pub use inventory::{Inventory, InventoryError};
pub use policy::{Policy, PolicyFile, Waiver};
pub use rules::completeness;
pub use standard::{Codenames, Knowledge, Scope, Standard};
pub use subject::Subject;

/// What came of an audit.
#[derive(Debug)]
pub struct Audit<'a> {
    pub standard: &'a Standard<'a>,
    /// In the order of their references.
    pub images: Vec<&'a Subject>,
    /// The gravest first, then by rule.
    pub rows: Vec<Row<'a>>,
}

/// A finding, and all images that it is of.
#[derive(Debug)]
pub struct Row<'a> {
    pub finding: Finding,
    /// Positions in [`Audit::images`]; none for what is said of the audit itself.
    pub images: Vec<usize>,
    pub waiver: Option<&'a Waiver>,
}

/// What is the same for all images of a row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    finding: Finding,
    waiver: Option<usize>,
}

struct Sightings {
    evidence: Option<Evidence>,
    images: Vec<usize>,
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
    pub waived: usize,
}

impl<'a> Audit<'a> {
    /// Holds images against a standard.
    #[must_use]
    pub fn new(subjects: &'a [Subject], standard: &'a Standard<'a>) -> Self {
        let (policy, today) = (standard.policy, standard.today);
        let mut images: Vec<_> = subjects.iter().collect();
        images.sort_by_key(|subject| subject.reference());
        let judged: Vec<_> = images.par_iter().map(|subject| rules::judge(subject, standard)).collect();
        let mut used = vec![false; policy.waivers.len()];
        let mut groups: BTreeMap<Group, Sightings> = BTreeMap::new();
        for (image, findings) in judged.into_iter().enumerate() {
            for mut finding in findings {
                let mut waivers = policy.waivers.iter();
                let covering = waivers.position(|waiver| waiver.covers(&finding, &images[image].name));
                covering.inspect(|&waiver| used[waiver] = true);
                let in_force = covering.filter(|&waiver| policy.waivers[waiver].expires >= today);
                // What differs from image to image is where a finding can be seen: the first is told.
                let evidence = finding.evidence.take();
                let group = groups.entry(Group { finding, waiver: in_force });
                group.or_insert(Sightings { evidence, images: Vec::new() }).images.push(image);
            }
        }
        let of_images = groups.into_iter().map(|(group, Sightings { evidence, images })| Row {
            finding: Finding { evidence, ..group.finding },
            images,
            waiver: group.waiver.map(|waiver| &policy.waivers[waiver]),
        });
        let of_audit = waivers(standard, &used).into_iter().chain(statements(standard));
        let of_audit = of_audit.chain(knowledge(standard)).chain(not_checked(subjects, standard));
        let of_audit = of_audit.filter_map(|finding| policy.weighed(finding));
        let of_audit = of_audit.map(|finding| Row { finding, images: Vec::new(), waiver: None });
        let mut rows: Vec<_> = of_images.chain(of_audit).collect();
        rows.sort_by(|a, b| (a.waiver.is_some(), &a.finding).cmp(&(b.waiver.is_some(), &b.finding)));
        Self { standard, images, rows }
    }

    /// How many findings there are, each counted once for all images.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.rows.iter().fold(Tally::default(), Tally::with)
    }

    /// How many there are of each image.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.images.len()];
        for row in &self.rows {
            row.images.iter().for_each(|&image| tallies[image] = tallies[image].with(row));
        }
        tallies
    }

    /// The rules that every image was held against and that hold in all.
    pub fn holding(&self) -> impl Iterator<Item = Rule> {
        let found = |rule: Rule| self.rows.iter().any(|row| row.finding.rule == rule);
        Rule::ALL.into_iter().filter(move |rule| self.is_checked(*rule) && !found(*rule))
    }

    /// Whether the policy applies a rule, and there were the data for it.
    fn is_checked(&self, rule: Rule) -> bool {
        let of_layers = || self.images.iter().all(|subject| subject.image.is_some());
        let of_lock = || self.images.iter().all(|subject| subject.lock.is_some());
        let policy = self.standard.policy;
        policy.applies(rule)
            && match rule {
                Rule::NotChecked => false,
                Rule::Vulnerability => self.standard.knowledge.is_some(),
                Rule::Waiver => !policy.waivers.is_empty(),
                Rule::EndOfLife => !policy.end_of_life.is_empty(),
                Rule::LockAge => policy.max_age_days.is_some() && of_lock(),
                Rule::StaleImage => of_layers() && of_lock(),
                Rule::PrivilegedFile
                | Rule::Shell
                | Rule::RootUser
                | Rule::Blob
                | Rule::PackageNotInSbom
                | Rule::PackageNotInImage
                | Rule::UnownedFile
                | Rule::AlteredFile
                | Rule::SharedFile => of_layers(),
                Rule::Sbom
                | Rule::SbomFields
                | Rule::LicenseDenied
                | Rule::LicenseUnlisted
                | Rule::LicenseReview
                | Rule::LicenseUnknown
                | Rule::ForbiddenPackage => true,
            }
    }

    /// Whether nothing was found that is worse than a note.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Tally { errors, warnings, .. } = self.tally();
        errors + warnings == 0
    }
}

impl Tally {
    fn with(mut self, row: &Row<'_>) -> Self {
        let number = match (row.waiver, row.finding.severity) {
            (Some(_), _) => &mut self.waived,
            (None, Severity::Error) => &mut self.errors,
            (None, Severity::Warning) => &mut self.warnings,
            (None, Severity::Note) => &mut self.notes,
        };
        *number += 1;
        self
    }
}

/// Waivers that no longer count, and those that are of no use.
fn waivers(standard: &Standard<'_>, used: &[bool]) -> Vec<Finding> {
    let Standard { policy, today, scope, .. } = *standard;
    let findings = policy.waivers.iter().zip(used).filter_map(|(waiver, used)| {
        let Waiver { rule, subject, expires, owner, line, .. } = waiver;
        let name = format!("{rule} {}", subject.as_str());
        let finding = if *expires < today {
            Finding::new(Rule::Waiver, name, format!("expired on {expires}: {owner} answers for it"))
                .help("renew it with its reason, or remove it")
        } else if !used && scope == Scope::Whole {
            let finding = Finding::new(Rule::Waiver, name, "waives nothing that was found");
            Finding { severity: Severity::Note, ..finding }.help("remove it")
        } else {
            return None;
        };
        Some(finding.seen_in(&policy.path, format!("line {line}")))
    });
    findings.collect()
}

/// Statements on vulnerabilities that no longer count.
fn statements(standard: &Standard<'_>) -> Vec<Finding> {
    let said = standard.knowledge.iter().flat_map(|knowledge| knowledge.statements);
    let expired = said.filter_map(|statement| {
        let expires = statement.expires.filter(|_| statement.is_expired(standard.today))?;
        let subject = format!("the statement on {statement}");
        let finding = Finding::new(Rule::Waiver, subject, format!("expired on {expires}"));
        let finding = finding.seen_in(&statement.file, format!("line {}", statement.line));
        Some(finding.help("say it again with a new date, or remove it"))
    });
    expired.collect()
}

/// Data of the tracker that are missing or too old for the policy.
fn knowledge(standard: &Standard<'_>) -> Option<Finding> {
    let Standard { policy, today, knowledge, .. } = standard;
    let Some(knowledge) = knowledge else {
        let message = "were not looked for, and the policy demands the data of a security tracker";
        let finding = Finding::unknown(Rule::Vulnerability, "vulnerabilities", message);
        let finding = finding.seen_in(&policy.path, "vulnerabilities").help("name the data by --tracker");
        return policy.vulnerabilities.demands_tracker().then_some(finding);
    };
    let allowed = policy.vulnerabilities.max_age_days?;
    let date = knowledge.date.to_zoned(TimeZone::UTC).date();
    let age = date.until(*today).map_or(0, |span| i64::from(span.get_days()));
    let message = format!("is {age} days old: it is of {date}, and {allowed} days are allowed");
    let finding = Finding::new(Rule::Vulnerability, &*knowledge.place, message);
    let finding = finding.seen_in(&policy.path, "vulnerabilities: max-age-days");
    (age > i64::from(allowed)).then(|| finding.help("fetch the tracker's data anew"))
}

/// What was not looked at.
fn not_checked(subjects: &[Subject], standard: &Standard<'_>) -> Vec<Finding> {
    let Standard { policy, knowledge, .. } = standard;
    let note = |subject: &str, message: &str| Finding::new(Rule::NotChecked, subject, message);
    let mut notes = Vec::new();
    if knowledge.is_none() && !policy.vulnerabilities.demands_tracker() {
        let message = "were not looked for: no data of a security tracker were given";
        notes.push(note("vulnerabilities", message));
    }
    if subjects.iter().any(|subject| subject.image.is_none()) {
        let message = "were not read: nothing is known of files, users and the completeness of SBOMs";
        notes.push(note("layers", message));
    }
    if policy.max_age_days.is_some() && subjects.iter().any(|subject| subject.lock.is_none()) {
        notes.push(note(
            "lock",
            "ages were not looked at: nobody knows the locks that these images were made from",
        ));
    }
    notes
}
