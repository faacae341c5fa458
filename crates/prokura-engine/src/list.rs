//! The edges at one end, as they lie in memory: sorted keys, each with the revision that made it, and beside them the ended
//! ones that older revisions still see.
//!
//! A short list is a piece of its object's block: pairs `key, birth` of the live entries, then triples `key, birth, death` of
//! the ended ones. A long one is a directory of chunks, pairs `last key, chunk`; a chunk is a block of its own that begins
//! with the number of its live entries. A write replaces one chunk and the directory.

use std::{ops::ControlFlow, sync::atomic::AtomicU64};

use prokura_model::Revision;

use crate::{arena::Arena, words::load};

/// Words of a live entry, of an ended one, and of an entry of a directory.
pub(crate) const LIVE_WORDS: usize = 2;
pub(crate) const DEAD_WORDS: usize = 3;
pub(crate) const CHUNK_WORDS: usize = 2;

/// Entries that are looked at one by one; of more, half are passed over at a time.
pub(crate) const FEW: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: u64,
    pub(crate) birth: Birth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) key: u64,
    pub(crate) birth: Birth,
    pub(crate) death: Revision,
}

/// The revision that made an entry, and whether the entry holds on terms, which are kept elsewhere: most entries hold for
/// good, and pay for terms with the looking at one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Birth(u64);

impl Birth {
    /// As it lies in memory.
    #[inline]
    pub(crate) fn stored(word: &AtomicU64) -> Self {
        Self(load(word))
    }

    pub(crate) fn new(revision: Revision, on_terms: bool) -> Self {
        Self(revision.0 << 1 | u64::from(on_terms))
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn revision(self) -> Revision {
        Revision(self.0 >> 1)
    }

    pub(crate) fn on_terms(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A list as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    stored: Stored<'a>,
    /// Live entries that stand besides, or instead of those with the same keys: what a question brings.
    besides: &'a [AtomicU64],
}

#[derive(Clone, Copy, Debug)]
enum Stored<'a> {
    Short(Piece<'a>),
    Long { arena: &'a Arena, directory: &'a [AtomicU64] },
}

/// A run of live entries, and the ended ones that lie between their keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece<'a> {
    live: &'a [AtomicU64],
    dead: &'a [AtomicU64],
}

/// A place in a list, for walking it from a key on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    piece: Piece<'a>,
    chunk: usize,
    live: usize,
    dead: usize,
    besides: usize,
}

impl<'a> List<'a> {
    pub(crate) fn short(piece: Piece<'a>) -> Self {
        Self { stored: Stored::Short(piece), besides: &[] }
    }

    pub(crate) fn long(arena: &'a Arena, directory: &'a [AtomicU64]) -> Self {
        Self { stored: Stored::Long { arena, directory }, besides: &[] }
    }

    /// The list with these live entries, sorted by key, besides or instead of its own.
    pub(crate) fn with(stored: Option<Self>, besides: &'a [AtomicU64]) -> Self {
        Self { besides, ..stored.unwrap_or_else(|| Self::short(Piece::default())) }
    }

    /// The entry that this revision sees under the key.
    pub(crate) fn find(&self, key: u64, at: Revision) -> Option<Birth> {
        let besides = Piece { live: self.besides, dead: &[] };
        if !self.besides.is_empty()
            && let Some(birth) = besides.live_birth(key)
        {
            return Some(birth);
        }
        match self.stored {
            Stored::Short(piece) => piece.find(key, at),
            Stored::Long { arena, directory } => chunk(arena, directory, first_reaching(directory, key)).find(key, at),
        }
    }

    /// The live entry under the key.
    pub(crate) fn live_birth(&self, key: u64) -> Option<Birth> {
        match self.stored {
            Stored::Short(piece) => piece.live_birth(key),
            Stored::Long { arena, directory } => {
                chunk(arena, directory, first_reaching(directory, key)).live_birth(key)
            }
        }
    }

    /// Whether there may be entries at or after the key.
    pub(crate) fn reaches(&self, key: u64) -> bool {
        let last = |entries: &[AtomicU64], width: usize| {
            entries.len().checked_sub(width).and_then(|at| entries.get(at)).is_some_and(|last| load(last) >= key)
        };
        let stored = match self.stored {
            Stored::Short(piece) => last(piece.live, LIVE_WORDS) || last(piece.dead, DEAD_WORDS),
            Stored::Long { directory, .. } => last(directory, CHUNK_WORDS),
        };
        stored || last(self.besides, LIVE_WORDS)
    }

    /// Nearly all lists are short and nothing in them has ended.
    #[inline]
    fn plain(&self) -> Option<&'a [[AtomicU64; LIVE_WORDS]]> {
        match self.stored {
            Stored::Short(Piece { live, dead: [] }) if self.besides.is_empty() => Some(live.as_chunks().0),
            Stored::Short(_) | Stored::Long { .. } => None,
        }
    }

    /// Shows the entries at or after the key that this revision sees, in the order of the keys, until the visitor has enough.
    #[inline]
    pub(crate) fn visit<B>(
        &self,
        from: u64,
        at: Revision,
        mut visitor: impl FnMut(u64, Birth) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(entries) = self.plain() {
            let begin = if entries.len() <= FEW { 0 } else { entries.partition_point(|[key, _]| load(key) < from) };
            for [key, birth] in entries.get(begin..).unwrap_or_default() {
                let (key, birth) = (load(key), Birth(load(birth)));
                if key >= from && birth.revision() <= at {
                    visitor(key, birth)?;
                }
            }
            return ControlFlow::Continue(());
        }
        let mut walk = self.walk_from(from);
        while let Some((key, birth)) = self.next(&mut walk, at) {
            visitor(key, birth)?;
        }
        ControlFlow::Continue(())
    }

    /// A walk that begins at the first entry at or after the key.
    pub(crate) fn walk_from(&self, key: u64) -> Walk<'a> {
        let (piece, chunk) = match self.stored {
            Stored::Short(piece) => (piece, 0),
            Stored::Long { arena, directory } => {
                let at = first_reaching(directory, key);
                (chunk(arena, directory, at), at)
            }
        };
        Walk {
            piece,
            chunk,
            live: first_at(piece.live, LIVE_WORDS, key),
            dead: first_at(piece.dead, DEAD_WORDS, key),
            besides: first_at(self.besides, LIVE_WORDS, key),
        }
    }

    /// The walk's next entry that this revision sees, in the order of the keys.
    pub(crate) fn next(&self, walk: &mut Walk<'a>, at: Revision) -> Option<(u64, Birth)> {
        if self.besides.is_empty() {
            return self.next_stored(walk, at);
        }
        let besides = (Piece { live: self.besides, dead: &[] }).live(walk.besides);
        loop {
            let before = *walk;
            let stored = self.next_stored(walk, at);
            match (stored, besides) {
                (Some((key, _)), Some(besides)) if key == besides.key => {}
                (Some((key, _)), Some(besides)) if key > besides.key => {
                    *walk = Walk { besides: walk.besides + LIVE_WORDS, ..before };
                    return Some((besides.key, besides.birth));
                }
                (None, Some(besides)) => {
                    walk.besides += LIVE_WORDS;
                    return Some((besides.key, besides.birth));
                }
                (Some(_), _) | (None, None) => return stored,
            }
        }
    }

    fn next_stored(&self, walk: &mut Walk<'a>, at: Revision) -> Option<(u64, Birth)> {
        loop {
            let (live, dead) = (walk.piece.live(walk.live), walk.piece.dead(walk.dead));
            let (key, birth, seen) = match (live, dead) {
                (None, None) => {
                    self.next_chunk(walk)?;
                    continue;
                }
                (Some(live), Some(dead)) if dead.key <= live.key => (dead.key, dead.birth, dead.sees(at)),
                (None, Some(dead)) => (dead.key, dead.birth, dead.sees(at)),
                (Some(live), _) => {
                    walk.live += LIVE_WORDS;
                    if live.birth.revision() <= at {
                        return Some((live.key, live.birth));
                    }
                    continue;
                }
            };
            walk.dead += DEAD_WORDS;
            if seen {
                return Some((key, birth));
            }
        }
    }

    fn next_chunk(&self, walk: &mut Walk<'a>) -> Option<()> {
        let Stored::Long { arena, directory } = self.stored else { return None };
        if (walk.chunk + 1) * CHUNK_WORDS >= directory.len() {
            return None;
        }
        let next = walk.chunk + 1;
        *walk = Walk { piece: chunk(arena, directory, next), chunk: next, live: 0, dead: 0, ..*walk };
        Some(())
    }

    /// Every ended entry that only revisions before the horizon see.
    pub(crate) fn dropped(&self, horizon: Revision) -> Vec<(u64, Birth)> {
        let pieces: Vec<Piece<'a>> = match self.stored {
            Stored::Short(piece) => vec![piece],
            Stored::Long { arena, directory } => {
                (0..directory.len() / CHUNK_WORDS).map(|at| chunk(arena, directory, at)).collect()
            }
        };
        let dead = pieces.iter().flat_map(Piece::all_dead);
        dead.filter(|dead| dead.death <= horizon).map(|dead| (dead.key, dead.birth)).collect()
    }
}

impl<'a> Piece<'a> {
    /// The words of a piece, as many live entries first.
    pub(crate) fn new(words: &'a [AtomicU64], live: usize) -> Self {
        match words.split_at_checked(live * LIVE_WORDS) {
            Some((live, dead)) => Self { live, dead },
            None => Self::default(),
        }
    }

    fn find(&self, key: u64, at: Revision) -> Option<Birth> {
        if let Some(birth) = self.live_birth(key)
            && birth.revision() <= at
        {
            return Some(birth);
        }
        let mut from = if self.dead.is_empty() { return None } else { first_at(self.dead, DEAD_WORDS, key) };
        while let Some(dead) = self.dead(from).filter(|dead| dead.key == key) {
            if dead.sees(at) {
                return Some(dead.birth);
            }
            from += DEAD_WORDS;
        }
        None
    }

    fn live_birth(&self, key: u64) -> Option<Birth> {
        let found = self.live(first_at(self.live, LIVE_WORDS, key))?;
        (found.key == key).then_some(found.birth)
    }

    fn live(&self, at: usize) -> Option<Entry> {
        let [key, birth] = self.live.get(at..at + LIVE_WORDS)? else { return None };
        Some(Entry { key: load(key), birth: Birth(load(birth)) })
    }

    fn dead(&self, at: usize) -> Option<Dead> {
        let [key, birth, death] = self.dead.get(at..at + DEAD_WORDS)? else { return None };
        Some(Dead { key: load(key), birth: Birth(load(birth)), death: Revision(load(death)) })
    }

    pub(crate) fn all_live(&self) -> impl Iterator<Item = Entry> {
        (0..self.live.len()).step_by(LIVE_WORDS).filter_map(|at| self.live(at))
    }

    pub(crate) fn all_dead(&self) -> impl Iterator<Item = Dead> {
        (0..self.dead.len()).step_by(DEAD_WORDS).filter_map(|at| self.dead(at))
    }
}

impl Dead {
    /// As it was before it ended.
    pub(crate) fn entry(&self) -> Entry {
        Entry { key: self.key, birth: self.birth }
    }

    pub(crate) fn sees(&self, at: Revision) -> bool {
        self.birth.revision() <= at && at < self.death
    }
}

/// The chunk at a place of a directory.
pub(crate) fn chunk<'a>(arena: &'a Arena, directory: &'a [AtomicU64], at: usize) -> Piece<'a> {
    let block = directory.get(at * CHUNK_WORDS + 1).map_or(&[][..], |block| arena.block(load(block)));
    chunk_of(block)
}

/// A chunk's block.
fn chunk_of(block: &[AtomicU64]) -> Piece<'_> {
    match block.split_first() {
        Some((live, words)) => Piece::new(words, usize::try_from(load(live)).unwrap_or(usize::MAX / LIVE_WORDS)),
        None => Piece::default(),
    }
}

/// The first chunk that ends at or after the key; the last one if none does.
fn first_reaching(directory: &[AtomicU64], key: u64) -> usize {
    let at = first_at(directory, CHUNK_WORDS, key) / CHUNK_WORDS;
    at.min((directory.len() / CHUNK_WORDS).saturating_sub(1))
}

/// The position of the first record of that many words whose first word, by which they are sorted, is the key or more.
fn first_at(records: &[AtomicU64], width: usize, key: u64) -> usize {
    let (mut low, mut high) = (0, records.len() / width);
    while low < high {
        let middle = low.midpoint(high);
        if records.get(middle * width).is_some_and(|word| load(word) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low * width
}
