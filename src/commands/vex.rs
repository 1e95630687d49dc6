//! `distro vex`.
use super::Workspace;
use crate::cli::VexArgs;
pub fn run(_: &Workspace, _: &VexArgs) -> anyhow::Result<()> { Ok(()) }
