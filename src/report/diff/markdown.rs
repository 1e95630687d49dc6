//! For the body of a pull request, [GitHub Flavored Markdown]; the long parts are folded.
//!
//! [GitHub Flavored Markdown]: https://github.github.com/gfm/

use std::collections::BTreeSet;
use std::fmt::Write as _;

use distro::debian::Cve;
use distro::lock::changes::{News, PackageChange, SourceChange, TarballChange};

use super::{Difference, ImageRow, is_upgrade, of_upstream, only_on, scripts, version};
use crate::report::count;

/// Where Debian tracks vulnerabilities, each below its id.
const TRACKER: &str = "https://security-tracker.debian.org/tracker";

/// Characters of changelogs that are shown, so that the whole stays below the 65,536 that pull requests may have.
const CHANGELOG_LIMIT: usize = 30_000;

/// One section for each release.
pub fn markdown(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "No package differs.\n".to_owned();
    }
    differences.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(difference: &Difference) -> String {
    let mut text = format!("### {}\n\n{}.\n", difference.changes.release, difference.summary());
    packages(difference, &mut text);
    scripts_to_read(difference, &mut text);
    images(difference, &mut text);
    changelogs(difference.news.as_deref().unwrap_or_default(), &mut text);
    text
}

/// A row of the table: packages of one source that make the same move.
struct Row {
    source: String,
    packages: Vec<String>,
    old: String,
    new: String,
    suite: String,
    fixes: String,
}

fn packages(difference: &Difference, text: &mut String) {
    let mut rows: Vec<Row> = Vec::new();
    for package in &difference.changes.packages {
        for of in &package.moves {
            let (old, new) = (version(of.old.as_ref()), version(of.new.as_ref()));
            let on = only_on(package, of).map_or_else(String::new, |on| format!(" ({on})"));
            let name = format!("{}{on}", code(package.name.as_str()));
            let source = package.source.to_string();
            let same = |row: &&mut Row| row.source == source && row.old == old && row.new == new;
            match rows.iter_mut().find(same) {
                Some(row) => row.packages.push(name),
                None => {
                    let fixes = if is_upgrade(of) { fixes(difference, package) } else { String::new() };
                    rows.push(Row { source, packages: vec![name], old, new, suite: of.suite.clone(), fixes });
                }
            }
        }
    }
    rows.extend(difference.changes.tarballs.iter().map(|TarballChange { name, old, new }| Row {
        source: "upstream".to_owned(),
        packages: vec![format!("{} (tarball)", code(name.as_str()))],
        old: of_upstream(old.as_ref()),
        new: of_upstream(new.as_ref()),
        suite: "-".to_owned(),
        fixes: String::new(),
    }));
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n| source | packages | old | new | suite | fixes |\n|---|---|---|---|---|---|");
    for Row { source, packages, old, new, suite, fixes } in rows {
        let (packages, old, new) = (packages.join(", "), code(&old), code(&new));
        let _ = writeln!(text, "| {source} | {packages} | {old} | {new} | {suite} | {fixes} |");
    }
}

fn fixes(difference: &Difference, package: &PackageChange) -> String {
    match difference.news_of(package) {
        None => String::new(),
        Some((_, News::NotAtHand(_))) => "*changelog not at hand*".to_owned(),
        Some((_, news)) => linked(&news.cves().unwrap_or_default()),
    }
}

fn linked(cves: &BTreeSet<Cve>) -> String {
    let links: Vec<_> = cves.iter().map(|cve| format!("[{cve}]({TRACKER}/{cve})")).collect();
    if links.is_empty() { "no CVE named".to_owned() } else { links.join(" ") }
}

fn scripts_to_read(difference: &Difference, text: &mut String) {
    if difference.scripts.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nMaintainer scripts that are accounted for have changed, and need to be read again:\n"
    );
    for change in &difference.scripts {
        let _ = writeln!(text, "- {}: {}", code(change.package.as_str()), scripts(&change.news));
    }
}

fn images(difference: &Difference, text: &mut String) {
    let changes = &difference.changes;
    let number = changes.images.iter().map(|image| image.tags.len()).sum();
    let _ = writeln!(text, "\n<details><summary>{} affected</summary>\n", count(number, "image"));
    let _ = writeln!(text, "| image | tags | download | installed |\n|---|---|--:|--:|");
    for row in ImageRow::all(changes) {
        let tags = row.tags();
        let ImageRow { image, download, installed, .. } = row;
        let _ = writeln!(text, "| {image} | {tags} | {download} | {installed} |");
    }
    let _ = writeln!(text, "\n</details>");
}

fn changelogs(news: &[(SourceChange, News)], text: &mut String) {
    let mut left = CHANGELOG_LIMIT;
    for (change, news) in news {
        let _ = writeln!(
            text,
            "\n<details><summary>{}: what changed since {}</summary>\n",
            change.source, change.old
        );
        match news {
            News::NotAtHand(why) => {
                let _ = writeln!(text, "The changelog is not at hand:\n\n{}", block(why));
            }
            News::Told(entries) if entries.is_empty() => {
                let _ = writeln!(text, "The changelog has no entry since then.\n");
            }
            News::Told(entries) => {
                let entries = entries.iter().map(|entry| format!("{}\n{}\n", entry.version, entry.text));
                let shown = entries.collect::<Vec<_>>().join("\n");
                let _ = writeln!(text, "{}", block(&shortened(&shown, left)));
                left = left.saturating_sub(shown.len());
            }
        }
        let _ = writeln!(text, "</details>");
    }
}

/// The first lines of a text that has more than so many bytes.
fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(0, |end| end + 1);
    format!("{}… {} more\n", &text[..end], count(text[end..].lines().count(), "line"))
}

/// A fenced block; the fence is longer than any in the text.
fn block(text: &str) -> String {
    let ticks = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((ticks + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// `-`, which stands for no version, is no code.
fn code(text: &str) -> String {
    if text == "-" { text.to_owned() } else { format!("`{text}`") }
}
