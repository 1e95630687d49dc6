//! What an SPDX 2.3 document that `distro` wrote says of its image.
//!
//! The document is the only witness: it may come from a layout, from a registry or from a file that somebody sent.
//! Keys that are not known here are passed over; what is known has to make sense.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::debian::{Architecture, PackageName, Source, Version};
use crate::digest::Sha256;

/// An image of one architecture, as its SBOM tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// `cc-debian13`
    pub repository: String,
    pub tag: String,
    pub architecture: Architecture,
    /// The digest of the image's manifest.
    pub manifest: Sha256,
    pub document: Document,
    pub image: Element,
    /// `debian` and its version, `13`.
    pub system: Element,
    /// By name.
    pub packages: Vec<BinaryPackage>,
    /// Upstream tarballs.
    pub upstream: Vec<Element>,
    pub sources: Vec<SourcePackage>,
    /// Layers that a step made, as in `step accounts`, in their order; the checksum is of the layer's tar.
    pub generators: Vec<Element>,
    /// Empty where the document does not list files.
    pub files: Vec<ListedFile>,
}

/// What the document says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub namespace: String,
    /// In the form of RFC 3339.
    pub created: String,
    pub creators: Vec<String>,
    /// The generation context, as in `SBOM Type: Build`.
    pub comment: Option<String>,
}

/// What is said of any package. `NOASSERTION` is told as `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// The SPDXID.
    pub id: String,
    pub name: String,
    pub version: Option<String>,
    pub supplier: Option<String>,
    pub purl: Option<String>,
    pub download: Option<String>,
    pub license_declared: Option<String>,
    pub license_concluded: Option<String>,
    pub license_comment: Option<String>,
    pub copyright: Option<String>,
    pub comment: Option<String>,
    /// Values by their algorithms, as in `SHA256`.
    pub checksums: BTreeMap<String, String>,
    /// The packageVerificationCode, where the files were analysed.
    pub verification_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryPackage {
    pub name: PackageName,
    pub version: Version,
    /// The source package that it was built from.
    pub source: Source,
    /// Source packages whose code was built in.
    pub built_using: BTreeSet<Source>,
    pub element: Element,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePackage {
    pub source: Source,
    pub element: Element,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Absolute.
    pub path: String,
    /// The SPDXID of the package that contains it.
    pub owner: String,
    pub sha1: Option<String>,
    pub sha256: Option<Sha256>,
}

/// Why a document is not the SBOM of an image.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("it is not SPDX 2.3 in JSON")]
    Json(#[from] serde_json::Error),
    #[error("it is of `{0}`, and SPDX-2.3 can be read")]
    Format(String),
    #[error("`{field}` of `{element}` {why}")]
    Field { element: String, field: &'static str, why: String },
    #[error("it describes no image: {0}")]
    NoImage(&'static str),
}

impl Inventory {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not SPDX 2.3, or does not say which image it is of, or names a package in a way that Debian
    /// does not.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let wire: Wire = serde_json::from_str(text)?;
        if wire.spdx_version != "SPDX-2.3" {
            return Err(InventoryError::Format(wire.spdx_version));
        }
        wire.inventory()
    }

    /// The image without its architecture: `cc-debian13:debug`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// The reference in the layout: `cc-debian13:debug-amd64`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}-{}", self.repository, self.tag, self.architecture)
    }

    /// What others have published: packages and tarballs.
    pub fn distributed(&self) -> impl Iterator<Item = &Element> {
        self.packages.iter().map(|package| &package.element).chain(&self.upstream)
    }

    /// Everything that was put into the image: packages, tarballs and generated layers.
    pub fn contents(&self) -> impl Iterator<Item = &Element> {
        self.distributed().chain(&self.generators)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    spdx_version: String,
    #[serde(default)]
    document_namespace: String,
    creation_info: WireCreation,
    #[serde(default)]
    packages: Vec<WirePackage>,
    #[serde(default)]
    files: Vec<WireFile>,
    #[serde(default)]
    relationships: Vec<WireRelationship>,
}

#[derive(Deserialize)]
struct WireCreation {
    created: String,
    #[serde(default)]
    creators: Vec<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePackage {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: Option<String>,
    primary_package_purpose: Option<String>,
    supplier: Option<String>,
    download_location: Option<String>,
    license_declared: Option<String>,
    license_concluded: Option<String>,
    license_comments: Option<String>,
    copyright_text: Option<String>,
    comment: Option<String>,
    source_info: Option<String>,
    #[serde(default)]
    checksums: Vec<WireChecksum>,
    package_verification_code: Option<WireVerificationCode>,
    #[serde(default)]
    external_refs: Vec<WireReference>,
    #[serde(default)]
    has_files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChecksum {
    algorithm: String,
    checksum_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVerificationCode {
    package_verification_code_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReference {
    reference_type: String,
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFile {
    #[serde(rename = "SPDXID")]
    id: String,
    file_name: String,
    #[serde(default)]
    checksums: Vec<WireChecksum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRelationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

impl Wire {
    fn inventory(self) -> Result<Inventory, InventoryError> {
        let Self { document_namespace: namespace, creation_info, packages, files, relationships, .. } = self;
        let mut contained: BTreeMap<&str, &str> = BTreeMap::new();
        for package in &packages {
            contained.extend(package.has_files.iter().map(|file| (file.as_str(), package.id.as_str())));
        }
        for relationship in relationships.iter().filter(|found| found.relationship_type == "CONTAINS") {
            contained.insert(&relationship.related_spdx_element, &relationship.spdx_element_id);
        }
        let listed = files.iter().map(|file| file.listed(&contained)).collect::<Result<Vec<_>, _>>()?;

        let (mut image, mut system) = (None, None);
        let (mut binaries, mut upstream, mut generators) = (Vec::new(), Vec::new(), Vec::new());
        let mut sources: BTreeMap<String, SourcePackage> = BTreeMap::new();
        for package in packages {
            let purpose = package.primary_package_purpose.as_deref().unwrap_or_default();
            match purpose {
                "CONTAINER" => image = Some(package.element()),
                "OPERATING_SYSTEM" => system = Some(package.element()),
                "SOURCE" => drop(sources.insert(package.id.clone(), package.source_package()?)),
                _ if package.id.starts_with("SPDXRef-Binary-") => binaries.push(package.binary()?),
                _ if package.id.starts_with("SPDXRef-Upstream-") => upstream.push(package.element()),
                _ => generators.push(package.element()),
            }
        }
        let linked = relationships.iter().filter(|found| found.relationship_type == "STATIC_LINK");
        let mut built_using: BTreeMap<&str, BTreeSet<Source>> = BTreeMap::new();
        for relationship in linked {
            if let Some(of) = sources.get(&relationship.related_spdx_element) {
                built_using.entry(&relationship.spdx_element_id).or_default().insert(of.source.clone());
            }
        }
        for package in &mut binaries {
            package.built_using = built_using.remove(package.element.id.as_str()).unwrap_or_default();
        }
        binaries.sort_by(|a, b| a.name.cmp(&b.name));

        let image = image.ok_or(InventoryError::NoImage("no package of it has the purpose CONTAINER"))?;
        let system = system.ok_or(InventoryError::NoImage("it names no operating system"))?;
        let (tag, architecture) = identity(&image, &namespace)?;
        let manifest = image.version.as_deref().unwrap_or_default();
        Ok(Inventory {
            repository: image.name.clone(),
            manifest: Sha256::from_oci(manifest)
                .map_err(|error| image.fault("versionInfo", format!("is wrong: {error}")))?,
            tag,
            architecture,
            document: Document {
                namespace,
                created: creation_info.created,
                creators: creation_info.creators,
                comment: creation_info.comment,
            },
            image,
            system,
            packages: binaries,
            upstream,
            sources: sources.into_values().collect(),
            generators,
            files: listed,
        })
    }
}

/// The tag as the image's purl has it, and Debian's name of the architecture, which only the namespace has:
/// `…/cc-debian13/debug-amd64/DIGEST`.
fn identity(image: &Element, namespace: &str) -> Result<(String, Architecture), InventoryError> {
    let purl = image.purl.as_deref().ok_or_else(|| image.fault("externalRefs", "has no purl"))?;
    let qualifiers = purl.split_once('?').map_or("", |(_, qualifiers)| qualifiers);
    let tag = qualifiers.split('&').find_map(|pair| pair.strip_prefix("tag="));
    let tag = tag.ok_or_else(|| image.fault("externalRefs", "has a purl without a tag"))?;
    let variant = namespace.rsplit('/').nth(1).unwrap_or_default();
    let architecture = variant.strip_prefix(tag).and_then(|rest| rest.strip_prefix('-'));
    let architecture = architecture.and_then(|name| name.parse().ok());
    let architecture = architecture.ok_or_else(|| InventoryError::Field {
        element: "SPDXRef-DOCUMENT".to_owned(),
        field: "documentNamespace",
        why: format!("does not end in `/{tag}-ARCHITECTURE/DIGEST`"),
    })?;
    Ok((tag.to_owned(), architecture))
}

impl BinaryPackage {
    /// The source package that it was built from, and those whose code was built in.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.built_using)
    }
}

impl Element {
    /// Whether Debian distributes it, and not somebody else under the same name.
    #[must_use]
    pub fn is_debians(&self) -> bool {
        self.purl.as_deref().is_some_and(|purl| purl.starts_with("pkg:deb/debian/"))
    }

    fn fault(&self, field: &'static str, why: impl Into<String>) -> InventoryError {
        InventoryError::Field { element: self.id.clone(), field, why: why.into() }
    }
}

impl WirePackage {
    fn element(self) -> Element {
        let purl = self.external_refs.into_iter().find(|found| found.reference_type == "purl");
        let checksums = self.checksums.into_iter();
        Element {
            id: self.id,
            name: self.name,
            version: asserted(self.version_info),
            supplier: asserted(self.supplier),
            purl: purl.map(|found| found.reference_locator),
            download: asserted(self.download_location),
            license_declared: asserted(self.license_declared),
            license_concluded: asserted(self.license_concluded),
            license_comment: self.license_comments,
            copyright: asserted(self.copyright_text),
            comment: self.comment,
            checksums: checksums.map(|found| (found.algorithm, found.checksum_value)).collect(),
            verification_code: self
                .package_verification_code
                .map(|code| code.package_verification_code_value),
        }
    }

    fn binary(self) -> Result<BinaryPackage, InventoryError> {
        let told = self.source_info.clone().unwrap_or_default();
        let element = self.element();
        let built_from = told.lines().find_map(|line| line.strip_prefix("built package from: "));
        let source = built_from.and_then(|text| text.split_once(' ')).and_then(|(name, version)| {
            Some(Source { name: name.parse().ok()?, version: version.trim().parse().ok()? })
        });
        let expected = "does not say `built package from: SOURCE VERSION`";
        Ok(BinaryPackage {
            source: source.ok_or_else(|| element.fault("sourceInfo", expected))?,
            name: named(&element)?,
            version: versioned(&element)?,
            built_using: BTreeSet::new(),
            element,
        })
    }

    fn source_package(self) -> Result<SourcePackage, InventoryError> {
        let element = self.element();
        let source = Source { name: named(&element)?, version: versioned(&element)? };
        Ok(SourcePackage { source, element })
    }
}

impl WireFile {
    fn listed(&self, contained: &BTreeMap<&str, &str>) -> Result<ListedFile, InventoryError> {
        let fault = |field, why: String| InventoryError::Field { element: self.id.clone(), field, why };
        let owner = contained.get(self.id.as_str());
        let owner = owner.ok_or_else(|| fault("relationships", "is contained in no package".to_owned()))?;
        let of = |algorithm| self.checksums.iter().find(|checksum| checksum.algorithm == algorithm);
        let sha256 = of("SHA256").map(|checksum| checksum.checksum_value.parse()).transpose();
        Ok(ListedFile {
            path: format!("/{}", self.file_name.trim_start_matches("./").trim_start_matches('/')),
            owner: (*owner).to_owned(),
            sha1: of("SHA1").map(|checksum| checksum.checksum_value.clone()),
            sha256: sha256.map_err(|error: crate::digest::InvalidDigest| {
                fault("checksums", format!("is wrong: {error}"))
            })?,
        })
    }
}

fn named(element: &Element) -> Result<PackageName, InventoryError> {
    element.name.parse().map_err(|error| element.fault("name", format!("is wrong: {error}")))
}

fn versioned(element: &Element) -> Result<Version, InventoryError> {
    let version = element.version.as_deref().ok_or_else(|| element.fault("versionInfo", "is missing"))?;
    version.parse().map_err(|error| element.fault("versionInfo", format!("is wrong: {error}")))
}

fn asserted(text: Option<String>) -> Option<String> {
    text.filter(|text| !matches!(text.as_str(), "" | "NOASSERTION"))
}

#[cfg(test)]
mod tests;
