//! The one thread that writes: validate, apply, append, publish, answer. See `docs/decisions/0005-apply-before-append.md`.

mod access;
mod approval;
mod batch;
mod consume;
mod declare;
mod models;
mod off_boarding;
mod relationships;
mod rights;
mod stage;
mod sweep;
mod validate;

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use prokura_model::{Approval, Change, Key, KeyId, Model, ModelId, Request, TenantName};
use prokura_store::Log;

pub(crate) use access::{Ends, may_answer};
pub(crate) use approval::may_approve;
pub(crate) use validate::check_value;

use crate::{
    ApplyMode, By, Declaration, DeleteRelationships, Deleted, Difference, OffBoard, OffBoarding, Provenance, Receipt,
    RelationshipWrite, TupleWrite, WriteError,
    access::AccessStep,
    approval::ApprovalStep,
    checkpoint::Checkpoints,
    consume::{Consumed, Consuming, Settlement},
    limits::WRITE_WAIT_MAX,
    queue::{Queue, Refused, Taken},
    shared::{Latch, Shared},
    tenant::Tenant,
};

/// One write, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Job {
    work: Work,
    provenance: Provenance,
    answer: SyncSender<Result<Written, WriteError>>,
}

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Work {
    /// These changes, if this one may make them; none is an administrator.
    Changes { tenant: Arc<Tenant>, by: Option<By>, changes: Vec<Change> },
    /// Whatever makes things as declared.
    Declaration { tenant: Arc<Tenant>, declaration: Box<Declaration>, mode: ApplyMode },
    /// A model.
    Model { tenant: Arc<Tenant>, model: Box<Model> },
    /// What is asserted about a model.
    Assertions { tenant: Arc<Tenant>, model: ModelId, assertions: String },
    /// Relationships that fit a model.
    Tuples { tenant: Arc<Tenant>, write: Box<TupleWrite> },
    /// These updates, if the preconditions hold.
    Relationships { tenant: Arc<Tenant>, write: Box<RelationshipWrite> },
    /// The end of what a filter means, if the preconditions hold.
    Deletion { tenant: Arc<Tenant>, delete: Box<DeleteRelationships> },
    /// The end of a principal; with `expected`, only if that is still what it comes to.
    OffBoarding { tenant: Arc<Tenant>, wanted: Box<OffBoard>, expected: Option<String> },
    /// A step in the life of a request for access.
    Access { tenant: Arc<Tenant>, step: Box<AccessStep> },
    /// A step in the life of an approval.
    Approval { tenant: Arc<Tenant>, step: Box<ApprovalStep> },
    /// What an allow takes, if it is one.
    Consuming { tenant: Arc<Tenant>, consuming: Arc<Consuming> },
    /// The end of a reservation.
    Settlement { tenant: Arc<Tenant>, settlement: Box<Settlement> },
    /// A tenant.
    Tenant(TenantName),
    /// A tenant with a name for people.
    NamedTenant(TenantWork),
    /// A key; with `only_first`, nothing if a key was ever made.
    Key { key: Key, only_first: bool },
    /// The end of a key.
    KeyRevoked(KeyId),
}

/// What is done with a tenant as a whole.
#[derive(Debug)]
pub(crate) enum TenantWork {
    /// It begins.
    Create { tenant: TenantName, display_name: String },
    /// It is shown under another name.
    Rename { tenant: TenantName, display_name: String },
    /// It ends.
    Delete(TenantName),
}

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) receipt: Option<Receipt>,
    pub(crate) difference: Vec<Difference>,
    pub(crate) notes: Vec<String>,
    pub(crate) key: Option<Key>,
    pub(crate) model: Option<ModelId>,
    pub(crate) deleted: Option<Deleted>,
    pub(crate) off_boarding: Option<Box<OffBoarding>>,
    pub(crate) request: Option<Arc<Request>>,
    pub(crate) approval: Option<Arc<Approval>>,
    pub(crate) consumed: Option<Consumed>,
}

/// Where writes wait for the writer.
#[derive(Debug)]
pub(crate) struct Writes {
    queue: Queue<Job>,
    pub(crate) latch: Latch,
}

impl Writes {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { queue: Queue::new(capacity), latch: Latch::default() }
    }

    /// Has the writer do it, and waits for its answer.
    pub(crate) fn submit(&self, work: Work, provenance: Provenance) -> Result<Written, WriteError> {
        stage::check_provenance(&provenance)?;
        let (answer, answered): (_, Receiver<_>) = sync_channel(1);
        self.queue.put(Job { work, provenance, answer }, WRITE_WAIT_MAX).map_err(|refused| match refused {
            Refused::Full => WriteError::Busy,
            Refused::Closed => self.stopped(),
        })?;
        answered.recv().unwrap_or_else(|_| Err(self.stopped()))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Whether it still writes what nobody asked for.
    fn is_open(&self) -> bool {
        self.latch.reason().is_none() && !self.queue.is_closed()
    }

    /// Nothing is written from now on.
    pub(crate) fn fail(&self, reason: &str) {
        self.latch.set(reason);
        self.queue.close();
    }

    fn stopped(&self) -> WriteError {
        match self.latch.reason() {
            Some(reason) => WriteError::WritesStopped(reason),
            None => WriteError::Closed,
        }
    }
}

/// The body of the writer's thread. Ends when the queue is closed and empty.
///
/// Between batches it collects what is over, a bounded part at a time, so that nobody who writes waits long for it.
pub(crate) fn run(shared: &Shared, mut log: Log, mut checkpoints: Checkpoints) {
    let _ending = Ending(&shared.writes);
    loop {
        let collected = sweep::sweep(shared, &mut log);
        checkpoints.grown(shared, &log, collected);
        let first = match shared.writes.queue.take_within(sweep::until_due(shared)) {
            Taken::Entry(first) => first,
            Taken::Nothing => continue,
            Taken::Closed => return checkpoints.close(shared, &log),
        };
        let mut batch = batch::Batch::default();
        batch.take(shared, first);
        while batch.has_room() {
            let Some(job) = shared.writes.queue.take_now() else { break };
            batch.take(shared, job);
        }
        let changes = batch.commit(shared, &mut log);
        checkpoints.grown(shared, &log, changes);
    }
}

/// Whether it could be written, without writing it.
#[cfg(test)]
pub(crate) fn stage_for_test(shared: &Shared, work: Work, provenance: Provenance) -> Result<(), WriteError> {
    stage::stage(shared, work, provenance).map(|_| ())
}

/// However the thread ends, nobody waits for it for ever: what still stands in the queue is dropped, which answers it.
struct Ending<'s>(&'s Writes);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.latch.set("the writer met a bug and ended");
        }
        self.0.queue.close();
        while self.0.queue.take_now().is_some() {}
    }
}
