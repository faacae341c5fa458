//! What an allow rests on. The way was remembered goal by goal; its edges are found again, which only an allow pays for.

use super::{GOALS_MAX, Quick, Reached, target_of};
use crate::{
    check::Asked,
    packed::{Class, Node, RelationId, Subject},
    program::Way,
    trace::Edge,
};

impl Quick<'_, '_> {
    /// The edges from the first goal to the subject; nothing if they cannot be found again, because they have been forgotten.
    pub(super) fn proof(&self) -> Option<Vec<Edge>> {
        let (mut path, mut len, mut at) = ([0; GOALS_MAX], 0, self.at);
        while at > 0 {
            *path.get_mut(len)? = at;
            len += 1;
            at = usize::from(*self.from.get(at)?);
        }
        let mut edges = Vec::with_capacity(len + 4);
        let mut reached = *self.goals.first()?;
        for at in path.get(..len)?.iter().rev() {
            let next = *self.goals.get(*at)?;
            add(&mut edges, self.edge_between(reached, next)?);
            reached = next;
        }
        self.end_of_proof(reached, &mut edges)?;
        Some(edges)
    }

    /// The edge by which the second goal was reached from the first.
    fn edge_between(&self, one: Reached, next: Reached) -> Option<Edge> {
        self.edges(one)
            .find(|(way, edge)| {
                let node = edge.subject.node();
                let member = match &way.targets {
                    Some(targets) => target_of(targets, node.kind()),
                    None if edge.subject.class() == Class::Userset => {
                        self.asked.program.member_id(node.kind(), node.relation())
                    }
                    None => None,
                };
                node.object() == next.object && member == Some(next.member)
            })
            .map(|(_, edge)| edge)
    }

    /// The edges from the last goal on.
    fn end_of_proof(&self, last: Reached, edges: &mut Vec<Edge>) -> Option<()> {
        let flat = self.asked.program.flat(last.member)?;
        let subject = self.asked.subject;
        if flat.itself && subject.node().object() == last.object {
            return Some(());
        }
        let named = self.edges(last).find(|(way, edge)| {
            let everyone = way.wildcards && edge.subject == self.everyone;
            way.targets.is_none() && (edge.subject == subject || everyone)
        });
        if let Some((_, edge)) = named {
            add(edges, edge);
            return Some(());
        }
        let (_, edge) = self.edges(last).find(|(way, edge)| {
            way.usersets && edge.subject.class() == Class::Userset && self.is_above(edge.subject.node())
        })?;
        add(edges, edge);
        let mut down = self.above.down_from(edge.subject.node()).peekable();
        while let Some(node) = down.next() {
            let below = match down.peek() {
                Some(below) => self.find(node, Subject::userset(*below)),
                None => self.find(node, subject).or_else(|| self.find(node, self.everyone)),
            };
            add(edges, below?);
        }
        Some(())
    }

    fn is_above(&self, goal: Node) -> bool {
        self.asked.program.is_nested(goal) && self.above.down_from(goal).next().is_some()
    }

    /// The edge from a node that names the subject.
    fn find(&self, node: Node, subject: Subject) -> Option<Edge> {
        let birth = self.asked.graph.edges_from(node)?.find(subject.bits(), self.asked.revision)?;
        Some(Edge { node, subject, birth })
    }

    /// Every edge that a goal was looked at for, and that holds for good. One on terms may stand behind the edge that decided,
    /// unlooked at, and must not be taken for it.
    fn edges(&self, goal: Reached) -> impl Iterator<Item = (&Way, Edge)> {
        let Asked { program, graph, revision, .. } = *self.asked;
        let ways = program.flat(goal.member).map(|flat| flat.ways.as_slice()).unwrap_or_default();
        ways.iter().flat_map(move |way| {
            let node = self.node(goal, way.relation);
            let list = node.and_then(|node| Some((node, graph.edges_from(node)?)));
            list.into_iter().flat_map(move |(node, list)| {
                let mut walk = list.walk_from(0);
                std::iter::from_fn(move || list.next(&mut walk, revision))
                    .filter(|(_, birth)| !birth.on_terms())
                    .map(move |(key, birth)| (way, Edge { node, subject: Subject::from_bits(key), birth }))
            })
        })
    }

    fn node(&self, goal: Reached, relation: RelationId) -> Option<Node> {
        Some(Node::new(self.asked.program.member(goal.member)?.kind, relation, goal.object))
    }
}

/// Each edge once: a way may go through an edge twice, to another goal of the object at its end each time.
fn add(edges: &mut Vec<Edge>, edge: Edge) {
    if !edges.contains(&edge) {
        edges.push(edge);
    }
}
