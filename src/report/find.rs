//! Which images hold what was looked for: as a table, as JSON.

use distro::find::{FileRow, Findings, Holding, LicenseRow, PackageRow, VulnerabilityRow};
use serde::Serialize;

use super::table::table;

/// Something that images hold.
pub trait Held: Ord + Serialize {
    const HEAD: [&'static str; 3];

    fn cells(&self) -> [String; 3];

    /// Whether it is what was looked for, and not told beside it.
    fn counts(&self) -> bool {
        true
    }
}

impl Held for PackageRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "SOURCE"];

    fn cells(&self) -> [String; 3] {
        let source = match (&self.built_with, &self.source) {
            (Some(with), _) => format!("built with {with}"),
            (None, Some(source)) => source.clone(),
            (None, None) => "upstream tarball".to_owned(),
        };
        [self.package.clone(), self.version.clone(), source]
    }
}

impl Held for FileRow {
    const HEAD: [&'static str; 3] = ["PATH", "OWNER", "IS"];

    fn cells(&self) -> [String; 3] {
        [self.path.clone(), self.owner.clone(), self.is.clone()]
    }
}

impl Held for LicenseRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "LICENCE"];

    fn cells(&self) -> [String; 3] {
        let note = if self.declared_only { " (of the source only)" } else { "" };
        [self.package.clone(), self.version.clone(), format!("{}{note}", self.license)]
    }
}

impl Held for VulnerabilityRow {
    const HEAD: [&'static str; 3] = ["PACKAGE", "VERSION", "STATE"];

    fn cells(&self) -> [String; 3] {
        let built_in = if self.built_in { format!(" (built with {})", self.source) } else { String::new() };
        [self.package.clone(), self.version.clone(), format!("{}{built_in}", self.judgement)]
    }

    fn counts(&self) -> bool {
        self.open
    }
}

#[derive(Serialize)]
struct Row<'a, T> {
    #[serde(flatten)]
    what: &'a T,
    images: Vec<Holding>,
}

pub fn text<T: Held>(findings: &Findings<T>) -> String {
    let rows = findings.iter().flat_map(|(what, holders)| {
        holders.holdings().into_iter().map(|Holding { repository, tags, architectures }| {
            let [first, second, third] = what.cells();
            [first, second, third, repository, words(&tags), words(&architectures)]
        })
    });
    let [first, second, third] = T::HEAD;
    table([first, second, third, "IMAGE", "TAGS", "ARCHITECTURES"], &[], rows)
}

pub fn json<T: Held>(findings: &Findings<T>) -> serde_json::Result<String> {
    let rows = findings.iter().map(|(what, holders)| Row { what, images: holders.holdings() });
    serde_json::to_string_pretty(&rows.collect::<Vec<_>>())
}

fn words(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
