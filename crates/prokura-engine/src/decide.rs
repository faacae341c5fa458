use prokura_model::{
    ChainLink, DelegationId, Disposition, ObjectRef, Reason, RelationName, Revision, TaskId, Timestamp, WitnessEdge,
};

use crate::{EngineError, Explanation, Limits, View};

/// "May `actor` do `permission` on `resource`, under `delegation`?"
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Who wants to act.
    pub actor: ObjectRef,
    /// The delegation it acts under. Without one, only its own authority counts.
    pub delegation: Option<DelegationId>,
    /// What it wants to do.
    pub permission: RelationName,
    /// To what.
    pub resource: ObjectRef,
}

/// The answer to a [`Question`], and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why it came out as it did; it says which way, too.
    pub reason: Reason,
    /// The reason in a sentence that names what failed.
    pub message: String,
    /// The task of the chain, as far as it was found.
    pub task: Option<TaskId>,
    /// The task's origin, as far as it was found.
    pub origin: Option<ObjectRef>,
    /// The chain, root first, as far as it was found.
    pub chain: Vec<ChainLink>,
    /// The position in `chain` of the link that it failed at, where it failed at one.
    pub at: Option<usize>,
    /// For an allow, the edges it rests on.
    pub witness: Vec<WitnessEdge>,
    /// For an allow by lent authority, the moment from which it must be asked anew: the earliest expiry it depends on.
    pub valid_until: Option<Timestamp>,
    /// The state it was decided on.
    pub revision: Revision,
}

impl Decision {
    /// Which way it came out.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.reason.disposition()
    }
}

impl View<'_> {
    /// The decision, with the witness of an allow. The order of the steps is that of `docs/design/evaluation.md`.
    ///
    /// # Errors
    /// It cannot be decided: a name is unknown, a limit is reached, or the permission depends on its own absence.
    pub fn decide(&self, _: &Question, _: Timestamp, _: &Limits) -> Result<Decision, EngineError> {
        Err(EngineError::NoSchema)
    }

    /// The decision, and the explanation of the check it ended with, if it came to one.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn explain_decision(
        &self,
        _: &Question,
        _: Timestamp,
        _: &Limits,
    ) -> Result<(Decision, Option<Explanation>), EngineError> {
        Err(EngineError::NoSchema)
    }
}
