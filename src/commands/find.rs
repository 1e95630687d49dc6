//! `distro find`: which images hold something.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use distro::advisory::VulnerabilityId;
use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Selection};
use distro::effects::archive::Network;
use distro::effects::definitions;
use distro::effects::finder::{self, Found};
use distro::effects::layers::Layers;
use distro::effects::places::Places;
use distro::effects::progress::Silent;
use distro::find::{
    FilePattern, FileRow, Findings, Holders, Kind, PackageQuery, PackageRow, Query, VulnerabilityRow,
    packages, sources, vulnerabilities,
};
use distro::lock::{Lock, LockedImage};

use super::advisories::Told;
use super::{Sources, Workspace, advisories, select_some};
use crate::cli::{FindArgs, Format, QueryKind};
use crate::report::failure::Advice;
use crate::report::find::{self, Held};
use crate::report::{count, say, warn};

/// The query was answered, and nothing was found.
const NOT_FOUND: u8 = 3;
/// Nothing was found where it was looked.
const INCOMPLETE: u8 = 4;

const NOT_LOCKED: &str = "in no lock";
const NOT_IN_STORE: &str = "layers missing from the store, which `distro build` makes";
const NOT_TOLD: &str = "no SBOM that says the licence of all that it holds, which `distro build` makes";

pub fn run(workspace: &Workspace, args: &FindArgs) -> anyhow::Result<ExitCode> {
    let query = Query::parse(&args.query, args.kind.map(Kind::from))?;
    let catalog = workspace.catalog()?;
    let selection = Selection { images: &args.images, architectures: &args.arch, ..Selection::default() };
    let selected = select_some(&catalog, &selection)?;
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    let mut locks = BTreeMap::new();
    for release in releases {
        locks.extend(definitions::lock(&workspace.lock_directory(), release)?.map(|lock| (release, lock)));
    }
    let mut search =
        Search { workspace, args, catalog: &catalog, images: Vec::new(), unseen: BTreeMap::new() };
    for (image, architectures) in &selected {
        for architecture in architectures {
            let lock = locks.get(&image.name.release);
            match lock.and_then(|lock| LockedImage::find(&catalog, image, architecture, lock)) {
                Some(locked) => search.images.push(locked),
                None => {
                    let unlocked = search.unseen.entry(NOT_LOCKED).or_default();
                    unlocked.insert(image.name.on(architecture));
                }
            }
        }
    }
    match &query {
        Query::Package(query) => search.answer(&search.packages(query)),
        Query::Source(query) => search.answer(&sources(&search.images, query)),
        Query::Vulnerability(id) => search.answer(&search.vulnerability(id)?),
        Query::File(pattern) => {
            let Found { findings, unseen } = search.files(pattern, &locks)?;
            search.unseen.insert(NOT_IN_STORE, unseen);
            search.answer(&findings)
        }
        Query::License(pattern) => {
            let Found { findings, unseen } = finder::licenses(&args.out, &search.images, pattern)?;
            search.unseen.insert(NOT_TOLD, unseen);
            search.answer(&findings)
        }
    }
}

struct Search<'a> {
    workspace: &'a Workspace,
    args: &'a FindArgs,
    catalog: &'a Catalog,
    images: Vec<LockedImage<'a>>,
    /// Why images are not looked into, and which.
    unseen: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Search<'_> {
    /// Says what was found, and what was not looked into.
    fn answer<T: Held>(&self, findings: &Findings<T>) -> anyhow::Result<ExitCode> {
        match self.args.format {
            Format::Json => anstream::println!("{}", find::json(findings)?),
            Format::Table if findings.is_empty() => {}
            Format::Table => anstream::print!("{}", find::text(findings)),
        }
        let unseen = self.unseen.iter().filter(|(_, images)| !images.is_empty());
        for (why, images) in unseen.clone() {
            let names: Vec<_> = images.iter().take(3).map(String::as_str).collect();
            let more = if images.len() > names.len() { ", …" } else { "" };
            let images = count(images.len(), "image");
            warn(&format!("{images} not looked into ({why}): {}{more}", names.join(", ")));
        }
        let counted = findings.iter().filter(|(what, _)| what.counts()).map(|(_, holders)| holders);
        let images: BTreeSet<_> = counted.flat_map(Holders::images).collect();
        let all = count(self.images.len(), "image");
        if !images.is_empty() {
            say("Found", &format!("in {} of {all}", images.len()));
            return Ok(ExitCode::SUCCESS);
        }
        say("Not found", &format!("in {all}"));
        Ok(ExitCode::from(if unseen.count() == 0 { NOT_FOUND } else { INCOMPLETE }))
    }

    fn packages(&self, query: &PackageQuery) -> Findings<PackageRow> {
        let found = packages(&self.images, query);
        if found.is_empty() && !sources(&self.images, query).is_empty() {
            warn(&format!("`{0}` is the name of a source package: try `distro find src:{0}`", query.name()));
        }
        found
    }

    fn files(
        &self,
        pattern: &FilePattern,
        locks: &BTreeMap<&ReleaseName, Lock>,
    ) -> anyhow::Result<Found<FileRow>> {
        let vendor = self.workspace.vendor()?;
        let network = &self.args.tracker.network;
        let sources = Sources::open(self.workspace, self.catalog, vendor.as_ref(), network)?;
        let places = Places::of(locks.values(), sources.reach(Network::Offline, &Silent));
        let pool = rayon::ThreadPoolBuilder::new().build()?;
        let layers = Layers { store: &sources.store, filters: &self.catalog.filters, pool: &pool };
        Ok(finder::files(self.catalog, &self.images, pattern, &layers, &places)?)
    }

    fn vulnerability(&self, id: &VulnerabilityId) -> anyhow::Result<Findings<VulnerabilityRow>> {
        let codenames = self.images.iter().map(|held| held.release().codename.clone()).collect();
        let wanted = id.to_string();
        let keep = |_: &str, id: &str| id == wanted;
        let tracker = advisories::tracker(self.workspace, &self.args.tracker, &codenames, &keep)?;
        let Some(Told { tracker, date, .. }) = tracker else {
            let error = anyhow::anyhow!("{id} cannot be looked up without the tracker's data");
            return Err(Advice::new(error, "name them by --tracker: a file, a URL, or `debian`").into());
        };
        let known: Vec<_> = tracker.sources().map(ToString::to_string).collect();
        let known = match known.as_slice() {
            [] => format!("does not know {id}"),
            known => format!("has {id} for {}", known.join(", ")),
        };
        say("Tracker", &format!("of {date} {known}"));
        Ok(vulnerabilities(&self.images, &tracker))
    }
}

impl From<QueryKind> for Kind {
    fn from(kind: QueryKind) -> Self {
        match kind {
            QueryKind::Package => Self::Package,
            QueryKind::Source => Self::Source,
            QueryKind::File => Self::File,
            QueryKind::License => Self::License,
            QueryKind::Vulnerability => Self::Vulnerability,
        }
    }
}
