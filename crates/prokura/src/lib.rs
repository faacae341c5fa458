//! Live authorization for AI agents, as a library: [`Authority`] writes and decides, [`Snapshot`] answers.

mod authority;
mod decide;
mod declaration;
mod error;
mod health;
mod key;
pub mod limits;
mod mint;
mod now;
mod options;
mod page;
mod queue;
mod record;
mod recorder;
mod recovery;
mod shared;
mod snapshot;
mod tenant;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub use authority::Authority;
pub use decide::{Asked, Decided, DecisionFilter, DecisionPage};
pub use declaration::{
    Applied, ApplyMode, Declaration, DeclaredDelegation, DeclaredPrincipal, DeclaredTask, Difference, Effect, Expiry,
    Section,
};
pub use error::{AskError, DecideError, DelegationFault, OpenError, Unfit, WriteError};
pub use health::{Condition, Health};
pub use key::{NewKey, Secret};
pub use options::{Clock, Options, Progress, ProgressListener};
pub use page::{Listed, Page};
pub use prokura_engine::{
    Decision, EngineError, Exclusion, Explanation, Followed, Goal, Limits, NearMiss, Permissionship, Proof, ProofPart, Question,
};
pub use prokura_model as model;
pub use prokura_store::{Disk, DiskFile, FolderDisk, Held, LockError, MemoryDisk};
pub use snapshot::{Attributes, DelegationFilter, Snapshot, TaskFilter};
pub use write::{Provenance, Receipt};
