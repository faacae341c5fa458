use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{Budget, BudgetAccount, CaveatUse, LinkUses, ObjectRef, Reservation, SubjectRef, Time};

/// A node that can act or authorise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// Which node.
    pub object: ObjectRef,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// Whether it may act.
    pub state: PrincipalState,
    /// Written by `apply`, which may prune what its files no longer name.
    #[serde(default)]
    pub declared: bool,
}

/// Whether a principal may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalState {
    /// It may.
    Active,
    /// It may not, until it is resumed.
    Suspended,
    /// It is gone for good; what it owns is suspended until someone else owns it.
    OffBoarded,
}

/// A principal to register, or to register anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PrincipalWrite {
    /// Which node.
    pub object: ObjectRef,
    /// Who answers for it; absent, nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which principal's state is to change, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct StateChange {
    /// Which node.
    pub object: ObjectRef,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which principals are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PrincipalQuery {
    /// Of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// With this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<PrincipalState>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A server-minted unit of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// For whom the work is done.
    pub origin: ObjectRef,
    /// What the work is, in words.
    pub purpose: String,
    /// When it was opened.
    pub opened_at: Time,
    /// The moment from which it is over, whatever its state.
    pub expires_at: Time,
    /// Whether work under it goes on.
    pub state: TaskState,
    /// Written by `apply`, which may prune what its files no longer name.
    #[serde(default)]
    pub declared: bool,
    /// The task it is a part of: it is over when that one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who answers for it besides its origin, and may close it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// What bounds how much is done under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
    /// Of one task that is asked for by its name: how its budgets stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<BudgetAccount>,
    /// Of one task: the reservations that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
    /// Of one task: how many uses were taken of its links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<LinkUses>,
    /// Of one task: of the attributes that guards read of runs, the values of what was touched under it, and under all tasks
    /// of its tree.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub touched: BTreeMap<String, Vec<Value>>,
}

/// Whether work under a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It does.
    Open,
    /// The work is done.
    Completed,
    /// The work was called off.
    Cancelled,
}

/// A task to open. One of `expires_at` and `expires_in_seconds` is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewTask {
    /// For whom the work is done. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ObjectRef>,
    /// What the work is, in words.
    pub purpose: String,
    /// The task it is a part of: one for the same origin, which it does not outlive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who answers for it besides its origin, and may close it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// The moment from which it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The same, counted from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// What bounds how much is done under it, each under a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why something is done, in the author's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ReasonOnly {
    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which tasks are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TaskQuery {
    /// With an origin of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_type: Option<String>,
    /// With an origin of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_id: Option<String>,
    /// In this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<TaskState>,
    /// A part of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A stored, directed link under a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegation {
    /// Its name.
    pub id: String,
    /// The task it serves.
    pub task: String,
    /// What it does with authority.
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
    pub depth: u32,
    /// The first moment at which it carries anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The moment from which it carries nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
    /// Written by `apply`, which may prune what its files no longer name.
    #[serde(default)]
    pub declared: bool,
    /// How many allows it may carry, those of every chain through it; absent: as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
}

/// What a link does with authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DelegationKind {
    /// `to` may do what `from` may do, inside the cap.
    #[default]
    Lends,
    /// `to` is asked to do a piece of work with its own authority, inside the cap and what it is endorsed for.
    Dispatches,
}

/// A worker's standing statement, made by whoever owns it: what it does for which origins when it is dispatched to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Endorsement {
    /// Its name.
    pub id: String,
    /// Who does the work.
    pub worker: ObjectRef,
    /// Who says so. It counts as long as the worker is this one's.
    pub by: ObjectRef,
    /// What the worker does.
    pub cap: Cap,
    /// For the tasks of which origins: these, all of these types, and who stands in these usersets when it is asked.
    pub origins: Vec<SubjectRef>,
    /// The moment from which it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
    /// Written by `apply`, which may prune what its files no longer name.
    #[serde(default)]
    pub declared: bool,
}

/// An endorsement to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewEndorsement {
    /// Who does the work.
    pub worker: ObjectRef,
    /// Who says so: the worker's owner. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectRef>,
    /// What the worker does.
    pub cap: Cap,
    /// For the tasks of which origins.
    pub origins: Vec<SubjectRef>,
    /// The moment from which it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The same, counted from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which endorsements are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EndorsementQuery {
    /// Of a worker of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_type: Option<String>,
    /// Of a worker of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a link may carry: whatever at least one clause covers. A cap without clauses carries nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a cap: an object with `clauses`")]
pub struct Cap {
    /// Its clauses.
    pub clauses: Vec<CapClause>,
}

/// Permissions × resources, under a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `permissions` and `resources`")]
pub struct CapClause {
    /// These permissions, or `["*"]` for any.
    pub permissions: Vec<String>,
    /// On these resources.
    pub resources: Vec<CapResource>,
    /// Only when this caveat of the schema holds: with what is bound here, then the arguments of a question, then its context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<CaveatUse>,
}

/// A resource of a clause: an object, or with `wildcard` (and without `id`) every object of the type, or of those the ones
/// that `origin_has` and `under` leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a resource like {\"type\": \"service\", \"id\": \"checkout\"} or {\"type\": \"service\", \"wildcard\": true}"
)]
pub struct CapResource {
    /// The definition it is of.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Every object of the type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
    /// With `wildcard`: on which the task's origin has this permission when it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_has: Option<String>,
    /// With `wildcard`: which stand below this when it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<CapUnder>,
}

/// A place in a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `resource` and `by`")]
pub struct CapUnder {
    /// What is reached from the resource itself.
    pub resource: ObjectRef,
    /// Following this relation, any number of times.
    pub by: String,
}

/// A delegation to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewDelegation {
    /// The task it serves.
    pub task: String,
    /// What it does with authority.
    #[serde(default)]
    pub kind: DelegationKind,
    /// Who passes on. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ObjectRef>,
    /// Who receives.
    pub to: ObjectRef,
    /// The link it continues; absent at the root of a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it may carry.
    pub cap: Cap,
    /// How many further links may hang below it; 0, the default, means it may not be passed on.
    #[serde(default)]
    pub depth: u32,
    /// The first moment at which it carries anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The moment from which it carries nothing; the task's expiry bounds it in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The same, counted from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// How many allows it may carry, those of every chain through it; absent: as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which delegations are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DelegationQuery {
    /// Under this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Made by someone of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_type: Option<String>,
    /// Made by someone of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_id: Option<String>,
    /// Made to someone of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_type: Option<String>,
    /// Made to someone of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_id: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
