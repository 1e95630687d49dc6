//! Images in a registry, with the SBOMs that refer to them there.

use std::error::Error;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};

use super::{Blobs, Held, inventory};
use crate::audit::Inventory;
use crate::audit::subject::Subject;
use crate::catalog::Platform;
use crate::cause::in_one_line;
use crate::digest::Sha256;
use crate::effects::registry::{Registry, RegistryError, RegistryErrorKind};
use crate::effects::store::{Access, Expected, Store};
use crate::image::descriptor;
use crate::image::layout::sha256;
use crate::image::reference::{Pointer, Reference, Repository};
use crate::image::referrer::is_of_type;
use crate::sbom::Format;

/// Bytes that a blob may have.
const BLOB_LIMIT: u64 = 4 << 30;

/// A repository of a registry, and the store that keeps what came from there.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    pub registry: &'a Registry,
    pub repository: &'a Repository,
    pub store: &'a Store,
}

/// An SBOM that refers to an image.
struct Attached {
    place: String,
    sbom: Inventory,
    /// How many more of its format do.
    others: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("could not understand `{reference}`: {source}")]
    Document { reference: Box<Reference>, source: RegistryErrorKind },
    #[error("could not understand `{reference}`")]
    Format { reference: Box<Reference>, source: OciSpecError },
}

impl Published<'_> {
    /// The images that something points to, one for each platform, with their manifests.
    ///
    /// # Errors
    /// Where the registry does not tell which images these are. An SBOM that it does not have is no error, but told
    /// in the subject.
    pub fn subjects(&self, at: &Pointer) -> Result<Vec<(Subject, Descriptor)>, PublishedError> {
        let reference = || Box::new(Reference { repository: self.repository.clone(), at: at.clone() });
        let document = self.registry.manifest(&self.repository.path, at)?;
        let manifests = if document.media_type == MediaType::ImageIndex {
            let index: ImageIndex = document
                .parse()
                .map_err(|source| PublishedError::Document { reference: reference(), source })?;
            index.manifests().iter().filter(|manifest| is_image(manifest)).cloned().collect()
        } else {
            let size = document.bytes.len() as u64;
            let manifest = descriptor(MediaType::ImageManifest, document.digest, size)
                .map_err(|source| PublishedError::Format { reference: reference(), source })?;
            vec![manifest]
        };
        Ok(manifests.into_iter().map(|manifest| (self.subject(at, &manifest), manifest)).collect())
    }

    fn subject(&self, at: &Pointer, manifest: &Descriptor) -> Subject {
        let digest = sha256(manifest).map_err(|error| in_one_line(&error));
        let (sbom_file, sbom, other_sboms) = match digest.and_then(|digest| self.sbom(digest)) {
            Ok(Attached { place, sbom, others }) => (place, Ok(sbom), others),
            Err(why) => (format!("{}@{}", self.repository, manifest.digest()), Err(why), 0),
        };
        let architecture = match (&sbom, manifest.platform()) {
            (Ok(sbom), _) => sbom.architecture.to_string(),
            (Err(_), Some(platform)) => Platform::from(platform).to_string(),
            (Err(_), None) => "unknown".to_owned(),
        };
        let name = self.name(at, &architecture);
        Subject { other_sboms, ..Subject::new(name, architecture, sbom_file, sbom) }
    }

    /// `cc-debian13:debug`, also of the tag of one architecture: `cc-debian13:debug-amd64`.
    fn name(&self, at: &Pointer, architecture: &str) -> String {
        let path = self.repository.path.as_str();
        let repository = path.rsplit('/').next().unwrap_or(path);
        match at {
            Pointer::Digest(digest) => format!("{repository}@{}", digest.oci()),
            Pointer::Tag(tag) => {
                let tag = tag.as_str();
                let of_all = tag.strip_suffix(architecture).and_then(|rest| rest.strip_suffix('-'));
                format!("{repository}:{}", of_all.unwrap_or(tag))
            }
        }
    }

    /// The SBOM that refers to a manifest. Of several, the first that can be understood.
    fn sbom(&self, manifest: Sha256) -> Result<Attached, String> {
        let wrong = |error: &dyn Error| format!("has no SBOM that can be read: {}", in_one_line(error));
        let path = &self.repository.path;
        let referrers = self.registry.referrers(path, manifest).map_err(|error| wrong(&error))?;
        let mut found = Err("has no SBOM of SPDX 2.3 that refers to it".to_owned());
        let is_sbom = |referrer: &&Descriptor| is_of_type(referrer, Format::Spdx23.media_type());
        let sboms: Vec<_> = referrers.descriptors().iter().filter(is_sbom).collect();
        for referrer in &sboms {
            let at = Pointer::Digest(sha256(referrer).map_err(|error| wrong(&error))?);
            let artifact = self.registry.manifest(path, &at).map_err(|error| wrong(&error))?;
            let artifact: ImageManifest = artifact.parse().map_err(|error| wrong(&error))?;
            for document in artifact.layers() {
                let text = self.read(document)?.bytes;
                match inventory(&String::from_utf8_lossy(&text)) {
                    Ok(sbom) => {
                        let place = format!("{}@{}", self.repository, document.digest());
                        return Ok(Attached { place, sbom, others: sboms.len() - 1 });
                    }
                    Err(why) => found = Err(why),
                }
            }
        }
        found
    }

    fn fetch(&self, blob: &Descriptor, digest: Sha256) -> Result<Held, String> {
        let fetched = self.registry.blob(&self.repository.path, blob).map_err(|error| in_one_line(&error))?;
        if self.store.access() == Access::ReadWrite {
            let expected = Expected { digest: Some(digest), size: Some(blob.size()) };
            self.store.insert(&*fetched, expected).map_err(|error| in_one_line(&error))?;
        }
        Ok(Held { bytes: fetched.into(), digest })
    }
}

/// What the registry gives has the digest that it was asked for; blobs are kept in the store.
impl Blobs for Published<'_> {
    fn read(&self, blob: &Descriptor) -> Result<Held, String> {
        let digest = sha256(blob).map_err(|error| in_one_line(&error))?;
        if *blob.media_type() == MediaType::ImageManifest {
            let at = Pointer::Digest(digest);
            let document = self.registry.manifest(&self.repository.path, &at);
            return document
                .map(|document| Held { bytes: document.bytes, digest })
                .map_err(|error| in_one_line(&error));
        }
        if blob.size() > BLOB_LIMIT {
            return Err(format!("it has {} bytes, and {BLOB_LIMIT} are allowed", blob.size()));
        }
        match self.store.read(digest).map_err(|error| in_one_line(&error))? {
            Some(bytes) => Ok(Held { bytes, digest }),
            None => self.fetch(blob, digest),
        }
    }

    fn place(&self, digest: Sha256) -> String {
        format!("{}@{}", self.repository, digest.oci())
    }
}

/// Whether it is an image; what `docker buildx` attests of one is of no platform.
fn is_image(manifest: &Descriptor) -> bool {
    let unknown = manifest.platform().as_ref().is_some_and(|platform| platform.os().to_string() == "unknown");
    *manifest.media_type() == MediaType::ImageManifest && !unknown
}
