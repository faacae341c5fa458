mod access;
mod approvals;
mod asking;
mod models;
mod stats;
mod tenants;
mod watching;
mod writing;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use prokura_model::{Change, DelegationId, EndorsementId, Key, TaskId, TenantName, Timestamp, encode_changes};
use prokura_store::{DecisionLog, Disk, Entry, FolderDisk, Log};

use crate::{
    AskError, Health, OpenError, Options,
    checkpoint::Checkpoints,
    consistency,
    key::Keys,
    limits::BATCH_RECORDS_MAX,
    recorder,
    recovery::{self, Opened, Replayed},
    shared::{Shared, State},
    tenant::Tenant,
    writer,
};

pub use models::TupleChangesPlace;
pub use stats::StoreStats;

const RECORDER: &str = "prokura-recorder";

/// The door to everything that is written and decided. Cloning it is cheap; the last clone to go closes it.
#[derive(Clone)]
pub struct Authority(Arc<Open>);

struct Open {
    shared: Arc<Shared>,
    /// In the order in which they must end: whoever writes first.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Authority {
    /// Opens the authority kept in this folder, which is made if it is not there. One process at a time opens a folder.
    ///
    /// Everything is read back and verified, so the time this takes grows with what was written and decided;
    /// [`Options::progress`] is told how far it is. What a checkpoint in the folder stands for need not be taken in again.
    ///
    /// # Errors
    /// The folder is in use, cannot be used, or is damaged; then nothing was changed.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        let disk =
            FolderDisk::new(folder).map_err(|error| OpenError::Io(format!("`{}`: {error}", folder.display())))?;
        Self::open_on(Arc::new(disk), options)
    }

    /// An authority that keeps nothing when it is closed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "options are made for this call, as for the other ways to open")]
    pub fn in_memory(options: Options) -> Self {
        let (log, decisions) = (Log::in_memory(), DecisionLog::in_memory());
        let shared = Arc::new(Shared::new(&options, State::new(&options), log.reader(), decisions.reader()));
        let mut log = log;
        #[expect(clippy::expect_used, reason = "an empty log in memory takes one small entry")]
        make_secret(&shared, &mut log).expect("a log in memory takes an entry");
        Self::start(shared, log, decisions, Checkpoints::none())
    }

    /// Opens the authority kept on this disk, as [`open`](Self::open) does.
    ///
    /// # Errors
    /// As `open`.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for this call, as for the other ways to open")]
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, OpenError> {
        let Opened { mut log, mut decisions, loaded } = recovery::open(&disk, &options)?;
        recovery::belong_together(&log, &decisions)?;
        let (state, begun) = loaded.unzip();
        let state = state.unwrap_or_else(|| State::new(&options));
        let shared = Arc::new(Shared::new(&options, state, log.reader(), decisions.reader()));
        for time in [log.last_time(), decisions.last_time()].into_iter().flatten() {
            shared.now.not_before(time);
        }
        let Replayed { changes: tail, unrecorded } = recovery::replay(&shared, &log, begun, options.progress.as_ref())?;
        for records in unrecorded.chunks(BATCH_RECORDS_MAX) {
            decisions.append(records).map_err(|error| OpenError::Io(error.to_string()))?;
        }
        make_secret(&shared, &mut log)?;
        Ok(Self::start(shared, log, decisions, Checkpoints::on(disk, options.checkpoint_tail, tail)))
    }

    fn start(shared: Arc<Shared>, log: Log, decisions: DecisionLog, checkpoints: Checkpoints) -> Self {
        let mut threads = Vec::new();
        let own = Arc::clone(&shared);
        let writer = thread::Builder::new().name("prokura-writer".to_owned());
        match writer.spawn(move || writer::run(&own, log, checkpoints)) {
            Ok(handle) => threads.push(handle),
            Err(error) => shared.writes.fail(&format!("the writer could not be started: {error}")),
        }
        let own = Arc::clone(&shared);
        match thread::Builder::new().name(RECORDER.to_owned()).spawn(move || recorder::run(&own, decisions)) {
            Ok(handle) => threads.push(handle),
            Err(error) => shared.records.fail(&format!("the recorder could not be started: {error}")),
        }
        Self(Arc::new(Open { shared, threads: Mutex::new(threads) }))
    }

    /// The time: the greater of the clock and the greatest time ever logged or answered.
    ///
    /// Across a restart only what was logged or recorded is remembered. A time that was merely read, by this call or for
    /// a question that is not recorded, is forgotten: a clock that is set back while the authority is closed can repeat
    /// the stretch since the last write or recorded decision, though nothing recorded in it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.shared.now.read()
    }

    /// Whether it can do its work.
    #[must_use]
    pub fn health(&self) -> Health {
        let Shared { writes, records, .. } = &*self.0.shared;
        Health {
            writes: writes.latch.condition(),
            records: records.latch.condition(),
            writes_waiting: writes.waiting(),
            records_waiting: records.waiting(),
        }
    }

    /// Its tenants, by name; `default` is always there.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantName> {
        self.0.shared.system.tenants().iter().map(|tenant| tenant.name.clone()).collect()
    }
    /// A new name for a task: `t-` and a UUIDv7.
    #[must_use]
    pub fn mint_task_id(&self) -> TaskId {
        self.0.shared.mint_id("t-", TaskId::new)
    }

    /// A new name for a delegation: `d-` and a UUIDv7.
    #[must_use]
    pub fn mint_delegation_id(&self) -> DelegationId {
        self.0.shared.mint_id("d-", DelegationId::new)
    }

    /// A new name for an endorsement: `e-` and a UUIDv7.
    #[must_use]
    pub fn mint_endorsement_id(&self) -> EndorsementId {
        self.0.shared.mint_id("e-", EndorsementId::new)
    }

    /// All keys, oldest first, revoked ones included.
    #[must_use]
    pub fn keys(&self) -> Vec<Arc<Key>> {
        self.0.shared.system.keys(Keys::all)
    }

    /// The key whose secret this is, if there is one and it is not revoked.
    #[must_use]
    pub fn authenticate(&self, presented: &str) -> Option<Arc<Key>> {
        self.0.shared.system.keys(|keys| keys.authenticate(presented))
    }

    /// Finishes what is waiting and closes, for every clone. From then on nothing is written or decided.
    pub fn close(self) {
        self.0.close();
    }

    fn asked(&self, tenant: &TenantName) -> Result<Arc<Tenant>, AskError> {
        self.0.shared.system.tenant(tenant).ok_or_else(|| AskError::TenantUnknown(tenant.clone()))
    }
}

impl Open {
    /// What waits to be written is written first: it may still be asked for, and that is recorded; and what it is itself,
    /// if it is a decision that takes something.
    fn close(&self) {
        self.shared.writes.close();
        for tenant in self.shared.system.tenants() {
            tenant.watchers.close();
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let own = thread::current().id();
        // What a subscriber held may be the last clone, and go on the writer's own thread, which cannot wait for itself.
        for thread in threads.drain(..).filter(|thread| thread.thread().id() != own) {
            if thread.thread().name() == Some(RECORDER) {
                self.shared.records.close();
            }
            // A thread that met a bug has said so in the health, and there is nobody left to tell.
            let _ = thread.join();
        }
        self.shared.records.close();
    }
}

/// Whether it is well; what it holds would fill pages.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("tenants", &self.tenants())
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the secret of the store if it has none, which is so at its first start.
fn make_secret(shared: &Shared, log: &mut Log) -> Result<(), OpenError> {
    if shared.system.made_secret().is_some() {
        return Ok(());
    }
    let changes = vec![Change::SecretMade(consistency::mint_secret())];
    let time = shared.now.read();
    let entry = Entry {
        tenant: shared.system.name.clone(),
        revision: shared.next_system_revision(),
        time,
        author: "prokura".to_owned(),
        reason: "the first start".to_owned(),
        request_id: None,
        payload: encode_changes(&changes),
    };
    log.append(std::slice::from_ref(&entry)).map_err(|error| OpenError::Io(error.to_string()))?;
    shared.system.take(&changes, time).map_err(OpenError::Io)
}
