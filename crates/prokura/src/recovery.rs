use prokura_model::{Revision, TenantName, Transaction, decode_changes};
use prokura_store::{Entry, Log, ReplayError};

use crate::{
    OpenError, Progress, ProgressListener, Receipt,
    shared::Shared,
    tenant::{ChangesDigest, Done, Tenant},
};

/// Transactions between two reports of progress.
const REPORT_EVERY: u64 = 1_000;

/// Why an entry that is intact cannot be taken in.
struct Refusal {
    tenant: TenantName,
    revision: Revision,
    detail: String,
}

/// Builds everything that is derived from the log anew.
pub(crate) fn replay(shared: &Shared, log: &Log, listener: Option<&ProgressListener>) -> Result<(), OpenError> {
    let mut progress = Progress { transactions: 0, changes: 0 };
    log.replay(|entry| {
        progress.changes += take(shared, entry)?;
        progress.transactions += 1;
        if progress.transactions.is_multiple_of(REPORT_EVERY) {
            tell(listener, progress);
        }
        Ok(())
    })
    .map_err(|error| match error {
        ReplayError::Read(error) => OpenError::Damaged(error.to_string()),
        ReplayError::Refused { error: Refusal { tenant, revision, detail }, .. } => {
            OpenError::Replay { tenant, revision, detail }
        }
    })?;
    tell(listener, progress);
    for tenant in shared.system.tenants() {
        shared.collect(&tenant, tenant.index.published());
    }
    Ok(())
}

fn tell(listener: Option<&ProgressListener>, progress: Progress) {
    if let Some(listener) = listener {
        listener.tell(progress);
    }
}

/// Takes one entry in, and answers with the number of its changes.
fn take(shared: &Shared, entry: Entry) -> Result<u64, Refusal> {
    let (tenant, revision) = (entry.tenant.clone(), entry.revision);
    let refused = |detail: String| Refusal { tenant: tenant.clone(), revision, detail };
    let changes = decode_changes(&entry.payload).map_err(|error| refused(error.to_string()))?;
    let count = changes.len() as u64;
    if tenant == shared.system.name {
        shared.system_revision_is(revision);
        shared.system.take(&changes, entry.time).map_err(refused)?;
        return Ok(count);
    }
    let Some(tenant) = shared.system.tenant(&tenant) else {
        return Err(refused("the tenant was never created".to_owned()));
    };
    let Entry { time, author, reason, request_id, .. } = entry;
    let transaction = Transaction { revision, time, author, reason, request_id, changes };
    tenant.index.apply(&transaction).map_err(|error| refused(error.to_string()))?;
    tenant.index.publish(revision);
    remember(&tenant, &transaction);
    Ok(count)
}

fn remember(tenant: &Tenant, transaction: &Transaction) {
    if let Some(request_id) = &transaction.request_id {
        let receipt = Receipt { revision: transaction.revision, time: transaction.time };
        tenant.requests().remember(request_id, Done { changes: ChangesDigest::of(&transaction.changes), receipt });
    }
}
