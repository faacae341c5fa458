//! What a writer says, and what it is told.

use prokura_model::{Relationship, RelationshipFilter, Revision, Terms, Timestamp, Value};

/// Who writes, and why. It is kept with the transaction for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Who writes: a key (`key:…`), or a principal. Not empty.
    pub author: String,
    /// Why, in the author's words; may be empty.
    pub reason: String,
    /// The caller's own name for the request, if it has one: the same request sent again is answered with the first
    /// receipt and not done twice.
    pub request_id: Option<String>,
}

impl Provenance {
    /// Provenance without a request id.
    pub fn new(author: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { author: author.into(), reason: reason.into(), request_id: None }
    }

    /// The same, with the caller's own name for the request.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }
}

/// The write is on disk and visible to everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The revision it made.
    pub revision: Revision,
    /// When it was accepted.
    pub time: Timestamp,
}

/// Updates of relationships, all or none, if the preconditions hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelationshipWrite {
    /// What is written; one update for each relationship.
    pub updates: Vec<RelationshipUpdate>,
    /// What must hold just before.
    pub preconditions: Vec<Precondition>,
    /// What is to be kept with the transaction.
    pub metadata: Option<Value>,
}

/// One relationship, and what is done with it.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipUpdate {
    /// What is done.
    pub operation: Operation,
    /// With which relationship.
    pub relationship: Relationship,
    /// On which terms it holds from now on; a delete has none.
    pub terms: Terms,
}

/// What is done with a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It must not exist, and does from now on. One that is over does not exist.
    Create,
    /// It exists from now on, on these terms, whether or not it did.
    Touch,
    /// It does not exist from now on, whether or not it did.
    Delete,
}

/// What must hold just before a write, in the newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// Whether at least one relationship must match; otherwise none may.
    pub must_match: bool,
    /// Which relationships are looked for. Not empty.
    pub filter: RelationshipFilter,
}

/// The end of all relationships that a filter means, if the preconditions hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRelationships {
    /// Which relationships. Not empty.
    pub filter: RelationshipFilter,
    /// What must hold just before.
    pub preconditions: Vec<Precondition>,
    /// At most so many; in any case no more than
    /// [`TRANSACTION_CHANGES_MAX`](crate::limits::TRANSACTION_CHANGES_MAX).
    pub limit: Option<u64>,
    /// Whether as many as the limit allows are deleted when there are more; otherwise none is.
    pub allow_partial: bool,
    /// What is to be kept with the transaction.
    pub metadata: Option<Value>,
}

/// What a [`DeleteRelationships`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The write; where nothing was there to delete or to keep, the newest revision, which stays the newest.
    pub receipt: Receipt,
    /// How many relationships were deleted.
    pub deleted: u64,
    /// Whether all that the filter means are deleted. A request that is sent again is told `false` when it deleted as many
    /// as its limit: whether there were more is not remembered.
    pub complete: bool,
}
