//! A bounded queue from many threads to one, that can be waited for with a time limit, and closed.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
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
        Self {
            inner: Mutex::new(Inner { waiting: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            capacity: capacity.max(1),
        }
    }

    /// Puts an entry at the end, waiting for a place if there is none.
    pub(crate) fn put(&self, entry: T, longest: Duration) -> Result<(), Refused> {
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
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes the first entry, waiting until there is one; none when the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<T> {
        let inner = self.lock();
        let empty = |inner: &mut Inner<T>| inner.waiting.is_empty() && !inner.closed;
        let mut inner = self.filled.wait_while(inner, empty).unwrap_or_else(PoisonError::into_inner);
        let entry = inner.waiting.pop_front();
        drop(inner);
        self.emptied.notify_one();
        entry
    }

    /// Takes the first entry if there is one by then.
    pub(crate) fn take_until(&self, deadline: Instant) -> Option<T> {
        let inner = self.lock();
        let empty = |inner: &mut Inner<T>| inner.waiting.is_empty() && !inner.closed;
        let left = deadline.saturating_duration_since(Instant::now());
        let (mut inner, _) =
            self.filled.wait_timeout_while(inner, left, empty).unwrap_or_else(PoisonError::into_inner);
        let entry = inner.waiting.pop_front();
        drop(inner);
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

    /// No code of ours panics while it holds the lock, and a queue is never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
