//! Live authorization for AI agents, as a library.
//!
//! A token says who is calling. What they may do follows from the relationships that hold *now*: who is related to what, which
//! task the work is for, who lent what to whom, and whether all of them are still there. Take any of it away, and the next
//! decision says no.
//!
//! - [`Authority`] is where things are written and decided: one writer, one order, everything durable before it is
//!   acknowledged, every decision recorded.
//! - [`Snapshot`] is where things are asked: the state of a tenant at one revision, which never changes.
//!
//! Both are plain values that any number of threads may use; nothing here is async, and there is no global state. Everything
//! belongs to a *tenant*; `default` is there from the start.
//!
//! # An agent acts for a person
//!
//! ```
//! use prokura::{
//!     Asked, Authority, Context, Options, Provenance, Question,
//!     model::{
//!         Cap, CapClause, CapPermissions, Change, Delegation, DelegationKind, ObjectRef, Principal, PrincipalState, Reason,
//!         RelationName, Task, TaskState, TenantName,
//!     },
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = Authority::in_memory(Options::default());
//! let tenant = TenantName::new("default")?;
//! let (alice, coder): (ObjectRef, ObjectRef) = ("user:alice".parse()?, "agent:coder".parse()?);
//!
//! // The language is SpiceDB's: who can be related to what, and what follows from it.
//! let schema = "definition user {}
//! definition agent {}
//! definition document {
//!     relation editor: user
//!     permission edit = editor
//! }";
//! let active = |object: &ObjectRef| {
//!     let (object, state) = (object.clone(), PrincipalState::Active);
//!     Change::PrincipalSet(Principal { object, owner: None, state, declared: false })
//! };
//! let provenance = Provenance::new("user:alice", "setting up");
//! authority.write(&tenant, provenance.clone(), vec![
//!     Change::SchemaWritten(schema.to_owned()),
//!     Change::touched("document:plan#editor@user:alice".parse()?),
//!     active(&alice),
//!     active(&coder),
//! ])?;
//!
//! // For an hour, and for one purpose, Alice lends the coder what she may do with that document.
//! let (task, delegation) = (authority.mint_task_id(), authority.mint_delegation_id());
//! let (permissions, resources) = (CapPermissions::Any, ["document:plan".parse()?].into());
//! authority.write(&tenant, provenance.clone(), vec![
//!     Change::TaskOpened(Task {
//!         id: task.clone(),
//!         origin: alice.clone(),
//!         purpose: "proofread the plan".to_owned(),
//!         opened_at: authority.now(),
//!         expires_at: authority.now().plus_ms(3_600_000),
//!         state: TaskState::Open,
//!         declared: false,
//!         parent: None,
//!         owner: None,
//!         budgets: Vec::new(),
//!     }),
//!     Change::DelegationCreated(Delegation {
//!         id: delegation.clone(),
//!         task,
//!         kind: DelegationKind::Lends,
//!         from: alice,
//!         to: coder.clone(),
//!         parent: None,
//!         cap: Cap { clauses: vec![CapClause { permissions, resources, condition: None }] },
//!         depth: 0,
//!         not_before: None,
//!         expires_at: None,
//!         revoked_at: None,
//!         declared: false,
//!         uses: None,
//!     }),
//! ])?;
//!
//! let question = Question {
//!     actor: coder,
//!     delegation: Some(delegation),
//!     permission: RelationName::new("edit")?,
//!     resource: "document:plan".parse()?,
//!     arguments: Context::new(),
//!     credential: None,
//!     tool_schema: None,
//!     context: Context::new(),
//! };
//! let decided = authority.decide(&tenant, &question, Asked::by_library())?;
//! assert_eq!(decided.decision.reason, Reason::LentAuthority);
//!
//! // Alice loses the right, and so does everyone she lent it to. Nothing has to be deleted below.
//! let gone = Change::RelationshipDeleted("document:plan#editor@user:alice".parse()?);
//! authority.write(&tenant, provenance, vec![gone])?;
//! let decided = authority.decide(&tenant, &question, Asked::by_library())?;
//! assert_eq!(decided.decision.reason, Reason::OriginLacksPermission);
//!
//! // And it is on record why.
//! let record = authority.decision(&tenant, &decided.id)?.ok_or("it was recorded")?;
//! println!("{}: {}", record.outcome.code(), record.message);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **An acknowledged write is durable, and every later question sees it.** A write that was refused or failed leaves nothing
//!   that anybody sees.
//! - **A decision is recorded before it is answered**: it is in a bounded queue by then, which is flushed within milliseconds. If
//!   it cannot be recorded, it is not answered.
//! - **Failing to decide is an error, never a yes.** Limits, damage, a full disk: all of them are errors.
//! - **What is over is invisible at once**, and collected soon after, with a transaction of its own.
//! - **Whoever watches misses nothing**: [`Authority::changes`] tells every transaction after any revision, each once, in order.
//! - **Time does not go back**, whatever the machine's clock does, restarts included.
//! - **Every error says whose doing it is** and has a stable code: see the `code` and `fault` of [`OpenError`],
//!   [`WriteError`], [`AskError`] and [`DecideError`].
//!
//! After a failed flush nothing more is written (or decided, if it was the record's) until the authority is opened again, which
//! finds out what is on disk; [`Authority::health`] says so. Limits are in [`limits`], and none is without a name.

mod access;
mod approval;
mod authority;
mod checkpoint;
mod consistency;
mod consume;
mod decide;
mod declaration;
mod error;
mod expiry;
mod health;
mod import;
mod key;
pub mod limits;
mod lookup;
mod mint;
mod modelled;
mod now;
mod off_boarding;
mod options;
mod page;
mod parts;
mod plan;
mod queue;
mod record;
mod recorder;
mod recovery;
mod rights;
mod shared;
mod snapshot;
mod tenant;
#[cfg(test)]
mod tests;
mod tuples;
mod watch;
mod write;
mod writer;

pub use access::{AccessHint, AccessReply, AccessRequest, RequestFilter};
pub use approval::ApprovalFilter;
pub use authority::{Authority, StoreStats, TupleChangesPlace};
pub use consistency::Consistency;
pub use decide::{Asked, Decided, DecidedOn, DecisionFilter, DecisionPage, Placed, Unrecorded, recorded_bytes};
pub use declaration::{
    Applied, ApplyMode, Declaration, DeclaredDelegation, DeclaredEndorsement, DeclaredPrincipal, DeclaredTask,
    Difference, Effect, Expiry, Section,
};
pub use error::{
    AccessFault, ApprovalFault, AskError, CapFault, DecideError, DelegationFault, EndorsementFault, OffBoardingFault,
    OpenError, RightsFault, TaskFault, Unfit, WriteError,
};
pub use health::{Condition, Health};
pub use import::{ImportError, ImportFault, Imported};
pub use key::{NewKey, Secret};
pub use lookup::{ExcludedSubject, FoundResource, FoundSubject, ResourceLookup, SubjectLookup};
pub use modelled::{ByModel, Modelled};
pub use off_boarding::{OffBoard, OffBoarded, OffBoarding, Owned, Sampled};
pub use options::{Clock, Options, Progress, ProgressListener};
pub use page::{Listed, Page};
pub use plan::PlanDecided;
pub use prokura_engine::{
    CaveatFailure, Condition as OpenCondition, Context, Decision, EngineError, Everyone, Exclusion, Expansion,
    ExpansionNode, Explanation, Followed, FoundSubjects, Goal, HeldFor, Limits, NearMiss,
    Operation as ExpansionOperation, Permissionship, Proof, ProofPart, Question, Standing, Stats, Stored, values,
};
pub use prokura_model as model;
pub use prokura_store::{Disk, DiskFile, FolderDisk, Held, LockError, MemoryDisk};
pub use rights::By;
pub use snapshot::{Attributes, DelegationFilter, Snapshot, TaskFilter};
pub use tenant::TenantDetails;
pub use tuples::{NewModel, TupleChange, TupleChanges, TupleWrite};
pub use watch::Subscription;
pub use write::{
    DeleteRelationships, Deleted, Operation, Precondition, Provenance, Receipt, RelationshipUpdate, RelationshipWrite,
};
