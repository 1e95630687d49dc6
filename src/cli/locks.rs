//! What verbs on locks take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use distro::debian::{Architecture, Subject};

use super::{ArchiveArgs, Format, NetworkArgs, SelectionArgs};

#[derive(Debug, Args)]
pub struct LockArgs {
    /// Only these packages: `libssl3t64`, or all of a source package: `src:openssl` [default: all]
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<Subject>,
    /// Only packages of these images
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// Only these releases
    #[arg(long, value_name = "RELEASE")]
    pub release: Vec<String>,
    /// Only packages of which a security suite has a newer version
    #[arg(long)]
    pub security: bool,
    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write nothing; the exit code says whether the locks are up to date (0), stale (3) or renewable (4)
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
    /// Keep what is locked for architectures that cannot be renewed: a mirror in the middle of an update
    #[arg(long)]
    pub keep_going: bool,
    /// Make no lock: check that keys, InRelease files, indexes and packages still vouch for the one there is
    #[arg(long, conflicts_with_all = ["keep_going", "snapshot", "allow_expired"])]
    pub verify: bool,
    /// With --verify: every .deb has to be at hand too
    #[arg(long = "packages", requires = "verify")]
    pub verify_packages: bool,
    /// With --verify: only these architectures [default: all of the lock]
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',', requires = "verify")]
    pub verify_architectures: Vec<Architecture>,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct OutdatedArgs {
    /// Only packages of these images: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A lock, a directory of locks, a git revision, or an image with its tag [default: HEAD]
    #[arg(value_name = "OLD")]
    pub old: Option<String>,
    /// The same [default: the locks as they are here]
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,
    /// Of images: Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Of images: the directory of the OCI image layout [default: out]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Make no connection: images of registries are refused, and changelogs are read only from packages that the store
    /// has
    #[arg(long)]
    pub offline: bool,
    /// Speak to registries without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Table,
    /// For the body of a pull request
    Markdown,
    Json,
}

#[derive(Debug, Args)]
pub struct VendorArgs {
    /// The folder, which is made where there is none
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Remove what an earlier run wrote and these images do not need
    #[arg(long)]
    pub prune: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}
