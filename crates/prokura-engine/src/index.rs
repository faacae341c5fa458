use prokura_model::{Revision, Transaction};

use crate::{ApplyError, EngineError, View};

/// The graph and everything else that is asked about, at every revision that is kept.
#[derive(Debug, Default)]
pub struct Index {
    _private: (),
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Objects ever named.
    pub objects: u64,
    /// Relationships that exist at the newest applied revision.
    pub relationships: u64,
    /// Relationships that ended, and are kept for older revisions.
    pub ended: u64,
    /// Memory, in bytes, estimated.
    pub bytes: u64,
}

impl Index {
    /// The empty index, at revision 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next transaction. Readers do not see it until it is [published](Self::publish).
    ///
    /// # Errors
    /// It was not taken in, and nothing of it.
    pub fn apply(&self, transaction: &Transaction) -> Result<(), ApplyError> {
        Err(ApplyError::OutOfOrder { applied: self.applied(), found: transaction.revision })
    }

    /// Shows readers everything up to this revision. Never steps back, and never beyond what is applied.
    pub fn publish(&self, _: Revision) {}

    /// The newest revision that readers see.
    #[must_use]
    pub fn published(&self) -> Revision {
        Revision(0)
    }

    /// The newest revision that is applied.
    #[must_use]
    pub fn applied(&self) -> Revision {
        Revision(0)
    }

    /// The oldest revision that can still be asked about.
    #[must_use]
    pub fn horizon(&self) -> Revision {
        Revision(0)
    }

    /// The state at the published revision.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self, self.published())
    }

    /// The state at the newest applied revision, published or not: the writer's own.
    #[must_use]
    pub fn view_applied(&self) -> View<'_> {
        View::new(self, self.applied())
    }

    /// The state at an earlier revision.
    ///
    /// # Errors
    /// The revision is not published, or no longer kept.
    pub fn view_at(&self, revision: Revision) -> Result<View<'_>, EngineError> {
        Ok(View::new(self, revision))
    }

    /// Forgets what only revisions before the horizon need. A horizon beyond what is published counts as that.
    pub fn collect(&self, _: Revision) {}

    /// How much there is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}
