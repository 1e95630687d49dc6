//! Errors and what caused them, as text.

use std::error::Error;
use std::iter::successors;

/// An error and its causes, each once: `could not read the index: unexpected end of file`.
#[must_use]
pub fn in_one_line(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    let mut texts = vec![error.to_string()];
    texts.extend(causes.map(ToString::to_string));
    texts.dedup();
    texts.join(": ")
}

/// The cause at the end of the chain: what lies around it names the types of a library.
#[must_use]
pub fn innermost(error: &dyn Error) -> String {
    let last = successors(error.source(), |&cause| cause.source()).last();
    last.map_or_else(|| error.to_string(), ToString::to_string)
}
