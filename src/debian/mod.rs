//! Formats as Debian's manuals define them, one file each.

pub mod name;
pub mod signed;

pub use name::{Architecture, PackageName};
