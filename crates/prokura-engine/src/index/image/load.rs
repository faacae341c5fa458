use std::{
    fmt,
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
};

use prokura_model::{
    Change, RelationName, Revision, Timestamp, Transaction, TypeName, decode_changes, decode_terms,
    limits::OBJECT_ID_BYTES_MAX,
};

use super::{END_WORDS, ImageFault, Kind, take_bytes};
use crate::{
    ApplyError,
    index::{EdgeKey, Index, Outdated, Staged, Writer},
    lists::image::{Laying, Unfit},
    objects::name_len,
    packed::{Node, Subject},
};

/// The greatest revision that fits beside the bit that tells of terms.
const REVISION_MAX: u64 = u64::MAX >> 1;

/// An image that is taken in by an empty index. Until it is [finished](Self::finish), the index is good for nothing.
pub struct Loading<'i> {
    index: &'i Index,
    writer: MutexGuard<'i, Writer>,
    laying: Laying,
    terms: u64,
    terms_of_live: u64,
    end: Option<[u64; END_WORDS]>,
}

impl fmt::Debug for Loading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loading").field("relationships", &self.relationships()).finish_non_exhaustive()
    }
}

impl Index {
    /// Begins to take in an image. Nothing was applied before.
    pub fn loading(&self) -> Loading<'_> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Loading { index: self, writer, laying: Laying::default(), terms: 0, terms_of_live: 0, end: None }
    }
}

impl Loading<'_> {
    /// Takes in the next record.
    ///
    /// # Errors
    /// It is no part of an image, or there is no room for it.
    pub fn take(&mut self, kind: u8, words: &[u64]) -> Result<(), ImageFault> {
        if self.end.is_some() {
            return Err(ImageFault::wrong("something stands behind the end of an image"));
        }
        match Kind::of(kind).ok_or_else(|| ImageFault::wrong("a record is of no kind"))? {
            Kind::Types => self.types(words),
            Kind::Relations => self.relations(words),
            Kind::Objects => self.objects(words),
            Kind::Terms => self.terms(words),
            Kind::Lists => self.lists(words),
            Kind::Change => self.change(words),
            Kind::End => {
                self.end = Some(words.try_into().map_err(|_| ends_early())?);
                Ok(())
            }
        }
    }

    /// How many relationships were taken in so far.
    #[must_use]
    pub fn relationships(&self) -> u64 {
        self.laying.from.live
    }

    /// Everything was taken in: the index is at the revision of the image, and shows it.
    ///
    /// # Errors
    /// Something is missing.
    pub fn finish(self) -> Result<(), ImageFault> {
        let Self { index, mut writer, laying, terms, terms_of_live, end } = self;
        let [at, horizon, objects, live, ended, all_terms, sum] = end.ok_or_else(ends_early)?;
        let (from, to) = (laying.from, laying.to);
        let whole = laying.is_whole()
            && horizon <= at
            && at <= REVISION_MAX
            && (from.live, from.ended, from.sum) == (live, ended, sum)
            && (to.live, to.sum) == (live, sum)
            && (terms, terms_of_live) == (all_terms, from.on_terms)
            && u64::from(index.names.objects_len()) == objects;
        if !whole {
            return Err(ImageFault::wrong("it does not come to what was written"));
        }
        for (death, end) in laying.ended {
            writer.outdate(death, Outdated::Edges(end));
        }
        index.nesting.change(Revision(at));
        if !writer.nested.is_empty() {
            index.nesting.make_room(index.names.objects_len());
        }
        index.relationships.store(live, Ordering::Relaxed);
        index.ended.store(ended, Ordering::Relaxed);
        index.horizon.store(horizon, Ordering::Release);
        index.applied.store(at, Ordering::Release);
        index.published.store(at, Ordering::Release);
        Ok(())
    }

    fn types(&mut self, mut words: &[u64]) -> Result<(), ImageFault> {
        let guard = self.index.guard();
        while !words.is_empty() {
            let name = TypeName::new(take_text(&mut words)?).map_err(ImageFault::wrong)?;
            self.index.names.add_kind(&name, &guard).map_err(refused)?;
        }
        Ok(())
    }

    fn relations(&mut self, mut words: &[u64]) -> Result<(), ImageFault> {
        let guard = self.index.guard();
        while !words.is_empty() {
            let name = RelationName::new(take_text(&mut words)?).map_err(ImageFault::wrong)?;
            self.index.names.add_relation(&name, &guard).map_err(refused)?;
        }
        Ok(())
    }

    fn objects(&mut self, mut words: &[u64]) -> Result<(), ImageFault> {
        let names = &self.index.names;
        let kinds = u64::from(names.lens().0);
        let mut writing = names.objects.arena.writing();
        while let Some((name, rest)) = words.split_first() {
            let length = name_len(*name);
            let (own, rest) = rest.split_at_checked(length.div_ceil(8)).ok_or_else(ends_early)?;
            words = rest;
            let filling = own.last().map_or(0, |last| last >> (length % 8 * 8));
            let is_filled = length.is_multiple_of(8) || filling == 0;
            if length == 0 || length > OBJECT_ID_BYTES_MAX || name >> 16 >= kinds || !is_filled {
                return Err(ImageFault::wrong("an object has no name"));
            }
            if !names.objects.add_words(*name, own, &mut writing).map_err(|_| ImageFault::Full)? {
                return Err(ImageFault::wrong("an object has two numbers"));
            }
        }
        writing.reclaim();
        Ok(())
    }

    fn terms(&mut self, mut words: &[u64]) -> Result<(), ImageFault> {
        let guard = self.index.guard();
        while let Some((&[node, subject, birth, ended], rest)) = words.split_first_chunk() {
            words = rest;
            let terms = decode_terms(&take_bytes(&mut words).ok_or_else(ends_early)?).map_err(ImageFault::wrong)?;
            let (node, subject, birth) = (Node::from_bits(node), Subject::from_bits(subject), Revision(birth));
            self.index.terms.insert(EdgeKey { node, subject, birth }, Arc::new(terms), &guard.maps);
            self.terms += 1;
            self.terms_of_live += u64::from(ended == 0);
        }
        if words.is_empty() { Ok(()) } else { Err(ends_early()) }
    }

    fn lists(&mut self, words: &[u64]) -> Result<(), ImageFault> {
        let objects = &self.index.names.objects;
        let mut writing = objects.arena.writing();
        self.laying.take(words, objects, &mut writing).map_err(|unfit| match unfit {
            Unfit::Full => ImageFault::Full,
            Unfit::Wrong(what) => ImageFault::wrong(what),
        })
    }

    fn change(&mut self, words: &[u64]) -> Result<(), ImageFault> {
        let (revision, mut words) = words.split_first().ok_or_else(ends_early)?;
        let bytes = take_bytes(&mut words).filter(|_| words.is_empty()).ok_or_else(ends_early)?;
        let changes = decode_changes(&bytes).map_err(ImageFault::wrong)?;
        let edges = |change: &Change| {
            matches!(
                change,
                Change::RelationshipTouched(..) | Change::RelationshipDeleted(_) | Change::RelationshipExpired(_)
            )
        };
        if changes.iter().any(edges) {
            return Err(ImageFault::wrong("a relationship stands where none belongs"));
        }
        let (author, reason) = (String::new(), String::new());
        let (revision, time) = (Revision(*revision), Timestamp::default());
        let transaction = Transaction { revision, time, author, reason, request_id: None, changes };
        let (guard, lens) = (self.index.guard(), self.index.names.lens());
        let staged = Staged::new(self.index, &transaction, &guard).map_err(refused)?;
        if self.index.names.lens() != lens {
            return Err(ImageFault::wrong("a name has no number"));
        }
        self.writer.know_nested(&staged);
        self.index.take_in_registers(staged, revision, &mut self.writer, &guard);
        Ok(())
    }
}

fn refused(error: ApplyError) -> ImageFault {
    match error {
        ApplyError::GraphFull => ImageFault::Full,
        other => ImageFault::wrong(other),
    }
}

fn ends_early() -> ImageFault {
    ImageFault::wrong("a record ends in the middle")
}

fn take_text(words: &mut &[u64]) -> Result<String, ImageFault> {
    let bytes = take_bytes(words).ok_or_else(ends_early)?;
    String::from_utf8(bytes).map_err(ImageFault::wrong)
}
