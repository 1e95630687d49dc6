//! Signatures and attestations, added to the images of a layout.

use std::collections::BTreeSet;

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use rayon::prelude::*;
use serde_json::Value;

use super::files::FileError;
use super::layout::{LayoutDirectory, LayoutError};
use super::progress::Progress;
use crate::attest::attach::{AttachError, Claims, predicate_type};
use crate::attest::cosign::{self, Bundle, Tagged};
use crate::attest::key::Signer;
use crate::attest::statement::{self, Resource, Statement, StatementError};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::layout::{Layout, sha256};
use crate::image::referrer::{Document, Referrer, attachment_tag, is_of_type};

/// Images that are signed at a time. A key helper is a process, and mostly waits for what has the key.
const THREADS: usize = 8;

/// What clients are to find.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    /// Sigstore bundles, as referrers.
    pub bundles: bool,
    /// Signatures and attestations by the tags of cosign before version 3.
    pub tags: bool,
}

/// Signs the images of a layout.
pub struct Signing<'a> {
    pub signer: &'a dyn Signer,
    pub forms: Forms,
    /// Where the images will be published, `registry.example.org/base`, as far as that is known.
    pub destination: Option<&'a str>,
    pub progress: &'a dyn Progress,
}

/// An image and what was signed of it.
#[derive(Debug)]
pub struct SignedImage {
    /// `cc-debian13:debug-amd64`.
    pub name: String,
    pub digest: Sha256,
    /// The predicate types of its attestations.
    pub attested: Vec<String>,
    /// Whether something was not signed by the key before.
    pub changed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("could not sign {name}")]
    Attach { name: String, source: AttachError },
    #[error("a statement that is attached to {name} cannot be read")]
    Statement { name: String, source: StatementError },
    #[error("a statement that is attached to {name} ({predicate_type}) is about another image")]
    OtherImage { name: String, predicate_type: String },
    #[error("there are no threads to sign by: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl From<OciSpecError> for SignError {
    fn from(error: OciSpecError) -> Self {
        LayoutError::from(error).into()
    }
}

/// What is to be changed in a layout for an image to be signed; its documents are written.
struct Change {
    image: SignedImage,
    attach: Vec<Referrer>,
    detach: Vec<Sha256>,
    tags: Vec<(String, Descriptor)>,
}

impl Change {
    fn apply(self, layout: &mut Layout) -> SignedImage {
        self.detach.into_iter().for_each(|manifest| layout.detach(self.image.digest, manifest));
        self.attach.iter().for_each(|referrer| layout.attach(referrer));
        self.tags.into_iter().for_each(|(tag, descriptor)| layout.set(tag, descriptor));
        self.image
    }
}

impl Signing<'_> {
    /// Signs what the layout has by these names; a manifest that has several by the first of them.
    pub fn sign(
        &self,
        directory: LayoutDirectory,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Vec<SignedImage>, SignError> {
        let mut layout = directory.layout()?;
        let (mut seen, mut images) = (BTreeSet::new(), Vec::new());
        for name in names {
            let Some(image) = layout.get(&name) else { continue };
            if seen.insert(sha256(image)?) {
                images.push((name, image.clone()));
            }
        }
        let changes = self.changes(&directory, &layout, &images)?;
        let signed: Vec<_> = changes.into_iter().map(|change| change.apply(&mut layout)).collect();
        if signed.iter().any(|image| image.changed) {
            directory.finish_documents(layout)?;
        }
        Ok(signed)
    }

    /// Signs one after the other until the key has signed something, and the rest at the same time: a helper that asks
    /// for a PIN, or has a wrong one, does so once.
    fn changes(
        &self,
        directory: &LayoutDirectory,
        layout: &Layout,
        images: &[(String, Descriptor)],
    ) -> Result<Vec<Change>, SignError> {
        let change = |(name, image): &(String, Descriptor)| {
            let mut task = self.progress.begin(name, None);
            let change = self.image(directory, layout, name, image)?;
            task.advance(1);
            Ok::<_, SignError>(change)
        };
        let mut changes = Vec::new();
        let mut rest = images.iter();
        for image in rest.by_ref() {
            changes.push(change(image)?);
            if changes.last().is_some_and(|change| change.image.changed) {
                break;
            }
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
        let others: Vec<_> =
            pool.install(|| rest.as_slice().par_iter().map(change).collect::<Result<_, _>>())?;
        changes.extend(others);
        Ok(changes)
    }

    fn image(
        &self,
        directory: &LayoutDirectory,
        layout: &Layout,
        name: &str,
        image: &Descriptor,
    ) -> Result<Change, SignError> {
        let digest = sha256(image)?;
        let repository = repository(name);
        let published = match self.destination {
            Some(destination) => format!("{}/{repository}", destination.trim_end_matches('/')),
            None => repository.to_owned(),
        };
        let statements = statements(directory, layout, name, digest)?;
        let claims = Claims { image, repository: &published, statements };
        let failed = |source| SignError::Attach { name: name.to_owned(), source };
        let (mut attach, mut detach, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        if self.forms.bundles {
            let attached = bundles(directory, layout, digest)?;
            let change = claims.bundles(&attached, self.signer).map_err(failed)?;
            detach = change.remove;
            for referrer in change.add {
                write(directory, &referrer.manifest, &referrer.blobs)?;
                attach.push(Referrer { blobs: Vec::new(), ..referrer });
            }
        }
        if self.forms.tags {
            let [signatures, attestations] =
                ["sig", "att"].map(|extension| format!("{repository}:{}", attachment_tag(digest, extension)));
            let attached = tagged(directory, layout, &signatures)?;
            let signed = claims.signatures(&attached, self.signer).map_err(failed)?;
            let attached = tagged(directory, layout, &attestations)?;
            let attested = claims.attestations(&attached, self.signer).map_err(failed)?;
            for (tag, of) in [(signatures, signed), (attestations, attested)] {
                if let Some(Tagged { manifest, descriptor, blobs }) = of {
                    write(directory, &manifest, &blobs)?;
                    tags.push((tag, descriptor));
                }
            }
        }
        let attested = claims.statements.into_iter().map(|statement| statement.predicate_type).collect();
        let changed = !(attach.is_empty() && detach.is_empty() && tags.is_empty());
        let image = SignedImage { name: name.to_owned(), digest, attested, changed };
        Ok(Change { image, attach, detach, tags })
    }
}

/// Writes documents that nothing refers to yet, so that memory holds the attestations of few images.
fn write(directory: &LayoutDirectory, manifest: &Blob, blobs: &[Blob]) -> Result<(), SignError> {
    Ok(blobs.iter().chain([manifest]).try_for_each(|blob| directory.write_document(blob))?)
}

/// Takes from an image what keys said of it in statements of these types: others have taken the place of the documents
/// that they are of.
pub fn retract(
    directory: &mut LayoutDirectory,
    layout: &mut Layout,
    repository: &str,
    image: Sha256,
    predicate_types: &BTreeSet<&str>,
) -> Result<(), LayoutError> {
    layout.detach_if(image, |of| cosign::bundled(of).is_some_and(|kind| predicate_types.contains(kind)));
    let tag = format!("{repository}:{}", attachment_tag(image, "att"));
    let Some(manifest) = layout.get(&tag) else { return Ok(()) };
    let manifest = directory.read(sha256(manifest)?)?;
    let mut attestations = cosign::documents(&manifest, |digest| directory.read(digest))?;
    let before = attestations.len();
    attestations.retain(|document| {
        cosign::attested(document).is_none_or(|(_, kind)| !predicate_types.contains(kind))
    });
    if attestations.is_empty() {
        layout.remove(&tag);
    } else if attestations.len() < before {
        let Tagged { manifest, descriptor, blobs } = Tagged::new(&attestations)?;
        blobs.iter().chain([&manifest]).for_each(|blob| directory.add(blob));
        layout.set(tag, descriptor);
    }
    Ok(())
}

fn repository(name: &str) -> &str {
    name.split_once(':').map_or(name, |(repository, _)| repository)
}

/// What there is to be said of an image: the statements that are attached to it, and its SBOMs and the like as
/// predicates.
fn statements(
    directory: &LayoutDirectory,
    layout: &Layout,
    name: &str,
    image: Sha256,
) -> Result<Vec<Statement>, SignError> {
    let mut statements = Vec::new();
    let mut described = Vec::new();
    for referrer in layout.referrers(image) {
        match referrer.artifact_type().as_ref().map(ToString::to_string).unwrap_or_default().as_str() {
            cosign::BUNDLE => {}
            statement::MEDIA_TYPE => {
                for document in documents(directory, referrer)? {
                    if document.media_type == statement::MEDIA_TYPE {
                        statements.push(stated(name, image, &document)?);
                    }
                }
            }
            kind if kind.ends_with("+json") => {
                let documents = documents(directory, referrer)?;
                described.extend(documents.into_iter().map(|document| document.blob.bytes));
            }
            _ => {}
        }
    }
    described.extend(directory.sboms(name)?.into_iter().map(String::into_bytes));
    for text in described {
        let Ok(document) = serde_json::from_slice::<Value>(&text) else { continue };
        let Some(predicate_type) = predicate_type(&document) else { continue };
        let statement = Statement::new(Resource::new(name, image), predicate_type, document);
        // An SBOM that is attached lies beside the image too.
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    Ok(statements)
}

fn stated(name: &str, image: Sha256, document: &Document) -> Result<Statement, SignError> {
    let statement = Statement::parse(&document.blob.bytes)
        .map_err(|source| SignError::Statement { name: name.to_owned(), source })?;
    if statement.is_about(image) {
        return Ok(statement);
    }
    Err(SignError::OtherImage { name: name.to_owned(), predicate_type: statement.predicate_type })
}

/// The bundles that are attached to an image, each with the digest of its manifest.
fn bundles(
    directory: &LayoutDirectory,
    layout: &Layout,
    image: Sha256,
) -> Result<Vec<(Sha256, Bundle)>, SignError> {
    let mut bundles = Vec::new();
    for referrer in layout.referrers(image) {
        if is_of_type(referrer, cosign::BUNDLE) {
            let manifest = sha256(referrer)?;
            let found = documents(directory, referrer)?;
            let read = found.iter().filter_map(|document| Bundle::parse(&document.blob.bytes));
            bundles.extend(read.map(|bundle| (manifest, bundle)));
        }
    }
    Ok(bundles)
}

/// What is attached by a tag.
fn tagged(directory: &LayoutDirectory, layout: &Layout, tag: &str) -> Result<Vec<Document>, SignError> {
    layout.get(tag).map_or_else(|| Ok(Vec::new()), |descriptor| documents(directory, descriptor))
}

fn documents(directory: &LayoutDirectory, manifest: &Descriptor) -> Result<Vec<Document>, SignError> {
    let manifest = directory.read(sha256(manifest)?)?;
    Ok(cosign::documents(&manifest, |digest| directory.read(digest))?)
}
