//! What is derived from the log, kept beside it, so that the next opening takes in only what came after. See
//! `docs/decisions/0035-checkpoints.md`.

mod cut;
mod load;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use prokura_store::{Checkpoint, Disk, Log};

use self::cut::{Cut, Pace, Unwritten};
use crate::{
    limits::{CHECKPOINT_TAIL_AT_CLOSE_PERCENT_MAX, CHECKPOINT_TAIL_PERCENT_MAX},
    shared::Shared,
};

pub(crate) use load::load;

/// What a record holds, where it is not part of a tenant's image, whose kinds are the engine's.
mod kind {
    /// The first: how many revisions were kept, the last one of the system's own log, and how many tenants there are.
    pub(super) const START: u8 = 128;
    /// A moment, and what changed in the system's own registers then.
    pub(super) const SYSTEM: u8 = 129;
    /// The name of a tenant, whose records follow.
    pub(super) const TENANT: u8 = 130;
    /// Requests of the tenant that were done: author and request id as a digest, the work as one, and what came of it.
    pub(super) const REQUESTS: u8 = 131;
    /// The end of the tenant.
    pub(super) const TENANT_END: u8 = 132;
}

/// Words of a request: two digests, a revision, a time, how much was deleted.
const REQUEST_WORDS: usize = 11;

/// The checkpoint of the disk, if there is one whose header is whole.
pub(crate) fn find(disk: &dyn Disk) -> Option<Checkpoint> {
    Checkpoint::find(disk).unwrap_or_else(|fault| {
        ignored(&fault.to_string());
        None
    })
}

/// There is a checkpoint, and it is of no use. Nothing is lost by that.
pub(crate) fn ignored(why: &str) {
    tracing::warn!("the checkpoint is ignored, and the whole log is taken in instead, which takes longer: {why}");
}

/// When checkpoints are written, and by whom. The writer's own.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// Where they are kept; nowhere if nothing is.
    disk: Option<Arc<dyn Disk>>,
    /// How long the tail may be, however few relationships there are.
    least: u64,
    /// Changes since the place of the newest one, or of the last attempt at one.
    tail: u64,
    /// Changes before that which no checkpoint holds, because the last attempt failed or was given up.
    missed: u64,
    /// The tail that is looked at again: counting the relationships of all tenants takes long if they are many.
    look_at: u64,
    running: Option<Running>,
}

/// One that is being written beside everything else.
#[derive(Debug)]
struct Running {
    thread: Option<JoinHandle<Result<(), Unwritten>>>,
    stop: Arc<AtomicBool>,
    tail: u64,
}

impl Checkpoints {
    /// None are written.
    pub(crate) fn none() -> Self {
        Self { disk: None, least: u64::MAX, tail: 0, missed: 0, look_at: u64::MAX, running: None }
    }

    /// They are kept on this disk, where so many changes came after the newest one.
    pub(crate) fn on(disk: Arc<dyn Disk>, least: u64, tail: u64) -> Self {
        Self { disk: Some(disk), least, tail, missed: 0, look_at: 0, running: None }
    }

    /// So many more changes are in the log. If they have become many, a checkpoint is begun.
    pub(crate) fn grown(&mut self, shared: &Shared, log: &Log, changes: u64) {
        self.tail += changes;
        // After a failure nobody knows whether the log holds what was not published.
        if self.tail < self.look_at || shared.writes.latch.reason().is_some() || self.is_running() {
            return;
        }
        let most = most(self.least, relationships(shared), CHECKPOINT_TAIL_PERCENT_MAX);
        if self.tail <= most {
            self.look_at = most.saturating_add(1);
            return;
        }
        let Some(disk) = self.disk.clone() else { return };
        // What lies before a checkpoint is not looked at for records that are missing.
        if !shared.records.settle() {
            return;
        }
        let tail = std::mem::take(&mut self.tail);
        self.look_at = 0;
        match Running::begin(Cut::of(shared, log), disk, tail) {
            Ok(running) => self.running = Some(running),
            // Another attempt after as many changes again.
            Err(error) => {
                let unwritten = Err(error.into());
                told(&unwritten);
                self.is_over(tail, &unwritten);
            }
        }
    }

    /// Nothing is written any more. If much came after the newest checkpoint, whoever opens it next will be glad of another.
    pub(crate) fn close(&mut self, shared: &Shared, log: &Log) {
        if let Some(running) = self.running.take() {
            running.stop.store(true, Ordering::Relaxed);
            self.is_over(running.tail, &running.ended());
        }
        let Some(disk) = self.disk.clone().filter(|_| shared.writes.latch.reason().is_none()) else { return };
        // One that was given up just now may have kept from being forgotten what would not be kept otherwise.
        for tenant in shared.system.tenants() {
            shared.collect(&tenant, tenant.index.published());
        }
        let most = most(self.least, relationships(shared), CHECKPOINT_TAIL_AT_CLOSE_PERCENT_MAX);
        if self.tail + self.missed > most && shared.records.settle() {
            let never = AtomicBool::new(false);
            told(&Cut::of(shared, log).write(disk, &never, Pace::Full));
        }
    }

    fn is_running(&mut self) -> bool {
        if let Some(running) = self.running.take_if(|running| running.is_over()) {
            self.is_over(running.tail, &running.ended());
        }
        self.running.is_some()
    }

    /// An attempt at one that was to hold so many changes more.
    fn is_over(&mut self, tail: u64, ended: &Result<(), Unwritten>) {
        self.missed = if ended.is_ok() { 0 } else { self.missed + tail };
    }
}

impl Running {
    fn begin(cut: Cut, disk: Arc<dyn Disk>, tail: u64) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&stop);
        let thread = thread::Builder::new().name("prokura-checkpoint".to_owned());
        let thread = thread.spawn(move || {
            let written = cut.write(disk, &own, Pace::Gentle);
            told(&written);
            written
        })?;
        Ok(Self { thread: Some(thread), stop, tail })
    }

    fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end.
    fn ended(mut self) -> Result<(), Unwritten> {
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_else(|| {
            let bug = Err(Unwritten::Bug);
            told(&bug);
            bug
        })
    }
}

/// Nobody writes to the disk once the log is closed.
impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn told(written: &Result<(), Unwritten>) {
    match written {
        Ok(()) => tracing::info!("a checkpoint was written"),
        Err(Unwritten::Stopped) => {}
        Err(unwritten) => tracing::warn!(
            "no checkpoint was written, so that the next start may take longer; nothing is lost: {unwritten}"
        ),
    }
}

fn relationships(shared: &Shared) -> u64 {
    shared.system.tenants().iter().map(|tenant| tenant.index.relationships()).sum()
}

/// How long a tail may be.
pub(crate) fn most(least: u64, relationships: u64, percent: u64) -> u64 {
    least.max(relationships.saturating_mul(percent) / 100)
}
