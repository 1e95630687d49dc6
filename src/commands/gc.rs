//! `distro gc`: what of the store is not needed goes.

use std::collections::BTreeMap;
use std::time::Duration;

use rayon::prelude::*;

use distro::effects::inventory::{Inventory, Sort};
use distro::effects::store::{Access, Entry};
use distro::retention::{Held, Rules, Standing};

use super::Workspace;
use super::named::named;
use crate::cli::GcArgs;
use crate::report::held::{self, Gone};
use crate::report::say;

pub fn run(workspace: &Workspace, args: &GcArgs) -> anyhow::Result<()> {
    let named = match args.keep_locked {
        true => Some(named(workspace, &args.keep_catalog)?),
        false => None,
    };
    let store = workspace.store(if args.dry_run { Access::ReadOnly } else { Access::ReadWrite })?;
    if !args.dry_run {
        store.wait_until_alone(|| say("Waiting", "for the runs that use the store"))?;
    }
    let inventory = Inventory::of(&store)?;
    let kept = named.map(|named| inventory.kept_by(&named));
    let now = workspace.host.now;
    let standing = |(entry, sort): &(Entry, Sort)| match &kept {
        _ if sort.is_garbage() => Standing::Garbage,
        Some(kept) if kept.contains(&entry.name) => Standing::Named,
        _ => Standing::Free,
    };
    let held = inventory.entries.iter().map(|of| Held {
        size: of.0.size,
        unused: Duration::try_from(now.duration_since(of.0.used)).unwrap_or_default(),
        standing: standing(of),
    });
    let rules =
        Rules { older_than: args.older_than, max_size: args.max_size, nothing_free: args.keep_locked };
    let gone = rules.let_go(&held.collect::<Vec<_>>());

    let mut rows: BTreeMap<_, Gone> = BTreeMap::new();
    for ((entry, sort), gone) in inventory.entries.iter().zip(&gone) {
        rows.entry(sort).or_default().add(entry.size, *gone);
    }
    if !args.dry_run {
        let gone = inventory.entries.par_iter().zip(&gone).filter(|(_, gone)| **gone);
        gone.try_for_each(|((entry, _), _)| store.remove(&entry.name))?;
    }
    held::report_gone(args, store.root(), &rows)
}
