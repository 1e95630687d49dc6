//! The whole catalog, every image for every architecture: how long it takes to build, what it weighs, and what
//! sharing layers saves.
//!
//! ```console
//! $ cargo bench --bench whole_catalog      # 3 rounds; writes docs/images.md
//! ```
//!
//! What the locks of this repository need is fetched once into a vendor folder below `target/bench`, and every
//! build is offline. The figures are medians.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark stands outside the pure core: it reads the clock and runs programs"
)]

mod document;
#[path = "../measure/mod.rs"]
mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use measure::{Sample, medians, of_command};

/// A line of `distro build --format json`; sizes are in bytes.
#[derive(Deserialize)]
struct Row {
    image: String,
    architecture: String,
    packages: usize,
    layers: usize,
    compressed: u64,
    unpacked: u64,
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(3);
    let bench = Bench::new();
    bench.vendor();

    let (mut cold, mut layout, mut nothing) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
        forget(&bench.root.join("store"));
        forget(&bench.root.join("out"));
        cold.push(of_command(bench.build()));
        forget(&bench.root.join("out"));
        layout.push(of_command(bench.build()));
        nothing.push(of_command(bench.build()));
    }
    println!("{:<44} {:>9} {:>9} {:>9}", format!("medians of {rounds}"), "seconds", "CPU s", "peak MiB");
    for (what, samples) in [
        ("all packages there, and nothing built", cold),
        ("all layers there, and no layout", layout),
        ("nothing to do", nothing),
    ] {
        let Sample { wall, cpu, peak } = medians(&samples);
        println!("{what:<44} {wall:>9.2} {cpu:>9.2} {:>9}", peak.unwrap_or(0) >> 20);
    }

    let rows = bench.rows();
    let names: BTreeSet<_> = rows.iter().map(|row| &row.image).collect();
    let sum: u64 = rows.iter().map(|row| row.compressed).sum();
    let blobs = files(&bench.root.join("out/blobs"));
    let gb = |bytes: u64| bytes as f64 / 1e9;
    println!(
        "{} images of {} names; their layers add up to {:.2} GB, and {} blobs hold them in {:.2} GB: sharing saves {:.1} %",
        rows.len(),
        names.len(),
        gb(sum),
        blobs.len(),
        gb(blobs.values().sum()),
        100.0 - 100.0 * blobs.values().sum::<u64>() as f64 / sum as f64,
    );
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images.md");
    fs::write(&document, document::of(&rows)).unwrap();
    println!("wrote {}", document.display());
}

struct Bench {
    root: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("whole_catalog");
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    fn distro(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distro"));
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        command.arg(verb).args(["--arch", "all", "--catalog"]).arg(repository.join("images"));
        command.arg("--store").arg(self.root.join("store"));
        command
    }

    /// Fetches what is not there yet.
    fn vendor(&self) {
        let mut vendor = self.distro("vendor");
        let status = vendor.arg("--prune").arg(self.root.join("vendor")).status().unwrap();
        assert!(status.success(), "{vendor:?} failed");
    }

    fn build(&self) -> Command {
        let mut build = self.distro("build");
        build.args(["--offline", "--vendor"]).arg(self.root.join("vendor"));
        build.arg("--out").arg(self.root.join("out"));
        build
    }

    fn rows(&self) -> Vec<Row> {
        let output = self.build().args(["--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn forget(directory: &Path) {
    if directory.exists() {
        fs::remove_dir_all(directory).unwrap();
    }
}

/// The files below a directory, and their sizes in bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.insert(entry.path(), metadata.len());
        }
    }
    files
}
