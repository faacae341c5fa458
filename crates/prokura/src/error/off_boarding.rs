use prokura_model::{Fault, ObjectRef};

use crate::limits::TRANSACTION_CHANGES_MAX;

/// Why a principal is not off-boarded like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffBoardingFault {
    /// What an off-boarding comes to is not what was expected.
    #[error(
        "off-boarding `{principal}` comes to something else by now: `{found}`, not `{expected}`; look at its preview again"
    )]
    Changed {
        /// Who was to be off-boarded.
        principal: ObjectRef,
        /// The digest of what was previewed.
        expected: String,
        /// The digest of what it comes to.
        found: String,
    },
    /// An off-boarding does not fit in one transaction.
    #[error(
        "off-boarding `{principal}` takes {changes} changes, {relationships} of them relationships to remove, and a \
         transaction has at most {TRANSACTION_CHANGES_MAX}: suspend it, delete relationships of the subject \
         `{principal}` in parts, and off-board it then"
    )]
    TooLarge {
        /// Who was to be off-boarded.
        principal: ObjectRef,
        /// How many changes it takes.
        changes: usize,
        /// How many of them remove relationships.
        relationships: usize,
    },
    /// What is to be handed over belongs to somebody else, or to nobody.
    #[error("`{principal}` does not own `{object}`{}, so it cannot be handed over", .owner.as_ref().map_or_else(String::new, |owner| format!("; `{owner}` does")))]
    TransferNotOwned {
        /// What was to be handed over.
        object: ObjectRef,
        /// Who is to be off-boarded.
        principal: ObjectRef,
        /// Who owns it.
        owner: Option<ObjectRef>,
    },
}

impl OffBoardingFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "off_boarding_changed",
            Self::TooLarge { .. } => "off_boarding_too_large",
            Self::TransferNotOwned { .. } => "transfer_not_owned",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } => Fault::Limit,
            Self::Changed { .. } | Self::TransferNotOwned { .. } => Fault::Caller,
        }
    }
}
