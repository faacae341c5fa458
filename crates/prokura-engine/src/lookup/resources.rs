use std::{
    collections::{HashMap, HashSet},
    ops::BitOr,
};

use prokura_model::{ObjectId, RelationName, SubjectRef, TypeName};

use super::{Gathered, Listing, in_order};
use crate::{
    EngineError, Given, Limits, Permissionship, View,
    check::Asked,
    graph::Graph,
    hash::PackedHash,
    mentions::{Mention, relevant},
    packed::{Class, KindId, Node, RelationId, Subject},
    program::{MemberId, Rule},
    view::Prepared,
};

impl View<'_> {
    /// The resources of the type on which the subject has the permission, or may have it: all of them, each once, by id.
    ///
    /// # Errors
    /// A name is unknown, one of the checks cannot be answered, or a limit is reached. A list is whole or an error.
    pub fn lookup_resources(
        &self,
        kind: &TypeName,
        permission: &RelationName,
        subject: &SubjectRef,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Vec<(ObjectId, Permissionship)>, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let program = self.program(graph.guard())?;
        let mut wording = self.wording();
        let (kind, relation) = self.find_member(program, kind, permission)?;
        let subject = self.find_subject(program, subject, &mut wording, &guard)?;
        let asked = Asked { graph: &graph, program, revision: self.revision, given, subject, assumed: None };
        let prepared = Prepared { wording, asked, goal: Node::new(kind, relation, 0) };
        let listing = Listing::new(prepared, &graph, limits);
        let found = Climb::new(listing, kind, relation).resources();
        self.index.check_kept(self.revision)?;
        found
    }
}

/// A walk from the subject up to everything that depends on it.
struct Climb<'g> {
    listing: Listing<'g>,
    kind: KindId,
    relation: RelationId,
    relevant: HashSet<MemberId, PackedHash>,
    /// Whether nothing of what is looked at depends on what is asked.
    ends: bool,
    /// The goals that may hold for the subject, and that others depend on; whether they surely do.
    reached: HashMap<Node, bool, PackedHash>,
    open: Vec<Node>,
    /// What is asked, where it may hold; whether it surely does.
    found: Gathered<bool>,
}

impl<'g> Climb<'g> {
    fn new(listing: Listing<'g>, kind: KindId, relation: RelationId) -> Self {
        let program = listing.prepared.asked.program;
        let asked = program.member_id(kind, relation);
        let relevant = asked.map(|asked| relevant(program, kind, asked)).unwrap_or_default();
        let dependents = asked.and_then(|asked| program.mentions().of_member(asked));
        let ends = dependents.is_some_and(|dependents| {
            let is_relevant = |mention: &Mention| {
                program.member_id(kind, mention.permission).is_some_and(|member| relevant.contains(&member))
            };
            dependents.are_within() && !dependents.permissions.iter().any(is_relevant)
        });
        let (reached, open, found) = (HashMap::default(), Vec::new(), Gathered::new(BitOr::bitor));
        Self { listing, kind, relation, relevant, ends, reached, open, found }
    }

    fn resources(mut self) -> Result<Vec<(ObjectId, Permissionship)>, EngineError> {
        let subject = self.listing.prepared.asked.subject;
        self.begin(subject)?;
        while let Some(goal) = self.open.pop() {
            self.climb(goal)?;
        }
        let found = self.found.into_once();
        let mut resources = Vec::with_capacity(found.len());
        for (node, surely) in found {
            let node = Node::from_bits(node);
            let permissionship = if surely { Permissionship::Has } else { self.listing.checked(node, subject)? };
            if permissionship != Permissionship::HasNot {
                resources.extend(self.listing.id(node).map(|id| (id, permissionship)));
            }
        }
        Ok(in_order(resources))
    }

    /// What names the subject, everyone of its type, or is the subject.
    fn begin(&mut self, subject: Subject) -> Result<(), EngineError> {
        let node = subject.node();
        self.follow_edges(subject, true)?;
        match subject.class() {
            Class::Userset => self.reach(node, true),
            Class::Wildcard => {}
            Class::Object => {
                self.follow_edges(Subject::wildcard(node.kind()), true)?;
                let program = self.listing.prepared.asked.program;
                for mention in program.mentions().of_self(node.kind()) {
                    self.reach(node.with_relation(mention.permission), mention.surely);
                }
            }
        }
        Ok(())
    }

    fn follow_edges(&mut self, subject: Subject, surely: bool) -> Result<(), EngineError> {
        for (node, exists) in self.listing.edges_to(subject)? {
            self.reach(node, surely && exists);
        }
        Ok(())
    }

    /// Everything that depends on a goal directly.
    fn climb(&mut self, goal: Node) -> Result<(), EngineError> {
        let surely = self.reached.get(&goal).copied().unwrap_or_default();
        let program = self.listing.prepared.asked.program;
        let member = program.member_id(goal.kind(), goal.relation());
        let Some(dependents) = member.and_then(|member| program.mentions().of_member(member)) else { return Ok(()) };
        if dependents.as_userset {
            self.follow_edges(Subject::userset(goal), surely)?;
        }
        for Mention { permission, surely: alone } in &dependents.permissions {
            self.reach(goal.with_relation(*permission), surely && *alone);
        }
        for arrow in &dependents.arrows {
            let object = Subject::object(goal.kind(), goal.object());
            let usersets = arrow.usersets.iter().map(|relation| Subject::userset(goal.with_relation(*relation)));
            for end in [object].into_iter().chain(usersets) {
                for (node, exists) in self.listing.edges_to(end)? {
                    if node.kind() == arrow.kind && node.relation() == arrow.tupleset {
                        let holds = surely && exists && arrow.mention.surely;
                        self.reach(node.with_relation(arrow.mention.permission), holds);
                    }
                }
            }
        }
        Ok(())
    }

    /// A goal that may hold; looked at once, and once more when it turns out that it surely does.
    fn reach(&mut self, goal: Node, surely: bool) {
        let program = self.listing.prepared.asked.program;
        let Some(member) = program.member_id(goal.kind(), goal.relation()) else { return };
        if !self.relevant.contains(&member) {
            return;
        }
        let asked = goal.kind() == self.kind && goal.relation() == self.relation;
        if asked {
            self.found.push(goal.bits(), surely);
            if self.ends {
                return;
            }
        }
        // Of a relation that only permissions of its own object depend on, nothing need be remembered: whoever stands in it
        // directly is come by once.
        if let Some(dependents) = program.mentions().of_member(member)
            && dependents.are_within()
            && program.member(member).is_some_and(|member| matches!(member.rule, Rule::Relation(_)))
        {
            for Mention { permission, surely: alone } in &dependents.permissions {
                self.reach(goal.with_relation(*permission), surely && *alone);
            }
            return;
        }
        match self.reached.get_mut(&goal) {
            Some(known) if *known || !surely => return,
            Some(known) => *known = true,
            None => {
                self.reached.insert(goal, surely);
            }
        }
        self.open.push(goal);
    }
}
