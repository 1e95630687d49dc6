//! `distro unpack`: an image → its files in a directory.

use distro::effects::layout::LayoutError;
use distro::effects::pull::Portion;
use distro::effects::unpack::{Destination, LeftOut, Occupied, Owners, UnpackError};
use distro::image::layout::sha256;

use super::Workspace;
use super::choice::Images;
use crate::cli::{UnpackArgs, UnpackLayerArgs};
use crate::report::failure::Advice;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &UnpackArgs) -> anyhow::Result<()> {
    let owners = if args.no_owner { Owners::Ours } else { Owners::Kept };
    let occupied = if args.force { Occupied::Overlaid } else { Occupied::Refused };
    let destination = Destination { root: &args.directory, owners, occupied };
    // Before anything is fetched.
    destination.check().map_err(advise)?;
    let wanted = workspace.wanted(args.arch.as_ref())?;
    let chosen = Images::of(workspace, &args.from).open(&args.image, Portion::of(&wanted), &[])?;
    let (manifest, _) = chosen.layout.documents(&chosen.image)?;
    let layer = |layer| sha256(layer).map(|digest| (digest, chosen.layout.blob(digest)));
    let layers =
        manifest.layers().iter().map(layer).collect::<Result<Vec<_>, _>>().map_err(LayoutError::from)?;
    let LeftOut { devices, attributes } = destination.unpack(&layers).map_err(|error| match error {
        UnpackError::Damaged { .. } | UnpackError::Layer { .. } => chosen.damaged(error),
        error => advise(error),
    })?;
    for (number, what) in [(devices, "device node"), (attributes, "attribute")] {
        if number > 0 {
            warn(&format!("left out, as they cannot be had here: {}", count(number, what)));
        }
    }
    let layers = count(layers.len(), "layer");
    say("Unpacked", &format!("{} into {}: {layers}", chosen.name, args.directory.display()));
    Ok(())
}

/// Unpacks a layer alone, as `distro test` has it done.
pub fn layer(UnpackLayerArgs { digest, blob, directory }: &UnpackLayerArgs) -> anyhow::Result<()> {
    let destination = Destination { root: directory, owners: Owners::Kept, occupied: Occupied::Refused };
    destination.unpack(&[(*digest, blob.clone())])?;
    Ok(())
}

fn advise(error: UnpackError) -> anyhow::Error {
    let hint = match &error {
        UnpackError::NotEmpty(_) => "name another directory, or put the files over what is there by --force",
        UnpackError::Unprivileged => {
            "run as root, or in a user namespace (`podman unshare`); or have all files be yours by --no-owner"
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}
