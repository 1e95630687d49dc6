//! `distro audit`: images held against a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use rayon::prelude::*;

use distro::audit::subject::LockAge;
use distro::audit::{Audit, Policy, Scope, Subject};
use distro::catalog::name::ReleaseName;
use distro::catalog::{Image, Selection};
use distro::debian::Architecture;
use distro::effects::auditor;
use distro::effects::definitions;
use distro::effects::layout::LayoutReader;
use distro::lock::Lock;

use super::{Workspace, locked, select};
use crate::cli::{AuditArgs, AuditFormat};
use crate::report::audit::{Report, html, json, markdown, sarif, table};
use crate::report::failure::Advice;
use crate::report::{count, say};

pub fn run(workspace: &Workspace, args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let policy = definitions::policy(args.policy.as_deref(), &workspace.places.catalog)?;
    let (subjects, scope) = match (&args.layout, &args.sbom[..]) {
        (Some(layout), _) => (of_layout(layout, args)?, Scope::Whole),
        (None, []) => of_catalog(workspace, args)?,
        (None, documents) => (documents.iter().map(|path| auditor::document(path)).collect(), Scope::Part),
    };
    let today = workspace.host.now.to_zoned(TimeZone::UTC).date();
    let audit = Audit::new(&subjects, &policy, today, scope);
    report(args, &audit, &policy)
}

fn report(args: &AuditArgs, audit: &Audit<'_>, policy: &Policy) -> anyhow::Result<ExitCode> {
    let report = Report::of(audit);
    match args.format {
        AuditFormat::Table => anstream::print!("{}", table::text(&report)),
        AuditFormat::Json => anstream::println!("{}", json(&report)?),
        AuditFormat::Sarif => anstream::println!("{}", sarif::text(&report)?),
        AuditFormat::Markdown => anstream::print!("{}", markdown::text(&report)),
        AuditFormat::Html => anstream::print!("{}", html::page(&report)?),
    }
    let images = count(audit.images.len(), "image");
    say("Audited", &format!("{images} by {}: {}", policy.path, report.tally));
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
fn of_catalog(workspace: &Workspace, args: &AuditArgs) -> anyhow::Result<(Vec<Subject>, Scope)> {
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
        let is_built = |on: &&Architecture| built.contains(format!("{}-{on}", image.name).as_str());
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
    Ok((subjects, if is_whole { Scope::Whole } else { Scope::Part }))
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
    let images = auditor::images(layout, &subjects.iter().map(of_subject).collect::<Vec<_>>());
    for (subject, image) in subjects.iter_mut().zip(images) {
        subject.image = Some(image);
    }
    subjects
}

fn open(root: &Path) -> anyhow::Result<LayoutReader> {
    let layout = LayoutReader::open(root)?;
    if layout.manifests().next().is_none() {
        let error = anyhow!("there are no images in `{}`", root.display());
        return Err(Advice::new(error, "`distro build` builds them; --layout names another place").into());
    }
    Ok(layout)
}
