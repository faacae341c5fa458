use std::collections::BTreeSet;

use prokura_model::{ObjectRef, RelationName};

/// Does it hold for the subject that the object has this relation or permission?
pub(crate) type Goal = (ObjectRef, RelationName);

/// Kleene's three values, and of the third what it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    Unknown(Doubts),
    True,
}

/// What an unknown comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doubts {
    /// Parameters of caveats that have no value.
    pub(crate) missing: BTreeSet<String>,
    /// Whether a caveat could not be evaluated at all.
    pub(crate) failed: bool,
    /// The unknown goals that take part, each with whether it stands behind a `-`.
    pub(crate) goals: BTreeSet<(Goal, bool)>,
}

impl Truth {
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Unknown(one), Self::Unknown(other)) => Self::Unknown(one.and_those_of(other)),
            (Self::Unknown(doubts), Self::False) | (Self::False, Self::Unknown(doubts)) => Self::Unknown(doubts),
            (Self::False, Self::False) => Self::False,
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown(one), Self::Unknown(other)) => Self::Unknown(one.and_those_of(other)),
            (Self::Unknown(doubts), Self::True) | (Self::True, Self::Unknown(doubts)) => Self::Unknown(doubts),
            (Self::True, Self::True) => Self::True,
        }
    }

    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Unknown(doubts) => {
                let goals = doubts.goals.into_iter().map(|(goal, _)| (goal, true)).collect();
                Self::Unknown(Doubts { goals, ..doubts })
            }
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Doubts {
    fn and_those_of(mut self, other: Self) -> Self {
        self.missing.extend(other.missing);
        self.failed |= other.failed;
        self.goals.extend(other.goals);
        self
    }
}
