//! Upstream tarballs as definitions name them.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use url::Url;

use super::file::{ChecksumsTable, FamilyFile, TarballTable};
use super::name::TarballName;
use super::template::{Template, Upstream};
use super::{Platform, Written, all_parsed, known, parsed};
use crate::debian::signed::Fingerprint;
use crate::debian::{Architecture, Compression};
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::digest::Sha256;
use crate::license::Expression;
use crate::tarball::{FileUrl, InvalidFileUrl, Placement};
use crate::tree::{Filter, ImagePath};

/// An upstream tarball. [`Evidence::Declared`] is there for each architecture that it is published for.
#[derive(Debug)]
pub struct Tarball {
    pub version: String,
    pub files: BTreeMap<Architecture, FileUrl>,
    pub compression: Compression,
    pub evidence: Evidence,
    pub placement: Placement,
    /// Patterns of what is left out and what is taken, as they are written.
    pub drop: Vec<String>,
    pub only: Option<Vec<String>>,
    /// What the patterns say.
    pub filters: Vec<Filter>,
    /// The name in the package URL.
    pub software: String,
    pub supplier: String,
    pub license: Expression,
    pub homepage: Option<Url>,
}

/// Who vouches for a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Upstream, by a signed file of digests.
    Signed { checksums: FileUrl, signature: Option<FileUrl>, keys: Vec<Fingerprint> },
    /// The definition.
    Declared(BTreeMap<Architecture, Sha256>),
}

/// Reads the tarballs of all family files.
pub(super) fn read<'a>(
    files: impl Iterator<Item = &'a Written<FamilyFile>>,
    platforms: &BTreeMap<Architecture, Platform>,
) -> Result<BTreeMap<TarballName, Tarball>, Diagnostic> {
    let mut tarballs: BTreeMap<TarballName, Tarball> = BTreeMap::new();
    for (source, file) in files {
        for (name, table) in &file.tarball {
            let tarball = Tarball::read(source, name, table, platforms)?;
            if tarballs.insert(name.get_ref().clone(), tarball).is_some() {
                let title = format!("the tarball `{}` is defined twice", name.get_ref());
                return Err(Location::of(source, name).error(title, "another family file has one too"));
            }
        }
    }
    Ok(tarballs)
}

impl Tarball {
    fn read(
        source: &Arc<Source>,
        name: &Spanned<TarballName>,
        table: &TarballTable,
        platforms: &BTreeMap<Architecture, Platform>,
    ) -> Result<Self, Diagnostic> {
        let mut files = BTreeMap::new();
        for (architecture, upstream) in &table.architectures {
            let architecture = known(source, "architecture", architecture, platforms)?;
            let scope = Upstream { version: &table.version, architecture: Some((&architecture, upstream)) };
            files.insert(architecture.clone(), file_url(source, name, &table.url, &scope)?);
        }
        let at = Location::of(source, &table.url);
        let Some(first) = files.values().next() else {
            return Err(
                Location::of(source, name).error("it is for no architecture", "`architectures` is empty")
            );
        };
        let compression = compression(first.name()).ok_or_else(|| {
            at.error(
                "this is no tarball that can be unpacked",
                "expected `.tar.xz`, `.tar.gz`, `.tar.zst` or `.tar`",
            )
        })?;
        let (drop, only) = (patterns(&table.drop), table.only.as_deref().map(patterns));
        let placement = Placement { strip: table.strip, to: destination(source, &table.to)? };
        Ok(Self {
            version: table.version.clone(),
            evidence: evidence(source, name, table, &files)?,
            files,
            compression,
            filters: filters(source, table, &placement.to)?,
            placement,
            drop,
            only,
            software: table.software.clone().unwrap_or_else(|| name.get_ref().to_string()),
            supplier: table.supplier.clone(),
            license: parsed(source, &table.license)?,
            homepage: table.homepage.clone(),
        })
    }
}

fn evidence(
    source: &Arc<Source>,
    name: &Spanned<TarballName>,
    table: &TarballTable,
    files: &BTreeMap<Architecture, FileUrl>,
) -> Result<Evidence, Diagnostic> {
    match (&table.checksums, &table.sha256) {
        (Some(checksums), None) => {
            let scope = Upstream { version: &table.version, architecture: None };
            let ChecksumsTable { url, signature, keys } = checksums.get_ref();
            if keys.is_empty() {
                let at = Location::of(source, checksums);
                return Err(at.error("nobody may sign these checksums", "`keys` is empty"));
            }
            Ok(Evidence::Signed {
                checksums: file_url(source, name, url, &scope)?,
                signature: signature.as_ref().map(|url| file_url(source, name, url, &scope)).transpose()?,
                keys: all_parsed(source, keys)?,
            })
        }
        (None, Some(digests)) => {
            let mut declared = BTreeMap::new();
            for (architecture, digest) in digests {
                let architecture = known(source, "architecture", architecture, files)?;
                declared.insert(architecture, parsed(source, digest)?);
            }
            match files.keys().find(|architecture| !declared.contains_key(*architecture)) {
                Some(missing) => {
                    let title =
                        format!("the SHA-256 of the tarball `{}` for {missing} is missing", name.get_ref());
                    Err(Location::of(source, name).error(title, ""))
                }
                None => Ok(Evidence::Declared(declared)),
            }
        }
        (signed, _) => {
            let title = match signed {
                Some(_) => "both `checksums` and `sha256` vouch for this tarball",
                None => "nothing vouches for this tarball",
            };
            let hint = "name the `checksums` that upstream signs; or, where it signs none, a `sha256` for each \
                        architecture";
            Err(Location::of(source, name).error(title, "").help(hint))
        }
    }
}

fn file_url(
    source: &Arc<Source>,
    name: &Spanned<TarballName>,
    template: &Spanned<String>,
    scope: &Upstream<'_>,
) -> Result<FileUrl, Diagnostic> {
    let url = Template::new(source, template)?.render(scope)?.parse();
    url.map_err(|error: InvalidFileUrl| {
        // A report shows the text that it is about.
        let at = if error.secret { Location::of(source, name) } else { Location::of(source, template) };
        at.invalid(&error)
    })
}

fn compression(file: &str) -> Option<Compression> {
    if file.ends_with(".tgz") {
        return Some(Compression::Gzip);
    }
    let (_, suffix) = file.rsplit_once(".tar")?;
    Compression::from_suffix(suffix)
}

fn destination(source: &Arc<Source>, to: &Spanned<String>) -> Result<ImagePath, Diagnostic> {
    if !to.get_ref().starts_with('/') {
        return Err(Location::of(source, to).error("a path of an image begins with `/`", ""));
    }
    parsed(source, to)
}

/// What `drop` names goes; then what `only` does not name.
fn filters(source: &Arc<Source>, table: &TarballTable, to: &ImagePath) -> Result<Vec<Filter>, Diagnostic> {
    for pattern in table.drop.iter().chain(table.only.iter().flatten()) {
        Filter::new(std::slice::from_ref(pattern.get_ref()), &[])
            .map_err(|error| Location::of(source, pattern).invalid(&error))?;
    }
    let whole = |error: crate::tree::InvalidPattern| Location::of(source, &table.to).invalid(&error);
    let mut filters = vec![Filter::new(&patterns(&table.drop), &[]).map_err(whole)?];
    if let Some(only) = &table.only {
        let everything = format!("{}/**", to.to_string().trim_end_matches('/'));
        filters.push(Filter::new(&[everything], &patterns(only)).map_err(whole)?);
    }
    Ok(filters)
}

fn patterns(patterns: &[Spanned<String>]) -> Vec<String> {
    patterns.iter().map(|pattern| pattern.get_ref().clone()).collect()
}
