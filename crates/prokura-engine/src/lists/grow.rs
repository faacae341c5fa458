//! What most writes are: entries are added to short lists in which nothing has ended. Then the new block is the old one with
//! something in between, and is written in one go.

use std::sync::atomic::AtomicU64;

use prokura_model::Revision;

use super::{BLOCK_WORDS_MAX, Change, Head, Label, SHORT_MAX, labels, words_at};
use crate::{
    edit::Edit,
    list::{Birth, LIVE_WORDS},
    words::load,
};

/// Writes the block with the changes, sorted by label and key, into `words`, and says how many entries began; nothing if it
/// is not that simple: something ends, has ended, or becomes long.
pub(super) fn grown(block: &[AtomicU64], changes: &[Change], at: Revision, words: &mut Vec<u64>) -> Option<u64> {
    let old = labels(block);
    let of_label = || changes.chunk_by(|one, other| one.label() == other.label());
    let new = of_label().filter(|changes| !has(block, old, changes)).count();
    words.clear();
    words.resize(old + new, 0);
    let mut merged = Merged { block, old, next: 0, at, begun: 0 };
    let mut place = 0;
    for changes in of_label() {
        let label = changes.first()?.label();
        while merged.label().is_some_and(|next| next < label) {
            merged.list(&mut place, words, &[])?;
        }
        merged.list(&mut place, words, changes)?;
    }
    while merged.label().is_some() {
        merged.list(&mut place, words, &[])?;
    }
    (words.len() <= BLOCK_WORDS_MAX).then_some(merged.begun)
}

fn has(block: &[AtomicU64], labels: usize, changes: &[Change]) -> bool {
    let heads = block.get(..labels).unwrap_or_default();
    heads.iter().any(|head| changes.first().is_some_and(|change| Head::of(load(head)).label == change.label()))
}

/// The old block's lists, as far as they are merged.
struct Merged<'a> {
    block: &'a [AtomicU64],
    old: usize,
    next: usize,
    at: Revision,
    begun: u64,
}

impl Merged<'_> {
    /// The label of the next list of the old block.
    fn label(&self) -> Option<Label> {
        Some(self.head()?.label)
    }

    fn head(&self) -> Option<Head> {
        let head = self.block.get(..self.old)?.get(self.next)?;
        Some(Head::of(load(head)))
    }

    /// Adds the next list, which is of the old block, of the changes, or of both.
    fn list(&mut self, place: &mut usize, words: &mut Vec<u64>, changes: &[Change]) -> Option<()> {
        let head = self.head().filter(|head| changes.first().is_none_or(|change| change.label() == head.label));
        let entries = match head {
            Some(head) => {
                let entries = words_at(self.block, self.old, head, self.next);
                self.next += 1;
                (!head.long && entries.len() == head.live * LIVE_WORDS).then_some(entries)?
            }
            None => &[],
        };
        let label = head.map(|head| head.label).or_else(|| changes.first().map(Change::label))?;
        let start = words.len();
        self.merge(entries.as_chunks().0, changes, words)?;
        let live = (words.len() - start) / LIVE_WORDS;
        if live > SHORT_MAX {
            return None;
        }
        *words.get_mut(*place)? = Head { label, long: false, start, live }.bits();
        *place += 1;
        Some(())
    }

    fn merge(&mut self, entries: &[[AtomicU64; LIVE_WORDS]], changes: &[Change], words: &mut Vec<u64>) -> Option<()> {
        let mut rest = entries;
        for same in changes.chunk_by(|one, other| one.key() == other.key()) {
            let key = same.first()?.key();
            let (before, after) = rest.split_at(rest.partition_point(|[known, _]| load(known) < key));
            words.extend(before.as_flattened().iter().map(load));
            rest = after;
            if rest.first().is_some_and(|[known, _]| load(known) == key) {
                // It is there already, and stays as it is; anything else is an end.
                if !same.iter().all(|change| matches!(change.edit, Edit::Touch { anew: false, .. })) {
                    return None;
                }
                continue;
            }
            let [Change { edit: Edit::Touch { on_terms, .. }, .. }] = same else { return None };
            words.extend([key, Birth::new(self.at, *on_terms).bits()]);
            self.begun += 1;
        }
        words.extend(rest.as_flattened().iter().map(load));
        Some(())
    }
}
