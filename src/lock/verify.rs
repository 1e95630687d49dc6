//! The chain of trust of a lock, gone over again: InRelease → index → package → `.deb`, or source package; and signed
//! checksums → tarball.
//!
//! Nothing is taken on trust but the keys: each file is the one that the link before it names by its SHA-256.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use super::{
    Lock, LockedEvidence, LockedFile, LockedSuite, LockedTarball, Pin, Publisher, SourcePin, TarballPin,
};
use crate::catalog::name::TarballName;
use crate::catalog::tarball::{Evidence, Tarball};
use crate::catalog::{Release as CatalogRelease, Suite};
use crate::debian::signed::{Fingerprint, Keyring, SignatureError, verify, verify_detached};
use crate::debian::{
    Architecture, Compression, InvalidIndex, InvalidRelease, InvalidStanza, Package, PackageName,
    PackagesIndex, Release, Source, SourcePackage, SourcesIndex, UnpackError,
};
use crate::digest::Sha256;
use crate::tarball::checksums::{self, NoChecksum};

/// A suite is signed within this time of the date in it.
const UNTIL_SIGNED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The most that an index may unpack to, in bytes.
const INDEX_LIMIT: u64 = 1 << 30;

/// What is verified, and by whose word.
pub struct Claim<'a> {
    pub lock: &'a Lock,
    /// Those that are gone over.
    pub architectures: BTreeSet<&'a Architecture>,
    pub keyring: &'a Keyring,
    /// The release, whose suites say which keys they trust.
    pub release: &'a CatalogRelease,
    /// The tarballs that the catalog defines, which say so too.
    pub tarballs: &'a BTreeMap<TarballName, Tarball>,
    pub now: Timestamp,
}

/// A file that a lock names, as far as it is at hand.
pub enum Held<T> {
    /// Its bytes have the SHA-256 of the lock.
    Whole(T),
    /// Another file is in its place.
    Altered(String),
    Absent,
}

/// How often each kind of link was found to hold, and what was found wrong.
#[derive(Debug, Default)]
pub struct Verdict {
    pub suites: usize,
    pub indexes: usize,
    pub packages: usize,
    pub source_indexes: usize,
    pub sources: usize,
    pub tarballs: usize,
    pub findings: Vec<Finding>,
}

/// A link that cannot be trusted, or cannot be seen.
#[derive(Debug)]
pub struct Finding {
    /// `trixie`, `libc6 2.41-12 (amd64)`.
    pub link: String,
    pub fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("its {0} is not at hand")]
    Absent(String),
    #[error("`{0}` is another file than the locked one")]
    Altered(String),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Format(#[from] InvalidRelease),
    #[error("its InRelease file is of the suite `{0}`")]
    OtherSuite(String),
    #[error("its InRelease file is dated {signed}, and {locked} in the lock")]
    Date { locked: Timestamp, signed: Timestamp },
    #[error("its InRelease file is not signed by {0}, as the lock says it is")]
    Signer(Fingerprint),
    #[error("its InRelease file does not list the index `{0}`")]
    Unlisted(String),
    #[error("the SHA-256 of its index `{path}` is {locked} in the lock, and {signed} in its InRelease file")]
    OtherIndex { path: String, locked: Sha256, signed: Sha256 },
    #[error("its index `{path}` cannot be read: {why}")]
    Unpack { path: String, why: UnpackError },
    #[error("its index `{path}` cannot be read: {why}")]
    Index { path: String, why: InvalidIndex },
    #[error(transparent)]
    Stanza(#[from] InvalidStanza),
    #[error("the index of `{suite}` does not have it{}", instead(versions))]
    NoPackage { suite: String, versions: Vec<String> },
    #[error("its file of checksums is not signed by {0}, as the lock says it is")]
    ChecksumsSigner(Fingerprint),
    #[error("its file of checksums does not vouch for it: {0}")]
    Checksums(#[from] NoChecksum),
    #[error("its SHA-256 is {locked} in the lock, and {signed} in the file of checksums")]
    OtherTarball { locked: Sha256, signed: Sha256 },
    #[error("its {field} is {locked} in the lock, and {signed} in the index of `{suite}`")]
    Differs { suite: String, field: &'static str, locked: String, signed: String },
}

fn instead(versions: &[String]) -> String {
    if versions.is_empty() { String::new() } else { format!(", it has {}", versions.join(", ")) }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.link, self.fault)
    }
}

impl Fault {
    /// Whether something could not be seen, rather than is wrong.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Absent(_))
    }
}

impl Verdict {
    fn add(&mut self, other: Self) {
        self.suites += other.suites;
        self.indexes += other.indexes;
        self.packages += other.packages;
        self.source_indexes += other.source_indexes;
        self.sources += other.sources;
        self.tarballs += other.tarballs;
        self.findings.extend(other.findings);
    }

    fn found(&mut self, link: impl Into<String>, fault: impl Into<Fault>) {
        self.findings.push(Finding { link: link.into(), fault: fault.into() });
    }
}

impl Claim<'_> {
    /// Goes over the chain from the keys to the packages, of which `read` gives the files.
    ///
    /// # Errors
    ///
    /// Those of `read`. What is wrong with the lock is no error, but a finding.
    pub fn verify<E: Send>(
        &self,
        read: impl Fn(&LockedFile) -> Result<Held<Bytes>, E> + Sync,
    ) -> Result<Verdict, E> {
        let sources = self.lock.suites_of_sources(&self.architectures);
        let is_used = |suite: &&LockedSuite| {
            let covers = self.architectures.iter().any(|name| suite.covers(name));
            covers || sources.iter().any(|of_sources| std::ptr::eq(*of_sources, *suite))
        };
        let suites: Vec<_> = self.lock.suites.iter().filter(is_used).collect();
        let parts: Vec<Verdict> =
            suites.par_iter().map(|suite| self.verify_suite(suite, &read)).collect::<Result<_, E>>()?;
        let mut verdict = Verdict::default();
        parts.into_iter().for_each(|part| verdict.add(part));
        for (name, locked) in &self.lock.tarballs {
            verdict.add(self.verify_tarball(name, locked, &read)?);
        }
        Ok(verdict)
    }

    /// Looks at the `.deb`s and tarballs: those that are altered, and those that are absent where all are `demanded`.
    /// Gives the number of those that are whole, too.
    pub fn verify_debs<E: Send>(
        &self,
        demanded: bool,
        look_at: impl Fn(&LockedFile) -> Result<Held<()>, E> + Sync,
    ) -> Result<(usize, Vec<Finding>), E> {
        let mut debs: BTreeMap<Sha256, (String, LockedFile)> = BTreeMap::new();
        for (name, locked) in &self.lock.tarballs {
            for (architecture, pin) in self.files(locked) {
                debs.insert(pin.sha256, (format!("{name} {} ({architecture})", locked.version), pin.file()));
            }
        }
        for (suite, architecture) in self.sources() {
            for (name, pin) in self.pins(suite, architecture) {
                debs.entry(pin.sha256).or_insert_with(|| (describe(name, pin), suite.deb_file(pin)));
            }
        }
        let debs: Vec<_> = debs.into_values().collect();
        let looked: Vec<_> = debs.par_iter().map(|(_, file)| look_at(file)).collect::<Result<_, E>>()?;
        let (mut whole, mut findings) = (0, Vec::new());
        for ((link, file), held) in debs.into_iter().zip(looked) {
            match held {
                Held::Whole(()) => whole += 1,
                Held::Altered(place) => findings.push(Finding { link, fault: Fault::Altered(place) }),
                Held::Absent if demanded => {
                    let what = if file.publisher == Publisher::Upstream { "tarball" } else { ".deb" };
                    findings.push(Finding { link, fault: Fault::Absent(what.into()) })
                }
                Held::Absent => {}
            }
        }
        findings.sort_by(|one, other| one.link.cmp(&other.link));
        Ok((whole, findings))
    }

    /// The file of checksums of a tarball, who signed it, and the files that it vouches for.
    fn verify_tarball<E>(
        &self,
        name: &TarballName,
        locked: &LockedTarball,
        read: &impl Fn(&LockedFile) -> Result<Held<Bytes>, E>,
    ) -> Result<Verdict, E> {
        let mut verdict = Verdict::default();
        let link = format!("{name} {}", locked.version);
        let Some(defined) = self.tarballs.get(name) else { return Ok(verdict) };
        let Evidence::Signed { keys, .. } = &defined.evidence else {
            // The definition vouches for it, and a lock that fits has the definition's digests.
            verdict.tarballs = 1;
            return Ok(verdict);
        };
        let mut files = Vec::new();
        for (url, file) in locked.checksum_files(&defined.evidence) {
            match read(&file)? {
                Held::Whole(bytes) => files.push(bytes),
                Held::Altered(place) => verdict.found(&link, Fault::Altered(place)),
                Held::Absent => verdict.found(&link, Fault::Absent(format!("file `{}`", url.name()))),
            }
        }
        if verdict.findings.is_empty() {
            match self.check_tarball(locked, keys, &files) {
                Ok(()) => verdict.tarballs = 1,
                Err(fault) => verdict.found(&link, fault),
            }
        }
        Ok(verdict)
    }

    /// `files` are that of the checksums, and that of its signature where it is another.
    fn check_tarball(
        &self,
        locked: &LockedTarball,
        keys: &[Fingerprint],
        files: &[Bytes],
    ) -> Result<(), Fault> {
        let (text, signers) = match files {
            [] => return Err(Fault::Absent("file of checksums".into())),
            [signed] => {
                let signed = verify(signed, self.keyring, keys, self.now)?;
                (signed.text, signed.signers)
            }
            [text, signature, ..] => {
                let signers = verify_detached(text, signature, self.keyring, keys, self.now)?;
                (String::from_utf8_lossy(text).into_owned(), signers)
            }
        };
        if let LockedEvidence::Signed { signed_by, .. } = &locked.evidence
            && let Some(key) = signed_by.iter().find(|key| !signers.contains(key))
        {
            return Err(Fault::ChecksumsSigner(key.clone()));
        }
        for (_, pin) in self.files(locked) {
            let signed = checksums::find(&text, pin.url.name())?;
            if signed != pin.sha256 {
                return Err(Fault::OtherTarball { locked: pin.sha256, signed });
            }
        }
        Ok(())
    }

    fn files<'t>(
        &'t self,
        locked: &'t LockedTarball,
    ) -> impl Iterator<Item = (&'t Architecture, &'t TarballPin)> {
        locked.files.iter().filter(|(architecture, _)| self.architectures.contains(architecture))
    }

    fn sources(&self) -> impl Iterator<Item = (&LockedSuite, &Architecture)> {
        let of_suite = |suite| self.architectures.iter().map(move |architecture| (suite, *architecture));
        let pairs = self.lock.suites.iter().flat_map(of_suite);
        pairs.filter(|(suite, architecture): &(&LockedSuite, _)| suite.covers(architecture))
    }

    /// The packages of an architecture that were taken from a suite.
    fn pins(
        &self,
        suite: &LockedSuite,
        architecture: &Architecture,
    ) -> impl Iterator<Item = (&PackageName, &Pin)> {
        let pins =
            self.lock.pins.iter().filter_map(move |(name, pins)| Some((name, pins.get(architecture)?)));
        pins.filter(move |(_, pin)| {
            self.lock.suite_of(pin, architecture).is_some_and(|from| std::ptr::eq(from, suite))
        })
    }

    fn verify_suite<E: Send>(
        &self,
        suite: &LockedSuite,
        read: &(impl Fn(&LockedFile) -> Result<Held<Bytes>, E> + Sync),
    ) -> Result<Verdict, E> {
        let mut verdict = Verdict::default();
        let bytes = match read(&suite.in_release_file())? {
            Held::Whole(bytes) => bytes,
            Held::Altered(place) => {
                verdict.found(&suite.name, Fault::Altered(place));
                return Ok(verdict);
            }
            Held::Absent => {
                verdict.found(&suite.name, Fault::Absent(format!("InRelease file of {}", suite.date)));
                return Ok(verdict);
            }
        };
        let release = match self.verify_release(suite, &bytes) {
            Ok(release) => release,
            Err(fault) => {
                verdict.found(&suite.name, fault);
                return Ok(verdict);
            }
        };
        verdict.suites += 1;
        let covered: Vec<_> = self.architectures.iter().filter(|name| suite.covers(name)).collect();
        let parts: Vec<Verdict> = covered
            .par_iter()
            .map(|architecture| self.verify_indexes(suite, &release, architecture, read))
            .collect::<Result<_, E>>()?;
        parts.into_iter().for_each(|part| verdict.add(part));
        verdict.add(self.verify_sources(suite, &release, read)?);
        Ok(verdict)
    }

    fn keys(&self, suite: &LockedSuite) -> &[Fingerprint] {
        let is_it = |defined: &&Suite| defined.archive == suite.archive && defined.name == suite.name;
        self.release.suites.iter().find(is_it).map_or(&[], |defined| &defined.keys)
    }

    fn verify_release(&self, suite: &LockedSuite, bytes: &[u8]) -> Result<Release, Fault> {
        let at = suite.date.checked_add(UNTIL_SIGNED).unwrap_or(suite.date).min(self.now);
        let signed = verify(bytes, self.keyring, self.keys(suite), at)?;
        let release: Release = signed.text.parse()?;
        let names = [&release.codename, &release.suite];
        if !names.iter().any(|name| name.as_deref() == Some(suite.name.as_str())) {
            let found = names.into_iter().flatten().next().cloned().unwrap_or_default();
            return Err(Fault::OtherSuite(found));
        }
        if release.date != suite.date {
            return Err(Fault::Date { locked: suite.date, signed: release.date });
        }
        match suite.signed_by.iter().find(|key| !signed.signers.contains(key)) {
            Some(key) => Err(Fault::Signer(key.clone())),
            None => Ok(release),
        }
    }

    /// The indexes of a suite for an architecture, and the packages that were taken from them.
    fn verify_indexes<E>(
        &self,
        suite: &LockedSuite,
        release: &Release,
        architecture: &Architecture,
        read: &impl Fn(&LockedFile) -> Result<Held<Bytes>, E>,
    ) -> Result<Verdict, E> {
        let mut verdict = Verdict::default();
        let mut pins: BTreeMap<_, _> = self
            .pins(suite, architecture)
            .map(|(name, pin)| (name.as_str(), (pin, Sought::new(describe(name, pin)))))
            .collect();
        let mut unseen = false;
        for (path, file) in suite.index_files(architecture) {
            let text = index_text(release, path, &file, read(&file)?);
            match text.and_then(|text| PackagesIndex::from_bytes(text).map_err(|why| unreadable(path, why))) {
                Err(fault) => {
                    verdict.found(&suite.name, fault);
                    unseen = true;
                }
                Ok(index) => {
                    verdict.indexes += 1;
                    index.packages().filter_map(Result::ok).for_each(|package| {
                        if let Some((pin, sought)) = pins.get_mut(package.raw_name()) {
                            sought.compare(|| {
                                // Locks from before sources were pinned do not tell what was built in.
                                let tells = !(pin.built_using.is_empty() && self.lock.sources.is_empty());
                                let built_using = tells.then_some(&pin.built_using);
                                difference(pin, built_using, &package)
                            });
                        }
                    });
                }
            }
        }
        for (_, sought) in pins.into_values() {
            verdict.packages += sought.conclude(suite, unseen, &mut verdict.findings);
        }
        Ok(verdict)
    }

    /// The indexes of sources of a suite, and the source packages that are pinned from them.
    fn verify_sources<E>(
        &self,
        suite: &LockedSuite,
        release: &Release,
        read: &impl Fn(&LockedFile) -> Result<Held<Bytes>, E>,
    ) -> Result<Verdict, E> {
        let mut verdict = Verdict::default();
        let sources = self.lock.sources_on(&self.architectures).into_iter();
        let from_suite = sources
            .filter(|(_, pin)| self.lock.suite_of_source(pin).is_some_and(|from| std::ptr::eq(from, suite)));
        let mut pins: Vec<_> = from_suite
            .map(|(source, pin)| (source, pin, Sought::new(format!("{source} (source)"))))
            .collect();
        if pins.is_empty() {
            return Ok(verdict);
        }
        let mut unseen = false;
        for (path, file) in suite.source_index_files() {
            let text = index_text(release, path, &file, read(&file)?);
            match text.and_then(|text| SourcesIndex::from_bytes(text).map_err(|why| unreadable(path, why))) {
                Err(fault) => {
                    verdict.found(&suite.name, fault);
                    unseen = true;
                }
                Ok(index) => {
                    verdict.source_indexes += 1;
                    for package in index.packages().filter_map(Result::ok) {
                        // Several versions of one may be pinned.
                        let first =
                            pins.partition_point(|(source, ..)| source.name.as_str() < package.raw_name());
                        let of_name = pins[first..]
                            .iter_mut()
                            .take_while(|(source, ..)| source.name.as_str() == package.raw_name());
                        for (source, pin, sought) in of_name {
                            sought.compare(|| source_difference(source, pin, &package));
                        }
                    }
                }
            }
        }
        for (.., sought) in pins {
            verdict.sources += sought.conclude(suite, unseen, &mut verdict.findings);
        }
        Ok(verdict)
    }
}

fn unreadable(path: &str, why: InvalidIndex) -> Fault {
    Fault::Index { path: path.to_owned(), why }
}

/// The text of an index that the InRelease file vouches for.
fn index_text(release: &Release, path: &str, file: &LockedFile, held: Held<Bytes>) -> Result<Vec<u8>, Fault> {
    let listed = release.file(path).ok_or_else(|| Fault::Unlisted(path.to_owned()))?;
    if listed.sha256 != file.sha256 {
        let (locked, signed) = (file.sha256, listed.sha256);
        return Err(Fault::OtherIndex { path: path.to_owned(), locked, signed });
    }
    let bytes = match held {
        Held::Whole(bytes) => bytes,
        Held::Altered(place) => return Err(Fault::Altered(place)),
        Held::Absent => return Err(Fault::Absent(format!("index `{path}`"))),
    };
    let text = Compression::of_index(path).unpack(&bytes, INDEX_LIMIT);
    Ok(text.map_err(|why| Fault::Unpack { path: path.to_owned(), why })?.into())
}

/// A pin that is looked for in indexes, and what they say of it.
struct Sought {
    link: String,
    outcome: Outcome,
}

/// A field, as the lock has it and as an index does.
type Difference = (&'static str, String, String);

enum Outcome {
    /// These other versions are there.
    Others(Vec<String>),
    Invalid(InvalidStanza),
    Differs(Difference),
    Vouched,
}

impl Sought {
    fn new(link: String) -> Self {
        Self { link, outcome: Outcome::Others(Vec::new()) }
    }

    /// Takes in which field a stanza of the same name differs.
    fn compare(&mut self, difference: impl FnOnce() -> Result<Option<Difference>, InvalidStanza>) {
        if matches!(self.outcome, Outcome::Vouched) {
            return;
        }
        match (difference(), &mut self.outcome) {
            (Ok(Some(("version", _, signed))), Outcome::Others(versions)) => versions.push(signed),
            (Ok(Some(("version", ..))), _) => {}
            (Ok(None), outcome) => *outcome = Outcome::Vouched,
            (Ok(Some(difference)), outcome) => *outcome = Outcome::Differs(difference),
            (Err(error), outcome) => *outcome = Outcome::Invalid(error),
        }
    }

    /// The number of those that are vouched for, of one; or what is found wrong. `unseen` says that an index of the
    /// suite could not be read, which may be the one that has it.
    fn conclude(self, suite: &LockedSuite, unseen: bool, findings: &mut Vec<Finding>) -> usize {
        let suite = suite.name.clone();
        let fault = match self.outcome {
            Outcome::Vouched => return 1,
            Outcome::Others(_) if unseen => return 0,
            Outcome::Differs((field, locked, signed)) => Fault::Differs { suite, field, locked, signed },
            Outcome::Invalid(error) => error.into(),
            Outcome::Others(versions) => Fault::NoPackage { suite, versions },
        };
        findings.push(Finding { link: self.link, fault });
        0
    }
}

/// The first field in which a pin is not as an index has it.
fn difference(
    pin: &Pin,
    built_using: Option<&BTreeSet<Source>>,
    package: &Package<'_>,
) -> Result<Option<Difference>, InvalidStanza> {
    let source = package.source()?;
    let fields = [
        ("version", pin.version.to_string(), package.version()?.to_string()),
        ("architecture", pin.architecture.to_string(), package.architecture()?.to_string()),
        ("path", pin.path.clone(), package.filename()?.to_string()),
        ("size", pin.size.to_string(), package.size()?.to_string()),
        ("SHA-256", pin.sha256.to_string(), package.sha256()?.to_string()),
        ("installed size", pin.installed.to_string(), package.installed_size()?.unwrap_or(0).to_string()),
        ("source", pin.source.to_string(), source.name.to_string()),
        ("source version", pin.source_version.to_string(), source.version.to_string()),
    ];
    let differs = |(_, locked, signed): &Difference| locked != signed;
    if let Some(difference) = fields.into_iter().find(differs) {
        return Ok(Some(difference));
    }
    let Some(built_using) = built_using else { return Ok(None) };
    let built_using = ("Built-Using", list(built_using), list(&package.built_using()?));
    Ok(Some(built_using).filter(differs))
}

/// The first field in which a pinned source package is not as an index has it.
fn source_difference(
    source: &Source,
    pin: &SourcePin,
    package: &SourcePackage<'_>,
) -> Result<Option<Difference>, InvalidStanza> {
    let version = package.source()?.version;
    if source.version != version {
        return Ok(Some(("version", source.version.to_string(), version.to_string())));
    }
    let dsc = package.dsc()?;
    let fields = [
        ("path", pin.path.clone(), dsc.path.to_string()),
        ("size", pin.size.to_string(), dsc.size.to_string()),
        ("SHA-256", pin.sha256.to_string(), dsc.sha256.to_string()),
    ];
    Ok(fields.into_iter().find(|(_, locked, signed)| locked != signed))
}

fn list(sources: &BTreeSet<Source>) -> String {
    match sources.is_empty() {
        true => "nothing".to_owned(),
        false => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn describe(name: &PackageName, pin: &Pin) -> String {
    format!("{name} {} ({})", pin.version, pin.architecture)
}
