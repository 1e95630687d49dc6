//! Objects in a repository of an OCI registry.
//!
//! | object | tag | manifest |
//! |---|---|---|
//! | a blob | `blob-sha256-abcd…` | its layer is the blob, which is read by its digest, without the manifest |
//! | a record | `record-<kind>-abcd…` | its layer is the record; a small one is in the manifest too, as [`data`] |
//!
//! A registry collects blobs that no manifest names, and many collect manifests that no tag names. Each object has its
//! own of both, rather than a list of all: no machine changes what others rely on, whichever of them write at a time,
//! and a registry's rules of retention let go of one object by itself. Both follow from the object alone, so that
//! machines that add the same one write the same.
//!
//! [`data`]: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#embedded-content

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use oci_spec::OciSpecError;
use oci_spec::image::{ImageManifest, MediaType};

use super::{Name, Place, Unread};
use crate::digest::Sha256;
use crate::effects::http::HttpErrorKind;
use crate::effects::progress::Silent;
use crate::effects::registry::{Content, LocalBlob, Registry, RegistryError, RegistryErrorKind};
use crate::image::reference::{Pointer, RepositoryPath, Tag};
use crate::image::{Blob, descriptor, referrer};

/// A record up to so many bytes is in its manifest, so that reading it takes one request.
const SMALL: usize = 64 << 10;

/// A repository that is all for one remote store.
pub(super) struct Repository {
    registry: Registry,
    path: RepositoryPath,
    /// Whether it has what all manifests have in place of a configuration.
    has_empty: Mutex<bool>,
}

impl Repository {
    pub fn new(registry: Registry, path: RepositoryPath) -> Self {
        Self { registry, path, has_empty: Mutex::default() }
    }

    fn blob(&self, digest: Sha256, at_most: u64) -> Result<Vec<u8>, RegistryErrorKind> {
        self.registry.unverified_blob(&self.path, digest, at_most).map_err(|error| error.kind)
    }

    fn record(&self, tag: Tag, at_most: u64) -> Result<Vec<u8>, RegistryErrorKind> {
        let unfit = |why: &str| RegistryErrorKind::Answer(why.to_owned());
        let document = self.registry.manifest(&self.path, &Pointer::Tag(tag)).map_err(|error| error.kind)?;
        let manifest: ImageManifest = document.parse()?;
        let [layer] = &manifest.layers()[..] else {
            return Err(unfit("it is not the manifest of a record"));
        };
        match layer.data() {
            Some(data) => {
                STANDARD.decode(data).map_err(|_| unfit("what its manifest holds is not in base64"))
            }
            None => {
                let digest =
                    crate::image::layout::sha256(layer).map_err(|error| unfit(&error.to_string()))?;
                self.blob(digest, at_most)
            }
        }
    }

    fn add(&self, name: Name, bytes: &Bytes) -> Result<(), RegistryError> {
        let digest = match name {
            Name::Blob(digest) => digest,
            Name::Record(..) => Sha256::of(bytes),
        };
        let manifest = manifest(name, digest, bytes).expect("the parts of a manifest are plain data");
        self.place(digest, bytes.clone())?;
        self.place_empty()?;
        let tag = Pointer::Tag(tag(name));
        self.registry.put(&self.path, &tag, &MediaType::ImageManifest, &manifest.bytes.into()).map(drop)
    }

    fn place(&self, digest: Sha256, bytes: Bytes) -> Result<(), RegistryError> {
        if !self.registry.has_blob(&self.path, digest)? {
            let blob = LocalBlob { digest, size: bytes.len() as u64, content: Content::Memory(bytes) };
            self.registry.place(&self.path, &blob, None, Box::new(Silent))?;
        }
        Ok(())
    }

    fn place_empty(&self) -> Result<(), RegistryError> {
        let mut has_empty = self.has_empty.lock().unwrap_or_else(PoisonError::into_inner);
        if !*has_empty {
            let Blob { digest, bytes } = referrer::empty();
            self.place(digest, bytes.into())?;
            *has_empty = true;
        }
        Ok(())
    }
}

impl Place for Repository {
    fn is_local(&self) -> bool {
        false
    }

    fn get(&self, name: Name, at_most: u64) -> Result<Option<Bytes>, Unread> {
        let got = match name {
            Name::Blob(digest) => self.blob(digest, at_most),
            Name::Record(..) => self.record(tag(name), at_most),
        };
        match got {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(RegistryErrorKind::NotFound | RegistryErrorKind::Http(HttpErrorKind::TooLarge { .. })) => {
                Ok(None)
            }
            Err(kind @ (RegistryErrorKind::Altered { .. } | RegistryErrorKind::Answer(_))) => {
                Err(Unread::Unfit(kind.to_string()))
            }
            Err(kind) => Err(Unread::OutOfReach(kind.to_string())),
        }
    }

    fn put(&self, name: Name, bytes: Bytes) -> Result<(), String> {
        self.add(name, &bytes).map_err(|error| error.kind.to_string())
    }
}

/// No tag of the [referrers] of a manifest, which would be `sha256-abcd…`.
///
/// [referrers]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
fn tag(name: Name) -> Tag {
    let tag = match name {
        Name::Blob(digest) => format!("blob-sha256-{digest}"),
        Name::Record(kind, key) => format!("record-{}-{key}", kind.name()),
    };
    tag.parse().expect("a digest and the name of a kind are of the letters of a tag")
}

/// What keeps an object: the same bytes, whoever adds it and when.
fn manifest(name: Name, digest: Sha256, bytes: &[u8]) -> Result<Blob, OciSpecError> {
    let (artifact_type, media_type) = match name {
        Name::Blob(_) => ("application/vnd.distro.store-blob", "application/octet-stream"),
        Name::Record(..) => (super::STATEMENT, super::STATEMENT),
    };
    let mut layer = descriptor(media_type.into(), digest, bytes.len() as u64)?;
    if matches!(name, Name::Record(..)) && bytes.len() <= SMALL {
        layer.set_data(Some(STANDARD.encode(bytes)));
    }
    Blob::canonical(&referrer::manifest(artifact_type.into(), vec![layer])?.build()?)
}
