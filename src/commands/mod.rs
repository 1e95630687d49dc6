//! One file a verb: load → pure call → store → report.

mod advisories;
mod assembly;
pub mod audit;
pub mod build;
mod chain_of_trust;
mod choice;
pub mod diff;
pub mod export;
pub mod find;
pub mod gc;
pub mod licenses;
pub mod list;
pub mod load;
pub mod lock;
pub mod merge;
mod named;
pub mod outdated;
pub mod push;
mod renewal;
pub mod sbom;
pub mod schema;
pub mod sign;
pub mod store;
pub mod test;
pub mod tree;
pub mod unpack;
pub mod vendor;
pub mod verify;
pub mod vex;
pub mod why;
pub mod why_not;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use distro::attest::key::Signer;
use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Definitions, Image, Selection, UnknownImage};
use distro::debian::Architecture;
use distro::effects::apt_sources::AptConfiguration;
use distro::effects::archive::Network;
use distro::effects::definitions::{self, DefinitionsError};
use distro::effects::files;
use distro::effects::http::{Http, HttpOptions, ServerAccess};
use distro::effects::keys;
use distro::effects::mirrors::Mirrors;
use distro::effects::places::Reach;
use distro::effects::progress::Progress;
use distro::effects::registry::credentials::Credentials;
use distro::effects::registry::{Registry, Transport};
use distro::effects::remote::{self, Remote, Trust};
use distro::effects::store::{Access, Store};
use distro::effects::vendor::VendorFolder;
use distro::image::reference::RegistryHost;
use distro::lock::{Lock, LockError};

use crate::cli::{NetworkArgs, Places};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::warn;

/// What a command knows of the host that it runs on.
#[derive(Clone)]
pub struct Host {
    pub now: Timestamp,
    /// Where the store is, unless another place is named.
    pub cache: PathBuf,
    /// Where logins are, besides those of apt.
    pub netrc: PathBuf,
    /// Where logins for registries may be, the file that counts most first.
    pub registry_logins: Vec<PathBuf>,
    /// The file of this program.
    pub program: PathBuf,
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
        Ok(Catalog::read(self.definitions()?)?)
    }

    /// The catalog, for what can be done without one.
    pub fn catalog_if_there(&self) -> anyhow::Result<Option<Catalog>> {
        match definitions::catalog(&self.places.catalog) {
            Ok(catalog) => Ok(Some(catalog)),
            Err(DefinitionsError::NoCatalog(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The definitions as they are written.
    pub fn definitions(&self) -> anyhow::Result<Definitions> {
        definitions::read(&self.places.catalog).map_err(|error| match error {
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
        let lock = self.existing_lock(release)?;
        if let Some(stale) = lock.staleness(catalog) {
            let path = definitions::lock_path(&self.lock_directory(), release);
            let error = anyhow::Error::new(stale);
            let error = error.context(format!("the lock `{}` does not fit the definitions", path.display()));
            return Err(Advice::new(error, renew(release)).into());
        }
        Ok(lock)
    }

    /// Whether there is a lock of a release.
    pub fn has_lock(&self, release: &ReleaseName) -> bool {
        definitions::lock_path(&self.lock_directory(), release).exists()
    }

    /// The lock of a release, which has to be there.
    pub fn existing_lock(&self, release: &ReleaseName) -> anyhow::Result<Lock> {
        let directory = self.lock_directory();
        let path = definitions::lock_path(&directory, release);
        match definitions::lock(&directory, release) {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => {
                let error = anyhow::anyhow!("there is no lock `{}`", path.display());
                Err(Advice::new(error, renew(release)).into())
            }
            Err(error) => {
                let hint = match &error {
                    DefinitionsError::Lock { source: LockError::Newer(_), .. } => {
                        let renew = renew(release);
                        format!("use the `distro` that wrote it, or a newer one; {renew} of this format")
                    }
                    _ => restore(&path),
                };
                Err(Advice::new(error, hint).into())
            }
        }
    }

    pub fn store(&self, access: Access) -> anyhow::Result<Store> {
        let root = self.places.store.as_ref().unwrap_or(&self.host.cache);
        Ok(Store::open(root, access)?)
    }

    /// The store, with the one behind it that many machines share, where one is named.
    pub fn shared_store(&self, network: &NetworkArgs, http: &Http) -> anyhow::Result<Store> {
        let Places { remote_store, remote_store_read_only, remote_store_plain_http, .. } = &self.places;
        let Places { cache_key, cache_public_key, .. } = &self.places;
        let Some(url) = remote_store else { return self.store(Access::ReadWrite) };
        let signer = cache_key.as_deref().map(keys::private_key).transpose()?;
        let signer = signer.map(|key| Box::new(key) as Box<dyn Signer + Send + Sync>);
        let public_key = cache_public_key.as_deref().map(keys::public_key).transpose()?;
        let access = if *remote_store_read_only { Access::ReadOnly } else { Access::ReadWrite };
        let trust = Trust { signer, public_key };
        let remote = match remote::repository(url)? {
            Some(repository) => {
                let registry = self.registry(&repository.host, *remote_store_plain_http, network)?;
                Remote::in_registry(registry, &repository, trust, access)
            }
            None => Remote::in_bucket(url, http.authorization(url), trust, access)?,
        };
        Ok(self.store(Access::ReadWrite)?.with_remote(Some(remote)))
    }

    /// How the host's apt is configured, with a warning for what of it could not be read.
    pub fn apt(&self) -> AptConfiguration {
        let configuration = AptConfiguration::read(&self.places.apt_dir);
        configuration.unreadable.iter().for_each(|error| warn(&error.to_string()));
        configuration
    }

    pub fn http(&self, network: &NetworkArgs, apt: &AptConfiguration) -> anyhow::Result<Http> {
        let netrc = files::read_text_if_there(&self.host.netrc).unwrap_or_else(|error| {
            warn(&error.to_string());
            None
        });
        http(network, ServerAccess::new(apt, netrc.as_deref()))
    }

    /// A registry, by the logins of this machine, and by what the environment says of proxies, whatever apt does.
    pub fn registry(
        &self,
        host: &RegistryHost,
        plain_http: bool,
        network: &NetworkArgs,
    ) -> anyhow::Result<Registry> {
        let http = http(network, ServerAccess::default())?;
        let transport = if plain_http { Transport::Plain } else { Transport::Usual };
        let credentials = Credentials::new(self.host.registry_logins.clone());
        Ok(Registry::new(http, host, transport, credentials))
    }

    /// The vendor folder, where one is named.
    pub fn vendor(&self) -> anyhow::Result<Option<VendorFolder>> {
        Ok(self.places.vendor.as_deref().map(VendorFolder::open).transpose()?)
    }

    /// The mirrors that are known, with a warning for what could not be understood of apt's sources.
    pub fn mirrors<'a>(
        &self,
        catalog: &'a Catalog,
        vendor: Option<&'a VendorFolder>,
        apt: &AptConfiguration,
    ) -> Mirrors<'a> {
        let (mirrors, warnings) = Mirrors::new(catalog, vendor, apt);
        warnings.iter().for_each(|warning| warn(warning));
        mirrors
    }

    /// The architectures that are asked for; none stands for all.
    pub fn architectures(&self, asked: &[Architecture]) -> anyhow::Result<Vec<Architecture>> {
        match asked {
            [] => Ok(vec![self.machine()?]),
            asked if asked.contains(&Architecture::all()) => Ok(Vec::new()),
            asked => Ok(asked.to_vec()),
        }
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

fn http(network: &NetworkArgs, mut access: ServerAccess) -> anyhow::Result<Http> {
    let timeout = Duration::from_secs(network.timeout.max(1));
    if let Some(path) = &network.ca_certificates {
        access.trust(path)?;
    }
    Ok(Http::new(HttpOptions {
        connect_timeout: (timeout / 2).min(Duration::from_secs(10)),
        idle_timeout: timeout,
        retries: network.retries,
        access,
        ..HttpOptions::default()
    }))
}

/// Where bytes of archives come from: other machines, and the store.
pub struct Sources<'a> {
    pub mirrors: Mirrors<'a>,
    pub store: Store,
    pub http: Http,
}

impl<'a> Sources<'a> {
    pub fn open(
        workspace: &Workspace,
        catalog: &'a Catalog,
        vendor: Option<&'a VendorFolder>,
        network: &NetworkArgs,
    ) -> anyhow::Result<Self> {
        let apt = workspace.apt();
        let mirrors = workspace.mirrors(catalog, vendor, &apt);
        let http = workspace.http(network, &apt)?;
        let store = workspace.shared_store(network, &http)?;
        Ok(Self { mirrors, store, http })
    }

    /// Gives what is new to the store that many machines share, and tells what went wrong with it.
    pub fn share(&self, network: Network) -> anyhow::Result<()> {
        let bars = Bars::new();
        let sharing = bars.stage("Sharing");
        let shared = self.store.share(network, &sharing);
        sharing.finish();
        self.tell_troubles();
        Ok(shared?)
    }

    pub fn reach<'s>(&'s self, network: Network, progress: &'s dyn Progress) -> Reach<'s> {
        let Self { mirrors, store, http } = self;
        Reach { mirrors, store, http, network, progress }
    }

    fn tell_troubles(&self) {
        self.store.take_troubles().iter().for_each(|trouble| warn(trouble));
    }
}

/// What is wrong with the store that many machines share may be why a command fails.
impl Drop for Sources<'_> {
    fn drop(&mut self) {
        self.tell_troubles();
    }
}

/// The images that are asked for, of which there must be one.
pub fn select_some<'a>(
    catalog: &'a Catalog,
    selection: &Selection<'_>,
) -> anyhow::Result<Vec<(&'a Image, Vec<Architecture>)>> {
    let selected = select(catalog, selection)?;
    if selected.is_empty() {
        let names: Vec<_> = selection.architectures.iter().map(Architecture::as_str).collect();
        let error = anyhow::anyhow!("the catalog has no such image for {}", names.join(", "));
        return Err(Advice::new(error, "`distro list` shows the images and their architectures").into());
    }
    Ok(selected)
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

/// What to do about a lock that is not there, or does not fit.
fn renew(release: &ReleaseName) -> String {
    format!("`distro lock --release {release}` makes a new one")
}

/// What to do about a lock that cannot be read.
fn restore(path: &std::path::Path) -> String {
    format!(
        "a lock is written by `distro lock` only; bring it back with `git checkout {0}`, or remove it and run `distro lock`",
        path.display()
    )
}

/// The images that the locks hold, those of a release without a lock among them. Those of which a tarball could not
/// be had are left aside, unless they were asked for by name.
pub fn locked<'a, 'l>(
    catalog: &Catalog,
    selected: Vec<(&'a Image, Vec<Architecture>)>,
    locks: impl IntoIterator<Item = &'l Lock>,
    asked: &[String],
) -> anyhow::Result<Vec<(&'a Image, Vec<Architecture>)>> {
    let locks: BTreeMap<_, _> = locks.into_iter().map(|lock| (&lock.release, lock)).collect();
    let lacks = |image: &Image| locks.get(&image.name.release).filter(|lock| lock.lacks(image)).copied();
    let (lacking, held): (Vec<_>, Vec<_>) =
        selected.into_iter().partition(|(image, _)| lacks(image).is_some());
    let lacking: Vec<_> = lacking.into_iter().map(|(image, _)| image).collect();
    if let Some((first, lock)) = lacking.first().and_then(|first| Some((first, lacks(first)?))) {
        if !asked.is_empty() || held.is_empty() {
            return Err(not_locked(lock, first).into());
        }
        let names = catalog.short_names(&lacking).join(", ");
        warn(&format!("left out, as upstream tarballs could not be had when the locks were made: {names}"));
    }
    Ok(held)
}

/// Why an image is not in a lock that fits the catalog.
pub fn not_locked(lock: &Lock, image: &Image) -> Advice {
    let missing = image.tarballs().filter(|name| lock.missing_tarballs.contains(*name));
    let missing: Vec<_> = missing.map(|name| format!("`{name}`")).collect();
    let error = anyhow::anyhow!(
        "{} is not locked, because its tarball {} could not be had",
        image.name,
        missing.join(", ")
    );
    Advice::new(error, format!("`distro lock --release {}` tries again", lock.release))
}
