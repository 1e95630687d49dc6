//! A Debian archive in a temporary directory, signed, as `apt` itself would accept it.
//!
//! ```ignore
//! let mut archive = Archive::new();
//! Package::new("libc6", "2.41-1").file("/usr/lib/libc.so.6", "…").publish(&mut archive);
//! Package::new("libc6", "2.41-1+deb13u1").publish_to(&mut archive, "trixie-security");
//! archive.sign_with("trixie-updates", Signer::Expired);
//! ```
//!
//! Every call leaves an archive that is complete on disk: indices, by-hash copies and signatures.

mod deb;
mod keys;
mod package;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub use deb::{Compression, Content, Member, tar};
pub use keys::Signer;
pub use package::Package;
use source::Source;

/// The `Date` of a new suite: 15 June 2025, in seconds since the epoch.
pub const DATE: u64 = 1_750_000_000;

pub struct Archive {
    dir: TempDir,
    suites: BTreeMap<String, Suite>,
    /// Counts the writes, and dates the files: two states of an index never share their `Last-Modified`.
    writes: u64,
}

struct Suite {
    /// The directory of the archive that has the suite: `debian`, `debian-security`.
    root: String,
    /// As the Release file has it: `main`, and `updates/main` for security.
    component: String,
    architectures: Vec<String>,
    date: u64,
    valid_until: Option<u64>,
    /// Whether its packages are taken only where they are asked for, as those of backports.
    not_automatic: bool,
    signer: Option<Signer>,
    entries: Vec<Entry>,
    /// Whether it has an index of sources: those that are named here are not in it.
    without_sources: Option<BTreeSet<String>>,
}

/// One stanza of a Packages file.
struct Entry {
    name: String,
    architecture: String,
    filename: String,
    stanza: String,
    /// The source packages whose code is in it, in the pool and in the index as long as it is.
    sources: Vec<Source>,
}

impl Archive {
    /// The suites of trixie, with nothing in them, for amd64 and arm64.
    pub fn new() -> Self {
        Self::for_architectures(&["amd64", "arm64"])
    }

    pub fn for_architectures(architectures: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("archive-").tempdir().unwrap();
        fs::write(dir.path().join("keyring.gpg"), keys::keyring()).unwrap();
        let mut archive = Self { dir, suites: BTreeMap::new(), writes: 0 };
        archive.add_suite("debian", "trixie", "main", architectures);
        archive.add_suite("debian", "trixie-updates", "main", architectures);
        archive.add_suite("debian-security", "trixie-security", "updates/main", architectures);
        archive
    }

    /// Another suite, below `root` in [`Archive::dir`]: a third party's, or another release.
    pub fn add_suite(&mut self, root: &str, name: &str, component: &str, architectures: &[&str]) {
        let suite = Suite {
            root: root.to_owned(),
            component: component.to_owned(),
            architectures: architectures.iter().map(ToString::to_string).collect(),
            date: DATE,
            valid_until: None,
            not_automatic: false,
            signer: Some(Signer::Valid),
            entries: Vec::new(),
            without_sources: Some(BTreeSet::new()),
        };
        self.suites.insert(name.to_owned(), suite);
        self.write(name);
    }

    /// The directory to serve.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().join("www")
    }

    /// The keys that a user trusts, in binary form: those of every [`Signer`] but the unknown one.
    pub fn keyring(&self) -> PathBuf {
        self.dir.path().join("keyring.gpg")
    }

    /// A deb822 sources file for all suites, of an archive that is served at a URL.
    pub fn sources(&self, url: &str) -> String {
        let mut roots: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (name, suite) in &self.suites {
            roots.entry((&suite.root, suite.section())).or_default().push(name);
        }
        let stanza = |((root, component), suites): (&(&str, &str), &Vec<&str>)| {
            format!(
                "Types: deb\nURIs: {url}/{root}\nSuites: {}\nComponents: {component}\nSigned-By: {}\n",
                suites.join(" "),
                self.keyring().display()
            )
        };
        roots.iter().map(stanza).collect::<Vec<_>>().join("\n")
    }

    /// Sets the `Date` of a suite, in seconds since the epoch; its signature is made at that time too.
    pub fn set_date(&mut self, suite: &str, date: u64) {
        self.suite(suite).date = date;
        self.write(suite);
    }

    /// Sets the `Valid-Until` of a suite, in seconds since the epoch.
    pub fn set_valid_until(&mut self, suite: &str, date: u64) {
        self.suite(suite).valid_until = Some(date);
        self.write(suite);
    }

    /// Makes a suite one like backports: `NotAutomatic`, with `ButAutomaticUpgrades`.
    pub fn set_not_automatic(&mut self, suite: &str) {
        self.suite(suite).not_automatic = true;
        self.write(suite);
    }

    pub fn sign_with(&mut self, suite: &str, signer: Signer) {
        self.suite(suite).signer = Some(signer);
        self.write(suite);
    }

    /// Leaves the Release file without a signature, and no InRelease.
    pub fn leave_unsigned(&mut self, suite: &str) {
        self.suite(suite).signer = None;
        self.write(suite);
    }

    /// Takes every version of a package from a suite and from the pool, as Debian does when it moves on.
    pub fn withdraw(&mut self, suite: &str, package: &str) {
        let www = self.dir();
        let state = self.suite(suite);
        let root = www.join(&state.root);
        let gone = state.entries.extract_if(.., |entry| entry.name == package);
        for filename in gone.map(|entry| entry.filename).collect::<BTreeSet<_>>() {
            fs::remove_file(root.join(filename)).unwrap();
        }
        self.write(suite);
    }

    /// Leaves a suite without an index of sources, as many third parties do.
    pub fn leave_without_sources(&mut self, suite: &str) {
        self.suite(suite).without_sources = None;
        self.write(suite);
    }

    /// Takes every version of a source package from the index of a suite.
    pub fn withdraw_source(&mut self, suite: &str, source: &str) {
        let without = self.suite(suite).without_sources.as_mut();
        without.expect("the suite has an index of sources").insert(source.to_owned());
        self.write(suite);
    }

    /// The index of a suite and architecture, or of `source`, in its several forms, by-hash copies among them: paths
    /// below [`Archive::dir`] of what the Release names now.
    pub fn indices(&self, suite: &str, architecture: &str) -> Vec<String> {
        let state = &self.suites[suite];
        let dists = format!("{}/dists/{suite}", state.root);
        let directory = match architecture {
            "source" => "/source/".to_owned(),
            architecture => format!("/binary-{architecture}/"),
        };
        let indices = state.indices().into_iter().filter(|(path, _)| path.contains(&directory));
        indices
            .flat_map(|(path, bytes)| {
                [format!("{dists}/{}", by_hash(&path, &bytes)), format!("{dists}/{path}")]
            })
            .collect()
    }

    /// Changes the bytes of a file below [`Archive::dir`] behind the back of the signatures.
    pub fn tamper(&mut self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.dir().join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        self.put(&path, &bytes);
    }

    fn suite(&mut self, name: &str) -> &mut Suite {
        self.suites.get_mut(name).unwrap_or_else(|| panic!("the archive has no suite {name}"))
    }

    /// Puts a .deb into the pool and its stanza into the index of its architecture; of all, where it
    /// is for `all`. Gives its path below [`Archive::dir`].
    fn publish(&mut self, suite: &str, package: &Package, architecture: &str) -> String {
        let www = self.dir();
        let state = self.suite(suite);
        let (root, section) = (state.root.clone(), state.section().to_owned());
        let bytes = package.deb(architecture);
        let filename = package.pool_path(&section, architecture);
        let entry = Entry {
            name: package.name().to_owned(),
            architecture: architecture.to_owned(),
            stanza: package.stanza(architecture, &filename, &bytes),
            filename: filename.clone(),
            sources: package.sources(&section),
        };
        let sources: Vec<_> = entry.sources.iter().map(|source| (source.path(), source.dsc())).collect();
        state.entries.push(entry);
        for (path, dsc) in sources {
            self.put(&www.join(format!("{root}/{path}")), dsc.as_bytes());
        }
        let file = format!("{root}/{filename}");
        self.put(&www.join(&file), &bytes);
        self.write(suite);
        file
    }

    fn write(&mut self, name: &str) {
        let www = self.dir();
        let suite = &self.suites[name];
        let dists = www.join(&suite.root).join("dists").join(name);
        let indices = suite.indices();
        let release = suite.release(name, &indices);
        let signed = suite.signer.map(|signer| signer.clear_sign(&release, suite.date));
        for (path, bytes) in &indices {
            self.put(&dists.join(path), bytes);
            self.put(&dists.join(by_hash(path, bytes)), bytes);
        }
        self.put(&dists.join("Release"), release.as_bytes());
        match signed {
            Some(signed) => self.put(&dists.join("InRelease"), &signed),
            None => fs::remove_file(dists.join("InRelease")).unwrap_or(()),
        }
    }

    fn put(&mut self, path: &Path, bytes: &[u8]) {
        self.writes += 1;
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(DATE + self.writes);
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }
}

impl Suite {
    /// The component as sources and paths have it: `main` where the Release says `updates/main`.
    fn section(&self) -> &str {
        self.component.rsplit('/').next().unwrap_or_default()
    }

    fn indices(&self) -> Vec<(String, Vec<u8>)> {
        let mut indices = Vec::new();
        for architecture in &self.architectures {
            let belongs = |entry: &&Entry| entry.architecture == *architecture || entry.architecture == "all";
            let stanzas: Vec<&str> =
                self.entries.iter().filter(belongs).map(|entry| entry.stanza.as_str()).collect();
            let text = stanzas.join("\n").into_bytes();
            let path = format!("{}/binary-{architecture}/Packages", self.section());
            indices.push((format!("{path}.xz"), deb::compress(Compression::Xz, &text)));
            indices.push((path, text));
        }
        if let Some(without) = &self.without_sources {
            let sources: BTreeSet<_> = self.entries.iter().flat_map(|entry| &entry.sources).collect();
            let sources = sources.into_iter().filter(|source| !without.contains(&source.name));
            let text = sources.map(Source::stanza).collect::<Vec<_>>().join("\n").into_bytes();
            let path = format!("{}/source/Sources", self.section());
            indices.push((format!("{path}.xz"), deb::compress(Compression::Xz, &text)));
            indices.push((path, text));
        }
        indices
    }

    fn release(&self, name: &str, indices: &[(String, Vec<u8>)]) -> String {
        let mut text = format!("Origin: Debian\nLabel: Debian\nSuite: {name}\nCodename: {name}\n");
        let date = |seconds: u64| {
            let time = jiff::Timestamp::from_second(seconds.cast_signed()).unwrap();
            time.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
        };
        let _ = writeln!(text, "Date: {}", date(self.date));
        if let Some(valid_until) = self.valid_until {
            let _ = writeln!(text, "Valid-Until: {}", date(valid_until));
        }
        if self.not_automatic {
            text.push_str("NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
        }
        let _ = writeln!(text, "Acquire-By-Hash: yes");
        let _ = writeln!(text, "Architectures: {}", self.architectures.join(" "));
        let _ = writeln!(text, "Components: {}\nSHA256:", self.component);
        for (path, bytes) in indices {
            let _ = writeln!(text, " {} {:8} {path}", sha256(bytes), bytes.len());
        }
        text
    }
}

/// The second name of an index, which stays when the first gets other content.
fn by_hash(path: &str, bytes: &[u8]) -> String {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!("{directory}/by-hash/SHA256/{}", sha256(bytes))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
