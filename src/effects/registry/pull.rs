//! Reading, [pull] of the specification: nothing comes out that has not the digest asked for.
//!
//! [pull]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull

use std::io::{self, Read as _, Write};

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageIndex, MediaType};
use reqwest::header;
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::auth::Scope;
use super::{Registry, RegistryError, RegistryErrorKind, refused};
use crate::digest::{Hashing, Sha256};
use crate::effects::files::FileError;
use crate::effects::http::{Answer, Download, HttpError, HttpErrorKind, Request, Response, Terms};
use crate::image::layout::sha256;
use crate::image::reference::{Pointer, RepositoryPath, Tag};

/// The bytes that a manifest may have, as the specification has it.
const MANIFEST_LIMIT: u64 = 4 << 20;

/// What is asked for: documents of OCI, and those of docker, which mean the same.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A manifest or an index, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub media_type: MediaType,
    pub digest: Sha256,
    pub bytes: Bytes,
}

/// What refers to a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referrers {
    /// By the registry's own account.
    Listed(Vec<Descriptor>),
    /// As clients noted it under a tag, for a registry that does not list it.
    Noted(Vec<Descriptor>),
}

impl Referrers {
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        let (Self::Listed(descriptors) | Self::Noted(descriptors)) = self;
        descriptors
    }
}

impl Document {
    /// Reads the document.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, RegistryErrorKind> {
        Ok(serde_json::from_slice(&self.bytes)?)
    }
}

impl Registry {
    /// The digest that a tag points to, or that of a manifest; `None` where the registry does not have it.
    pub fn resolve(&self, path: &RepositoryPath, at: &Pointer) -> Result<Option<Sha256>, RegistryError> {
        let resolve = || {
            let answer = self.ask_manifest(Method::HEAD, path, at)?;
            match answer.status {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::OK => match digest(&answer) {
                    Some(digest) => Ok(Some(digest)),
                    None => self.read_manifest(path, at).map(|document| Some(document.digest)),
                },
                _ => Err(refused(&answer)),
            }
        };
        resolve().map_err(self.failed("read", path, at))
    }

    /// A manifest or an index.
    pub fn manifest(&self, path: &RepositoryPath, at: &Pointer) -> Result<Document, RegistryError> {
        self.read_manifest(path, at).map_err(self.failed("read", path, at))
    }

    /// The bytes of a blob.
    pub fn blob(&self, path: &RepositoryPath, blob: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        self.copy_blob(path, blob, &mut bytes)?;
        Ok(bytes)
    }

    /// What the registry has under the digest of a blob, of no more than so many bytes. Whoever takes it over checks
    /// that it is the blob.
    pub(in crate::effects) fn unverified_blob(
        &self,
        path: &RepositoryPath,
        digest: Sha256,
        at_most: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let read = || {
            let mut bytes = Vec::new();
            self.download(path, digest, at_most)?.read_to_end(&mut bytes).map_err(unread)?;
            Ok(bytes)
        };
        read().map_err(self.failed("read the blob", path, &Pointer::Digest(digest)))
    }

    /// Writes a blob somewhere. What was written counts only where this succeeds.
    pub fn copy_blob(
        &self,
        path: &RepositoryPath,
        blob: &Descriptor,
        to: &mut impl Write,
    ) -> Result<(), RegistryError> {
        let subject = format!("{}@{}", self.repository(path), blob.digest());
        self.read_blob(path, blob, to).map_err(|kind| RegistryError::new("read the blob", &subject, kind))
    }

    /// The manifests whose [subject] is this one: signatures, SBOMs, attestations.
    ///
    /// [subject]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
    pub fn referrers(&self, path: &RepositoryPath, of: Sha256) -> Result<Referrers, RegistryError> {
        self.list(path, of).map_err(self.failed("list what refers to", path, &Pointer::Digest(of)))
    }

    fn ask_manifest(
        &self,
        method: Method,
        path: &RepositoryPath,
        at: &Pointer,
    ) -> Result<Answer, RegistryErrorKind> {
        let request = Request::new(method, self.url(path, &format!("manifests/{at}")));
        self.ask(&Scope::Pull(path), request.with(header::ACCEPT, ACCEPTED).at_most(MANIFEST_LIMIT))
    }

    pub(super) fn read_manifest(
        &self,
        path: &RepositoryPath,
        at: &Pointer,
    ) -> Result<Document, RegistryErrorKind> {
        let answer = self.ask_manifest(Method::GET, path, at)?;
        if answer.status != StatusCode::OK {
            return Err(refused(&answer));
        }
        let found = Sha256::of(&answer.body);
        let wanted = match at {
            Pointer::Digest(digest) => Some(*digest),
            Pointer::Tag(_) => digest(&answer),
        };
        match wanted.filter(|wanted| *wanted != found) {
            Some(wanted) => Err(RegistryErrorKind::Altered { wanted, found: found.oci() }),
            None => {
                let media_type = answer.header(header::CONTENT_TYPE).unwrap_or_default();
                Ok(Document { media_type: media_type.into(), digest: found, bytes: answer.body })
            }
        }
    }

    fn read_blob(
        &self,
        path: &RepositoryPath,
        blob: &Descriptor,
        to: &mut impl Write,
    ) -> Result<(), RegistryErrorKind> {
        let wanted = sha256(blob).map_err(|error| RegistryErrorKind::Answer(error.to_string()))?;
        let mut download = self.download(path, wanted, blob.size())?;
        let mut hashing = Hashing::new(to);
        io::copy(&mut download, &mut hashing).map_err(unread)?;
        match hashing.finish() {
            (_, found, size) if found == wanted && size == blob.size() => Ok(()),
            (_, found, _) => Err(RegistryErrorKind::Altered { wanted, found: found.oci() }),
        }
    }

    fn download(
        &self,
        path: &RepositoryPath,
        digest: Sha256,
        at_most: u64,
    ) -> Result<Download<'_>, RegistryErrorKind> {
        let (url, scope) = (self.url(path, &format!("blobs/{}", digest.oci())), Scope::Pull(path));
        let terms = |authorization| Terms {
            at_most: Some(at_most),
            authorization,
            lasting: true,
            ..Terms::default()
        };
        let known = self.authorizer.known(&self.http, &scope)?;
        let response = match self.http.get(&url, &terms(known)) {
            Err(HttpError { kind: HttpErrorKind::Status(StatusCode::UNAUTHORIZED), .. }) => {
                // Its answer has the challenge, which that of the download did not keep.
                self.ask(&scope, Request::new(Method::HEAD, url.clone()))?;
                self.http.get(&url, &terms(self.authorizer.known(&self.http, &scope)?))
            }
            response => response,
        };
        match response.map_err(|error| RegistryErrorKind::from(error.kind))? {
            Response::Found(download) => Ok(download),
            Response::NotModified => {
                Err(RegistryErrorKind::Answer("it is as it was, though nothing was said of that".into()))
            }
        }
    }

    fn list(&self, path: &RepositoryPath, of: Sha256) -> Result<Referrers, RegistryErrorKind> {
        let mut url = Some(self.url(path, &format!("referrers/{}", of.oci())));
        let mut found = Vec::new();
        while let Some(page) = url {
            let request = Request::new(Method::GET, page.clone()).at_most(MANIFEST_LIMIT);
            let request = request.with(header::ACCEPT, MediaType::ImageIndex.as_ref());
            let answer = self.ask(&Scope::Pull(path), request)?;
            match answer.status {
                StatusCode::OK => {
                    found.extend_from_slice(serde_json::from_slice::<ImageIndex>(&answer.body)?.manifests());
                }
                // The registry has no such endpoint.
                _ if found.is_empty() => return self.noted(path, of).map(Referrers::Noted),
                _ => return Err(refused(&answer)),
            }
            url = next(&page, &answer);
        }
        Ok(Referrers::Listed(found))
    }

    /// The referrers that clients noted for a registry that does not note them itself.
    pub(super) fn noted(
        &self,
        path: &RepositoryPath,
        of: Sha256,
    ) -> Result<Vec<Descriptor>, RegistryErrorKind> {
        match self.read_manifest(path, &Pointer::Tag(Tag::of_referrers(of))) {
            Ok(document) => Ok(document.parse::<ImageIndex>()?.manifests().clone()),
            Err(RegistryErrorKind::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Why a download did not come to its end.
fn unread(error: io::Error) -> RegistryErrorKind {
    match HttpError::from_io(error) {
        Ok(error) => error.kind.into(),
        Err(error) => match error.downcast::<FileError>() {
            Ok(error) => error.into(),
            Err(error) => RegistryErrorKind::Answer(error.to_string()),
        },
    }
}

/// What the registry says that a document's digest is.
fn digest(answer: &Answer) -> Option<Sha256> {
    Sha256::from_oci(answer.header("docker-content-digest")?).ok()
}

/// The next page of a list, [RFC 8288]: `</v2/x/referrers/sha256:…?last=…>; rel="next"`.
///
/// [RFC 8288]: https://www.rfc-editor.org/rfc/rfc8288
fn next(page: &Url, answer: &Answer) -> Option<Url> {
    let (target, parameters) = answer.header(header::LINK)?.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    // Of the same server, as the login goes there.
    page.join(target).ok().filter(|url| is_next && url.origin() == page.origin() && url != page)
}
