//! What an audit looks at: an image's SBOM, its layers where they are at hand, the lock that it was made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::inventory::Inventory;
use crate::catalog::name::ImageName;
use crate::debian::control::Paragraph;
use crate::digest::{Md5, Sha256};
use crate::tree::{ImagePath, Kind, Listed, Listing, Tree};

/// Where scanners look for the packages of an image without dpkg's own database.
const STATUS: &str = "/var/lib/dpkg/status.d";

/// An image of one architecture, wherever it comes from.
#[derive(Debug)]
pub struct Subject {
    /// `cc-debian13:debug`
    pub name: String,
    pub architecture: String,
    /// Where the SBOM is, or should be: what evidence names.
    pub sbom_file: String,
    /// The SBOM, or why there is none that can be read.
    pub sbom: Result<Inventory, String>,
    /// SBOMs of the same format that are attached to it too, and are not looked at.
    pub other_sboms: usize,
    /// `None` where only documents are looked at.
    pub image: Option<Result<Image, String>>,
    /// The lock of its release, or why there is none; `None` where nobody knows what it was made from.
    pub lock: Option<Result<LockAge, String>>,
    /// How the lock says other than the image.
    pub stale: Option<String>,
    /// Files that its definition lets give rights.
    pub privileged: Vec<ImagePath>,
    /// The image of the catalog that it is; `None` for somebody else's.
    pub own: Option<ImageName>,
}

/// A lock, and when the newest of the archive's states was published that it pins.
#[derive(Debug, Clone)]
pub struct LockAge {
    pub file: String,
    pub newest: Timestamp,
}

/// An image as a layout or a registry has it.
#[derive(Debug)]
pub struct Image {
    pub manifest: Sha256,
    /// Where the configuration is.
    pub config_file: String,
    /// The user that the configuration names; empty for root.
    pub user: String,
    /// Documents of the image that are not what their digests say.
    pub damaged: Vec<String>,
    /// The lowest first.
    pub layers: Vec<Layer>,
    /// Layers that the manifest, the configuration and the history name.
    pub counts: [usize; 3],
}

#[derive(Debug, Clone)]
pub struct Layer {
    /// The blob.
    pub file: String,
    /// As the manifest names it.
    pub digest: Sha256,
    /// As the configuration names it.
    pub diff_id: Option<Sha256>,
    /// What it was made from, as the history tells it: `libc6 2.41-12 (amd64)`, `step accounts`.
    pub made_from: String,
    /// What is in the blob, or why that cannot be told.
    pub content: Arc<Result<Content, String>>,
}

/// What is in a layer, whatever its digest is said to be.
#[derive(Debug)]
pub struct Content {
    /// Of the blob, and of the tar archive in it.
    pub digest: Sha256,
    pub diff_id: Sha256,
    pub listing: Listing,
    /// The packages that have a paragraph in `status.d`, by their file's name.
    pub stanzas: BTreeMap<String, Stanza>,
    /// Files that are not what the `.md5sums` of the layer's packages say.
    pub altered: Vec<ImagePath>,
    /// Files that these do not speak of: configuration files, as a rule.
    pub unlisted: Vec<ImagePath>,
}

/// What a package's own paragraph says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    pub package: String,
    pub version: String,
    /// The packages whose files it may replace.
    pub replaces: Vec<String>,
}

impl Subject {
    /// An image of which nothing but the SBOM is looked at.
    #[must_use]
    pub fn new(
        name: String,
        architecture: String,
        sbom_file: String,
        sbom: Result<Inventory, String>,
    ) -> Self {
        Self {
            name,
            architecture,
            sbom_file,
            sbom,
            other_sboms: 0,
            image: None,
            lock: None,
            stale: None,
            privileged: Vec::new(),
            own: None,
        }
    }

    /// The image's reference: `cc-debian13:debug-amd64`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}-{}", self.name, self.architecture)
    }
}

impl Content {
    /// What is in the tar archive of a layer.
    #[must_use]
    pub fn of(digest: Sha256, diff_id: Sha256, tree: &Tree) -> Self {
        let status =
            |path: &ImagePath| path.to_string().strip_prefix(STATUS)?.strip_prefix('/').map(str::to_owned);
        let (mut stanzas, mut sums) = (BTreeMap::new(), BTreeMap::new());
        for (path, _) in tree.iter() {
            let (Some(name), Some(text)) = (status(path), tree.file(path)) else { continue };
            let text = String::from_utf8_lossy(text);
            if name.ends_with(".md5sums") {
                let lines = text.lines().filter_map(|line| line.split_once("  "));
                sums.extend(lines.map(|(sum, path)| (format!("/{path}"), sum.to_owned())));
            } else {
                stanzas.insert(name, Stanza::of(&text));
            }
        }
        let (mut altered, mut unlisted) = (Vec::new(), Vec::new());
        let files = tree.iter().filter_map(|(path, _)| Some((path, tree.file(path)?)));
        for (path, content) in files.filter(|_| !stanzas.is_empty()) {
            // Of what the usr-merge moved, the sums still name the old place.
            let text = path.to_string();
            match sums.get(&text).or_else(|| sums.get(text.strip_prefix("/usr")?)) {
                Some(sum) if sum.parse() == Ok(Md5::of(content)) => {}
                Some(_) => altered.push(path.clone()),
                None if status(path).is_some() => {}
                None => unlisted.push(path.clone()),
            }
        }
        Self { digest, diff_id, listing: tree.listing(), stanzas, altered, unlisted }
    }

    /// What is not a directory.
    pub fn files(&self) -> impl Iterator<Item = &Listed> {
        self.listing.iter().filter(|listed| listed.kind != Kind::Directory)
    }
}

impl Stanza {
    fn of(text: &str) -> Self {
        let paragraph = Paragraph::of(text);
        let field = |name| paragraph.get(name).unwrap_or_default();
        let replaced = field("Replaces").split(',').filter_map(|name| name.split_whitespace().next());
        Self {
            package: field("Package").to_owned(),
            version: field("Version").to_owned(),
            replaces: replaced.map(str::to_owned).collect(),
        }
    }
}
