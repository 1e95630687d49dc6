//! Files of packages that the definition of an image gives capabilities.

use std::collections::BTreeMap;

use super::super::layers::Wanted;
use super::{BuildError, Builder, OwnedLayer, Owner, Target};
use crate::catalog::Privileged;
use crate::generate::capabilities;
use crate::tree::{Capabilities, ImagePath, Kind};

/// The step that puts files of packages in their own place, with capabilities.
pub(super) const STEP: &str = "capabilities";

impl Builder<'_> {
    /// A layer for each package of which files are given capabilities; `below` are those that they will lie on.
    pub(super) fn capable(
        &self,
        privileged: &[Privileged],
        target: Target<'_>,
        below: &[OwnedLayer],
    ) -> Result<Vec<OwnedLayer>, BuildError> {
        let mut files: BTreeMap<&str, BTreeMap<&ImagePath, Capabilities>> = BTreeMap::new();
        for Privileged { path, capabilities, .. } in privileged {
            let Some(capabilities) = capabilities else { continue };
            let has_file = |layer: &&OwnedLayer| {
                let listed = layer.record.listing.get(path);
                listed.is_some_and(|listed| matches!(listed.kind, Kind::File(_) | Kind::HardLink(_)))
            };
            let owner = below.iter().rev().find(has_file).map(|layer| &layer.owner);
            let Some(Owner::Package(package)) = owner else {
                return Err(BuildError::NotCapable { path: path.clone() });
            };
            files.entry(package.as_str()).or_default().insert(path, *capabilities);
        }
        let packages =
            target.packages().filter_map(|wanted| Some((wanted, files.get(wanted.name.as_str())?)));
        let layer = |(wanted, files): (Wanted<'_>, &BTreeMap<_, _>)| {
            let input = format!("{} {files:?}", capabilities::RECIPE);
            self.made_from(wanted, STEP, &input, |tree| Ok(capabilities::capable(tree, files)))
        };
        packages.map(layer).collect()
    }
}
