use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{AccessHint, BudgetDraw, Consistency, GivenApproval, ObjectRef, Relationship, SubjectRef, Time};

/// May this be done?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct DecideRequest {
    /// Who wants to act. A caller with a token may leave it out: it is itself, and can be nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<ObjectRef>,
    /// The delegation it acts under; absent, only its own authority counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// What it wants to do.
    pub permission: String,
    /// To what.
    pub resource: ObjectRef,
    /// What it would be done with: the parameters of the action itself. They are values for the parameters of caveats, and
    /// win over the context.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The circumstances: more values for the parameters of caveats, and whatever else should be recorded with the decision.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What the tool says it does: mostly a digest of its schema. An approval is for exactly this; at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<String>,
    /// For how long, in milliseconds, what an allow takes of budgets and uses is to be reserved. Absent: it is taken at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_ms: Option<u64>,
    /// Whether the answer should list the edges that justify an allow. They are recorded in any case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witness: bool,
    /// The caller's own name for this step of its work, such as the id of a span. It is recorded, and plays no other part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
}

/// The answer to "may this be done?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It may.
    Allow,
    /// It may not.
    Deny,
    /// It depends on what the question did not say; never to be taken for an allow.
    Conditional,
    /// Not yet: somebody has to approve or to confirm first; never to be taken for an allow.
    Held,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Under which name it is recorded; absent in a preview, which is not recorded and must not be enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it may be done.
    pub disposition: Disposition,
    /// Why: a stable word.
    pub reason: String,
    /// Why: the sentence a person reads.
    pub message: String,
    /// The state it was decided on.
    pub revision: u64,
    /// The task of the chain, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The run: the task at the root of the tree that the task is in, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The task's origin, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ObjectRef>,
    /// The chain as walked, root first, as far as it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<ChainLink>,
    /// For a deny on the chain, or what depends on a link of it, the position in it of that link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<usize>,
    /// For an allow and if asked for, the edges that justify it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<WitnessEdge>,
    /// For an allow, the earliest expiry it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// For a conditional decision, the parameters of caveats or guards that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// For a deny, how what was denied can be asked for, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessHint>,
    /// The guards that applied, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<FiredGuard>,
    /// For one that is held, what for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// For an allow, what it takes of budgets. Of a preview, what it would take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<BudgetDraw>,
    /// For an allow, what its run touches with it for the first time: attributes of the resource that guards read of runs.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub touches: Map<String, Value>,
    /// If that is reserved, the moment from which the reservation is over. It has the decision's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<Time>,
}

/// A guard that applied, and what it demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FiredGuard {
    /// Its name.
    pub guard: String,
    /// What it demands, in the words of the schema.
    pub demanded: Vec<String>,
    /// The approvals that meet what it demands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<GivenApproval>,
}

/// What a decision is held for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// The guard that demands it.
    pub guard: String,
    /// From whom: `type#permission`, of whoever has it on the resource; or `origin`, who has to confirm.
    pub from: String,
    /// How long it is good for, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Of an approval, whether it is used up by one use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<bool>,
    /// The approval that is missing: its id, whether it was asked for or not. It is for exactly this question.
    pub approval: String,
    /// Whether it was given, and something used it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
}

/// How whoever asked was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// By what: `api_key`, `oidc`.
    pub method: String,
    /// When it was made out, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_at: Option<Time>,
}

/// One link of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainLink {
    /// Which delegation.
    pub delegation: String,
    /// Who passed on.
    pub from: ObjectRef,
    /// Who received.
    pub to: ObjectRef,
}

/// An edge that justifies an allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WitnessEdge {
    /// The edge.
    pub relationship: Relationship,
    /// The revision that made it: ask for that transaction to learn who wrote it, when and why.
    pub since: u64,
}

/// Does the subject have this on the graph? A question about relationships and the schema only: no task, no suspension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct CheckRequest {
    /// On what.
    pub resource: ObjectRef,
    /// A permission, or a relation.
    pub permission: String,
    /// Who: an object or a userset.
    pub subject: SubjectRef,
    /// Values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// On which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// What the graph says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// Whether the subject has it.
    pub permissionship: Permissionship,
    /// For a conditional answer, the parameters that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The state it was read from.
    pub revision: u64,
    /// The same as a token, for `consistency`.
    pub token: String,
}

/// Whether a subject has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permissionship {
    /// It has.
    HasPermission,
    /// It has not.
    NoPermission,
    /// It depends on caveats whose parameters have no value.
    ConditionalPermission,
}

/// Why would it be decided as it would be decided?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ExplainRequest {
    /// Who would act.
    pub actor: ObjectRef,
    /// The delegation it would act under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// What it would do.
    pub permission: String,
    /// To what.
    pub resource: ObjectRef,
    /// What it would be done with: values for the parameters of caveats, which win over the context.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The circumstances: more values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What the tool says it does: mostly a digest of its schema. An approval is for exactly this; at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<String>,
}

/// A preview of a decision, with its explanation. Not recorded, and not to be enforced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainResponse {
    /// The decision as it would be made now.
    pub decision: Decision,
    /// What the graph has to do with it; absent when the graph was not asked because the chain already failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// Why the graph says what it says: for an allow the way through it, for a deny the nearest miss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whom it is about: the actor, or with a delegation the task's origin.
    pub subject: ObjectRef,
    /// Whether it has what was asked for.
    pub holds: bool,
    /// For an allow: what was asked, and below it what it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ExplanationNode>,
    /// For a deny: what came nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_miss: Option<NearMiss>,
    /// For a conditional answer: what it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// What a conditional answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    /// The parameters of caveats that have no value.
    pub missing: Vec<String>,
    /// The relationships whose caveats ask for them.
    pub relationships: Vec<WitnessEdge>,
    /// The whole in one sentence.
    pub message: String,
}

/// One step of an explanation. Everything in `children` holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplanationNode {
    /// What kind of step it is.
    pub kind: StepKind,
    /// The step as a person reads it: `repository:core#push`, an edge, an expression of the schema.
    pub text: String,
    /// For a permission, how the schema computes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// For an edge, which, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<WitnessEdge>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub children: Vec<Self>,
    /// Whether steps were left out here because the tree has a limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
}

/// What a step of an explanation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A relation or permission of an object, which the subject has.
    Goal,
    /// An edge; below it, if it leads further, the goal at its end.
    Edge,
    /// The subject is this very userset.
    Itself,
    /// The right side of an exclusion, which the subject does not have.
    NotHeld,
}

/// What came nearest to an allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NearMiss {
    /// The whole in one sentence.
    pub message: String,
    /// Which relations and permissions were tried, in the order they were reached first.
    pub tried: Vec<String>,
    /// Whether more were tried than are listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// What excluded the subject where it would have been let in otherwise, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Exclusion>,
    /// The closest single relationship that would have made it an allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Relationship>,
}

/// An exclusion that took away what its left side gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// The permission with the exclusion, such as `repository:core#push`.
    pub goal: String,
    /// Its right side, as the schema writes it.
    pub expression: String,
    /// Who is excluded.
    pub subject: SubjectRef,
    /// Why the right side holds.
    pub because: Vec<ExplanationNode>,
}

/// One recorded decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecisionRecord {
    /// Its name.
    pub id: String,
    /// The *now* of the decision.
    pub time: Time,
    /// The state it was decided on.
    pub revision: u64,
    /// Who wanted to act.
    pub actor: ObjectRef,
    /// What it wanted to do.
    pub permission: String,
    /// To what.
    pub resource: ObjectRef,
    /// The delegation it named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// The task of the chain, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The run: the task at the root of the tree that the task is in, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The task's origin, as far as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ObjectRef>,
    /// The chain as walked, root first, as far as it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<ChainLink>,
    /// Whether it may be done; absent when it could not be decided, and then nothing was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// The stable word for why: of the reason, or of the error.
    pub reason: String,
    /// The sentence a person reads.
    pub message: String,
    /// For an allow, the edges that justify it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<WitnessEdge>,
    /// The canonical request as the door received it, context included.
    pub request: Value,
    /// Which door was asked: `authzen`, `api`, `library`.
    pub door: String,
    /// Who asked: `key:ID`, or `token:ISSUER`, the actor itself with a token.
    pub enforcement_point: String,
    /// The caller's own name for the request, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long deciding took, in microseconds.
    pub duration_us: u64,
    /// For a conditional decision, the parameters of caveats that had no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How many links lie between the task's origin and the actor, as far as they were found: 0 without a delegation.
    #[serde(default)]
    pub hop: usize,
    /// The caller's own name for this step of its work, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// It was asked for a plan: it says what would have been decided, and nothing could be done on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// The guards that applied, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<FiredGuard>,
    /// How whoever asked was known, where guards are on what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// Which recorded decisions are meant, newest first. An absent parameter matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DecisionQuery {
    /// By an actor of this type. Goes with `actor_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_type: Option<String>,
    /// By an actor of this id. Goes with `actor_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// For an origin of this type. Goes with `origin_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_type: Option<String>,
    /// For an origin of this id. Goes with `origin_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_id: Option<String>,
    /// About a resource of this type. Goes with `resource_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// About a resource of this id. Goes with `resource_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// About this permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Under this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// In this run: under the task, or one of those that are part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// With this delegation on the chain, or named in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// With this disposition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub disposition: Option<Disposition>,
    /// With this reason, or this error's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Asked by this enforcement point: `key:ID`, or `token:ISSUER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_point: Option<String>,
    /// At this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Most entries on the page. A page may hold fewer, even none, and still have a next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
