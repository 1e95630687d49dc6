//! Layers and a configuration → OCI manifest, index and layout, as canonical JSON.
//!
//! The types are those of `oci-spec`; every document goes through a [`serde_json::Value`], whose maps
//! are sorted, because the crate keeps annotations in a `HashMap` that serialises in random order.
//!
//! The specification: <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>

pub mod accounting;
pub mod archive;
pub mod built;
pub mod changes;
pub mod choice;
pub mod config;
pub mod layout;
pub mod plan;
pub mod reference;
pub mod referrer;
pub mod shard;
pub mod shipment;
pub mod tag_template;

use std::collections::BTreeMap;

use jiff::Timestamp;
use oci_spec::OciSpecError;
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, Digest, HistoryBuilder, ImageConfiguration,
    ImageConfigurationBuilder, ImageIndexBuilder, ImageManifestBuilder, MediaType, Os, PlatformBuilder,
    RootFsBuilder, ToDockerV2S2 as _,
};
use serde::Serialize;

use crate::catalog::Platform;
use crate::digest::Sha256;

/// One layer of an image: a blob, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayer {
    /// Digest and size of the compressed blob.
    pub digest: Sha256,
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Sha256,
    pub created: Timestamp,
    /// The package and its version, or the step: `libc6 2.41-12 (amd64)`.
    pub created_by: String,
}

/// What a manifest is made from.
#[derive(Debug, Clone)]
pub struct ImageParts<'a> {
    pub platform: &'a Platform,
    /// The time of the newest entry in the image.
    pub created: Timestamp,
    /// `uid` or `uid:gid`.
    pub user: String,
    pub environment: BTreeMap<String, String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub working_directory: String,
    pub labels: BTreeMap<String, String>,
    /// `8443/tcp`.
    pub exposed_ports: Vec<String>,
    pub volumes: Vec<String>,
    pub stop_signal: Option<String>,
    pub author: String,
    pub annotations: BTreeMap<String, String>,
    /// The lowest first.
    pub layers: Vec<ImageLayer>,
}

/// A document that stands in a layout as a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub digest: Sha256,
    pub bytes: Vec<u8>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssembledImage {
    pub config: Blob,
    pub manifest: Blob,
    pub descriptor: Descriptor,
}

impl Blob {
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { digest: Sha256::of(&bytes), bytes }
    }

    /// The document's canonical bytes: UTF-8, keys sorted, no white space.
    pub fn canonical(document: &impl Serialize) -> Result<Self, OciSpecError> {
        Ok(Self::of(serde_json::to_vec(&serde_json::to_value(document)?)?))
    }

    /// The descriptor by which other documents lead to it.
    pub fn descriptor(&self, media_type: MediaType) -> Result<Descriptor, OciSpecError> {
        descriptor(media_type, self.digest, self.bytes.len() as u64)
    }
}

impl ImageParts<'_> {
    /// The configuration and the manifest of the image.
    pub fn assemble(&self) -> Result<AssembledImage, OciSpecError> {
        let config = Blob::canonical(&self.configuration()?)?;
        let layers = self
            .layers
            .iter()
            .map(|layer| descriptor(MediaType::ImageLayerGzip, layer.digest, layer.size))
            .collect::<Result<Vec<_>, _>>()?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(config.descriptor(MediaType::ImageConfig)?)
            .layers(layers)
            .annotations(self.annotations.clone().into_iter().collect::<Annotations>())
            .build()?;
        let manifest = Blob::canonical(&manifest)?;
        let mut described = manifest.descriptor(MediaType::ImageManifest)?;
        let mut platform = PlatformBuilder::default()
            .os(Os::from(self.platform.os.as_str()))
            .architecture(Arch::from(self.platform.architecture.as_str()));
        if let Some(variant) = &self.platform.variant {
            platform = platform.variant(variant.clone());
        }
        described.set_platform(Some(platform.build()?));
        Ok(AssembledImage { config, manifest, descriptor: described })
    }

    fn configuration(&self) -> Result<ImageConfiguration, OciSpecError> {
        let mut run = ConfigBuilder::default()
            .user(self.user.clone())
            .env(self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
            .working_dir(self.working_directory.clone());
        if !self.entrypoint.is_empty() {
            run = run.entrypoint(self.entrypoint.clone());
        }
        if !self.command.is_empty() {
            run = run.cmd(self.command.clone());
        }
        if !self.labels.is_empty() {
            run = run.labels(self.labels.clone().into_iter().collect::<Annotations>());
        }
        if !self.exposed_ports.is_empty() {
            run = run.exposed_ports(self.exposed_ports.clone());
        }
        if !self.volumes.is_empty() {
            run = run.volumes(self.volumes.clone());
        }
        if let Some(signal) = &self.stop_signal {
            run = run.stop_signal(signal.clone());
        }
        let history = self
            .layers
            .iter()
            .map(|layer| {
                HistoryBuilder::default()
                    .created(layer.created.to_string())
                    .created_by(layer.created_by.clone())
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()?;
        let root_fs = RootFsBuilder::default()
            .typ("layers")
            .diff_ids(self.layers.iter().map(|layer| layer.diff_id.oci()).collect::<Vec<_>>())
            .build()?;
        let mut configuration = ImageConfigurationBuilder::default()
            .created(self.created.to_string())
            .author(self.author.clone())
            .os(Os::from(self.platform.os.as_str()))
            .architecture(Arch::from(self.platform.architecture.as_str()))
            .config(run.build()?)
            .rootfs(root_fs)
            .history(history);
        if let Some(variant) = &self.platform.variant {
            configuration = configuration.variant(variant.clone());
        }
        configuration.build()
    }
}

/// The index over the manifests of an image's platforms, in the order given.
pub fn index(
    manifests: Vec<Descriptor>,
    annotations: &BTreeMap<String, String>,
) -> Result<(Blob, Descriptor), OciSpecError> {
    let index = ImageIndexBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageIndex)
        .manifests(manifests)
        .annotations(annotations.clone().into_iter().collect::<Annotations>())
        .build()?;
    let blob = Blob::canonical(&index)?;
    let described = blob.descriptor(MediaType::ImageIndex)?;
    Ok((blob, described))
}

/// Whether a document is an index, by its media type: OCI's, or docker's manifest list, which means the same.
#[must_use]
pub fn is_index(media_type: &MediaType) -> bool {
    is_either(media_type, &MediaType::ImageIndex)
}

/// Whether a document is a manifest, OCI's or docker's.
#[must_use]
pub fn is_manifest(media_type: &MediaType) -> bool {
    is_either(media_type, &MediaType::ImageManifest)
}

/// Whether a document is the configuration of an image, OCI's or docker's.
#[must_use]
pub fn is_configuration(media_type: &MediaType) -> bool {
    is_either(media_type, &MediaType::ImageConfig)
}

/// Whether a blob is a layer of an image, by its media type: OCI's or docker's, however it is compressed.
#[must_use]
pub fn is_layer(media_type: &MediaType) -> bool {
    const KINDS: [&str; 2] = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
    KINDS.iter().any(|kind| media_type.as_ref().starts_with(kind))
}

fn is_either(media_type: &MediaType, wanted: &MediaType) -> bool {
    media_type == wanted || wanted.to_docker_v2s2().is_ok_and(|docker| media_type.as_ref() == docker)
}

/// What each layer was made from, the lowest first, as the history tells it.
#[must_use]
pub fn made_from(configuration: &ImageConfiguration) -> Vec<String> {
    let history = configuration.history().iter().flatten();
    let history = history.filter(|entry| entry.empty_layer() != Some(true));
    history.map(|entry| entry.created_by().clone().unwrap_or_default()).collect()
}

impl From<&oci_spec::image::Platform> for Platform {
    fn from(platform: &oci_spec::image::Platform) -> Self {
        Self {
            os: platform.os().to_string(),
            architecture: platform.architecture().to_string(),
            variant: platform.variant().clone(),
        }
    }
}

pub(crate) fn descriptor(
    media_type: MediaType,
    digest: Sha256,
    size: u64,
) -> Result<Descriptor, OciSpecError> {
    let digest: Digest = digest.oci().parse()?;
    DescriptorBuilder::default().media_type(media_type).digest(digest).size(size).build()
}

/// What `oci-spec` takes; see the module's documentation for why nothing is written from it.
#[expect(clippy::disallowed_types, reason = "oci-spec asks for it; canonical JSON sorts it")]
type Annotations = std::collections::HashMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(platform: &Platform) -> ImageParts<'_> {
        let text = |text: &str| text.to_owned();
        ImageParts {
            platform,
            created: Timestamp::from_second(1_700_000_000).unwrap(),
            user: text("65532"),
            environment: BTreeMap::from([(text("PATH"), text("/bin"))]),
            entrypoint: vec![text("/busybox/sh")],
            command: vec![],
            working_directory: text("/home/nonroot"),
            labels: BTreeMap::new(),
            exposed_ports: vec![],
            volumes: vec![],
            stop_signal: None,
            author: text("Team <team@example.org>"),
            annotations: (0..9).map(|n| (format!("org.example.{n}"), n.to_string())).collect(),
            layers: vec![ImageLayer {
                digest: Sha256::of(b"gzip"),
                size: 4,
                diff_id: Sha256::of(b"tar"),
                created: Timestamp::from_second(1_600_000_000).unwrap(),
                created_by: text("libc6 2.41-12 (armhf)"),
            }],
        }
    }

    #[test]
    fn the_documents_of_an_image_are_canonical() {
        let platform: Platform = "linux/arm/v7".parse().unwrap();
        let image = parts(&platform).assemble().unwrap();
        assert_eq!(
            String::from_utf8(image.config.bytes).unwrap(),
            concat!(
                r#"{"architecture":"arm","author":"Team <team@example.org>","config":{"Entrypoint":["/busybox/sh"],"#,
                r#""Env":["PATH=/bin"],"User":"65532","WorkingDir":"/home/nonroot"},"created":"2023-11-14T22:13:20Z","#,
                r#""history":[{"created":"2020-09-13T12:26:40Z","created_by":"libc6 2.41-12 (armhf)"}],"os":"linux","#,
                r#""rootfs":{"diff_ids":["sha256:b2e6f4a39b54d13b52fd5b9d8d8e4cf8d24a8bdfa2e9ff3f7ee24bf0ff69c1d6"],"#,
                r#""type":"layers"},"variant":"v7"}"#
            )
            .replace("b2e6f4a39b54d13b52fd5b9d8d8e4cf8d24a8bdfa2e9ff3f7ee24bf0ff69c1d6", &Sha256::of(b"tar").to_string())
        );
        let manifest = String::from_utf8(image.manifest.bytes).unwrap();
        let annotations: Vec<_> = (0..9).map(|n| format!(r#""org.example.{n}":"{n}""#)).collect();
        assert!(
            manifest.starts_with(&format!(r#"{{"annotations":{{{}}},"config":"#, annotations.join(","))),
            "{manifest}"
        );
    }
}
