use std::{collections::HashMap, fmt, sync::Arc};

use papaya::LocalGuard;
use prokura_model::{ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName};

use crate::{
    EngineError, View,
    hash::PackedHash,
    index::EdgeKey,
    list::{Edit, List},
    packed::{KindId, Node, RelationId, Subject},
    wording::Wording,
};

/// Relationships that a question takes to exist besides those that do. They are part of that question and of nothing else.
#[derive(Default)]
pub struct Overlay {
    forward: HashMap<Node, List, PackedHash>,
    reverse: HashMap<Subject, List, PackedHash>,
    terms: HashMap<EdgeKey, Arc<Terms>, PackedHash>,
    /// Objects that only these relationships name.
    strangers: Vec<ObjectRef>,
}

impl Overlay {
    pub(crate) fn edges_from(&self, node: Node) -> Option<&List> {
        self.forward.get(&node)
    }

    pub(crate) fn edges_to(&self, subject: Subject) -> Option<&List> {
        self.reverse.get(&subject)
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
        let mut edges = Vec::with_capacity(relationships.len());
        let mut overlay = Overlay::default();
        for (relationship, terms) in relationships {
            let node = self.node(&relationship.resource, &relationship.relation, &mut wording, &guard)?;
            let subject = self.subject(&relationship.subject, &mut wording, &guard)?;
            let on_terms = !terms.is_none();
            if on_terms {
                let key = EdgeKey { node, subject, birth: self.revision };
                overlay.terms.insert(key, Arc::new(terms.clone()));
            }
            edges.push((node, subject, Edit::Touch { on_terms, anew: true }));
        }
        overlay.strangers = wording.strangers().to_vec();
        edges.sort_by_key(|(node, subject, _)| (*node, *subject));
        for same in edges.chunk_by(|one, other| one.0 == other.0) {
            let Some((node, ..)) = same.first() else { continue };
            let edits: Vec<_> = same.iter().map(|(_, subject, edit)| (subject.bits(), *edit)).collect();
            let list = List::edited(self.index.forward.get(node, &guard), &edits, self.revision).list;
            overlay.forward.extend(list.map(|list| (*node, list)));
        }
        edges.sort_by_key(|(node, subject, _)| (*subject, *node));
        for same in edges.chunk_by(|one, other| one.1 == other.1) {
            let Some((_, subject, _)) = same.first() else { continue };
            let edits: Vec<_> = same.iter().map(|(node, _, edit)| (node.bits(), *edit)).collect();
            let list = List::edited(self.index.reverse.get(subject, &guard), &edits, self.revision).list;
            overlay.reverse.extend(list.map(|list| (*subject, list)));
        }
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
        guard: &LocalGuard<'_>,
    ) -> Result<Node, EngineError> {
        let kind = self.known_kind(&object.kind, guard)?;
        let relation = self.known_relation(relation, guard)?;
        Ok(Node::new(kind, relation, self.find_object(kind, object, wording, guard)))
    }

    fn subject(
        &self,
        subject: &SubjectRef,
        wording: &mut Wording<'_>,
        guard: &LocalGuard<'_>,
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

    fn known_kind(&self, kind: &TypeName, guard: &LocalGuard<'_>) -> Result<KindId, EngineError> {
        self.index.names.kind(kind, guard).ok_or_else(|| EngineError::NeverDeclared(kind.to_string()))
    }

    fn known_relation(&self, relation: &RelationName, guard: &LocalGuard<'_>) -> Result<RelationId, EngineError> {
        self.index.names.relation(relation, guard).ok_or_else(|| EngineError::NeverDeclared(relation.to_string()))
    }
}
