//! What is asked of the resolver, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::debian::{PackageName, Relation, Version};

/// Whether what packages recommend is installed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Recommends {
    #[default]
    Ignored,
    /// Where it can be.
    Taken,
}

/// What an image wants.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Relations that have to hold. One that is restricted to other architectures is void.
    pub requests: Vec<Relation>,
    pub recommends: Recommends,
    /// Names that no dependency brings in.
    ///
    /// A dependency counts as left out where what apt would install first for it has one of these names,
    /// its own or that of the alternative: with `debconf` named, `debconf (>= 0.5) | debconf-2.0` brings
    /// in nothing at all, rather than the next best that provides `debconf-2.0`. So a name left out never
    /// adds a package. A dependency that what is selected anyway satisfies is kept. A package that
    /// the requests cannot do without is not left out.
    pub left_out: BTreeSet<PackageName>,
}

/// The packages of an image: each is requested, or needed by another through [`Selected::depends`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolution {
    pub packages: BTreeMap<PackageName, Selected>,
    /// Names of [`Request::left_out`] that no dependency met, so that a definition need not have them.
    pub unused: BTreeSet<PackageName>,
}

/// Why a package is in an image, and what it goes without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    pub version: Version,
    /// Whether a request is satisfied by it, rather than only a dependency.
    pub requested: bool,
    /// The packages that satisfy its Pre-Depends and Depends, one for each, and those that satisfy its
    /// Recommends where these are taken.
    pub depends: BTreeSet<PackageName>,
    /// In the order of its fields.
    pub left_out: Vec<LeftOut>,
}

/// A dependency that does not hold in the image, because a definition named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub relation: Relation,
    /// The name by which it was left out.
    pub name: PackageName,
}
