//! What follows from what was said: the graph index, check, explain, and the authority walk.
//!
//! Pure and synchronous. Time and limits are parameters; nothing here reads a clock, a file or a socket, or waits. One writer
//! feeds an [`Index`] with transactions in order and publishes revisions; any number of readers ask a [`View`] of a revision,
//! and every answer is a function of the state at that revision and the arguments. Readers never block.
//!
//! The meaning of check is the well-founded model; see `docs/design/evaluation.md`.

mod check;
mod decide;
mod error;
mod explain;
mod graph;
mod hash;
mod index;
mod inline;
pub mod limits;
mod list;
mod names;
mod packed;
mod program;
mod recorder;
mod relationships;
mod timeline;
mod trace;
mod view;

pub use decide::{Decision, Question};
pub use error::{ApplyError, EngineError};
pub use explain::{Exclusion, Explanation, Followed, Goal, NearMiss, Proof, ProofPart};
pub use index::{Index, Stats};
pub use limits::Limits;
pub use relationships::Page;
pub use view::{Permissionship, View};

#[cfg(test)]
mod tests;
