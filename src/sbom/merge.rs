//! One document for many images: each package once, each image with what it contains.

use std::collections::{BTreeMap, BTreeSet};

use super::spdx23::{DOCUMENT, Document, Relationship};
use super::{Files, Subject};
use crate::digest::Sha256;

/// The SPDX 2.3 document of several images, in the namespace of their organisation.
///
/// What two images say in the same words of the same package is one package. The id of each ends in a digest
/// of what is said of it.
///
/// Returns nothing where there is no image.
#[must_use]
pub fn merged(subjects: &[Subject<'_>], files: Files) -> Option<String> {
    let organization = subjects.first()?.organization;
    let namespace = format!("{}/catalog", organization.sbom_namespace.as_str().trim_end_matches('/'));
    let mut documents = subjects.iter().map(|subject| Document::new(subject, files));
    let mut whole = documents.next()?;
    let mut parts = Parts::default();
    parts.take(&mut whole);
    for mut document in documents {
        whole.creation_info.created = whole.creation_info.created.max(document.creation_info.created.clone());
        parts.take(&mut document);
    }
    whole.name = format!("images of {}", organization.name);
    whole.packages = parts.packages.into_values().collect();
    whole.files = parts.files.into_values().collect();
    whole.has_extracted_licensing_infos = parts.licenses.into_values().collect();
    whole.relationships = parts.relationships.into_iter().collect();
    Some(whole.finish(&namespace))
}

/// By their identifiers.
#[derive(Default)]
struct Parts<'a> {
    packages: BTreeMap<String, super::spdx23::Package<'a>>,
    files: BTreeMap<String, super::spdx23::File>,
    licenses: BTreeMap<&'a str, super::spdx23::ExtractedLicense<'a>>,
    relationships: BTreeSet<Relationship>,
}

impl<'a> Parts<'a> {
    fn take(&mut self, document: &mut Document<'a>) {
        let mut names = BTreeMap::from([(DOCUMENT.to_owned(), DOCUMENT.to_owned())]);
        for mut package in std::mem::take(&mut document.packages) {
            let said = serde_json::to_vec(&package).expect("a package is plain data");
            let id = format!("{}-{}", package.id, Sha256::of(&said).short());
            names.insert(std::mem::replace(&mut package.id, id.clone()), id.clone());
            self.packages.entry(id).or_insert(package);
        }
        for file in std::mem::take(&mut document.files) {
            self.files.entry(file.id.clone()).or_insert(file);
        }
        for license in std::mem::take(&mut document.has_extracted_licensing_infos) {
            self.licenses.entry(license.license_id).or_insert(license);
        }
        let named = |id: String| names.get(&id).cloned().unwrap_or(id);
        let relationships = std::mem::take(&mut document.relationships).into_iter();
        self.relationships.extend(relationships.map(|relationship| Relationship {
            spdx_element_id: named(relationship.spdx_element_id),
            related_spdx_element: named(relationship.related_spdx_element),
            ..relationship
        }));
    }
}
