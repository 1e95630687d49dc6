//! For a terminal of 80 columns.

use distro::debian::Cve;
use distro::lock::changes::{News, TarballChange};

use super::{Difference, ImageRow, of_upstream, only_on, scripts, version};
use crate::report::table::table;

/// A table of the packages that differ, one of the vulnerabilities fixed, one of the scripts changed, one of the
/// images affected.
pub fn text(differences: &[Difference]) -> String {
    let sections = differences.iter().map(section);
    sections.collect::<Vec<_>>().join("\n")
}

fn section(difference: &Difference) -> String {
    let changes = &difference.changes;
    let mut text = format!("{}: {}\n", changes.release, difference.summary());
    let moves = changes.packages.iter().flat_map(|package| package.moves.iter().map(move |m| (package, m)));
    let packages = moves.map(|(package, of)| {
        let on = only_on(package, of).unwrap_or_default();
        [package.name.to_string(), version(of.old.as_ref()), version(of.new.as_ref()), on]
    });
    let tarballs = changes.tarballs.iter().map(|TarballChange { name, old, new }| {
        let (old, new) = (of_upstream(old.as_ref()), of_upstream(new.as_ref()));
        [format!("tarball {name}"), old, new, String::new()]
    });
    let packages = packages.chain(tarballs);
    let images = ImageRow::all(changes).into_iter().map(|row| {
        let tags = row.tags();
        [row.image, tags, row.download, row.installed]
    });
    let news = difference.news.iter().flatten().flat_map(|(change, news)| {
        let mut first = Some(format!("{} {}", change.source, change.new));
        let lines = told(news).into_iter().map(move |line| [first.take().unwrap_or_default(), line]);
        lines.collect::<Vec<_>>()
    });
    let scripts = difference.scripts.iter().map(|change| [change.package.to_string(), scripts(&change.news)]);
    for table in [
        filled(table(["PACKAGE", "OLD", "NEW", ""], &[], packages)),
        filled(table(["SOURCE", "FIXES"], &[], news)),
        filled(table(["PACKAGE", "SCRIPTS TO READ AGAIN"], &[], scripts)),
        filled(table(["IMAGE", "TAGS", "DOWNLOAD", "INSTALLED"], &[2, 3], images)),
    ] {
        text.extend(table.map(|table| format!("\n{table}")));
    }
    text
}

/// A table that has more than its head.
fn filled(table: String) -> Option<String> {
    (table.lines().count() > 1).then_some(table)
}

/// Two ids a line, which is what fits beside a long version.
fn told(news: &News) -> Vec<String> {
    match news {
        News::NotAtHand(_) => vec!["changelog not at hand".to_owned()],
        News::Told(_) => {
            let cves: Vec<_> = news.cves().unwrap_or_default().iter().map(Cve::to_string).collect();
            let lines = cves.chunks(2).map(|ids| ids.join(" "));
            if cves.is_empty() { vec!["no CVE named".to_owned()] } else { lines.collect() }
        }
    }
}
