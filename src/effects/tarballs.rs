//! Upstream tarballs as their makers publish them → as a lock keeps them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::archive::{Archive, ArchiveError, Network, Unavailable};
use super::renewal::{Offer, side_by_side};
use crate::catalog::name::{ReleaseName, TarballName};
use crate::catalog::tarball::{Evidence, Tarball};
use crate::catalog::{Catalog, Release};
use crate::debian::Architecture;
use crate::debian::signed::{Keyring, SignatureError, verify, verify_detached};
use crate::digest::Sha256;
use crate::lock::{Lock, LockedEvidence, LockedTarball, TarballPin, files_of};
use crate::tarball::checksums::{self, NoChecksum};
use crate::tarball::{AT_MOST, FileUrl};

/// The tarballs of a release, as far as they could be had.
#[derive(Debug, Default)]
pub struct Obtained {
    pub locked: BTreeMap<TarballName, LockedTarball>,
    /// Those that no server gave, and why.
    pub missing: BTreeMap<TarballName, Unavailable>,
}

#[derive(Debug, thiserror::Error)]
#[error("could not lock the tarball `{name}`")]
pub struct TarballError {
    name: TarballName,
    source: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the file of checksums `{url}` does not vouch for it")]
    Checksums { url: FileUrl, source: NoChecksum },
}

/// By whom files of checksums must be signed, and for when the keys must be valid.
#[derive(Clone, Copy)]
pub struct Signers<'a> {
    pub keyring: &'a Keyring,
    pub now: Timestamp,
}

/// Where the digests of a tarball's files are from.
enum Digests<'a> {
    Signed { url: &'a FileUrl, text: String, evidence: LockedEvidence },
    Declared(&'a BTreeMap<Architecture, Sha256>),
}

impl Digests<'_> {
    /// The digest of the file for an architecture.
    fn of(&self, architecture: &Architecture, file: &FileUrl) -> Result<Sha256, Fault> {
        match self {
            Self::Signed { url, text, .. } => checksums::find(text, file.name())
                .map_err(|source| Fault::Checksums { url: (*url).clone(), source }),
            Self::Declared(digests) => Ok(digests[architecture]),
        }
    }

    fn evidence(self) -> LockedEvidence {
        match self {
            Self::Signed { evidence, .. } => evidence,
            Self::Declared(_) => LockedEvidence::Declared,
        }
    }
}

impl Offer<'_> {
    /// The tarballs that images of a release hold. What an older lock has of them stays, as long as it fits
    /// its definition: a version is published once.
    pub fn tarballs(
        &self,
        catalog: &Catalog,
        (name, release): (&ReleaseName, &Release),
        signers: Signers<'_>,
        old: Option<&Lock>,
    ) -> Result<Obtained, TarballError> {
        let names: BTreeSet<&TarballName> =
            catalog.images_of(name).flat_map(|image| image.tarballs()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let found = side_by_side(&names, |name| {
            let definition = &catalog.tarballs[*name];
            let kept = old.and_then(|old| old.tarballs.get(*name));
            match kept.filter(|kept| kept.misfit(definition, release).is_none()) {
                Some(kept) => Ok(kept.clone()),
                None => self.tarball(definition, release, signers),
            }
        });
        let mut obtained = Obtained::default();
        for (name, found) in names.into_iter().zip(found) {
            match found {
                Ok(locked) => drop(obtained.locked.insert(name.clone(), locked)),
                Err(Fault::Archive(ArchiveError::Unavailable(why))) if why.is_absent() => {
                    obtained.missing.insert(name.clone(), why);
                }
                Err(source) => return Err(TarballError { name: name.clone(), source }),
            }
        }
        Ok(obtained)
    }

    fn tarball(
        &self,
        definition: &Tarball,
        release: &Release,
        signers: Signers<'_>,
    ) -> Result<LockedTarball, Fault> {
        let digests = self.digests(&definition.evidence, signers)?;
        let files: Vec<_> = files_of(definition, release).collect();
        let locked = side_by_side(&files, |(architecture, url)| {
            let sha256 = digests.of(architecture, url)?;
            let size = self.upstream(url).of_digest(url.name(), sha256, AT_MOST)?.size;
            Ok(((*architecture).clone(), TarballPin { url: (*url).clone(), size, sha256 }))
        });
        Ok(LockedTarball {
            version: definition.version.clone(),
            files: locked.into_iter().collect::<Result<_, Fault>>()?,
            evidence: digests.evidence(),
        })
    }

    fn digests<'a>(&self, evidence: &'a Evidence, signers: Signers<'_>) -> Result<Digests<'a>, Fault> {
        let (url, signature, keys) = match evidence {
            Evidence::Declared(digests) => return Ok(Digests::Declared(digests)),
            Evidence::Signed { checksums, signature, keys } => (checksums, signature, keys),
        };
        let Signers { keyring, now } = signers;
        let anything = |_: &[u8]| Ok::<_, SignatureError>(());
        let signature = signature.as_ref().map(|url| self.upstream(url).signed(url.name(), anything));
        let signature = signature.transpose()?.map(|found| found.bytes);
        let found = self.upstream(url).signed(url.name(), |bytes| match &signature {
            None => verify(bytes, keyring, keys, now).map(|signed| (signed.text, signed.signers)),
            Some(signature) => {
                let signers = verify_detached(bytes, signature, keyring, keys, now)?;
                Ok((String::from_utf8_lossy(bytes).into_owned(), signers))
            }
        })?;
        let (text, signed_by) = found.checked;
        let evidence = LockedEvidence::Signed {
            checksums: Sha256::of(&found.bytes),
            signature: signature.map(|bytes| Sha256::of(&bytes)),
            signed_by,
        };
        Ok(Digests::Signed { url, text, evidence })
    }

    fn upstream(&self, url: &FileUrl) -> Archive<'_> {
        let bases = self.mirrors.upstream(url.directory());
        Archive::new(self.http, self.store, bases, Network::Allowed, self.progress)
    }
}
