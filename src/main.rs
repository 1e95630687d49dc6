//! The program: arguments, environment and clock are read here, once.

mod cli;
mod commands;
mod report;

use std::path::{Path, PathBuf};
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
        Command::Audit(args) => commands::audit::run(&workspace, args),
        Command::Vendor(args) => commands::vendor::run(&workspace, args).map(success),
        Command::Push(args) => commands::push::run(&workspace, args).map(success),
        Command::Export(args) => commands::export::run(&workspace, args).map(success),
        Command::Load(args) => commands::load::run(&workspace, args).map(success),
        Command::Unpack(args) => commands::unpack::run(&workspace, args).map(success),
        Command::Sbom(args) => commands::sbom::run(&workspace, args),
        Command::Licenses(args) => commands::licenses::run(&workspace, args).map(success),
        Command::Find(args) => commands::find::run(&workspace, args),
        Command::Vex(args) => commands::vex::run(&workspace, args).map(success),
        Command::Sign(args) => commands::sign::run(&workspace, args).map(success),
        Command::Merge(args) => commands::merge::run(args).map(success),
        Command::Store(args) => commands::store::run(&workspace, args),
        Command::Gc(args) => commands::gc::run(&workspace, args).map(success),
        Command::Verify(args) => commands::verify::run(&workspace, args),
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
        registry_logins: registry_logins(variable, &home()),
        netrc: variable("NETRC").unwrap_or_else(|| home().join(".netrc")),
        architecture: architecture.parse().ok(),
    }
}

/// The files that docker, podman and skopeo keep logins in. A variable that names one counts more than the usual
/// places, and that of podman more than all: it is meant to be the only one.
fn registry_logins(variable: impl Fn(&'static str) -> Option<PathBuf>, home: &Path) -> Vec<PathBuf> {
    if let Some(only) = variable("REGISTRY_AUTH_FILE") {
        return vec![only];
    }
    let docker = variable("DOCKER_CONFIG").map(|directory| directory.join("config.json"));
    let podman = variable("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json"));
    let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let usual = [config.join("containers/auth.json"), home.join(".docker/config.json")];
    docker.into_iter().chain(podman).chain(usual).collect()
}
