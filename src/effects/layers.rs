//! Packages → layers, each fetched and converted once, whatever number of images hold it.
//!
//! Eight connections fetch while all cores convert. The largest packages come first, so that the last
//! of them does not keep one core busy while the others wait. What is in memory is bounded by bytes.

mod gone;

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;
use rayon::ThreadPool;

use super::archive::{Archive, ArchiveError, Named};
use super::progress::Progress;
use super::store::{Expected, RecordKind, Store, StoreError};
use crate::catalog::Filter;
use crate::debian::PackageName;
use crate::digest::Sha256;
use crate::generate::ldconfig::libraries;
use crate::layer::package::{self, LayerRecord, PackageError};
use crate::layer::{self, LayerInfo};
use crate::lock::Pin;
use crate::tree::Tree;

pub use gone::{Gone, Remedy};

const RECORD: RecordKind = RecordKind::new("layer-2");

/// Connections at a time; [`super::http`] has the same limit over all archives.
const FETCHERS: usize = 8;

/// What packages under conversion may take, in bytes of memory. One that is larger is converted alone.
const IN_FLIGHT: u64 = 512 << 20;

/// Makes layers, and keeps them in the store.
pub struct Layers<'a> {
    pub store: &'a Store,
    pub filters: &'a [Filter],
    pub pool: &'a ThreadPool,
}

/// A package that an image holds, and where it comes from.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub name: &'a PackageName,
    pub pin: &'a Pin,
    pub archive: &'a Archive<'a>,
}

/// Layers by the keys of what they were made from.
pub type Records = BTreeMap<Sha256, Arc<LayerRecord>>;

#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not convert the package `{path}`")]
    Package { path: String, source: PackageError },
    #[error("the store lost the layer {0}, which was damaged: run again, and it is made anew")]
    Lost(Sha256),
}

/// A package that is fetched and waits for its conversion; the largest comes first.
struct Ready<'a> {
    cost: u64,
    wanted: Wanted<'a>,
}

impl Ord for Ready<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.cost.cmp(&other.cost).then_with(|| other.wanted.name.cmp(self.wanted.name))
    }
}

impl PartialOrd for Ready<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ready<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ready<'_> {}

impl<'a> Layers<'a> {
    /// The layers that the store has, and the packages of the others, the largest first.
    pub fn look_up(
        &self,
        wanted: impl IntoIterator<Item = Wanted<'a>>,
    ) -> Result<(Records, Vec<Wanted<'a>>), LayersError> {
        let mut records = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for wanted in wanted {
            let key = self.key(wanted);
            if records.contains_key(&key) || missing.contains_key(&key) {
                continue;
            }
            match self.record(key)? {
                Some(record) => drop(records.insert(key, Arc::new(record))),
                None => drop(missing.insert(key, wanted)),
            }
        }
        let mut missing: Vec<_> = missing.into_values().collect();
        missing.sort_by_key(|wanted| (std::cmp::Reverse(wanted.cost()), wanted.name));
        Ok((records, missing))
    }

    /// Fetches and converts packages. All that cannot be had are told together.
    pub fn make(&self, missing: &[Wanted<'a>], progress: &dyn Progress) -> Result<Records, LayersError> {
        let made = Mutex::new(BTreeMap::new());
        let failures = Mutex::new(Failures::default());
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let fail = |error: LayersError| {
            if !matches!(error, LayersError::Gone(_)) {
                stop.store(true, Ordering::Relaxed);
            }
            failures.lock().unwrap_or_else(PoisonError::into_inner).add(error);
        };
        let budget = Budget::default();
        let (fetched, ready) = std::sync::mpsc::channel();
        std::thread::scope(|threads| {
            for _ in 0..FETCHERS.min(missing.len()) {
                let fetched = fetched.clone();
                let (fail, next, stop) = (&fail, &next, &stop);
                threads.spawn(move || {
                    while let Some(wanted) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        match self.fetch(*wanted) {
                            Ok(()) => drop(fetched.send(Ready { cost: wanted.cost(), wanted: *wanted })),
                            Err(error) => fail(error),
                        }
                    }
                });
            }
            drop(fetched);
            self.pool.in_place_scope(|conversions| {
                let mut waiting = BinaryHeap::new();
                while let Some(largest) = largest(&ready, &mut waiting) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let permit = budget.take(largest.cost);
                    let (fail, made) = (&fail, &made);
                    conversions.spawn(move |_| {
                        match self.convert(largest.wanted, progress) {
                            Ok((key, record)) => {
                                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                                made.insert(key, Arc::new(record));
                            }
                            Err(error) => fail(error),
                        }
                        drop(permit);
                    });
                }
            });
        });
        failures.into_inner().unwrap_or_else(PoisonError::into_inner).into_result()?;
        Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The identity of a package's layer.
    #[must_use]
    pub fn key(&self, wanted: Wanted<'_>) -> Sha256 {
        package::key(wanted.name, wanted.pin, self.filters)
    }

    /// The layer of a tree that is made where the store lacks it.
    pub fn generated<E: From<LayersError>>(
        &self,
        key: Sha256,
        make: impl FnOnce() -> Result<Tree, E>,
    ) -> Result<Arc<LayerRecord>, E> {
        if let Some(record) = self.record(key)? {
            return Ok(Arc::new(record));
        }
        let tree = make()?;
        Ok(Arc::new(self.keep(key, &tree, String::new())?))
    }

    /// All files of a package as they lie in an image, nothing left out.
    pub fn tree(&self, wanted: Wanted<'_>) -> Result<Tree, LayersError> {
        let deb = self.deb(wanted)?;
        let unpacked = self.pool.install(|| package::unpack(wanted.pin, &deb));
        Ok(unpacked.map_err(|source| failed(wanted.pin, source))?.tree)
    }

    fn record(&self, key: Sha256) -> Result<Option<LayerRecord>, LayersError> {
        let Some(record) = self.store.record(RECORD, key)? else { return Ok(None) };
        let record: Option<LayerRecord> = serde_json::from_slice(&record).ok();
        Ok(record.filter(|record| self.store.has(record.layer.digest)))
    }

    fn keep(&self, key: Sha256, tree: &Tree, control: String) -> Result<LayerRecord, LayersError> {
        let mut blob = self.store.blob_writer()?;
        let layer: LayerInfo = layer::write(tree, &mut blob)
            .map_err(|error| error.downcast().map_or_else(StoreError::Source, StoreError::File))?;
        blob.finish(Expected { digest: Some(layer.digest), size: Some(layer.size) })?;
        let record = LayerRecord { layer, listing: tree.listing(), control, libraries: libraries(tree) };
        let text = serde_json::to_vec(&record).expect("a record is plain data");
        self.store.keep_record(RECORD, key, &text)?;
        Ok(record)
    }

    fn fetch(&self, wanted: Wanted<'_>) -> Result<(), LayersError> {
        let Pin { path, sha256, size, .. } = wanted.pin;
        match wanted.archive.package(Named { path, sha256: *sha256, size: *size }) {
            Ok(_) => Ok(()),
            Err(ArchiveError::Store(error)) => Err(error.into()),
            Err(ArchiveError::Unavailable(unavailable)) => {
                let package = format!("{} {} ({})", wanted.name, wanted.pin.version, wanted.pin.architecture);
                Err(Gone::new(package, unavailable).into())
            }
        }
    }

    fn deb(&self, wanted: Wanted<'_>) -> Result<Bytes, LayersError> {
        if let Some(deb) = self.store.read(wanted.pin.sha256)? {
            return Ok(deb);
        }
        self.fetch(wanted)?;
        self.store.read(wanted.pin.sha256)?.ok_or(LayersError::Lost(wanted.pin.sha256))
    }

    fn convert(
        &self,
        wanted: Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<(Sha256, LayerRecord), LayersError> {
        let mut task = progress.begin(wanted.name.as_str(), Some(wanted.cost()));
        let key = self.key(wanted);
        let _alone = self.store.exclusive(key)?;
        let record = match self.record(key)? {
            Some(record) => record,
            None => {
                let deb = self.deb(wanted)?;
                let (tree, control) = package::convert(wanted.name, wanted.pin, &deb, self.filters)
                    .map_err(|source| failed(wanted.pin, source))?;
                drop(deb);
                self.keep(key, &tree, control)?
            }
        };
        task.advance(wanted.cost());
        Ok((key, record))
    }
}

/// The next package to convert: the largest of those that are there, or the first to come.
fn largest<'a>(
    ready: &std::sync::mpsc::Receiver<Ready<'a>>,
    waiting: &mut BinaryHeap<Ready<'a>>,
) -> Option<Ready<'a>> {
    if waiting.is_empty() {
        waiting.extend(ready.recv());
    }
    waiting.extend(ready.try_iter());
    waiting.pop()
}

impl Wanted<'_> {
    /// What the package takes in memory, about, in bytes: its files, and the .deb itself.
    #[must_use]
    pub fn cost(&self) -> u64 {
        (self.pin.installed << 10) + self.pin.size
    }
}

fn failed(pin: &Pin, source: PackageError) -> LayersError {
    LayersError::Package { path: pin.path.clone(), source }
}

/// The first failure that ends the work, and all packages that could not be had.
#[derive(Default)]
struct Failures {
    fatal: Option<LayersError>,
    gone: Option<Gone>,
}

impl Failures {
    fn add(&mut self, error: LayersError) {
        match error {
            LayersError::Gone(more) => match &mut self.gone {
                Some(gone) => gone.extend(more),
                None => self.gone = Some(more),
            },
            error => drop(self.fatal.get_or_insert(error)),
        }
    }

    fn into_result(self) -> Result<(), LayersError> {
        match self.fatal.or(self.gone.map(LayersError::Gone)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Bytes in flight.
#[derive(Default)]
struct Budget {
    taken: Mutex<u64>,
    returned: Condvar,
}

struct Permit<'b> {
    budget: &'b Budget,
    bytes: u64,
}

impl Budget {
    /// Waits until so many bytes are free, or all are.
    fn take(&self, bytes: u64) -> Permit<'_> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken > 0 && *taken + bytes > IN_FLIGHT;
        let mut taken = self.returned.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Permit { budget: self, bytes }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.budget.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.returned.notify_all();
    }
}
