use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use prokura_engine::{Limits, Memory};
use prokura_model::{DecisionId, Revision, Timestamp};
use prokura_store::{DecisionReader, LogReader};

use crate::{
    Options,
    expiry::Expiring,
    mint::{self, Mint},
    now::Now,
    recorder::Records,
    tenant::{System, Tenant},
    writer::Writes,
};

/// What the threads of an authority have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) now: Now,
    pub(crate) system: System,
    pub(crate) expiring: Expiring,
    pub(crate) writes: Writes,
    pub(crate) records: Records,
    pub(crate) log: LogReader,
    pub(crate) decisions: DecisionReader,
    pub(crate) kept_revisions: u64,
    pub(crate) memory: Memory,
    /// The last revision given out in the system's own log.
    system_revision: AtomicU64,
    mint: Mint,
}

/// What is derived from the log, of all tenants.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) system: System,
    pub(crate) expiring: Expiring,
    /// The last revision in the system's own log.
    pub(crate) system_revision: Revision,
}

impl State {
    /// That of the empty log.
    pub(crate) fn new(options: &Options) -> Self {
        let memory = options.memory.map_or_else(Memory::unlimited, Memory::at_most);
        let system = System::new(memory.clone());
        Self { memory, system, expiring: Expiring::default(), system_revision: Revision(0) }
    }
}

impl Shared {
    /// With what is derived from the log so far.
    pub(crate) fn new(options: &Options, state: State, log: LogReader, decisions: DecisionReader) -> Self {
        let State { memory, system, expiring, system_revision } = state;
        Self {
            limits: options.limits,
            now: Now::new(options.clock.clone()),
            system,
            expiring,
            writes: Writes::new(options.write_queue),
            records: Records::new(options.record_queue),
            log,
            decisions,
            kept_revisions: options.kept_revisions,
            memory,
            system_revision: AtomicU64::new(system_revision.0),
            mint: Mint::default(),
        }
    }

    /// An id of 26 digits and upper-case letters that sorts behind all that were made before.
    pub(crate) fn mint_sortable<T>(&self, new: impl Fn(String) -> Option<T>) -> T {
        mint::sortable(self.mint.uuid(self.now.read()).as_u128(), new)
    }

    /// A prefix and a UUIDv7 of this moment.
    pub(crate) fn mint_id<T>(&self, prefix: &str, new: impl Fn(String) -> Option<T>) -> T {
        mint::named(self.mint.uuid(self.now.read()), |uuid| new(format!("{prefix}{uuid}")))
    }

    /// The name of a decision at this moment.
    pub(crate) fn mint_decision_id(&self, time: Timestamp) -> DecisionId {
        mint::named(self.mint.uuid(time), |uuid| DecisionId::new(uuid))
    }

    /// Only the writer asks, so reading and adding need not be one step.
    pub(crate) fn next_system_revision(&self) -> Revision {
        Revision(self.system_revision.fetch_add(1, Ordering::SeqCst) + 1)
    }

    pub(crate) fn system_revision(&self) -> Revision {
        Revision(self.system_revision.load(Ordering::SeqCst))
    }

    /// Found in the log.
    pub(crate) fn system_revision_is(&self, revision: Revision) {
        self.system_revision.store(revision.0, Ordering::SeqCst);
    }

    /// Lets the index forget what lies further back than the kept window. Once in a while: forgetting looks at all that
    /// ended, so between one and two windows are kept.
    pub(crate) fn collect(&self, tenant: &Tenant, head: Revision) {
        let behind = head.0.saturating_sub(tenant.index.horizon().0);
        let horizon = tenant.forgettable(Revision(head.0.saturating_sub(self.kept_revisions)));
        if behind >= self.kept_revisions.saturating_mul(2).max(1) && horizon > tenant.index.horizon() {
            tenant.index.collect(horizon);
        }
    }
}

/// Set once, by the first failure, and never taken back: what is on disk is known again only after a recovery.
#[derive(Debug, Default)]
pub(crate) struct Latch(OnceLock<String>);

impl Latch {
    pub(crate) fn set(&self, reason: &str) {
        let _ = self.0.set(reason.to_owned());
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.0.get().cloned()
    }

    pub(crate) fn condition(&self) -> crate::Condition {
        match self.0.get() {
            None => crate::Condition::Working,
            Some(reason) => crate::Condition::Stopped(reason.clone()),
        }
    }
}
