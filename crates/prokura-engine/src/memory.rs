use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much memory graphs may take together, and how much they do: names, relationships, and room to write them anew.
///
/// It counts what grows with the graph and is taken from the system in pieces of up to 8 MiB, before a piece is taken: the
/// limit is never passed.
#[derive(Clone)]
pub struct Memory(Arc<Counted>);

struct Counted {
    max: u64,
    used: AtomicU64,
}

impl Memory {
    /// At most so many bytes.
    #[must_use]
    pub fn at_most(bytes: u64) -> Self {
        Self(Arc::new(Counted { max: bytes, used: AtomicU64::new(0) }))
    }

    /// As much as there is.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::at_most(u64::MAX)
    }

    /// How many bytes it may be; none if there is no limit.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.0.max < u64::MAX).then_some(self.0.max)
    }

    /// How many bytes are taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Takes so many bytes if that is within the limit.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.0.max);
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("max", &self.max()).field("used", &self.used()).finish()
    }
}
