//! For programs.

use std::collections::BTreeMap;

use serde::Serialize;

use distro::debian::Cve;
use distro::lock::changes::{
    ImageChange, Move, News, PackageChange, ScriptChange, ScriptNews, SizeChange, Sizes, SourceChange,
    TarballChange,
};

use super::Difference;

#[derive(Serialize)]
struct Release<'a> {
    release: &'a str,
    packages: Vec<Package<'a>>,
    tarballs: Vec<Tarball<'a>>,
    /// Absent where changelogs were not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<Source<'a>>>,
    /// Packages whose maintainer scripts are accounted for, and have changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scripts: Vec<Scripts<'a>>,
    images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Package<'a> {
    package: &'a str,
    source: &'a str,
    change: &'static str,
    versions: Vec<Versions<'a>>,
}

#[derive(Serialize)]
struct Tarball<'a> {
    tarball: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
}

#[derive(Serialize)]
struct Versions<'a> {
    change: &'static str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    suite: &'a str,
    architectures: Vec<&'a str>,
}

#[derive(Serialize)]
struct Source<'a> {
    source: &'a str,
    old: &'a str,
    new: &'a str,
    /// `null` where the changelog is not at hand.
    cves: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_at_hand: Option<&'a str>,
}

#[derive(Serialize)]
struct Scripts<'a> {
    package: &'a str,
    /// `null` where they could not be compared.
    changed: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_at_hand: Option<&'a str>,
}

#[derive(Serialize)]
struct Image<'a> {
    image: String,
    tags: Vec<&'a str>,
    /// By architecture, in bytes; `null` where there is no such image.
    sizes: BTreeMap<&'a str, BeforeAndAfter>,
}

#[derive(Serialize)]
struct BeforeAndAfter {
    old: Option<Bytes>,
    new: Option<Bytes>,
}

#[derive(Serialize)]
struct Bytes {
    download: u64,
    installed: u64,
}

/// A list of releases.
pub fn json(differences: &[Difference]) -> serde_json::Result<String> {
    let releases: Vec<_> = differences.iter().map(Release::of).collect();
    Ok(serde_json::to_string_pretty(&releases)? + "\n")
}

impl<'a> Release<'a> {
    fn of(Difference { changes, news, scripts }: &'a Difference) -> Self {
        Self {
            release: changes.release.as_str(),
            packages: changes.packages.iter().map(Package::of).collect(),
            tarballs: changes.tarballs.iter().map(Tarball::of).collect(),
            scripts: scripts.iter().map(Scripts::of).collect(),
            sources: news.as_ref().map(|news| news.iter().map(Source::of).collect()),
            images: changes
                .images
                .iter()
                .map(|change| Image::of(change, format!("{}-{}", change.family, changes.release)))
                .collect(),
        }
    }
}

impl<'a> Tarball<'a> {
    fn of(TarballChange { name, old, new }: &'a TarballChange) -> Self {
        Self { tarball: name.as_str(), old: old.as_deref(), new: new.as_deref() }
    }
}

impl<'a> Package<'a> {
    fn of(change: &'a PackageChange) -> Self {
        Self {
            package: change.name.as_str(),
            source: change.source.as_str(),
            change: change.kind().as_str(),
            versions: change.moves.iter().map(Versions::of).collect(),
        }
    }
}

impl<'a> Versions<'a> {
    fn of(of: &'a Move) -> Self {
        Self {
            change: of.kind().as_str(),
            old: of.old.as_ref().map(|version| version.as_str()),
            new: of.new.as_ref().map(|version| version.as_str()),
            suite: &of.suite,
            architectures: of.architectures.iter().map(|architecture| architecture.as_str()).collect(),
        }
    }
}

impl<'a> Scripts<'a> {
    fn of(ScriptChange { package, news }: &'a ScriptChange) -> Self {
        let (changed, not_at_hand) = match news {
            ScriptNews::Changed(scripts) => {
                (Some(scripts.iter().map(|script| script.as_str()).collect()), None)
            }
            ScriptNews::NotAtHand(why) => (None, Some(why.as_str())),
        };
        Self { package: package.as_str(), changed, not_at_hand }
    }
}

impl<'a> Source<'a> {
    fn of((change, news): &'a (SourceChange, News)) -> Self {
        Self {
            source: change.source.as_str(),
            old: change.old.as_str(),
            new: change.new.as_str(),
            cves: news.cves().map(|cves| cves.iter().map(Cve::to_string).collect()),
            not_at_hand: match news {
                News::Told(_) => None,
                News::NotAtHand(why) => Some(why),
            },
        }
    }
}

impl<'a> Image<'a> {
    fn of(change: &'a ImageChange, image: String) -> Self {
        let bytes =
            |sizes: Option<Sizes>| sizes.map(|Sizes { download, installed }| Bytes { download, installed });
        let sizes = change.sizes.iter().map(|(architecture, SizeChange { old, new })| {
            (architecture.as_str(), BeforeAndAfter { old: bytes(*old), new: bytes(*new) })
        });
        Self { image, tags: change.tags.iter().map(|tag| tag.as_str()).collect(), sizes: sizes.collect() }
    }
}
