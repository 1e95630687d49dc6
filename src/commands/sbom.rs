//! `distro sbom`: the SBOM of a built image.

use distro::effects::layout::{LayoutError, read_sbom};

use super::{Workspace, select_one};
use crate::cli::SbomArgs;
use crate::report::failure::Advice;

pub fn run(workspace: &Workspace, args: &SbomArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let architecture = args.arch.clone().map_or_else(|| workspace.machine(), Ok)?;
    let image = select_one(&catalog, &args.image, &architecture)?;
    let sbom =
        read_sbom(&args.out, &format!("{}-{architecture}", image.name)).map_err(|error| match error {
            LayoutError::NoImage { .. } => {
                let hint = format!("`distro build {} --arch {architecture}` builds it", image.name);
                Advice::new(error, hint).into()
            }
            error => anyhow::Error::new(error),
        })?;
    anstream::print!("{sbom}");
    Ok(())
}
