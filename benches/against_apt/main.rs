//! Whether the resolver means what apt means.
//!
//! ```console
//! $ cargo bench --bench against_apt                   # everything: half an hour or more, nearly all of it apt's
//! $ cargo bench --bench against_apt -- 400            # 400 packages: 100 a release and architecture
//! $ cargo bench --bench against_apt -- ffmpeg bash    # these
//! $ cargo bench --bench against_apt -- 0              # only what needs no apt
//! ```
//!
//! Three questions, for the releases of `images/catalog.toml`:
//!
//! - Is the closure of a package what `apt-get install` chooses on an empty system from the same indexes, with
//!   and without Recommends? Asked of a sample over all sections.
//! - Is a package installable where `dose-debcheck` says so? Asked of every package of trixie's main.
//! - Is the order of versions that of libapt-pkg and dpkg?
//!
//! Indexes are fetched once into `target/bench/against_apt`; remove that folder to have new ones. Differences
//! are printed with both sides. It exits with 1 where there is one that `expected.toml` gives no reason for.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark stands outside the pure core: it reads files and runs programs"
)]

mod apt;
mod archive;
mod closures;
mod dose;
mod ours;
mod sample;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use distro::resolve::Recommends;

use apt::Apt;
use archive::Archive;

/// How many packages are compared without their Recommends, over all releases and architectures.
const SAMPLE: usize = 3200;

/// For one package with its Recommends, so many without.
const WITHOUT: usize = 8;

/// How many pairs of versions are compared.
const PAIRS: usize = 200_000;

/// How many of them dpkg is asked for.
const PAIRS_OF_DPKG: usize = 500;

/// apt waits for memory more than for a core.
const AT_A_TIME: usize = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (count, names) = match arguments.split_first() {
        Some((first, rest)) => match first.parse() {
            Ok(count) => (count, rest),
            Err(_) => (0, &arguments[..]),
        },
        None => (SAMPLE, &[][..]),
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("against_apt");
    // The resolver goes as deep as the longest chain of dependencies.
    rayon::ThreadPoolBuilder::new().num_threads(AT_A_TIME).build_global().unwrap();
    let mut tally = Tally::default();
    for (release, architecture) in
        ["debian13", "debian12"].into_iter().flat_map(|release| ["amd64", "arm64"].map(|on| (release, on)))
    {
        let archive = Archive::open(&folder, release, architecture);
        let universe = archive.universe();
        if count == 0 && names.is_empty() {
            break;
        }
        let apt = Apt::new(&folder.join(format!("apt-{release}-{architecture}")), &archive);
        for (recommends, share) in [(Recommends::Ignored, 4), (Recommends::Taken, 4 * WITHOUT)] {
            let start = Instant::now();
            let mut sample = sample::of(&archive, count / share);
            sample.extend_from_slice(names);
            let differences = closures::compare(&universe, &apt, &sample, recommends);
            let what = format!("{archive}: closures, Recommends {recommends:?}");
            tally.add(
                &what,
                sample.len(),
                start,
                differences.iter().map(|of| (of.name.clone(), of.to_string())),
            );
        }
    }
    if names.is_empty() {
        let start = Instant::now();
        let trixie = Archive::open(&folder, "debian13", "amd64").only("trixie");
        let universe = trixie.universe();
        let (ours, dose) = (dose::ours(&universe), dose::broken(&trixie.suites[0].file, "amd64"));
        let ours: BTreeMap<_, _> = ours.into_iter().collect();
        let we: BTreeSet<_> = ours.keys().cloned().collect();
        let said = |name: &String| match ours.get(name) {
            Some(why) => format!("{name}\n  we say it is not installable: {why}"),
            None => format!("{name}\n  only dose says that it is not installable"),
        };
        let differences = we.symmetric_difference(&dose).map(|name| (name.clone(), said(name)));
        let what = format!("trixie main on amd64: installable ({} are not)", dose.len());
        tally.add(&what, universe.candidates().len(), start, differences);

        let start = Instant::now();
        let pairs = versions::pairs(universe.candidates().iter().map(|candidate| &candidate.version), PAIRS);
        let apart = |text: String| (text.clone(), text);
        tally.add(
            "versions: libapt-pkg",
            pairs.len(),
            start,
            versions::against_apt(&pairs).into_iter().map(apart),
        );
        let few = &pairs[..PAIRS_OF_DPKG];
        tally.add("versions: dpkg", few.len(), start, versions::against_dpkg(few).into_iter().map(apart));
    }
    if tally.unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was found so far.
struct Tally {
    expected: BTreeMap<String, String>,
    unexpected: usize,
}

impl Default for Tally {
    fn default() -> Self {
        let expected = toml::from_str(include_str!("expected.toml")).unwrap();
        Self { expected, unexpected: 0 }
    }
}

impl Tally {
    /// Prints a comparison: its figures, and both sides of each difference.
    fn add(
        &mut self,
        what: &str,
        compared: usize,
        start: Instant,
        differences: impl Iterator<Item = (String, String)>,
    ) {
        let differences: Vec<_> = differences.collect();
        let equal = compared - differences.len();
        println!("{what}: {compared} compared, {equal} equal, {:.0} s", start.elapsed().as_secs_f64());
        for (name, text) in differences {
            match self.expected.get(&name) {
                Some(reason) => println!("  expected: {reason}\n  {text}"),
                None => {
                    self.unexpected += 1;
                    println!("  {text}");
                }
            }
        }
    }
}
