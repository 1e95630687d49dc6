//! Writing, [push] of the specification.
//!
//! [push]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#push

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, MediaType};
use reqwest::header;
use reqwest::{Method, StatusCode, Url};

use super::auth::Scope;
use super::{Registry, RegistryError, RegistryErrorKind, Unanswered, refused};
use crate::digest::Sha256;
use crate::effects::http::{Answer, Body, Failure, HttpErrorKind, Request};
use crate::effects::progress::Task;
use crate::image;
use crate::image::layout::sha256;
use crate::image::reference::{Pointer, RepositoryPath, Tag};

/// A blob up to so many bytes is sent in one piece, which takes a request less; a larger one in one that can be
/// taken up where it broke off.
const SMALL: u64 = 256 << 10;

/// An upload that got this far, in bytes, since it last broke off has its retries back.
const PROGRESS: u64 = 1 << 20;

/// A blob that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBlob {
    pub digest: Sha256,
    /// In bytes.
    pub size: u64,
    pub content: Content,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    File(PathBuf),
    Memory(Bytes),
}

/// How a blob came to be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    Present,
    /// Out of another repository of the registry.
    Mounted,
    Sent,
}

/// An upload under way.
struct Session {
    url: Url,
    /// How many bytes the registry has.
    offset: u64,
}

/// How far an upload got, for those who look.
struct Meter {
    task: Mutex<Box<dyn Task>>,
    furthest: AtomicU64,
}

impl Meter {
    fn reach(&self, position: u64) {
        let before = self.furthest.fetch_max(position, Ordering::Relaxed);
        let more = position.saturating_sub(before);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).advance(more);
    }
}

impl Registry {
    /// Whether a repository has a blob.
    pub fn has_blob(&self, path: &RepositoryPath, digest: Sha256) -> Result<bool, RegistryError> {
        let at = Pointer::Digest(digest);
        self.find(path, digest).map_err(self.failed("look for the blob", path, &at))
    }

    /// Gives a repository a blob that it does not have: mounts it out of another, if the registry does that, or
    /// sends it.
    pub fn place(
        &self,
        path: &RepositoryPath,
        blob: &LocalBlob,
        mount_from: Option<&RepositoryPath>,
        task: Box<dyn Task>,
    ) -> Result<Placed, RegistryError> {
        let meter = Arc::new(Meter { task: Mutex::new(task), furthest: AtomicU64::new(0) });
        let at = Pointer::Digest(blob.digest);
        self.upload(path, blob, mount_from, &meter).map_err(self.failed("push the blob", path, &at))
    }

    /// Puts a manifest or an index, under its digest or a tag.
    ///
    /// Returns the digest of its subject, where the registry has noted that it refers to one.
    pub fn put(
        &self,
        path: &RepositoryPath,
        at: &Pointer,
        media_type: &MediaType,
        bytes: &Bytes,
    ) -> Result<Option<Sha256>, RegistryError> {
        self.put_manifest(path, at, media_type, bytes).map_err(self.failed("push", path, at))
    }

    /// Notes under a tag what refers to a manifest, for a registry that does not note it itself. The newest come first,
    /// as many clients take the first of a type; what is replaced is noted no longer.
    pub fn note_referrers(
        &self,
        path: &RepositoryPath,
        subject: Sha256,
        referrers: &[Descriptor],
        replaced: &BTreeSet<Sha256>,
    ) -> Result<(), RegistryError> {
        let at = Pointer::Tag(Tag::of_referrers(subject));
        let note = || {
            let before = self.noted(path, subject)?;
            let is_new = |one: &&Descriptor| before.iter().all(|other| other.digest() != one.digest());
            let stays = |one: &&Descriptor| sha256(one).is_ok_and(|digest| !replaced.contains(&digest));
            let noted = referrers.iter().filter(is_new).chain(before.iter().filter(stays));
            let noted: Vec<_> = noted.cloned().collect();
            if noted == before {
                return Ok(());
            }
            let unfit = |error: OciSpecError| RegistryErrorKind::Answer(error.to_string());
            let (index, _) = image::index(noted, &Default::default()).map_err(unfit)?;
            self.put_manifest(path, &at, &MediaType::ImageIndex, &index.bytes.into()).map(drop)
        };
        note().map_err(self.failed("push", path, &at))
    }

    fn put_manifest(
        &self,
        path: &RepositoryPath,
        at: &Pointer,
        media_type: &MediaType,
        bytes: &Bytes,
    ) -> Result<Option<Sha256>, RegistryErrorKind> {
        let request = Request::new(Method::PUT, self.url(path, &format!("manifests/{at}")))
            .with(header::CONTENT_TYPE, media_type.as_ref())
            .body(Body::Bytes(bytes.clone()));
        let answer = self.ask(&Scope::Push(path), request)?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        let wanted = Sha256::of(bytes);
        match answer.header("docker-content-digest") {
            Some(found) if found != wanted.oci() => {
                Err(RegistryErrorKind::Altered { wanted, found: found.chars().take(80).collect() })
            }
            _ => Ok(answer.header("oci-subject").and_then(|subject| Sha256::from_oci(subject).ok())),
        }
    }

    fn find(&self, path: &RepositoryPath, digest: Sha256) -> Result<bool, RegistryErrorKind> {
        let url = self.url(path, &format!("blobs/{}", digest.oci()));
        let answer = self.ask(&Scope::Pull(path), Request::new(Method::HEAD, url))?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(&answer)),
        }
    }

    fn upload(
        &self,
        path: &RepositoryPath,
        blob: &LocalBlob,
        mount_from: Option<&RepositoryPath>,
        meter: &Arc<Meter>,
    ) -> Result<Placed, RegistryErrorKind> {
        let Some(mut session) = self.begin(path, blob.digest, mount_from)? else {
            return Ok(Placed::Mounted);
        };
        let mut attempts = self.http.attempts();
        let mut since = 0;
        loop {
            let sent = match blob.size <= SMALL {
                true => self.close(path, blob, &session.url, rest(blob, 0, meter)),
                false => self.send_rest(path, blob, &mut session, meter),
            };
            let Failure { kind, retry_after } = match sent {
                Ok(()) => return Ok(Placed::Sent),
                Err(Unanswered::Registry(kind)) => return Err(kind),
                Err(Unanswered::Http(failure)) => failure,
            };
            let reached = meter.furthest.load(Ordering::Relaxed);
            if reached - since >= PROGRESS {
                attempts.restore();
                since = reached;
            }
            attempts.pause_after(kind, retry_after)?;
            match self.state(path, &session)? {
                // What is sent in one piece goes on from nowhere but the beginning.
                Some(state) if state.offset == 0 || blob.size > SMALL => session = state,
                // It may have come to its end before the answer was lost.
                _ if self.find(path, blob.digest)? => return Ok(Placed::Sent),
                _ => match self.begin(path, blob.digest, None)? {
                    Some(fresh) => session = fresh,
                    None => return Ok(Placed::Mounted),
                },
            }
        }
    }

    /// Begins an upload; `None` where the registry had the blob elsewhere.
    fn begin(
        &self,
        path: &RepositoryPath,
        digest: Sha256,
        mount_from: Option<&RepositoryPath>,
    ) -> Result<Option<Session>, RegistryErrorKind> {
        let mut url = self.url(path, "blobs/uploads/");
        let scope = match mount_from {
            Some(from) => {
                url.query_pairs_mut().append_pair("mount", &digest.oci()).append_pair("from", from.as_str());
                Scope::Mount(path, from)
            }
            None => Scope::Push(path),
        };
        let request = Request::new(Method::POST, url).body(Body::Bytes(Bytes::new()));
        let answer = match self.ask(&scope, request) {
            // Somebody who may push here, and not read there.
            Err(RegistryErrorKind::Denied | RegistryErrorKind::NoLogin) if mount_from.is_some() => {
                return self.begin(path, digest, None);
            }
            answer => answer?,
        };
        match answer.status {
            StatusCode::CREATED => Ok(None),
            StatusCode::ACCEPTED => Ok(Some(Session { url: upload_url(&answer)?, offset: 0 })),
            // A registry that takes no mount may say so by an error.
            _ if mount_from.is_some() => self.begin(path, digest, None),
            _ => Err(refused(&answer)),
        }
    }

    /// How far an upload got; `None` where the registry has forgotten it.
    fn state(&self, path: &RepositoryPath, session: &Session) -> Result<Option<Session>, RegistryErrorKind> {
        let answer = self.ask(&Scope::Push(path), Request::new(Method::GET, session.url.clone()))?;
        let offset = received(&answer).filter(|_| answer.status.is_success());
        Ok(offset.map(|offset| {
            let url = upload_url(&answer).unwrap_or_else(|_| session.url.clone());
            Session { url, offset }
        }))
    }

    fn send_rest(
        &self,
        path: &RepositoryPath,
        blob: &LocalBlob,
        session: &mut Session,
        meter: &Arc<Meter>,
    ) -> Result<(), Unanswered<Failure>> {
        let from = session.offset;
        if from < blob.size {
            let mut request = Request::new(Method::PATCH, session.url.clone())
                .with(header::CONTENT_TYPE, "application/octet-stream")
                .body(rest(blob, from, meter));
            // Some registries take the header for the first of many pieces.
            if from > 0 {
                request = request.with(header::CONTENT_RANGE, &format!("{from}-{}", blob.size - 1));
            }
            let answer = self.ask_once(&Scope::Push(path), request)?;
            if !answer.status.is_success() {
                return Err(interrupted(&answer));
            }
            session.url = upload_url(&answer)?;
            if let Some(got) = received(&answer).filter(|got| *got < blob.size) {
                return Err(HttpErrorKind::TooShort { got, want: blob.size }.into());
            }
        }
        self.close(path, blob, &session.url, Body::Bytes(Bytes::new()))
    }

    /// Ends an upload, perhaps with the bytes.
    fn close(
        &self,
        path: &RepositoryPath,
        blob: &LocalBlob,
        url: &Url,
        body: Body,
    ) -> Result<(), Unanswered<Failure>> {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("digest", &blob.digest.oci());
        let request =
            Request::new(Method::PUT, url).with(header::CONTENT_TYPE, "application/octet-stream").body(body);
        let answer = self.ask_once(&Scope::Push(path), request)?;
        match answer.status.is_success() {
            true => Ok(()),
            false if super::said(&answer.body).starts_with("DIGEST_INVALID") => {
                Err(RegistryErrorKind::Damaged(blob.digest).into())
            }
            false => Err(interrupted(&answer)),
        }
    }
}

/// What it means that an upload is not taken: where the registry has other bytes than we think, or has forgotten
/// them, the next try may succeed.
fn interrupted(answer: &Answer) -> Unanswered<Failure> {
    match answer.status {
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::NOT_FOUND => {
            HttpErrorKind::Broken(format!("the registry answered {} to a part of it", answer.status)).into()
        }
        _ => refused(answer).into(),
    }
}

fn rest(blob: &LocalBlob, from: u64, meter: &Arc<Meter>) -> Body {
    let LocalBlob { size, ref content, .. } = *blob;
    match content {
        Content::File(file) => {
            let meter = Arc::clone(meter);
            let meter = Arc::new(move |position| meter.reach(position));
            Body::Rest { path: file.clone(), from, size, meter }
        }
        Content::Memory(bytes) => Body::Bytes(bytes.slice(usize::try_from(from).unwrap_or(bytes.len())..)),
    }
}

/// Where an upload goes on.
fn upload_url(answer: &Answer) -> Result<Url, RegistryErrorKind> {
    let unfit = |why: &str| RegistryErrorKind::Answer(why.to_owned());
    let url = answer.location().ok_or_else(|| unfit("it does not say where to upload"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if answer.is_plain() => Ok(url),
        _ => Err(unfit("it leads from https to an upload that is not encrypted")),
    }
}

/// How many bytes `Range: 0-1023` says that there are.
///
/// Registries write `0-0` for none too, so a single byte is sent again.
fn received(answer: &Answer) -> Option<u64> {
    let range = answer.header(header::RANGE)?;
    let last: u64 = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}
