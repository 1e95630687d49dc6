//! What is said of an image, by whom, and how others can tell: statements, signatures, keys.
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | in-toto statements: a predicate about an image |
//! | [`provenance`] | the predicate that says what an image was built from |
//! | [`sealed`] | a lock and the definitions that go with it, to build an image again |
//! | [`dsse`] | a signed envelope around a statement |
//! | [`cosign`] | the shapes in which clients look for signatures: sigstore bundles, and cosign's older ones |
//! | [`key`] | keys that sign and verify |
//! | [`attach`] | a signer and an image → what is attached to the image |
//!
//! # What a build attaches
//!
//! A build attaches to each image that it adds to a layout, to the manifest of each platform and to the index over
//! them, an artifact of the type [`statement::MEDIA_TYPE`], unsigned, with two documents that are functions of lock
//! and definitions:
//!
//! - its [`provenance`];
//! - the [sealed](sealed::Sealed) lock and definitions, which the provenance names by digest: whoever has a published
//!   image has all that it takes to build it again. All images of a release share the blob.
//!
//! They are one artifact, so that neither is ever without the other.
//!
//! An image's digest changes only with its content, and so do these: as long as an image of a layout stays what it
//! is, its provenance stays that of the build that brought it, though a lock has been renewed since. Any lock that
//! gives the image is a true account of it, and one that is kept needs no signing, no upload, and no new referrer of
//! an old image at each renewal.
//!
//! Signing adds, for each manifest and index, a signature and the same statements in signed envelopes; SBOMs become
//! predicates of statements there. It takes a key, and so is a step of its own.

pub mod attach;
pub mod base64;
pub mod cosign;
pub mod dsse;
pub mod key;
pub mod provenance;
pub mod sealed;
pub mod statement;
