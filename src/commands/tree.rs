//! `distro tree`: what an image holds, and why.

use std::collections::BTreeSet;

use distro::debian::{Architecture, PackageName};
use distro::lock::{Closure, Lock, LockedTarball};

use super::{Workspace, not_locked, select_one};
use crate::cli::TreeArgs;
use crate::report::size::Size;

pub fn run(workspace: &Workspace, args: &TreeArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architecture = args.arch.clone().map_or_else(|| workspace.machine(), Ok)?;
    let image = select_one(&catalog, &args.image, &architecture)?;
    let lock = workspace.lock(&catalog, &image.name.release)?;
    let closure = lock.closure(&image.name).ok_or_else(|| not_locked(&lock, image))?;
    let held = &closure.packages[&architecture];
    anstream::println!("{} ({architecture})", image.name);

    let mut tree = Tree { lock: &lock, architecture: &architecture, held, shown: BTreeSet::new() };
    let mut roots: Vec<Vec<&PackageName>> = Vec::new();
    for request in &closure.requests {
        let asked = request.alternatives().iter().map(|alternative| &alternative.name);
        roots.push(asked.filter_map(|name| held.get(name)).collect());
    }
    let roots: Vec<_> = roots.into_iter().flatten().collect();
    tree.branches(&roots, "");
    // A virtual package may have been asked for, so that no request names what was taken for it.
    let others: Vec<_> = held.iter().filter(|name| !tree.shown.contains(*name)).collect();
    tree.branches(&others, "");
    for level in &image.levels {
        let of = level.family.as_ref().map_or_else(|| image.name.tag.to_string(), ToString::to_string);
        for name in &level.tarballs {
            if let Some(LockedTarball { version, .. }) = lock.tarballs.get(name) {
                anstream::println!("tarball {name} {version} ({of})");
            }
        }
        for step in &level.steps {
            anstream::println!("step {} ({of})", step.name());
        }
        for declared in &level.declared {
            anstream::println!("file {} ({of})", declared.path);
        }
    }
    for privileged in image.privileged() {
        let capabilities = privileged.capabilities.map(|text| format!(" {text}")).unwrap_or_default();
        anstream::println!("privileged {}{capabilities}: {}", privileged.path, privileged.reason);
    }
    let understood = image.understood().chain(&catalog.understood);
    for understood in understood {
        let packages = held.iter().map(PackageName::as_str).filter(|name| understood.concerns(name));
        let packages: Vec<_> = packages.collect();
        if !packages.is_empty() {
            anstream::println!("scripts not run, of {}: {}", packages.join(", "), understood.reason);
        }
    }
    left_out(closure, &image.leave_out);
    Ok(())
}

struct Tree<'a> {
    lock: &'a Lock,
    architecture: &'a Architecture,
    held: &'a BTreeSet<PackageName>,
    shown: BTreeSet<PackageName>,
}

impl Tree<'_> {
    /// Prints packages and below each what it depends on; what was shown before is not gone into again.
    fn branches(&mut self, names: &[&PackageName], indent: &str) {
        for (place, name) in names.iter().enumerate() {
            let Some(pin) = self.lock.pin(name, self.architecture) else { continue };
            let last = place + 1 == names.len();
            let (branch, stem) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            let depends: Vec<_> = pin.depends.iter().filter(|name| self.held.contains(*name)).collect();
            let again = !self.shown.insert((*name).clone()) && !depends.is_empty();
            let seen = if again { " (*)" } else { "" };
            let size = Size(pin.installed << 10);
            anstream::println!("{indent}{branch}{name} {}  {size}{seen}", pin.version);
            if !again {
                self.branches(&depends, &format!("{indent}{stem}"));
            }
        }
    }
}

fn left_out(closure: &Closure, reasons: &std::collections::BTreeMap<PackageName, String>) {
    for (name, wanted_by) in &closure.left_out {
        let wanted_by: Vec<_> = wanted_by.iter().map(PackageName::as_str).collect();
        let wanted_by = if wanted_by.is_empty() { "nothing".to_owned() } else { wanted_by.join(", ") };
        let reason = reasons.get(name).map_or("", String::as_str);
        anstream::println!("left out {name}, wanted by {wanted_by}: {reason}");
    }
}
