//! What right means, and how to find out that something is not.
//!
//! - [`World`] is the state as plain sets and maps; its `answer` is the **oracle**: the decision procedure in the plainest way,
//!   without index, cache, order of evaluation or limits.
//! - [`generate`] makes random worlds and questions from a seed, the same ones every time.
//! - [`Candidate`] is whatever claims to give the same answers: the engine, the library, a server. [`compare`] holds one to
//!   the oracle, and makes what it finds small.
//! - [`Planted`] is a candidate that is right, or wrong in one chosen way; it shows that the generator finds such bugs.
//! - [`history`] judges what several clients were told by a server that met faults: is there an order that explains it?
//! - [`scenario`] runs the written examples under `scenarios/`, and prints a difference as one.
//!
//! The crate sees the model only, never what it judges.
#![expect(clippy::panic, clippy::expect_used, reason = "a test kit speaks by failing the test")]

mod answer;
mod candidate;
pub mod compare;
mod features;
pub mod generate;
pub mod history;
pub mod laws;
mod oracle;
mod planted;
mod rights;
mod rng;
pub mod scenario;
mod shrink;
mod truth;
mod world;

pub use answer::{Answer, List, Standing, Verdict};
pub use candidate::{Ask, Candidate, Context, Question};
pub use features::Tally;
pub use oracle::{CHAIN_LINKS, OWNERS_ABOVE, OracleError, TASK_LINE};
pub use planted::{Bug, Planted, PlantedRights, RightsBug};
pub use rights::{Act, Right};
pub use rng::Rng;
pub use shrink::shrink;
pub use world::World;
