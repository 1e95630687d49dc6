//! Which packages an image needs: requests and the indices of an archive give a [`Resolution`], or a
//! [`Conflict`] that explains itself.
//!
//! The meaning is that of `apt-get install --no-install-recommends` on an empty system, or, where
//! [`Recommends`] are taken, of `--install-recommends`. Each name has one candidate, by a [`Policy`] the
//! highest version of all suites ([`Universe`]). A relation prefers its alternatives in the
//! order written, and for each the real package to those that provide it. On top of that come the
//! dependencies that a definition leaves out ([`Request::left_out`]). Where apt's own way leads into a
//! conflict, a SAT solver finds another, if there is any; that one has only those Recommends which it meets
//! on its way.
//!
//! ```text
//! PackagesIndex … → Universe ┐
//!                    Request ┴→ resolve → Resolution
//! ```

mod conflict;
mod explain;
mod obligation;
mod policy;
mod resolution;
mod solver;
mod universe;
mod walk;

#[cfg(test)]
mod tests;

pub use conflict::{Bearer, Conflict, Fallen, Link, Reason, Unmet};
pub use policy::{Hold, NEVER, Policy, PolicyError, Unfit};
pub use resolution::{LeftOut, Recommends, Request, Resolution, Selected};
pub use solver::{ResolveError, resolve};
pub use universe::{Candidate, CandidateId, Edges, Exclusion, Requirement, Satisfier, Suite, Universe};
