//! Images of a layout sent to a registry: what they are made of first, then what refers to them, tags last, so that
//! no tag ever points to an image that is not whole, or that is not signed yet.
//!
//! Nothing is removed from a registry: many refuse to, and what is there may be of use to somebody. What another build
//! attached to the same image, an SBOM or a provenance, is no longer noted where clients note it; a registry that lists
//! it of its own accord goes on to, beside what takes its place. Each is a true account of the image, and which of them
//! a layout has others for is [told](Delivered::superseded).

mod attached;

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::{Descriptor, MediaType};
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use super::layout::LayoutReader;
use super::progress::Progress;
use super::registry::{Content, LocalBlob, Placed, Referrers, Registry, RegistryError};
use crate::attest::attach::supersedes;
use crate::digest::Sha256;
use crate::image::layout::sha256;
use crate::image::reference::{Pointer, RepositoryPath, Tag};
use crate::image::shipment::{Manifest, Shipment};
use attached::Attachment;

/// Requests that are under way at a time.
const THREADS: usize = 8;

/// An image, where it goes, and by what names.
#[derive(Debug)]
pub struct Consignment<'a> {
    pub shipment: &'a Shipment<'a>,
    pub repository: RepositoryPath,
    /// Tags that move to what they name now: the index, or one of its images.
    pub moving: BTreeMap<Tag, &'a Manifest>,
    /// Tags of the index that never point to anything else.
    pub fixed: BTreeSet<Tag>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What the registry has under the right tags is not looked at further.
    Usual,
    /// Everything is looked for.
    Force,
    /// Nothing is written.
    DryRun,
}

/// Sends images.
pub struct Push<'a> {
    pub registry: &'a Registry,
    pub layout: &'a LayoutReader,
    pub mode: Mode,
    /// A repository that may have a blob already: one of an image that is not among those that are sent.
    pub elsewhere: BTreeMap<Sha256, RepositoryPath>,
    pub progress: &'a dyn Progress,
}

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The tags that did not point to this image before.
    pub tagged: BTreeSet<Tag>,
    /// What the registry did not know to be attached to the image.
    pub referrers: usize,
    /// What it goes on to list as attached, and the image has something else in place of.
    pub superseded: BTreeSet<Sha256>,
    /// Blobs by how they came to be there; one that images of a repository share counts for the first of them.
    pub present: usize,
    pub mounted: usize,
    pub sent: usize,
    /// Of the blobs that were sent.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Tag(RegistryError),
    #[error("a tag that never moves points to another image:{}", list(.0))]
    Moved(Vec<Moved>),
    #[error("what is attached to an image by the tag `{name}` cannot be read: {reason}")]
    Attached { name: String, reason: String },
    #[error("there are no threads to send by: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A tag that would have to move, and must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// `base/cc-debian13:debug-20261121`.
    pub name: String,
    pub from: Sha256,
    pub to: Sha256,
}

fn list(moved: &[Moved]) -> String {
    let line = |Moved { name, from, to }: &Moved| format!("\n{name}: {}, and not {}", from.oci(), to.oci());
    moved.iter().map(line).collect()
}

/// What is yet to be done for an image.
struct Pending<'a> {
    consignment: &'a Consignment<'a>,
    /// Tags that do not point to where they should, with what they are to point to.
    tags: BTreeMap<&'a Tag, &'a Manifest>,
    /// Referrers that the registry does not list, by their subjects.
    referrers: BTreeMap<Sha256, Vec<&'a Manifest>>,
    superseded: BTreeSet<Sha256>,
    /// What is noted as attached, and is to be no longer.
    replaced: BTreeSet<Sha256>,
    /// Tags of attachments that lack some of them.
    attached: BTreeMap<&'a Tag, Attachment>,
}

impl Pending<'_> {
    fn is_done(&self) -> bool {
        self.tags.is_empty() && self.referrers.is_empty() && self.attached.is_empty()
    }
}

/// A blob, and the repositories that have to have it.
struct Freight<'a> {
    blob: LocalBlob,
    repositories: BTreeSet<&'a RepositoryPath>,
}

impl Push<'_> {
    /// Sends images, all of them before the first tag is set.
    pub fn run(&self, consignments: &[Consignment<'_>]) -> Result<Vec<Delivered>, PushError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
        pool.install(|| self.deliver(consignments))
    }

    fn deliver(&self, consignments: &[Consignment<'_>]) -> Result<Vec<Delivered>, PushError> {
        let pending = self.survey(consignments)?;
        let open: Vec<_> = pending.iter().filter(|pending| !pending.is_done()).collect();
        let mut placed = self.place(&self.freight(&open))?;
        if self.mode != Mode::DryRun {
            open.iter().par_bridge().try_for_each(|pending| self.put_documents(pending))?;
            open.iter().par_bridge().try_for_each(|pending| self.tag(pending)).map_err(PushError::Tag)?;
        }
        Ok(pending.iter().map(|pending| pending.delivered(&mut placed)).collect())
    }

    /// Finds out what the registry does not have yet.
    fn survey<'a>(&self, consignments: &'a [Consignment<'a>]) -> Result<Vec<Pending<'a>>, PushError> {
        let surveyed: BTreeMap<_, _> = consignments
            .iter()
            .enumerate()
            .par_bridge()
            .map(|(number, consignment)| Ok((number, self.look_at(consignment)?)))
            .collect::<Result<_, PushError>>()?;
        let (mut pending, moved): (Vec<_>, Vec<_>) = surveyed.into_values().unzip();
        let moved: Vec<_> = moved.into_iter().flatten().collect();
        if !moved.is_empty() {
            return Err(PushError::Moved(moved));
        }
        // Several images may be the same: what is attached to it is listed in one place, and noted there once.
        let (mut noted, mut attached) = (BTreeSet::new(), BTreeSet::new());
        for Pending { consignment, referrers, attached: tags, .. } in &mut pending {
            let repository = &consignment.repository;
            referrers.retain(|subject, _| noted.insert((repository, *subject)));
            tags.retain(|tag, _| attached.insert((repository, *tag)));
        }
        Ok(pending)
    }

    fn look_at<'a>(&self, consignment: &'a Consignment<'a>) -> Result<(Pending<'a>, Vec<Moved>), PushError> {
        let Consignment { shipment, repository, moving, fixed } = consignment;
        let mut moved = Vec::new();
        let mut tags = BTreeMap::new();
        let wanted = moving.iter().map(|(tag, manifest)| (tag, *manifest));
        for (tag, manifest) in wanted.chain(fixed.iter().map(|tag| (tag, &shipment.index))) {
            match self.registry.resolve(repository, &Pointer::Tag(tag.clone()))? {
                Some(found) if found == manifest.digest && self.mode != Mode::Force => {}
                Some(from) if from != manifest.digest && fixed.contains(tag) => {
                    moved.push(Moved { name: format!("{repository}:{tag}"), from, to: manifest.digest });
                }
                _ => drop(tags.insert(tag, manifest)),
            }
        }
        let mut referrers = BTreeMap::new();
        let (mut superseded, mut replaced) = (BTreeSet::new(), BTreeSet::new());
        for (subject, wanted) in &shipment.referrers {
            let there = self.registry.referrers(repository, *subject)?;
            let listed = there.descriptors();
            let is_listed = |manifest: &&Manifest| {
                self.mode != Mode::Force
                    && listed.iter().any(|listed| listed.digest() == manifest.descriptor.digest())
            };
            let missing: Vec<_> = wanted.iter().filter(|manifest| !is_listed(manifest)).collect();
            let is_wanted = |listed: &Descriptor| {
                wanted.iter().any(|manifest| manifest.descriptor.digest() == listed.digest())
            };
            let is_superseded = |listed: &&Descriptor| {
                !is_wanted(listed) && wanted.iter().any(|ours| supersedes(&ours.descriptor, listed))
            };
            let others: BTreeSet<_> =
                listed.iter().filter(is_superseded).filter_map(|listed| sha256(listed).ok()).collect();
            let is_noted = matches!(there, Referrers::Noted(_));
            if !missing.is_empty() || (is_noted && !others.is_empty()) {
                referrers.insert(*subject, missing);
            }
            if is_noted { &mut replaced } else { &mut superseded }.extend(others);
        }
        let mut attached = BTreeMap::new();
        for (tag, ours) in &shipment.attached {
            attached.extend(self.attachment(repository, tag, ours)?.map(|attachment| (tag, attachment)));
        }
        Ok((Pending { consignment, tags, referrers, superseded, replaced, attached }, moved))
    }

    /// The blobs that images need, each once, the largest first.
    fn freight<'a>(&self, open: &[&Pending<'a>]) -> Vec<Freight<'a>> {
        let mut needed: BTreeMap<(u64, Sha256), BTreeSet<&RepositoryPath>> = BTreeMap::new();
        for Pending { consignment, .. } in open {
            for (digest, size) in &consignment.shipment.blobs {
                needed.entry((*size, *digest)).or_default().insert(&consignment.repository);
            }
        }
        let freight = needed.into_iter().rev().map(|((size, digest), repositories)| {
            let blob = LocalBlob { digest, size, content: Content::File(self.layout.blob(digest)) };
            Freight { blob, repositories }
        });
        freight.collect()
    }

    fn place<'a>(
        &self,
        freight: &[Freight<'a>],
    ) -> Result<BTreeMap<(&'a RepositoryPath, Sha256), Placed>, RegistryError> {
        let placed: Vec<_> = freight
            .iter()
            .par_bridge()
            .map(|freight| Ok((freight.blob.digest, self.place_blob(freight)?)))
            .collect::<Result<_, RegistryError>>()?;
        let by_place = |(digest, placed): (Sha256, Vec<(&'a RepositoryPath, Placed)>)| {
            placed.into_iter().map(move |(repository, how)| ((repository, digest), how))
        };
        Ok(placed.into_iter().flat_map(by_place).collect())
    }

    /// Sends a blob to the first repository that lacks it, unless another has it, and has the others take it from there.
    fn place_blob<'a>(
        &self,
        freight: &Freight<'a>,
    ) -> Result<Vec<(&'a RepositoryPath, Placed)>, RegistryError> {
        let Freight { blob, repositories } = freight;
        let mut placed = Vec::new();
        let mut missing = Vec::new();
        for repository in repositories {
            match self.registry.has_blob(repository, blob.digest)? {
                true => placed.push((*repository, Placed::Present)),
                false => missing.push(*repository),
            }
        }
        let mut source = placed.first().map(|(repository, _)| *repository);
        for repository in missing {
            let from = source.or_else(|| self.elsewhere.get(&blob.digest));
            let how = match (self.mode, from) {
                (Mode::DryRun, Some(from))
                    if source.is_some() || self.registry.has_blob(from, blob.digest)? =>
                {
                    Placed::Mounted
                }
                (Mode::DryRun, _) => Placed::Sent,
                (Mode::Usual | Mode::Force, from) => {
                    let task = self.progress.begin(&blob.digest.short(), Some(blob.size));
                    self.registry.place(repository, blob, from, task)?
                }
            };
            placed.push((repository, how));
            source = Some(repository);
        }
        Ok(placed)
    }

    /// Puts all documents of an image by their digests, and then what is attached to them.
    fn put_documents(&self, pending: &Pending<'_>) -> Result<(), PushError> {
        let Consignment { shipment, repository, .. } = pending.consignment;
        if !pending.tags.is_empty() {
            let platforms = shipment.platforms.iter().map(|(_, platform)| platform);
            for document in platforms.chain([&shipment.index]) {
                self.put(repository, &Pointer::Digest(document.digest), document)?;
            }
        }
        for (subject, referrers) in &pending.referrers {
            let mut unnoted: Vec<Descriptor> = Vec::new();
            for referrer in referrers {
                let noted = self.put(repository, &Pointer::Digest(referrer.digest), referrer)?;
                if noted != Some(*subject) {
                    unnoted.push(referrer.descriptor.clone());
                }
            }
            if !unnoted.is_empty() || !pending.replaced.is_empty() {
                self.registry.note_referrers(repository, *subject, &unnoted, &pending.replaced)?;
            }
        }
        pending
            .attached
            .iter()
            .try_for_each(|(tag, attachment)| self.put_attachment(repository, tag, attachment))
    }

    /// Sets the tags of an image, that of the index last.
    ///
    /// One after the other: a registry may be writing anew what a tag points to, and not find it meanwhile for the index.
    fn tag(&self, pending: &Pending<'_>) -> Result<(), RegistryError> {
        let Consignment { shipment, repository, .. } = pending.consignment;
        let (of_index, of_platforms): (Vec<_>, Vec<_>) =
            pending.tags.iter().partition(|(_, manifest)| manifest.digest == shipment.index.digest);
        of_platforms.into_iter().chain(of_index).try_for_each(|(tag, manifest)| {
            self.put(repository, &Pointer::Tag((*tag).clone()), manifest).map(drop)
        })
    }

    fn put(
        &self,
        repository: &RepositoryPath,
        at: &Pointer,
        manifest: &Manifest,
    ) -> Result<Option<Sha256>, RegistryError> {
        let media_type: &MediaType = manifest.descriptor.media_type();
        self.registry.put(repository, at, media_type, &manifest.bytes)
    }
}

impl<'a> Pending<'a> {
    /// What became of the image; blobs that it accounts for are taken.
    fn delivered(&self, placed: &mut BTreeMap<(&'a RepositoryPath, Sha256), Placed>) -> Delivered {
        let Consignment { shipment, repository, .. } = self.consignment;
        let mut delivered = Delivered {
            tagged: self.tags.keys().map(|tag| (*tag).clone()).collect(),
            referrers: self.referrers.values().map(Vec::len).sum::<usize>() + self.attached.len(),
            superseded: self.superseded.clone(),
            present: 0,
            mounted: 0,
            sent: 0,
            bytes: 0,
        };
        for (digest, size) in &shipment.blobs {
            match placed.remove(&(repository, *digest)) {
                Some(Placed::Mounted) => delivered.mounted += 1,
                Some(Placed::Sent) => {
                    delivered.sent += 1;
                    delivered.bytes += size;
                }
                Some(Placed::Present) | None => delivered.present += 1,
            }
        }
        delivered
    }
}
