//! SPDX 3.0.1 as JSON-LD: <https://spdx.github.io/spdx-spec/v3.0.1/>, with all that [BSI TR-03183-2] v2.1 asks for.
//!
//! document → SBOM → image → binary packages, tarballs and generated files; a binary package has the .deb that it came in
//! (`hasDistributionArtifact`), and the .dsc that it was built from `generates` it.
//!
//! [BSI TR-03183-2]: https://www.bsi.bund.de/SharedDocs/Downloads/EN/BSI/Publications/TechGuidelines/TR03183/BSI-TR-03183-2_v2_1_0.html

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::agent::{Agent, Kind};
use super::{
    Component, Content, Files, Generated, Subject, TOOL, UpstreamComponent, content_addressed, purl,
};
use crate::debian::Source;
use crate::digest::{Sha1, Sha256, Sha512};
use crate::license::{Expression, Licensing};
use crate::tree::{FileInfo, ImagePath};

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
const CREATION: &str = "_:creation";

/// The document as indented JSON with a final newline: the same bytes for the same subject.
/// All of its identifiers lie in a namespace that holds the digest of all else that it says.
#[must_use]
pub(super) fn spdx30(subject: &Subject<'_>, files: Files) -> String {
    content_addressed(&subject.namespace(), |namespace| {
        let graph =
            Graph { namespace, elements: Vec::new(), agents: BTreeMap::new(), licenses: BTreeSet::new() };
        let document = json!({ "@context": CONTEXT, "@graph": graph.of(subject, files) });
        serde_json::to_string_pretty(&document).expect("maps with text keys serialise")
    })
}

/// The elements of a document, as far as they are told.
struct Graph<'a> {
    namespace: String,
    elements: Vec<Value>,
    agents: BTreeMap<Agent<'a>, String>,
    /// Expressions that were told.
    licenses: BTreeSet<String>,
}

/// How much of what there is a relationship tells.
#[derive(Clone, Copy)]
enum Completeness {
    Complete,
    Incomplete,
}

impl<'a> Graph<'a> {
    fn of(mut self, subject: &'a Subject<'a>, files: Files) -> Vec<Value> {
        let organization = &subject.organization;
        let publisher = self.agent(Agent::organization(&organization.name, Some(&organization.email)));
        let (tool, version) = TOOL;
        let tool = self.element("Tool", "Tool", json!({ "name": format!("{tool} {version}") }));
        self.elements.push(json!({
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": "3.0.1",
            "created": subject.created.to_string(),
            "createdBy": [publisher],
            "createdUsing": [tool],
        }));
        for (name, text) in subject.license_texts() {
            let fields = json!({ "simplelicensing_licenseText": text, "name": name });
            self.element("simplelicensing_SimpleLicensingText", &text_id(name), fields);
        }
        let image = self.image(subject, &publisher);
        let mut contained = Vec::new();
        for component in &subject.packages {
            contained.push(self.binary(component, subject, files));
        }
        for component in &subject.tarballs {
            contained.push(self.upstream(component, subject, files));
        }
        for generated in &subject.generated {
            contained.extend(self.generated(generated, &publisher));
        }
        self.relate(&image, "contains", &contained, Some(Completeness::Complete), None);
        self.depends(subject);
        self.sources(subject);
        self.documents(subject, &image)
    }

    fn image(&mut self, subject: &Subject<'_>, publisher: &str) -> String {
        let (sha256, sha512) = subject.manifest;
        let package_url = purl::oci(subject);
        let image = self.element(
            "software_Package",
            "Image",
            json!({
                "name": subject.image.repository(),
                "software_packageVersion": sha256.oci(),
                "software_packageUrl": package_url,
                "software_primaryPurpose": "container",
                "software_copyrightText": "of each part, what the part says",
                "externalIdentifier": [purl_identifier(&package_url)],
                "verifiedUsing": [hash("sha256", &sha256)],
                "suppliedBy": publisher,
                "originatedBy": [publisher],
            }),
        );
        if let Some(concluded) = &subject.concluded() {
            self.license(&image, "hasConcludedLicense", concluded, None);
            self.license(&image, "hasDeclaredLicense", concluded, None);
        }
        let artifact =
            Artifact { name: format!("blobs/sha256/{sha256}"), sha256, sha512: Some(sha512), location: None };
        self.distribution(&image, "Manifest", &artifact);
        image
    }

    fn binary(&mut self, component: &'a Component<'a>, subject: &Subject<'_>, files: Files) -> String {
        let Component { name, pin, facts, content, .. } = component;
        let package_url = purl::deb(component, &subject.release.version);
        let supplier = facts.maintainer.and_then(Agent::maintainer).map(|agent| self.agent(agent));
        let fields = json!({
            "name": name.as_str(),
            "software_packageVersion": pin.version.as_str(),
            "software_packageUrl": package_url,
            "software_primaryPurpose": "install",
            "software_copyrightText": copyright(component.licensing),
            "software_downloadLocation": component.location,
            "software_homePage": facts.homepage,
            "software_sourceInfo": format!("built package from: {}", pin.built_from()),
            "summary": facts.synopsis,
            "comment": component.sentences_on_left_out(),
            "externalIdentifier": [purl_identifier(&package_url)],
            "verifiedUsing": [verification(content)],
            "suppliedBy": supplier,
            "originatedBy": supplier.iter().collect::<Vec<_>>(),
        });
        let local = format!("Binary-{name}");
        let package = self.element("software_Package", &local, fields);
        self.licenses(&package, component.licensing);
        let artifact = Artifact {
            name: component.file_name().to_owned(),
            sha256: pin.sha256,
            sha512: content.sha512(),
            location: component.location.clone(),
        };
        self.distribution(&package, &format!("Archive-{name}"), &artifact);
        self.content(&package, &local, content, files);
        package
    }

    fn upstream(
        &mut self,
        component: &'a UpstreamComponent<'a>,
        subject: &Subject<'_>,
        files: Files,
    ) -> String {
        let UpstreamComponent { name, definition, file, licensing, content } = component;
        let package_url = purl::generic(component);
        let supplier = self.agent(Agent::upstream(definition));
        let local = format!("Upstream-{name}");
        let package = self.element(
            "software_Package",
            &local,
            json!({
                "name": definition.software,
                "software_packageVersion": definition.version,
                "software_packageUrl": package_url,
                "software_primaryPurpose": "application",
                "software_copyrightText": copyright(*licensing),
                "software_downloadLocation": file.url.to_string(),
                "software_homePage": definition.homepage,
                "externalIdentifier": [purl_identifier(&package_url)],
                "verifiedUsing": [verification(content)],
                "suppliedBy": supplier,
                "originatedBy": [supplier],
            }),
        );
        self.licenses(&package, *licensing);
        let artifact = Artifact {
            name: file.url.name().to_owned(),
            sha256: file.sha256,
            sha512: content.sha512(),
            location: Some(file.url.to_string()),
        };
        self.distribution(&package, &format!("Archive-{}-{}", name, subject.architecture), &artifact);
        self.content(&package, &local, content, files);
        package
    }

    /// The files that a step made, which always are listed: no package tells of them.
    fn generated(&mut self, generated: &Generated<'_>, publisher: &str) -> Vec<String> {
        let (tool, _) = TOOL;
        let comment = format!("generated by {tool} in its step `{}`", generated.step);
        let files = generated.content.files();
        files
            .map(|(path, info)| {
                let mut fields = file(path, info);
                fields["comment"] = comment.as_str().into();
                fields["originatedBy"] = json!([publisher]);
                self.element("software_File", &file_id(&generated.name(), path), fields)
            })
            .collect()
    }

    /// The files of a package, and what filters took of it.
    fn content(&mut self, package: &str, local: &str, content: &Content<'_>, files: Files) {
        for (nth, filtered) in content.filtered.iter().enumerate() {
            let fields =
                json!({ "annotationType": "other", "subject": package, "statement": filtered.sentence() });
            self.element("Annotation", &format!("Filter-{local}-{}", nth + 1), fields);
        }
        if files == Files::Listed {
            let files = content.files();
            let files: Vec<_> = files
                .map(|(path, info)| self.element("software_File", &file_id(local, path), file(path, info)))
                .collect();
            self.relate(package, "contains", &files, Some(Completeness::Complete), None);
        }
    }

    fn depends(&mut self, subject: &Subject<'_>) {
        for component in &subject.packages {
            let depends = component.depends.iter();
            let depends: Vec<_> = depends.map(|name| self.id(&format!("Binary-{name}"))).collect();
            let completeness =
                if component.left_out.is_empty() { Completeness::Complete } else { Completeness::Incomplete };
            let package = self.id(&format!("Binary-{}", component.name));
            let comment = component.sentences_on_left_out();
            self.relate(&package, "dependsOn", &depends, Some(completeness), comment.as_deref());
        }
    }

    fn sources(&mut self, subject: &'a Subject<'a>) {
        for (source, component) in &subject.sources {
            let name = component.pin.and_then(|pin| pin.path.rsplit('/').next());
            let supplier =
                component.facts.maintainer.and_then(Agent::maintainer).map(|agent| self.agent(agent));
            let location = component.location.iter();
            let references: Vec<_> = location.map(|location| reference("sourceArtifact", location)).collect();
            let fields = json!({
                "name": name.map_or_else(|| dsc(source), str::to_owned),
                "summary": format!("source package {source}"),
                "software_primaryPurpose": "source",
                "verifiedUsing": component.pin.map(|pin| hash("sha256", &pin.sha256)).into_iter().collect::<Vec<_>>(),
                "externalRef": references,
                "originatedBy": supplier.iter().collect::<Vec<_>>(),
            });
            let id = self.element("software_File", &source_id(source), fields);
            if let Some(declared) = component.declared {
                self.license(&id, "hasDeclaredLicense", declared, None);
            }
            let made = subject.packages.iter().filter(|component| {
                component.pin.source == source.name && component.pin.source_version == source.version
            });
            let made: Vec<_> = made.map(|component| self.id(&format!("Binary-{}", component.name))).collect();
            self.relate(&id, "generates", &made, None, None);
        }
        for component in subject.packages.iter().filter(|component| !component.pin.built_using.is_empty()) {
            let sources = component.pin.built_using.iter();
            let sources: Vec<_> = sources.map(|source| self.id(&source_id(source))).collect();
            let package = self.id(&format!("Binary-{}", component.name));
            self.relate(&package, "hasStaticLink", &sources, None, None);
        }
    }

    /// The SBOM and the document, around all that was told.
    fn documents(mut self, subject: &Subject<'_>, image: &str) -> Vec<Value> {
        self.agents.clone().into_iter().for_each(|(agent, id)| self.agent_element(agent, &id));
        let data_license = self.expression("CC0-1.0");
        let ids = |elements: &[Value]| -> Vec<_> {
            elements.iter().filter_map(|element| element.get("spdxId").cloned()).collect()
        };
        let sbom = self.element(
            "software_Sbom",
            "Sbom",
            json!({
                "name": subject.title(),
                "software_sbomType": ["build"],
                "rootElement": [image],
                "element": ids(&self.elements),
            }),
        );
        self.element(
            "SpdxDocument",
            "Document",
            json!({
                "name": subject.title(),
                "dataLicense": data_license,
                "profileConformance": ["core", "software", "simpleLicensing"],
                "rootElement": [sbom],
                "element": ids(&self.elements),
            }),
        );
        self.elements
    }

    /// The file that a package came in.
    fn distribution(&mut self, package: &str, local: &str, artifact: &Artifact) {
        let of_512 = artifact.sha512.as_ref().map(|digest| hash("sha512", digest));
        let hashes: Vec<_> = of_512.into_iter().chain([hash("sha256", &artifact.sha256)]).collect();
        let location = artifact.location.iter();
        let references: Vec<_> = location.map(|location| reference("binaryArtifact", location)).collect();
        let id = self.element(
            "software_File",
            local,
            json!({
                "name": artifact.name,
                "software_primaryPurpose": "archive",
                "software_additionalPurpose": ["archive", "container"],
                "verifiedUsing": hashes,
                "externalRef": references,
            }),
        );
        self.relate(package, "hasDistributionArtifact", &[id], None, None);
    }

    fn licenses(&mut self, of: &str, licensing: Option<&Licensing>) {
        if let Some(Licensing { concluded, declared, comment, .. }) = licensing {
            self.license(of, "hasConcludedLicense", concluded, Some(comment).filter(|text| !text.is_empty()));
            self.license(of, "hasDeclaredLicense", declared, None);
        }
    }

    fn license(&mut self, of: &str, kind: &str, expression: &Expression, comment: Option<&String>) {
        let id = self.expression(expression.as_str());
        self.relate(of, kind, &[id], None, comment.map(String::as_str));
    }

    fn expression(&mut self, expression: &str) -> String {
        let local = format!("License-{}", Sha256::of(expression.as_bytes()).short());
        if !self.licenses.insert(expression.to_owned()) {
            return self.id(&local);
        }
        let words = expression.split(|c: char| c.is_whitespace() || "()+".contains(c));
        let custom: BTreeSet<_> = words.filter(|word| word.starts_with("LicenseRef-")).collect();
        let custom: Vec<_> = custom
            .into_iter()
            .map(|name| json!({ "type": "DictionaryEntry", "key": name, "value": self.id(&text_id(name)) }))
            .collect();
        let fields = json!({
            "simplelicensing_licenseExpression": expression,
            "simplelicensing_customIdToUri": custom,
        });
        self.element("simplelicensing_LicenseExpression", &local, fields)
    }

    /// Tells of a relationship, unless it leads nowhere.
    fn relate(
        &mut self,
        from: &str,
        kind: &str,
        to: &[String],
        completeness: Option<Completeness>,
        comment: Option<&str>,
    ) {
        if to.is_empty() {
            return;
        }
        let completeness = completeness.map(|completeness| match completeness {
            Completeness::Complete => "complete",
            Completeness::Incomplete => "incomplete",
        });
        let local = from.rsplit_once('#').map_or(from, |(_, local)| local).to_owned();
        let fields = json!({
            "from": from,
            "relationshipType": kind,
            "to": to,
            "completeness": completeness,
            "comment": comment,
        });
        self.element("Relationship", &format!("{kind}-{local}"), fields);
    }

    fn agent(&mut self, agent: Agent<'a>) -> String {
        let id = self.id(&format!("Agent-{}", Sha256::of(agent.spdx23().as_bytes()).short()));
        self.agents.entry(agent).or_insert(id).clone()
    }

    fn agent_element(&mut self, agent: Agent<'_>, id: &str) {
        let kind = match agent.kind {
            Kind::Organization => "Organization",
            Kind::Person => "Person",
        };
        let email = agent.email.map(|email| identifier("email", email));
        let page = agent.page.map(|page| identifier("other", page));
        let identifiers: Vec<_> = email.into_iter().chain(page).collect();
        let local = id.rsplit_once('#').map_or(id, |(_, local)| local).to_owned();
        self.element(kind, &local, json!({ "name": agent.name, "externalIdentifier": identifiers }));
    }

    /// Adds an element, without the fields that have no value.
    fn element(&mut self, kind: &str, local: &str, fields: Value) -> String {
        let id = self.id(local);
        let mut element = Map::new();
        element.insert("type".to_owned(), kind.into());
        element.insert("spdxId".to_owned(), id.clone().into());
        element.insert("creationInfo".to_owned(), CREATION.into());
        if let Value::Object(fields) = fields {
            let is_open = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            element.extend(fields.into_iter().filter(|(_, value)| !is_open(value)));
        }
        self.elements.push(element.into());
        id
    }

    fn id(&self, local: &str) -> String {
        format!("{}#{}", self.namespace, purl::encode(local))
    }
}

/// A file that a package is published as.
struct Artifact {
    name: String,
    sha256: Sha256,
    sha512: Option<Sha512>,
    location: Option<String>,
}

fn hash(algorithm: &str, value: &impl ToString) -> Value {
    json!({ "type": "Hash", "algorithm": algorithm, "hashValue": value.to_string() })
}

fn verification(content: &Content<'_>) -> Value {
    let code = content.verification_code().to_string();
    json!({ "type": "PackageVerificationCode", "algorithm": "sha1", "hashValue": code })
}

fn copyright(licensing: Option<&Licensing>) -> Option<&str> {
    licensing.map(|licensing| licensing.copyright.as_str()).filter(|text| !text.is_empty())
}

fn identifier(kind: &str, identifier: &str) -> Value {
    json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": identifier })
}

fn purl_identifier(package_url: &str) -> Value {
    identifier("packageUrl", package_url)
}

fn reference(kind: &str, locator: &str) -> Value {
    json!({ "type": "ExternalRef", "externalRefType": kind, "locator": [locator] })
}

fn file(path: &ImagePath, info: &FileInfo) -> Value {
    json!({
        "name": path.to_string(),
        "software_primaryPurpose": "file",
        "verifiedUsing": [hash("sha256", &info.sha256), hash("sha1", &info.sha1)],
    })
}

fn file_id(owner: &str, path: &ImagePath) -> String {
    format!("File-{}", Sha1::of(format!("{owner} {path}").as_bytes()))
}

fn text_id(license: &str) -> String {
    format!("Text-{license}")
}

fn source_id(source: &Source) -> String {
    format!("Source-{}-{}", source.name, source.version)
}

/// What [policy §5.6.1] calls the control file of a source package.
///
/// [policy §5.6.1]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
fn dsc(source: &Source) -> String {
    let version = source.version.as_str();
    let without_epoch = version.split_once(':').map_or(version, |(_, rest)| rest);
    format!("{}_{without_epoch}.dsc", source.name)
}
