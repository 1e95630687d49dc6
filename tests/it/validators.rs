//! Validators and servers of other people, in a virtual environment that tests/run makes.

use std::env;
use std::path::PathBuf;

pub fn environment() -> PathBuf {
    let default = || env::temp_dir().join("sbom-gates-venv");
    env::var_os("SBOM_GATES_VENV").map_or_else(default, PathBuf::from)
}

/// A file of the environment: `bin/python`.
#[track_caller]
pub fn validator(path: &str) -> PathBuf {
    let file = environment().join(path);
    assert!(file.is_file(), "this test needs {} (tests/run makes it)", file.display());
    file
}
