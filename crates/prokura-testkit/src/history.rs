//! Whether what clients were told can be true: linearizability of histories with several clients and faults.
//!
//! A *register* is something that can be granted and revoked: an edge, a delegation, a task with what hangs under it. Clients
//! write down what they asked of one, when they asked (by one clock for all) and when they were answered. [`check`] holds
//! that there is an order of all events of a register, each at a moment between its question and its answer, in which every
//! decision says what the writes before it made: the search of Wing and Gong, one register at a time. A write whose
//! connection broke may have happened at any moment after it was sent, or never.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What was asked of a register, and for a decision what the answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was granted.
    Grant,
    /// It was taken away: revoked, deleted, closed, suspended, over.
    Revoke,
    /// A decision that rests on it allowed.
    Allowed,
    /// A decision that rests on it did not allow.
    Denied,
}

/// One thing that a client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Of which register. Every register begins revoked.
    pub register: String,
    /// What.
    pub action: Action,
    /// When it was sent.
    pub invoked: u64,
    /// When the answer was there. None: nobody knows whether and when it happened.
    pub completed: Option<u64>,
    /// The revision the answer named.
    pub revision: Option<u64>,
}

impl Action {
    /// The state after it, where it can happen in this one.
    fn on(self, granted: bool) -> Option<bool> {
        match self {
            Self::Grant => Some(true),
            Self::Revoke => Some(false),
            Self::Allowed => granted.then_some(true),
            Self::Denied => (!granted).then_some(false),
        }
    }

    fn is_write(self) -> bool {
        matches!(self, Self::Grant | Self::Revoke)
    }
}

impl Event {
    /// Whether it was over before the other one began.
    fn precedes(&self, other: &Self) -> bool {
        self.completed.is_some_and(|completed| completed < other.invoked)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12} … ", self.invoked)?;
        match self.completed {
            Some(completed) => write!(f, "{completed:>12}")?,
            None => f.write_str("     unknown")?,
        }
        write!(f, "  {:?} {}", self.action, self.register)?;
        self.revision.map_or(Ok(()), |revision| write!(f, " at revision {revision}"))
    }
}

/// Holds the history to what a live authority promises.
///
/// # Errors
/// The first thing that cannot be, with the events that show it.
pub fn check(events: &[Event]) -> Result<(), String> {
    revisions_grow(events)?;
    let mut registers = BTreeMap::<&str, Vec<&Event>>::new();
    // An answer that nobody got says nothing.
    for event in events.iter().filter(|event| event.action.is_write() || event.completed.is_some()) {
        registers.entry(&event.register).or_default().push(event);
    }
    for events in registers.values_mut() {
        events.sort_by_key(|event| event.invoked);
        no_stale_allow(events)?;
        linearizable(events)?;
    }
    Ok(())
}

/// What is asked after an answer is answered on no older state, and what is written then makes a newer one.
fn revisions_grow(events: &[Event]) -> Result<(), String> {
    let mut begun: Vec<_> = events.iter().filter(|event| event.revision.is_some()).collect();
    let mut over: Vec<_> = begun.iter().copied().filter(|event| event.completed.is_some()).collect();
    begun.sort_by_key(|event| event.invoked);
    over.sort_by_key(|event| event.completed);
    let (mut over, mut newest) = (over.into_iter().peekable(), None::<&Event>);
    for event in begun {
        while let Some(before) = over.next_if(|before| before.precedes(event)) {
            newest = newest.filter(|newest| newest.revision >= before.revision).or(Some(before));
        }
        let Some(newest) = newest else { continue };
        let older = event.revision < newest.revision;
        if older || (event.action.is_write() && event.revision == newest.revision) {
            return Err(format!("revisions do not grow:\n{newest}\n{event}\n"));
        }
    }
    Ok(())
}

/// The promise in its plainest form: no allow after an acknowledged revoke, unless a grant may have come between.
fn no_stale_allow(events: &[&Event]) -> Result<(), String> {
    for allowed in events.iter().filter(|event| event.action == Action::Allowed) {
        for revoked in events.iter().filter(|event| event.action == Action::Revoke && event.precedes(allowed)) {
            let granted_again = events
                .iter()
                .any(|event| event.action == Action::Grant && !event.precedes(revoked) && !allowed.precedes(event));
            if !granted_again {
                return Err(format!("allowed after an acknowledged revoke:\n{revoked}\n{allowed}\n"));
            }
        }
    }
    Ok(())
}

/// How far an order of the events has come. Those that were answered and those that were not are counted each for themselves,
/// in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    granted: bool,
    /// All answered events before this one have happened,
    first: usize,
    /// and these behind it.
    beyond: BTreeSet<usize>,
    /// Those that were not answered, and have happened.
    unanswered: BTreeSet<usize>,
}

impl Order {
    fn has(&self, event: usize) -> bool {
        event < self.first || self.beyond.contains(&event)
    }

    /// The same, after this answered event.
    fn then(&self, event: usize, granted: bool) -> Self {
        let mut order = Self { granted, ..self.clone() };
        order.beyond.insert(event);
        while order.beyond.remove(&order.first) {
            order.first += 1;
        }
        order
    }

    fn length(&self) -> usize {
        self.first + self.beyond.len()
    }
}

/// Searches for an order of the events of one register, which come in the order in which they were sent.
fn linearizable(events: &[&Event]) -> Result<(), String> {
    let (answered, unanswered): (Vec<&Event>, Vec<&Event>) =
        events.iter().copied().partition(|event| event.completed.is_some());
    let (mut open, mut seen, mut furthest) = (vec![Order::default()], BTreeSet::new(), Order::default());
    while let Some(order) = open.pop() {
        if order.first == answered.len() {
            return Ok(());
        }
        if order.length() > furthest.length() {
            furthest = order.clone();
        }
        for next in continuations(&order, &answered, &unanswered) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Err(stuck(&furthest, &answered, &unanswered))
}

/// Every order that is longer by one event that may come next: nothing that has not happened was over before it was sent.
fn continuations(order: &Order, answered: &[&Event], unanswered: &[&Event]) -> Vec<Order> {
    let left = || (order.first..).zip(answered.iter().skip(order.first)).filter(|(at, _)| !order.has(*at));
    let first_end = left().filter_map(|(_, event)| event.completed).min();
    let may_be_next = |event: &Event| first_end.is_some_and(|end| event.invoked <= end);
    let mut next = Vec::new();
    for (at, event) in left().take_while(|(_, event)| may_be_next(event)) {
        let Some(granted) = event.action.on(order.granted) else { continue };
        if !event.action.is_write() {
            // A decision that is right here may as well come here: it changes nothing for the others.
            return vec![order.then(at, granted)];
        }
        next.push(order.then(at, granted));
    }
    for (at, event) in unanswered.iter().enumerate().filter(|(_, event)| may_be_next(event)) {
        // One that changes nothing may as well never have happened.
        let granted = event.action == Action::Grant;
        if granted != order.granted && !order.unanswered.contains(&at) {
            let mut longer = Order { granted, ..order.clone() };
            longer.unanswered.insert(at);
            next.push(longer);
        }
    }
    next
}

fn stuck(order: &Order, answered: &[&Event], unanswered: &[&Event]) -> String {
    let mut text = format!("no order explains these answers; one gets to `granted: {}`, and then:\n", order.granted);
    let from = order.first.saturating_sub(6);
    for (at, event) in (from..).zip(answered.iter().skip(from)).take(24) {
        text.push_str(&format!("{} {event}\n", if order.has(at) { "✓" } else { "?" }));
    }
    for event in unanswered {
        text.push_str(&format!("  {event}\n"));
    }
    text
}
