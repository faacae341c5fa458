use prokura_engine::EngineError;
use prokura_model::{ApprovalId, ApprovalState, Fault, GuardName, ObjectRef};

/// Why an approval is not asked for, or not given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApprovalFault {
    /// There is no such approval.
    #[error("there is no approval `{0}`: one is there from when it is asked for")]
    Unknown(ApprovalId),
    /// Nothing is held, so nothing needs an approval.
    #[error("no approval is missing: the decision is {disposition} {reason}: {message}")]
    NotHeld {
        /// Which way it comes out.
        disposition: &'static str,
        /// The reason of the decision.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
    /// Nothing says why.
    #[error("an approval is asked for with a reason: say why, in words")]
    ReasonMissing,
    /// Too many wait for an answer.
    #[error("{found} approvals {of} wait for an answer, and at most {max} may")]
    TooManyPending {
        /// Of what.
        of: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// It is answered, taken back, or over.
    #[error("approval `{id}` is {state}")]
    NotPending {
        /// Which.
        id: ApprovalId,
        /// How it is.
        state: ApprovalState,
    },
    /// The guard that demanded it is another one by now.
    #[error("guard `{0}` is not what it was when this was asked for, so nothing that is given would count: ask again")]
    GuardChanged(GuardName),
    /// The one who would answer may not.
    #[error("`{by}` may not answer approval `{id}`: {why}")]
    MayNotAnswer {
        /// Who would.
        by: ObjectRef,
        /// Which approval.
        id: ApprovalId,
        /// Why not.
        why: String,
    },
    /// Neither who asked, nor for whom, nor who may answer.
    #[error("`{by}` may not take back approval `{id}`: it is neither the actor's, nor the origin's, nor one to answer")]
    MayNotCancel {
        /// Who would.
        by: ObjectRef,
        /// Which approval.
        id: ApprovalId,
    },
    /// Something cannot be decided.
    #[error("it cannot be decided: {0}")]
    Undecided(Box<EngineError>),
}

impl ApprovalFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "approval_unknown",
            Self::NotHeld { .. } => "approval_not_needed",
            Self::ReasonMissing => "words_missing",
            Self::TooManyPending { .. } => "too_many_approvals_pending",
            Self::NotPending { .. } => "approval_not_pending",
            Self::GuardChanged(_) => "guard_changed",
            Self::MayNotAnswer { .. } => "not_an_approver",
            Self::MayNotCancel { .. } => "not_to_cancel",
            Self::Undecided(error) => error.code(),
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooManyPending { .. } => Fault::Limit,
            Self::Undecided(error) => error.fault(),
            _ => Fault::Caller,
        }
    }
}

impl From<EngineError> for ApprovalFault {
    fn from(error: EngineError) -> Self {
        Self::Undecided(Box::new(error))
    }
}
