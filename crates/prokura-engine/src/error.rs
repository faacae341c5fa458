use prokura_model::{
    AmountFault, CaveatName, DelegationId, EndorsementId, Fault, ModelId, Revision, TaskId, TypeName,
    condition::Failure, schema::UnknownName,
};

use crate::arena::Full;

/// Why a question was not answered. Nothing was allowed, and nothing was denied either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The tenant has no schema yet.
    #[error("no schema was written yet, so there is nothing to ask about; write one first")]
    NoSchema,
    /// The question is asked by a model that there is not.
    #[error("there is no model `{0}`")]
    ModelUnknown(ModelId),
    /// The question uses a name that the schema does not declare.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A relationship that the question brings uses a name that was never declared.
    #[error("no schema has ever declared `{0}`")]
    NeverDeclared(String),
    /// The question is about a wildcard.
    #[error("`{0}:*` stands for every `{0}`: ask about one of them")]
    WildcardSubject(TypeName),
    /// The permission depends on its own absence.
    #[error(
        "whether `{subject}` has `{goal}` depends on it not having it: a cycle goes through the right side \
         of `-`; break the cycle in the schema or in the relationships"
    )]
    Undecidable {
        /// The resource and the permission, as text.
        goal: String,
        /// The subject, as text.
        subject: String,
    },
    /// A caveat that decides it cannot be evaluated.
    #[error(transparent)]
    CaveatFailed(Box<CaveatFailure>),
    /// What a budget counts is no amount.
    #[error("the argument `{argument}` counts for a budget, and {fault}")]
    AmountInvalid {
        /// The argument.
        argument: String,
        /// What is wrong with it.
        fault: AmountFault,
    },
    /// More goals on one path than the limit.
    #[error("the check goes deeper than {limit} relations and permissions on one path; the limit is `depth`")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More edges than the limit.
    #[error("the check visits more than {limit} edges; the limit is `work`")]
    TooMuchWork {
        /// The limit.
        limit: u64,
    },
    /// More edges than a list may cost.
    #[error("the list visits more than {limit} edges; the limit is `list_work`")]
    ListTooMuchWork {
        /// The limit.
        limit: u64,
    },
    /// More nodes than an expansion may have.
    #[error("the expansion has more than {limit} nodes; the limit is `EXPANDED_NODES_MAX`")]
    ExpansionTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The revision is not published, or does not exist.
    #[error("revision {asked} is not published; the newest is {published}")]
    RevisionNotPublished {
        /// What was asked for.
        asked: Revision,
        /// The newest there is.
        published: Revision,
    },
    /// The revision was forgotten.
    #[error("revision {asked} is no longer kept; the oldest is {horizon}")]
    RevisionCollected {
        /// What was asked for.
        asked: Revision,
        /// The oldest that is kept.
        horizon: Revision,
    },
}

impl EngineError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSchema => "no_schema",
            Self::ModelUnknown(_) => "model_unknown",
            Self::Unknown(unknown) => unknown.code(),
            Self::NeverDeclared(_) => "never_declared",
            Self::WildcardSubject(_) => "wildcard_subject",
            Self::Undecidable { .. } => "undecidable",
            Self::CaveatFailed(_) => "caveat_failed",
            Self::AmountInvalid { .. } => "amount_invalid",
            Self::TooDeep { .. } => "check_too_deep",
            Self::TooMuchWork { .. } => "check_too_much_work",
            Self::ListTooMuchWork { .. } => "list_too_much_work",
            Self::ExpansionTooLarge { .. } => "expansion_too_large",
            Self::RevisionNotPublished { .. } => "revision_not_published",
            Self::RevisionCollected { .. } => "revision_collected",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoSchema
            | Self::ModelUnknown(_)
            | Self::Unknown(_)
            | Self::NeverDeclared(_)
            | Self::WildcardSubject(_)
            | Self::Undecidable { .. }
            | Self::CaveatFailed(_)
            | Self::AmountInvalid { .. }
            | Self::RevisionNotPublished { .. }
            | Self::RevisionCollected { .. } => Fault::Caller,
            Self::TooDeep { .. }
            | Self::TooMuchWork { .. }
            | Self::ListTooMuchWork { .. }
            | Self::ExpansionTooLarge { .. } => Fault::Limit,
        }
    }
}

/// Why a caveat that decides an answer cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaveatFailure {
    /// Its values do not fit, or its expression has none.
    #[error("caveat `{name}`: {failure}")]
    Evaluation {
        /// The caveat.
        name: CaveatName,
        /// What went wrong.
        failure: Failure,
    },
    /// The schema does not declare it.
    #[error("the schema declares no caveat `{0}`")]
    Undeclared(CaveatName),
    /// The relationship holds on terms that are not there.
    #[error("the terms of a relationship are lost")]
    TermsLost,
}

/// Why a transaction was not applied. The index is as it was.
///
/// What reaches the index was validated and logged before, so all but the limits mean a bug or a damaged log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The transaction is not the next one.
    #[error("revision {found} does not follow revision {applied}")]
    OutOfOrder {
        /// The newest that is applied.
        applied: Revision,
        /// What came.
        found: Revision,
    },
    /// The change is for the system tenant's own registers.
    #[error("a change of kind `{0}` is not for the graph index")]
    NotForIndex(&'static str),
    /// The schema text does not parse.
    #[error("the schema does not parse: {0}")]
    Schema(String),
    /// The task that ends does not exist.
    #[error("the task `{0}` that ends does not exist")]
    TaskUnknown(TaskId),
    /// The delegation that is revoked does not exist.
    #[error("the delegation `{0}` that is revoked does not exist")]
    DelegationUnknown(DelegationId),
    /// The endorsement that is revoked does not exist.
    #[error("the endorsement `{0}` that is revoked does not exist")]
    EndorsementUnknown(EndorsementId),
    /// An earlier transaction ended in a bug, half taken in.
    #[error("an earlier transaction was cut short by a bug; the index must be built anew")]
    CutShort,
    /// Graphs may take no more memory.
    #[error("there is no room for more names or relationships: graphs may take no more memory")]
    GraphFull,
    /// More names than fit.
    #[error("the tenant has used more than {limit} {what}")]
    TooManyNames {
        /// Names of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl ApplyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfOrder { .. } => "out_of_order",
            Self::NotForIndex(_) => "not_for_index",
            Self::Schema(_) => "schema_invalid",
            Self::TaskUnknown(_) => "task_unknown",
            Self::DelegationUnknown(_) => "delegation_unknown",
            Self::EndorsementUnknown(_) => "endorsement_unknown",
            Self::CutShort => "index_cut_short",
            Self::GraphFull => "graph_full",
            Self::TooManyNames { .. } => "too_many_names",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooManyNames { .. } | Self::GraphFull => Fault::Limit,
            Self::OutOfOrder { .. }
            | Self::NotForIndex(_)
            | Self::Schema(_)
            | Self::CutShort
            | Self::TaskUnknown(_)
            | Self::DelegationUnknown(_)
            | Self::EndorsementUnknown(_) => Fault::Server,
        }
    }
}

impl From<Full> for ApplyError {
    fn from(_: Full) -> Self {
        Self::GraphFull
    }
}
