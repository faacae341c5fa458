//! Approvals, as they are asked for, answered and listed. See `docs/decisions/0048-approvals.md`.

use prokura_engine::{Question, View};
use prokura_model::{Approval, ApprovalId, ApprovalState, Change, ObjectRef, TaskId, Timestamp};

use crate::access::OpenIds;

/// A step in the life of an approval.
#[derive(Debug)]
pub(crate) enum ApprovalStep {
    Ask { question: Box<Question>, reason: String },
    Answer { id: ApprovalId, by: ObjectRef, yes: bool, words: String },
    Cancel { id: ApprovalId, by: Option<ObjectRef>, words: String },
}

/// Which approvals are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Of this state by now.
    pub state: Option<ApprovalState>,
    /// For what this actor is to do.
    pub actor: Option<ObjectRef>,
    /// Under this task.
    pub task: Option<TaskId>,
    /// Waiting for an answer that this one may give.
    pub answerable_by: Option<ObjectRef>,
    /// For what this one is to do or what is done for it, or one that it may answer or answered.
    pub seen_by: Option<ObjectRef>,
}

impl ApprovalFilter {
    /// But for who may answer, which the graph says.
    pub(crate) fn matches(&self, approval: &Approval, now: Timestamp) -> bool {
        self.state.is_none_or(|state| state == approval.state_at(now))
            && self.actor.as_ref().is_none_or(|actor| *actor == approval.action.actor)
            && self.task.as_ref().is_none_or(|task| approval.action.task.as_ref() == Some(task))
    }
}

/// The approvals that something can still become of: an answer, a use, an end.
#[derive(Debug, Default)]
pub(crate) struct OpenApprovals(OpenIds<ApprovalId>);

impl OpenApprovals {
    /// The changes are applied.
    pub(crate) fn note(&self, changes: &[Change]) {
        self.0.note(changes.iter().filter_map(|change| match change {
            Change::ApprovalSet(approval) => Some(approval.id.clone()),
            _ => None,
        }));
    }

    /// All that are open, by id.
    pub(crate) fn all(&self, view: &View<'_>, now: Timestamp) -> Vec<std::sync::Arc<Approval>> {
        let every = || view.approvals().iter().map(|approval| approval.id.clone()).collect();
        self.0.all(every, |id| view.approval(id).filter(|approval| approval.is_open(now)))
    }
}
