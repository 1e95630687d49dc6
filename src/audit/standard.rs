//! What images are held against: a policy, a day, and what is known of vulnerabilities on it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::inventory::Inventory;
use super::policy::Policy;
use crate::advisory::{Tracker, codename};
use crate::catalog::Statement;

#[derive(Debug)]
pub struct Standard<'a> {
    pub policy: &'a Policy,
    pub today: Date,
    pub scope: Scope,
    /// `None` where vulnerabilities are not looked for.
    pub knowledge: Option<Knowledge<'a>>,
}

/// How much of a catalog an audit sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A waiver of which nothing is found is of no use any more.
    Whole,
    Part,
}

/// What is known of vulnerabilities.
#[derive(Debug)]
pub struct Knowledge<'a> {
    pub tracker: Tracker,
    /// When the tracker said so.
    pub date: Timestamp,
    /// Where its data were read: what evidence names.
    pub place: String,
    pub codenames: Codenames,
    /// What the organization says of its own images. It counts before the tracker.
    pub statements: &'a [Statement],
}

/// Codenames of Debian's releases by their versions, those of the catalog before those that are known anyway.
#[derive(Debug, Default)]
pub struct Codenames(pub BTreeMap<String, String>);

impl Codenames {
    /// The codename of the release that an image is of; `None` where it is not Debian, or of no release that is known.
    #[must_use]
    pub fn of(&self, inventory: &Inventory) -> Option<&str> {
        let version = inventory.system.version.as_deref()?;
        let known = || self.0.get(version).map(String::as_str).or_else(|| codename(version));
        (inventory.system.name == "debian").then(known).flatten()
    }
}
