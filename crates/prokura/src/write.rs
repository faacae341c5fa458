//! What a writer says, and what it is told.

use prokura_model::{Revision, Timestamp};

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
