//! Progress bars on stderr, where it is a terminal.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};

use distro::effects::progress::{Progress, Task};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars of one command, below each other.
pub struct Bars {
    bars: MultiProgress,
}

/// Work of one kind: how much of it is done.
pub struct Stage {
    bar: ProgressBar,
    /// Whether all work was announced before it began.
    announced: AtomicBool,
}

struct Item {
    bar: ProgressBar,
}

impl Bars {
    pub fn new() -> Self {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        Self { bars: MultiProgress::with_draw_target(target) }
    }

    /// A bar over bytes whose number grows as work is announced.
    pub fn stage(&self, verb: &'static str) -> Stage {
        let template =
            "{prefix:>11.cyan.bold} [{bar:28}] {bytes}/{total_bytes} {binary_bytes_per_sec} {wide_msg}";
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = self.bars.add(ProgressBar::new(0)).with_style(style).with_prefix(verb);
        Stage { bar, announced: AtomicBool::new(false) }
    }

    /// A bar over so many things.
    pub fn count(&self, verb: &'static str, number: usize) -> Stage {
        let style = ProgressStyle::with_template("{prefix:>11.cyan.bold} [{bar:28}] {pos}/{len} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = self.bars.add(ProgressBar::new(number as u64)).with_style(style).with_prefix(verb);
        Stage { bar, announced: AtomicBool::new(true) }
    }
}

impl Stage {
    /// Takes the bar off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Announces all the work that there will be, in bytes.
    pub fn expect(&self, bytes: u64) {
        self.announced.store(true, Ordering::Relaxed);
        self.bar.set_length(bytes);
    }
}

impl Progress for Stage {
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Task> {
        if !self.announced.load(Ordering::Relaxed) {
            self.bar.inc_length(total.unwrap_or(0));
        }
        let name = label.rsplit('/').next().unwrap_or(label);
        self.bar.set_message(name.to_owned());
        Box::new(Item { bar: self.bar.clone() })
    }
}

impl Task for Item {
    fn advance(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.finish();
    }
}
