//! A bounded queue from many threads to one, that can be waited for with a time limit, and closed.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    emptied: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    waiting: VecDeque<T>,
    closed: bool,
    /// Whoever takes should not wait for more.
    urgent: bool,
    /// How many entries whoever takes is waiting for. Waking it for every single one would cost more than the entry.
    wanted: usize,
}

/// Why nothing was put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It stayed full for the whole wait.
    Full,
    /// Nobody takes anything out any more.
    Closed,
}

impl<T> Queue<T> {
    /// A queue that holds so many entries, and at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { waiting: VecDeque::new(), closed: false, urgent: false, wanted: 1 };
        Self { inner: Mutex::new(inner), filled: Condvar::new(), emptied: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Puts an entry at the end, waiting for a place if there is none.
    pub(crate) fn put(&self, entry: T, longest: Duration) -> Result<(), Refused> {
        self.put_last(entry, longest, false)
    }

    /// The same, and a batch that is being gathered ends with it.
    pub(crate) fn put_urgent(&self, entry: T, longest: Duration) -> Result<(), Refused> {
        self.put_last(entry, longest, true)
    }

    /// Takes the first entry, waiting until there is one; none when the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<T> {
        let entry = self.wait_for_one().waiting.pop_front();
        self.emptied.notify_one();
        entry
    }

    /// Takes the first entry if there is one.
    pub(crate) fn take_now(&self) -> Option<T> {
        let entry = self.lock().waiting.pop_front();
        if entry.is_some() {
            self.emptied.notify_one();
        }
        entry
    }

    /// Takes up to `most` entries: waits until there is one, then this long for others to come. Empty when the queue is
    /// closed and empty.
    pub(crate) fn take_batch(&self, most: usize, gathering: Duration) -> Vec<T> {
        // A queue smaller than a batch is full before the batch is, and whoever waits for a place should not wait long.
        let enough = most.min(self.capacity);
        let mut inner = self.wait_for_one();
        inner.wanted = enough;
        let few = |inner: &mut Inner<T>| inner.waiting.len() < enough && !inner.closed && !inner.urgent;
        let (mut inner, _) =
            self.filled.wait_timeout_while(inner, gathering, few).unwrap_or_else(PoisonError::into_inner);
        inner.wanted = 1;
        let taken = inner.waiting.len().min(most);
        let batch = inner.waiting.drain(..taken).collect();
        inner.urgent = inner.urgent && !inner.waiting.is_empty();
        drop(inner);
        self.emptied.notify_all();
        batch
    }

    /// Nothing can be put in any more. What is in it can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// How many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn put_last(&self, entry: T, longest: Duration, urgent: bool) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.waiting.len() >= self.capacity && !inner.closed {
            let full = |inner: &mut Inner<T>| inner.waiting.len() >= self.capacity && !inner.closed;
            let (waited, _) =
                self.emptied.wait_timeout_while(inner, longest, full).unwrap_or_else(PoisonError::into_inner);
            inner = waited;
        }
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.waiting.len() >= self.capacity {
            return Err(Refused::Full);
        }
        inner.waiting.push_back(entry);
        inner.urgent |= urgent;
        let wake = inner.urgent || inner.waiting.len() >= inner.wanted;
        drop(inner);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    fn wait_for_one(&self) -> MutexGuard<'_, Inner<T>> {
        let empty = |inner: &mut Inner<T>| inner.waiting.is_empty() && !inner.closed;
        self.filled.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner)
    }

    /// No code of ours panics while it holds the lock, and a queue is never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
