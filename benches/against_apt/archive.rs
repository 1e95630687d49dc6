//! What a release offers on one architecture: fetched once, verified by our own code, and kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use distro::catalog::Catalog;
use distro::catalog::name::ReleaseName;
use distro::debian::control::paragraphs;
use distro::debian::{Architecture, PackagesIndex};
use distro::effects::apt_sources::{AptConfiguration, DEFAULT_DIRECTORY};
use distro::effects::archive::{Archive as Client, Network};
use distro::effects::definitions;
use distro::effects::http::{Http, HttpOptions};
use distro::effects::mirrors::Mirrors;
use distro::effects::progress::Silent;
use distro::effects::store::{Access, Store};
use distro::effects::suites::{SignedSuite, Trust, ValidUntil};
use distro::resolve::{Suite, Universe};

/// What an index may unpack to, in bytes.
const LIMIT: u64 = 1 << 30;

/// The suites of a release with their indexes for one architecture.
pub struct Archive {
    pub release: ReleaseName,
    pub architecture: Architecture,
    /// In the order of the catalog.
    pub suites: Vec<OfSuite>,
}

pub struct OfSuite {
    pub name: String,
    /// The `Packages` file as it was published.
    pub file: PathBuf,
    /// The same as the product keeps it: condensed.
    index: PackagesIndex,
}

impl Archive {
    /// Reads what is kept below a folder, and fetches what is not there yet.
    pub fn open(folder: &Path, release: &str, architecture: &str) -> Self {
        let kept = folder.join(format!("{release}-{architecture}"));
        let (release, architecture) = (release.parse().unwrap(), architecture.parse().unwrap());
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        let catalog = definitions::catalog(&images).unwrap();
        if !kept.join("fetched").exists() {
            fetch(folder, &kept, &images, &catalog, &release, &architecture);
        }
        let suites = catalog.releases[&release].suites.iter().map(|suite| {
            let file = kept.join(&suite.name);
            let index = PackagesIndex::from_bytes(fs::read(&file).unwrap()).unwrap();
            OfSuite { name: suite.name.clone(), file, index: PackagesIndex::new(index.condensed()) }
        });
        Self { suites: suites.collect(), release, architecture }
    }

    /// The same with one suite.
    pub fn only(mut self, suite: &str) -> Self {
        self.suites.retain(|of| of.name == suite);
        self
    }

    pub fn universe(&self) -> Universe<'_> {
        let suites = self.suites.iter().map(|of| Suite { label: &of.name, index: &of.index });
        let suites: Vec<_> = suites.collect();
        Universe::new(&self.architecture, &suites).unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// Every package name by its section, in alphabetical order.
    pub fn sections(&self) -> BTreeMap<String, Vec<String>> {
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for suite in &self.suites {
            let text = fs::read_to_string(&suite.file).unwrap();
            for paragraph in paragraphs(&text) {
                let field = |name| paragraph.get(name).unwrap_or_default().to_owned();
                sections.entry(field("Section")).or_default().push(field("Package"));
            }
        }
        for names in sections.values_mut() {
            names.sort();
            names.dedup();
        }
        sections
    }
}

impl std::fmt::Display for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.release, self.architecture)
    }
}

fn fetch(
    folder: &Path,
    kept: &Path,
    images: &Path,
    catalog: &Catalog,
    release: &ReleaseName,
    architecture: &Architecture,
) {
    let store = Store::open(&folder.join("store"), Access::ReadWrite).unwrap();
    let http = Http::new(HttpOptions::default());
    let apt = AptConfiguration::read(Path::new(DEFAULT_DIRECTORY));
    let (mirrors, _) = Mirrors::new(catalog, None, &apt);
    let keyring = definitions::keyring(images).unwrap();
    let of_release = &catalog.releases[release];
    let at = jiff::Timestamp::now();
    let trust = Trust { keyring: &keyring, release: of_release, at, valid_until: ValidUntil::Checked };
    fs::create_dir_all(kept).unwrap();
    for suite in &of_release.suites {
        let bases = mirrors.live(&suite.archive);
        let archive = Client::new(&http, &store, bases, Network::Allowed, &Silent);
        let fail =
            |error: &dyn std::error::Error| -> ! { panic!("{} for {architecture}: {error}", suite.name) };
        let signed =
            SignedSuite::fetch(&archive, suite, &suite.name, trust).unwrap_or_else(|error| fail(&error));
        let mut text = Vec::new();
        for index in signed.indexes(suite, architecture) {
            signed.fetch_index(&archive, &index).unwrap_or_else(|error| fail(&error));
            let packed = store.read(index.compressed.sha256).unwrap().unwrap();
            text.extend_from_slice(&index.compression.unpack(&packed, LIMIT).unwrap());
        }
        fs::write(kept.join(&suite.name), text).unwrap();
    }
    fs::write(kept.join("fetched"), "").unwrap();
}
