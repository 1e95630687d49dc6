//! Validators of other people, in a virtual environment that tests/run makes.

use std::env;
use std::path::PathBuf;

/// A file of the environment: `bin/python`.
#[track_caller]
pub fn validator(path: &str) -> PathBuf {
    let default = || env::temp_dir().join("sbom-gates-venv");
    let file = env::var_os("SBOM_GATES_VENV").map_or_else(default, PathBuf::from).join(path);
    assert!(file.is_file(), "this test needs {} (tests/run makes it)", file.display());
    file
}
