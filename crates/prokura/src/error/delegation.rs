use prokura_model::{DelegationId, ObjectRef, TaskId};

/// Why a delegation would carry nothing from its first day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegationFault {
    /// The parent was revoked.
    #[error("its parent `{0}` is revoked")]
    ParentRevoked(DelegationId),
    /// The parent is over.
    #[error("its parent `{0}` has expired")]
    ParentExpired(DelegationId),
    /// The parent serves another task.
    #[error("its parent `{parent}` serves task `{parent_task}`; every link of a chain serves the same one")]
    ParentOfOtherTask {
        /// The parent.
        parent: DelegationId,
        /// The parent's task.
        parent_task: TaskId,
    },
    /// The parent was made to someone else.
    #[error("its parent `{parent}` was made to `{to}`, so only `{to}` can pass it on, not `{from}`")]
    ParentToOther {
        /// The parent.
        parent: DelegationId,
        /// To whom the parent was made.
        to: ObjectRef,
        /// Who would pass it on.
        from: ObjectRef,
    },
    /// The parent may not be passed on.
    #[error("its parent `{0}` may not be passed on (its depth is 0)")]
    ParentNotPassedOn(DelegationId),
    /// The depth is not less than the parent's.
    #[error("its depth is {depth}, but under parent `{parent}` of depth {parent_depth} it is at most {}", .parent_depth.saturating_sub(1))]
    TooDeep {
        /// Its depth.
        depth: u32,
        /// The parent.
        parent: DelegationId,
        /// The parent's depth.
        parent_depth: u32,
    },
    /// The chain has more links than can be walked.
    #[error("its chain would have more than {0} links")]
    ChainTooLong(usize),
    /// A root that is not made by the task's origin.
    #[error("it has no parent, so the task's origin `{origin}` must make it, not `{from}`; otherwise name the parent")]
    RootNotOrigin {
        /// The task's origin.
        origin: ObjectRef,
        /// Who would make it.
        from: ObjectRef,
    },
    /// It leads back to where it comes from.
    #[error("it goes from `{0}` to itself")]
    ToItself(ObjectRef),
    /// It would outlive its parent.
    #[error("it expires after its parent `{0}`")]
    OutlivesParent(DelegationId),
    /// It would outlive its task.
    #[error("it expires after its task `{0}`")]
    OutlivesTask(TaskId),
    /// It would end before it begins.
    #[error("it ends before it begins")]
    NeverValid,
    /// It would carry more than its parent does.
    #[error(
        "its cap widens that of its parent `{parent}`: `{clause}` is not surely inside `{carries}`; name what that carries, \
         or less, with the same condition where that has one"
    )]
    CapWidens {
        /// The parent.
        parent: DelegationId,
        /// What is beyond the parent's cap.
        clause: String,
        /// The parent's cap.
        carries: String,
    },
    /// It may carry nothing.
    #[error("it has 0 uses and would carry nothing; leave `uses` out for as many as there are")]
    NoUses,
    /// It is written as revoked.
    #[error("a delegation is not revoked when it is made")]
    AlreadyRevoked,
}

impl DelegationFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ParentRevoked(_) => "parent_revoked",
            Self::ParentExpired(_) => "parent_expired",
            Self::ParentOfOtherTask { .. } => "parent_of_other_task",
            Self::ParentToOther { .. } => "parent_to_other",
            Self::ParentNotPassedOn(_) => "parent_not_passed_on",
            Self::TooDeep { .. } => "delegation_too_deep",
            Self::ChainTooLong(_) => "chain_too_long",
            Self::RootNotOrigin { .. } => "root_not_origin",
            Self::ToItself(_) => "delegation_to_itself",
            Self::OutlivesParent(_) => "outlives_parent",
            Self::OutlivesTask(_) => "outlives_task",
            Self::NeverValid => "never_valid",
            Self::CapWidens { .. } => "cap_widens",
            Self::NoUses => "delegation_without_uses",
            Self::AlreadyRevoked => "already_revoked",
        }
    }
}

/// Why an endorsement would count for nothing from its first day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementFault {
    /// Somebody else owns the worker, or nobody does.
    #[error("`{by}` does not own `{worker}`{}", .owner.as_ref().map_or_else(|| "; nobody does".to_owned(), |owner| format!("; `{owner}` does")))]
    NotByOwner {
        /// The worker.
        worker: ObjectRef,
        /// Who would endorse it.
        by: ObjectRef,
        /// Who owns it.
        owner: Option<ObjectRef>,
    },
    /// It is for no origin.
    #[error("it names no origins, so it is for nobody; name some, such as `user:*`")]
    ForNobody,
    /// It is written as revoked.
    #[error("an endorsement is not revoked when it is made")]
    AlreadyRevoked,
}

impl EndorsementFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotByOwner { .. } => "endorsement_not_by_owner",
            Self::ForNobody => "endorsement_for_nobody",
            Self::AlreadyRevoked => "already_revoked",
        }
    }
}
