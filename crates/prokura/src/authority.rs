use std::{path::Path, sync::Arc};

use prokura_engine::{Decision, Explanation, Question};
use prokura_model::{
    Change, DecisionId, DecisionRecord, DelegationId, Key, KeyId, KeyRole, KeyScope, Revision, TaskId, TenantName,
    Timestamp, Transaction,
};

use crate::{
    Applied, ApplyMode, AskError, Asked, DecideError, Decided, DecisionFilter, DecisionPage, Declaration, Health,
    NewKey, OpenError, Options, Page, Provenance, Receipt, Snapshot, WriteError,
};

/// The door to everything that is written and decided. Cloning it is cheap; the last clone to go closes it.
#[derive(Clone, Debug)]
pub struct Authority(Arc<Inner>);

#[derive(Debug)]
struct Inner;

impl Authority {
    /// Opens the authority kept in this folder, which is made if it is not there. One process at a time opens a folder.
    ///
    /// # Errors
    /// The folder is in use, cannot be used, or is damaged; then nothing was changed.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        let _ = (folder, options);
        Err(OpenError::Io("not yet".to_owned()))
    }

    /// An authority that keeps nothing when it is closed.
    #[must_use]
    pub fn in_memory(options: Options) -> Self {
        let _ = options;
        Self(Arc::new(Inner))
    }

    /// The time: the greater of the clock and the greatest time ever logged or answered, restarts included.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    /// Whether it can do its work.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            writes: crate::Condition::Working,
            records: crate::Condition::Working,
            writes_waiting: 0,
            records_waiting: 0,
        }
    }

    /// Its tenants, by name; `default` is always there.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantName> {
        Vec::new()
    }

    /// Begins a tenant.
    ///
    /// # Errors
    /// The name is taken or reserved, or the write failed.
    pub fn create_tenant(&self, tenant: &TenantName, provenance: Provenance) -> Result<Receipt, WriteError> {
        let _ = (tenant, provenance);
        Err(WriteError::Closed)
    }

    /// The tenant's state as of now: everything acknowledged so far, and nothing that comes later.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn snapshot(&self, tenant: &TenantName) -> Result<Snapshot, AskError> {
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// The tenant's state at an earlier revision.
    ///
    /// # Errors
    /// There is no such tenant, or the revision is not kept.
    pub fn snapshot_at(&self, tenant: &TenantName, revision: Revision) -> Result<Snapshot, AskError> {
        let _ = revision;
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// Writes the changes in one transaction, all or none. When it returns, they are on disk and every later question
    /// sees them.
    ///
    /// Of what is passed, the authority sets itself: a task's `opened_at`, and the time of a revocation. Touching a
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
        let _ = (tenant, provenance, changes);
        Err(WriteError::Closed)
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
        let _ = (tenant, provenance, declaration, mode);
        Err(WriteError::Closed)
    }

    /// The first transaction with this request id, while it is remembered: what a repeated request did.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction_of_request(
        &self,
        tenant: &TenantName,
        request_id: &str,
    ) -> Result<Option<Transaction>, AskError> {
        let _ = request_id;
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// A transaction: what the revision changed, who wrote it, why and when.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Transaction>, AskError> {
        let _ = revision;
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// A new name for a task: `t-` and a UUIDv7.
    #[must_use]
    pub fn mint_task_id(&self) -> TaskId {
        let id = TaskId::new("t-0");
        assert!(id.is_some(), "not legal");
        id.unwrap_or_else(|| self.mint_task_id())
    }

    /// A new name for a delegation: `d-` and a UUIDv7.
    #[must_use]
    pub fn mint_delegation_id(&self) -> DelegationId {
        let id = DelegationId::new("d-0");
        assert!(id.is_some(), "not legal");
        id.unwrap_or_else(|| self.mint_delegation_id())
    }

    /// Decides at the head, records the decision, and answers: a question whose answer cannot be recorded is not
    /// answered. A failure to decide is recorded too.
    ///
    /// # Errors
    /// Nothing was decided, so nothing is allowed.
    pub fn decide(&self, tenant: &TenantName, question: &Question, asked: Asked) -> Result<Decided, DecideError> {
        let _ = (question, asked);
        Err(DecideError::TenantUnknown(tenant.clone()))
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
        let _ = question;
        Err(AskError::TenantUnknown(tenant.clone()))
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
        let _ = (filter, page);
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// The recorded decision of this name.
    ///
    /// # Errors
    /// There is no such tenant, or the record cannot be read.
    pub fn decision(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<DecisionRecord>, AskError> {
        let _ = id;
        Err(AskError::TenantUnknown(tenant.clone()))
    }

    /// The first admin key, for all tenants: made, or preset by the caller, if no key was ever made; otherwise none.
    ///
    /// # Errors
    /// The preset is empty, too long, or has white space or control characters; or the write failed.
    pub fn first_key(&self, preset: Option<&str>) -> Result<Option<NewKey>, WriteError> {
        let _ = preset;
        Err(WriteError::Closed)
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
        let _ = (name, role, scope, provenance);
        Err(WriteError::Closed)
    }

    /// Ends a key: it authenticates nobody from now on. Revoking a revoked key changes nothing.
    ///
    /// # Errors
    /// There is no such key, it is the last one that can administer everything, or the write failed.
    pub fn revoke_key(&self, key: &KeyId, provenance: Provenance) -> Result<Receipt, WriteError> {
        let _ = provenance;
        Err(WriteError::KeyUnknown(key.clone()))
    }

    /// All keys, oldest first, revoked ones included.
    #[must_use]
    pub fn keys(&self) -> Vec<Arc<Key>> {
        Vec::new()
    }

    /// The key whose secret this is, if there is one and it is not revoked.
    #[must_use]
    pub fn authenticate(&self, presented: &str) -> Option<Arc<Key>> {
        let _ = presented;
        None
    }

    /// Finishes what is waiting and closes, for every clone. From then on nothing is written or decided.
    pub fn close(self) {}
}
