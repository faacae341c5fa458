//! What the evaluator has begun and not ended: one frame for each operator, list of usersets, or arrow on the path.

use super::{
    Answer, Asked, Truth, Unknowns, Why,
    combine::{both, either, except},
};
use crate::{
    list::{Birth, List, Walk},
    packed::{Class, Node, RelationId, Subject},
    program::{Allowed, Operator, Step, StepId},
    trace::{Edge, Trace},
};

/// Something begun: a permission's operator, the usersets of a relation, the objects of an arrow.
pub(super) struct Frame<'g, N> {
    pub(super) node: Node,
    pub(super) negations: u32,
    /// Whether the end of this frame is the end of a goal.
    pub(super) closes: bool,
    pub(super) answer: Answer<N>,
    pub(super) task: Task<'g>,
}

pub(super) enum Task<'g> {
    Operator { operator: Operator, first: StepId, next: StepId, end: StepId },
    Usersets { list: List<'g>, walk: Walk<'g>, within: Option<&'g Allowed>, edge: Edge, held: Held },
    Arrow { list: List<'g>, walk: Walk<'g>, arrow: Arrow<'g>, edge: Edge, held: Held },
}

/// An arrow's walk: what is asked of the objects it leads to.
#[derive(Clone, Copy)]
pub(super) struct Arrow<'g> {
    pub(super) target: RelationId,
    /// Whether every object must have it.
    pub(super) every: bool,
    /// Whether an edge was followed yet; an arrow that asks for every object asks for at least one.
    pub(super) followed: bool,
    pub(super) within: Option<&'g Allowed>,
}

/// Whether an edge exists for this question: for good, not at all, or perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Surely,
    Perhaps(Why),
    Not,
    /// Over, or not allowed by the model it is asked about: as if it had never been written.
    Absent,
}

/// What a frame needs next.
pub(super) enum Child {
    Step { step: Step, node: Node, negations: u32 },
    Edge { edge: Edge, birth: Birth, goal: Node, negations: u32 },
    Done,
}

impl<N: Clone + Default> Frame<'_, N> {
    /// The next thing this frame has to know; done as soon as nothing more can change its answer.
    pub(super) fn next(&mut self, asked: &Asked<'_>) -> Child {
        let Self { node, negations, answer, task, .. } = self;
        match task {
            Task::Operator { operator, first, next, end } => {
                let settled = match operator {
                    Operator::Union => answer.truth == Truth::True,
                    Operator::Intersection | Operator::Exclusion => answer.truth == Truth::False && next != first,
                };
                if settled || next == end {
                    return Child::Done;
                }
                let right_side = *operator == Operator::Exclusion && next != first;
                let step = asked.program.step(*next);
                *next = StepId(next.0 + 1);
                Child::Step { step, node: *node, negations: *negations + u32::from(right_side) }
            }
            Task::Usersets { list, walk, edge, .. } => {
                if answer.truth == Truth::True {
                    return Child::Done;
                }
                let Some((key, birth)) = list.next(walk, asked.revision) else { return Child::Done };
                *edge = Edge { subject: Subject::from_bits(key), birth, ..*edge };
                Child::Edge { edge: *edge, birth, goal: edge.subject.node(), negations: *negations }
            }
            Task::Arrow { list, walk, arrow, edge, .. } => {
                let settled = if arrow.every { Truth::False } else { Truth::True };
                if answer.truth == settled {
                    return Child::Done;
                }
                while let Some((key, birth)) = list.next(walk, asked.revision) {
                    let subject = Subject::from_bits(key);
                    if subject.class() != Class::Wildcard {
                        *edge = Edge { subject, birth, ..*edge };
                        let goal = subject.node().with_relation(arrow.target);
                        return Child::Edge { edge: *edge, birth, goal, negations: *negations };
                    }
                }
                Child::Done
            }
        }
    }

    pub(super) fn absorb<T: Trace<Note = N>>(&mut self, found: Answer<N>, unknowns: &mut Unknowns, trace: &mut T) {
        let before = Answer { note: std::mem::take(&mut self.answer.note), ..self.answer };
        self.answer = match &self.task {
            Task::Operator { operator: Operator::Union, .. } => either(before, found, unknowns, trace),
            Task::Operator { operator: Operator::Intersection, .. } => both(before, found, unknowns, trace),
            Task::Operator { operator: Operator::Exclusion, first, next, .. } => {
                let right = StepId(first.0 + 1);
                if *next == right { found } else { except(before, found, self.node, right, unknowns, trace) }
            }
            Task::Usersets { edge, held, .. } => {
                let found = at_end_of(*edge, *held, found, unknowns, trace);
                either(before, found, unknowns, trace)
            }
            Task::Arrow { held: Held::Absent, .. } => before,
            Task::Arrow { edge, held, arrow, .. } => {
                let found = at_end_of(*edge, *held, found, unknowns, trace);
                if arrow.every { both(before, found, unknowns, trace) } else { either(before, found, unknowns, trace) }
            }
        };
    }
}

/// What the goal at the end of an edge says, with the edge: no more than the edge itself.
fn at_end_of<T: Trace>(
    edge: Edge,
    held: Held,
    found: Answer<T::Note>,
    unknowns: &mut Unknowns,
    trace: &mut T,
) -> Answer<T::Note> {
    match (found.truth, held) {
        (Truth::False, _) | (Truth::Unknown, Held::Surely) => found,
        (Truth::True, Held::Surely) => Answer { note: trace.followed(edge, found.note), ..found },
        (Truth::True, Held::Perhaps(why)) => Answer { truth: Truth::Unknown, why, note: T::Note::default() },
        (Truth::Unknown, Held::Perhaps(why)) => Answer { why: unknowns.merged(found.why, why), ..found },
        (Truth::True | Truth::Unknown, Held::Not | Held::Absent) => Answer::no(),
    }
}
