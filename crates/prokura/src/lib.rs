//! Live authorization for AI agents, as a library: [`Authority`] writes and decides, [`Snapshot`] answers.

mod authority;
mod decide;
mod declaration;
mod error;
mod health;
mod key;
pub mod limits;
mod now;
mod options;
mod page;
mod snapshot;
mod write;

pub use authority::Authority;
pub use decide::{Asked, Decided, DecisionFilter, DecisionPage};
pub use declaration::{
    Applied, ApplyMode, Declaration, DeclaredDelegation, DeclaredPrincipal, DeclaredTask, Difference, Effect, Expiry,
    Section,
};
pub use error::{AskError, DecideError, DelegationFault, OpenError, Stranded, WriteError};
pub use health::{Condition, Health};
pub use key::{NewKey, Secret};
pub use options::{Clock, Options, Progress, ProgressListener};
pub use page::{Listed, Page};
pub use prokura_engine::{Decision, EngineError, Explanation, Limits, Permissionship, Question};
pub use prokura_model as model;
pub use snapshot::{DelegationFilter, Snapshot, TaskFilter};
pub use write::{Provenance, Receipt};
