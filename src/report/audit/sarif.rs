//! An audit as [SARIF 2.1.0], which the code scanning of forges reads.
//!
//! [SARIF 2.1.0]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html

use std::fmt::Write as _;

use distro::audit::{Rule, Severity};
use distro::digest::Sha256;
use serde_json::{Value, json};

use super::{Report, Told};

pub fn text(report: &Report) -> serde_json::Result<String> {
    let rules: Vec<Value> = Rule::ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id(),
                "shortDescription": { "text": rule.title() },
                "defaultConfiguration": { "level": level(rule.severity()) },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    serde_json::to_string_pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "distro", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
            "columnKind": "unicodeCodePoints",
        }],
    }))
}

fn result(finding: &Told) -> Value {
    let mut message = format!("{} {}", finding.subject, finding.message);
    if !finding.told_images.is_empty() {
        let _ = write!(message, " (in {})", finding.told_images);
    }
    let index = Rule::ALL.iter().position(|rule| *rule == finding.rule);
    // The same finding keeps its fingerprint while images come and go.
    let identity = format!("{}\n{}\n{}", finding.rule, finding.subject, finding.message);
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": message },
        "partialFingerprints": { "finding/v1": Sha256::of(identity.as_bytes()).to_string() },
        "properties": { "images": finding.images, "unknown": finding.unknown },
    });
    if let Some(evidence) = &finding.evidence {
        result["locations"] = json!([{
            "physicalLocation": { "artifactLocation": { "uri": uri(&evidence.file) } },
            "logicalLocations": [{ "fullyQualifiedName": evidence.place }],
        }]);
    }
    if let Some(waived) = &finding.waived {
        let justification = format!("{} ({}, until {})", waived.reason, waived.owner, waived.expires);
        result["suppressions"] =
            json!([{ "kind": "external", "status": "accepted", "justification": justification }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a URI reference; what is a URL stays so.
fn uri(path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_uri_reference() {
        assert_eq!(uri("out/my images/cc:1"), "out/my%20images/cc%3A1");
        assert_eq!(uri("https://example.org/data"), "https://example.org/data");
    }
}
