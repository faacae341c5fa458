//! Approvals: a person's yes to one exact action. Product document, "The decision", step 7.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::{
    ChainLink, DecisionId, GuardName, ObjectRef, RelationName, RequestAnswer, TaskId, Timestamp, Value,
    authority::{record_id, words},
    limits::RECORD_ID_BYTES_MAX,
};

record_id!(
    /// Names an approval within its tenant: the digest of the action it is for, see [`Action::id`].
    ApprovalId
);

/// What an approval is for, to the letter: whoever changes any of it asks for something else.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Action {
    /// Who is to act.
    #[n(0)]
    pub actor: ObjectRef,
    /// Under which task.
    #[n(1)]
    pub task: Option<TaskId>,
    /// Over which links, root first. A link never changes, so that it is enough to name it.
    #[n(2)]
    pub chain: Vec<ChainLink>,
    /// What is to be done.
    #[n(3)]
    pub permission: RelationName,
    /// To what.
    #[n(4)]
    pub resource: ObjectRef,
    /// With what.
    #[n(5)]
    pub arguments: BTreeMap<String, Value>,
    /// What the tool says it does, as the enforcement point names it: mostly a digest of its schema.
    #[n(6)]
    pub tool_schema: Option<String>,
    /// The guard that demands it.
    #[n(7)]
    pub guard: GuardName,
    /// That guard, as it was written.
    #[n(8)]
    pub guard_text: String,
    /// Which of the things it says demands it, counted from 0.
    #[n(9)]
    pub clause: u32,
}

/// Who may give an approval.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Approver {
    /// Whoever has this permission on the resource, and has no part in the action.
    #[n(0)]
    Holder(#[n(0)] RelationName),
    /// The origin of the task: it confirms.
    #[n(1)]
    Origin,
}

/// An approval from when it was asked for. Written anew, whole, with every step of its life but its use.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Approval {
    /// Its name: that of the action.
    #[n(0)]
    pub id: ApprovalId,
    /// What it is for.
    #[n(1)]
    pub action: Action,
    /// Who may give it.
    #[n(2)]
    pub from: Approver,
    /// How long it is good for once it is given, in milliseconds.
    #[n(3)]
    pub good_ms: u64,
    /// Whether one use uses it up.
    #[n(4)]
    pub once: bool,
    /// Why, in the words of whoever asked.
    #[n(5)]
    pub reason: String,
    /// When it was asked for.
    #[n(6)]
    pub asked_at: Timestamp,
    /// The moment from which nobody can give it any more.
    #[n(7)]
    pub answer_by: Timestamp,
    /// What became of it. [`ApprovalState::Expired`] and [`ApprovalState::Used`] are never stored: see
    /// [`Approval::state_at`].
    #[n(8)]
    pub state: ApprovalState,
    /// How it was answered, once it was.
    #[n(9)]
    pub answer: Option<RequestAnswer>,
    /// For one that was given, the moment from which it is over.
    #[n(10)]
    pub good_until: Option<Timestamp>,
    /// By what it was used up.
    #[n(11)]
    pub used: Option<ApprovalUse>,
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum ApprovalState {
    /// Somebody is to answer.
    #[n(0)]
    Pending,
    /// The answer was yes.
    #[n(1)]
    Given,
    /// The answer was no.
    #[n(2)]
    Refused,
    /// Nobody answered in time, or it was not used in time.
    #[n(3)]
    Expired,
    /// It was taken back, or its task or a link of its chain ended.
    #[n(4)]
    Cancelled,
    /// It was given and is used up.
    #[n(5)]
    Used,
}

words!(ApprovalState {
    Pending => "pending",
    Given => "given",
    Refused => "refused",
    Expired => "expired",
    Cancelled => "cancelled",
    Used => "used",
});

/// The allow that used up an approval.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ApprovalUse {
    /// Its decision.
    #[n(0)]
    pub decision: DecisionId,
    /// While it is only reserved, the moment from which it is not any more.
    #[n(1)]
    pub until: Option<Timestamp>,
}

/// An approval that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GivenApproval {
    /// Which one.
    #[n(0)]
    pub id: ApprovalId,
    /// Who gave it.
    #[n(1)]
    pub by: ObjectRef,
}

impl Action {
    /// The name of the approval for it: SHA-256 over all of it, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        let digest = Sha256::digest(crate::codec::encoded(self));
        let mut text = String::with_capacity(64);
        for byte in digest {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        #[expect(clippy::expect_used, reason = "64 hexadecimal digits are within the alphabet and length of every id")]
        ApprovalId::new(text).expect("a legal id")
    }
}

impl Approval {
    /// What has become of it by now.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        match self.state {
            ApprovalState::Pending if now >= self.answer_by => ApprovalState::Expired,
            ApprovalState::Given if self.is_used(now) => ApprovalState::Used,
            ApprovalState::Given if self.good_until.is_none_or(|until| now >= until) => ApprovalState::Expired,
            state => state,
        }
    }

    /// Whether an allow uses it up, or holds it.
    #[must_use]
    pub fn is_used(&self, now: Timestamp) -> bool {
        self.used.as_ref().is_some_and(|used| used.until.is_none_or(|until| now < until))
    }

    /// Whether something can still become of it. What is only reserved may be given back.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            ApprovalState::Pending => now < self.answer_by,
            ApprovalState::Given => self.good_until.is_some_and(|until| now < until),
            _ => false,
        }
    }
}
