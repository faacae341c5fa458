use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_model::{Disposition, Reason, Timestamp};

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a check: yes.
    Has,
    /// Of a check: no.
    HasNot,
    /// Of a check: that depends on parameters of caveats that have no value, some of which are these.
    Conditional(BTreeSet<String>),
    /// Of a question for a list.
    Listed(List),
    /// Of a decision.
    Decided(Verdict),
    /// Of each: the stable code of the error.
    Failed(String),
    /// Only from the oracle: the meaning leaves open which of these it is. The first is the likeliest.
    OneOf(Vec<Self>),
}

/// How someone stands to something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// They have it.
    Has,
    /// That depends on parameters of caveats that have no value, some of which are these.
    Conditional(BTreeSet<String>),
    /// They do not.
    #[default]
    HasNot,
}

/// Who stands how: a value for everyone there could be.
///
/// So a list that names those whom a wildcard covers, and one that leaves them out, are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those that are named.
    pub named: BTreeMap<String, Standing>,
    /// Everyone else: what a wildcard gives.
    pub others: Standing,
}

/// The part of a decision every implementation must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Allow or deny, and why.
    pub reason: Reason,
    /// The link it failed at, counted from the root.
    pub at: Option<usize>,
    /// How long an allow holds if nothing is written.
    pub valid_until: Option<Timestamp>,
}

impl Verdict {
    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason, at: None, valid_until: None }
    }
}

impl From<Standing> for Answer {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Has => Self::Has,
            Standing::Conditional(names) => Self::Conditional(names),
            Standing::HasNot => Self::HasNot,
        }
    }
}

impl Standing {
    fn agrees_with(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::Conditional(right), Self::Conditional(found)) => are_some_of(found, right),
            (right, found) => right == found,
        }
    }
}

impl List {
    /// How the one of this id or name stands.
    #[must_use]
    pub fn standing(&self, name: &str) -> &Standing {
        self.named.get(name).unwrap_or(&self.others)
    }

    /// The same list, naming only those that stand otherwise than everyone else.
    #[must_use]
    pub fn plain(mut self) -> Self {
        let others = &self.others;
        self.named.retain(|_, standing| standing != others);
        self
    }

    fn agrees_with(&self, found: &Self) -> bool {
        let mut names = self.named.keys().chain(found.named.keys());
        self.others.agrees_with(&found.others)
            && names.all(|name| self.standing(name).agrees_with(found.standing(name)))
    }
}

/// An evaluator need not find everything an answer depends on, but something it must.
fn are_some_of(found: &BTreeSet<String>, right: &BTreeSet<String>) -> bool {
    !found.is_empty() && found.is_subset(right)
}

impl Answer {
    /// Any of these; just the one if there is only one.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn one_of(answers: impl IntoIterator<Item = Self>) -> Self {
        let mut different: Vec<Self> = Vec::new();
        for answer in answers {
            if !different.contains(&answer) {
                different.push(answer);
            }
        }
        assert!(!different.is_empty(), "a question has an answer");
        if different.len() == 1 { different.remove(0) } else { Self::OneOf(different) }
    }

    /// Whether `found` is an answer an evaluator may give where this is the oracle's.
    #[must_use]
    pub fn agrees_with(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::OneOf(answers), found) => answers.iter().any(|answer| answer.agrees_with(found)),
            // Another oracle leaves open what this one does.
            (_, Self::OneOf(answers)) => answers.iter().any(|found| self.agrees_with(found)),
            (Self::Conditional(right), Self::Conditional(found)) => are_some_of(found, right),
            (Self::Listed(right), Self::Listed(found)) => right.agrees_with(found),
            (right, found) => right == found,
        }
    }

    /// The answer an evaluator most likely gives.
    pub(crate) fn likeliest(&self) -> &Self {
        match self {
            Self::OneOf(answers) => answers.first().map_or(self, Self::likeliest),
            other => other,
        }
    }

    /// Whether something is permitted by it.
    #[must_use]
    pub fn allows(&self) -> bool {
        match self {
            Self::Has => true,
            Self::Listed(list) => {
                list.others == Standing::Has || list.named.values().any(|standing| *standing == Standing::Has)
            }
            Self::Decided(verdict) => verdict.reason.disposition() == Disposition::Allow,
            Self::OneOf(answers) => answers.iter().any(Self::allows),
            Self::HasNot | Self::Conditional(_) | Self::Failed(_) => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Has => f.write_str("has"),
            Self::HasNot => f.write_str("has_not"),
            Self::Conditional(names) => write!(f, "conditional {}", joined(names)),
            Self::Listed(list) => list.fmt(f),
            Self::Failed(code) => write!(f, "error {code}"),
            Self::Decided(verdict) => {
                write!(f, "{} {}", verdict.reason.disposition(), verdict.reason)?;
                if let Some(link) = verdict.at {
                    write!(f, " at link {link}")?;
                }
                if let Some(Timestamp(until)) = verdict.valid_until {
                    write!(f, " until {until}")?;
                }
                Ok(())
            }
            Self::OneOf(answers) => {
                let texts: Vec<_> = answers.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" | "))
            }
        }
    }
}

/// `alice, bob if day, *, not carol`; `nothing`.
impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = (self.others != Standing::HasNot).then_some(("*", &self.others));
        let named = self.named.iter().map(|(name, standing)| (name.as_str(), standing));
        let entries = named.chain(others).map(|(name, standing)| match standing {
            Standing::Has => name.to_owned(),
            Standing::Conditional(names) => format!("{name} if {}", joined(names)),
            Standing::HasNot => format!("not {name}"),
        });
        let entries: Vec<_> = entries.collect();
        f.write_str(if entries.is_empty() { "nothing" } else { "" })?;
        f.write_str(&entries.join(", "))
    }
}

fn joined(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    names.join(",")
}
