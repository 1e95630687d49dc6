//! `distro push`: images of a layout → a registry.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use distro::catalog::{Catalog, Image, Selection};
use distro::digest::Sha256;
use distro::effects::layout::LayoutReader;
use distro::effects::push::{Consignment, Mode, Push, PushError};
use distro::effects::registry::RegistryErrorKind;
use distro::image::reference::{Destination, RepositoryPath};
use distro::image::shipment::Shipment;

use super::sign::{self, Asked};
use super::{Workspace, select};
use crate::cli::PushArgs;
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{pushed, signed, warn};

pub fn run(workspace: &Workspace, args: &PushArgs) -> anyhow::Result<()> {
    let (images, destination) = args.operands();
    let destination: Destination = destination.parse()?;
    refuse_unclear(args, images)?;
    let catalog = workspace.catalog()?;
    sign(&catalog, args, images, &destination)?;
    let layout = LayoutReader::open(&args.out)?;
    let shipments = catalog
        .images()
        .filter_map(|image| Shipment::of(layout.layout(), image, |digest| layout.read(digest)).transpose())
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| {
            format!("the layout `{}` is damaged: `distro build` makes it whole", args.out.display())
        })?;
    let selected = select_built(&catalog, args, images, &shipments)?;
    let consignments = selected
        .iter()
        .map(|shipment| consignment(args, &destination, shipment))
        .collect::<anyhow::Result<Vec<_>>>()?;
    refuse_shared_tags(&consignments)?;
    warn_of_missing_architectures(&catalog, &selected);

    let registry = workspace.registry(&destination.host, args.plain_http, &args.network)?;
    registry.ping()?;
    let bars = Bars::new();
    let sending = bars.stage("Pushing");
    let push = Push {
        registry: &registry,
        layout: &layout,
        mode: match (args.dry_run, args.force) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::Force,
            (false, false) => Mode::Usual,
        },
        elsewhere: elsewhere(&destination, &shipments, &selected)?,
        progress: &sending,
    };
    let delivered = push.run(&consignments).map_err(advise)?;
    sending.finish();
    pushed::report(args, &destination, &consignments, &delivered)
}

fn refuse_unclear(args: &PushArgs, images: &[String]) -> anyhow::Result<()> {
    let error = match (images.is_empty(), args.all) {
        (false, true) => anyhow::anyhow!("images are named, and all are asked for too"),
        (true, false) => anyhow::anyhow!("no image is named"),
        _ => return Ok(()),
    };
    Err(Advice::new(error, "name images before the registry, or push all that are built by --all").into())
}

/// Signs what is sent, where that is asked for.
fn sign(
    catalog: &Catalog,
    args: &PushArgs,
    images: &[String],
    destination: &Destination,
) -> anyhow::Result<()> {
    if args.sign && args.dry_run {
        warn("nothing is signed, and signatures that are not there yet are not counted");
    } else if args.sign {
        let asked = Asked { images, release: args.release.as_deref(), out: &args.out };
        signed::tell(&sign::sign(catalog, asked, &args.signing, Some(&destination.to_string()))?);
    }
    Ok(())
}

/// The images that are asked for, which have to be built where they are asked for by name.
fn select_built<'a>(
    catalog: &Catalog,
    args: &PushArgs,
    images: &[String],
    shipments: &'a [Shipment<'a>],
) -> anyhow::Result<Vec<&'a Shipment<'a>>> {
    let selection = Selection { images, release: args.release.as_deref(), ..Selection::default() };
    let wanted = select(catalog, &selection)?;
    let built = |image: &Image| shipments.iter().find(|shipment| *shipment.name == image.name);
    let missing: Vec<_> =
        wanted.iter().map(|(image, _)| *image).filter(|image| built(image).is_none()).collect();
    let selected: Vec<_> = wanted.iter().filter_map(|(image, _)| built(image)).collect();
    let names = catalog.short_names(&missing).join(", ");
    if selected.is_empty() || !(args.all || missing.is_empty()) {
        let error = anyhow::anyhow!("`{}` does not have {names}", args.out.display());
        return Err(
            Advice::new(error, "`distro build` makes images, for all architectures by `--arch all`").into()
        );
    }
    if !missing.is_empty() {
        warn(&format!("left out, as they are not built: {names}"));
    }
    Ok(selected)
}

fn consignment<'a>(
    args: &PushArgs,
    destination: &Destination,
    shipment: &'a Shipment<'a>,
) -> anyhow::Result<Consignment<'a>> {
    let repository = destination.repository(&shipment.name.repository())?.path;
    let mut moving = BTreeMap::from([(shipment.name.tag.as_str().parse()?, &shipment.index)]);
    for (architecture, manifest) in &shipment.platforms {
        moving.insert(format!("{}-{architecture}", shipment.name.tag).parse()?, manifest);
    }
    let fixed =
        args.tag_template.iter().map(|template| template.render(shipment)).collect::<Result<_, _>>()?;
    Ok(Consignment { shipment, repository, moving, fixed })
}

/// Refuses tags that would be of two images, or both moving and not.
fn refuse_shared_tags(consignments: &[Consignment<'_>]) -> anyhow::Result<()> {
    let mut taken = BTreeMap::new();
    for consignment in consignments {
        for tag in consignment.moving.keys().chain(&consignment.fixed) {
            let name = consignment.shipment.name.to_string();
            if let Some(other) = taken.insert((&consignment.repository, tag), name.clone()) {
                let error = anyhow::anyhow!("the tag `{tag}` would be of {other} and of {name}");
                let hint =
                    "let the template have `{{ tag }}` in it, and something that changes with the image";
                let moves = anyhow::anyhow!("the tag `{tag}` of {name} would move, and may not");
                return Err(Advice::new(if other == name { moves } else { error }, hint).into());
            }
        }
    }
    Ok(())
}

/// An image of fewer architectures than there are may be what somebody means, or have been forgotten.
fn warn_of_missing_architectures(catalog: &Catalog, selected: &[&Shipment<'_>]) {
    let mut fewer: BTreeMap<String, Vec<&Image>> = BTreeMap::new();
    for image in catalog.images() {
        let Some(shipment) = selected.iter().find(|shipment| *shipment.name == image.name) else { continue };
        let has: BTreeSet<_> = shipment.platforms.iter().map(|(architecture, _)| *architecture).collect();
        let lacking: Vec<_> = image.architectures.iter().filter(|lacking| !has.contains(lacking)).collect();
        if !lacking.is_empty() {
            let lacking: Vec<_> = lacking.iter().map(ToString::to_string).collect();
            fewer.entry(lacking.join(", ")).or_default().push(image);
        }
    }
    for (lacking, images) in fewer {
        warn(&format!("not built for {lacking}: {}", catalog.short_names(&images).join(", ")));
    }
}

/// For each blob, a repository that has it if its image was ever sent there, of images that are not sent now.
fn elsewhere(
    destination: &Destination,
    shipments: &[Shipment<'_>],
    selected: &[&Shipment<'_>],
) -> anyhow::Result<BTreeMap<Sha256, RepositoryPath>> {
    let selected: BTreeSet<_> = selected.iter().map(|shipment| shipment.name.repository()).collect();
    let mut elsewhere = BTreeMap::new();
    for shipment in shipments.iter().filter(|shipment| !selected.contains(&shipment.name.repository())) {
        let path = destination.repository(&shipment.name.repository())?.path;
        for digest in shipment.blobs.keys() {
            elsewhere.entry(*digest).or_insert_with(|| path.clone());
        }
    }
    Ok(elsewhere)
}

fn advise(error: PushError) -> anyhow::Error {
    let hint = match &error {
        PushError::Moved(_) => "name images that differ by tags that do, or leave out `--tag-template`",
        PushError::Registry(error) if matches!(error.kind, RegistryErrorKind::Damaged(_)) => {
            "no tag was set; where the blob is damaged here, remove the layout and build it again"
        }
        PushError::Registry(_) => {
            "no tag was set; what was sent stays there, and is not sent again by the next push"
        }
        PushError::Tag(_) => {
            "some tags are set, others not: each points to a whole image, and the next push sets the rest"
        }
        PushError::Attached { .. } => "somebody put something else there: remove the tag, and push again",
        PushError::Threads(_) => return error.into(),
    };
    Advice::new(error, hint).into()
}
