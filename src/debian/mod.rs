//! Formats as Debian's manuals define them, one file each.

pub mod compression;
pub mod deb;
pub mod name;

pub use name::{Architecture, PackageName};
