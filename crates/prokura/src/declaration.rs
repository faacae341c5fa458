//! What files kept in git say there should be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_model::{
    AuthzenMapping, Budget, Cap, Change, DelegationId, DelegationKind, EndorsementId, ObjectRef, PrincipalState,
    Relationship, SubjectRef, TaskId, Terms, Timestamp, Value,
};

use crate::Receipt;

/// What there should be. A section that is absent is left alone; one that is present but empty says there is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// The schema text.
    pub schema: Option<String>,
    /// Relationships, and the terms each holds on.
    pub relationships: Option<Vec<(Relationship, Terms)>>,
    /// Attributes of objects: for each object named, all of them.
    pub attributes: Option<BTreeMap<ObjectRef, BTreeMap<String, Value>>>,
    /// Principals.
    pub principals: Option<Vec<DeclaredPrincipal>>,
    /// Tasks.
    pub tasks: Option<Vec<DeclaredTask>>,
    /// Delegations, parents in any order.
    pub delegations: Option<Vec<DeclaredDelegation>>,
    /// Endorsements.
    pub endorsements: Option<Vec<DeclaredEndorsement>>,
    /// What names are called over AuthZEN, whole.
    pub authzen: Option<AuthzenMapping>,
}

/// A principal there should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredPrincipal {
    /// Which node.
    pub object: ObjectRef,
    /// Who answers for it.
    pub owner: Option<ObjectRef>,
    /// Whether it may act. Absent: as it is, and active when it is new, so that applying files again never resumes an
    /// agent that somebody stopped.
    pub state: Option<PrincipalState>,
}

/// A task there should be. Once written it does not change: declaring it differently is an error.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredTask {
    /// Its name.
    pub id: TaskId,
    /// For whom the work is done.
    pub origin: ObjectRef,
    /// What the work is, in words.
    pub purpose: String,
    /// When it is over.
    pub expires: Expiry,
    /// The task it is a part of.
    pub parent: Option<TaskId>,
    /// Who answers for it besides its origin.
    pub owner: Option<ObjectRef>,
    /// What bounds how much is done under it.
    pub budgets: Vec<Budget>,
}

/// When something declared is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At this moment.
    At(Timestamp),
    /// This many milliseconds after it was first applied.
    AfterMs(u64),
}

/// A delegation there should be. Once written it does not change: declaring it differently is an error.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredDelegation {
    /// Its name.
    pub id: DelegationId,
    /// The task it serves.
    pub task: TaskId,
    /// What it does with authority.
    pub kind: DelegationKind,
    /// Who passes on.
    pub from: ObjectRef,
    /// Who receives.
    pub to: ObjectRef,
    /// The link it continues; none at the root of a chain.
    pub parent: Option<DelegationId>,
    /// What it may carry.
    pub cap: Cap,
    /// How many further links may hang below it.
    pub depth: u32,
    /// The first moment at which it carries anything.
    pub not_before: Option<Timestamp>,
    /// The moment from which it carries nothing; the task's expiry bounds it in any case.
    pub expires_at: Option<Timestamp>,
    /// How many allows it may carry.
    pub uses: Option<u64>,
}

/// An endorsement there should be. Once written it does not change: declaring it differently is an error.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredEndorsement {
    /// Its name.
    pub id: EndorsementId,
    /// Who does the work.
    pub worker: ObjectRef,
    /// Who says so.
    pub by: ObjectRef,
    /// What the worker does.
    pub cap: Cap,
    /// For the tasks of which origins.
    pub origins: BTreeSet<SubjectRef>,
    /// The moment from which it counts no more.
    pub expires_at: Option<Timestamp>,
}

/// How a declaration is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyMode {
    /// Only say what would change.
    pub dry_run: bool,
    /// Also end what the present sections no longer name: relationships and attributes, whoever wrote them; principals,
    /// tasks, delegations and endorsements that were declared.
    pub prune: bool,
}

/// What applying a declaration did, or would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// What differed, in the order it is written. Empty: everything was as declared, and there is no transaction.
    pub difference: Vec<Difference>,
    /// What a person should know besides: things declared that were ended and stay ended.
    pub notes: Vec<String>,
    /// The transaction, unless it was a dry run or nothing differed.
    pub receipt: Option<Receipt>,
}

/// One thing that differs from what is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What is done about it.
    pub effect: Effect,
    /// What kind of thing it is.
    pub section: Section,
    /// Which one, as text; empty for the schema and the AuthZEN mapping.
    pub name: String,
    /// What is different about it, for a person; empty when the name says all.
    pub detail: String,
    /// The change that makes it so.
    pub change: Change,
}

/// What is done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It is new.
    Added,
    /// It is there and becomes different.
    Changed,
    /// It goes: is deleted, cancelled or revoked.
    Removed,
}

/// A section of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// The schema text.
    Schema,
    /// A relationship.
    Relationship,
    /// The attributes of an object.
    Attributes,
    /// A principal.
    Principal,
    /// A task.
    Task,
    /// A delegation.
    Delegation,
    /// An endorsement.
    Endorsement,
    /// What names are called over AuthZEN.
    Authzen,
}

impl Effect {
    /// The word for it in the protocol and the CLI.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl Section {
    /// The word for it in the protocol and the CLI.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Relationship => "relationship",
            Self::Attributes => "attributes",
            Self::Principal => "principal",
            Self::Task => "task",
            Self::Delegation => "delegation",
            Self::Endorsement => "endorsement",
            Self::Authzen => "authzen",
        }
    }
}

/// `+ relationship document:plan#viewer@user:alice`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.effect {
            Effect::Added => '+',
            Effect::Changed => '~',
            Effect::Removed => '-',
        };
        write!(f, "{mark} {}", self.section.word())?;
        for part in [&self.name, &self.detail] {
            if !part.is_empty() {
                write!(f, " {part}")?;
            }
        }
        Ok(())
    }
}
