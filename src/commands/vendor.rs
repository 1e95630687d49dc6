//! `distro vendor`: all that locked builds need, in a folder.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use url::Url;

use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::digest::Sha256;
use distro::effects::archive::{Archive, Network};
use distro::effects::layers::Gone;
use distro::effects::store::Access;
use distro::effects::vendor::{Filled, VendorFolder, Wanted};
use distro::lock::{Lock, LockedFile, LockedSuite};
use distro::tarball::FileUrl;

use super::build::advise_on;
use super::{Workspace, select_some};
use crate::cli::VendorArgs;
use crate::report::progress::Bars;
use crate::report::size::Size;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &VendorArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architectures = workspace.architectures(&args.arch)?;
    let selection =
        Selection { images: &args.images, release: args.release.as_deref(), architectures: &architectures };
    let selected = select_some(&catalog, &selection)?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();

    let (apt, vendor) = (workspace.apt(), workspace.vendor()?);
    let mirrors = workspace.mirrors(&catalog, vendor.as_ref(), &apt);
    let (store, http) = (workspace.store(Access::ReadWrite)?, workspace.http(&args.network, &apt)?);
    let bars = Bars::new();
    let fetching = bars.stage("Fetching");
    let mut needs = Vec::new();
    for release in releases {
        let lock = workspace.lock(&catalog, release)?;
        let images: Vec<_> = selected.iter().filter(|(image, _)| image.name.release == *release).collect();
        let files = needed(&catalog, &lock, &images)?;
        let places: BTreeSet<_> = files.values().map(|need| need.place.clone()).collect();
        let archive = |place: Place| {
            let bases = match &place {
                Place::Suite(in_release) => {
                    let is_it = |suite: &&LockedSuite| suite.in_release == *in_release;
                    lock.suites
                        .iter()
                        .find(is_it)
                        .map_or_else(Vec::new, |suite| mirrors.of_locked(&lock, suite))
                }
                Place::Upstream(directory) => mirrors.upstream(directory),
            };
            (place, Archive::new(&http, &store, bases, Network::Allowed, &fetching))
        };
        let archives: BTreeMap<_, _> = places.into_iter().map(archive).collect();
        needs.push((lock, archives, files));
    }

    let folder = VendorFolder::create(&args.folder)?;
    let mut wanted = Vec::new();
    for (_, archives, files) in &needs {
        let of_suite = |(file, from): (&LockedFile, &Need)| Wanted {
            file: file.clone(),
            archive: &archives[&from.place],
        };
        wanted.extend(files.iter().map(of_suite));
    }
    let mut filled = folder.fill(&store, &wanted)?;
    fetching.finish();
    folder.name_newest(needs.iter().flat_map(|(lock, ..)| &lock.suites), &mut filled)?;
    let removed = match args.prune {
        true => folder.prune(&filled)?,
        false => {
            folder.list(&filled)?;
            0
        }
    };
    report(args, &filled, removed);
    let names: BTreeMap<_, _> = needs.iter().flat_map(|(.., files)| files).collect();
    lacking(filled, &names)
}

/// What serves a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The archive of the suite with this InRelease file.
    Suite(Sha256),
    /// An upstream directory.
    Upstream(Url),
}

/// What a file is needed for.
struct Need {
    place: Place,
    /// `libc6 2.41-12 (amd64)`; `None` for a file that vouches for others.
    package: Option<String>,
}

/// The files that builds of these images read, and those that vouch for them.
fn needed(
    catalog: &Catalog,
    lock: &Lock,
    images: &[&(&Image, Vec<Architecture>)],
) -> anyhow::Result<BTreeMap<LockedFile, Need>> {
    let mut files = BTreeMap::new();
    let architectures: BTreeSet<_> = images.iter().flat_map(|(_, architectures)| architectures).collect();
    for (file, suite) in lock.chain_files(&architectures) {
        files.insert(file, Need { place: Place::Suite(suite.in_release), package: None });
    }
    for (image, architectures) in images {
        let closure = lock.closure(&image.name).context("a lock that fits holds every image")?;
        for architecture in architectures {
            for name in closure.packages.get(architecture).into_iter().flatten() {
                let found = lock.pin(name, architecture);
                let found = found.and_then(|pin| Some((pin, lock.suite_of(pin, architecture)?)));
                let (pin, suite) = found.context("a lock pins every package of its images")?;
                let package = Some(format!("{name} {} ({})", pin.version, pin.architecture));
                files.insert(suite.deb_file(pin), Need { place: Place::Suite(suite.in_release), package });
            }
            for name in &closure.tarballs {
                let found = lock.tarballs.get(name).zip(catalog.tarballs.get(name));
                let (locked, definition) = found.context("a lock that fits has every tarball")?;
                let Some(pin) = locked.files.get(architecture) else { continue };
                let place = |url: &FileUrl| Place::Upstream(url.directory().clone());
                let package = Some(format!("{name} {} ({architecture})", locked.version));
                files.insert(pin.file(), Need { place: place(&pin.url), package });
                let vouching = locked.checksum_files(&definition.evidence).into_iter();
                files.extend(vouching.map(|(url, file)| (file, Need { place: place(url), package: None })));
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
fn lacking(filled: Filled, needs: &BTreeMap<&LockedFile, &Need>) -> anyhow::Result<()> {
    let mut packages = BTreeMap::new();
    for (file, why) in filled.lacking {
        match needs.get(&file).and_then(|need| need.package.clone()) {
            Some(package) => drop(packages.insert(package, why)),
            None => warn(&format!("{why}\nbuilds do without it, `distro lock --verify` does not")),
        }
    }
    Gone::of(packages).map_or(Ok(()), |gone| Err(advise_on(gone)))
}
