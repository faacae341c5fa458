//! The wire contract of Prokura's own JSON API and of its AuthZEN door, of OpenFGA's [HTTP API](openfga), a thin client for the former, and the messages of
//! the [gRPC door](grpc).
//!
//! This crate knows wire formats and nothing else: every id is a string here and is checked where it arrives. References are
//! structured (`{"type": "user", "id": "alice"}`), times are RFC 3339, and requests refuse members they do not know,
//! so that a misspelt `expires_at` is an error and not a delegation without an end.

mod access;
mod apply;
mod approvals;
mod authority;
pub mod authzen;
mod budget;
mod bulk;
mod client;
mod credential;
mod decision;
mod error;
mod graph;
pub mod grpc;
mod lookup;
mod off_boarding;
pub mod openfga;
mod page;
mod plan;
mod time;
mod webhook;

pub use access::{
    AccessHint, AccessHow, AccessRequest, Grant, NewAccessRequest, RequestAnswer, RequestApproval, RequestQuery,
    RequestState, RequestWords,
};
pub use apply::{
    ApplyRequest, ApplyResponse, Declaration, DeclaredDelegation, DeclaredEndorsement, DeclaredPrincipal, DeclaredTask,
    Difference, Effect,
};
pub use approvals::{Approval, ApprovalQuery, ApprovalState, ApprovalWords, GivenApproval, NewApproval};
pub use authority::{
    Cap, CapClause, CapResource, CapUnder, Delegation, DelegationKind, DelegationQuery, Endorsement, EndorsementQuery,
    NewDelegation, NewEndorsement, NewTask, Principal, PrincipalQuery, PrincipalState, PrincipalWrite, ReasonOnly,
    StateChange, Task, TaskQuery, TaskState,
};
pub use budget::{Budget, BudgetAccount, BudgetDraw, CommitReservation, LinkUses, Reservation};
pub use bulk::{
    DeleteRelationships, DeletedRelationships, ImportQuery, ImportResponse, SchemaDiffRequest, SchemaDiffResponse,
    SchemaDifference, WatchEvent, WatchQuery,
};
pub use client::{Client, ClientError, ClientOptions, Lines};
pub use credential::{Key, KeyScope, NewKey, NewKeyResponse, NewTenant, Role, SpokenFor, Stats, Tenant, TenantStats};
pub use decision::{
    ChainLink, CheckRequest, CheckResponse, Condition, Credential, DecideRequest, Decision, DecisionQuery,
    DecisionRecord, Disposition, Exclusion, ExplainRequest, ExplainResponse, Explanation, ExplanationNode, FiredGuard,
    Held, NearMiss, Permissionship, StepKind, WitnessEdge,
};
pub use error::{Diagnostic, ErrorBody, ErrorDetail, ErrorDetails, Fault};
pub use graph::{
    AttributeQuery, AttributesWrite, CallbackMessage, CaveatUse, Change, Must, ObjectAttributes, ObjectRef,
    Precondition, Receipt, Relationship, RelationshipFilter, RelationshipQuery, Schema, SchemaWrite,
    StoredRelationship, SubjectRef, Transaction, WriteRelationships,
};
pub use lookup::{
    Consistency, Everyone, ExpandRequest, ExpandResponse, ExpansionNode, Found, FoundObject, HeldPermission, Operation,
    PermissionsRequest, PermissionsResponse, ResourcesRequest, SubjectsRequest,
};
pub use off_boarding::{OffBoardRequest, OffBoarding, Owned, Sampled, Transfer};
pub use page::{Page, PageQuery};
pub use plan::{PlanRequest, PlanResponse, PlannedAction, PlannedAnswer, PlannedError};
pub use time::{Time, TimeError};
pub use webhook::{Webhook, WebhookEvent, WebhookFailing, WebhookPing};
