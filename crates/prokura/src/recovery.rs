use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use prokura_engine::ApplyError;
use prokura_model::{Change, Revision, Transaction, decode_changes, decode_record};
use prokura_store::{Checkpoint, DecisionLog, Disk, Entry, Log, Record, ReplayError};

use crate::{
    OpenError, Options, Progress, ProgressListener, Receipt, checkpoint,
    shared::{Shared, State},
    tenant::{Done, Tenant},
};

/// Transactions, or changes, between two reports of progress.
const REPORT_TRANSACTIONS: u64 = 1_000;
pub(crate) const REPORT_CHANGES: u64 = 100_000;

/// Changes that are sent on together, about; and how often that many are decoded ahead.
const DECODED_CHANGES: usize = 4_096;
const DECODED_AHEAD: usize = 8;

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

/// An entry whose changes are decoded.
pub(crate) struct Decoded {
    entry: Entry,
    changes: Vec<Change>,
}

/// The two logs, and what was loaded of a checkpoint, if there is one that is of this log: the state, and how far that is.
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) decisions: DecisionLog,
    pub(crate) loaded: Option<(State, Progress)>,
}

/// Opens the logs, and verifies all of both. Meanwhile another thread takes in the checkpoint, which counts only if the log
/// turns out to be the one it was made of.
pub(crate) fn open(disk: &Arc<dyn Disk>, options: &Options) -> Result<Opened, OpenError> {
    let found = checkpoint::find(disk.as_ref());
    let place = found.as_ref().map(Checkpoint::place);
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        let loader = found.and_then(|found| {
            let loader = thread::Builder::new().name("prokura-loader".to_owned());
            let loader = loader.spawn_scoped(scope, move || checkpoint::load(found, options, stop));
            loader.inspect_err(|error| checkpoint::ignored(&format!("no thread could be started: {error}"))).ok()
        });
        let opened = Log::open_from(Arc::clone(disk), place).and_then(|log| {
            stop.store(!log.reaches(), Ordering::Relaxed);
            Ok((log, DecisionLog::open_on(Arc::clone(disk))?))
        });
        stop.fetch_or(opened.is_err(), Ordering::Relaxed);
        let loaded = loader.map(|loader| loader.join().unwrap_or_else(|_| Err("loading it met a bug".to_owned())));
        let (log, decisions) = opened?;
        let loaded = match loaded {
            _ if place.is_some() && !log.reaches() => Err("it was made of another log".to_owned()),
            loaded => loaded.transpose(),
        };
        let loaded = loaded.unwrap_or_else(|what| {
            checkpoint::ignored(&what);
            None
        });
        Ok(Opened { log, decisions, loaded })
    })
}

/// What came of taking in the log.
pub(crate) struct Replayed {
    /// How many changes that was.
    pub(crate) changes: u64,
    /// Records of decisions that are part of transactions, and did not get into the record any more.
    pub(crate) unrecorded: Vec<Record>,
}

/// Takes in what the log holds behind the place of the checkpoint that was loaded, if one was, and everything if not. One
/// thread reads, verifies and decodes; this one takes in what it has decoded.
pub(crate) fn replay(
    shared: &Shared,
    log: &Log,
    loaded: Option<Progress>,
    listener: Option<&ProgressListener>,
) -> Result<Replayed, OpenError> {
    let (decoded, coming) = sync_channel(DECODED_AHEAD);
    let rest_only = loaded.is_some();
    let begun = loaded.unwrap_or(Progress { transactions: 0, changes: 0 });
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("prokura-reader".to_owned());
        let reader = reader
            .spawn_scoped(scope, move || read(log, rest_only, &decoded))
            .map_err(|error| OpenError::Io(format!("the thread that reads the log could not be started: {error}")))?;
        let taken = take_all(shared, coming, begun, listener);
        // It has ended by now, or does as soon as it finds nobody listening.
        let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
        let (taken, unrecorded) = taken?;
        read.map(|()| Replayed { changes: taken.changes - begun.changes, unrecorded })
    })
}

/// Decodes the entries and sends them on, many at a time.
fn read(log: &Log, rest_only: bool, decoded: &SyncSender<Vec<Decoded>>) -> Result<(), OpenError> {
    let (mut batch, mut changes) = (Vec::new(), 0);
    let decode = |entry| {
        let entry = Decoded::new(entry).map_err(Some)?;
        changes += 1 + entry.changes.len();
        batch.push(entry);
        if changes >= DECODED_CHANGES {
            changes = 0;
            decoded.send(std::mem::take(&mut batch)).map_err(|_| None)?;
        }
        Ok(())
    };
    let read: Result<(), ReplayError<Option<OpenError>>> =
        if rest_only { log.replay_rest(decode) } else { log.replay(decode) };
    match read {
        Ok(()) => {
            // Nobody listens any more if what was sent before was refused, and then that is what is told.
            let _ = decoded.send(batch);
            Ok(())
        }
        Err(ReplayError::Read(error)) => Err(OpenError::Damaged(error.to_string())),
        Err(ReplayError::Refused { error: Some(refusal), .. }) => {
            // What came before it may be refused first.
            let _ = decoded.send(batch);
            Err(refusal)
        }
        Err(ReplayError::Refused { error: None, .. }) => Ok(()),
    }
}

fn take_all(
    shared: &Shared,
    coming: Receiver<Vec<Decoded>>,
    mut progress: Progress,
    listener: Option<&ProgressListener>,
) -> Result<(Progress, Vec<Record>), OpenError> {
    let mut unrecorded = Vec::new();
    for decoded in coming.into_iter().flatten() {
        let changes = progress.changes;
        find_unrecorded(shared, &decoded, &mut unrecorded)?;
        progress.changes += take(shared, decoded)?;
        progress.transactions += 1;
        let many = progress.changes / REPORT_CHANGES > changes / REPORT_CHANGES;
        if many || progress.transactions.is_multiple_of(REPORT_TRANSACTIONS) {
            tell(listener, progress);
        }
    }
    tell(listener, progress);
    Ok((progress, unrecorded))
}

/// The records that the transaction holds, and the record of decisions does not.
fn find_unrecorded(
    shared: &Shared,
    Decoded { entry, changes }: &Decoded,
    unrecorded: &mut Vec<Record>,
) -> Result<(), OpenError> {
    for change in changes {
        let Change::Consumed(consumption) = change else { continue };
        let (tenant, id, payload) = (&entry.tenant, &consumption.decision, &consumption.record);
        let known = || shared.decisions.by_id(tenant, id).map(|found| found.is_some()).map_err(damaged);
        if !payload.is_empty() && !known()? {
            let (tenant, id, payload) = (tenant.clone(), id.clone(), payload.clone());
            unrecorded.push(Record { tenant, id, time: consumption.at, payload });
        }
    }
    Ok(())
}

pub(crate) fn tell(listener: Option<&ProgressListener>, progress: Progress) {
    if let Some(listener) = listener {
        listener.tell(progress);
    }
}

impl Decoded {
    pub(crate) fn new(mut entry: Entry) -> Result<Self, OpenError> {
        let payload = std::mem::take(&mut entry.payload);
        let changes = decode_changes(&payload).map_err(|error| OpenError::Replay {
            tenant: entry.tenant.clone(),
            revision: entry.revision,
            detail: error.to_string(),
        })?;
        Ok(Self { entry, changes })
    }
}

/// Takes one entry in, and answers with the number of its changes.
pub(crate) fn take(shared: &Shared, Decoded { entry, changes }: Decoded) -> Result<u64, OpenError> {
    let (tenant, revision) = (entry.tenant.clone(), entry.revision);
    let refused = |detail: String| OpenError::Replay { tenant: tenant.clone(), revision, detail };
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
    tenant.index.apply(&transaction).map_err(|error| match error {
        ApplyError::GraphFull => OpenError::MemoryFull(shared.memory.max().unwrap_or(u64::MAX)),
        other => refused(other.to_string()),
    })?;
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
