//! An image that is built: its layers, whose they are, and its documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::AssembledImage;
use crate::catalog::name::TarballName;
use crate::debian::PackageName;
use crate::digest::Sha256;
use crate::layer::package::LayerRecord;
use crate::license::{Licensing, Verdict};
use crate::tree::ImagePath;

/// What a layer holds and, so, who owns its files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Package(PackageName),
    Tarball(TarballName),
    Step(&'static str),
}

/// A layer of an image, and whose it is.
#[derive(Debug)]
pub struct OwnedLayer {
    pub owner: Owner,
    pub record: Arc<LayerRecord>,
    /// As the image's history tells it.
    pub created_by: String,
    /// Those of its files that another layer has in their place.
    pub replaced: BTreeSet<ImagePath>,
}

/// An image with all that is known of it.
#[derive(Debug)]
pub struct BuiltImage {
    pub assembled: AssembledImage,
    pub created: Timestamp,
    /// The lowest first.
    pub layers: Vec<OwnedLayer>,
    /// The copyright file of each package, wherever in the image it is.
    pub copyright: BTreeMap<PackageName, Sha256>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "{name}"),
            Self::Tarball(name) => write!(f, "tarball {name}"),
            Self::Step(name) => write!(f, "step {name}"),
        }
    }
}

/// What the parts of an image may be used under.
#[derive(Debug, Default)]
pub struct Verdicts {
    pub packages: BTreeMap<PackageName, Arc<Verdict>>,
    pub tarballs: BTreeMap<TarballName, Licensing>,
}
