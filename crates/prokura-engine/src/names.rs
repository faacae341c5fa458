use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use papaya::HashMap;
use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef, TypeName};

use crate::{
    ApplyError,
    guard::Guard,
    limits::{RELATION_NAMES_MAX, TYPES_MAX},
    memory::Memory,
    objects::Objects,
    packed::{Class, KindId, Node, RelationId, Subject},
};

/// Numbers from here on stand for objects that a question names and the graph does not know.
pub(crate) const STRANGER_FIRST: u32 = u32::MAX - 65_536;

/// An object that nothing names, neither the graph nor a question.
pub(crate) const NOBODY: u32 = u32::MAX - 1;

/// Every name ever used, and its number. Only the writer adds; nothing is forgotten.
pub(crate) struct Names {
    pub(crate) kinds: HashMap<TypeName, u32>,
    pub(crate) relations: HashMap<RelationName, u32>,
    pub(crate) objects: Objects,
    kind_names: Slots<TypeName>,
    relation_names: Slots<RelationName>,
}

impl Names {
    pub(crate) fn new(kinds: HashMap<TypeName, u32>, relations: HashMap<RelationName, u32>, memory: &Memory) -> Self {
        let relation_names = Slots::default();
        // Number 0 is nobody's relation: a plain object's.
        relation_names.skip();
        Self { kinds, relations, objects: Objects::new(memory), kind_names: Slots::default(), relation_names }
    }

    pub(crate) fn kind(&self, name: &TypeName, guard: &Guard<'_>) -> Option<KindId> {
        self.kinds.get(name, &guard.maps).and_then(|number| u16::try_from(*number).ok()).map(KindId)
    }

    pub(crate) fn relation(&self, name: &RelationName, guard: &Guard<'_>) -> Option<RelationId> {
        self.relations.get(name, &guard.maps).and_then(|number| u16::try_from(*number).ok()).map(RelationId)
    }

    pub(crate) fn object(&self, kind: KindId, id: &ObjectId, guard: &Guard<'_>) -> Option<u32> {
        self.objects.number(kind, id.as_str(), &guard.pin)
    }

    pub(crate) fn node(&self, object: &ObjectRef, relation: &RelationName, guard: &Guard<'_>) -> Option<Node> {
        let kind = self.kind(&object.kind, guard)?;
        Some(Node::new(kind, self.relation(relation, guard)?, self.object(kind, &object.id, guard)?))
    }

    pub(crate) fn subject(&self, subject: &SubjectRef, guard: &Guard<'_>) -> Option<Subject> {
        match subject {
            SubjectRef::Object(object) => {
                let kind = self.kind(&object.kind, guard)?;
                Some(Subject::object(kind, self.object(kind, &object.id, guard)?))
            }
            SubjectRef::Userset(object, relation) => Some(Subject::userset(self.node(object, relation, guard)?)),
            SubjectRef::Wildcard(kind) => Some(Subject::wildcard(self.kind(kind, guard)?)),
        }
    }

    /// Every relation's and permission's number.
    pub(crate) fn relation_ids(&self) -> Vec<RelationId> {
        (1..self.relation_names.len()).filter_map(|number| u16::try_from(number).ok()).map(RelationId).collect()
    }

    /// Every type's number.
    pub(crate) fn kind_ids(&self) -> Vec<KindId> {
        (0..self.kind_names.len()).filter_map(|number| u16::try_from(number).ok()).map(KindId).collect()
    }

    /// How many names of types, and of relations and permissions, there are.
    pub(crate) fn lens(&self) -> (u32, u32) {
        (self.kind_names.len(), self.relation_names.len())
    }

    pub(crate) fn objects_len(&self) -> u32 {
        self.objects.len()
    }

    pub(crate) fn kind_name(&self, kind: KindId) -> Option<&TypeName> {
        self.kind_names.get(u32::from(kind.0))
    }

    pub(crate) fn relation_name(&self, relation: RelationId) -> Option<&RelationName> {
        self.relation_names.get(u32::from(relation.0))
    }

    pub(crate) fn object_ref(&self, node: Node) -> Option<ObjectRef> {
        Some(ObjectRef { kind: self.kind_name(node.kind())?.clone(), id: self.objects.id(node.object())? })
    }

    pub(crate) fn subject_ref(&self, subject: Subject) -> Option<SubjectRef> {
        let node = subject.node();
        Some(match subject.class() {
            Class::Object => SubjectRef::Object(self.object_ref(node)?),
            Class::Wildcard => SubjectRef::Wildcard(self.kind_name(node.kind())?.clone()),
            Class::Userset => SubjectRef::Userset(self.object_ref(node)?, self.relation_name(node.relation())?.clone()),
        })
    }

    // What follows is the writer's.

    pub(crate) fn add_kind(&self, name: &TypeName, guard: &Guard<'_>) -> Result<KindId, ApplyError> {
        if let Some(known) = self.kind(name, guard) {
            return Ok(known);
        }
        let full = ApplyError::TooManyNames { what: "type names", limit: TYPES_MAX };
        let number = self.kind_names.len();
        let kind = u16::try_from(number).ok().filter(|number| usize::from(*number) < TYPES_MAX).ok_or(full)?;
        self.objects.add_everyone(KindId(kind))?;
        self.kind_names.push(name.clone());
        self.kinds.insert(name.clone(), number, &guard.maps);
        Ok(KindId(kind))
    }

    pub(crate) fn add_relation(&self, name: &RelationName, guard: &Guard<'_>) -> Result<RelationId, ApplyError> {
        if let Some(known) = self.relation(name, guard) {
            return Ok(known);
        }
        let full = ApplyError::TooManyNames { what: "relation and permission names", limit: RELATION_NAMES_MAX };
        let number = self.relation_names.len();
        let relation = u16::try_from(number).map_err(|_| full)?;
        self.relation_names.push(name.clone());
        self.relations.insert(name.clone(), number, &guard.maps);
        Ok(RelationId(relation))
    }

    fn add_object(
        &self,
        object: &ObjectRef,
        known: &mut KnownNames,
        guard: &Guard<'_>,
    ) -> Result<(KindId, u32), ApplyError> {
        let kind = known.kinds.find_or(&object.kind, || self.add_kind(&object.kind, guard))?;
        let number = self.objects.add(kind, object.id.as_str(), &guard.pin)?;
        Ok((kind, number))
    }

    pub(crate) fn add_node(
        &self,
        object: &ObjectRef,
        relation: &RelationName,
        known: &mut KnownNames,
        guard: &Guard<'_>,
    ) -> Result<Node, ApplyError> {
        let (kind, number) = self.add_object(object, known, guard)?;
        let relation = known.relations.find_or(relation, || self.add_relation(relation, guard))?;
        Ok(Node::new(kind, relation, number))
    }

    pub(crate) fn add_subject(
        &self,
        subject: &SubjectRef,
        known: &mut KnownNames,
        guard: &Guard<'_>,
    ) -> Result<Subject, ApplyError> {
        Ok(match subject {
            SubjectRef::Object(object) => {
                let (kind, number) = self.add_object(object, known, guard)?;
                Subject::object(kind, number)
            }
            SubjectRef::Userset(object, relation) => Subject::userset(self.add_node(object, relation, known, guard)?),
            SubjectRef::Wildcard(kind) => Subject::wildcard(self.add_kind(kind, guard)?),
        })
    }
}

/// Names of types and relations that a transaction has met: they are few, and each stands in it thousands of times.
#[derive(Default)]
pub(crate) struct KnownNames {
    kinds: Known<TypeName, KindId>,
    relations: Known<RelationName, RelationId>,
}

struct Known<K, V>(Vec<(K, V)>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Clone + Eq, V: Copy> Known<K, V> {
    fn find_or(&mut self, name: &K, find: impl FnOnce() -> Result<V, ApplyError>) -> Result<V, ApplyError> {
        /// Of more names, looking at each is slower than asking.
        const MOST: usize = 16;
        if let Some((_, number)) = self.0.iter().find(|(known, _)| known == name) {
            return Ok(*number);
        }
        let number = find()?;
        if self.0.len() < MOST {
            self.0.push((name.clone(), number));
        }
        Ok(number)
    }
}

/// A list that grows at its end while others read it. Bucket n holds 2^n slots, so nothing ever moves.
struct Slots<T> {
    buckets: [OnceLock<Box<[OnceLock<T>]>>; 32],
    len: AtomicU32,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| OnceLock::new()), len: AtomicU32::new(0) }
    }
}

impl<T> Slots<T> {
    fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    fn get(&self, index: u32) -> Option<&T> {
        let (bucket, slot) = place(index)?;
        self.buckets.get(bucket)?.get()?.get(slot)?.get()
    }

    /// Only the one writer pushes.
    fn push(&self, value: T) {
        let index = self.len();
        if let Some((bucket, slot)) = place(index)
            && let Some(bucket_slots) = self.buckets.get(bucket)
        {
            let slots = bucket_slots.get_or_init(|| (0..1usize << bucket).map(|_| OnceLock::new()).collect());
            if let Some(slot) = slots.get(slot) {
                let fresh = slot.set(value).is_ok();
                assert!(fresh, "two writers added a name at once");
            }
        }
        self.len.store(index + 1, Ordering::Release);
    }

    fn skip(&self) {
        self.len.fetch_add(1, Ordering::AcqRel);
    }
}

/// The bucket and the slot of an index. None for the last index of all, which is never given out.
fn place(index: u32) -> Option<(usize, usize)> {
    let shifted = index.checked_add(1)?;
    let bucket = shifted.ilog2();
    Some((bucket as usize, (shifted - (1 << bucket)) as usize))
}
