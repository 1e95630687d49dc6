//! Signatures and attestations, added to the images of a layout.

use std::collections::BTreeSet;

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use serde_json::Value;

use super::files::FileError;
use super::layout::{LayoutDirectory, LayoutError};
use crate::attest::attach::{AttachError, Claims, predicate_type};
use crate::attest::cosign::{self, Bundle, Tagged};
use crate::attest::key::Signer;
use crate::attest::statement::{self, Resource, Statement, StatementError};
use crate::digest::Sha256;
use crate::image::Blob;
use crate::image::layout::{Layout, sha256};
use crate::image::referrer::{Document, attachment_tag, is_of_type};

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
}

impl From<OciSpecError> for SignError {
    fn from(error: OciSpecError) -> Self {
        LayoutError::from(error).into()
    }
}

impl Signing<'_> {
    /// Signs what the layout has by these names; a manifest that has several by the first of them.
    pub fn sign(
        &self,
        mut directory: LayoutDirectory,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Vec<SignedImage>, SignError> {
        let mut layout = directory.layout()?;
        let (mut seen, mut signed) = (BTreeSet::new(), Vec::new());
        for name in names {
            let Some(image) = layout.get(&name).cloned() else { continue };
            if seen.insert(sha256(&image)?) {
                signed.push(self.image(&mut directory, &mut layout, name, &image)?);
                // Nothing refers to them yet, but memory holds the attestations of one image only.
                directory.write_documents()?;
            }
        }
        if signed.iter().any(|image| image.changed) {
            directory.finish_documents(layout)?;
        }
        Ok(signed)
    }

    fn image(
        &self,
        directory: &mut LayoutDirectory,
        layout: &mut Layout,
        name: String,
        image: &Descriptor,
    ) -> Result<SignedImage, SignError> {
        let digest = sha256(image)?;
        let repository = name.split_once(':').map_or(name.as_str(), |(repository, _)| repository).to_owned();
        let published = match self.destination {
            Some(destination) => format!("{}/{repository}", destination.trim_end_matches('/')),
            None => repository.clone(),
        };
        let statements = statements(directory, layout, &name, digest)?;
        let claims = Claims { image, repository: &published, statements };
        let attested = claims.statements.iter().map(|statement| statement.predicate_type.clone()).collect();
        let failed = |source| SignError::Attach { name: name.clone(), source };
        let mut changed = false;
        if self.forms.bundles {
            let attached = bundles(directory, layout, digest)?;
            let change = claims.bundles(&attached, self.signer).map_err(failed)?;
            changed |= !change.add.is_empty() || !change.remove.is_empty();
            for manifest in change.remove {
                layout.detach(digest, manifest);
            }
            for referrer in change.add {
                add(directory, &referrer.manifest, &referrer.blobs);
                layout.attach(&referrer);
            }
        }
        if self.forms.tags {
            let tag = |extension| format!("{repository}:{}", attachment_tag(digest, extension));
            let (signatures, attestations) = (tag("sig"), tag("att"));
            let attached = tagged(directory, layout, &signatures)?;
            let signed = claims.signatures(&attached, self.signer).map_err(failed)?;
            let attached = tagged(directory, layout, &attestations)?;
            let attested = claims.attestations(&attached, self.signer).map_err(failed)?;
            for (tag, Tagged { manifest, descriptor, blobs }) in
                [(signatures, signed), (attestations, attested)]
                    .into_iter()
                    .filter_map(|(tag, of)| Some((tag, of?)))
            {
                changed = true;
                add(directory, &manifest, &blobs);
                layout.set(tag, descriptor);
            }
        }
        Ok(SignedImage { name, digest, attested, changed })
    }
}

fn add(directory: &mut LayoutDirectory, manifest: &Blob, blobs: &[Blob]) {
    blobs.iter().chain([manifest]).for_each(|blob| directory.add(blob));
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
