//! Telling whoever waits that something was written.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prokura_model::Revision;

/// Called with the revision that was just published.
type Callback = Arc<dyn Fn(Revision) + Send + Sync>;

/// Who waits for a tenant's next revision.
#[derive(Default)]
pub(crate) struct Watchers {
    inner: Mutex<Inner>,
    published: Condvar,
}

#[derive(Default)]
struct Inner {
    next: u64,
    /// Each with the revision that was the newest when it came: only what is newer is told.
    callbacks: BTreeMap<u64, (Revision, Callback)>,
    closed: bool,
}

/// A callback that is called as long as this is held.
///
/// It may be called once more while this is being dropped, and never after that begun call has returned.
#[must_use = "the callback is called only as long as this is held"]
pub struct Subscription {
    watchers: Arc<Watchers>,
    number: u64,
}

impl Watchers {
    pub(crate) fn subscribe(self: &Arc<Self>, newest: Revision, callback: Callback) -> Subscription {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        inner.callbacks.insert(number, (newest, callback));
        Subscription { watchers: Arc::clone(self), number }
    }

    /// Tells everybody that the revision is published. The writer calls this, so nobody may keep it for long.
    pub(crate) fn announce(&self, revision: Revision) {
        // The lock is taken even though nothing is changed: whoever looked before it was published, and has not begun to
        // wait yet, holds it, and would otherwise sleep through this.
        let callbacks: Vec<(u64, Callback)> = {
            let inner = self.lock();
            let told = inner.callbacks.iter().filter(|(_, (newest, _))| *newest < revision);
            told.map(|(number, (_, callback))| (*number, Arc::clone(callback))).collect()
        };
        self.published.notify_all();
        for (number, callback) in callbacks {
            // One that panics is a bug of whoever subscribed, and must not end the writer.
            if catch_unwind(AssertUnwindSafe(|| callback(revision))).is_err() {
                self.lock().callbacks.remove(&number);
            }
        }
    }

    /// Waits until it is closed, `published` answers with more than `beyond`, or the time is up.
    pub(crate) fn wait(&self, published: impl Fn() -> Revision, beyond: Revision, longest: Duration) -> Revision {
        let waiting = |inner: &mut Inner| !inner.closed && published() <= beyond;
        let waited = self.published.wait_timeout_while(self.lock(), longest, waiting);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        published()
    }

    /// Nothing is published any more, and nobody waits from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.published.notify_all();
    }

    /// Never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let callback = self.watchers.lock().callbacks.remove(&self.number);
        // Outside the lock: what it holds may have a drop of its own.
        drop(callback);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("number", &self.number).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("callbacks", &self.lock().callbacks.len()).finish_non_exhaustive()
    }
}
