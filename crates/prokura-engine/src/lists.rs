//! The blocks of an object: for each label, which is a relation of its own or the relation of a userset that edges name, one
//! list.
//!
//! A block begins with one word a label, sorted: `label: 18 | long: 1 | 1 | start: 22 | live: 22` bits. `start` is where the
//! list begins in the block, so that the first one also says how many labels there are; of a short list `live` counts its
//! live entries, and what follows them up to the next start is ended ones. Of a long list there is one word, its directory.

mod grow;
pub(crate) mod image;

use std::sync::atomic::AtomicU64;

use prokura_model::Revision;

use crate::{
    arena::{Arena, Block, Full, Writing},
    edit::{Draft, Edit, Tally},
    list::{CHUNK_WORDS, FEW, LIVE_WORDS, List, Piece, chunk},
    objects::Objects,
    packed::{Class, KindId, Node, RelationId, Subject},
    pins::Pin,
    words::{PIECE_MAX, load},
};

/// Entries of a short list, and of a chunk of a long one.
const SHORT_MAX: usize = 128;
const CHUNK_MAX: usize = 512;

/// A block of more words than this has only long lists.
const BLOCK_WORDS_MAX: usize = PIECE_MAX / 4;

/// Which of an object's lists: a subject's class and relation, or a node's relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label(u32);

impl Label {
    fn of_node(node: Node) -> Self {
        Self(u32::from(node.relation().0))
    }

    fn of_subject(subject: Subject) -> Self {
        let class = (subject.bits() >> 62) as u32;
        Self(class << 16 | u32::from(subject.node().relation().0))
    }
}

/// One end of edges, which has its lists: an object they begin at, an object they or its usersets are named by, everyone of
/// a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    From(u32),
    To(u32),
    ToEveryone(KindId),
}

impl End {
    fn of_subject(subject: Subject) -> Self {
        match subject.class() {
            Class::Wildcard => Self::ToEveryone(subject.node().kind()),
            Class::Object | Class::Userset => Self::To(subject.node().object()),
        }
    }
}

/// An edge's change, from one of its ends: the list it is in, the other end, and what is done to it there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// End, label and key as one number, `sort: 2 | end: 32 | label: 18 | key: 64` bits, so that sorting compares at once.
    place: u128,
    pub(crate) edit: Edit,
}

impl Change {
    /// An edge's change at both of its ends.
    pub(crate) fn at_ends(node: Node, subject: Subject, edit: Edit) -> [Self; 2] {
        [
            Self::new(End::From(node.object()), Label::of_node(node), subject.bits(), edit),
            Self::new(End::of_subject(subject), Label::of_subject(subject), node.bits(), edit),
        ]
    }

    fn new(end: End, label: Label, key: u64, edit: Edit) -> Self {
        let (sort, number) = match end {
            End::From(object) => (0, object),
            End::To(object) => (1, object),
            End::ToEveryone(kind) => (2, u32::from(kind.0)),
        };
        let list: u64 = sort << 50 | u64::from(number) << 18 | u64::from(label.0);
        Self { place: u128::from(list) << 64 | u128::from(key), edit }
    }

    /// Sorts by end, label and key.
    pub(crate) fn place(&self) -> u128 {
        self.place
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is packed is taken apart here")]
    pub(crate) fn end(&self) -> End {
        let number = (self.place >> 82) as u32;
        match self.place >> 114 {
            0 => End::From(number),
            1 => End::To(number),
            _ => End::ToEveryone(KindId(number as u16)),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is packed is taken apart here")]
    fn label(&self) -> Label {
        Label((self.place >> 64) as u32 & 0x3_ffff)
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is packed is taken apart here")]
    fn key(&self) -> u64 {
        self.place as u64
    }
}

/// What an object's lists become. Nobody sees it until it is [put in place](Objects::put).
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    block: Option<Block>,
    /// Blocks of long lists that are no longer part of it, and those that are new.
    replaced: Vec<u64>,
    made: Vec<u64>,
    pub(crate) tally: Tally,
}

/// A word at the beginning of a block.
#[derive(Clone, Copy, Debug)]
struct Head {
    label: Label,
    long: bool,
    start: usize,
    live: usize,
}

/// A list while its object's block is written anew.
struct Drawn {
    label: Label,
    list: Shelved,
}

enum Shelved {
    Short(Draft),
    /// The bits of its directory's block.
    Long(u64),
}

impl Objects {
    pub(crate) fn edges_from<'a>(&'a self, node: Node, pin: &'a Pin<'_>) -> Option<List<'a>> {
        let block = self.arena.find(self.forward(node.object())?, pin);
        Some(shelf(block, Label::of_node(node))?.list(&self.arena))
    }

    #[inline(always)]
    pub(crate) fn edges_to<'a>(&'a self, subject: Subject, pin: &'a Pin<'_>) -> Option<Shelf<'a>> {
        let node = subject.node();
        let cell = match subject.class() {
            Class::Wildcard => self.everyone(node.kind()),
            Class::Object | Class::Userset => self.reverse(node.object()),
        };
        shelf(self.arena.find(cell?, pin), Label::of_subject(subject))
    }

    /// Every list of the object, by relation.
    pub(crate) fn lists_from<'a>(
        &'a self,
        object: u32,
        pin: &'a Pin<'a>,
    ) -> impl Iterator<Item = (RelationId, List<'a>)> {
        self.all_edges_from(object, pin).map(|(relation, shelf)| (relation, shelf.list(&self.arena)))
    }

    /// The same as they lie in memory.
    #[inline(always)]
    pub(crate) fn all_edges_from<'a>(&'a self, object: u32, pin: &'a Pin<'a>) -> Shelves<'a> {
        let block = self.forward(object).map_or(&[][..], |cell| self.arena.find(cell, pin));
        Shelves::of(block)
    }

    fn cell(&self, end: End) -> Option<&AtomicU64> {
        match end {
            End::From(object) => self.forward(object),
            End::To(object) => self.reverse(object),
            End::ToEveryone(kind) => self.everyone(kind),
        }
    }

    /// What becomes of the lists at an end with these changes, sorted by label and key.
    pub(crate) fn rewrite(
        &self,
        end: End,
        changes: &[Change],
        at: Revision,
        writing: &mut Writing<'_>,
        scratch: &mut Vec<u64>,
    ) -> Result<Rewrite, Full> {
        let block = self.arena.block(load(self.cell(end).ok_or(Full)?));
        if let Some(begun) = grow::grown(block, changes, at, scratch) {
            let tally = Tally { begun, ended: 0 };
            return Ok(Rewrite { block: Some(writing.write(scratch)?), tally, ..Rewrite::default() });
        }
        self.rewritten(end, writing, |rewriting, shelves| rewriting.change(shelves, changes, at))
    }

    /// What becomes of the lists at an end without what only revisions before the horizon see.
    pub(crate) fn forget(&self, end: End, horizon: Revision, writing: &mut Writing<'_>) -> Result<Rewrite, Full> {
        self.rewritten(end, writing, |rewriting, shelves| rewriting.forget(shelves, horizon))
    }

    /// Puts in place what was prepared.
    pub(crate) fn put(&self, end: End, rewrite: Rewrite, writing: &mut Writing<'_>) {
        let Some(cell) = self.cell(end) else { return };
        writing.put(cell, rewrite.block);
        rewrite.replaced.into_iter().for_each(|bits| writing.discard(bits));
    }

    fn rewritten(
        &self,
        end: End,
        writing: &mut Writing<'_>,
        change: impl FnOnce(&mut Rewriting<'_, '_, '_>, &mut Vec<Drawn>) -> Result<(), Full>,
    ) -> Result<Rewrite, Full> {
        let mut shelves = shelves(self.arena.block(load(self.cell(end).ok_or(Full)?)));
        let mut rewriting = Rewriting { arena: &self.arena, writing, rewrite: Rewrite::default() };
        let done = change(&mut rewriting, &mut shelves).and_then(|()| rewriting.finish(shelves));
        let Rewriting { rewrite, writing, .. } = rewriting;
        match done {
            Ok(block) => Ok(Rewrite { block, ..rewrite }),
            Err(Full) => {
                rewrite.drop(writing);
                Err(Full)
            }
        }
    }
}

impl Rewrite {
    /// Nothing comes of it.
    pub(crate) fn drop(self, writing: &mut Writing<'_>) {
        let made = self.made.into_iter().chain(self.block.map(Block::bits));
        made.for_each(|bits| writing.discard(bits));
    }
}

impl Head {
    #[inline(always)]
    fn of(word: u64) -> Self {
        const PART: u64 = (1 << 22) - 1;
        Self {
            label: Label((word >> 46) as u32),
            long: word >> 45 & 1 == 1,
            start: (word >> 22 & PART) as usize,
            live: (word & PART) as usize,
        }
    }

    fn bits(&self) -> u64 {
        u64::from(self.label.0) << 46 | u64::from(self.long) << 45 | (self.start as u64) << 22 | self.live as u64
    }
}

/// A list as it lies in a block.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    head: Head,
    words: &'a [AtomicU64],
}

impl<'a> Shelf<'a> {
    pub(crate) fn list(self, arena: &'a Arena) -> List<'a> {
        match self.words {
            [directory] if self.head.long => List::long(arena, arena.block(load(directory))),
            words => List::short(Piece::new(words, self.head.live)),
        }
    }

    /// Its entries, as pairs of a key and a birth, if nothing in it has ended. Nearly all lists are such.
    #[inline(always)]
    pub(crate) fn plain(self) -> Option<&'a [[AtomicU64; LIVE_WORDS]]> {
        (!self.head.long && self.words.len() == self.head.live * LIVE_WORDS).then_some(self.words.as_chunks().0)
    }

    /// The same, if they are so few that looking at each is quickest.
    #[inline(always)]
    pub(crate) fn few(self) -> Option<&'a [[AtomicU64; LIVE_WORDS]]> {
        self.plain().filter(|entries| entries.len() <= FEW)
    }

    #[inline(always)]
    fn at(block: &'a [AtomicU64], labels: usize, head: Head, at: usize) -> Self {
        Self { head, words: words_at(block, labels, head, at) }
    }
}

/// How many labels a block has.
#[inline(always)]
fn labels(block: &[AtomicU64]) -> usize {
    block.first().map_or(0, |first| Head::of(load(first)).start)
}

/// The list of a label.
#[inline(always)]
fn shelf(block: &[AtomicU64], label: Label) -> Option<Shelf<'_>> {
    /// From so many labels on, halving is quicker than looking at each.
    const FEW_LABELS: usize = 16;
    let labels = labels(block);
    let heads = block.get(..labels)?;
    let least = u64::from(label.0) << 46;
    let at = if labels <= FEW_LABELS {
        heads.iter().position(|head| load(head) >= least)?
    } else {
        heads.partition_point(|head| load(head) < least)
    };
    let head = Head::of(load(heads.get(at)?));
    (head.label == label).then(|| Shelf::at(block, labels, head, at))
}

/// The lists of a block that is read from its beginning.
pub(crate) struct Shelves<'a> {
    block: &'a [AtomicU64],
    labels: usize,
    next: usize,
}

impl<'a> Shelves<'a> {
    #[inline(always)]
    fn of(block: &'a [AtomicU64]) -> Self {
        Self { block, labels: labels(block), next: 0 }
    }
}

impl<'a> Iterator for Shelves<'a> {
    type Item = (RelationId, Shelf<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.labels {
            return None;
        }
        let head = Head::of(load(self.block.get(self.next)?));
        let shelf = Shelf::at(self.block, self.labels, head, self.next);
        self.next += 1;
        #[expect(clippy::cast_possible_truncation, reason = "the low half of a label is a relation")]
        Some((RelationId(head.label.0 as u16), shelf))
    }
}

#[inline(always)]
fn words_at(block: &[AtomicU64], labels: usize, head: Head, at: usize) -> &[AtomicU64] {
    let end = match block.get(at + 1) {
        Some(next) if at + 1 < labels => Head::of(load(next)).start,
        _ => block.len(),
    };
    block.get(head.start..end).unwrap_or_default()
}

/// Every list of a block.
fn shelves(block: &[AtomicU64]) -> Vec<Drawn> {
    let labels = Head::of(block.first().map_or(0, load)).start;
    let heads = block.iter().take(labels).map(|head| Head::of(load(head))).enumerate();
    let shelves = heads.map(|(at, head)| {
        let list = match words_at(block, labels, head, at) {
            [directory] if head.long => Shelved::Long(load(directory)),
            words => Shelved::Short(Draft::of(Piece::new(words, head.live))),
        };
        Drawn { label: head.label, list }
    });
    shelves.collect()
}

struct Rewriting<'a, 'w, 'b> {
    arena: &'a Arena,
    writing: &'w mut Writing<'b>,
    rewrite: Rewrite,
}

/// A part of a long list while it is written anew.
enum Part {
    Kept { last: u64, block: u64 },
    Drafted(Draft),
}

impl Rewriting<'_, '_, '_> {
    fn change(&mut self, shelves: &mut Vec<Drawn>, changes: &[Change], at: Revision) -> Result<(), Full> {
        for same_label in changes.chunk_by(|one, other| one.label() == other.label()) {
            let Some(label) = same_label.first().map(Change::label) else { continue };
            let edits: Vec<(u64, Edit)> = same_label.iter().map(|change| (change.key(), change.edit)).collect();
            let place = shelves.partition_point(|shelf| shelf.label < label);
            if shelves.get(place).is_none_or(|shelf| shelf.label != label) {
                shelves.insert(place, Drawn { label, list: Shelved::Short(Draft::default()) });
            }
            let Some(shelf) = shelves.get_mut(place) else { continue };
            match &mut shelf.list {
                Shelved::Short(draft) => {
                    let tally = draft.edit(&edits, at);
                    self.count(tally);
                }
                Shelved::Long(directory) => {
                    let parts = self.edit_long(*directory, &edits, at);
                    shelf.list = self.settled(parts)?;
                }
            }
        }
        Ok(())
    }

    fn forget(&mut self, shelves: &mut [Drawn], horizon: Revision) -> Result<(), Full> {
        for shelf in shelves {
            match &mut shelf.list {
                Shelved::Short(draft) => self.rewrite.tally.ended += draft.forget(horizon),
                Shelved::Long(directory) => {
                    let parts = self.forget_long(*directory, horizon);
                    shelf.list = self.settled(parts)?;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, tally: Tally) {
        self.rewrite.tally.begun += tally.begun;
        self.rewrite.tally.ended += tally.ended;
    }

    /// Makes the edits in the chunks they belong to; the others stay as they are.
    fn edit_long(&mut self, directory: u64, edits: &[(u64, Edit)], at: Revision) -> Vec<Part> {
        let words = self.arena.block(directory);
        let count = words.len() / CHUNK_WORDS;
        let mut rest = edits;
        self.parts(directory, |rewriting, place, last| {
            // An edit belongs to the first chunk that ends at or after it; what is beyond all belongs to the last.
            let within = if place + 1 == count { rest.len() } else { rest.partition_point(|(key, _)| *key <= last) };
            let (here, later) = rest.split_at(within);
            rest = later;
            (!here.is_empty()).then(|| {
                let mut draft = Draft::of(chunk(rewriting.arena, words, place));
                let tally = draft.edit(here, at);
                rewriting.count(tally);
                draft
            })
        })
    }

    fn forget_long(&mut self, directory: u64, horizon: Revision) -> Vec<Part> {
        let words = self.arena.block(directory);
        self.parts(directory, |rewriting, place, _| {
            let mut draft = Draft::of(chunk(rewriting.arena, words, place));
            let forgotten = draft.forget(horizon);
            rewriting.rewrite.tally.ended += forgotten;
            (forgotten > 0).then_some(draft)
        })
    }

    /// The chunks of a directory, those of which there is a draft replaced by it.
    fn parts(&mut self, directory: u64, mut drafted: impl FnMut(&mut Self, usize, u64) -> Option<Draft>) -> Vec<Part> {
        let words = self.arena.block(directory);
        let mut parts = Vec::with_capacity(words.len() / CHUNK_WORDS + 1);
        for (place, entry) in words.chunks_exact(CHUNK_WORDS).enumerate() {
            let [last, block] = entry else { continue };
            let (last, block) = (load(last), load(block));
            match drafted(self, place, last) {
                None => parts.push(Part::Kept { last, block }),
                Some(draft) => {
                    self.rewrite.replaced.push(block);
                    parts.extend(draft.split(CHUNK_MAX).into_iter().map(Part::Drafted));
                }
            }
        }
        self.rewrite.replaced.push(directory);
        parts.retain(|part| !matches!(part, Part::Drafted(draft) if draft.is_empty()));
        parts
    }

    /// A long list from its parts, or a short one if little is left.
    fn settled(&mut self, mut parts: Vec<Part>) -> Result<Shelved, Full> {
        match parts.as_mut_slice() {
            [] => Ok(Shelved::Short(Draft::default())),
            [Part::Drafted(draft)] if draft.len() <= SHORT_MAX / 2 => Ok(Shelved::Short(std::mem::take(draft))),
            _ => self.long(parts),
        }
    }

    fn long(&mut self, parts: Vec<Part>) -> Result<Shelved, Full> {
        let mut directory = Vec::with_capacity(parts.len() * CHUNK_WORDS);
        for part in parts {
            directory.extend(match part {
                Part::Kept { last, block } => [last, block],
                Part::Drafted(draft) => {
                    let words: Vec<u64> = std::iter::once(draft.live.len() as u64).chain(draft.words()).collect();
                    [draft.last_key().unwrap_or_default(), self.make(&words)?]
                }
            });
        }
        Ok(Shelved::Long(self.make(&directory)?))
    }

    /// Writes the block; none if nothing is left in it.
    fn finish(&mut self, mut shelves: Vec<Drawn>) -> Result<Option<Block>, Full> {
        shelves.retain(|shelf| !matches!(&shelf.list, Shelved::Short(draft) if draft.is_empty()));
        let mut most = SHORT_MAX;
        loop {
            for shelf in &mut shelves {
                if let Shelved::Short(draft) = &mut shelf.list
                    && draft.len() > most
                {
                    let parts = std::mem::take(draft).split(CHUNK_MAX);
                    shelf.list = self.long(parts.into_iter().map(Part::Drafted).collect())?;
                }
            }
            let words = block_of(&shelves);
            if most > 0 && words.len() > BLOCK_WORDS_MAX {
                most = 0;
                continue;
            }
            return if words.is_empty() { Ok(None) } else { self.writing.write(&words).map(Some) };
        }
    }

    fn make(&mut self, words: &[u64]) -> Result<u64, Full> {
        let block = self.writing.write(words)?.bits();
        self.rewrite.made.push(block);
        Ok(block)
    }
}

fn block_of(shelves: &[Drawn]) -> Vec<u64> {
    let mut words = vec![0; shelves.len()];
    for (at, shelf) in shelves.iter().enumerate() {
        let start = words.len();
        let (long, live) = match &shelf.list {
            Shelved::Short(draft) => {
                words.extend(draft.words());
                (false, draft.live.len())
            }
            Shelved::Long(directory) => {
                words.push(*directory);
                (true, 0)
            }
        };
        if let Some(head) = words.get_mut(at) {
            *head = Head { label: shelf.label, long, start, live }.bits();
        }
    }
    words
}
