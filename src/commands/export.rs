//! `distro export`: an image → one file.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use distro::effects::export::{Export, ExportError};
use distro::effects::layout::{LayoutError, LayoutReader};
use distro::effects::pull::Portion;
use distro::image::archive::{Archive, LocalName, Referrers};

use super::Workspace;
use super::choice::Images;
use crate::cli::{ArchiveForm, ExportArgs};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::say;
use crate::report::size::Size;

pub fn run(workspace: &Workspace, args: &ExportArgs) -> anyhow::Result<()> {
    let to_stdout = args.output == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        let error = anyhow::anyhow!("an archive is not for a terminal");
        return Err(Advice::new(error, "name a file by `--output FILE`, or pass it on by a pipe").into());
    }
    // Before anything is fetched.
    let local = match (args.format, &args.name) {
        (ArchiveForm::Docker, Some(name)) => Some(local_name(name)?),
        _ => None,
    };
    let wanted = match (args.format, &args.arch) {
        (ArchiveForm::Oci, None) => None,
        (_, asked) => Some(workspace.wanted(asked.as_ref())?),
    };
    let referrers = match args.format {
        ArchiveForm::Oci if !args.no_referrers => Referrers::Carried,
        _ => Referrers::LeftOut,
    };
    let portion = Portion { wanted: wanted.as_ref(), referrers };
    let chosen = Images::of(workspace, &args.from).open(&args.image, portion, &[])?;
    let name = args.name.clone().unwrap_or_else(|| chosen.name.clone());
    let read = |digest| chosen.layout.read(digest);
    let archive = match args.format {
        ArchiveForm::Docker => {
            let local = local.map_or_else(|| local_name(&name), Ok)?;
            Archive::docker(&local, &chosen.image, read)
        }
        ArchiveForm::Oci => Archive::oci(chosen.layout.layout(), &name, &chosen.image, referrers, read),
    };
    let archive = archive.map_err(|error: LayoutError| chosen.damaged(error))?;
    let size = write(&archive, &chosen.layout, to_stdout, args).map_err(|error| match error {
        error @ (ExportError::Damaged { .. } | ExportError::Blob(_)) => chosen.damaged(error),
        error => error.into(),
    })?;
    let place = if to_stdout { "stdout".to_owned() } else { args.output.display().to_string() };
    say("Exported", &format!("{name} to {place} ({})", Size(size)));
    Ok(())
}

fn write(
    archive: &Archive,
    layout: &LayoutReader,
    to_stdout: bool,
    args: &ExportArgs,
) -> Result<u64, ExportError> {
    let bars = Bars::new();
    let progress = bars.stage("Exporting");
    let export = Export { archive, layout, progress: &progress };
    if to_stdout { export.write(io::stdout().lock()) } else { export.to_file(&args.output) }
}

/// A name as docker and podman take it.
pub fn local_name(name: &str) -> anyhow::Result<LocalName> {
    name.parse().map_err(|error| {
        let hint = "docker wants a name of lower case, as in `--name cc-debian13:debug`";
        Advice::new(anyhow::Error::new::<distro::image::reference::InvalidReference>(error), hint).into()
    })
}
