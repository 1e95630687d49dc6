//! Layouts of other programs, with all that a layer may hold.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::layout::sha256;

/// A layer on its way.
pub struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, path: &str, mode: u32, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
        }
        // The crate refuses what a hostile archive has.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.add(EntryType::Directory, path, mode, "", b"")
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.add(EntryType::Regular, path, 0o640, "", content.as_bytes())
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.add(EntryType::Symlink, path, 0o777, target, b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.add(EntryType::Link, path, 0o640, target, b"")
    }

    pub fn node(self, kind: EntryType, path: &str) -> Self {
        self.add(kind, path, 0o600, "", b"")
    }

    /// What the next member has besides: `SCHILY.xattr.user.note`, `mtime`.
    pub fn extended(mut self, records: &[(&str, &str)]) -> Self {
        self.0.append_pax_extensions(records.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap();
        self
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// Writes a layout of one image for amd64, named `app`, whose layers are compressed in turn by gzip, not at all and
/// by zstd.
pub fn write(root: &Path, layers: impl IntoIterator<Item = Layer>) {
    fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    let blob = |media_type: &str, bytes: &[u8]| {
        fs::write(root.join("blobs/sha256").join(sha256(bytes)), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len() })
    };
    let document = |kind: &str, document: &Value| {
        let media_type = format!("application/vnd.oci.image.{kind}.v1+json");
        blob(&media_type, document.to_string().as_bytes())
    };
    let (mut diff_ids, mut descriptors) = (Vec::new(), Vec::new());
    for (number, layer) in layers.into_iter().enumerate() {
        let tar = layer.tar();
        diff_ids.push(format!("sha256:{}", sha256(&tar)));
        let (kind, packed) = match number % 3 {
            0 => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&tar).unwrap();
                ("tar+gzip", encoder.finish().unwrap())
            }
            1 => ("tar", tar),
            _ => ("tar+zstd", zstd::encode_all(&tar[..], 1).unwrap()),
        };
        descriptors.push(blob(&format!("application/vnd.oci.image.layer.v1.{kind}"), &packed));
    }
    let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
    let config =
        json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs, "history": [] });
    let config = document("config", &config);
    let mut image = document(
        "manifest",
        &json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": descriptors }),
    );
    image["annotations"] = json!({ "org.opencontainers.image.ref.name": "app" });
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [image] });
    fs::write(root.join("index.json"), index.to_string()).unwrap();
    fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}
