//! `distro why-not`: why an image does not hold a package.

use std::collections::BTreeSet;

use anyhow::anyhow;
use serde::Serialize;

use distro::debian::PackageName;
use distro::lock::reasons::{self, Asked, WhyNot};

use super::{Workspace, select_one};
use crate::cli::{Format, WhyArgs};
use crate::report::failure::Advice;

#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    architecture: &'a str,
    package: &'a PackageName,
    #[serde(flatten)]
    why_not: WhyNot,
}

pub fn run(workspace: &Workspace, args: &WhyArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architecture = args.arch.clone().map_or_else(|| workspace.machine(), Ok)?;
    let image = select_one(&catalog, &args.image, &architecture)?;
    let lock = workspace.lock(&catalog, &image.name.release)?;
    let package = &args.package;
    let Some(why_not) = reasons::why_not(&lock, image, &architecture, package) else {
        let error = anyhow!("`{}` holds `{package}` on {architecture}", image.name);
        let hint = format!("`distro why {} {package} --arch {architecture}` tells why", image.name);
        return Err(Advice::new(error, hint).into());
    };
    let name = image.name.to_string();
    if args.format == Format::Json {
        let answer = Answer { image: name, architecture: architecture.as_str(), package, why_not };
        anstream::println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    anstream::println!("{name} ({architecture}) does not hold {package}");
    match why_not {
        WhyNot::LeftOut { reason, wanted_by } if wanted_by.is_empty() => {
            anstream::println!("the definition leaves it out, though nothing wants it: {reason}");
        }
        WhyNot::LeftOut { reason, wanted_by } => {
            anstream::println!(
                "the definition leaves it out: {reason}\nit is wanted by {}",
                list(&wanted_by)
            );
        }
        WhyNot::Lost { asked: Asked { request, by }, to } if to.is_empty() => {
            anstream::println!("`{request}` ({by}) is satisfied by another package that provides the name");
        }
        WhyNot::Lost { asked: Asked { request, by }, to } => {
            anstream::println!("`{request}` ({by}) is satisfied by {}", list(&to));
        }
        WhyNot::OtherArchitecture { asked: Asked { request, by } } => {
            anstream::println!("`{request}` ({by}) is for other architectures");
        }
        WhyNot::Unwanted { held_by } => {
            anstream::println!("nothing in it wants it; it is held by");
            held_by.iter().for_each(|image| anstream::println!("  {image}"));
        }
        WhyNot::Unknown => anstream::println!(
            "nothing in it wants it, nor in any image of {}: the lock does not have it",
            image.name.release
        ),
    }
    Ok(())
}

fn list(names: &BTreeSet<PackageName>) -> String {
    names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(", ")
}
