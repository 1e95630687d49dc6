//! The host's Debian mirror, and what was fetched from it, which is kept for the next run.

use std::path::{Path, PathBuf};

use distro::debian::{AptSource, Package, Release, SourcesList};
use distro::effects::apt_sources::{AptConfiguration, AptFile, DEFAULT_DIRECTORY};
use distro::effects::archive::{Archive, Base, Named, Network};
use distro::effects::http::{Http, HttpOptions, base_url};
use distro::effects::progress::Silent;
use distro::effects::store::{Access, Store};

/// The suites whose presence in a source of apt's makes it a mirror of Debian's main archive.
const SUITES: [&str; 9] =
    ["bookworm", "trixie", "forky", "sid", "oldoldstable", "oldstable", "stable", "testing", "unstable"];

pub struct Mirror {
    http: Http,
    store: Store,
    bases: Vec<Base>,
}

impl Mirror {
    pub fn new() -> Self {
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle/store");
        Self {
            http: Http::new(HttpOptions::default()),
            store: Store::open(&store, Access::ReadWrite).unwrap(),
            bases: bases(),
        }
    }

    /// Fetches the index of a suite's `main` for amd64, packed with xz, as its Release file has it now. No
    /// signature is checked: whatever it holds is read by both.
    pub fn index(&self, suite: &str) -> PathBuf {
        let directory = format!("dists/{suite}");
        let release = self.archive().in_release(&directory, |bytes| signed_text(bytes).parse::<Release>());
        let release = release.unwrap_or_else(|error| fail(suite, &error)).checked;
        let path = "main/binary-amd64/Packages";
        let index = release.packages_index("main", &"amd64".parse().unwrap());
        let index = index.unwrap_or_else(|| panic!("{suite} has no `{path}`"));
        assert_eq!(index.path.as_str(), format!("{path}.xz"));
        let by_hash = index.by_hash.as_ref().unwrap_or(&index.path);
        let path = format!("{directory}/{}", index.path);
        let named = Named { path: &path, sha256: index.compressed.sha256, size: index.compressed.size };
        let fetched = self.archive().index(&format!("{directory}/{by_hash}"), named);
        self.store.path(fetched.unwrap_or_else(|error| fail(&path, &error)).digest)
    }

    /// Fetches a package.
    pub fn package(&self, package: &Package<'_>) -> PathBuf {
        let path = package.filename().unwrap().to_string();
        let named = Named { path: &path, sha256: package.sha256().unwrap(), size: package.size().unwrap() };
        let fetched = self.archive().package(named);
        self.store.path(fetched.unwrap_or_else(|error| fail(&path, &error)).digest)
    }

    fn archive(&self) -> Archive<'_> {
        Archive::new(&self.http, &self.store, self.bases.clone(), Network::Allowed, &Silent)
    }
}

/// Where the host's apt gets Debian from.
fn bases() -> Vec<Base> {
    let configuration = AptConfiguration::read(Path::new(DEFAULT_DIRECTORY));
    let read = |file: &AptFile| match file.path.extension().is_some_and(|extension| extension == "sources") {
        true => SourcesList::from_deb822(&file.text).sources,
        false => SourcesList::from_one_line(&file.text).sources,
    };
    let is_debian = |source: &AptSource| {
        source.suites.iter().any(|suite| SUITES.contains(&suite.as_str()))
            && source.components.iter().any(|component| component == "main")
    };
    let sources = configuration.sources.iter().flat_map(read).filter(is_debian);
    let base = |source: AptSource| {
        let url = base_url(source.uri.as_str()).unwrap();
        Base { url, origin: "host apt sources".to_owned() }
    };
    let mut bases: Vec<Base> = sources.map(base).collect();
    bases.dedup();
    assert!(
        !bases.is_empty(),
        "no source in {DEFAULT_DIRECTORY} names a suite of Debian's: these tests read real packages from the \
         mirror that the host's apt uses"
    );
    bases
}

/// What stands between the armour of a clear-signed file.
fn signed_text(in_release: &[u8]) -> String {
    let text = String::from_utf8_lossy(in_release);
    let text = text.split_once("\n\n").map_or("", |(_, text)| text);
    text.split("-----BEGIN PGP SIGNATURE").next().unwrap_or("").to_owned()
}

#[track_caller]
fn fail(what: &str, error: &dyn std::error::Error) -> ! {
    panic!("{what} cannot be had from the host's mirror, which these tests need: {error}")
}
