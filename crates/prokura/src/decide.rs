//! Asking for a decision, and finding it again.

use prokura_engine::Decision;
use prokura_model::{
    DecisionId, DecisionRecord, DelegationId, Disposition, ObjectRef, RelationName, TaskId, Timestamp, Value,
};

/// Who asked, through which door, and in what words. It is recorded with the decision and plays no part in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which door was asked: `authzen`, `api`, `library`.
    pub door: String,
    /// Who asked: `key:ID` of an enforcement point, or the actor's own token (`token`).
    pub enforcement_point: String,
    /// The caller's own name for the request, if it gave one.
    pub request_id: Option<String>,
    /// The canonical request as the door received it, context included.
    pub request: Value,
}

impl Asked {
    /// Asked in process, through the library.
    #[must_use]
    pub fn by_library() -> Self {
        Self {
            door: "library".to_owned(),
            enforcement_point: "library".to_owned(),
            request_id: None,
            request: Value::empty_map(),
        }
    }
}

/// A decision that is in the queue of the record.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Under which name it is recorded.
    pub id: DecisionId,
    /// The *now* it was decided at.
    pub time: Timestamp,
    /// What was decided, and why.
    pub decision: Decision,
}

impl Decided {
    /// Whether it may be done.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.decision.reason.disposition()
    }
}

/// Which recorded decisions are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// By this actor.
    pub actor: Option<ObjectRef>,
    /// For this origin.
    pub origin: Option<ObjectRef>,
    /// Under this task.
    pub task: Option<TaskId>,
    /// With this delegation anywhere on the chain, or named in the request.
    pub delegation: Option<DelegationId>,
    /// About this resource.
    pub resource: Option<ObjectRef>,
    /// About this permission.
    pub permission: Option<RelationName>,
    /// With this disposition; errors have none.
    pub disposition: Option<Disposition>,
    /// With this stable code: of a reason (`no_path`), or of an error.
    pub code: Option<String>,
    /// Asked by this enforcement point.
    pub enforcement_point: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

/// Recorded decisions, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionPage {
    /// The decisions. May be fewer than asked for, even none, with more to come: a page looks at a bounded number.
    pub records: Vec<DecisionRecord>,
    /// Where the next page begins; none when there is nothing older.
    pub next: Option<String>,
}

impl DecisionFilter {
    /// Whether the decision is meant.
    #[must_use]
    pub fn matches(&self, record: &DecisionRecord) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        same(self.actor.as_ref(), Some(&record.actor))
            && same(self.origin.as_ref(), record.origin.as_ref())
            && same(self.task.as_ref(), record.task.as_ref())
            && self.delegation.as_ref().is_none_or(|wanted| {
                record.delegation.as_ref() == Some(wanted) || record.chain.iter().any(|link| link.delegation == *wanted)
            })
            && same(self.resource.as_ref(), Some(&record.resource))
            && same(self.permission.as_ref(), Some(&record.permission))
            && same(self.disposition.as_ref(), record.outcome.disposition().as_ref())
            && self.code.as_deref().is_none_or(|code| code == record.outcome.code())
            && same(self.enforcement_point.as_ref(), Some(&record.enforcement_point))
            && self.from.is_none_or(|from| record.time >= from)
            && self.to.is_none_or(|to| record.time < to)
    }
}
