use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Decision, Disposition, Fault, ObjectRef, Time};

/// Several actions that are meant to be done one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `actions`")]
pub struct PlanRequest {
    /// Who wants to act, where an action does not say. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<ObjectRef>,
    /// The delegation it acts under, where an action does not say; absent, only its own authority counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// Values for the parameters of caveats, for all actions; those of an action win.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// The actions, in the order in which they are to be done; 1 to 256.
    pub actions: Vec<PlannedAction>,
    /// The caller's own name for this step of its work, recorded with each action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
}

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `permission` and `resource`")]
pub struct PlannedAction {
    /// Who wants to do it, if that is not who wants to do the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<ObjectRef>,
    /// The delegation it is done under, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// What is to be done.
    pub permission: String,
    /// To what.
    pub resource: ObjectRef,
    /// What it would be done with: values for the parameters of caveats, which win over the context.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The circumstances: more values, beside those of the plan.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What the tool says it does: mostly a digest of its schema. An approval is for exactly this; at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<String>,
}

/// What a plan comes to. It says what would be decided now, must not be enforced, and nothing was consumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanResponse {
    /// An allow only if each action is allowed; a deny if any is denied. Absent if none is and one could not be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// The positions of the actions that are not allowed.
    pub not_allowed: Vec<usize>,
    /// What was decided of each action, in their order.
    pub actions: Vec<PlannedAnswer>,
    /// The moment all were decided at, and one state; absent if none could be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// What was decided of one action, or why it could not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedAnswer {
    /// The decision. Its record says that it was asked for a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why there is none; nothing was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<PlannedError>,
}

/// Why an action could not be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedError {
    /// The stable code.
    pub code: String,
    /// The sentence a person reads.
    pub message: String,
    /// Whose doing it is.
    pub fault: Fault,
}
