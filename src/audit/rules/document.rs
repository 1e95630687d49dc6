//! What an SBOM has to say, and which packages it must not name.

use crate::audit::finding::{Finding, Rule};
use crate::audit::inventory::{Element, Inventory};
use crate::audit::policy::{Field, ImagePattern, Policy};
use crate::audit::subject::Subject;

/// That other SBOMs of the image may say otherwise.
pub(super) fn others(subject: &Subject) -> Option<Finding> {
    let message =
        format!("has {} SBOMs of the same format, and one of them was looked at", subject.other_sboms + 1);
    let finding = Finding::new(Rule::NotChecked, &*subject.name, message)
        .seen_in(&subject.sbom_file, "the one that was looked at")
        .help("`distro verify` tells which of them a rebuild gives");
    (subject.other_sboms > 0).then_some(finding)
}

/// Fields that the policy requires and that the SBOM leaves out.
pub(super) fn fields(subject: &Subject, inventory: &Inventory, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &field in &policy.required {
        let lacking: Vec<(&str, &str)> = match of_document(field, inventory) {
            Some(true) => continue,
            Some(false) => vec![("SPDXRef-DOCUMENT", "the document")],
            None => elements(field, inventory)
                .filter(|element| !says(field, element))
                .map(|element| (element.id.as_str(), element.name.as_str()))
                .collect(),
        };
        let (name, what) = (field_name(field), told(field));
        findings.extend(lacking.into_iter().map(|(id, element)| {
            let mut finding = Finding::new(Rule::SbomFields, element, format!("has no {what} in the SBOM"));
            finding.aliases.push(name.clone());
            finding.seen_in(&subject.sbom_file, id)
        }));
    }
    findings
}

/// `license-concluded`, as policies write it.
fn field_name(field: Field) -> String {
    let name = serde_json::to_value(field).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn told(field: Field) -> &'static str {
    match field {
        Field::Author => "author",
        Field::Tool => "tool with a version",
        Field::Timestamp => "timestamp",
        Field::Context => "generation context",
        Field::Version => "version",
        Field::Supplier => "supplier",
        Field::Purl => "package URL",
        Field::Checksum | Field::SourceChecksum => "SHA-256",
        Field::LicenseDeclared => "declared licence",
        Field::LicenseConcluded => "concluded licence",
        Field::Copyright => "copyright text",
        Field::VerificationCode => "verification code",
    }
}

/// Whether the document says something of itself; `None` for what is said of packages.
fn of_document(field: Field, inventory: &Inventory) -> Option<bool> {
    let document = &inventory.document;
    let made_by = |kind: &str| document.creators.iter().find_map(|creator| creator.strip_prefix(kind));
    match field {
        Field::Author => Some(made_by("Organization: ").or_else(|| made_by("Person: ")).is_some()),
        Field::Tool => Some(made_by("Tool: ").is_some_and(|tool| tool.contains('-'))),
        Field::Timestamp => Some(document.created.parse::<jiff::Timestamp>().is_ok()),
        Field::Context => Some(document.comment.as_ref().is_some_and(|text| text.contains("SBOM Type: "))),
        _ => None,
    }
}

/// The elements that have to say something: packages and tarballs, or the packages' sources. What is generated
/// has no supplier, purl or license of its own.
fn elements(field: Field, inventory: &Inventory) -> Box<dyn Iterator<Item = &Element> + '_> {
    match field {
        Field::SourceChecksum => Box::new(inventory.sources.iter().map(|source| &source.element)),
        Field::VerificationCode => Box::new(inventory.packages.iter().map(|package| &package.element)),
        _ => Box::new(inventory.distributed()),
    }
}

fn says(field: Field, element: &Element) -> bool {
    match field {
        Field::Version => element.version.is_some(),
        Field::Supplier => element.supplier.is_some(),
        Field::Purl => element.purl.is_some(),
        Field::Checksum | Field::SourceChecksum => element.checksums.contains_key("SHA256"),
        Field::LicenseDeclared => element.license_declared.is_some(),
        Field::LicenseConcluded => element.license_concluded.is_some(),
        Field::Copyright => element.copyright.is_some(),
        Field::VerificationCode => element.verification_code.is_some(),
        Field::Author | Field::Tool | Field::Timestamp | Field::Context => true,
    }
}

/// Packages that the policy forbids.
pub(super) fn forbidden(subject: &Subject, inventory: &Inventory, policy: &Policy) -> Vec<Finding> {
    let is_for = |patterns: &[ImagePattern]| patterns.iter().any(|pattern| pattern.admits(&subject.name));
    let rules = policy.forbidden.iter().filter(|rule| is_for(&rule.images) && !is_for(&rule.except));
    let found = rules.flat_map(|rule| {
        let elements = inventory.distributed();
        let named =
            elements.filter(|element| rule.packages.iter().any(|pattern| pattern.admits(&element.name)));
        named.map(|element| {
            let message = format!("must not be there: {}", rule.reason);
            Finding::new(Rule::ForbiddenPackage, &element.name, message)
                .seen_in(&subject.sbom_file, &element.id)
                .help("`distro why` tells which definition asks for it")
        })
    });
    found.collect()
}
