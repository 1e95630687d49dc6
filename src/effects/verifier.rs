//! Published images, read as whoever verifies them sees them: documents, and what is attached to each.
//!
//! | module | what it holds |
//! |---|---|
//! | [`case`] | an image and all that is asked of it |
//! | [`foundation`] | what an image carries to be built from again |

pub mod case;
pub mod foundation;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};

use super::layout::{LayoutError, LayoutReader};
use crate::attest::cosign;
use crate::catalog::Platform;
use crate::digest::Sha256;
use crate::image::layout::sha256;
use crate::image::referrer::{Document, attachment_tag};
use crate::verification::attached::{Attached, Found};

/// A manifest or an index of a layout.
#[derive(Debug)]
pub struct Witness {
    /// `cc-debian13:debug-amd64`.
    pub name: String,
    pub descriptor: Descriptor,
    pub digest: Sha256,
    pub bytes: Vec<u8>,
    pub attached: Attached,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    /// Its images, each of one platform.
    Index(Vec<Witness>),
    /// The configuration.
    Image(Vec<u8>),
}

/// What a layout has by a name, with all that is attached to it; `shown` is the name by which people know it.
///
/// # Errors
/// [`LayoutError::NoImage`] where it has nothing by that name.
pub fn witness(layout: &LayoutReader, name: &str, shown: &str) -> Result<Witness, LayoutError> {
    let missing = || LayoutError::NoImage { root: layout.root().to_owned(), name: name.to_owned() };
    let descriptor = layout.layout().get(name).ok_or_else(missing)?;
    let repository = name.split_once(':').map_or(name, |(repository, _)| repository);
    Reader { layout, repository }.witness(shown.to_owned(), descriptor)
}

struct Reader<'a> {
    layout: &'a LayoutReader,
    repository: &'a str,
}

impl Reader<'_> {
    fn witness(&self, name: String, descriptor: &Descriptor) -> Result<Witness, LayoutError> {
        let digest = sha256(descriptor)?;
        let bytes = self.layout.read(digest)?;
        let index: Option<ImageIndex> = serde_json::from_slice(&bytes).ok();
        let content = match index {
            Some(index) => {
                let images = index.manifests().iter();
                let images = images.map(|image| self.witness(self.name_of(&name, image)?, image));
                Content::Index(images.collect::<Result<_, _>>()?)
            }
            None => {
                let manifest: ImageManifest = serde_json::from_slice(&bytes).map_err(OciSpecError::from)?;
                Content::Image(self.layout.read(sha256(manifest.config())?)?)
            }
        };
        let attached = self.attached(digest)?;
        Ok(Witness { name, descriptor: descriptor.clone(), digest, bytes, attached, content })
    }

    /// The name that the layout has for an image of an index, or one that says what platform it is for.
    fn name_of(&self, index: &str, image: &Descriptor) -> Result<String, LayoutError> {
        let digest = sha256(image)?;
        let mut named = self.layout.manifests();
        let found = named.find(|(name, other)| {
            name.starts_with(index) && sha256(other).is_ok_and(|other| other == digest)
        });
        Ok(match (found, image.platform()) {
            (Some((name, _)), _) => name.to_owned(),
            (None, Some(platform)) => format!("{index} ({})", Platform::from(platform)),
            (None, None) => format!("{index} ({})", digest.short()),
        })
    }

    fn attached(&self, image: Sha256) -> Result<Attached, LayoutError> {
        let mut artifacts = Vec::new();
        for referrer in self.layout.layout().referrers(image) {
            let manifest = self.layout.read(sha256(referrer)?)?;
            let parsed: ImageManifest = serde_json::from_slice(&manifest).map_err(OciSpecError::from)?;
            let artifact_type =
                parsed.artifact_type().as_ref().unwrap_or_else(|| parsed.config().media_type());
            let documents = cosign::documents(&manifest, |digest| self.layout.read(digest))?;
            artifacts.push(Found { artifact_type: artifact_type.to_string(), documents });
        }
        let (signatures, attestations) = (self.tagged(image, "sig")?, self.tagged(image, "att")?);
        Ok(Attached { artifacts, signatures, attestations })
    }

    /// What is attached by a tag.
    fn tagged(&self, image: Sha256, extension: &str) -> Result<Vec<Document>, LayoutError> {
        let tag = format!("{}:{}", self.repository, attachment_tag(image, extension));
        let Some(descriptor) = self.layout.layout().get(&tag) else { return Ok(Vec::new()) };
        cosign::documents(&self.layout.read(sha256(descriptor)?)?, |digest| self.layout.read(digest))
    }
}
