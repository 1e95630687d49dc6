//! One stanza of a Packages index.

use std::collections::BTreeSet;

use crate::debian::stanza::{FieldFault, InvalidStanza, Stanza, fields, values};
use crate::debian::{Architecture, ArchivePath, PackageName, Relations, Source, Version};
use crate::digest::Sha256;

/// A binary package as an index describes it, [policy §5.3]; borrowed from the text of the index.
///
/// What tells it from others is found at once, a field when it is asked for: of 10⁵ stanzas a resolution asks
/// for the dependencies of a hundred. A field that cannot be read is an error of the method that asks for it.
///
/// [policy §5.3]: https://www.debian.org/doc/debian-policy/ch-controlfields.html#debian-binary-package-control-files-debian-control
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    stanza: Stanza<'a>,
    architecture: &'a str,
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
        let [name, version, architecture] = values(stanza, ["Package", "Version", "Architecture"]);
        Ok(Self { stanza: Stanza::new(stanza, name, version, number)?, architecture })
    }

    /// As it is written; [`Package::name`] checks it.
    #[must_use]
    pub fn raw_name(&self) -> &'a str {
        self.stanza.name
    }

    pub fn name(&self) -> Result<PackageName, InvalidStanza> {
        self.stanza.required("Package", Some(self.stanza.name))
    }

    pub fn version(&self) -> Result<Version, InvalidStanza> {
        self.stanza.required("Version", Some(self.stanza.version))
    }

    pub fn architecture(&self) -> Result<Architecture, InvalidStanza> {
        self.stanza.required("Architecture", Some(self.architecture))
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
            None => (text, self.stanza.version),
            Some((name, version)) => (name.trim_end(), version.trim_end_matches(')').trim()),
        };
        Ok(Source {
            name: self.stanza.required("Source", Some(name))?,
            version: self.stanza.required("Source", Some(version))?,
        })
    }

    /// The source packages whose code is in it besides its own: Built-Using and Static-Built-Using, [policy §7.8].
    ///
    /// [policy §7.8]: https://www.debian.org/doc/debian-policy/ch-relationships.html#additional-source-packages-used-to-build-the-binary-built-using
    pub fn built_using(&self) -> Result<BTreeSet<Source>, InvalidStanza> {
        Ok(self.sources("Built-Using")?.into_iter().chain(self.sources("Static-Built-Using")?).collect())
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
        self.stanza.required("Filename", self.get("Filename"))
    }

    /// The size of the `.deb` in bytes.
    pub fn size(&self) -> Result<u64, InvalidStanza> {
        self.stanza.required("Size", self.get("Size"))
    }

    /// The digest of the `.deb`.
    pub fn sha256(&self) -> Result<Sha256, InvalidStanza> {
        self.stanza.required("SHA256", self.get("SHA256"))
    }

    /// The estimated size of the installed files in KiB.
    pub fn installed_size(&self) -> Result<Option<u64>, InvalidStanza> {
        self.get("Installed-Size").map(|text| self.stanza.required("Installed-Size", Some(text))).transpose()
    }

    pub fn multi_arch(&self) -> Result<MultiArch, InvalidStanza> {
        match self.get("Multi-Arch") {
            None | Some("no") => Ok(MultiArch::No),
            Some("same") => Ok(MultiArch::Same),
            Some("foreign") => Ok(MultiArch::Foreign),
            Some("allowed") => Ok(MultiArch::Allowed),
            Some(other) => {
                let fault = FieldFault::Word(other.to_owned(), "`no`, `same`, `foreign` and `allowed`");
                Err(self.stanza.invalid("Multi-Arch", fault))
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
        std::iter::once(self.stanza.name).chain(names)
    }

    fn get(&self, field: &str) -> Option<&'a str> {
        self.stanza.get(field)
    }

    fn relations(&self, field: &'static str) -> Result<Relations, InvalidStanza> {
        self.get(field).map_or(Ok(Relations::default()), |value| self.stanza.required(field, Some(value)))
    }

    fn sources(&self, field: &'static str) -> Result<BTreeSet<Source>, InvalidStanza> {
        Source::of_relations(&self.relations(field)?).map_err(|why| self.stanza.invalid(field, why))
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
const FIELDS: [&str; 22] = [
    "Package",
    "Version",
    "Architecture",
    "Source",
    "Built-Using",
    "Static-Built-Using",
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

/// Adds to a text what of a stanza can be asked for.
pub(super) fn condense(stanza: &str, text: &mut String) {
    for (name, value) in fields(stanza).filter(|(name, _)| FIELDS.contains(name)) {
        text.extend([name, ": ", value, "\n"]);
    }
}
