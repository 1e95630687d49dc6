//! Keeps an organisation's base-image catalog: definitions → a reviewed lock → deterministic OCI images, with
//! an SBOM each.
//!
//! The modules in the order in which data flows. Each takes values of those above it, and knows nothing of those
//! below:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`tree`] | the files of packages | ordered paths with one owner each |
//! | [`debian`] | the bytes of an archive | names, versions, relations, indexes, signatures, packages |
//! | [`license`] | copyright files, and the texts of licences that were reviewed | SPDX license expressions |
//! | [`tarball`] | an upstream tarball, and the file of checksums that vouches for it | the tree of its files |
//! | [`advisory`] | what is known of vulnerabilities, and versions | what that means for them |
//! | [`resolve`] | what an image asks for, and an archive's indexes | the packages that satisfy it, or why none do |
//! | [`catalog`] | the TOML texts of a catalog | every image of the matrix: what it asks for, how it runs |
//! | [`lock`] | resolutions | the pinned world of a release, to and from its text |
//! | [`find`] | what is looked for | which images hold it |
//! | [`generate`] | trees, and values of the catalog | what maintainer scripts would have made |
//! | [`layer`] | a tree | a tar in gzip, the same bytes everywhere |
//! | [`image`] | layers and a configuration | manifests, indexes, a layout |
//! | [`structure`] | an image and what is expected of it | what does not hold |
//! | [`sbom`] | an image and its packages | SPDX, CycloneDX |
//! | [`audit`] | SBOMs, layers and a policy | findings |
//! | [`vex`] | an SBOM, and what is known of vulnerabilities | OpenVEX |
//! | [`attest`] | an image and what it was built from | statements, signed or not, that are attached to the image |
//! | [`verification`] | a published image, what is attached to it, and a rebuild of it | what of it does not hold |
//! | [`retention`] | what a cache holds, and rules | what it lets go |
//!
//! All speak of a [`digest`], and say by a [`diagnostic`] what is wrong with a text, and where.
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
pub mod diagnostic;
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
