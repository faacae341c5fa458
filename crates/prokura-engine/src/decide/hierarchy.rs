//! Where a resource stands: what is reached from it by following one relation.

use std::collections::{BTreeSet, HashMap};

use prokura_model::{ObjectRef, RelationName, Relationship, Terms, Under, WitnessEdge};

use super::cap::{Carrying, Coverage, Doubt};
use crate::{
    CaveatFailure, EngineError,
    limits::DEPTH_MAX,
    list::Birth,
    packed::{Class, Node, Subject},
    wording::Wording,
};

/// What was reached, each object once, and by which edges. The first is where it begins.
struct Reached {
    nodes: Vec<Node>,
    ways: Vec<Way>,
    /// Where among them the one is that is looked for.
    target: Option<usize>,
    /// Whether an edge was met that may or may not be there.
    doubtful: bool,
}

/// An edge from one object to another, by their places.
struct Way {
    from: usize,
    to: usize,
    subject: Subject,
    birth: Birth,
    /// None, if it is surely there.
    doubt: Option<Doubt>,
}

impl Carrying<'_> {
    /// Whether the place is reached from the resource.
    pub(super) fn under(&self, under: &Under, resource: &ObjectRef) -> Result<Coverage, EngineError> {
        if under.resource == *resource {
            return Ok(Coverage::PLAIN);
        }
        let known = self.program.member_named(&resource.kind, &under.by);
        let Some(((kind, relation), above)) = known.zip(self.program.kind_named(&under.resource.kind)) else {
            return Ok(Coverage::Not);
        };
        let mut wording = self.view.wording();
        let start = Node::new(kind, relation, self.view.find_object(kind, resource, &mut wording, self.graph.guard()));
        let target = self.view.find_object(above, &under.resource, &mut wording, self.graph.guard());
        let target = Node::new(above, relation, target);
        let certain = self.reach(start, target, false)?;
        if let Some(place) = certain.target {
            return Ok(Coverage::Surely(self.path(&certain, place, &under.by, &wording)));
        }
        if !certain.doubtful {
            return Ok(Coverage::Not);
        }
        let possible = self.reach(start, target, true)?;
        Ok(match possible.target {
            Some(place) => Coverage::Perhaps(possible.doubts(place)),
            None => Coverage::Not,
        })
    }

    /// Everything that is reached, the nearest first: by edges that are surely there until the target is met, or by all that
    /// there may be.
    fn reach(&self, start: Node, target: Node, doubted: bool) -> Result<Reached, EngineError> {
        let mut places = HashMap::from([(start.bits(), 0)]);
        let mut reached = Reached { nodes: vec![start], ways: Vec::new(), target: None, doubtful: false };
        let depth_max = self.limits.depth.min(DEPTH_MAX);
        let (mut work, mut level) = (0_u64, 0..1);
        let mut depth = 1;
        while !level.is_empty() {
            depth += 1;
            for from in level.clone() {
                let Some(node) = reached.nodes.get(from).copied() else { continue };
                for (subject, birth) in self.edges(node) {
                    work += 1;
                    if work > self.limits.work {
                        return Err(EngineError::TooMuchWork { limit: self.limits.work });
                    }
                    let doubt = match self.exists(node, subject, birth) {
                        Coverage::Not => continue,
                        Coverage::Surely(_) => None,
                        Coverage::Perhaps(doubt) => Some(doubt),
                    };
                    reached.doubtful |= doubt.is_some();
                    if doubt.is_some() && !doubted {
                        continue;
                    }
                    let next = subject.node().with_relation(node.relation());
                    let known = reached.nodes.len();
                    let to = *places.entry(next.bits()).or_insert_with(|| {
                        reached.nodes.push(next);
                        reached.nodes.len() - 1
                    });
                    if to == known && depth > depth_max {
                        return Err(EngineError::TooDeep { limit: depth_max });
                    }
                    reached.ways.push(Way { from, to, subject, birth, doubt });
                    if next == target {
                        reached.target = Some(to);
                        if !doubted {
                            return Ok(reached);
                        }
                    }
                }
            }
            level = level.end..reached.nodes.len();
        }
        Ok(reached)
    }

    /// The edges to follow. A wildcard is no place, and a userset is followed as its object, as by an arrow.
    fn edges(&self, node: Node) -> Vec<(Subject, Birth)> {
        let mut found = Vec::new();
        if self.program.member_id(node.kind(), node.relation()).is_none() {
            return found;
        }
        let Some(list) = self.graph.edges_from(node) else { return found };
        let mut walk = list.walk_from(0);
        while let Some((key, birth)) = list.next(&mut walk, self.view.revision()) {
            let subject = Subject::from_bits(key);
            if subject.class() != Class::Wildcard {
                found.push((subject, birth));
            }
        }
        found
    }

    fn exists(&self, node: Node, subject: Subject, birth: Birth) -> Coverage {
        if !birth.on_terms() {
            return Coverage::PLAIN;
        }
        let Some(terms) = self.graph.terms(node, subject, birth) else {
            return Coverage::Perhaps(Doubt::failed(CaveatFailure::TermsLost));
        };
        if terms.is_over(self.given.now) {
            return Coverage::Not;
        }
        terms.caveat.as_ref().map_or(Coverage::PLAIN, |caveat| self.condition(caveat))
    }

    /// The edges by which the place was reached first, the last one first.
    fn path(&self, reached: &Reached, place: usize, by: &RelationName, wording: &Wording<'_>) -> Vec<WitnessEdge> {
        let mut edges = Vec::new();
        let mut at = place;
        while let Some(way) = reached.ways.iter().find(|way| way.to == at && at != 0) {
            at = way.from;
            let Some(node) = reached.nodes.get(at).copied() else { break };
            let Some((resource, subject)) = wording.object(node).zip(wording.subject(way.subject)) else { break };
            let relationship = Relationship { resource, relation: by.clone(), subject };
            let on_terms = way.birth.on_terms().then(|| self.graph.terms(node, way.subject, way.birth)).flatten();
            let terms = on_terms.map(|terms| Terms::clone(terms)).unwrap_or_default();
            edges.push(WitnessEdge { relationship, since: way.birth.revision(), terms });
        }
        edges
    }
}

impl Reached {
    /// The places from which the target is reached.
    fn reaching(&self, target: usize, counts: impl Fn(&Way) -> bool) -> BTreeSet<usize> {
        let mut before: HashMap<usize, Vec<usize>> = HashMap::new();
        for way in self.ways.iter().filter(|way| counts(way)) {
            before.entry(way.to).or_default().push(way.from);
        }
        let (mut found, mut open) = (BTreeSet::from([target]), vec![target]);
        while let Some(place) = open.pop() {
            open.extend(before.remove(&place).unwrap_or_default().into_iter().filter(|from| found.insert(*from)));
        }
        found
    }

    /// The edges that lead away from a place. They lie in the order in which the places were found.
    fn ways_from(&self, place: usize) -> impl Iterator<Item = &Way> {
        let first = self.ways.partition_point(|way| way.from < place);
        self.ways.iter().skip(first).take_while(move |way| way.from == place)
    }

    /// What it depends on that the target is reached: the edges that may or may not be there, on ways from places of which
    /// that is not certain.
    fn doubts(&self, target: usize) -> Doubt {
        let possible = self.reaching(target, |_| true);
        let certain = self.reaching(target, |way| way.doubt.is_none());
        let (mut doubts, mut open, mut seen) = (Doubt::default(), vec![0], BTreeSet::from([0]));
        while let Some(place) = open.pop() {
            for way in self.ways_from(place).filter(|way| possible.contains(&way.to)) {
                if let Some(doubt) = &way.doubt {
                    doubts = doubts.and(doubt.clone());
                }
                if !certain.contains(&way.to) && seen.insert(way.to) {
                    open.push(way.to);
                }
            }
        }
        doubts
    }
}
