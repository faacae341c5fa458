//! What follows from what was said: the graph index, check, explain, and the authority walk.
//!
//! Pure and synchronous. Time and limits are parameters; nothing here reads a clock, a file or a socket, or waits. One writer
//! feeds an [`Index`] with transactions in order and publishes revisions; any number of readers ask a [`View`] of a revision,
//! and every answer is a function of the state at that revision and the arguments. Readers never block.
//!
//! The meaning of check is the well-founded model; see `docs/design/evaluation.md`.

mod arena;
mod check;
mod decide;
mod edit;
mod error;
mod expand;
mod explain;
mod export;
mod graph;
mod guard;
mod hash;
mod index;
mod inline;
pub mod limits;
mod link;
mod list;
mod lists;
mod lookup;
mod memory;
mod mentions;
mod names;
mod nesting;
mod objects;
mod overlay;
mod packed;
mod pins;
mod program;
mod recorder;
mod relationships;
mod timeline;
mod trace;
mod view;
mod wording;
mod words;

pub use decide::{
    Decision, HeldFor, Question, Standing, Taking,
    access::{AccessAsked, AccessFound},
    listing::Listing,
    values,
};
pub use error::{ApplyError, CaveatFailure, EngineError};
pub use expand::{Expansion, ExpansionNode, Operation};
pub use explain::{Condition, Exclusion, Explanation, Followed, Goal, NearMiss, Proof, ProofPart};
pub use graph::{Context, Given};
pub use index::{
    Index, Stats,
    image::{DrawError, ImageFault, Loading, put_bytes, take_bytes},
};
pub use limits::Limits;
pub use lookup::{Everyone, FoundSubjects};
pub use memory::Memory;
pub use overlay::Overlay;
pub use relationships::{Page, Stored};
pub use view::{Permissionship, View};

#[cfg(test)]
mod tests;
