//! SPDX 2.3 as JSON: <https://spdx.github.io/spdx-spec/v2.3/>.
//!
//! image → operating system → binary packages → source packages; what does not come from the publisher of the
//! operating system belongs to the image. Source packages carry no purl, because
//! scanners would count them as installed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::{Component, Subject, UpstreamComponent, purl};
use crate::debian::{PackageName, Version};
use crate::digest::Sha256;

const NOASSERTION: &str = "NOASSERTION";
/// One of CISA's [types of SBOM](https://www.cisa.gov/resources-tools/resources/types-software-bill-materials-sbom),
/// said as the OpenChain Telco SBOM Guide §3.4 wants it: SPDX 2.3 has no field for it.
const SBOM_TYPE: &str = "SBOM Type: Build";
const IMAGE: &str = "SPDXRef-Image";
const OPERATING_SYSTEM: &str = "SPDXRef-OperatingSystem-debian";

/// The document as indented JSON with a final newline: the same bytes for the same subject.
/// Its namespace holds the digest of all else that it says.
#[must_use]
pub fn spdx23(subject: &Subject<'_>) -> String {
    let mut document = Document::new(subject);
    let content = Sha256::of(document.to_text().as_bytes());
    document.document_namespace = format!(
        "{}/{}/{}-{}/{content}",
        subject.organization.sbom_namespace.as_str().trim_end_matches('/'),
        subject.image.repository(),
        subject.image.tag,
        subject.architecture,
    );
    document.to_text()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'a str,
    #[serde(rename = "SPDXID")]
    id: &'a str,
    data_license: &'a str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo<'a>,
    packages: Vec<Package<'a>>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo<'a> {
    created: String,
    creators: Vec<String>,
    comment: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: String,
    primary_package_purpose: &'a str,
    supplier: String,
    download_location: Cow<'a, str>,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    license_concluded: &'a str,
    license_declared: &'a str,
    copyright_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'a str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef<'a> {
    reference_category: &'a str,
    reference_type: &'a str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

impl<'a> Document<'a> {
    fn new(subject: &'a Subject<'a>) -> Self {
        let organization = subject.organization;
        let publisher = format!("Organization: {} ({})", organization.name, organization.email);
        let sources: BTreeMap<(&PackageName, &Version), &Component<'_>> = subject
            .packages
            .iter()
            .map(|component| ((&component.pin.source, &component.pin.source_version), component))
            .collect();

        let image = Package {
            checksums: vec![sha256(subject.manifest)],
            external_refs: vec![package_url(purl::oci(subject))],
            ..Package::new(IMAGE, subject.image.repository(), subject.manifest.oci(), "CONTAINER", &publisher)
        };
        let debian = "Organization: Debian (debian-devel@lists.debian.org)";
        let version = subject.release.version.clone();
        let system = Package {
            homepage: Some("https://www.debian.org/"),
            ..Package::new(OPERATING_SYSTEM, "debian".to_owned(), version, "OPERATING_SYSTEM", debian)
        };
        let binaries = subject.packages.iter().map(|component| binary_package(component, subject));
        let upstream = subject.tarballs.iter().map(upstream_package);
        let source_packages = sources.iter().map(|((name, version), component)| Package {
            homepage: component.facts.homepage,
            ..Package::new(
                &source_id(name, version),
                name.to_string(),
                version.to_string(),
                "SOURCE",
                &supplier(component.facts.maintainer),
            )
        });

        let mut relationships = vec![
            relationship("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE),
            relationship(IMAGE, "CONTAINS", OPERATING_SYSTEM),
        ];
        for component in &subject.packages {
            let id = binary_id(component.name);
            let holder = if component.third_party.is_some() { IMAGE } else { OPERATING_SYSTEM };
            relationships.push(relationship(holder, "CONTAINS", &id));
            let source = source_id(&component.pin.source, &component.pin.source_version);
            relationships.push(relationship(&id, "GENERATED_FROM", &source));
            let depends =
                component.depends.iter().map(|name| relationship(&id, "DEPENDS_ON", &binary_id(name)));
            relationships.extend(depends);
        }
        for component in &subject.tarballs {
            relationships.push(relationship(IMAGE, "CONTAINS", &upstream_id(component)));
        }
        Self {
            spdx_version: "SPDX-2.3",
            id: "SPDXRef-DOCUMENT",
            data_license: "CC0-1.0",
            name: format!("{} ({})", subject.image, subject.platform),
            document_namespace: String::new(),
            creation_info: CreationInfo {
                created: subject.created.to_string(),
                creators: vec![publisher.clone(), format!("Tool: distro-{}", env!("CARGO_PKG_VERSION"))],
                comment: SBOM_TYPE,
            },
            packages: [image, system]
                .into_iter()
                .chain(binaries)
                .chain(upstream)
                .chain(source_packages)
                .collect(),
            relationships,
        }
    }

    fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("maps with text keys serialise");
        text.push('\n');
        text
    }
}

impl Package<'_> {
    fn new(id: &str, name: String, version: String, purpose: &'static str, supplier: &str) -> Self {
        Self {
            id: id.to_owned(),
            name,
            version_info: version,
            primary_package_purpose: purpose,
            supplier: supplier.to_owned(),
            download_location: NOASSERTION.into(),
            files_analyzed: false,
            package_file_name: None,
            checksums: Vec::new(),
            license_concluded: NOASSERTION,
            license_declared: NOASSERTION,
            copyright_text: NOASSERTION,
            homepage: None,
            summary: None,
            source_info: None,
            external_refs: Vec::new(),
        }
    }
}

fn binary_package<'a>(component: &'a Component<'a>, subject: &Subject<'_>) -> Package<'a> {
    let Component { name, pin, facts, .. } = component;
    let version = pin.version.to_string();
    Package {
        package_file_name: pin.path.rsplit('/').next(),
        checksums: vec![sha256(pin.sha256)],
        homepage: facts.homepage,
        summary: facts.synopsis,
        source_info: Some(format!("built package from: {} {}", pin.source, pin.source_version)),
        external_refs: vec![package_url(purl::deb(component, &subject.release.version))],
        ..Package::new(&binary_id(name), name.to_string(), version, "LIBRARY", &supplier(facts.maintainer))
    }
}

fn upstream_package<'a>(component: &UpstreamComponent<'a>) -> Package<'a> {
    let UpstreamComponent { definition, file, .. } = component;
    Package {
        download_location: file.url.to_string().into(),
        package_file_name: Some(file.url.name()),
        checksums: vec![sha256(file.sha256)],
        license_declared: &definition.license,
        homepage: definition.homepage.as_ref().map(Url::as_str),
        external_refs: vec![package_url(purl::generic(component))],
        ..Package::new(
            &upstream_id(component),
            definition.software.clone(),
            definition.version.clone(),
            "APPLICATION",
            &format!("Organization: {}", definition.supplier),
        )
    }
}

/// Debian's maintainers are teams behind a mailing list or persons; both have an address.
fn supplier(maintainer: Option<&str>) -> String {
    let Some((name, address)) =
        maintainer.and_then(|text| text.trim_end().strip_suffix('>')?.split_once('<'))
    else {
        return NOASSERTION.to_owned();
    };
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let team = domain.starts_with("lists.") || domain.contains("-lists.") || domain.starts_with("tracker.");
    let kind = if team { "Organization" } else { "Person" };
    format!("{kind}: {} ({address})", name.trim().trim_matches('"'))
}

fn sha256<'a>(digest: Sha256) -> Checksum<'a> {
    Checksum { algorithm: "SHA256", checksum_value: digest.to_string() }
}

fn package_url<'a>(locator: String) -> ExternalRef<'a> {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: locator }
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    }
}

fn upstream_id(component: &UpstreamComponent<'_>) -> String {
    format!("SPDXRef-Upstream-{}", id_string(component.name.as_str()))
}

fn binary_id(name: &PackageName) -> String {
    format!("SPDXRef-Binary-{}", id_string(name.as_str()))
}

fn source_id(name: &PackageName, version: &Version) -> String {
    format!("SPDXRef-Source-{}-{}", id_string(name.as_str()), id_string(version.as_str()))
}

/// Identifiers hold letters, digits, `.` and `-` only, [SPDX 2.3 §3.2.4]; what the names and versions
/// here may hold besides is spelt out so that two never become one.
///
/// [SPDX 2.3 §3.2.4]: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
fn id_string(text: &str) -> String {
    text.replace('+', ".plus.").replace('~', ".tilde.").replace(':', ".colon.").replace('_', ".underscore.")
}
