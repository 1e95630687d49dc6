//! Text ↔ meaning of a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use super::file::{
    DebFile, ImageFile, LockFile, PackageFile, PinFile, SourceFile, SuiteFile, TarballFile, UpstreamFile,
};
use super::{
    Closure, FORMAT, Lock, LockError, LockedEvidence, LockedSuite, LockedTarball, Pin, SourcePin, TarballPin,
};
use crate::catalog::name::{ArchiveName, TarballName};
use crate::debian::{Architecture, ArchivePath, PackageName, Preference, Source, Subject, Version};
use crate::resolve::Recommends;

impl TryFrom<LockFile> for Lock {
    type Error = LockError;

    fn try_from(file: LockFile) -> Result<Self, LockError> {
        if file.version > FORMAT {
            return Err(LockError::Newer(file.version));
        }
        let closures = file.image.into_iter().map(Closure::try_from).collect::<Result<Vec<_>, _>>()?;
        let covered: BTreeSet<_> =
            closures.iter().flat_map(|closure| closure.packages.keys().cloned()).collect();
        let suites: Vec<_> =
            file.suite.into_iter().map(LockedSuite::try_from).collect::<Result<_, LockError>>()?;
        let mut pins: BTreeMap<PackageName, BTreeMap<Architecture, Pin>> = BTreeMap::new();
        for package in file.package {
            let name: PackageName = parse("package name", &package.name)?;
            for (architecture, pin) in package.pins(&name, &suites, &covered)? {
                let of_name = pins.entry(name.clone()).or_default();
                if of_name.insert(architecture.clone(), pin).is_some() {
                    return Err(LockError::PinnedTwice { name, architecture });
                }
            }
        }
        let mut sources = BTreeMap::new();
        for file in file.source {
            let (source, pin) = file.read(&suites)?;
            if sources.insert(source.clone(), pin).is_some() {
                return Err(LockError::SourceTwice(source));
            }
        }
        let lock = Self {
            release: parse("release", &file.release)?,
            snapshot: file.snapshot,
            preferences: file.pin.iter().map(preference).collect::<Result<_, _>>()?,
            suites,
            pins,
            sources,
            tarballs: tarballs(file.tarball)?,
            missing_tarballs: parse_all("tarball", &file.missing_tarballs)?,
            closures,
        }
        .check()?;
        let named: BTreeSet<PackageName> = parse_all("package name", &file.version_skew)?;
        if let Some(name) = lock.version_skew().symmetric_difference(&named.iter().collect()).next() {
            return Err(LockError::Skew { name: (*name).clone() });
        }
        Ok(lock)
    }
}

impl PackageFile {
    /// The pin for each architecture of images that the block is for.
    fn pins(
        &self,
        name: &PackageName,
        suites: &[LockedSuite],
        covered: &BTreeSet<Architecture>,
    ) -> Result<Vec<(Architecture, Pin)>, LockError> {
        let only: Option<BTreeSet<Architecture>> =
            self.architectures.as_deref().map(|names| parse_all("architecture", names)).transpose()?;
        let depends = scoped::<PackageName>("package name", &self.depends)?;
        let built_using = scoped::<Source>("source package", &self.built_using)?;
        let version: Version = parse("version", &self.version)?;
        let archive = archive(self.archive.as_deref(), &self.suite, suites)?;
        let archive =
            archive.ok_or_else(|| LockError::NoSuite { name: name.clone(), suite: self.suite.clone() })?;
        let mut pins = Vec::new();
        for (own, deb) in &self.deb {
            let own: Architecture = parse("architecture", own)?;
            let images = match own == Architecture::all() {
                true => only.clone().unwrap_or_else(|| covered.clone()),
                false => BTreeSet::from([own.clone()]),
            };
            for architecture in images {
                let pin = Pin {
                    version: version.clone(),
                    source: self.source.as_deref().map_or(Ok(name.clone()), |text| parse("source", text))?,
                    source_version: self
                        .source_version
                        .as_deref()
                        .map_or(Ok(version.clone()), |text| parse("source version", text))?,
                    archive: archive.clone(),
                    suite: self.suite.clone(),
                    in_release: self.in_release.as_deref().map(|text| parse("SHA-256", text)).transpose()?,
                    architecture: own.clone(),
                    path: parse::<ArchivePath>("path", &self.path.replace("{arch}", own.as_str()))?
                        .to_string(),
                    size: deb.size,
                    installed: deb.installed,
                    sha256: parse("SHA-256", &deb.sha256)?,
                    depends: on(&architecture, &depends),
                    built_using: on(&architecture, &built_using),
                };
                pins.push((architecture, pin));
            }
        }
        if pins.is_empty() {
            return Err(LockError::NoDeb { name: name.clone() });
        }
        Ok(pins)
    }
}

impl SourceFile {
    fn read(self, suites: &[LockedSuite]) -> Result<(Source, SourcePin), LockError> {
        let source =
            Source { name: parse("source package", &self.name)?, version: parse("version", &self.version)? };
        let Some(archive) = archive(self.archive.as_deref(), &self.suite, suites)? else {
            return Err(LockError::UnknownSourceSuite(source, self.suite));
        };
        let pin = SourcePin {
            archive,
            in_release: self.in_release.as_deref().map(|text| parse("SHA-256", text)).transpose()?,
            path: parse::<ArchivePath>("path", &self.path)?.to_string(),
            size: self.size,
            sha256: parse("SHA-256", &self.sha256)?,
            suite: self.suite,
        };
        Ok((source, pin))
    }
}

/// The archive that is named, or else that of the suite; `None` where the lock has no such suite.
fn archive(
    named: Option<&str>,
    suite: &str,
    suites: &[LockedSuite],
) -> Result<Option<ArchiveName>, LockError> {
    match named {
        Some(archive) => parse("archive", archive).map(Some),
        None => Ok(Lock::first_archive(suites, suite).cloned()),
    }
}

fn preference((subject, pin): (&String, &PinFile)) -> Result<(Subject, Preference), LockError> {
    let version = pin.version.as_deref().map(|text| parse("version", text)).transpose()?;
    Ok((parse("pin", subject)?, Preference { version, suite: pin.suite.clone() }))
}

fn tarballs(files: Vec<TarballFile>) -> Result<BTreeMap<TarballName, LockedTarball>, LockError> {
    let mut tarballs = BTreeMap::new();
    for file in files {
        let name: TarballName = parse("tarball", &file.name)?;
        if tarballs.insert(name.clone(), file.read(&name)?).is_some() {
            return Err(LockError::TarballTwice { name });
        }
    }
    Ok(tarballs)
}

impl TarballFile {
    fn read(self, name: &TarballName) -> Result<LockedTarball, LockError> {
        let evidence = match (&self.checksums, self.signed_by.is_empty(), self.unsigned) {
            (Some(checksums), false, false) => LockedEvidence::Signed {
                checksums: parse("SHA-256", checksums)?,
                signature: self.signature.as_deref().map(|text| parse("SHA-256", text)).transpose()?,
                signed_by: self
                    .signed_by
                    .iter()
                    .map(|key| parse("fingerprint", key))
                    .collect::<Result<_, _>>()?,
            },
            (None, true, true) if self.signature.is_none() => LockedEvidence::Declared,
            _ => return Err(LockError::Evidence { name: name.clone() }),
        };
        let files = self.file.iter().map(|(architecture, UpstreamFile { url, size, sha256 })| {
            let file = TarballPin { url: parse("URL", url)?, size: *size, sha256: parse("SHA-256", sha256)? };
            Ok((parse("architecture", architecture)?, file))
        });
        Ok(LockedTarball { files: files.collect::<Result<_, LockError>>()?, version: self.version, evidence })
    }
}

impl TryFrom<SuiteFile> for LockedSuite {
    type Error = LockError;

    fn try_from(file: SuiteFile) -> Result<Self, LockError> {
        Ok(Self {
            archive: parse("archive", &file.archive)?,
            date: parse("date", &file.date)?,
            in_release: parse("SHA-256", &file.in_release)?,
            signed_by: file
                .signed_by
                .iter()
                .map(|key| parse("fingerprint", key))
                .collect::<Result<_, _>>()?,
            indexes: file
                .index
                .into_iter()
                .map(|(path, digest)| Ok((path, parse("SHA-256", &digest)?)))
                .collect::<Result<_, LockError>>()?,
            name: file.name,
        })
    }
}

impl TryFrom<ImageFile> for Closure {
    type Error = LockError;

    fn try_from(file: ImageFile) -> Result<Self, LockError> {
        let architectures: BTreeSet<Architecture> = parse_all("architecture", &file.architectures)?;
        let mut packages: BTreeMap<_, BTreeSet<_>> =
            architectures.iter().map(|architecture| (architecture.clone(), BTreeSet::new())).collect();
        let names = scoped("package name", &file.packages)?;
        for (architecture, packages) in &mut packages {
            *packages = on(architecture, &names);
        }
        let left_out = file
            .left_out
            .iter()
            .map(|(name, wanted_by)| {
                Ok((parse("package name", name)?, parse_all("package name", wanted_by)?))
            })
            .collect::<Result<_, LockError>>()?;
        Ok(Self {
            family: parse("image", &file.name)?,
            tags: parse_all("tag", &file.tags)?,
            requests: file.requests.iter().map(|text| parse("request", text)).collect::<Result<_, _>>()?,
            recommends: if file.recommends { Recommends::Taken } else { Recommends::Ignored },
            left_out,
            packages,
            tarballs: parse_all("tarball", &file.tarballs)?,
        })
    }
}

fn parse<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, LockError> {
    text.parse().map_err(|error: T::Err| LockError::Invalid {
        what,
        text: text.chars().take(80).collect(),
        why: error.to_string(),
    })
}

fn parse_all<T: FromStr<Err: Display> + Ord>(
    what: &'static str,
    texts: &[String],
) -> Result<BTreeSet<T>, LockError> {
    texts.iter().map(|text| parse(what, text)).collect()
}

/// Something that counts on some architectures only, or on all.
type Scoped<T> = (T, Option<BTreeSet<Architecture>>);

/// Texts such as `name`, or `name [amd64 arm64]` for what counts on some architectures only.
fn scoped<T: FromStr<Err: Display>>(
    what: &'static str,
    texts: &[String],
) -> Result<Vec<Scoped<T>>, LockError> {
    let one = |text: &String| {
        let Some((named, list)) = text.split_once(" [") else { return Ok((parse(what, text)?, None)) };
        let list = list.strip_suffix(']').unwrap_or(list);
        let architectures = list.split_whitespace().map(|name| parse("architecture", name));
        Ok((parse(what, named)?, Some(architectures.collect::<Result<_, _>>()?)))
    };
    texts.iter().map(one).collect()
}

/// What counts on an architecture.
fn on<T: Clone + Ord>(architecture: &Architecture, scoped: &[Scoped<T>]) -> BTreeSet<T> {
    let counts = |(_, only): &&Scoped<T>| only.as_ref().is_none_or(|only| only.contains(architecture));
    scoped.iter().filter(counts).map(|(named, _)| named.clone()).collect()
}

impl From<&Lock> for LockFile {
    fn from(lock: &Lock) -> Self {
        Self {
            version: FORMAT,
            release: lock.release.to_string(),
            snapshot: lock.snapshot.clone(),
            pin: lock
                .preferences
                .iter()
                .map(|(subject, preference)| (subject.to_string(), PinFile::from(preference)))
                .collect(),
            version_skew: lock.version_skew().into_iter().map(ToString::to_string).collect(),
            suite: lock.suites.iter().map(SuiteFile::from).collect(),
            package: lock
                .pins
                .iter()
                .flat_map(|(name, pins)| PackageFile::blocks(name, pins, lock))
                .collect(),
            source: lock.sources.iter().map(|(source, pin)| SourceFile::of(source, pin, lock)).collect(),
            missing_tarballs: lock.missing_tarballs.iter().map(ToString::to_string).collect(),
            tarball: lock.tarballs.iter().map(TarballFile::from).collect(),
            image: lock.closures.iter().map(ImageFile::from).collect(),
        }
    }
}

impl From<&Preference> for PinFile {
    fn from(preference: &Preference) -> Self {
        Self {
            version: preference.version.as_ref().map(ToString::to_string),
            suite: preference.suite.clone(),
        }
    }
}

impl PackageFile {
    /// One block for each set of pins that differ in nothing but their architecture.
    fn blocks(name: &PackageName, pins: &BTreeMap<Architecture, Pin>, lock: &Lock) -> Vec<Self> {
        let covered = lock.architectures();
        let mut blocks: BTreeMap<_, Vec<(&Architecture, &Pin)>> = BTreeMap::new();
        for (architecture, pin) in pins {
            let path = template(pin);
            let digest = (pin.architecture == Architecture::all()).then_some(pin.sha256);
            let from = (&pin.suite, &pin.archive, pin.in_release);
            let key = (&pin.version, path, from, &pin.source, &pin.source_version, digest);
            blocks.entry(key).or_default().push((architecture, pin));
        }
        blocks
            .into_iter()
            .map(|((version, path, (suite, archive, in_release), source, source_version, _), pins)| {
                let architectures: BTreeSet<_> = pins.iter().map(|(architecture, _)| *architecture).collect();
                let all = pins.iter().any(|(_, pin)| pin.architecture == Architecture::all());
                let names = || architectures.iter().map(ToString::to_string).collect();
                Self {
                    name: name.to_string(),
                    version: version.to_string(),
                    source: (source != name).then(|| source.to_string()),
                    source_version: (source_version != version).then(|| source_version.to_string()),
                    suite: suite.clone(),
                    archive: (Lock::first_archive(&lock.suites, suite) != Some(archive))
                        .then(|| archive.to_string()),
                    in_release: in_release.map(|in_release| in_release.to_string()),
                    path,
                    architectures: (all && architectures != covered).then(names),
                    depends: scoped_names(
                        pins.iter().map(|(architecture, pin)| (*architecture, &pin.depends)),
                    ),
                    built_using: scoped_names(
                        pins.iter().map(|(architecture, pin)| (*architecture, &pin.built_using)),
                    ),
                    deb: pins
                        .iter()
                        .map(|(_, pin)| (pin.architecture.to_string(), DebFile::from(*pin)))
                        .collect(),
                }
            })
            .collect()
    }
}

impl SourceFile {
    fn of(source: &Source, pin: &SourcePin, lock: &Lock) -> Self {
        let elsewhere = Lock::first_archive(&lock.suites, &pin.suite) != Some(&pin.archive);
        Self {
            name: source.name.to_string(),
            version: source.version.to_string(),
            suite: pin.suite.clone(),
            archive: elsewhere.then(|| pin.archive.to_string()),
            in_release: pin.in_release.map(|in_release| in_release.to_string()),
            path: pin.path.clone(),
            size: pin.size,
            sha256: pin.sha256.to_string(),
        }
    }
}

/// The path with `{arch}` for the architecture at its end.
fn template(pin: &Pin) -> String {
    let suffix = format!("_{}.deb", pin.architecture);
    pin.path.strip_suffix(&suffix).map_or_else(|| pin.path.clone(), |stem| format!("{stem}_{{arch}}.deb"))
}

impl From<&Pin> for DebFile {
    fn from(pin: &Pin) -> Self {
        Self { size: pin.size, installed: pin.installed, sha256: pin.sha256.to_string() }
    }
}

impl From<&LockedSuite> for SuiteFile {
    fn from(suite: &LockedSuite) -> Self {
        Self {
            name: suite.name.clone(),
            archive: suite.archive.to_string(),
            date: suite.date.to_string(),
            in_release: suite.in_release.to_string(),
            signed_by: suite.signed_by.iter().map(ToString::to_string).collect(),
            index: suite.indexes.iter().map(|(path, digest)| (path.clone(), digest.to_string())).collect(),
        }
    }
}

impl From<(&TarballName, &LockedTarball)> for TarballFile {
    fn from((name, tarball): (&TarballName, &LockedTarball)) -> Self {
        let (checksums, signature, signed_by) = match &tarball.evidence {
            LockedEvidence::Signed { checksums, signature, signed_by } => {
                (Some(checksums), signature.as_ref(), &signed_by[..])
            }
            LockedEvidence::Declared => (None, None, &[][..]),
        };
        let file = |file: &TarballPin| UpstreamFile {
            url: file.url.to_string(),
            size: file.size,
            sha256: file.sha256.to_string(),
        };
        Self {
            name: name.to_string(),
            version: tarball.version.clone(),
            checksums: checksums.map(ToString::to_string),
            signature: signature.map(ToString::to_string),
            signed_by: signed_by.iter().map(ToString::to_string).collect(),
            unsigned: tarball.evidence == LockedEvidence::Declared,
            file: tarball.files.iter().map(|(on, locked)| (on.to_string(), file(locked))).collect(),
        }
    }
}

impl From<&Closure> for ImageFile {
    fn from(closure: &Closure) -> Self {
        let texts = |names: &BTreeSet<PackageName>| names.iter().map(ToString::to_string).collect();
        Self {
            name: closure.family.to_string(),
            tags: closure.tags.iter().map(ToString::to_string).collect(),
            architectures: closure.packages.keys().map(ToString::to_string).collect(),
            requests: closure.requests.iter().map(ToString::to_string).collect(),
            recommends: closure.recommends == Recommends::Taken,
            left_out: closure.left_out.iter().map(|(name, by)| (name.to_string(), texts(by))).collect(),
            packages: scoped_names(closure.packages.iter()),
            tarballs: closure.tarballs.iter().map(ToString::to_string).collect(),
        }
    }
}

/// `name` for what is in every set, `name [amd64 arm64]` for what is in some.
fn scoped_names<'a, T: Display + Ord + 'a>(
    sets: impl Iterator<Item = (&'a Architecture, &'a BTreeSet<T>)> + Clone,
) -> Vec<String> {
    let count = sets.clone().count();
    let mut architectures: BTreeMap<&T, Vec<&str>> = BTreeMap::new();
    for (architecture, names) in sets {
        for name in names {
            architectures.entry(name).or_default().push(architecture.as_str());
        }
    }
    architectures
        .into_iter()
        .map(
            |(name, on)| {
                if on.len() == count { name.to_string() } else { format!("{name} [{}]", on.join(" ")) }
            },
        )
        .collect()
}
