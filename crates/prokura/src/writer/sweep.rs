//! Collecting relationships that are over. See `docs/decisions/0019-expiry-is-collected-by-the-writer.md`.

use std::{sync::Arc, time::Duration};

use prokura_model::{Change, Relationship, Timestamp};
use prokura_store::Log;

use super::{batch::Batch, stage::into_index};
use crate::{
    Provenance,
    limits::{EXPIRED_PER_TRANSACTION_MAX, EXPIRY_LOOK_MAX},
    shared::Shared,
    tenant::Tenant,
};

/// Collects a part of what is over by now, if anything is. Answers with the number of changes that this took.
pub(super) fn sweep(shared: &Shared, log: &mut Log) -> u64 {
    if shared.expiring.next().is_none() || !shared.writes.is_open() {
        return 0;
    }
    let now = shared.now.read();
    let mut batch = Batch::default();
    let mut any = false;
    for (name, due) in shared.expiring.take_due(now, EXPIRED_PER_TRANSACTION_MAX) {
        let Some(tenant) = shared.system.tenant(&name) else { continue };
        let changes = still_over(&tenant, due, now);
        if changes.is_empty() {
            continue;
        }
        let provenance = Provenance::new("prokura", "expired");
        // What cannot be collected is invisible all the same, and is tried again after the next start.
        if let Ok(staged) = into_index(shared, tenant, provenance, now, changes, None) {
            batch.take_own(staged);
            any = true;
        }
    }
    if any { batch.commit(shared, log) } else { 0 }
}

/// How long the writer may wait for something else to do; without end when nothing ends.
pub(super) fn until_due(shared: &Shared) -> Option<Duration> {
    if !shared.writes.is_open() {
        return None;
    }
    let end = shared.expiring.next()?;
    // The clock may be set, or be any other than that which this waits by: it is looked at now and then.
    let left = Duration::from_millis(end.0.saturating_sub(shared.now.read().0));
    Some(left.min(EXPIRY_LOOK_MAX))
}

fn still_over(tenant: &Arc<Tenant>, due: Vec<Relationship>, now: Timestamp) -> Vec<Change> {
    let view = tenant.index.view_applied();
    let over = |relationship: &Relationship| view.stored(relationship).is_some_and(|stored| stored.terms.is_over(now));
    due.into_iter().filter(over).map(Change::RelationshipExpired).collect()
}
