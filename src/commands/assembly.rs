//! Locks → built images, for the verbs that need them: what is missing is fetched and converted.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use anyhow::Context as _;
use rayon::prelude::*;

use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::effects::archive::Network;
use distro::effects::builder::{BuildError, Builder, Target};
use distro::effects::definitions;
use distro::effects::layers::{Gone, Input, Layers, LayersError, Made, Remedy};
use distro::effects::licensing::{CopyrightFiles, LicensingError};
use distro::effects::places::Places;
use distro::effects::store::Store;
use distro::image::accounting::Unaccounted;
use distro::image::built::{BuiltImage, Verdicts};
use distro::license::Licenses;
use distro::lock::{Lock, LockedImage};

use super::{Sources, Workspace, locked, select_some};
use crate::cli::NetworkArgs;
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::warn;

/// What is built, and by what means.
#[derive(Clone, Copy)]
pub struct Order<'o> {
    pub images: &'o [String],
    pub release: Option<&'o str>,
    /// None for all.
    pub architectures: &'o [Architecture],
    pub network: &'o NetworkArgs,
    pub offline: bool,
    /// Threads that convert packages; as many as the machine has cores, unless it says otherwise.
    pub jobs: Option<NonZeroUsize>,
}

impl Order<'_> {
    pub fn selection(&self) -> Selection<'_> {
        Selection { images: self.images, release: self.release, architectures: self.architectures }
    }
}

/// Images as they are built, by name and then by architecture, and what they were built with.
pub struct Assembly<'a> {
    pub catalog: &'a Catalog,
    pub builder: &'a Builder<'a>,
    pub built: &'a [(Target<'a>, BuiltImage)],
    /// What the packages of each may be used under.
    pub verdicts: &'a [Verdicts],
    pub copyright: &'a CopyrightFiles<'a>,
    /// The layers that the store did not have.
    pub made: &'a Made<'a>,
}

/// What images are built from.
pub struct Ground<'a> {
    pub catalog: &'a Catalog,
    /// Those of the images' releases, which fit the catalog.
    pub locks: BTreeMap<&'a ReleaseName, Lock>,
    pub licenses: Licenses,
    pub purpose: Purpose,
}

/// What images are built for, which decides what helps where packages are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Any lock of the catalog serves.
    Publish,
    /// The image is there, and none but its own lock gives it again.
    Verify,
}

/// Builds images from the catalog and the locks that are here, and does with them what is to be done.
pub fn assemble(
    workspace: &Workspace,
    catalog: &Catalog,
    order: Order<'_>,
    then: impl FnOnce(&Assembly<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let selected = select_some(catalog, &order.selection())?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    let locks = releases
        .iter()
        .map(|release| Ok((*release, workspace.lock(catalog, release)?)))
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let selected = locked(catalog, selected, locks.values(), order.images)?;
    let licenses = definitions::licenses(&workspace.places.catalog)?;
    let ground = Ground { catalog, locks, licenses, purpose: Purpose::Publish };
    assemble_from(workspace, &ground, &selected, order, then)
}

/// Builds images from what is given, and does with them what is to be done; the order counts for its means alone.
pub fn assemble_from(
    workspace: &Workspace,
    ground: &Ground<'_>,
    selected: &[(&Image, Vec<Architecture>)],
    order: Order<'_>,
    then: impl FnOnce(&Assembly<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Ground { catalog, locks, licenses, purpose } = ground;
    let bars = Bars::new();
    let (fetching, converting) = (bars.stage("Fetching"), bars.stage("Converting"));
    let vendor = workspace.vendor()?;
    let sources = Sources::open(workspace, catalog, vendor.as_ref(), order.network)?;
    let store = &sources.store;
    let network = if order.offline { Network::Offline } else { Network::Allowed };
    let places = Places::of(locks.values(), sources.reach(network, &fetching));
    let targets = targets(catalog, selected, locks, &places)?;

    let threads = order.jobs.map_or(0, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let layers = Layers { store, filters: &catalog.filters, pool: &pool };
    let (mut records, missing) = layers.look_up(targets.iter().flat_map(Target::inputs))?;
    let absent = missing.iter().filter(|input| !store.has(input.sha256()));
    fetching.expect(absent.map(Input::size).sum());
    converting.expect(missing.iter().map(Input::cost).sum());
    let made = layers.make(&missing, &converting).map_err(|error| advise(error, *purpose))?;
    records.extend(made.records.clone());
    fetching.finish();
    converting.finish();

    let builder = Builder { catalog, layers: &layers, records };
    let unaccounted = builder.unaccounted(&targets);
    if !unaccounted.is_empty() {
        return Err(advise_on_scripts(unaccounted));
    }
    let built = targets
        .iter()
        .map(|target| {
            let LockedImage { image, architecture, .. } = target.locked;
            let built = builder.build(*target).map_err(|error| advise_on_image(error, image));
            built.with_context(|| format!("could not build {} for {architecture}", image.name))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let built: Vec<_> = targets.into_iter().zip(built).collect();
    let copyright = CopyrightFiles::new(store, licenses);
    let verdicts: Vec<_> =
        pool.install(|| built.par_iter().map(|(target, built)| copyright.of_image(target, built)).collect());
    let verdicts = built.iter().zip(verdicts).map(|(image, found)| whole(&builder, &copyright, image, found));
    let verdicts = verdicts.collect::<anyhow::Result<Vec<_>>>();
    warn_of_damage(store);
    let done = then(&Assembly {
        catalog,
        builder: &builder,
        built: &built,
        verdicts: &verdicts?,
        copyright: &copyright,
        made: &made,
    });
    let shared = sources.share(network);
    warn_of_damage(store);
    done.and(shared)
}

/// Tells of files of the store that were found damaged since this was last asked.
pub fn warn_of_damage(store: &Store) {
    for damaged in store.take_damaged() {
        warn(&damaged.to_string());
    }
}

/// Makes license texts anew that are not in the store.
fn whole(
    builder: &Builder<'_>,
    copyright: &CopyrightFiles<'_>,
    (target, built): &(Target<'_>, BuiltImage),
    mut found: Result<Verdicts, LicensingError>,
) -> anyhow::Result<Verdicts> {
    let mut made_anew = None;
    while let Err(LicensingError::Lost(text)) = found
        && made_anew != Some(text)
    {
        made_anew = Some(text);
        builder.keep_license_text(*target, built, text).with_context(|| {
            format!("the licence text {text} is not in the store, and could not be made anew")
        })?;
        found = copyright.of_image(target, built);
    }
    Ok(found?)
}

fn targets<'a>(
    catalog: &'a Catalog,
    selected: &'a [(&'a Image, Vec<Architecture>)],
    locks: &'a BTreeMap<&'a ReleaseName, Lock>,
    places: &'a Places<'a>,
) -> anyhow::Result<Vec<Target<'a>>> {
    let mut targets = Vec::new();
    for (image, architectures) in selected {
        let lock = &locks[&image.name.release];
        for architecture in architectures {
            let locked = LockedImage::find(catalog, image, architecture, lock);
            let locked = locked.context("a lock that fits holds every image")?;
            targets.push(Target { locked, places });
        }
    }
    Ok(targets)
}

fn advise(error: LayersError, purpose: Purpose) -> anyhow::Error {
    match error {
        LayersError::Gone(gone) => advise_on(gone, purpose),
        error => error.into(),
    }
}

/// What to do where packages are gone.
pub fn advise_on(gone: Gone, purpose: Purpose) -> anyhow::Error {
    let hint = match (gone.remedy(), purpose) {
        (Remedy::Connect, _) => "run once without `--offline`, which fetches what is missing",
        (Remedy::NameMirror, Purpose::Publish) => {
            "name a mirror in catalog.toml, or apt sources by --apt-dir"
        }
        (Remedy::NameMirror, Purpose::Verify) => {
            "name apt sources by --apt-dir, or a folder that has the packages by --vendor"
        }
        (Remedy::Renew, Purpose::Publish) => {
            "the archive has moved on: `distro build --renew` locks what it has today, and builds that; \
             to build this lock, name a mirror that keeps old packages in catalog.toml"
        }
        (Remedy::Renew, Purpose::Verify) => {
            "the archive has moved on since the image was built, and without its packages nobody can build it again: \
             name apt sources that keep old packages by --apt-dir, or a folder that has these by --vendor"
        }
        (Remedy::TryAgain, Purpose::Publish) => {
            "try again later, or name a mirror of your own in catalog.toml; where the archive has moved on, \
             `distro build --renew` locks what it has today, and builds that"
        }
        (Remedy::TryAgain, Purpose::Verify) => {
            "try again later; where the archive has moved on since the image was built, name apt sources that keep old \
             packages by --apt-dir, or a folder that has these by --vendor"
        }
    };
    Advice::new(gone, hint).into()
}

/// What to do about maintainer scripts that nobody accounts for.
fn advise_on_scripts(unaccounted: Unaccounted) -> anyhow::Error {
    let hint = format!(
        "see what they do, let a definition do what the image needs of it, and account for them in catalog.toml, or \
         in a definition as `[[image.NAME.maintainer-script]]`:\n\n[[maintainer-script]]\n{}",
        unaccounted.example()
    );
    Advice::new(unaccounted, hint).into()
}

fn advise_on_image(error: BuildError, image: &Image) -> anyhow::Error {
    let BuildError::Privileges(privileges) = &error else { return error.into() };
    let path = privileges.first().map(|privilege| privilege.path.to_string()).unwrap_or_default();
    let hint = format!(
        "leave it out (a filter drops files of packages), or say in the definition why the image needs it:\n\n\
         [[image.{}.privileged]]\n\
         path = \"{path}\"\n\
         reason = \"who runs it, and what for\"",
        image.name.family
    );
    Advice::new(error, hint).into()
}
