use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use prokura_engine::DrawError;
use prokura_model::{Change, Key, Revision, StoreSecret, TenantName, Timestamp, encode_changes};
use prokura_store::{CheckpointWriter, Disk, Log, LogPlace};

use super::{REQUEST_WORDS, kind};
use crate::{
    shared::Shared,
    tenant::{Done, Tenant, TenantDetails},
};

/// Requests in one record.
const REQUESTS_AT_ONCE: usize = 1_000;

/// How long whoever is gentle works before it rests as long.
const WORK_BEFORE_REST: Duration = Duration::from_millis(5);

/// Everything that is derived from the log up to a place in it. The writer takes it between two batches; reading what it
/// stands for takes long, and is done elsewhere.
#[derive(Debug)]
pub(super) struct Cut {
    place: LogPlace,
    kept_revisions: u64,
    system_revision: Revision,
    details: Vec<TenantDetails>,
    ended: Vec<TenantName>,
    keys: Vec<Arc<Key>>,
    secret: Option<StoreSecret>,
    tenants: Vec<HeldTenant>,
}

/// A tenant at a revision, which stays readable as long as this is held.
#[derive(Debug)]
struct HeldTenant {
    tenant: Arc<Tenant>,
    revision: Revision,
}

impl Drop for HeldTenant {
    fn drop(&mut self) {
        self.tenant.hold(None);
    }
}

/// Whether anybody needs the processor meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Full,
    Gentle,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritten {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Index(String),
    #[error("writing it met a bug")]
    Bug,
    #[error("it was given up")]
    Stopped,
}

impl Cut {
    /// As of now. Only the writer may ask: nobody else writes, so nothing is half there.
    pub(super) fn of(shared: &Shared, log: &Log) -> Self {
        let held = |tenant: Arc<Tenant>| {
            let revision = tenant.index.published();
            tenant.hold(Some(revision));
            HeldTenant { tenant, revision }
        };
        let system = &shared.system;
        Self {
            place: log.place(),
            kept_revisions: shared.kept_revisions,
            system_revision: shared.system_revision(),
            details: system.details(),
            ended: system.ended(),
            keys: system.keys(|keys| keys.all()),
            secret: system.made_secret().cloned(),
            tenants: system.tenants().into_iter().map(held).filter(|held| held.revision > Revision(0)).collect(),
        }
    }

    /// Writes the checkpoint and puts it in the place of the one before.
    pub(super) fn write(self, disk: Arc<dyn Disk>, stop: &AtomicBool, pace: Pace) -> Result<(), Unwritten> {
        let mut writing =
            Writing { writer: CheckpointWriter::begin(disk, &self.place)?, stop, pace, began: Instant::now() };
        writing.push(kind::START, &[self.kept_revisions, self.system_revision.0, self.tenants.len() as u64])?;
        for (time, change) in self.system() {
            writing.push_bytes(kind::SYSTEM, &[time.0], &encode_changes(&[change]))?;
        }
        for held in self.tenants {
            writing.tenant(&held)?;
        }
        writing.writer.finish()?;
        Ok(())
    }

    /// What makes the system's own registers what they are, in order.
    fn system(&self) -> Vec<(Timestamp, Change)> {
        let mut changes = Vec::new();
        changes.extend(self.secret.iter().map(|secret| (Timestamp(0), Change::SecretMade(secret.clone()))));
        changes.extend(self.ended.iter().map(|name| (Timestamp(0), Change::TenantDeleted(name.clone()))));
        for TenantDetails { tenant, display_name, created_at, updated_at } in &self.details {
            changes.push((*created_at, Change::TenantCreated(tenant.clone())));
            let named = display_name.iter().map(|name| Change::TenantNamed(tenant.clone(), name.clone()));
            changes.extend(named.map(|named| (*updated_at, named)));
        }
        // A key is kept with the time it was revoked.
        changes.extend(self.keys.iter().map(|key| (key.created_at, Change::KeyCreated(key.as_ref().clone()))));
        changes
    }
}

struct Writing<'s> {
    writer: CheckpointWriter,
    stop: &'s AtomicBool,
    pace: Pace,
    began: Instant,
}

impl Writing<'_> {
    fn tenant(&mut self, HeldTenant { tenant, revision }: &HeldTenant) -> Result<(), Unwritten> {
        self.push_bytes(kind::TENANT, &[], tenant.name.as_str().as_bytes())?;
        for requests in requests(tenant, *revision).chunks(REQUESTS_AT_ONCE * REQUEST_WORDS) {
            self.push(kind::REQUESTS, requests)?;
        }
        tenant.index.draw(*revision, |kind, words| self.push(kind, words)).map_err(|error| match error {
            DrawError::Refused(unwritten) => unwritten,
            DrawError::NotKept(error) => Unwritten::Index(error.to_string()),
            DrawError::Inconsistent(what) => Unwritten::Index(what),
        })?;
        self.push(kind::TENANT_END, &[])
    }

    /// Words, and bytes behind their number.
    fn push_bytes(&mut self, kind: u8, words: &[u64], bytes: &[u8]) -> Result<(), Unwritten> {
        let mut record = words.to_vec();
        prokura_engine::put_bytes(&mut record, bytes);
        self.push(kind, &record)
    }

    fn push(&mut self, kind: u8, words: &[u64]) -> Result<(), Unwritten> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Unwritten::Stopped);
        }
        let worked = self.began.elapsed();
        if self.pace == Pace::Gentle && worked > WORK_BEFORE_REST {
            thread::sleep(worked);
            self.began = Instant::now();
        }
        Ok(self.writer.push(kind, words)?)
    }
}

/// The requests of a tenant up to this revision. Later ones may have pushed out the oldest since; once the log is taken in
/// they will have anyway.
fn requests(tenant: &Tenant, revision: Revision) -> Vec<u64> {
    let requests = tenant.requests();
    let mut words = Vec::new();
    for (key, Done { work, receipt, deleted }) in requests.all().filter(|(_, done)| done.receipt.revision <= revision) {
        let digests = key.0.as_chunks::<8>().0.iter().chain(work.0.as_chunks::<8>().0);
        words.extend(digests.map(|bytes| u64::from_le_bytes(*bytes)));
        words.extend([receipt.revision.0, receipt.time.0, deleted]);
    }
    words
}
