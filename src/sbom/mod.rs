//! What an image is made of, said in the formats that auditors and scanners read.
//!
//! [`Subject`] is what is said, the same in all formats. Nothing in it changes while the image does not: no time of
//! a lock, no name of a mirror.

mod agent;
mod cyclonedx16;
mod location;
mod merge;
mod missing;
pub mod purl;
mod spdx23;
mod spdx30;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use url::Url;

use crate::catalog::name::{ArchiveName, ImageName, TarballName};
use crate::catalog::tarball::Tarball;
use crate::catalog::{Organization, Platform, Release};
use crate::debian::control::Paragraph;
use crate::debian::{Architecture, PackageName, Source};
use crate::digest::{Sha1, Sha256, Sha512};
use crate::layer::package::LayerRecord;
use crate::license::{Expression, Licensing};
use crate::lock::{Pin, SourcePin, TarballPin};
use crate::tree::{FileInfo, ImagePath, verification_code};

use cyclonedx16::cyclonedx16;
pub use merge::merged;
pub use missing::{Missing, missing};
use spdx23::spdx23;
use spdx30::spdx30;

/// A format of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Spdx23,
    Spdx30,
    CycloneDx16,
}

/// The formats that lie beside every image.
pub const LAYOUT_FORMATS: [Format; 2] = [Format::Spdx23, Format::Spdx30];

impl Format {
    /// By which clients find the document among what refers to an image: [IANA's], SPDX 3's own, CycloneDX's.
    ///
    /// [IANA's]: https://www.iana.org/assignments/media-types/application/spdx+json
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Spdx23 => "application/spdx+json",
            Self::Spdx30 => "application/spdx3+json",
            Self::CycloneDx16 => "application/vnd.cyclonedx+json",
        }
    }

    /// The type of the document as the predicate of a statement, as cosign has it. Readers of SPDX's without a version
    /// expect SPDX 2.
    #[must_use]
    pub fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx23 => "https://spdx.dev/Document",
            Self::Spdx30 => "https://spdx.dev/Document/v3.0",
            Self::CycloneDx16 => "https://cyclonedx.org/bom",
        }
    }

    /// `cc-debian13_debug-amd64.spdx.json`, of the image `cc-debian13:debug-amd64`: a colon is no part of file names
    /// everywhere.
    #[must_use]
    pub fn file_name(self, reference: &str) -> String {
        let extension = match self {
            Self::Spdx23 => "spdx.json",
            Self::Spdx30 => "spdx3.json",
            Self::CycloneDx16 => "cdx.json",
        };
        format!("{}.{extension}", reference.replace(':', "_"))
    }

    /// The document of an image: the same bytes for the same image, on any machine.
    #[must_use]
    pub fn render(self, subject: &Subject<'_>, files: Files) -> String {
        match self {
            Self::Spdx23 => spdx23(subject, files),
            Self::Spdx30 => spdx30(subject, files),
            Self::CycloneDx16 => cyclonedx16(subject, files),
        }
    }
}

/// Whether a document names every file of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    Listed,
    Unlisted,
}

/// An image of one architecture, and all that its SBOM speaks of.
#[derive(Debug)]
pub struct Subject<'a> {
    pub image: &'a ImageName,
    pub architecture: &'a Architecture,
    pub platform: &'a Platform,
    pub release: &'a Release,
    pub organization: &'a Organization,
    /// Of the image's manifest.
    pub manifest: (Sha256, Sha512),
    /// The time of the newest entry in the image.
    pub created: Timestamp,
    /// By name.
    pub packages: Vec<Component<'a>>,
    pub tarballs: Vec<UpstreamComponent<'a>>,
    /// In the order of their layers.
    pub generated: Vec<Generated<'a>>,
    /// What the packages were built from.
    pub sources: BTreeMap<Source, SourceComponent<'a>>,
}

/// A binary package in an image.
#[derive(Debug)]
pub struct Component<'a> {
    pub name: &'a PackageName,
    pub pin: &'a Pin,
    /// Who publishes it, where that is not the release's own publisher.
    pub third_party: Option<ThirdParty<'a>>,
    /// Where people get it.
    pub location: Option<String>,
    /// Those of the pin's dependencies that the image holds.
    pub depends: Vec<&'a PackageName>,
    /// Dependencies that the image goes without on purpose.
    pub left_out: Vec<LeftOut<'a>>,
    pub facts: Facts<'a>,
    pub licensing: Option<&'a Licensing>,
    pub content: Content<'a>,
}

/// An upstream tarball in an image.
#[derive(Debug)]
pub struct UpstreamComponent<'a> {
    pub name: &'a TarballName,
    pub definition: &'a Tarball,
    pub file: &'a TarballPin,
    pub licensing: Option<&'a Licensing>,
    pub content: Content<'a>,
}

/// A layer that a step made.
#[derive(Debug)]
pub struct Generated<'a> {
    pub step: &'static str,
    /// How many layers of the same step lie below it.
    pub nth: usize,
    pub content: Content<'a>,
}

/// A source package that packages in an image were built from, or whose code was built into them.
#[derive(Debug)]
pub struct SourceComponent<'a> {
    /// None where the lock does not have it.
    pub pin: Option<&'a SourcePin>,
    /// Who publishes it, where that is not the release's own publisher.
    pub third_party: Option<ThirdParty<'a>>,
    /// Where people get it.
    pub location: Option<String>,
    /// Of a package that was built from it, if the image holds one.
    pub facts: Facts<'a>,
    pub declared: Option<&'a Expression>,
}

/// The part of an image that one layer brings.
#[derive(Debug)]
pub struct Content<'a> {
    pub record: &'a LayerRecord,
    /// The time of its newest entry.
    pub newest: Timestamp,
    /// Those of its files that another layer has in their place.
    pub replaced: &'a BTreeSet<ImagePath>,
    /// What was left out of it.
    pub filtered: Vec<Filtered<'a>>,
}

/// What a filter took of a package.
#[derive(Debug)]
pub struct Filtered<'a> {
    pub pattern: &'a str,
    pub reason: &'a str,
    pub files: u64,
    /// Their content.
    pub bytes: u64,
}

/// A dependency that an image goes without, and why.
#[derive(Debug)]
pub struct LeftOut<'a> {
    pub name: &'a PackageName,
    pub reason: &'a str,
}

/// An archive whose publisher is not that of the release.
#[derive(Debug, Clone, Copy)]
pub struct ThirdParty<'a> {
    pub archive: &'a ArchiveName,
    /// Where the catalog says that it is.
    pub url: Option<&'a Url>,
}

/// What a package says of itself in its control file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// `Name <address>`.
    pub maintainer: Option<&'a str>,
    pub homepage: Option<&'a str>,
    /// The first line of the description.
    pub synopsis: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Reads a package's control paragraph.
    #[must_use]
    pub fn of(control: &Paragraph<'a>) -> Self {
        Self {
            maintainer: control.get("Maintainer"),
            homepage: control.get("Homepage"),
            synopsis: control.get("Description").and_then(|text| text.lines().next()),
        }
    }
}

impl<'a> Content<'a> {
    /// Regular files, those that another layer has in their place left out.
    pub fn files(&self) -> impl Iterator<Item = (&'a ImagePath, &'a FileInfo)> + '_ {
        self.record.listing.files().filter(|(path, _)| !self.replaced.contains(*path))
    }

    fn verification_code(&self) -> Sha1 {
        match self.replaced.is_empty() {
            true => self.record.verification_code,
            false => verification_code(self.files().map(|(_, file)| file)),
        }
    }

    /// Of the file that it was unpacked from.
    fn sha512(&self) -> Option<Sha512> {
        self.record.provenance.as_ref().map(|provenance| provenance.sha512)
    }
}

impl Component<'_> {
    /// `libc6_2.41-12_amd64.deb`
    fn file_name(&self) -> &str {
        self.pin.path.rsplit('/').next().unwrap_or(&self.pin.path)
    }

    /// Dependencies that are not there, a line each.
    fn sentences_on_left_out(&self) -> Option<String> {
        let lines = self.left_out.iter().map(|LeftOut { name, reason }| {
            format!("depends on {name}, which is left out of the image on purpose: {reason}")
        });
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl Filtered<'_> {
    fn sentence(&self) -> String {
        let Self { pattern, reason, files, bytes } = self;
        format!("left out: {files} files, {bytes} bytes, by the filter `{pattern}`: {reason}")
    }
}

impl Generated<'_> {
    fn name(&self) -> String {
        format!("step {}", self.step)
    }
}

impl<'a> Subject<'a> {
    /// Under which the namespaces of its documents lie, content-addressed below this.
    fn namespace(&self) -> String {
        format!(
            "{}/{}/{}-{}",
            self.organization.sbom_namespace.as_str().trim_end_matches('/'),
            self.image.repository(),
            self.image.tag,
            self.architecture,
        )
    }

    /// The name in a layout: `cc-debian13:debug-amd64`.
    #[must_use]
    pub fn reference(&self) -> String {
        self.image.on(self.architecture)
    }

    /// `cc-debian13:debug (linux/amd64)`
    fn title(&self) -> String {
        format!("{} ({})", self.image, self.platform)
    }

    /// Everything that may be used under a licence of its own: that of the whole is that of all of these.
    fn concluded(&self) -> Option<Expression> {
        let parts = self.licensings().map(|licensing| Some(&licensing?.concluded));
        Expression::all(parts.collect::<Option<BTreeSet<_>>>()?)
    }

    /// Of packages and tarballs, as far as it is known.
    fn licensings(&self) -> impl Iterator<Item = Option<&'a Licensing>> {
        let of_packages = self.packages.iter().map(|component| component.licensing);
        of_packages.chain(self.tarballs.iter().map(|component| component.licensing))
    }

    /// The texts of licenses that SPDX does not list.
    fn license_texts(&self) -> BTreeMap<&str, &str> {
        let texts = self.licensings().flatten().flat_map(|licensing| &licensing.texts);
        texts.map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }
}

/// A document in a namespace below this one that is of its content alone, with a final newline: the digest is of the
/// text in which zeros stand for it.
fn content_addressed(namespace: &str, text_in: impl FnOnce(String) -> String) -> String {
    let open = format!("{namespace}/{:064}", 0);
    let mut text = text_in(open.clone());
    text.push('\n');
    let content = Sha256::of(text.as_bytes());
    text.replace(&open, &format!("{namespace}/{content}"))
}

/// `distro 0.1.0`, as the tool that writes documents.
const TOOL: (&str, &str) = ("distro", env!("CARGO_PKG_VERSION"));
