//! What verbs on definitions and built images take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use distro::debian::{Architecture, PackageName};
use distro::image::shard::Shard;

use super::{ArchiveArgs, Format};

/// Which images of the catalog.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Read every layer that the layout has, and write anew what is damaged
    #[arg(long)]
    pub check: bool,
    /// Renew the locks first
    #[arg(long, conflicts_with = "offline")]
    pub renew: bool,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Threads that convert packages [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Only one part of so many: `3/8`; the same on every machine with the same locks
    #[arg(long, value_name = "NUMBER/COUNT", conflicts_with = "renew")]
    pub shard: Option<Shard>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The directories of the OCI image layouts
    #[arg(value_name = "DIR", required = true)]
    pub layouts: Vec<PathBuf>,
    /// The directory of the OCI image layout that they come into
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Test by these files, in place of those that the definitions name
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// The OCI runtime [default: crun, runc or youki, the first that is installed]
    #[arg(long, value_name = "PROGRAM")]
    pub runtime: Option<String>,
    /// Give up on a command that takes longer
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub timeout: std::num::NonZeroU64,
    /// Images that are tested at a time [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
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
pub enum SchemaOf {
    Catalog,
    Family,
    Licenses,
    Lock,
    Policy,
}
