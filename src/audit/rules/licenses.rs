//! Licenses of packages and tarballs, held against the policy's lists.

use spdx::Expression;

use crate::audit::finding::{Finding, Rule};
use crate::audit::inventory::{Element, Inventory};
use crate::audit::policy::{Policy, Verdict};
use crate::audit::subject::Subject;

pub(super) fn findings(subject: &Subject, inventory: &Inventory, policy: &Policy) -> Vec<Finding> {
    inventory.distributed().filter_map(|element| finding(subject, element, policy)).collect()
}

/// What is to be said of the concluded license; of the declared one, where nobody has concluded.
fn finding(subject: &Subject, element: &Element, policy: &Policy) -> Option<Finding> {
    let concluded = element.license_concluded.as_deref().map(|text| (text, "licenseConcluded"));
    let declared = element.license_declared.as_deref().map(|text| (text, "licenseDeclared"));
    let seen = |finding: Finding, field: &str| {
        finding.seen_in(&subject.sbom_file, format!("{}: {field}", element.id))
    };
    let Some((text, field)) = concluded.or(declared) else {
        let finding = Finding::unknown(Rule::LicenseUnknown, &element.name, "has no licence in the SBOM");
        return Some(seen(finding, "licenseConcluded"));
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            let message = format!("is under `{text}`, which is no SPDX expression: {}", error.reason);
            return Some(seen(Finding::unknown(Rule::LicenseUnknown, &element.name, message), field));
        }
    };
    let of = |licenses: &[String]| licenses.join(", ");
    let (rule, message) = match policy.licenses.judge(&expression, &element.name, &subject.name) {
        Verdict::Allowed => return None,
        Verdict::Review(licenses) => {
            (Rule::LicenseReview, format!("is under {}, which somebody has to look at", of(&licenses)))
        }
        Verdict::Unlisted(licenses) => {
            (Rule::LicenseUnlisted, format!("is under {}, which the policy does not name", of(&licenses)))
        }
        Verdict::Denied(licenses) => {
            (Rule::LicenseDenied, format!("is under {}, which the policy denies", of(&licenses)))
        }
    };
    let mut finding = Finding::new(rule, &element.name, message);
    finding.aliases.extend(expression.requirements().map(|license| license.req.to_string()));
    finding.help = element.license_comment.clone();
    Some(seen(finding, &format!("{field}: {text}")))
}
