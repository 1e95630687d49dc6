//! An OCI image layout as another program would read it, with nothing of ours but the bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

pub struct Layout {
    root: PathBuf,
    /// Descriptors of `index.json` by their reference names.
    pub references: BTreeMap<String, Value>,
    /// Descriptors of `index.json` without a name, each with the digest that its manifest refers to.
    referrers: Vec<(String, Value)>,
}

/// An image of one architecture.
pub struct Image {
    pub manifest: Value,
    pub config: Value,
    /// The tar archives, the lowest first.
    layers: Vec<Vec<u8>>,
}

impl Layout {
    /// Reads a layout, in which every blob is what its name says, and one that is referred to.
    #[track_caller]
    pub fn read(root: &Path) -> Self {
        let marker = fs::read_to_string(root.join("oci-layout")).unwrap();
        assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
        let index: Value = serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["schemaVersion"], 2);
        assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
        let (mut references, mut unnamed) = (BTreeMap::new(), Vec::new());
        for descriptor in index["manifests"].as_array().unwrap() {
            match descriptor["annotations"]["org.opencontainers.image.ref.name"].as_str() {
                Some(name) => drop(references.insert(name.to_owned(), descriptor.clone())),
                None => unnamed.push(descriptor.clone()),
            }
        }
        let mut layout = Self { root: root.to_owned(), references, referrers: Vec::new() };
        layout.referrers =
            unnamed.into_iter().map(|descriptor| (layout.subject(&descriptor), descriptor)).collect();
        let mut reached = BTreeSet::new();
        layout.references.values().for_each(|descriptor| layout.check(descriptor, &mut reached));
        for (subject, descriptor) in &layout.referrers {
            assert!(
                layout.blobs().contains(subject.strip_prefix("sha256:").unwrap()),
                "{descriptor} is left over"
            );
            layout.check(descriptor, &mut reached);
        }
        assert_eq!(reached, layout.blobs());
        layout
    }

    /// The names of the files below `blobs/sha256`.
    pub fn blobs(&self) -> BTreeSet<String> {
        names(&self.root.join("blobs/sha256"))
    }

    /// The digests of what references lead to: all blobs but those of what is attached without a name.
    pub fn named_blobs(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        self.references.values().for_each(|descriptor| self.check(descriptor, &mut reached));
        reached
    }

    /// The names of the files below `sbom`.
    pub fn sboms(&self) -> BTreeSet<String> {
        names(&self.root.join("sbom"))
    }

    pub fn names(&self) -> Vec<&str> {
        self.references.keys().map(String::as_str).collect()
    }

    /// The digest that a reference name leads to.
    #[track_caller]
    pub fn digest(&self, name: &str) -> String {
        self.references[name]["digest"].as_str().unwrap().to_owned()
    }

    /// The document that a reference name leads to: an index, or the manifest of one architecture.
    #[track_caller]
    pub fn document(&self, name: &str) -> Value {
        self.json(&self.references[name])
    }

    /// By the reference name of one architecture: `cc-debian13:debug-amd64`.
    #[track_caller]
    pub fn image(&self, name: &str) -> Image {
        let manifest = self.document(name);
        let config = self.json(&manifest["config"]);
        let gunzip = |descriptor| {
            let mut archive = Vec::new();
            MultiGzDecoder::new(&*self.blob(descriptor)).read_to_end(&mut archive).unwrap();
            archive
        };
        let layers: Vec<_> = manifest["layers"].as_array().unwrap().iter().map(gunzip).collect();
        let diff_ids: Vec<_> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
        assert_eq!(config["rootfs"]["diff_ids"], Value::from(diff_ids));
        Image { manifest, config, layers }
    }

    /// What refers to a digest: descriptors, each with its manifest.
    pub fn referrers(&self, subject: &str) -> Vec<(&Value, Value)> {
        let referring = self.referrers.iter().filter(|(of, _)| of == subject);
        referring.map(|(_, descriptor)| (descriptor, self.json(descriptor))).collect()
    }

    /// The digest that an unnamed manifest refers to.
    fn subject(&self, descriptor: &Value) -> String {
        self.json(descriptor)["subject"]["digest"].as_str().unwrap().to_owned()
    }

    pub fn json(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&self.blob(descriptor)).unwrap()
    }

    /// A blob of the size and digest that a descriptor says.
    #[track_caller]
    pub fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let name = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let bytes = fs::read(self.root.join("blobs/sha256").join(name)).unwrap();
        assert_eq!(
            (sha256(&bytes).as_str(), bytes.len() as u64),
            (name, descriptor["size"].as_u64().unwrap())
        );
        bytes
    }

    fn check(&self, descriptor: &Value, reached: &mut BTreeSet<String>) {
        let bytes = self.blob(descriptor);
        reached.insert(sha256(&bytes));
        let kind = descriptor["mediaType"].as_str().unwrap();
        if kind.ends_with("+json") {
            let document: Value = serde_json::from_slice(&bytes).unwrap();
            let below =
                ["manifests", "layers"].into_iter().filter_map(|key| document[key].as_array()).flatten();
            below.chain(document.get("config").filter(|config| config["digest"].is_string())).for_each(
                |below| {
                    self.check(below, reached);
                },
            );
        }
    }
}

impl Image {
    /// What the image holds, in the order of paths: `/dir/file file 0644 0:0 <12 digits of the SHA-256>`.
    pub fn tree(&self) -> Vec<String> {
        let layers = self.layers.iter().map(|layer| lines(layer));
        let tree = layers.fold(BTreeMap::new(), |mut tree, layer| {
            tree.extend(layer);
            tree
        });
        tree.into_iter().map(|(path, line)| format!("{path} {line}")).collect()
    }

    /// The lines of [`Image::tree`] about what is no directory and lies below a path.
    pub fn files_below(&self, directory: &str) -> Vec<String> {
        let below = |line: &String| line.starts_with(directory) && !line.contains(" dir ");
        self.tree().into_iter().filter(below).collect()
    }

    #[track_caller]
    pub fn file(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap()
    }

    #[track_caller]
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let found = self.layers.iter().rev().find_map(|layer| {
            let mut archive = tar::Archive::new(&layer[..]);
            let mut entries = archive.entries().unwrap().map(Result::unwrap);
            let mut entry = entries.find(|entry| format!("/{}", entry.path().unwrap().display()) == path)?;
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            Some(content)
        });
        found.unwrap_or_else(|| panic!("the image has no {path}"))
    }

    /// Writes the image's files into a directory.
    pub fn unpack(&self, directory: &Path) {
        for layer in &self.layers {
            tar::Archive::new(&layer[..]).unpack(directory).unwrap();
        }
    }

    /// The tar archive of the layer that lies on all others.
    pub fn top(&self) -> &[u8] {
        self.layers.last().unwrap()
    }

    /// What the history says of each layer, the lowest first.
    pub fn history(&self) -> Vec<&str> {
        let history = self.config["history"].as_array().unwrap();
        assert_eq!(history.len(), self.layers.len());
        history.iter().map(|step| step["created_by"].as_str().unwrap()).collect()
    }

    pub fn layer_digests(&self) -> Vec<&str> {
        self.manifest["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| layer["digest"].as_str().unwrap())
            .collect()
    }
}

fn lines(layer: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(layer);
    let line = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let path = format!("/{}", entry.path().unwrap().display()).trim_end_matches('/').to_owned();
        let owner =
            format!("{:04o} {}:{}", header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        let target = entry.link_name().unwrap().map(|target| target.display().to_string());
        let line = match header.entry_type() {
            EntryType::Directory => format!("dir {owner}"),
            EntryType::Symlink => format!("link {}", target.unwrap()),
            EntryType::Link => format!("hard {}", target.unwrap()),
            EntryType::Regular => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                format!("file {owner} {}", &sha256(&content)[..12])
            }
            other => panic!("{path} is {other:?}"),
        };
        (path, line)
    };
    archive.entries().unwrap().map(line).collect()
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
