use std::sync::Arc;

use prokura_model::{AuthzenMapping, Change, ModelId, RelationName, Revision, TypeName, encode_changes, encode_terms};

use super::{END_WORDS, Kind, put_bytes};
use crate::{
    EngineError,
    guard::Guard,
    index::{EdgeKey, Index},
    lists::{
        End,
        image::{Drawing, OnTerms, Seen, Span},
    },
    timeline::Version,
};

/// A record is handed on once it has about so many words.
const RECORD_WORDS: usize = 8_192;

/// Objects that are looked at before readers are let go of what was replaced meanwhile.
const OBJECTS_AT_ONCE: usize = 1_024;

/// Why an image is not whole.
#[derive(Debug)]
pub enum DrawError<E> {
    /// The revision is not, or no longer, kept.
    NotKept(EngineError),
    /// The index contradicts itself.
    Inconsistent(String),
    /// Whoever takes the records wants no more.
    Refused(E),
}

impl Index {
    /// Shows all that is seen by the revision, and by those before it that are kept, as records.
    ///
    /// Readers and the writer go on meanwhile. Whoever calls this sees to it that the horizon does not pass the revision.
    ///
    /// # Errors
    /// The revision is not kept, now or in the end; or the taker refused a record.
    pub fn draw<E>(&self, at: Revision, take: impl FnMut(u8, &[u64]) -> Result<(), E>) -> Result<(), DrawError<E>> {
        self.view_at(at).map_err(DrawError::NotKept)?;
        // What is named from here on, the revision does not see. Names of types and relations are made before those of
        // objects, so reading them afterwards finds all that are needed.
        let objects = self.names.objects_len();
        let span = Span { horizon: self.horizon(), at };
        let mut image = Image { index: self, span, take, record: Vec::new() };
        image.names(objects)?;
        image.registers()?;
        let (seen, terms) = image.lists(objects)?;
        self.check_kept(at).map_err(DrawError::NotKept)?;
        // What was forgotten meanwhile may be in it or not.
        let horizon = self.horizon();
        let end: [u64; END_WORDS] = [at.0, horizon.0, u64::from(objects), seen.live, seen.ended, terms, seen.sum];
        image.record.extend(end);
        image.flush(Kind::End)
    }
}

struct Image<'i, F> {
    index: &'i Index,
    span: Span,
    take: F,
    record: Vec<u64>,
}

impl<E, F: FnMut(u8, &[u64]) -> Result<(), E>> Image<'_, F> {
    fn flush(&mut self, kind: Kind) -> Result<(), DrawError<E>> {
        if !self.record.is_empty() {
            (self.take)(kind as u8, &self.record).map_err(DrawError::Refused)?;
            self.record.clear();
        }
        Ok(())
    }

    fn flush_if_full(&mut self, kind: Kind) -> Result<(), DrawError<E>> {
        if self.record.len() >= RECORD_WORDS { self.flush(kind) } else { Ok(()) }
    }

    fn names(&mut self, objects: u32) -> Result<(), DrawError<E>> {
        let names = &self.index.names;
        for kind in names.kind_ids() {
            put_bytes(&mut self.record, names.kind_name(kind).map_or("", TypeName::as_str).as_bytes());
        }
        self.flush(Kind::Types)?;
        for relation in names.relation_ids() {
            put_bytes(&mut self.record, names.relation_name(relation).map_or("", RelationName::as_str).as_bytes());
        }
        self.flush(Kind::Relations)?;
        for number in 0..objects {
            let named = names.objects.name_words(number);
            let (name, words) = named.ok_or_else(|| DrawError::Inconsistent(format!("object {number} has no name")))?;
            self.record.push(name);
            self.record.extend(words);
            self.flush_if_full(Kind::Objects)?;
        }
        self.flush(Kind::Objects)
    }

    /// Answers with what was seen of edges, and how many terms there are.
    fn lists(&mut self, objects: u32) -> Result<(Seen, u64), DrawError<E>> {
        let index = self.index;
        let mut drawing = Drawing::new(&index.names.objects, self.span);
        let mut terms = 0;
        let ends = (0..objects).flat_map(|object| [End::From(object), End::To(object)]);
        let mut ends = ends.chain(index.names.kind_ids().into_iter().map(End::ToEveryone)).peekable();
        while ends.peek().is_some() {
            let guard = index.guard();
            for end in ends.by_ref().take(2 * OBJECTS_AT_ONCE) {
                drawing.end(end, &guard.pin);
                terms += self.terms(drawing.on_terms.drain(..), &guard)?;
                if drawing.items.len() >= RECORD_WORDS {
                    (self.take)(Kind::Lists as u8, &drawing.items).map_err(DrawError::Refused)?;
                    drawing.items.clear();
                }
            }
        }
        self.flush(Kind::Terms)?;
        std::mem::swap(&mut self.record, &mut drawing.items);
        self.flush(Kind::Lists)?;
        Ok((drawing.seen, terms))
    }

    /// Adds the terms of these edges, and answers with how many there are.
    fn terms(&mut self, edges: impl Iterator<Item = OnTerms>, guard: &Guard<'_>) -> Result<u64, DrawError<E>> {
        let mut count = 0;
        for OnTerms { node, subject, birth, ended } in edges {
            let revision = birth.revision();
            match self.index.terms.get(&EdgeKey { node, subject, birth: revision }, &guard.maps) {
                Some(terms) => {
                    self.record.extend([node.bits(), subject.bits(), revision.0, u64::from(ended)]);
                    put_bytes(&mut self.record, &encode_terms(terms));
                    count += 1;
                }
                // An ended one may have been forgotten since its list was found.
                None if ended => {}
                None => return Err(DrawError::Inconsistent("the terms of a relationship are missing".to_owned())),
            }
            self.flush_if_full(Kind::Terms)?;
        }
        Ok(count)
    }

    fn change(&mut self, revision: Revision, change: Change) -> Result<(), DrawError<E>> {
        self.record.push(revision.0);
        put_bytes(&mut self.record, &encode_changes(&[change]));
        self.flush(Kind::Change)
    }

    fn changes<K, T>(
        &mut self,
        versions: Vec<Version<K, T>>,
        change: impl Fn(K, Option<&T>) -> Option<Change>,
    ) -> Result<(), DrawError<E>> {
        for Version { key, from, value } in versions {
            if let Some(change) = change(key, value.as_deref()) {
                self.change(from, change)?;
            }
        }
        Ok(())
    }

    /// Everything that is not a relationship. What is found is gathered before it is handed on, so that nobody waits.
    fn registers(&mut self) -> Result<(), DrawError<E>> {
        let (index, Span { horizon, at }) = (self.index, self.span);
        let versions = index.programs.versions(horizon, at, &index.guard());
        self.changes(versions, |(), program| Some(Change::SchemaWritten(program?.schema.text().to_owned())))?;
        let versions = self.models();
        self.changes(versions, |_, compiled| Some(Change::ModelWritten(compiled?.model.as_ref().clone())))?;
        let versions = index.assertions.versions(horizon, at, &index.guard());
        self.changes(versions, |model, text| Some(Change::AssertionsWritten(model, text?.clone())))?;
        let versions = index.authzen_mapping.versions(horizon, at, &index.guard());
        self.changes(versions, |(), mapping| {
            Some(Change::AuthzenMappingSet(mapping.map_or_else(AuthzenMapping::default, AuthzenMapping::clone)))
        })?;
        let versions = index.principals.versions(horizon, at, &index.guard());
        self.changes(versions, |object, principal| {
            Some(
                principal.map_or(Change::PrincipalRemoved(object), |principal| Change::PrincipalSet(principal.clone())),
            )
        })?;
        let versions = index.attributes.versions(horizon, at, &index.guard());
        self.changes(versions, |object, members| {
            Some(Change::AttributesSet(object, members.cloned().unwrap_or_default()))
        })?;
        let versions = index.tasks.versions(horizon, at, &index.guard());
        self.changes(versions, |_, task| Some(Change::TaskOpened(task?.clone())))?;
        let mut versions = index.spending.versions(horizon, at, &index.guard());
        versions.sort_by_key(|version| version.from);
        self.changes(versions, |task, spending| Some(Change::SpendingSet(task, Box::new(spending?.clone()))))?;
        let versions = index.delegations.versions(horizon, at, &index.guard());
        self.changes(versions, |_, link| Some(Change::DelegationCreated((*link?.delegation).clone())))?;
        // In the order in which they were made: that of a worker's grows.
        let mut versions = index.endorsements.versions(horizon, at, &index.guard());
        versions.sort_by_key(|version| version.from);
        self.changes(versions, |_, endorsement| Some(Change::EndorsementCreated(endorsement?.clone())))?;
        let versions = index.requests.versions(horizon, at, &index.guard());
        self.changes(versions, |_, request| Some(Change::RequestSet(Box::new(request?.clone()))))?;
        let mut versions = index.approvals.versions(horizon, at, &index.guard());
        versions.sort_by_key(|version| version.from);
        self.changes(versions, |_, approval| Some(Change::ApprovalSet(Box::new(approval?.clone()))))
    }

    /// The models in the order in which they were written: the last of them is the newest.
    fn models(&self) -> Vec<Version<ModelId, crate::index::Compiled>> {
        let (index, guard) = (self.index, self.index.guard());
        let mut versions = index.models.versions(self.span.horizon, self.span.at, &guard);
        let is_newest = |version: &Version<ModelId, _>| {
            let newest = index.newest_model.at(&(), version.from, &guard);
            newest.is_some_and(|(_, newest): (_, &Arc<ModelId>)| **newest == version.key)
        };
        versions.sort_by_cached_key(|version| (version.from, is_newest(version)));
        versions
    }
}
