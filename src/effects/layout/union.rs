//! Several layouts made one.

use std::fs;

use super::{LayoutDirectory, LayoutError, LayoutReader, copy};
use crate::digest::Sha256;
use crate::effects::files::{self, FileError};
use crate::image::layout::Layout;
use crate::sbom::LAYOUT_FORMATS;

impl LayoutDirectory {
    /// Takes in all images of other layouts, with what refers to them and their SBOMs. An image that this one has
    /// under a name of theirs is replaced.
    ///
    /// # Errors
    /// [`LayoutError::Clash`] where two of them have different images of one name.
    pub fn take_in(mut self, others: &[LayoutReader]) -> Result<(), LayoutError> {
        let mut taken = Layout::default();
        for (at, other) in others.iter().enumerate() {
            if let Some(name) = taken.clash(other.layout()) {
                let has_it = |reader: &&LayoutReader| reader.has(&name);
                let first = others[..at].iter().find(has_it).unwrap_or(other).root.clone();
                return Err(LayoutError::Clash { name, first, second: other.root.clone() });
            }
            taken.extend(other.layout());
        }
        let mut layout = self.layout()?;
        for other in others {
            let reached = other.layout().clone().prune(|digest| other.read(digest))?;
            for digest in reached {
                let path = other.blob(digest);
                let size = fs::metadata(&path).map_err(|cause| FileError::new("read", &path, cause))?.len();
                self.add_stored(digest, size);
            }
            for name in other.layout().names() {
                for format in LAYOUT_FORMATS {
                    let path = other.root.join(super::SBOMS).join(format.file_name(name));
                    if let Some(text) = files::read_text_if_there(&path)? {
                        self.add_sbom(name, format, text);
                    }
                }
            }
        }
        layout.extend(&taken);
        let lost = self.write_from(|digest, path| first_whole(others, digest, path))?;
        match lost.first() {
            Some(digest) => Err(LayoutError::DamagedBlob(*digest)),
            None => self.settle(layout),
        }
    }
}

/// Copies a blob from the first layout that has it whole.
fn first_whole(others: &[LayoutReader], digest: Sha256, to: &std::path::Path) -> Result<bool, LayoutError> {
    for other in others {
        if copy(&other.blob(digest), digest, to)? {
            return Ok(true);
        }
    }
    Ok(false)
}
