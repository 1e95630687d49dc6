//! CycloneDX 1.6 as JSON: <https://cyclonedx.org/docs/1.6/json/>.
//!
//! Its license expressions name the texts of licenses that SPDX does not list, and have no place for them: these
//! stand in the SPDX documents.

use serde_json::{Map, Value, json};

use super::agent::Agent;
use super::{Component, Content, Files, Generated, Subject, TOOL, UpstreamComponent, purl};
use crate::digest::{Sha256, Sha512};
use crate::license::Expression;

/// The document as indented JSON with a final newline: the same bytes for the same subject.
/// Its serial number is of all else that it says.
#[must_use]
pub(super) fn cyclonedx16(subject: &Subject<'_>, files: Files) -> String {
    let mut document = bom(subject, files);
    let serial = serial_number(Sha256::of(document.to_string().as_bytes()));
    document["serialNumber"] = serial.into();
    format!("{document:#}\n")
}

/// A UUID of version 8, [RFC 9562 §5.8], from a digest.
///
/// [RFC 9562 §5.8]: https://www.rfc-editor.org/rfc/rfc9562#section-5.8
fn serial_number(content: Sha256) -> String {
    let digits = content.to_string();
    format!(
        "urn:uuid:{}-{}-8{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}

fn bom(subject: &Subject<'_>, files: Files) -> Value {
    let organization = &subject.organization;
    let publisher = json!({ "name": organization.name, "contact": [{ "email": organization.email }] });
    let (tool, version) = TOOL;
    let (sha256, sha512) = subject.manifest;
    let package_url = purl::oci(subject);
    let image = open_left_out(json!({
        "type": "container",
        "bom-ref": package_url,
        "name": subject.image.repository(),
        "version": sha256.oci(),
        "purl": package_url,
        "supplier": publisher,
        "hashes": hashes(sha256, Some(sha512)),
        "licenses": licenses(subject.concluded().as_ref().map(Expression::as_str), "concluded"),
    }));
    let packages = subject.packages.iter().map(|component| binary(component, subject, files));
    let tarballs = subject.tarballs.iter().map(|component| upstream(component, files));
    let generated = subject.generated.iter().map(|generated| generated_layer(generated, &publisher, files));
    let system = json!({
        "type": "operating-system",
        "bom-ref": "operating-system",
        "name": "debian",
        "version": subject.release.version,
    });
    let components: Vec<_> = [system].into_iter().chain(packages).chain(tarballs).chain(generated).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": subject.created.to_string(),
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{ "type": "application", "name": tool, "version": version }] },
            "authors": [{ "name": organization.name, "email": organization.email }],
            "supplier": publisher,
            "component": image,
        },
        "components": components,
        "dependencies": dependencies(subject, &components, &package_url),
        "compositions": compositions(subject, &package_url),
    })
}

fn binary(component: &Component<'_>, subject: &Subject<'_>, files: Files) -> Value {
    let Component { name, pin, facts, content, licensing, .. } = component;
    let supplier = facts.maintainer.and_then(Agent::maintainer).map(|agent| {
        let contact: Vec<_> = agent.email.into_iter().map(|email| json!({ "email": email })).collect();
        json!({ "name": agent.name, "contact": contact })
    });
    let built_from = pin.built_from();
    let source = subject.sources.get(&built_from);
    let hash_of_source = source.and_then(|source| source.pin).map(|pin| hashes(pin.sha256, None));
    let location_of_source = source.and_then(|source| source.location.as_ref());
    let of_source = location_of_source.map(|url| {
        open_left_out(json!({ "type": "source-distribution", "url": url, "hashes": hash_of_source }))
    });
    let of_binary = component.location.as_ref().map(|url| json!({ "type": "distribution", "url": url }));
    let of_project = facts.homepage.map(|url| json!({ "type": "website", "url": url }));
    let built_using = pin.built_using.iter().map(|source| property("built-using", &source.to_string()));
    let properties = [property("source", &built_from.to_string())].into_iter().chain(built_using);
    let references: Vec<_> = [of_source, of_binary, of_project].into_iter().flatten().collect();
    let package_url = purl::deb(component, &subject.release.version);
    let concluded = licensing.map(|licensing| licensing.concluded.as_str());
    open_left_out(json!({
        "type": "library",
        "bom-ref": package_url,
        "name": name.as_str(),
        "version": pin.version.as_str(),
        "purl": package_url,
        "description": facts.synopsis,
        "supplier": supplier,
        "hashes": hashes(pin.sha256, content.sha512()),
        "licenses": licenses(concluded, "concluded"),
        "copyright": licensing.map(|licensing| &licensing.copyright).filter(|text| !text.is_empty()),
        "externalReferences": references,
        "properties": properties.chain(filters(content)).collect::<Vec<_>>(),
        "components": listed(content, &package_url, files),
    }))
}

fn upstream(component: &UpstreamComponent<'_>, files: Files) -> Value {
    let UpstreamComponent { definition, file, content, licensing, .. } = component;
    let package_url = purl::generic(component);
    open_left_out(json!({
        "type": "application",
        "bom-ref": package_url,
        "name": definition.software,
        "version": definition.version,
        "purl": package_url,
        "supplier": open_left_out(json!({
            "name": definition.supplier,
            "url": definition.homepage.iter().collect::<Vec<_>>(),
        })),
        "hashes": hashes(file.sha256, content.sha512()),
        "licenses": licenses(licensing.map(|licensing| licensing.declared.as_str()), "declared"),
        "copyright": licensing.map(|licensing| &licensing.copyright).filter(|text| !text.is_empty()),
        "externalReferences": [{ "type": "distribution", "url": file.url.to_string() }],
        "properties": filters(content).collect::<Vec<_>>(),
        "components": listed(content, &package_url, files),
    }))
}

fn generated_layer(generated: &Generated<'_>, publisher: &Value, files: Files) -> Value {
    let layer = generated.content.record.layer;
    let reference = format!("{} {}", generated.name(), generated.nth + 1);
    open_left_out(json!({
        "type": "data",
        "bom-ref": reference,
        "name": generated.name(),
        "version": layer.diff_id.oci(),
        "description": format!("generated by {} in its step `{}`", TOOL.0, generated.step),
        "supplier": publisher,
        "hashes": hashes(layer.diff_id, None),
        "components": listed(&generated.content, &reference, files),
    }))
}

fn listed(content: &Content<'_>, owner: &str, files: Files) -> Vec<Value> {
    if files == Files::Unlisted {
        return Vec::new();
    }
    let file = |(path, info): (&crate::tree::ImagePath, &crate::tree::FileInfo)| {
        json!({
            "type": "file",
            "bom-ref": format!("{owner}#{path}"),
            "name": path.to_string(),
            "hashes": [hash("SHA-1", &info.sha1), hash("SHA-256", &info.sha256)],
        })
    };
    content.files().map(file).collect()
}

/// Of the image on all that it holds, and of packages on packages.
fn dependencies(subject: &Subject<'_>, components: &[Value], image: &str) -> Vec<Value> {
    let reference = |component: &Component<'_>| purl::deb(component, &subject.release.version);
    let held: Vec<_> = components.iter().map(|component| &component["bom-ref"]).collect();
    let of_image = json!({ "ref": image, "dependsOn": held });
    let of_packages = subject.packages.iter().map(|component| {
        let depends = component.depends.iter();
        let depends = depends.filter_map(|name| subject.packages.iter().find(|other| other.name == *name));
        open_left_out(
            json!({ "ref": reference(component), "dependsOn": depends.map(reference).collect::<Vec<_>>() }),
        )
    });
    [of_image].into_iter().chain(of_packages).collect()
}

/// Whose dependencies are all there, and whose are not, on purpose.
fn compositions(subject: &Subject<'_>, image: &str) -> Vec<Value> {
    let reference = |component: &Component<'_>| purl::deb(component, &subject.release.version);
    let (complete, incomplete): (Vec<_>, Vec<_>) =
        subject.packages.iter().partition(|component| component.left_out.is_empty());
    let composition = |aggregate: &str, of: Vec<&Component<'_>>| {
        let of: Vec<_> = of.into_iter().map(reference).collect();
        (!of.is_empty()).then(|| json!({ "aggregate": aggregate, "dependencies": of }))
    };
    let of_image = json!({ "aggregate": "complete", "assemblies": [image] });
    let of_packages = [composition("complete", complete), composition("incomplete", incomplete)];
    [of_image].into_iter().chain(of_packages.into_iter().flatten()).collect()
}

fn filters(content: &Content<'_>) -> impl Iterator<Item = Value> {
    content.filtered.iter().map(|filtered| property("filter", &filtered.sentence()))
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": format!("{}:{name}", TOOL.0), "value": value })
}

fn licenses(expression: Option<&str>, acknowledgement: &str) -> Vec<Value> {
    let choice = |expression| json!({ "expression": expression, "acknowledgement": acknowledgement });
    expression.map(choice).into_iter().collect()
}

fn hashes(of_256: Sha256, of_512: Option<Sha512>) -> Vec<Value> {
    let of_512 = of_512.map(|digest| hash("SHA-512", &digest));
    [hash("SHA-256", &of_256)].into_iter().chain(of_512).collect()
}

fn hash(algorithm: &str, content: &impl ToString) -> Value {
    json!({ "alg": algorithm, "content": content.to_string() })
}

/// Without the fields that have no value.
fn open_left_out(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        let is_open = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        *fields =
            std::mem::take(fields).into_iter().filter(|(_, value)| !is_open(value)).collect::<Map<_, _>>();
    }
    object
}
