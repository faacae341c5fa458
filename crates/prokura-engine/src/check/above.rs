//! Searching from the smaller side: most subjects are in few groups, and many groups have many subgroups. What a subject is in,
//! directly or through others, is found going up from it once; going down, whatever is not among it is passed over.

use std::ops::ControlFlow;

use crate::{
    check::Asked,
    packed::{Class, Node, Subject},
};

/// Edges looked at on the way up, and what they lead to; whoever is in more is looked for going down only.
const EDGES_MAX: usize = 256;
const NODES_MAX: usize = 48;

/// Everything that the subject may be in through usersets of relations: all of it, and perhaps more, because an edge counts
/// whether or not it holds for the question.
pub(super) struct Above {
    state: State,
    nodes: [Node; NODES_MAX],
    /// How many edges up each is.
    heights: [u8; NODES_MAX],
    len: usize,
    /// Whether every edge on the way holds for good, so that the subject is in all of it.
    exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotAsked,
    Known,
    TooMany,
}

impl Above {
    pub(super) fn new() -> Self {
        let nobody = Node::from_bits(0);
        Self { state: State::NotAsked, nodes: [nobody; NODES_MAX], heights: [0; NODES_MAX], len: 0, exact: true }
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
        let at = self.known().iter().position(|node| *node == goal)?;
        self.heights.get(at).map(|height| usize::from(*height))
    }

    /// Whether the subject surely is in what it may be in.
    pub(super) fn is_exact(&self) -> bool {
        self.state == State::Known && self.exact
    }

    fn known(&self) -> &[Node] {
        self.nodes.get(..self.len).unwrap_or_default()
    }

    fn climb(&mut self, asked: &Asked<'_>, everyone: Option<Subject>) -> ControlFlow<()> {
        let mut looked_at = 0;
        if asked.subject.class() == Class::Userset {
            self.add(asked.subject.node(), 0)?;
        }
        for subject in [Some(asked.subject), everyone].into_iter().flatten() {
            self.climb_from(subject, 1, asked, &mut looked_at)?;
        }
        let mut next = 0;
        while let Some((node, height)) = self.known().get(next).copied().zip(self.heights.get(next).copied()) {
            next += 1;
            self.climb_from(Subject::userset(node), height.saturating_add(1), asked, &mut looked_at)?;
        }
        ControlFlow::Continue(())
    }

    fn climb_from(
        &mut self,
        subject: Subject,
        height: u8,
        asked: &Asked<'_>,
        looked_at: &mut usize,
    ) -> ControlFlow<()> {
        let Some(list) = asked.graph.edges_to(subject) else { return ControlFlow::Continue(()) };
        for start in asked.program.nested() {
            let mut over = false;
            let seen = list.visit(start.bits(), asked.revision, |key, birth| {
                let node = Node::from_bits(key);
                if node.with_object(0) != *start {
                    over = true;
                    return ControlFlow::Break(());
                }
                *looked_at += 1;
                self.exact &= !birth.on_terms();
                if *looked_at > EDGES_MAX {
                    return ControlFlow::Break(());
                }
                self.add(node, height)
            });
            if !over {
                seen?;
            }
        }
        ControlFlow::Continue(())
    }

    fn add(&mut self, node: Node, height: u8) -> ControlFlow<()> {
        if self.known().contains(&node) {
            return ControlFlow::Continue(());
        }
        let (Some(slot), Some(at)) = (self.nodes.get_mut(self.len), self.heights.get_mut(self.len)) else {
            return ControlFlow::Break(());
        };
        (*slot, *at) = (node, height);
        self.len += 1;
        ControlFlow::Continue(())
    }
}
