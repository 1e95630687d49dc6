//! A published image against a rebuilt one, part by part.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::attached::Attached;
use super::values::differences;
use super::{Cause, Check, Finding};
use crate::attest::statement::Statement;
use crate::audit::subject::{Content, Image, Layer};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::built::{BuiltImage, OwnedLayer};
use crate::image::referrer::Document;
use crate::sbom::{Files, Format, LAYOUT_FORMATS, Subject};
use crate::tree::{ImagePath, Kind, Listed, Listing};

/// Files that are told of a layer.
const SHOWN: usize = 12;

/// An image of one platform as it is published.
#[derive(Debug)]
pub struct Published<'a> {
    pub digest: Sha256,
    pub manifest: &'a [u8],
    pub config: &'a [u8],
    /// Its layers, opened.
    pub image: &'a Image,
}

/// What differs, and why that may be.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    pub findings: Vec<Finding>,
    pub causes: BTreeSet<Cause>,
}

/// The SBOMs of an image held against those that a rebuild gives.
#[derive(Debug, Clone, Default)]
pub struct SbomComparison {
    /// What the image lacks.
    pub findings: Vec<Finding>,
    /// Those that are the same.
    pub same: BTreeSet<Sha256>,
    /// How each of the others differs.
    pub others: BTreeMap<Sha256, Comparison>,
}

impl SbomComparison {
    #[must_use]
    pub fn of(attached: &Attached, subject: &Subject<'_>) -> Self {
        let mut comparison = Self::default();
        for format in LAYOUT_FORMATS {
            let (part, rebuilt) = (part_of(format), format.render(subject, Files::Unlisted));
            let mut documents = attached.of_type(format.media_type()).peekable();
            if documents.peek().is_none() {
                comparison.findings.push(Finding::new(Check::Sbom, &*part, "is not attached to the image"));
            }
            for document in documents {
                let digest = document.blob.digest;
                if document.blob.bytes == rebuilt.as_bytes() {
                    comparison.same.insert(digest);
                } else {
                    comparison.others.insert(digest, Comparison::of_sbom(&part, document, &rebuilt));
                }
            }
        }
        comparison
    }

    /// Whether there is one in every format that is as it is to be.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        self.same.len() == LAYOUT_FORMATS.len()
    }
}

impl Comparison {
    /// Holds an image against its rebuild, to the last byte.
    #[must_use]
    pub fn of(published: &Published<'_>, built: &BuiltImage) -> Self {
        let mut comparison = Self::default();
        comparison.blobs(published.image);
        if published.digest == built.assembled.manifest.digest {
            return comparison;
        }
        comparison.layers(published.image, &built.layers);
        let same_layers = comparison.findings.is_empty();
        let config = json_pair(published.config, &built.assembled.config.bytes, &[&["rootfs", "diff_ids"]]);
        comparison.documents("configuration", config);
        let derived: &[&[&str]] = &[&["config", "digest"], &["config", "size"], &["layers"]];
        comparison
            .documents("manifest", json_pair(published.manifest, &built.assembled.manifest.bytes, derived));
        comparison.layer_descriptors(published.manifest, &built.assembled.manifest.bytes);
        match (comparison.findings.is_empty(), same_layers) {
            (true, _) => {
                let message = format!(
                    "has the digest {}, and a rebuild gives {}, which has the same values",
                    published.digest.oci(),
                    built.assembled.manifest.digest.oci()
                );
                comparison.findings.push(Finding::new(Check::Rebuild, "manifest", message));
                comparison.causes.insert(Cause::Wording);
            }
            (false, true) => drop(comparison.causes.insert(Cause::Documents)),
            (false, false) => {}
        }
        comparison
    }

    /// Holds an index against a rebuilt one.
    #[must_use]
    pub fn of_index(digest: Sha256, published: &[u8], rebuilt: &Blob) -> Self {
        let mut comparison = Self::default();
        if digest == rebuilt.digest {
            return comparison;
        }
        comparison.documents("index", json_pair(published, &rebuilt.bytes, &[]));
        if comparison.findings.is_empty() {
            let message = format!(
                "has the digest {}, and a rebuild gives {}, which has the same values",
                digest.oci(),
                rebuilt.digest.oci()
            );
            comparison.findings.push(Finding::new(Check::Rebuild, "index", message));
            comparison.causes.insert(Cause::Wording);
        }
        comparison
    }

    /// Holds an SBOM against the one that a rebuild gives.
    fn of_sbom(part: &str, document: &Document, rebuilt: &str) -> Self {
        let mut comparison = Self::default();
        comparison.told(Check::Sbom, part, json_pair(&document.blob.bytes, rebuilt.as_bytes(), &[]));
        if comparison.findings.is_empty() {
            let message = "has the values that a rebuild gives, in other bytes";
            comparison.findings.push(Finding::new(Check::Sbom, part, message));
            comparison.causes.insert(Cause::Wording);
        }
        comparison
    }

    /// Holds what is said of how an image was built against what a rebuild says. Another version of the program may
    /// have built it.
    #[must_use]
    pub fn of_provenance(published: &Statement, rebuilt: &Statement) -> Self {
        let mut comparison = Self::default();
        let values = |statement: &Statement| {
            let mut value = serde_json::to_value(statement).unwrap_or_default();
            remove(&mut value, &["predicate", "runDetails", "builder", "version"]);
            value
        };
        comparison.told(Check::Provenance, "provenance", Ok((values(published), values(rebuilt))));
        comparison
    }

    /// Blobs that are not what their digests say.
    fn blobs(&mut self, image: &Image) {
        for file in &image.damaged {
            self.findings.push(Finding::new(Check::Rebuild, &**file, "is not what its digest says"));
        }
        for (number, layer) in image.layers.iter().enumerate() {
            let message = match layer.content.as_ref() {
                Err(why) => format!("cannot be read: {why}"),
                Ok(content) if content.digest != layer.digest => "is not what its digest says".to_owned(),
                Ok(content) if layer.diff_id != Some(content.diff_id) => {
                    "does not have the diff ID that the configuration names".to_owned()
                }
                Ok(_) => continue,
            };
            self.findings.push(Finding::new(Check::Rebuild, layer_part(number, layer), message));
        }
    }

    fn layers(&mut self, published: &Image, rebuilt: &[OwnedLayer]) {
        let pairs = pairs(published, rebuilt);
        for (number, layer) in published.layers.iter().enumerate() {
            if !pairs.iter().any(|(of, _)| *of == number) {
                let message = "is not in the image that a rebuild gives";
                self.findings.push(Finding::new(Check::Rebuild, layer_part(number, layer), message));
                self.causes.insert(Cause::OtherLayers);
            }
        }
        for (number, layer) in rebuilt.iter().enumerate() {
            if !pairs.iter().any(|(_, of)| *of == number) {
                let part = format!("layer {} of the rebuild ({})", number + 1, layer.created_by);
                self.findings.push(Finding::new(Check::Rebuild, part, "is not in the image"));
                self.causes.insert(Cause::OtherLayers);
            }
        }
        let mut highest = None;
        for &(of_published, of_rebuilt) in &pairs {
            let (layer, other) = (&published.layers[of_published], &rebuilt[of_rebuilt]);
            let part = layer_part(of_published, layer);
            if highest.is_some_and(|highest| of_rebuilt < highest) {
                let message = format!("lies elsewhere in a rebuild: there it is layer {}", of_rebuilt + 1);
                self.findings.push(Finding::new(Check::Rebuild, &*part, message));
                self.causes.insert(Cause::OtherLayers);
            }
            highest = highest.max(Some(of_rebuilt));
            if let Ok(content) = layer.content.as_ref() {
                self.layer(&part, layer, content, other);
            }
        }
    }

    fn layer(&mut self, part: &str, layer: &Layer, content: &Content, rebuilt: &OwnedLayer) {
        let of_rebuild = &rebuilt.record.layer;
        if content.digest == of_rebuild.digest {
            return;
        }
        if content.diff_id == of_rebuild.diff_id {
            let message = format!(
                "is {}, and a rebuild gives {}: the same archive, compressed otherwise",
                content.digest.oci(),
                of_rebuild.digest.oci()
            );
            self.findings.push(Finding::new(Check::Rebuild, part, message));
            self.causes.insert(Cause::Compression);
            return;
        }
        let found = listed_differences(&content.listing, &rebuilt.record.listing);
        if found.is_empty() {
            let message = format!(
                "has the diff ID {}, and a rebuild gives {}: the same files in another archive",
                content.diff_id.oci(),
                of_rebuild.diff_id.oci()
            );
            self.findings.push(Finding::new(Check::Rebuild, part, message));
            self.causes.insert(Cause::Archive);
        } else {
            self.causes.insert(Cause::OtherFiles);
        }
        if found.iter().any(|(path, _, _)| content.altered.contains(path)) {
            self.causes.insert(Cause::AlteredFiles);
        }
        let more = found.len().saturating_sub(SHOWN);
        for (path, field, message) in found.into_iter().take(SHOWN) {
            let finding = Finding::new(Check::Rebuild, part, message).at_path(&path);
            self.findings.push(match field {
                Some(field) => finding.at_field(field),
                None => finding,
            });
        }
        if more > 0 {
            let message = format!("differs in {more} more files ({})", layer.digest.short());
            self.findings.push(Finding::new(Check::Rebuild, part, message));
        }
    }

    /// What a manifest says of its layers besides their digests and sizes.
    fn layer_descriptors(&mut self, published: &[u8], rebuilt: &[u8]) {
        let layers = |manifest: &[u8]| {
            let mut manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
            let layers = manifest["layers"].as_array_mut().map(std::mem::take).unwrap_or_default();
            layers
                .into_iter()
                .map(|mut layer| {
                    ["digest", "size"].into_iter().for_each(|key| remove(&mut layer, &[key]));
                    layer
                })
                .collect::<Vec<_>>()
        };
        for (number, (layer, other)) in layers(published).into_iter().zip(layers(rebuilt)).enumerate() {
            for (field, message) in differences(&layer, &other) {
                let field = format!("layers[{number}].{field}");
                self.findings.push(Finding::new(Check::Rebuild, "manifest", message).at_field(field));
            }
        }
    }

    fn documents(&mut self, part: &str, pair: Result<(Value, Value), String>) {
        self.told(Check::Rebuild, part, pair);
    }

    fn told(&mut self, check: Check, part: &str, pair: Result<(Value, Value), String>) {
        match pair {
            Err(why) => self.findings.push(Finding::new(check, part, format!("cannot be read: {why}"))),
            Ok((published, rebuilt)) => {
                for (field, message) in differences(&published, &rebuilt) {
                    let finding = Finding::new(check, part, message);
                    self.findings.push(if field.is_empty() { finding } else { finding.at_field(field) });
                }
            }
        }
    }
}

/// What people call an SBOM.
#[must_use]
pub fn part_of(format: Format) -> String {
    format!("SBOM {}", format.media_type())
}

/// A document and its rebuild, without the fields that follow from others.
fn json_pair(published: &[u8], rebuilt: &[u8], derived: &[&[&str]]) -> Result<(Value, Value), String> {
    let read = |text: &[u8]| {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        derived.iter().for_each(|path| remove(&mut value, path));
        Ok::<_, String>(value)
    };
    Ok((read(published)?, read(rebuilt)?))
}

fn remove(value: &mut Value, path: &[&str]) {
    match (path, value) {
        ([last], Value::Object(map)) => drop(map.remove(*last)),
        ([first, rest @ ..], Value::Object(map)) => {
            if let Some(below) = map.get_mut(*first) {
                remove(below, rest);
            }
        }
        _ => {}
    }
}

/// `layer 3 (libc6 2.41-12 (amd64))`
fn layer_part(number: usize, layer: &Layer) -> String {
    match &*layer.made_from {
        "" => format!("layer {}", number + 1),
        made_from => format!("layer {} ({made_from})", number + 1),
    }
}

/// By what two layers are meant to be the same.
#[derive(Clone, Copy)]
enum Likeness {
    Content,
    Origin,
    /// In images of as many layers.
    Place,
}

/// The layers that are meant to be the same, by their positions.
fn pairs(published: &Image, rebuilt: &[OwnedLayer]) -> Vec<(usize, usize)> {
    let mut pairs: BTreeMap<usize, usize> = BTreeMap::new();
    let mut free: BTreeSet<usize> = (0..rebuilt.len()).collect();
    let diff_id = |layer: &Layer| layer.content.as_ref().as_ref().ok().map(|content| content.diff_id);
    let same_count = published.layers.len() == rebuilt.len();
    let is_same = |rule: Likeness, number: usize, layer: &Layer, other: usize| match rule {
        Likeness::Content => diff_id(layer) == Some(rebuilt[other].record.layer.diff_id),
        Likeness::Origin => layer.made_from == rebuilt[other].created_by,
        Likeness::Place => same_count && number == other,
    };
    for rule in [Likeness::Content, Likeness::Origin, Likeness::Place] {
        for (number, layer) in published.layers.iter().enumerate() {
            if pairs.contains_key(&number) {
                continue;
            }
            if let Some(other) = free.iter().copied().find(|other| is_same(rule, number, layer, *other)) {
                free.remove(&other);
                pairs.insert(number, other);
            }
        }
    }
    pairs.into_iter().collect()
}

/// The paths of a layer that differ: the field of the metadata, where it is one, and how.
fn listed_differences(published: &Listing, rebuilt: &Listing) -> Vec<(ImagePath, Option<String>, String)> {
    let paths: BTreeSet<_> = published.iter().chain(rebuilt.iter()).map(|listed| &listed.path).collect();
    let mut found = Vec::new();
    // The root has no entry in an archive.
    for path in paths.into_iter().filter(|path| !path.is_root()) {
        match (published.get(path), rebuilt.get(path)) {
            (Some(listed), Some(other)) => {
                let fields = field_differences(listed, other).into_iter();
                found.extend(fields.map(|(field, message)| (path.clone(), Some(field.to_owned()), message)));
            }
            (Some(_), None) => {
                found.push((path.clone(), None, "is in the image, and not in a rebuild".to_owned()));
            }
            (None, _) => {
                found.push((path.clone(), None, "is not in the image, and a rebuild gives it".to_owned()))
            }
        }
    }
    found
}

fn field_differences(published: &Listed, rebuilt: &Listed) -> Vec<(&'static str, String)> {
    let kind = |kind: &Kind| match kind {
        Kind::Directory => "a directory",
        Kind::File(_) => "a file",
        Kind::Symlink(_) => "a symbolic link",
        Kind::HardLink(_) => "a hard link",
    };
    let mut found = Vec::new();
    let mut differ = |field, a: String, b: String| {
        if a != b {
            found.push((field, format!("is {a}, and a rebuild gives {b}")));
        }
    };
    differ("type", kind(&published.kind).to_owned(), kind(&rebuilt.kind).to_owned());
    match (&published.kind, &rebuilt.kind) {
        (Kind::File(a), Kind::File(b)) => {
            differ("size", a.size.to_string(), b.size.to_string());
            differ("content", a.sha256.oci(), b.sha256.oci());
        }
        (Kind::Symlink(a), Kind::Symlink(b)) => differ("target", format!("`{a}`"), format!("`{b}`")),
        (Kind::HardLink(a), Kind::HardLink(b)) => differ("target", format!("`{a}`"), format!("`{b}`")),
        _ => {}
    }
    differ("mode", format!("{:04o}", published.mode), format!("{:04o}", rebuilt.mode));
    let owner = |listed: &Listed| format!("{}:{}", listed.uid, listed.gid);
    differ("owner", owner(published), owner(rebuilt));
    differ("mtime", published.mtime.to_string(), rebuilt.mtime.to_string());
    let capabilities =
        |listed: &Listed| listed.capabilities.map_or_else(|| "none".to_owned(), |of| of.to_string());
    differ("capabilities", capabilities(published), capabilities(rebuilt));
    found
}
