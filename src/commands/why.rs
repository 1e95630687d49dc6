//! `distro why`: every way that leads from an image's requests to a package.

use std::collections::BTreeSet;

use anyhow::anyhow;
use serde::Serialize;

use distro::debian::PackageName;
use distro::lock::reasons::{self, Why};

use super::{Workspace, select_one};
use crate::cli::{Format, WhyArgs};
use crate::report::failure::Advice;

#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    architecture: &'a str,
    package: &'a PackageName,
    packages: Why,
}

pub fn run(workspace: &Workspace, args: &WhyArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architecture = args.arch.clone().map_or_else(|| workspace.machine(), Ok)?;
    let image = select_one(&catalog, &args.image, &architecture)?;
    let lock = workspace.lock(&catalog, &image.name.release)?;
    let package = &args.package;
    let Some(why) = reasons::why(&lock, image, &architecture, package) else {
        let error = anyhow!("`{}` does not hold `{package}` on {architecture}", image.name);
        let hint = format!("`distro why-not {} {package} --arch {architecture}` tells why not", image.name);
        return Err(Advice::new(error, hint).into());
    };
    if args.format == Format::Json {
        let image = image.name.to_string();
        let answer = Answer { image, architecture: architecture.as_str(), package, packages: why };
        anstream::println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    anstream::println!("{} ({architecture})", image.name);
    Ways { why: &why, shown: BTreeSet::new() }.of(package, "", "");
    Ok(())
}

struct Ways<'a> {
    why: &'a Why,
    shown: BTreeSet<&'a PackageName>,
}

impl<'a> Ways<'a> {
    /// Prints a package, and below it whatever wants it; what was shown before is not gone into again.
    fn of(&mut self, name: &PackageName, branch: &str, stem: &str) {
        let Some((name, step)) = self.why.0.get_key_value(name) else { return };
        let requested = step.requested.iter().map(|asked| format!("`{}` ({})", asked.request, asked.by));
        let requested = requested.collect::<Vec<_>>().join(", ");
        let requested = if requested.is_empty() { requested } else { format!("  requested: {requested}") };
        let again = !self.shown.insert(name) && !step.wanted_by.is_empty();
        let seen = if again { " (*)" } else { "" };
        anstream::println!("{branch}{name} {}{requested}{seen}", step.version);
        if again {
            return;
        }
        for (place, wanting) in step.wanted_by.iter().enumerate() {
            let last = place + 1 == step.wanted_by.len();
            let (branch, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.of(wanting, &format!("{stem}{branch}"), &format!("{stem}{below}"));
        }
    }
}
