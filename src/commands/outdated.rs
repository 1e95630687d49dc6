//! `distro outdated`: what a renewal of the locks would bring.

use serde::Serialize;

use distro::catalog::{Catalog, Selection};
use distro::debian::PackageName;
use distro::lock::changes::{Move, PackageChange};
use distro::lock::hold::{Asked, is_security};

use super::renewal::{Must, Order, Outcome, renew};
use super::{Sources, Workspace, select};
use crate::cli::{Format, OutdatedArgs};
use crate::report::{say, table, warn};

/// A package that would be renewed.
#[derive(Serialize)]
struct Row<'a> {
    release: &'a str,
    package: &'a str,
    /// `null` where it is not locked yet.
    locked: Option<&'a str>,
    /// `null` where nothing needs it any longer.
    newest: Option<&'a str>,
    suite: &'a str,
    /// Whether the newest version is from a security suite.
    security: bool,
    architectures: Vec<&'a str>,
}

pub fn run(workspace: &Workspace, args: &OutdatedArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let selection = Selection { images: &args.images, ..Selection::default() };
    let selected = select(&catalog, &selection)?;
    let mut releases: Vec<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    releases.sort();
    releases.dedup();
    for release in &releases {
        workspace.existing_lock(release)?;
    }
    let sources = Sources::open(workspace, &catalog, None, &args.archive.network)?;
    let order = Order {
        releases: &releases,
        archive: &args.archive,
        must: Must::Renew(&[]),
        asked: &Asked::default(),
    };
    let outcomes = renew(workspace, &catalog, &sources, &order)?;
    outcomes.iter().flat_map(|outcome| &outcome.warnings).for_each(|warning| warn(warning));
    let differences: Vec<_> = outcomes.iter().map(|outcome| (outcome, outcome.difference())).collect();
    let changes = differences.iter().flat_map(|(outcome, difference)| {
        let changes = difference.iter().flat_map(|difference| &difference.changes.packages);
        changes.map(move |change| (*outcome, change))
    });
    let rows = changes.filter(|(outcome, change)| is_held(&catalog, args, outcome, &change.name));
    let rows = rows.flat_map(|(outcome, change)| {
        change.moves.iter().map(move |of| Row::new(outcome.lock.release.as_str(), change, of))
    });
    let rows: Vec<_> = rows.collect();
    if args.format == Format::Json {
        anstream::println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    if rows.is_empty() {
        say("Unchanged", "a renewal would bring nothing");
        return Ok(());
    }
    let cells = rows.iter().map(|row| {
        let version = |version: Option<&str>| version.unwrap_or("-").to_owned();
        [
            row.release.to_owned(),
            row.package.to_owned(),
            version(row.locked),
            version(row.newest),
            row.suite.to_owned(),
        ]
    });
    anstream::print!("{}", table::table(["RELEASE", "PACKAGE", "LOCKED", "NEWEST", "SUITE"], &[], cells));
    Ok(())
}

/// Whether an image that is asked for holds a package, or would hold it.
fn is_held(catalog: &Catalog, args: &OutdatedArgs, outcome: &Outcome, name: &PackageName) -> bool {
    let selection = Selection { images: &args.images, ..Selection::default() };
    let images = catalog.select(&selection).unwrap_or_default();
    images.iter().any(|(image, _)| {
        let locks = outcome.old.iter().chain([&outcome.lock]);
        let closures = locks.filter_map(|lock| lock.closure(&image.name));
        image.name.release == outcome.lock.release
            && closures.flat_map(|closure| closure.packages.values()).any(|packages| packages.contains(name))
    })
}

impl<'a> Row<'a> {
    fn new(release: &'a str, change: &'a PackageChange, of: &'a Move) -> Self {
        Self {
            release,
            package: change.name.as_str(),
            locked: of.old.as_ref().map(|version| version.as_str()),
            newest: of.new.as_ref().map(|version| version.as_str()),
            suite: &of.suite,
            security: is_security(&of.suite),
            architectures: of.architectures.iter().map(|architecture| architecture.as_str()).collect(),
        }
    }
}
