//! An image as one file: an [image layout] in a tar, of that image alone.
//!
//! There are two forms. An OCI archive has all that the layout has of the image: its architectures, and what refers to
//! them. What `docker load` and `podman load` take is for one architecture, and has docker's `manifest.json` beside the
//! layout, as `docker save` of today writes it: clients of before OCI read the one, later ones the other. Layers stay
//! compressed as they are: every docker since 1.10 unpacks what it loads, and so the digests stay too.
//!
//! [image layout]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md

use std::str::FromStr;

use oci_spec::OciSpecError;
use oci_spec::image::{Descriptor, ImageManifest};
use serde_json::json;

use super::Blob;
use super::layout::{Layout, MARKER, REF_NAME, sha256};
use super::reference::{InvalidReference, RegistryHost, RepositoryPath, Tag, is_host};
use crate::digest::Sha256;
use crate::layer;
use crate::tree::ImagePath;

/// By which containerd, and so docker, knows the image of a descriptor.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Where docker takes names without a registry to be.
const DOCKER_HUB: &str = "docker.io";

/// The files of an archive, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    documents: Vec<(&'static str, Vec<u8>)>,
    /// In the order of digests.
    blobs: Vec<Sha256>,
}

/// What becomes of what refers to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrers {
    Carried,
    /// Some clients take only an archive whose index has one image and nothing else.
    LeftOut,
}

/// A file of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    Document(&'a [u8]),
    /// A blob of the layout.
    Blob(Sha256),
}

/// A name that docker and podman give an image: `cc-debian13:debug`, `registry.example.org/base/cc:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalName {
    host: Option<RegistryHost>,
    path: RepositoryPath,
    tag: Tag,
}

impl Archive {
    /// An image as a layout has it. `read` gives the bytes of an index or a manifest.
    pub fn oci<E: From<OciSpecError>>(
        layout: &Layout,
        name: &str,
        image: &Descriptor,
        referrers: Referrers,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let mut alone = match referrers {
            Referrers::Carried => layout.clone(),
            Referrers::LeftOut => Layout::default(),
        };
        alone.retain(|_| false);
        alone.set(name.to_owned(), image.clone());
        let blobs = alone.prune(read)?.into_iter().collect();
        let documents = vec![("oci-layout", MARKER.into()), ("index.json", alone.to_bytes()?)];
        Ok(Self { documents, blobs })
    }

    /// What `docker load` takes of an image of one architecture.
    pub fn docker<E: From<OciSpecError>>(
        name: &LocalName,
        image: &Descriptor,
        read: impl Fn(Sha256) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let manifest: ImageManifest =
            serde_json::from_slice(&read(sha256(image)?)?).map_err(OciSpecError::from)?;
        let mut alone = Layout::default();
        let mut named = image.clone();
        named.set_annotations(Some(
            [(CONTAINERD_NAME.to_owned(), name.normalized()), (REF_NAME.to_owned(), name.to_string())].into(),
        ));
        alone.set_annotated(name.to_string(), named);
        let blobs = alone.prune(read)?.into_iter().collect();
        let path = |of: &Descriptor| Ok::<_, OciSpecError>(blob_path(sha256(of)?));
        let layers = manifest.layers().iter().map(path).collect::<Result<Vec<_>, _>>()?;
        let config = path(manifest.config())?;
        let listed = json!([{ "Config": config, "RepoTags": [name.to_string()], "Layers": layers }]);
        let documents = vec![
            ("oci-layout", MARKER.into()),
            ("index.json", alone.to_bytes()?),
            ("manifest.json", Blob::canonical(&listed)?.bytes),
        ];
        Ok(Self { documents, blobs })
    }

    /// The files by their names.
    pub fn members(&self) -> impl Iterator<Item = (String, Content<'_>)> {
        let documents =
            self.documents.iter().map(|(name, text)| ((*name).to_owned(), Content::Document(text)));
        documents.chain(self.blobs.iter().map(|digest| (blob_path(*digest), Content::Blob(*digest))))
    }

    /// What stands before the content of a file of so many bytes.
    #[must_use]
    pub fn header(name: &str, size: u64) -> Vec<u8> {
        layer::file_header(&ImagePath::parse(name).unwrap_or_default(), size)
    }

    /// What follows the content of a file of so many bytes.
    #[must_use]
    pub fn padding(size: u64) -> &'static [u8] {
        layer::padding(size)
    }

    /// What ends an archive.
    pub const END: &'static [u8] = layer::END;
}

fn blob_path(digest: Sha256) -> String {
    format!("blobs/sha256/{digest}")
}

impl LocalName {
    /// With the registry that docker takes it to be of.
    fn normalized(&self) -> String {
        match &self.host {
            Some(_) => self.to_string(),
            None if self.path.as_str().contains('/') => format!("{DOCKER_HUB}/{self}"),
            None => format!("{DOCKER_HUB}/library/{self}"),
        }
    }
}

impl FromStr for LocalName {
    type Err = InvalidReference;

    /// `latest` stands for no tag.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (host, rest) = match text.split_once('/') {
            Some((host, rest)) if is_host(host) => (Some(host.parse()?), rest),
            _ => (None, text),
        };
        let (path, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
        Ok(Self { host, path: path.parse()?, tag: tag.parse()? })
    }
}

impl std::fmt::Display for LocalName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        write!(f, "{}:{}", self.path, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_completed_as_docker_does() {
        for (text, shown, normalized) in [
            ("cc-debian13", "cc-debian13:latest", "docker.io/library/cc-debian13:latest"),
            ("base/cc:1", "base/cc:1", "docker.io/base/cc:1"),
            ("localhost:5000/cc:1", "localhost:5000/cc:1", "localhost:5000/cc:1"),
            ("localhost/cc", "localhost/cc:latest", "localhost/cc:latest"),
        ] {
            let name: LocalName = text.parse().unwrap();
            assert_eq!((name.to_string().as_str(), name.normalized().as_str()), (shown, normalized));
        }
        for text in ["", "CC", "cc:", "cc@sha256:1", "cc:a:b"] {
            assert!(text.parse::<LocalName>().is_err(), "{text}");
        }
    }
}
