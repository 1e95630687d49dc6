//! `distro lock`: what the archive offers → resolutions → locks.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::anyhow;

use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Selection};
use distro::debian::Subject;
use distro::diagnostic::nearest;
use distro::effects::archive::Network;
use distro::effects::definitions;
use distro::lock::hold::Asked;

use super::diff::difference;
use super::renewal::{Must, Order, Outcome, renew};
use super::{Sources, Workspace, chain_of_trust, select};
use crate::cli::LockArgs;
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{diff, warn};

/// What `--check` says of a lock that does not fit the definitions.
const STALE: u8 = 3;

/// What `--check` says of a lock that fits, where the archive has something newer.
const RENEWABLE: u8 = 4;

/// The most that is fetched, in bytes, to tell what a renewal fixes. Builds need the same packages.
const CHANGELOGS_LIMIT: u64 = 50_000_000;

pub fn run(workspace: &Workspace, args: &LockArgs) -> anyhow::Result<ExitCode> {
    let catalog = workspace.catalog()?;
    let mut releases = releases(&catalog, &args.release)?;
    if args.check && is_stale(workspace, &catalog, &releases)? {
        return Ok(ExitCode::from(STALE));
    }
    if args.verify {
        return chain_of_trust::verify(workspace, &catalog, &releases, args).map(|()| ExitCode::SUCCESS);
    }
    let asked = asked(&catalog, args)?;
    if !asked.is_all() {
        releases = concerned(workspace, &asked, releases)?;
    }
    let sources = Sources::open(workspace, &catalog, None, &args.archive.network)?;
    let must = if args.keep_going { Must::Renew(&[]) } else { Must::RenewAll };
    let order = Order { releases: &releases, archive: &args.archive, must, asked: &asked };
    let outcomes = renew(workspace, &catalog, &sources, &order)?;
    let writes = !(args.check || args.dry_run);
    let mut differences = Vec::new();
    let bars = Bars::new();
    let progress = bars.stage("Fetching");
    let reach = sources.reach(Network::Allowed, &progress);
    for outcome in &outcomes {
        outcome.report(workspace, writes)?;
        let old = outcome.old.as_ref().filter(|_| outcome.is_new());
        differences.extend(old.map(|old| difference(reach, old, &outcome.lock, CHANGELOGS_LIMIT)));
    }
    progress.finish();
    differences.retain(|difference| !difference.changes.is_empty());
    anstream::print!("{}", diff::text(&differences));
    sources.share(Network::Allowed)?;
    let renewable = args.check && outcomes.iter().any(Outcome::is_new);
    Ok(if renewable { ExitCode::from(RENEWABLE) } else { ExitCode::SUCCESS })
}

/// The releases that are asked for; all that have images where none is.
fn releases<'a>(catalog: &'a Catalog, asked: &[String]) -> anyhow::Result<Vec<&'a ReleaseName>> {
    let known: Vec<&ReleaseName> = catalog.releases.keys().collect();
    for asked in asked {
        if !known.iter().any(|release| release.as_str() == asked) {
            let names = || known.iter().map(|name| name.as_str());
            let hint = nearest(asked, names())
                .map(|name| format!("did you mean `{name}`?"))
                .unwrap_or_else(|| format!("known: {}", names().collect::<Vec<_>>().join(", ")));
            return Err(Advice::new(anyhow!("the catalog has no release `{asked}`"), hint).into());
        }
    }
    let has_images = |release: &ReleaseName| catalog.images_of(release).next().is_some();
    let is_asked = |release: &&&ReleaseName| match asked {
        [] => has_images(release),
        asked => asked.iter().any(|asked| asked == release.as_str()),
    };
    let releases: Vec<_> = known.iter().filter(is_asked).copied().collect();
    if releases.is_empty() {
        let hint = "a family is one file beside catalog.toml; in a catalog that extends another, `images = [\"*\"]` \
                    takes all images of that";
        return Err(Advice::new(anyhow!("the catalog has no images"), hint).into());
    }
    Ok(releases)
}

/// Tells of locks that do not fit the definitions, whether there are any.
fn is_stale(workspace: &Workspace, catalog: &Catalog, releases: &[&ReleaseName]) -> anyhow::Result<bool> {
    let directory = workspace.lock_directory();
    let mut stale = false;
    for release in releases {
        let path = definitions::lock_path(&directory, release);
        let why = match definitions::lock(&directory, release)? {
            None => Some("there is none".to_owned()),
            Some(lock) => lock.staleness(catalog).map(|stale| stale.to_string()),
        };
        if let Some(why) = why {
            stale = true;
            warn(&format!("the lock `{}` does not fit the definitions: {why}", path.display()));
        }
    }
    Ok(stale)
}

fn asked(catalog: &Catalog, args: &LockArgs) -> anyhow::Result<Asked> {
    let images = match args.image.as_slice() {
        [] => BTreeSet::new(),
        names => {
            let selection = Selection { images: names, ..Selection::default() };
            select(catalog, &selection)?.into_iter().map(|(image, _)| image.name.clone()).collect()
        }
    };
    Ok(Asked { subjects: args.packages.clone(), images, security: args.security })
}

/// The releases whose locks have something of what is asked for.
fn concerned<'a>(
    workspace: &Workspace,
    asked: &Asked,
    releases: Vec<&'a ReleaseName>,
) -> anyhow::Result<Vec<&'a ReleaseName>> {
    let mut concerned = Vec::new();
    let mut unknown: BTreeSet<&Subject> = asked.subjects.iter().collect();
    let mut names = BTreeSet::new();
    for release in releases {
        let lock = workspace.existing_lock(release)?;
        let of_images = asked.images.is_empty() || asked.images.iter().any(|image| image.release == *release);
        let has = |subject: &Subject| {
            lock.pins.iter().any(|(name, pins)| pins.values().any(|pin| subject.is_about(name, &pin.source)))
        };
        unknown.retain(|subject| !has(subject));
        if of_images && (asked.subjects.is_empty() || asked.subjects.iter().any(has)) {
            concerned.push(release);
        }
        names.extend(lock.pins.into_keys());
    }
    if let Some(subject) = unknown.first() {
        let error = anyhow!("no lock pins `{subject}`");
        let text = subject.to_string();
        let mut known = names.iter().map(|name| name.as_str());
        let near = nearest(&text, known.clone()).or_else(|| known.find(|name| name.starts_with(&text)));
        let hint = near.map_or_else(
            || "`distro tree IMAGE` shows the packages of an image".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Advice::new(error, hint).into());
    }
    Ok(concerned)
}
