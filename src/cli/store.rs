//! What verbs on the store take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use distro::retention;

use super::Format;

#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    pub command: Option<StoreCommand>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum StoreCommand {
    /// Read everything that the store holds, and remove what is damaged
    #[command(after_help = "\
Exit codes:
  0  all is whole
  1  an error
  3  something was damaged, and is removed; it is made anew when it is needed")]
    Verify,
}

#[derive(Debug, Args)]
pub struct GcArgs {
    /// What was not used for so long: `30d`, `2w`, `12h`
    #[arg(long, value_name = "AGE", value_parser = retention::parse_age)]
    pub older_than: Option<Duration>,
    /// What was not used for longest, until no more than this is left: `20GB`, `500MiB`
    #[arg(long, value_name = "SIZE", value_parser = retention::parse_size)]
    pub max_size: Option<u64>,
    /// Keep what the locks here name, and all that is made from it
    #[arg(long)]
    pub keep_locked: bool,
    /// Keep what the locks of another catalog name, which are beside it
    #[arg(long, value_name = "DIR", requires = "keep_locked")]
    pub keep_catalog: Vec<PathBuf>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
