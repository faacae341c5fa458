//! Many relationships at once.

use prokura_model::{Fault, Relationship, Terms};

use crate::{Receipt, WriteError};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many relationships were loaded.
    pub loaded: u64,
    /// In how many transactions.
    pub transactions: u64,
    /// The last of them; none when there was nothing to load.
    pub last: Option<Receipt>,
}

/// Why an import ended early. What was loaded before stays loaded.
#[derive(Debug, thiserror::Error)]
#[error("{cause}; {} relationships were loaded before, in {} transactions, and stay", .before.loaded, .before.transactions)]
pub struct ImportError<E> {
    /// What was loaded before.
    pub before: Imported,
    /// What went wrong.
    pub cause: ImportFault<E>,
}

/// What went wrong in an import.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault<E> {
    /// The next relationship could not be had from where they come from.
    #[error("{0}")]
    Source(E),
    /// A batch was refused, all of it.
    #[error("{0}")]
    Write(Box<WriteError>),
}

impl<E> ImportError<E> {
    /// The stable code; none where it is the source that failed.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match &self.cause {
            ImportFault::Source(_) => None,
            ImportFault::Write(error) => Some(error.code()),
        }
    }

    /// Whose doing it is. A source that fails is the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match &self.cause {
            ImportFault::Source(_) => Fault::Caller,
            ImportFault::Write(error) => error.fault(),
        }
    }
}

/// What is gathered for the next transaction.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) relationships: Vec<(Relationship, Terms)>,
    bytes: usize,
}

impl Gathered {
    /// Adds one of about so many bytes.
    pub(crate) fn add(&mut self, relationship: Relationship, terms: Terms) {
        self.bytes += bytes_of(&relationship, &terms);
        self.relationships.push((relationship, terms));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.relationships.len() >= crate::limits::IMPORT_BATCH_MAX
            || self.bytes >= crate::limits::IMPORT_BATCH_BYTES_MAX
    }
}

/// As they are logged, nearly.
fn bytes_of(relationship: &Relationship, terms: &Terms) -> usize {
    prokura_model::encode_changes(&[prokura_model::Change::RelationshipTouched(relationship.clone(), terms.clone())])
        .len()
}
