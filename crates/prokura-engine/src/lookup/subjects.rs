use std::collections::HashMap;

use prokura_model::{ObjectId, ObjectRef, RelationName, TypeName};

use super::{Gathered, Listing, in_order};
use crate::{
    EngineError, Given, Limits, Permissionship, View,
    check::Asked,
    graph::Graph,
    hash::PackedHash,
    names::NOBODY,
    packed::{Class, KindId, Node, RelationId, Subject},
    program::{Operator, Rule, Step, StepId},
    view::Prepared,
};

/// Which subjects have a permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundSubjects {
    /// Those that are named somewhere and have it, or may: each once, by id.
    pub subjects: Vec<(ObjectId, Permissionship)>,
    /// Everyone else of the type, if they have it too.
    pub everyone: Option<Everyone>,
    /// Of a question by a model: the parameters without a value that conditions on the way depend on, whether or not they
    /// decide who is listed. Sorted, each once.
    pub missing: Vec<String>,
}

/// Everyone of a type, but for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everyone {
    /// What they have: never [`Permissionship::HasNot`].
    pub permissionship: Permissionship,
    /// Who is excluded, by id: certainly (`Has`), or perhaps.
    pub excluded: Vec<(ObjectId, Permissionship)>,
}

impl View<'_> {
    /// The subjects of the type (with a relation, the usersets of that relation) that have the permission on the resource,
    /// or may have it.
    ///
    /// # Errors
    /// A name is unknown, one of the checks cannot be answered, or a limit is reached. A list is whole or an error.
    pub fn lookup_subjects(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        kind: &TypeName,
        relation: Option<&RelationName>,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<FoundSubjects, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let program = self.program(graph.guard())?;
        let mut wording = self.wording();
        let (resource_kind, member) = self.find_member(program, &resource.kind, permission)?;
        let (kind, relation) = match relation {
            Some(relation) => {
                let (kind, relation) = self.find_member(program, kind, relation)?;
                (kind, Some(relation))
            }
            None => (self.find_kind(program, kind)?, None),
        };
        let goal = Node::new(resource_kind, member, self.find_object(resource_kind, resource, &mut wording, &guard));
        let subject = Subject::object(kind, NOBODY);
        let asked = Asked { graph: &graph, program, revision: self.revision, given, subject, assumed: None };
        let listing = Listing::new(Prepared { wording, asked, goal }, &graph, limits);
        let descent = Descent {
            listing,
            kind,
            relation,
            left_out: self.left_out,
            everyone: false,
            reached: HashMap::default(),
            found: Gathered::new(Way::with),
            open: Vec::new(),
        };
        let found = descent.subjects(goal);
        self.index.check_kept(self.revision)?;
        found
    }
}

/// How a goal or a subject was come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Way {
    /// Through an even number of right sides of exclusions, so that it can let somebody in.
    lets_in: bool,
    /// Through an odd number, so that it can keep somebody out.
    keeps_out: bool,
    /// Only through unions and edges without caveats, so that whoever stands here has what was asked.
    surely: bool,
}

impl Way {
    fn with(self, other: Self) -> Self {
        Self {
            lets_in: self.lets_in || other.lets_in,
            keeps_out: self.keeps_out || other.keeps_out,
            surely: self.surely || other.surely,
        }
    }

    fn unsurely(self) -> Self {
        Self { surely: false, ..self }
    }

    fn only_if(self, surely: bool) -> Self {
        Self { surely: self.surely && surely, ..self }
    }

    fn other_side(self) -> Self {
        Self { lets_in: self.keeps_out, keeps_out: self.lets_in, surely: false }
    }
}

/// A walk from the resource down to everything that it depends on.
struct Descent<'g> {
    listing: Listing<'g>,
    kind: KindId,
    relation: Option<RelationId>,
    left_out: &'g [ObjectId],
    /// Whether a wildcard of the type was met.
    everyone: bool,
    reached: HashMap<Node, Way, PackedHash>,
    found: Gathered<Way>,
    open: Vec<Node>,
}

impl Descent<'_> {
    fn subjects(mut self, goal: Node) -> Result<FoundSubjects, EngineError> {
        self.reach(goal, Way { lets_in: true, keeps_out: false, surely: true });
        while let Some(goal) = self.open.pop() {
            let way = self.reached.get(&goal).copied().unwrap_or_default();
            self.descend(goal, way)?;
        }
        let everyone = if self.everyone && self.relation.is_none() {
            let stranger = Subject::object(self.kind, NOBODY);
            Some(self.listing.checked(goal, stranger)?).filter(|found| *found != Permissionship::HasNot)
        } else {
            None
        };
        let found = self.found.into_once();
        let (mut subjects, mut excluded) = (Vec::with_capacity(found.len()), Vec::new());
        for (subject, way) in found {
            let subject = Subject::from_bits(subject);
            // Who can only be kept out is in no list unless everybody is.
            if !way.lets_in && everyone.is_none() {
                continue;
            }
            let Some(id) = self.listing.id(subject.node()) else { continue };
            if self.relation.is_none() && self.left_out.binary_search(&id).is_ok() {
                continue;
            }
            let found = if way.surely { Permissionship::Has } else { self.listing.checked(goal, subject)? };
            match (&everyone, &found) {
                (Some(_), Permissionship::HasNot) => excluded.push((id.clone(), Permissionship::Has)),
                // Of a conditional everyone, who can be kept out besides: for somebody else's reasons it may be more.
                (Some(everyone), Permissionship::Conditional(_))
                    if way.keeps_out || *everyone == Permissionship::Has =>
                {
                    excluded.push((id.clone(), found.clone()));
                }
                _ => {}
            }
            if way.lets_in && found != Permissionship::HasNot {
                subjects.push((id, found));
            }
        }
        let everyone = everyone.map(|permissionship| Everyone { permissionship, excluded: in_order(excluded) });
        let missing = std::mem::take(&mut self.listing.missing).into_iter().collect();
        Ok(FoundSubjects { subjects: in_order(subjects), everyone, missing })
    }

    fn descend(&mut self, goal: Node, way: Way) -> Result<(), EngineError> {
        // A userset is a member of itself.
        if goal.kind() == self.kind && self.relation == Some(goal.relation()) {
            self.find(Subject::userset(goal), way);
        }
        let program = self.listing.prepared.asked.program;
        let Some(member) = program.member_id(goal.kind(), goal.relation()) else { return Ok(()) };
        match program.member(member).map(|member| &member.rule) {
            Some(Rule::Relation(_)) => self.relation(goal, way),
            Some(Rule::Permission(body)) => self.steps(goal, *body, way),
            None => Ok(()),
        }
    }

    fn relation(&mut self, node: Node, way: Way) -> Result<(), EngineError> {
        for (subject, exists) in self.listing.edges_from(node)? {
            let way = way.only_if(exists);
            match subject.class() {
                Class::Userset => self.reach(subject.node(), way),
                Class::Wildcard => self.everyone |= subject.node().kind() == self.kind,
                Class::Object if self.relation.is_none() && subject.node().kind() == self.kind => {
                    self.find(subject, way)
                }
                Class::Object => {}
            }
        }
        Ok(())
    }

    fn steps(&mut self, goal: Node, body: StepId, way: Way) -> Result<(), EngineError> {
        let program = self.listing.prepared.asked.program;
        let mut open = vec![(body, way)];
        while let Some((place, way)) = open.pop() {
            match program.step(place) {
                Step::Never => {}
                Step::Itself if self.relation.is_none() && goal.kind() == self.kind => {
                    self.find(Subject::object(goal.kind(), goal.object()), way);
                }
                Step::Itself => {}
                Step::Direct { .. } => self.relation(goal, way)?,
                Step::Member { relation, .. } => self.reach(goal.with_relation(relation), way),
                Step::Arrow { tupleset, target, every } => {
                    let from = goal.with_relation(tupleset);
                    for (subject, exists) in self.listing.edges_from(from)? {
                        if subject.class() != Class::Wildcard {
                            let way = if every { way.unsurely() } else { way.only_if(exists) };
                            self.reach(subject.node().with_relation(target), way);
                        }
                    }
                }
                Step::Operator { operator: Operator::Union, first, end } => {
                    open.extend((first.0..end.0).map(|place| (StepId(place), way)));
                }
                Step::Operator { operator: Operator::Intersection, first, end } => {
                    open.extend((first.0..end.0).map(|place| (StepId(place), way.unsurely())));
                }
                Step::Operator { operator: Operator::Exclusion, first, .. } => {
                    open.push((first, way.unsurely()));
                    open.push((StepId(first.0.saturating_add(1)), way.other_side()));
                }
            }
        }
        Ok(())
    }

    /// Looked at again whenever there is a new way to it.
    fn reach(&mut self, goal: Node, way: Way) {
        let known = self.reached.entry(goal).or_default();
        let more = known.with(way);
        if more != *known {
            *known = more;
            self.open.push(goal);
        }
    }

    fn find(&mut self, subject: Subject, way: Way) {
        self.found.push(subject.bits(), way);
    }
}
