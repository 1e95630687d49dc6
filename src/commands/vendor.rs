//! `distro vendor`: all that locked builds need, in a folder.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::effects::archive::{Archive, Network};
use distro::effects::layers::Gone;
use distro::effects::places::Places;
use distro::effects::vendor::{Filled, VendorFolder, Wanted};
use distro::lock::{Lock, LockedFile};

use super::assembly::{Purpose, advise_on};
use super::{Sources, Workspace, locked, select_some};
use crate::cli::VendorArgs;
use crate::report::progress::Bars;
use crate::report::size::Size;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &VendorArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architectures = workspace.architectures(&args.selection.arch)?;
    let selection = Selection {
        images: &args.selection.images,
        release: args.selection.release.as_deref(),
        architectures: &architectures,
    };
    let selected = select_some(&catalog, &selection)?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();

    let vendor = workspace.vendor()?;
    let sources = Sources::open(workspace, &catalog, vendor.as_ref(), &args.network)?;
    let bars = Bars::new();
    let fetching = bars.stage("Fetching");
    let locks = releases.iter().map(|release| workspace.lock(&catalog, release));
    let locks = locks.collect::<anyhow::Result<Vec<_>>>()?;
    let selected = locked(&catalog, selected, &locks, &args.selection.images)?;
    let places = Places::of(&locks, sources.reach(Network::Allowed, &fetching));
    let mut needs = BTreeMap::new();
    for lock in &locks {
        let images: Vec<_> =
            selected.iter().filter(|(image, _)| image.name.release == lock.release).collect();
        needs.extend(needed(&catalog, lock, &images, &places)?);
    }

    let folder = VendorFolder::create(&args.folder)?;
    let wanted = needs.iter().map(|(file, need)| Wanted { file: file.clone(), archive: need.archive });
    let mut filled = folder.fill(&sources.store, &wanted.collect::<Vec<_>>())?;
    fetching.finish();
    folder.name_newest(locks.iter().flat_map(|lock| &lock.suites), &mut filled)?;
    let removed = match args.prune {
        true => folder.prune(&filled)?,
        false => {
            folder.list(&filled)?;
            0
        }
    };
    sources.share(Network::Allowed)?;
    report(args, &filled, removed);
    lacking(filled, &needs)
}

/// What a file is needed for, and where it is.
struct Need<'a> {
    archive: &'a Archive<'a>,
    /// `libc6 2.41-12 (amd64)`; `None` for a file that vouches for others.
    package: Option<String>,
}

/// The files that builds of these images read, and those that vouch for them.
fn needed<'a>(
    catalog: &Catalog,
    lock: &Lock,
    images: &[&(&Image, Vec<Architecture>)],
    places: &'a Places<'a>,
) -> anyhow::Result<BTreeMap<LockedFile, Need<'a>>> {
    let mut files = BTreeMap::new();
    let mut need = |file, archive: Option<&'a Archive<'a>>, package| {
        let archive = archive.context("places are those of the lock")?;
        files.insert(file, Need { archive, package });
        anyhow::Ok(())
    };
    let architectures: BTreeSet<_> = images.iter().flat_map(|(_, architectures)| architectures).collect();
    for (file, suite) in lock.chain_files(&architectures) {
        need(file, places.suite(suite), None)?;
    }
    for (image, architectures) in images {
        let closure = lock.closure(&image.name).context("a lock that fits holds every image")?;
        for architecture in architectures {
            for name in closure.packages.get(architecture).into_iter().flatten() {
                let found = lock.pin(name, architecture);
                let found = found.and_then(|pin| Some((pin, lock.suite_of(pin, architecture)?)));
                let (pin, suite) = found.context("a lock pins every package of its images")?;
                let package = format!("{name} {} ({})", pin.version, pin.architecture);
                need(suite.deb_file(pin), places.suite(suite), Some(package))?;
            }
            for name in &closure.tarballs {
                let found = lock.tarballs.get(name).zip(catalog.tarballs.get(name));
                let (locked, definition) = found.context("a lock that fits has every tarball")?;
                let Some(pin) = locked.files.get(architecture) else { continue };
                let package = format!("{name} {} ({architecture})", locked.version);
                need(pin.file(), places.upstream(pin.url.directory()), Some(package))?;
                for (url, file) in locked.checksum_files(&definition.evidence) {
                    need(file, places.upstream(url.directory()), None)?;
                }
            }
        }
    }
    Ok(files)
}

fn report(args: &VendorArgs, filled: &Filled, removed: usize) {
    let Filled { added, present, bytes, .. } = filled;
    let removed = if removed == 0 { String::new() } else { format!(", {removed} removed") };
    let (added, folder) = (count(*added, "file"), args.folder.display());
    say("Vendored", &format!("{added} ({}) into {folder}; {present} were there{removed}", Size(*bytes)));
}

/// What no place has: an error where it is a package.
fn lacking(filled: Filled, needs: &BTreeMap<LockedFile, Need<'_>>) -> anyhow::Result<()> {
    let mut packages = BTreeMap::new();
    for (file, why) in filled.lacking {
        match needs.get(&file).and_then(|need| need.package.clone()) {
            Some(package) => drop(packages.insert(package, why)),
            None => warn(&format!("{why}\nbuilds do without it, `distro lock --verify` does not")),
        }
    }
    Gone::of(packages).map_or(Ok(()), |gone| Err(advise_on(gone, Purpose::Publish)))
}
