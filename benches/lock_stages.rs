//! Where the time of a lock goes, besides fetching: unpacking and reading indexes, making universes, resolving.
//!
//! ```console
//! $ distro lock                            # fetches the indexes into the store
//! $ cargo bench --bench lock_stages        # 5 rounds, over the locks and definitions of this repository
//! ```
//!
//! Every stage is measured over all releases and architectures, one after the other on one thread; a lock runs
//! them on as many threads as there are cores. The table has medians.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark stands outside the pure core: it reads the clock and the environment"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use distro::catalog::Catalog;
use distro::debian::{Architecture, Compression, PackagesIndex};
use distro::effects::definitions;
use distro::effects::store::{Access, Store};
use distro::effects::suites::read_packages;
use distro::lock::Lock;
use distro::resolve::{Recommends, Request, Suite, Universe, resolve};

/// The most that an index may unpack to, in bytes.
const LIMIT: u64 = 1 << 30;

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalog = definitions::catalog(&root.join("images")).unwrap();
    let store = Store::open(&store(), Access::ReadOnly).unwrap();
    let locks = catalog.releases.keys();
    let locks = locks.filter_map(|release| definitions::lock(&root.join("lock"), release).unwrap());
    let locks: Vec<Lock> = locks.collect();

    let mut stages: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let (mut packages, mut images) = (0, 0);
    for _ in 0..rounds {
        let mut round: BTreeMap<&str, Duration> = BTreeMap::new();
        (packages, images) = (0, 0);
        for lock in &locks {
            for architecture in lock.architectures() {
                let (stanzas, resolved) = measure(&catalog, &store, lock, architecture, &mut round);
                packages += stanzas;
                images += resolved;
            }
        }
        round.into_iter().for_each(|(stage, time)| stages.entry(stage).or_default().push(time));
    }
    println!("{packages} stanzas, {images} images resolved, medians of {rounds}");
    for (stage, mut times) in stages {
        times.sort();
        println!("{stage:<32} {:>7.3} s", times[times.len() / 2].as_secs_f64());
    }
}

/// The numbers of stanzas that were read, and of images that were resolved.
fn measure(
    catalog: &Catalog,
    store: &Store,
    lock: &Lock,
    architecture: &Architecture,
    round: &mut BTreeMap<&'static str, Duration>,
) -> (usize, usize) {
    let mut timed = |stage, started: Instant| *round.entry(stage).or_default() += started.elapsed();
    let mut indexes = Vec::new();
    for suite in lock.suites.iter().filter(|suite| suite.covers(architecture)) {
        for (path, file) in suite.index_files(architecture) {
            let started = Instant::now();
            let packed = store.read(file.sha256).unwrap().expect("run `distro lock` first");
            let text = Compression::Xz.unpack(&packed, LIMIT).unwrap();
            timed("1 unxz, of a cold lock", started);
            let started = Instant::now();
            std::hint::black_box(PackagesIndex::from_bytes(text.into()).unwrap().condensed());
            timed("2 condense, of a cold lock", started);
            let started = Instant::now();
            indexes.push((suite.name.as_str(), read_packages(store, path, file.sha256).unwrap()));
            timed("3 read the condensed index", started);
        }
    }
    let started = Instant::now();
    let suites: Vec<_> = indexes.iter().map(|(label, index)| Suite { label, index }).collect();
    let universe = Universe::new(architecture, &suites).unwrap();
    timed("4 universe of candidates", started);
    let started = Instant::now();
    let images = catalog.images_of(&lock.release).filter(|image| image.architectures.contains(architecture));
    let resolved = images.map(|image| {
        let left_out = image.leave_out.keys().cloned().collect();
        let request = Request { requests: image.requests.clone(), recommends: Recommends::Ignored, left_out };
        resolve(&universe, &request).unwrap();
    });
    let resolved = resolved.count();
    timed("5 resolve, each image alone", started);
    (suites.iter().map(|suite| suite.index.len()).sum(), resolved)
}

/// Where `distro` keeps its store.
fn store() -> PathBuf {
    let named = std::env::var_os("DISTRO_STORE").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("distro"));
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/distro");
    named.or(cache).unwrap_or_else(home)
}
