//! One stanza of a Packages index.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use memchr::memchr;

use crate::debian::{Architecture, ArchivePath, PackageName, Relations, Version};
use crate::digest::Sha256;

/// A binary package as an index describes it, [policy §5.3]; borrowed from the text of the index.
///
/// A field that cannot be read is an error of the method that asks for it.
///
/// [policy §5.3]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#debian-binary-package-control-files-debian-control
#[derive(Debug, Clone, Copy, Default)]
pub struct Package<'a> {
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
    source: Option<&'a str>,
    depends: Option<&'a str>,
    pre_depends: Option<&'a str>,
    provides: Option<&'a str>,
    conflicts: Option<&'a str>,
    breaks: Option<&'a str>,
    replaces: Option<&'a str>,
    filename: Option<&'a str>,
    size: Option<&'a str>,
    sha256: Option<&'a str>,
    installed_size: Option<&'a str>,
    multi_arch: Option<&'a str>,
    essential: Option<&'a str>,
    priority: Option<&'a str>,
}

/// A field of an index that is missing or cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the field `{field}` of {stanza} cannot be read")]
pub struct InvalidStanza {
    stanza: String,
    field: &'static str,
    #[source]
    why: Arc<dyn Error + Send + Sync>,
}

#[derive(Debug, thiserror::Error)]
enum FieldFault {
    #[error("it is missing")]
    Missing,
    #[error("`{0}` is not one of {1}")]
    Word(String, &'static str),
}

/// The source package that a binary package was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: PackageName,
    pub version: Version,
}

/// Whether a package serves, or can be installed beside, those of other architectures: [Multi-Arch].
///
/// [Multi-Arch]: https://wiki.debian.org/Multiarch/Implementation
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MultiArch {
    #[default]
    No,
    Same,
    Foreign,
    Allowed,
}

/// How important a package is, [policy §2.5]; the more important is the greater.
///
/// [policy §2.5]: https://www.debian.org/doc/debian-policy/ch-archive.html#priorities
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    Extra,
    #[default]
    Optional,
    Standard,
    Important,
    Required,
}

impl<'a> Package<'a> {
    /// `number` counts the stanzas of the index from 1, to name one that has no name.
    pub(super) fn read(stanza: &'a str, number: usize) -> Result<Self, InvalidStanza> {
        let mut package = Self::default();
        for (field, value) in fields(stanza) {
            match field {
                "Package" => package.name = value,
                "Version" => package.version = value,
                "Architecture" => package.architecture = value,
                "Source" => package.source = Some(value),
                "Depends" => package.depends = Some(value),
                "Pre-Depends" => package.pre_depends = Some(value),
                "Provides" => package.provides = Some(value),
                "Conflicts" => package.conflicts = Some(value),
                "Breaks" => package.breaks = Some(value),
                "Replaces" => package.replaces = Some(value),
                "Filename" => package.filename = Some(value),
                "Size" => package.size = Some(value),
                "SHA256" => package.sha256 = Some(value),
                "Installed-Size" => package.installed_size = Some(value),
                "Multi-Arch" => package.multi_arch = Some(value),
                "Essential" => package.essential = Some(value),
                "Priority" => package.priority = Some(value),
                _ => {}
            }
        }
        if package.name.is_empty() {
            let stanza = format!("stanza {number}");
            return Err(InvalidStanza { stanza, field: "Package", why: Arc::new(FieldFault::Missing) });
        }
        Ok(package)
    }

    /// As it is written; [`Package::name`] checks it.
    #[must_use]
    pub fn raw_name(&self) -> &'a str {
        self.name
    }

    pub fn name(&self) -> Result<PackageName, InvalidStanza> {
        self.required("Package", Some(self.name))
    }

    pub fn version(&self) -> Result<Version, InvalidStanza> {
        self.required("Version", Some(self.version))
    }

    pub fn architecture(&self) -> Result<Architecture, InvalidStanza> {
        self.required("Architecture", Some(self.architecture))
    }

    /// Where `Source` is absent, or has no version, it is the binary package's own.
    pub fn source(&self) -> Result<Source, InvalidStanza> {
        let Some(text) = self.source else {
            return Ok(Source { name: self.name()?, version: self.version()? });
        };
        let (name, version) = match text.split_once('(') {
            None => (text, self.version),
            Some((name, version)) => (name.trim_end(), version.trim_end_matches(')').trim()),
        };
        Ok(Source {
            name: self.required("Source", Some(name))?,
            version: self.required("Source", Some(version))?,
        })
    }

    pub fn depends(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Depends", self.depends)
    }

    pub fn pre_depends(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Pre-Depends", self.pre_depends)
    }

    pub fn provides(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Provides", self.provides)
    }

    pub fn conflicts(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Conflicts", self.conflicts)
    }

    pub fn breaks(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Breaks", self.breaks)
    }

    pub fn replaces(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Replaces", self.replaces)
    }

    /// Where the `.deb` lies, from the root of the archive.
    pub fn filename(&self) -> Result<ArchivePath, InvalidStanza> {
        self.required("Filename", self.filename)
    }

    /// The size of the `.deb` in bytes.
    pub fn size(&self) -> Result<u64, InvalidStanza> {
        self.required("Size", self.size)
    }

    /// The digest of the `.deb`.
    pub fn sha256(&self) -> Result<Sha256, InvalidStanza> {
        self.required("SHA256", self.sha256)
    }

    /// The estimated size of the installed files in KiB.
    pub fn installed_size(&self) -> Result<Option<u64>, InvalidStanza> {
        self.installed_size.map(|text| self.required("Installed-Size", Some(text))).transpose()
    }

    pub fn multi_arch(&self) -> Result<MultiArch, InvalidStanza> {
        match self.multi_arch {
            None | Some("no") => Ok(MultiArch::No),
            Some("same") => Ok(MultiArch::Same),
            Some("foreign") => Ok(MultiArch::Foreign),
            Some("allowed") => Ok(MultiArch::Allowed),
            Some(other) => {
                let fault = FieldFault::Word(other.to_owned(), "`no`, `same`, `foreign` and `allowed`");
                Err(self.invalid("Multi-Arch", fault))
            }
        }
    }

    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.essential == Some("yes")
    }

    /// An absent or unknown priority counts as optional.
    #[must_use]
    pub fn priority(&self) -> Priority {
        match self.priority {
            Some("required") => Priority::Required,
            Some("important") => Priority::Important,
            Some("standard") => Priority::Standard,
            Some("extra") => Priority::Extra,
            _ => Priority::Optional,
        }
    }

    fn relations(&self, field: &'static str, value: Option<&str>) -> Result<Relations, InvalidStanza> {
        value.map_or(Ok(Relations::default()), |value| self.required(field, Some(value)))
    }

    fn required<T>(&self, field: &'static str, value: Option<&str>) -> Result<T, InvalidStanza>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        match value {
            None | Some("") => Err(self.invalid(field, FieldFault::Missing)),
            Some(value) => value.parse().map_err(|why| self.invalid(field, why)),
        }
    }

    fn invalid(&self, field: &'static str, why: impl Error + Send + Sync + 'static) -> InvalidStanza {
        let stanza = format!("`{}`", format!("{} {}", self.name, self.version).trim_end());
        InvalidStanza { stanza, field, why: Arc::new(why) }
    }
}

/// Names and values; white space around a value is taken off, continuation lines belong to it.
///
/// An index has some 20 fields a stanza and 10⁵ stanzas: this looks only for line ends and colons.
/// Names are taken in the case in which archives write them.
fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = field_end(rest.as_bytes());
            let (field, after) = rest.split_at(end);
            rest = after.strip_prefix('\n').unwrap_or(after);
            if let Some((name, value)) = field.split_once(':') {
                return Some((name, value.trim()));
            }
        }
        None
    })
}

/// Where the first line that no indented line follows ends.
fn field_end(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(line) = memchr(b'\n', &text[from..]) {
        let end = from + line;
        match text.get(end + 1) {
            Some(b' ' | b'\t') => from = end + 1,
            _ => return end,
        }
    }
    text.len()
}
