//! An image and all that is asked of it.
//!
//! An image may have been built more than once: its digest stays as long as its content does, and what another build
//! said of it, by another lock or another verdict on a license, is listed beside. Each provenance with the SBOMs that a
//! rebuild by it gives is an account, and a case of its own; an image holds where [one of them](Case::settle) does.

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_spec::image::Descriptor;

use super::{Content, Witness};
use crate::attest::key::PublicKey;
use crate::attest::provenance;
use crate::attest::sealed::Sealed;
use crate::audit::{self, Rule, Subject, completeness};
use crate::catalog::{Catalog, Image, Platform};
use crate::debian::Architecture;
use crate::digest::Sha256;
use crate::effects::auditor::{self, inventory};
use crate::effects::builder::{Builder, Target};
use crate::effects::layout::LayoutReader;
use crate::image::built::{BuiltImage, Verdicts};
use crate::image::config::annotations;
use crate::sbom::{self, Format};
use crate::verification::attached::Attached;
use crate::verification::authenticity::account;
use crate::verification::comparison::{Comparison, Published, SbomComparison, part_of};
use crate::verification::origin::Origin;
use crate::verification::{Check, Finding, State, Verified};

/// A published manifest or index, one account of what it was built from, and what came of its checks so far.
#[derive(Debug, Clone)]
pub struct Case {
    exhibit: Arc<Exhibit>,
    pub origin: Option<Origin>,
    pub verified: Verified,
    sboms: SbomComparison,
}

/// A published manifest or index, and what it says of itself.
#[derive(Debug)]
struct Exhibit {
    bytes: Vec<u8>,
    attached: Attached,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Its images.
    Index(Vec<Descriptor>),
    /// Its configuration, and what is in it.
    Image { config: Vec<u8>, subject: Box<Subject> },
}

/// Images that were built again.
pub struct Rebuilt<'r, 'a> {
    pub builder: &'r Builder<'a>,
    pub built: &'r [(Target<'a>, BuiltImage)],
    /// What the packages of each may be used under.
    pub verdicts: &'r [Verdicts],
    /// What the provenances of all of them name; `None` where they were built from something else.
    pub sealed: Option<&'r Sealed>,
}

impl Case {
    /// All that can be told of images without a rebuild: an index, and then its images. Layers that they share are
    /// read once.
    pub fn all(layout: &LayoutReader, witnesses: Vec<Witness>, key: Option<&PublicKey>) -> Vec<Self> {
        let mut flat = Vec::new();
        for mut witness in witnesses {
            let images = match &mut witness.content {
                Content::Index(images) => std::mem::take(images),
                Content::Image(_) => Vec::new(),
            };
            let descriptors = images.iter().map(|image| image.descriptor.clone()).collect();
            flat.push((witness, descriptors));
            flat.extend(images.into_iter().map(|image| (image, Vec::new())));
        }
        let is_image =
            |(witness, _): &&(Witness, Vec<Descriptor>)| matches!(witness.content, Content::Image(_));
        let manifests: Vec<_> =
            flat.iter().filter(is_image).map(|(witness, _)| Some(&witness.descriptor)).collect();
        let mut images = auditor::images(layout, &manifests).into_iter();
        let cases = flat.into_iter().map(|(witness, descriptors)| {
            let Witness { name, digest, bytes, attached, content, .. } = witness;
            let kind = match content {
                Content::Index(_) => Kind::Index(descriptors),
                Content::Image(config) => {
                    Kind::Image { config, subject: Box::new(subject(&name, &attached, images.next())) }
                }
            };
            let exhibit = Arc::new(Exhibit { bytes, attached, kind });
            exhibit.examine(Verified::new(name, digest), key).into_iter().map(move |(origin, verified)| {
                Self { exhibit: Arc::clone(&exhibit), origin, verified, sboms: SbomComparison::default() }
            })
        });
        cases.flatten().collect()
    }

    /// What holds of each image: by several accounts of it, what holds by the best. Where that is whole, an SBOM that
    /// another of them gives holds too, and one of another version of the program, which this one cannot make again.
    #[must_use]
    pub fn settle(cases: &[Self]) -> Vec<Verified> {
        let of_image = cases.chunk_by(|one, other| Arc::ptr_eq(&one.exhibit, &other.exhibit));
        of_image.filter_map(Self::settle_image).collect()
    }

    fn settle_image(accounts: &[Self]) -> Option<Verified> {
        let cause = |case: &Self| case.origin.as_ref().and_then(Origin::cause);
        let lacks = |case: &&Self| case.verified.findings.len() + case.sboms.others.len();
        let best = accounts.iter().min_by_key(|case| (lacks(case), cause(case).is_some()))?;
        let is_older = |case: &Self| cause(case).is_some() && cause(best).is_none();
        let mut verified = best.verified.clone();
        for (digest, Comparison { findings, causes }) in &best.sboms.others {
            let is_other_account = best.sboms.are_whole()
                && accounts.iter().any(|case| case.sboms.same.contains(digest) || is_older(case));
            if !is_other_account {
                verified.add(Check::Sbom, findings.clone());
                verified.causes.extend(causes.iter().cloned());
            }
        }
        if !verified.findings.is_empty()
            && let Some(cause) = cause(best)
        {
            verified.explain(cause);
        }
        Some(verified)
    }

    /// Whether a rebuild gave the same image, and said the same of it.
    #[must_use]
    pub fn is_rebuilt(&self) -> bool {
        self.verified.state(Check::Rebuild) == State::Holds && self.sboms.others.is_empty()
    }

    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.exhibit.kind, Kind::Index(_))
    }

    /// Debian's name of the architecture, as far as the image says it.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        self.origin.as_ref()?.from.architecture.as_deref()
    }

    /// The image of a catalog that it is said to be, and its architectures; or why it is none.
    pub fn wanted<'c>(&self, catalog: &'c Catalog) -> Result<(&'c Image, Vec<Architecture>), Finding> {
        let fails = |message: String| Finding::new(Check::Rebuild, "image", message);
        let name = match &self.origin {
            Some(origin) => origin.from.image.as_str(),
            None => self.verified.name.as_str(),
        };
        let is_meant = |image: &&Image| {
            let of_platform = |on: &Architecture| name == image.name.on(on);
            name == image.name.to_string()
                || (self.origin.is_none() && image.architectures.iter().any(of_platform))
        };
        let image = catalog.images().find(is_meant);
        let image = image.ok_or_else(|| fails(format!("`{name}` is not one that the definitions have")))?;
        let architectures = match &self.exhibit.kind {
            Kind::Index(images) => {
                images.iter().map(|image| on(catalog, image.platform().as_ref()?)).collect()
            }
            // A configuration names its platform by the same fields.
            Kind::Image { config, .. } => {
                let platform = serde_json::from_slice(config).ok();
                vec![platform.and_then(|platform| on(catalog, &platform))]
            }
        };
        let is_of =
            |on: &Option<Architecture>| on.as_ref().is_some_and(|on| image.architectures.contains(on));
        if architectures.is_empty() || !architectures.iter().all(is_of) {
            let message = format!("is for a platform that {} is not for by the definitions", image.name);
            return Err(fails(message));
        }
        Ok((image, architectures.into_iter().flatten().collect()))
    }

    /// Holds it against what a rebuild gave.
    pub fn compare(
        &mut self,
        (image, architectures): &(&Image, Vec<Architecture>),
        rebuilt: &Rebuilt<'_, '_>,
    ) {
        let targets = rebuilt.built.iter().zip(rebuilt.verdicts).filter(|((target, _), _)| {
            target.locked.image.name == image.name && architectures.contains(target.locked.architecture)
        });
        let targets: Vec<_> = targets.map(|((target, built), verdicts)| (target, built, verdicts)).collect();
        let exhibit = Arc::clone(&self.exhibit);
        let compared = match &exhibit.kind {
            Kind::Index(_) => self.compare_index(&targets, rebuilt),
            Kind::Image { config, subject } => self.compare_image((config, subject), &targets, rebuilt),
        };
        for (check, Comparison { findings, causes }) in compared {
            self.verified.add(check, findings);
            self.verified.causes.extend(causes);
        }
    }

    fn compare_image(
        &mut self,
        (config, subject): (&[u8], &Subject),
        targets: &[(&Target<'_>, &BuiltImage, &Verdicts)],
        rebuilt: &Rebuilt<'_, '_>,
    ) -> Vec<(Check, Comparison)> {
        let &[(target, built, verdicts)] = targets else { return Vec::new() };
        let image = match &subject.image {
            Some(Ok(image)) => image,
            Some(Err(why)) => {
                let findings = vec![Finding::new(Check::Rebuild, "image", &**why)];
                return vec![(Check::Rebuild, Comparison { findings, ..Comparison::default() })];
            }
            None => return Vec::new(),
        };
        let published =
            Published { digest: self.verified.digest, manifest: &self.exhibit.bytes, config, image };
        let mut compared = vec![(Check::Rebuild, Comparison::of(&published, built))];
        // What is said of another image cannot be the same.
        if self.verified.digest == built.assembled.manifest.digest {
            let subject = sbom::Subject::of(target.locked, built, verdicts);
            self.sboms = SbomComparison::of(&self.exhibit.attached, &subject);
            self.verified.add(Check::Sbom, std::mem::take(&mut self.sboms.findings));
            if let Some((origin, sealed)) = self.origin_to_compare(rebuilt) {
                let again = provenance::of_image(&subject, sealed);
                compared.push((Check::Provenance, Comparison::of_provenance(&origin.statement, &again)));
            }
        }
        compared
    }

    /// What the image says that it was built from, unless something is the matter with that already.
    fn origin_to_compare<'s>(&'s self, rebuilt: &Rebuilt<'s, '_>) -> Option<(&'s Origin, &'s Sealed)> {
        let holds = self.verified.state(Check::Provenance) == State::Holds;
        Some((self.origin.as_ref().filter(|_| holds)?, rebuilt.sealed?))
    }

    fn compare_index(
        &self,
        targets: &[(&Target<'_>, &BuiltImage, &Verdicts)],
        rebuilt: &Rebuilt<'_, '_>,
    ) -> Vec<(Check, Comparison)> {
        let Some((first, ..)) = targets.first() else { return Vec::new() };
        let manifests = targets.iter().map(|(_, built, _)| built.assembled.descriptor.clone()).collect();
        let annotations = annotations(first.locked, None);
        let index = match crate::image::index(manifests, &annotations) {
            Ok((index, _)) => index,
            Err(error) => {
                let finding = Finding::new(Check::Rebuild, "index", format!("cannot be rebuilt: {error}"));
                return vec![(
                    Check::Rebuild,
                    Comparison { findings: vec![finding], ..Comparison::default() },
                )];
            }
        };
        let digest = self.verified.digest;
        let mut compared = vec![(Check::Rebuild, Comparison::of_index(digest, &self.exhibit.bytes, &index))];
        if let Some((origin, sealed)) = self.origin_to_compare(rebuilt)
            && digest == index.digest
        {
            let manifests: Vec<(String, Sha256)> = targets
                .iter()
                .map(|(target, built, _)| (target.locked.reference(), built.assembled.manifest.digest))
                .collect();
            let organization = &first.locked.catalog.organization;
            let again =
                provenance::of_index(&first.locked.image.name, digest, &manifests, organization, sealed);
            compared.push((Check::Provenance, Comparison::of_provenance(&origin.statement, &again)));
        }
        compared
    }
}

impl Exhibit {
    /// What can be told without a rebuild, by each account of what it was built from.
    fn examine(&self, mut verified: Verified, key: Option<&PublicKey>) -> Vec<(Option<Origin>, Verified)> {
        let said = account(verified.digest, &self.attached, key);
        if key.is_some() {
            verified.add(Check::Signature, Vec::new());
        }
        let origins = match Origin::all(&said, &self.attached) {
            Ok(origins) => {
                let lacking = origins.iter().map(Origin::lacks_sealed).collect::<Vec<_>>();
                origins.into_iter().map(Some).zip(lacking).collect()
            }
            Err(finding) => vec![(None, Some(finding))],
        };
        for finding in said.findings {
            verified.add(finding.check, vec![finding]);
        }
        let by_origin = |(origin, found): (Option<Origin>, Option<Finding>)| {
            let mut verified = verified.clone();
            verified.add(Check::Provenance, found.into_iter().collect());
            if let Kind::Image { subject, .. } = &self.kind {
                verified.add(Check::Sbom, incomplete(subject));
            }
            (origin, verified)
        };
        origins.into_iter().map(by_origin).collect()
    }
}

/// What the SBOM of an image does not tell of its files. What is the matter with blobs comes out where they are compared.
fn incomplete(subject: &Subject) -> Vec<Finding> {
    let found = completeness(subject).into_iter().filter(|finding| finding.rule != Rule::Blob);
    let found = found.map(|finding| {
        Finding::new(Check::Sbom, part_of(Format::Spdx23), finding.message).at_path(finding.subject)
    });
    found.collect()
}

/// An image with the SBOM that is attached to it.
fn subject(name: &str, attached: &Attached, image: Option<Result<audit::subject::Image, String>>) -> Subject {
    let document = attached.of_type(Format::Spdx23.media_type()).next();
    let sbom = document.map(|document| inventory(&String::from_utf8_lossy(&document.blob.bytes)));
    let sbom = sbom.unwrap_or_else(|| Err("has no SBOM".to_owned()));
    Subject { image, ..Subject::new(name.to_owned(), String::new(), part_of(Format::Spdx23), sbom) }
}

/// Images that are to be built, each with its architectures: what several cases want is built once.
#[must_use]
pub fn united<'c>(
    wanted: impl Iterator<Item = (&'c Image, Vec<Architecture>)>,
) -> Vec<(&'c Image, Vec<Architecture>)> {
    let mut united: BTreeMap<_, (&Image, Vec<Architecture>)> = BTreeMap::new();
    for (image, architectures) in wanted {
        let (_, all) = united.entry(&image.name).or_insert_with(|| (image, Vec::new()));
        all.extend(architectures);
    }
    for (image, all) in united.values_mut() {
        let asked = std::mem::take(all);
        all.extend(image.architectures.iter().filter(|on| asked.contains(on)).cloned());
    }
    united.into_values().collect()
}

/// Debian's name of an architecture.
fn on(catalog: &Catalog, platform: &oci_spec::image::Platform) -> Option<Architecture> {
    let platform = Platform::from(platform);
    let found = catalog.platforms.iter().find(|(_, other)| **other == platform);
    found.map(|(architecture, _)| architecture.clone())
}
