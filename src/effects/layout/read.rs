//! A layout that is read: images by their references, layers by their digests.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use serde::de::DeserializeOwned;

use super::LayoutError;
use crate::debian::compression::Compression;
use crate::digest::Sha256;
use crate::effects::files::{self, FileError};
use crate::image::choice::Wanted;
use crate::image::layout::{Layout, sha256};
use crate::image::{is_index, made_from};
use crate::layer;
use crate::tree::Tree;

/// A layout that nobody writes to as long as this is open.
#[derive(Debug)]
pub struct LayoutReader {
    pub(super) root: PathBuf,
    layout: Layout,
    /// The open `oci-layout`, which bears the lock that readers share; `None` where there is no layout.
    marker: Option<File>,
}

/// An image of one architecture, as the layout has it.
#[derive(Debug)]
pub struct StoredImage {
    pub configuration: ImageConfiguration,
    /// The lowest first.
    pub layers: Vec<Sha256>,
    /// What each layer was made from, as the history tells it.
    pub made_from: Vec<String>,
}

impl LayoutReader {
    /// Opens a layout; one that is not there holds nothing.
    pub fn open(root: &Path) -> Result<Self, LayoutError> {
        let marker = match File::open(root.join("oci-layout")) {
            Ok(marker) => {
                marker.lock_shared().map_err(|cause| FileError::new("read the layout", root, cause))?;
                Some(marker)
            }
            Err(_) => None,
        };
        let layout = super::read_index(root)?;
        Ok(Self { root: root.to_owned(), layout, marker })
    }

    /// The image of one architecture: `cc-debian13:debug-amd64`.
    ///
    /// # Errors
    /// [`LayoutError::NoImage`] where it was not built.
    pub fn image(&self, reference: &str) -> Result<StoredImage, LayoutError> {
        let missing = || LayoutError::NoImage { root: self.root.clone(), name: reference.to_owned() };
        let descriptor = self.layout.get(reference).ok_or_else(missing)?;
        if *descriptor.media_type() != MediaType::ImageManifest {
            return Err(missing());
        }
        let (manifest, configuration) = self.documents(descriptor)?;
        let made_from = made_from(&configuration);
        let layers = manifest.layers().iter().map(sha256).collect::<Result<_, _>>()?;
        Ok(StoredImage { configuration, layers, made_from })
    }

    /// The image that a name means; see [`Layout::choose`].
    pub fn choose(&self, name: Option<&str>) -> Result<(&str, &Descriptor), LayoutError> {
        let unchosen = |why| LayoutError::Unchosen { root: self.root.clone(), why };
        self.layout.choose(name).map_err(unchosen)
    }

    /// The manifest of an image for an architecture.
    pub fn manifest(
        &self,
        name: &str,
        image: &Descriptor,
        wanted: &Wanted,
    ) -> Result<Descriptor, LayoutError> {
        if is_index(image.media_type()) {
            let index: ImageIndex = self.document(sha256(image)?)?;
            return Ok(wanted.of_index(name, &index)?.clone());
        }
        let (_, configuration) = self.documents(image)?;
        wanted.check(name, &configuration)?;
        Ok(image.clone())
    }

    /// The manifest of an image of one architecture, and its configuration.
    pub fn documents(&self, image: &Descriptor) -> Result<(ImageManifest, ImageConfiguration), LayoutError> {
        let manifest: ImageManifest = self.document(sha256(image)?)?;
        let configuration = self.document(sha256(manifest.config())?)?;
        Ok((manifest, configuration))
    }

    /// The images of one architecture, by their references, and their manifests.
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &Descriptor)> {
        let named = self.layout.names().filter_map(|name| Some((name, self.layout.get(name)?)));
        named.filter(|(_, descriptor)| *descriptor.media_type() == MediaType::ImageManifest)
    }

    /// Whether there is a layout.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.marker.is_some()
    }

    /// Whether something has this name: `cc-debian13:debug`.
    #[must_use]
    pub fn has(&self, reference: &str) -> bool {
        self.layout.get(reference).is_some()
    }

    fn document<T: DeserializeOwned>(&self, digest: Sha256) -> Result<T, LayoutError> {
        let bytes = self.read(digest)?;
        Ok(serde_json::from_slice(&bytes).map_err(OciSpecError::from)?)
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the layout refers to.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    #[must_use]
    pub fn blob(&self, digest: Sha256) -> PathBuf {
        super::blob_path(&self.root, digest)
    }

    /// The bytes of a document.
    pub fn read(&self, digest: Sha256) -> Result<Vec<u8>, LayoutError> {
        super::read_blob(&self.root, digest)
    }

    /// The files of a layer.
    pub fn layer(&self, digest: Sha256) -> Result<Tree, LayoutError> {
        let packed = Bytes::from(files::read(&self.blob(digest))?);
        let damaged =
            |source: Box<dyn std::error::Error + Send + Sync>| LayoutError::Layer { digest, source };
        let tar = Compression::of(&packed)
            .unpack(&packed, layer::AT_MOST)
            .map_err(|error| damaged(error.into()))?;
        Tree::from_layer(&tar).map_err(|error| damaged(error.into()))
    }
}
