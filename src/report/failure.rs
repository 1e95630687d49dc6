//! How a failure is told: what could not be done, why, and what to do.

use std::fmt;

/// An error, and what to do about it.
#[derive(Debug)]
pub struct Advice {
    error: anyhow::Error,
    hint: String,
}

impl Advice {
    pub fn new(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into() }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Advice {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.chain().nth(1)
    }
}

/// Prints the chain of an error, each cause once, and the hints on the way.
pub fn print(error: &anyhow::Error) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    let mut causes = causes.into_iter();
    anstream::eprintln!("{red}error{red:#}: {}", causes.next().unwrap_or_default());
    for cause in causes {
        anstream::eprintln!("  {}", cause.replace('\n', "\n  "));
    }
    for advice in error.chain().filter_map(|cause| cause.downcast_ref::<Advice>()) {
        anstream::eprintln!("{cyan}hint{cyan:#}: {}", advice.hint);
    }
}
