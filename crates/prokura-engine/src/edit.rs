//! What a transaction does to the entries of a list, on plain values.

use prokura_model::Revision;

use crate::list::{Birth, Dead, Entry, Piece};

/// What a transaction does to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The entry is there from now on; if it is there already, it stays as it is unless it begins `anew`.
    Touch {
        on_terms: bool,
        anew: bool,
    },
    Delete,
}

/// A list, or a chunk of one, while it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) live: Vec<Entry>,
    pub(crate) dead: Vec<Dead>,
}

/// How many entries began, and how many ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

impl Draft {
    pub(crate) fn of(piece: Piece<'_>) -> Self {
        Self { live: piece.all_live().collect(), dead: piece.all_dead().collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.dead.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len() + self.dead.len()
    }

    /// Makes the edits. They are sorted by key; those of one key stand in the order they were made.
    pub(crate) fn edit(&mut self, edits: &[(u64, Edit)], at: Revision) -> Tally {
        let mut tally = Tally::default();
        let mut live = Vec::with_capacity(self.live.len() + edits.len());
        let mut rest = self.live.as_slice();
        for same_key in edits.chunk_by(|one, other| one.0 == other.0) {
            let Some((key, _)) = same_key.first() else { continue };
            let (before, after) = rest.split_at(rest.partition_point(|entry| entry.key < *key));
            live.extend_from_slice(before);
            let start = after.first().filter(|entry| entry.key == *key).map(|entry| entry.birth);
            rest = if start.is_some() { after.get(1..).unwrap_or_default() } else { after };
            let end = same_key.iter().fold(start, |birth, (_, edit)| match edit {
                Edit::Touch { on_terms, anew } => birth.filter(|_| !anew).or_else(|| Some(Birth::new(at, *on_terms))),
                Edit::Delete => None,
            });
            live.extend(end.map(|birth| Entry { key: *key, birth }));
            if start != end {
                tally.begun += u64::from(end.is_some());
                tally.ended += u64::from(start.is_some());
                self.dead.extend(start.map(|birth| Dead { key: *key, birth, death: at }));
            }
        }
        live.extend_from_slice(rest);
        self.live = live;
        if tally.ended > 0 {
            self.dead.sort_by_key(|dead| (dead.key, dead.birth));
        }
        tally
    }

    /// Forgets what only revisions before the horizon see, and says how much that was.
    pub(crate) fn forget(&mut self, horizon: Revision) -> u64 {
        let before = self.dead.len();
        self.dead.retain(|dead| dead.death > horizon);
        (before - self.dead.len()) as u64
    }

    /// The last key, dead or alive.
    pub(crate) fn last_key(&self) -> Option<u64> {
        self.live.last().map(|entry| entry.key).max(self.dead.last().map(|dead| dead.key))
    }

    /// The same in parts of at most as many entries, where there are so many keys.
    pub(crate) fn split(self, most: usize) -> Vec<Self> {
        if self.len() <= most {
            return vec![self];
        }
        // Half-full parts, so that the next writes do not split again at once.
        let part = most / 2;
        let mut parts = vec![Self::default()];
        let mut dead = self.dead.into_iter().peekable();
        for entry in self.live {
            let mut before = Vec::new();
            while let Some(dead) = dead.next_if(|dead| dead.key <= entry.key) {
                before.push(dead);
            }
            add(&mut parts, part, before, Some(entry));
        }
        for dead in dead {
            add(&mut parts, part, vec![dead], None);
        }
        parts
    }

    /// The words of a list or chunk, without the number of live entries.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        let live = self.live.iter().flat_map(|entry| [entry.key, entry.birth.bits()]);
        live.chain(self.dead.iter().flat_map(|dead| [dead.key, dead.birth.bits(), dead.death.0]))
    }
}

/// Adds what belongs to one key to the last part, or to a new one if that is full. One key is never in two parts.
fn add(parts: &mut Vec<Draft>, most: usize, dead: Vec<Dead>, live: Option<Entry>) {
    let key = live.map(|entry| entry.key).or_else(|| dead.first().map(|dead| dead.key));
    if parts.last().is_none_or(|last| last.len() >= most && last.last_key() != key) {
        parts.push(Draft::default());
    }
    if let Some(last) = parts.last_mut() {
        last.dead.extend(dead);
        last.live.extend(live);
    }
}
