//! What came of a verification: a table with what does not hold below it, or JSON.

use std::fmt::Write as _;

use serde_json::json;

use distro::verification::{Cause, Check, State, Verified};

use super::table::table;
use super::{count, say};
use crate::cli::Format;

pub fn report(format: Format, verified: &[Verified]) -> anyhow::Result<()> {
    match format {
        Format::Table => anstream::print!("{}", text(verified)),
        Format::Json => {
            let images: Vec<_> = verified.iter().map(image).collect();
            anstream::println!("{}", serde_json::to_string_pretty(&images)?);
        }
    }
    let holding = verified.iter().filter(|verified| verified.holds()).count();
    say("Verified", &format!("{holding} of {}", count(verified.len(), "manifest")));
    Ok(())
}

fn text(verified: &[Verified]) -> String {
    let cell = |verified: &Verified, check| match verified.state(check) {
        State::Holds => "holds".to_owned(),
        State::Fails => "FAILS".to_owned(),
        State::NotChecked => "-".to_owned(),
    };
    let rows = verified.iter().map(|image| {
        let [signature, provenance, rebuild, sbom] = Check::ALL.map(|check| cell(image, check));
        [image.name.clone(), image.digest.short(), signature, provenance, rebuild, sbom]
    });
    let mut text = table(["IMAGE", "DIGEST", "SIGNATURE", "PROVENANCE", "REBUILD", "SBOM"], &[], rows);
    for Verified { name, findings, causes, .. } in verified.iter().filter(|image| !image.findings.is_empty())
    {
        let _ = writeln!(text, "\n{name}");
        for finding in findings {
            let _ = writeln!(text, "  {finding}");
        }
        for cause in causes {
            let _ = writeln!(text, "  likely cause: {cause}");
        }
    }
    text
}

fn image(verified: &Verified) -> serde_json::Value {
    let Verified { name, digest, findings, causes, .. } = verified;
    let states = Check::ALL
        .map(|check| (json!(check).as_str().unwrap_or_default().to_owned(), json!(verified.state(check))));
    json!({
        "image": name,
        "digest": digest.oci(),
        "holds": verified.holds(),
        "checks": serde_json::Map::from_iter(states),
        "findings": findings,
        "causes": causes.iter().map(Cause::to_string).collect::<Vec<_>>(),
    })
}
