//! A published image, what is attached to it, and a rebuild of it → what of it does not hold.
//!
//! | module | what it holds |
//! |---|---|
//! | [`attached`] | what is attached to an image |
//! | [`authenticity`] | who says so: signatures, and the statements that count |
//! | [`origin`] | what the image says that it was built from |
//! | [`comparison`] | a published image against a rebuilt one |
//! | `values` | two JSON documents, field by field |
//!
//! A digest that is the same settles it. Where it is not, every part is looked at for what differs.

pub mod attached;
pub mod authenticity;
pub mod comparison;
pub mod origin;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::digest::Sha256;

/// What is asked of a published image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The key that is given signed it, and what is said of it.
    Signature,
    /// It says what it was built from, and has that with it.
    Provenance,
    /// A rebuild gives the same bytes.
    Rebuild,
    /// Its SBOMs are those that a rebuild gives, and tell of each of its files.
    Sbom,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Holds,
    Fails,
    /// There was nothing to check it by.
    NotChecked,
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    pub check: Check,
    /// The part of the image: `configuration`, `layer 3 (libc6 2.41-12 (amd64))`.
    pub part: String,
    /// The file of a layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The field of a document or of a file's metadata: `config.Env[0]`, `mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is the matter with it, after its name.
    pub message: String,
}

/// Why a rebuild may give something else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The layers have another form.
    Recipe { published: String, here: &'static str },
    /// Another version of the program built it.
    Version { published: String, here: &'static str },
    /// The definitions or the lock here are not those that it was built from.
    Definitions,
    /// Layers have the same content in another compression.
    Compression,
    /// Layers have the same files in another archive.
    Archive,
    /// Layers have other files.
    OtherFiles,
    /// Files are not what the digests of their own packages say.
    AlteredFiles,
    /// Layers were put on top of it, moved, or taken away.
    OtherLayers,
    /// Nothing but its documents was changed.
    Documents,
    /// Its documents have the same values in other words.
    Wording,
}

/// A manifest or an index, and what came of its checks.
#[derive(Debug, Clone)]
pub struct Verified {
    /// `cc-debian13:debug-amd64`, or the reference in a registry.
    pub name: String,
    pub digest: Sha256,
    pub states: BTreeMap<Check, State>,
    pub findings: Vec<Finding>,
    pub causes: BTreeSet<Cause>,
}

impl Check {
    pub const ALL: [Self; 4] = [Self::Signature, Self::Provenance, Self::Rebuild, Self::Sbom];
}

impl Finding {
    #[must_use]
    pub fn new(check: Check, part: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check, part: part.into(), path: None, field: None, message: message.into() }
    }

    #[must_use]
    pub fn at_path(self, path: impl fmt::Display) -> Self {
        Self { path: Some(path.to_string()), ..self }
    }

    #[must_use]
    pub fn at_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }
}

/// `layer 3 (libc6 2.41-12 (amd64)): /usr/lib/libc.so.6: mode is 0755, and a rebuild gives 0644`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.part)?;
        match (&self.path, &self.field) {
            (Some(path), Some(field)) => write!(f, ": {path}: {field}")?,
            (Some(part), None) | (None, Some(part)) => write!(f, ": {part}")?,
            (None, None) => {}
        }
        write!(f, " {}", self.message)
    }
}

impl Verified {
    #[must_use]
    pub fn new(name: String, digest: Sha256) -> Self {
        let (states, findings, causes) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { name, digest, states, findings, causes }
    }

    /// Notes that a check was made, and what it found.
    pub fn add(&mut self, check: Check, findings: Vec<Finding>) {
        let state = self.states.entry(check).or_insert(State::Holds);
        if !findings.is_empty() {
            *state = State::Fails;
        }
        self.findings.extend(findings);
    }

    #[must_use]
    pub fn state(&self, check: Check) -> State {
        self.states.get(&check).copied().unwrap_or(State::NotChecked)
    }

    /// Notes why a rebuild gives something else. Where that is known, nobody need have changed the image.
    pub fn explain(&mut self, cause: Cause) {
        self.causes.remove(&Cause::OtherFiles);
        self.causes.remove(&Cause::Documents);
        self.causes.insert(cause);
    }

    /// Whether nothing was found, and a rebuild was made.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.state(Check::Rebuild) == State::Holds
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe { published, here } => write!(
                f,
                "its layers have the form `{published}`, and this program writes `{here}`: use the version that built it"
            ),
            Self::Version { published, here } => {
                write!(f, "distro {published} built it, and this is {here}: use that version")
            }
            Self::Definitions => f.write_str("it was built from other definitions or another lock than are here"),
            Self::Compression => {
                f.write_str("what is in layers is the same: something compressed them anew on their way, or another encoder did")
            }
            Self::Archive => {
                f.write_str("layers have the same files in another archive: another program wrote them")
            }
            Self::OtherFiles => f.write_str(
                "this program gives other files from the same lock, definitions and packages: layers were changed after the build",
            ),
            Self::AlteredFiles => f.write_str(
                "files are not what the md5sums of their own packages say: they were changed after the packages were built",
            ),
            Self::OtherLayers => {
                f.write_str("layers were added, moved or taken away after the build, as `docker commit` and `crane append` do")
            }
            Self::Documents => {
                f.write_str("the layers are those of the build: only documents were changed, as `crane mutate` does")
            }
            Self::Wording => f.write_str("the documents say the same in other words: another program wrote them anew"),
        }
    }
}
