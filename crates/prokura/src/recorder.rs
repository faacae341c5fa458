//! The one thread that records decisions: batches, one flush each.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    sync::mpsc::{SyncSender, sync_channel},
    time::{Duration, Instant},
};

use prokura_model::{RecordView, TenantName, encode_record};
use prokura_store::{DecisionLog, Record};

use crate::{
    AskError, DecideError,
    limits::{BATCH_RECORD_BYTES_MAX, BATCH_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_QUEUE_BYTES_MAX, RECORD_WAIT_MAX},
    queue::{Batch, Queue, Refused},
    shared::{Latch, Shared},
};

/// How long a record waits for others to share its flush, which costs what encoding a hundred of them does. Nobody waits for
/// it meanwhile: whoever lists decisions cuts it short. A crash loses what was not flushed.
const GATHERING: Duration = Duration::from_millis(10);

const BATCH: Batch = Batch { entries: BATCH_RECORDS_MAX, bytes: BATCH_RECORD_BYTES_MAX };

/// Where decisions wait to be recorded.
#[derive(Debug)]
pub(crate) struct Records {
    queue: Queue<Item>,
    pub(crate) latch: Latch,
    /// Whether a record is only in the log of what was written, from where the next start takes it.
    behind: AtomicBool,
}

#[derive(Debug)]
enum Item {
    Record(Record),
    /// Everything before this is to be on disk.
    Flush(SyncSender<()>),
}

/// A record that found no place in line, and when that was.
#[derive(Debug)]
pub(crate) struct Unplaced {
    record: Record,
    since: Instant,
}

impl Records {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: Queue::with_budget(capacity, RECORD_QUEUE_BYTES_MAX),
            latch: Latch::default(),
            behind: AtomicBool::new(false),
        }
    }

    /// Whether a decision could be recorded, as far as is known.
    pub(crate) fn check(&self) -> Result<(), DecideError> {
        self.latch.reason().map_or(Ok(()), |reason| Err(DecideError::RecordUnavailable(reason)))
    }

    /// Puts a decision in line to be recorded. Once this succeeds, it may be answered. If there is no place, it comes back
    /// as what is still to be put in line.
    pub(crate) fn put(&self, tenant: &TenantName, record: &RecordView<'_>) -> Result<Option<Unplaced>, DecideError> {
        let payload = encode_record(record);
        check_size(payload.len())?;
        let entry = Record { tenant: tenant.clone(), id: record.id.clone(), time: record.time, payload };
        self.place(entry, Duration::ZERO)
    }

    /// The same for one that found no place, waiting for one as long as is left of the time it may wait.
    pub(crate) fn put_waiting(&self, unplaced: Unplaced) -> Result<(), DecideError> {
        let left = RECORD_WAIT_MAX.saturating_sub(unplaced.since.elapsed());
        match self.place(unplaced.record, left)? {
            None => Ok(()),
            Some(_) => Err(DecideError::RecordUnavailable("the queue of records is full".to_owned())),
        }
    }

    /// Puts records in line that are part of transactions: they are given, and stay so if there is no place for them.
    pub(crate) fn put_written(&self, records: Vec<Record>) {
        for record in records {
            // Who waits behind one that found no place in time would find none either.
            let longest = if self.behind.load(Ordering::Relaxed) { Duration::ZERO } else { RECORD_WAIT_MAX };
            if !matches!(self.place(record, longest), Ok(None)) {
                self.behind.store(true, Ordering::Relaxed);
                tracing::warn!("a record waits for the next start: there is no place for it now");
            }
        }
    }

    /// Waits until every record put in line so far is on disk, and says whether that is all there are.
    pub(crate) fn settle(&self) -> bool {
        let is_behind = || self.behind.load(Ordering::Relaxed) || self.latch.reason().is_some();
        !self.queue.is_closed() && !is_behind() && self.flush().is_ok() && !is_behind()
    }

    fn place(&self, record: Record, longest: Duration) -> Result<Option<Unplaced>, DecideError> {
        let bytes = record.payload.len() + size_of::<Item>();
        match self.queue.put_sized(bytes, Item::Record(record), longest) {
            // The recorder may have failed between the first look and now. Better no answer than an unrecorded one.
            Ok(()) => self.check().map(|()| None),
            Err((Refused::Full, Item::Record(record))) => Ok(Some(Unplaced { record, since: Instant::now() })),
            Err(_) => Err(DecideError::RecordUnavailable(self.closed())),
        }
    }

    /// Waits until every decision put in line so far is on disk.
    pub(crate) fn flush(&self) -> Result<(), AskError> {
        let (done, flushed) = sync_channel(1);
        let put = self.queue.put_urgent(Item::Flush(done), RECORD_WAIT_MAX);
        // A closed queue was emptied before: all there is to read is on disk. What a failed flush lost was never there.
        match put {
            Ok(()) => {
                let _ = flushed.recv();
                Ok(())
            }
            Err(Refused::Closed) => Ok(()),
            Err(Refused::Full) => {
                Err(AskError::Read("too many decisions wait to be recorded; try again later".to_owned()))
            }
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Nothing is recorded from now on.
    pub(crate) fn fail(&self, reason: &str) {
        self.latch.set(reason);
        self.queue.close();
    }

    fn closed(&self) -> String {
        self.latch.reason().unwrap_or_else(|| "the authority is closed".to_owned())
    }
}

/// A record that is too large is its own decision's matter. In line, the whole batch would fail with it.
pub(crate) fn check_size(bytes: usize) -> Result<(), DecideError> {
    if bytes <= RECORD_BYTES_MAX {
        return Ok(());
    }
    Err(DecideError::RequestInvalid(format!(
        "the record of its decision has {bytes} bytes, and at most {RECORD_BYTES_MAX} are kept"
    )))
}

/// The body of the recorder's thread. Ends when the queue is closed and empty.
pub(crate) fn run(shared: &Shared, mut log: DecisionLog) {
    let records = &shared.records;
    let _ending = Ending(records);
    loop {
        let items = records.queue.take_batch(BATCH, GATHERING);
        if items.is_empty() {
            return;
        }
        let mut batch = Vec::with_capacity(items.len());
        let mut waiting = Vec::new();
        for item in items {
            match item {
                Item::Record(record) => batch.push(record),
                Item::Flush(done) => waiting.push(done),
            }
        }
        if !batch.is_empty()
            && records.latch.reason().is_none()
            && let Err(error) = log.append(&batch)
        {
            records.latch.set(&error.to_string());
        }
        for done in waiting {
            let _ = done.try_send(());
        }
    }
}

/// However the thread ends, nobody waits for it for ever.
struct Ending<'s>(&'s Records);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.latch.set("the recorder met a bug and ended");
        }
        self.0.queue.close();
        while self.0.queue.take_now().is_some() {}
    }
}
