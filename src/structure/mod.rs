//! Structure tests: what is expected of a built image, and whether it holds.
//!
//! [`mod@file`] reads the YAML of [container-structure-test], which people have already; [`judge`] holds its tests
//! against an image; [`process`] is what a container runs for one; [`baseline`] has the checks that every image gets
//! without a file. Nothing is run here: `effects::tester` does, and brings what was said.
//!
//! [container-structure-test]: https://github.com/GoogleContainerTools/container-structure-test

pub mod baseline;
pub mod file;
pub mod judge;
pub mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use regex::Regex;

/// The tests of one file.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// As people know it.
    pub path: String,
    /// What all its commands have in their environment, besides what the image gives them.
    pub environment: Vec<(String, String)>,
    pub options: RunOptions,
    pub commands: Vec<CommandTest>,
    pub existence: Vec<FileExistenceTest>,
    pub contents: Vec<FileContentTest>,
    pub licenses: Vec<LicenseTest>,
    pub metadata: Option<MetadataTest>,
}

/// How the containers of a file's commands differ from those of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// `name`, `uid`, `name:group` or `uid:gid`, in place of the image's user.
    pub user: Option<String>,
    /// Capabilities besides those that containers have: `NET_ADMIN`.
    pub capabilities: Vec<String>,
    pub bind_mounts: Vec<BindMount>,
}

/// A path of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindMount {
    pub source: String,
    pub destination: String,
    pub read_only: bool,
}

#[derive(Debug, Clone)]
pub struct CommandTest {
    pub name: String,
    /// Commands that run before, each in a container of its own with the files that the one before left.
    pub setup: Vec<Vec<String>>,
    pub environment: Vec<(String, String)>,
    /// The program and its arguments, in place of the entrypoint.
    pub command: Vec<String>,
    pub exit_code: i32,
    pub stdout: Expectations,
    pub stderr: Expectations,
}

/// What a text has to match, and what it must not.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    pub expected: Vec<Regex>,
    pub excluded: Vec<Regex>,
}

#[derive(Debug, Clone)]
pub struct FileExistenceTest {
    pub name: String,
    pub path: String,
    pub should_exist: bool,
    /// As Go writes a mode: `-rw-r--r--`, `drwxr-xr-x`, `dtrwxrwxrwx`.
    pub permissions: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub executable_by: Option<ExecutableBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutableBy {
    Owner,
    Group,
    Other,
    Any,
}

#[derive(Debug, Clone)]
pub struct FileContentTest {
    pub name: String,
    pub path: String,
    pub contents: Expectations,
}

/// That no copyright file names a licence that is not wanted.
#[derive(Debug, Clone)]
pub struct LicenseTest {
    /// Whether those of all packages are read, in `/usr/share/doc`.
    pub debian: bool,
    /// Further files.
    pub files: Vec<String>,
}

/// What the image's configuration has to say.
#[derive(Debug, Clone, Default)]
pub struct MetadataTest {
    pub environment: BTreeMap<String, Value>,
    pub unbound: BTreeSet<String>,
    pub labels: BTreeMap<String, Value>,
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub exposed_ports: BTreeSet<String>,
    pub unexposed_ports: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    pub unmounted_volumes: BTreeSet<String>,
    pub working_directory: Option<String>,
    pub user: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Value {
    Exactly(String),
    Matching(Regex),
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The file that has the test, or `built in`.
    pub source: String,
    pub name: String,
    pub outcome: Outcome,
    pub took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed(Vec<Finding>),
    /// Why it was not run.
    Skipped(String),
}

/// What was expected, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub expected: String,
    pub actual: String,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Self::Passed } else { Self::Failed(findings) }
    }
}

impl Finding {
    #[must_use]
    pub fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

impl MetadataTest {
    /// The test of an image whose definition says `nearer`, and whose ancestors say `self`: where both speak of
    /// the same, the nearer one counts.
    #[must_use]
    pub fn overridden_by(mut self, nearer: Self) -> Self {
        self.environment.retain(|name, _| !nearer.unbound.contains(name));
        self.unbound.retain(|name| !nearer.environment.contains_key(name));
        self.exposed_ports.retain(|port| !nearer.unexposed_ports.contains(port));
        self.unexposed_ports.retain(|port| !nearer.exposed_ports.contains(port));
        self.volumes.retain(|volume| !nearer.unmounted_volumes.contains(volume));
        self.unmounted_volumes.retain(|volume| !nearer.volumes.contains(volume));
        self.environment.extend(nearer.environment);
        self.unbound.extend(nearer.unbound);
        self.labels.extend(nearer.labels);
        self.exposed_ports.extend(nearer.exposed_ports);
        self.unexposed_ports.extend(nearer.unexposed_ports);
        self.volumes.extend(nearer.volumes);
        self.unmounted_volumes.extend(nearer.unmounted_volumes);
        Self {
            entrypoint: nearer.entrypoint.or(self.entrypoint),
            command: nearer.command.or(self.command),
            working_directory: nearer.working_directory.or(self.working_directory),
            user: nearer.user.or(self.user),
            ..self
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => write!(f, "`{text}`"),
            Self::Matching(pattern) => write!(f, "a match of `{pattern}`"),
        }
    }
}
