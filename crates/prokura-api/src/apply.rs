use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Budget, Cap, DelegationKind, ObjectAttributes, ObjectRef, PrincipalState, Receipt, Relationship, SubjectRef, Time,
};

/// Make it so, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ApplyRequest {
    /// What there should be.
    pub declaration: Declaration,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
    /// Also end what the present sections no longer name: relationships and attributes, whoever wrote them; principals,
    /// tasks, delegations and endorsements that were declared.
    #[serde(default)]
    pub prune: bool,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What there should be. A section that is absent is left alone; one that is present but empty says there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with what is declared")]
pub struct Declaration {
    /// The schema text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Relationships.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationships: Option<Vec<Relationship>>,
    /// Attributes of objects: for each object named, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<ObjectAttributes>>,
    /// Principals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<DeclaredPrincipal>>,
    /// Tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<DeclaredTask>>,
    /// Delegations, parents in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Vec<DeclaredDelegation>>,
    /// Endorsements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsements: Option<Vec<DeclaredEndorsement>>,
    /// What names are called over AuthZEN, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authzen: Option<crate::authzen::Mapping>,
}

/// A principal there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a principal: an object with `object`")]
pub struct DeclaredPrincipal {
    /// Which node.
    pub object: ObjectRef,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// Whether it may act. Absent: as it is, and active when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PrincipalState>,
}

/// A task there should be. One of `expires_at` and `expires_in_seconds` is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a task: an object")]
pub struct DeclaredTask {
    /// Its name.
    pub id: String,
    /// For whom the work is done.
    pub origin: ObjectRef,
    /// What the work is, in words.
    pub purpose: String,
    /// The moment from which it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The same, counted from when it was first applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// The task it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who answers for it besides its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// What bounds how much is done under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
}

/// A delegation there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a delegation: an object")]
pub struct DeclaredDelegation {
    /// Its name.
    pub id: String,
    /// The task it serves.
    pub task: String,
    /// What it does with authority.
    #[serde(default)]
    pub kind: DelegationKind,
    /// Who passes on.
    pub from: ObjectRef,
    /// Who receives.
    pub to: ObjectRef,
    /// The link it continues; absent at the root of a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it may carry.
    pub cap: Cap,
    /// How many further links may hang below it.
    #[serde(default)]
    pub depth: u32,
    /// The first moment at which it carries anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The moment from which it carries nothing; the task's expiry bounds it in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// How many allows it may carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
}

/// An endorsement there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an endorsement: an object")]
pub struct DeclaredEndorsement {
    /// Its name.
    pub id: String,
    /// Who does the work.
    pub worker: ObjectRef,
    /// Who says so: the worker's owner.
    pub by: ObjectRef,
    /// What the worker does.
    pub cap: Cap,
    /// For the tasks of which origins.
    pub origins: Vec<SubjectRef>,
    /// The moment from which it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// What applying a declaration did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplyResponse {
    /// What differed, in the order it is written. Empty: everything was as declared, and there is no transaction.
    pub differences: Vec<Difference>,
    /// What a person should know besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The transaction, unless it was a dry run or nothing differed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// One thing that differs from what is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// What is done about it.
    pub effect: Effect,
    /// What kind of thing it is: `schema`, `relationship`, `attributes`, `principal`, `task`,
    /// `delegation`, `endorsement` or `authzen`.
    pub section: String,
    /// Which one, as text; empty for the schema and the AuthZEN mapping.
    pub name: String,
    /// What is different about it, for a person; empty when the name says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What is done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is new.
    Added,
    /// It is there and becomes different.
    Changed,
    /// It goes: is deleted, cancelled or revoked.
    Removed,
}
