//! What an image is made of, said in the formats that auditors and scanners read.

pub mod purl;
mod spdx23;

use jiff::Timestamp;
use url::Url;

use crate::catalog::name::{ArchiveName, ImageName, TarballName};
use crate::catalog::tarball::Tarball;
use crate::catalog::{Organization, Platform, Release};
use crate::debian::control::Paragraph;
use crate::debian::{Architecture, PackageName};
use crate::digest::Sha256;
use crate::lock::{Pin, TarballPin};

pub use spdx23::spdx23;

/// An image of one architecture, and all that its SBOM speaks of.
///
/// Nothing in it changes while the image does not: no time of a lock, no name of a mirror.
#[derive(Debug)]
pub struct Subject<'a> {
    pub image: &'a ImageName,
    pub architecture: &'a Architecture,
    pub platform: &'a Platform,
    pub release: &'a Release,
    pub organization: &'a Organization,
    /// Digest of the image's manifest.
    pub manifest: Sha256,
    /// The time of the newest entry in the image.
    pub created: Timestamp,
    /// By name.
    pub packages: Vec<Component<'a>>,
    pub tarballs: Vec<UpstreamComponent<'a>>,
}

/// A binary package in an image.
#[derive(Debug)]
pub struct Component<'a> {
    pub name: &'a PackageName,
    pub pin: &'a Pin,
    /// Who publishes it, where that is not the release's own publisher.
    pub third_party: Option<ThirdParty<'a>>,
    /// Those of the pin's dependencies that the image holds.
    pub depends: Vec<&'a PackageName>,
    pub facts: Facts<'a>,
}

/// An upstream tarball in an image.
#[derive(Debug)]
pub struct UpstreamComponent<'a> {
    pub name: &'a TarballName,
    pub definition: &'a Tarball,
    pub file: &'a TarballPin,
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
