use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use prokura_model::{ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName};

use crate::{
    EngineError, View,
    guard::Guard,
    hash::PackedHash,
    index::EdgeKey,
    list::Birth,
    packed::{KindId, Node, RelationId, Subject},
    wording::Wording,
};

/// Relationships that a question takes to exist besides those that do. They are part of that question and of nothing else.
#[derive(Default)]
pub struct Overlay {
    /// By node or subject, what stands besides in its list: pairs of a key and a birth, sorted.
    forward: HashMap<Node, Box<[AtomicU64]>, PackedHash>,
    reverse: HashMap<Subject, Box<[AtomicU64]>, PackedHash>,
    terms: HashMap<EdgeKey, Arc<Terms>, PackedHash>,
    /// Objects that only these relationships name.
    strangers: Vec<ObjectRef>,
}

impl Overlay {
    pub(crate) fn edges_from(&self, node: Node) -> Option<&[AtomicU64]> {
        self.forward.get(&node).map(|entries| &**entries)
    }

    pub(crate) fn edges_to(&self, subject: Subject) -> Option<&[AtomicU64]> {
        self.reverse.get(&subject).map(|entries| &**entries)
    }

    pub(crate) fn terms(&self, key: &EdgeKey) -> Option<&Arc<Terms>> {
        self.terms.get(key)
    }

    pub(crate) fn strangers(&self) -> &[ObjectRef] {
        &self.strangers
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("lists", &self.forward.len()).finish_non_exhaustive()
    }
}

impl<'i> View<'i> {
    /// The relationships, as what a question of this view may take to exist besides. Where one exists already, these terms
    /// stand instead of its own.
    ///
    /// # Errors
    /// One uses a type or relation that was never declared.
    pub fn overlay(&self, relationships: &[(Relationship, Terms)]) -> Result<Overlay, EngineError> {
        let guard = self.index.guard();
        let mut wording = self.wording();
        let mut edges = BTreeMap::new();
        let mut overlay = Overlay::default();
        for (relationship, terms) in relationships {
            let node = self.node(&relationship.resource, &relationship.relation, &mut wording, &guard)?;
            let subject = self.subject(&relationship.subject, &mut wording, &guard)?;
            let on_terms = !terms.is_none();
            if on_terms {
                let key = EdgeKey { node, subject, birth: self.revision };
                overlay.terms.insert(key, Arc::new(terms.clone()));
            }
            edges.insert((node, subject), Birth::new(self.revision, on_terms));
        }
        overlay.strangers = wording.strangers().to_vec();
        let mut forward: BTreeMap<Node, BTreeMap<u64, Birth>> = BTreeMap::new();
        let mut reverse: BTreeMap<Subject, BTreeMap<u64, Birth>> = BTreeMap::new();
        for ((node, subject), birth) in edges {
            forward.entry(node).or_default().insert(subject.bits(), birth);
            reverse.entry(subject).or_default().insert(node.bits(), birth);
        }
        overlay.forward.extend(forward.into_iter().map(|(node, entries)| (node, in_words(&entries))));
        overlay.reverse.extend(reverse.into_iter().map(|(subject, entries)| (subject, in_words(&entries))));
        Ok(overlay)
    }

    /// The same state, with these relationships besides.
    #[must_use]
    pub fn overlaid(self, overlay: &'i Overlay) -> Self {
        Self { overlay: Some(overlay), ..self }
    }

    fn node(
        &self,
        object: &ObjectRef,
        relation: &RelationName,
        wording: &mut Wording<'_>,
        guard: &Guard<'_>,
    ) -> Result<Node, EngineError> {
        let kind = self.known_kind(&object.kind, guard)?;
        let relation = self.known_relation(relation, guard)?;
        Ok(Node::new(kind, relation, self.find_object(kind, object, wording, guard)))
    }

    fn subject(
        &self,
        subject: &SubjectRef,
        wording: &mut Wording<'_>,
        guard: &Guard<'_>,
    ) -> Result<Subject, EngineError> {
        Ok(match subject {
            SubjectRef::Object(object) => {
                let kind = self.known_kind(&object.kind, guard)?;
                Subject::object(kind, self.find_object(kind, object, wording, guard))
            }
            SubjectRef::Userset(object, relation) => Subject::userset(self.node(object, relation, wording, guard)?),
            SubjectRef::Wildcard(kind) => Subject::wildcard(self.known_kind(kind, guard)?),
        })
    }

    fn known_kind(&self, kind: &TypeName, guard: &Guard<'_>) -> Result<KindId, EngineError> {
        self.index.names.kind(kind, guard).ok_or_else(|| EngineError::NeverDeclared(kind.to_string()))
    }

    fn known_relation(&self, relation: &RelationName, guard: &Guard<'_>) -> Result<RelationId, EngineError> {
        self.index.names.relation(relation, guard).ok_or_else(|| EngineError::NeverDeclared(relation.to_string()))
    }
}

fn in_words(entries: &BTreeMap<u64, Birth>) -> Box<[AtomicU64]> {
    entries.iter().flat_map(|(key, birth)| [*key, birth.bits()]).map(AtomicU64::new).collect()
}
