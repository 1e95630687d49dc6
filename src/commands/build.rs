//! `distro build`: locks → layers → images in one OCI image layout.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, anyhow};
use serde::Serialize;

use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::debian::control::Paragraph;
use distro::effects::archive::{Archive, Network};
use distro::effects::builder::{BuiltImage, Builder, Owner, Target};
use distro::effects::layers::{Layers, LayersError, Wanted};
use distro::effects::layout::LayoutDirectory;
use distro::effects::store::Access;
use distro::image::{self, layout::Layout};
use distro::lock::Lock;
use distro::sbom::{self, Component, Facts, Subject};

use super::{Workspace, lock, select};
use crate::cli::{BuildArgs, Format};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::size::Size;
use crate::report::{say, table, warn};

type Archives<'a> = BTreeMap<&'a ReleaseName, BTreeMap<String, Archive<'a>>>;

pub fn run(workspace: &Workspace, args: &BuildArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architectures = architectures(workspace, &args.arch)?;
    let selection = Selection {
        images: &args.images,
        release: args.release.as_deref(),
        architectures: &architectures,
    };
    let selected = select(&catalog, &selection)?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    if args.renew {
        lock::renew(workspace, &catalog, &releases.iter().copied().collect::<Vec<_>>(), &args.archive)?;
    }
    let locks = releases
        .iter()
        .map(|release| Ok((*release, workspace.lock(&catalog, release)?)))
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;

    let bars = Bars::new();
    let (fetching, converting) = (bars.stage("Fetching"), bars.stage("Converting"));
    let mirrors = workspace.mirrors(&catalog);
    let (store, http) = (workspace.store(Access::ReadWrite)?, workspace.http(&args.archive.network)?);
    let network = if args.offline { Network::Offline } else { Network::Allowed };
    let archive = |lock, suite| Archive::new(&http, &store, mirrors.of_locked(lock, suite), network, &fetching);
    let archives: Archives<'_> = locks
        .iter()
        .map(|(release, lock)| {
            let of_suites = lock.suites.iter().map(|suite| (suite.name.clone(), archive(lock, suite)));
            (*release, of_suites.collect())
        })
        .collect();
    let targets = targets(&catalog, &selected, &locks, &archives)?;

    let threads = args.jobs.map_or(0, std::num::NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let layers = Layers { store: &store, filters: &catalog.filters, pool: &pool };
    let (mut records, missing) = layers.look_up(targets.iter().flat_map(Target::packages))?;
    let absent = missing.iter().filter(|wanted| !store.has(wanted.pin.sha256));
    fetching.expect(absent.map(|wanted| wanted.pin.size).sum());
    converting.expect(missing.iter().map(Wanted::cost).sum());
    records.extend(layers.make(&missing, &converting).map_err(advise)?);
    fetching.finish();
    converting.finish();

    let builder = Builder { catalog: &catalog, layers: &layers, records };
    let built = targets
        .iter()
        .map(|target| {
            let built = builder.build(*target);
            built.with_context(|| format!("could not build {} for {}", target.image.name, target.architecture))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    store.take_damaged().iter().for_each(|damaged| warn(&format!("a file of the store was damaged and is made anew: {}", damaged.path.display())));
    let rows = write(args, &catalog, &builder, &targets, &built)?;
    report(args, &rows, missing.len())
}

/// The architectures that are asked for; none stands for all.
fn architectures(workspace: &Workspace, asked: &[Architecture]) -> anyhow::Result<Vec<Architecture>> {
    match asked {
        [] => Ok(vec![workspace.machine()?]),
        asked if asked.contains(&Architecture::all()) => Ok(Vec::new()),
        asked => Ok(asked.to_vec()),
    }
}

fn targets<'a>(
    catalog: &'a Catalog,
    selected: &'a [(&'a Image, Vec<Architecture>)],
    locks: &'a BTreeMap<&'a ReleaseName, Lock>,
    archives: &'a Archives<'a>,
) -> anyhow::Result<Vec<Target<'a>>> {
    let mut targets = Vec::new();
    for (image, architectures) in selected {
        let lock = &locks[&image.name.release];
        let closure = lock.closure(&image.name).context("a lock that fits holds every image")?;
        targets.extend(architectures.iter().map(|architecture| Target {
            image,
            release: &catalog.releases[&image.name.release],
            architecture,
            platform: &catalog.platforms[architecture],
            lock,
            closure,
            archives: &archives[&image.name.release],
        }));
    }
    Ok(targets)
}

/// What to do where packages are gone.
fn advise(error: LayersError) -> anyhow::Error {
    match error {
        LayersError::Gone(_) => {
            let hint = "the archive has moved on: `distro build --renew` locks what it has today, and builds that; \
                        to build this lock, name a mirror that keeps old packages in catalog.toml";
            Advice::new(error, hint).into()
        }
        error => error.into(),
    }
}

/// A line of the last table.
#[derive(Debug, Serialize)]
struct Row {
    image: String,
    architecture: String,
    layers: usize,
    /// Bytes, compressed and not.
    compressed: u64,
    unpacked: u64,
    digest: String,
}

/// Writes the images into the layout: blobs first, then SBOMs, then the index that refers to them.
fn write(
    args: &BuildArgs,
    catalog: &Catalog,
    builder: &Builder<'_>,
    targets: &[Target<'_>],
    built: &[BuiltImage],
) -> anyhow::Result<Vec<Row>> {
    let mut directory = LayoutDirectory::open(&args.out)?;
    let mut layout = directory.layout()?;
    keep_others(&mut layout, catalog, targets);
    let mut rows = Vec::new();
    for of_image in targets.iter().zip(built).collect::<Vec<_>>().chunk_by(|(a, _), (b, _)| a.image.name == b.image.name) {
        let mut manifests = Vec::new();
        for (target, built) in of_image {
            for layer in &built.layers {
                directory.add_stored(layer.record.layer.digest, layer.record.layer.size);
            }
            directory.add(built.assembled.config.clone());
            directory.add(built.assembled.manifest.clone());
            let reference = format!("{}-{}", target.image.name, target.architecture);
            directory.add_sbom(&reference, sbom::spdx23(&subject(catalog, target, built)));
            layout.set(reference, built.assembled.descriptor.clone());
            manifests.push(built.assembled.descriptor.clone());
            rows.push(Row {
                image: target.image.name.to_string(),
                architecture: target.architecture.to_string(),
                layers: built.layers.len(),
                compressed: built.layers.iter().map(|layer| layer.record.layer.size).sum(),
                unpacked: built.layers.iter().map(|layer| layer.record.layer.uncompressed_size).sum(),
                digest: built.assembled.manifest.digest.oci(),
            });
        }
        let (target, _) = of_image[0];
        let (index, descriptor) = image::index(manifests, &builder.facts(*target).annotations(None))?;
        directory.add(index);
        layout.set(target.image.name.to_string(), descriptor);
    }
    directory.finish(builder.layers.store, &layout)?;
    Ok(rows)
}

/// Takes out of a layout what is built anew, and what the catalog no longer has.
fn keep_others(layout: &mut Layout, catalog: &Catalog, targets: &[Target<'_>]) {
    let built: BTreeSet<_> = targets.iter().map(|target| &target.image.name).collect();
    let others = catalog.images().filter(|image| !built.contains(&image.name));
    let kept: BTreeSet<String> = others
        .flat_map(|image| {
            let of_architectures = image.architectures.iter().map(|on| format!("{}-{on}", image.name));
            of_architectures.chain([image.name.to_string()])
        })
        .collect();
    layout.retain(|name| kept.contains(name));
}

fn subject<'a>(catalog: &'a Catalog, target: &Target<'a>, built: &'a BuiltImage) -> Subject<'a> {
    let controls: BTreeMap<_, _> = built
        .layers
        .iter()
        .filter_map(|layer| match &layer.owner {
            Owner::Package(name) => Some((name, Paragraph::of(&layer.record.control))),
            Owner::Step(_) => None,
        })
        .collect();
    let held: BTreeSet<_> = target.packages().map(|wanted| wanted.name).collect();
    let packages = target.packages().map(|Wanted { name, pin, .. }| Component {
        name,
        pin,
        depends: pin.depends.iter().filter(|name| held.contains(name)).collect(),
        facts: controls.get(name).map_or_else(Facts::default, Facts::of),
    });
    Subject {
        image: &target.image.name,
        architecture: target.architecture,
        platform: target.platform,
        release: target.release,
        organization: &catalog.organization,
        manifest: built.assembled.manifest.digest,
        created: built.created,
        packages: packages.collect(),
    }
}

fn report(args: &BuildArgs, rows: &[Row], converted: usize) -> anyhow::Result<()> {
    if args.format == Format::Json {
        anstream::println!("{}", serde_json::to_string_pretty(rows)?);
    } else {
        let head = ["IMAGE", "ARCH", "LAYERS", "COMPRESSED", "UNPACKED", "DIGEST"];
        let cells = rows.iter().map(|row| {
            [
                row.image.clone(),
                row.architecture.clone(),
                row.layers.to_string(),
                Size(row.compressed).to_string(),
                Size(row.unpacked).to_string(),
                row.digest.chars().take(19).collect(),
            ]
        });
        anstream::print!("{}", table::table(head, &[2, 3, 4], cells));
    }
    let images = rows.len();
    if images == 0 {
        return Err(anyhow!("no image of the catalog is for this architecture"));
    }
    say("Built", &format!("{images} images in {}; {converted} packages converted", args.out.display()));
    Ok(())
}
