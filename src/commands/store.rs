//! `distro store`: what the store holds, and whether it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Instant;

use rayon::prelude::*;

use distro::digest::Sha256;
use distro::effects::inventory::Inventory;
use distro::effects::progress::Progress as _;
use distro::effects::store::{Access, EntryName};

use super::Workspace;
use super::named::named;
use crate::cli::{StoreArgs, StoreCommand};
use crate::report::held::{self, Row};
use crate::report::progress::Bars;
use crate::report::size::Size;
use crate::report::{count, say, warn};

/// The exit code where something was damaged.
const DAMAGED: u8 = 3;

pub fn run(workspace: &Workspace, args: &StoreArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(StoreCommand::Verify) => verify(workspace),
        None => show(workspace, args).map(|()| ExitCode::SUCCESS),
    }
}

fn show(workspace: &Workspace, args: &StoreArgs) -> anyhow::Result<()> {
    let store = workspace.store(Access::ReadOnly)?;
    let inventory = Inventory::of(&store)?;
    let named = named_here(workspace)?.map(|named| inventory.kept_by(&named));
    let mut rows: BTreeMap<_, Row> = BTreeMap::new();
    for (entry, sort) in &inventory.entries {
        let is_named = named.as_ref().map(|named| named.contains(&entry.name));
        rows.entry(sort).or_default().add(entry, is_named);
    }
    held::report(args.format, store.root(), &rows, workspace.host.now)
}

/// `None` where there is no catalog here, or no lock: what a store holds can be told anywhere.
fn named_here(workspace: &Workspace) -> anyhow::Result<Option<BTreeSet<Sha256>>> {
    if !workspace.places.catalog.join("catalog.toml").exists() {
        return Ok(None);
    }
    let catalog = workspace.catalog()?;
    let locked = catalog.releases.keys().any(|release| workspace.has_lock(release));
    locked.then(|| named(workspace, &[])).transpose()
}

/// Reads everything, and removes what is damaged.
fn verify(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let store = workspace.store(Access::ReadWrite)?;
    let entries = store.entries()?;
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let bars = Bars::new();
    let checking = bars.stage("Verifying");
    checking.expect(bytes);
    let began = Instant::now();
    entries.par_iter().try_for_each(|entry| {
        let label = match &entry.name {
            EntryName::Blob(digest) => digest.to_string(),
            EntryName::Record { kind, key } => format!("{kind} {key}"),
        };
        let mut task = checking.begin(&label, Some(entry.size));
        store.is_whole(&entry.name)?;
        task.advance(entry.size);
        anyhow::Ok(())
    })?;
    checking.finish();
    let took = began.elapsed();
    let mut damaged = store.take_damaged();
    damaged.sort_by(|a, b| a.path.cmp(&b.path));
    for damaged in &damaged {
        warn(&damaged.to_string());
    }
    let rate = u128::from(bytes) * 1000 / took.as_millis().max(1);
    let rate = Size(u64::try_from(rate).unwrap_or(u64::MAX));
    let found =
        if damaged.is_empty() { "none is damaged".to_owned() } else { count(damaged.len(), "damaged file") };
    let files = count(entries.len(), "file");
    say("Verified", &format!("{files} ({}, {rate}/s) of the store: {found}", Size(bytes)));
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) })
}
