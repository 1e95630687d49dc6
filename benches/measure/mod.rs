//! How long something takes, and how much memory: as the kernel tells it in `/proc`, see [proc(5)].
//!
//! [proc(5)]: https://manpages.debian.org/trixie/manpages/proc.5.en.html

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a process is looked at: what it did since the last time is not seen.
const PERIOD: Duration = Duration::from_millis(2);

/// `USER_HZ`, which is 100 on every architecture of Debian's.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy)]
pub struct Sample {
    /// Seconds.
    pub wall: f64,
    /// Seconds, of all threads.
    pub cpu: f64,
    /// The most memory that the process had, in bytes.
    pub peak: Option<u64>,
}

/// Runs a command, which has to succeed.
pub fn of_command(mut command: Command) -> Sample {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let process = child.id().to_string();
    let (mut used, mut peak) = (0.0, 0);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        used = cpu(&process).unwrap_or(used);
        peak = high_water(&process).unwrap_or(peak);
        std::thread::sleep(PERIOD);
    };
    assert!(status.success(), "{command:?} failed");
    Sample { wall: start.elapsed().as_secs_f64(), cpu: used, peak: Some(peak) }
}

/// The median of each figure on its own.
pub fn medians(samples: &[Sample]) -> Sample {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Sample {
        wall: middle(samples.iter().map(|sample| sample.wall).collect()),
        cpu: middle(samples.iter().map(|sample| sample.cpu).collect()),
        peak: samples.iter().filter_map(|sample| sample.peak).max(),
    }
}

/// User and system time, in seconds.
pub fn cpu(process: &str) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    // utime and stime are the 14th and 15th field; two come before the parenthesis closes.
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// `VmHWM`, in bytes.
fn high_water(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}
