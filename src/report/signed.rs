//! What was signed.

use serde_json::json;

use distro::effects::signing::SignedImage;

use super::table::table;
use super::{count, say};
use crate::cli::Format;

pub fn report(format: Format, signed: &[SignedImage]) -> anyhow::Result<()> {
    let images: Vec<_> = signed.iter().filter(|image| image.changed).collect();
    match format {
        Format::Table => {
            let rows = images.iter().map(|image| {
                let SignedImage { name, digest, attested, .. } = image;
                let short = |of: &String| of.trim_start_matches("https://").to_owned();
                [name.clone(), digest.short(), attested.iter().map(short).collect::<Vec<_>>().join(", ")]
            });
            if !images.is_empty() {
                anstream::print!("{}", table(["IMAGE", "DIGEST", "ATTESTED"], &[], rows));
            }
        }
        Format::Json => {
            let images: Vec<_> = signed
                .iter()
                .map(|SignedImage { name, digest, attested, changed }| {
                    json!({ "image": name, "digest": digest.oci(), "attested": attested, "changed": changed })
                })
                .collect();
            anstream::println!("{}", serde_json::to_string_pretty(&images)?);
        }
    }
    tell(signed);
    Ok(())
}

/// How many were signed.
pub fn tell(signed: &[SignedImage]) {
    let changed = signed.iter().filter(|image| image.changed).count();
    let kept = signed.len() - changed;
    let kept = if kept == 0 { String::new() } else { format!("; {kept} were signed by the key") };
    say("Signed", &format!("{}{kept}", count(changed, "manifest")));
}
