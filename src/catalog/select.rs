//! Which images a person means by `cc`, `cc-debian13` or `cc-debian13:debug`.

use std::collections::{BTreeMap, BTreeSet};

use super::name::{ImageName, ReleaseName};
use super::{Catalog, Image};
use crate::debian::Architecture;
use crate::diagnostic::nearest;

/// What is asked for on the command line.
#[derive(Debug, Default)]
pub struct Selection<'a> {
    /// Images by name; all where it is empty.
    pub images: &'a [String],
    pub release: Option<&'a str>,
    /// Architectures by Debian's names; all where it is empty.
    pub architectures: &'a [Architecture],
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownImage {
    #[error("the catalog has no {what} `{name}`")]
    NoSuch { what: &'static str, name: String, hint: String },
    #[error("`{image}` does not exist for {architecture}")]
    NotFor { image: String, architecture: String, hint: String },
}

impl UnknownImage {
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::NoSuch { hint, .. } | Self::NotFor { hint, .. } => hint,
        }
    }
}

impl Catalog {
    /// The images that are asked for, each with the architectures that are.
    pub fn select(
        &self,
        selection: &Selection<'_>,
    ) -> Result<Vec<(&Image, Vec<Architecture>)>, UnknownImage> {
        if let Some(release) = selection.release
            && !self.releases.contains_key(release)
        {
            return Err(no_such("release", release, self.releases.keys().map(ReleaseName::as_str)));
        }
        for architecture in selection.architectures {
            if !self.platforms.contains_key(architecture) {
                let names = self.platforms.keys().map(Architecture::as_str);
                return Err(no_such("architecture", architecture.as_str(), names));
            }
        }
        let mut wanted = BTreeSet::new();
        for text in selection.images {
            let found = self.images().filter(|image| image.name.is_meant_by(text)).map(|image| &image.name);
            let before = wanted.len();
            wanted.extend(found);
            if wanted.len() == before && !self.images().any(|image| image.name.is_meant_by(text)) {
                return Err(self.no_such_image(text));
            }
        }
        let mut selected = Vec::new();
        for image in self.images() {
            let of_release = selection.release.is_none_or(|release| image.name.release.as_str() == release);
            if !of_release || !(selection.images.is_empty() || wanted.contains(&image.name)) {
                continue;
            }
            let asked = |architecture: &&Architecture| {
                selection.architectures.is_empty() || selection.architectures.contains(architecture)
            };
            let architectures: Vec<_> = image.architectures.iter().filter(asked).cloned().collect();
            if !architectures.is_empty() {
                selected.push((image, architectures));
            } else if !selection.images.is_empty() {
                let names = |list: &[Architecture]| {
                    list.iter().map(Architecture::as_str).collect::<Vec<_>>().join(", ")
                };
                return Err(UnknownImage::NotFor {
                    image: image.name.to_string(),
                    architecture: names(selection.architectures),
                    hint: format!("it exists for {}", names(&image.architectures)),
                });
            }
        }
        Ok(selected)
    }

    /// Images by the shortest names that mean them and no others: `cc-debian13` for all its tags.
    #[must_use]
    pub fn short_names(&self, images: &[&Image]) -> Vec<String> {
        let mut by_repository: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Image { name, .. } in images {
            by_repository.entry(name.repository()).or_default().push(name.to_string());
        }
        let short = |(repository, names): (String, Vec<String>)| {
            let tags = self.images().filter(|image| image.name.repository() == repository).count();
            if names.len() == tags { vec![repository] } else { names }
        };
        by_repository.into_iter().flat_map(short).collect()
    }

    fn no_such_image(&self, text: &str) -> UnknownImage {
        let spellings: BTreeSet<String> = self
            .images()
            .flat_map(|Image { name, .. }| {
                [
                    name.family.to_string(),
                    name.repository(),
                    name.to_string(),
                    format!("{}:{}", name.family, name.tag),
                ]
            })
            .collect();
        let families: BTreeSet<_> = self.images().map(|image| image.name.family.as_str()).collect();
        let hint = match nearest(text, spellings.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", families.into_iter().collect::<Vec<_>>().join(", ")),
        };
        UnknownImage::NoSuch { what: "image", name: text.to_owned(), hint }
    }
}

fn no_such<'a>(
    what: &'static str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> UnknownImage {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    UnknownImage::NoSuch { what, name: name.to_owned(), hint }
}

impl ImageName {
    /// Whether a name means this image: it may leave out the tag, or the release, or both.
    #[must_use]
    pub fn is_meant_by(&self, text: &str) -> bool {
        let (repository, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        tag.is_none_or(|tag| tag == self.tag.as_str())
            && (repository == self.family.as_str() || repository == self.repository())
    }
}
