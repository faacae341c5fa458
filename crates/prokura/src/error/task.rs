use prokura_model::{ObjectRef, TaskId};

/// Why a task cannot be a part of the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskFault {
    /// The task above is for another origin.
    #[error(
        "it is for `{origin}`, but its parent `{parent}` is for `{of_parent}`; a task and its parts have one origin"
    )]
    ParentForOther {
        /// The parent.
        parent: TaskId,
        /// The parent's origin.
        of_parent: ObjectRef,
        /// Its own.
        origin: ObjectRef,
    },
    /// It would outlive the task above.
    #[error("it expires after its parent `{0}`")]
    OutlivesParent(TaskId),
    /// There are too many above it.
    #[error("it would be in a line of more than {0} tasks, from it to the root (the limit is `TASK_LINE_MAX`)")]
    LineTooLong(usize),
}

impl TaskFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ParentForOther { .. } => "task_parent_for_other",
            Self::OutlivesParent(_) => "task_outlives_parent",
            Self::LineTooLong(_) => "task_line_too_long",
        }
    }
}
