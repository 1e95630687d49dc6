//! What is checked, a file for each kind of evidence: the SBOM, the packages' support, the image's layers,
//! what is known of vulnerabilities.

mod contents;
mod document;
mod image;
mod licenses;
mod support;
mod vulnerabilities;

use super::finding::{Finding, Rule};
use super::standard::Standard;
use super::subject::Subject;

/// Whether an image and its SBOM are the same to the last file, whatever a policy has of it.
#[must_use]
pub fn completeness(subject: &Subject) -> Vec<Finding> {
    match (&subject.image, &subject.sbom) {
        (Some(Ok(image)), Ok(inventory)) => contents::findings(subject, image, inventory),
        (Some(Err(why)), _) => vec![Finding::unknown(Rule::Blob, &*subject.name, &**why)],
        (_, Err(why)) => vec![Finding::unknown(Rule::Sbom, &*subject.name, &**why)],
        (None, Ok(_)) => Vec::new(),
    }
}

/// All that does not hold in one image, as grave as the policy has it.
#[must_use]
pub fn judge(subject: &Subject, standard: &Standard<'_>) -> Vec<Finding> {
    let Standard { policy, today, ref knowledge, .. } = *standard;
    let mut findings = support::lock(subject, policy, today);
    match &subject.sbom {
        Ok(inventory) => {
            findings.extend(document::others(subject));
            findings.extend(document::fields(subject, inventory, policy));
            findings.extend(licenses::findings(subject, inventory, policy));
            findings.extend(document::forbidden(subject, inventory, policy));
            findings.extend(support::end_of_life(subject, inventory, policy, today));
            if let Some(knowledge) = knowledge {
                findings.extend(vulnerabilities::findings(subject, inventory, standard, knowledge));
            }
        }
        Err(why) => findings.push(Finding::unknown(Rule::Sbom, &*subject.name, &**why)),
    }
    match &subject.image {
        Some(Ok(image)) => {
            findings.extend(image::findings(subject, image, policy));
            if let Ok(inventory) = &subject.sbom {
                findings.extend(contents::findings(subject, image, inventory));
            }
        }
        Some(Err(why)) => findings.push(Finding::unknown(Rule::Blob, &*subject.name, &**why)),
        None => {}
    }
    findings.into_iter().filter_map(|finding| policy.weighed(finding)).collect()
}
