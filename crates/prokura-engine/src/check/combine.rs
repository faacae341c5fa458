//! How answers combine: Kleene's operators, with what each unknown lacks.

use super::{Answer, Truth, Unknowns, Why};
use crate::{packed::Node, program::StepId, trace::Trace};

pub(super) fn either<T: Trace>(
    one: Answer<T::Note>,
    other: Answer<T::Note>,
    unknowns: &mut Unknowns,
    trace: &mut T,
) -> Answer<T::Note> {
    match (one.truth, other.truth) {
        (Truth::True, _) => one,
        (_, Truth::True) => other,
        (Truth::False, Truth::False) => {
            Answer { truth: Truth::False, why: Why::default(), note: trace.neither(one.note, other.note) }
        }
        (Truth::Unknown, _) | (_, Truth::Unknown) => {
            let why = lacking(&one, &other, unknowns);
            Answer { truth: Truth::Unknown, why, note: trace.neither(one.note, other.note) }
        }
    }
}

pub(super) fn both<T: Trace>(
    one: Answer<T::Note>,
    other: Answer<T::Note>,
    unknowns: &mut Unknowns,
    trace: &mut T,
) -> Answer<T::Note> {
    match (one.truth, other.truth) {
        (Truth::True, Truth::True) => {
            Answer { truth: Truth::True, why: Why::default(), note: trace.both(one.note, other.note) }
        }
        (Truth::True, _) => other,
        (_, Truth::True) => one,
        (Truth::False, _) | (_, Truth::False) => {
            Answer { truth: Truth::False, why: Why::default(), note: trace.neither(one.note, other.note) }
        }
        (Truth::Unknown, Truth::Unknown) => {
            let why = unknowns.merged(one.why, other.why);
            Answer { truth: Truth::Unknown, why, note: trace.neither(one.note, other.note) }
        }
    }
}

pub(super) fn except<T: Trace>(
    left: Answer<T::Note>,
    right: Answer<T::Note>,
    node: Node,
    place: StepId,
    unknowns: &mut Unknowns,
    trace: &mut T,
) -> Answer<T::Note> {
    match (left.truth, right.truth) {
        (Truth::True, Truth::False) => {
            Answer { truth: Truth::True, why: Why::default(), note: trace.spared(left.note, place) }
        }
        (Truth::True, Truth::True) => {
            Answer { truth: Truth::False, why: Why::default(), note: trace.excluded(node, place, right.note) }
        }
        (Truth::False, _) | (_, Truth::False) => left,
        (Truth::Unknown, Truth::True) => Answer { truth: Truth::False, why: Why::default(), note: left.note },
        (_, Truth::Unknown) => {
            let why = lacking(&left, &right, unknowns);
            Answer { truth: Truth::Unknown, why, note: left.note }
        }
    }
}

fn lacking<N>(one: &Answer<N>, other: &Answer<N>, unknowns: &mut Unknowns) -> Why {
    match (one.truth, other.truth) {
        (Truth::Unknown, Truth::Unknown) => unknowns.merged(one.why, other.why),
        (Truth::Unknown, _) => one.why,
        (_, _) => other.why,
    }
}
