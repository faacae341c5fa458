use std::{collections::BinaryHeap, ops::ControlFlow};

use papaya::LocalGuard;
use prokura_model::{Relationship, RelationshipFilter, Revision};

use crate::{
    EngineError, View,
    limits::PAGE_RELATIONSHIPS_MAX,
    list::List,
    packed::{KindId, Node, RelationId, Subject},
};

/// A page of relationships, each with the revision that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The relationships, in ascending order.
    pub relationships: Vec<(Relationship, Revision)>,
    /// Where the next page begins: after this one. None if there is no more.
    pub next: Option<Relationship>,
}

impl View<'_> {
    /// The relationships that the filter means, ascending, at most `limit` of them (and at most
    /// [`PAGE_RELATIONSHIPS_MAX`]), beginning after `after`.
    ///
    /// Costs as much as the filter leaves open: with a resource or a subject named, only its own edges; otherwise all.
    ///
    /// # Errors
    /// The view's revision is no longer kept.
    pub fn relationships(
        &self,
        filter: &RelationshipFilter,
        after: Option<&Relationship>,
        limit: usize,
    ) -> Result<Page, EngineError> {
        let limit = limit.clamp(1, PAGE_RELATIONSHIPS_MAX);
        let mut least: BinaryHeap<(Relationship, Revision)> = BinaryHeap::new();
        let mut more = false;
        self.visit_relationships(filter, |relationship, birth| {
            if after.is_none_or(|after| relationship > *after) {
                least.push((relationship, birth));
                if least.len() > limit {
                    least.pop();
                    more = true;
                }
            }
            ControlFlow::Continue(())
        })?;
        let relationships = least.into_sorted_vec();
        let next = relationships.last().filter(|_| more).map(|(last, _)| last.clone());
        Ok(Page { relationships, next })
    }

    /// Shows every relationship that the filter means, in no particular order, until the visitor has seen enough.
    ///
    /// # Errors
    /// The view's revision is no longer kept; then some may have been left out.
    pub fn visit_relationships(
        &self,
        filter: &RelationshipFilter,
        mut visit: impl FnMut(Relationship, Revision) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let guard = self.index.guard();
        let mut show = |node: Node, subject: Subject, birth: Revision| {
            let Some(relationship) = self.relationship(node, subject) else { return ControlFlow::Continue(()) };
            if filter.matches(&relationship) { visit(relationship, birth) } else { ControlFlow::Continue(()) }
        };
        // Whether the visitor had enough makes no difference any more.
        let _ = match self.nodes_of(filter, &guard) {
            Some(nodes) => self.visit_forward(nodes, &guard, &mut show),
            None => match self.subjects_of(filter, &guard) {
                Some(subjects) => self.visit_reverse(subjects, &guard, &mut show),
                None => self.visit_all(filter, &guard, &mut show),
            },
        };
        self.index.check_kept(self.revision)
    }

    /// The revision that made the relationship, if it exists.
    #[must_use]
    pub fn birth(&self, relationship: &Relationship) -> Option<Revision> {
        let guard = self.index.guard();
        let names = &self.index.names;
        let node = names.node(&relationship.resource, &relationship.relation, &guard)?;
        let subject = names.subject(&relationship.subject, &guard)?;
        self.index.forward.get(&node, &guard)?.find(subject.bits(), self.revision)
    }

    fn relationship(&self, node: Node, subject: Subject) -> Option<Relationship> {
        let names = &self.index.names;
        Some(Relationship {
            resource: names.object_ref(node)?,
            relation: names.relation_name(node.relation())?.clone(),
            subject: names.subject_ref(subject)?,
        })
    }

    /// The lists that hold everything the filter means, if it names a resource.
    fn nodes_of(&self, filter: &RelationshipFilter, guard: &LocalGuard<'_>) -> Option<Vec<Node>> {
        let names = &self.index.names;
        let id = filter.resource_id.as_ref()?;
        let relations = match &filter.relation {
            Some(relation) => names.relation(relation, guard).into_iter().collect(),
            None => names.relation_ids(),
        };
        let mut nodes = Vec::new();
        for kind in self.kinds_of(filter.resource_type.as_ref(), guard) {
            let object = names.object(kind, id, guard);
            nodes.extend(object.into_iter().flat_map(|object| nodes_of_object(kind, object, &relations)));
        }
        Some(nodes)
    }

    /// The reverse lists that hold everything the filter means, if it names a subject.
    fn subjects_of(&self, filter: &RelationshipFilter, guard: &LocalGuard<'_>) -> Option<Vec<Subject>> {
        let names = &self.index.names;
        let id = filter.subject_id.as_ref()?;
        let relations = match &filter.subject_relation {
            Some(relation) => names.relation(relation, guard).into_iter().collect(),
            None => names.relation_ids(),
        };
        let mut subjects = Vec::new();
        for kind in self.kinds_of(filter.subject_type.as_ref(), guard) {
            let Some(object) = names.object(kind, id, guard) else { continue };
            subjects.push(Subject::object(kind, object));
            subjects.extend(nodes_of_object(kind, object, &relations).map(Subject::userset));
        }
        Some(subjects)
    }

    fn kinds_of(&self, named: Option<&prokura_model::TypeName>, guard: &LocalGuard<'_>) -> Vec<KindId> {
        match named {
            Some(kind) => self.index.names.kind(kind, guard).into_iter().collect(),
            None => self.index.names.kind_ids(),
        }
    }

    fn visit_forward(
        &self,
        nodes: Vec<Node>,
        guard: &LocalGuard<'_>,
        show: &mut impl FnMut(Node, Subject, Revision) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for node in nodes {
            let Some(list) = self.index.forward.get(&node, guard) else { continue };
            each(list, self.revision, &mut |key, birth| show(node, Subject::from_bits(key), birth))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_reverse(
        &self,
        subjects: Vec<Subject>,
        guard: &LocalGuard<'_>,
        show: &mut impl FnMut(Node, Subject, Revision) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for subject in subjects {
            let Some(list) = self.index.reverse.get(&subject, guard) else { continue };
            each(list, self.revision, &mut |key, birth| show(Node::from_bits(key), subject, birth))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_all(
        &self,
        filter: &RelationshipFilter,
        guard: &LocalGuard<'_>,
        show: &mut impl FnMut(Node, Subject, Revision) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let names = &self.index.names;
        let kind = filter.resource_type.as_ref().map(|kind| names.kind(kind, guard));
        let relation = filter.relation.as_ref().map(|relation| names.relation(relation, guard));
        for (node, list) in self.index.forward.iter(guard) {
            if kind.is_none_or(|kind| kind == Some(node.kind()))
                && relation.is_none_or(|relation| relation == Some(node.relation()))
            {
                each(list, self.revision, &mut |key, birth| show(*node, Subject::from_bits(key), birth))?;
            }
        }
        ControlFlow::Continue(())
    }
}

fn nodes_of_object(kind: KindId, object: u32, relations: &[RelationId]) -> impl Iterator<Item = Node> {
    relations.iter().map(move |relation| Node::new(kind, *relation, object))
}

fn each(list: &List, at: Revision, visit: &mut impl FnMut(u64, Revision) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut walk = list.walk_from(0);
    while let Some((key, birth)) = list.next(&mut walk, at) {
        visit(key, birth)?;
    }
    ControlFlow::Continue(())
}
