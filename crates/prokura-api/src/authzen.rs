//! The messages of the AuthZEN Authorization API 1.0. Unknown members are ignored, as that specification demands.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Who asks to act. The properties are recorded and grant nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenSubject)]
pub struct Subject {
    /// Its type, a definition of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Recorded with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// What it asks to act on. The properties are recorded and grant nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenResource)]
pub struct Resource {
    /// Its type, a definition of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Recorded with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// What it asks to do. The properties are recorded and grant nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenAction)]
pub struct Action {
    /// A permission of the resource's type.
    pub name: String,
    /// Recorded with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// One question. `context.delegation` (a string) names the delegation the subject acts under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationRequest)]
pub struct EvaluationRequest {
    /// Who asks to act.
    pub subject: Subject,
    /// What it asks to do.
    pub action: Action,
    /// What it asks to act on.
    pub resource: Resource,
    /// The rest; `delegation` is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

/// Many questions: what an item lacks it takes from here. Without items it is one question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationsRequest)]
pub struct EvaluationsRequest {
    /// For items without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// For items without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// For items without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// For items without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// The questions.
    #[serde(default)]
    pub evaluations: Vec<EvaluationItem>,
    /// How they are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<EvaluationsOptions>,
}

/// One question of many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationItem)]
pub struct EvaluationItem {
    /// Instead of the default, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Instead of the default, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Instead of the default, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// Instead of the default, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

/// How many questions are asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationsOptions)]
pub struct EvaluationsOptions {
    /// When to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations_semantic: Option<Semantic>,
}

/// When to stop answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuthzenSemantic)]
pub enum Semantic {
    /// Answer all.
    #[default]
    ExecuteAll,
    /// Stop after the first deny.
    DenyOnFirstDeny,
    /// Stop after the first permit.
    PermitOnFirstPermit,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationResponse)]
pub struct EvaluationResponse {
    /// Whether it may be done.
    pub decision: bool,
    /// The rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ResponseContext>,
}

/// What else is said with an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenResponseContext)]
pub struct ResponseContext {
    /// Under which name the decision is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why: the sentence a person reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The state it was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// For an allow, the earliest expiry it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<crate::Time>,
    /// The question could not be decided; nothing was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ResponseError>,
}

/// Why a question could not be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenResponseError)]
pub struct ResponseError {
    /// The status a single question would have been answered with by a door without this room.
    pub status: u16,
    /// Stable.
    pub code: String,
    /// The sentence a person reads.
    pub message: String,
}

/// Many answers, in the order of the questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenEvaluationsResponse)]
pub struct EvaluationsResponse {
    /// The answers; fewer than the questions when a semantic stopped early.
    pub evaluations: Vec<EvaluationResponse>,
}

/// Where the endpoints are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenConfiguration)]
pub struct Configuration {
    /// The address the caller knows this by.
    pub policy_decision_point: String,
    /// One question.
    pub access_evaluation_endpoint: String,
    /// Many questions.
    pub access_evaluations_endpoint: String,
}
