use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef};

use crate::{
    EngineError, Goal, Index,
    names::{NOBODY, STRANGER_FIRST},
    packed::{Class, KindId, Node, RelationId, Subject},
};

/// What the numbers of a question stand for.
#[derive(Clone)]
pub(crate) struct Wording<'g> {
    pub(crate) index: &'g Index,
    /// Objects that the question names and the graph does not know. An object without edges may still be what a wildcard
    /// or a userset means.
    strangers: Vec<ObjectRef>,
}

impl<'g> Wording<'g> {
    pub(crate) fn new(index: &'g Index, strangers: &[ObjectRef]) -> Self {
        Self { index, strangers: strangers.to_vec() }
    }

    /// A number for an object that the graph does not know; the same object has the same number.
    pub(crate) fn stranger(&mut self, object: &ObjectRef) -> u32 {
        let position = self.strangers.iter().position(|known| known == object).unwrap_or_else(|| {
            self.strangers.push(object.clone());
            self.strangers.len() - 1
        });
        u32::try_from(position).map_or(NOBODY, |position| STRANGER_FIRST.saturating_add(position).min(NOBODY))
    }

    pub(crate) fn strangers(&self) -> &[ObjectRef] {
        &self.strangers
    }

    pub(crate) fn undecidable(&self, goal: Node, subject: Subject) -> EngineError {
        let subject = self.subject(subject).map(|subject| subject.to_string());
        EngineError::Undecidable { goal: self.goal_text(goal), subject: subject.unwrap_or_default() }
    }

    pub(crate) fn goal(&self, node: Node) -> Option<Goal> {
        Some(Goal { object: self.object(node)?, member: self.member(node.relation())?.clone() })
    }

    /// For a message, which is told even if a name is lost.
    pub(crate) fn goal_text(&self, node: Node) -> String {
        self.goal(node).map(|goal| goal.to_string()).unwrap_or_default()
    }

    pub(crate) fn member(&self, relation: RelationId) -> Option<&'g RelationName> {
        self.index.names.relation_name(relation)
    }

    pub(crate) fn object(&self, node: Node) -> Option<ObjectRef> {
        match node.object().checked_sub(STRANGER_FIRST) {
            Some(position) => self.strangers.get(position as usize).cloned(),
            None => self.index.names.object_ref(node),
        }
    }

    /// The id of an object.
    pub(crate) fn id(&self, node: Node) -> Option<ObjectId> {
        match node.object().checked_sub(STRANGER_FIRST) {
            Some(position) => self.strangers.get(position as usize).map(|stranger| stranger.id.clone()),
            None => self.index.names.objects.id(node.object()),
        }
    }

    pub(crate) fn subject(&self, subject: Subject) -> Option<SubjectRef> {
        let node = subject.node();
        match subject.class() {
            Class::Wildcard => self.kind(node.kind()),
            Class::Object => self.object(node).map(SubjectRef::Object),
            Class::Userset => Some(SubjectRef::Userset(self.object(node)?, self.member(node.relation())?.clone())),
        }
    }

    fn kind(&self, kind: KindId) -> Option<SubjectRef> {
        self.index.names.kind_name(kind).cloned().map(SubjectRef::Wildcard)
    }
}
