//! How long work is told to whoever waits for it.

/// Tells of long work. A progress bar implements it, and [`Silent`] where nobody looks.
pub trait Progress: Send + Sync {
    /// A piece of work begins: its name, and how much of it there is (in bytes), where that is known.
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Task>;
}

/// A piece of work under way. It is done, or given up, when dropped.
pub trait Task: Send {
    /// So many bytes more.
    fn advance(&mut self, bytes: u64);
}

/// Tells nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<u64>) -> Box<dyn Task> {
        Box::new(Self)
    }
}

impl Task for Silent {
    fn advance(&mut self, _: u64) {}
}
