//! What was built: a table, or JSON; and what somebody answers for in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use distro::catalog::{Catalog, Image};
use distro::effects::builder::Target;
use distro::effects::layers::{Input, Made};
use distro::image::accounting;
use distro::image::built::{BuiltImage, OwnedLayer, Owner};
use distro::layer::LayerInfo;
use distro::lock::LockedImage;
use distro::tree::Listed;

use super::size::Size;
use super::{count, say, table};
use crate::cli::{BuildArgs, Format};

/// An image of one architecture.
#[derive(Debug, Serialize)]
struct Row {
    image: String,
    architecture: String,
    packages: usize,
    layers: usize,
    /// Bytes, compressed and not.
    compressed: u64,
    unpacked: u64,
    digest: String,
    /// Maintainer scripts of its packages that would do something, and are not run.
    scripts: Vec<ScriptRow>,
    /// Files that give whoever runs them further rights.
    privileged: Vec<PrivilegedRow>,
}

#[derive(Debug, Serialize)]
struct ScriptRow {
    package: String,
    script: &'static str,
    sha256: String,
    triggers: Vec<String>,
    reason: String,
}

#[derive(Debug, Serialize)]
struct PrivilegedRow {
    path: String,
    owner: String,
    /// In octal digits.
    mode: String,
    uid: u32,
    gid: u32,
    capabilities: Option<String>,
    reason: String,
}

impl Row {
    fn of(catalog: &Catalog, (target, built): &(Target<'_>, BuiltImage)) -> Self {
        let sum =
            |size: fn(&LayerInfo) -> u64| built.layers.iter().map(|layer| size(&layer.record.layer)).sum();
        let LockedImage { image, architecture, .. } = target.locked;
        Self {
            image: image.name.to_string(),
            architecture: architecture.to_string(),
            packages: target.packages().count(),
            layers: built.layers.len(),
            compressed: sum(|layer| layer.size),
            unpacked: sum(|layer| layer.uncompressed_size),
            digest: built.assembled.manifest.digest.oci(),
            scripts: scripts(catalog, image, &built.layers),
            privileged: privileged(image, &built.layers),
        }
    }
}

fn scripts(catalog: &Catalog, image: &Image, layers: &[OwnedLayer]) -> Vec<ScriptRow> {
    let mut rows = Vec::new();
    for layer in layers {
        let Owner::Package(package) = &layer.owner else { continue };
        rows.extend(layer.record.scripts.iter().map(|script| {
            ScriptRow {
                package: package.to_string(),
                script: script.name.as_str(),
                sha256: script.sha256.to_string(),
                triggers: script.triggers.clone(),
                reason: accounting::reason(catalog, image, package, script)
                    .map(|understood| understood.reason.clone())
                    .unwrap_or_default(),
            }
        }));
    }
    rows
}

fn privileged(image: &Image, layers: &[OwnedLayer]) -> Vec<PrivilegedRow> {
    let declared = image.privileged().map(|privileged| (&privileged.path, &privileged.reason));
    let declared: BTreeMap<_, _> = declared.collect();
    let mut held = BTreeMap::new();
    for (at, OwnedLayer { owner, record, .. }) in layers.iter().enumerate() {
        let is_covered = |path| layers[at + 1..].iter().any(|above| above.record.listing.get(path).is_some());
        let gives_more = |listed: &&Listed| accounting::gives_rights(listed) || listed.capabilities.is_some();
        let listed = record.listing.iter().filter(gives_more).filter(|listed| !is_covered(&listed.path));
        held.extend(listed.map(|listed| (&listed.path, (owner, listed))));
    }
    held.into_iter()
        .map(|(path, (owner, listed))| PrivilegedRow {
            path: path.to_string(),
            owner: owner.to_string(),
            mode: format!("{:04o}", listed.mode),
            uid: listed.uid,
            gid: listed.gid,
            capabilities: listed.capabilities.map(|capabilities| capabilities.to_string()),
            reason: declared.get(path).map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

pub fn report(
    args: &BuildArgs,
    catalog: &Catalog,
    built: &[(Target<'_>, BuiltImage)],
    made: &Made<'_>,
) -> anyhow::Result<()> {
    let rows: Vec<_> = built.iter().map(|built| Row::of(catalog, built)).collect();
    if args.format == Format::Json {
        anstream::println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        let head = ["IMAGE", "ARCH", "PACKAGES", "LAYERS", "COMPRESSED", "UNPACKED", "DIGEST"];
        let cells = rows.iter().map(|row| {
            [
                row.image.clone(),
                row.architecture.clone(),
                row.packages.to_string(),
                row.layers.to_string(),
                Size(row.compressed).to_string(),
                Size(row.unpacked).to_string(),
                row.digest.chars().take(19).collect(),
            ]
        });
        anstream::print!("{}", table::table(head, &[2, 3, 4, 5], cells));
    }
    let packages = made.converted.iter().filter(|input| matches!(input, Input::Package(_))).count();
    let tarballs = made.converted.len() - packages;
    let mut inputs = count(packages, "package");
    if tarballs > 0 {
        inputs += &format!(" and {}", count(tarballs, "tarball"));
    }
    inputs += " converted";
    let taken = made.records.len() - made.converted.len();
    if taken > 0 {
        inputs += &format!(", {} taken from the remote store", count(taken, "layer"));
    }
    let images = count(rows.len(), "image");
    say("Built", &format!("{images} in {}; {inputs}", args.out.display()));
    tell_of_scripts(&rows);
    tell_of_privileges(&rows);
    Ok(())
}

fn tell_of_scripts(rows: &[Row]) {
    let scripts = rows.iter().flat_map(|row| &row.scripts);
    let scripts: BTreeSet<_> =
        scripts.map(|script| (script.package.as_str(), script.script, script.sha256.as_str())).collect();
    if !scripts.is_empty() {
        let packages: BTreeSet<_> = scripts.iter().map(|(package, ..)| *package).collect();
        let (scripts, packages) = (count(scripts.len(), "maintainer script"), Vec::from_iter(packages));
        say("Not run", &format!("{scripts}, accounted for: {}", packages.join(", ")));
    }
}

fn tell_of_privileges(rows: &[Row]) {
    let mut images: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        for PrivilegedRow { path, owner, mode, capabilities, .. } in &row.privileged {
            let capabilities = capabilities.as_ref().map(|text| format!(", {text}")).unwrap_or_default();
            let told = format!("{path} of {owner}, mode {mode}{capabilities}");
            images.entry(told).or_default().insert(&row.image);
        }
    }
    for (told, images) in images {
        say("Privileged", &format!("{told}, in {}", Vec::from_iter(images).join(", ")));
    }
}
