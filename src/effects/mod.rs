//! The only rooms with a door to the outside: files, the store, mirrors, the host's apt sources.
//!
//! | module | what it opens |
//! |---|---|
//! | [`files`] | files that people name: read whole, written whole or not at all |
//! | [`store`] | bytes by their digest, and records derived from them |
//! | [`http`] | the files of a mirror, with patience, and no more connections than are polite |
//! | [`apt_sources`] | how the host's own apt is configured |
//! | [`archive`] | one Debian archive, over every place that serves it |
//! | [`progress`] | how long work is told to whoever waits for it |

pub mod apt_sources;
pub mod archive;
pub mod files;
pub mod http;
pub mod progress;
pub mod store;

#[cfg(test)]
mod test_server;
