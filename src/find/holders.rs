//! Images in as few words as possible.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::catalog::name::{ImageName, TagName};
use crate::debian::Architecture;

/// The images that hold something, and on which architectures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders(BTreeMap<ImageName, BTreeSet<Architecture>>);

/// Tags of one repository that hold it on the same architectures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holding {
    /// `cc-debian13`
    pub repository: String,
    pub tags: Vec<TagName>,
    pub architectures: Vec<Architecture>,
}

impl Holders {
    pub fn add(&mut self, image: &ImageName, architecture: &Architecture) {
        self.0.entry(image.clone()).or_default().insert(architecture.clone());
    }

    /// Each image of each architecture.
    pub fn images(&self) -> impl Iterator<Item = (&ImageName, &Architecture)> {
        self.0.iter().flat_map(|(image, architectures)| architectures.iter().map(move |on| (image, on)))
    }

    /// By repository.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        let mut grouped: BTreeMap<(String, &BTreeSet<Architecture>), Vec<TagName>> = BTreeMap::new();
        for (image, architectures) in &self.0 {
            grouped.entry((image.repository(), architectures)).or_default().push(image.tag.clone());
        }
        let holding =
            |((repository, architectures), tags): ((String, &BTreeSet<Architecture>), Vec<TagName>)| {
                Holding { repository, tags, architectures: architectures.iter().cloned().collect() }
            };
        grouped.into_iter().map(holding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_on_the_same_architectures_stand_together() {
        let mut holders = Holders::default();
        for (tag, architecture) in
            [("latest", "amd64"), ("debug", "amd64"), ("debug", "arm64"), ("nonroot", "amd64")]
        {
            let image = ImageName {
                family: "cc".parse().unwrap(),
                release: "debian13".parse().unwrap(),
                tag: tag.parse().unwrap(),
            };
            holders.add(&image, &architecture.parse().unwrap());
        }
        let rows = holders.holdings();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.repository.as_str(), row.tags.len(), row.architectures.len()))
            .collect();
        assert_eq!(rows, [("cc-debian13", 2, 1), ("cc-debian13", 1, 2)]);
        assert_eq!(holders.images().count(), 4);
    }
}
