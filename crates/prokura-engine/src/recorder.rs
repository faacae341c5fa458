use std::collections::HashSet;

use crate::{
    hash::PackedHash,
    limits::EXPLAINED_GOALS_MAX,
    packed::Node,
    program::StepId,
    trace::{Edge, Trace},
};

/// Most exclusions told of.
const EXCLUSIONS_MAX: usize = 16;

/// Keeps why answers came out as they did. Proofs stand in one list and name each other by position, so that a proof as deep
/// as a graph is neither built nor dropped by recursion, and one that is used twice is kept once.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    proved: Vec<Proved>,
    /// None where only the witness is wanted.
    reached: Option<Reached>,
}

/// What was tried: for the nearest miss.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    seen: HashSet<Node, PackedHash>,
    /// In the order they were reached first.
    pub(crate) goals: Vec<Node>,
    pub(crate) cut_off: bool,
    /// Relations where one more edge might have helped, with their place on the path.
    pub(crate) missed: Vec<(usize, Node)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProvedId(usize);

#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) goal: Node,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Itself,
    Edge(Edge),
    Followed(Edge, ProvedId),
    Goal(ProvedId),
    Spared(StepId),
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Note {
    #[default]
    Nothing,
    Holds(Vec<Part>),
    Excluded(Vec<Ruling>),
}

/// An exclusion that took away what its left side gave.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    pub(crate) goal: Node,
    pub(crate) right: StepId,
    pub(crate) because: Vec<Part>,
}

impl Recorder {
    pub(crate) fn witness_only() -> Self {
        Self::default()
    }

    pub(crate) fn everything() -> Self {
        Self { proved: Vec::new(), reached: Some(Reached::default()) }
    }

    pub(crate) fn proved(&self, id: ProvedId) -> Option<&Proved> {
        self.proved.get(id.0)
    }

    pub(crate) fn reached(&self) -> Option<&Reached> {
        self.reached.as_ref()
    }
}

impl Trace for Recorder {
    type Note = Note;

    fn may_skip(&self) -> bool {
        self.reached.is_none()
    }

    fn wants_proof(&self) -> bool {
        true
    }

    fn reached(&mut self, goal: Node) {
        let Some(reached) = &mut self.reached else { return };
        if reached.goals.len() >= EXPLAINED_GOALS_MAX {
            reached.cut_off |= !reached.seen.contains(&goal);
        } else if reached.seen.insert(goal) {
            reached.goals.push(goal);
        }
    }

    /// An edge helps only where the path went through an even number of right sides.
    fn missed(&mut self, goal: Node, depth: usize, negations: u32) {
        let Some(reached) = &mut self.reached else { return };
        if negations.is_multiple_of(2) && reached.missed.len() < EXPLAINED_GOALS_MAX {
            reached.missed.push((depth, goal));
        }
    }

    fn itself(&mut self) -> Note {
        Note::Holds(vec![Part::Itself])
    }

    fn edge(&mut self, edge: Edge) -> Note {
        Note::Holds(vec![Part::Edge(edge)])
    }

    fn followed(&mut self, edge: Edge, goal: Note) -> Note {
        match goal {
            Note::Holds(mut parts) => {
                for part in &mut parts {
                    if let Part::Goal(id) = part {
                        *part = Part::Followed(edge, *id);
                    }
                }
                Note::Holds(parts)
            }
            Note::Nothing | Note::Excluded(_) => goal,
        }
    }

    fn proved(&mut self, goal: Node, parts: Note) -> Note {
        let id = ProvedId(self.proved.len());
        self.proved.push(Proved { goal, parts: parts.into_parts() });
        Note::Holds(vec![Part::Goal(id)])
    }

    fn both(&mut self, one: Note, other: Note) -> Note {
        let mut parts = one.into_parts();
        parts.extend(other.into_parts());
        Note::Holds(parts)
    }

    fn neither(&mut self, one: Note, other: Note) -> Note {
        match (one, other) {
            (Note::Excluded(mut rulings), Note::Excluded(more)) => {
                rulings.extend(more);
                rulings.truncate(EXCLUSIONS_MAX);
                Note::Excluded(rulings)
            }
            (Note::Excluded(rulings), _) | (_, Note::Excluded(rulings)) => Note::Excluded(rulings),
            _ => Note::Nothing,
        }
    }

    fn spared(&mut self, left: Note, right: StepId) -> Note {
        let mut parts = left.into_parts();
        parts.push(Part::Spared(right));
        Note::Holds(parts)
    }

    fn excluded(&mut self, goal: Node, right: StepId, because: Note) -> Note {
        Note::Excluded(vec![Ruling { goal, right, because: because.into_parts() }])
    }
}

impl Note {
    pub(crate) fn into_parts(self) -> Vec<Part> {
        match self {
            Self::Holds(parts) => parts,
            Self::Nothing | Self::Excluded(_) => Vec::new(),
        }
    }

    pub(crate) fn parts(&self) -> &[Part] {
        match self {
            Self::Holds(parts) => parts,
            Self::Nothing | Self::Excluded(_) => &[],
        }
    }

    pub(crate) fn rulings(&self) -> &[Ruling] {
        match self {
            Self::Excluded(rulings) => rulings,
            Self::Nothing | Self::Holds(_) => &[],
        }
    }
}
