//! What verbs that hand images out take.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use distro::debian::Architecture;
use distro::digest::Sha256;
use distro::image::choice::Address;
use distro::image::tag_template::TagTemplate;

use super::{Format, FromArgs, NetworkArgs};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("signer").args(["key", "key_helper"]).required(true)))]
pub struct SignArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all that the layout has]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Where the images will be published, for clients that compare it with what is signed by `--form classic`
    #[arg(long, value_name = "REGISTRY/PREFIX")]
    pub destination: Option<String>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What signs, and for whom.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// The private key: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A command that signs, for a key that no program sees: PKCS #11, a cloud's KMS
    #[arg(long, value_name = "COMMAND", conflicts_with = "key", requires = "public_key")]
    pub key_helper: Option<String>,
    /// The public key of the helper: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY", requires = "key_helper")]
    pub public_key: Option<String>,
    /// What clients are to find: bundles as referrers (cosign 3), the tags of older ones (podman, skopeo), or both
    #[arg(long, value_enum, default_value_t = SignatureForm::Bundle)]
    pub form: SignatureForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignatureForm {
    Bundle,
    Classic,
    Both,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("signer").args(["key", "key_helper"])),
    group(ArgGroup::new("signing").args(["key", "key_helper", "form"]).multiple(true).requires("sign"))
)]
pub struct PushArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug`; and last the registry, with what the names of all
    /// repositories there begin with: `registry.example.org/base`
    #[arg(value_name = "IMAGE|REGISTRY/PREFIX", required = true)]
    operands: Vec<String>,
    /// All images that are built
    #[arg(long)]
    pub all: bool,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Tags that never move too, as Jinja: `{{ tag }}-{{ created | date }}` or `{{ tag }}-{{ digest | short }}`
    #[arg(long, value_name = "TEMPLATE")]
    pub tag_template: Vec<TagTemplate>,
    /// Sign the images first, as `distro sign` does, in the layout
    #[arg(long, requires = "signer")]
    pub sign: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Look for everything in the registry, also where tags say that it is there
    #[arg(long)]
    pub force: bool,
    /// Speak to the registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl PushArgs {
    /// The images, and where they go.
    pub fn operands(&self) -> (&[String], &str) {
        self.operands.split_last().map_or((&[], ""), |(destination, images)| (images, destination))
    }
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Images of the layout (`cc`, `cc-debian13`, `cc-debian13:debug`), or of a registry
    /// (`registry.example.org/base/cc-debian13:debug`)
    #[arg(value_name = "IMAGE|REGISTRY/REF", required = true)]
    pub images: Vec<String>,
    /// The public key that has to have signed them: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Build from the definitions and the lock that are here, in place of those that the images carry
    #[arg(long)]
    pub local: bool,
    /// Debian's name of an architecture [default: all that the images have]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Fetch no packages: everything that a rebuild needs must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Threads that convert packages [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Speak to the registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The file, or `-` for standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    #[arg(long, value_enum, default_value_t = ArchiveForm::Oci)]
    pub format: ArchiveForm,
    /// Debian's name of an architecture [default: all; with --format docker, this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Leave out SBOMs, signatures and attestations: some clients take no archive that has more than one image
    #[arg(long)]
    pub no_referrers: bool,
    /// What the image is called in the archive [default: as in the layout, or in its repository]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArchiveForm {
    Oci,
    Docker,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The program [default: the first that is installed]
    #[arg(long, value_enum)]
    pub with: Option<EngineName>,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// What the image is called there [default: as in the layout, or in its repository]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    Docker,
    Podman,
    Nerdctl,
}

#[derive(Debug, Args)]
pub struct UnpackArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The directory, which is made where there is none, and has to be empty
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Have all files be of whoever runs this, without setuid bits, capabilities and device nodes
    #[arg(long)]
    pub no_owner: bool,
    /// Put the files over what is in the directory
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Args)]
pub struct UnpackLayerArgs {
    pub digest: Sha256,
    pub blob: PathBuf,
    pub directory: PathBuf,
}
