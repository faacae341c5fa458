//! Writing: everything that the writer does for others.

use std::sync::Arc;

use prokura_model::{Change, KeyId, KeyRole, KeyScope, Relationship, TenantName, Terms};

use super::Authority;
use crate::{
    Applied, ApplyMode, AskError, By, Declaration, DeleteRelationships, Deleted, ImportError, ImportFault, Imported,
    NewKey, OffBoard, OffBoarded, OffBoarding, Operation, Provenance, Receipt, RelationshipUpdate, RelationshipWrite,
    Secret, WriteError,
    import::Gathered,
    key,
    tenant::Tenant,
    writer::{Work, Written},
};

impl Authority {
    /// Begins a tenant.
    ///
    /// # Errors
    /// The name is taken or reserved, or the write failed.
    pub fn create_tenant(&self, tenant: &TenantName, provenance: Provenance) -> Result<Receipt, WriteError> {
        self.written(Work::Tenant(tenant.clone()), provenance)
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
        self.written(Work::Changes { tenant, by: None, changes }, provenance)
    }

    /// The same for somebody who is no administrator: opens and closes tasks, makes and revokes delegations and endorsements,
    /// if the state says that this one may, at this moment. Each change is judged by the state before the transaction.
    ///
    /// # Errors
    /// It may not make one of the changes, or may not know of what it names; and as `write`.
    pub fn write_by(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        by: By,
        changes: Vec<Change>,
    ) -> Result<Receipt, WriteError> {
        let tenant = self.writable(tenant)?;
        self.written(Work::Changes { tenant, by: Some(by), changes }, provenance)
    }

    /// What off-boarding the principal would come to now. Nothing is written, and nobody is kept from changing it
    /// meanwhile: whoever passes the digest to [`off_board`](Self::off_board) is told if somebody did.
    ///
    /// # Errors
    /// There is no such tenant, or the state is no longer kept.
    pub fn off_boarding(&self, tenant: &TenantName, wanted: &OffBoard) -> Result<OffBoarding, AskError> {
        self.snapshot(tenant)?.off_boarding(wanted)
    }

    /// Off-boards a principal in one transaction: it is stopped for good; its tasks are cancelled, the delegations it made
    /// or received and the endorsements by it or of it revoked, the relationships in which it is the subject removed; and
    /// what it owns is handed over, or stops until somebody owns it. Nothing of that comes back with another owner, or
    /// under another name.
    ///
    /// With the digest of a preview, it does exactly what was previewed, or nothing. Done before and with nothing left to
    /// do, it is answered with the newest revision.
    ///
    /// # Errors
    /// It comes to something else than was expected or to more than one transaction holds, somebody who is to take over
    /// may not, and nothing was written; or the write failed.
    pub fn off_board(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        wanted: OffBoard,
        expected: Option<String>,
    ) -> Result<OffBoarded, WriteError> {
        let tenant = self.writable(tenant)?;
        let work = Work::OffBoarding { tenant, wanted: Box::new(wanted), expected };
        let written = self.0.shared.writes.submit(work, provenance)?;
        match (written.off_boarding, written.receipt) {
            (Some(off_boarding), Some(receipt)) => Ok(OffBoarded { off_boarding: *off_boarding, receipt }),
            _ => Err(WriteError::Internal("an off-boarding has no receipt".to_owned())),
        }
    }

    /// Updates relationships in one transaction, all or none, if the preconditions hold in the newest state.
    ///
    /// Sent again with the same request id, it is answered with the first receipt. Without any update, metadata and request
    /// id nothing is written: then it only checks the preconditions, and answers with the newest revision.
    ///
    /// # Errors
    /// A relationship to be created exists, a precondition fails, or an update is not legal, and nothing was written; or the
    /// write failed.
    pub fn write_relationships(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        write: RelationshipWrite,
    ) -> Result<Receipt, WriteError> {
        let tenant = self.writable(tenant)?;
        self.written(Work::Relationships { tenant, write: Box::new(write) }, provenance)
    }

    /// Deletes the relationships that a filter means in one transaction, if the preconditions hold in the newest state.
    ///
    /// # Errors
    /// There are more than the limit and a part of them is not wanted, a precondition fails, or the filter is empty, and
    /// nothing was written; or the write failed.
    pub fn delete_relationships(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        delete: DeleteRelationships,
    ) -> Result<Deleted, WriteError> {
        let tenant = self.writable(tenant)?;
        let work = Work::Deletion { tenant, delete: Box::new(delete) };
        let written = self.0.shared.writes.submit(work, provenance)?;
        written.deleted.ok_or_else(|| WriteError::Internal("a deletion was accepted, but not made".to_owned()))
    }

    /// Creates relationships, as many as come, in transactions of at most
    /// [`IMPORT_BATCH_MAX`](crate::limits::IMPORT_BATCH_MAX), and tells how many are loaded after each. Others write in
    /// between.
    ///
    /// With a request id, each transaction has that id and its number (`nightly/1`, `nightly/2`, …): the same import sent
    /// again goes on where it stopped.
    ///
    /// # Errors
    /// A relationship exists already or is not legal, the source fails, or a write does. What was loaded before stays, and
    /// the error says how much that is.
    pub fn import<E>(
        &self,
        tenant: &TenantName,
        provenance: &Provenance,
        relationships: impl IntoIterator<Item = Result<(Relationship, Terms), E>>,
        mut progress: impl FnMut(u64),
    ) -> Result<Imported, ImportError<E>> {
        let mut done = Imported::default();
        let mut gathered = Gathered::default();
        let mut source = relationships.into_iter();
        loop {
            let next = match source.next().transpose() {
                Ok(next) => next,
                Err(error) => return Err(ImportError { before: done, cause: ImportFault::Source(error) }),
            };
            let ended = next.is_none();
            if let Some((relationship, terms)) = next {
                gathered.add(relationship, terms);
            }
            if gathered.is_full() || (ended && !gathered.relationships.is_empty()) {
                let batch = std::mem::take(&mut gathered).relationships;
                self.import_batch(tenant, provenance, batch, &mut done)
                    .map_err(|error| ImportError { before: done, cause: ImportFault::Write(Box::new(error)) })?;
                progress(done.loaded);
            }
            if ended {
                return Ok(done);
            }
        }
    }

    fn import_batch(
        &self,
        tenant: &TenantName,
        provenance: &Provenance,
        batch: Vec<(Relationship, Terms)>,
        done: &mut Imported,
    ) -> Result<(), WriteError> {
        let mut provenance = provenance.clone();
        if let Some(request_id) = &mut provenance.request_id {
            *request_id = format!("{request_id}/{}", done.transactions + 1);
        }
        let loaded = batch.len() as u64;
        let updates = batch.into_iter().map(|(relationship, terms)| RelationshipUpdate {
            operation: Operation::Create,
            relationship,
            terms,
        });
        let write = RelationshipWrite { updates: updates.collect(), ..RelationshipWrite::default() };
        done.last = Some(self.write_relationships(tenant, provenance, write)?);
        done.loaded += loaded;
        done.transactions += 1;
        Ok(())
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

    pub(super) fn writable(&self, tenant: &TenantName) -> Result<Arc<Tenant>, WriteError> {
        let system = &self.0.shared.system;
        if *tenant == system.name {
            return Err(WriteError::TenantReserved(tenant.clone()));
        }
        system.tenant(tenant).ok_or_else(|| WriteError::TenantUnknown(tenant.clone()))
    }

    pub(super) fn written(&self, work: Work, provenance: Provenance) -> Result<Receipt, WriteError> {
        let written = self.0.shared.writes.submit(work, provenance)?;
        written.receipt.ok_or_else(|| WriteError::Internal("a write was accepted, but not made".to_owned()))
    }
}
