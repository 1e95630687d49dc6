//! The definitions of images: one for each image, or for each version of an image, and its ancestors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::file::{AdditionsTable, ImageTable, VersionTable};
use super::image::{Family, Shared, beside};
use super::name::{FamilyName, ReleaseName, TagName, TarballName};
use super::template::{Scope, Template};
use super::{Platform, known, parsed};
use crate::debian::{Architecture, PackageName, Relation};
use crate::diagnostic::{Diagnostic, Location, Source};

/// What stands in a family's file about one image.
pub(super) struct Definition {
    pub source: Arc<Source>,
    pub table: Arc<ImageTable>,
    /// The key of its part of `table.version`.
    pub version: Option<String>,
    /// Whether it is of the catalog itself, rather than of one that it extends.
    pub is_own: bool,
    named: Location,
}

/// What a definition adds in one release, or one tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Additions {
    pub requests: Vec<Relation>,
    pub tarballs: BTreeSet<TarballName>,
    pub leave_out: BTreeMap<PackageName, String>,
    /// Files of structure tests.
    pub tests: Vec<PathBuf>,
}

/// The lists of additions, wherever in a definition they stand.
struct Lists<'a> {
    packages: &'a [Spanned<String>],
    tarballs: &'a [Spanned<TarballName>],
    leave_out: &'a BTreeMap<Spanned<String>, String>,
    tests: &'a [PathBuf],
}

/// Every definition by the name of its image.
pub(super) fn definitions(families: Vec<Family>) -> Result<BTreeMap<FamilyName, Definition>, Diagnostic> {
    let mut definitions: BTreeMap<FamilyName, Definition> = BTreeMap::new();
    for Family { definition: (source, file), is_own } in families {
        for (family, table) in file.image {
            for (name, definition) in Definition::of_versions(&source, &family, table, is_own)? {
                let at = definition.named.clone();
                if let Some(first) = definitions.insert(name.clone(), definition) {
                    let title = format!("the image `{name}` is defined twice");
                    let twice = at.error(title, "the second definition");
                    return Err(twice.beside(first.named, "the first"));
                }
            }
        }
    }
    Ok(definitions)
}

/// The definitions that make up an image, the oldest ancestor first.
pub(super) fn lineage<'a>(
    name: &'a FamilyName,
    definitions: &'a BTreeMap<FamilyName, Definition>,
) -> Result<Vec<(&'a FamilyName, &'a Definition)>, Diagnostic> {
    let mut lineage = vec![(name, &definitions[name])];
    while let Some((_, Definition { source, table, .. })) = lineage.last() {
        let Some(parent) = &table.parent else { break };
        let at = Location::of(source, parent);
        let known = definitions.get_key_value(parent.get_ref());
        let (parent, definition) = known.ok_or_else(|| {
            at.unknown("image", parent.get_ref().as_str(), definitions.keys().map(FamilyName::as_str))
        })?;
        if lineage.iter().any(|(name, _)| *name == parent) {
            let names: Vec<_> = lineage.iter().map(|(name, _)| *name).collect();
            return Err(at.error("an image is its own ancestor", circle(&names, &parent)));
        }
        lineage.push((parent, definition));
    }
    lineage.reverse();
    Ok(lineage)
}

/// `a → b → a`, for a way that comes back to `again`.
pub(super) fn circle<T: ToString + PartialEq>(way: &[T], again: &T) -> String {
    let from = way.iter().position(|name| name == again).unwrap_or(0);
    way[from..].iter().chain([again]).map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

impl Definition {
    /// A definition for each version that a table has, or one.
    fn of_versions(
        source: &Arc<Source>,
        family: &Spanned<FamilyName>,
        table: ImageTable,
        is_own: bool,
    ) -> Result<Vec<(FamilyName, Self)>, Diagnostic> {
        let table = Arc::new(table);
        let of = |version, named| {
            let (source, table) = (source.clone(), table.clone());
            Self { source, table, version, is_own, named }
        };
        if table.version.is_empty() {
            let definition = of(None, Location::of(source, family));
            return Ok(vec![(family.get_ref().clone(), definition)]);
        }
        let versions = table.version.keys().map(|version| {
            let name = Spanned::new(version.span(), format!("{}{}", family.get_ref(), version.get_ref()));
            let definition = of(Some(version.get_ref().clone()), Location::of(source, version));
            Ok((parsed(source, &name)?, definition))
        });
        versions.collect()
    }

    fn version(&self) -> Option<&VersionTable> {
        self.table.version.get(self.version.as_deref()?)
    }

    pub fn template(&self, text: &Spanned<String>) -> Result<Template, Diagnostic> {
        Ok(Template::new(&self.source, text)?.of_version(self.version.as_deref()))
    }

    pub fn templates(&self, texts: &[Spanned<String>]) -> Result<Vec<Template>, Diagnostic> {
        texts.iter().map(|text| self.template(text)).collect()
    }

    /// Whether a release has the image, as far as this definition is concerned.
    pub fn is_in(&self, release: &ReleaseName, shared: &Shared<'_>) -> Result<bool, Diagnostic> {
        let of_version = self.version().and_then(|version| version.releases.as_ref());
        for only in [&self.table.releases].into_iter().flatten().chain(of_version) {
            let only = only.iter().map(|name| self.release(name, shared));
            if !only.collect::<Result<Vec<_>, _>>()?.contains(release) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes away the architectures that the image is not for.
    pub fn restrict(
        &self,
        architectures: &mut Vec<Architecture>,
        platforms: &BTreeMap<Architecture, Platform>,
    ) -> Result<(), Diagnostic> {
        let of_version = self.version().and_then(|version| version.architectures.as_ref());
        for only in [&self.table.architectures].into_iter().flatten().chain(of_version) {
            let only = only.iter().map(|name| known(&self.source, "architecture", name, platforms));
            let only = only.collect::<Result<Vec<_>, _>>()?;
            architectures.retain(|architecture| only.contains(architecture));
        }
        Ok(())
    }

    /// What the definition adds in a release, whatever the tag.
    pub fn additions(&self, scope: &Scope<'_>, shared: &Shared<'_>) -> Result<Additions, Diagnostic> {
        for release in self.table.release.keys() {
            self.release(release, shared)?;
        }
        let of_version = self.version().map(Lists::from);
        let of_release = self.table.release.iter().find(|(name, _)| name.get_ref() == scope.release.0);
        let of_release = of_release.map(|(_, table)| Lists::from(table));
        let mut additions = Additions::default();
        for lists in [Some(Lists::from(&*self.table)), of_version, of_release].into_iter().flatten() {
            self.add(&mut additions, &lists, scope, shared)?;
        }
        Ok(additions)
    }

    /// What the definition adds in one tag or another.
    pub fn tag_additions(
        &self,
        scope: &Scope<'_>,
        shared: &Shared<'_>,
    ) -> Result<BTreeMap<TagName, Additions>, Diagnostic> {
        let of_tag = |(tag, table): (&Spanned<TagName>, _)| {
            let text = Spanned::new(tag.span(), tag.get_ref().to_string());
            let tag = known(&self.source, "tag", &text, shared.tags)?;
            let mut additions = Additions::default();
            self.add(&mut additions, &Lists::from(table), scope, shared)?;
            Ok((tag, additions))
        };
        self.table.tag.iter().map(of_tag).collect()
    }

    fn add(
        &self,
        additions: &mut Additions,
        lists: &Lists<'_>,
        scope: &Scope<'_>,
        shared: &Shared<'_>,
    ) -> Result<(), Diagnostic> {
        for package in lists.packages {
            let text = self.template(package)?.render(scope)?;
            additions.requests.push(parsed(&self.source, &Spanned::new(package.span(), text))?);
        }
        for name in lists.tarballs {
            let text = Spanned::new(name.span(), name.get_ref().to_string());
            additions.tarballs.insert(known(&self.source, "tarball", &text, shared.tarballs)?);
        }
        for (name, reason) in lists.leave_out {
            additions.leave_out.insert(parsed(&self.source, name)?, reason.clone());
        }
        additions.tests.extend(beside(&self.source, lists.tests));
        Ok(())
    }

    fn release(&self, name: &Spanned<ReleaseName>, shared: &Shared<'_>) -> Result<ReleaseName, Diagnostic> {
        let text = Spanned::new(name.span(), name.get_ref().to_string());
        known(&self.source, "release", &text, shared.releases)
    }
}

impl Additions {
    pub fn extend(&mut self, more: Self) {
        self.requests.extend(more.requests);
        self.tarballs.extend(more.tarballs);
        self.leave_out.extend(more.leave_out);
        self.tests.extend(more.tests);
    }
}

impl<'a> From<&'a ImageTable> for Lists<'a> {
    fn from(ImageTable { packages, tarballs, leave_out, tests, .. }: &'a ImageTable) -> Self {
        Self { packages, tarballs, leave_out, tests }
    }
}

impl<'a> From<&'a VersionTable> for Lists<'a> {
    fn from(VersionTable { packages, tarballs, leave_out, tests, .. }: &'a VersionTable) -> Self {
        Self { packages, tarballs, leave_out, tests }
    }
}

impl<'a> From<&'a AdditionsTable> for Lists<'a> {
    fn from(AdditionsTable { packages, tarballs, leave_out, tests }: &'a AdditionsTable) -> Self {
        Self { packages, tarballs, leave_out, tests }
    }
}
