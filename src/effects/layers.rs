//! Packages and tarballs → layers, each fetched and converted once, whatever number of images hold it.
//!
//! Eight connections fetch while all cores convert. The largest packages come first, so that the last
//! of them does not keep one core busy while the others wait. What is in memory is bounded by bytes.

mod gone;

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;
use rayon::ThreadPool;

use super::archive::{Archive, ArchiveError, Named};
use super::progress::Progress;
use super::store::{Expected, News, RecordKind, Store, StoreError};
use crate::catalog::Filter;
use crate::catalog::name::TarballName;
use crate::catalog::tarball::Tarball;
use crate::debian::{Architecture, PackageName};
use crate::digest::Sha256;
use crate::generate::java_alternatives::lists;
use crate::generate::ldconfig::libraries;
use crate::layer::package::{self, Converted, LayerRecord, PackageError};
use crate::layer::{self, LayerError, LayerInfo, tarball};
use crate::lock::{Pin, TarballPin};
use crate::tarball::{FileUrl, TarballError};
use crate::tree::{Listing, Tree, verification_code};

pub use gone::{Gone, Remedy};

/// Records hold what [`MaintainerScript::of`](crate::debian::MaintainerScript::of) makes of scripts: where it
/// comes to know other lines, they are of another kind.
pub(super) const RECORD: RecordKind = RecordKind::new("layer-4");

/// Connections at a time; [`super::http`] has the same limit over all archives.
const FETCHERS: usize = 8;

/// What is under conversion may take, in bytes of memory. One that is larger is converted alone.
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

/// An upstream tarball that an image holds, and where it comes from.
#[derive(Clone, Copy)]
pub struct WantedTarball<'a> {
    pub name: &'a TarballName,
    pub architecture: &'a Architecture,
    pub definition: &'a Tarball,
    pub file: &'a TarballPin,
    pub archive: &'a Archive<'a>,
}

/// What a layer is made from.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    Package(Wanted<'a>),
    Tarball(WantedTarball<'a>),
}

/// Layers by the keys of what they were made from.
pub type Records = BTreeMap<Sha256, Arc<LayerRecord>>;

/// Layers that the store did not have.
#[derive(Default)]
pub struct Made<'a> {
    pub records: Records,
    /// What was converted here; the other layers come from the remote store.
    pub converted: Vec<Input<'a>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not convert the package `{path}`")]
    Package { path: String, source: PackageError },
    #[error("could not convert the tarball `{url}`")]
    Tarball { url: FileUrl, source: TarballError },
    #[error("could not read the layer {layer}, which is in the store")]
    Layer { layer: Sha256, source: LayerError },
    #[error("the store lost the layer {0}, which was damaged: run again, and it is made anew")]
    Lost(Sha256),
}

/// An input that is fetched and waits for its conversion; the largest comes first.
struct Ready<'a> {
    cost: u64,
    input: Input<'a>,
}

impl Ord for Ready<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.cost.cmp(&other.cost).then_with(|| other.input.name().cmp(self.input.name()))
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
    /// The layers that the store has, and the inputs of the others, the largest first.
    pub fn look_up(
        &self,
        inputs: impl IntoIterator<Item = Input<'a>>,
    ) -> Result<(Records, Vec<Input<'a>>), LayersError> {
        let mut records = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for input in inputs {
            let key = self.key(input);
            if records.contains_key(&key) || missing.contains_key(&key) {
                continue;
            }
            match self.record(key)? {
                Some(record) => drop(records.insert(key, Arc::new(record))),
                None => drop(missing.insert(key, input)),
            }
        }
        let mut missing: Vec<_> = missing.into_values().collect();
        missing.sort_by_key(|input| (std::cmp::Reverse(input.cost()), input.name()));
        Ok((records, missing))
    }

    /// Fetches and converts packages and tarballs, but for those whose layers the remote store has. All that cannot be
    /// had are told together.
    pub fn make(&self, missing: &[Input<'a>], progress: &dyn Progress) -> Result<Made<'a>, LayersError> {
        let made = Mutex::new(Made::default());
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
                let (fail, next, stop, made) = (&fail, &next, &stop, &made);
                threads.spawn(move || {
                    while let Some(&input) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        match self.shared(input).and_then(|shared| match shared {
                            Some(record) => Ok(Some(record)),
                            None => self.fetch(input).map(|()| None),
                        }) {
                            Ok(Some((key, record))) => {
                                progress.begin(input.name(), Some(input.cost())).advance(input.cost());
                                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                                made.records.insert(key, Arc::new(record));
                            }
                            Ok(None) => drop(fetched.send(Ready { cost: input.cost(), input })),
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
                        match self.convert(largest.input, progress) {
                            Ok((key, record)) => {
                                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                                made.records.insert(key, Arc::new(record));
                                made.converted.push(largest.input);
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

    /// The identity of an input's layer.
    #[must_use]
    pub fn key(&self, input: Input<'_>) -> Sha256 {
        match input {
            Input::Package(Wanted { name, pin, .. }) => package::key(name, pin, self.filters),
            Input::Tarball(WantedTarball { definition, file, .. }) => {
                tarball::key(definition, file.sha256, self.filters)
            }
        }
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
        Ok(Arc::new(self.keep(key, tree.into())?))
    }

    /// All files of a package as they lie in an image, nothing left out.
    pub fn tree(&self, wanted: Wanted<'_>) -> Result<Tree, LayersError> {
        let deb = self.bytes(Input::Package(wanted))?;
        let unpacked = self.pool.install(|| package::unpack(wanted.pin, &deb));
        Ok(unpacked.map_err(|source| failed(wanted.pin, source))?.tree)
    }

    /// Puts a file of a layer where it is found without opening the layer, whatever it is called.
    pub fn keep_file(&self, layer: &LayerInfo, digest: Sha256) -> Result<(), LayersError> {
        let packed = self.store.read(layer.digest)?.ok_or(LayersError::Lost(layer.digest))?;
        let tree = self.pool.install(|| layer::read(layer, &packed));
        let tree = tree.map_err(|source| LayersError::Layer { layer: layer.digest, source })?;
        let mut contents = tree.iter().filter_map(|(path, _)| tree.file(path));
        if let Some(content) = contents.find(|content| Sha256::of(content) == digest) {
            self.store.insert(&content[..], Expected { digest: Some(digest), size: None })?;
        }
        Ok(())
    }

    fn record(&self, key: Sha256) -> Result<Option<LayerRecord>, LayersError> {
        let Some(record) = self.store.record(RECORD, key)? else { return Ok(None) };
        let record: Option<LayerRecord> = serde_json::from_slice(&record).ok();
        let is_whole = |record: &LayerRecord| {
            self.store.has(record.layer.digest)
                && record.listing.license_texts().all(|(_, file)| self.store.has(file.sha256))
        };
        Ok(record.filter(is_whole))
    }

    fn keep(&self, key: Sha256, converted: Converted) -> Result<LayerRecord, LayersError> {
        let Converted { tree, control, scripts, provenance } = converted;
        let mut blob = self.store.blob_writer()?;
        let layer: LayerInfo = layer::write(&tree, &mut blob)
            .map_err(|error| error.downcast().map_or_else(StoreError::Source, StoreError::File))?;
        blob.finish(Expected { digest: Some(layer.digest), size: Some(layer.size) })?;
        let listing = tree.listing();
        self.keep_license_texts(&tree, &listing)?;
        let record = LayerRecord {
            layer,
            verification_code: verification_code(listing.files().map(|(_, file)| file)),
            listing,
            control,
            scripts,
            libraries: libraries(&tree),
            jinfo: lists(&tree),
            provenance,
        };
        let text = serde_json::to_vec(&record).expect("a record is plain data");
        self.store.keep_record(RECORD, key, &text)?;
        Ok(record)
    }

    /// Puts what says how files may be used where it is found without opening the layer.
    fn keep_license_texts(&self, tree: &Tree, listing: &Listing) -> Result<(), LayersError> {
        for (path, file) in listing.license_texts() {
            if let Some(content) = tree.file(path).filter(|_| !self.store.has(file.sha256)) {
                self.store
                    .insert(&content[..], Expected { digest: Some(file.sha256), size: Some(file.size) })?;
            }
        }
        Ok(())
    }

    /// The layer of an input that another machine made, whose word counts here; kept as if it were made here.
    fn shared(&self, input: Input<'_>) -> Result<Option<(Sha256, LayerRecord)>, LayersError> {
        let (key, network) = (self.key(input), input.archive().network());
        let Some(value) = self.store.shared_record(RECORD, key, network) else { return Ok(None) };
        let Ok(record) = serde_json::from_slice::<LayerRecord>(&value) else { return Ok(None) };
        let LayerInfo { digest, size, .. } = record.layer;
        let expected = Expected { digest: Some(digest), size: Some(size) };
        if !self.store.is_intact(digest)? && !self.store.take_over(expected, size, network)? {
            return Ok(None);
        }
        let Some(blob) = self.store.read(digest)? else { return Ok(None) };
        let tree = layer::read(&record.layer, &blob).ok();
        let is_of_record = |tree: &Tree| tree.listing().below_root().eq(record.listing.below_root());
        let Some(tree) = tree.filter(is_of_record) else {
            self.store.refuse_shared(RECORD, key, "it is not of the layer that it names");
            return Ok(None);
        };
        self.keep_license_texts(&tree, &record.listing)?;
        self.store.keep_record(RECORD, key, &value)?;
        Ok(Some((key, record)))
    }

    fn fetch(&self, input: Input<'_>) -> Result<(), LayersError> {
        let path = match input {
            Input::Package(Wanted { pin, .. }) => pin.path.as_str(),
            Input::Tarball(WantedTarball { file, .. }) => file.url.name(),
        };
        match input.archive().package(Named { path, sha256: input.sha256(), size: input.size() }) {
            Ok(_) => Ok(()),
            Err(ArchiveError::Store(error)) => Err(error.into()),
            Err(ArchiveError::Unavailable(unavailable)) => {
                Err(Gone::new(input.to_string(), unavailable).into())
            }
        }
    }

    fn bytes(&self, input: Input<'_>) -> Result<Bytes, LayersError> {
        let sha256 = input.sha256();
        if let Some(bytes) = self.store.read(sha256)? {
            return Ok(bytes);
        }
        self.fetch(input)?;
        self.store.read(sha256)?.ok_or(LayersError::Lost(sha256))
    }

    fn convert(
        &self,
        input: Input<'_>,
        progress: &dyn Progress,
    ) -> Result<(Sha256, LayerRecord), LayersError> {
        let mut task = progress.begin(input.name(), Some(input.cost()));
        let key = self.key(input);
        let _alone = self.store.exclusive(key)?;
        let record = match self.record(key)? {
            Some(record) => record,
            None => {
                let record = self.keep(key, self.unpack(input)?)?;
                self.store.offer(News::Made { kind: RECORD, key, blob: record.layer.digest });
                record
            }
        };
        task.advance(input.cost());
        Ok((key, record))
    }

    fn unpack(&self, input: Input<'_>) -> Result<Converted, LayersError> {
        let bytes = self.bytes(input)?;
        match input {
            Input::Package(Wanted { name, pin, .. }) => {
                package::convert(name, pin, &bytes, self.filters).map_err(|source| failed(pin, source))
            }
            Input::Tarball(WantedTarball { definition, file, .. }) => {
                let converted = tarball::convert(definition, &bytes, self.filters);
                converted.map_err(|source| LayersError::Tarball { url: file.url.clone(), source })
            }
        }
    }
}

/// The next input to convert: the largest of those that are there, or the first to come.
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

impl<'i> Input<'i> {
    /// What it takes in memory, about, in bytes: its files, and the file that it comes in.
    #[must_use]
    pub fn cost(&self) -> u64 {
        match self {
            Self::Package(wanted) => wanted.pin.cost(),
            Self::Tarball(wanted) => wanted.file.cost(),
        }
    }

    /// Of the file that it comes in.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        match self {
            Self::Package(wanted) => wanted.pin.sha256,
            Self::Tarball(wanted) => wanted.file.sha256,
        }
    }

    /// Of the file that it comes in, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Package(wanted) => wanted.pin.size,
            Self::Tarball(wanted) => wanted.file.size,
        }
    }

    fn archive(self) -> &'i Archive<'i> {
        match self {
            Self::Package(wanted) => wanted.archive,
            Self::Tarball(wanted) => wanted.archive,
        }
    }

    fn name(self) -> &'i str {
        match self {
            Self::Package(wanted) => wanted.name.as_str(),
            Self::Tarball(wanted) => wanted.name.as_str(),
        }
    }
}

/// As an image's history has it: `libc6 2.41-12 (amd64)`.
impl fmt::Display for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(Wanted { name, pin, .. }) => {
                write!(f, "{name} {} ({})", pin.version, pin.architecture)
            }
            Self::Tarball(WantedTarball { name, definition, architecture, .. }) => {
                write!(f, "tarball {name} {} ({architecture})", definition.version)
            }
        }
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
