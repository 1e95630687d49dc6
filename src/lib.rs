#![doc = "placeholder"]
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod catalog;
pub mod debian;
pub mod digest;
pub mod effects;
pub mod generate;
pub mod image;
pub mod layer;
pub mod lock;
pub mod resolve;
pub mod sbom;
pub mod tree;
