//! What is in a store: of what sort each blob is, as records and its first bytes tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rayon::prelude::*;

use super::archive::release;
use super::store::{Entry, EntryName, RecordKind, Store, StoreError};
use super::{layers, suites, tracker};
use crate::digest::Sha256;
use crate::layer::package::LayerRecord;

/// The kinds of records that this program reads.
const KINDS: [RecordKind; 5] =
    [layers::RECORD, suites::PACKAGES, suites::SOURCES, tracker::RECORD, release::KIND];

/// What an entry is to people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Package,
    Layer,
    LicenseText,
    Index,
    SignedFile,
    /// Upstream tarballs and their checksums, indexes that were not read yet.
    Other,
    Record(String),
    /// A record that an older version of this program kept, and that none reads any more.
    OldRecord(String),
    /// A record of a layer that is gone, or that cannot be read.
    IdleRecord(String),
}

/// What a layer's record leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLayer {
    pub layer: Sha256,
    pub license_texts: BTreeSet<Sha256>,
}

/// All that a store has.
#[derive(Debug)]
pub struct Inventory {
    pub entries: Vec<(Entry, Sort)>,
    /// By the keys of their records.
    layers: BTreeMap<Sha256, RecordedLayer>,
}

impl Inventory {
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let entries = store.entries()?;
        let mut keys: BTreeMap<&str, BTreeSet<Sha256>> = BTreeMap::new();
        for (kind, key) in entries.iter().filter_map(|entry| key(&entry.name)) {
            keys.entry(kind).or_default().insert(key);
        }
        let of_kind = |kind: RecordKind| keys.get(kind.name()).into_iter().flatten().copied();
        let layers = of_kind(layers::RECORD)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|key| Ok(recorded_layer(store, key)?.map(|layer| (key, layer))))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let layers: BTreeMap<_, _> = layers.into_iter().flatten().collect();
        let is_layer: BTreeSet<_> = layers.values().map(|recorded| recorded.layer).collect();
        let is_text: BTreeSet<_> = layers.values().flat_map(|recorded| &recorded.license_texts).collect();
        let is_index: BTreeSet<_> = of_kind(suites::PACKAGES).chain(of_kind(suites::SOURCES)).collect();
        let blobs: BTreeSet<_> = entries.iter().filter_map(|entry| blob(&entry.name)).collect();
        let sort = |name: &EntryName| match name {
            EntryName::Blob(digest) if is_layer.contains(digest) => Sort::Layer,
            EntryName::Blob(digest) if is_text.contains(digest) => Sort::LicenseText,
            EntryName::Blob(digest) if is_index.contains(digest) => Sort::Index,
            EntryName::Blob(digest) => by_beginning(&store.beginning(*digest, 34)),
            EntryName::Record { kind, .. } if is_old(kind) => Sort::OldRecord(kind.clone()),
            EntryName::Record { kind, key } if kind == layers::RECORD.name() => {
                match layers.get(key).is_some_and(|recorded| blobs.contains(&recorded.layer)) {
                    true => Sort::Record(kind.clone()),
                    false => Sort::IdleRecord(kind.clone()),
                }
            }
            EntryName::Record { kind, .. } => Sort::Record(kind.clone()),
        };
        let sorts: Vec<_> = entries.par_iter().map(|entry| sort(&entry.name)).collect();
        Ok(Self { entries: entries.into_iter().zip(sorts).collect(), layers })
    }

    /// What a set of blobs keeps: itself, the license texts of the layers in it, and the records that lead to it.
    #[must_use]
    pub fn kept_by(&self, blobs: &BTreeSet<Sha256>) -> BTreeSet<EntryName> {
        let layers = self.layers.iter().filter(|(_, recorded)| blobs.contains(&recorded.layer));
        let mut kept: BTreeSet<_> = blobs.iter().copied().map(EntryName::Blob).collect();
        for (key, recorded) in layers {
            kept.insert(EntryName::Record { kind: layers::RECORD.name().to_owned(), key: *key });
            kept.extend(recorded.license_texts.iter().copied().map(EntryName::Blob));
        }
        let of_indexes = blobs.iter().flat_map(|index| {
            [suites::PACKAGES, suites::SOURCES]
                .map(|kind| EntryName::Record { kind: kind.name().to_owned(), key: *index })
        });
        kept.extend(of_indexes);
        kept
    }
}

fn key(name: &EntryName) -> Option<(&str, Sha256)> {
    match name {
        EntryName::Record { kind, key } => Some((kind, *key)),
        EntryName::Blob(_) => None,
    }
}

fn blob(name: &EntryName) -> Option<Sha256> {
    match name {
        EntryName::Blob(digest) => Some(*digest),
        EntryName::Record { .. } => None,
    }
}

/// What the record of a layer leads to; `None` where it cannot be read.
fn recorded_layer(store: &Store, key: Sha256) -> Result<Option<RecordedLayer>, StoreError> {
    let record = store.look_at_record(layers::RECORD, key)?;
    let record: Option<LayerRecord> = record.and_then(|record| serde_json::from_slice(&record).ok());
    Ok(record.map(|record| RecordedLayer {
        layer: record.layer.digest,
        license_texts: record.listing.license_texts().map(|(_, file)| file.sha256).collect(),
    }))
}

fn by_beginning(bytes: &[u8]) -> Sort {
    if bytes.starts_with(b"!<arch>\n") {
        Sort::Package
    } else if bytes.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") {
        Sort::SignedFile
    } else {
        Sort::Other
    }
}

/// Whether there is a newer kind for the same purpose: `layer-3`, where records are of the kind `layer-4`.
fn is_old(kind: &str) -> bool {
    let split = |kind: &'_ str| {
        let (purpose, version) = kind.rsplit_once('-')?;
        Some((purpose.to_owned(), version.parse::<u32>().ok()?))
    };
    let Some((purpose, version)) = split(kind) else { return false };
    KINDS.iter().filter_map(|kind| split(kind.name())).any(|(of, newest)| of == purpose && version < newest)
}

impl Sort {
    /// Whether nobody can use it any more.
    #[must_use]
    pub fn is_garbage(&self) -> bool {
        matches!(self, Self::OldRecord(_) | Self::IdleRecord(_))
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package => f.write_str("packages"),
            Self::Layer => f.write_str("layers"),
            Self::LicenseText => f.write_str("licence texts"),
            Self::Index => f.write_str("indexes"),
            Self::SignedFile => f.write_str("signed files"),
            Self::Other => f.write_str("other files"),
            Self::Record(kind) => write!(f, "records {kind}"),
            Self::OldRecord(kind) => write!(f, "records {kind}, of an older version"),
            Self::IdleRecord(kind) => write!(f, "records {kind}, without a layer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_with_a_newer_one_are_old() {
        let old = ["layer-1", "layer-3", "packages-zstd-3"];
        let not = ["layer-4", "layer-5", "layer", "other-1", "packages-3", "tracker-1"];
        assert!(old.into_iter().all(is_old) && !not.into_iter().any(is_old));
    }
}
