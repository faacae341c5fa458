//! A queue from many threads to one, bounded by entries and by bytes, that can be waited for with a time limit, and
//! closed.

use std::{
    collections::VecDeque,
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    emptied: Condvar,
    capacity: usize,
    /// Most bytes that wait; an entry that is alone always fits.
    budget: usize,
}

#[derive(Debug)]
struct Inner<T> {
    /// Each with its bytes.
    waiting: VecDeque<(usize, T)>,
    /// All of theirs.
    bytes: usize,
    closed: bool,
    /// Whoever takes should not wait for more.
    urgent: bool,
    /// What whoever takes is waiting for; nothing is ever as much as [`NOTHING`]. Waking it for every entry, or while it does
    /// not even wait, would cost more than the entry.
    wanted: Batch,
}

/// How much is taken at once: at most so many entries, and so many bytes unless the first has more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// Nobody waits for anything.
const NOTHING: Batch = Batch { entries: usize::MAX, bytes: usize::MAX };

/// Any entry is waited for.
const ANYTHING: Batch = Batch { entries: 1, bytes: usize::MAX };

/// What was found in the queue in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    Entry(T),
    /// Nothing came.
    Nothing,
    /// Nothing will ever come.
    Closed,
}

/// Why nothing was put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It stayed full for the whole wait.
    Full,
    /// Nobody takes anything out any more.
    Closed,
}

impl<T> Inner<T> {
    fn first(&mut self) -> Option<T> {
        let (bytes, entry) = self.waiting.pop_front()?;
        self.bytes -= bytes;
        Some(entry)
    }

    fn fills(&self, batch: Batch) -> bool {
        self.waiting.len() >= batch.entries || self.bytes >= batch.bytes
    }

    /// Whether more is to be waited for.
    fn lacks(&self, wanted: Batch) -> bool {
        let urgent = self.urgent && !self.waiting.is_empty();
        !self.fills(wanted) && !self.closed && !urgent
    }

    /// What fits, mostly everything: that is taken as it lies, so that nobody who puts something in waits for long.
    fn batch(&mut self, most: Batch) -> VecDeque<(usize, T)> {
        if self.waiting.len() <= most.entries && self.bytes <= most.bytes {
            self.bytes = 0;
            let room = VecDeque::with_capacity(self.waiting.len());
            return mem::replace(&mut self.waiting, room);
        }
        let mut bytes = 0;
        let fits = |(position, (size, _)): &(usize, &(usize, T))| {
            bytes += size;
            *position == 0 || (*position < most.entries && bytes <= most.bytes)
        };
        let count = self.waiting.iter().enumerate().take_while(fits).count();
        let batch: VecDeque<(usize, T)> = self.waiting.drain(..count).collect();
        self.bytes -= batch.iter().map(|(size, _)| size).sum::<usize>();
        batch
    }
}

impl<T> Queue<T> {
    /// A queue that holds so many entries, and at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_budget(capacity, usize::MAX)
    }

    /// A queue that holds so many entries, of so many bytes together, and at least one.
    pub(crate) fn with_budget(capacity: usize, budget: usize) -> Self {
        let inner = Inner { waiting: VecDeque::new(), bytes: 0, closed: false, urgent: false, wanted: NOTHING };
        let capacity = capacity.max(1);
        Self { inner: Mutex::new(inner), filled: Condvar::new(), emptied: Condvar::new(), capacity, budget }
    }

    /// Puts an entry at the end, waiting for a place if there is none.
    pub(crate) fn put(&self, entry: T, longest: Duration) -> Result<(), Refused> {
        self.put_last(0, entry, longest, false).map_err(|(refused, _)| refused)
    }

    /// The same for an entry of so many bytes, which comes back if it is refused.
    pub(crate) fn put_sized(&self, bytes: usize, entry: T, longest: Duration) -> Result<(), (Refused, T)> {
        self.put_last(bytes, entry, longest, false)
    }

    /// The same, and a batch that is being gathered ends with it.
    pub(crate) fn put_urgent(&self, entry: T, longest: Duration) -> Result<(), Refused> {
        self.put_last(0, entry, longest, true).map_err(|(refused, _)| refused)
    }

    /// Takes the first entry, waiting until there is one; none when the queue is closed and empty.
    #[cfg(test)]
    pub(crate) fn take(&self) -> Option<T> {
        let entry = self.wait_for_one().first();
        self.emptied.notify_one();
        entry
    }

    /// The same, but it waits no longer than this; without a time it waits as long as it takes.
    pub(crate) fn take_within(&self, longest: Option<Duration>) -> Taken<T> {
        let mut inner = match longest {
            None => self.wait_for_one(),
            Some(longest) => self.wait_for(ANYTHING, longest, self.lock()),
        };
        let (entry, closed) = (inner.first(), inner.closed);
        drop(inner);
        match entry {
            Some(entry) => {
                self.emptied.notify_one();
                Taken::Entry(entry)
            }
            None if closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    /// Takes the first entry if there is one.
    pub(crate) fn take_now(&self) -> Option<T> {
        let entry = self.lock().first();
        if entry.is_some() {
            self.emptied.notify_one();
        }
        entry
    }

    /// Takes a batch: waits until there is an entry, then this long for others to come. Empty when the queue is closed and
    /// empty.
    pub(crate) fn take_batch(&self, most: Batch, gathering: Duration) -> Vec<T> {
        // A queue smaller than a batch is full before the batch is, and whoever waits for a place should not wait long.
        let enough = Batch { entries: most.entries.min(self.capacity), bytes: most.bytes.min(self.budget) };
        let mut inner = self.wait_for(enough, gathering, self.wait_for_one());
        let batch = inner.batch(most);
        inner.urgent = inner.urgent && !inner.waiting.is_empty();
        drop(inner);
        self.emptied.notify_all();
        batch.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Nothing can be put in any more. What is in it can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many entries wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn put_last(&self, bytes: usize, entry: T, longest: Duration, urgent: bool) -> Result<(), (Refused, T)> {
        let full = |inner: &mut Inner<T>| self.is_full(inner, bytes) && !inner.closed;
        let mut inner = self.lock();
        if full(&mut inner) && !longest.is_zero() {
            let (waited, _) =
                self.emptied.wait_timeout_while(inner, longest, full).unwrap_or_else(PoisonError::into_inner);
            inner = waited;
        }
        if inner.closed {
            return Err((Refused::Closed, entry));
        }
        if self.is_full(&inner, bytes) {
            return Err((Refused::Full, entry));
        }
        inner.waiting.push_back((bytes, entry));
        inner.bytes += bytes;
        inner.urgent |= urgent;
        let wake = inner.urgent || inner.fills(inner.wanted);
        drop(inner);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    fn is_full(&self, inner: &Inner<T>, bytes: usize) -> bool {
        let over = inner.bytes.saturating_add(bytes) > self.budget;
        inner.waiting.len() >= self.capacity || (over && !inner.waiting.is_empty())
    }

    fn wait_for_one(&self) -> MutexGuard<'_, Inner<T>> {
        let mut inner = self.lock();
        inner.wanted = ANYTHING;
        let mut inner =
            self.filled.wait_while(inner, |inner| inner.lacks(ANYTHING)).unwrap_or_else(PoisonError::into_inner);
        inner.wanted = NOTHING;
        inner
    }

    /// Waits until so much is there, or this long.
    fn wait_for<'q>(
        &self,
        wanted: Batch,
        longest: Duration,
        mut inner: MutexGuard<'q, Inner<T>>,
    ) -> MutexGuard<'q, Inner<T>> {
        inner.wanted = wanted;
        let waited = self.filled.wait_timeout_while(inner, longest, |inner| inner.lacks(wanted));
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.wanted = NOTHING;
        inner
    }

    /// No code of ours panics while it holds the lock, and a queue is never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
