//! Which images hold something: the question that every incident starts with.

mod holders;
mod locked;
mod query;
mod rows;

pub use holders::{Holders, Holding};
pub use locked::{Findings, note, packages, sources, vulnerabilities};
pub use query::{FilePattern, InvalidQuery, Kind, LicensePattern, PackageQuery, Query};
pub use rows::{FileRow, LicenseRow, PackageRow, VulnerabilityRow};
