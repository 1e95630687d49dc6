//! What a cold build costs beside the work that no build can leave out: unxz, hash, tar, gzip.
//!
//! ```console
//! $ cargo bench --bench cold_build         # 5 rounds
//! $ cargo bench --bench cold_build -- 9
//! ```
//!
//! Some 40 packages of the host's own Debian release, small and large, are downloaded once into
//! `target/bench`, and served from there as a `file:` mirror. Every round measures each of these once, so that
//! a noisy machine is noisy for all of them; the table has the medians.
//!
//! A cold build is to stay within 1.5 times of the limit. That is a figure to look at, and no test: it exits
//! with 0 whatever comes out.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark stands outside the pure core: it reads the clock and runs programs"
)]

mod limit;
#[path = "../measure/mod.rs"]
mod measure;
mod world;

use std::num::NonZeroUsize;
use std::time::Instant;

use measure::{Sample, cpu, medians, of_command};
use world::World;

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let world = World::new();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    eprintln!("{} packages, {threads} threads, {rounds} rounds", world.packages.len());

    let mut work = None;
    let (mut limit, mut cold, mut layout, mut nothing, mut peer) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        limit.push(of_this_process(|| work = Some(pool.install(|| limit::convert(&world.debs())))));
        world.forget_store();
        world.forget_layout();
        cold.push(of_command(world.build(threads)));
        world.forget_layout();
        layout.push(of_command(world.build(threads)));
        nothing.push(of_command(world.build(threads)));
        peer.extend(world.mmdebstrap().map(of_command));
    }

    let limit::Work { deb, tar, gzip } = work.expect("there is a round");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!("{:.1} MB of .deb, {:.1} MB of tar, {:.1} MB of gzip", mb(deb), mb(tar), mb(gzip));
    println!(
        "{:<44} {:>9} {:>7} {:>9} {:>7} {:>9}",
        "medians", "seconds", "ratio", "CPU s", "ratio", "peak MiB"
    );
    let of_limit = medians(&limit);
    for (what, samples) in [
        ("limit: unxz, sha256, tar, gzip", limit),
        ("distro build, nothing there", cold),
        ("distro build, the layout is gone", layout),
        ("distro build, nothing to do", nothing),
        ("mmdebstrap --variant=extract to .tar.gz", peer),
    ] {
        if samples.is_empty() {
            continue;
        }
        let Sample { wall, cpu, peak } = medians(&samples);
        let ratio = |time: f64, limit: f64| format!("{:.2}", time / limit);
        let peak = peak.map_or("-".to_owned(), |bytes| (bytes >> 20).to_string());
        let (walls, cpus) = (ratio(wall, of_limit.wall), ratio(cpu, of_limit.cpu));
        println!("{what:<44} {wall:>9.2} {walls:>7} {cpu:>9.2} {cpus:>7} {peak:>9}");
    }
}

/// Runs work in this process, whose memory is not only that of the work.
fn of_this_process(work: impl FnOnce()) -> Sample {
    let (start, before) = (Instant::now(), cpu("self").unwrap_or(0.0));
    work();
    Sample { wall: start.elapsed().as_secs_f64(), cpu: cpu("self").unwrap_or(0.0) - before, peak: None }
}
