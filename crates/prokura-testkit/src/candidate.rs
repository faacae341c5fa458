use std::collections::BTreeMap;

use prokura_model::{
    Change, Credential, DelegationId, ObjectRef, RelationName, SubjectRef, Timestamp, TypeName, Value,
};

use crate::{Act, Answer, Right};

/// Whatever claims to answer as the oracle does. It starts empty.
pub trait Candidate {
    /// Takes in one transaction.
    fn apply(&mut self, changes: &[Change], at: Timestamp);

    /// Answers on everything taken in so far.
    fn answer(&self, ask: &Ask) -> Answer;

    /// Whether this one may do this, if the candidate knows of such things.
    fn may(&self, _by: &ObjectRef, _act: &Act, _now: Timestamp) -> Option<Right> {
        None
    }

    /// Whether an allow takes of budgets and uses at once. An evaluator is told what was taken.
    fn takes(&self) -> bool {
        false
    }
}

/// What a question brings for the parameters of caveats.
pub type Context = BTreeMap<String, Value>;

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Does the subject have the permission (or stand in the relation), on the graph alone?
    Check {
        /// On what.
        resource: ObjectRef,
        /// A permission or a relation.
        permission: RelationName,
        /// Who.
        subject: SubjectRef,
        /// What is known.
        context: Context,
        /// The moment.
        now: Timestamp,
    },
    /// On which objects of a type does the subject have the permission? Named by id.
    LookupResources {
        /// Of which type.
        kind: TypeName,
        /// A permission or a relation.
        permission: RelationName,
        /// Who.
        subject: SubjectRef,
        /// Whether a subject that is stopped, or whose owner is off-boarded, has nothing.
        alive: bool,
        /// What is known.
        context: Context,
        /// The moment.
        now: Timestamp,
    },
    /// Who of a type has the permission on the resource? Named by id.
    LookupSubjects {
        /// On what.
        resource: ObjectRef,
        /// A permission or a relation.
        permission: RelationName,
        /// Of which type.
        kind: TypeName,
        /// The usersets of this relation, instead of objects.
        relation: Option<RelationName>,
        /// Whether those that are stopped, or whose owner is off-boarded, are left out.
        alive: bool,
        /// What is known.
        context: Context,
        /// The moment.
        now: Timestamp,
    },
    /// Which relations and permissions does the subject have on the resource? Named by name.
    Permissions {
        /// On what.
        resource: ObjectRef,
        /// Who.
        subject: SubjectRef,
        /// Whether a subject that is stopped, or whose owner is off-boarded, has nothing.
        alive: bool,
        /// What is known.
        context: Context,
        /// The moment.
        now: Timestamp,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Who wants to act.
    pub actor: ObjectRef,
    /// The delegation it names, if any.
    pub delegation: Option<DelegationId>,
    /// What it wants to do.
    pub permission: RelationName,
    /// To what.
    pub resource: ObjectRef,
    /// What it would be done with.
    pub arguments: Context,
    /// What is known.
    pub context: Context,
    /// How whoever asks was known, if it is.
    pub credential: Option<Credential>,
    /// What the tool says it does.
    pub tool_schema: Option<String>,
}

impl Question {
    /// What it brings for the parameters of caveats: the arguments win.
    #[must_use]
    pub fn values(&self) -> Context {
        let mut values = self.context.clone();
        values.extend(self.arguments.clone());
        values
    }
}

impl Ask {
    /// The moment it is asked about.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Check { now, .. }
            | Self::LookupResources { now, .. }
            | Self::LookupSubjects { now, .. }
            | Self::Permissions { now, .. }
            | Self::Decide { now, .. } => *now,
        }
    }

    /// What is known when it is asked.
    #[must_use]
    pub fn context(&self) -> &Context {
        match self {
            Self::Check { context, .. }
            | Self::LookupResources { context, .. }
            | Self::LookupSubjects { context, .. }
            | Self::Permissions { context, .. } => context,
            Self::Decide { question, .. } => &question.context,
        }
    }

    /// The same question about another moment, or with something else known.
    #[must_use]
    pub fn with(mut self, context: Context, now: Timestamp) -> Self {
        match &mut self {
            Self::Check { context: known, now: then, .. }
            | Self::LookupResources { context: known, now: then, .. }
            | Self::LookupSubjects { context: known, now: then, .. }
            | Self::Permissions { context: known, now: then, .. }
            | Self::Decide { question: Question { context: known, .. }, now: then } => {
                (*known, *then) = (context, now);
            }
        }
        self
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed = |alive: &bool| if *alive { "living " } else { "" };
        match self {
            Self::Check { resource, permission, subject, .. } => write!(f, "check {resource}#{permission}@{subject}"),
            Self::LookupResources { kind, permission, subject, alive, .. } => {
                write!(f, "resources {kind}#{permission} of {}{subject}", listed(alive))
            }
            Self::LookupSubjects { resource, permission, kind, relation, alive, .. } => {
                write!(f, "subjects of {resource}#{permission}, every {}{kind}", listed(alive))?;
                relation.iter().try_for_each(|relation| write!(f, "#{relation}"))
            }
            Self::Permissions { resource, subject, alive, .. } => {
                write!(f, "permissions on {resource} of {}{subject}", listed(alive))
            }
            Self::Decide { question, .. } => {
                let Question { actor, delegation, permission, resource, arguments, credential, tool_schema, .. } =
                    question;
                write!(f, "decide {actor} {permission} {resource}")?;
                delegation.iter().try_for_each(|delegation| write!(f, " by {delegation}"))?;
                if let Some(Credential { method, .. }) = credential {
                    write!(f, " known by {method}")?;
                }
                if let Some(tool) = tool_schema {
                    write!(f, " with tool {tool}")?;
                }
                if arguments.is_empty() { Ok(()) } else { write!(f, " with arguments {arguments:?}") }
            }
        }?;
        let Timestamp(now) = self.now();
        write!(f, " at {now}")?;
        if self.context().is_empty() { Ok(()) } else { write!(f, " with {:?}", self.context()) }
    }
}
