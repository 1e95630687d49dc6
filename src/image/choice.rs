//! Which image of which layout somebody means.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use oci_spec::image::{Arch, Descriptor, ImageConfiguration, ImageIndex, Os};

use super::layout::Layout;
use super::reference::{InvalidReference, Reference};
use super::referrer::subject_of_tag;
use crate::catalog::Platform;
use crate::debian::Architecture;
use crate::digest::Sha256;

/// An image as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In the layout that is at hand: `cc-debian13:debug`.
    Name(String),
    /// In another one, as skopeo writes it: `oci:DIR:NAME`, or `oci:DIR` where it holds one image.
    Layout { root: PathBuf, name: Option<String> },
    /// In a registry: `docker://registry.example.org/base/cc-debian13:debug`.
    Registry(Reference),
}

/// The architecture of which an image is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This one and no other.
    Asked(Architecture),
    /// This one, where there are several.
    Usual(Architecture),
}

/// Why a name does not lead to one image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unchosen {
    #[error("there is no image `{0}`")]
    Unknown(String),
    #[error("`{name}` is no image, but attached to one")]
    Attached { name: String, subject: Sha256 },
    #[error("`{name}` is more than one image: {}", found.join(", "))]
    Several { name: String, found: Vec<String> },
    #[error("one image has to be named: there are {0}")]
    Unnamed(usize),
}

/// An image over several architectures of which one is to be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{image}` is not there for {architecture}: it is for {}", listed(has))]
pub struct NotForArchitecture {
    pub image: String,
    pub architecture: Architecture,
    has: Vec<Platform>,
}

impl Layout {
    /// The image that a name means: as it stands, with `latest` for its tag, or a family of which there is one
    /// release (`cc` for `cc-debian13:latest`); the only one where nothing is named.
    pub fn choose(&self, name: Option<&str>) -> Result<(&str, &Descriptor), Unchosen> {
        let Some(asked) = name else {
            let mut indexes = self.images();
            return match (indexes.next(), indexes.count()) {
                (Some(only), 0) => Ok(only),
                (first, others) => Err(Unchosen::Unnamed(usize::from(first.is_some()) + others)),
            };
        };
        if let Some(subject) = subject_of_tag(asked).filter(|_| self.get(asked).is_some()) {
            return Err(Unchosen::Attached { name: asked.to_owned(), subject });
        }
        let (repository, tag) = asked.split_once(':').unwrap_or((asked, "latest"));
        let full = format!("{repository}:{tag}");
        let exact = |wanted: &str| self.images().find(|(name, _)| *name == wanted);
        if let Some(found) = exact(asked).or_else(|| exact(&full)) {
            return Ok(found);
        }
        let is_release = |name: &str| {
            let (of, with) = name.split_once(':').unwrap_or_default();
            let release = of.strip_prefix(repository).and_then(|rest| rest.strip_prefix('-'));
            with == tag && release.is_some_and(|release| !release.contains('-'))
        };
        let found: Vec<_> = self.images().filter(|(name, _)| is_release(name)).collect();
        match found.as_slice() {
            [] => Err(Unchosen::Unknown(asked.to_owned())),
            [only] => Ok(*only),
            several => Err(Unchosen::Several {
                name: asked.to_owned(),
                found: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
            }),
        }
    }
}

impl Wanted {
    /// The image of an index that is wanted.
    pub fn of_index<'a>(
        &self,
        image: &str,
        index: &'a ImageIndex,
    ) -> Result<&'a Descriptor, NotForArchitecture> {
        let (Self::Asked(architecture) | Self::Usual(architecture)) = self;
        let manifests = || index.manifests().iter();
        let platform = |descriptor: &'a Descriptor| descriptor.platform().as_ref();
        let found = manifests().find(|held| platform(held).is_some_and(|of| is_for(architecture, of)));
        // What `docker buildx` attests of images stands among them.
        let is_known = |of: &&oci_spec::image::Platform| of.os().to_string() != "unknown";
        found.ok_or_else(|| NotForArchitecture {
            image: image.to_owned(),
            architecture: architecture.clone(),
            has: manifests().filter_map(platform).filter(is_known).map(Platform::from).collect(),
        })
    }

    /// Whether an image of one architecture is wanted, by its configuration.
    pub fn check(&self, image: &str, configuration: &ImageConfiguration) -> Result<(), NotForArchitecture> {
        let (has, variant) = (configuration.architecture(), configuration.variant());
        match self {
            Self::Asked(asked) if !is_named(asked, has, variant.as_deref()) => Err(NotForArchitecture {
                image: image.to_owned(),
                architecture: asked.clone(),
                has: vec![Platform {
                    os: configuration.os().to_string(),
                    architecture: has.to_string(),
                    variant: variant.clone(),
                }],
            }),
            _ => Ok(()),
        }
    }
}

/// Whether programs of an architecture of Debian's are for a platform.
fn is_for(architecture: &Architecture, platform: &oci_spec::image::Platform) -> bool {
    *platform.os() == Os::Linux
        && is_named(architecture, platform.architecture(), platform.variant().as_deref())
}

/// Whether a configuration speaks of an architecture of Debian's. The variant counts only where it tells two
/// architectures apart.
#[must_use]
fn is_named(architecture: &Architecture, named: &Arch, variant: Option<&str>) -> bool {
    let (name, wanted) = match architecture.as_str() {
        "armel" => ("arm", Some("v5")),
        "armhf" => ("arm", Some("v7")),
        "i386" => ("386", None),
        "mips64el" => ("mips64le", None),
        "ppc64el" => ("ppc64le", None),
        other => (other, None),
    };
    named.to_string() == name && wanted.is_none_or(|wanted| variant.is_none_or(|variant| variant == wanted))
}

fn listed(platforms: &[Platform]) -> String {
    let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    if platforms.is_empty() { "no platform that it names".to_owned() } else { platforms.join(", ") }
}

impl FromStr for Address {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text.starts_with("docker://") {
            return text.parse().map(Self::Registry);
        }
        let Some(place) = text.strip_prefix("oci:") else { return Ok(Self::Name(text.to_owned())) };
        let (root, name) =
            place.split_once(':').map_or((place, None), |(root, name)| (root, Some(name.to_owned())));
        Ok(Self::Layout { root: root.into(), name: name.filter(|name| !name.is_empty()) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Layout { root, name: None } => write!(f, "oci:{}", root.display()),
            Self::Layout { root, name: Some(name) } => write!(f, "oci:{}:{name}", root.display()),
            Self::Registry(reference) => write!(f, "docker://{reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::descriptor;
    use oci_spec::image::MediaType;

    fn layout(names: &[&str]) -> Layout {
        let mut layout = Layout::default();
        for name in names {
            let image = descriptor(MediaType::ImageIndex, Sha256::of(name.as_bytes()), 1).unwrap();
            layout.set((*name).to_owned(), image);
        }
        layout
    }

    #[test]
    fn a_name_may_leave_out_what_is_plain() {
        let layout = layout(&[
            "base-debian13:latest",
            "base-nossl-debian13:latest",
            "cc-debian12:debug",
            "cc-debian13:debug",
            "cc-debian13:latest",
        ]);
        let chosen = |name| layout.choose(Some(name)).map(|(name, _)| name.to_owned());
        for (name, full) in [
            ("cc-debian13:debug", "cc-debian13:debug"),
            ("cc-debian13", "cc-debian13:latest"),
            ("cc", "cc-debian13:latest"),
            ("base", "base-debian13:latest"),
            ("base-nossl", "base-nossl-debian13:latest"),
        ] {
            assert_eq!(chosen(name).as_deref(), Ok(full), "{name}");
        }
        assert_eq!(
            chosen("cc:debug").unwrap_err().to_string(),
            "`cc:debug` is more than one image: cc-debian12:debug, cc-debian13:debug"
        );
        assert_eq!(chosen("java").unwrap_err(), Unchosen::Unknown("java".into()));
        assert_eq!(layout.choose(None).unwrap_err(), Unchosen::Unnamed(5));
    }

    #[test]
    fn an_address_is_written_as_skopeo_writes_it() {
        for text in
            ["cc-debian13:debug", "oci:out", "oci:../out:cc-debian13:debug", "docker://localhost:5000/a/b:c"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert!("docker://cc".parse::<Address>().is_err());
        let Ok(Address::Layout { root, name }) = "oci:a/b:cc-debian13:debug".parse() else { panic!() };
        assert_eq!((root, name.as_deref()), (PathBuf::from("a/b"), Some("cc-debian13:debug")));
    }

    #[test]
    fn a_variant_counts_where_it_tells_architectures_apart() {
        let is_named = |architecture: &str, name: &str, variant| {
            is_named(&architecture.parse().unwrap(), &name.into(), variant)
        };
        assert!(is_named("arm64", "arm64", Some("v8")) && is_named("arm64", "arm64", None));
        assert!(is_named("armhf", "arm", Some("v7")) && is_named("armhf", "arm", None));
        assert!(!is_named("armel", "arm", Some("v7")) && !is_named("arm64", "arm", Some("v8")));
        assert!(is_named("ppc64el", "ppc64le", None) && is_named("riscv64", "riscv64", None));
    }
}
