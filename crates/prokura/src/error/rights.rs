use prokura_engine::EngineError;
use prokura_model::{DelegationId, EndorsementId, Fault, ObjectRef, TaskId};

/// Why somebody who is no administrator may not write this.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RightsFault {
    /// It may act for nobody, itself included.
    #[error("{0}, and can do nothing here")]
    Stopped(String),
    /// Something is made in the name of one that it may not act for.
    #[error("`{by}` may not make {what} in the name of `{whose}`: that takes {needs}")]
    NotToCreate {
        /// Who would.
        by: ObjectRef,
        /// What would be made.
        what: &'static str,
        /// For whom.
        whose: Box<ObjectRef>,
        /// Who may.
        needs: String,
    },
    /// It sees something and may not end it.
    #[error("`{by}` may not {what}: that takes {needs}")]
    NotToEnd {
        /// Who would.
        by: ObjectRef,
        /// What would be done.
        what: String,
        /// Who may.
        needs: String,
        /// Whether it is a task.
        is_task: bool,
    },
    /// There is no such task, as far as this one may know.
    #[error("there is no such task, or it is not yours to see: `{0}`")]
    TaskUnknown(TaskId),
    /// There is no such delegation, as far as this one may know.
    #[error("there is no such delegation, or it is not yours to see: `{0}`")]
    DelegationUnknown(DelegationId),
    /// There is no such endorsement, as far as this one may know.
    #[error("there is no such endorsement, or it is not yours to see: `{0}`")]
    EndorsementUnknown(EndorsementId),
    /// Only an administrator writes this.
    #[error("only an administrator writes anything but tasks, delegations and endorsements")]
    ForAdministrators,
    /// Something cannot be decided.
    #[error("it cannot be decided whether `{by}` may: {error}")]
    Undecided {
        /// Who would.
        by: ObjectRef,
        /// What is wrong.
        error: Box<EngineError>,
    },
}

impl RightsFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "writer_stopped",
            Self::NotToCreate { .. } => "not_to_create",
            Self::NotToEnd { is_task: false, .. } => "not_to_revoke",
            Self::NotToEnd { is_task: true, .. } => "not_to_close",
            Self::TaskUnknown(_) => "task_unknown",
            Self::DelegationUnknown(_) => "delegation_unknown",
            Self::EndorsementUnknown(_) => "endorsement_unknown",
            Self::ForAdministrators => "not_to_write",
            Self::Undecided { error, .. } => error.code(),
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Undecided { error, .. } => error.fault(),
            _ => Fault::Caller,
        }
    }
}
