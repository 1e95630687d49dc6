//! Whether a package can be installed at all: ours against `dose-debcheck`, which searches exhaustively.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use distro::resolve::{Recommends, Universe};
use rayon::prelude::*;

use super::ours;

/// The packages of an index that dose finds not installable, essential ones not being there already.
pub fn broken(packages: &Path, architecture: &str) -> BTreeSet<String> {
    let mut command = Command::new("dose-debcheck");
    command.arg(format!("--deb-native-arch={architecture}")).args(["--deb-ignore-essential", "--failures"]);
    let output = command.arg(packages).output();
    let output = output
        .unwrap_or_else(|error| panic!("dose-debcheck (package dose-distcheck) cannot be run: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.code().is_some_and(|code| code < 64),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = said.lines().filter_map(|line| line.trim().strip_prefix("package:"));
    names.map(|name| name.trim().to_owned()).collect()
}

/// The candidates that we find not installable, each with the reason.
pub fn ours(universe: &Universe<'_>) -> Vec<(String, String)> {
    let check =
        |name: &str| Some((name.to_owned(), ours::install(universe, &[name], Recommends::Ignored).err()?));
    universe.candidates().par_iter().filter_map(|candidate| check(candidate.name.as_str())).collect()
}
