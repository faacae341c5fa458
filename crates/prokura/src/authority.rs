use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use prokura_engine::{Decision, Explanation, Question};
use prokura_model::{
    Change, DecisionId, DecisionRecord, DelegationId, Key, KeyId, KeyRole, KeyScope, Revision, TaskId, TenantName,
    Timestamp, Transaction, decode_changes,
};
use prokura_store::{DecisionLog, Disk, Entry, FolderDisk, Log};

use crate::{
    Applied, ApplyMode, AskError, Asked, DecideError, Decided, DecisionFilter, DecisionPage, Declaration, Health,
    NewKey, OpenError, Options, Page, Placed, Provenance, Receipt, Secret, Snapshot, Unrecorded, WriteError, decide,
    key::{self, Keys},
    mint, record, recorder, recovery,
    shared::Shared,
    tenant::Tenant,
    writer::{self, Work, Written},
};

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
    /// [`Options::progress`] is told how far it is.
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
        let shared = Arc::new(Shared::new(&options, log.reader(), decisions.reader()));
        Self::start(shared, log, decisions)
    }

    /// Opens the authority kept on this disk, as [`open`](Self::open) does.
    ///
    /// # Errors
    /// As `open`.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for this call, as for the other ways to open")]
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, OpenError> {
        let log = Log::open_on(Arc::clone(&disk))?;
        let decisions = DecisionLog::open_on(disk)?;
        recovery::belong_together(&log, &decisions)?;
        let shared = Arc::new(Shared::new(&options, log.reader(), decisions.reader()));
        for time in [log.last_time(), decisions.last_time()].into_iter().flatten() {
            shared.now.not_before(time);
        }
        recovery::replay(&shared, &log, options.progress.as_ref())?;
        Ok(Self::start(shared, log, decisions))
    }

    fn start(shared: Arc<Shared>, log: Log, decisions: DecisionLog) -> Self {
        let mut threads = Vec::new();
        let own = Arc::clone(&shared);
        match thread::Builder::new().name("prokura-writer".to_owned()).spawn(move || writer::run(&own, log)) {
            Ok(handle) => threads.push(handle),
            Err(error) => shared.writes.fail(&format!("the writer could not be started: {error}")),
        }
        let own = Arc::clone(&shared);
        match thread::Builder::new().name("prokura-recorder".to_owned()).spawn(move || recorder::run(&own, decisions)) {
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

    /// Begins a tenant.
    ///
    /// # Errors
    /// The name is taken or reserved, or the write failed.
    pub fn create_tenant(&self, tenant: &TenantName, provenance: Provenance) -> Result<Receipt, WriteError> {
        self.written(Work::Tenant(tenant.clone()), provenance)
    }

    /// The tenant's state as of now: everything acknowledged so far, and nothing that comes later.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn snapshot(&self, tenant: &TenantName) -> Result<Snapshot, AskError> {
        Ok(Snapshot::at_head(self.asked(tenant)?, self.0.shared.limits))
    }

    /// The tenant's state at an earlier revision.
    ///
    /// # Errors
    /// There is no such tenant, or the revision is not kept.
    pub fn snapshot_at(&self, tenant: &TenantName, revision: Revision) -> Result<Snapshot, AskError> {
        Snapshot::at(self.asked(tenant)?, revision, self.0.shared.limits)
    }

    /// Writes the changes in one transaction, all or none. When it returns, they are on disk and every later question
    /// sees them.
    ///
    /// Of what is passed, the authority sets itself: a task's `opened_at`, the time of a revocation, and whether a
    /// principal is declared, which stays as it is. Touching a
    /// relationship that exists, deleting one that does not, and revoking a delegation that is revoked are not errors.
    ///
    /// # Errors
    /// A change is not legal in the latest state, and nothing was written; or the write failed.
    pub fn write(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        changes: Vec<Change>,
    ) -> Result<Receipt, WriteError> {
        let tenant = self.writable(tenant)?;
        self.written(Work::Changes { tenant, changes }, provenance)
    }

    /// Makes what is there equal to what is declared, in one transaction.
    ///
    /// # Errors
    /// Something declared is not legal or contradicts what cannot change, and nothing was written; or the write failed.
    pub fn apply(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        declaration: &Declaration,
        mode: ApplyMode,
    ) -> Result<Applied, WriteError> {
        let tenant = self.writable(tenant)?;
        let work = Work::Declaration { tenant, declaration: Box::new(declaration.clone()), mode };
        let Written { difference, notes, receipt, .. } = self.0.shared.writes.submit(work, provenance)?;
        Ok(Applied { difference, notes, receipt })
    }

    /// The first transaction of this author with this request id, while it is remembered: what a repeated request did.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction_of_request(
        &self,
        tenant: &TenantName,
        author: &str,
        request_id: &str,
    ) -> Result<Option<Transaction>, AskError> {
        let done = self.asked(tenant)?.requests().done(author, request_id);
        match done {
            Some(done) => self.transaction(tenant, done.receipt.revision),
            None => Ok(None),
        }
    }

    /// A transaction: what the revision changed, who wrote it, why and when.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Transaction>, AskError> {
        let published = self.asked(tenant)?.index.published();
        // What is in the log but not published is not acknowledged either.
        if revision > published {
            return Ok(None);
        }
        let Some(entry) = self.0.shared.log.entry(tenant, revision)? else {
            return Ok(None);
        };
        let changes = decode_changes(&entry.payload)?;
        let Entry { revision, time, author, reason, request_id, .. } = entry;
        Ok(Some(Transaction { revision, time, author, reason, request_id, changes }))
    }

    /// A new name for a task: `t-` and a UUIDv7.
    #[must_use]
    pub fn mint_task_id(&self) -> TaskId {
        mint::id("t-", self.now(), TaskId::new)
    }

    /// A new name for a delegation: `d-` and a UUIDv7.
    #[must_use]
    pub fn mint_delegation_id(&self) -> DelegationId {
        mint::id("d-", self.now(), DelegationId::new)
    }

    /// Decides at the head, records the decision, and answers: a question whose answer cannot be recorded is not
    /// answered. A failure to decide is recorded too.
    ///
    /// # Errors
    /// Nothing was decided, so nothing is allowed.
    pub fn decide(&self, tenant: &TenantName, question: &Question, asked: Asked) -> Result<Decided, DecideError> {
        decide::decide(&self.0.shared, tenant, question, asked)
    }

    /// The same as [`decide`](Self::decide) for callers that must not be kept waiting: if there is no place to record the
    /// decision at once, it is not given, and comes back as what waits for one.
    ///
    /// # Errors
    /// As `decide`.
    pub fn decide_at_once(
        &self,
        tenant: &TenantName,
        question: &Question,
        asked: Asked,
    ) -> Result<Placed, DecideError> {
        decide::decide_at_once(&self.0.shared, tenant, question, asked)
    }

    /// Waits until the decision has a place in the record, and answers it then.
    ///
    /// # Errors
    /// As `decide`.
    pub fn decide_waiting(&self, unrecorded: Unrecorded) -> Result<Decided, DecideError> {
        unrecorded.put_in_line(&self.0.shared)
    }

    /// What would be decided now, and why: a preview that is not recorded and must not be enforced.
    ///
    /// # Errors
    /// There is no such tenant, or the engine could not decide.
    pub fn explain(
        &self,
        tenant: &TenantName,
        question: &Question,
    ) -> Result<(Decision, Option<Explanation>), AskError> {
        let tenant = self.asked(tenant)?;
        let Shared { now, limits, .. } = &*self.0.shared;
        let now = now.read();
        Ok(tenant.at_head(|view| view.explain_decision(question, now, limits)).1?)
    }

    /// Recorded decisions, newest first; every decision answered before the call is among them.
    ///
    /// # Errors
    /// There is no such tenant, the page is not legal, or the record cannot be read.
    pub fn decisions(
        &self,
        tenant: &TenantName,
        filter: &DecisionFilter,
        page: &Page,
    ) -> Result<DecisionPage, AskError> {
        self.asked(tenant)?;
        record::decisions(&self.0.shared, tenant, filter, page)
    }

    /// The recorded decision of this name.
    ///
    /// # Errors
    /// There is no such tenant, or the record cannot be read.
    pub fn decision(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<DecisionRecord>, AskError> {
        self.asked(tenant)?;
        record::decision(&self.0.shared, tenant, id)
    }

    /// The first admin key, for all tenants: made, or preset by the caller, if no key was ever made; otherwise none.
    ///
    /// # Errors
    /// The preset is empty, too long, or has white space, control characters or others than ASCII; or the write failed.
    pub fn first_key(&self, preset: Option<&str>) -> Result<Option<NewKey>, WriteError> {
        let secret = preset.map_or_else(|| Ok(Secret::mint()), Secret::preset)?;
        let key = key::draft("first admin key", &secret, KeyRole::Admin, KeyScope::AllTenants)?;
        let provenance = Provenance::new("prokura", "the first start");
        let written = self.0.shared.writes.submit(Work::Key { key, only_first: true }, provenance)?;
        Ok(written.key.map(|key| NewKey { key, secret }))
    }

    /// Makes a key. Its secret can be read from the answer and never again.
    ///
    /// # Errors
    /// The name is not legal, the scope names no tenant, or the write failed.
    pub fn create_key(
        &self,
        name: &str,
        role: KeyRole,
        scope: KeyScope,
        provenance: Provenance,
    ) -> Result<NewKey, WriteError> {
        let secret = Secret::mint();
        let key = key::draft(name, &secret, role, scope)?;
        let written = self.0.shared.writes.submit(Work::Key { key, only_first: false }, provenance)?;
        match written.key {
            Some(key) => Ok(NewKey { key, secret }),
            None => Err(WriteError::Internal("a key was accepted, but not made".to_owned())),
        }
    }

    /// Ends a key: it authenticates nobody from now on. Revoking a revoked key changes nothing.
    ///
    /// # Errors
    /// There is no such key, it is the last one that can administer everything, or the write failed.
    pub fn revoke_key(&self, key: &KeyId, provenance: Provenance) -> Result<Receipt, WriteError> {
        self.written(Work::KeyRevoked(key.clone()), provenance)
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

    fn writable(&self, tenant: &TenantName) -> Result<Arc<Tenant>, WriteError> {
        let system = &self.0.shared.system;
        if *tenant == system.name {
            return Err(WriteError::TenantReserved(tenant.clone()));
        }
        system.tenant(tenant).ok_or_else(|| WriteError::TenantUnknown(tenant.clone()))
    }

    fn written(&self, work: Work, provenance: Provenance) -> Result<Receipt, WriteError> {
        let written = self.0.shared.writes.submit(work, provenance)?;
        written.receipt.ok_or_else(|| WriteError::Internal("a write was accepted, but not made".to_owned()))
    }
}

impl Open {
    /// What waits to be written is written first: it may still be asked for, and that is recorded.
    fn close(&self) {
        self.shared.writes.close();
        self.shared.records.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that met a bug has said so in the health, and there is nobody left to tell.
            let _ = thread.join();
        }
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
