//! What somebody answers for in an image: maintainer scripts that are not run, files that give rights.

use std::sync::Arc;

use toml::Spanned;

use super::file::{MaintainerScriptTable, PrivilegedTable};
use super::{all_parsed, parsed};
use crate::debian::{PackagePattern, ScriptName};
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::{Capabilities, ImagePath};

/// Maintainer scripts of which somebody knows that they need not run.
#[derive(Debug, Clone)]
pub struct Understood {
    pub reason: String,
    pub packages: Vec<PackagePattern>,
    /// `None` for all.
    pub scripts: Option<Vec<ScriptName>>,
}

/// A file that gives more rights than its user has, and why it may.
#[derive(Debug, Clone)]
pub struct Privileged {
    pub path: ImagePath,
    /// What the file is given, besides what its package has it with.
    pub capabilities: Option<Capabilities>,
    pub reason: String,
}

impl Understood {
    pub(super) fn read(source: &Arc<Source>, table: &MaintainerScriptTable) -> Result<Self, Diagnostic> {
        let packages = all_parsed(source, &table.packages)?;
        Ok(Self { reason: reason(source, &table.reason)?, packages, scripts: table.scripts.clone() })
    }

    #[must_use]
    pub fn concerns(&self, package: &str) -> bool {
        self.packages.iter().any(|pattern| pattern.admits(package))
    }

    #[must_use]
    pub fn covers(&self, package: &str, script: ScriptName) -> bool {
        self.concerns(package) && self.scripts.as_ref().is_none_or(|scripts| scripts.contains(&script))
    }
}

impl Privileged {
    pub(super) fn read(source: &Arc<Source>, table: &PrivilegedTable) -> Result<Self, Diagnostic> {
        let capabilities = table.capabilities.as_ref().map(|text| parsed(source, text)).transpose()?;
        let path = super::image::path(source, &table.path)?;
        Ok(Self { path, capabilities, reason: reason(source, &table.reason)? })
    }
}

fn reason(source: &Arc<Source>, reason: &Spanned<String>) -> Result<String, Diagnostic> {
    match reason.get_ref().trim() {
        "" => Err(Location::of(source, reason).error("the reason is missing", "says nothing")),
        reason => Ok(reason.to_owned()),
    }
}
