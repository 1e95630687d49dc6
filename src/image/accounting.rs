//! What somebody has to answer for: maintainer scripts that do not run, files that give rights.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::{Catalog, Image, Understood};
use crate::debian::{Architecture, MaintainerScript, PackageName, Version};
use crate::tree::{ImagePath, Kind, Listed, Union};

/// Why a script need not run in an image; `None` where nobody has said so. What the image's definitions say comes
/// before what the catalog does.
#[must_use]
pub fn reason<'a>(
    catalog: &'a Catalog,
    image: &'a Image,
    package: &PackageName,
    script: &MaintainerScript,
) -> Option<&'a Understood> {
    let mut understood = image.understood().chain(&catalog.understood);
    understood.find(|understood| understood.covers(package.as_str(), script.name))
}

/// Packages with maintainer scripts that nobody accounts for, over all images that are built.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unaccounted {
    packages: BTreeMap<Package, Holders>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: PackageName,
    version: Version,
    /// They may differ between architectures.
    scripts: Vec<MaintainerScript>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Holders {
    architectures: BTreeSet<Architecture>,
    /// `cc-debian13`
    images: BTreeSet<String>,
}

impl Unaccounted {
    /// Adds those scripts of a package of an image that nobody accounts for.
    pub fn add(
        &mut self,
        (image, architecture): (&Image, &Architecture),
        (name, version): (&PackageName, &Version),
        scripts: Vec<MaintainerScript>,
    ) {
        if !scripts.is_empty() {
            let package = Package { name: name.clone(), version: version.clone(), scripts };
            let holders = self.packages.entry(package).or_default();
            holders.architectures.insert(architecture.clone());
            holders.images.insert(image.name.repository());
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// How a definition would account for the first of them.
    #[must_use]
    pub fn example(&self) -> String {
        let table = |Package { name, scripts, .. }: &Package| {
            let scripts: Vec<_> = scripts.iter().map(|script| format!("\"{}\"", script.name)).collect();
            let scripts = scripts.join(", ");
            format!(
                "packages = [\"{name}\"]\nscripts = [{scripts}]\nreason = \"what they do, and what does it here\""
            )
        };
        self.packages.keys().next().map(table).unwrap_or_default()
    }
}

impl std::error::Error for Unaccounted {}

impl fmt::Display for Unaccounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<_> = self.packages.keys().map(|package| &package.name).collect();
        match names.len() {
            1 => f.write_str("a package has maintainer scripts that nobody accounts for:")?,
            number => write!(f, "{number} packages have maintainer scripts that nobody accounts for:")?,
        }
        for (Package { name, version, scripts }, Holders { architectures, images }) in &self.packages {
            let architectures: Vec<_> = architectures.iter().map(Architecture::as_str).collect();
            let images: Vec<_> = images.iter().map(String::as_str).collect();
            write!(f, "\n  {name} {version} ({}), in {}", architectures.join(" "), images.join(", "))?;
            for script in scripts {
                write!(f, "\n    {}", script.to_string().replace('\n', "\n    "))?;
            }
        }
        Ok(())
    }
}

/// A file that gives whoever runs it the rights of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privilege<O> {
    pub path: ImagePath,
    pub owner: O,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// The files of an image that give rights, and that none of its definitions names.
#[must_use]
pub fn privileges<O: Clone>(image: &Image, files: &Union<'_, O>) -> Vec<Privilege<O>> {
    let is_named = |path: &ImagePath| image.privileged().any(|privileged| privileged.path == *path);
    let claims = files.iter().filter(|claim| gives_rights(claim.listed) && !is_named(&claim.listed.path));
    let privileges = claims.map(|claim| {
        let (owner, Listed { path, mode, uid, gid, .. }) = (claim.owner.clone(), claim.listed);
        Privilege { path: path.clone(), owner, mode: *mode, uid: *uid, gid: *gid }
    });
    privileges.collect()
}

/// Whether whoever runs a file gets rights by it: it is setuid or setgid. A directory that is setgid only passes on
/// its group.
#[must_use]
pub fn gives_rights(listed: &Listed) -> bool {
    matches!(listed.kind, Kind::File(_) | Kind::HardLink(_)) && listed.mode & 0o6000 != 0
}

impl<O: fmt::Display> fmt::Display for Privilege<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, owner, mode, uid, gid } = self;
        let (how, whose) = match (mode & 0o4000 != 0, mode & 0o2000 != 0) {
            (true, true) => ("setuid and setgid", format!("user {uid} and group {gid}")),
            (true, false) => ("setuid", format!("user {uid}")),
            (false, _) => ("setgid", format!("group {gid}")),
        };
        write!(f, "`{path}` of {owner} is {how}: it runs with the rights of {whose} (mode {mode:04o})")
    }
}
