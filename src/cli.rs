//! The command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use distro::debian::{Architecture, PackageName};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Keeps an organisation's base images: definitions → a reviewed lock → deterministic OCI images, with an
/// SBOM each
#[derive(Debug, Parser)]
#[command(name = "distro", version, styles = STYLES, max_term_width = 110, after_help = "\
Examples:
  distro build --renew         lock and build every image for this machine
  distro lock                  renew the locks, to be reviewed and committed
  distro build cc --arch all   build the cc images as locked, for all architectures
  distro tree cc-debian13      what an image holds, and why")]
pub struct Cli {
    #[command(flatten)]
    pub places: Places,
    #[command(subcommand)]
    pub command: Command,
}

/// Where things are.
#[derive(Debug, Args)]
pub struct Places {
    /// The directory of catalog.toml and the family files
    #[arg(long, global = true, value_name = "DIR", default_value = "images", help_heading = "Places")]
    pub catalog: PathBuf,
    /// The directory of the locks [default: `lock` beside the catalog]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    pub lock_dir: Option<PathBuf>,
    /// The store of packages and layers [default: $XDG_CACHE_HOME/distro]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places", env = "DISTRO_STORE")]
    pub store: Option<PathBuf>,
    /// The host's apt configuration, for the mirrors that it uses
    #[arg(long, global = true, value_name = "DIR", default_value = "/etc/apt", help_heading = "Places")]
    pub apt_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Resolve every image against the archive and write the locks
    #[command(after_help = "\
Examples:
  distro lock                                every release
  distro lock --release debian13             one release
  distro lock --snapshot 20261118T000000Z    as the archive was at that time")]
    Lock(LockArgs),
    /// Build images from the locks into an OCI image layout
    #[command(after_help = "\
Examples:
  distro build                        every image, for this machine's architecture
  distro build --renew                the same, with new locks
  distro build cc-debian13:debug      one image
  distro build cc static --arch all   two families, for all their architectures
  skopeo copy oci:out:cc-debian13:latest docker-daemon:cc:latest")]
    Build(BuildArgs),
    /// Print the SBOM of a built image, as SPDX 2.3 JSON
    #[command(after_help = "\
Example:
  distro sbom cc-debian13:debug --arch arm64 > cc.spdx.json")]
    Sbom(SbomArgs),
    /// List the images of the catalog
    #[command(
        visible_alias = "ls",
        after_help = "\
Example:
  distro list --format json | jq -r '.[].image'"
    )]
    List(ListArgs),
    /// Show what an image holds, and why
    #[command(after_help = "\
Example:
  distro tree base-debian13 --arch arm64")]
    Tree(TreeArgs),
    /// Tell why an image holds a package: every way that leads to it
    #[command(after_help = "\
Example:
  distro why cc-debian13:debug libc6 --arch arm64")]
    Why(WhyArgs),
    /// Tell why an image does not hold a package
    #[command(after_help = "\
Example:
  distro why-not base-debian13 debconf")]
    WhyNot(WhyArgs),
    /// Print the JSON Schema of a file that people or `distro lock` write
    #[command(after_help = "\
Example:
  distro schema catalog > schemas/catalog.json")]
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
pub struct LockArgs {
    /// Only these releases
    #[arg(long, value_name = "RELEASE")]
    pub release: Vec<String>,
    /// Keep what is locked for architectures that cannot be renewed: a mirror in the middle of an update
    #[arg(long)]
    pub keep_going: bool,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

/// How the archive is read when a lock is made.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Read the archive as the snapshot service has it at a time, as in 20261118T000000Z
    #[arg(long, value_name = "TIME")]
    pub snapshot: Option<String>,
    /// Accept a suite whose InRelease file is past its Valid-Until: a mirror that is frozen on purpose
    #[arg(long)]
    pub allow_expired: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Give up on a server that is silent for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
    /// Try so often again after a failure that may pass
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub retries: u32,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Renew the locks first
    #[arg(long, conflicts_with = "offline")]
    pub renew: bool,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Threads that convert packages [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct TreeArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// The package
    pub package: PackageName,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[arg(value_enum)]
    pub file: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Catalog,
    Family,
    Lock,
}
