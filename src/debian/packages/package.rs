//! One stanza of a Packages index.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use memchr::{memchr, memmem};

use crate::debian::{Architecture, ArchivePath, PackageName, Relations, Version};
use crate::digest::Sha256;

/// A binary package as an index describes it, [policy §5.3]; borrowed from the text of the index.
///
/// What tells it from others is found at once, a field when it is asked for: of 10⁵ stanzas a resolution asks
/// for the dependencies of a hundred. A field that cannot be read is an error of the method that asks for it.
///
/// [policy §5.3]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#debian-binary-package-control-files-debian-control
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    stanza: &'a str,
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
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

/// A source package in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
        let mut package = Self { stanza, name: "", version: "", architecture: "" };
        for (field, value) in fields(stanza) {
            match field {
                "Package" => package.name = value,
                "Version" => package.version = value,
                "Architecture" => package.architecture = value,
                _ => continue,
            }
            if ![package.name, package.version, package.architecture].contains(&"") {
                break;
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

    /// Whether it can be installed on machines of an architecture.
    pub fn is_for(&self, architecture: &Architecture) -> Result<bool, InvalidStanza> {
        match self.architecture {
            "all" => Ok(true),
            of if of == architecture.as_str() => Ok(true),
            _ => self.architecture().map(|_| false),
        }
    }

    /// Where `Source` is absent, or has no version, it is the binary package's own.
    pub fn source(&self) -> Result<Source, InvalidStanza> {
        let Some(text) = self.get("Source") else {
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
        self.relations("Depends")
    }

    pub fn pre_depends(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Pre-Depends")
    }

    pub fn recommends(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Recommends")
    }

    pub fn provides(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Provides")
    }

    pub fn conflicts(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Conflicts")
    }

    pub fn breaks(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Breaks")
    }

    pub fn replaces(&self) -> Result<Relations, InvalidStanza> {
        self.relations("Replaces")
    }

    /// Where the `.deb` lies, from the root of the archive.
    pub fn filename(&self) -> Result<ArchivePath, InvalidStanza> {
        self.required("Filename", self.get("Filename"))
    }

    /// The size of the `.deb` in bytes.
    pub fn size(&self) -> Result<u64, InvalidStanza> {
        self.required("Size", self.get("Size"))
    }

    /// The digest of the `.deb`.
    pub fn sha256(&self) -> Result<Sha256, InvalidStanza> {
        self.required("SHA256", self.get("SHA256"))
    }

    /// The estimated size of the installed files in KiB.
    pub fn installed_size(&self) -> Result<Option<u64>, InvalidStanza> {
        self.get("Installed-Size").map(|text| self.required("Installed-Size", Some(text))).transpose()
    }

    pub fn multi_arch(&self) -> Result<MultiArch, InvalidStanza> {
        match self.get("Multi-Arch") {
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
        self.get("Essential") == Some("yes")
    }

    /// An absent or unknown priority counts as optional.
    #[must_use]
    pub fn priority(&self) -> Priority {
        match self.get("Priority") {
            Some("required") => Priority::Required,
            Some("important") => Priority::Important,
            Some("standard") => Priority::Standard,
            Some("extra") => Priority::Extra,
            _ => Priority::Optional,
        }
    }

    /// Every package name that the stanza has, its own first, in the order in which apt reads relations.
    /// Names that are qualified by `:any` are names of their own to apt, and not among these.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let relations = NAMING.into_iter().filter_map(move |field| self.get(field));
        let alternatives = relations.flat_map(|value| value.split([',', '|']));
        let names = alternatives.filter_map(|alternative| {
            let alternative = alternative.trim_start();
            let end = alternative.find(|c: char| c.is_whitespace() || "([<".contains(c));
            match alternative[..end.unwrap_or(alternative.len())].split_once(':') {
                None => Some(&alternative[..end.unwrap_or(alternative.len())]),
                Some((_, "any")) => None,
                Some((name, _)) => Some(name),
            }
        });
        std::iter::once(self.name).chain(names)
    }

    fn get(&self, field: &str) -> Option<&'a str> {
        // Most fields that are asked for are absent, and finding a text is quicker than finding all fields.
        memmem::find(self.stanza.as_bytes(), field.as_bytes())?;
        fields(self.stanza).find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    fn relations(&self, field: &'static str) -> Result<Relations, InvalidStanza> {
        self.get(field).map_or(Ok(Relations::default()), |value| self.required(field, Some(value)))
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

/// The fields that name other packages, in the order in which apt reads them.
const NAMING: [&str; 9] = [
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Recommends",
    "Suggests",
    "Replaces",
    "Enhances",
    "Provides",
];

/// The fields that the methods of [`Package`] ask for.
const FIELDS: [&str; 20] = [
    "Package",
    "Version",
    "Architecture",
    "Source",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Provides",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Filename",
    "Size",
    "SHA256",
    "Installed-Size",
    "Multi-Arch",
    "Essential",
    "Priority",
];

/// Adds to a text what of a stanza can be asked for. A stanza stays one, so that all keep their numbers.
pub(super) fn condense(stanza: &str, text: &mut String) {
    let start = text.len();
    for (name, value) in fields(stanza).filter(|(name, _)| FIELDS.contains(name)) {
        text.extend([name, ": ", value, "\n"]);
    }
    if text.len() == start {
        text.push_str("Package:\n");
    }
    text.push('\n');
}

/// Names and values; white space around a value is taken off, continuation lines belong to it.
///
/// This looks only for line ends and colons.
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
