//! `distro build`: locks → layers → images in one OCI image layout.

use std::collections::{BTreeMap, BTreeSet};

use distro::attest::sealed::SealedDefinitions;
use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image};
use distro::debian::Architecture;
use distro::effects::definitions::license_sources;
use distro::effects::layout::LayoutDirectory;
use distro::effects::publish::publish;
use distro::image::shard::{Lot, Shard};
use distro::lock::hold::Asked;

use super::assembly::{Order as Assembled, assemble, warn_of_damage};
use super::renewal::{Must, Order, renew};
use super::{Sources, Workspace, locked, select_some};
use crate::cli::BuildArgs;
use crate::report::built;
use crate::report::diff;
use crate::report::licenses::Unread;
use crate::report::say;

pub fn run(workspace: &Workspace, args: &BuildArgs) -> anyhow::Result<()> {
    let definitions = workspace.definitions()?;
    let licenses = license_sources(&workspace.places.catalog)?;
    let sealed = SealedDefinitions::new(&definitions, &licenses)?;
    let catalog = Catalog::read(definitions)?;
    let architectures = workspace.architectures(&args.selection.arch)?;
    let order = Assembled {
        images: &args.selection.images,
        release: args.selection.release.as_deref(),
        architectures: &architectures,
        network: &args.archive.network,
        offline: args.offline,
        jobs: args.jobs,
    };
    if args.renew {
        let selected = select_some(&catalog, &order.selection())?;
        let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
        let releases: Vec<_> = releases.into_iter().collect();
        let built: Vec<_> = selected.iter().flat_map(|(_, architectures)| architectures).cloned().collect();
        renew_locks(workspace, &catalog, args, &releases, &built)?;
    }
    let part = args.shard.map(|shard| in_shard(workspace, &catalog, &order, shard)).transpose()?;
    if let Some((shard, [])) = args.shard.zip(part.as_deref()) {
        let directory = LayoutDirectory::open(&args.out)?;
        let layout = directory.layout()?;
        directory.finish_documents(layout)?;
        say(
            "Built",
            &format!("nothing: there are fewer repositories of images than shards, and {shard} has none"),
        );
        return Ok(());
    }
    let order = Assembled { images: part.as_deref().unwrap_or(order.images), ..order };
    assemble(workspace, &catalog, order, |assembly| {
        let mut directory = LayoutDirectory::open(&args.out)?;
        if args.check {
            directory.check_layers();
        }
        publish(directory, assembly.builder, assembly.built, assembly.verdicts, &sealed)?;
        warn_of_damage(assembly.builder.layers.store);
        built::report(args, assembly.catalog, assembly.built, assembly.made)?;
        Unread::of(assembly.verdicts).warn();
        Ok(())
    })
}

/// The names of the images of a shard, of those that are selected and locked.
fn in_shard(
    workspace: &Workspace,
    catalog: &Catalog,
    order: &Assembled<'_>,
    shard: Shard,
) -> anyhow::Result<Vec<String>> {
    let selected = select_some(catalog, &order.selection())?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    let locks = releases.into_iter().map(|release| Ok((release, workspace.lock(catalog, release)?)));
    let locks: BTreeMap<_, _> = locks.collect::<anyhow::Result<_>>()?;
    let selected = locked(catalog, selected, locks.values(), order.images)?;
    let mut lots: BTreeMap<String, Lot<'_, Image>> = BTreeMap::new();
    for (image, architectures) in &selected {
        let name = image.name.repository();
        let lot = lots.entry(name.clone()).or_insert_with(|| Lot::new(name));
        lot.images.push(image);
        lot.platforms += architectures.len() as u64;
        lot.inputs.extend(locks[&image.name.release].costs(&image.name, architectures));
    }
    let images = shard.images(lots.into_values().collect());
    Ok(images.into_iter().map(|image| image.name.to_string()).collect())
}

/// Renews the locks of releases, for the architectures that are built at least.
fn renew_locks(
    workspace: &Workspace,
    catalog: &Catalog,
    args: &BuildArgs,
    releases: &[&ReleaseName],
    built: &[Architecture],
) -> anyhow::Result<()> {
    let sources = Sources::open(workspace, catalog, None, &args.archive.network)?;
    let order =
        Order { releases, archive: &args.archive, must: Must::Renew(built), asked: &Asked::default() };
    for outcome in renew(workspace, catalog, &sources, &order)? {
        outcome.report(workspace, true)?;
        let difference = outcome.difference();
        anstream::eprint!("{}", diff::text(difference.as_slice()));
    }
    Ok(())
}
