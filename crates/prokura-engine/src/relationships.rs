use std::{collections::BinaryHeap, ops::ControlFlow, sync::Arc};

use prokura_model::{
    Relationship, RelationshipFilter, Revision, SubjectIdFilter, SubjectRelationFilter, Terms, Timestamp,
};

use crate::{
    EngineError, View,
    guard::Guard,
    index::EdgeKey,
    limits::PAGE_RELATIONSHIPS_MAX,
    list::{Birth, List},
    packed::{KindId, Node, RelationId, Subject},
};

/// A relationship as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The relationship.
    pub relationship: Relationship,
    /// On which terms it holds.
    pub terms: Terms,
    /// The revision that made it, or gave it these terms.
    pub since: Revision,
}

/// A page of relationships.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The relationships, in ascending order.
    pub relationships: Vec<Stored>,
    /// Where the next page begins: after this one. None if there is no more.
    pub next: Option<Relationship>,
}

impl View<'_> {
    /// The relationships that the filter means and that are not over, ascending, at most `limit` of them (and at most
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
        now: Timestamp,
    ) -> Result<Page, EngineError> {
        let limit = limit.clamp(1, PAGE_RELATIONSHIPS_MAX);
        let mut least: BinaryHeap<ByName> = BinaryHeap::new();
        let mut more = false;
        self.visit_relationships(filter, |stored| {
            let meant = !stored.terms.is_over(now) && after.is_none_or(|after| stored.relationship > *after);
            if meant {
                least.push(ByName(stored));
                if least.len() > limit {
                    least.pop();
                    more = true;
                }
            }
            ControlFlow::Continue(())
        })?;
        let relationships: Vec<Stored> = least.into_sorted_vec().into_iter().map(|by_name| by_name.0).collect();
        let next = relationships.last().filter(|_| more).map(|last| last.relationship.clone());
        Ok(Page { relationships, next })
    }

    /// Shows every relationship that the filter means, over or not, in no particular order, until the visitor has seen
    /// enough.
    ///
    /// # Errors
    /// The view's revision is no longer kept; then some may have been left out.
    pub fn visit_relationships(
        &self,
        filter: &RelationshipFilter,
        mut visit: impl FnMut(Stored) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let guard = self.index.guard();
        let mut show = |node: Node, subject: Subject, birth: Birth| {
            let Some(relationship) = self.relationship(node, subject) else { return ControlFlow::Continue(()) };
            let terms = self.index.terms_of(node, subject, birth, &guard).map(|terms| Terms::clone(terms));
            let terms = terms.unwrap_or_default();
            if !filter.matches(&relationship, &terms) {
                return ControlFlow::Continue(());
            }
            visit(Stored { relationship, terms, since: birth.revision() })
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

    /// The relationship as it is stored, over or not.
    #[must_use]
    pub fn stored(&self, relationship: &Relationship) -> Option<Stored> {
        let guard = self.index.guard();
        let names = &self.index.names;
        let node = names.node(&relationship.resource, &relationship.relation, &guard)?;
        let subject = names.subject(&relationship.subject, &guard)?;
        let birth = self.index.edges_from(node, &guard)?.find(subject.bits(), self.revision)?;
        let terms = self.index.terms_of(node, subject, birth, &guard).map(|terms| Terms::clone(terms));
        Some(Stored { relationship: relationship.clone(), terms: terms.unwrap_or_default(), since: birth.revision() })
    }

    /// Every relationship that ends, over or not, and when.
    #[must_use]
    pub fn endings(&self) -> Vec<(Timestamp, Relationship)> {
        let guard = self.index.guard();
        let ending = |(key, terms): (&EdgeKey, &Arc<Terms>)| {
            let end = terms.expires_at?;
            let birth = self.index.edges_from(key.node, &guard)?.find(key.subject.bits(), self.revision)?;
            let holds = birth == Birth::new(key.birth, true);
            holds.then(|| Some((end, self.relationship(key.node, key.subject)?)))?
        };
        self.index.terms.iter(&guard.maps).filter_map(ending).collect()
    }

    pub(crate) fn relationship(&self, node: Node, subject: Subject) -> Option<Relationship> {
        let names = &self.index.names;
        Some(Relationship {
            resource: names.object_ref(node)?,
            relation: names.relation_name(node.relation())?.clone(),
            subject: names.subject_ref(subject)?,
        })
    }

    /// The lists that hold everything the filter means, if it names a resource.
    fn nodes_of(&self, filter: &RelationshipFilter, guard: &Guard<'_>) -> Option<Vec<Node>> {
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
    fn subjects_of(&self, filter: &RelationshipFilter, guard: &Guard<'_>) -> Option<Vec<Subject>> {
        let names = &self.index.names;
        let wanted = filter.subject_id.as_ref()?;
        let relations = match &filter.subject_relation {
            Some(SubjectRelationFilter::Named(relation)) => names.relation(relation, guard).into_iter().collect(),
            Some(SubjectRelationFilter::Absent) => Vec::new(),
            None => names.relation_ids(),
        };
        let mut subjects = Vec::new();
        for kind in self.kinds_of(filter.subject_type.as_ref(), guard) {
            let id = match wanted {
                SubjectIdFilter::Object(id) => id,
                SubjectIdFilter::Wildcard => {
                    subjects.push(Subject::wildcard(kind));
                    continue;
                }
            };
            let Some(object) = names.object(kind, id, guard) else { continue };
            subjects.push(Subject::object(kind, object));
            subjects.extend(nodes_of_object(kind, object, &relations).map(Subject::userset));
        }
        Some(subjects)
    }

    fn kinds_of(&self, named: Option<&prokura_model::TypeName>, guard: &Guard<'_>) -> Vec<KindId> {
        match named {
            Some(kind) => self.index.names.kind(kind, guard).into_iter().collect(),
            None => self.index.names.kind_ids(),
        }
    }

    fn visit_forward(
        &self,
        nodes: Vec<Node>,
        guard: &Guard<'_>,
        show: &mut impl FnMut(Node, Subject, Birth) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for node in nodes {
            let Some(list) = self.index.edges_from(node, guard) else { continue };
            each(&list, self.revision, &mut |key, birth| show(node, Subject::from_bits(key), birth))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_reverse(
        &self,
        subjects: Vec<Subject>,
        guard: &Guard<'_>,
        show: &mut impl FnMut(Node, Subject, Birth) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for subject in subjects {
            let Some(list) = self.index.edges_to(subject, guard) else { continue };
            each(&list, self.revision, &mut |key, birth| show(Node::from_bits(key), subject, birth))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_all(
        &self,
        filter: &RelationshipFilter,
        guard: &Guard<'_>,
        show: &mut impl FnMut(Node, Subject, Birth) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let names = &self.index.names;
        let kind = filter.resource_type.as_ref().map(|kind| names.kind(kind, guard));
        let relation = filter.relation.as_ref().map(|relation| names.relation(relation, guard));
        for object in 0..names.objects.len() {
            let Some(of) = names.objects.kind(object).filter(|of| kind.is_none_or(|kind| kind == Some(*of))) else {
                continue;
            };
            for (own, list) in names.objects.lists_from(object, &guard.pin) {
                if relation.is_none_or(|relation| relation == Some(own)) {
                    let node = Node::new(of, own, object);
                    each(&list, self.revision, &mut |key, birth| show(node, Subject::from_bits(key), birth))?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn nodes_of_object(kind: KindId, object: u32, relations: &[RelationId]) -> impl Iterator<Item = Node> {
    relations.iter().map(move |relation| Node::new(kind, *relation, object))
}

fn each(list: &List<'_>, at: Revision, visit: &mut impl FnMut(u64, Birth) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut walk = list.walk_from(0);
    while let Some((key, birth)) = list.next(&mut walk, at) {
        visit(key, birth)?;
    }
    ControlFlow::Continue(())
}

/// Ordered by what it relates, which no two have in common.
struct ByName(Stored);

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.relationship.cmp(&other.0.relationship)
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.relationship == other.0.relationship
    }
}

impl Eq for ByName {}
