//! Vulnerabilities that packages have: what the organization says of its own images, and else the security tracker.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use crate::advisory::{Advisory, Code, Urgency};
use crate::audit::finding::{Finding, Rule, Severity};
use crate::audit::inventory::{BinaryPackage, Element, Inventory};
use crate::audit::policy::{State, VulnerabilityPolicy};
use crate::audit::standard::{Knowledge, Standard};
use crate::audit::subject::Subject;
use crate::catalog::{Statement, Verdict};
use crate::debian::{PackageName, Source};

/// Characters of a description that are told at most.
const TOLD: usize = 100;

pub(super) fn findings(
    subject: &Subject,
    inventory: &Inventory,
    standard: &Standard<'_>,
    knowledge: &Knowledge<'_>,
) -> Vec<Finding> {
    let said = statements(subject, standard, knowledge);
    let policy = &standard.policy.vulnerabilities;
    let mut findings = of_organization(inventory, &said, policy);
    findings.extend(not_tracked(subject, inventory));
    let packages: Vec<_> = inventory.packages.iter().filter(|package| package.element.is_debians()).collect();
    match knowledge.codenames.of(inventory) {
        _ if packages.is_empty() => {}
        Some(codename) => findings.extend(of_tracker(&packages, codename, &said, policy, knowledge)),
        None => {
            let Element { id, name, version, .. } = &inventory.system;
            let system = format!("{name} {}", version.as_deref().unwrap_or_default());
            let message = "is no release of which the security tracker could be asked";
            findings
                .push(Finding::unknown(Rule::Vulnerability, system, message).seen_in(&subject.sbom_file, id));
        }
    }
    findings
}

/// What the organization says of this image and still counts, the latest last.
fn statements<'a>(
    subject: &Subject,
    standard: &Standard<'_>,
    knowledge: &Knowledge<'a>,
) -> Vec<&'a Statement> {
    let Some(image) = &subject.own else { return Vec::new() };
    let said = knowledge.statements.iter();
    let mut said: Vec<_> = said
        .filter(|statement| statement.is_about_image(image) && !statement.is_expired(standard.today))
        .collect();
    said.sort_by_key(|statement| statement.date);
    said
}

/// Vulnerabilities that the organization says are open.
fn of_organization(inventory: &Inventory, said: &[&Statement], policy: &VulnerabilityPolicy) -> Vec<Finding> {
    let of_packages = inventory.packages.iter().flat_map(|package| {
        let about = said.iter().filter(|statement| is_about(statement, package));
        about.map(|statement| (&package.element, *statement))
    });
    let of_upstream = inventory.upstream.iter().flat_map(|element| {
        let about = said.iter().filter(|statement| statement.is_about_software(&element.name));
        about.map(move |statement| (element, *statement))
    });
    // Of two about one vulnerability the later counts.
    let latest: BTreeMap<_, _> = of_packages
        .chain(of_upstream)
        .map(|(element, statement)| ((&statement.vulnerability, &element.id), (element, statement)))
        .collect();
    latest.into_values().filter_map(|(element, statement)| told(element, statement, policy)).collect()
}

fn told(element: &Element, statement: &Statement, policy: &VulnerabilityPolicy) -> Option<Finding> {
    let (state, verdict, action) = match &statement.verdict {
        Verdict::Fixed | Verdict::NotAffected { .. } => return None,
        Verdict::UnderInvestigation => (State::Undetermined, "under investigation", None),
        Verdict::Affected { action } => (State::NoFixYet, "affected", Some(action.clone())),
    };
    let severity = policy.level(state, Urgency::NotYetAssigned).severity()?;
    let by = statement.author.as_deref().unwrap_or("the catalog");
    let version = element.version.as_deref().unwrap_or_default();
    let message = format!("in {} {version}: {verdict}, {by} says", element.name);
    let finding = Finding::new(Rule::Vulnerability, statement.vulnerability.to_string(), message);
    let finding = finding.seen_in(&statement.file, format!("line {}", statement.line));
    Some(Finding {
        severity,
        unknown: state == State::Undetermined,
        aliases: vec![element.name.clone()],
        help: action,
        ..finding
    })
}

fn is_about(statement: &Statement, package: &BinaryPackage) -> bool {
    statement.is_about_package(&package.name, &package.source.name)
}

/// What the tracker does not speak of.
fn not_tracked(subject: &Subject, inventory: &Inventory) -> Vec<Finding> {
    let others = inventory.distributed().filter(|element| !element.is_debians());
    let notes = others.map(|element| {
        let message = "is not Debian's: its vulnerabilities are not in the security tracker";
        Finding::new(Rule::NotChecked, &*element.name, message).seen_in(&subject.sbom_file, &element.id)
    });
    notes.collect()
}

/// Code that may have a vulnerability: of a source package, and of which binary package it was built into besides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Origin<'a> {
    source: &'a Source,
    built_into: Option<&'a PackageName>,
}

/// Vulnerabilities that the tracker says are open, once for all binary packages of a source package.
fn of_tracker(
    packages: &[&BinaryPackage],
    codename: &str,
    said: &[&Statement],
    policy: &VulnerabilityPolicy,
    knowledge: &Knowledge<'_>,
) -> Vec<Finding> {
    let mut findings = BTreeMap::new();
    for package in packages {
        let about = said.iter().filter(|statement| is_about(statement, package));
        let answered: BTreeSet<_> = about.map(|statement| &statement.vulnerability).collect();
        let built_in =
            package.built_using.iter().map(|source| Origin { source, built_into: Some(&package.name) });
        let origins = iter::once(Origin { source: &package.source, built_into: None }).chain(built_in);
        for origin in origins {
            let Source { name: source, version } = origin.source;
            let code = Code { source, version, built_in: origin.built_into.is_some() };
            for advisory in knowledge.tracker.judge(codename, code) {
                let Some(state) = State::of(&advisory.judgement) else { continue };
                let urgency = advisory.urgency().unwrap_or(Urgency::NotYetAssigned);
                let level = policy.level(state, urgency).severity();
                if let Some(severity) = level.filter(|_| !answered.contains(advisory.id)) {
                    let finding = || open(&advisory, origin, state, severity, &knowledge.place);
                    findings.entry((advisory.id, origin)).or_insert_with(finding);
                }
            }
        }
    }
    findings.into_values().collect()
}

fn open(
    advisory: &Advisory<'_>,
    origin: Origin<'_>,
    state: State,
    severity: Severity,
    place: &str,
) -> Finding {
    let Source { name: source, version } = origin.source;
    let into = origin.built_into.map(|package| format!(", built into {package}")).unwrap_or_default();
    let urgency = advisory.urgency().map(|urgency| format!(", urgency {urgency}")).unwrap_or_default();
    let scope = advisory.issue.scope.as_ref().map(|scope| format!(", {scope}")).unwrap_or_default();
    let description = advisory.issue.description.as_deref().map(shortened).unwrap_or_default();
    let message = format!("in {source} {version}{into}: {}{urgency}{scope}{description}", advisory.judgement);
    let url = advisory.url();
    let help = match state {
        State::FixedByRenewing => format!("`distro lock src:{source}` renews it; see {url}"),
        State::FixedByRebuilding => format!("it takes a new version of the package; see {url}"),
        _ => format!("see {url}"),
    };
    let packages = origin.built_into.map(ToString::to_string);
    let finding = Finding::new(Rule::Vulnerability, advisory.id.to_string(), message);
    Finding {
        severity,
        unknown: state == State::Undetermined,
        aliases: iter::once(source.to_string()).chain(packages).collect(),
        ..finding.seen_in(place, advisory.to_string()).help(help)
    }
}

/// The first words of a description, in parentheses.
fn shortened(description: &str) -> String {
    let mut text = String::new();
    for word in description.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if text.chars().count() + word.chars().count() >= TOLD {
            return format!(" ({text}…)");
        }
        if !text.is_empty() && !word.is_empty() {
            text.push(' ');
        }
        text += word;
    }
    if text.is_empty() { text } else { format!(" ({text})") }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_description_is_told_in_its_first_words() {
        assert_eq!(shortened("Heap  over-read\u{1b}[2J"), " (Heap over-read [2J)");
        assert_eq!(shortened(" "), "");
        let long = shortened(&"word ".repeat(40));
        assert!(long.ends_with("word…)") && long.chars().count() < 106, "{long}");
        assert_eq!(shortened(&"x".repeat(200)), " (…)");
    }
}
