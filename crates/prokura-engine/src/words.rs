use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::memory::Memory;

/// Words in a segment, from the second million on: 8 MiB.
const SEGMENT: usize = 1 << 20;

/// Segments below that many words: they double in size, so that a small graph needs little.
const SMALL_FIRST: usize = 1 << 10;
const SMALL_SEGMENTS: usize = 10;

/// Most words that have an address of 32 bits: nearly 32 GiB.
pub(crate) const WORDS_MAX: usize = (1 << 32) - SMALL_FIRST;

/// Most words in one piece.
pub(crate) const PIECE_MAX: usize = SEGMENT / 2;

/// Memory as words that never moves: addresses stay good for ever, and it grows at its end while others read it.
///
/// Every word is atomic, so a reader that looks where a writer writes sees an old or a new word and never anything worse;
/// that it does not look there in the first place is what [`Arena`](crate::arena::Arena) is for.
#[derive(Debug)]
pub(crate) struct Words {
    segments: Box<[OnceLock<Box<[AtomicU64]>>]>,
    memory: Memory,
}

/// Where a segment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Words {
    /// Room for that many words, and none of them made yet.
    pub(crate) fn new(words_max: usize, memory: Memory) -> Self {
        let segments = words_max.checked_sub(1).map_or(0, |last| place(last).0 + 1);
        Self { segments: (0..segments).map(|_| OnceLock::new()).collect(), memory }
    }

    /// The words of a piece that lies in one segment; nothing if there is none there.
    #[inline(always)]
    pub(crate) fn piece(&self, at: usize, len: usize) -> &[AtomicU64] {
        let (segment, offset) = place(at);
        let words = self.segments.get(segment).and_then(OnceLock::get);
        words.and_then(|words| words.get(offset..offset + len)).unwrap_or_default()
    }

    /// One word; nothing if it was never made.
    #[inline(always)]
    pub(crate) fn word(&self, at: usize) -> Option<&AtomicU64> {
        let (segment, offset) = place(at);
        self.segments.get(segment)?.get()?.get(offset)
    }

    /// Makes the segment of this number; nothing if there can be no more. Only the writer makes some.
    pub(crate) fn make(&self, segment: usize) -> Option<Extent> {
        let extent = extent(segment);
        let made = self.segments.get(segment)?;
        if made.get().is_none() && self.memory.take(bytes_of(extent.len)) {
            made.get_or_init(|| (0..extent.len).map(|_| AtomicU64::new(0)).collect());
        }
        made.get().map(|_| extent)
    }

    /// One word, made if need be with its whole segment; nothing if there can be no more.
    pub(crate) fn made(&self, at: usize) -> Option<&AtomicU64> {
        if let Some(word) = self.word(at) {
            return Some(word);
        }
        self.make(place(at).0)?;
        self.word(at)
    }

    /// How much memory that is, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let made = self.segments.iter().filter_map(OnceLock::get);
        made.map(|words| bytes_of(words.len())).sum()
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes());
    }
}

fn bytes_of(words: usize) -> u64 {
    (words * size_of::<AtomicU64>()) as u64
}

/// The segment of an address, and the offset there. Seen from one first segment further down, segments begin at powers of
/// two, or at multiples of the large ones' length.
#[inline(always)]
fn place(at: usize) -> (usize, usize) {
    let shifted = at + SMALL_FIRST;
    if shifted >= SEGMENT {
        return (SMALL_SEGMENTS - 1 + shifted / SEGMENT, shifted % SEGMENT);
    }
    let segment = (shifted / SMALL_FIRST).ilog2();
    (segment as usize, shifted - (SMALL_FIRST << segment))
}

/// Where a segment lies.
fn extent(segment: usize) -> Extent {
    let (begin, len) = match segment.checked_sub(SMALL_SEGMENTS) {
        None => (SMALL_FIRST << segment, SMALL_FIRST << segment),
        Some(large) => ((large + 1) * SEGMENT, SEGMENT),
    };
    Extent { at: begin - SMALL_FIRST, len }
}

#[inline(always)]
pub(crate) fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::{Memory, SEGMENT, SMALL_FIRST, SMALL_SEGMENTS, WORDS_MAX, Words, extent, place};

    #[test]
    fn segments_follow_each_other_and_every_address_has_its_place() {
        let mut end = 0;
        for segment in 0..SMALL_SEGMENTS + 3 {
            let found = extent(segment);
            assert_eq!(found.at, end, "there is no gap");
            for at in [found.at, found.at + 1, found.at + found.len - 1] {
                assert_eq!(place(at), (segment, at - found.at));
            }
            end = found.at + found.len;
        }
        assert_eq!(SMALL_FIRST << SMALL_SEGMENTS, SEGMENT);
    }

    #[test]
    fn no_more_memory_is_taken_than_allowed_and_all_of_it_is_given_back() {
        let first = 8 * SMALL_FIRST as u64;
        for (max, made) in [(first, true), (first - 1, false)] {
            let memory = Memory::at_most(max);
            let words = Words::new(WORDS_MAX, memory.clone());
            assert_eq!(words.make(0).is_some(), made);
            assert_eq!(words.make(0).is_some(), made, "asked again, it is as it was");
            assert!(words.make(1).is_none());
            assert_eq!((memory.used(), memory.max()), (if made { first } else { 0 }, Some(max)));
            drop(words);
            assert_eq!(memory.used(), 0);
        }
    }

    #[test]
    fn what_was_never_made_is_not_there() {
        let words = Words::new(WORDS_MAX, Memory::unlimited());
        assert!(words.word(0).is_none());
        assert!(words.piece(5, 3).is_empty());
        let extent = words.make(0).unwrap();
        assert_eq!(words.piece(5, 3).len(), 3);
        assert!(words.piece(extent.at + extent.len - 1, 2).is_empty(), "a piece lies in one segment");
        assert!(words.word(WORDS_MAX).is_none());
        assert!(words.made(WORDS_MAX).is_none());
        assert!(words.made(SEGMENT).is_some());
        assert!(words.word(SEGMENT + SEGMENT / 2).is_some());
    }
}
