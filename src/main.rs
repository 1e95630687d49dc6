//! The program: arguments, environment and clock are read here, once.

mod cli;
mod commands;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use commands::{Host, Workspace};

fn main() -> ExitCode {
    let Cli { places, command } = Cli::parse();
    let workspace = Workspace { places, host: host() };
    let success = |()| ExitCode::SUCCESS;
    let done = match &command {
        Command::Lock(args) => commands::lock::run(&workspace, args),
        Command::Outdated(args) => commands::outdated::run(&workspace, args).map(success),
        Command::Diff(args) => commands::diff::run(&workspace, args).map(success),
        Command::Build(args) => commands::build::run(&workspace, args).map(success),
        Command::Test(args) => commands::test::run(&workspace, args),
        Command::Vendor(args) => commands::vendor::run(&workspace, args).map(success),
        Command::Sbom(args) => commands::sbom::run(&workspace, args),
        Command::Sign(args) => commands::sign::run(&workspace, args).map(success),
        Command::List(args) => commands::list::run(&workspace, args).map(success),
        Command::Tree(args) => commands::tree::run(&workspace, args).map(success),
        Command::Why(args) => commands::why::run(&workspace, args).map(success),
        Command::WhyNot(args) => commands::why_not::run(&workspace, args).map(success),
        Command::Schema(args) => commands::schema::run(args).map(success),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            report::failure::print(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment and the clock are read here, and nowhere else"
)]
fn host() -> Host {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").unwrap_or_default();
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        "loongarch64" => "loong64",
        other => other,
    };
    Host {
        now: jiff::Timestamp::now(),
        cache: variable("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache")).join("distro"),
        netrc: variable("NETRC").unwrap_or_else(|| home().join(".netrc")),
        architecture: architecture.parse().ok(),
    }
}
