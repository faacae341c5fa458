use std::{fmt, sync::Arc};

use prokura_engine::Limits;
use prokura_model::Timestamp;

use crate::limits::{CHECKPOINT_TAIL_DEFAULT, RECORD_QUEUE_DEFAULT, REVISIONS_KEPT_DEFAULT, WRITE_QUEUE_DEFAULT};

/// How an authority is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// What answering one question may cost.
    pub limits: Limits,
    /// How many decisions may wait to be recorded. When the queue is full, asking waits and is then refused.
    /// Default: [`RECORD_QUEUE_DEFAULT`].
    pub record_queue: usize,
    /// How many writes may wait for the writer. Default: [`WRITE_QUEUE_DEFAULT`].
    pub write_queue: usize,
    /// How many revisions behind the head [`Authority::snapshot_at`](crate::Authority::snapshot_at) can go back to.
    /// Default: [`REVISIONS_KEPT_DEFAULT`].
    pub kept_revisions: u64,
    /// How many bytes of memory names and relationships may take, those of all tenants together. What would need more is
    /// refused, and so is opening what has more already. Default: as many as there are.
    pub memory: Option<u64>,
    /// How many changes may follow the newest checkpoint before another one is written, however few relationships there
    /// are. Default: [`CHECKPOINT_TAIL_DEFAULT`]; with `u64::MAX` none is ever written.
    pub checkpoint_tail: u64,
    /// Where the time comes from. Default: the system clock.
    pub clock: Clock,
    /// Told how far recovery is. Default: nobody.
    pub progress: Option<ProgressListener>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            record_queue: RECORD_QUEUE_DEFAULT,
            write_queue: WRITE_QUEUE_DEFAULT,
            kept_revisions: REVISIONS_KEPT_DEFAULT,
            memory: None,
            checkpoint_tail: CHECKPOINT_TAIL_DEFAULT,
            clock: Clock::system(),
            progress: None,
        }
    }
}

/// Where the time comes from. It may step back; what the authority makes of it does not.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// A clock of the caller's own, such as one a test sets.
    pub fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Told how far recovery is, now and then, while an authority is being opened.
#[derive(Clone)]
pub struct ProgressListener(Arc<dyn Fn(Progress) + Send + Sync>);

/// How far recovery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Transactions read back so far, of all tenants, those that a checkpoint stands for included once it is taken in.
    pub transactions: u64,
    /// Changes in them; of a checkpoint, the relationships in it.
    pub changes: u64,
}

impl ProgressListener {
    /// A listener that calls this.
    pub fn new(listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    pub(crate) fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for ProgressListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressListener")
    }
}
