//! The image that somebody names, in the layout that it is in.

use std::path::Path;

use oci_spec::image::Descriptor;

use distro::debian::Architecture;
use distro::effects::layout::{LayoutError, LayoutReader};
use distro::image::choice::{Address, Unchosen};

use super::Workspace;
use crate::report::failure::Advice;

/// An image of a layout, over all its architectures or of one.
pub struct Chosen {
    pub layout: LayoutReader,
    pub name: String,
    pub image: Descriptor,
}

impl Chosen {
    /// The image at an address; a mere name is of the layout `out`.
    pub fn open(address: &Address, out: &Path) -> anyhow::Result<Self> {
        let (root, name) = match address {
            Address::Name(name) => (out, Some(name.as_str())),
            Address::Layout { root, name } => (root.as_path(), name.as_deref()),
            Address::Registry(_) => {
                let error = anyhow::anyhow!("`{address}` is in a registry, and not in a layout");
                let hint = format!(
                    "copy it first, `skopeo copy --all {address} oci:DIR:NAME`, and name `oci:DIR:NAME`"
                );
                return Err(Advice::new(error, hint).into());
            }
        };
        let layout = LayoutReader::open(root)?;
        let (name, image) = layout.choose(name).map_err(advise)?;
        let (name, image) = (name.to_owned(), image.clone());
        Ok(Self { layout, name, image })
    }

    /// The manifest for an architecture: the one that is asked for, or else this machine's.
    pub fn manifest(
        &self,
        workspace: &Workspace,
        asked: Option<&Architecture>,
    ) -> anyhow::Result<Descriptor> {
        let machine;
        let otherwise = match asked {
            Some(asked) => asked,
            None => {
                machine = workspace.machine()?;
                &machine
            }
        };
        self.layout.manifest(&self.name, &self.image, asked, otherwise).map_err(|error| match error {
            LayoutError::Architecture(error) => {
                let hint = format!(
                    "name another by --arch, or add it by `distro build --arch {}`",
                    error.architecture
                );
                Advice::new(error, hint).into()
            }
            error => error.into(),
        })
    }
}

fn advise(error: LayoutError) -> anyhow::Error {
    let hint = match &error {
        LayoutError::Unchosen { why: Unchosen::Unknown(name), .. } => {
            format!(
                "`distro build {name}` makes it, if it is of the catalog; --out names another layout, and `distro list` \
                 the images of the catalog"
            )
        }
        LayoutError::Unchosen { why: Unchosen::Several { .. }, .. } => "name one of them".to_owned(),
        LayoutError::Unchosen { root, why: Unchosen::Unnamed(_) } => {
            format!("name one of them, as in `oci:{}:cc-debian13:latest`", root.display())
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}
