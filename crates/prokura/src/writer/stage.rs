use std::sync::Arc;

use prokura_engine::ApplyError;
use prokura_model::{
    Change, Key, KeyId, KeyScope, TenantName, Timestamp, Transaction, encode_changes, limits::SENTENCE_BYTES_MAX,
};
use prokura_store::{Entry, Record};

use super::{
    Work, Written, access, approval,
    consume::{stage_consuming, stage_settlement},
    declare::difference,
    models, off_boarding,
    relationships::{stage_deletion, stage_write},
    rights,
    validate::{validate, within},
};
use crate::{
    ApplyMode, By, Declaration, Deleted, OffBoarding, Provenance, Receipt, WriteError,
    limits::{AUTHOR_BYTES_MAX, KEYS_MAX, REQUEST_ID_BYTES_MAX, TRANSACTION_BYTES_MAX},
    rights::Rights,
    shared::Shared,
    tenant::{Done, Tenant, WorkDigest},
};

/// A write that is legal and in the index, but neither durable nor visible.
#[derive(Default)]
pub(super) struct Staged {
    /// What goes to the log; none when there is nothing to write.
    pub(super) entry: Option<Entry>,
    /// Whose revision is to be published; none for the system's own log.
    pub(super) tenant: Option<Arc<Tenant>>,
    /// How many changes that are.
    pub(super) count: u64,
    /// What changes in the system's own registers.
    pub(super) changes: Vec<Change>,
    /// The record of the decision that it is, if it is one.
    pub(super) record: Option<Record>,
    /// The answer once it is durable.
    pub(super) written: Written,
}

pub(super) fn check_provenance(provenance: &Provenance) -> Result<(), WriteError> {
    let invalid = |text: &str| Err(WriteError::ProvenanceInvalid(text.to_owned()));
    if provenance.author.is_empty() || provenance.author.chars().any(char::is_control) {
        return invalid("a write has an author, without control characters");
    }
    within("bytes of an author", AUTHOR_BYTES_MAX, provenance.author.len())?;
    within("bytes of a reason", SENTENCE_BYTES_MAX, provenance.reason.len())?;
    if provenance.reason.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return invalid("a reason has no control characters but line breaks and tabs");
    }
    let Some(request_id) = &provenance.request_id else {
        return Ok(());
    };
    if request_id.is_empty() || request_id.chars().any(char::is_control) {
        return invalid("a request id is not empty and has no control characters; leave it out if there is none");
    }
    within("bytes of a request id", REQUEST_ID_BYTES_MAX, request_id.len())
}

pub(super) fn stage(shared: &Shared, work: Work, provenance: Provenance) -> Result<Staged, WriteError> {
    // It may have ended while the write waited.
    if let Some(tenant) = work.tenant().filter(|tenant| shared.system.tenant(&tenant.name).is_none()) {
        return Err(WriteError::TenantUnknown(tenant.name.clone()));
    }
    match work {
        Work::Changes { tenant, by, changes } => stage_changes(shared, tenant, provenance, by, changes),
        Work::Declaration { tenant, declaration, mode } => {
            stage_declaration(shared, tenant, provenance, &declaration, mode)
        }
        Work::Model { tenant, model } => models::stage_model(shared, tenant, provenance, *model),
        Work::Assertions { tenant, model, assertions } => {
            models::stage_assertions(shared, tenant, provenance, model, assertions)
        }
        Work::Tuples { tenant, write } => models::stage_tuples(shared, tenant, provenance, *write),
        Work::NamedTenant(work) => models::stage_named_tenant(shared, provenance, work),
        Work::Relationships { tenant, write } => stage_write(shared, tenant, provenance, *write),
        Work::Deletion { tenant, delete } => stage_deletion(shared, tenant, provenance, *delete),
        Work::OffBoarding { tenant, wanted, expected } => {
            off_boarding::stage(shared, tenant, provenance, &wanted, expected.as_deref())
        }
        Work::Access { tenant, step } => access::stage_access(shared, tenant, provenance, *step),
        Work::Approval { tenant, step } => approval::stage_approval(shared, tenant, provenance, *step),
        Work::Consuming { tenant, consuming } => stage_consuming(shared, tenant, provenance, &consuming),
        Work::Settlement { tenant, settlement } => stage_settlement(shared, tenant, provenance, &settlement),
        Work::Tenant(name) => stage_tenant(shared, provenance, name),
        Work::Key { key, only_first } => stage_key(shared, provenance, key, only_first),
        Work::KeyRevoked(id) => stage_key_revoked(shared, provenance, id),
    }
}

impl Work {
    /// Whose log it goes to; none for the system's own.
    fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::Changes { tenant, .. }
            | Self::Declaration { tenant, .. }
            | Self::Model { tenant, .. }
            | Self::Assertions { tenant, .. }
            | Self::Tuples { tenant, .. }
            | Self::Relationships { tenant, .. }
            | Self::Access { tenant, .. }
            | Self::Approval { tenant, .. }
            | Self::Deletion { tenant, .. }
            | Self::OffBoarding { tenant, .. }
            | Self::Consuming { tenant, .. }
            | Self::Settlement { tenant, .. } => Some(tenant),
            Self::Tenant(_) | Self::NamedTenant(_) | Self::Key { .. } | Self::KeyRevoked(_) => None,
        }
    }
}

fn stage_changes(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    by: Option<By>,
    mut changes: Vec<Change>,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of(&changes));
    if changes
        .iter()
        .any(|change| matches!(change, Change::WorkDigested(_) | Change::RequestSet(_) | Change::ApprovalSet(_)))
    {
        return Err(WriteError::ChangeReserved);
    }
    if let Some(done) = done_before(&tenant, &provenance) {
        return match digest {
            Some(digest) if digest == done.work => Ok(Staged::answered(done.receipt)),
            _ => Err(reused(&provenance, done)),
        };
    }
    let now = shared.now.read();
    if let Some(by) = by {
        rights::check(Rights::of(by, (tenant.index.view_applied(), &tenant), now, &shared.limits), &changes)?;
    }
    keep_declared(&tenant, &mut changes);
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut changes)?;
    access::end_with(shared, &tenant, now, &mut changes, digest)?;
    into_index(shared, tenant, provenance, now, changes, digest)
}

/// Who suspends a principal by hand does not take it away from the files it was declared in.
fn keep_declared(tenant: &Tenant, changes: &mut [Change]) {
    let view = tenant.index.view_applied();
    for change in changes {
        if let Change::PrincipalSet(principal) = change {
            principal.declared = view.principal(&principal.object).is_some_and(|there| there.declared);
        }
    }
}

fn stage_declaration(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    declaration: &Declaration,
    mode: ApplyMode,
) -> Result<Staged, WriteError> {
    let now = shared.now.read();
    let found = difference(&tenant.index.view_applied(), declaration, mode.prune, now)?;
    let done = done_before(&tenant, &provenance);
    let mut written = Written { difference: found.difference, notes: found.notes, ..Written::default() };
    let mut changes: Vec<Change> = written.difference.iter().map(|difference| difference.change.clone()).collect();
    if changes.is_empty() {
        // Sent again, it finds everything as declared; what it did the first time is what made it so.
        written.receipt = done.filter(|_| !mode.dry_run).map(|done| done.receipt);
        return Ok(Staged { written, ..Staged::default() });
    }
    if let Some(done) = done.filter(|_| !mode.dry_run) {
        return Err(reused(&provenance, done));
    }
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut changes)?;
    if mode.dry_run {
        encoded(&changes)?;
        return Ok(Staged { written, ..Staged::default() });
    }
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of(&changes));
    access::end_with(shared, &tenant, now, &mut changes, digest)?;
    let mut staged = into_index(shared, tenant, provenance, now, changes, digest)?;
    written.receipt = staged.written.receipt;
    staged.written = written;
    Ok(staged)
}

pub(super) fn into_index(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    time: Timestamp,
    changes: Vec<Change>,
    digest: Option<WorkDigest>,
) -> Result<Staged, WriteError> {
    let payload = encoded(&changes)?;
    let revision = tenant.index.applied().next();
    let Provenance { author, reason, request_id } = provenance;
    let transaction = Transaction { revision, time, author, reason, request_id, changes };
    let noted = shared.expiring.note(&tenant, &transaction.changes);
    tenant.index.apply(&transaction).map_err(|error| match error {
        ApplyError::TooManyNames { what, limit } => WriteError::LimitExceeded { what, max: limit, found: limit + 1 },
        ApplyError::GraphFull => WriteError::MemoryFull(shared.memory.max().unwrap_or(u64::MAX)),
        other => WriteError::Internal(other.to_string()),
    })?;
    shared.expiring.take(noted);
    tenant.open_requests.note(&transaction.changes);
    tenant.open_approvals.note(&transaction.changes);
    tenant.parts.note(&transaction.changes);
    let receipt = Receipt { revision, time };
    if let (Some(request_id), Some(work)) = (&transaction.request_id, digest) {
        let done = Done { work, ..Done::of(&transaction.changes, receipt) };
        tenant.requests().remember(&transaction.author, request_id, done);
    }
    let Transaction { author, reason, request_id, changes, .. } = transaction;
    let name = tenant.name.clone();
    Ok(Staged {
        entry: Some(Entry { tenant: name, revision, time, author, reason, request_id, payload }),
        count: changes.len() as u64,
        tenant: Some(tenant),
        ..Staged::answered(receipt)
    })
}

fn stage_tenant(shared: &Shared, provenance: Provenance, name: TenantName) -> Result<Staged, WriteError> {
    models::check_new(shared, &name)?;
    into_system(shared, provenance, |_| vec![Change::TenantCreated(name)])
}

fn stage_key(shared: &Shared, provenance: Provenance, key: Key, only_first: bool) -> Result<Staged, WriteError> {
    let (keys, taken) = shared.system.keys(|keys| (keys.len(), keys.has_digest(&key.digest)));
    if only_first && keys > 0 {
        return Ok(Staged::default());
    }
    if taken {
        return Err(WriteError::KeyInvalid("there is a key with this secret already".to_owned()));
    }
    within("keys", KEYS_MAX, keys + 1)?;
    if let KeyScope::Tenant(name) = &key.scope
        && shared.system.tenant(name).is_none()
    {
        return Err(WriteError::TenantUnknown(name.clone()));
    }
    let mut made = None;
    let mut staged = into_system(shared, provenance, |now| {
        let key = Key { created_at: now, revoked_at: None, ..key };
        made = Some(key.clone());
        vec![Change::KeyCreated(key)]
    })?;
    staged.written.key = made;
    Ok(staged)
}

fn stage_key_revoked(shared: &Shared, provenance: Provenance, id: KeyId) -> Result<Staged, WriteError> {
    let (known, last) = shared.system.keys(|keys| (keys.key(&id).is_some(), keys.is_last_admin(&id)));
    if !known {
        return Err(WriteError::KeyUnknown(id));
    }
    if last {
        return Err(WriteError::KeyLastAdmin(id));
    }
    into_system(shared, provenance, |_| vec![Change::KeyRevoked(id)])
}

pub(super) fn into_system(
    shared: &Shared,
    provenance: Provenance,
    changes: impl FnOnce(Timestamp) -> Vec<Change>,
) -> Result<Staged, WriteError> {
    let time = shared.now.read();
    let changes = changes(time);
    let payload = encoded(&changes)?;
    let revision = shared.next_system_revision();
    let Provenance { author, reason, request_id } = provenance;
    let tenant = shared.system.name.clone();
    Ok(Staged {
        entry: Some(Entry { tenant, revision, time, author, reason, request_id, payload }),
        count: changes.len() as u64,
        changes,
        ..Staged::answered(Receipt { revision, time })
    })
}

fn encoded(changes: &[Change]) -> Result<Vec<u8>, WriteError> {
    let payload = encode_changes(changes);
    within("bytes of a transaction", TRANSACTION_BYTES_MAX, payload.len())?;
    Ok(payload)
}

pub(super) fn done_before(tenant: &Tenant, provenance: &Provenance) -> Option<Done> {
    let request_id = provenance.request_id.as_deref()?;
    tenant.requests().done(&provenance.author, request_id)
}

pub(super) fn reused(provenance: &Provenance, done: Done) -> WriteError {
    let request_id = provenance.request_id.clone().unwrap_or_default();
    WriteError::RequestIdReused { request_id, revision: done.receipt.revision }
}

impl Staged {
    pub(super) fn answered(receipt: Receipt) -> Self {
        Self { written: Written { receipt: Some(receipt), ..Written::default() }, ..Self::default() }
    }

    pub(super) fn with_off_boarding(mut self, off_boarding: OffBoarding) -> Self {
        self.written.off_boarding = Some(Box::new(off_boarding));
        self
    }

    pub(super) fn with_deleted(mut self, deleted: Deleted) -> Self {
        self.written.deleted = Some(deleted);
        self
    }
}
