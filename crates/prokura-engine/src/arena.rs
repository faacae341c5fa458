//! Where lists and names lie: blocks of words that are written once, found through a cell that points to them, and replaced
//! by pointing it elsewhere. What was replaced is used again when nobody who was there can still look at it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    memory::Memory,
    pins::{Grace, Pin, Pins},
    words::{PIECE_MAX, WORDS_MAX, Words},
};

/// Blocks up to that many words are kept for blocks of exactly their length.
const EXACT_MAX: usize = 256;

/// Where a block lies, in one word: `address: 32 | words: 32` bits. Zero is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(u64);

impl Block {
    fn new(at: usize, len: usize) -> Self {
        Self((at as u64) << 32 | len as u64)
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        (bits != 0).then_some(Self(bits))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn at(self) -> usize {
        (self.0 >> 32) as usize
    }

    fn len(self) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
        let len = self.0 as u32;
        len as usize
    }
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
pub(crate) struct Arena {
    words: Words,
    pins: Pins,
    space: Mutex<Space>,
}

/// What only the writer knows.
#[derive(Debug, Default)]
struct Space {
    /// How many segments there are, the end of what was ever given out, and the end of the segment it is in.
    segments: usize,
    end: usize,
    segment_end: usize,
    /// Blocks to be used again: by length, and the longer ones by what they hold.
    exact: Vec<Vec<u32>>,
    longer: BTreeMap<usize, Vec<u32>>,
    /// Replaced since the last grace period began, and before.
    replaced: Vec<Block>,
    waiting: Vec<Block>,
    grace: Grace,
}

impl Arena {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { words: Words::new(WORDS_MAX, memory), pins: Pins::default(), space: Mutex::default() }
    }

    /// Whoever looks at blocks is pinned as long as it does.
    pub(crate) fn pin(&self) -> Pin<'_> {
        self.pins.pin()
    }

    /// The block that a cell points to. Read it with [`load`](crate::words::load).
    ///
    /// Sequentially consistent with the reader's [`pin`](Self::pin) before it, and with what the writer does after it put a
    /// block in place: looking for readers.
    #[inline(always)]
    pub(crate) fn find<'a>(&'a self, cell: &AtomicU64, _pin: &'a Pin<'_>) -> &'a [AtomicU64] {
        self.block(cell.load(Ordering::SeqCst))
    }

    /// The block with these bits, which were found in a block or are the writer's own.
    #[inline(always)]
    pub(crate) fn block(&self, bits: u64) -> &[AtomicU64] {
        match Block::from_bits(bits) {
            Some(block) => self.words.piece(block.at(), block.len()),
            None => &[],
        }
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// The writer's side. There is one writer; the lock is only there for the compiler.
    pub(crate) fn writing(&self) -> Writing<'_> {
        Writing { arena: self, space: self.space.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.words.bytes()
    }

    /// How much of that holds nothing now, in bytes. Waits while the writer writes.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.space.lock().unwrap_or_else(PoisonError::into_inner).free() as u64 * 8
    }
}

pub(crate) struct Writing<'a> {
    arena: &'a Arena,
    space: MutexGuard<'a, Space>,
}

impl Writing<'_> {
    /// A new block. Nobody sees it until a cell [points](Self::put) to it.
    pub(crate) fn write(&mut self, words: &[u64]) -> Result<Block, Full> {
        let block = self.space.take(&self.arena.words, words.len())?;
        for (word, value) in self.arena.block(block.bits()).iter().zip(words) {
            word.store(*value, Ordering::Relaxed);
        }
        Ok(block)
    }

    /// Points the cell to the block, or to none. Whatever it pointed to is used again, in time.
    pub(crate) fn put(&mut self, cell: &AtomicU64, block: Option<Block>) {
        let before = cell.swap(block.map_or(0, Block::bits), Ordering::SeqCst);
        self.discard(before);
    }

    /// A block that nothing points to any more is used again, in time.
    pub(crate) fn discard(&mut self, bits: u64) {
        self.space.replaced.extend(Block::from_bits(bits));
    }

    /// Takes back what nobody can look at any more.
    pub(crate) fn reclaim(&mut self) {
        let space = &mut *self.space;
        loop {
            if space.waiting.is_empty() {
                if space.replaced.is_empty() {
                    return;
                }
                std::mem::swap(&mut space.waiting, &mut space.replaced);
                space.grace = Grace::default();
            }
            space.grace = space.grace.tried(&self.arena.pins);
            if space.grace != Grace::Over {
                return;
            }
            for block in std::mem::take(&mut space.waiting) {
                space.give_back(block);
            }
        }
    }
}

impl Space {
    /// How many words hold nothing, or nothing that anybody will look at much longer.
    fn free(&self) -> usize {
        let exact: usize = self.exact.iter().enumerate().map(|(room, places)| room * places.len()).sum();
        let longer: usize = self.longer.iter().map(|(room, places)| room * places.len()).sum();
        let replaced: usize = self.replaced.iter().chain(&self.waiting).map(|block| room(block.len())).sum();
        exact + longer + replaced + self.segment_end - self.end
    }

    fn take(&mut self, words: &Words, len: usize) -> Result<Block, Full> {
        let room = room(len);
        if room == 0 || room > PIECE_MAX {
            return Err(Full);
        }
        let at = match self.again(room) {
            Some(at) => at,
            None => self.further(words, room)?,
        };
        Ok(Block::new(at, len))
    }

    fn again(&mut self, room: usize) -> Option<usize> {
        if room <= EXACT_MAX {
            return self.exact.get_mut(room)?.pop().map(|at| at as usize);
        }
        let places = self.longer.get_mut(&room)?;
        let at = places.pop()?;
        if places.is_empty() {
            self.longer.remove(&room);
        }
        Some(at as usize)
    }

    /// From the end of what was ever given out; what is too short for it at the end of a segment is kept for shorter ones.
    fn further(&mut self, words: &Words, room: usize) -> Result<usize, Full> {
        while self.segment_end - self.end < room {
            let mut left = self.segment_end - self.end;
            while left > 0 {
                let some = left.min(EXACT_MAX);
                self.give_place(self.end, some);
                self.end += some;
                left -= some;
            }
            let extent = words.make(self.segments).ok_or(Full)?;
            self.segments += 1;
            self.end = extent.at;
            self.segment_end = extent.at + extent.len;
        }
        let at = self.end;
        self.end += room;
        Ok(at)
    }

    fn give_back(&mut self, block: Block) {
        let room = room(block.len());
        self.give_place(block.at(), room);
    }

    fn give_place(&mut self, at: usize, room: usize) {
        let Ok(at) = u32::try_from(at) else { return };
        if room > EXACT_MAX {
            self.longer.entry(room).or_default().push(at);
            return;
        }
        if self.exact.len() <= room {
            self.exact.resize_with(room + 1, Vec::new);
        }
        if let Some(places) = self.exact.get_mut(room) {
            places.push(at);
        }
    }
}

/// What a block of that many words takes: the longer ones are rounded up to one of eight steps to the next power of two, so
/// that they can take each other's places.
fn room(len: usize) -> usize {
    if len <= EXACT_MAX {
        return len;
    }
    len.next_multiple_of(len.next_power_of_two() / 16)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::{Arena, Full, Memory, PIECE_MAX, room};
    use crate::words::load;

    fn words(block: &[AtomicU64]) -> Vec<u64> {
        block.iter().map(load).collect()
    }

    #[test]
    fn what_a_reader_can_see_is_not_used_again_until_it_has_gone() {
        let arena = Arena::new(Memory::unlimited());
        let cell = AtomicU64::new(0);
        let mut writing = arena.writing();
        let block = writing.write(&[1, 2, 3]).unwrap();
        writing.put(&cell, Some(block));
        let reader = arena.pin();
        let seen = arena.find(&cell, &reader);
        let other = writing.write(&[4, 5, 6]).unwrap();
        writing.put(&cell, Some(other));
        for value in 0..100 {
            writing.reclaim();
            let block = writing.write(&[value; 3]).unwrap();
            writing.discard(block.bits());
        }
        assert_eq!(words(seen), [1, 2, 3]);
        assert_eq!(words(arena.find(&cell, &reader)), [4, 5, 6]);
        drop(reader);
        writing.reclaim();
        let reused: Vec<_> = (0..102).map(|_| writing.write(&[7; 3]).unwrap()).collect();
        assert!(reused.contains(&block), "and then it is");
        assert!(!reused.contains(&other));
    }

    #[test]
    fn nobody_sees_half_of_one_block_and_half_of_another() {
        const ROUNDS: u64 = 30_000;
        let arena = Arena::new(Memory::unlimited());
        let cell = AtomicU64::new(0);
        let (done, seen) = (AtomicBool::new(false), AtomicU64::new(0));
        let replace = |round: u64| {
            let mut writing = arena.writing();
            let block = writing.write(&[round; 40]).unwrap();
            writing.put(&cell, Some(block));
            writing.reclaim();
        };
        replace(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                // However late it comes to run, it looks once.
                scope.spawn(|| {
                    loop {
                        let over = done.load(Ordering::Acquire);
                        let reader = arena.pin();
                        let block = words(arena.find(&cell, &reader));
                        assert!(block.len() == 40 && block.iter().all(|word| word == &block[0]), "{block:?}");
                        seen.fetch_add(1, Ordering::Relaxed);
                        if over {
                            break;
                        }
                    }
                });
            }
            (0..ROUNDS).for_each(&replace);
            done.store(true, Ordering::Release);
        });
        assert!(seen.load(Ordering::Relaxed) >= 3);
        // Nobody looks any more, so everything but the block in place can be used again.
        arena.writing().reclaim();
        let before = arena.bytes();
        (0..ROUNDS).for_each(replace);
        assert_eq!(arena.bytes(), before);
    }

    #[test]
    fn blocks_of_every_length_keep_what_was_written() {
        let arena = Arena::new(Memory::unlimited());
        let mut writing = arena.writing();
        let lengths = [1, 2, 255, 256, 257, 1_000, 5_000, 100_000, 300_000, PIECE_MAX];
        let blocks: Vec<_> =
            lengths.iter().map(|len| (*len, writing.write(&vec![*len as u64; *len]).unwrap())).collect();
        for (len, block) in blocks {
            assert_eq!(words(arena.block(block.bits())), vec![len as u64; len]);
        }
        assert_eq!(writing.write(&vec![0; PIECE_MAX + 1]), Err(Full));
        assert_eq!(writing.write(&[]), Err(Full), "a block has a word");
    }

    #[test]
    fn a_block_is_rounded_up_by_an_eighth_at_most() {
        for len in 1..10_000 {
            assert!(room(len) >= len && room(len) <= len + len / 8, "{len}");
        }
    }
}
