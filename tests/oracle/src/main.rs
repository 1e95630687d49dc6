//! What debian-packaging reads in a package or an index, as lines of JSON: an independent reader, for
//! the tests in `tests/it/oracle.rs` to check ours against.
//!
//! debian-packaging is no dependency of the product. As of 0.18, its last release (2024-11):
//! its version order is none (`1.0-1+b1` and `1.0-1~bpo1` are each less than the other, and sorting
//! the versions of a real index panics); `python3:any` is a name to it, and versioned `Provides` count
//! the wrong way; its resolver takes all alternatives of a dependency; nothing that it fetches has its
//! signature checked; it does not compile with the libc of today; it forces async, and xz2 on its
//! users, of which cargo allows no second binding to liblzma beside it. Its readers of `.deb` files,
//! control paragraphs and `Packages` are sound, and share no code with ours. So they are used here, in
//! a program of its own with a lock of its own, which no build of the product compiles.
//!
//! ```text
//! oracle deb FILE         control fields, control files, and entries by their paths
//! oracle packages FILE    the stanzas of an index that is packed with xz
//! ```

#![expect(clippy::disallowed_methods, reason = "a test program, which stands outside the pure core")]

mod deb;
mod packages;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};

use anyhow::{Context, Result, bail};

/// What is said of one thing, by field names in alphabetical order; absent is what there is not.
type Line = BTreeMap<&'static str, String>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, path] = arguments.as_slice() else { bail!("usage: oracle (deb|packages) FILE") };
    let file = BufReader::new(File::open(path).with_context(|| format!("cannot open {path}"))?);
    let mut out = BufWriter::new(stdout().lock());
    let mut print = |line: Line| Ok(writeln!(out, "{}", serde_json::to_string(&line)?)?);
    match kind.as_str() {
        "deb" => deb::lines(file)?.into_iter().try_for_each(&mut print)?,
        "packages" => packages::each_line(file, &mut print)?,
        _ => bail!("{kind} is neither deb nor packages"),
    }
    Ok(out.flush()?)
}
