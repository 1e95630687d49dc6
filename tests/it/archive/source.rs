//! The source packages of what is published.

use super::sha256;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub name: String,
    pub version: String,
    section: String,
}

impl Source {
    pub fn new(section: &str, name: &str, version: &str) -> Self {
        Self { section: section.to_owned(), name: name.to_owned(), version: version.to_owned() }
    }

    /// Of the .dsc, in the pool: `pool/main/g/glibc/glibc_2.41-1.dsc`.
    pub fn path(&self) -> String {
        format!("{}/{}", pool(&self.section, &self.name), self.file())
    }

    pub fn dsc(&self) -> String {
        let Self { name, version, .. } = self;
        let upstream = self.upstream();
        format!("Format: 3.0 (quilt)\nSource: {name}\nVersion: {version}\nChecksums-Sha256:\n{upstream}\n")
    }

    /// The stanza of the index.
    pub fn stanza(&self) -> String {
        let Self { name, version, section } = self;
        let (dsc, upstream, directory) = (self.dsc(), self.upstream(), pool(section, name));
        format!(
            "Package: {name}\nBinary: {name}\nVersion: {version}\nArchitecture: any all\nFormat: 3.0 (quilt)\n\
             Checksums-Sha256:\n {} {} {}\n{upstream}\nDirectory: {directory}\nPriority: optional\n",
            sha256(dsc.as_bytes()),
            dsc.len(),
            self.file(),
        )
    }

    fn file(&self) -> String {
        format!("{}_{}.dsc", self.name, without_epoch(&self.version))
    }

    fn upstream(&self) -> String {
        let version = without_epoch(&self.version).split('-').next().unwrap_or_default();
        format!(" {} 0 {}_{version}.orig.tar.xz", sha256(b""), self.name)
    }
}

/// The directory of a package, as it is where all have sources of their own name.
pub fn pool(section: &str, name: &str) -> String {
    let letters = if name.starts_with("lib") { 4 } else { 1 }.min(name.len());
    format!("pool/{section}/{}/{name}", &name[..letters])
}

/// The epoch of a version is not in the name of a file.
pub fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}
