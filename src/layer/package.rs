//! A binary package → the tree of its layer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{LayerInfo, RECIPE};
use crate::catalog;
use crate::debian::deb::{self, Deb, DebError};
use crate::debian::{MaintainerScript, PackageName};
use crate::digest::{Sha1, Sha256, Sha512};
use crate::generate::java_alternatives::Jinfo;
use crate::generate::ldconfig::Library;
use crate::lock::Pin;
use crate::tree::{Dropped, Entry, Filter, Filtered, ImagePath, InvalidPath, Listing, MergeError, Tree};

/// What decides the tree of a package's layer, besides the package and the filters.
const PACKAGE_RECIPE: &str = "package 1: usr-merged, filtered, dpkg status.d";

/// Where scanners look for the packages of an image without dpkg's own database.
const STATUS: &str = "/var/lib/dpkg/status.d";

/// How much larger than twice its Installed-Size a package may be, in bytes: the figure is rounded up
/// for each file, and padding of the tar archive does not count in it.
const ALLOWANCE: u64 = 64 << 20;

/// A layer, and all that builds ask of it without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRecord {
    pub layer: LayerInfo,
    pub listing: Listing,
    /// The control paragraph of the package; empty for a layer that is not of one.
    pub control: String,
    /// The maintainer scripts of the package that are not harmless.
    pub scripts: Vec<MaintainerScript>,
    pub libraries: Vec<Library>,
    /// The lists of Java's programs among its files.
    pub jinfo: Vec<Jinfo>,
    pub provenance: Option<Provenance>,
    /// Of all its files, as SPDX has it.
    pub verification_code: Sha1,
}

/// What a layer has from the file that it is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Of the file.
    pub sha512: Sha512,
    /// What filters took of it.
    pub dropped: Vec<Dropped>,
}

/// The tree of a layer, and what is kept of the package that it is made from.
#[derive(Debug, Default)]
pub struct Converted {
    pub tree: Tree,
    /// The control paragraph.
    pub control: String,
    pub scripts: Vec<MaintainerScript>,
    /// None for what is generated.
    pub provenance: Option<Provenance>,
}

impl From<Tree> for Converted {
    fn from(tree: Tree) -> Self {
        Self { tree, ..Self::default() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error(transparent)]
    Deb(#[from] DebError),
    #[error("its files cannot be moved below /usr")]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Path(#[from] InvalidPath),
}

/// The identity of the layer that [`convert`] makes: of all that decides its bytes.
#[must_use]
pub fn key(name: &PackageName, pin: &Pin, filters: &[catalog::Filter]) -> Sha256 {
    let mut text = format!("{RECIPE}\n{PACKAGE_RECIPE}\n{name}\n{}\n", pin.sha256);
    for filter in filters.iter().filter(|filter| filter.concerns(name)) {
        text += &format!("filter {:?} {:?}\n", filter.drop, filter.keep);
    }
    Sha256::of(text.as_bytes())
}

/// A package's files as they lie in an image, nothing left out.
pub fn unpack(pin: &Pin, deb: &Bytes) -> Result<Deb, PackageError> {
    let limit = pin.installed.saturating_mul(2 << 10).saturating_add(ALLOWANCE);
    let Deb { control, tree } = deb::read(deb, limit)?;
    Ok(Deb { control, tree: tree.merge_usr()? })
}

/// The tree of a package's layer: what the filters leave, and the package's entry in `status.d`.
pub fn convert(
    name: &PackageName,
    pin: &Pin,
    deb: &Bytes,
    filters: &[catalog::Filter],
) -> Result<Converted, PackageError> {
    let Deb { control, tree } = unpack(pin, deb)?;
    let mtime = tree.newest();
    let filters = filters.iter().filter(|filter| filter.concerns(name)).map(|filter| &filter.filter);
    let Filtered { mut tree, dropped } = Filter::apply_all(filters, tree);
    let status = ImagePath::parse(STATUS)?;
    tree.insert(status.join(name.as_str())?, Entry::file(control.control().to_owned(), mtime));
    if let Some(md5sums) = control.md5sums()? {
        let path = status.join(&format!("{name}.md5sums"))?;
        tree.insert(path, Entry::file(md5sums.to_owned(), mtime));
    }
    let scripts = MaintainerScript::of(&control);
    let provenance = Some(Provenance { sha512: Sha512::of(deb), dropped });
    Ok(Converted { tree, control: control.control().to_owned(), scripts, provenance })
}
