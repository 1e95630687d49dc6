//! Layers: a tree as a gzip-compressed tar archive, [the layer format] of OCI images.
//!
//! The bytes are a function of the tree and of [`RECIPE`], on every machine and any number of threads.
//!
//! [the layer format]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md

mod gzip;
pub mod package;
mod tar;
pub mod tarball;

use std::io::{self, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::debian::compression::{Compression, UnpackError};
use crate::digest::{Hashing, Sha256};
use crate::tree::{TarError, Tree};

pub use tar::{END, file_header, padding};

/// What decides a layer's bytes besides its tree. Whoever keeps layers by their input has to keep
/// this with it: another recipe makes other bytes.
pub const RECIPE: &str = "layer 1: ustar+pax, gzip members of 4194304 bytes, libdeflater 1.26.1 level 6";

/// The most that a layer of an unknown maker may unpack to, in bytes.
pub const AT_MOST: u64 = 4 << 30;

/// A layer's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerInfo {
    /// Of the compressed layer, as a manifest names it.
    pub digest: Sha256,
    /// Of the compressed layer, in bytes.
    pub size: u64,
    /// The digest of the tar archive, as an image's configuration names it.
    pub diff_id: Sha256,
    /// Of the tar archive, in bytes.
    pub uncompressed_size: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error("it is not the layer that it is said to be")]
    Other,
}

/// Reads a layer that [`write()`] has written, and that has to be the one that is told.
pub fn read(told: &LayerInfo, packed: &Bytes) -> Result<Tree, LayerError> {
    let archive = Compression::Gzip.unpack(packed, told.uncompressed_size)?;
    if archive.len() as u64 != told.uncompressed_size || Sha256::of(&archive) != told.diff_id {
        return Err(LayerError::Other);
    }
    Ok(Tree::from_layer(&archive)?)
}

/// Writes a tree as a layer. Compression runs on the current rayon pool; for each of its threads
/// some 20 MiB are in memory besides the tree.
///
/// # Errors
/// Those of the sink.
pub fn write(tree: &Tree, sink: impl Write + Send) -> io::Result<LayerInfo> {
    let mut sink = Hashing::new(sink);
    let archive = gzip::write(tar::pieces(tree), &mut sink)?;
    let (mut inner, digest, size) = sink.finish();
    inner.flush()?;
    Ok(LayerInfo { digest, size, diff_id: archive.digest, uncompressed_size: archive.size })
}

#[cfg(test)]
mod tests;
