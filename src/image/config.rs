//! A definition's configuration, its templates filled in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ImageLayer, ImageParts};
use crate::catalog::diagnostic::Diagnostic;
use crate::catalog::template::{Scope, Template};
use crate::catalog::{Image, Organization, Platform};

/// What templates of an image can speak of, but for the environment, which grows as it is filled in.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub image: &'a Image,
    pub platform: &'a Platform,
    pub organization: &'a Organization,
    /// The version of the release: `13`.
    pub version: &'a str,
}

/// The configuration of an image with its layers.
pub fn parts<'a>(
    facts: &Facts<'a>,
    scope: &Scope<'_>,
    created: Timestamp,
    layers: Vec<ImageLayer>,
) -> Result<ImageParts<'a>, Diagnostic> {
    let config = &facts.image.config;
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
        platform: facts.platform,
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
        author: facts.author(),
        annotations: facts.annotations(Some(created)),
        layers,
    })
}

impl Facts<'_> {
    fn author(&self) -> String {
        format!("{} <{}>", self.organization.name, self.organization.email)
    }

    /// [Annotations] of a manifest, or, without a time, of the index over all manifests.
    ///
    /// [Annotations]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
    #[must_use]
    pub fn annotations(&self, created: Option<Timestamp>) -> BTreeMap<String, String> {
        let organization = self.organization;
        let annotations = [
            ("authors", Some(self.author())),
            ("created", created.map(|time| time.to_string())),
            ("description", Some(self.image.description.clone())),
            ("source", Some(organization.source.to_string())),
            ("title", Some(self.image.name.repository())),
            ("url", Some(organization.url.to_string())),
            ("vendor", Some(organization.name.clone())),
            ("version", Some(self.version.to_owned())),
        ];
        let named = annotations.into_iter().filter_map(|(name, value)| Some((name, value?)));
        named.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value)).collect()
    }
}
