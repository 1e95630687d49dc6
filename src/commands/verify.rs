//! `distro verify`: published images against what is signed of them, and against a rebuild.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use distro::attest::key::PublicKey;
use distro::attest::sealed::{Sealed, SealedDefinitions};
use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image};
use distro::debian::Architecture;
use distro::digest::Sha256;
use distro::effects::definitions;
use distro::effects::keys::public_key;
use distro::effects::layout::{LayoutError, LayoutReader};
use distro::effects::pull::{AtHand, Portion, Pull, Pulled};
use distro::effects::verifier::case::{Case, Rebuilt, united};
use distro::effects::verifier::foundation::Foundation;
use distro::effects::verifier::witness;
use distro::image::reference::Reference;
use distro::verification::{Cause, Check, Finding, Verified};

use super::Workspace;
use super::assembly::{Ground, Order, Purpose, assemble_from};
use super::sign::advise;
use crate::cli::VerifyArgs;
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{verified, warn};

pub fn run(workspace: &Workspace, args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let key = args.key.as_deref().map(|key| public_key(key).map_err(advise)).transpose()?;
    let mut cases = read(workspace, args, key.as_ref())?;
    cases.retain(|case| is_asked(case, &args.arch));
    if cases.is_empty() {
        let error = anyhow!("the images are for none of these architectures");
        return Err(Advice::new(error, "leave out `--arch`, to verify all that there are").into());
    }
    if key.is_none() {
        warn(
            "nothing was authenticated: without `--key`, whoever made an image may have made what is said of it too",
        );
    }
    if args.local {
        rebuild_local(workspace, args, &mut cases)?;
    } else {
        rebuild_sealed(workspace, args, &mut cases)?;
    }
    let verified = Case::settle(&cases);
    verified::report(args.format, &verified)?;
    Ok(if verified.iter().all(Verified::holds) { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// An index is for all architectures, and can only be asked for with all of them.
fn is_asked(case: &Case, architectures: &[Architecture]) -> bool {
    let named = |on: &Architecture| case.architecture().is_none_or(|of| of == on.as_str());
    architectures.is_empty()
        || architectures.contains(&Architecture::all())
        || (!case.is_index() && architectures.iter().any(named))
}

/// The images that are asked for, and what can be told of them without a rebuild.
fn read(workspace: &Workspace, args: &VerifyArgs, key: Option<&PublicKey>) -> anyhow::Result<Vec<Case>> {
    let (remote, local): (Vec<_>, Vec<_>) = args.images.iter().partition(|image| image.contains('/'));
    let mut cases = Vec::new();
    if !local.is_empty() {
        let layout = LayoutReader::open(&args.out)?;
        let mut names = BTreeSet::new();
        for image in local {
            names.extend(named(&layout, image)?);
        }
        let witnesses = names.iter().map(|name| witness(&layout, name, name)).collect::<Result<_, _>>()?;
        cases.extend(Case::all(&layout, witnesses, key));
    }
    for image in remote {
        let Pulled { layout, name, .. } = &pull(workspace, args, &image.parse()?)?;
        cases.extend(Case::all(layout, vec![witness(layout, name, image)?], key));
    }
    Ok(cases)
}

/// What a layout has that is called so: one image by its whole name, or several by its beginning.
fn named<'l>(layout: &'l LayoutReader, asked: &str) -> anyhow::Result<Vec<&'l str>> {
    if layout.has(asked) {
        let names = layout.layout().names().filter(|name| *name == asked);
        return Ok(names.collect());
    }
    let of_platforms: BTreeSet<_> = layout.manifests().map(|(name, _)| name).collect();
    let is_meant = |name: &&str| {
        let repository = name.split_once(':').map_or(*name, |(repository, _)| repository);
        let family = repository.rsplit_once('-').map_or(repository, |(family, _)| family);
        !of_platforms.contains(name) && (repository == asked || family == asked)
    };
    let names: Vec<_> = layout.layout().names().filter(is_meant).collect();
    if names.is_empty() {
        let error = LayoutError::NoImage { root: layout.root().to_owned(), name: asked.to_owned() };
        let hint = "`distro build` builds images; name one of a registry with its host, as in registry.example.org/base/cc";
        return Err(Advice::new(error, hint).into());
    }
    Ok(names)
}

fn pull(workspace: &Workspace, args: &VerifyArgs, reference: &Reference) -> anyhow::Result<Pulled> {
    let registry = workspace.registry(&reference.repository.host, args.plain_http, &args.network)?;
    registry.ping()?;
    let bars = Bars::new();
    let progress = bars.stage("Pulling");
    // What is verified is what the registry gives.
    let at_hand = AtHand::default();
    let portion = Portion::WHOLE;
    Ok(Pull { registry: &registry, reference, portion, at_hand, progress: &progress }.run()?)
}

/// Builds images from what they carry.
fn rebuild_sealed(workspace: &Workspace, args: &VerifyArgs, cases: &mut [Case]) -> anyhow::Result<()> {
    let mut groups: BTreeMap<Sha256, Vec<&mut Case>> = BTreeMap::new();
    for case in cases {
        let sealed = case.origin.as_ref().and_then(|origin| origin.sealed.as_ref());
        if let Some(digest) = sealed.map(|sealed| sealed.digest) {
            groups.entry(digest).or_default().push(case);
        }
    }
    for mut group in groups.into_values() {
        // A provenance of another image may say otherwise of the same files.
        let mut foundation = None;
        for case in &mut group {
            match case.origin.as_ref().and_then(Foundation::of) {
                Some(Ok(opened)) => {
                    case.verified.add(Check::Provenance, opened.findings.clone());
                    foundation.get_or_insert(opened);
                }
                Some(Err(finding)) => case.verified.add(Check::Provenance, vec![finding]),
                None => {}
            }
        }
        let Some(Foundation { catalog, lock, licenses, sealed, .. }) = foundation else { continue };
        let release = catalog.releases.get_key_value(&lock.release).map(|(release, _)| release);
        let release = release.context("a lock that fits is of a release of the catalog")?;
        let locks = BTreeMap::from([(release, lock)]);
        let ground = Ground { catalog: &catalog, locks, licenses, purpose: Purpose::Verify };
        rebuild(workspace, args, &ground, Some(&sealed), &mut group)?;
    }
    Ok(())
}

/// Builds images from the definitions and the locks that are here. Where that gives others, it says which of these are
/// not what the images carry; where it does not, an older lock is as true.
fn rebuild_local(workspace: &Workspace, args: &VerifyArgs, cases: &mut [Case]) -> anyhow::Result<()> {
    let written = workspace.definitions()?;
    let sources = definitions::license_sources(&workspace.places.catalog)?;
    let definitions = SealedDefinitions::new(&written, &sources)?;
    let catalog = Catalog::read(written)?;
    let wanted = cases.iter().filter_map(|case| case.wanted(&catalog).ok());
    let releases: BTreeSet<_> = wanted.map(|(image, _)| &image.name.release).collect();
    let mut locks = BTreeMap::new();
    let mut sealed: BTreeMap<&ReleaseName, Sealed> = BTreeMap::new();
    for release in releases {
        let lock = workspace.lock(&catalog, release)?;
        sealed.insert(release, definitions.seal(&lock)?);
        locks.insert(release, lock);
    }
    let licenses = definitions::licenses(&workspace.places.catalog)?;
    let ground = Ground { catalog: &catalog, locks, licenses, purpose: Purpose::Verify };
    rebuild(workspace, args, &ground, None, &mut cases.iter_mut().collect::<Vec<_>>())?;
    for case in cases.iter_mut().filter(|case| !case.is_rebuilt()) {
        let Ok((image, _)) = case.wanted(&catalog) else { continue };
        let here = &sealed[&image.name.release].files;
        let findings = case.origin.as_ref().map(|origin| origin.differs_from(here)).unwrap_or_default();
        if !findings.is_empty() {
            case.verified.explain(Cause::Definitions);
        }
        case.verified.add(Check::Provenance, findings);
    }
    Ok(())
}

fn rebuild(
    workspace: &Workspace,
    args: &VerifyArgs,
    ground: &Ground<'_>,
    sealed: Option<&Sealed>,
    cases: &mut [&mut Case],
) -> anyhow::Result<()> {
    let mut wanted: Vec<(&mut Case, (&Image, Vec<Architecture>))> = Vec::new();
    for case in cases {
        let locked = |image: &Image| {
            ground.locks.get(&image.name.release).is_some_and(|lock| lock.closure(&image.name).is_some())
        };
        match case.wanted(ground.catalog) {
            Ok((image, _)) if !locked(image) => {
                let message = format!("{} is not one that the lock holds", image.name);
                case.verified.add(Check::Rebuild, vec![Finding::new(Check::Rebuild, "image", message)]);
            }
            Ok(found) => wanted.push((case, found)),
            Err(finding) => case.verified.add(Check::Rebuild, vec![finding]),
        }
    }
    let selected = united(wanted.iter().map(|(_, wanted)| wanted.clone()));
    if selected.is_empty() {
        return Ok(());
    }
    let order = Order {
        images: &[],
        release: None,
        architectures: &[],
        network: &args.network,
        offline: args.offline,
        jobs: args.jobs,
    };
    assemble_from(workspace, ground, &selected, order, |assembly| {
        let rebuilt =
            Rebuilt { builder: assembly.builder, built: assembly.built, verdicts: assembly.verdicts, sealed };
        for (case, wanted) in &mut wanted {
            case.compare(wanted, &rebuilt);
        }
        Ok(())
    })
}
