//! The copyright files of packages, out of the store, and what they were found to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::builder::Target;
use super::layers::WantedTarball;
use super::store::{Store, StoreError};
use crate::catalog::name::TarballName;
use crate::debian::PackageName;
use crate::digest::Sha256;
use crate::image::built::{BuiltImage, Owner, Verdicts};
use crate::license::notice::{COMMON_LICENSES, Text};
use crate::license::{Licenses, Licensing, Verdict};
use crate::tree::{FileInfo, ImagePath, Kind, Listed, Stack};

/// Reads each copyright file once for each package, whatever number of images hold it.
pub struct CopyrightFiles<'a> {
    store: &'a Store,
    pub licenses: &'a Licenses,
    read: Mutex<BTreeMap<(PackageName, PackageName, Sha256), Arc<Verdict>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LicensingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the licence text {0} is damaged in the store or gone from it, and could not be made anew there: \
         remove the store, or name another with `--store`"
    )]
    Lost(Sha256),
}

impl<'a> CopyrightFiles<'a> {
    #[must_use]
    pub fn new(store: &'a Store, licenses: &'a Licenses) -> Self {
        Self { store, licenses, read: Mutex::default() }
    }

    /// What a binary package of a source package may be used under, by its copyright file.
    pub fn verdict(
        &self,
        package: &PackageName,
        source: &PackageName,
        copyright: Sha256,
    ) -> Result<Arc<Verdict>, LicensingError> {
        let key = (package.clone(), source.clone(), copyright);
        let known = |key| self.read.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(verdict) = known(&key) {
            return Ok(verdict);
        }
        let verdict = Arc::new(self.licenses.of(package, source, &self.text(copyright)?));
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key, verdict.clone());
        Ok(verdict)
    }

    /// What the packages and tarballs of an image may be used under.
    pub fn of_image(&self, target: &Target<'_>, built: &BuiltImage) -> Result<Verdicts, LicensingError> {
        let of_package = |(name, copyright): (&PackageName, &Sha256)| {
            let pin = target.locked.pin(name)?;
            Some(self.verdict(name, &pin.source, *copyright).map(|verdict| (name.clone(), verdict)))
        };
        let of_tarball = |tarball: WantedTarball<'_>| {
            let texts = self.texts_of(tarball.name, built)?;
            Ok((tarball.name.clone(), Licensing::of_upstream(&tarball.definition.license, &texts)))
        };
        Ok(Verdicts {
            packages: built.copyright.iter().filter_map(of_package).collect::<Result<_, LicensingError>>()?,
            tarballs: target.tarballs().map(of_tarball).collect::<Result<_, LicensingError>>()?,
        })
    }

    /// The license texts that an upstream tarball of an image brings.
    pub fn texts_of(&self, tarball: &TarballName, built: &BuiltImage) -> Result<Vec<Text>, LicensingError> {
        let layer = built.layers.iter().find(|layer| layer.owner == Owner::Tarball(tarball.clone()));
        let files = layer.into_iter().flat_map(|layer| layer.record.listing.license_texts());
        let text = |(path, file): (&ImagePath, FileInfo)| {
            Ok(Text {
                title: format!("{path} of {tarball}"),
                text: self.text(file.sha256)?.trim_end().to_owned(),
            })
        };
        files.map(text).collect()
    }

    /// The texts of Debian's common licenses that an image has, by their names.
    pub fn common_licenses(&self, built: &BuiltImage) -> Result<BTreeMap<String, String>, LicensingError> {
        let stack = Stack::new(built.layers.iter().map(|layer| &layer.record.listing));
        let mut texts = BTreeMap::new();
        for path in stack.iter().map(|stacked| &stacked.listed.path) {
            let name = path.strip_prefix(COMMON_LICENSES.trim_matches('/'));
            let found = name.and_then(|name| Some((name, stack.resolve(path).ok()?.listed)));
            if let Some((name, Listed { kind: Kind::File(file), .. })) = found {
                texts.insert(name.to_owned(), self.text(file.sha256)?);
            }
        }
        Ok(texts)
    }

    /// A license text by the digest of its file. What is not UTF-8 in it is replaced.
    pub fn text(&self, digest: Sha256) -> Result<String, LicensingError> {
        let content = self.store.read(digest)?.ok_or(LicensingError::Lost(digest))?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}
