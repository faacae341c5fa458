//! How much is shown to a person at once. Nothing is decided or refused by these; `--json` has the same bounds.

/// Mistakes in a file that are drawn; who has more mends these and runs again.
pub(crate) const MISTAKES_DRAWN_MAX: usize = 10;

/// Relations and permissions of a near miss that are told, each asked about on its own.
pub(crate) const TRIED_TOLD_MAX: usize = 32;

/// Approvals that wait which are looked at for one that a few digits name: as many as there may be in a tenant.
pub(crate) const APPROVALS_SEARCHED_MAX: usize = prokura::limits::APPROVALS_PENDING_MAX;

/// Transactions looked up to say who wrote the edges of an explanation.
pub(crate) const PROVENANCE_TOLD_MAX: usize = 32;
