//! [SLSA provenance]: what an image was built from.
//!
//! A build of the type [`BUILD_TYPE`] makes one image from a lock and nothing else, as `distro build IMAGE --arch
//! ARCHITECTURE` does. Its parameters:
//!
//! | parameter | | |
//! |---|---|---|
//! | `image` | external | the image's name in the catalog: `cc-debian13:debug` |
//! | `architecture` | external | Debian's name of the architecture; an index has none |
//! | `source` | external | where the organisation keeps the definitions |
//! | `catalog` | internal | the directory of the catalog among the sealed files |
//! | `recipe` | internal | the form of the layers, [`RECIPE`]: another makes other bytes of the same content |
//!
//! The resolved dependencies are, in this order: the [sealed] lock and definitions as one blob, each of
//! these files, and every package and upstream tarball, by its purl and the digest that the lock has; of an index,
//! in place of packages, the manifests in it. There is no time in it and nothing of the machine, so it is the same
//! wherever the image is built.
//!
//! The builder is the organisation of the catalog, by its URL: whoever signs vouches that it was.
//!
//! [SLSA provenance]: https://slsa.dev/spec/v1.0/provenance

use std::collections::BTreeMap;

use oci_spec::OciSpecError;
use oci_spec::image::Descriptor;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::sealed::{self, Sealed};
use super::statement::{Resource, Statement, is_stated};
use crate::catalog::Organization;
use crate::catalog::name::ImageName;
use crate::digest::Sha256;
use crate::image::referrer::{Artifact, Document};
use crate::layer::RECIPE;
use crate::sbom::{Subject, purl};

/// The predicate.
pub const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// How images are built: this module's documentation describes it.
pub const BUILD_TYPE: &str = "urn:distro:build:image:v1";

/// What the image of one platform was built from.
#[must_use]
pub fn of_image(subject: &Subject<'_>, sealed: &Sealed) -> Statement {
    let version = &subject.release.version;
    let packages = subject.packages.iter().map(|component| {
        let file = component.pin.path.rsplit('/').next().unwrap_or_default();
        Resource::new(file, component.pin.sha256).with_uri(purl::deb(component, version))
    });
    let tarballs = subject.tarballs.iter().map(|component| {
        Resource::new(component.file.url.name(), component.file.sha256).with_uri(purl::generic(component))
    });
    let parameters = json!({
        "architecture": subject.architecture.to_string(),
        "image": subject.image.to_string(),
        "source": subject.organization.source.to_string(),
    });
    statement(
        Resource::new(subject.reference(), subject.manifest.0),
        parameters,
        packages.chain(tarballs),
        subject.organization,
        sealed,
    )
}

/// What the index over the platforms of an image was made from: their manifests, each with its name.
#[must_use]
pub fn of_index(
    image: &ImageName,
    index: Sha256,
    manifests: &[(String, Sha256)],
    organization: &Organization,
    sealed: &Sealed,
) -> Statement {
    let parameters = json!({ "image": image.to_string(), "source": organization.source.to_string() });
    let manifests = manifests.iter().map(|(name, digest)| Resource::new(name, *digest));
    statement(Resource::new(image.to_string(), index), parameters, manifests, organization, sealed)
}

/// A provenance as it is attached to an image: with the sealed lock and definitions that it names.
pub fn artifact(provenance: &Statement, sealed: &Sealed) -> Result<Artifact, OciSpecError> {
    let mut artifact = provenance.artifact()?;
    artifact.documents.push(Document {
        media_type: sealed::MEDIA_TYPE.to_owned(),
        annotations: BTreeMap::new(),
        blob: sealed.blob.clone(),
    });
    Ok(artifact)
}

/// Whether a descriptor is that of an artifact with a provenance.
#[must_use]
pub fn is_provenance(descriptor: &Descriptor) -> bool {
    is_stated(descriptor, PREDICATE)
}

fn statement(
    subject: Resource,
    external: Value,
    materials: impl Iterator<Item = Resource>,
    organization: &Organization,
    sealed: &Sealed,
) -> Statement {
    let mut dependencies = vec![Resource {
        media_type: sealed::MEDIA_TYPE.to_owned(),
        ..Resource::new("sealed", sealed.blob.digest)
    }];
    dependencies.extend(sealed.files.iter().map(|(path, digest)| Resource::new(path, *digest)));
    dependencies.extend(materials);
    let predicate = json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": { "catalog": sealed.catalog, "recipe": RECIPE },
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {
                "id": organization.url.to_string(),
                "version": { env!("CARGO_PKG_NAME"): env!("CARGO_PKG_VERSION") },
            },
        },
    });
    Statement::new(subject, PREDICATE, predicate)
}

/// What a provenance says that an image was built from, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFrom {
    /// The image's name in the catalog: `cc-debian13:debug`.
    pub image: String,
    /// `None` for an index.
    pub architecture: Option<String>,
    /// The digest of the sealed lock and definitions.
    pub sealed: Sha256,
    /// The directory of the catalog among the sealed files.
    pub catalog: String,
    /// The form of the layers.
    pub recipe: String,
    /// That of the program that built it.
    pub version: Option<String>,
    /// What it was made from, by name: the sealed files, packages, tarballs, manifests.
    pub materials: BTreeMap<String, Sha256>,
}

impl BuiltFrom {
    /// Reads a provenance; `None` for a statement of another kind.
    #[must_use]
    pub fn read(statement: &Statement) -> Option<Self> {
        let definition = &statement.predicate["buildDefinition"];
        if statement.predicate_type != PREDICATE || definition["buildType"] != BUILD_TYPE {
            return None;
        }
        let (external, internal) = (&definition["externalParameters"], &definition["internalParameters"]);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let materials = definition["resolvedDependencies"].as_array()?.iter();
        let materials: Vec<Resource> =
            materials.filter_map(|material| Resource::deserialize(material).ok()).collect();
        let sealed = materials.iter().find(|material| material.media_type == sealed::MEDIA_TYPE)?;
        let named = |material: &Resource| Some((material.name.clone(), material.sha256()?));
        Some(Self {
            image: text(&external["image"])?,
            architecture: text(&external["architecture"]),
            sealed: sealed.sha256()?,
            catalog: text(&internal["catalog"])?,
            recipe: text(&internal["recipe"])?,
            version: text(&statement.predicate["runDetails"]["builder"]["version"][env!("CARGO_PKG_NAME")]),
            materials: materials.iter().filter_map(named).collect(),
        })
    }
}
