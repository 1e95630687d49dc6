//! What a renewal changes of maintainer scripts that somebody has accounted for, so that they are read again.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::archive::ArchiveError;
use super::places::Places;
use crate::debian::deb::{self, DebError};
use crate::debian::{Architecture, MaintainerScript, PackageName, ScriptName};
use crate::lock::changes::{Changes, PackageChange, ScriptChange, ScriptNews};
use crate::lock::{Lock, Pin};

/// Compares the maintainer scripts of two locks of a release.
pub struct Scripts<'a> {
    pub old: &'a Lock,
    pub new: &'a Lock,
    /// Where the packages of both are.
    pub places: &'a Places<'a>,
}

/// Why the scripts of a package are not known.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    #[error("{0}")]
    Deb(#[from] DebError),
}

impl Scripts<'_> {
    /// The packages of which a script is another one, among those that somebody accounts for; each is read on the
    /// first architecture that has it before and after.
    #[must_use]
    pub fn changes(
        &self,
        changes: &Changes,
        accounted: impl Fn(&PackageName) -> bool + Sync,
    ) -> Vec<ScriptChange> {
        let concerned = changes.packages.par_iter().filter(|change| accounted(&change.name));
        concerned.filter_map(|change| self.of(change)).collect()
    }

    fn of(&self, change: &PackageChange) -> Option<ScriptChange> {
        let name = &change.name;
        let pins = |architecture| {
            Some((architecture, self.old.pin(name, architecture)?, self.new.pin(name, architecture)?))
        };
        let (architecture, old, new) = change.moves.iter().flat_map(|of| &of.architectures).find_map(pins)?;
        let read = |lock, pin| self.read(lock, pin, architecture);
        let news = match read(self.old, old).and_then(|old| Ok((old, read(self.new, new)?))) {
            Err(why) => ScriptNews::NotAtHand(why.to_string()),
            Ok((old, new)) => ScriptNews::Changed(different(&old, &new)),
        };
        (news != ScriptNews::Changed(BTreeSet::new())).then(|| ScriptChange { package: name.clone(), news })
    }

    fn read(
        &self,
        lock: &Lock,
        pin: &Pin,
        architecture: &Architecture,
    ) -> Result<Vec<MaintainerScript>, Unread> {
        let bytes = self.places.deb(lock, pin, architecture)?;
        Ok(MaintainerScript::of(&deb::control(&bytes)?))
    }
}

/// The scripts that are in one list and not in the other, or do something else.
fn different(old: &[MaintainerScript], new: &[MaintainerScript]) -> BTreeSet<ScriptName> {
    let by_name = |scripts: &'_ [MaintainerScript]| -> BTreeMap<_, _> {
        scripts.iter().map(|script| (script.name, (script.sha256, script.triggers.clone()))).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    old.keys().chain(new.keys()).filter(|name| old.get(name) != new.get(name)).copied().collect()
}
