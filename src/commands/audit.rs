//! `distro audit`: images held against a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use oci_spec::image::Descriptor;
use rayon::prelude::*;

use distro::audit::inventory::BinaryPackage;
use distro::audit::subject::LockAge;
use distro::audit::{Audit, Codenames, Knowledge, Scope, Standard, Subject};
use distro::catalog::name::{ImageName, ReleaseName};
use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::effects::auditor::{self, Blobs, Published};
use distro::effects::definitions;
use distro::effects::layout::LayoutReader;
use distro::effects::store::Access;
use distro::image::reference::Reference;
use distro::lock::Lock;

use super::advisories::{self, Told};
use super::{Workspace, locked, select};
use crate::cli::{AuditArgs, AuditFormat};
use crate::report::audit::{Report, html, json, markdown, sarif, table};
use crate::report::failure::Advice;
use crate::report::{count, say};

pub fn run(workspace: &Workspace, args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let policy = definitions::policy(args.policy.as_deref(), &workspace.places.catalog)?;
    let Asked { catalog, subjects, scope } = asked(workspace, args)?;
    let knowledge = knowledge(workspace, args, catalog.as_ref(), &subjects)?;
    let today = workspace.host.now.to_zoned(TimeZone::UTC).date();
    let standard = Standard { policy: &policy, today, scope, knowledge };
    report(args, &Audit::new(&subjects, &standard))
}

/// What is to be audited.
struct Asked {
    /// Where the images are not the catalog's, only where there is one to tell which are.
    catalog: Option<Catalog>,
    subjects: Vec<Subject>,
    scope: Scope,
}

fn asked(workspace: &Workspace, args: &AuditArgs) -> anyhow::Result<Asked> {
    let references = references(args)?;
    let (mut subjects, scope) = match (&args.layout, &args.sbom[..]) {
        (None, []) if references.is_empty() => return of_catalog(workspace, args),
        (Some(layout), _) => (of_layout(layout, args)?, Scope::Whole),
        (None, []) => (of_registries(workspace, args, &references)?, Scope::Part),
        (None, documents) => (documents.iter().map(|path| auditor::document(path)).collect(), Scope::Part),
    };
    let catalog = match args.tracker.tracker {
        Some(_) => workspace.catalog_if_there()?,
        None => None,
    };
    if let Some(catalog) = &catalog {
        subjects.iter_mut().for_each(|subject| subject.own = own(catalog, subject));
    }
    Ok(Asked { catalog, subjects, scope })
}

/// The image of the catalog that an image is, as the organization's own SBOM says.
fn own(catalog: &Catalog, subject: &Subject) -> Option<ImageName> {
    let inventory = subject.sbom.as_ref().ok()?;
    let namespace = catalog.organization.sbom_namespace.as_str().trim_end_matches('/');
    let is_ours = inventory.document.namespace.strip_prefix(namespace)?.starts_with('/');
    let name = inventory.name();
    let mut images = catalog.images().filter(|_| is_ours);
    images.find(|image| image.name.to_string() == name).map(|image| image.name.clone())
}

/// What is known of vulnerabilities, where the tracker's data are named.
fn knowledge<'a>(
    workspace: &Workspace,
    args: &AuditArgs,
    catalog: Option<&'a Catalog>,
    subjects: &[Subject],
) -> anyhow::Result<Option<Knowledge<'a>>> {
    let releases = catalog.iter().flat_map(|catalog| catalog.releases.values());
    let codenames =
        Codenames(releases.map(|release| (release.version.clone(), release.codename.clone())).collect());
    let inventories: Vec<_> = subjects.iter().filter_map(|subject| subject.sbom.as_ref().ok()).collect();
    let asked = inventories.iter().filter_map(|inventory| codenames.of(inventory)).map(str::to_owned);
    let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
    let sources = packages.flat_map(BinaryPackage::sources).map(|source| source.name.as_str());
    let sources: BTreeSet<_> = sources.collect();
    let keep = |source: &str, _: &str| sources.contains(source);
    let Some(Told { tracker, date, place }) =
        advisories::tracker(workspace, &args.tracker, &asked.collect(), &keep)?
    else {
        return Ok(None);
    };
    let statements = catalog.map_or(&[][..], |catalog| &catalog.statements);
    Ok(Some(Knowledge { tracker, date, place, codenames, statements }))
}

/// The images in registries that are named, which no image of the catalog can be named beside.
fn references(args: &AuditArgs) -> anyhow::Result<Vec<Reference>> {
    let (references, names): (Vec<_>, Vec<_>) =
        args.images.iter().partition(|name| name.starts_with("docker://"));
    if let (Some(reference), Some(name)) = (references.first(), names.first()) {
        let error = anyhow!("`{reference}` is in a registry, and `{name}` is of the catalog");
        return Err(Advice::new(error, "audit them one after the other").into());
    }
    if !references.is_empty() && args.release.is_some() {
        let error = anyhow!("--release is of the catalog, and the images are in a registry");
        return Err(Advice::new(error, "leave it out").into());
    }
    references.into_iter().map(|reference| Ok(reference.parse()?)).collect()
}

/// Images in registries, for the architectures that are asked for, or all.
fn of_registries(
    workspace: &Workspace,
    args: &AuditArgs,
    references: &[Reference],
) -> anyhow::Result<Vec<Subject>> {
    let store = workspace.store(Access::ReadWrite)?;
    let is_asked = |subject: &Subject| {
        let all = args.arch.is_empty() || args.arch.contains(&Architecture::all());
        all || args.arch.iter().any(|on| on.as_str() == subject.architecture)
    };
    let mut registries = BTreeMap::new();
    let mut subjects = Vec::new();
    for Reference { repository, at } in references {
        let host = &repository.host;
        if !registries.contains_key(host) {
            registries.insert(host, workspace.registry(host, args.plain_http, &args.tracker.network)?);
        }
        let published = Published { registry: &registries[host], repository, store: &store };
        let mut found = published.subjects(at)?;
        found.retain(|(subject, _)| is_asked(subject));
        if found.is_empty() {
            let names: Vec<_> = args.arch.iter().map(Architecture::as_str).collect();
            let reference = Reference { repository: repository.clone(), at: at.clone() };
            return Err(anyhow!("`{reference}` has no image for {}", names.join(", ")));
        }
        let (mut of_reference, manifests): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        if !args.no_layers {
            with_images(&mut of_reference, &published, &manifests.iter().map(Some).collect::<Vec<_>>());
        }
        subjects.extend(of_reference);
    }
    Ok(subjects)
}

fn report(args: &AuditArgs, audit: &Audit<'_>) -> anyhow::Result<ExitCode> {
    let report = Report::of(audit);
    match args.format {
        AuditFormat::Table => anstream::print!("{}", table::text(&report)),
        AuditFormat::Json => anstream::println!("{}", json(&report)?),
        AuditFormat::Sarif => anstream::println!("{}", sarif::text(&report)?),
        AuditFormat::Markdown => anstream::print!("{}", markdown::text(&report)),
        AuditFormat::Html => anstream::print!("{}", html::page(&report)?),
    }
    if let Some(tracker) = &report.tracker {
        say("Tracker", &format!("of {}, in {}", tracker.date, tracker.place));
    }
    let images = count(audit.images.len(), "image");
    say("Audited", &format!("{images} by {}: {}", report.policy, report.counted()));
    Ok(if audit.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Every image of a layout, whichever catalog it is of.
fn of_layout(root: &Path, args: &AuditArgs) -> anyhow::Result<Vec<Subject>> {
    let layout = open(root)?;
    let named = layout.manifests().map(|(reference, _)| {
        // The architecture is Debian's, whose names have no hyphen where Linux is meant.
        reference.rsplit_once('-').unwrap_or((reference, "unknown"))
    });
    let subjects = named.map(|(name, architecture)| auditor::beside(root, name, architecture)).collect();
    Ok(with_layers(subjects, &layout, args))
}

/// Images of the catalog as they were built: for the architectures that are asked for, or were built.
fn of_catalog(workspace: &Workspace, args: &AuditArgs) -> anyhow::Result<Asked> {
    let catalog = workspace.catalog()?;
    let asked = if args.arch.is_empty() { Vec::new() } else { workspace.architectures(&args.arch)? };
    let selection =
        Selection { images: &args.images, release: args.release.as_deref(), architectures: &asked };
    let selected = select(&catalog, &selection)?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    let locks = locks(workspace, releases)?;
    let selected = locked(&catalog, selected, locks.values().flatten(), &args.images)?;
    let layout = open(&args.out)?;
    let built: BTreeSet<_> = layout.manifests().map(|(reference, _)| reference).collect();
    let mut targets = Vec::new();
    for (image, architectures) in &selected {
        let is_built = |on: &&Architecture| built.contains(image.name.on(on).as_str());
        let of_asked = architectures.iter().filter(|on| !asked.is_empty() || is_built(on));
        let mut audited: Vec<_> = of_asked.map(|on| (*image, on)).collect();
        if audited.is_empty() {
            audited.extend(architectures.first().map(|on| (*image, on)));
        }
        targets.extend(audited);
    }
    let of_target = |&(image, on): &(&Image, &Architecture)| Subject {
        lock: Some(lock_age(workspace, &image.name.release, locks[&image.name.release].as_ref())),
        privileged: image.privileged().map(|file| file.path.clone()).collect(),
        own: Some(image.name.clone()),
        ..auditor::beside(&args.out, &image.name.to_string(), on.as_str())
    };
    let mut subjects = with_layers(targets.par_iter().map(of_target).collect(), &layout, args);
    for (subject, (image, on)) in subjects.iter_mut().zip(&targets) {
        let lock = locks[&image.name.release].as_ref();
        let Some((Ok(built), lock)) = subject.image.as_ref().zip(lock) else { continue };
        let made_from: Vec<_> = built.layers.iter().map(|layer| layer.made_from.clone()).collect();
        subject.stale = lock.differs_from(&image.name, on, &made_from);
    }
    let is_whole = args.images.is_empty() && args.release.is_none() && args.arch.is_empty();
    let scope = if is_whole { Scope::Whole } else { Scope::Part };
    Ok(Asked { catalog: Some(catalog), subjects, scope })
}

/// The locks that there are.
fn locks<'a>(
    workspace: &Workspace,
    releases: BTreeSet<&'a ReleaseName>,
) -> anyhow::Result<BTreeMap<&'a ReleaseName, Option<Lock>>> {
    let directory = workspace.lock_directory();
    let lock = |release| Ok((release, definitions::lock(&directory, release)?));
    releases.into_iter().map(lock).collect()
}

fn lock_age(workspace: &Workspace, release: &ReleaseName, lock: Option<&Lock>) -> Result<LockAge, String> {
    let file = definitions::lock_path(&workspace.lock_directory(), release).display().to_string();
    let newest = lock.and_then(|lock| lock.suites.iter().map(|suite| suite.date).max());
    match newest {
        Some(newest) => Ok(LockAge { file, newest }),
        None => Err(format!("has no lock `{file}`")),
    }
}

/// The images of the subjects, with what their layers hold, unless documents alone are asked for.
fn with_layers(mut subjects: Vec<Subject>, layout: &LayoutReader, args: &AuditArgs) -> Vec<Subject> {
    if args.no_layers {
        return subjects;
    }
    let manifests: BTreeMap<_, _> = layout.manifests().collect();
    let of_subject = |subject: &Subject| manifests.get(subject.reference().as_str()).copied();
    let of_subjects: Vec<_> = subjects.iter().map(of_subject).collect();
    with_images(&mut subjects, layout, &of_subjects);
    subjects
}

fn with_images(subjects: &mut [Subject], blobs: &impl Blobs, manifests: &[Option<&Descriptor>]) {
    for (subject, image) in subjects.iter_mut().zip(auditor::images(blobs, manifests)) {
        subject.image = Some(image);
    }
}

fn open(root: &Path) -> anyhow::Result<LayoutReader> {
    let layout = LayoutReader::open(root)?;
    if layout.manifests().next().is_none() {
        let error = anyhow!("there are no images in `{}`", root.display());
        return Err(Advice::new(error, "`distro build` builds them; --layout names another place").into());
    }
    Ok(layout)
}
