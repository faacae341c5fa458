//! The messages of the AuthZEN Authorization API 1.0. Unknown members are ignored, as that specification demands. And what
//! a tenant's names are called in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Who asks to act. The properties are values for parameters of caveats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenSubject)]
pub struct Subject {
    /// Its type, a definition of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Values for parameters of caveats; recorded with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// What it asks to act on. The properties are values for parameters of caveats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenResource)]
pub struct Resource {
    /// Its type, a definition of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Values for parameters of caveats; recorded with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// What it asks to do. The properties are values for parameters of caveats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenAction)]
pub struct Action {
    /// A permission of the resource's type.
    pub name: String,
    /// Values for parameters of caveats; recorded with the decision.
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
    /// Values for parameters of caveats, before all properties; `delegation` is understood.
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
    /// For a deny because of it, the parameters of caveats that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// For an allow, the earliest expiry it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<crate::Time>,
    /// If what an allow takes is reserved, the moment from which that is over. The reservation has the name of the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<crate::Time>,
    /// If it is held, what for, and which approval is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<crate::Held>,
    /// If it is held, where that approval is asked for: a path on this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_at: Option<String>,
    /// The question could not be decided; nothing was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ResponseError>,
    /// For a deny that can be asked for, by which name: the same as `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_id: Option<String>,
    /// For a deny that can be asked for, when it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<crate::Time>,
    /// For a deny that can be asked for, how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_request: Option<RequestHint>,
    /// The approval that the question named, if it applies to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalReference>,
    /// What has to be done by whoever enforces this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
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
    /// Who may do this?
    pub search_subject_endpoint: String,
    /// On what may this be done?
    pub search_resource_endpoint: String,
    /// What may be done?
    pub search_action_endpoint: String,
    /// Where what was denied is asked for.
    pub access_request_endpoint: String,
    /// What this decision point can besides.
    pub capabilities: Vec<String>,
    /// The types of obligations that it may send.
    pub supported_obligations: Vec<String>,
}

/// That what was denied can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenAccessRequestHint)]
pub struct RequestHint {
    /// By what: the access item of the schema, or the guard that holds it.
    pub template: String,
    /// Until when.
    pub expires_at: crate::Time,
}

/// What has to be done by whoever enforces an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenObligation)]
pub struct Obligation {
    /// Its name within the answer.
    pub id: String,
    /// `custom`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What: `{"vendor": "prokura", "action": "settle_reservation", "until": …, "commit": …, "release": …}`.
    pub properties: Map<String, Value>,
}

/// What somebody said yes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenApproval)]
pub struct ApprovalReference {
    /// Its name, that of the task.
    pub id: String,
    /// When they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<crate::Time>,
    /// Until when it counts.
    pub approved_until: crate::Time,
}

/// What was denied, to be asked for. Members that are not known are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenAccessRequest)]
pub struct AccessSubmission {
    /// As in the evaluation that was denied.
    pub subject: Subject,
    /// As in the evaluation that was denied.
    pub action: Action,
    /// As in the evaluation that was denied.
    pub resource: Resource,
    /// That of the evaluation, and more: `business_justification` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// Which denial it answers.
    pub denial: Denial,
    /// What is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_access: Option<RequestedAccess>,
}

/// Which denial a request answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenDenial)]
pub struct Denial {
    /// Its `evaluation_id`.
    pub evaluation_id: String,
}

/// What is wanted, where it is access for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenRequestedAccess)]
pub struct RequestedAccess {
    /// Until when; for as long as the schema allows, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_until: Option<crate::Time>,
    /// Whether the glass is broken.
    #[serde(default)]
    pub emergency: bool,
    /// The ticket it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// How a request for access stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenTaskResponse)]
pub struct AccessTaskResponse {
    /// The request.
    pub task: AccessTask,
    /// Once it is approved: what to evaluate again with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<AccessResult>,
}

/// A request for access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenTask)]
pub struct AccessTask {
    /// Its name.
    pub id: String,
    /// `pending`, `approved`, `denied`, `expired` or `cancelled`.
    pub status: String,
    /// Where its status is asked for.
    pub status_endpoint: String,
    /// While it waits: until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<crate::Time>,
    /// While it waits: `cancel`, where it is taken back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
}

/// What comes of a request that is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenAccessResult)]
pub struct AccessResult {
    /// `reevaluate`: the same is evaluated again, with this approval as `context.approval`.
    pub mode: String,
    /// What somebody said yes to.
    pub approval: ApprovalReference,
}

/// Why a request for access is refused (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenProblem)]
pub struct Problem {
    /// `urn:openid:authzen:access-request:error:…`, or `about:blank` for what that profile has no name for.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable code.
    pub title: String,
    /// The status.
    pub status: u16,
    /// The sentence a person reads.
    pub detail: String,
}

/// What is looked for: everything of a type. An id is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenSearched)]
pub struct Searched {
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Values for parameters of caveats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Map<String, Value>>,
}

/// Who may do this?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenSubjectSearch)]
pub struct SubjectSearch {
    /// Of which type.
    pub subject: Searched,
    /// What is to be done.
    pub action: Action,
    /// On what.
    pub resource: Resource,
    /// Values for parameters of caveats, before all properties; `delegation` is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// How much of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageRequest>,
}

/// On what may this be done?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenResourceSearch)]
pub struct ResourceSearch {
    /// Who asks to act.
    pub subject: Subject,
    /// What it asks to do.
    pub action: Action,
    /// Of which type.
    pub resource: Searched,
    /// Values for parameters of caveats, before all properties; `delegation` is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// How much of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageRequest>,
}

/// What may be done?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenActionSearch)]
pub struct ActionSearch {
    /// Who asks to act.
    pub subject: Subject,
    /// On what.
    pub resource: Resource,
    /// Values for parameters of caveats, before all properties; `delegation` is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// How much of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageRequest>,
}

/// How much of an answer is wanted, and from where on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenPageRequest)]
pub struct PageRequest {
    /// The `next_token` of the page before; the rest of the request is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Most results on the page. On a further page, absent means what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenSearchResponse)]
pub struct SearchResponse {
    /// Subjects, resources or actions, in a stable order, none twice.
    pub results: Vec<SearchResult>,
    /// How to go on; absent when the request named no page and this is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageResponse>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AuthzenSearchResult)]
pub enum SearchResult {
    /// A subject or a resource. The id `*` stands for everything of the type, but what `properties.except` lists.
    Entity {
        /// Its type, as the request has it.
        #[serde(rename = "type")]
        kind: String,
        /// Which one.
        id: String,
        /// What is known about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        properties: Option<Map<String, Value>>,
    },
    /// An action.
    Action {
        /// Its name.
        name: String,
    },
}

/// How to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenPageResponse)]
pub struct PageResponse {
    /// For `page.token` of the same request; empty on the last page.
    pub next_token: String,
    /// How many results this page has.
    pub count: u64,
}

/// What names are called over AuthZEN, where that is not what they are called here. A name that is not in it means itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `actions`, `types` and `resources`")]
#[schema(as = AuthzenMapping)]
pub struct Mapping {
    /// Action names, such as `GET`, and the permission each means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, String>,
    /// Types of subjects and resources, such as `Identity`, and the type each means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
    /// Types of resources of which every id means one and the same object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, crate::ObjectRef>,
}

/// The mapping in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuthzenMappingAnswer)]
pub struct MappingAnswer {
    /// The mapping; empty when each name means itself.
    pub mapping: Mapping,
    /// The state it was read from.
    pub revision: u64,
}

/// Sets the mapping, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `mapping`")]
#[schema(as = AuthzenMappingWrite)]
pub struct MappingWrite {
    /// The mapping; an empty one is none.
    pub mapping: Mapping,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
