use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{ChainLink, ObjectRef, RequestAnswer, Time};

/// A person's yes to one exact action, from when it is asked for. Whoever changes any of the action asks for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its name: SHA-256 over all of the action, in 64 hexadecimal digits.
    pub id: String,
    /// What has become of it by now.
    pub state: ApprovalState,
    /// Who is to act.
    pub actor: ObjectRef,
    /// Under which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Over which links, root first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<ChainLink>,
    /// What is to be done.
    pub permission: String,
    /// To what.
    pub resource: ObjectRef,
    /// With what: all of it.
    pub arguments: Map<String, Value>,
    /// What the tool says it does, as the enforcement point names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<String>,
    /// The guard that demands it.
    pub guard: String,
    /// From whom: `type#permission`, of whoever has it on the resource; or `origin`, who has to confirm.
    pub from: String,
    /// How long it is good for once it is given.
    pub good_for_seconds: u64,
    /// Whether one use uses it up.
    pub once: bool,
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// When it was asked for.
    pub asked_at: Time,
    /// The moment from which nobody can give it any more.
    pub answer_by: Time,
    /// How it was answered, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RequestAnswer>,
    /// For one that was given, the moment from which it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_until: Option<Time>,
    /// The decision that used it up, or holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Somebody is to answer.
    Pending,
    /// The answer was yes.
    Given,
    /// The answer was no.
    Refused,
    /// Nobody answered in time, or it was not used in time.
    Expired,
    /// It was taken back, or its task or a link of its chain ended.
    Cancelled,
    /// It was given and is used up.
    Used,
}

/// An approval that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenApproval {
    /// Which one.
    pub approval: String,
    /// Who gave it.
    pub by: ObjectRef,
}

/// An approval to ask for: the question that is held, and why it should be approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewApproval {
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
    /// What it will be done with. The approval is for exactly these.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The circumstances: more values for the parameters of caveats. The approval is not bound to them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What the tool says it does: mostly a digest of its schema. The approval is for exactly this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// What somebody says to an approval: yes, no, or that it is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ApprovalWords {
    /// Who says it. A caller with a token may leave it out: it is itself. An operator may leave it out to take one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectRef>,
    /// In which words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which approvals are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ApprovalQuery {
    /// Of this state by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<ApprovalState>,
    /// For what an actor of this type is to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_type: Option<String>,
    /// For what an actor of this id is to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// Under this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Waiting for an answer that someone of this type may give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable_by_type: Option<String>,
    /// Waiting for an answer that someone of this id may give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable_by_id: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
