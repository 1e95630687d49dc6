//! `distro load`: an image → docker, podman or nerdctl.

use distro::effects::engine::{Engine, EngineError};
use distro::effects::export::{Export, ExportError};
use distro::effects::layout::LayoutError;
use distro::effects::pull::Portion;
use distro::image::archive::Archive;

use super::Workspace;
use super::choice::Images;
use super::export::local_name;
use crate::cli::{EngineName, LoadArgs};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::say;

pub fn run(workspace: &Workspace, args: &LoadArgs) -> anyhow::Result<()> {
    // Before anything is fetched.
    let engine = match args.with {
        Some(with) => with.into(),
        None => Engine::installed().map_err(|error| advise(error, args))?,
    };
    let named = args.name.as_deref().map(local_name).transpose()?;
    let wanted = workspace.wanted(args.arch.as_ref())?;
    let chosen = Images::of(workspace, &args.from).open(&args.image, Portion::of(&wanted), &[])?;
    let name = named.map_or_else(|| local_name(&chosen.name), Ok)?;
    let archive = Archive::docker(&name, &chosen.image, |digest| chosen.layout.read(digest))
        .map_err(|error: LayoutError| chosen.damaged(error))?;
    let bars = Bars::new();
    let progress = bars.stage("Loading");
    let export = Export { archive: &archive, layout: &chosen.layout, progress: &progress };
    let loaded = engine.load(|stdin| export.write(stdin).map(drop));
    let names = loaded.map_err(|error| match error {
        EngineError::Export(ExportError::Damaged { .. } | ExportError::Blob(_)) => chosen.damaged(error),
        error => advise(error, args),
    })?;
    progress.finish();
    names.iter().for_each(|name| anstream::println!("{name}"));
    say("Loaded", &format!("{} into {engine}", chosen.name));
    Ok(())
}

fn advise(error: EngineError, args: &LoadArgs) -> anyhow::Error {
    let image = &args.image;
    let hint = match &error {
        EngineError::None => {
            format!(
                "`apt-get install podman`; or `distro export {image} --format docker -o FILE`, and `docker load -i FILE` elsewhere"
            )
        }
        EngineError::NotRun { engine, .. } => {
            let package = match engine {
                Engine::Docker => "docker.io",
                Engine::Podman => "podman",
                Engine::Nerdctl => "nerdctl",
            };
            format!(
                "`apt-get install {package}`, or another by --with; `distro export {image} --format docker -o FILE` needs none"
            )
        }
        EngineError::Refused { engine, .. } => {
            format!("see whether `{engine} info` works, or name another by --with")
        }
        EngineError::Export(_) => return error.into(),
    };
    Advice::new(error, hint).into()
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Docker => Self::Docker,
            EngineName::Podman => Self::Podman,
            EngineName::Nerdctl => Self::Nerdctl,
        }
    }
}
