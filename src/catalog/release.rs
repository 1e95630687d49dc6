//! Releases: their suites, the keys that may sign them, and the packages that are taken in other versions than the
//! newest.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

use super::file::{PinTable, ReleaseTable, SourceTable};
use super::name::{ArchiveName, ReleaseName};
use super::{Archive, Platform, all_parsed, known, parsed};
use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, PackagePattern, Preference, Subject};
use crate::diagnostic::{Diagnostic, Location, Source, nearest};

#[derive(Debug, Clone)]
pub struct Release {
    pub codename: String,
    pub version: String,
    /// In the order of the definition, which is the order of the manifests in an index.
    pub architectures: Vec<Architecture>,
    /// Suites, best first.
    pub suites: Vec<Suite>,
    /// Packages that are taken in other versions than the newest.
    pub pins: BTreeMap<Subject, Pinned>,
}

/// What version of a package is taken, and why.
#[derive(Debug, Clone)]
pub struct Pinned {
    pub preference: Preference,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub archive: ArchiveName,
    pub name: String,
    pub components: Vec<String>,
    /// The keys that may sign.
    pub keys: Vec<Fingerprint>,
    /// The packages that may be taken from it; `None` for all.
    pub only: Option<Vec<PackagePattern>>,
}

/// All that a chain of catalogs says of one release, in the order of the chain.
#[derive(Debug, Default)]
pub(super) struct ReleaseTables(Vec<(Arc<Source>, Spanned<ReleaseName>, ReleaseTable)>);

impl ReleaseTables {
    pub fn push(&mut self, source: Arc<Source>, name: Spanned<ReleaseName>, table: ReleaseTable) {
        self.0.push((source, name, table));
    }

    fn tables(&self) -> impl DoubleEndedIterator<Item = (&Arc<Source>, &ReleaseTable)> {
        self.0.iter().map(|(source, _, table)| (source, table))
    }

    /// What the last table that has a key says; `others` are the names of other releases.
    fn last<'t, T>(
        &'t self,
        key: &str,
        value: impl Fn(&'t ReleaseTable) -> Option<&'t T>,
        others: &[&ReleaseName],
    ) -> Result<(&'t Arc<Source>, &'t T), Diagnostic> {
        let found = self.tables().rev().find_map(|(source, table)| Some((source, value(table)?)));
        found.ok_or_else(|| {
            let (source, name, _) = &self.0[0];
            let at = Location::of(source, name);
            let error = at.error(format!("the key `{key}` is missing"), "");
            match nearest(name.get_ref().as_str(), others.iter().map(|name| name.as_str())) {
                Some(near) => error.help(format!("did you mean the release `{near}`?")),
                None => error,
            }
        })
    }
}

impl Release {
    pub(super) fn read(
        tables: &ReleaseTables,
        others: &[&ReleaseName],
        platforms: &BTreeMap<Architecture, Platform>,
        archives: &BTreeMap<ArchiveName, Archive>,
    ) -> Result<Self, Diagnostic> {
        let (_, codename) = tables.last("codename", |table| table.codename.as_ref(), others)?;
        let (_, version) = tables.last("version", |table| table.version.as_ref(), others)?;
        let (source, names) = tables.last("architectures", |table| table.architectures.as_ref(), others)?;
        let architectures = names.iter().map(|name| known(source, "architecture", name, platforms));
        tables.last("sources", |table| table.sources.as_ref(), others)?;
        let (source, keys) = tables.last("keys", |table| table.keys.as_ref(), others)?;
        let keys = all_parsed(source, keys)?;
        let mut suites = Vec::new();
        for (source, table) in tables.tables() {
            for from in table.sources.iter().flatten() {
                suites.extend(Suite::read(source, from, &table.components, &keys, archives)?);
            }
        }
        let mut pins = BTreeMap::new();
        for (source, table) in tables.tables() {
            for (subject, table) in &table.pin {
                pins.insert(parsed(source, subject)?, Pinned::read(source, subject, table, &suites)?);
            }
        }
        Ok(Self {
            codename: codename.clone(),
            version: version.clone(),
            architectures: architectures.collect::<Result<_, _>>()?,
            suites,
            pins,
        })
    }

    /// A suite of the release, by its archive and its name.
    #[must_use]
    pub fn suite(&self, archive: &ArchiveName, name: &str) -> Option<&Suite> {
        self.suites.iter().find(|suite| suite.archive == *archive && suite.name == name)
    }
}

impl Suite {
    fn read(
        source: &Arc<Source>,
        from: &SourceTable,
        components: &[String],
        keys: &[Fingerprint],
        archives: &BTreeMap<ArchiveName, Archive>,
    ) -> Result<Vec<Self>, Diagnostic> {
        let (at, archive) = (Location::of(source, &from.archive), from.archive.get_ref());
        let Some(Archive { keys: own, .. }) = archives.get(archive) else {
            return Err(at.unknown("archive", archive.as_str(), archives.keys().map(ArchiveName::as_str)));
        };
        if !own.is_empty() && from.only.is_none() {
            let title = format!("the archive `{archive}` has keys of its own, and may replace any package");
            let hint = "name what is to be taken from it: `only = [\"acme-agent\", \"libacme*\"]`";
            return Err(at.error(title, "`only` is missing").help(hint));
        }
        let only = from.only.as_deref().map(|only| all_parsed(source, only)).transpose()?;
        let suite = |name: &String| Self {
            archive: archive.clone(),
            name: name.clone(),
            components: from.components.as_deref().unwrap_or(components).to_vec(),
            keys: if own.is_empty() { keys } else { own }.to_vec(),
            only: only.clone(),
        };
        Ok(from.suites.iter().map(suite).collect())
    }

    /// Whether a package may be taken from it.
    #[must_use]
    pub fn admits(&self, package: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|pattern| pattern.admits(package)))
    }
}

impl Pinned {
    fn read(
        source: &Arc<Source>,
        subject: &Spanned<String>,
        table: &PinTable,
        suites: &[Suite],
    ) -> Result<Self, Diagnostic> {
        let version = table.version.as_ref().map(|version| parsed(source, version)).transpose()?;
        let suite = table.suite.as_ref().map(|suite| {
            let known: BTreeMap<_, _> = suites.iter().map(|suite| (suite.name.as_str(), ())).collect();
            self::known(source, "suite", suite, &known).map(str::to_owned)
        });
        let preference = Preference { version, suite: suite.transpose()? };
        if preference == (Preference { version: None, suite: None }) {
            let at = Location::of(source, subject);
            return Err(at.error("this pin says neither a version nor a suite", "pins a package to nothing"));
        }
        Ok(Self { preference, reason: table.reason.clone() })
    }
}
