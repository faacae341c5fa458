//! What can go wrong, whose doing it is, and the stable code of each.

mod access;
mod approval;
mod cap;
mod delegation;
mod off_boarding;
mod rights;
mod task;
mod write;

use prokura_engine::EngineError;
use prokura_model::{CodecError, DecisionId, Fault, Revision, TenantName};
use prokura_store::ReadError;

pub use access::AccessFault;
pub use approval::ApprovalFault;
pub use cap::CapFault;
pub use delegation::{DelegationFault, EndorsementFault};
pub use off_boarding::OffBoardingFault;
pub use rights::RightsFault;
pub use task::TaskFault;
pub use write::{Unfit, WriteError};

/// Why an authority could not be opened. What is on disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has the folder open.
    #[error("{0}")]
    InUse(String),
    /// What is on disk is not what was written; the message says where.
    #[error("{0}")]
    Damaged(String),
    /// What is on disk was written by a newer version.
    #[error("{0}")]
    FormatUnknown(String),
    /// An entry is intact, but this version cannot make sense of it.
    #[error("revision {revision} of tenant `{tenant}` cannot be replayed: {detail}")]
    Replay {
        /// Of which tenant.
        tenant: TenantName,
        /// Which one.
        revision: Revision,
        /// What is wrong.
        detail: String,
    },
    /// Names and relationships need more memory than they may take.
    #[error(
        "names and relationships need more than the {} MiB of memory that they may take (the limit is `memory_mib`); nothing \
         was changed: raise the limit, or open it on a machine with more memory", .0 / 1_048_576
    )]
    MemoryFull(u64),
    /// The disk or the system refused.
    #[error("{0}")]
    Io(String),
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse(_) => "data_in_use",
            Self::Damaged(_) => "data_damaged",
            Self::FormatUnknown(_) => "data_format_unknown",
            Self::Replay { .. } => "replay_failed",
            Self::MemoryFull(_) => "memory_full",
            Self::Io(_) => "open_failed",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::InUse(_) => Fault::Caller,
            Self::MemoryFull(_) => Fault::Limit,
            Self::Damaged(_) | Self::FormatUnknown(_) | Self::Replay { .. } | Self::Io(_) => Fault::Server,
        }
    }
}

impl From<prokura_store::OpenError> for OpenError {
    fn from(error: prokura_store::OpenError) -> Self {
        use prokura_store::OpenError as Store;
        let text = error.to_string();
        match error {
            Store::InUse { .. } => Self::InUse(text),
            Store::Damaged(_) => Self::Damaged(text),
            Store::FormatUnknown { .. } => Self::FormatUnknown(text),
            _ => Self::Io(text),
        }
    }
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such tenant.
    #[error("there is no tenant `{0}`")]
    TenantUnknown(TenantName),
    /// The revision is outside the kept window.
    #[error("revision {wanted} cannot be read: kept are {oldest} to {newest}")]
    RevisionNotKept {
        /// The one asked for.
        wanted: Revision,
        /// The oldest there is.
        oldest: Revision,
        /// The newest there is.
        newest: Revision,
    },
    /// The token is for a revision that is not reached: what it was given out for was lost, as by a restore from a backup.
    #[error("revision {wanted} is not reached: the newest is {newest}; was the data restored from a backup?")]
    RevisionAhead {
        /// The one asked for.
        wanted: Revision,
        /// The newest there is.
        newest: Revision,
    },
    /// The revision token is not one that this store gave out for the tenant, or was altered.
    #[error("the revision token is none of tenant `{0}` in this store, or was altered; pass one as an answer gave it")]
    RevisionTokenInvalid(TenantName),
    /// The cursor is not one that a page of this list gave out.
    #[error("`{0}` is not where a page of this list ended; pass the `next` of the page before, or nothing")]
    CursorInvalid(String),
    /// The page is of no size, or of too large a one.
    #[error("a page has 1 to {max} entries, not {0}", max = crate::limits::PAGE_ENTRIES_MAX)]
    PageSize(usize),
    /// The engine could not answer.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// The record or the log could not be read.
    #[error("the data cannot be read: {0}")]
    Read(String),
}

impl AskError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TenantUnknown(_) => "tenant_unknown",
            Self::RevisionNotKept { .. } => "revision_not_kept",
            Self::RevisionAhead { .. } => "revision_ahead",
            Self::RevisionTokenInvalid(_) => "revision_token_invalid",
            Self::CursorInvalid(_) => "cursor_invalid",
            Self::PageSize(_) => "page_size",
            Self::Engine(error) => error.code(),
            Self::Read(_) => "read_failed",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TenantUnknown(_)
            | Self::RevisionNotKept { .. }
            | Self::RevisionAhead { .. }
            | Self::RevisionTokenInvalid(_)
            | Self::CursorInvalid(_) => Fault::Caller,
            Self::PageSize(_) => Fault::Limit,
            Self::Engine(error) => error.fault(),
            Self::Read(_) => Fault::Server,
        }
    }
}

impl From<EngineError> for AskError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<ReadError> for AskError {
    fn from(error: ReadError) -> Self {
        Self::Read(error.to_string())
    }
}

impl From<CodecError> for AskError {
    fn from(error: CodecError) -> Self {
        Self::Read(error.to_string())
    }
}

/// Why nothing was decided. Nothing was allowed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such tenant.
    #[error("there is no tenant `{0}`")]
    TenantUnknown(TenantName),
    /// The engine could not decide. That is recorded, too.
    #[error("{error}")]
    Undecided {
        /// Under which name it is recorded.
        id: DecisionId,
        /// Why not.
        error: Box<EngineError>,
    },
    /// The engine could not decide on a historic snapshot. It would have been a preview, so that is not recorded.
    #[error("{0}")]
    NotPreviewed(Box<EngineError>),
    /// The plan has no actions, or too many.
    #[error("a plan has 1 to {max} actions, not {0}", max = crate::limits::PLAN_ACTIONS_MAX)]
    PlanSize(usize),
    /// The request that came with the question cannot be recorded.
    #[error("the request cannot be recorded: {0}")]
    RequestInvalid(String),
    /// The decision cannot be recorded, so it is not given.
    #[error("decisions cannot be recorded, so none is given: {0}")]
    RecordUnavailable(String),
    /// What an allow takes is to be reserved for too long, or for no time.
    #[error("a reservation is held for 1 to {max} milliseconds, not {0}", max = crate::limits::RESERVATION_MS_MAX)]
    ReservationInvalid(u64),
    /// What the allow takes was not written, so it is not given.
    #[error("what the allow takes was not written, so it is not given: {0}")]
    NotTaken(Box<WriteError>),
}

impl DecideError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TenantUnknown(_) => "tenant_unknown",
            Self::Undecided { error, .. } | Self::NotPreviewed(error) => error.code(),
            Self::PlanSize(_) => "plan_size",
            Self::RequestInvalid(_) => "request_invalid",
            Self::RecordUnavailable(_) => "record_unavailable",
            Self::ReservationInvalid(_) => "reservation_invalid",
            Self::NotTaken(error) => error.code(),
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TenantUnknown(_) | Self::ReservationInvalid(_) => Fault::Caller,
            Self::NotTaken(error) => error.fault(),
            Self::Undecided { error, .. } | Self::NotPreviewed(error) => error.fault(),
            Self::PlanSize(_) | Self::RequestInvalid(_) => Fault::Limit,
            Self::RecordUnavailable(_) => Fault::Server,
        }
    }
}
