//! Who may still look at what was replaced: readers pin, and the writer reuses memory only when everybody who was pinned at
//! the time has gone.
//!
//! The two-sided counting of sleepable RCU (McKenney, "Sleepable RCU", 2006): a reader counts itself on the side that the phase
//! points to; a grace period waits for the other side to be empty, turns the phase, and waits for the side it pointed to. A
//! reader that was slow to count itself counts on the old side after the turn; it sees what was replaced by then, and the
//! next grace period waits for it first.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Places to count at, so that readers on different cores seldom share a cache line.
const PLACES: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Pins {
    phase: AtomicUsize,
    places: [Place; PLACES],
}

/// As large as two cache lines, which processors fetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place {
    sides: [AtomicUsize; 2],
}

/// A reader that is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin<'p> {
    side: &'p AtomicUsize,
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.side.fetch_sub(1, Ordering::Release);
    }
}

impl Pins {
    /// From now on, nothing that can be found is reused.
    ///
    /// Sequentially consistent, as is every load that finds something (see [`Arena`](crate::arena::Arena)): whoever the
    /// writer did not see counted finds what the writer had put in place before it looked.
    pub(crate) fn pin(&self) -> Pin<'_> {
        let [one, other] = &self.mine().sides;
        let side = if self.phase.load(Ordering::SeqCst) & 1 == 0 { one } else { other };
        side.fetch_add(1, Ordering::SeqCst);
        Pin { side }
    }

    fn mine(&self) -> &Place {
        let [first, ..] = &self.places;
        self.places.get(place()).unwrap_or(first)
    }

    /// Whether nobody is counted on the side that the phase points to, or on the other one.
    fn is_empty(&self, current: bool) -> bool {
        let one = (self.phase.load(Ordering::SeqCst) & 1 == 0) == current;
        self.places.iter().all(|place| {
            let [first, second] = &place.sides;
            let side = if one { first } else { second };
            side.load(Ordering::SeqCst) == 0
        })
    }
}

/// This thread's place.
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % PLACES);
        }
        mine.get()
    })
}

/// Where a grace period stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grace {
    /// Waiting for those who were slow to count themselves before the last turn.
    #[default]
    Stragglers,
    /// Turned; waiting for those who were counted before.
    Turned,
    /// Everybody who was there when it began has gone.
    Over,
}

impl Grace {
    /// As far as it gets without waiting.
    pub(crate) fn tried(self, pins: &Pins) -> Self {
        let mut grace = self;
        if grace == Self::Stragglers && pins.is_empty(false) {
            pins.phase.fetch_add(1, Ordering::SeqCst);
            grace = Self::Turned;
        }
        if grace == Self::Turned && pins.is_empty(false) {
            grace = Self::Over;
        }
        grace
    }
}

#[cfg(test)]
mod tests {
    use super::{Grace, Pins};

    #[test]
    fn a_grace_period_ends_when_everybody_who_was_there_has_gone() {
        let pins = Pins::default();
        assert_eq!(Grace::default().tried(&pins), Grace::Over);
        let before = pins.pin();
        let grace = Grace::default().tried(&pins);
        assert_eq!(grace, Grace::Turned);
        let after = pins.pin();
        assert_eq!(grace.tried(&pins), Grace::Turned);
        drop(before);
        assert_eq!(grace.tried(&pins), Grace::Over, "whoever came later is not waited for");
        let next = Grace::default().tried(&pins);
        assert_eq!(next, Grace::Turned);
        assert_eq!(next.tried(&pins), Grace::Turned);
        drop(after);
        assert_eq!(next.tried(&pins), Grace::Over);
    }
}
