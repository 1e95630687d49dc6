//! Whether the resolver means what apt means.
//!
//! ```console
//! $ cargo bench --bench against_apt               # 3,200 packages, some 10 minutes
//! $ cargo bench --bench against_apt -- 100 ffmpeg # 100 packages, and this one
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark stands outside the pure core: it reads files and runs programs"
)]

mod apt;
mod archive;
mod closures;
mod ours;
mod sample;

use std::path::Path;

use distro::resolve::Recommends;

use apt::Apt;
use archive::Archive;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (counts, names): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| argument.parse::<usize>().is_ok());
    let count = counts.first().map_or(3200, |count| count.parse().unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("against_apt");
    rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(16 << 20).build_global().unwrap();
    for release in ["debian13", "debian12"] {
        for architecture in ["amd64", "arm64"] {
            let archive = Archive::open(&folder, release, architecture);
            let universe = archive.universe();
            let apt = Apt::new(&folder.join(format!("apt-{release}-{architecture}")), &archive);
            for recommends in [Recommends::Ignored, Recommends::Taken] {
                let start = std::time::Instant::now();
                let part = if recommends == Recommends::Ignored { count / 4 } else { count / 40 };
                let mut sample = sample::of(&archive, part);
                sample.extend(names.iter().map(ToString::to_string));
                let differences = closures::compare(&universe, &apt, &sample, recommends);
                println!(
                    "{archive}, {recommends:?}: {} compared, {} differ, {:?}",
                    sample.len(),
                    differences.len(),
                    start.elapsed()
                );
                for difference in differences {
                    println!("{difference}");
                }
            }
        }
    }
}
