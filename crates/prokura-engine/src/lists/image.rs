//! The lists of an index as items of words, one behind the other, that another index takes in without looking for anything.
//!
//! An item begins with `sort: 2 | words: 30 | number: 32` bits. Sorts 0 to 2 are the block of an end: what edges begin at, what
//! they are named by, everyone of a type; the words are those of the block, with the number of its chunks in the place of a
//! long list's directory. Sort 3 is a chunk of a long list, which stands before the block it belongs to: its end, its label,
//! and the words of the chunk.

use std::sync::atomic::AtomicU64;

use prokura_model::Revision;

use super::{End, Head, Label, labels, words_at};
use crate::{
    arena::{Full, Writing},
    edit::Draft,
    hash::folded,
    list::{Birth, CHUNK_WORDS, DEAD_WORDS, LIVE_WORDS, Piece, chunk},
    objects::Objects,
    packed::{KindId, Node, RelationId, Subject},
    pins::Pin,
    words::load,
};

const CHUNK: u64 = 3;

/// Words of a chunk's item before those of the chunk.
const CHUNK_HEAD: usize = 2;

/// Which revisions an image shows: one, and what is kept of those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) horizon: Revision,
    pub(crate) at: Revision,
}

/// What was seen of edges. Each is seen from both of its ends, so both sums are the same, or something is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) live: u64,
    pub(crate) ended: u64,
    /// Of the live ones, those that hold on terms.
    pub(crate) on_terms: u64,
    /// A sum over the live ones that does not depend on their order.
    pub(crate) sum: u64,
}

/// An edge on terms, as it was seen from where it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnTerms {
    pub(crate) node: Node,
    pub(crate) subject: Subject,
    pub(crate) birth: Birth,
    pub(crate) ended: bool,
}

impl Span {
    /// What the span sees of a piece.
    fn of(self, piece: Piece<'_>) -> Draft {
        let mut draft = Draft::default();
        draft.live.extend(piece.all_live().filter(|entry| entry.birth.revision() <= self.at));
        let live = draft.live.len();
        for dead in piece.all_dead().filter(|dead| dead.birth.revision() <= self.at && dead.death > self.horizon) {
            if dead.death > self.at {
                draft.live.push(dead.entry());
            } else {
                draft.dead.push(dead);
            }
        }
        if draft.live.len() > live {
            draft.live.sort_by_key(|entry| entry.key);
        }
        draft
    }

    /// Whether the span sees the words of a list as they are: entries of which none has ended.
    fn is_of(self, entries: &[[AtomicU64; LIVE_WORDS]]) -> bool {
        entries.iter().all(|[_, birth]| Birth::stored(birth).revision() <= self.at)
    }
}

impl Seen {
    #[inline(always)]
    fn add(&mut self, node: u64, subject: u64, birth: u64) {
        // Of wyhash: with as many ones as zeroes, so that no node and no subject makes the product nothing.
        const OF_NODE: u64 = 0xa076_1d64_78bd_642f;
        const OF_SUBJECT: u64 = 0xe703_7ed1_a0b4_28db;
        self.live += 1;
        self.on_terms += birth & 1;
        let edge = folded(node ^ OF_NODE, subject ^ OF_SUBJECT);
        self.sum = self.sum.wrapping_add(folded(edge ^ birth, OF_NODE));
    }
}

/// The other end of a list's entries is their key; this is the one they share.
#[derive(Clone, Copy)]
enum Shared {
    Node(u64),
    Subject(u64),
}

impl Shared {
    #[inline(always)]
    fn see(self, seen: &mut Seen, key: u64, birth: u64) {
        match self {
            Self::Node(node) => seen.add(node, key, birth),
            Self::Subject(subject) => seen.add(key, subject, birth),
        }
    }

    /// The edge of an entry that holds on terms, where it begins.
    fn on_terms(self, key: u64, birth: Birth, ended: bool) -> Option<OnTerms> {
        match self {
            Self::Node(node) if birth.on_terms() => {
                Some(OnTerms { node: Node::from_bits(node), subject: Subject::from_bits(key), birth, ended })
            }
            Self::Node(_) | Self::Subject(_) => None,
        }
    }
}

impl Objects {
    /// What the entries of a list share.
    fn shared(&self, end: End, label: Label) -> Option<Shared> {
        #[expect(clippy::cast_possible_truncation, reason = "what a label packs is taken apart here")]
        let (class, relation) = (label.0 >> 16, RelationId(label.0 as u16));
        Some(match end {
            End::From(object) => Shared::Node(Node::new(self.kind(object)?, relation, object).bits()),
            End::To(object) => {
                let node = Node::new(self.kind(object)?, relation, object);
                let subject = if class == 0 { Subject::object(node.kind(), object) } else { Subject::userset(node) };
                Shared::Subject(subject.bits())
            }
            End::ToEveryone(kind) => Shared::Subject(Subject::wildcard(kind).bits()),
        })
    }
}

/// The lists of an index, as they are written down.
pub(crate) struct Drawing<'a> {
    objects: &'a Objects,
    span: Span,
    /// The items so far, and the edges on terms in them. Whoever draws takes them away.
    pub(crate) items: Vec<u64>,
    pub(crate) on_terms: Vec<OnTerms>,
    /// What was seen where edges begin.
    pub(crate) seen: Seen,
    heads: Vec<Head>,
    body: Vec<u64>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(objects: &'a Objects, span: Span) -> Self {
        let (items, on_terms, heads, body) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { objects, span, items, on_terms, seen: Seen::default(), heads, body }
    }

    /// Draws the lists of an end. Nothing where the span sees none.
    pub(crate) fn end(&mut self, end: End, pin: &Pin<'_>) {
        let Some(cell) = self.objects.cell(end) else { return };
        let block = self.objects.arena.find(cell, pin);
        let labels = labels(block);
        self.heads.clear();
        self.body.clear();
        for (at, head) in block.iter().take(labels).map(|head| Head::of(load(head))).enumerate() {
            let words = words_at(block, labels, head, at);
            let start = self.body.len();
            let live = match words {
                [directory] if head.long => self.long(end, head.label, load(directory)),
                words => self.short(end, head, words),
            };
            if self.body.len() > start {
                self.heads.push(Head { start, live, ..head });
            }
        }
        let labels = self.heads.len();
        if labels > 0 {
            self.items.push(head_of(end, labels + self.body.len()));
            self.items.extend(self.heads.iter().map(|head| Head { start: head.start + labels, ..*head }.bits()));
            self.items.extend(&self.body);
        }
    }

    /// Adds a short list to the body, and says how many of its entries are live.
    fn short(&mut self, end: End, head: Head, words: &[AtomicU64]) -> usize {
        let (entries, ended) = words.as_chunks();
        if words.len() == head.live * LIVE_WORDS && ended.is_empty() && self.span.is_of(entries) {
            self.body.extend(words.iter().map(load));
            self.see(end, head.label, entries.iter().map(|[key, birth]| (load(key), load(birth))));
            return head.live;
        }
        let draft = self.span.of(Piece::new(words, head.live));
        self.body.extend(draft.words());
        self.see_draft(end, head.label, &draft);
        draft.live.len()
    }

    /// Draws the chunks of a long list, and adds their number to the body.
    fn long(&mut self, end: End, label: Label, directory: u64) -> usize {
        let objects = self.objects;
        let directory = objects.arena.block(directory);
        let mut chunks = 0;
        for at in 0..directory.len() / CHUNK_WORDS {
            let draft = self.span.of(chunk(&objects.arena, directory, at));
            if draft.is_empty() {
                continue;
            }
            chunks += 1;
            let place = self.items.len();
            self.items.extend([0, head_of(end, 0), u64::from(label.0), draft.live.len() as u64]);
            self.items.extend(draft.words());
            let words = self.items.len() - place - 1;
            if let Some(head) = self.items.get_mut(place) {
                *head = CHUNK << 62 | (words as u64) << 32;
            }
            self.see_draft(end, label, &draft);
        }
        if chunks > 0 {
            self.body.push(chunks);
        }
        0
    }

    fn see_draft(&mut self, end: End, label: Label, draft: &Draft) {
        self.see(end, label, draft.live.iter().map(|entry| (entry.key, entry.birth.bits())));
        if !matches!(end, End::From(_)) {
            return;
        }
        self.seen.ended += draft.dead.len() as u64;
        if let Some(shared) = self.objects.shared(end, label) {
            self.on_terms.extend(draft.dead.iter().filter_map(|dead| shared.on_terms(dead.key, dead.birth, true)));
        }
    }

    fn see(&mut self, end: End, label: Label, entries: impl Iterator<Item = (u64, u64)>) {
        if !matches!(end, End::From(_)) {
            return;
        }
        let Some(shared) = self.objects.shared(end, label) else { return };
        for (key, birth) in entries {
            shared.see(&mut self.seen, key, birth);
            self.on_terms.extend(shared.on_terms(key, Birth::from_bits(birth), false));
        }
    }
}

/// Lists that are taken in.
#[derive(Default)]
pub(crate) struct Laying {
    /// What was seen where edges begin, and where they end.
    pub(crate) from: Seen,
    pub(crate) to: Seen,
    /// Where something has ended, and when.
    pub(crate) ended: Vec<(Revision, End)>,
    /// The chunks that no block has taken yet.
    chunks: Vec<Laid>,
    block: Vec<u64>,
}

/// A chunk that is taken in: whose it is, the last key in it, and the block it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Laid {
    end: u64,
    label: Label,
    last: u64,
    block: u64,
}

/// Why an item is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Full,
    Wrong(&'static str),
}

impl From<Full> for Unfit {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

const SHORT: Unfit = Unfit::Wrong("a list ends in the middle");

impl Laying {
    /// Takes in items, whole ones.
    pub(crate) fn take(
        &mut self,
        mut items: &[u64],
        objects: &Objects,
        writing: &mut Writing<'_>,
    ) -> Result<(), Unfit> {
        while let Some((head, rest)) = items.split_first() {
            let (item, rest) = rest.split_at_checked(words_of(*head)).ok_or(SHORT)?;
            items = rest;
            match end_of(*head) {
                Some(end) => self.block(end, item, objects, writing)?,
                None => self.chunk(item, objects, writing)?,
            }
        }
        Ok(())
    }

    /// Whether nothing is left over.
    pub(crate) fn is_whole(&self) -> bool {
        self.chunks.is_empty()
    }

    fn chunk(&mut self, item: &[u64], objects: &Objects, writing: &mut Writing<'_>) -> Result<(), Unfit> {
        let (&[end, label], words) = item.split_first_chunk::<CHUNK_HEAD>().ok_or(SHORT)?;
        let label = Label(u32::try_from(label).map_err(|_| Unfit::Wrong("a label is too large"))?);
        let (live, entries) = words.split_first().ok_or(SHORT)?;
        let live = usize::try_from(*live).map_err(|_| SHORT)?;
        let of = end_of(end).ok_or(Unfit::Wrong("a chunk belongs to a chunk"))?;
        let last = self.list(of, label, entries, live, objects)?;
        let block = writing.write(words)?.bits();
        self.chunks.push(Laid { end, label, last, block });
        Ok(())
    }

    fn block(&mut self, end: End, item: &[u64], objects: &Objects, writing: &mut Writing<'_>) -> Result<(), Unfit> {
        let labels = item.first().map_or(0, |first| Head::of(*first).start);
        let heads = item.get(..labels).filter(|heads| !heads.is_empty()).ok_or(SHORT)?;
        let (mut start, mut before, mut directories) = (labels, None, Vec::new());
        for (at, head) in heads.iter().enumerate() {
            let head = Head::of(*head);
            let next = heads.get(at + 1).map_or(item.len(), |next| Head::of(*next).start);
            if head.start != start || next <= start || before.is_some_and(|before| before >= head.label) {
                return Err(Unfit::Wrong("lists do not lie one behind the other"));
            }
            let words = item.get(start..next).ok_or(SHORT)?;
            match words {
                [chunks] if head.long => directories.push((start, self.directory(end, head.label, *chunks, writing)?)),
                _ if head.long => return Err(Unfit::Wrong("a long list has no directory")),
                words => drop(self.list(end, head.label, words, head.live, objects)?),
            }
            (start, before) = (next, Some(head.label));
        }
        let cell = objects.cell(end).ok_or(Unfit::Wrong("a list belongs to nobody"))?;
        if load(cell) != 0 {
            return Err(Unfit::Wrong("an object has its lists twice"));
        }
        let block = if directories.is_empty() {
            writing.write(item)?
        } else {
            self.block.clear();
            self.block.extend(item);
            for (place, directory) in directories {
                *self.block.get_mut(place).ok_or(SHORT)? = directory;
            }
            writing.write(&self.block)?
        };
        writing.put(cell, Some(block));
        Ok(())
    }

    /// Puts the chunks that came before together, which have to be as many as the list has.
    fn directory(&mut self, end: End, label: Label, chunks: u64, writing: &mut Writing<'_>) -> Result<u64, Unfit> {
        let end = head_of(end, 0);
        let own = self.chunks.iter().take_while(|chunk| chunk.end == end && chunk.label == label).count();
        let own: Vec<Laid> = self.chunks.drain(..own).collect();
        if own.is_empty() || own.len() as u64 != chunks {
            return Err(Unfit::Wrong("a long list lacks a part"));
        }
        if !own.is_sorted_by(|one, other| one.last < other.last) {
            return Err(Unfit::Wrong("the parts of a long list are out of order"));
        }
        let words: Vec<u64> = own.iter().flat_map(|chunk| [chunk.last, chunk.block]).collect();
        Ok(writing.write(&words)?.bits())
    }

    /// Looks at the entries of a list or chunk, and says which key is the last.
    fn list(&mut self, end: End, label: Label, words: &[u64], live: usize, objects: &Objects) -> Result<u64, Unfit> {
        let live_words = live.checked_mul(LIVE_WORDS).ok_or(SHORT)?;
        let (entries, ended) = words.split_at_checked(live_words).ok_or(SHORT)?;
        let shared = objects.shared(end, label).ok_or(Unfit::Wrong("a list belongs to nobody"))?;
        let seen = if matches!(end, End::From(_)) { &mut self.from } else { &mut self.to };
        let mut last = None;
        for [key, birth] in entries.as_chunks::<LIVE_WORDS>().0 {
            if last.is_some_and(|last| last >= *key) {
                return Err(Unfit::Wrong("a list is out of order"));
            }
            last = Some(*key);
            shared.see(seen, *key, *birth);
        }
        if ended.is_empty() {
            return last.ok_or(SHORT);
        }
        let (ended, []) = ended.as_chunks::<DEAD_WORDS>() else { return Err(SHORT) };
        if !ended.is_sorted_by(|[key, birth, _], [next, later, _]| (key, birth) < (next, later)) {
            return Err(Unfit::Wrong("what has ended is out of order"));
        }
        seen.ended += ended.len() as u64;
        self.ended.extend(ended.iter().map(|[.., death]| (Revision(*death), end)));
        Ok(last.max(ended.last().map(|[key, ..]| *key)).unwrap_or_default())
    }
}

/// What stands before an item of an end.
fn head_of(end: End, words: usize) -> u64 {
    let (sort, number) = match end {
        End::From(object) => (0, object),
        End::To(object) => (1, object),
        End::ToEveryone(kind) => (2, u32::from(kind.0)),
    };
    sort << 62 | (words as u64) << 32 | u64::from(number)
}

/// The end in it; none before a chunk.
#[expect(clippy::cast_possible_truncation, reason = "what is packed is taken apart here")]
fn end_of(head: u64) -> Option<End> {
    let number = head as u32;
    match head >> 62 {
        0 => Some(End::From(number)),
        1 => Some(End::To(number)),
        2 => Some(End::ToEveryone(KindId(number as u16))),
        _ => None,
    }
}

/// How many words the item has.
fn words_of(head: u64) -> usize {
    const WORDS: u64 = (1 << 30) - 1;
    (head >> 32 & WORDS) as usize
}
