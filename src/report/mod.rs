//! What people read: tables, progress, errors and their hints.

pub mod audit;
pub mod built;
pub mod changes;
pub mod diff;
pub mod failure;
pub mod find;
pub mod held;
pub mod licenses;
pub mod progress;
pub mod pushed;
pub mod signed;
pub mod size;
pub mod table;
pub mod test;
pub mod verified;

/// A line of talk, on stderr: `     Locked debian13: 27 packages`.
pub fn say(verb: &str, text: &str) {
    let style = anstyle::AnsiColor::Green.on_default().bold();
    anstream::eprintln!("{style}{verb:>11}{style:#} {text}");
}

/// Something that is not wrong enough to stop for.
pub fn warn(text: &str) {
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    anstream::eprintln!("{style}warning{style:#}: {text}");
}

/// So many things: `1 image`, `2 images`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
