//! What verbs that answer auditors take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use distro::debian::Architecture;

use super::{Format, NetworkArgs, TrackerArgs};

#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag, and several with --out, --merge or --print-missing;
    /// or one of a registry, `docker://registry.example.org/base/cc-debian13:debug`
    #[arg(value_name = "IMAGE", required_unless_present = "all")]
    pub images: Vec<String>,
    /// Every image of the catalog
    #[arg(long, conflicts_with = "images")]
    pub all: bool,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    #[arg(long, value_enum, default_value_t = SbomFormat::Spdx23)]
    pub format: SbomFormat,
    /// Name every file, with its digests
    #[arg(long)]
    pub files: bool,
    /// Write one document for all images, in which a package is once (SPDX 2.3)
    #[arg(long)]
    pub merge: bool,
    /// Print the fields that stay open, and who asks for them, in place of a document
    #[arg(long, conflicts_with_all = ["merge", "out", "files"])]
    pub print_missing: bool,
    /// Write a file for each image into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "merge")]
    pub out: Option<PathBuf>,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Speak to a registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SbomFormat {
    #[value(name = "spdx-2.3")]
    Spdx23,
    #[value(name = "spdx-3.0")]
    Spdx30,
    #[value(name = "cyclonedx-1.6")]
    CycloneDx16,
}

#[derive(Debug, Args)]
pub struct LicensesArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    #[arg(long, value_enum, default_value_t = NoticeFormat::Text)]
    pub format: NoticeFormat,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoticeFormat {
    /// For people, as it is handed on with an image
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]; or images in registries:
    /// `docker://registry.example.org/base/cc-debian13:debug`
    #[arg(value_name = "IMAGE", conflicts_with_all = ["all", "layout", "sbom"])]
    pub images: Vec<String>,
    /// Every image of the catalog, as where none is named
    #[arg(long, conflicts_with_all = ["layout", "sbom"])]
    pub all: bool,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["layout", "sbom"])]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: those that were built]
    #[arg(long, value_name = "ARCH", value_delimiter = ',', conflicts_with_all = ["layout", "sbom"])]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout, with SBOMs
    #[arg(long, value_name = "DIR", default_value = "out", conflicts_with_all = ["layout", "sbom"])]
    pub out: PathBuf,
    /// All images of this layout, whichever catalog they are of
    #[arg(long, value_name = "DIR", conflicts_with = "sbom")]
    pub layout: Option<PathBuf>,
    /// Only these documents, SPDX 2.3 in JSON
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub sbom: Vec<PathBuf>,
    /// The policy [default: `policy.toml` beside the catalog]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Look at documents alone, and leave the layers unread
    #[arg(long)]
    pub no_layers: bool,
    /// Speak to registries without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    pub format: AuditFormat,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    Table,
    Json,
    /// For the code scanning of forges, SARIF 2.1.0
    Sarif,
    /// For the body of a pull request
    Markdown,
    /// A page of its own
    Html,
}

#[derive(Debug, Args)]
pub struct FindArgs {
    /// A package, `src:` and a source package, a package URL, a path, an SPDX licence id, or a CVE; globs too
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Only in these images: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// What the query is, where its shape does not tell
    #[arg(long, value_enum)]
    pub kind: Option<QueryKind>,
    /// Debian's name of an architecture [default: all]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryKind {
    Package,
    Source,
    File,
    License,
    Vulnerability,
}

#[derive(Debug, Args)]
pub struct VexArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug`
    #[arg(value_name = "IMAGE", required_unless_present = "all")]
    pub images: Vec<String>,
    /// Every image of the catalog
    #[arg(long, conflicts_with = "images")]
    pub all: bool,
    /// Debian's name of an architecture, or `all` [default: this machine's; with --all, all]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Write a file for each image and architecture into this directory, instead of one to stdout
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Attach the documents to the images in the layout, in place of earlier ones: push and sign take them along
    #[arg(long)]
    pub attach: bool,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}
