//! A definition's configuration, its templates filled in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ImageLayer, ImageParts};
use crate::catalog::Organization;
use crate::catalog::template::{Scope, Template};
use crate::diagnostic::Diagnostic;
use crate::lock::LockedImage;

/// The configuration of an image with its layers.
pub fn parts(
    locked: LockedImage<'_>,
    created: Timestamp,
    layers: Vec<ImageLayer>,
) -> Result<ImageParts<'_>, Diagnostic> {
    let unset = BTreeMap::new();
    let scope = locked.scope(&unset);
    let config = &locked.image.config;
    let mut environment = BTreeMap::new();
    for (name, value) in &config.environment {
        let value = value.render(&Scope { environment: &environment, ..scope.clone() })?;
        environment.insert(name.clone(), value);
    }
    let words = |words: &Option<Vec<Template>>| -> Result<Vec<String>, Diagnostic> {
        let scope = Scope { environment: &environment, ..scope.clone() };
        words.iter().flatten().map(|word| word.render(&scope)).collect()
    };
    let (entrypoint, command) = (words(&config.entrypoint)?, words(&config.command)?);
    let mut labels = BTreeMap::new();
    for (name, value) in &config.labels {
        labels.insert(name.clone(), value.render(&Scope { environment: &environment, ..scope.clone() })?);
    }
    let user = config.user.as_ref().filter(|user| user.uid != 0);
    let home = || user.map_or_else(|| "/".to_owned(), |user| user.home.to_string());
    Ok(ImageParts {
        platform: locked.platform(),
        created,
        user: user.map_or(0, |user| user.uid).to_string(),
        working_directory: config.working_directory.as_ref().map_or_else(home, ToString::to_string),
        labels,
        exposed_ports: config.exposed_ports.iter().cloned().collect(),
        volumes: config.volumes.iter().map(ToString::to_string).collect(),
        stop_signal: config.stop_signal.clone(),
        environment,
        entrypoint,
        command,
        author: author(&locked.catalog.organization),
        annotations: annotations(locked, Some(created)),
        layers,
    })
}

/// [Annotations] of a manifest, or, without a time, of the index over all manifests.
///
/// [Annotations]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
#[must_use]
pub fn annotations(locked: LockedImage<'_>, created: Option<Timestamp>) -> BTreeMap<String, String> {
    let LockedImage { image, catalog, .. } = locked;
    let organization = &catalog.organization;
    let annotations = [
        ("authors", Some(author(organization))),
        ("created", created.map(|time| time.to_string())),
        ("description", Some(image.description.clone())),
        ("source", Some(organization.source.to_string())),
        ("title", Some(image.name.repository())),
        ("url", Some(organization.url.to_string())),
        ("vendor", Some(organization.name.clone())),
        ("version", Some(locked.release().version.clone())),
    ];
    let named = annotations.into_iter().filter_map(|(name, value)| Some((name, value?)));
    named.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value)).collect()
}

fn author(organization: &Organization) -> String {
    format!("{} <{}>", organization.name, organization.email)
}
