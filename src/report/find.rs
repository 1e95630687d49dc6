//! Which images hold what was looked for: as a table, as JSON.

use std::collections::BTreeMap;

use distro::find::{Holders, Holding};
use serde::Serialize;

use super::table::table;

/// Something that images hold.
pub trait Held: Ord + Serialize {
    const HEAD: [&'static str; 3];

    fn cells(&self) -> [String; 3];
}

/// What was found, and who holds it.
pub type Findings<T> = BTreeMap<T, Holders>;

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
