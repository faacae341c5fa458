use std::collections::{HashMap, HashSet};

use prokura_model::{ObjectId, RelationName, SubjectRef, TypeName};

use super::{Listing, in_order};
use crate::{
    EngineError, Given, Limits, Permissionship, View,
    check::Asked,
    graph::Graph,
    hash::PackedHash,
    mentions::{Mention, relevant},
    packed::{Class, KindId, Node, RelationId, Subject},
    program::MemberId,
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
        let found = Climb::new(listing, kind, relation).and_then(|mut climb| climb.resources());
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
    /// The goals that may hold for the subject; whether they surely do.
    reached: HashMap<Node, bool, PackedHash>,
    open: Vec<Node>,
}

impl<'g> Climb<'g> {
    fn new(listing: Listing<'g>, kind: KindId, relation: RelationId) -> Result<Self, EngineError> {
        let program = listing.prepared.asked.program;
        let asked = program.member_id(kind, relation);
        let relevant = asked.map(|asked| relevant(program, kind, asked)).unwrap_or_default();
        Ok(Self { listing, kind, relation, relevant, reached: HashMap::default(), open: Vec::new() })
    }

    fn resources(&mut self) -> Result<Vec<(ObjectId, Permissionship)>, EngineError> {
        let subject = self.listing.prepared.asked.subject;
        self.begin(subject)?;
        while let Some(goal) = self.open.pop() {
            self.climb(goal)?;
        }
        let wanted = |node: &Node| node.kind() == self.kind && node.relation() == self.relation;
        let found: Vec<(Node, bool)> = self.reached.iter().map(|(node, surely)| (*node, *surely)).collect();
        let mut resources = Vec::new();
        for (node, surely) in found.into_iter().filter(|(node, _)| wanted(node)) {
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
        self.follow_edges(Subject::userset(goal), surely)?;
        let program = self.listing.prepared.asked.program;
        let Some(member) = program.member_id(goal.kind(), goal.relation()) else { return Ok(()) };
        for Mention { permission, surely: alone } in program.mentions().of_member(member) {
            self.reach(goal.with_relation(*permission), surely && *alone);
        }
        for arrow in program.mentions().of_target(goal.relation()) {
            let Some(from) = program.member_id(arrow.kind, arrow.tupleset) else { continue };
            let object = Subject::object(goal.kind(), goal.object());
            let usersets = program.allowed(from).into_iter().flat_map(|allowed| allowed.userset_relations(goal.kind()));
            let usersets = usersets.map(|relation| Subject::userset(goal.with_relation(relation)));
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
        let member = program.member_id(goal.kind(), goal.relation());
        if !member.is_some_and(|member| self.relevant.contains(&member)) {
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
