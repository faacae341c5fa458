//! What can be said to Prokura, and nothing about how it is stored, asked or carried.
//!
//! The crate is pure: no I/O, no clock, no randomness, no wire formats. Text comes in, checked values go out, and a value
//! that exists is a value that is well formed: a [`Schema`] type-checks, an [`ObjectId`] is a legal id.
//!
//! # Words
//!
//! The same word stands for the same thing in code, protocol, documentation and errors.
//!
//! | word | meaning | type |
//! |---|---|---|
//! | object | a node of the graph, `type:id` | [`ObjectRef`] |
//! | subject | an object, a userset (`group:eng#member`) or a wildcard (`user:*`) | [`SubjectRef`] |
//! | relation, permission | what a definition declares; they share one name space | [`RelationName`] |
//! | relationship | resource # relation @ subject | [`Relationship`] |
//! | terms | on which a relationship holds: a caveat, an expiry | [`Terms`] |
//! | principal | a node that can act or authorise | [`Principal`] |
//! | actor | the principal making this call | [`ObjectRef`] |
//! | task | a unit of work with an origin, a purpose and an expiry | [`Task`] |
//! | run | a task that is part of no other, and all tasks below it: named by the one at the root | [`Step`] |
//! | delegation | a stored, directed link under a task, *from* one principal *to* another | [`Delegation`] |
//! | cap | what a link may carry: permissions × resources | [`Cap`] |
//! | endorsement | a worker's standing statement of what it does for which origins, made by its owner | [`Endorsement`] |
//! | request, grant | ask for access / the expiring result, which is nothing but edges | [`Request`], [`Grant`] |
//! | approval | a person's yes to one exact action, named by its digest | [`Approval`] |
//! | access item | what the schema says can be asked for, and who answers | [`AccessItem`](schema::AccessItem) |
//! | budget | a bound on how much is done under a task | [`Budget`] |
//! | reservation | what an allow holds until it is committed or released | [`Reservation`] |
//! | chain | the walk from a delegation to its root, by stored parents | [`ChainLink`] |
//! | revision | the total order of everything written | [`Revision`] |
//! | guard | a rule in the schema text that forbids, or demands something, for permissions it names | [`schema::Guard`] |
//! | decision | a recorded answer with a disposition and a reason | [`DecisionRecord`] |
//! | witness | the edges, with provenance, that justify an allow | [`WitnessEdge`] |
//!
//! # Example
//!
//! ```
//! use prokura_model::Relationship;
//!
//! let relationship: Relationship = "document:plan#viewer@user:alice".parse()?;
//! assert_eq!(relationship.to_string(), "document:plan#viewer@user:alice");
//! # Ok::<(), prokura_model::TextError>(())
//! ```

#[cfg(test)]
mod any;
mod approval;
mod authority;
mod authzen;
mod budget;
mod cap;
mod change;
mod codec;
pub mod condition;
mod credential;
mod decision;
mod fault;
pub mod limits;
pub mod model;
mod name;
mod relationship;
mod request;
pub mod schema;
mod suggest;
mod text;
mod value;

pub use approval::{Action, Approval, ApprovalId, ApprovalState, ApprovalUse, Approver, GivenApproval};
pub use authority::{
    Delegation, DelegationId, DelegationKind, Endorsement, EndorsementId, Principal, PrincipalState, Task, TaskId,
    TaskState,
};
pub use authzen::AuthzenMapping;
pub use budget::{
    Account, Amount, AmountFault, Budget, BudgetName, Consumption, Draw, Measure, Reservation, Reserved, Spending,
    Spent, Taken, Touch,
};
pub use cap::{Cap, CapClause, CapPermissions, CapResource, ResourceQuery, Under};
pub use change::{Change, Revision, Timestamp, Transaction};
pub use codec::{CodecError, decode_changes, decode_record, decode_terms, encode_changes, encode_record, encode_terms};
pub use credential::{Credential, Key, KeyId, KeyRole, KeyScope, SpokenFor, StoreSecret};
pub use decision::{
    ChainLink, DecisionId, DecisionRecord, Disposition, FiredGuard, Outcome, Reason, RecordView, Step, WitnessEdge,
};
pub use fault::Fault;
pub use model::{Model, ModelId};
pub use name::{CaveatName, GuardName, NameError, ObjectId, ObjectIdFault, RelationName, TenantName, TypeName};
pub use relationship::{
    CaveatUse, ObjectRef, Relationship, RelationshipFilter, SubjectIdFilter, SubjectRef, SubjectRelationFilter, Terms,
};
pub use request::{Grant, Request, RequestAnswer, RequestId, RequestState};
pub use schema::Schema;
pub use suggest::did_you_mean;
pub use text::{RelationshipOnTerms, TextError};
pub use value::Value;
