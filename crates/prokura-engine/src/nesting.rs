//! The closure of nested groups: for a group, what it is in through others, found once and kept.
//!
//! A group's closure is found by the first reader that asks for it, at its revision, and is good for every revision since the
//! last change of any edge between groups, up to the next one. So it never has to be taken back: the writer says when that
//! last change was, before anybody can see it, and whoever finds a closure from before climbs the edges themselves.
//!
//! Slots are written by readers, and read without a lock (a seqlock; Boehm, "Can Seqlocks Get Along With Programming Language
//! Memory Models?", 2012): the count at their beginning is odd while one is written.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use prokura_model::Revision;

use crate::{
    hash::folded,
    memory::Memory,
    packed::Node,
    words::{Words, load},
};

/// Words of a slot, a cache line: `count: 32 | program: 32`, whose closure it is, since when and how much of it, what each
/// group above was found through and which relation it is of, and two groups a word.
const SLOT_WORDS: usize = 8;
const HEAD_WORDS: usize = 4;

/// Groups that a slot tells of. Further up, the next one's slot tells.
pub(crate) const KEPT_MAX: usize = 2 * (SLOT_WORDS - HEAD_WORDS);

/// Slots of a small graph and of the largest (32 MiB), and objects for each slot.
const SLOTS_FIRST: usize = 64;
const SLOTS_MAX: usize = 1 << 19;
const OBJECTS_EACH: usize = 16;

pub(crate) struct Nesting {
    slots: Words,
    /// The number of slots less one; nothing if there are none.
    mask: AtomicUsize,
    /// The last revision that changed an edge between groups.
    changed: AtomicU64,
}

/// A group above another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Higher {
    pub(crate) node: Node,
    /// What it was found through: the position among these counted from one, or zero for the group that was asked about.
    pub(crate) through: usize,
}

/// How much of what is above a group is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) len: usize,
    /// How many of the group itself and those told of have everything above them among these: the ones from there on lead
    /// further.
    pub(crate) whole: usize,
    /// Whether every edge on the way holds for good.
    pub(crate) exact: bool,
}

/// A closure in its slot, perhaps while somebody else writes there.
pub(crate) struct Kept<'a> {
    pub(crate) shape: Shape,
    slot: &'a [AtomicU64; SLOT_WORDS],
    before: u64,
    since: u64,
    changed: &'a AtomicU64,
}

impl Kept<'_> {
    /// What is above the group, each after what it was found through.
    #[inline(always)]
    pub(crate) fn above(&self, nested: &[Node]) -> impl Iterator<Item = Higher> {
        let [_, _, _, ways, pairs @ ..] = self.slot;
        let ways = load(ways);
        (0..self.shape.len).filter_map(move |at| {
            let way = ways >> (8 * at);
            let pair = load(pairs.get(at / 2)?);
            #[expect(clippy::cast_possible_truncation, reason = "what is packed is taken apart here")]
            let object = (pair >> (32 * (at % 2))) as u32;
            let node = nested.get((way >> 4 & 0xf) as usize)?.with_object(object);
            Some(Higher { node, through: (way & 0xf) as usize })
        })
    }

    /// Whether what was read is the closure that a revision sees.
    #[inline(always)]
    pub(crate) fn is_good(&self, at: Revision) -> bool {
        let [count, ..] = self.slot;
        fence(Ordering::Acquire);
        let untouched = count.load(Ordering::Relaxed) == self.before;
        // Asked last: whoever kept it knew of every change up to `since`.
        untouched && self.changed.load(Ordering::Acquire) <= self.since.min(at.0)
    }
}

impl Nesting {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self {
            slots: Words::new(SLOTS_MAX * SLOT_WORDS, memory.clone()),
            mask: AtomicUsize::new(0),
            changed: AtomicU64::new(0),
        }
    }

    /// Whether a revision is not before the last change.
    #[inline(always)]
    pub(crate) fn serves(&self, at: Revision) -> bool {
        self.changed.load(Ordering::Acquire) <= at.0
    }

    /// What is kept of the group's closure for a program. It is good for nothing until it was read and [asked](Kept::is_good).
    #[inline(always)]
    pub(crate) fn find(&self, group: Node, program: u32) -> Option<Kept<'_>> {
        self.slots_of(group, program).into_iter().find_map(|slot| {
            let [count, key, shape, ..] = slot?;
            let before = count.load(Ordering::Acquire);
            let is_it = is_written(before) && program_of(before) == u64::from(program) && load(key) == group.bits();
            let (shape, since) = Shape::of(load(shape));
            is_it.then_some(Kept { shape, slot: slot?, before, since, changed: &self.changed })
        })
    }

    /// Keeps the closure of the group as a revision sees it. Somebody else who is keeping one there is not waited for.
    pub(crate) fn keep(
        &self,
        (group, program): (Node, u32),
        nested: &[Node],
        at: Revision,
        (shape, above): (Shape, &[Higher; KEPT_MAX]),
    ) {
        let [Some(first), Some(second)] = self.slots_of(group, program) else { return };
        let slot = if !self.is_free_for(first, group) && self.is_free_for(second, group) { second } else { first };
        let [count, key, told, ways, pairs @ ..] = slot;
        let before = count.load(Ordering::Relaxed);
        let begun = count.compare_exchange(before, before | 1, Ordering::Acquire, Ordering::Relaxed);
        if !is_written(before) || begun.is_err() {
            return;
        }
        fence(Ordering::Release);
        let object = |at: usize| above.get(at).map_or(0, |higher| u64::from(higher.node.object()));
        let way = |higher: &Higher| {
            let which = nested.iter().position(|node| *node == higher.node.with_object(0)).unwrap_or_default();
            (which << 4 | higher.through) as u64
        };
        key.store(group.bits(), Ordering::Relaxed);
        told.store(shape.bits(at), Ordering::Relaxed);
        ways.store(above.iter().rev().fold(0, |ways, higher| ways << 8 | way(higher)), Ordering::Relaxed);
        for (word, at) in pairs.iter().zip((0..).step_by(2)) {
            word.store(object(at) | object(at + 1) << 32, Ordering::Relaxed);
        }
        count.store(counted_on(before, program), Ordering::Release);
    }

    /// Whether what is in a slot is of the group, or good for nobody any more.
    fn is_free_for(&self, [_, key, told, ..]: &[AtomicU64; SLOT_WORDS], group: Node) -> bool {
        let (_, since) = Shape::of(load(told));
        load(key) == group.bits() || since < self.changed.load(Ordering::Relaxed)
    }

    /// The two places where the group's closure may be kept.
    #[inline(always)]
    fn slots_of(&self, group: Node, program: u32) -> [Option<&[AtomicU64; SLOT_WORDS]>; 2] {
        let mask = self.mask.load(Ordering::Acquire);
        let hash = folded(group.bits() ^ u64::from(program) << 48, 0x9e37_79b9_7f4a_7c15);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let place = hash as usize & mask;
        [place, place ^ 1].map(|place| self.slots.piece(place * SLOT_WORDS, SLOT_WORDS).first_chunk())
    }

    // What follows is the writer's.

    /// An edge between groups is about to change, by this revision.
    pub(crate) fn change(&self, at: Revision) {
        self.changed.fetch_max(at.0, Ordering::AcqRel);
    }

    /// Makes more slots, if there are many objects and there is room.
    pub(crate) fn make_room(&self, objects: u32) {
        let wanted = (objects as usize / OBJECTS_EACH).next_power_of_two().clamp(SLOTS_FIRST, SLOTS_MAX);
        let slots = self.mask.load(Ordering::Relaxed) + 1;
        if wanted <= slots {
            return;
        }
        let all = (0..wanted * SLOT_WORDS).step_by(SLOT_WORDS).all(|at| self.slots.made(at).is_some());
        if all {
            self.mask.store(wanted - 1, Ordering::Release);
        }
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.bytes()
    }
}

impl Higher {
    pub(crate) const NOTHING: Self = Self { node: Node::from_bits(0), through: 0 };
}

/// With the revision it is kept since, as it lies in a slot: `since: 48 | exact: 8 | whole: 4 | len: 4` bits.
impl Shape {
    #[inline(always)]
    fn of(word: u64) -> (Self, u64) {
        let part = |at: u32| (word >> at & 0xf) as usize;
        (Self { len: part(0), whole: part(4), exact: part(8) == 1 }, word >> 16)
    }

    fn bits(self, since: Revision) -> u64 {
        since.0 << 16 | u64::from(self.exact) << 8 | (self.whole << 4 | self.len) as u64
    }
}

/// Whether a slot with that count is not being written.
#[inline(always)]
fn is_written(count: u64) -> bool {
    count & 1 == 0
}

#[inline(always)]
fn program_of(count: u64) -> u64 {
    count >> 32
}

/// The count after something of the program was written.
fn counted_on(before: u64, program: u32) -> u64 {
    u64::from(program) << 32 | (before & 0xffff_fffe).wrapping_add(2) & 0xffff_ffff
}
