//! Completeness both ways: every file of every layer belongs to one package or generator of the SBOM, and is what
//! the SBOM says; everything that the SBOM names is there.
//!
//! Three witnesses are held against each other: the SBOM; the blobs, by their digests and their files; and what
//! the image says of itself in its history and in `status.d`. Nothing follows from one of them alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::finding::{Finding, Rule};
use crate::audit::inventory::{Element, Inventory, ListedFile};
use crate::audit::subject::{Content, Image, Layer, Subject};
use crate::digest::Sha1;
use crate::tree::{ImagePath, Kind, Listed, Listing};

/// Paths that a message names at most.
const SHOWN: usize = 8;

pub(super) fn findings(subject: &Subject, image: &Image, inventory: &Inventory) -> Vec<Finding> {
    let mut findings = whole(subject, image, inventory);
    let owners: Vec<Option<&Element>> = image.layers.iter().map(|layer| owner(layer, inventory)).collect();
    for (layer, owner) in image.layers.iter().zip(&owners) {
        findings.extend(blob(layer));
        let content = layer.content.as_ref().as_ref().ok();
        findings.extend(content.into_iter().flat_map(|content| stanzas(layer, content, inventory)));
        match (owner, content) {
            (None, _) => findings.push(nobodys(layer, content)),
            (Some(owner), Some(content)) => findings.extend(files(subject, layer, content, owner, inventory)),
            (Some(_), None) => {}
        }
    }
    findings.extend(missing(subject, inventory, &owners));
    findings.extend(listed_only(subject, image, inventory));
    findings.extend(shared(image, &owners));
    findings
}

/// The documents of the image, and whether the SBOM is of these.
fn whole(subject: &Subject, image: &Image, inventory: &Inventory) -> Vec<Finding> {
    let mut findings = Vec::new();
    if image.manifest != inventory.manifest {
        let (is, said) = (image.manifest.oci(), inventory.manifest.oci());
        let message = format!("is the image {is}, and its SBOM is of {said}");
        let finding = Finding::new(Rule::Sbom, &*subject.name, message);
        findings.push(finding.seen_in(&subject.sbom_file, format!("{}: versionInfo", inventory.image.id)));
    }
    let damaged = image.damaged.iter().map(|file| {
        let finding = Finding::new(Rule::Blob, &**file, "is not what its digest says");
        finding.seen_in(file, "the whole blob")
    });
    findings.extend(damaged);
    let [layers, diff_ids, history] = image.counts;
    if layers != diff_ids || layers != history {
        let message = format!(
            "has {layers} layers by its manifest, {diff_ids} by its configuration and {history} by its history"
        );
        findings
            .push(Finding::new(Rule::Blob, &*subject.name, message).seen_in(&image.config_file, "rootfs"));
    }
    findings
}

/// Whether a blob is what the manifest and the configuration say.
fn blob(layer: &Layer) -> Option<Finding> {
    let made_from = &layer.made_from;
    let found = |message: String| {
        let mut finding = Finding::new(Rule::Blob, layer_name(layer), message);
        finding.aliases.push(package(made_from).to_owned());
        finding
            .seen_in(&layer.file, "the whole blob")
            .help("build it anew with `distro build`, or fetch it again")
    };
    match layer.content.as_ref() {
        Err(why) => Some(found(format!("of {made_from} cannot be read: {why}"))),
        Ok(content) if content.digest != layer.digest => {
            let altered = named(&content.altered);
            let files = if altered.is_empty() { String::new() } else { format!("; altered: {altered}") };
            Some(found(format!("of {made_from} is not what its digest says{files}")))
        }
        Ok(content) if layer.diff_id != Some(content.diff_id) => {
            Some(found(format!("of {made_from} does not have the diff ID that the configuration names")))
        }
        Ok(_) => None,
    }
}

/// The element of the SBOM that a layer's history names: `libc6 2.41-12 (amd64)`, `tarball node 22.1.0 (amd64)`,
/// `step accounts`.
fn owner<'i>(layer: &Layer, inventory: &'i Inventory) -> Option<&'i Element> {
    let words: Vec<_> = layer.made_from.split(' ').collect();
    match words[..] {
        ["step", name] => inventory.generators.iter().find(|element| element.name == name),
        ["tarball", name, version, _] => {
            let id = format!("SPDXRef-Upstream-{name}");
            let mut upstream = inventory.upstream.iter();
            upstream.find(|element| element.id == id && element.version.as_deref() == Some(version))
        }
        [name, version, _] => {
            let mut packages = inventory.packages.iter();
            let found =
                packages.find(|found| found.name.as_str() == name && found.version.as_str() == version);
            found.map(|package| &package.element)
        }
        _ => None,
    }
}

/// `layer 0123456789ab`
fn layer_name(layer: &Layer) -> String {
    format!("layer {}", layer.digest.short())
}

/// The package's name in what a layer was made from.
fn package(made_from: &str) -> &str {
    made_from.split(' ').next().unwrap_or_default()
}

/// The packages that a layer says it holds.
fn stanzas(layer: &Layer, content: &Content, inventory: &Inventory) -> Vec<Finding> {
    let unknown = content.stanzas.values().filter(|stanza| {
        let mut packages = inventory.packages.iter();
        !packages
            .any(|found| found.name.as_str() == stanza.package && found.version.as_str() == stanza.version)
    });
    let unknown = unknown.map(|stanza| {
        let message = format!("{} is in the image, and not in its SBOM", stanza.version);
        let place = format!("/var/lib/dpkg/status.d/{}", stanza.package);
        Finding::new(Rule::PackageNotInSbom, &stanza.package, message).seen_in(&layer.file, place)
    });
    unknown.collect()
}

/// A layer that the SBOM does not account for.
fn nobodys(layer: &Layer, content: Option<&Content>) -> Finding {
    let paths: Vec<_> =
        content.into_iter().flat_map(Content::files).map(|listed| listed.path.clone()).collect();
    let files = if paths.is_empty() { String::new() } else { format!(": {}", named(&paths)) };
    let from = if layer.made_from.is_empty() { "of unknown origin" } else { &layer.made_from };
    let message = format!("is of no package or generator of the SBOM ({from}){files}");
    let mut finding = Finding::new(Rule::UnownedFile, layer_name(layer), message);
    finding.aliases.extend(paths.iter().map(ToString::to_string));
    finding.seen_in(&layer.file, "the whole layer")
}

/// The files of a layer, held against what the SBOM says of its owner.
fn files(
    subject: &Subject,
    layer: &Layer,
    content: &Content,
    owner: &Element,
    inventory: &Inventory,
) -> Vec<Finding> {
    if !inventory.files.is_empty() {
        return listed(layer, content, owner, inventory);
    }
    let name = package(&layer.made_from);
    let message = match &owner.verification_code {
        Some(code) if *code == verification_code(&content.listing) => return Vec::new(),
        Some(_) => {
            let outside_etc = |path: &&ImagePath| path.strip_prefix("etc").is_none();
            let suspects: Vec<_> =
                content.altered.iter().chain(content.unlisted.iter().filter(outside_etc)).cloned().collect();
            let suspects = if suspects.is_empty() { content.unlisted.clone() } else { suspects };
            let suspects = match named(&suspects).as_str() {
                "" => String::new(),
                paths => format!("; its md5sums do not vouch for {paths}"),
            };
            format!("has other files than those of the SBOM's verification code{suspects}")
        }
        None => {
            let message = "has neither a list of files nor a verification code in the SBOM";
            let finding = Finding::unknown(Rule::AlteredFile, name_of(owner, name), message);
            return vec![finding.seen_in(&subject.sbom_file, &*owner.id)];
        }
    };
    let mut finding = Finding::new(Rule::AlteredFile, name_of(owner, name), message);
    finding.aliases.extend(content.altered.iter().chain(&content.unlisted).map(ToString::to_string));
    vec![finding.seen_in(&layer.file, format!("{}: packageVerificationCode", owner.id))]
}

fn name_of<'a>(owner: &'a Element, fallback: &'a str) -> &'a str {
    if owner.name.is_empty() { fallback } else { &owner.name }
}

/// Each file against the SBOM's own list.
fn listed(layer: &Layer, content: &Content, owner: &Element, inventory: &Inventory) -> Vec<Finding> {
    let of_owner = inventory.files.iter().filter(|file| file.owner == owner.id);
    let expected: BTreeMap<&str, &ListedFile> = of_owner.map(|file| (file.path.as_str(), file)).collect();
    let mut findings = Vec::new();
    for found in content.files() {
        let path = found.path.to_string();
        let Kind::File(info) = &found.kind else { continue };
        let finding = match expected.get(path.as_str()) {
            None => {
                let message = format!("is in the layer of {}, and not in the SBOM", layer.made_from);
                Finding::new(Rule::UnownedFile, &*path, message)
            }
            Some(file) if file.sha256.is_some_and(|sum| sum != info.sha256) => altered(&path, layer),
            Some(file) if file.sha1.as_ref().is_some_and(|sum| *sum != info.sha1.to_string()) => {
                altered(&path, layer)
            }
            Some(file) if file.sha256.is_none() && file.sha1.is_none() => {
                Finding::unknown(Rule::AlteredFile, &*path, "has no digest in the SBOM")
            }
            Some(_) => continue,
        };
        findings.push(finding.seen_in(&layer.file, path));
    }
    findings
}

fn altered(path: &str, layer: &Layer) -> Finding {
    Finding::new(Rule::AlteredFile, path, format!("of {} is not what the SBOM says", layer.made_from))
}

/// Files that the SBOM lists and that no layer has.
fn listed_only(subject: &Subject, image: &Image, inventory: &Inventory) -> Vec<Finding> {
    let contents = image.layers.iter().filter_map(|layer| layer.content.as_ref().as_ref().ok());
    let there: BTreeSet<String> =
        contents.flat_map(Content::files).map(|listed| listed.path.to_string()).collect();
    let gone = inventory.files.iter().filter(|file| !there.contains(&file.path));
    gone.map(|file| {
        let finding = Finding::new(Rule::AlteredFile, &*file.path, "is in the SBOM, and not in the image");
        finding.seen_in(&subject.sbom_file, &*file.owner)
    })
    .collect()
}

/// What the SBOM names and no layer was made from.
fn missing(subject: &Subject, inventory: &Inventory, owners: &[Option<&Element>]) -> Vec<Finding> {
    let there: BTreeSet<_> = owners.iter().flatten().map(|owner| &owner.id).collect();
    let gone = inventory.contents().filter(|element| !there.contains(&element.id));
    gone.map(|element| {
        let version = element.version.as_deref().unwrap_or("in an unknown version");
        let message = format!("{version} is in the SBOM, and no layer of the image was made from it");
        Finding::new(Rule::PackageNotInImage, &*element.name, message)
            .seen_in(&subject.sbom_file, &*element.id)
    })
    .collect()
}

/// Files of two packages, where neither may replace the other's and they are not the same.
fn shared(image: &Image, owners: &[Option<&Element>]) -> Vec<Finding> {
    let mut seen: BTreeMap<&ImagePath, (usize, &Listed)> = BTreeMap::new();
    let mut findings = Vec::new();
    for (number, layer) in image.layers.iter().enumerate() {
        let Ok(content) = layer.content.as_ref() else { continue };
        for listed in content.files() {
            let Some((below, lower)) = seen.insert(&listed.path, (number, listed)) else { continue };
            let is_package =
                |number: usize| owners[number].is_some_and(|owner| owner.id.starts_with("SPDXRef-Binary-"));
            let other = &image.layers[below];
            if listed.kind == lower.kind
                || !is_package(number)
                || !is_package(below)
                || replaces(layer, other)
            {
                continue;
            }
            let message =
                format!("is of {} and of {}, which does not replace it", other.made_from, layer.made_from);
            let path = listed.path.to_string();
            findings.push(Finding::new(Rule::SharedFile, &*path, message).seen_in(&layer.file, &*path));
        }
    }
    findings
}

/// Whether either of two packages may replace files of the other.
fn replaces(layer: &Layer, other: &Layer) -> bool {
    let says = |layer: &Layer, other: &Layer| {
        let content = layer.content.as_ref().as_ref().ok();
        let mut replaced =
            content.into_iter().flat_map(|content| content.stanzas.values()).flat_map(|it| &it.replaces);
        replaced.any(|name| name == package(&other.made_from))
    };
    says(layer, other) || says(other, layer)
}

/// The [packageVerificationCode] of all files of a layer.
///
/// [packageVerificationCode]: https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field
fn verification_code(listing: &Listing) -> String {
    let digest = |listed: &Listed| match &listed.kind {
        Kind::File(info) => Some(info.sha1.to_string()),
        Kind::Directory | Kind::Symlink(_) | Kind::HardLink(_) => None,
    };
    let mut digests: Vec<_> = listing.iter().filter_map(digest).collect();
    digests.sort();
    Sha1::of(digests.concat().as_bytes()).to_string()
}

/// The first paths, and how many more there are.
fn named(paths: &[ImagePath]) -> String {
    let shown: Vec<_> = paths.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = paths.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
