//! `distro unpack`: an image of a layout → its files in a directory.

use distro::effects::layout::LayoutError;
use distro::effects::unpack::{LeftOut, Occupied, Owners, UnpackError, unpack};
use distro::image::layout::sha256;

use super::Workspace;
use super::choice::Chosen;
use super::export::damaged;
use crate::cli::UnpackArgs;
use crate::report::failure::Advice;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &UnpackArgs) -> anyhow::Result<()> {
    let chosen = Chosen::open(&args.image, &args.out)?;
    let manifest = chosen.manifest(workspace, args.arch.as_ref())?;
    let (manifest, _) = chosen.layout.documents(&manifest)?;
    let layer = |layer| sha256(layer).map(|digest| (digest, chosen.layout.blob(digest)));
    let layers =
        manifest.layers().iter().map(layer).collect::<Result<Vec<_>, _>>().map_err(LayoutError::from)?;
    let owners = if args.no_owner { Owners::Ours } else { Owners::Kept };
    let occupied = if args.force { Occupied::Overlaid } else { Occupied::Refused };
    let left_out =
        unpack(&layers, &args.directory, owners, occupied).map_err(|error| advise(error, &chosen.name))?;
    let LeftOut { devices, attributes } = left_out;
    for (number, what) in [(devices, "device node"), (attributes, "attribute")] {
        if number > 0 {
            warn(&format!("left out, as they cannot be had here: {}", count(number, what)));
        }
    }
    let layers = count(layers.len(), "layer");
    say("Unpacked", &format!("{} into {}: {layers}", chosen.name, args.directory.display()));
    Ok(())
}

fn advise(error: UnpackError, name: &str) -> anyhow::Error {
    let hint = match &error {
        UnpackError::NotEmpty(_) => "name another directory, or put the files over what is there by --force",
        UnpackError::Unprivileged => {
            "run as root, or in a user namespace (`podman unshare`); or have all files be yours by --no-owner"
        }
        UnpackError::Damaged { .. } | UnpackError::Layer { .. } => return damaged(error, name),
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}
