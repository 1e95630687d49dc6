//! What maintainer scripts would have done, done natively: one step a file.
//!
//! A step takes the tree of a package, or values of the catalog, and gives the tree that it adds to
//! an image. Nothing of a package is run, so a step gives the same bytes for every architecture on
//! any host. Each names its behaviour in a `RECIPE`, which enters the key of the layer made from it:
//! a step that would give other bytes for the same input gets a new number.

pub mod accounts;
pub mod busybox;
pub mod cacerts;
pub mod capabilities;
pub mod fontconfig;
pub mod java_alternatives;
pub mod java_cacerts;
pub mod ldconfig;
pub mod os_release;

use crate::tree::{ImagePath, InvalidPath, Node, Tree};

/// Why a step could not make its tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    #[error("no file {path} in the package that {recipe} reads: the image definition names another package")]
    MissingFile { path: ImagePath, recipe: &'static str },
    #[error(
        "no certificate (`*.crt`) below /{directory} in the package: is `ca-certificates` the package of this step?"
    )]
    NoCertificates { directory: &'static str },
    #[error("the certificate {name} is no PEM text: {why}")]
    Certificate { name: String, why: String },
    #[error("the certificate {name} has a name or a length that no Java keystore can hold")]
    Keystore { name: String },
    #[error("`{line}` in {path} is no line of a .jinfo file")]
    Alternative { path: ImagePath, line: String },
    #[error(
        "no applets can be linked to {path}: {why}; the step takes the binary of `busybox-static` or `busybox`"
    )]
    Applets { path: ImagePath, why: &'static str },
    #[error("{path} could not be branded")]
    OsRelease {
        path: ImagePath,
        #[source]
        source: os_release::OsReleaseError,
    },
    #[error(transparent)]
    Path(#[from] InvalidPath),
}

/// The content of the file at a path; of a hard link, that of the file it shares.
fn content<'a>(tree: &'a Tree, path: &ImagePath) -> Option<&'a [u8]> {
    match &tree.get(path)?.node {
        Node::File(bytes) => Some(bytes),
        Node::HardLink(file) => match &tree.get(file)?.node {
            Node::File(bytes) => Some(bytes),
            _ => None,
        },
        Node::Directory | Node::Symlink(_) => None,
    }
}
