//! Searching from the smaller side: most subjects are in few groups, and many groups have many subgroups. What a subject is in,
//! directly or through others, is found going up from it once; going down, whatever is not among it is passed over.

use std::ops::ControlFlow;

use crate::{
    check::Asked,
    list::{Birth, FEW, List},
    nesting::{Higher, KEPT_MAX, Shape},
    packed::{Class, Node, Subject},
    words::load,
};

/// Edges looked at on the way up, and what they lead to; whoever is in more is looked for going down only.
const EDGES_MAX: usize = 256;
const NODES_MAX: usize = 48;

/// Everything that the subject may be in through usersets of relations: all of it, and perhaps more, because an edge counts
/// whether or not it holds for the question.
pub(crate) struct Above {
    state: State,
    nodes: [Node; NODES_MAX],
    /// How many edges up each is, and the position of what it was found through, if that is not the subject.
    ways: [Way; NODES_MAX],
    len: usize,
    /// How many may be found.
    most: usize,
    looked_at: usize,
    /// A bit for each position of what has everything above it among these already.
    whole: u64,
    /// A bit for each node, so that most of what is not among them is told at once.
    bits: u64,
    /// Whether every edge on the way holds for good, so that the subject is in all of it.
    exact: bool,
}

#[derive(Clone, Copy)]
struct Way {
    height: u8,
    through: u8,
}

/// Found through the subject itself, or through everyone of its type.
const THE_SUBJECT: u8 = u8::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotAsked,
    Known,
    TooMany,
}

impl Above {
    pub(crate) fn new() -> Self {
        let way = Way { height: 0, through: THE_SUBJECT };
        Self {
            state: State::NotAsked,
            nodes: [Node::from_bits(0); NODES_MAX],
            ways: [way; NODES_MAX],
            len: 0,
            most: NODES_MAX,
            looked_at: 0,
            whole: 0,
            bits: 0,
            exact: true,
        }
    }

    /// How far above the subject the goal is, whose usersets all are of relations; none if the subject surely is not in it.
    /// Zero if that cannot be said.
    pub(super) fn height(&mut self, goal: Node, asked: &Asked<'_>, everyone: Option<Subject>) -> Option<usize> {
        if self.state == State::NotAsked {
            let climbed = self.climb(asked, everyone);
            self.state = if climbed.is_continue() { State::Known } else { State::TooMany };
        }
        if self.state == State::TooMany {
            return Some(0);
        }
        let at = self.position(goal)?;
        self.ways.get(at).map(|way| usize::from(way.height))
    }

    /// Whether the subject surely is in what it may be in.
    pub(super) fn is_exact(&self) -> bool {
        self.state == State::Known && self.exact
    }

    /// What was gone through on the way up to the goal, from there down; the goal itself comes first.
    pub(super) fn down_from(&self, goal: Node) -> impl Iterator<Item = Node> {
        let mut next = self.position(goal);
        std::iter::from_fn(move || {
            let at = next?;
            next = self.ways.get(at).filter(|way| way.through != THE_SUBJECT).map(|way| usize::from(way.through));
            self.nodes.get(at).copied()
        })
    }

    #[inline(always)]
    fn position(&self, goal: Node) -> Option<usize> {
        if self.bits & bit(goal) == 0 {
            return None;
        }
        self.nodes.get(..self.len)?.iter().position(|node| *node == goal)
    }

    fn climb(&mut self, asked: &Asked<'_>, everyone: Option<Subject>) -> ControlFlow<()> {
        if asked.subject.class() == Class::Userset {
            self.add(asked.subject.node(), Way { height: 0, through: THE_SUBJECT })?;
        }
        let first = Way { height: 1, through: THE_SUBJECT };
        for subject in [Some(asked.subject), everyone].into_iter().flatten() {
            self.climb_from(subject, first, asked)?;
        }
        let mut next = 0;
        while let Some((node, way)) = self.found(next) {
            if self.whole >> next & 1 == 0 && !self.take_in_closure(next, node, way, asked)? {
                self.climb_from(Subject::userset(node), self.way_through(next, way), asked)?;
            }
            next += 1;
        }
        ControlFlow::Continue(())
    }

    fn found(&self, position: usize) -> Option<(Node, Way)> {
        Some((*self.nodes.get(..self.len)?.get(position)?, *self.ways.get(position)?))
    }

    fn way_through(&self, position: usize, way: Way) -> Way {
        Way { height: way.height.saturating_add(1), through: u8::try_from(position).unwrap_or(THE_SUBJECT) }
    }

    /// Adds what is known to be above a group; false if that does not spare climbing from it.
    fn take_in_closure(&mut self, at: usize, group: Node, way: Way, asked: &Asked<'_>) -> ControlFlow<(), bool> {
        let Some(nesting) = asked.graph.nesting(asked.revision) else { return ControlFlow::Continue(false) };
        let (program, nested) = (asked.program.number(), asked.program.nested());
        if let Some(kept) = nesting.find(group, program) {
            let before = (self.len, self.whole, self.bits, self.exact);
            let added = self.add_closure((at, way), kept.shape, kept.above(nested));
            if kept.is_good(asked.revision) {
                return added;
            }
            (self.len, self.whole, self.bits, self.exact) = before;
        }
        let (shape, above) = Self::closure_of(group, asked);
        nesting.keep((group, program), nested, asked.revision, (shape, &above));
        self.add_closure((at, way), shape, above.into_iter().take(shape.len))
    }

    #[inline(always)]
    fn add_closure(
        &mut self,
        (at, way): (usize, Way),
        shape: Shape,
        above: impl Iterator<Item = Higher>,
    ) -> ControlFlow<(), bool> {
        if shape.whole == 0 {
            return ControlFlow::Continue(false);
        }
        self.exact &= shape.exact;
        self.whole |= 1 << at;
        // Of the group itself and of each above it: where it is among these, and how high.
        let mut found = [(self.way_through(at, way).through, way.height); KEPT_MAX + 1];
        for (number, higher) in (1..).zip(above) {
            let (through, height) = found.get(higher.through).copied().unwrap_or_default();
            let height = height.saturating_add(1);
            let position = self.add(higher.node, Way { height, through })?;
            self.whole |= u64::from(number < shape.whole) << position;
            if let Some(found) = found.get_mut(number) {
                *found = (u8::try_from(position).unwrap_or(THE_SUBJECT), height);
            }
        }
        ControlFlow::Continue(true)
    }

    /// What is above a group, as far as it can be kept.
    #[cold]
    #[inline(never)]
    fn closure_of(group: Node, asked: &Asked<'_>) -> (Shape, [Higher; KEPT_MAX]) {
        let mut own = Self { most: KEPT_MAX + 1, ..Self::new() };
        // There is room for one.
        let _ = own.add(group, Way { height: 0, through: THE_SUBJECT });
        let mut whole = 0;
        while let Some((node, way)) = own.found(whole) {
            if own.climb_from(Subject::userset(node), own.way_through(whole, way), asked).is_break() {
                break;
            }
            whole += 1;
        }
        let mut above = [Higher::NOTHING; KEPT_MAX];
        let found = own.nodes.iter().zip(&own.ways).take(own.len).skip(1);
        for (higher, (node, way)) in above.iter_mut().zip(found) {
            *higher = Higher { node: *node, through: usize::from(way.through) };
        }
        (Shape { len: own.len - 1, whole, exact: own.exact }, above)
    }

    #[inline]
    fn climb_from(&mut self, subject: Subject, way: Way, asked: &Asked<'_>) -> ControlFlow<()> {
        if !asked.graph.is_plain() {
            let list = asked.graph.edges_to(subject);
            return list.map_or(ControlFlow::Continue(()), |list| self.climb_list(list, way, asked));
        }
        let Some(shelf) = asked.graph.stored_edges_to(subject) else { return ControlFlow::Continue(()) };
        let Some(plain) = shelf.plain() else { return self.climb_list(asked.graph.list(shelf), way, asked) };
        if plain.len() <= FEW {
            for [key, birth] in plain {
                let (node, birth) = (Node::from_bits(load(key)), Birth::stored(birth));
                if birth.revision() <= asked.revision && asked.program.is_nested(node) {
                    self.meet(node, birth, way)?;
                }
            }
            return ControlFlow::Continue(());
        }
        for start in asked.program.nested() {
            let begin = plain.partition_point(|[key, _]| load(key) < start.bits());
            for [key, birth] in plain.get(begin..).unwrap_or_default() {
                let (node, birth) = (Node::from_bits(load(key)), Birth::stored(birth));
                if node.with_object(0) != *start {
                    break;
                }
                if birth.revision() <= asked.revision {
                    self.meet(node, birth, way)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(never)]
    fn climb_list(&mut self, list: List<'_>, way: Way, asked: &Asked<'_>) -> ControlFlow<()> {
        for start in asked.program.nested() {
            let mut over = false;
            let seen = list.visit(start.bits(), asked.revision, |key, birth| {
                let node = Node::from_bits(key);
                if node.with_object(0) != *start {
                    over = true;
                    return ControlFlow::Break(());
                }
                self.meet(node, birth, way)
            });
            if !over {
                seen?;
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn meet(&mut self, node: Node, birth: Birth, way: Way) -> ControlFlow<()> {
        self.looked_at += 1;
        self.exact &= !birth.on_terms();
        if self.looked_at > EDGES_MAX {
            return ControlFlow::Break(());
        }
        self.add(node, way).map_continue(|_| ())
    }

    /// The position of a node, which is new if it was not found before.
    #[inline(always)]
    fn add(&mut self, node: Node, way: Way) -> ControlFlow<(), usize> {
        if let Some(position) = self.position(node) {
            return ControlFlow::Continue(position);
        }
        let (Some(slot), Some(at)) = (self.nodes.get_mut(self.len), self.ways.get_mut(self.len)) else {
            return ControlFlow::Break(());
        };
        if self.len == self.most {
            return ControlFlow::Break(());
        }
        (*slot, *at) = (node, way);
        self.len += 1;
        self.bits |= bit(node);
        ControlFlow::Continue(self.len - 1)
    }
}

/// Which of 64 bits stands for a node.
#[inline]
fn bit(node: Node) -> u64 {
    1 << (node.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}
