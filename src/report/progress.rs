//! Progress bars on stderr, where it is a terminal.

use std::io::IsTerminal as _;

use distro::effects::progress::{Progress, Task};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars of one command, below each other.
pub struct Bars {
    bars: MultiProgress,
}

/// Work of one kind: how many bytes of it are done.
pub struct Stage {
    bar: ProgressBar,
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

    /// A bar over so many bytes; without an end where they are not known.
    pub fn stage(&self, verb: &'static str, bytes: Option<u64>) -> Stage {
        let template = match bytes {
            Some(_) => "{prefix:>11.cyan.bold} [{bar:28}] {bytes}/{total_bytes} {binary_bytes_per_sec} {wide_msg}",
            None => "{prefix:>11.cyan.bold} {bytes} {binary_bytes_per_sec} {wide_msg}",
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = self.bars.add(bytes.map_or_else(ProgressBar::no_length, ProgressBar::new));
        Stage { bar: bar.with_style(style).with_prefix(verb) }
    }
}

impl Progress for Stage {
    fn begin(&self, label: &str, _: Option<u64>) -> Box<dyn Task> {
        self.bar.set_message(label.to_owned());
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
        self.bar.finish_and_clear();
    }
}
