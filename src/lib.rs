//! Keeps an organisation's base-image catalog: definitions → a reviewed lock → deterministic OCI images, with
//! an SBOM each.
//!
//! The modules in the order in which data flows. A stage takes the value of the stage before it, and knows
//! nothing of later ones:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`catalog`] | the TOML texts of a catalog | every image of the matrix: what it asks for, how it runs |
//! | [`debian`] | the bytes of an archive | names, versions, relations, indexes, signatures, packages |
//! | [`resolve`] | what an image asks for, and an archive's indexes | the packages that satisfy it, or why none do |
//! | [`lock`] | resolutions | the pinned world of a release, to and from its text |
//! | [`tarball`] | an upstream tarball, and the file of checksums that vouches for it | the tree of its files |
//! | [`tree`] | the files of packages | ordered paths with one owner each |
//! | [`generate`] | trees, and values of the catalog | what maintainer scripts would have made |
//! | [`layer`] | a tree | a tar in gzip, the same bytes everywhere |
//! | [`image`] | layers and a configuration | manifests, indexes, a layout |
//! | [`sbom`] | an image and its packages | SPDX |
//! | [`advisory`] | what is known of vulnerabilities, and versions | what that means for them |
//! | [`audit`] | SBOMs, layers and a policy | findings |
//! | [`find`] | what is looked for | which images hold it |
//! | [`vex`] | an SBOM, and what is known of vulnerabilities | OpenVEX |
//! | [`attest`] | an image and what it was built from | statements, signed or not, that are attached to the image |
//! | [`retention`] | what a cache holds, and rules | what it lets go |
//! | [`verification`] | a published image, what is attached to it, and a rebuild of it | what of it does not hold |
//! | [`structure`] | an image and what is expected of it | what does not hold |
//!
//! All of these are pure: bytes out depend on arguments only. [`effects`] holds the doors to the outside
//! (files, the store, servers); lints keep every other module away from the file system, the
//! environment and the clock. The program around it all is in `main.rs`, `cli.rs`, `commands/` and `report/`.

pub mod advisory;
pub mod attest;
pub mod audit;
pub mod catalog;
pub mod cause;
pub mod debian;
pub mod digest;
pub mod effects;
pub mod find;
pub mod generate;
pub mod image;
pub mod layer;
pub mod license;
pub mod lock;
pub mod resolve;
pub mod retention;
pub mod sbom;
pub mod structure;
pub mod tarball;
mod text;
pub mod tree;
pub mod verification;
pub mod vex;
