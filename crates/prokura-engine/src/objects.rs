//! Every object there ever was: its number, its name, and where its edges are.
//!
//! An object's number is the place of its record, four words: the blocks of its edges and of the edges to it, what its name is
//! like, and how the name begins. So an object's edges are one step away, and of short names most is in the record.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use prokura_model::ObjectId;

use crate::{
    arena::{Arena, Full, Writing},
    hash::{NameHash, words_of},
    limits::TYPES_MAX,
    memory::Memory,
    packed::KindId,
    pins::Pin,
    words::{WORDS_MAX, Words, load},
};

const RECORD_WORDS: usize = 4;
const FORWARD: usize = 0;
const REVERSE: usize = 1;
const NAME: usize = 2;

/// Tables of names, each growing on its own, so that no write waits for all of them to grow.
const SHARDS: usize = 256;

/// Words of a shard's record: where its table is, and how many names are in it.
const SHARD_WORDS: usize = 2;

/// Slots of a new table.
const TABLE_FIRST: usize = 16;

pub(crate) struct Objects {
    pub(crate) arena: Arena,
    records: Words,
    shards: Words,
    /// By kind, where the edges to everyone of it are.
    everyone: Words,
    hash: NameHash,
    len: AtomicU32,
}

impl Objects {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self {
            arena: Arena::new(memory.clone()),
            records: Words::new(WORDS_MAX, memory.clone()),
            shards: Words::new(SHARDS * SHARD_WORDS, memory.clone()),
            everyone: Words::new(TYPES_MAX, memory.clone()),
            hash: NameHash::new(),
            len: AtomicU32::new(0),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    /// The number of the object with this name.
    pub(crate) fn number(&self, kind: KindId, id: &str, pin: &Pin<'_>) -> Option<u32> {
        self.sought(kind, id, pin)?.number(self)
    }

    /// The numbers of a resource and of a subject. Both are looked for side by side, and where their edges are as well: all of
    /// that lies far apart in memory, and waiting for two things takes as long as waiting for one.
    pub(crate) fn numbers(&self, ends: [(KindId, &str); 2], pin: &Pin<'_>) -> [Option<u32>; 2] {
        let sought = ends.map(|(kind, id)| self.sought(kind, id, pin));
        let first = |sought: &Option<Sought<'_>>| sought.as_ref().and_then(Sought::first_slot);
        let slots = sought.each_ref().map(first);
        if let [Some(resource), Some(subject)] = slots.map(|slot| named(slot?)) {
            let cells = [self.forward(resource), self.reverse(subject)];
            let blocks = cells.map(|cell| cell.map_or(0, load));
            let beginnings = blocks.map(|bits| self.arena.block(bits).first().map_or(0, load));
            // Nobody needs them yet: what is looked at is in the cache when somebody does.
            std::hint::black_box(beginnings);
        }
        sought.map(|sought| sought?.number(self))
    }

    #[inline(always)]
    fn sought<'a>(&'a self, kind: KindId, id: &'a str, pin: &'a Pin<'_>) -> Option<Sought<'a>> {
        let name = name_of(kind, id.len());
        let hash = self.hash.of_bytes(name, id.as_bytes());
        let (shard, tag) = place_of(hash);
        Some(Sought { table: self.arena.find(self.shards.word(shard)?, pin), tag, name, id: id.as_bytes() })
    }

    #[inline(always)]
    fn found<W: Iterator<Item = u64>>(
        &self,
        table: &[AtomicU64],
        tag: u32,
        name: u64,
        words: impl Fn() -> W,
    ) -> Option<u32> {
        let mask = table.len().checked_sub(1)?;
        let mut at = tag as usize & mask;
        loop {
            let slot = table.get(at)?.load(Ordering::Acquire);
            let number = named(slot)?;
            if slot >> 32 == u64::from(tag) && self.is(number, name, words()) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn kind(&self, number: u32) -> Option<KindId> {
        let name = load(self.records.word(number as usize * RECORD_WORDS + NAME)?);
        #[expect(clippy::cast_possible_truncation, reason = "the sixteen bits of the kind are meant")]
        (name != 0).then_some(KindId((name >> 16) as u16))
    }

    pub(crate) fn id(&self, number: u32) -> Option<ObjectId> {
        let [.., name, beginning] = self.record(number)?;
        let (name, beginning) = (load(name), load(beginning));
        let len = name_len(name);
        // Most names are short, and need no memory of their own to be put together.
        if let Some(bytes) = beginning.to_le_bytes().get(..len) {
            return ObjectId::new(str::from_utf8(bytes).ok()?).ok();
        }
        let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
        bytes.extend_from_slice(&beginning.to_le_bytes());
        for word in self.rest_of_name(name) {
            bytes.extend_from_slice(&load(word).to_le_bytes());
        }
        bytes.truncate(len);
        ObjectId::new(String::from_utf8(bytes).ok()?).ok()
    }

    /// What the object's name is like, and the name in words, the last one filled with zeroes.
    pub(crate) fn name_words(&self, number: u32) -> Option<(u64, impl Iterator<Item = u64>)> {
        let [.., name, beginning] = self.record(number)?;
        let name = load(name);
        let words = std::iter::once(load(beginning)).chain(self.rest_of_name(name).iter().map(load));
        Some((name & NAME_BITS, words))
    }

    /// Where the object's edges are.
    #[inline(always)]
    pub(crate) fn forward(&self, number: u32) -> Option<&AtomicU64> {
        self.records.word(number as usize * RECORD_WORDS + FORWARD)
    }

    /// Has the beginning of an object's edges brought near.
    #[inline(always)]
    pub(crate) fn fetch_edges_from(&self, number: u32) {
        let block = self.forward(number).map_or(0, load);
        std::hint::black_box(self.arena.block(block).first().map_or(0, load));
    }

    /// Where the edges to the object and its usersets are.
    #[inline(always)]
    pub(crate) fn reverse(&self, number: u32) -> Option<&AtomicU64> {
        self.records.word(number as usize * RECORD_WORDS + REVERSE)
    }

    /// Where the edges to everyone of the kind are.
    pub(crate) fn everyone(&self, kind: KindId) -> Option<&AtomicU64> {
        self.everyone.word(usize::from(kind.0))
    }

    /// How much memory it all takes, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.arena.bytes() + self.records.bytes() + self.shards.bytes() + self.everyone.bytes()
    }

    /// How much of it finds objects by name, in bytes: their records, and the tables.
    pub(crate) fn name_bytes(&self) -> u64 {
        let shards = (0..SHARDS).filter_map(|shard| self.shards.word(shard * SHARD_WORDS));
        let tables: usize = shards.map(|table| self.arena.block(load(table)).len()).sum();
        self.records.bytes() + self.shards.bytes() + self.everyone.bytes() + tables as u64 * 8
    }

    // What follows is the writer's.

    /// The number of the object with this name, which is new if there is none.
    pub(crate) fn add(&self, kind: KindId, id: &str, pin: &Pin<'_>) -> Result<u32, Full> {
        if let Some(known) = self.number(kind, id, pin) {
            return Ok(known);
        }
        let number = self.len();
        let mut writing = self.arena.writing();
        let name = name_of(kind, id.len());
        self.write_record(number, name, words_of(id.as_bytes()), &mut writing)?;
        let (shard, tag) = self.hashed(name, words_of(id.as_bytes()));
        self.enter(shard, tag, number, &mut writing)?;
        self.len.store(number + 1, Ordering::Release);
        Ok(number)
    }

    /// Gives the next number to a name in words, as [`name_words`](Self::name_words) shows it; false if it has one already.
    pub(crate) fn add_words(&self, name: u64, words: &[u64], writing: &mut Writing<'_>) -> Result<bool, Full> {
        let (shard, tag) = self.hashed(name, words.iter().copied());
        let table = self.arena.block(self.shards.word(shard).map_or(0, load));
        if self.found(table, tag, name, || words.iter().copied()).is_some() {
            return Ok(false);
        }
        let number = self.len();
        self.write_record(number, name, words.iter().copied(), writing)?;
        self.enter(shard, tag, number, writing)?;
        self.len.store(number + 1, Ordering::Release);
        Ok(true)
    }

    /// Makes the place where the edges to everyone of the kind will be.
    pub(crate) fn add_everyone(&self, kind: KindId) -> Result<(), Full> {
        self.everyone.made(usize::from(kind.0)).map(|_| ()).ok_or(Full)
    }

    fn write_record(
        &self,
        number: u32,
        name: u64,
        mut words: impl Iterator<Item = u64>,
        writing: &mut Writing<'_>,
    ) -> Result<(), Full> {
        self.records.made(number as usize * RECORD_WORDS).ok_or(Full)?;
        let beginning = words.next().unwrap_or_default();
        let rest: Vec<u64> = words.collect();
        let rest = if rest.is_empty() { 0 } else { writing.write(&rest)?.at() as u64 };
        let Some([.., like, first]) = self.record(number) else { return Err(Full) };
        first.store(beginning, Ordering::Relaxed);
        like.store(rest << 32 | name, Ordering::Relaxed);
        Ok(())
    }

    fn enter(&self, shard: usize, tag: u32, number: u32, writing: &mut Writing<'_>) -> Result<(), Full> {
        let cell = self.shards.made(shard).ok_or(Full)?;
        let count = self.shards.made(shard + 1).ok_or(Full)?;
        let table = self.arena.block(load(cell));
        let names = load(count);
        let full = usize::try_from(names).map_or(true, |names| (names + 1) * 4 > table.len() * 3);
        // Three of four slots at most are taken, so that a search soon meets an empty one.
        if full {
            let mut grown = vec![0; (table.len() * 2).max(TABLE_FIRST)];
            for slot in table.iter().map(load).filter(|slot| *slot != 0) {
                insert(&mut grown, slot);
            }
            insert(&mut grown, slot_of(tag, number));
            let block = writing.write(&grown)?;
            writing.put(cell, Some(block));
        } else {
            let mask = table.len() - 1;
            let places = (0..table.len()).map(|step| (tag as usize + step) & mask);
            let free = places.filter_map(|at| table.get(at)).find(|slot| load(slot) == 0);
            // The record is written: whoever finds the slot finds it.
            free.ok_or(Full)?.store(slot_of(tag, number), Ordering::Release);
        }
        count.store(names + 1, Ordering::Relaxed);
        Ok(())
    }

    fn record(&self, number: u32) -> Option<&[AtomicU64; RECORD_WORDS]> {
        self.records.piece(number as usize * RECORD_WORDS, RECORD_WORDS).first_chunk()
    }

    #[inline(always)]
    fn is(&self, number: u32, name: u64, mut words: impl Iterator<Item = u64>) -> bool {
        let Some([.., like, beginning]) = self.record(number) else { return false };
        let like = load(like);
        like & NAME_BITS == name
            && words.next() == Some(load(beginning))
            && self.rest_of_name(like).iter().map(load).eq(words)
    }

    fn rest_of_name(&self, name: u64) -> &[AtomicU64] {
        let words = name_len(name).div_ceil(8);
        if words <= 1 {
            return &[];
        }
        self.arena.words().piece((name >> 32) as usize, words - 1)
    }

    #[inline(always)]
    fn hashed(&self, name: u64, words: impl Iterator<Item = u64>) -> (usize, u32) {
        place_of(self.hash.of(name, words))
    }
}

/// A name that is looked for.
struct Sought<'a> {
    table: &'a [AtomicU64],
    tag: u32,
    name: u64,
    id: &'a [u8],
}

impl Sought<'_> {
    /// Where the search begins, and mostly ends.
    #[inline(always)]
    fn first_slot(&self) -> Option<u64> {
        self.table.get(self.tag as usize & self.table.len().checked_sub(1)?).map(load)
    }

    #[inline(always)]
    fn number(&self, objects: &Objects) -> Option<u32> {
        objects.found(self.table, self.tag, self.name, || words_of(self.id))
    }
}

/// The place of the shard's record, and the tag by which the name is looked for in its table.
#[inline(always)]
fn place_of(hash: u64) -> (usize, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the two ends of the hash are taken apart here")]
    let (shard, tag) = ((hash >> 56) as usize, hash as u32);
    (shard * SHARD_WORDS, tag)
}

/// What a name is like, in the low half of a word: `kind: 16 | bytes: 16` bits.
fn name_of(kind: KindId, bytes: usize) -> u64 {
    u64::from(kind.0) << 16 | bytes as u64
}

const NAME_BITS: u64 = u32::MAX as u64;

pub(crate) fn name_len(name: u64) -> usize {
    (name & 0xffff) as usize
}

/// A slot of a table: the tag, and the number plus one.
fn slot_of(tag: u32, number: u32) -> u64 {
    (u64::from(tag) << 32) | (u64::from(number) + 1)
}

/// The number in a slot; none in an empty one.
fn named(slot: u64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    (slot as u32).checked_sub(1)
}

fn insert(table: &mut [u64], slot: u64) {
    let mask = table.len() - 1;
    let mut at = (slot >> 32) as usize & mask;
    while let Some(taken) = table.get_mut(at) {
        if *taken == 0 {
            *taken = slot;
            return;
        }
        at = (at + 1) & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::{KindId, Objects};

    #[test]
    fn every_name_has_its_number_and_every_number_its_name() {
        let objects = Objects::new(&crate::Memory::unlimited());
        let pin = objects.arena.pin();
        let kind = |number: u32| KindId(u16::try_from(number % 3).unwrap());
        let names: Vec<String> = (0..300_000).map(|n| format!("{}{n}", "x".repeat(n % 40))).collect();
        for (number, name) in (0..).zip(&names) {
            assert_eq!(objects.number(kind(number), name, &pin), None);
            assert_eq!(objects.add(kind(number), name, &pin), Ok(number));
            assert_eq!(objects.add(kind(number), name, &pin), Ok(number));
        }
        for (number, name) in (0..).zip(&names) {
            assert_eq!(objects.number(kind(number), name, &pin), Some(number));
            assert_eq!(objects.number(KindId(3), name, &pin), None);
            assert_eq!(objects.id(number).unwrap().as_str(), name);
            assert_eq!(objects.kind(number), Some(kind(number)));
        }
        assert_eq!(objects.kind(objects.len()), None);
        assert!(objects.id(u32::MAX).is_none());
    }
}
