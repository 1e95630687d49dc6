//! What the locks of catalogs name in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use distro::catalog::Catalog;
use distro::digest::Sha256;
use distro::effects::apt_sources::AptConfiguration;
use distro::effects::archive::Network;
use distro::effects::builder::{Builder, Target};
use distro::effects::http::{Http, HttpOptions};
use distro::effects::layers::Layers;
use distro::effects::mirrors::Mirrors;
use distro::effects::places::{Places, Reach};
use distro::effects::progress::Silent;
use distro::effects::store::{Access, Store};
use distro::lock::{Lock, LockedImage};

use super::Workspace;
use crate::cli;
use crate::report::failure::Advice;
use crate::report::warn;

/// The blobs that building the locks of this catalog and of others reads or makes, as far as the store has them.
///
/// # Errors
/// Where a catalog has no lock at all, or one that cannot be read: everything would seem to be unnamed.
pub fn named(workspace: &Workspace, others: &[PathBuf]) -> anyhow::Result<BTreeSet<Sha256>> {
    let store = workspace.store(Access::ReadOnly)?;
    let mut named = by_catalog(workspace, &store)?;
    for other in others {
        let places = cli::Places { catalog: other.clone(), lock_dir: None, ..workspace.places.clone() };
        named.extend(by_catalog(&Workspace { places, host: workspace.host.clone() }, &store)?);
    }
    Ok(named)
}

fn by_catalog(workspace: &Workspace, store: &Store) -> anyhow::Result<BTreeSet<Sha256>> {
    let catalog = workspace.catalog()?;
    let mut locks = BTreeMap::new();
    for release in catalog.releases.keys().filter(|release| workspace.has_lock(release)) {
        let lock = workspace.existing_lock(release)?;
        if let Some(stale) = lock.staleness(&catalog) {
            warn(&format!(
                "the lock of {release} does not fit the definitions ({stale}): of what it does not lock, nothing is known to be in use"
            ));
        }
        locks.insert(release, lock);
    }
    if locks.is_empty() {
        let error = anyhow::anyhow!("there is no lock in `{}`", workspace.lock_directory().display());
        return Err(
            Advice::new(error, "`distro lock` makes one, `--lock-dir` names another directory").into()
        );
    }
    let mut named: BTreeSet<_> = locks.values().flat_map(Lock::digests).collect();

    // Nothing is asked of anyone.
    let (mirrors, _) = Mirrors::new(&catalog, None, &AptConfiguration::default());
    let http = Http::new(HttpOptions::default());
    let reach = Reach { mirrors: &mirrors, store, http: &http, network: Network::Offline, progress: &Silent };
    let places = Places::of(locks.values(), reach);
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let layers = Layers { store, filters: &catalog.filters, pool: &pool };
    for lock in locks.values() {
        let targets = targets(&catalog, lock, &places);
        let (records, _) = layers.look_up(targets.iter().flat_map(Target::inputs))?;
        let builder = Builder { catalog: &catalog, layers: &layers, records };
        named.extend(targets.iter().flat_map(|target| builder.layers_at_hand(*target)));
    }
    Ok(named)
}

/// The images of a lock, whether it fits the catalog or not.
fn targets<'a>(catalog: &'a Catalog, lock: &'a Lock, places: &'a Places<'a>) -> Vec<Target<'a>> {
    let images = catalog.images().filter(|image| image.name.release == lock.release);
    let locked = images.flat_map(|image| {
        image.architectures.iter().filter_map(|on| LockedImage::find(catalog, image, on, lock))
    });
    locked.map(|locked| Target { locked, places }).collect()
}
