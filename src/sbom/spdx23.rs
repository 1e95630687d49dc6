//! SPDX 2.3 as JSON: <https://spdx.github.io/spdx-spec/v2.3/>.
//!
//! image → operating system → binary packages → source packages; what does not come from the publisher of the
//! operating system belongs to the image. Source packages carry no purl, because
//! scanners would count them as installed.

use std::borrow::Cow;

use serde::Serialize;
use url::Url;

use super::agent::{Agent, DEBIAN};
use super::{
    Component, Content, Files, Generated, SourceComponent, Subject, TOOL, UpstreamComponent,
    content_addressed, purl, verification_code,
};
use crate::debian::{PackageName, Source};
use crate::digest::{Sha1, Sha256, Sha512};
use crate::license::Licensing;

const NOASSERTION: &str = "NOASSERTION";
/// One of CISA's [types of SBOM](https://www.cisa.gov/resources-tools/resources/types-software-bill-materials-sbom),
/// said as the OpenChain Telco SBOM Guide §3.4 wants it: SPDX 2.3 has no field for it.
const SBOM_TYPE: &str = "SBOM Type: Build";
pub(super) const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const OPERATING_SYSTEM: &str = "SPDXRef-OperatingSystem-debian";

/// The document as indented JSON with a final newline: the same bytes for the same subject.
/// Its namespace holds the digest of all else that it says.
#[must_use]
pub(super) fn spdx23(subject: &Subject<'_>, files: Files) -> String {
    Document::new(subject, files).finish(&subject.namespace())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    spdx_version: &'a str,
    #[serde(rename = "SPDXID")]
    id: &'a str,
    data_license: &'a str,
    pub name: String,
    document_namespace: String,
    pub creation_info: CreationInfo<'a>,
    pub packages: Vec<Package<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has_extracted_licensing_infos: Vec<ExtractedLicense<'a>>,
    pub relationships: Vec<Relationship>,
}

#[derive(Debug, Serialize)]
pub(super) struct CreationInfo<'a> {
    pub created: String,
    creators: Vec<String>,
    comment: &'a str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    pub id: String,
    name: String,
    version_info: String,
    primary_package_purpose: &'a str,
    supplier: String,
    download_location: Cow<'a, str>,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_verification_code: Option<VerificationCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    license_concluded: Cow<'a, str>,
    license_declared: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_comments: Option<&'a str>,
    copyright_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has_files: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationCode {
    package_verification_code_value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'a str,
    checksum_value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef<'a> {
    reference_category: &'a str,
    reference_type: &'a str,
    reference_locator: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation<'a> {
    annotation_date: String,
    annotation_type: &'a str,
    annotator: String,
    comment: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    #[serde(rename = "SPDXID")]
    pub id: String,
    file_name: String,
    checksums: [Checksum<'static>; 2],
    license_concluded: &'static str,
    copyright_text: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtractedLicense<'a> {
    pub license_id: &'a str,
    extracted_text: &'a str,
    name: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    pub spdx_element_id: String,
    pub relationship_type: &'static str,
    pub related_spdx_element: String,
    /// Dependencies of what is contained that the container goes without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl<'a> Document<'a> {
    pub(super) fn new(subject: &'a Subject<'a>, files: Files) -> Self {
        let mut document = Self::empty(subject);
        document.add_image(subject);
        for component in &subject.packages {
            let package = binary_package(component, subject);
            document.add_content(package, &component.content, files);
        }
        for component in &subject.tarballs {
            document.add_content(upstream_package(component), &component.content, files);
        }
        for generated in &subject.generated {
            document.add_content(generated_package(generated, subject), &generated.content, files);
        }
        let sources = subject.sources.iter();
        document.packages.extend(sources.map(|(source, component)| source_package(source, component)));
        document.relate(subject);
        document
    }

    fn empty(subject: &'a Subject<'a>) -> Self {
        let (tool, version) = TOOL;
        let texts = subject.license_texts().into_iter();
        Self {
            spdx_version: "SPDX-2.3",
            id: DOCUMENT,
            data_license: "CC0-1.0",
            name: subject.title(),
            document_namespace: String::new(),
            creation_info: CreationInfo {
                created: subject.created.to_string(),
                creators: vec![publisher(subject).spdx23(), format!("Tool: {tool}-{version}")],
                comment: SBOM_TYPE,
            },
            packages: Vec::new(),
            files: Vec::new(),
            has_extracted_licensing_infos: texts
                .map(|(license_id, extracted_text)| ExtractedLicense {
                    license_id,
                    extracted_text,
                    name: license_id.trim_start_matches("LicenseRef-"),
                })
                .collect(),
            relationships: Vec::new(),
        }
    }

    fn add_image(&mut self, subject: &'a Subject<'a>) {
        let (sha256, sha512) = subject.manifest;
        let concluded: Cow<'a, str> =
            subject.concluded().map_or(NOASSERTION.into(), |all| all.to_string().into());
        self.packages.push(Package {
            checksums: checksums(sha256, Some(sha512)),
            external_refs: vec![package_url(purl::oci(subject))],
            license_concluded: concluded.clone(),
            license_declared: concluded,
            ..Package::new(
                IMAGE,
                subject.image.repository(),
                sha256.oci(),
                "CONTAINER",
                Some(publisher(subject)),
            )
        });
        let of_debian = subject.packages.iter().filter(|component| component.third_party.is_none());
        let files = of_debian.flat_map(|component| component.content.files()).map(|(_, file)| file);
        self.packages.push(Package {
            homepage: Some("https://www.debian.org/"),
            ..Package::new(
                OPERATING_SYSTEM,
                "debian".to_owned(),
                subject.release.version.clone(),
                "OPERATING_SYSTEM",
                Some(DEBIAN),
            )
            .analyzed(verification_code(files))
        });
    }

    fn add_content(&mut self, package: Package<'a>, content: &Content<'_>, files: Files) {
        let mut package = package.analyzed(content.verification_code());
        if files == Files::Listed {
            for (path, file) in content.files() {
                let identity = Sha1::of(format!("{} {path} {}", package.id, file.sha256).as_bytes());
                // Trivy passes over what has the id of a file, and its owner with it.
                let id = format!("SPDXRef-Content-{identity}");
                package.has_files.push(id.clone());
                self.files.push(File {
                    id,
                    file_name: format!(".{path}"),
                    checksums: [
                        Checksum { algorithm: "SHA1", checksum_value: file.sha1.to_string() },
                        sha256(file.sha256),
                    ],
                    license_concluded: NOASSERTION,
                    copyright_text: NOASSERTION,
                });
            }
        }
        self.packages.push(package);
    }

    fn relate(&mut self, subject: &Subject<'_>) {
        let mut tell = |from: &str, relationship_type, to: &str, comment| {
            self.relationships.push(Relationship {
                spdx_element_id: from.to_owned(),
                relationship_type,
                related_spdx_element: to.to_owned(),
                comment,
            });
        };
        tell(DOCUMENT, "DESCRIBES", IMAGE, None);
        tell(IMAGE, "CONTAINS", OPERATING_SYSTEM, None);
        for component in &subject.packages {
            let holder = if component.third_party.is_some() { IMAGE } else { OPERATING_SYSTEM };
            tell(holder, "CONTAINS", &binary_id(component.name), component.sentences_on_left_out());
        }
        let mut relate = |from: &str, kind, to: &str| tell(from, kind, to, None);
        for component in &subject.packages {
            let id = binary_id(component.name);
            let pin = component.pin;
            relate(&id, "GENERATED_FROM", &source_id(&pin.built_from()));
            component.depends.iter().for_each(|name| relate(&id, "DEPENDS_ON", &binary_id(name)));
            pin.built_using.iter().for_each(|source| relate(&id, "STATIC_LINK", &source_id(source)));
        }
        subject.tarballs.iter().for_each(|component| relate(IMAGE, "CONTAINS", &upstream_id(component)));
        subject.generated.iter().for_each(|generated| relate(IMAGE, "CONTAINS", &generated_id(generated)));
    }

    /// The text of the document, in a namespace below this one that is of its content alone.
    pub(super) fn finish(mut self, namespace: &str) -> String {
        content_addressed(namespace, |namespace| {
            self.document_namespace = namespace;
            serde_json::to_string_pretty(&self).expect("maps with text keys serialise")
        })
    }
}

impl<'a> Package<'a> {
    fn new(
        id: &str,
        name: String,
        version: String,
        purpose: &'static str,
        supplier: Option<Agent<'_>>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            name,
            version_info: version,
            primary_package_purpose: purpose,
            supplier: supplier.map_or_else(|| NOASSERTION.to_owned(), |agent| agent.spdx23()),
            download_location: NOASSERTION.into(),
            files_analyzed: false,
            package_verification_code: None,
            package_file_name: None,
            checksums: Vec::new(),
            license_concluded: NOASSERTION.into(),
            license_declared: NOASSERTION.into(),
            license_comments: None,
            copyright_text: NOASSERTION,
            homepage: None,
            summary: None,
            source_info: None,
            comment: None,
            external_refs: Vec::new(),
            annotations: Vec::new(),
            has_files: Vec::new(),
        }
    }

    fn analyzed(self, code: Sha1) -> Self {
        let code = VerificationCode { package_verification_code_value: code.to_string() };
        Self { files_analyzed: true, package_verification_code: Some(code), ..self }
    }

    fn licensed(self, licensing: Option<&'a Licensing>) -> Self {
        let Some(licensing) = licensing else { return self };
        let said = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            license_concluded: licensing.concluded.as_str().into(),
            license_declared: licensing.declared.as_str().into(),
            license_comments: said(&licensing.comment),
            copyright_text: said(&licensing.copyright).unwrap_or(NOASSERTION),
            ..self
        }
    }
}

fn binary_package<'a>(component: &'a Component<'a>, subject: &Subject<'_>) -> Package<'a> {
    let Component { name, pin, facts, content, .. } = component;
    let version = pin.version.to_string();
    let supplier = facts.maintainer.and_then(Agent::maintainer);
    Package {
        download_location: location(component.location.as_deref()),
        package_file_name: Some(component.file_name()),
        checksums: checksums(pin.sha256, content.sha512()),
        homepage: facts.homepage,
        summary: facts.synopsis,
        source_info: Some(format!("built package from: {}", pin.built_from())),
        external_refs: vec![package_url(purl::deb(component, &subject.release.version))],
        annotations: annotations(content),
        ..Package::new(&binary_id(name), name.to_string(), version, "LIBRARY", supplier)
    }
    .licensed(component.licensing)
}

fn upstream_package<'a>(component: &'a UpstreamComponent<'a>) -> Package<'a> {
    let UpstreamComponent { definition, file, content, licensing, .. } = component;
    Package {
        download_location: file.url.to_string().into(),
        package_file_name: Some(file.url.name()),
        checksums: checksums(file.sha256, content.sha512()),
        homepage: definition.homepage.as_ref().map(Url::as_str),
        external_refs: vec![package_url(purl::generic(component))],
        annotations: annotations(content),
        ..Package::new(
            &upstream_id(component),
            definition.software.clone(),
            definition.version.clone(),
            "APPLICATION",
            Some(Agent::upstream(definition)),
        )
    }
    .licensed(*licensing)
}

/// What a step made is as new as its layer.
fn generated_package<'a>(generated: &Generated<'_>, subject: &'a Subject<'a>) -> Package<'a> {
    let layer = generated.content.record.layer;
    let (tool, _) = TOOL;
    Package {
        download_location: "NONE".into(),
        checksums: vec![sha256(layer.diff_id)],
        comment: Some(format!(
            "generated by {tool} in its step `{}`; the checksum is of the layer's tar",
            generated.step
        )),
        ..Package::new(
            &generated_id(generated),
            generated.name(),
            layer.diff_id.oci(),
            "OTHER",
            Some(publisher(subject)),
        )
    }
}

fn source_package<'a>(source: &Source, component: &'a SourceComponent<'a>) -> Package<'a> {
    let supplier = component.facts.maintainer.and_then(Agent::maintainer);
    Package {
        download_location: location(component.location.as_deref()),
        package_file_name: component.pin.and_then(|pin| pin.path.rsplit('/').next()),
        checksums: component.pin.map(|pin| sha256(pin.sha256)).into_iter().collect(),
        license_declared: component.declared.map_or(NOASSERTION, |declared| declared.as_str()).into(),
        homepage: component.facts.homepage,
        ..Package::new(
            &source_id(source),
            source.name.to_string(),
            source.version.to_string(),
            "SOURCE",
            // Whoever maintains a package maintains its source; of code that was built in, the archive is known.
            supplier.or(Some(DEBIAN).filter(|_| component.third_party.is_none())),
        )
    }
}

fn publisher<'a>(subject: &'a Subject<'_>) -> Agent<'a> {
    Agent::organization(&subject.organization.name, Some(&subject.organization.email))
}

fn location(location: Option<&str>) -> Cow<'_, str> {
    location.unwrap_or(NOASSERTION).into()
}

fn annotations<'a>(content: &Content<'_>) -> Vec<Annotation<'a>> {
    let (tool, version) = TOOL;
    let annotation = |comment| Annotation {
        annotation_date: content.newest.to_string(),
        annotation_type: "OTHER",
        annotator: format!("Tool: {tool}-{version}"),
        comment,
    };
    content.filtered.iter().map(|filtered| annotation(filtered.sentence())).collect()
}

fn checksums<'a>(of_256: Sha256, of_512: Option<Sha512>) -> Vec<Checksum<'a>> {
    let of_512 = of_512.map(|digest| Checksum { algorithm: "SHA512", checksum_value: digest.to_string() });
    [sha256(of_256)].into_iter().chain(of_512).collect()
}

fn sha256<'a>(digest: Sha256) -> Checksum<'a> {
    Checksum { algorithm: "SHA256", checksum_value: digest.to_string() }
}

fn package_url<'a>(locator: String) -> ExternalRef<'a> {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: locator }
}

fn upstream_id(component: &UpstreamComponent<'_>) -> String {
    format!("SPDXRef-Upstream-{}", id_string(component.name.as_str()))
}

fn generated_id(generated: &Generated<'_>) -> String {
    match generated.nth {
        0 => format!("SPDXRef-Generated-{}", id_string(generated.step)),
        nth => format!("SPDXRef-Generated-{}-{}", id_string(generated.step), nth + 1),
    }
}

fn binary_id(name: &PackageName) -> String {
    format!("SPDXRef-Binary-{}", id_string(name.as_str()))
}

fn source_id(source: &Source) -> String {
    format!("SPDXRef-Source-{}-{}", id_string(source.name.as_str()), id_string(source.version.as_str()))
}

/// Identifiers hold letters, digits, `.` and `-` only, [SPDX 2.3 §3.2.4]; what the names and versions
/// here may hold besides is spelt out so that two never become one.
///
/// [SPDX 2.3 §3.2.4]: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
fn id_string(text: &str) -> String {
    text.replace('+', ".plus.").replace('~', ".tilde.").replace(':', ".colon.").replace('_', ".underscore.")
}
