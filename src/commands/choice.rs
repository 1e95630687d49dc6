//! The image that somebody names, in the layout that it is in, or copied out of the registry that has it.

use std::path::Path;

use anyhow::anyhow;
use oci_spec::image::Descriptor;
use tempfile::TempDir;

use distro::debian::Architecture;
use distro::effects::layout::{LayoutError, LayoutReader};
use distro::effects::pull::{AtHand, Attached, Portion, Pull, PullError, Pulled};
use distro::effects::store::Access;
use distro::image::choice::{Address, NotForArchitecture, Unchosen, Wanted};
use distro::image::reference::{Pointer, Reference};

use super::Workspace;
use crate::cli::{FromArgs, NetworkArgs};
use crate::report::failure::Advice;
use crate::report::progress::Bars;

/// Where images are that people name.
pub struct Images<'a> {
    pub workspace: &'a Workspace,
    /// The layout of what has a mere name.
    pub out: &'a Path,
    pub offline: bool,
    pub plain_http: bool,
    pub network: &'a NetworkArgs,
}

/// An image, over all its architectures or of one, and the layout that it is in.
pub struct Chosen {
    pub layout: LayoutReader,
    pub name: String,
    pub image: Descriptor,
    /// Where the layout is a copy of what a registry has, its directory, which goes with this.
    copy: Option<TempDir>,
}

impl<'a> Images<'a> {
    pub fn of(workspace: &'a Workspace, from: &'a FromArgs) -> Self {
        let FromArgs { out, offline, plain_http, network } = from;
        Self { workspace, out, offline: *offline, plain_http: *plain_http, network }
    }

    /// The image at an address, or its one architecture that is wanted. What the layouts that are near, or the store,
    /// have of one in a registry is not fetched.
    pub fn open(&self, address: &Address, portion: Portion<'_>, near: &[&Path]) -> anyhow::Result<Chosen> {
        let (root, name) = match address {
            Address::Name(name) => (self.out, Some(name.as_str())),
            Address::Layout { root, name } => (root.as_path(), name.as_deref()),
            Address::Registry(reference) => {
                let Pulled { layout, name, directory } =
                    self.pull(reference, portion, near, |pull| pull.run())?;
                let image = layout.choose(Some(&name))?.1.clone();
                return Ok(Chosen { layout, name, image, copy: Some(directory) });
            }
        };
        let layout = LayoutReader::open(root)?;
        let (name, image) = layout.choose(name).map_err(advise)?;
        let name = name.to_owned();
        let image = match portion.wanted {
            Some(wanted) => layout.manifest(&name, image, wanted).map_err(advise)?,
            None => image.clone(),
        };
        Ok(Chosen { layout, name, image, copy: None })
    }

    /// The document of a type that is attached to the image of one architecture in a registry.
    pub fn attached(
        &self,
        reference: &Reference,
        wanted: &Wanted,
        artifact_type: &str,
    ) -> anyhow::Result<Attached> {
        self.pull(reference, Portion::of(wanted), &[], |pull| pull.attached(artifact_type))
    }

    fn pull<T>(
        &self,
        reference: &Reference,
        portion: Portion<'_>,
        near: &[&Path],
        act: impl FnOnce(&Pull<'_>) -> Result<T, PullError>,
    ) -> anyhow::Result<T> {
        if self.offline {
            let error =
                anyhow!("`docker://{reference}` is in a registry, and --offline allows no connection");
            let hint = format!(
                "where there is one, `skopeo copy --all docker://{reference} oci:DIR:NAME`; here, name `oci:DIR:NAME`"
            );
            return Err(Advice::new(error, hint).into());
        }
        let host = &reference.repository.host;
        let registry = self.workspace.registry(host, self.plain_http, self.network)?;
        registry.ping()?;
        let store = self.workspace.store(Access::ReadWrite)?;
        let layouts = [&[self.out], near].concat();
        let at_hand = AtHand { store: Some(&store), layouts: &layouts };
        let bars = Bars::new();
        let progress = bars.stage("Pulling");
        let pull = Pull { registry: &registry, reference, portion, at_hand, progress: &progress };
        let done = act(&pull).map_err(|error| not_pulled(error, reference))?;
        progress.finish();
        Ok(done)
    }
}

impl Workspace {
    /// The architecture that is wanted: the one that is asked for, or else this machine's.
    pub fn wanted(&self, asked: Option<&Architecture>) -> anyhow::Result<Wanted> {
        match asked {
            Some(asked) => Ok(Wanted::Asked(asked.clone())),
            None => self.machine().map(Wanted::Usual),
        }
    }
}

impl Chosen {
    /// What to say of blobs that are not what they should be.
    pub fn damaged(&self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        let hint = match self.copy {
            Some(_) => "its digest is right, so it was published like that".to_owned(),
            None => format!("remove what is damaged, and `distro build {}` makes it anew", self.name),
        };
        Advice::new(error, hint).into()
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
        LayoutError::Unchosen { why: Unchosen::Attached { subject, .. }, .. } => {
            format!("name the image that it is attached to, {}", subject.oci())
        }
        LayoutError::Unchosen { why: Unchosen::Several { .. }, .. } => "name one of them".to_owned(),
        LayoutError::Unchosen { root, why: Unchosen::Unnamed(_) } => {
            format!("name one of them, as in `oci:{}:cc-debian13:latest`", root.display())
        }
        LayoutError::Architecture(NotForArchitecture { architecture, .. }) => {
            format!("name another by --arch, or add it by `distro build --arch {architecture}`")
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}

fn not_pulled(error: PullError, reference: &Reference) -> anyhow::Error {
    let repository = &reference.repository;
    let hint = match (&error, &reference.at) {
        (PullError::NotAttached { .. }, _) => {
            "name another by --format; `distro push` sends SBOMs with images".to_owned()
        }
        (PullError::NoImage { subject: Some(subject), .. }, _) => {
            format!("it is attached to an image: name that one, `docker://{repository}@{}`", subject.oci())
        }
        (PullError::Architecture(_), _) => "name another by --arch".to_owned(),
        (PullError::Absent(_), Pointer::Tag(_)) => {
            format!(
                "`skopeo list-tags docker://{repository}` shows the tags that there are, if there is such a repository"
            )
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}
