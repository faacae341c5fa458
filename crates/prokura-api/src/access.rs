use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{ObjectRef, Relationship, Time};

/// A request for access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessRequest {
    /// Its name.
    pub id: String,
    /// What has become of it by now.
    pub state: RequestState,
    /// Who asks: the actor that is to act.
    pub requester: ObjectRef,
    /// The task it is for; the grant ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The delegation that the requester acts under; the grant ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// What the requester wants to do.
    pub permission: String,
    /// To what.
    pub resources: Vec<ObjectRef>,
    /// Why, in words.
    pub reason: String,
    /// The ticket it belongs to, as the requester says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// For how long, from the moment of the grant.
    pub for_seconds: u64,
    /// The access item of the schema that it was asked by.
    pub item: String,
    /// Whether the glass is broken: granted at once, and reviewed afterwards.
    #[serde(default)]
    pub break_glass: bool,
    /// When it was made.
    pub asked_at: Time,
    /// The moment from which nobody can grant it any more.
    pub answer_by: Time,
    /// The permission that whoever answers, or reviews, must have on the resources at that moment; as long as somebody can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// How it was answered, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RequestAnswer>,
    /// What was granted, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// The review that closes a broken glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<RequestAnswer>,
    /// Whether the glass was broken and nobody has reviewed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_review: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Somebody is to answer it.
    Pending,
    /// It was granted; the grant says until when, and whether it was ended before.
    Granted,
    /// The answer was no.
    Refused,
    /// Nobody answered in time.
    Expired,
    /// It was taken back, or its task or delegation ended, before anybody answered.
    Cancelled,
}

/// Who said something about a request, when, and in which words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestAnswer {
    /// Who; absent if the schema alone decided, or an operator took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectRef>,
    /// When.
    pub at: Time,
    /// In which words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// What a request was granted. It is nothing but the edges it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// On which of the resources.
    pub resources: Vec<ObjectRef>,
    /// The moment from which it is over.
    pub until: Time,
    /// The relationships that were written, each with that end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relationships: Vec<Relationship>,
    /// The delegation to act under from now on, where the requester's own did not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// When it was ended before its time, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}

/// A request to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewAccessRequest {
    /// Who asks. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<ObjectRef>,
    /// The delegation that it acts under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<String>,
    /// The task it is for: that of the delegation, or without one a task whose origin asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What it wants to do.
    pub permission: String,
    /// To what: all of one type.
    pub resources: Vec<ObjectRef>,
    /// Why, in words.
    pub reason: String,
    /// The ticket it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// For how long; the longest that can be granted if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
    /// Whether to break the glass: granted at once where the schema says so, and reviewed afterwards.
    #[serde(default)]
    pub break_glass: bool,
}

/// A yes to a request, or to less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct RequestApproval {
    /// Who approves. A caller with a token may leave it out: it is itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectRef>,
    /// To these of the resources; all if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ObjectRef>>,
    /// For so long from now; as long as was asked for if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
    /// In which words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A no to a request, its end, or its review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct RequestWords {
    /// Who says it. A caller with a token may leave it out: it is itself. An operator may leave it out to end a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ObjectRef>,
    /// In which words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which requests are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RequestQuery {
    /// Of this state by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<RequestState>,
    /// By a requester of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_type: Option<String>,
    /// By a requester of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<String>,
    /// Under this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Waiting for an answer or a review that someone of this type may give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable_by_type: Option<String>,
    /// Waiting for an answer or a review that someone of this id may give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable_by_id: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How what was denied can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessHint {
    /// The access item of the schema by which it can be asked for; absent where only breaking the glass is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How it is answered.
    pub how: AccessHow,
    /// For how long at most.
    pub for_at_most_seconds: u64,
    /// Whether a ticket is demanded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ticket_required: bool,
    /// The access item by which the glass can be broken, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessHow {
    /// A person is asked.
    Ask,
    /// It is granted at once.
    Grant,
    /// Only by breaking the glass.
    BreakGlass,
}
