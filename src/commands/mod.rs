//! One file a verb: load → pure call → store → report.

pub mod build;
pub mod list;
pub mod lock;
pub mod sbom;
pub mod schema;
pub mod tree;
pub mod why;
pub mod why_not;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image, Selection, UnknownImage};
use distro::debian::Architecture;
use distro::effects::definitions::{self, DefinitionsError};
use distro::effects::http::{Http, HttpOptions};
use distro::effects::mirrors::Mirrors;
use distro::effects::store::{Access, Store};
use distro::lock::{Lock, LockError};

use crate::cli::{NetworkArgs, Places};
use crate::report::failure::Advice;
use crate::report::warn;

/// What a command knows of the host that it runs on.
pub struct Host {
    pub now: Timestamp,
    /// Where the store is, unless another place is named.
    pub cache: PathBuf,
    /// This machine's architecture, where Debian has it.
    pub architecture: Option<Architecture>,
}

/// The places and the host that a command works with.
pub struct Workspace {
    pub places: Places,
    pub host: Host,
}

impl Workspace {
    pub fn catalog(&self) -> anyhow::Result<Catalog> {
        definitions::catalog(&self.places.catalog).map_err(|error| match error {
            DefinitionsError::NoCatalog(_) => {
                Advice::new(error, "run in the directory that holds `images/`, or name another by --catalog")
                    .into()
            }
            error => error.into(),
        })
    }

    pub fn lock_directory(&self) -> PathBuf {
        let beside =
            || self.places.catalog.parent().map_or_else(|| "lock".into(), |parent| parent.join("lock"));
        self.places.lock_dir.clone().unwrap_or_else(beside)
    }

    /// The lock of a release, which has to be there and to fit the catalog.
    pub fn lock(&self, catalog: &Catalog, release: &ReleaseName) -> anyhow::Result<Lock> {
        let directory = self.lock_directory();
        let path = definitions::lock_path(&directory, release);
        let renew = format!("`distro lock --release {release}` makes a new one");
        let lock = match definitions::lock(&directory, release) {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                return Err(
                    Advice::new(anyhow::anyhow!("there is no lock `{}`", path.display()), renew).into()
                );
            }
            Err(error) => {
                let hint = match &error {
                    DefinitionsError::Lock { source: LockError::Newer(_), .. } => {
                        format!("use the `distro` that wrote it, or a newer one; {renew} of this format")
                    }
                    _ => restore(&path),
                };
                return Err(Advice::new(error, hint).into());
            }
        };
        if let Some(stale) = lock.staleness(catalog) {
            let error = anyhow::Error::new(stale);
            let error = error.context(format!("the lock `{}` does not fit the definitions", path.display()));
            return Err(Advice::new(error, renew).into());
        }
        Ok(lock)
    }

    pub fn store(&self, access: Access) -> anyhow::Result<Store> {
        let root = self.places.store.as_ref().unwrap_or(&self.host.cache);
        Ok(Store::open(root, access)?)
    }

    pub fn http(&self, network: &NetworkArgs) -> anyhow::Result<Http> {
        let timeout = Duration::from_secs(network.timeout.max(1));
        let options = HttpOptions {
            connect_timeout: timeout.min(Duration::from_secs(10)),
            idle_timeout: timeout,
            retries: network.retries,
            ..HttpOptions::default()
        };
        Http::new(options).context("could not set up the connection to servers")
    }

    /// The mirrors that are known, with a warning for what could not be understood of apt's sources.
    pub fn mirrors<'a>(&self, catalog: &'a Catalog) -> Mirrors<'a> {
        let (mirrors, warnings) = Mirrors::read(catalog, &self.places.apt_dir);
        warnings.iter().for_each(|warning| warn(warning));
        mirrors
    }

    /// This machine's architecture, for want of another.
    pub fn machine(&self) -> anyhow::Result<Architecture> {
        let unknown = || {
            let error = anyhow::anyhow!("Debian has no architecture for this machine");
            Advice::new(error, "name one by --arch").into()
        };
        self.host.architecture.clone().ok_or_else(unknown)
    }
}

/// The images that are selected, or what may have been meant.
pub fn select<'a>(
    catalog: &'a Catalog,
    selection: &Selection<'_>,
) -> anyhow::Result<Vec<(&'a Image, Vec<Architecture>)>> {
    catalog.select(selection).map_err(|error: UnknownImage| {
        let hint = error.hint().to_owned();
        Advice::new(error, hint).into()
    })
}

/// The one image that a name means; its `latest` where the name leaves the tag out.
pub fn select_one<'a>(
    catalog: &'a Catalog,
    name: &str,
    architecture: &Architecture,
) -> anyhow::Result<&'a Image> {
    let name = if name.contains(':') { name.to_owned() } else { format!("{name}:latest") };
    let selection = Selection {
        images: std::slice::from_ref(&name),
        release: None,
        architectures: std::slice::from_ref(architecture),
    };
    match select(catalog, &selection)?.as_slice() {
        [(image, _)] => Ok(image),
        images => {
            let names: Vec<_> = images.iter().map(|(image, _)| image.name.to_string()).collect();
            let error = anyhow::anyhow!("`{name}` is more than one image: {}", names.join(", "));
            Err(Advice::new(error, "name one of them").into())
        }
    }
}

/// What to do about a lock that cannot be read.
fn restore(path: &std::path::Path) -> String {
    format!(
        "a lock is written by `distro lock` only; bring it back with `git checkout {0}`, or remove it and run `distro lock`",
        path.display()
    )
}
