//! A layout that somebody changed, with all digests around the change as they have to be.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::layout::{Layout, sha256};
use crate::run::World;

pub struct Forgery {
    root: PathBuf,
    /// What has another digest now: the new one and, of blobs, the new size.
    changed: BTreeMap<String, (String, Option<usize>)>,
}

impl Forgery {
    /// Of the layout at `out`.
    pub fn new(world: &World) -> Self {
        Self { root: world.path("out"), changed: BTreeMap::new() }
    }

    /// The digest, without its algorithm, of a layer by its number, or of the document by a reference name.
    pub fn layer(&self, image: &str, number: usize) -> String {
        Layout::read(&self.root).image(image).layer_digests()[number].replace("sha256:", "")
    }

    /// Changes the archive of a layer.
    pub fn edit_layer(self, image: &str, number: usize, edit: impl FnOnce(&mut Vec<u8>)) {
        let digest = self.layer(image, number);
        let mut archive = Vec::new();
        MultiGzDecoder::new(&*self.read(&digest)).read_to_end(&mut archive).unwrap();
        let before = sha256(&archive);
        edit(&mut archive);
        let mut forgery = self;
        if sha256(&archive) != before {
            forgery.changed.insert(before, (sha256(&archive), None));
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&archive).unwrap();
        forgery.replace(&digest, &packed.finish().unwrap());
        forgery.settle();
    }

    /// Changes the document that a digest names.
    pub fn edit(mut self, digest: &str, edit: impl FnOnce(&mut Value)) {
        let digest = digest.trim_start_matches("sha256:");
        let mut document = serde_json::from_slice(&self.read(digest)).unwrap();
        edit(&mut document);
        self.replace(digest, document.to_string().as_bytes());
        self.settle();
    }

    fn read(&self, digest: &str) -> Vec<u8> {
        fs::read(self.root.join("blobs/sha256").join(digest)).unwrap()
    }

    fn replace(&mut self, digest: &str, bytes: &[u8]) {
        let new = sha256(bytes);
        assert_ne!(new, digest, "nothing was changed");
        fs::remove_file(self.root.join("blobs/sha256").join(digest)).unwrap();
        fs::write(self.root.join("blobs/sha256").join(&new), bytes).unwrap();
        self.changed.insert(digest.to_owned(), (new, Some(bytes.len())));
    }

    /// Brings all documents in line with what they name, until none is left that has to be.
    pub fn settle(mut self) {
        let blobs = self.root.join("blobs/sha256");
        while let Some((digest, bytes)) = self.next() {
            assert!(blobs.join(&digest).exists());
            self.replace(&digest, &bytes);
        }
        let index = self.root.join("index.json");
        let text = fs::read(&index).unwrap();
        if let Some(text) = self.in_line(&text) {
            fs::write(index, text).unwrap();
        }
    }

    /// A document that names what has another digest now, as it has to be.
    fn next(&self) -> Option<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.root.join("blobs/sha256")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).find_map(|digest| {
            let text = self.in_line(&self.read(&digest))?;
            Some((digest, text))
        })
    }

    fn in_line(&self, document: &[u8]) -> Option<Vec<u8>> {
        let mut text = String::from_utf8(document.to_vec()).ok()?;
        if !self.changed.keys().any(|digest| text.contains(digest)) {
            return None;
        }
        if let Ok(mut value) = serde_json::from_str::<Value>(&text)
            && self.describe(&mut value)
        {
            text = value.to_string();
        }
        // What was changed twice has two former digests.
        while let Some((digest, (new, _))) = self.changed.iter().find(|(digest, _)| text.contains(*digest)) {
            text = text.replace(digest, new);
            if let Ok(mut value) = serde_json::from_str::<Value>(&text)
                && self.describe(&mut value)
            {
                text = value.to_string();
            }
        }
        Some(text.into_bytes())
    }

    /// Gives descriptors the new sizes of what they name.
    fn describe(&self, value: &mut Value) -> bool {
        let digest = value["digest"].as_str().map(|digest| digest.replace("sha256:", ""));
        let size = digest.and_then(|digest| self.changed.get(&digest)?.1);
        match value {
            Value::Object(map) if size.is_some() => {
                map.insert("size".into(), size.into());
                true
            }
            Value::Object(map) => map.values_mut().fold(false, |any, value| self.describe(value) | any),
            Value::Array(list) => list.iter_mut().fold(false, |any, value| self.describe(value) | any),
            _ => false,
        }
    }
}
