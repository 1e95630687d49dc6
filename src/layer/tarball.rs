//! An upstream tarball → the tree of its layer.

use bytes::Bytes;

use super::RECIPE;
use super::package::{Converted, Provenance};
use crate::catalog;
use crate::catalog::tarball::Tarball;
use crate::digest::{Sha256, Sha512};
use crate::tarball::{self, TarballError};
use crate::tree::{Filter, Filtered, Node};

/// What decides the tree of a tarball's layer, besides the tarball, its definition and the filters.
const TARBALL_RECIPE: &str = "tarball 1: root's, mode 0755, usr-merged, filtered";

/// The identity of the layer that [`convert`] makes: of all that decides its bytes.
#[must_use]
pub fn key(definition: &Tarball, sha256: Sha256, filters: &[catalog::Filter]) -> Sha256 {
    let Tarball { compression, placement, drop, only, .. } = definition;
    let mut text =
        format!("{RECIPE}\n{TARBALL_RECIPE}\n{sha256} {compression:?}\n{placement:?}\n{drop:?} {only:?}\n");
    for filter in filters.iter().filter(|filter| filter.packages.is_none()) {
        text += &format!("filter {:?} {:?}\n", filter.drop, filter.keep);
    }
    Sha256::of(text.as_bytes())
}

/// The tree of a tarball's layer: what its definition takes from it, and the filters that are for all packages
/// leave.
pub fn convert(
    definition: &Tarball,
    packed: &Bytes,
    filters: &[catalog::Filter],
) -> Result<Converted, TarballError> {
    let tree = tarball::unpack(packed, definition.compression, &definition.placement)?;
    let for_all = filters.iter().filter(|filter| filter.packages.is_none()).map(|filter| &filter.filter);
    let Filtered { tree, dropped } = Filter::apply_all(definition.filters.iter().chain(for_all), tree);
    if tree.iter().all(|(_, entry)| entry.node == Node::Directory) {
        return Err(TarballError::Empty);
    }
    let provenance = Some(Provenance { sha512: Sha512::of(packed), dropped });
    Ok(Converted { provenance, ..tree.into() })
}
