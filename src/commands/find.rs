//! `distro find`: which images hold something.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use serde::Serialize;

use distro::advisory::{Advisory, Code, VulnerabilityId};
use distro::audit::Inventory;
use distro::catalog::name::{ReleaseName, TarballName};
use distro::catalog::{Catalog, Image, Selection};
use distro::debian::{Architecture, PackageName, Source, Version};
use distro::effects::archive::Network;
use distro::effects::builder::{Builder, Target};
use distro::effects::definitions;
use distro::effects::layers::Layers;
use distro::effects::layout::{LayoutError, read_sbom};
use distro::effects::places::Places;
use distro::effects::progress::Silent;
use distro::find::{FilePattern, Holders, Kind, LicensePattern, PackageQuery, Query};
use distro::image::built::{OwnedLayer, Owner};
use distro::lock::{Closure, Lock, Pin};
use distro::tree;

use super::{Sources, Workspace, advisories, select_some};
use crate::cli::{FindArgs, Format, QueryKind};
use crate::report::failure::Advice;
use crate::report::find::{self, Findings, Held};
use crate::report::{count, say, warn};

/// The query was answered, and nothing was found.
const NOT_FOUND: u8 = 3;
/// Nothing was found, where it was looked.
const INCOMPLETE: u8 = 4;

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
        search.add(image, architectures, &locks);
    }
    match &query {
        Query::Package(query) => {
            let found = search.packages(query);
            if found.is_empty() {
                search.suggest(query);
            }
            search.answer(&found, found.len())
        }
        Query::Source(query) => {
            let found = search.sources(query);
            search.answer(&found, found.len())
        }
        Query::File(pattern) => {
            let found = search.files(pattern, &locks)?;
            search.answer(&found, found.len())
        }
        Query::License(pattern) => {
            let found = search.licenses(pattern)?;
            search.answer(&found, found.len())
        }
        Query::Vulnerability(id) => {
            let found = search.vulnerability(id)?;
            let open = found.keys().filter(|row| row.open).count();
            search.answer(&found, open)
        }
    }
}

/// The images that are looked into.
struct Search<'a> {
    workspace: &'a Workspace,
    args: &'a FindArgs,
    catalog: &'a Catalog,
    images: Vec<Locked<'a>>,
    /// Why images are not looked into, and which.
    unseen: BTreeMap<&'static str, BTreeSet<String>>,
}

/// An image of one architecture, as a lock has it.
#[derive(Clone, Copy)]
struct Locked<'a> {
    image: &'a Image,
    architecture: &'a Architecture,
    lock: &'a Lock,
    closure: &'a Closure,
}

/// A package or an upstream tarball in images.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct PackageRow {
    package: String,
    version: String,
    /// Source packages have other versions than binary packages that were built again.
    source: Option<String>,
    /// Where it came in by Built-Using or Static-Built-Using: the source package whose code it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    built_with: Option<String>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct FileRow {
    path: String,
    owner: String,
    /// `file`, `directory` or `link to TARGET`.
    is: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct LicenseRow {
    package: String,
    version: String,
    license: String,
    /// Whether only what is declared for the whole source package has it, and not what is concluded for the binary.
    declared_only: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct VulnerabilityRow {
    package: String,
    version: String,
    source: String,
    built_in: bool,
    state: &'static str,
    #[serde(skip)]
    shown: String,
    open: bool,
    urgency: Option<String>,
    description: Option<String>,
    /// The tracker's row.
    advisory: String,
    url: String,
}

impl Held for PackageRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "SOURCE"];

    fn cells(&self) -> [String; 3] {
        let source = match (&self.built_with, &self.source) {
            (Some(with), _) => format!("built with {with}"),
            (None, Some(source)) => source.clone(),
            (None, None) => "upstream tarball".to_owned(),
        };
        [self.package.clone(), self.version.clone(), source]
    }
}

impl Held for FileRow {
    const HEAD: [&'static str; 3] = ["PATH", "OWNER", "IS"];

    fn cells(&self) -> [String; 3] {
        [self.path.clone(), self.owner.clone(), self.is.clone()]
    }
}

impl Held for LicenseRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "LICENCE"];

    fn cells(&self) -> [String; 3] {
        let note = if self.declared_only { " (of the source only)" } else { "" };
        [self.package.clone(), self.version.clone(), format!("{}{note}", self.license)]
    }
}

impl Held for VulnerabilityRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "STATE"];

    fn cells(&self) -> [String; 3] {
        let built_in = if self.built_in { format!(" (built with {})", self.source) } else { String::new() };
        [self.package.clone(), self.version.clone(), format!("{}{built_in}", self.shown)]
    }
}

impl<'a> Search<'a> {
    fn add(
        &mut self,
        image: &'a Image,
        architectures: &'a [Architecture],
        locks: &'a BTreeMap<&ReleaseName, Lock>,
    ) {
        let Some(lock) = locks.get(&image.name.release) else {
            return self.leave_out("there is no lock of their release", image.name.to_string());
        };
        let Some(closure) = lock.closure(&image.name) else {
            return self.leave_out("the lock does not have them", image.name.to_string());
        };
        for architecture in architectures {
            if closure.packages.contains_key(architecture) {
                self.images.push(Locked { image, architecture, lock, closure });
            } else {
                let name = format!("{}-{architecture}", image.name);
                self.leave_out("the lock does not have them", name);
            }
        }
    }

    fn leave_out(&mut self, why: &'static str, image: String) {
        self.unseen.entry(why).or_default().insert(image);
    }

    /// Says what was found, and what was not looked into.
    fn answer<T: Held>(&self, findings: &Findings<T>, matches: usize) -> anyhow::Result<ExitCode> {
        match self.args.format {
            Format::Json => anstream::println!("{}", find::json(findings)?),
            Format::Table if findings.is_empty() => {}
            Format::Table => anstream::print!("{}", find::text(findings)),
        }
        for (why, images) in &self.unseen {
            let names: Vec<_> = images.iter().take(3).map(String::as_str).collect();
            let more = if images.len() > names.len() { ", …" } else { "" };
            let images = count(images.len(), "image");
            warn(&format!("{images} not looked into, as {why}: {}{more}", names.join(", ")));
        }
        if matches > 0 {
            let images: BTreeSet<_> = findings.values().flat_map(Holders::images).collect();
            say("Found", &format!("in {} of {}", count(images.len(), "image"), self.images.len()));
            return Ok(ExitCode::SUCCESS);
        }
        say("Not found", &format!("in {}", count(self.images.len(), "image")));
        Ok(ExitCode::from(if self.unseen.is_empty() { NOT_FOUND } else { INCOMPLETE }))
    }

    fn packages(&self, query: &PackageQuery) -> Findings<PackageRow> {
        let mut found = Findings::new();
        for held in &self.images {
            for (name, pin) in held.pins() {
                if query.admits(name, &pin.version, &pin.architecture) {
                    held.note(&mut found, PackageRow::of(name, pin, None));
                }
            }
            for (name, version) in held.tarballs() {
                let software = self.catalog.tarballs.get(name).map_or(name.as_str(), |known| &known.software);
                if query.admits_software(software, version) || query.admits_software(name.as_str(), version) {
                    held.note(&mut found, PackageRow::of_tarball(name, software, version));
                }
            }
        }
        found
    }

    fn sources(&self, query: &PackageQuery) -> Findings<PackageRow> {
        let mut found = Findings::new();
        for held in &self.images {
            for (name, pin) in held.pins() {
                let own = Source { name: pin.source.clone(), version: pin.source_version.clone() };
                if query.admits_source(&own) {
                    held.note(&mut found, PackageRow::of(name, pin, None));
                }
                for built_in in pin.built_using.iter().filter(|source| query.admits_source(source)) {
                    held.note(&mut found, PackageRow::of(name, pin, Some(built_in)));
                }
            }
        }
        found
    }

    /// Where no package has the name, another thing may.
    fn suggest(&self, query: &PackageQuery) {
        if !self.sources(query).is_empty() {
            warn(&format!("`{0}` is the name of a source package: try `distro find src:{0}`", query.name()));
        }
    }

    fn files(
        &mut self,
        pattern: &FilePattern,
        locks: &BTreeMap<&ReleaseName, Lock>,
    ) -> anyhow::Result<Findings<FileRow>> {
        let vendor = self.workspace.vendor()?;
        let sources =
            Sources::open(self.workspace, self.catalog, vendor.as_ref(), &self.args.tracker.network)?;
        let places = Places::of(locks.values(), sources.reach(Network::Offline, &Silent));
        let pool = rayon::ThreadPoolBuilder::new().build()?;
        let layers = Layers { store: &sources.store, filters: &self.catalog.filters, pool: &pool };
        let targets: Vec<_> = self.images.iter().map(|held| held.target(self.catalog, &places)).collect();
        let (records, missing) = layers.look_up(targets.iter().flat_map(Target::inputs))?;
        let missing: BTreeSet<_> = missing.into_iter().map(|input| layers.key(input)).collect();
        let builder = Builder { catalog: self.catalog, layers: &layers, records };
        let mut found = Findings::new();
        let mut unbuilt = Vec::new();
        for (held, target) in self.images.iter().zip(&targets) {
            if target.inputs().any(|input| missing.contains(&layers.key(input))) {
                unbuilt.push(held.reference());
                continue;
            }
            for OwnedLayer { owner, record, .. } in &builder.build(*target)?.layers {
                for listed in record.listing.iter() {
                    let path = listed.path.to_string();
                    let is = match &listed.kind {
                        tree::Kind::Directory if !pattern.is_exact() => continue,
                        tree::Kind::Directory => "directory".to_owned(),
                        tree::Kind::Symlink(target) => format!("link to {target}"),
                        tree::Kind::File(_) | tree::Kind::HardLink(_) => "file".to_owned(),
                    };
                    if pattern.admits(&path) {
                        held.note(&mut found, FileRow { path, owner: held.owner(owner), is });
                    }
                }
            }
        }
        for reference in unbuilt {
            self.leave_out("the store does not have their layers: `distro build` makes them", reference);
        }
        Ok(found)
    }

    fn licenses(&mut self, pattern: &LicensePattern) -> anyhow::Result<Findings<LicenseRow>> {
        let mut found = Findings::new();
        for held in self.images.clone() {
            let reference = held.reference();
            let text = match read_sbom(&self.args.out, &reference) {
                Err(LayoutError::NoImage { .. }) => {
                    self.leave_out("they are not built: `distro build` does it", reference);
                    continue;
                }
                text => text?,
            };
            let inventory = Inventory::parse(&text).map_err(|error| {
                anyhow::Error::new(error).context(format!("the SBOM of {reference} cannot be read"))
            })?;
            for element in inventory.contents() {
                let of = |license: &Option<String>| license.clone().filter(|text| pattern.admits(text));
                let concluded = of(&element.license_concluded);
                let declared_only = concluded.is_none();
                if let Some(license) = concluded.or_else(|| of(&element.license_declared)) {
                    let version = element.version.clone().unwrap_or_default();
                    held.note(
                        &mut found,
                        LicenseRow { package: element.name.clone(), version, license, declared_only },
                    );
                }
                if element.license_concluded.is_none() && element.license_declared.is_none() {
                    self.leave_out(
                        "the SBOM does not say the licence of all that they hold",
                        reference.clone(),
                    );
                }
            }
        }
        Ok(found)
    }

    fn vulnerability(&mut self, id: &VulnerabilityId) -> anyhow::Result<Findings<VulnerabilityRow>> {
        let codename = |held: &Locked<'_>| self.catalog.releases[&held.image.name.release].codename.clone();
        let codenames: BTreeSet<String> = self.images.iter().map(codename).collect();
        let wanted = id.to_string();
        let tracker =
            advisories::tracker(self.workspace, &self.args.tracker, &codenames, &|_, id| id == wanted)?;
        let Some((tracker, date)) = tracker else {
            let error = anyhow::anyhow!("{id} cannot be looked up without the tracker's data");
            return Err(Advice::new(error, "name them by --tracker: a file, a URL, or `debian`").into());
        };
        let known: Vec<_> = tracker.sources().map(ToString::to_string).collect();
        let known = if known.is_empty() {
            "does not know it".to_owned()
        } else {
            format!("has it for {}", known.join(", "))
        };
        say("Tracker", &format!("of {date} {known}"));
        let mut found = Findings::new();
        for held in self.images.clone() {
            let codename = &self.catalog.releases[&held.image.name.release].codename;
            for (name, pin) in held.pins().filter(|(_, pin)| !is_third_party(self.catalog, pin)) {
                let own = Code { source: &pin.source, version: &pin.source_version, built_in: false };
                let built_in = pin.built_using.iter().map(|source| Code {
                    source: &source.name,
                    version: &source.version,
                    built_in: true,
                });
                for code in std::iter::once(own).chain(built_in) {
                    for advisory in tracker.judge(codename, code) {
                        held.note(&mut found, VulnerabilityRow::of(name, pin, code, &advisory));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Whether Debian's advisories do not speak of a package.
fn is_third_party(catalog: &Catalog, pin: &Pin) -> bool {
    catalog.archives.get(&pin.archive).is_some_and(distro::catalog::Archive::is_third_party)
}

impl<'a> Locked<'a> {
    fn pins(self) -> impl Iterator<Item = (&'a PackageName, &'a Pin)> {
        let names = self.closure.packages.get(self.architecture).into_iter().flatten();
        names.filter_map(move |name| Some((name, self.lock.pin(name, self.architecture)?)))
    }

    fn tarballs(self) -> impl Iterator<Item = (&'a TarballName, &'a str)> {
        let names = self.closure.tarballs.iter();
        names.filter_map(move |name| Some((name, self.lock.tarballs.get(name)?.version.as_str())))
    }

    fn target(self, catalog: &'a Catalog, places: &'a Places<'a>) -> Target<'a> {
        let Self { image, architecture, lock, closure } = self;
        Target {
            image,
            release: &catalog.releases[&image.name.release],
            architecture,
            platform: &catalog.platforms[architecture],
            lock,
            closure,
            places,
            tarballs: &catalog.tarballs,
        }
    }

    fn reference(self) -> String {
        format!("{}-{}", self.image.name, self.architecture)
    }

    /// `libc6 2.41-12`, `step accounts`.
    fn owner(self, owner: &Owner) -> String {
        match owner {
            Owner::Package(name) => match self.lock.pin(name, self.architecture) {
                Some(pin) => format!("{name} {}", pin.version),
                None => name.to_string(),
            },
            owner => owner.to_string(),
        }
    }

    fn note<T: Ord>(self, findings: &mut Findings<T>, what: T) {
        findings.entry(what).or_default().add(&self.image.name, self.architecture);
    }
}

impl PackageRow {
    fn of(name: &PackageName, pin: &Pin, built_with: Option<&Source>) -> Self {
        let shown = |name: &PackageName, version: &Version| format!("{name} {version}");
        Self {
            package: name.to_string(),
            version: pin.version.to_string(),
            source: Some(shown(&pin.source, &pin.source_version)),
            built_with: built_with.map(|source| shown(&source.name, &source.version)),
        }
    }

    fn of_tarball(name: &TarballName, software: &str, version: &str) -> Self {
        let package =
            if software == name.as_str() { software.to_owned() } else { format!("{software} ({name})") };
        Self { package, version: version.to_owned(), source: None, built_with: None }
    }
}

impl VulnerabilityRow {
    fn of(name: &PackageName, pin: &Pin, code: Code<'_>, advisory: &Advisory<'_>) -> Self {
        Self {
            package: name.to_string(),
            version: pin.version.to_string(),
            source: format!("{} {}", code.source, code.version),
            built_in: code.built_in,
            state: advisory.judgement.name(),
            shown: advisory.judgement.to_string(),
            open: advisory.judgement.is_open(),
            urgency: advisory.urgency().map(|urgency| urgency.to_string()),
            description: advisory.issue.description.clone(),
            advisory: advisory.to_string(),
            url: advisory.url(),
        }
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
