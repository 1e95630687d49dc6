//! Where verbs take things from.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Give up on a server that is silent for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
    /// Try so often again after a failure that may pass
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub retries: u32,
    /// Trust the authorities of this file too, certificates in PEM, to know servers by
    #[arg(long, value_name = "FILE")]
    pub ca_certificates: Option<PathBuf>,
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

/// Where an image comes from.
#[derive(Debug, Args)]
pub struct FromArgs {
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Make no connection: an image of a registry is refused
    #[arg(long)]
    pub offline: bool,
    /// Speak to a registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Where vulnerabilities are known.
#[derive(Debug, Args)]
pub struct TrackerArgs {
    /// The Debian security tracker's JSON: a file, a URL, or `debian` for its own server
    #[arg(long, value_name = "FILE|URL")]
    pub tracker: Option<String>,
    /// Make no connection: the tracker's data are those that an earlier run kept in the store
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}
