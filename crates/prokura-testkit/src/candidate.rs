use std::fmt;

use prokura_model::{Change, DelegationId, ObjectRef, Reason, RelationName, SubjectRef, Timestamp};

/// Whatever claims to answer as the oracle does. It starts empty.
pub trait Candidate {
    /// Takes in one transaction.
    fn apply(&mut self, changes: &[Change], at: Timestamp);

    /// Answers on everything taken in so far.
    fn answer(&self, ask: &Ask) -> Answer;
}

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Does the subject have the permission (or stand in the relation), on the graph alone?
    Check {
        /// On what.
        resource: ObjectRef,
        /// A permission or a relation.
        permission: RelationName,
        /// Who.
        subject: SubjectRef,
    },
    /// May it be done, now?
    Decide {
        /// What is wanted.
        question: Question,
        /// The moment.
        now: Timestamp,
    },
}

/// What an actor wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Who wants to act.
    pub actor: ObjectRef,
    /// The delegation it names, if any.
    pub delegation: Option<DelegationId>,
    /// What it wants to do.
    pub permission: RelationName,
    /// To what.
    pub resource: ObjectRef,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a check: yes.
    Has,
    /// Of a check: no.
    HasNot,
    /// Of a decision.
    Decided(Verdict),
    /// Of either: the stable code of the error.
    Failed(String),
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

impl Answer {
    /// Whether something is permitted by it.
    #[must_use]
    pub fn allows(&self) -> bool {
        match self {
            Self::Has => true,
            Self::Decided(verdict) => verdict.reason.disposition() == prokura_model::Disposition::Allow,
            Self::HasNot | Self::Failed(_) => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Has => f.write_str("has"),
            Self::HasNot => f.write_str("has_not"),
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
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check { resource, permission, subject } => write!(f, "check {resource}#{permission}@{subject}"),
            Self::Decide { question, now: Timestamp(now) } => {
                let Question { actor, delegation, permission, resource } = question;
                write!(f, "decide {actor} {permission} {resource}")?;
                if let Some(delegation) = delegation {
                    write!(f, " by {delegation}")?;
                }
                write!(f, " at {now}")
            }
        }
    }
}
