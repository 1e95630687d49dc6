//! `distro build`: locks → layers → images in one OCI image layout.

use std::collections::BTreeSet;

use distro::attest::sealed::SealedDefinitions;
use distro::catalog::Catalog;
use distro::catalog::name::ReleaseName;
use distro::debian::Architecture;
use distro::effects::layout::LayoutDirectory;
use distro::effects::publish::publish;
use distro::lock::hold::Asked;

use super::assembly::{Order as Assembled, assemble};
use super::renewal::{Must, Order, renew};
use super::{Sources, Workspace, select_some};
use crate::cli::BuildArgs;
use crate::report::built;
use crate::report::diff;
use crate::report::licenses::Unread;

pub fn run(workspace: &Workspace, args: &BuildArgs) -> anyhow::Result<()> {
    let definitions = workspace.definitions()?;
    let sealed = SealedDefinitions::new(&definitions)?;
    let catalog = Catalog::read(definitions)?;
    let architectures = workspace.architectures(&args.arch)?;
    let order = Assembled {
        images: &args.images,
        release: args.release.as_deref(),
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
    assemble(workspace, &catalog, order, |assembly| {
        let mut directory = LayoutDirectory::open(&args.out)?;
        if args.check {
            directory.check_layers();
        }
        publish(directory, assembly.builder, assembly.built, assembly.verdicts, &sealed)?;
        built::report(args, assembly.catalog, assembly.built, assembly.converted)?;
        Unread::of(assembly.verdicts).warn();
        Ok(())
    })
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
