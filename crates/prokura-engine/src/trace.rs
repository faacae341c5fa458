use prokura_model::Revision;

use crate::{
    list::Birth,
    packed::{Node, Subject},
    program::StepId,
};

/// What the evaluator tells while it works. It never asks, so a trace cannot change an answer.
///
/// A note goes along with each answer: for true, what it rests on; otherwise, what stood in the way.
pub(crate) trait Trace {
    type Note: Clone + Default;

    /// Whether goals that surely do not hold need not be told of.
    fn may_skip(&self) -> bool;
    /// Whether what an allow rests on is wanted.
    fn wants_proof(&self) -> bool;
    /// A goal is being tried.
    fn reached(&mut self, goal: Node);
    /// A relation does not name the subject itself, this many goals down the path.
    fn missed(&mut self, goal: Node, depth: usize, negations: u32);
    /// The subject is the goal.
    fn itself(&mut self) -> Self::Note;
    /// An edge names the subject, or everyone of its type.
    fn edge(&mut self, edge: Edge) -> Self::Note;
    /// An edge leads to a goal that holds.
    fn followed(&mut self, edge: Edge, goal: Self::Note) -> Self::Note;
    /// A goal holds.
    fn proved(&mut self, goal: Node, parts: Self::Note) -> Self::Note;
    /// Two things hold, and both are needed.
    fn both(&mut self, one: Self::Note, other: Self::Note) -> Self::Note;
    /// Neither of two holds.
    fn neither(&mut self, one: Self::Note, other: Self::Note) -> Self::Note;
    /// The left side of an exclusion holds, and the right side does not.
    fn spared(&mut self, left: Self::Note, right: StepId) -> Self::Note;
    /// Both sides of an exclusion hold.
    fn excluded(&mut self, goal: Node, right: StepId, because: Self::Note) -> Self::Note;
}

/// An edge as the evaluator met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) node: Node,
    pub(crate) subject: Subject,
    pub(crate) birth: Birth,
}

impl Edge {
    /// Stands where no edge was followed yet.
    pub(crate) fn none(node: Node) -> Self {
        Self { node, subject: Subject::FIRST_USERSET, birth: Birth::new(Revision(0), false) }
    }
}

/// Keeps nothing: the plain check.
pub(crate) struct Silent;

impl Trace for Silent {
    type Note = ();

    fn may_skip(&self) -> bool {
        true
    }

    fn wants_proof(&self) -> bool {
        false
    }

    fn reached(&mut self, _: Node) {}
    fn missed(&mut self, _: Node, _: usize, _: u32) {}
    fn itself(&mut self) {}
    fn edge(&mut self, _: Edge) {}
    fn followed(&mut self, _: Edge, (): ()) {}
    fn proved(&mut self, _: Node, (): ()) {}
    fn both(&mut self, (): (), (): ()) {}
    fn neither(&mut self, (): (), (): ()) {}
    fn spared(&mut self, (): (), _: StepId) {}
    fn excluded(&mut self, _: Node, _: StepId, (): ()) {}
}
