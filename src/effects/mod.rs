//! The only rooms with a door to the outside: files, the store, mirrors, the host's apt sources.
//!
//! | module | what it opens |
//! |---|---|
//! | [`files`] | files that people name: read whole, written whole or not at all |
//! | [`store`] | bytes by their digest, and records derived from them |
//! | [`remote`] | a store that many machines share |
//! | [`inventory`] | what is in a store |
//! | [`http`] | the files of a mirror, with patience, and no more connections than are polite |
//! | [`apt_sources`] | how the host's own apt is configured |
//! | [`archive`] | one Debian archive, over every place that serves it |
//! | [`mirrors`] | the places that a catalog and a host know for an archive |
//! | [`places`] | every place that serves what locks name |
//! | [`suites`] | the signed suites of an archive, and their indexes |
//! | [`tarballs`] | upstream tarballs, and the signed checksums that vouch for them |
//! | [`tracker`] | the Debian security tracker's data, and the copy that is kept of them |
//! | [`vendor`] | a folder with all that locked builds need |
//! | [`kept`] | what is at hand of what a lock names: in the store, in the vendor folder |
//! | [`renewal`] | a release as the archive offers it, made into a lock |
//! | [`changelogs`] | what the packages of a lock say was changed |
//! | [`revisions`] | locks as git has them |
//! | [`definitions`] | a catalog's directory: definitions, keys, locks |
//! | `source_files` | what definitions take from their directory |
//! | [`layers`] | packages fetched and converted, each once |
//! | [`builder`] | images put together from layers, and checked |
//! | [`keys`] | keys to sign with: in files, in the environment, behind other programs |
//! | [`signing`] | signatures and attestations added to the images of a layout |
//! | [`publish`] | built images written into a layout, with their SBOMs |
//! | [`licensing`] | copyright files out of the store, and what they were found to say |
//! | [`export`] | images of a layout written into one file each |
//! | [`contents`] | all that two images of layouts hold, for a comparison |
//! | [`engine`] | docker, podman and nerdctl, into which images are loaded |
//! | [`unpack`] | layers unpacked into a directory |
//! | [`pull`] | images of a registry copied into a layout |
//! | [`push`] | images of a layout sent to a registry |
//! | [`finder`] | which images hold a file or a licence, by layers and SBOMs |
//! | [`layout`] | an OCI image layout on disk |
//! | [`registry`] | an OCI registry: manifests, blobs and referrers, read and written |
//! | [`containers`] | containers of an OCI runtime, over layers that are unpacked once |
//! | [`auditor`] | images and their SBOMs read for an audit |
//! | [`tester`] | structure tests run on built images |
//! | [`verifier`] | published images, and what is attached to them |
//! | [`progress`] | how long work is told to whoever waits for it |

pub mod apt_sources;
pub mod archive;
pub mod auditor;
pub mod builder;
pub mod changelogs;
pub mod containers;
pub mod contents;
pub mod definitions;
pub mod engine;
pub mod export;
pub mod files;
pub mod finder;
pub mod http;
pub mod inventory;
pub mod kept;
pub mod keys;
pub mod layers;
pub mod layout;
pub mod licensing;
pub mod mirrors;
pub mod places;
pub mod progress;
pub mod publish;
pub mod pull;
pub mod push;
pub mod registry;
pub mod remote;
pub mod renewal;
pub mod revisions;
pub mod scripts;
pub mod signing;
mod source_files;
pub mod store;
pub mod suites;
pub mod tarballs;
pub mod tester;
pub mod tracker;
pub mod unpack;
pub mod vendor;
pub mod verifier;

#[cfg(test)]
mod test_server;
