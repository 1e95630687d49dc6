//! `distro list`: the images of the catalog.

use serde::Serialize;

use distro::catalog::Selection;

use super::{Workspace, select};
use crate::cli::{Format, ListArgs};
use crate::report::table;

#[derive(Serialize)]
struct Row<'a> {
    image: String,
    family: &'a str,
    release: &'a str,
    tag: &'a str,
    parent: Option<&'a str>,
    architectures: Vec<&'a str>,
    description: &'a str,
}

pub fn run(workspace: &Workspace, args: &ListArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let selected = select(&catalog, &Selection { images: &args.images, ..Selection::default() })?;
    let rows: Vec<_> = selected
        .iter()
        .map(|(image, architectures)| Row {
            image: image.name.to_string(),
            family: image.name.family.as_str(),
            release: image.name.release.as_str(),
            tag: image.name.tag.as_str(),
            parent: image.lineage().map(|family| family.as_str()).rev().nth(1),
            architectures: architectures.iter().map(|architecture| architecture.as_str()).collect(),
            description: &image.description,
        })
        .collect();
    if args.format == Format::Json {
        anstream::println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let cells = rows.iter().map(|row| {
        [
            row.image.clone(),
            row.parent.unwrap_or("-").to_owned(),
            row.architectures.join(" "),
            row.description.to_owned(),
        ]
    });
    anstream::print!("{}", table::table(["IMAGE", "PARENT", "ARCHITECTURES", "DESCRIPTION"], &[], cells));
    Ok(())
}
