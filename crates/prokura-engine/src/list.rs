use std::{slice, sync::Arc};

use prokura_model::Revision;

/// Entries in one piece of a long list: what one write copies.
const CHUNK: usize = 512;

/// The edges at one end: sorted keys, each with the revision that made it, and beside them the ended ones that older
/// revisions still see. Never changed: the writer makes a new one.
#[derive(Debug)]
pub(crate) struct List {
    live: Live,
    dead: Box<[Dead]>,
}

#[derive(Debug)]
enum Live {
    /// Most lists have one entry, and it needs no memory of its own.
    One(Entry),
    Few(Box<[Entry]>),
    Many(Box<[Arc<[Entry]>]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: u64,
    birth: Birth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dead {
    key: u64,
    birth: Birth,
    death: Revision,
}

/// The revision that made an entry, and whether the entry holds on terms, which are kept elsewhere: most entries hold for
/// good, and pay for terms with the looking at one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Birth(u64);

impl Birth {
    pub(crate) fn new(revision: Revision, on_terms: bool) -> Self {
        Self(revision.0 << 1 | u64::from(on_terms))
    }

    pub(crate) fn revision(self) -> Revision {
        Revision(self.0 >> 1)
    }

    pub(crate) fn on_terms(self) -> bool {
        self.0 & 1 == 1
    }
}

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

/// What a transaction did to a list.
#[derive(Debug)]
pub(crate) struct Edited {
    /// The list from now on; none if nothing is left in it.
    pub(crate) list: Option<List>,
    /// How many entries began, and how many ended.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

/// A place in a list, for walking it from a key on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    chunk: usize,
    position: usize,
    dead: usize,
}

impl List {
    /// The revision that made the entry that this revision sees under the key.
    pub(crate) fn find(&self, key: u64, at: Revision) -> Option<Birth> {
        let chunk = match &self.live {
            Live::One(entry) if entry.key == key && entry.birth.revision() <= at => return Some(entry.birth),
            Live::One(_) => &[],
            Live::Few(entries) => &**entries,
            Live::Many(chunks) => self.chunk(chunk_of(chunks, key)),
        };
        if let Ok(position) = chunk.binary_search_by_key(&key, |entry| entry.key)
            && let Some(entry) = chunk.get(position)
            && entry.birth.revision() <= at
        {
            return Some(entry.birth);
        }
        if self.dead.is_empty() {
            return None;
        }
        let from = self.dead.partition_point(|dead| dead.key < key);
        let candidates = self.dead.get(from..)?.iter().take_while(|dead| dead.key == key);
        candidates.filter(|dead| dead.sees(at)).map(|dead| dead.birth).next()
    }

    /// Whether there may be entries at or after the key.
    pub(crate) fn reaches(&self, key: u64) -> bool {
        let last = match &self.live {
            Live::One(entry) => Some(entry),
            Live::Few(entries) => entries.last(),
            Live::Many(chunks) => chunks.last().and_then(|chunk| chunk.last()),
        };
        last.is_some_and(|entry| entry.key >= key) || self.dead.last().is_some_and(|dead| dead.key >= key)
    }

    /// A walk that begins at the first entry at or after the key.
    pub(crate) fn walk_from(&self, key: u64) -> Walk {
        let chunk = match &self.live {
            Live::One(_) | Live::Few(_) => 0,
            Live::Many(chunks) => chunk_of(chunks, key),
        };
        let position = self.chunk(chunk).partition_point(|entry| entry.key < key);
        Walk { chunk, position, dead: self.dead.partition_point(|dead| dead.key < key) }
    }

    /// The walk's next entry that this revision sees, in the order of the keys.
    pub(crate) fn next(&self, walk: &mut Walk, at: Revision) -> Option<(u64, Birth)> {
        loop {
            let live = self.chunk(walk.chunk).get(walk.position);
            if live.is_none() && walk.chunk + 1 < self.chunks() {
                walk.chunk += 1;
                walk.position = 0;
                continue;
            }
            let dead = self.dead.get(walk.dead);
            let (key, birth, seen) = match (live, dead) {
                (None, None) => return None,
                (Some(live), Some(dead)) if dead.key <= live.key => (dead.key, dead.birth, dead.sees(at)),
                (None, Some(dead)) => (dead.key, dead.birth, dead.sees(at)),
                (Some(live), _) => {
                    walk.position += 1;
                    if live.birth.revision() <= at {
                        return Some((live.key, live.birth));
                    }
                    continue;
                }
            };
            walk.dead += 1;
            if seen {
                return Some((key, birth));
            }
        }
    }

    /// How many entries are live, and how many dead ones are kept.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        ((0..self.chunks()).map(|chunk| self.chunk(chunk).len()).sum(), self.dead.len())
    }

    /// The list after a transaction. `edits` are sorted by key; those of one key stand in the order they were made.
    pub(crate) fn edited(before: Option<&Self>, edits: &[(u64, Edit)], at: Revision) -> Edited {
        let mut changes: Vec<Changed> = Vec::with_capacity(edits.len());
        let mut dead: Vec<Dead> = Vec::new();
        for same_key in edits.chunk_by(|one, other| one.0 == other.0) {
            let Some((key, _)) = same_key.first() else { continue };
            let start = before.and_then(|list| list.live_birth(*key));
            let end = same_key.iter().fold(start, |birth, (_, edit)| match edit {
                Edit::Touch { on_terms, anew } => birth.filter(|_| !anew).or_else(|| Some(Birth::new(at, *on_terms))),
                Edit::Delete => None,
            });
            if start != end {
                changes.push(Changed { key: *key, birth: end, was: start });
                dead.extend(start.map(|birth| Dead { key: *key, birth, death: at }));
            }
        }
        let begun = changes.iter().filter(|change| change.birth.is_some()).count() as u64;
        let ended = dead.len() as u64;
        if let Some(before) = before {
            dead.extend(&before.dead);
        }
        dead.sort_by_key(|dead| (dead.key, dead.birth));
        let live = match before {
            None => chunked(changes.iter().filter_map(Changed::entry).collect()),
            Some(before) => before.merged(&changes),
        };
        Edited { list: Self::of(live, dead), begun, ended }
    }

    /// The list without what only revisions before the horizon see; none if nothing is left.
    pub(crate) fn collected(&self, horizon: Revision) -> Option<Self> {
        let dead = self.dead.iter().copied().filter(|dead| dead.death > horizon).collect();
        let live = match &self.live {
            Live::One(entry) => vec![Arc::from([*entry])],
            Live::Few(entries) => vec![Arc::from(&**entries)],
            Live::Many(chunks) => chunks.to_vec(),
        };
        Self::of(live, dead)
    }

    /// What [`collected`](Self::collected) leaves out.
    pub(crate) fn dropped(&self, horizon: Revision) -> impl Iterator<Item = (u64, Birth)> {
        self.dead.iter().filter(move |dead| dead.death <= horizon).map(|dead| (dead.key, dead.birth))
    }

    fn of(mut live: Vec<Arc<[Entry]>>, dead: Vec<Dead>) -> Option<Self> {
        live.retain(|chunk| !chunk.is_empty());
        let live = match live.as_slice() {
            [] if dead.is_empty() => return None,
            [] => Live::Few(Box::default()),
            [only] => match &**only {
                [entry] => Live::One(*entry),
                entries => Live::Few(entries.into()),
            },
            _ => Live::Many(live.into_boxed_slice()),
        };
        Some(Self { live, dead: dead.into_boxed_slice() })
    }

    pub(crate) fn live_birth(&self, key: u64) -> Option<Birth> {
        let chunk = match &self.live {
            Live::One(_) | Live::Few(_) => 0,
            Live::Many(chunks) => chunk_of(chunks, key),
        };
        let entries = self.chunk(chunk);
        let position = entries.binary_search_by_key(&key, |entry| entry.key).ok()?;
        entries.get(position).map(|entry| entry.birth)
    }

    fn chunks(&self) -> usize {
        match &self.live {
            Live::One(_) | Live::Few(_) => 1,
            Live::Many(chunks) => chunks.len(),
        }
    }

    fn chunk(&self, index: usize) -> &[Entry] {
        match &self.live {
            Live::One(entry) => slice::from_ref(entry),
            Live::Few(entries) => entries,
            Live::Many(chunks) => chunks.get(index).map_or(&[], |chunk| chunk),
        }
    }

    /// The live entries with the changes made; chunks that no change falls into are shared with the list before.
    fn merged(&self, mut changes: &[Changed]) -> Vec<Arc<[Entry]>> {
        let count = self.chunks();
        let mut live = Vec::with_capacity(count);
        for index in 0..count {
            let entries = self.chunk(index);
            let last = index + 1 == count;
            // A change belongs to the first chunk that ends at or after it; what is beyond all belongs to the last.
            let within = match entries.last() {
                Some(end) if !last => changes.partition_point(|change| change.key <= end.key),
                _ => changes.len(),
            };
            let (here, later) = changes.split_at(within);
            changes = later;
            match &self.live {
                Live::Many(chunks) if here.is_empty() => live.extend(chunks.get(index).cloned()),
                _ => live.extend(chunked(merge(entries, here))),
            }
        }
        live
    }
}

impl Dead {
    fn sees(&self, at: Revision) -> bool {
        self.birth.revision() <= at && at < self.death
    }
}

/// A key whose entry began, ended, or began anew.
struct Changed {
    key: u64,
    birth: Option<Birth>,
    was: Option<Birth>,
}

impl Changed {
    fn entry(&self) -> Option<Entry> {
        self.birth.map(|birth| Entry { key: self.key, birth })
    }
}

fn chunk_of(chunks: &[Arc<[Entry]>], key: u64) -> usize {
    let index = chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.key < key));
    index.min(chunks.len().saturating_sub(1))
}

fn merge(entries: &[Entry], changes: &[Changed]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(entries.len() + changes.len());
    let mut rest = entries;
    for change in changes {
        let before = rest.partition_point(|entry| entry.key < change.key);
        let (copied, after) = rest.split_at(before);
        merged.extend_from_slice(copied);
        merged.extend(change.entry());
        rest = if change.was.is_some() { after.get(1..).unwrap_or(&[]) } else { after };
    }
    merged.extend_from_slice(rest);
    merged
}

/// Half-full chunks, so that the next writes do not split again at once.
fn chunked(entries: Vec<Entry>) -> Vec<Arc<[Entry]>> {
    if entries.len() <= CHUNK {
        return vec![entries.into()];
    }
    entries.chunks(CHUNK / 2).map(Arc::from).collect()
}
