//! A catalog and those that it extends: what each says of what all images share, put to what the others say.

use std::collections::BTreeMap;
use std::sync::Arc;

use globset::GlobMatcher;
use toml::Spanned;

use super::file::{
    ArchitectureTable, ArchiveTable, CatalogFile, FamilyFile, FilterTable, GroupTable, MaintainerScriptTable,
    MirrorTable, OrganizationTable, TagTable, UserTable, VexTable,
};
use super::name::{ArchiveName, FamilyName, ReleaseName, TagName};
use super::release::ReleaseTables;
use super::{Archive, all_parsed};
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::Tree;

/// What a text says, and the text.
pub type Written<T> = (Arc<Source>, T);

/// The definitions of a catalog: those of its own directory, and of the directories that it extends.
#[derive(Debug)]
pub struct Definitions {
    pub own: Directory,
    /// The one that extends nothing first.
    pub extended: Vec<Directory>,
    pub files: SourceFiles,
}

/// The definitions of one directory.
#[derive(Debug)]
pub struct Directory {
    pub catalog: Written<CatalogFile>,
    pub families: Vec<Written<FamilyFile>>,
}

/// What definitions take from their directories, by the path of the definition and the source as it is written
/// there. The tree of a source that is no directory has the file at its root.
pub type SourceFiles = BTreeMap<(String, String), Tree>;

/// What a chain of catalogs says, each thing with the text that says it.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub organization: Option<OrganizationTable>,
    pub architectures: BTreeMap<String, Written<ArchitectureTable>>,
    pub archives: BTreeMap<ArchiveName, Archive>,
    pub releases: BTreeMap<ReleaseName, ReleaseTables>,
    pub tags: BTreeMap<TagName, Written<TagTable>>,
    pub users: Vec<Written<Spanned<UserTable>>>,
    pub groups: Vec<Written<Spanned<GroupTable>>>,
    pub branding: BTreeMap<String, Written<Spanned<String>>>,
    pub filters: Vec<Written<FilterTable>>,
    pub maintainer_scripts: Vec<Written<MaintainerScriptTable>>,
    /// Those of the last catalog first.
    pub mirrors: Vec<MirrorTable>,
    pub vex: Vec<Written<VexTable>>,
}

impl Chain {
    /// Puts what a catalog says to what those that it extends say.
    pub fn add(&mut self, (source, file): Written<CatalogFile>) -> Result<(), Diagnostic> {
        self.organization = file.organization.or(self.organization.take());
        self.architectures.extend(with(&source, file.architecture));
        for (name, table) in file.archive {
            self.archives.entry(name).or_default().put(&source, table)?;
        }
        for (name, table) in file.release {
            let release = name.get_ref().clone();
            self.releases.entry(release).or_default().push(source.clone(), name, table);
        }
        self.tags.extend(with(&source, file.tag));
        self.users.extend(file.user.into_iter().map(|user| (source.clone(), user)));
        self.groups.extend(file.group.into_iter().map(|group| (source.clone(), group)));
        self.branding.extend(with(&source, file.branding));
        self.filters.extend(file.filter.into_iter().map(|filter| (source.clone(), filter)));
        let scripts = file.maintainer_script.into_iter().map(|table| (source.clone(), table));
        self.maintainer_scripts.extend(scripts);
        self.mirrors.splice(0..0, file.mirror);
        self.vex.extend(file.vex.into_iter().map(|table| (source.clone(), table)));
        Ok(())
    }

    /// The organization, where nothing is missing that a catalog needs. This is the text of the last one.
    pub fn organization(&mut self, source: &Arc<Source>) -> Result<OrganizationTable, Diagnostic> {
        let missing = |table| {
            let hint = "a catalog that extends another has it from there: `extends = \"../distro/images\"`";
            Location::start(source).error(format!("the table `{table}` is missing"), "").help(hint)
        };
        let tables = [
            ("architecture", self.architectures.is_empty()),
            ("archive", self.archives.is_empty()),
            ("release", self.releases.is_empty()),
            ("tag", self.tags.is_empty()),
        ];
        let organization = self.organization.take().ok_or_else(|| missing("organization"))?;
        match tables.into_iter().find(|(_, is_missing)| *is_missing) {
            None => Ok(organization),
            Some((table, _)) => Err(missing(table)),
        }
    }
}

fn with<K, V>(source: &Arc<Source>, tables: BTreeMap<K, V>) -> impl Iterator<Item = (K, Written<V>)> {
    tables.into_iter().map(|(name, table)| (name, (source.clone(), table)))
}

impl Archive {
    /// Puts what a table says in the place of what is known.
    fn put(&mut self, source: &Arc<Source>, table: ArchiveTable) -> Result<(), Diagnostic> {
        if let Some(mirrors) = table.mirrors {
            self.mirrors = mirrors;
        }
        if let Some(keys) = table.keys {
            self.keys = all_parsed(source, &keys)?;
        }
        self.snapshot = table.snapshot.or(self.snapshot.take());
        Ok(())
    }
}

/// Which inherited families have images in a catalog.
#[derive(Debug)]
pub(super) struct Taken(Vec<(Location, String, GlobMatcher)>);

impl Taken {
    pub fn read((source, file): &Written<CatalogFile>) -> Result<Self, Diagnostic> {
        let patterns = file.images.iter().map(|pattern| {
            let (at, text) = (Location::of(source, pattern), pattern.get_ref().clone());
            let glob = globset::Glob::new(&text);
            let glob = glob.map_err(|error| {
                at.error(format!("`{text}` is not a pattern of families"), error.kind().to_string())
            })?;
            Ok((at, text, glob.compile_matcher()))
        });
        Ok(Self(patterns.collect::<Result<_, Diagnostic>>()?))
    }

    pub fn admits(&self, family: &FamilyName) -> bool {
        self.0.iter().any(|(_, _, pattern)| pattern.is_match(family.as_str()))
    }

    /// Says which pattern stands for none of the families.
    pub fn check<'f>(
        &self,
        families: impl Iterator<Item = &'f FamilyName> + Clone,
    ) -> Result<(), Diagnostic> {
        let is_vain =
            |pattern: &GlobMatcher| !families.clone().any(|family| pattern.is_match(family.as_str()));
        match self.0.iter().find(|(_, _, pattern)| is_vain(pattern)) {
            None => Ok(()),
            Some((at, text, _)) if families.clone().next().is_none() => {
                let error = at.error(format!("there is no catalog that `{text}` could be taken from"), "");
                Err(error.help("name one that has families: `extends = \"../distro/images\"`"))
            }
            Some((at, text, _)) => {
                Err(at.unknown("inherited family", text, families.map(FamilyName::as_str)))
            }
        }
    }
}
