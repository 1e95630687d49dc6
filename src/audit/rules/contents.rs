//! Completeness both ways: every file of every layer belongs to one package or generator of the SBOM, and is what
//! the SBOM says; everything that the SBOM names is there.
//!
//! Three witnesses are held against each other: the SBOM; the blobs, by their digests and their files; and what
//! the image says of itself in its history and in `status.d`. Nothing follows from one of them alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::finding::{Finding, Rule};
use crate::audit::inventory::{Element, Inventory, ListedFile};
use crate::audit::subject::{Content, Image, Layer, Subject};
use crate::tree::{FileInfo, ImagePath, verification_code};

/// Paths that a message names at most.
const SHOWN: usize = 8;

pub(super) fn findings(subject: &Subject, image: &Image, inventory: &Inventory) -> Vec<Finding> {
    let mut findings = whole(subject, image, inventory);
    let owners = owners(image, inventory);
    let hidden = hidden(image);
    for ((layer, owner), hidden) in image.layers.iter().zip(&owners).zip(&hidden) {
        findings.extend(blob(layer));
        let content = layer.content.as_ref().as_ref().ok();
        findings.extend(content.into_iter().flat_map(|content| stanzas(layer, content, inventory)));
        match (owner, content) {
            (None, _) => findings.push(nobodys(layer, content)),
            (Some(owner), Some(content)) => {
                let owned = Owned { layer, content, owner, hidden };
                findings.extend(owned.findings(subject, inventory));
            }
            (Some(_), None) => {}
        }
    }
    findings.extend(missing(subject, inventory, &owners));
    findings.extend(listed_only(subject, image, inventory));
    findings.extend(shared(image, &owners));
    findings
}

/// A layer that can be read, and the element of the SBOM that it belongs to.
struct Owned<'a> {
    layer: &'a Layer,
    content: &'a Content,
    owner: &'a Element,
    /// Files of the layer that another has in their place.
    hidden: &'a BTreeSet<&'a ImagePath>,
}

/// Files of each layer that one above it has in their place.
fn hidden(image: &Image) -> Vec<BTreeSet<&ImagePath>> {
    let mut above: BTreeSet<&ImagePath> = BTreeSet::new();
    let mut hidden: Vec<_> = image
        .layers
        .iter()
        .rev()
        .map(|layer| {
            let files = layer.content.as_ref().as_ref().ok().into_iter().flat_map(Content::files);
            let paths: Vec<_> = files.map(|listed| &listed.path).collect();
            let hidden = paths.iter().copied().filter(|path| above.contains(path)).collect();
            above.extend(paths);
            hidden
        })
        .collect();
    hidden.reverse();
    hidden
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

/// The elements of the SBOM that the history of the layers names: `libc6 2.41-12 (amd64)`,
/// `tarball node 22.1.0 (amd64)`, `step accounts`. Of layers of the same step, the SBOM has one element each.
fn owners<'i>(image: &Image, inventory: &'i Inventory) -> Vec<Option<&'i Element>> {
    let mut generators: Vec<&Element> = inventory.generators.iter().collect();
    let mut owner = |layer: &Layer| {
        let words: Vec<_> = layer.made_from.split(' ').collect();
        match words[..] {
            ["step", _] => {
                let at = generators.iter().position(|element| element.name == layer.made_from)?;
                Some(generators.remove(at))
            }
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
    };
    image.layers.iter().map(&mut owner).collect()
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

impl Owned<'_> {
    /// The files of a layer, held against what the SBOM says of its owner.
    fn findings(&self, subject: &Subject, inventory: &Inventory) -> Vec<Finding> {
        if !inventory.files.is_empty() {
            return self.against_list(inventory);
        }
        let Self { layer, content, owner, .. } = self;
        if owner.checksums.get("SHA256") != Some(&content.diff_id.to_string())
            && layer.made_from == owner.name
        {
            let message = format!("{} is not the layer that the SBOM names", layer_name(layer));
            let finding = Finding::new(Rule::AlteredFile, &*owner.name, message);
            return vec![finding.seen_in(&layer.file, format!("{}: checksums", owner.id))];
        }
        let Some(code) = &owner.verification_code else {
            let message = "has neither a list of files nor a verification code in the SBOM";
            let finding = Finding::unknown(Rule::AlteredFile, &*owner.name, message);
            return vec![finding.seen_in(&subject.sbom_file, &*owner.id)];
        };
        let files = self.files().map(|(_, info)| info);
        if *code == verification_code(files).to_string() {
            return Vec::new();
        }
        let message = match named(&self.suspects()).as_str() {
            "" => "has other files than those of the SBOM's verification code".to_owned(),
            paths => format!(
                "has other files than those of the SBOM's verification code; its md5sums do not vouch for {paths}"
            ),
        };
        let mut finding = Finding::new(Rule::AlteredFile, &*owner.name, message);
        finding.aliases.extend(content.altered.iter().chain(&content.unlisted).map(ToString::to_string));
        vec![finding.seen_in(&layer.file, format!("{}: packageVerificationCode", owner.id))]
    }

    /// Regular files that no other layer has in their place.
    fn files(&self) -> impl Iterator<Item = (&ImagePath, &FileInfo)> {
        self.content.listing.files().filter(|(path, _)| !self.hidden.contains(path))
    }

    /// Files that may be why a verification code is another: those that md5sums contradict; those that they pass
    /// over, of which configuration files are the last to come to mind.
    fn suspects(&self) -> Vec<ImagePath> {
        let Content { altered, unlisted, .. } = self.content;
        let is_configuration = |path: &ImagePath| path.strip_prefix("etc").is_some();
        let likely: Vec<_> =
            altered.iter().chain(unlisted.iter().filter(|path| !is_configuration(path))).cloned().collect();
        if likely.is_empty() { unlisted.clone() } else { likely }
    }

    /// Each file against the SBOM's own list.
    fn against_list(&self, inventory: &Inventory) -> Vec<Finding> {
        let Self { layer, owner, .. } = self;
        let of_owner = inventory.files.iter().filter(|file| file.owner == owner.id);
        let expected: BTreeMap<&str, &ListedFile> = of_owner.map(|file| (file.path.as_str(), file)).collect();
        let mut findings = Vec::new();
        for (path, info) in self.files() {
            let path = path.to_string();
            let finding = match expected.get(path.as_str()) {
                None => {
                    let message = format!("is in the layer of {}, and not in the SBOM", layer.made_from);
                    Finding::new(Rule::UnownedFile, &*path, message)
                }
                Some(ListedFile { sha1: None, sha256: None, .. }) => {
                    Finding::unknown(Rule::AlteredFile, &*path, "has no digest in the SBOM")
                }
                Some(file) if file.fits(info) => continue,
                Some(_) => altered(&path, layer),
            };
            findings.push(finding.seen_in(&layer.file, path));
        }
        findings
    }
}

impl ListedFile {
    fn fits(&self, info: &FileInfo) -> bool {
        self.sha256.is_none_or(|sum| sum == info.sha256)
            && self.sha1.as_ref().is_none_or(|sum| *sum == info.sha1.to_string())
    }
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

/// Files of two packages of which neither may replace the other's.
fn shared(image: &Image, owners: &[Option<&Element>]) -> Vec<Finding> {
    let mut seen: BTreeMap<&ImagePath, usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for (number, layer) in image.layers.iter().enumerate() {
        let Ok(content) = layer.content.as_ref() else { continue };
        for listed in content.files() {
            let Some(below) = seen.insert(&listed.path, number) else { continue };
            let is_package =
                |number: usize| owners[number].is_some_and(|owner| owner.id.starts_with("SPDXRef-Binary-"));
            let other = &image.layers[below];
            if !is_package(number) || !is_package(below) || replaces(layer, other) {
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

/// The first paths, and how many more there are.
fn named(paths: &[ImagePath]) -> String {
    let shown: Vec<_> = paths.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = paths.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
