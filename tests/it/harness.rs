//! The harness itself: the archive is one that apt and dpkg believe, the server is one that fails as told.

mod apt;
mod deb;
mod http;
mod world;
