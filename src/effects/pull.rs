//! An image of a registry, copied into a layout of its own: whole with all that is attached to it, or as much of it as
//! is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};
use tempfile::TempDir;

use super::files::{self, FileError};
use super::layout::{LayoutDirectory, LayoutError, LayoutReader, blob_path};
use super::progress::{Progress, Task};
use super::registry::{Document, Registry, RegistryError, RegistryErrorKind};
use super::store::{Access, Expected, Store, StoreError};
use crate::digest::Sha256;
use crate::image::archive::Referrers;
use crate::image::choice::{NotForArchitecture, Wanted};
use crate::image::layout::{Layout, sha256};
use crate::image::reference::{Pointer, Reference, RepositoryPath};
use crate::image::referrer::{Referrer, attachment_tag, is_of_type, subject_of_tag};
use crate::image::{Blob, is_configuration, is_index, is_layer};

/// Requests that are under way at a time.
const THREADS: usize = 8;

/// How much is written at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// Bytes that a document may have which is read as a whole.
const DOCUMENT_LIMIT: u64 = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// There is no such image.
    #[error(transparent)]
    Absent(RegistryError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Architecture(#[from] NotForArchitecture),
    /// A signature, an SBOM or the like; `subject` is the image that it is attached to, as far as it says so.
    #[error("`{reference}` is no image: its {part} is of the type `{found}`")]
    NoImage { reference: String, part: &'static str, found: String, subject: Option<Sha256> },
    #[error("nothing of the type `{artifact_type}` is attached to `{reference}`{}", listed(has))]
    NotAttached { reference: String, artifact_type: String, has: BTreeSet<String> },
    #[error("`{reference}` has a document that cannot be understood")]
    Document { reference: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("there are no threads to fetch by: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

fn listed(has: &BTreeSet<String>) -> String {
    if has.is_empty() {
        return String::new();
    }
    let has: Vec<_> = has.iter().map(String::as_str).collect();
    format!(", but {}", has.join(", "))
}

/// Copies images out of a registry.
pub struct Pull<'a> {
    pub registry: &'a Registry,
    pub reference: &'a Reference,
    pub portion: Portion<'a>,
    pub at_hand: AtHand<'a>,
    pub progress: &'a dyn Progress,
}

/// What of an image is copied.
#[derive(Debug, Clone, Copy)]
pub struct Portion<'a> {
    /// The one architecture; `None` for the index with all of them.
    pub wanted: Option<&'a Wanted>,
    pub referrers: Referrers,
}

/// Where blobs may be, so that they need not be fetched. Their digests are checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct AtHand<'a> {
    /// Keeps what is fetched too, where it may be written to.
    pub store: Option<&'a Store>,
    /// The directories of layouts.
    pub layouts: &'a [&'a Path],
}

/// An image of a registry in a layout of its own, which goes with its directory.
#[derive(Debug)]
pub struct Pulled {
    pub layout: LayoutReader,
    /// `cc-debian13:debug`.
    pub name: String,
    pub directory: TempDir,
}

/// A document that is attached to an image.
#[derive(Debug)]
pub struct Attached {
    pub text: Vec<u8>,
    /// The artifact that it is of.
    pub artifact: Reference,
    /// How many artifacts of its type there are.
    pub among: usize,
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

/// Tells how much was written.
struct Told<W> {
    to: W,
    task: Box<dyn Task>,
}

impl<'a> Portion<'a> {
    /// All architectures, with all that is attached to them.
    pub const WHOLE: Self = Self { wanted: None, referrers: Referrers::Carried };

    /// The image of one architecture alone.
    #[must_use]
    pub fn of(wanted: &'a Wanted) -> Self {
        Self { wanted: Some(wanted), referrers: Referrers::LeftOut }
    }
}

impl AtHand<'_> {
    /// The files that may have a blob.
    fn files(&self, digest: Sha256) -> impl Iterator<Item = PathBuf> {
        let stored = self.store.filter(|store| store.has(digest)).map(|store| store.path(digest));
        stored.into_iter().chain(self.layouts.iter().map(move |root| blob_path(root, digest)))
    }

    /// The store, where it takes something.
    fn keeper(&self) -> Option<&Store> {
        self.store.filter(|store| store.access() == Access::ReadWrite)
    }
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
        Ok(Pulled { layout, name: self.name(), directory })
    }

    /// The document of a type that is attached to the image. Of several, the first that the registry lists.
    pub fn attached(&self, artifact_type: &str) -> Result<Attached, PullError> {
        let listed = self.registry.referrers(self.path(), self.image()?.0.digest)?;
        let of_type = listed.descriptors().iter().filter(|listed| is_of_type(listed, artifact_type));
        let of_type: Vec<_> = of_type.collect();
        let Some(found) = of_type.first() else {
            let has =
                listed.descriptors().iter().filter_map(|descriptor| descriptor.artifact_type().as_ref());
            return Err(PullError::NotAttached {
                reference: self.reference.to_string(),
                artifact_type: artifact_type.to_owned(),
                has: has.map(ToString::to_string).collect(),
            });
        };
        let artifact = self.manifest(found)?;
        let manifest: ImageManifest = self.parse(&artifact)?;
        let [document] = manifest.layers().as_slice() else {
            let why = format!("{} documents in one", manifest.layers().len());
            return Err(self.unreadable(io::Error::other(why)));
        };
        let at = Pointer::Digest(artifact.digest);
        let artifact = Reference { repository: self.reference.repository.clone(), at };
        Ok(Attached { text: self.read(document)?, artifact, among: of_type.len() })
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
        let (document, listed) = self.image()?;
        let described = cargo.add_image(&document)?;
        cargo.layout.set(self.name(), listed.unwrap_or(described));
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

    /// What is at the reference, or the manifest of the architecture that is wanted, as the index there lists it.
    fn image(&self) -> Result<(Document, Option<Descriptor>), PullError> {
        let top =
            self.registry.manifest(self.path(), &self.reference.at).map_err(|error| match error.kind {
                RegistryErrorKind::NotFound => PullError::Absent(error),
                _ => error.into(),
            })?;
        let shown = self.reference.to_string();
        let (manifest, listed) = match (self.portion.wanted, is_index(&top.media_type)) {
            (None, true) => return Ok((top, None)),
            (Some(wanted), true) => {
                let index: ImageIndex = self.parse(&top)?;
                let listed = wanted.of_index(&shown, &index)?;
                (self.manifest(listed)?, Some(listed.clone()))
            }
            (_, false) => (top, None),
        };
        let parsed: ImageManifest = self.parse(&manifest)?;
        self.refuse_attachment(&parsed)?;
        if let Some(wanted) = self.portion.wanted {
            let configuration: ImageConfiguration = serde_json::from_slice(&self.read(parsed.config())?)
                .map_err(|error| self.unreadable(error))?;
            wanted.check(&shown, &configuration)?;
        }
        Ok((manifest, listed))
    }

    /// Refuses what is attached to images. Of what cosign attaches by tags, the configuration is that of an image.
    fn refuse_attachment(&self, manifest: &ImageManifest) -> Result<(), PullError> {
        let config = manifest.config().media_type();
        let other_layer = match manifest.layers().iter().any(|layer| is_layer(layer.media_type())) {
            true => None,
            false => manifest.layers().first().map(|layer| ("first layer", layer.media_type())),
        };
        let other_config = (!is_configuration(config)).then_some(("configuration", config));
        let Some((part, found)) = other_config.or(other_layer) else { return Ok(()) };
        let reference = self.reference.to_string();
        let named = manifest.subject().as_ref().and_then(|subject| sha256(subject).ok());
        let subject = named.or_else(|| subject_of_tag(&reference));
        Err(PullError::NoImage { reference, part, found: found.to_string(), subject })
    }

    /// A configuration, or a document that is attached.
    fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, PullError> {
        let digest = sha256(blob).map_err(|error| self.unreadable(error))?;
        if blob.size() > DOCUMENT_LIMIT {
            let why = format!("{} bytes, where {DOCUMENT_LIMIT} are allowed", blob.size());
            return Err(self.unreadable(io::Error::other(why)));
        }
        let held = self.at_hand.files(digest).filter_map(|file| files::read(&file).ok());
        if let Some(bytes) = held.into_iter().find(|bytes| Sha256::of(bytes) == digest) {
            return Ok(bytes);
        }
        let bytes = self.registry.blob(self.path(), blob)?;
        if let Some(store) = self.at_hand.keeper() {
            store.insert(&*bytes, Expected { digest: Some(digest), size: Some(blob.size()) })?;
        }
        Ok(bytes)
    }

    /// The manifest that a descriptor names.
    fn manifest(&self, descriptor: &Descriptor) -> Result<Document, PullError> {
        let digest = sha256(descriptor).map_err(|error| self.unreadable(error))?;
        Ok(self.registry.manifest(self.path(), &Pointer::Digest(digest))?)
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
                self.add_image(&pull.manifest(manifest)?)?;
            }
        } else {
            self.add_blobs(document)?;
        }
        if pull.portion.referrers == Referrers::Carried {
            self.add_attached(document.digest)?;
        }
        Ok(described)
    }

    fn add_attached(&mut self, image: Sha256) -> Result<(), PullError> {
        let pull = self.pull;
        for referrer in pull.registry.referrers(pull.path(), image)?.descriptors() {
            if *referrer.media_type() != MediaType::ImageManifest {
                continue;
            }
            // A list that clients keep may have what the registry has let go since.
            let Some(document) = if_there(pull.manifest(referrer))? else { continue };
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
            let document = pull.registry.manifest(pull.path(), &at);
            let Some(document) = if_there(document.map_err(PullError::from))? else { continue };
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
        self.blobs.iter().par_bridge().try_for_each(|(digest, blob)| self.receive(*digest, blob))
    }

    /// Brings a blob into the layout, from where it is at hand or else from the registry.
    fn receive(&self, digest: Sha256, blob: &Descriptor) -> Result<(), PullError> {
        let Pull { registry, progress, at_hand, .. } = self.pull;
        for file in at_hand.files(digest) {
            if self.directory.receive_file(digest, &file)? {
                return Ok(());
            }
        }
        let task = progress.begin(&digest.short(), Some(blob.size()));
        let Some(store) = at_hand.keeper() else {
            return self.directory.receive(digest, |file| {
                Ok(registry.copy_blob(self.pull.path(), blob, &mut Told { to: file, task })?)
            });
        };
        let mut writer = Told { to: BufWriter::with_capacity(PIECE, store.blob_writer()?), task };
        registry.copy_blob(self.pull.path(), blob, &mut writer)?;
        let writer = writer.to.into_inner().map_err(|error| StoreError::Source(error.into_error()))?;
        writer.finish(Expected { digest: Some(digest), size: Some(blob.size()) })?;
        match self.directory.receive_file(digest, &store.path(digest))? {
            true => Ok(()),
            false => Err(LayoutError::Lost(digest).into()),
        }
    }
}

impl<W: Write> Write for Told<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.task.advance(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn if_there(document: Result<Document, PullError>) -> Result<Option<Document>, PullError> {
    match document {
        Err(PullError::Registry(RegistryError { kind: RegistryErrorKind::NotFound, .. })) => Ok(None),
        document => document.map(Some),
    }
}
