//! What was pushed: a table, or JSON.

use std::collections::BTreeSet;

use serde::Serialize;

use distro::effects::push::{Consignment, Delivered};
use distro::image::reference::Destination;

use super::size::Size;
use super::{count, say, table, warn};
use crate::cli::{Format, PushArgs};

/// An image, over its architectures.
#[derive(Debug, Serialize)]
struct Row {
    image: String,
    repository: String,
    digest: String,
    /// All tags that it has now, or would have.
    tags: Vec<String>,
    /// Those that did not point to it before.
    new_tags: Vec<String>,
    /// Documents that the registry did not know to refer to it.
    referrers: usize,
    /// Digests of those that it lists, and that others of these take the place of.
    superseded: Vec<String>,
    blobs: Blobs,
    /// Of the blobs that were sent.
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Blobs {
    sent: usize,
    mounted: usize,
    present: usize,
}

impl Row {
    fn of(destination: &Destination, consignment: &Consignment<'_>, delivered: &Delivered) -> Self {
        let Consignment { shipment, repository, moving, fixed } = consignment;
        Self {
            image: shipment.name.to_string(),
            repository: format!("{}/{repository}", destination.host),
            digest: shipment.index.digest.oci(),
            tags: moving.keys().chain(fixed).map(ToString::to_string).collect(),
            new_tags: delivered.tagged.iter().map(ToString::to_string).collect(),
            referrers: delivered.referrers,
            superseded: delivered.superseded.iter().map(|digest| digest.oci()).collect(),
            blobs: Blobs { sent: delivered.sent, mounted: delivered.mounted, present: delivered.present },
            bytes: delivered.bytes,
        }
    }

    fn is_new(&self) -> bool {
        !self.new_tags.is_empty() || self.referrers > 0
    }
}

pub fn report(
    args: &PushArgs,
    destination: &Destination,
    consignments: &[Consignment<'_>],
    delivered: &[Delivered],
) -> anyhow::Result<()> {
    let rows = consignments.iter().zip(delivered);
    let rows: Vec<_> =
        rows.map(|(consignment, delivered)| Row::of(destination, consignment, delivered)).collect();
    if args.format == Format::Json {
        anstream::println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        let head = ["IMAGE", "DIGEST", "SENT", "MOUNTED", "PRESENT", "BYTES", "NEW TAGS"];
        let cells = rows.iter().map(|row| {
            let tags = if row.new_tags.is_empty() { "-".to_owned() } else { row.new_tags.join(" ") };
            [
                row.image.clone(),
                row.digest.chars().take(19).collect(),
                row.blobs.sent.to_string(),
                row.blobs.mounted.to_string(),
                row.blobs.present.to_string(),
                Size(row.bytes).to_string(),
                tags,
            ]
        });
        anstream::print!("{}", table::table(head, &[2, 3, 4, 5], cells));
    }
    tell_superseded(&rows);
    let new = rows.iter().filter(|row| row.is_new()).count();
    let sent: usize = rows.iter().map(|row| row.blobs.sent).sum();
    let mounted: usize = rows.iter().map(|row| row.blobs.mounted).sum();
    let bytes = Size(rows.iter().map(|row| row.bytes).sum());
    let repositories: BTreeSet<_> = rows.iter().map(|row| &row.repository).collect();
    let repositories = match repositories.len() {
        1 => "1 repository".to_owned(),
        number => format!("{number} repositories"),
    };
    let images = count(rows.len(), "image");
    let told = match new {
        0 => format!("nothing: {images} in {repositories} of {} are there", destination),
        new => format!(
            "{new} of {images} in {repositories} of {}: {} ({bytes}) sent, {mounted} mounted",
            destination,
            count(sent, "blob"),
        ),
    };
    say(if args.dry_run { "Would push" } else { "Pushed" }, &told);
    Ok(())
}

/// Registries rarely let documents be removed, and it is not for a push to try.
fn tell_superseded(rows: &[Row]) {
    let superseded: BTreeSet<_> =
        rows.iter().flat_map(|row| row.superseded.iter().map(|digest| (&row.repository, digest))).collect();
    if let Some((repository, digest)) = superseded.first() {
        warn(&format!(
            "{} of earlier pushes stay listed beside what takes their place, as {repository}@{digest}",
            count(superseded.len(), "document"),
        ));
    }
}
