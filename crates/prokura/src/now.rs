use std::sync::atomic::{AtomicU64, Ordering};

use prokura_model::Timestamp;

use crate::Clock;

/// A clock that never steps back: the greater of the clock and the greatest time ever logged or answered.
///
/// Across restarts it starts from the greatest time in both logs, so setting the machine's clock back and restarting
/// extends nothing that was recorded either; a time that was only answered is forgotten. The price: a clock that once ran ahead keeps the authority ahead until real time catches up.
#[derive(Debug)]
pub(crate) struct Now {
    clock: Clock,
    greatest_ms: AtomicU64,
}

impl Now {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, greatest_ms: AtomicU64::new(0) }
    }

    pub(crate) fn read(&self) -> Timestamp {
        let read = self.clock.read().0;
        // `fetch_max` answers with the value before: whichever is greater is what everybody sees from now on.
        Timestamp(self.greatest_ms.fetch_max(read, Ordering::SeqCst).max(read))
    }

    /// A time found in a log: it was now once, so it is not earlier now.
    pub(crate) fn not_before(&self, logged: Timestamp) {
        self.greatest_ms.fetch_max(logged.0, Ordering::SeqCst);
    }
}
