//! What the store holds, and what of it went: tables, or JSON.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use distro::effects::inventory::Sort;
use distro::effects::store::Entry;

use super::size::Size;
use super::{count, say, table};
use crate::cli::{Format, GcArgs};

/// The entries of one sort.
#[derive(Debug, Default)]
pub struct Row {
    files: usize,
    bytes: u64,
    /// Of those that the locks here name; `None` where there are no locks.
    named: Option<u64>,
    /// The last use of what is unused for longest.
    oldest: Option<Timestamp>,
}

impl Row {
    pub fn add(&mut self, entry: &Entry, is_named: Option<bool>) {
        self.files += 1;
        self.bytes += entry.size;
        if let Some(is_named) = is_named {
            *self.named.get_or_insert(0) += if is_named { entry.size } else { 0 };
        }
        self.oldest = Some(self.oldest.map_or(entry.used, |oldest| oldest.min(entry.used)));
    }
}

/// What of one sort went, and what stays.
#[derive(Debug, Default)]
pub struct Gone {
    gone: Sum,
    kept: Sum,
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Sum {
    files: usize,
    bytes: u64,
}

impl Gone {
    pub fn add(&mut self, bytes: u64, gone: bool) {
        let sum = if gone { &mut self.gone } else { &mut self.kept };
        sum.files += 1;
        sum.bytes += bytes;
    }
}

pub fn report(
    format: Format,
    root: &Path,
    rows: &BTreeMap<&Sort, Row>,
    now: Timestamp,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Json {
        what: String,
        files: usize,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        named_bytes: Option<u64>,
        oldest_use: Option<String>,
    }
    if format == Format::Json {
        let rows = rows.iter().map(|(sort, row)| Json {
            what: sort.to_string(),
            files: row.files,
            bytes: row.bytes,
            named_bytes: row.named,
            oldest_use: row.oldest.map(|oldest| oldest.to_string()),
        });
        anstream::println!("{}", serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(());
    }
    let cells = rows.iter().map(|(sort, row)| {
        [
            sort.to_string(),
            row.files.to_string(),
            Size(row.bytes).to_string(),
            row.named.map_or_else(|| "-".to_owned(), |bytes| Size(bytes).to_string()),
            row.oldest.map_or_else(String::new, |oldest| age(now, oldest)),
        ]
    });
    anstream::print!(
        "{}",
        table::table(["WHAT", "FILES", "SIZE", "IN LOCKS", "UNUSED FOR"], &[1, 2, 3, 4], cells)
    );
    let files = rows.values().map(|row| row.files).sum();
    let bytes = rows.values().map(|row| row.bytes).sum();
    say("Holds", &format!("{} ({}): `{}`", count(files, "file"), Size(bytes), root.display()));
    Ok(())
}

pub fn report_gone(args: &GcArgs, root: &Path, rows: &BTreeMap<&Sort, Gone>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Json {
        what: String,
        removed: Sum,
        kept: Sum,
    }
    if args.format == Format::Json {
        let rows =
            rows.iter().map(|(sort, of)| Json { what: sort.to_string(), removed: of.gone, kept: of.kept });
        anstream::println!("{}", serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
    } else {
        let cells = rows.iter().map(|(sort, Gone { gone, kept })| {
            let [gone_files, kept_files] = [gone, kept].map(|sum| sum.files.to_string());
            let [gone_bytes, kept_bytes] = [gone, kept].map(|sum| Size(sum.bytes).to_string());
            [sort.to_string(), gone_files, gone_bytes, kept_files, kept_bytes]
        });
        let head = ["WHAT", "REMOVED", "SIZE", "KEPT", "SIZE"];
        anstream::print!("{}", table::table(head, &[1, 2, 3, 4], cells));
    }
    let total = |of: fn(&Gone) -> Sum| {
        rows.values().map(of).fold(Sum::default(), |sum, more| Sum {
            files: sum.files + more.files,
            bytes: sum.bytes + more.bytes,
        })
    };
    let (gone, kept) = (total(|of| of.gone), total(|of| of.kept));
    let (removed, bytes) = (count(gone.files, "file"), Size(gone.bytes));
    let kept = format!("{} ({})", count(kept.files, "file"), Size(kept.bytes));
    let verb = if args.dry_run { "Would remove" } else { "Removed" };
    say(verb, &format!("{removed} ({bytes}) of `{}`, which keeps {kept}", root.display()));
    Ok(())
}

/// In whole days, `12 d`, or hours where there is not one.
fn age(now: Timestamp, then: Timestamp) -> String {
    let hours = now.duration_since(then).as_hours().max(0);
    if hours < 24 { format!("{hours} h") } else { format!("{} d", hours / 24) }
}
