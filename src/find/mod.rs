//! Which images hold something: the question that every incident starts with.

mod holders;
mod query;

pub use holders::{Holders, Holding};
pub use query::{FilePattern, InvalidQuery, Kind, LicensePattern, PackageQuery, Query};
