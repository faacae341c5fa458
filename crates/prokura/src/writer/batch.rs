use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::SyncSender},
};

use prokura_model::{Change, Revision, Timestamp};
use prokura_store::{Entry, Log, Record};

use super::{
    Job, Written,
    stage::{Staged, stage},
};
use crate::{
    WriteError,
    limits::{BATCH_BYTES_MAX, BATCH_WRITES_MAX},
    shared::Shared,
    tenant::Tenant,
};

/// Writes that become durable together, and are answered together.
///
/// Every answer waits for the flush, refusals too: a refusal may rest on an earlier write of the same batch, which
/// nobody may hear of before it is durable.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
    changes: u64,
    publish: Vec<(Arc<Tenant>, Revision)>,
    system: Option<(Vec<Change>, Timestamp)>,
    records: Vec<Record>,
    answers: Vec<(SyncSender<Answer>, Answer)>,
}

type Answer = Result<Written, WriteError>;

impl Batch {
    pub(super) fn take(&mut self, shared: &Shared, job: Job) {
        let answer = match shared.writes.latch.reason() {
            Some(reason) => Err(WriteError::WritesStopped(reason)),
            None => stage(shared, job.work, job.provenance).map(|staged| self.add(staged)),
        };
        self.answers.push((job.answer, answer));
    }

    /// Takes what nobody waits for an answer to.
    pub(super) fn take_own(&mut self, staged: Staged) {
        self.add(staged);
    }

    /// Whether another write may join. A write to the system's own registers is the last of its batch: what it changes
    /// is seen only once it is durable, so whatever rests on it comes later.
    pub(super) fn has_room(&self) -> bool {
        self.answers.len() < BATCH_WRITES_MAX && self.bytes < BATCH_BYTES_MAX && self.system.is_none()
    }

    /// One flush for all of them; then, and only then, everybody may see them and is told. Answers with the number of
    /// changes that were written.
    pub(super) fn commit(self, shared: &Shared, log: &mut Log) -> u64 {
        let Self { entries, changes: count, publish, system, records, answers, .. } = self;
        if !entries.is_empty()
            && let Err(error) = log.append(&entries)
        {
            let text = error.to_string();
            shared.writes.latch.set(&text);
            for (sender, _) in answers {
                answer(&sender, Err(WriteError::StoreFailed(text.clone())));
            }
            return 0;
        }
        for (tenant, revision) in &publish {
            tenant.index.publish(*revision);
        }
        if let Some((changes, time)) = system {
            let taken = shared.system.take(&changes, time);
            assert!(taken.is_ok(), "only the writer's own changes are staged for the system: {taken:?}");
        }
        shared.records.put_written(records);
        for (sender, result) in answers {
            answer(&sender, result);
        }
        let mut newest = BTreeMap::new();
        for (tenant, revision) in publish {
            shared.collect(&tenant, revision);
            newest.insert(tenant.name.clone(), (tenant, revision));
        }
        for (tenant, revision) in newest.into_values() {
            tenant.watchers.announce(revision);
        }
        count
    }

    fn add(&mut self, staged: Staged) -> Written {
        if let Some(entry) = staged.entry {
            self.bytes += entry.payload.len();
            self.changes += staged.count;
            match staged.tenant {
                Some(tenant) => self.publish.push((tenant, entry.revision)),
                None => self.system = Some((staged.changes, entry.time)),
            }
            self.entries.push(entry);
            self.records.extend(staged.record);
        }
        staged.written
    }
}

/// Nobody listening any more is fine: what was written is written.
fn answer(sender: &SyncSender<Answer>, answer: Answer) {
    let _ = sender.try_send(answer);
}
