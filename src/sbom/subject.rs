//! A built image → what its SBOM says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::location::{Form, location};
use super::{
    Component, Content, Facts, Filtered, Generated, LeftOut, SourceComponent, Subject, ThirdParty,
    UpstreamComponent,
};
use crate::catalog::name::ArchiveName;
use crate::debian::control::Paragraph;
use crate::debian::{PackageName, Source};
use crate::digest::Sha512;
use crate::image::built::{BuiltImage, OwnedLayer, Owner, Verdicts};
use crate::lock::LockedImage;

impl<'a> Subject<'a> {
    /// A built image; the verdicts are on what it holds.
    #[must_use]
    pub fn of(locked: LockedImage<'a>, built: &'a BuiltImage, verdicts: &'a Verdicts) -> Self {
        Described { locked, built, verdicts }.subject()
    }
}

/// An image, and where all that is known of it stands.
struct Described<'a> {
    locked: LockedImage<'a>,
    built: &'a BuiltImage,
    verdicts: &'a Verdicts,
}

impl<'a> Described<'a> {
    fn subject(&self) -> Subject<'a> {
        let &Self { locked, built, .. } = self;
        let held = locked.closure.packages.get(locked.architecture);
        let (mut packages, mut tarballs, mut generated) = (Vec::new(), Vec::new(), Vec::new());
        let mut made: BTreeMap<&'static str, usize> = BTreeMap::new();
        for layer in &built.layers {
            let content = self.content(layer);
            match &layer.owner {
                Owner::Package(name) => packages.extend(self.component(name, held, content)),
                Owner::Tarball(name) => {
                    tarballs.extend(locked.tarball(name).map(|(definition, file)| UpstreamComponent {
                        name,
                        definition,
                        file,
                        licensing: self.verdicts.tarballs.get(name),
                        content,
                    }));
                }
                Owner::Step(step) => {
                    let nth = made.entry(step).or_default();
                    generated.push(Generated { step, nth: *nth, content });
                    *nth += 1;
                }
            }
        }
        packages.sort_by_key(|component| component.name);
        Subject {
            image: &locked.image.name,
            architecture: locked.architecture,
            platform: locked.platform(),
            release: locked.release(),
            organization: &locked.catalog.organization,
            manifest: (built.assembled.manifest.digest, Sha512::of(&built.assembled.manifest.bytes)),
            created: built.created,
            sources: self.sources(&packages),
            packages,
            tarballs,
            generated,
        }
    }

    fn component(
        &self,
        name: &'a PackageName,
        held: Option<&BTreeSet<PackageName>>,
        content: Content<'a>,
    ) -> Option<Component<'a>> {
        let LockedImage { catalog, image, closure, .. } = self.locked;
        let pin = self.locked.pin(name)?;
        let archive = catalog.archives.get(&pin.archive);
        let left_out = closure.left_out.iter().filter(|(_, wanted_by)| wanted_by.contains(name));
        Some(Component {
            name,
            pin,
            third_party: self.third_party(&pin.archive),
            location: archive
                .and_then(|archive| location(archive, Form::Binary, (name, &pin.version), Some(&pin.path))),
            depends: pin
                .depends
                .iter()
                .filter(|name| held.is_some_and(|held| held.contains(*name)))
                .collect(),
            left_out: left_out
                .map(|(name, _)| LeftOut {
                    name,
                    reason: image.leave_out.get(name).map_or("", String::as_str),
                })
                .collect(),
            facts: Facts::of(&Paragraph::of(&content.record.control)),
            licensing: self.verdicts.packages.get(name).and_then(|verdict| verdict.as_ref().as_ref().ok()),
            content,
        })
    }

    fn content(&self, OwnedLayer { owner, record, replaced, .. }: &'a OwnedLayer) -> Content<'a> {
        let dropped = record.provenance.iter().flat_map(|provenance| &provenance.dropped);
        let filtered = dropped.map(|dropped| Filtered {
            pattern: &dropped.pattern,
            reason: self.reason(owner, &dropped.pattern),
            files: dropped.files,
            bytes: dropped.bytes,
        });
        let newest = record.listing.iter().map(|listed| listed.mtime).max().unwrap_or_default();
        let newest = i64::try_from(newest).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Content {
            record,
            newest: newest.unwrap_or(self.built.created),
            replaced,
            filtered: filtered.collect(),
        }
    }

    /// Why the catalog leaves out what a pattern names.
    fn reason(&self, owner: &Owner, pattern: &str) -> &'a str {
        let concerns = |packages: &Option<Vec<PackageName>>| match owner {
            Owner::Package(name) => packages.as_ref().is_none_or(|packages| packages.contains(name)),
            Owner::Tarball(_) | Owner::Step(_) => packages.is_none(),
        };
        let mut filters = self.locked.catalog.filters.iter().filter(|filter| concerns(&filter.packages));
        let found = filters.find(|filter| filter.drop.iter().any(|drop| drop == pattern));
        found.map_or("its definition does not take it", |filter| &filter.reason)
    }

    fn sources(&self, packages: &[Component<'a>]) -> BTreeMap<Source, SourceComponent<'a>> {
        let mut sources: BTreeMap<Source, SourceComponent<'a>> = BTreeMap::new();
        for component in packages {
            let archive = &component.pin.archive;
            let built_from = component.pin.built_from();
            let known = self.source(&built_from, archive);
            let known = sources.entry(built_from).or_insert(known);
            known.facts = component.facts;
            known.declared = component.licensing.map(|licensing| &licensing.declared);
            for source in &component.pin.built_using {
                sources.entry(source.clone()).or_insert_with(|| self.source(source, archive));
            }
        }
        sources
    }

    /// A source package; `archive` has the packages that were built from it.
    fn source(&self, source: &Source, archive: &'a ArchiveName) -> SourceComponent<'a> {
        let pin = self.locked.lock.sources.get(source);
        let publisher = pin.map_or(archive, |pin| &pin.archive);
        let archive = self.locked.catalog.archives.get(publisher);
        let path = pin.map(|pin| pin.path.as_str());
        SourceComponent {
            pin,
            third_party: self.third_party(publisher),
            location: archive
                .and_then(|archive| location(archive, Form::Source, (&source.name, &source.version), path)),
            facts: Facts::default(),
            declared: None,
        }
    }

    fn third_party(&self, archive: &'a ArchiveName) -> Option<ThirdParty<'a>> {
        let known = self.locked.catalog.archives.get(archive).filter(|known| known.is_third_party())?;
        Some(ThirdParty { archive, url: known.mirrors.first() })
    }
}
