//! Requests for access: who asks for what, and what became of it.

use std::{collections::BTreeSet, fmt};

use minicbor::{Decode, Encode};

use crate::{
    Cap, CapClause, CapPermissions, CapResource, DelegationId, ObjectRef, RelationName, Relationship, TaskId,
    Timestamp,
    authority::{record_id, words},
    limits::RECORD_ID_BYTES_MAX,
};

record_id!(
    /// Names a request for access within its tenant.
    RequestId
);

/// Somebody asks for access that they do not have. Written anew, whole, with every step of its life.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    /// Its name.
    #[n(0)]
    pub id: RequestId,
    /// Who asks: the actor that is to act.
    #[n(1)]
    pub requester: ObjectRef,
    /// The task it is for; the grant ends with it.
    #[n(2)]
    pub task: Option<TaskId>,
    /// The delegation the requester acts under; the grant ends with it.
    #[n(3)]
    pub delegation: Option<DelegationId>,
    /// What the requester wants to do.
    #[n(4)]
    pub permission: RelationName,
    /// To what. Never empty; all of one type.
    #[n(5)]
    pub resources: BTreeSet<ObjectRef>,
    /// Why, in words.
    #[n(6)]
    pub reason: String,
    /// The ticket it belongs to, as the requester says.
    #[n(7)]
    pub ticket: Option<String>,
    /// For how long, in milliseconds from the moment of the grant.
    #[n(8)]
    pub for_ms: u64,
    /// The access item it was asked by.
    #[n(9)]
    pub item: String,
    /// Whether the glass is broken: granted at once, and reviewed afterwards.
    #[n(10)]
    pub break_glass: bool,
    /// When it was made.
    #[n(11)]
    pub asked_at: Timestamp,
    /// The moment from which nobody can grant it any more.
    #[n(12)]
    pub answer_by: Timestamp,
    /// What became of it. [`RequestState::Expired`] is never stored: see [`Request::state_at`].
    #[n(13)]
    pub state: RequestState,
    /// How it was answered, once it was.
    #[n(14)]
    pub answer: Option<RequestAnswer>,
    /// What was granted, if it was.
    #[n(15)]
    pub grant: Option<Grant>,
    /// The review that closes a broken glass.
    #[n(16)]
    pub review: Option<RequestAnswer>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum RequestState {
    /// Somebody is to answer it.
    #[n(0)]
    Pending,
    /// It was granted; the grant says until when, and whether it was ended before.
    #[n(1)]
    Granted,
    /// The answer was no.
    #[n(2)]
    Refused,
    /// Nobody answered in time.
    #[n(3)]
    Expired,
    /// It was taken back, or its task or delegation ended, before anybody answered.
    #[n(4)]
    Cancelled,
}

words!(RequestState {
    Pending => "pending",
    Granted => "granted",
    Refused => "refused",
    Expired => "expired",
    Cancelled => "cancelled",
});

/// Who said something about a request, when, and in which words.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RequestAnswer {
    /// Who; none if the schema alone decided.
    #[n(0)]
    pub by: Option<ObjectRef>,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// In which words; may be empty.
    #[n(2)]
    pub words: String,
}

/// What a request was granted: at most what it asked for. It is nothing but the edges it names.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// On which of the resources.
    #[n(0)]
    pub resources: BTreeSet<ObjectRef>,
    /// The moment from which it is over.
    #[n(1)]
    pub until: Timestamp,
    /// The relationships that were written for whoever lacked the right, each with that end.
    #[n(2)]
    pub relationships: BTreeSet<Relationship>,
    /// The link from the task's origin to the requester, where the requester's own links did not carry it.
    #[n(3)]
    pub delegation: Option<DelegationId>,
    /// When it was ended before its time, if it was.
    #[n(4)]
    pub ended_at: Option<Timestamp>,
}

impl Request {
    /// What has become of it by now.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> RequestState {
        match self.state {
            RequestState::Pending if now >= self.answer_by => RequestState::Expired,
            state => state,
        }
    }

    /// What is granted and neither ended nor over.
    #[must_use]
    pub fn live_grant(&self, now: Timestamp) -> Option<&Grant> {
        self.grant.as_ref().filter(|grant| grant.ended_at.is_none() && now < grant.until)
    }

    /// Whether the glass was broken and nobody has reviewed it.
    #[must_use]
    pub fn awaits_review(&self) -> bool {
        self.break_glass && self.grant.is_some() && self.review.is_none()
    }

    /// Whether anything can still become of it: an answer, an end, a review.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state_at(now) == RequestState::Pending || self.live_grant(now).is_some() || self.awaits_review()
    }

    /// The cap that carries just this permission on these resources.
    #[must_use]
    pub fn cap(permission: &RelationName, resources: &BTreeSet<ObjectRef>) -> Cap {
        let permissions = CapPermissions::Only([permission.clone()].into());
        let resources = resources.iter().cloned().map(CapResource::Object).collect();
        Cap { clauses: vec![CapClause { permissions, resources, condition: None }] }
    }
}
