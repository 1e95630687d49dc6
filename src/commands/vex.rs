//! `distro vex`: SBOMs of built images, and what is known of vulnerabilities → OpenVEX.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use distro::advisory::Status;
use distro::audit::Inventory;
use distro::audit::inventory::BinaryPackage;
use distro::catalog::{Catalog, Image, Selection, Statement};
use distro::debian::Architecture;
use distro::effects::files;
use distro::effects::layout::{LayoutDirectory, LayoutError, read_sbom};
use distro::effects::publish::attach_vex;
use distro::vex::{Knowledge, Subject, document};

use super::advisories::Told;
use super::{Workspace, advisories, select_some};
use crate::cli::VexArgs;
use crate::report::failure::Advice;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &VexArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architectures =
        if args.all && args.arch.is_empty() { Vec::new() } else { workspace.architectures(&args.arch)? };
    let selection = Selection { images: &args.images, architectures: &architectures, ..Selection::default() };
    let selected = select_some(&catalog, &selection)?;
    if args.to.is_none() && !args.attach && selected.iter().map(|(_, on)| on.len()).sum::<usize>() > 1 {
        let error = anyhow::anyhow!("there is more than one image, and one document for each");
        return Err(Advice::new(error, "write them into a directory by --to, or name one image").into());
    }
    let images = inventories(args, &selected)?;
    let statements = Statements::of(workspace, &catalog);
    let tracker = tracker(workspace, args, &catalog, &images)?;
    if tracker.is_none() && catalog.statements.is_empty() {
        let error = anyhow::anyhow!("nothing is known of vulnerabilities");
        let hint = "name the tracker's data by --tracker, or say something in catalog.toml, as `[[vex]]`";
        return Err(Advice::new(error, hint).into());
    }
    let mut documents = Vec::new();
    let mut tally: BTreeMap<Status, usize> = BTreeMap::new();
    for (image, inventory) in &images {
        let about = statements.about(image, inventory);
        let subject = Subject {
            inventory,
            codename: &catalog.releases[&image.name.release].codename,
            organization: &catalog.organization,
        };
        let tracker = tracker.as_ref().map(|told| (&told.tracker, told.date));
        let document = document(subject, Knowledge { tracker, statements: &about });
        for (status, number) in document.iter().flat_map(|document| &document.tally) {
            *tally.entry(*status).or_default() += number;
        }
        documents.push((inventory.reference(), document.map(|document| document.text)));
    }
    deliver(args, &documents)?;
    statements.tell_unused(&images);
    let of = |status| tally.get(&status).copied().unwrap_or_default();
    let text = format!(
        "{} of {}: {} affected, {} under investigation, {} fixed, {} not affected",
        count(documents.iter().filter(|(_, text)| text.is_some()).count(), "document"),
        count(images.len(), "image"),
        of(Status::Affected),
        of(Status::UnderInvestigation),
        of(Status::Fixed),
        of(Status::NotAffected),
    );
    say("Stated", &text);
    Ok(())
}

/// What the SBOMs say of the images. Those that are named have to be built; of all images, those that are not are
/// left aside.
fn inventories<'a>(
    args: &VexArgs,
    selected: &[(&'a Image, Vec<Architecture>)],
) -> anyhow::Result<Vec<(&'a Image, Inventory)>> {
    let (mut inventories, mut unbuilt) = (Vec::new(), Vec::new());
    for (image, architectures) in selected {
        for architecture in architectures {
            let reference = image.name.on(architecture);
            let Some(text) = read_sbom(&args.out, &reference)? else {
                if args.all {
                    unbuilt.push(reference);
                    continue;
                }
                let missing = LayoutError::NoImage { root: args.out.clone(), name: reference };
                let hint = format!("`distro build {} --arch {architecture}` builds it", image.name);
                return Err(Advice::new(missing, hint).into());
            };
            let inventory = Inventory::parse(&text).map_err(|error| {
                anyhow::Error::new(error).context(format!("the SBOM of {reference} cannot be read"))
            })?;
            inventories.push((*image, inventory));
        }
    }
    if inventories.is_empty() {
        let error = anyhow::anyhow!("`{}` has no image of the catalog", args.out.display());
        return Err(Advice::new(error, "`distro build` builds them; --out names another layout").into());
    }
    if let Some(first) = unbuilt.first() {
        warn(&format!("{} not built, as {first}: `distro build` does it", count(unbuilt.len(), "image")));
    }
    Ok(inventories)
}

/// What the tracker says of the source packages of the images.
fn tracker(
    workspace: &Workspace,
    args: &VexArgs,
    catalog: &Catalog,
    images: &[(&Image, Inventory)],
) -> anyhow::Result<Option<Told>> {
    let codename = |(image, _): &(&Image, _)| catalog.releases[&image.name.release].codename.clone();
    let codenames: BTreeSet<_> = images.iter().map(codename).collect();
    let packages = images.iter().flat_map(|(_, inventory)| &inventory.packages);
    let sources: BTreeSet<_> =
        packages.flat_map(BinaryPackage::sources).map(|source| source.name.as_str()).collect();
    advisories::tracker(workspace, &args.tracker, &codenames, &|source, _| sources.contains(source))
}

/// Gives documents, each with the reference of its image, to where they are asked for.
fn deliver(args: &VexArgs, documents: &[(String, Option<String>)]) -> anyhow::Result<()> {
    for (reference, text) in documents {
        let Some(text) = text else { continue };
        match &args.to {
            Some(directory) => {
                let name = format!("{}.openvex.json", reference.replace(':', "_"));
                files::write_atomically(&directory.join(name), text.as_bytes())?;
            }
            None if args.attach => {}
            None => anstream::print!("{text}"),
        }
    }
    if args.attach {
        let changed = attach_vex(LayoutDirectory::open(&args.out)?, documents)?;
        say(
            "Attached",
            &format!("to {}; {} had the same", count(changed, "image"), documents.len() - changed),
        );
    }
    Ok(())
}

/// The organization's statements that still count.
struct Statements<'a>(Vec<&'a Statement>);

impl<'a> Statements<'a> {
    fn of(workspace: &Workspace, catalog: &'a Catalog) -> Self {
        let today = workspace.host.now.to_zoned(TimeZone::UTC).date();
        let (expired, current): (Vec<_>, Vec<_>) =
            catalog.statements.iter().partition(|statement| statement.is_expired(today));
        for statement in expired {
            warn(&format!("the statement on {statement} has expired, and does not count"));
        }
        Self(current)
    }

    fn about(&self, image: &Image, inventory: &Inventory) -> Vec<&'a Statement> {
        let about = |statement: &&Statement| {
            statement.is_about_image(&image.name) && Self::concerns(statement, inventory)
        };
        self.0.iter().copied().filter(about).collect()
    }

    fn concerns(statement: &Statement, inventory: &Inventory) -> bool {
        let mut packages = inventory.packages.iter();
        let mut upstream = inventory.upstream.iter();
        packages.any(|package| statement.is_about_package(&package.name, &package.source.name))
            || upstream.any(|element| statement.is_about_software(&element.name))
    }

    /// Names statements about these images that none of their packages answers to.
    fn tell_unused(&self, images: &[(&Image, Inventory)]) {
        for statement in &self.0 {
            let mut asked =
                images.iter().filter(|(image, _)| statement.is_about_image(&image.name)).peekable();
            if asked.peek().is_some() && !asked.any(|(_, inventory)| Self::concerns(statement, inventory)) {
                warn(&format!("the statement on {statement} is about none of the packages of these images"));
            }
        }
    }
}
