use prokura_model::{Revision, TenantName, Transaction, decode_changes, decode_record};
use prokura_store::{DecisionLog, Entry, Log, ReplayError};

use crate::{
    OpenError, Progress, ProgressListener, Receipt,
    shared::Shared,
    tenant::{Done, Tenant},
};

/// Transactions between two reports of progress.
const REPORT_EVERY: u64 = 1_000;

/// Why an entry that is intact cannot be taken in.
#[derive(Debug)]
pub(crate) struct Refusal {
    tenant: TenantName,
    revision: Revision,
    detail: String,
}

/// Whether what was decided rests on what was written. Decisions without a log mean that the log is lost, and with it every
/// suspension and revocation: that is no fresh start.
///
/// The other way round cannot be told from an authority that was never asked, and takes nothing away but the record.
pub(crate) fn belong_together(log: &Log, decisions: &DecisionLog) -> Result<(), OpenError> {
    if log.entries() > 0 || decisions.records() == 0 {
        return Ok(());
    }
    // Who asks before anything is written is answered at revision 0.
    let newest = decisions.newest_first(&crate::tenant::default_name(), None).map_err(damaged)?.next();
    if let Some((_, record)) = newest.transpose().map_err(damaged)?
        && decode_record(&record.payload).map_err(damaged)?.revision == Revision(0)
    {
        return Ok(());
    }
    Err(OpenError::Damaged(format!(
        "there are {} recorded decisions, but nothing of what they rest on: the log of what was written is missing; \
         restore it, or move the record of decisions elsewhere to begin anew",
        decisions.records()
    )))
}

fn damaged(error: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged(error.to_string())
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
    Ok(())
}

fn tell(listener: Option<&ProgressListener>, progress: Progress) {
    if let Some(listener) = listener {
        listener.tell(progress);
    }
}

/// Takes one entry in, and answers with the number of its changes.
pub(crate) fn take(shared: &Shared, entry: Entry) -> Result<u64, Refusal> {
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
    let noted = shared.expiring.note(&tenant, &transaction.changes);
    tenant.index.apply(&transaction).map_err(|error| refused(error.to_string()))?;
    shared.expiring.take(noted);
    tenant.index.publish(revision);
    // At once, as when it was written: every change to an object copies what is kept of it, so a long history that is
    // only forgotten in the end would take time in the square of its length.
    shared.collect(&tenant, revision);
    remember(&tenant, &transaction);
    Ok(count)
}

fn remember(tenant: &Tenant, transaction: &Transaction) {
    if let Some(request_id) = &transaction.request_id {
        let receipt = Receipt { revision: transaction.revision, time: transaction.time };
        let done = Done::of(&transaction.changes, receipt);
        tenant.requests().remember(&transaction.author, request_id, done);
    }
}
