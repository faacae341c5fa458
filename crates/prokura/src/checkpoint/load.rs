use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use prokura_model::{Revision, TenantName, Timestamp, decode_changes};
use prokura_store::Checkpoint;

use super::{REQUEST_WORDS, kind};
use crate::{
    Options, Progress, Receipt,
    recovery::{REPORT_CHANGES, tell},
    shared::State,
    tenant::{Done, RequestKey, Tenant, WorkDigest},
};

/// Takes in a checkpoint, unless it is told to stop. An answer without a state says why there is none.
pub(crate) fn load(checkpoint: Checkpoint, options: &Options, stop: &AtomicBool) -> Result<(State, Progress), String> {
    let transactions = checkpoint.place().sequence;
    let mut loading = Loading { checkpoint, state: State::new(options), options, stop, relationships: 0 };
    loading.everything()?;
    Ok((loading.state, Progress { transactions, changes: loading.relationships }))
}

struct Loading<'o> {
    checkpoint: Checkpoint,
    state: State,
    options: &'o Options,
    stop: &'o AtomicBool,
    relationships: u64,
}

impl Loading<'_> {
    fn everything(&mut self) -> Result<(), String> {
        let Some((kind::START, &[kept_revisions, system_revision, tenants])) = next(&mut self.checkpoint)? else {
            return Err("it does not begin as a checkpoint does".to_owned());
        };
        if kept_revisions < self.options.kept_revisions {
            return Err(format!("when it was written {kept_revisions} revisions were kept, and now it is to be more"));
        }
        self.state.system_revision = Revision(system_revision);
        let mut found = 0;
        while let Some((kind, words)) = next(&mut self.checkpoint)? {
            match kind {
                kind::SYSTEM => {
                    let (time, words) = words.split_first().ok_or_else(cut_off)?;
                    let changes = decode_changes(&bytes_of(words)?).map_err(|error| error.to_string())?;
                    self.state.system.take(&changes, Timestamp(*time))?;
                }
                kind::TENANT => {
                    let name = String::from_utf8(bytes_of(words)?).map_err(|error| error.to_string())?;
                    let name = TenantName::new(name).map_err(|error| error.to_string())?;
                    let tenant = self.state.system.tenant(&name).ok_or("it has a tenant that there is not")?;
                    self.tenant(&tenant)?;
                    found += 1;
                }
                _ => return Err("a record is not where it belongs".to_owned()),
            }
        }
        if found == tenants { Ok(()) } else { Err("it lacks a tenant".to_owned()) }
    }

    fn tenant(&mut self, tenant: &Arc<Tenant>) -> Result<(), String> {
        let mut loading = tenant.index.loading();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err("it is not needed".to_owned());
            }
            match next(&mut self.checkpoint)? {
                None => return Err(cut_off()),
                Some((kind::TENANT_END, _)) => break,
                Some((kind::REQUESTS, words)) => keep(tenant, words)?,
                Some((kind, words)) => {
                    let before = loading.relationships();
                    loading.take(kind, words).map_err(|fault| fault.to_string())?;
                    let told = self.relationships / REPORT_CHANGES;
                    self.relationships += loading.relationships() - before;
                    if self.relationships / REPORT_CHANGES > told {
                        let progress = Progress { transactions: 0, changes: self.relationships };
                        tell(self.options.progress.as_ref(), progress);
                    }
                }
            }
        }
        loading.finish().map_err(|fault| fault.to_string())?;
        self.state.expiring.begin(tenant);
        Ok(())
    }
}

fn next(checkpoint: &mut Checkpoint) -> Result<Option<(u8, &[u64])>, String> {
    checkpoint.next_record().map_err(|fault| fault.to_string())
}

fn cut_off() -> String {
    "a record ends in the middle".to_owned()
}

fn bytes_of(mut words: &[u64]) -> Result<Vec<u8>, String> {
    prokura_engine::take_bytes(&mut words).filter(|_| words.is_empty()).ok_or_else(cut_off)
}

fn keep(tenant: &Tenant, words: &[u64]) -> Result<(), String> {
    let (requests, []) = words.as_chunks::<REQUEST_WORDS>() else { return Err(cut_off()) };
    let mut kept = tenant.requests();
    for [a, b, c, d, e, f, g, h, revision, time, deleted] in requests {
        let work = WorkDigest(digest([*e, *f, *g, *h]));
        let receipt = Receipt { revision: Revision(*revision), time: Timestamp(*time) };
        kept.keep(RequestKey(digest([*a, *b, *c, *d])), Done { work, receipt, deleted: *deleted });
    }
    Ok(())
}

fn digest(words: [u64; 4]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.as_chunks_mut::<8>().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    digest
}
