//! An image of a registry, copied with all that is attached to it into a layout of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};
use tempfile::TempDir;

use super::files::FileError;
use super::layout::{LayoutDirectory, LayoutError, LayoutReader};
use super::progress::Progress;
use super::registry::{Document, Registry, RegistryError, RegistryErrorKind};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::layout::{Layout, sha256};
use crate::image::reference::{Pointer, Reference, RepositoryPath};
use crate::image::referrer::{Referrer, attachment_tag};

/// Requests that are under way at a time.
const THREADS: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("`{reference}` has a document that cannot be understood")]
    Document { reference: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("there are no threads to fetch by: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Copies images out of a registry.
pub struct Pull<'a> {
    pub registry: &'a Registry<'a>,
    pub reference: &'a Reference,
    pub progress: &'a dyn Progress,
}

/// An image of a registry in a layout of its own, which goes with this.
#[derive(Debug)]
pub struct Pulled {
    pub layout: LayoutReader,
    /// `cc-debian13:debug`.
    pub name: String,
    _directory: TempDir,
}

/// What is on its way into a layout.
struct Cargo<'p> {
    pull: &'p Pull<'p>,
    directory: LayoutDirectory,
    layout: Layout,
    /// The layers, configurations and documents that are yet to be fetched.
    blobs: BTreeMap<Sha256, Descriptor>,
    seen: BTreeSet<Sha256>,
}

impl Pull<'_> {
    /// The name that the image gets in a layout: `cc-debian13:debug`.
    fn name(&self) -> String {
        let Reference { repository, at } = self.reference;
        let last = repository.path.as_str().rsplit('/').next().unwrap_or_default();
        match at {
            Pointer::Tag(tag) => format!("{last}:{tag}"),
            Pointer::Digest(digest) => format!("{last}:{}", digest.short()),
        }
    }

    /// Copies the image into a temporary layout.
    pub fn run(&self) -> Result<Pulled, PullError> {
        let directory = tempfile::tempdir().map_err(|cause| {
            LayoutError::from(FileError::new("make a temporary directory in", &std::env::temp_dir(), cause))
        })?;
        self.copy_into(directory.path())?;
        let layout = LayoutReader::open(directory.path())?;
        Ok(Pulled { layout, name: self.name(), _directory: directory })
    }

    fn copy_into(&self, directory: &Path) -> Result<(), PullError> {
        let directory = LayoutDirectory::open(directory)?;
        let mut cargo = Cargo {
            pull: self,
            directory,
            layout: Layout::default(),
            blobs: BTreeMap::new(),
            seen: BTreeSet::new(),
        };
        let top = self.registry.manifest(self.path(), &self.reference.at)?;
        let described = cargo.add_image(&top)?;
        cargo.layout.set(self.name(), described);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
        pool.install(|| cargo.fetch())?;
        let Cargo { directory, layout, .. } = cargo;
        Ok(directory.finish_documents(layout)?)
    }

    fn path(&self) -> &RepositoryPath {
        &self.reference.repository.path
    }

    fn unreadable(&self, error: impl std::error::Error + Send + Sync + 'static) -> PullError {
        PullError::Document { reference: self.reference.to_string(), source: Box::new(error) }
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, document: &Document) -> Result<T, PullError> {
        document.parse().map_err(|error| self.unreadable(error))
    }
}

impl Cargo<'_> {
    /// Takes a manifest or an index, what it leads to and what is attached to it.
    fn add_image(&mut self, document: &Document) -> Result<Descriptor, PullError> {
        let pull = self.pull;
        let described = self.add(document)?;
        if !self.seen.insert(document.digest) {
            return Ok(described);
        }
        let is_index = serde_json::from_slice::<serde_json::Value>(&document.bytes)
            .is_ok_and(|value| value["manifests"].is_array());
        if is_index {
            let index: ImageIndex = pull.parse(document)?;
            for manifest in index.manifests() {
                let digest = sha256(manifest).map_err(|error| pull.unreadable(error))?;
                let manifest = pull.registry.manifest(pull.path(), &Pointer::Digest(digest))?;
                self.add_image(&manifest)?;
            }
        } else {
            self.add_blobs(document)?;
        }
        self.add_attached(document.digest)?;
        Ok(described)
    }

    fn add_attached(&mut self, image: Sha256) -> Result<(), PullError> {
        let pull = self.pull;
        for referrer in pull.registry.referrers(pull.path(), image)?.descriptors() {
            if *referrer.media_type() != MediaType::ImageManifest {
                continue;
            }
            let digest = sha256(referrer).map_err(|error| pull.unreadable(error))?;
            let document = pull.registry.manifest(pull.path(), &Pointer::Digest(digest))?;
            self.add(&document)?;
            self.add_blobs(&document)?;
            let manifest = Blob::of(document.bytes.to_vec());
            self.layout.attach(&Referrer {
                subject: image,
                manifest,
                descriptor: referrer.clone(),
                blobs: Vec::new(),
            });
        }
        let name = pull.name();
        let repository = name.split_once(':').map_or(&*name, |(repository, _)| repository);
        for extension in ["sig", "att"] {
            let tag = attachment_tag(image, extension);
            let at = Pointer::Tag(tag.parse().map_err(|error| pull.unreadable(error))?);
            let document = match pull.registry.manifest(pull.path(), &at) {
                Ok(document) => document,
                Err(RegistryError { kind: RegistryErrorKind::NotFound, .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let described = self.add(&document)?;
            self.add_blobs(&document)?;
            self.layout.set(format!("{repository}:{tag}"), described);
        }
        Ok(())
    }

    fn add(&mut self, document: &Document) -> Result<Descriptor, PullError> {
        let blob = Blob::of(document.bytes.to_vec());
        self.directory.add(&blob);
        blob.descriptor(document.media_type.clone()).map_err(|error| self.pull.unreadable(error))
    }

    /// Notes what a manifest leads to.
    fn add_blobs(&mut self, document: &Document) -> Result<(), PullError> {
        let manifest: ImageManifest = self.pull.parse(document)?;
        for blob in manifest.layers().iter().chain([manifest.config()]) {
            let digest = sha256(blob).map_err(|error: OciSpecError| self.pull.unreadable(error))?;
            self.blobs.insert(digest, blob.clone());
        }
        Ok(())
    }

    fn fetch(&self) -> Result<(), PullError> {
        let Pull { registry, progress, .. } = self.pull;
        self.blobs.iter().par_bridge().try_for_each(|(digest, blob)| {
            let mut task = progress.begin(&digest.short(), Some(blob.size()));
            self.directory.receive(*digest, |file| {
                registry.copy_blob(self.pull.path(), blob, file)?;
                task.advance(blob.size());
                Ok(())
            })
        })
    }
}
