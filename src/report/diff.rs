//! What differs between locks: as tables at a terminal, as Markdown for a pull request, as JSON.

mod json;
mod markdown;
mod text;

use std::collections::BTreeSet;

use distro::lock::changes::{
    Changes, ImageChange, Kind, Move, News, PackageChange, ScriptChange, ScriptNews, SizeChange, Sizes,
    SourceChange,
};

use super::count;
use super::size::Size;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

/// What differs between two locks of a release, and what changelogs say of it, where they were asked.
pub struct Difference {
    pub changes: Changes,
    pub news: Option<Vec<(SourceChange, News)>>,
    /// Maintainer scripts that have to be read again, where they were compared.
    pub scripts: Vec<ScriptChange>,
}

impl Difference {
    /// `3 upgraded, 1 added; 2 CVEs fixed; 12 images affected`
    fn summary(&self) -> String {
        let kinds = self.changes.kinds();
        let kinds: Vec<_> =
            kinds.iter().rev().map(|(kind, number)| format!("{number} {}", kind.as_str())).collect();
        let tarballs = self.changes.tarballs.len();
        let tarballs = (tarballs > 0).then(|| format!("{} changed", count(tarballs, "tarball")));
        let kinds = match kinds.is_empty() {
            true if tarballs.is_some() => None,
            true => Some("no package differs".to_owned()),
            false => Some(kinds.join(", ")),
        };
        let images = self.changes.images.iter().map(|change| change.tags.len()).sum();
        let parts = [kinds, tarballs, self.fixed(), Some(format!("{} affected", count(images, "image")))];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// `2 CVEs fixed, 1 changelog not at hand`; nothing where no changelog was asked.
    fn fixed(&self) -> Option<String> {
        let news = self.news.as_deref().filter(|news| !news.is_empty())?;
        let fixed: BTreeSet<_> = news.iter().filter_map(|(_, news)| news.cves()).flatten().collect();
        let unread = news.iter().filter(|(_, news)| matches!(news, News::NotAtHand(_))).count();
        let not_at_hand = format!("{} not at hand", count(unread, "changelog"));
        let fixed = match fixed.len() {
            0 if unread > 0 => return Some(not_at_hand),
            0 => "no CVE fixed".to_owned(),
            number => format!("{} fixed", count(number, "CVE")),
        };
        Some(if unread > 0 { format!("{fixed}, {not_at_hand}") } else { fixed })
    }

    fn news_of(&self, package: &PackageChange) -> Option<&(SourceChange, News)> {
        self.news.as_deref()?.iter().find(|(change, _)| change.source == package.source)
    }
}

/// `config, postinst`; that they could not be compared, where they could not.
fn scripts(news: &ScriptNews) -> String {
    match news {
        ScriptNews::Changed(scripts) => {
            scripts.iter().map(|script| script.as_str()).collect::<Vec<_>>().join(", ")
        }
        ScriptNews::NotAtHand(_) => "not at hand".to_owned(),
    }
}

/// The architectures that make a move, where not all that have the package do the same.
fn only_on(package: &PackageChange, of: &Move) -> Option<String> {
    let on: Vec<_> = of.architectures.iter().map(|architecture| architecture.as_str()).collect();
    (!package.is_uniform()).then(|| on.join(" "))
}

fn version(version: Option<&distro::debian::Version>) -> String {
    version.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// A version of an upstream tarball.
fn of_upstream(version: Option<&String>) -> String {
    version.map_or_else(|| "-".to_owned(), String::clone)
}

/// Images of a family with what they have more, as it is shown.
struct ImageRow<'a> {
    image: String,
    tags: Vec<&'a str>,
    of_tags: usize,
    download: String,
    installed: String,
}

impl ImageRow<'_> {
    /// Those that are shown alike in one row.
    fn all(changes: &Changes) -> Vec<ImageRow<'_>> {
        let mut rows: Vec<ImageRow<'_>> = Vec::new();
        for change in &changes.images {
            let image = format!("{}-{}", change.family, changes.release);
            let (download, installed) = (delta(change, |s| s.download), delta(change, |s| s.installed));
            let tags = change.tags.iter().map(|tag| tag.as_str());
            let same = |row: &&mut ImageRow<'_>| {
                row.image == image && row.download == download && row.installed == installed
            };
            match rows.iter_mut().find(same) {
                Some(row) => row.tags.extend(tags),
                None => {
                    rows.push(ImageRow {
                        image,
                        tags: tags.collect(),
                        of_tags: change.of_tags,
                        download,
                        installed,
                    });
                }
            }
        }
        rows
    }

    fn tags(&self) -> String {
        if self.tags.len() == self.of_tags { "all".to_owned() } else { self.tags.join(" ") }
    }
}

/// How much more an image has, on its architectures: `+1.2 KiB`, `-3 B to +1.2 KiB`.
fn delta(image: &ImageChange, size: fn(&Sizes) -> u64) -> String {
    let deltas = || image.sizes.values().map(|change: &SizeChange| change.delta(size));
    let shown = |delta: i64| {
        let sign = match delta.signum() {
            -1 => "-",
            0 => "±",
            _ => "+",
        };
        format!("{sign}{}", Size(delta.unsigned_abs()))
    };
    let (least, most) = (shown(deltas().min().unwrap_or(0)), shown(deltas().max().unwrap_or(0)));
    if least == most { least } else { format!("{least} to {most}") }
}

fn is_upgrade(of: &Move) -> bool {
    of.kind() == Kind::Upgraded
}
